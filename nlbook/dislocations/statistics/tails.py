r"""Power-law tails between two ends: their exponent, and how it depends on the ends.

Within a window v_min <= v < v_max the density is taken to be f(v) = C v**-beta. In u =
log(v/v_min) it is an exponential law, cut off at W = log(v_max/v_min),

    f(u) ~ exp(-g u),   0 <= u < W,   g = beta - 1,

of any sign of g. Its mean and variance are W q(g W) and W**2 r(g W) with

    q(z) = 1/z - 1/(exp(z) - 1),   r(z) = 1/z**2 - 1/(4 sinh(z/2)**2).

In bins of equal ratio, of width w in u, the probability of a bin is f's integral over it, and the
lower edges of the bins follow the same law on a grid, with mean W q(g W) - w q(g w) and variance
W**2 r(g W) - w**2 r(g w). Both are exponential families: the likelihood [1]_ has one maximum,
where the mean observed is the mean expected, and its curvature is the number of samples times the
variance. Samples that are not binned are the case w = 0.

The upper end matters: annihilation removes the speeds of close pairs, and a law without upper end
[2]_ takes the resulting cut for a steep tail. The lower end may be chosen as in [1]_. Neither is
known, so an exponent means something only where it does not change with them: see
`sweep_windows`.

Speeds along one run are correlated. Standard errors from the likelihood count all of them as
independent and are too small; intervals come from a bootstrap over realizations (see
`nlbook.dislocations.statistics.resampling`).

References
----------
.. [1] A. Clauset, C. R. Shalizi and M. E. J. Newman, "Power-law distributions in empirical
   data", SIAM Review 51 (2009) 661, sections 3.1, 3.3 and appendix B.
.. [2] M.-C. Miguel, A. Vespignani, S. Zapperi, J. Weiss and J.-R. Grasso, "Intermittent
   dislocation flow in viscoplastic deformation", Nature 410 (2001) 667.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array
from nlbook.dislocations.statistics.binned import (
    HALF_DECADE,
    ROUNDING,
    NoFit,
    bins_between,
    nearest_edge,
    possible_starts,
    read_counts,
)
from nlbook.dislocations.statistics.truncated_law import (
    RowFits,
    choose_rows,
    cumulative,
    fit_rows,
    moments,
    solve_rate,
)

__all__ = [
    "TailFit",
    "WindowSweep",
    "choose_v_min",
    "fit_tail",
    "fit_tail_samples",
    "sweep_windows",
]


@dataclass(frozen=True)
class TailFit:
    """A power law fitted between v_min and v_max; speeds in b/t0."""

    #: beta, the density being proportional to v**-beta
    exponent: float
    #: of beta, from the likelihood of independent samples
    standard_error: float
    #: lower end of the window
    v_min: float
    #: upper end of the window
    v_max: float
    #: samples in the window
    n_samples: int
    #: part of all samples that lies in the window
    fraction: float
    #: largest difference between observed and fitted distribution in the window
    ks_distance: float

    def density(self, v: ArrayLike) -> NDArray[np.float64]:
        """Fitted density of all samples, in t0/b: zero outside the window, `fraction` in all."""
        values = real_array("v", v)
        inside = (values >= self.v_min) & (values <= self.v_max)
        gamma, width = self.exponent - 1.0, _log_ratio(self.v_max, self.v_min)
        there = np.where(inside, values, self.v_min)
        u = np.log(there) - np.log(self.v_min)
        level = 1.0 / width if gamma == 0.0 else -gamma / np.expm1(-gamma * width)
        # v**-1 last, as the density may be beyond what floats hold where v is tiny
        with np.errstate(over="ignore"):
            density = self.fraction * level * np.exp(-gamma * u) / there
        return np.where(inside, density, 0.0)


@dataclass(frozen=True)
class WindowSweep:
    """Fits over many windows, shape (n_v_min, n_v_max); NaN where a window is refused."""

    #: lower ends, at edges of bins, shape (n_v_min,)
    v_min: NDArray[np.float64]
    #: upper ends, at edges of bins, shape (n_v_max,)
    v_max: NDArray[np.float64]
    #: beta
    exponent: NDArray[np.float64]
    #: of beta, from the likelihood of independent samples
    standard_error: NDArray[np.float64]
    #: largest difference between observed and fitted distribution
    ks_distance: NDArray[np.float64]
    #: samples in each window
    n_samples: NDArray[np.int64]


def fit_tail(counts: ArrayLike, edges: ArrayLike, v_min: float, v_max: float) -> TailFit:
    """Fit a power law between two ends to counts in logarithmic bins.

    Parameters
    ----------
    counts : array_like, shape (n_bins,) or (n_batches, n_bins)
        Counts; batches are added. One a bin, or two more, the first and last for what lies
        outside `edges` (as in `Trajectory.speed_counts`).
    edges : array_like, shape (n_bins + 1,)
        Edges of the bins, in b/t0, of equal ratio (as `speed_bins`).
    v_min, v_max : float
        Ends of the window, in b/t0; the nearest edges are taken.

    Returns
    -------
    TailFit

    Raises
    ------
    ValueError
        If counts or edges are none, or the window is outside the edges, holds fewer than two
        bins, or has all its samples in its first or last bin.
    """
    inner, log_edges, total = read_counts(counts, edges)
    window = bins_between(log_edges, v_min, v_max)
    fit = fit_rows(inner.sum(axis=0, keepdims=True), log_edges, window)
    if np.isnan(fit.exponent[0]):
        raise NoFit(
            f"v_min={v_min!r}, v_max={v_max!r}: the window must hold samples in more than its "
            f"first or last bin, got {int(fit.number[0])} samples"
        )
    return _tail_fit(fit, log_edges, window, total)


def fit_tail_samples(samples: ArrayLike, v_min: float, v_max: float) -> TailFit:
    """Fit a power law between two ends to samples.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Speeds in b/t0, or sizes; those outside the window count for `TailFit.fraction` only.
    v_min, v_max : float
        Ends of the window.

    Returns
    -------
    TailFit

    Raises
    ------
    ValueError
        If a sample is not finite, or there are not two different samples in the window.
    """
    values = real_array("samples", samples, ndim=1)
    v_min = check_number("v_min", v_min, above=0.0)
    v_max = check_number("v_max", v_max, above=v_min)
    # logarithms apart: the ratio of the ends may be beyond what floats hold
    u = np.log(np.sort(values[(values >= v_min) & (values <= v_max)])) - np.log(v_min)
    if u.size < 2 or u[0] == u[-1]:
        raise ValueError(
            f"v_min={v_min!r}, v_max={v_max!r}: the window must hold two different samples, "
            f"got {u.size} samples"
        )
    width = _log_ratio(v_max, v_min)
    gamma = solve_rate(np.array([u.mean()]), width, 0.0)
    law = cumulative(gamma, width, u)[0]
    steps = np.arange(u.size + 1) / u.size
    distance = max(np.max(steps[1:] - law), np.max(law - steps[:-1]))
    return TailFit(
        exponent=float(gamma[0] + 1.0),
        standard_error=float((u.size * moments(gamma, width, 0.0)[1][0]) ** -0.5),
        v_min=float(v_min),
        v_max=float(v_max),
        n_samples=u.size,
        fraction=u.size / values.size,
        ks_distance=float(distance),
    )


def choose_v_min(
    counts: ArrayLike,
    edges: ArrayLike,
    v_max: float,
    *,
    lowest: float | None = None,
    least_samples: int = 1000,
    least_ratio: float = HALF_DECADE,
) -> TailFit:
    """Fit with the lower end at which fitted and observed distribution are nearest.

    The rule of [1]_ in the module's references, section 3.3, with a fixed upper end: of all
    edges, take the one with the smallest Kolmogorov-Smirnov distance.

    Parameters
    ----------
    counts, edges
        As in `fit_tail`.
    v_max : float
        Upper end of the window, in b/t0; the nearest edge is taken.
    lowest : float, optional
        Lowest v_min to try; by default all edges are tried.
    least_samples : int
        A window must hold so many.
    least_ratio : float
        A window must have v_max/v_min of at least this.

    Returns
    -------
    TailFit

    Raises
    ------
    ValueError
        As in `fit_tail`; and if no window is left.
    """
    inner, log_edges, total = read_counts(counts, edges)
    starts, last = possible_starts(log_edges, v_max, lowest, least_samples, least_ratio)
    pooled = inner.sum(axis=0, keepdims=True)
    _, chosen = choose_rows(pooled, log_edges, starts, last, least_samples)
    if chosen[0] < 0:
        raise ValueError(f"least_samples={least_samples!r} leaves no window below v_max={v_max!r}")
    window = slice(int(chosen[0]), last)
    return _tail_fit(fit_rows(pooled, log_edges, window), log_edges, window, total)


def sweep_windows(
    counts: ArrayLike,
    edges: ArrayLike,
    v_min: ArrayLike,
    v_max: ArrayLike,
    *,
    least_samples: int = 100,
    least_ratio: float = HALF_DECADE,
) -> WindowSweep:
    """Fit over all windows between the given lower and upper ends.

    Parameters
    ----------
    counts, edges
        As in `fit_tail`.
    v_min, v_max : array_like, shape (n_v_min,), (n_v_max,)
        Ends of the windows, in b/t0; the nearest edges are taken.
    least_samples : int
        A window with fewer is refused.
    least_ratio : float
        A window with v_max/v_min under this is refused.

    Returns
    -------
    WindowSweep
        With NaN where a window is refused.
    """
    inner, log_edges, _ = read_counts(counts, edges)
    pooled = inner.sum(axis=0, keepdims=True)
    check_integer("least_samples", least_samples, 0)
    check_number("least_ratio", least_ratio, least=1.0)
    ends_below, ends_above = (
        np.atleast_1d(real_array(name, ends)) for name, ends in (("v_min", v_min), ("v_max", v_max))
    )
    lower = [nearest_edge(log_edges, "v_min", v) for v in ends_below]
    upper = [nearest_edge(log_edges, "v_max", v) for v in ends_above]
    shape = (len(lower), len(upper))
    exponent, error, distance = (np.full(shape, np.nan) for _ in range(3))
    number = np.zeros(shape, dtype=np.int64)
    for i, first in enumerate(lower):
        for k, last in enumerate(upper):
            if last - first < 2:
                continue
            fit = fit_rows(pooled, log_edges, slice(first, last))
            number[i, k] = fit.number[0]
            wide = log_edges[last] - log_edges[first] >= np.log(least_ratio) - ROUNDING
            if wide and number[i, k] >= least_samples:
                exponent[i, k], error[i, k] = fit.exponent[0], fit.error[0]
                distance[i, k] = fit.distance[0]
    ends = np.exp(log_edges)
    return WindowSweep(ends[lower], ends[upper], exponent, error, distance, number)


def _log_ratio(high: float, low: float) -> float:
    """log(high/low); the ratio itself may be beyond what floats hold."""
    return float(np.log(high) - np.log(low))


def _tail_fit(
    rows: RowFits, log_edges: NDArray[np.float64], window: slice, total: float
) -> TailFit:
    """The only row, as a result."""
    return TailFit(
        exponent=float(rows.exponent[0]),
        standard_error=float(rows.error[0]),
        v_min=float(np.exp(log_edges[window.start])),
        v_max=float(np.exp(log_edges[window.stop])),
        n_samples=int(rows.number[0]),
        fraction=float(rows.number[0] / total),
        ks_distance=float(rows.distance[0]),
    )
