"""Example arguments of what takes arrays in impact, for `tests.mask_examples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import impact

LINE = np.array([0.0, 1.0])
BRICK = impact.box_mesh(LINE, LINE, LINE)
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
STEEL = impact.Elastic(7800.0, 80e9, 160e9)

EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "impact.HexMesh": lambda: {"nodes": BRICK.nodes, "elements": BRICK.elements},
    "impact.RingMesh": lambda: {"nodes": SQUARE, "elements": np.arange(4)[np.newaxis]},
    "impact.Simulation": lambda: {
        "mesh": BRICK,
        "material": STEEL,
        "velocity": np.zeros(3),
        "supports": np.zeros((8, 3), dtype=bool),
        "record": [0],
    },
    "impact.StressHistory": lambda: {
        "times": LINE,
        "deformation": np.stack([np.eye(3), np.eye(3)]),
        "stress": np.zeros((2, 3, 3)),
    },
    "impact.box_mesh": lambda: {"x": LINE, "y": LINE, "z": LINE},
    "impact.cross_section": lambda: {"mesh": BRICK, "x": BRICK.nodes},
    "impact.stress_along": lambda: {
        "material": STEEL,
        "times": LINE,
        "deformation": np.stack([np.eye(3), np.eye(3)]),
    },
}
