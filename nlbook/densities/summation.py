"""The two sums of a kernel density estimate, over cells or over single samples.

What they sum, and how a cell counts, is told in `nlbook.densities.estimator`.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.densities.samples import (
    mutual_loop,
    spread_loop,
    spread_uniform_loop,
    windows_loop,
)
from nlbook.densities.sources import Cells, Sources

__all__ = ["Bandwidths", "cells_and_widths", "sum_kernels", "widths_of"]

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

# On uniform nodes kernels of so many spacings or more are summed in blocks of so many nodes.
_WIDE = 4.0
_BLOCK = 16


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


def cells_and_widths(
    samples: NDArray[np.float64],
    weights: NDArray[np.float64],
    sensitivity: float,
    bandwidth: float,
) -> tuple[Sources, Bandwidths]:
    """Cells that are narrow enough for all that is seen of them, and their bandwidths."""
    cells = Cells(samples, weights, bandwidth)
    sources, widths = cells.sources, widths_of(cells.sources, sensitivity, bandwidth)
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


def sum_kernels(
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
        radius = (_WHOLE_REACH if whole else _REACH) * width[~wide]
        spread_loop(
            sources.position[~wide],
            inverse[~wide],
            terms[~wide],
            np.searchsorted(nodes, sources.position[~wide] - radius),
            np.searchsorted(nodes, sources.position[~wide] + radius),
            nodes,
            density,
        )
    if np.any(wide):
        blocks = np.zeros((_BLOCK, -(-nodes.size // _BLOCK)))
        spread_uniform_loop(
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


def widths_of(
    sources: Sources, sensitivity: float, bandwidth: float, *, whole: bool = False
) -> Bandwidths:
    """Bandwidth of each source."""
    n, total = sources.position.size, float(sources.mass.sum())
    if sensitivity == 0:
        return Bandwidths(np.full(n, bandwidth), np.zeros(n), np.zeros(n))
    last = np.empty(n, dtype=np.int64)
    windows_loop(sources.position, (_WHOLE_REACH if whole else _PILOT_REACH) * bandwidth, last)
    pilot, first, second = np.zeros((3, n))
    mutual_loop(
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


def _uniform_spacing(nodes: NDArray[np.float64]) -> float:
    """Distance of neighbouring nodes; zero if they are not at equal distances, or few."""
    if nodes.size < 4 * _BLOCK:
        return 0.0
    spacing = float(nodes[-1] - nodes[0]) / (nodes.size - 1)
    places = nodes[0] + spacing * np.arange(nodes.size)
    return spacing if np.all(np.abs(nodes - places) < 1e-7 * spacing) else 0.0
