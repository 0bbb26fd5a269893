"""The search for alpha and delta: from one start, or from the low places of a coarse scan.

Nelder and Mead's method goes downhill from where it starts. The cost of a truncated power law has
more than one valley, and by the nodes rule it is a staircase in delta, on whose steps a simplex
collapses. So without a start the cost is first looked at on a coarse net, at a few times of the
data; searches go from its lowest local minima, the best one starts again until nothing is gained,
and by the nodes rule the number of cells in delta is then tried up and down. With a start there is
one search, as in the paper.

Without a start distances are told in half-lengths of the grid, so that the unit of length doesn't
matter; with one, tolerances are in the data's own unit, as the paper's and scipy's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from nlbook.checks import check_integer, check_number
from nlbook.identification.bilevel.nelder_mead import SearchPath, minimise
from nlbook.identification.columns import Columns

__all__ = ["Bounds", "SearchResult", "Searches", "search_kernel"]

Bounds = tuple[tuple[float, float], tuple[float, float]]
"""Least and largest alpha, least and largest delta."""

Cost = Callable[..., float]

# Points of the scan in alpha and in delta, and the searches that follow.
_SCANNED = (13, 13)
# Times at which it compares.
_PREVIEW = 10
_SEARCHES = 4
# A search that starts again from where it ended may do so this often.
_AGAIN = 5


@dataclass(frozen=True, eq=False)
class Searches(Columns):
    """Where each search began and ended, the best first, and its least cost."""

    first_alpha: NDArray[np.float64]  #: alpha at the start (n_searches,)
    first_horizon: NDArray[np.float64]  #: delta there, length
    alpha: NDArray[np.float64]  #: alpha at the end
    horizon: NDArray[np.float64]  #: delta there, length
    cost: NDArray[np.float64]  #: there


@dataclass(frozen=True)
class SearchResult:
    """The best search, and what the others came to."""

    #: the search that came to the least cost; its points are alpha and delta
    best: SearchPath
    #: all searches
    searches: Searches
    #: evaluations in all, the scan's included
    n_evaluations: int


def search_kernel(
    cost: Cost,
    bounds: Bounds,
    *,
    start: tuple[float, float] | None,
    length: float,
    cell: float | None,
    tolerance: float,
    max_evaluations: int,
) -> SearchResult:
    """Find the alpha and delta of least cost.

    Parameters
    ----------
    cost : callable
        Of alpha and delta; and of a number of times, where it is to be rough and cheap.
    bounds : Bounds
        Of both.
    start : (float, float) or None
        Where a single search starts; None for a scan and several.
    length : float
        Unit of delta for the tolerance of several searches.
    cell : float or None
        Where the cost depends on the whole cells in delta alone, their length.
    tolerance, max_evaluations
        As in `nlbook.identification.bilevel.nelder_mead.minimise`, the latter of each search.

    Returns
    -------
    SearchResult

    Raises
    ------
    ValueError
        As `minimise`; or if the cost is infinite wherever the scan looks.
    """
    check_number("tolerance", tolerance, above=0.0)
    check_integer("max_evaluations", max_evaluations, 1)
    if start is not None:
        length = 1.0
    scaled = (bounds[0], (bounds[1][0] / length, bounds[1][1] / length))

    def from_place(place: NDArray[np.float64], wide: NDArray[np.float64] | None) -> SearchPath:
        return minimise(
            lambda point: cost(float(point[0]), float(point[1]) * length),
            (float(place[0]), float(place[1])),
            scaled,
            tolerance=tolerance,
            max_evaluations=max_evaluations,
            widths=None if wide is None else wide.tolist(),
        )

    if start is not None:
        alone = from_place(np.array([start[0], start[1] / length]), None)
        return _result([alone], alone, length, len(alone.points))

    def preview(alpha: float, horizon: float) -> float:
        return cost(alpha, horizon, _PREVIEW)

    places, n_scanned = _low_places(preview, bounds)
    unit = np.array([1.0, length])
    wide = np.array([(bounds[0][1] - bounds[0][0]) / _SCANNED[0], 0.0])
    paths = []
    for place in places:
        wide[1] = max(0.2 * place[1], 3.0 * (cell or 0.0)) / length
        try:
            paths.append(from_place(place / unit, wide))
        except ValueError:  # the preview was finite, the cost itself is not
            continue
    if not paths:
        raise ValueError("no search could start: the cost is infinite wherever the scan looked")
    paths.sort(key=lambda path: float(path.costs.min()))
    n_evaluations = n_scanned + sum(len(path.points) for path in paths)

    def walk(path: SearchPath) -> SearchPath:
        nonlocal n_evaluations
        if cell is None:
            return path
        walked, tried = _walk_cells(cost, preview, path, bounds, cell, length, tolerance)
        n_evaluations += tried
        return walked

    # two, so that one can confirm the other
    paths[:2] = [walk(path) for path in paths[:2]]
    best = min(paths, key=lambda path: float(path.costs.min()))
    for _ in range(_AGAIN):
        place = best.points[best.best]
        wide = np.array([0.05, max(0.05 * place[1], 2.0 * (cell or 0.0) / length)])
        again = walk(from_place(place, wide))
        n_evaluations += len(again.points)
        gained = float(best.costs.min() - again.costs.min())
        if gained > 0:
            best = _joined(best, again)
        if not gained > 1e-3 * float(best.costs.min()):
            break
    return _result(paths, best, length, n_evaluations)


def _low_places(preview: Cost, bounds: Bounds) -> tuple[NDArray[np.float64], int]:
    """Lowest local minima of the preview on a net, (n, 2), best first; and its points."""
    (low, high), (near, far) = bounds
    step = (high - low) / _SCANNED[0]
    alphas = low + step * (0.5 + np.arange(_SCANNED[0]))
    radii = np.geomspace(near, far, _SCANNED[1] + 2)[1:-1]
    costs = np.array([[preview(float(a), float(r)) for r in radii] for a in alphas])
    around = np.pad(costs, 1, constant_values=math.inf)
    lowest = np.min(
        [
            around[1 + i : 1 + i + costs.shape[0], 1 + j : 1 + j + costs.shape[1]]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ],
        axis=0,
    )
    minima = np.argwhere((costs <= lowest) & np.isfinite(costs))
    if not minima.size:
        raise ValueError(
            f"densities must spread by some kernel within the bounds: none of the {costs.size} "
            f"that were looked at can evolve them"
        )
    order = np.argsort([costs[i, j] for i, j in minima], kind="stable")[:_SEARCHES]
    places = [[alphas[i], radii[j]] for i, j in minima[order]]
    # with few minima, the best points that are left: neighbours start other simplexes
    for flat in np.argsort(costs, axis=None, kind="stable"):
        if len(places) >= _SEARCHES or not math.isfinite(costs.flat[flat]):
            break
        i, j = divmod(int(flat), costs.shape[1])
        if [alphas[i], radii[j]] not in places:
            places.append([alphas[i], radii[j]])
    return np.array(places, dtype=np.float64), costs.size


def _walk_cells(
    cost: Cost,
    preview: Cost,
    path: SearchPath,
    bounds: Bounds,
    cell: float,
    length: float,
    tolerance: float,
) -> tuple[SearchPath, int]:
    """Try fewer and more cells in delta, each with its best alpha, until no number is better."""
    points: list[list[float]] = []
    costs: list[float] = []
    ends: list[int] = []
    radius = float(path.points[path.best][1]) * length
    least = float(path.costs.min())
    (low, high), (near, far) = bounds
    number = math.floor(radius / cell * (1 + 1e-12))
    first, last = math.ceil(near / cell * (1 - 1e-12)), math.floor(far / cell * (1 + 1e-12))
    net = np.linspace(low, high, 2 * _SCANNED[0] + 1)
    n_previews = 0

    def best_cost(cells: int) -> float:
        nonlocal n_previews
        # the middle of the plateau, so that rounding doesn't decide
        at = min((cells + 0.5) * cell, far)

        def one(alpha: float) -> float:
            points.append([alpha, at / length])
            costs.append(cost(float(alpha), at))
            return costs[-1]

        seen = [preview(alpha, at) for alpha in net.tolist()]
        n_previews += len(seen)
        if not math.isfinite(min(seen)):
            return math.inf
        k = int(np.argmin(seen))
        around = (float(net[max(k - 1, 0)]), float(net[min(k + 1, net.size - 1)]))
        least_near = optimize.minimize_scalar(
            one, bounds=around, method="bounded", options={"xatol": tolerance}
        )
        return float(least_near.fun)

    stride = max(1, number // 8)
    tried = {number}
    while stride >= 1:
        for cells in (number - stride, number + stride):
            if not first <= cells <= last or cells in tried:
                continue
            tried.add(cells)
            before, lowest = len(costs), best_cost(cells)
            if lowest < least * (1 - 1e-9):
                least, number = lowest, cells
                ends.append(len(path.points) + before + int(np.argmin(costs[before:])))
                break
        else:
            stride //= 2
    if not ends:
        return path, len(points) + n_previews
    walked = SearchPath(
        np.concatenate([path.points, points]),
        np.concatenate([path.costs, costs]),
        np.concatenate([path.iterations, np.array(ends, dtype=np.int64)]),
        path.converged,
    )
    return walked, len(points) + n_previews


def _joined(first: SearchPath, second: SearchPath) -> SearchPath:
    """One search after another."""
    return SearchPath(
        np.concatenate([first.points, second.points]),
        np.concatenate([first.costs, second.costs]),
        np.concatenate([first.iterations, second.iterations + len(first.points)]),
        second.converged,
    )


def _result(
    paths: list[SearchPath], best: SearchPath, length: float, n_evaluations: int
) -> SearchResult:
    unit = np.array([1.0, length])
    rows = [
        [*(path.points[0] * unit), *(path.points[path.best] * unit), path.costs.min()]
        for path in paths
    ]
    at = SearchPath(best.points * unit, best.costs, best.iterations, best.converged)
    return SearchResult(at, Searches(*np.array(rows, dtype=np.float64).T), n_evaluations)
