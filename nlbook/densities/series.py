"""Samples or counts at many times, cut to their central part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array
from nlbook.densities.bandwidths import counts_inside
from nlbook.densities.reading import cut_counts, left_out, read_counts

__all__ = [
    "Support",
    "TrimmedSeries",
    "central_ends",
    "trim_counts_series",
    "trim_samples_series",
]

Support = Literal["common", "each"] | tuple[float, float]
"""Samples cut off at the same two places at all times; at each time by themselves; or there."""


class TrimmedSeries(NamedTuple):
    """What is left of samples or counts at each time, and what was left out."""

    #: samples at each time, or counts (n_times, n_bins)
    rows: Any
    #: of the bins (n_bins + 1,)
    edges: NDArray[np.float64] | None
    #: least and largest sample, or the outer edges of their bins (n_times, 2)
    support: NDArray[np.float64]
    #: how many are left (n_times,)
    n_samples: NDArray[np.float64]
    #: how many were left out at the lower and the upper end (n_times, 2)
    n_trimmed: NDArray[np.float64]


def central_ends(counts: ArrayLike, edges: ArrayLike, mass: float = 0.9999) -> tuple[float, float]:
    """Outermost edges of what any time keeps of counts when each is cut to its central part.

    Parameters
    ----------
    counts : array_like, shape (n_times, n_bins)
        In fine bins.
    edges : array_like
        Of the bins, as in `nlbook.densities.density_snapshots`.
    mass : float
        Central part that is kept.

    Returns
    -------
    low, high : float
        What a grid must hold.

    Raises
    ------
    ValueError
        If counts can't be used, or reach beyond the edges.
    """
    check_number("mass", mass, above=0, most=1)
    support = trim_counts_series(counts, edges, mass, "common").support
    return float(support[:, 0].min()), float(support[:, 1].max())


def trim_counts_series(
    data: ArrayLike, edges: ArrayLike, mass: float, support: Support
) -> TrimmedSeries:
    """Trim counts, and leave out bins that are never filled."""
    counts, ends = read_counts(data, edges)
    if counts.ndim != 2:
        raise ValueError(f"data must be counts of shape (n_times, n_bins), got {counts.shape}")
    below = np.cumsum(counts, axis=1)
    total = below[:, -1:]
    cuts = np.array([(left_out(float(n), mass),) * 2 for n in total[:, 0]], dtype=np.float64)
    if support != "each":
        if support == "common":  # the first bin that any time keeps something of, and the last one
            first = int(np.min(np.sum(below <= cuts[:, :1], axis=1)))
            last = int(np.max(np.sum(below < total - cuts[:, 1:], axis=1)))
        else:
            middles = np.concatenate([[-np.inf], 0.5 * (ends[1:] + ends[:-1]), [np.inf]])
            first, last = np.searchsorted(middles, support) + (0, -1)
        at_first = below[:, first - 1] if first else np.zeros(len(counts))
        cuts = np.stack([at_first, total[:, 0] - below[:, last]], axis=1)
        if np.any(at_first >= below[:, last]):
            raise ValueError(f"support must hold samples at all times, got {support!r}")
    rows = np.array([cut_counts(row, *cut) for row, cut in zip(counts, cuts, strict=True)])
    rows = counts_inside(rows, ends)
    filled = rows > 0
    first_filled = filled.argmax(axis=1)
    last_filled = filled.shape[1] - 1 - filled[:, ::-1].argmax(axis=1)
    low, high = first_filled.min(), last_filled.max() + 1
    return TrimmedSeries(
        np.ascontiguousarray(rows[:, low:high]),
        ends[low : high + 1],
        np.stack([ends[first_filled], ends[last_filled + 1]], axis=1),
        rows.sum(axis=1),
        cuts,
    )


def trim_samples_series(data: Sequence[ArrayLike], mass: float, support: Support) -> TrimmedSeries:
    """Trim samples, which are sorted."""
    rows = []
    for k, row in enumerate(data):
        values = real_array(f"data[{k}]", row, ndim=1)
        if not values.size:
            raise ValueError(f"data must hold a sample or more at each time, got none in data[{k}]")
        rows.append(np.sort(values))
    if not rows:
        raise ValueError("data must hold the samples of one time or more, got none")
    outs = [left_out(row.size, mass) for row in rows]
    spans = [(out, row.size - out) for row, out in zip(rows, outs, strict=True)]
    if support != "each":
        low, high = support if support != "common" else (-np.inf, np.inf)
        if support == "common":
            low = min(row[a] for row, (a, _) in zip(rows, spans, strict=True))
            high = max(row[b - 1] for row, (_, b) in zip(rows, spans, strict=True))
        spans = [
            (int(np.searchsorted(row, low)), int(np.searchsorted(row, high, side="right")))
            for row in rows
        ]
    if any(a >= b for a, b in spans):
        raise ValueError(f"support must hold samples at all times, got {support!r}")
    kept = [row[a:b].copy() for row, (a, b) in zip(rows, spans, strict=True)]
    return TrimmedSeries(
        kept,
        None,
        np.array([(row[0], row[-1]) for row in kept]),
        np.array([row.size for row in kept], dtype=np.float64),
        np.array(
            [(a, row.size - b) for row, (a, b) in zip(rows, spans, strict=True)], dtype=np.float64
        ),
    )
