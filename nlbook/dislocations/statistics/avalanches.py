r"""Avalanches: excursions of an activity above a threshold, their durations and their sizes.

The activity A(t) is whatever collective signal one follows: the sum of abs(v) over all
dislocations as in [1]_, which is their number times `mean_speed`, or the slip rate. Between its
entries the series is taken to be straight, so that crossings lie between entries, and

    size = integral of (A(t) - threshold) dt over the excursion

is exact for that line. An excursion shorter than the spacing of the entries is seen only if an
entry falls into it.

The threshold decides what counts as one avalanche: raised, it splits them; lowered, it merges
them. `avalanche_threshold` is the rule here, and results belong with a scan over its multiple.

References
----------
.. [1] M.-C. Miguel, A. Vespignani, S. Zapperi, J. Weiss and J.-R. Grasso, "Intermittent
   dislocation flow in viscoplastic deformation", Nature 410 (2001) 667.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array

__all__ = ["Avalanches", "avalanche_threshold", "find_avalanches", "logarithmic_histogram"]


@dataclass(frozen=True)
class Avalanches:
    """Excursions above a threshold in the order of time, each array of shape (n,)."""

    #: time of the upward crossing, t0
    start: NDArray[np.float64]
    #: time from there to the downward crossing, t0
    duration: NDArray[np.float64]
    #: integral of the activity above the threshold, activity times t0
    size: NDArray[np.float64]
    #: largest activity
    peak: NDArray[np.float64]
    #: whether the series begins or ends within it, so that duration and size are too small
    cut: NDArray[np.bool_]
    #: what the activity exceeds
    threshold: float


def find_avalanches(
    time: ArrayLike, activity: ArrayLike, threshold: float, *, keep_cut: bool = False
) -> Avalanches:
    """Find the excursions of a series above a threshold.

    Parameters
    ----------
    time : array_like, shape (n,)
        Ascending times, in t0.
    activity : array_like, shape (n,)
        Activity at these times.
    threshold : float
        An entry above it belongs to an avalanche; one equal to it does not.
    keep_cut : bool
        Keep excursions that are under way at the first or the last time, and mark them. They are
        dropped otherwise, which loses long ones more often than short ones: durations near that
        of the series are under-represented.

    Returns
    -------
    Avalanches

    Raises
    ------
    ValueError
        If times do not ascend, or something is not finite.
    """
    times, values = real_array("time", time, ndim=1), real_array("activity", activity, ndim=1)
    if times.shape != values.shape or times.size < 2:
        raise ValueError(
            "time and activity must have one shape (n,), n at least 2, "
            f"got {times.shape} and {values.shape}"
        )
    if not np.all(np.diff(times) > 0):
        raise ValueError("time must ascend")
    threshold = check_number("threshold", threshold)
    excess = values - threshold
    above = np.concatenate([[False], excess > 0, [False]])
    first = np.flatnonzero(above[1:-1] & ~above[:-2])  # first and last entry of each excursion
    last = np.flatnonzero(above[1:-1] & ~above[2:])
    start, stop = times[first].copy(), times[last].copy()
    entered, left = first > 0, last < times.size - 1
    start[entered] = _crossing(times, excess, first[entered] - 1)
    stop[left] = _crossing(times, excess, last[left])
    ends = list(zip(first.tolist(), last.tolist(), strict=True))
    sizes = np.array([_area(times, excess, i, k) for i, k in ends], dtype=np.float64)
    peaks = np.array([values[i : k + 1].max() for i, k in ends], dtype=np.float64)
    cut = ~(entered & left)
    kept = np.ones_like(cut) if keep_cut else ~cut
    return Avalanches(
        start=start[kept],
        duration=(stop - start)[kept],
        size=sizes[kept],
        peak=peaks[kept],
        cut=cut[kept],
        threshold=float(threshold),
    )


def avalanche_threshold(activity: ArrayLike, multiple: float = 1.25) -> float:
    """Threshold as a multiple of the quiet level, the median of the activity.

    The median is over the entries given, which should be the window that is analysed, at even
    spacing in time: where the mean falls all the time, as in creep without sources, the median of
    the whole takes the beginning for one avalanche. It is the quiet level only if avalanches
    take up less than half of the time.

    Parameters
    ----------
    activity : array_like, shape (n,)
        Positive for the most part, such as the sum of abs(v).
    multiple : float
        Threshold over median, above 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the activity is not finite or its median not positive, or the multiple not above 1.
    """
    values = real_array("activity", activity)
    if values.size == 0:
        raise ValueError("activity must have at least one entry")
    multiple = check_number("multiple", multiple, above=1.0)
    level = float(np.median(values))
    if not level > 0:
        raise ValueError(f"activity must have a positive median, got {level!r}")
    return float(multiple * level)


def logarithmic_histogram(
    values: ArrayLike, *, per_decade: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Count positive values in bins of equal ratio, with edges at powers of 10**(1/per_decade).

    Parameters
    ----------
    values : array_like, shape (n,)
        Sizes or durations.
    per_decade : int
        Bins a decade.

    Returns
    -------
    edges : ndarray, shape (n_bins + 1,)
    counts : ndarray of int, shape (n_bins,)
    density : ndarray, shape (n_bins,)
        Counts over their sum and the width of the bin.

    Raises
    ------
    ValueError
        If there are no values, or one is not positive and finite.
    """
    array = real_array("values", values).ravel()
    if array.size == 0 or not np.all(array > 0):
        raise ValueError("values must be positive, at least one")
    check_integer("per_decade", per_decade, 1)
    place = np.floor(np.log10(array) * per_decade).astype(np.int64)
    low, high = int(place.min()), int(place.max())
    edges = 10.0 ** (np.arange(low, high + 2) / per_decade)
    counts = np.bincount(place - low, minlength=high - low + 1)
    return edges, counts, counts / (array.size * np.diff(edges))


def _crossing(
    times: NDArray[np.float64], excess: NDArray[np.float64], before: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Where the line from entry `before` to the next one is zero."""
    part = excess[before] / (excess[before] - excess[before + 1])
    return np.asarray(times[before] + part * (times[before + 1] - times[before]))


def _area(times: NDArray[np.float64], excess: NDArray[np.float64], first: int, last: int) -> float:
    """Integral of the excess over an excursion, with the triangles at its ends."""
    area = float(np.trapezoid(excess[first : last + 1], times[first : last + 1]))
    for inner, outer in ((first, first - 1), (last, last + 1)):
        if 0 <= outer < times.size:
            fall = excess[inner] / (excess[inner] - excess[outer])
            area += 0.5 * excess[inner] * fall * abs(times[outer] - times[inner])
    return area
