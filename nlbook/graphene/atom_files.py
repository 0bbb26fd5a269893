"""A user's own atoms: files of LAMMPS, before and after, that become samples.

Read are data files (atom styles atomic, charge, molecular, full and what has the columns in the
comment behind ``Atoms``) and text dumps with the columns ``id`` and x, y (plain, unwrapped or
scaled). Boxes are rectangular; lengths are in angstrom, as in LAMMPS' units "metal" and "real".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from nlbook.checks import is_integer, real_array
from nlbook.graphene.atom_samples import AtomSamples

__all__ = ["AtomFile", "read_atom_samples", "read_atoms"]

# Column of the first coordinate in an atom style of a data file; then y and z follow.
_STYLES = {"atomic": 2, "charge": 3, "molecular": 3, "bond": 3, "angle": 3, "full": 4}
# Columns of a dump: name of x and y, and whether they are fractions of the box.
_DUMPED = ((("xu", "yu"), False), (("x", "y"), False), (("xsu", "ysu"), True), (("xs", "ys"), True))

# Of the length of a bond, by which it may grow: then it has broken.
_BROKEN = 0.25
# Atoms are neighbours within this of the usual distance of the nearest; the next are at 1.7.
_NEIGHBOURS = 1.3

_Path = str | os.PathLike[str]


@dataclass(frozen=True)
class AtomFile:
    """Atoms of one frame of a file, by ascending ids."""

    #: (n_atoms,)
    ids: NDArray[np.int64]
    #: from the lower corner of the box, angstrom (n_atoms, 2)
    positions: NDArray[np.float64]
    #: sides of the box along x1 and x2, angstrom
    box: tuple[float, float]
    #: whether the box is periodic along both; a file that doesn't say is taken to be
    periodic: bool
    #: dalton (n_atoms,); None where the file doesn't say
    masses: NDArray[np.float64] | None
    #: columns of a dump that are named fx and fy, eV/angstrom (n_atoms, 2), or None
    forces: NDArray[np.float64] | None
    #: lower corner of the box, angstrom
    corner: tuple[float, float] = (0.0, 0.0)
    #: whether the file says what is periodic: a data file, or an old dump, doesn't
    says_periodic: bool = False


def read_atoms(path: _Path, frame: int = -1) -> AtomFile:
    """Read a data file or one frame of a text dump of LAMMPS.

    Parameters
    ----------
    path : path
        Which of the two it is, its content tells.
    frame : int
        Of a dump, counted as in a list: the last by default.

    Returns
    -------
    AtomFile

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If it is neither, cut short, of a box that is tilted or periodic along one side alone, or
        has two atoms of one id, a number that is none, or no such frame; with the path.
    """
    file = Path(path)
    if not is_integer(frame):
        raise ValueError(f"frame must be an integer, got {frame!r}")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text: dump atoms as text, not gzipped or binary") from None
    try:
        if any(line.startswith("ITEM: TIMESTEP") for line in lines[:3]):
            return _read_dump(lines, frame)
        if any(line.split()[1:] == ["atoms"] for line in lines[:50]):
            return _read_data(lines)
    except _Damaged as error:
        raise ValueError(f"{file}: {error}") from None
    raise ValueError(f"{file} is neither a data file nor a text dump of LAMMPS")


def read_atom_samples(
    before: _Path,
    after: _Path | Sequence[_Path],
    forces: ArrayLike,
    *,
    periodic: bool | None = None,
) -> AtomSamples:
    """Make samples of atoms from files: the unloaded sheet, and one file for each load.

    Parameters
    ----------
    before : path
        Of the unloaded sheet.
    after : path or sequence of paths
        Of the sheet under load; atoms are matched by id, in whatever order they stand.
    forces : array_like, shape (n_samples, n_atoms, 2) or (n_atoms, 2)
        Loads, eV/angstrom, by ascending ids.
    periodic : bool, optional
        Whether the sheet is periodic; by default as the files say, and if none does it is.
        Positions of a body with a free edge count from their mean, whatever box is around it.

    Returns
    -------
    AtomSamples
        Whose `on_grid` and `on_lattice` make samples on nodes.

    Raises
    ------
    OSError, ValueError
        As `read_atoms` and `AtomSamples`, or if atoms were lost or added, the box of a periodic
        sheet changed, the files don't agree on what is periodic, or a bond broke: two neighbours
        are a quarter farther from each other than without load.
    """
    loads = real_array("forces", forces)
    loads = loads[np.newaxis] if loads.ndim == 2 else loads
    first = read_atoms(before)
    paths = [after] if isinstance(after, str | os.PathLike) else list(after)
    if not paths:
        raise ValueError("after must name a file or more")
    others = [read_atoms(path) for path in paths]
    if periodic is None:
        told = {file.periodic for file in (first, *others) if file.says_periodic}
        if len(told) > 1:
            raise ValueError(
                f"{before} and the files after must agree on what is periodic: some say both "
                f"sides, some none; periodic=True or False decides"
            )
        periodic = told != {False}
    for other, path in zip(others, paths, strict=True):
        _check_the_same(first, other, before, path, periodic)
    # the box around a free body may be wrapped about the atoms, so its corner moves with them
    still, *moved = (
        file.positions if periodic else file.positions + file.corner for file in (first, *others)
    )
    middle = 0.0 if periodic else still.mean(axis=0)
    samples = AtomSamples.from_positions(
        still - middle,
        np.stack(moved) - middle,
        loads,
        first.box if periodic else None,
        first.masses,
    )
    _check_bonds(samples, first.ids, paths)
    return samples


def _check_the_same(
    first: AtomFile, other: AtomFile, before: _Path, path: _Path, periodic: bool
) -> None:
    """Refuse a file of other atoms, or of another periodic box."""
    if not np.array_equal(first.ids, other.ids):
        lost = np.setdiff1d(first.ids, other.ids)
        added = np.setdiff1d(other.ids, first.ids)
        example = f"such as {lost[0]}" if lost.size else f"such as {added[0]}"
        raise ValueError(
            f"{path} must hold the atoms of {before}: {lost.size} are lost and {added.size} "
            f"are new, {example}"
        )
    if periodic and not np.allclose(first.box, other.box, rtol=1e-5, atol=0.0):
        raise ValueError(
            f"{path} must have the box of {before}, {first.box[0]:.6g} by {first.box[1]:.6g} "
            f"angstrom, got {other.box[0]:.6g} by {other.box[1]:.6g}: strain the atoms first"
        )


def _check_bonds(samples: AtomSamples, ids: NDArray[np.int64], paths: Sequence[_Path]) -> None:
    """Refuse samples in which neighbours have parted."""
    places, box = samples.positions, samples.box
    if len(places) < 2:
        return
    inside = places if box is None else np.mod(places, box) % box
    tree = cKDTree(inside, boxsize=box)
    reach = _NEIGHBOURS * float(np.median(tree.query(inside, k=2)[0][:, 1]))
    pairs = tree.query_pairs(reach, output_type="ndarray")
    vectors = places[pairs[:, 1]] - places[pairs[:, 0]]
    if box is not None:
        vectors -= np.rint(vectors / box) * box
    lengths = np.linalg.norm(vectors, axis=1)
    for moved, path in zip(samples.displacement, paths, strict=True):
        parted = vectors + moved[pairs[:, 1]] - moved[pairs[:, 0]]
        growth = np.linalg.norm(parted, axis=1) - (1 + _BROKEN) * lengths
        if np.any(growth > 0):
            worst = int(np.argmax(growth))
            first, second = ids[pairs[worst]]
            raise ValueError(
                f"{path} must have the bonds that were there without load: atoms {first} and "
                f"{second} are {np.linalg.norm(parted[worst]):.4g} angstrom apart, after "
                f"{lengths[worst]:.4g}"
            )


class _Damaged(Exception):
    """What is wrong with a file, without its name."""


def _read_data(lines: list[str]) -> AtomFile:
    bounds, n_atoms, masses = {}, 0, {}
    bare = [line.partition("#")[0].split() for line in lines]
    for words in bare:
        if words[1:] == ["atoms"]:
            n_atoms = int(_number(words[0]))
        elif len(words) == 4 and words[3] in ("xhi", "yhi"):
            bounds[words[3]] = [_number(word) for word in words[:2]]
        elif words[3:] == ["xy", "xz", "yz"] and any(_number(word) != 0 for word in words[:3]):
            raise _Damaged("the box must be rectangular, got a tilted one")
    if set(bounds) != {"xhi", "yhi"}:
        raise _Damaged("the header must give xlo xhi and ylo yhi")
    start = next((i for i, words in enumerate(bare) if words[:1] == ["Atoms"]), None)
    if start is None:
        raise _Damaged("there is no section Atoms")
    rows = _section(bare, start, n_atoms, "Atoms")
    comment = lines[start].partition("#")[2].split()
    width = {len(row) for row in rows}
    if len(width) > 1:
        raise _Damaged(f"the rows of Atoms must be of one length, got {sorted(width)} words")
    style = comment[0] if comment else "atomic"
    if style not in _STYLES:
        raise _Damaged(f"the atom style must be one of {', '.join(_STYLES)}, got {style!r}")
    at = _STYLES[style]
    if width.pop() not in (at + 3, at + 6):
        raise _Damaged(
            f"rows of atom style {style} must have {at + 3} words, or {at + 6} with image flags, "
            f"got {len(rows[0])}" + ("" if comment else "; name the style behind Atoms, as in "
            "'Atoms # full'")
        )  # fmt: skip
    table = np.array([[_number(word) for word in row] for row in rows])
    kinds = next((i for i, words in enumerate(bare) if words == ["Masses"]), None)
    if kinds is not None:
        n_types = next((int(w[0]) for w in bare if w[1:] == ["atom", "types"]), 1)
        masses = {
            int(_number(r[0])): _number(r[1]) for r in _section(bare, kinds, n_types, "Masses")
        }
    low = np.array([bounds["xhi"][0], bounds["yhi"][0]])
    sides = np.array([bounds["xhi"][1], bounds["yhi"][1]]) - low
    places = table[:, at : at + 2] - low
    if table.shape[1] == at + 6:
        places += table[:, at + 3 : at + 5] * sides
    kind = table[:, at - (2 if style in ("charge", "full") else 1)].astype(int)
    mass = np.array([masses.get(k, np.nan) for k in kind]) if masses else None
    if mass is not None and np.any(np.isnan(mass)):
        raise _Damaged("Masses must have one of every type")
    return _sorted(table[:, 0], places, low, sides, None, mass, None)


def _section(bare: list[list[str]], start: int, n: int, name: str) -> list[list[str]]:
    """The n rows of a section, after the empty line that follows its name."""
    rows = bare[start + 2 : start + 2 + n]
    if len(rows) < n or not all(row and row[0].lstrip("-").isdigit() for row in rows):
        found = next((i for i, r in enumerate(rows) if not (r and r[0].isdigit())), len(rows))
        raise _Damaged(f"{name} must have {n} rows, got {found}: the file is cut short or damaged")
    return rows


def _read_dump(lines: list[str], frame: int) -> AtomFile:
    starts = [i for i, line in enumerate(lines) if line.startswith("ITEM: TIMESTEP")]
    try:
        start = starts[frame]
    except IndexError:
        raise _Damaged(f"there are {len(starts)} frames, got frame={frame}") from None
    after = [i for i in starts if i > start]
    part = lines[start : after[0] if after else len(lines)]
    items = {line.split()[1]: i for i, line in enumerate(part) if line.startswith("ITEM:")}
    if not {"NUMBER", "BOX", "ATOMS"} <= set(items):
        raise _Damaged(f"frame {frame} is cut short: it must have NUMBER, BOX and ATOMS")
    n_atoms = int(_number(part[items["NUMBER"] + 1]))
    header = part[items["BOX"]].split()[3:]
    if {"xy", "abc"} & set(header):
        raise _Damaged("the box must be rectangular, got a tilted one")
    bounds = [[_number(w) for w in part[items["BOX"] + i].split()[:2]] for i in (1, 2)]
    if any(len(pair) < 2 for pair in bounds):
        raise _Damaged("BOX BOUNDS must give two numbers a side")
    low = np.array([pair[0] for pair in bounds])
    sides = np.array([pair[1] for pair in bounds]) - low
    names = part[items["ATOMS"]].split()[2:]
    rows = [row.split() for row in part[items["ATOMS"] + 1 :] if row.strip()]
    if len(rows) != n_atoms or any(len(row) != len(names) for row in rows):
        raise _Damaged(f"frame {frame} must have {n_atoms} atoms of {len(names)} columns: it has "
                       f"{len(rows)}, or is damaged")  # fmt: skip
    if "id" not in names:
        raise _Damaged(f"the columns must have id, got {' '.join(names)}")
    columns = [(xy, scaled) for xy, scaled in _DUMPED if set(xy) <= set(names)]
    if not columns:
        raise _Damaged(f"the columns must have x and y, got {' '.join(names)}")
    xy, scaled = columns[0]

    def column(name: str) -> NDArray[np.float64]:
        at = names.index(name)
        return np.array([_number(row[at]) for row in rows])

    places = np.column_stack([column(name) for name in xy])
    places = places * sides if scaled else places - low
    if not xy[0].endswith("u") and {"ix", "iy"} <= set(names):
        places += np.column_stack([column("ix"), column("iy")]) * sides
    forces = np.column_stack([column("fx"), column("fy")]) if {"fx", "fy"} <= set(names) else None
    mass = column("mass") if "mass" in names else None
    return _sorted(column("id"), places, low, sides, _periodic(header), mass, forces)


def _periodic(header: list[str]) -> bool | None:
    """Whether both sides are periodic by the words of a dump, such as ``pp ff pp``."""
    along = [word == "pp" for word in header[:2]]
    if len(along) < 2:
        return None  # an old dump
    if along[0] != along[1]:
        raise _Damaged(
            f"the box must be periodic along x and y or along neither, got {' '.join(header)}"
        )
    return along[0]


def _sorted(
    ids: NDArray[np.float64],
    places: NDArray[np.float64],
    low: NDArray[np.float64],
    sides: NDArray[np.float64],
    periodic: bool | None,
    masses: NDArray[np.float64] | None,
    forces: NDArray[np.float64] | None,
) -> AtomFile:
    order = np.argsort(ids, kind="stable")
    names = ids[order].astype(np.int64)
    if np.any(names != ids[order]):
        raise _Damaged("ids must be integers")
    twice = names[1:][np.diff(names) == 0]
    if twice.size:
        raise _Damaged(f"two atoms have the id {twice[0]}")
    if not np.all(sides > 0):
        raise _Damaged(f"the box must have sides above zero, got {sides[0]:g} by {sides[1]:g}")
    return AtomFile(
        names,
        np.ascontiguousarray(places[order]),
        (float(sides[0]), float(sides[1])),
        periodic is not False,
        None if masses is None else masses[order],
        None if forces is None else forces[order],
        (float(low[0]), float(low[1])),
        periodic is not None,
    )


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise _Damaged(f"{word!r} must be a number") from None
    if not np.isfinite(value):
        raise _Damaged(f"numbers must be finite, got {word}")
    return value
