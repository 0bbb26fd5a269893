"""Uniform grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["uniform_spacing"]

# Largest difference between distances of neighbouring nodes, relative: rounding of np.linspace.
_UNIFORM = 1e-8


def uniform_spacing(grid: ArrayLike) -> float:
    """Distance of the nodes of a uniform grid.

    Parameters
    ----------
    grid : array_like, shape (n,)
        Ascending nodes, n at least 3.

    Raises
    ------
    ValueError
        If it is not a uniform grid, with the distances found.
    """
    nodes = np.asarray(grid, dtype=np.float64)
    if nodes.ndim != 1 or nodes.size < 3 or not np.all(np.isfinite(nodes)):
        raise ValueError(f"grid must be three or more finite nodes, got shape {nodes.shape}")
    distances = np.diff(nodes)
    spacing = float(nodes[-1] - nodes[0]) / (nodes.size - 1)
    if not spacing > 0 or np.ptp(distances) > _UNIFORM * spacing:
        raise ValueError(
            f"grid must be uniform and ascending, got distances from {distances.min():g} to "
            f"{distances.max():g}"
        )
    return spacing
