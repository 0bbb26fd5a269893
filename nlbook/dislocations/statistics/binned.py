"""Counts in bins of equal ratio, and windows between their edges; bad ones are refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array

__all__ = [
    "HALF_DECADE",
    "ROUNDING",
    "NoFit",
    "bins_between",
    "nearest_edge",
    "possible_starts",
    "read_counts",
]

#: Least ratio of a window's ends.
HALF_DECADE = 10.0**0.5

#: Allowance for rounding in the logarithm of an edge.
ROUNDING = 1e-9


class NoFit(ValueError):
    """The window holds too few speeds, or all in one bin."""


def read_counts(
    counts: ArrayLike, edges: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Counts within the edges, shape (n_batches, n_bins), logarithms of edges, sum of all."""
    ends = real_array("edges", edges, ndim=1)
    if ends.size < 3 or ends[0] <= 0:
        raise ValueError("edges must be three or more positive numbers")
    log_edges = np.log(ends)
    steps = np.diff(log_edges)
    if not (steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0.0)):
        raise ValueError("edges must ascend by equal ratios, as speed_bins() does")
    array = np.atleast_2d(real_array("counts", counts))
    if array.ndim != 2 or array.shape[1] not in (steps.size, steps.size + 2):
        raise ValueError(
            f"counts must have {steps.size} bins, or {steps.size + 2} with the outer ones, "
            f"got shape {np.shape(counts)}"
        )
    if not (np.all(array >= 0) and np.all(array == array.round())):
        raise ValueError("counts must be whole numbers that are not negative")
    whole = array.astype(np.int64)
    inner = whole[:, 1:-1] if whole.shape[1] > steps.size else whole
    return inner, log_edges, float(whole.sum())


def nearest_edge(log_edges: NDArray[np.float64], name: str, value: float) -> int:
    """Index of the edge nearest to a value, which must lie within the edges."""
    step = log_edges[1] - log_edges[0]
    value = check_number(name, value, above=0.0)
    place = (np.log(value) - log_edges[0]) / step
    if not -0.5 <= place <= log_edges.size - 0.5:
        ends = np.exp(log_edges[[0, -1]])
        raise ValueError(f"{name} must lie within {ends[0]:.6g} .. {ends[1]:.6g}, got {value!r}")
    return min(max(round(place), 0), log_edges.size - 1)


def bins_between(log_edges: NDArray[np.float64], v_min: float, v_max: float) -> slice:
    """Bins between the edges nearest to v_min and v_max."""
    first = nearest_edge(log_edges, "v_min", v_min)
    last = nearest_edge(log_edges, "v_max", v_max)
    if last - first < 2:
        raise ValueError(f"v_max must be two bins above v_min={v_min!r}, got {v_max!r}")
    return slice(first, last)


def possible_starts(
    log_edges: NDArray[np.float64],
    v_max: float,
    lowest: float | None,
    least_samples: int,
    least_ratio: float,
) -> tuple[range, int]:
    """Bins at which a window may start, and the one before which it ends."""
    check_integer("least_samples", least_samples, 2)
    check_number("least_ratio", least_ratio, above=1.0)
    last = nearest_edge(log_edges, "v_max", v_max)
    first = 0 if lowest is None else nearest_edge(log_edges, "lowest", lowest)
    span = (np.log(least_ratio) - ROUNDING) / (log_edges[1] - log_edges[0])
    starts = range(first, last - max(2, int(np.ceil(span))) + 1)
    if not starts:
        raise ValueError(f"least_ratio={least_ratio:.6g} leaves no window below v_max={v_max!r}")
    return starts, last
