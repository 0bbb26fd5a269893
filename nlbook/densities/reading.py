"""Samples, counts and grids as they come in: checked, and cut to their central part."""

from __future__ import annotations

from math import floor, frexp

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array

__all__ = [
    "check_settings",
    "cut_counts",
    "left_out",
    "read_counts",
    "read_grid",
    "read_samples",
    "trim_counts",
    "trim_samples",
    "unit_of",
]

# Lengths within this factor of one are computed with as they are; beyond it their squares and
# cubes could leave the range of a double, and so do lengths beyond the second factor themselves.
_PLAIN = 1e90
_LARGEST = 1e301


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
    check_number("sensitivity", sensitivity, least=0, most=1)
    if bandwidth is not None:
        check_number("bandwidth", bandwidth, above=0)
    check_number("bandwidth_factor", bandwidth_factor, above=0)
    check_number("mass", mass, above=0, most=1)


def unit_of(name: str, largest: float) -> float:
    """A power of two to measure lengths in, so that their squares neither vanish nor overflow.

    Parameters
    ----------
    name : str
        Whose lengths they are.
    largest : float
        The largest magnitude among them.

    Returns
    -------
    float
        1.0 for the lengths that most units give: their arithmetic is untouched.

    Raises
    ------
    ValueError
        If densities per that length leave the range of a double.
    """
    if largest == 0 or 1 / _PLAIN < largest < _PLAIN:
        return 1.0
    if not 1 / _LARGEST < largest < _LARGEST:
        raise ValueError(
            f"{name} must be lengths of 1e-301 to 1e301, got {largest:.3g}: take another unit"
        )
    return 2.0 ** frexp(largest)[1]


def read_grid(grid: ArrayLike) -> NDArray[np.float64]:
    """Ascending nodes."""
    nodes = real_array("grid", grid, ndim=1)
    if nodes.size < 1:
        raise ValueError("grid must have a node, got none")
    if not np.all(np.diff(nodes) > 0):
        raise ValueError("grid must ascend")
    return nodes


def read_counts(
    counts: ArrayLike, edges: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts with their outer bins, and the edges between."""
    ends = real_array("edges", edges, ndim=1)
    if ends.size < 2:
        raise ValueError(f"edges must be two or more, got {ends.size}")
    if not np.all(np.diff(ends) > 0):
        raise ValueError("edges must ascend")
    array = real_array("counts", counts)
    if array.ndim < 1 or array.shape[-1] not in (ends.size - 1, ends.size + 1):
        raise ValueError(
            f"counts must have {ends.size - 1} bins, or {ends.size + 1} with the outer ones, "
            f"got shape {array.shape}"
        )
    if np.any(array < 0):
        raise ValueError(f"counts must not be negative, got {array.min():g}")
    if array.shape[-1] == ends.size - 1:
        array = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(1, 1)])
    if not np.all(array.any(axis=-1)):
        raise ValueError("counts must hold a sample in every row")
    return array, ends


def read_samples(
    samples: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """A row of finite samples, and their weights if there are any."""
    values = real_array("samples", samples, ndim=1)
    if values.size == 0:
        raise ValueError("samples must be one or more numbers, got none")
    if weights is None:
        return values, None
    heavy = real_array("weights", weights)
    if heavy.shape != values.shape or not np.all(heavy > 0):
        raise ValueError(
            f"weights must be {values.size} positive numbers, one for each of samples, got shape "
            f"{heavy.shape}"
        )
    return values, heavy
