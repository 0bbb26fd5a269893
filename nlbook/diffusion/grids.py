"""Uniform grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["uniform_spacing"]

# Largest difference between distances of neighbouring nodes, relative: rounding of np.linspace.
_UNIFORM = 1e-8


def uniform_spacing(grid: NDArray[np.float64]) -> float:
    """Distance of the nodes of a uniform grid.

    Parameters
    ----------
    grid : ndarray, shape (n,)
        Ascending nodes, n at least 3.

    Raises
    ------
    ValueError
        If it is not a uniform grid, with the distances found.
    """
    if grid.ndim != 1 or grid.size < 3 or not np.all(np.isfinite(grid)):
        raise ValueError(f"grid must be three or more finite nodes, got shape {grid.shape}")
    distances = np.diff(grid)
    spacing = float(grid[-1] - grid[0]) / (grid.size - 1)
    if not spacing > 0 or np.ptp(distances) > _UNIFORM * spacing:
        raise ValueError(
            f"grid must be uniform and ascending, got distances from {distances.min():g} to "
            f"{distances.max():g}"
        )
    return spacing
