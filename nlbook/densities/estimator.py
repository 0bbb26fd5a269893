"""Kernel density estimates whose bandwidth follows the density.

From n samples X_i a first estimate with one bandwidth,

    p0(x) = 1/n sum_i K_w0(x - X_i),    w0 = 1.06 s n**(-1/5),

s their standard deviation, gives each sample a bandwidth of its own [1]_ [2]_,

    w_i = w0 (p0(X_i)/G)**(-xi),    log G = 1/n sum_i log p0(X_i),

and with it the estimate p(x) = 1/n sum_i K_wi(x - X_i). K_w is the Gaussian of standard deviation
w; xi, the sensitivity, is 1/2 by theory and 0 for a fixed bandwidth.

Both sums run over all pairs when taken as they stand. But the bandwidth depends on the place only,
so the sums run over some ten thousand cells much narrower than w0 (`nlbook.densities.sources`), the
first of them over the neighbours within nine bandwidths. A cell of variance v adds what lies at
its mean, K(u)/w, times 1 + v P(u)/(2 w**2): the second derivative of a kernel in the place of its
source, which with a = w', b = w w'' is

    P(u) = (1 + b)(u**2 - 1) + 2 a (u**3 - 3 u) + a**2 (u**4 - 5 u**2 + 2).

So the sum over cells is within 1e-4 of the direct one, relative, wherever a sample lies within ten
of its bandwidths w_i, in gaps between samples and beyond the outermost too.

References
----------
.. [1] I. S. Abramson, "On bandwidth variation in kernel estimates: a square root law", The Annals
   of Statistics 10 (1982) 1217.
.. [2] B. W. Silverman, "Density Estimation for Statistics and Data Analysis", Chapman and Hall
   (1986), section 5.3.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice
from nlbook.densities.bandwidths import (
    counts_bandwidth,
    counts_inside,
    largest_of,
    samples_bandwidth,
    scaled_weights,
)
from nlbook.densities.reading import (
    check_settings,
    read_counts,
    read_grid,
    read_samples,
    trim_counts,
    trim_samples,
    unit_of,
)
from nlbook.densities.sources import Cells, single_samples
from nlbook.densities.summation import cells_and_widths, sum_kernels, widths_of

__all__ = [
    "adaptive_bandwidths",
    "adaptive_kde",
    "adaptive_kde_from_counts",
    "estimate_counts",
    "estimate_samples",
]


def adaptive_kde(
    samples: ArrayLike,
    grid: ArrayLike,
    sensitivity: float = 0.5,
    method: Literal["binned", "direct"] = "binned",
    bandwidth: float | None = None,
    weights: ArrayLike | None = None,
    *,
    bandwidth_factor: float = 1.06,
    mass: float = 1.0,
) -> NDArray[np.float64]:
    """Adaptive kernel density estimate of samples; see the module.

    Parameters
    ----------
    samples : array_like, shape (n,)
        X_i, any length unit.
    grid : array_like, shape (n_nodes,)
        Ascending nodes where the density is wanted, in the same unit.
    sensitivity : float
        xi, in 0..1.
    method : {"binned", "direct"}
        "direct" takes both sums over all pairs: n**2 kernels, for checks. "binned" is within 1e-4
        of it, relative, up to ten bandwidths w_i from a sample.
    bandwidth : float, optional
        w0, instead of the rule.
    weights : array_like, shape (n,), optional
        Positive weights; the n of the rule is then their sum squared over the sum of squares.
    bandwidth_factor : float
        Instead of 1.06 in the rule.
    mass : float
        Central part of the samples that is kept: floor((1 - mass) n/2) are left out at each end.

    Returns
    -------
    ndarray, shape (n_nodes,)
        Density, one over the unit. Nodes may lie anywhere; farther than twelve bandwidths w_i from
        all samples it is zero (37 with "direct").

    Raises
    ------
    ValueError
        If samples are none, not finite, masked, or all equal and no bandwidth is given; if the
        grid does not ascend; or a number is out of range, such as lengths beyond 1e301.
    """
    check_settings(sensitivity, bandwidth, bandwidth_factor, mass)
    check_choice("method", method, ("binned", "direct"))
    nodes = read_grid(grid)
    values, heavy = read_samples(samples, weights)
    if mass < 1.0:
        if weights is not None:
            raise ValueError(f"mass must be 1 with weights, got {mass!r}")
        values, heavy = trim_samples(values, mass), None
    width = samples_bandwidth(values, heavy, bandwidth, bandwidth_factor)
    return estimate_samples(values, nodes, sensitivity, width, weights=heavy, method=method)


def adaptive_kde_from_counts(
    counts: ArrayLike,
    edges: ArrayLike,
    grid: ArrayLike,
    sensitivity: float = 0.5,
    bandwidth: float | None = None,
    *,
    bandwidth_factor: float = 1.06,
    mass: float = 1.0,
) -> NDArray[np.float64]:
    """Adaptive kernel density estimate of samples that are known by a fine histogram.

    A sample counts as if it stood in the middle of its bin, so bins must be well below the
    bandwidth.

    Parameters
    ----------
    counts : array_like, shape (..., n_bins)
        Numbers of samples, or weights that count as such.
    edges : array_like, shape (n_bins + 1,) or (n_bins - 1,)
        Ascending edges of the bins; or of all but the outer two, which hold what lies beyond.
    grid, sensitivity, bandwidth, bandwidth_factor, mass
        As in `adaptive_kde`. What the outer bins hold must be cut off by `mass`.

    Returns
    -------
    ndarray, shape (..., n_nodes)

    Raises
    ------
    ValueError
        As `adaptive_kde`; if counts are negative, or what is left lies beyond the edges, or in
        bins wider than half the bandwidth.
    """
    check_settings(sensitivity, bandwidth, bandwidth_factor, mass)
    nodes = read_grid(grid)
    array, ends = read_counts(counts, edges)
    rows = np.array([trim_counts(row, mass) for row in array.reshape(-1, array.shape[-1])])
    inner = counts_inside(rows, ends)
    widths = [counts_bandwidth(row, ends, bandwidth, bandwidth_factor) for row in inner]
    densities = [
        estimate_counts(row, ends, nodes, sensitivity, width)
        for row, width in zip(inner, widths, strict=True)
    ]
    return np.reshape(densities, (*array.shape[:-1], nodes.size))


def adaptive_bandwidths(
    samples: ArrayLike,
    sensitivity: float = 0.5,
    bandwidth: float | None = None,
    *,
    bandwidth_factor: float = 1.06,
) -> NDArray[np.float64]:
    """The bandwidths w_i of `adaptive_kde`, for an estimate by other means.

    Parameters
    ----------
    samples, sensitivity, bandwidth, bandwidth_factor
        As in `adaptive_kde`.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of the samples; in each cell of the binned sum their logarithm is quadratic.

    Raises
    ------
    ValueError
        As `adaptive_kde`.
    """
    check_settings(sensitivity, bandwidth, bandwidth_factor, 1.0)
    values, _ = read_samples(samples, None)
    width = samples_bandwidth(values, None, bandwidth, bandwidth_factor)
    unit = unit_of("samples", max(largest_of(values), width))
    scaled = values / unit
    sources = Cells(scaled, np.broadcast_to(1.0, values.shape), width / unit).sources
    between = 0.5 * (sources.position[1:] + sources.position[:-1])
    nearest = np.searchsorted(between, scaled)
    widths = widths_of(sources, sensitivity, width / unit)
    return widths.near(nearest, scaled - sources.position[nearest]).width * unit


def estimate_samples(
    samples: NDArray[np.float64],
    nodes: NDArray[np.float64],
    sensitivity: float,
    bandwidth: float,
    *,
    weights: NDArray[np.float64] | None = None,
    method: str = "binned",
) -> NDArray[np.float64]:
    """The density of samples that have been checked and trimmed, shape (n_nodes,)."""
    unit = unit_of("samples", max(largest_of(samples), bandwidth))
    scaled, width = (samples if unit == 1.0 else samples / unit), bandwidth / unit
    heavy = np.broadcast_to(1.0, samples.shape) if weights is None else scaled_weights(weights)
    if method == "direct":
        sources = single_samples(scaled, heavy)
        widths = widths_of(sources, sensitivity, width, whole=True)
        return sum_kernels(sources, widths, nodes / unit, whole=True) / unit
    cells = cells_and_widths(scaled, heavy, sensitivity, width)
    return sum_kernels(*cells, nodes / unit) / unit


def estimate_counts(
    counts: NDArray[np.float64],
    edges: NDArray[np.float64],
    nodes: NDArray[np.float64],
    sensitivity: float,
    bandwidth: float,
) -> NDArray[np.float64]:
    """The density of counts that have been checked and trimmed, shape (n_nodes,)."""
    filled = np.flatnonzero(counts)
    unit = unit_of("edges", max(largest_of(edges), bandwidth))
    centres = (0.5 * edges[filled] + 0.5 * edges[filled + 1]) / unit
    cells = cells_and_widths(centres, scaled_weights(counts[filled]), sensitivity, bandwidth / unit)
    return sum_kernels(*cells, nodes / unit) / unit
