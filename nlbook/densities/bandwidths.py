"""The bandwidth of the first estimate: as given, or by the rule factor s n**(-1/5)."""

from __future__ import annotations

from math import frexp, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.densities.reading import check_settings, read_counts, trim_counts, unit_of
from nlbook.densities.samples import squares_loop

__all__ = [
    "counts_bandwidth",
    "counts_inside",
    "largest_of",
    "resolved_times",
    "samples_bandwidth",
    "scaled_weights",
]

# Relative rounding of a double.
_ROUNDING = float(np.finfo(np.float64).eps)


def counts_inside(counts: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts without the outer bins, which must be empty."""
    outside = counts[..., 0] + counts[..., -1]
    if np.any(outside > 0):
        raise ValueError(
            f"edges must hold what mass leaves of the samples: {np.max(outside):g} lie beyond "
            f"{edges[0]:g} .. {edges[-1]:g}"
        )
    return counts[..., 1:-1]


def samples_bandwidth(
    samples: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    bandwidth: float | None,
    factor: float,
) -> float:
    """`bandwidth`, or factor s n**(-1/5)."""
    largest = largest_of(samples)
    if bandwidth is not None:
        return _resolved(float(bandwidth), largest, "samples")
    unit = unit_of("samples", largest)
    values = samples if unit == 1.0 else samples / unit
    if weights is None:
        mean = float(values.mean())
        squares = float(squares_loop(values, mean))
        return unit * _rule(values.size, mean, squares, factor, "samples")
    heavy = scaled_weights(weights)
    total = float(heavy.sum())
    n = total**2 / float(np.sum(heavy**2))
    mean = float(np.sum(heavy * values)) / total
    squares = float(np.sum(heavy * (values - mean) ** 2)) * n / total
    return unit * _rule(n, mean, squares, factor, "samples")


def counts_bandwidth(
    counts: NDArray[np.float64],
    edges: NDArray[np.float64],
    bandwidth: float | None,
    factor: float,
) -> float:
    """`bandwidth`, or factor s n**(-1/5); refused if bins are wider than half of it."""
    width = bandwidth
    if width is None:
        unit = unit_of("edges", largest_of(edges))
        centres = (0.5 * edges[1:] + 0.5 * edges[:-1]) / unit
        n = float(counts.sum())
        share = counts / n
        mean = float(np.sum(share * centres))
        squares = n * float(np.sum(share * (centres - mean) ** 2))
        width = unit * _rule(n, mean, squares, factor, "counts")
    widest = float(np.max(np.diff(edges)))
    if widest > 0.5 * width:
        raise ValueError(
            f"edges must be at most half the bandwidth {width:.6g} apart, got {widest:.6g}"
        )
    return width


def resolved_times(
    counts: ArrayLike,
    edges: ArrayLike,
    *,
    mass: float = 0.9999,
    bandwidth_factor: float = 1.06,
) -> NDArray[np.bool_]:
    """At which times bins are fine enough for the bandwidth that the rule gives.

    Parameters
    ----------
    counts : array_like, shape (n_times, n_bins)
        In fine bins.
    edges, mass, bandwidth_factor
        As in `adaptive_kde_from_counts`.

    Returns
    -------
    ndarray of bool, shape (n_times,)
        False at a time that `density_snapshots` would refuse, as when little has moved yet.

    Raises
    ------
    ValueError
        If counts can't be used at any bandwidth.
    """
    check_settings(0.0, None, bandwidth_factor, mass)
    array, ends = read_counts(counts, edges)
    if array.ndim != 2:
        raise ValueError(f"counts must have shape (n_times, n_bins), got {array.shape}")
    known = np.ones(len(array), dtype=bool)
    for k, row in enumerate(array):
        inner = counts_inside(trim_counts(row, mass), ends)
        try:
            counts_bandwidth(inner, ends, None, bandwidth_factor)
        except ValueError:
            known[k] = False
    return known


def largest_of(values: NDArray[np.float64]) -> float:
    """Largest magnitude."""
    return max(abs(float(values.min())), abs(float(values.max())))


def scaled_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by a power of two that brings the largest near one, where their squares are safe."""
    return np.ldexp(weights, -frexp(float(weights.max()))[1])


def _resolved(bandwidth: float, largest: float, name: str) -> float:
    """Refuse a bandwidth below the rounding of the samples themselves."""
    if bandwidth < _ROUNDING * largest:
        raise ValueError(
            f"bandwidth must be above the rounding of {name}, {_ROUNDING * largest:.3g}, got "
            f"{bandwidth!r}"
        )
    return bandwidth


def _rule(n: float, mean: float, squares: float, factor: float, name: str) -> float:
    """factor s n**(-1/5), from the sum of squared deviations."""
    if not n > 1:
        raise ValueError(f"{name} must be more than one, or bandwidth must be given")
    if not squares > 1e-28 * n * mean**2:  # deviations that are not mere rounding
        raise ValueError(f"{name} must not all be equal, or bandwidth must be given")
    return factor * sqrt(squares / (n - 1)) * float(n**-0.2)
