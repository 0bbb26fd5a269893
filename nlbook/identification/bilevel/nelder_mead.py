"""Nelder and Mead's search within bounds, with a record of the way that it took."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from nlbook.checks import check_integer, check_number

__all__ = ["SearchPath", "minimise"]


@dataclass(frozen=True)
class SearchPath:
    """A search: all points that it tried, and the best one after each iteration."""

    points: NDArray[np.float64]  #: (n_evaluations, n), in their order
    costs: NDArray[np.float64]  #: (n_evaluations,)
    iterations: NDArray[np.int64]  #: evaluation that was the best after each iteration
    converged: bool  #: whether points and costs came as near to one another as asked

    @property
    def best(self) -> int:
        """Number of the best evaluation."""
        return int(np.argmin(self.costs))


def minimise(
    function: Callable[[NDArray[np.float64]], float],
    start: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    *,
    tolerance: float = 1e-4,
    max_evaluations: int = 1000,
    widths: Sequence[float] | None = None,
) -> SearchPath:
    """Search for the least value with scipy's Nelder-Mead method.

    Parameters
    ----------
    function : callable
        Of a point; may be infinite, but not at the start.
    start : sequence of float
        Within the bounds; the first simplex is 5 % of it wide, where no widths are given.
    bounds : sequence of (float, float)
        Of each number; points beyond are moved to the bound.
    tolerance : float
        Largest distance of the simplex's points in each number, and of their costs, at which the
        search ends. scipy's default.
    max_evaluations : int
        Where it ends in any case.
    widths : sequence of float, optional
        Of the first simplex, in each number; towards the farther bound where one is near.

    Returns
    -------
    SearchPath

    Raises
    ------
    ValueError
        If the start is not within the bounds, or the cost is not finite there; or a number is out
        of range.
    """
    if len(start) != len(bounds):
        raise ValueError(f"start must have {len(bounds)} numbers, as bounds, got {len(start)}")
    check_number("tolerance", tolerance, above=0.0)
    check_integer("max_evaluations", max_evaluations, 1)
    for number, (low, high) in zip(start, bounds, strict=True):
        if not low <= number <= high:
            raise ValueError(f"start must lie within the bounds {low:g} .. {high:g}, got {number}")
    points: list[NDArray[np.float64]] = []
    costs: list[float] = []
    iterations: list[int] = []

    def evaluate(point: NDArray[np.float64]) -> float:
        cost = float(function(point))
        if not points and not math.isfinite(cost):
            raise ValueError(f"start must have a finite cost, got {cost!r} at {tuple(point)}")
        points.append(point.copy())
        costs.append(cost)
        return cost

    simplex = None
    if widths is not None:
        simplex = np.tile(np.asarray(start, dtype=np.float64), (len(start) + 1, 1))
        for k, (number, width, (low, high)) in enumerate(zip(start, widths, bounds, strict=True)):
            step = width if high - number >= number - low else -width
            simplex[k + 1, k] = min(max(number + step, low), high)
    result = optimize.minimize(
        evaluate,
        np.asarray(start, dtype=np.float64),
        method="Nelder-Mead",
        bounds=list(bounds),
        callback=lambda point: iterations.append(int(np.argmin(costs))),
        options={
            "xatol": tolerance,
            "fatol": tolerance,
            "maxfev": max_evaluations,
            "initial_simplex": simplex,
        },
    )
    return SearchPath(
        np.array(points), np.array(costs), np.array(iterations, dtype=np.int64), result.success
    )
