"""Points in the plane: how they are read, grids of them, and which lie within a circle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array

__all__ = ["node_grid", "read_points", "read_sides", "within"]

# Of a radius: what lies nearer to a circle lies on it, whatever the rounding.
_RIM = 1e-9


def read_points(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Read points as an array of shape (n, 2)."""
    points = real_array(name, value, ndim=2)
    if points.shape[1] != 2:
        raise ValueError(f"{name} must have shape (n, 2), got {points.shape}")
    return points


def read_sides(name: str, value: Any) -> NDArray[np.float64]:
    """Read two lengths along x1 and x2, such as the sides of a box."""
    sides = real_array(name, value, ndim=1)
    if sides.size != 2 or not np.all(sides > 0):
        raise ValueError(f"{name} must be two positive numbers, got {value!r}")
    return sides


def node_grid(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Every pair of two rows of numbers, the second fastest, shape (n, 2)."""
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)


def within(distance: NDArray[np.float64], radius: float, *, rim: bool = True) -> NDArray[np.bool_]:
    """Which distances are within a radius; those at it, to a part in 1e9, if `rim`."""
    return distance <= radius * (1 + _RIM) if rim else distance < radius * (1 - _RIM)
