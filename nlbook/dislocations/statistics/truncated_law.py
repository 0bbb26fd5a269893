r"""The exponential law that is cut off at W: what `statistics.tails` fits, row by row.

A row holds the counts of one sample in bins of equal width w in u; the equations are
those of `nlbook.dislocations.statistics.tails`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowFits", "choose_rows", "cumulative", "fit_rows", "moments", "solve_rate"]


class RowFits(NamedTuple):
    """Fits of several rows in one window, each shape (n_rows,); NaN where there is none."""

    #: exponent of the law in each row
    exponent: NDArray[np.float64]
    #: its standard error
    error: NDArray[np.float64]
    #: largest difference between observed and fitted distribution
    distance: NDArray[np.float64]
    #: counts in the window
    number: NDArray[np.int64]


def fit_rows(counts: NDArray[np.int64], log_edges: NDArray[np.float64], window: slice) -> RowFits:
    """Fit each row of counts, shape (n_rows, n_bins), between two edges."""
    inside = counts[:, window]
    number = inside.sum(axis=1)
    u = log_edges[window.start : window.stop + 1] - log_edges[window.start]
    width, step = float(u[-1]), float(u[-1]) / (u.size - 1)
    with np.errstate(invalid="ignore"):
        mean = inside @ u[:-1] / number
    fitted = (number > 0) & (mean > 0) & (mean < u[-2] * (1.0 - 1e-12))
    rate, error, distance = (np.full(number.size, np.nan) for _ in range(3))
    rate[fitted] = solve_rate(mean[fitted], width, step)
    error[fitted] = (number[fitted] * moments(rate[fitted], width, step)[1]) ** -0.5
    observed = np.cumsum(inside[fitted], axis=1) / number[fitted, None]
    expected = cumulative(rate[fitted], width, u[1:])
    distance[fitted] = np.max(np.abs(observed - expected), axis=1, initial=0.0)
    return RowFits(rate + 1.0, error, distance, number)


def choose_rows(
    counts: NDArray[np.int64],
    log_edges: NDArray[np.float64],
    starts: Sequence[int],
    stop: int,
    least_samples: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Exponent and first bin of the window with the smallest distance, of each row.

    NaN and -1 where no window holds `least_samples`.
    """
    best = np.full(len(counts), np.inf)
    exponent, chosen = np.full(len(counts), np.nan), np.full(len(counts), -1)
    for start in starts:
        fit = fit_rows(counts, log_edges, slice(start, stop))
        better = (fit.number >= least_samples) & (fit.distance < best)
        best[better], exponent[better], chosen[better] = (
            fit.distance[better],
            fit.exponent[better],
            start,
        )
    return exponent, chosen


def solve_rate(mean: NDArray[np.float64], width: float, step: float) -> NDArray[np.float64]:
    """g with W q(g W) - w q(g w) = mean, for 0 < mean < W - w; w = 0 for samples not binned.

    The left side falls as g rises, is (W - w)/2 at zero, and lies under 1/g; g changes sign when
    the samples are mirrored. Newton's method, with bisection where it leaves the bracket.
    """
    mirrored = width - step - mean
    below = mean <= mirrored
    target = np.minimum(mean, mirrored)
    low, high = np.zeros_like(target), 1.0 / target
    # without an upper end, and near zero
    steep = np.log1p(step / target) / step if step > 0 else high
    flat = (0.5 * (width - step) - target) * 12.0 / (width**2 - step**2)
    rate = np.where(target < (width - step) / 6.0, np.minimum(steep, high), flat)
    for _ in range(100):
        expected, spread = moments(rate, width, step)
        low = np.where(expected > target, rate, low)
        high = np.where(expected > target, high, rate)
        trial = rate + (expected - target) / spread
        trial = np.where((trial >= low) & (trial <= high), trial, 0.5 * (low + high))
        done = np.abs(trial - rate) <= 1e-13 * (1.0 + rate)
        rate = trial
        if np.all(done):
            break
    return np.where(below, rate, -rate)


def moments(
    rate: NDArray[np.float64], width: float, step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean W q(g W) - w q(g w) and variance W**2 r(g W) - w**2 r(g w), for abs(g).

    Where g W is large the parts 1/g and 1/g**2 cancel and are left out.
    """
    wide, narrow = np.abs(rate) * width, np.abs(rate) * step
    steep = wide > 5.0
    e, s = _decaying(np.maximum(wide, 5.0))
    mean, variance = -width * e, -(width**2) * s
    if step > 0:
        e, s = _decaying(np.where(steep, narrow, 5.0))
        mean, variance = mean + step * e, variance + step**2 * s
    else:
        g = np.where(steep, np.abs(rate), 1.0)
        mean, variance = mean + 1.0 / g, variance + g**-2
    gentle = np.minimum(wide, 5.0), np.minimum(narrow, 5.0)
    q, r = zip(*(_rising(z) for z in gentle), strict=True)
    return (
        np.where(steep, mean, width * q[0] - step * q[1]),
        np.where(steep, variance, width**2 * r[0] - step**2 * r[1]),
    )


def _decaying(z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1/(exp(z) - 1) and 1/(4 sinh(z/2)**2), z > 0; above 600 as at 600, which is nothing."""
    bounded = np.minimum(z, 600.0)
    return 1.0 / np.expm1(bounded), 0.25 / np.sinh(0.5 * bounded) ** 2


def _rising(z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q(z) and r(z), z >= 0; by their series where 1/z and its counterpart nearly cancel."""
    large, small = np.maximum(z, 0.05), np.minimum(z, 0.05)
    e, s = _decaying(large)
    q = 0.5 - small / 12.0 + small**3 / 720.0 - small**5 / 30240.0
    r = 1.0 / 12.0 - small**2 / 240.0 + small**4 / 6048.0
    exact = z >= 0.05
    return np.where(exact, 1.0 / large - e, q), np.where(exact, large**-2 - s, r)


def cumulative(
    rate: NDArray[np.float64], width: float, u: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(1 - exp(-g u))/(1 - exp(-g W)), shape (n_rows, n_u); u/W at g = 0."""
    g = np.where(np.abs(rate) * width < 1e-12, 1e-12 / width, rate)[:, None]
    # for g < 0 in terms of exp(g (W - u)), which does not overflow
    rising = np.expm1(-np.abs(g) * np.where(g > 0, u, width - u)) / np.expm1(-np.abs(g) * width)
    return np.where(g > 0, rising, 1.0 - rising)
