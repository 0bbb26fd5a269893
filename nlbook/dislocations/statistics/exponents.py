"""What an ensemble of creep runs says: exponents of a curve, and how far they can be trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array

__all__ = ["extrapolation_errors", "local_exponents", "number_changes"]


def number_changes(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """What each part of an ensemble says about the relative change of its number.

    The change is that of the total (equally, of the mean over realizations): sum(after) over
    sum(before), less one. (The mean of the parts' own changes is another number: it gives a
    dislocation more weight where there are few.) The value of a part is

        c_k = R - 1 + (after_k - R before_k)/mean(before),      R = sum(after)/sum(before) ,

    so that the mean of all values is the change, and their standard deviation over the root of
    their number its standard error, to first order in the scatter. Differences of two ensembles
    over the same realizations follow from the differences of their values.

    Parameters
    ----------
    before, after : array_like, shape (n,)
        Numbers in each realization, or sums over each batch of them, at two times; not negative.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If a number is negative, or nothing was there before.

    Examples
    --------
    >>> values = number_changes([100, 300], [110, 290])
    >>> float(values.mean())  # 400 before and after; the parts' own changes are +10 and -3.3 %
    0.0
    >>> values
    array([ 0.05, -0.05])
    """
    first, last = real_array("before", before, ndim=1), real_array("after", after, ndim=1)
    if first.shape != last.shape or not first.size:
        raise ValueError(
            f"before and after must have one shape (n,), got {first.shape} and {last.shape}"
        )
    for name, values in (("before", first), ("after", last)):
        if np.any(values < 0):
            raise ValueError(f"{name} must not be negative, got {values.min():g}")
    if not first.sum() > 0:
        raise ValueError("before must hold something: of nothing there is no relative change")
    ratio = last.sum() / first.sum()
    return np.asarray(ratio - 1.0 + (last - ratio * first) / first.mean())


def local_exponents(
    time: ArrayLike, curves: ArrayLike, *, factor: float = 3.0, n_windows: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Exponents m of ``mean curve ~ time**m`` over windows of a factor in time.

    Parameters
    ----------
    time : array_like, shape (n,)
        Ascending times, the first of which may be zero.
    curves : array_like, shape (m, n)
        One row a realization or batch; their mean is positive at the ends of the windows.
    factor : float
        Ratio of the ends of a window.
    n_windows : int
        Number of windows, side by side, the last one ending with `time`.

    Returns
    -------
    centres, exponents, errors : ndarray, shape (n_windows,)
        Geometric mean of each window's ends, the slope of the logarithm of the mean curve
        against that of time between them, and its standard error from leaving out one row at a
        time (the jackknife; zero for a single row).

    Raises
    ------
    ValueError
        If times or values do not allow a logarithm, or a window falls between two times.
    """
    times, values = real_array("time", time, ndim=1), real_array("curves", curves, ndim=2)
    factor = check_number("factor", factor, above=1.0)
    check_integer("n_windows", n_windows, 1)
    if values.shape[1:] != times.shape or not times.size:
        raise ValueError(f"curves must be rows over time, got {values.shape} and {times.shape}")
    at = _marks(times, times[-1] / factor ** np.arange(n_windows, -1, -1.0))
    _check_positive(values.mean(axis=0)[at], "mean of the curves")
    ends = times[at]

    def slopes(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        logs = np.log(np.maximum(rows.mean(axis=0)[at], np.finfo(np.float64).tiny))
        return np.asarray(np.diff(logs) / np.diff(np.log(ends)))

    count = len(values)
    left_out = np.array([slopes(np.delete(values, k, axis=0)) for k in range(count * (count > 1))])
    errors = np.zeros(n_windows)
    if count > 1:
        errors = np.sqrt((count - 1) * left_out.var(axis=0))
    return np.sqrt(ends[1:] * ends[:-1]), slopes(values), errors


def extrapolation_errors(
    time: ArrayLike, curves: ArrayLike, *, start: float, stop: float
) -> NDArray[np.float64]:
    """Relative errors of a power law that is fitted early, at the end of curves left out.

    For each curve, a straight line through the logarithms of the mean of all others over
    start <= time <= stop is continued to the last time.

    Parameters
    ----------
    time : array_like, shape (n,)
        Ascending times.
    curves : array_like, shape (m, n)
        One row a realization, m at least 2.
    start, stop : float
        Window of the fit.

    Returns
    -------
    ndarray, shape (m,)
        Prediction over truth, less one.

    Raises
    ------
    ValueError
        If there is one curve only, or values in the window are not positive.
    """
    times, values = real_array("time", time, ndim=1), real_array("curves", curves, ndim=2)
    if values.shape[0] < 2 or values.shape[1:] != times.shape:
        raise ValueError(
            f"curves must be two or more rows over time, got {values.shape} and {times.shape}"
        )
    start = check_number("start", start, above=0.0)
    first, last = _marks(times, np.array([start, check_number("stop", stop, above=start)]))
    # to the last time within the window: `stop` need not be among them
    last = int(np.searchsorted(times, stop * (1 + 1e-9), side="right")) - 1
    if last <= first:
        raise ValueError(f"time must have two entries in start..stop={start:g}..{stop:g}")
    window = slice(first, last + 1)
    errors = np.empty(values.shape[0])
    for k in range(errors.size):
        others = np.delete(values, k, axis=0).mean(axis=0)
        _check_positive(others[window], "curves")
        power, level = np.polyfit(np.log(times[window]), np.log(others[window]), 1)
        errors[k] = np.exp(level + power * np.log(times[-1])) / values[k, -1] - 1.0
    return errors


def _marks(times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the first time at or after each of `wanted`."""
    at = np.searchsorted(times, wanted * (1 - 1e-9))
    if np.any(np.diff(at) < 1) or times[at[0]] <= 0 or at[-1] >= times.size:
        raise ValueError(f"time must resolve the windows {wanted.tolist()}: record it more often")
    return at


def _check_positive(values: NDArray[np.float64], name: str) -> None:
    if not np.all(values > 0):
        raise ValueError(f"{name} must be positive where it is fitted, got {values.min()!r}")
