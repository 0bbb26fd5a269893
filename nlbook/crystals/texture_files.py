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
        If the file holds no orientations, a line of another length, or what is no number.
    """
    file = Path(path)
    text = file.read_text(encoding="utf-8")
    if file.suffix in (".yaml", ".yml"):
        return _from_material(file, text)
    names: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip("%# ").replace(",", " ").split()
        lower = [word.lower() for word in words]
        if lower[:3] == _ANGLES or lower[:4] == _QUATERNIONS:
            names = lower
        elif words[:1] == ["B"] and len(words) == 2:  # what stands before is VPSC's head
            rows.clear()
        elif words and line.lstrip()[0] not in "%#":
            try:
                rows.append([float(word) for word in words])
            except ValueError:
                if rows or names:
                    raise ValueError(f"{file}, line {number}: no numbers in {line!r}") from None
    n = 4 if names[:4] == _QUATERNIONS else 3
    if not rows or {len(row) for row in rows} - {n, n + 1} or len({len(row) for row in rows}) > 1:
        raise ValueError(f"{file} must hold lines of {n} numbers, or {n + 1} with weights")
    array = np.array(rows)
    weights = array[:, n] / array[:, n].sum() if array.shape[1] > n else None
    make = Texture.from_quaternions if n == 4 else Texture.from_euler
    return make(array[:, :n], weights)


def _from_material(file: Path, text: str) -> Texture:
    try:
        parts = [
            (part["O"], float(part.get("v", 1.0)))
            for material in yaml.safe_load(text)["material"]
            for part in material["constituents"]
        ]
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise ValueError(f"{file} must list material, constituents and O: {error!r}") from None
    weights = np.array([weight for _, weight in parts])
    return Texture.from_quaternions([o for o, _ in parts], weights / weights.sum())
