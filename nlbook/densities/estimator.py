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

from math import frexp, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice
from nlbook.densities.kernels import (
    mutual_kernel,
    spread_kernel,
    spread_uniform_kernel,
    squares_kernel,
    windows_kernel,
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
from nlbook.densities.sources import Cells, Sources, single_samples

__all__ = [
    "adaptive_bandwidths",
    "adaptive_kde",
    "adaptive_kde_from_counts",
    "counts_bandwidth",
    "counts_inside",
    "estimate_counts",
    "estimate_samples",
    "resolved_times",
    "samples_bandwidth",
]

# Where the pilot's kernel is cut: the rest of n samples is below n exp(-40) of a sample's own part.
_PILOT_REACH = 9.0
# Where the second sum's is: exp(-u**2/2) is then 5e-32.
_REACH = 12.0
# Where both are in the direct sum: 3e-298, and smaller numbers would be slow.
_WHOLE_REACH = 37.0

# Where the variance in a cell is a larger part than this of its bandwidth squared, it is cut into
# cells of a quarter of its bandwidth: the two moments of a cell say too little otherwise.
_LARGEST_VARIANCE = 0.01
# Cells near a gap: the third moment of a cell, at most 0.096 D**3, then adds 5e-5 to what is seen.
_FINE = 0.15
# How far into a gap they are seen: farther off a density is below 1e-21 of its neighbour's.
_SEEN = 10.0
# How deep they are: what lies deeper adds exp(-12) = 6e-6.
_DEPTH = 12.0

# Relative rounding of a double.
_ROUNDING = float(np.finfo(np.float64).eps)

# On uniform nodes kernels of so many spacings or more are summed in blocks of so many nodes.
_WIDE = 4.0
_BLOCK = 16


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
    unit = unit_of("samples", max(_largest(values), width))
    scaled = values / unit
    sources = Cells(scaled, np.broadcast_to(1.0, values.shape), width / unit).sources
    between = 0.5 * (sources.position[1:] + sources.position[:-1])
    nearest = np.searchsorted(between, scaled)
    widths = _widths(sources, sensitivity, width / unit)
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
    unit = unit_of("samples", max(_largest(samples), bandwidth))
    scaled, width = (samples if unit == 1.0 else samples / unit), bandwidth / unit
    heavy = np.broadcast_to(1.0, samples.shape) if weights is None else _scaled(weights)
    if method == "direct":
        sources = single_samples(scaled, heavy)
        widths = _widths(sources, sensitivity, width, whole=True)
        return _estimate(sources, widths, nodes / unit, whole=True) / unit
    cells = _cells_and_widths(scaled, heavy, sensitivity, width)
    return _estimate(*cells, nodes / unit) / unit


def estimate_counts(
    counts: NDArray[np.float64],
    edges: NDArray[np.float64],
    nodes: NDArray[np.float64],
    sensitivity: float,
    bandwidth: float,
) -> NDArray[np.float64]:
    """The density of counts that have been checked and trimmed, shape (n_nodes,)."""
    filled = np.flatnonzero(counts)
    unit = unit_of("edges", max(_largest(edges), bandwidth))
    centres = (0.5 * edges[filled] + 0.5 * edges[filled + 1]) / unit
    cells = _cells_and_widths(centres, _scaled(counts[filled]), sensitivity, bandwidth / unit)
    return _estimate(*cells, nodes / unit) / unit


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
    largest = _largest(samples)
    if bandwidth is not None:
        return _resolved(float(bandwidth), largest, "samples")
    unit = unit_of("samples", largest)
    values = samples if unit == 1.0 else samples / unit
    if weights is None:
        mean = float(values.mean())
        squares = float(squares_kernel(values, mean))
        return unit * _rule(values.size, mean, squares, factor, "samples")
    heavy = _scaled(weights)
    total = float(heavy.sum())
    n = total**2 / float(np.sum(heavy**2))
    mean = float(np.sum(heavy * values)) / total
    squares = float(np.sum(heavy * (values - mean) ** 2)) * n / total
    return unit * _rule(n, mean, squares, factor, "samples")


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
    found = np.ones(len(array), dtype=bool)
    for k, row in enumerate(array):
        inner = counts_inside(trim_counts(row, mass), ends)
        try:
            counts_bandwidth(inner, ends, None, bandwidth_factor)
        except ValueError:
            found[k] = False
    return found


def counts_bandwidth(
    counts: NDArray[np.float64],
    edges: NDArray[np.float64],
    bandwidth: float | None,
    factor: float,
) -> float:
    """`bandwidth`, or factor s n**(-1/5); refused if bins are wider than half of it."""
    width = bandwidth
    if width is None:
        unit = unit_of("edges", _largest(edges))
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


class Bandwidths(NamedTuple):
    """The bandwidth of each source, and how it changes from place to place."""

    #: w (n,)
    width: NDArray[np.float64]
    #: first derivative of log w (n,)
    first: NDArray[np.float64]
    #: second derivative of log w (n,)
    second: NDArray[np.float64]

    def near(self, sources: NDArray[np.intp], offset: NDArray[np.float64]) -> Bandwidths:
        """At a small distance `offset` from these sources."""
        first, second = self.first[sources], self.second[sources]
        width = self.width[sources] * np.exp(offset * (first + 0.5 * offset * second))
        return Bandwidths(width, first + offset * second, second)


def _cells_and_widths(
    samples: NDArray[np.float64],
    weights: NDArray[np.float64],
    sensitivity: float,
    bandwidth: float,
) -> tuple[Sources, Bandwidths]:
    """Cells that are narrow enough for all that is seen of them, and their bandwidths."""
    cells = Cells(samples, weights, bandwidth)
    sources, widths = cells.sources, _widths(cells.sources, sensitivity, bandwidth)
    parts = np.ceil(cells.width / _needed(sources, widths, cells.width)).astype(np.int64)
    parts[sources.variance == 0.0] = 1
    if np.all(parts == 1):
        return sources, widths
    finer, origin = cells.split(parts)
    return finer, widths.near(origin, finer.position - sources.position[origin])


def _needed(sources: Sources, widths: Bandwidths, coarsest: float) -> NDArray[np.float64]:
    """How wide the cells of each source may be.

    A quarter of their bandwidth; and near a gap that is seen into from u bandwidths away, _FINE of
    w/A, where A/w = d log K/dx is how fast a kernel seen from there changes with its source's
    place. What lies deeper in than t w/u adds exp(-t) to what is seen.
    """
    x, w = sources.position, widths.width
    allowed = np.where(sources.variance > _LARGEST_VARIANCE * w**2, 0.25 * w, coarsest)
    gap = np.diff(x) / (w[1:] + w[:-1])
    for side in (1, -1):  # of the gap on the right and on the left of each
        seen = np.append(gap, _REACH) if side == 1 else np.append(_REACH, gap)
        seen = np.minimum(seen, _SEEN)
        change = seen + np.abs(w * widths.first) * (1.0 + seen**2)
        edges = np.flatnonzero((seen > 1.0) & (coarsest * change > _FINE * w))
        deep = x[edges] - side * _DEPTH * w[edges] / seen[edges]
        for k, end in zip(edges.tolist(), np.searchsorted(x, deep).tolist(), strict=True):
            zone = slice(end, k + 1) if side == 1 else slice(k, end)
            np.minimum(allowed[zone], _FINE * w[k] / change[k], out=allowed[zone])
    return np.minimum(allowed, coarsest)


def _estimate(
    sources: Sources,
    widths: Bandwidths,
    nodes: NDArray[np.float64],
    *,
    whole: bool = False,
) -> NDArray[np.float64]:
    """The second sum, over sources; all of their kernels if `whole`."""
    width, inverse = widths.width, 1.0 / widths.width
    terms = _terms(sources, widths)
    spacing = _uniform_spacing(nodes)
    wide = width >= _WIDE * spacing if not whole and spacing > 0 else np.zeros(width.size, bool)
    density = np.zeros(nodes.size)
    if not np.all(wide):
        reach = (_WHOLE_REACH if whole else _REACH) * width[~wide]
        spread_kernel(
            sources.position[~wide],
            inverse[~wide],
            terms[~wide],
            np.searchsorted(nodes, sources.position[~wide] - reach),
            np.searchsorted(nodes, sources.position[~wide] + reach),
            nodes,
            density,
        )
    if np.any(wide):
        blocks = np.zeros((_BLOCK, -(-nodes.size // _BLOCK)))
        spread_uniform_kernel(
            sources.position[wide],
            inverse[wide],
            terms[wide],
            _REACH,
            float(nodes[0]),
            spacing,
            blocks,
        )
        density += blocks.T.ravel()[: nodes.size]
    return density


def _terms(sources: Sources, widths: Bandwidths) -> NDArray[np.float64]:
    """Coefficients of the polynomials that a kernel is multiplied with, (n, 5); see the module."""
    inverse = 1.0 / widths.width
    amplitude = sources.mass * inverse / (sqrt(2.0 * np.pi) * float(sources.mass.sum()))
    spread = amplitude * 0.5 * sources.variance * inverse**2
    first = widths.width * widths.first
    second = widths.width**2 * widths.second + first**2
    terms = np.empty((amplitude.size, 5))
    terms[:, 0] = amplitude + spread * (2.0 * first**2 - 1.0 - second)
    terms[:, 1] = spread * -6.0 * first
    terms[:, 2] = spread * (1.0 + second - 5.0 * first**2)
    terms[:, 3] = spread * 2.0 * first
    terms[:, 4] = spread * first**2
    return terms


def _uniform_spacing(nodes: NDArray[np.float64]) -> float:
    """Distance of neighbouring nodes; zero if they are not at equal distances, or few."""
    if nodes.size < 4 * _BLOCK:
        return 0.0
    spacing = float(nodes[-1] - nodes[0]) / (nodes.size - 1)
    places = nodes[0] + spacing * np.arange(nodes.size)
    return spacing if np.all(np.abs(nodes - places) < 1e-7 * spacing) else 0.0


def _largest(values: NDArray[np.float64]) -> float:
    return max(abs(float(values.min())), abs(float(values.max())))


def _scaled(weights: NDArray[np.float64]) -> NDArray[np.float64]:
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


def _widths(
    sources: Sources, sensitivity: float, bandwidth: float, *, whole: bool = False
) -> Bandwidths:
    """Bandwidth of each source."""
    n, total = sources.position.size, float(sources.mass.sum())
    if sensitivity == 0:
        return Bandwidths(np.full(n, bandwidth), np.zeros(n), np.zeros(n))
    last = np.empty(n, dtype=np.int64)
    windows_kernel(sources.position, (_WHOLE_REACH if whole else _PILOT_REACH) * bandwidth, last)
    pilot, first, second = np.zeros((3, n))
    mutual_kernel(
        sources.position,
        sources.mass / total,
        1.0 / bandwidth,
        sources.variance * (0.5 / bandwidth**2),
        last,
        pilot,
        first,
        second,
    )
    log_pilot = np.log(pilot)
    first /= pilot * bandwidth
    second = second / (pilot * bandwidth**2) - first**2
    means = log_pilot + 0.5 * sources.variance * second
    mean = float(np.sum(sources.mass * means)) / total
    return Bandwidths(
        bandwidth * np.exp(sensitivity * (mean - log_pilot)),
        -sensitivity * first,
        -sensitivity * second,
    )


def _rule(n: float, mean: float, squares: float, factor: float, name: str) -> float:
    """factor s n**(-1/5), from the sum of squared deviations."""
    if not n > 1:
        raise ValueError(f"{name} must be more than one, or bandwidth must be given")
    if not squares > 1e-28 * n * mean**2:  # deviations that are not mere rounding
        raise ValueError(f"{name} must not all be equal, or bandwidth must be given")
    return factor * sqrt(squares / (n - 1)) * float(n**-0.2)
