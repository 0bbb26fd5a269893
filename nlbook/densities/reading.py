"""Samples, counts and grids as they come in: checked, and cut to their central part."""

from __future__ import annotations

from math import floor, isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_settings",
    "cut_counts",
    "left_out",
    "read_counts",
    "read_grid",
    "read_samples",
    "read_uniform_grid",
    "trim_counts",
    "trim_samples",
]


def trim_samples(samples: NDArray[np.float64], mass: float) -> NDArray[np.float64]:
    """Samples without floor((1 - mass) n/2) at each end."""
    out = left_out(samples.size, mass)
    if out == 0:
        return samples
    return np.partition(samples, (out, samples.size - 1 - out))[out : samples.size - out]


def left_out(n: float, mass: float) -> int:
    """How many of n samples are left out at each end."""
    return floor(0.5 * (1.0 - mass) * n + 1e-9)


def trim_counts(counts: NDArray[np.float64], mass: float) -> NDArray[np.float64]:
    """A row of counts without floor((1 - mass) n/2) at each end."""
    out = left_out(float(counts.sum()), mass)
    return cut_counts(counts, out, out)


def cut_counts(counts: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """A row of counts without the `low` lowest and the `high` highest."""
    below = np.cumsum(counts)
    inside = np.clip(below, low, below[-1] - high)
    return np.diff(inside, prepend=low)


def check_settings(
    sensitivity: float, bandwidth: float | None, bandwidth_factor: float, mass: float
) -> None:
    """Refuse numbers that are out of range."""
    if not 0 <= sensitivity <= 1:
        raise ValueError(f"sensitivity must lie in 0..1, got {sensitivity!r}")
    if bandwidth is not None and not (isfinite(bandwidth) and bandwidth > 0):
        raise ValueError(f"bandwidth must be positive, got {bandwidth!r}")
    if not (isfinite(bandwidth_factor) and bandwidth_factor > 0):
        raise ValueError(f"bandwidth_factor must be positive, got {bandwidth_factor!r}")
    if not 0 < mass <= 1:
        raise ValueError(f"mass must lie in 0..1, above 0, got {mass!r}")


def read_grid(grid: ArrayLike) -> NDArray[np.float64]:
    """Ascending nodes."""
    nodes = np.ascontiguousarray(grid, dtype=np.float64)
    if nodes.ndim != 1 or nodes.size < 1 or not np.all(np.isfinite(nodes)):
        raise ValueError(f"grid must be a row of finite numbers, got shape {nodes.shape}")
    if not np.all(np.diff(nodes) > 0):
        raise ValueError("grid must ascend")
    return nodes


def read_counts(
    counts: ArrayLike, edges: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts with their outer bins, and the edges between."""
    ends = np.ascontiguousarray(edges, dtype=np.float64)
    if ends.ndim != 1 or ends.size < 2 or not np.all(np.isfinite(ends)):
        raise ValueError(f"edges must be two or more finite numbers, got shape {ends.shape}")
    if not np.all(np.diff(ends) > 0):
        raise ValueError("edges must ascend")
    array = np.asarray(counts, dtype=np.float64)
    if array.ndim < 1 or array.shape[-1] not in (ends.size - 1, ends.size + 1):
        raise ValueError(
            f"counts must have {ends.size - 1} bins, or {ends.size + 1} with the outer ones, "
            f"got shape {array.shape}"
        )
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise ValueError("counts must be finite numbers that are not negative")
    if array.shape[-1] == ends.size - 1:
        array = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(1, 1)])
    if not np.all(array.any(axis=-1)):
        raise ValueError("counts must hold a sample in every row")
    return array, ends


def read_samples(
    samples: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """A row of finite samples, and their weights if there are any."""
    values = np.ascontiguousarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"samples must be a row of one or more numbers, got shape {values.shape}")
    if not np.all(np.isfinite(values)):
        raise ValueError("samples must be finite")
    if weights is None:
        return values, None
    heavy = np.ascontiguousarray(weights, dtype=np.float64)
    if heavy.shape != values.shape or not np.all(np.isfinite(heavy)) or not np.all(heavy > 0):
        raise ValueError(
            f"weights must be {values.size} positive numbers, one for each of samples, got shape "
            f"{heavy.shape}"
        )
    return values, heavy


def read_uniform_grid(grid: ArrayLike) -> NDArray[np.float64]:
    """Ascending nodes, equally far apart."""
    nodes = read_grid(grid)
    if nodes.size < 3:
        raise ValueError(f"grid must have three nodes or more, got {nodes.size}")
    steps = np.diff(nodes)
    spacing = (nodes[-1] - nodes[0]) / (nodes.size - 1)
    if not np.allclose(steps, spacing, rtol=1e-6, atol=0.0):
        place = int(np.argmax(np.abs(steps - spacing)))
        raise ValueError(f"grid must be uniform, got steps of {steps[place]:.6g} and {spacing:.6g}")
    return nodes
