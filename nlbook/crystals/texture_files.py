"""Textures from text files: columns of angles or quaternions, and DAMASK's material.yaml.

MTEX exports columns phi1, Phi, phi2 in degrees, with a line of names that may begin with ``%``, or
a VPSC file, whose fourth line says ``B`` and the number of grains, and whose fourth column weighs
them. DAMASK lists a quaternion O and a fraction v for each constituent of each material.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from nlbook.crystals.textures import Texture

__all__ = ["read_texture"]

_ANGLES, _QUATERNIONS = ["phi1", "phi", "phi2"], ["q0", "q1", "q2", "q3"]


def read_texture(path: str | os.PathLike[str]) -> Texture:
    """Read a texture; see the module for the forms.

    Parameters
    ----------
    path : path
        Of a ``.yaml`` file as DAMASK's, or of text in columns: Bunge's angles in degrees, and
        perhaps weights of any sum; or with names q0 to q3, quaternions.

    Returns
    -------
    Texture

    Raises
    ------
    ValueError
        If the file holds no orientations, or a line is none: with its number and text.
    """
    file = Path(path)
    text = file.read_text(encoding="utf-8")
    if file.suffix in (".yaml", ".yml"):
        return _from_material(file, text)
    lines = list(enumerate(text.splitlines(), 1))
    words_of = [line.lstrip("%# ").replace(",", " ").split() for _, line in lines]
    names: list[str] = []
    expected = None  # number of grains that the file says it holds
    if len(lines) > 3 and words_of[3][:1] == ["B"] and len(words_of[3]) == 2:  # VPSC's head
        try:
            expected = int(words_of[3][1])
        except ValueError:
            raise _malformed(file, 4, lines[3][1], "B and a number of grains") from None
        lines, words_of = lines[4:], words_of[4:]
    rows: list[list[float]] = []
    for (number, line), words in zip(lines, words_of, strict=True):
        lower = [word.lower() for word in words]
        if lower[:3] == _ANGLES or lower[:4] == _QUATERNIONS:
            if rows or names:
                raise _malformed(file, number, line, "no names after the first line")
            names = lower
            continue
        if not words or line.lstrip()[0] in "%#":
            continue
        n = 4 if names[:4] == _QUATERNIONS else 3
        wanted = {len(rows[0])} if rows else {n, n + 1}
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) not in wanted or not np.all(np.isfinite(row)):
            counts = " or ".join(str(count) for count in sorted(wanted))
            raise _malformed(file, number, line, f"{counts} numbers")
        rows.append(row)
    if not rows:
        raise ValueError(f"{file} must hold orientations, and holds none")
    if expected is not None and len(rows) != expected:
        raise ValueError(f"{file} must hold the {expected} grains of its line 4, holds {len(rows)}")
    n = 4 if names[:4] == _QUATERNIONS else 3
    array = np.array(rows)
    weights = _shares(file, array[:, n]) if array.shape[1] > n else None
    make = Texture.from_quaternions if n == 4 else Texture.from_euler
    return make(array[:, :n], weights)


def _malformed(file: Path, number: int, line: str, wanted: str) -> ValueError:
    return ValueError(f"{file}, line {number} must hold {wanted}, got {line!r}")


def _shares(file: Path, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of sum one."""
    if not np.all(weights >= 0) or not weights.sum() > 0:
        raise ValueError(f"{file} must hold weights that are not negative, and not all zero")
    return np.asarray(weights / weights.sum())


def _from_material(file: Path, text: str) -> Texture:
    try:
        parts = [
            (part["O"], float(part.get("v", 1.0)))
            for material in yaml.safe_load(text)["material"]
            for part in material["constituents"]
        ]
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{file} must list material, constituents and O: {error!r}") from None
    weights = _shares(file, np.array([weight for _, weight in parts]))
    return Texture.from_quaternions([o for o, _ in parts], weights)
