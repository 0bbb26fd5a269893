"""Example arguments of what takes arrays in crystals, for `tests.mask_examples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import crystals

TIMES, PLANE = np.array([0.0, 1.0]), np.stack([np.eye(2), np.diag([1.001, 0.999])])
EYE = np.eye(3)[np.newaxis]
CELL = crystals.UnitCell((2, 2), crystals.VoronoiGrains(1))

FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    "crystals.SlipSystems.schmid_factors": lambda: crystals.fcc().schmid_factors,
    "crystals.Texture.rotated": lambda: crystals.random_texture(1, 1).rotated,
    "crystals.UnitCell.fields": lambda: CELL.fields,
}
EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "crystals.SlipSystems": lambda: {
        "directions": np.array([[1.0, 0.0, 0.0]]),
        "normals": np.array([[0.0, 1.0, 0.0]]),
        "family": np.array([0]),
        "names": ("plane",),
        "twins": (False,),
    },
    "crystals.SlipSystems.schmid_factors": lambda: {"axis": np.array([0.0, 0.0, 1.0])},
    "crystals.StrainPath": lambda: {"times": TIMES, "stretch": PLANE},
    "crystals.Texture": lambda: {"rotations": EYE},
    "crystals.Texture.rotated": lambda: {"rotation": np.eye(3)},
    "crystals.DataSet": lambda: {
        "times": TIMES,
        "stretch": PLANE[np.newaxis],
        "stress": np.zeros((1, 2, 2, 2)),
        "n_rejected": np.array([0]),
        "substeps": np.array([1]),
    },
    "crystals.choose_few": lambda: {"gram": np.diag([1.0, 2.0]), "n_chosen": 1},
    "crystals.pole_figure": lambda: {
        "texture": crystals.Texture(EYE),
        "axes": np.array([[0.0, 0.0, 1.0]]),
    },
    "crystals.rotated_path": lambda: {
        "path": crystals.StrainPath(TIMES, PLANE),
        "rotation": np.eye(2),
    },
    "crystals.GrainMap": lambda: {"labels": np.zeros((2, 2)), "angles": np.array([0.3])},
    "crystals.UnitCell.fields": lambda: {
        "strain_path": crystals.StrainPath(TIMES, PLANE),
        "places": np.array([0, 1]),
    },
}
