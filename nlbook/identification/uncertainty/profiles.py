"""How far data determine a power law: the cost around its least value.

A fit returns one kernel whatever the data say. A profile shows the others that do nearly as well:
the cost over alpha and delta, with Level 1's coefficient at each; or over alpha and the
coefficient, told by its variance rate, at one delta. Along a flat direction the data decide
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.objective import Objective
from nlbook.identification.bilevel.power_law import variance_rate
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.parallel import run_tasks

__all__ = ["CostProfile", "RateProfile", "profile_cost", "profile_rate", "profile_task"]

# Points that are evaluated as one task, so that what is computed once for the data is shared.
_SHARD = 128


@dataclass(frozen=True)
class CostProfile:
    """Cost over alpha and delta; infinite where nothing can evolve."""

    #: decay exponents (n_alpha,)
    alpha: NDArray[np.float64]
    #: radii of interaction, length (n_horizon,)
    horizon: NDArray[np.float64]
    #: mean logarithmic absolute error of training (n_alpha, n_horizon)
    cost: NDArray[np.float64]
    #: D of Level 1 (n_alpha, n_horizon)
    coefficient: NDArray[np.float64]

    def within(self, share: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of alpha and of delta where the cost is at most (1 + share) times its least."""
        near = self.cost <= (1 + share) * self.cost.min()
        alpha, horizon = self.alpha[near.any(axis=1)], self.horizon[near.any(axis=0)]
        return (
            (float(alpha.min()), float(alpha.max())),
            (float(horizon.min()), float(horizon.max())),
        )


@dataclass(frozen=True)
class RateProfile:
    """Cost over alpha and the variance rate, at one delta; infinite where nothing can evolve."""

    #: decay exponents (n_alpha,)
    alpha: NDArray[np.float64]
    #: growth of the variance under the operator on the grid, length**2 / time (n_rate,)
    rate: NDArray[np.float64]
    #: mean logarithmic absolute error of training (n_alpha, n_rate)
    cost: NDArray[np.float64]
    #: variance rate that Level 1 gives (n_alpha,)
    least_squares: NDArray[np.float64]


def profile_cost(
    snapshots: DensitySnapshots,
    settings: FitSettings | None,
    alpha: ArrayLike,
    horizon: ArrayLike,
    *,
    cluster: Any = None,
    workers: int | None = None,
) -> CostProfile:
    """Evaluate the objective over alpha and delta.

    Parameters
    ----------
    snapshots, settings
        As in `nlbook.identification.fit_power_law`.
    alpha, horizon : array_like, shape (n_alpha,), (n_horizon,)
        Where.
    cluster, workers
        As in `nlbook.parallel.run_tasks`.

    Returns
    -------
    CostProfile
        The same to the bit whatever the number of workers.
    """
    exponents, radii = (
        real_array(name, value, ndim=1) for name, value in (("alpha", alpha), ("horizon", horizon))
    )
    points = np.stack(np.meshgrid(exponents, radii, indexing="ij"), axis=-1).reshape(-1, 2)
    free = np.full((len(points), 1), np.nan)
    table = _evaluate(snapshots, settings, np.hstack([points, free]), cluster, workers)
    shape = (exponents.size, radii.size)
    return CostProfile(
        exponents, radii, table["cost"].reshape(shape), table["coefficient"].reshape(shape)
    )


def profile_rate(
    snapshots: DensitySnapshots,
    settings: FitSettings | None,
    alpha: ArrayLike,
    rate: ArrayLike,
    horizon: float,
    *,
    cluster: Any = None,
    workers: int | None = None,
) -> RateProfile:
    """Evaluate the cost over alpha and the variance rate, whatever Level 1 would have chosen.

    Parameters
    ----------
    snapshots, settings
        As in `nlbook.identification.fit_power_law`.
    alpha, rate : array_like, shape (n_alpha,), (n_rate,)
        Where; rates in length**2 / time.
    horizon : float
        delta.
    cluster, workers
        As in `nlbook.parallel.run_tasks`.

    Returns
    -------
    RateProfile
    """
    exponents, rates = (
        real_array(name, value, ndim=1) for name, value in (("alpha", alpha), ("rate", rate))
    )
    points = [(a, horizon, r) for a in exponents.tolist() for r in (math.nan, *rates.tolist())]
    table = _evaluate(snapshots, settings, np.array(points), cluster, workers)
    costs, by_level_one = (
        table[name].reshape(exponents.size, rates.size + 1) for name in ("cost", "rate")
    )
    return RateProfile(exponents, rates, costs[:, 1:], by_level_one[:, 0])


def profile_task(
    snapshots: DensitySnapshots, settings: FitSettings, points: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Evaluate the objective at some points (n, 3): alpha, delta, and a variance rate or nan.

    With nan the coefficient is that of Level 1. The result has the coefficient, the cost, and the
    variance rate of each.
    """
    objective = Objective(snapshots, settings)
    out = np.empty((len(points), 3))
    for row, (alpha, horizon, rate) in zip(out, points.tolist(), strict=True):
        operator = objective.operator(objective.trial_kernel(alpha, horizon))
        of_one = variance_rate(operator)
        coefficient = objective.coefficient(operator) if math.isnan(rate) else rate / of_one
        cost = math.inf
        if objective.problem(operator, coefficient) is None:
            cost = objective.training_cost(operator, coefficient)
        row[:] = coefficient, cost, coefficient * of_one
    return dict(zip(("coefficient", "cost", "rate"), out.T.copy(), strict=True))


def _evaluate(
    snapshots: DensitySnapshots,
    settings: FitSettings | None,
    points: NDArray[np.float64],
    cluster: Any,
    workers: int | None,
) -> dict[str, NDArray[np.float64]]:
    common = {"snapshots": snapshots, "settings": settings or FitSettings()}
    tasks = [{**common, "points": points[k : k + _SHARD]} for k in range(0, len(points), _SHARD)]
    results = run_tasks(profile_task, tasks, cluster=cluster, workers=workers, progress=False)
    return {
        name: np.concatenate([result[name] for result in results])
        for name in ("coefficient", "cost", "rate")
    }
