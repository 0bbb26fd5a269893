"""What a fit must say about itself: in words, where its answer is not what it seems."""

from __future__ import annotations

import math

import numpy as np

from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.level_one import inner_products
from nlbook.identification.bilevel.objective import Objective
from nlbook.identification.bilevel.search import Searches

__all__ = ["FitWarning", "asymmetry_in_words", "level_one_error", "remarks_on_fit"]

# A bound is met within this part of its range.
_AT_BOUND = 1e-3
# Searches disagree where they end so much above the best, or as low and elsewhere.
_ABOVE, _ALPHA_APART, _HORIZON_APART = 0.02, 0.05, 0.1
_NOTHING = 1e-3
# Level 1 errs by more than this part on densities that obey the law.
_LEVEL_ONE = 0.02
# Samples below which an estimate's own kernel moves a fit by more than its interval.
_FEW_SAMPLES = 5000
# A drift counts that has this part of the growth of the mean square, and so many standard errors.
_DRIFT, _ERRORS = 0.05, 5.0


class FitWarning(UserWarning):
    """A fit whose answer is not what it seems, or a prediction that loses mass."""


def remarks_on_fit(
    snapshots: DensitySnapshots,
    best: tuple[float, float, float],
    bounds: tuple[tuple[float, float], tuple[float, float]],
    searches: Searches,
    converged: bool,
    error: float = 0.0,
    *,
    even: bool = True,
) -> tuple[str, ...]:
    """All that is to be said of a fit.

    Parameters
    ----------
    snapshots : DensitySnapshots
        The data.
    best : (float, float, float)
        alpha, delta and the cost.
    bounds : ((float, float), (float, float))
        Of alpha and delta.
    searches : Searches
        All that were made.
    converged : bool
        Whether the best search ended by its tolerance.
    error : float
        See `level_one_error`.
    even : bool
        Whether the law is the same to both sides, as the data must then be.
    """
    said = []
    if not converged:
        said.append("the search stopped at max_evaluations, before its tolerance was met")
    for name, value, (low, high) in zip(("alpha", "horizon"), best, bounds, strict=False):
        near = _AT_BOUND * (high - low)
        if value - low <= near or high - value <= near:
            said.append(
                f"{name} ended at its bound, {value:.6g} of {low:.6g} .. {high:.6g}: the data "
                f"bound it from one side only, or the law is another"
            )
    said += _disagreement(best, searches)
    if abs(error) > _LEVEL_ONE:
        said.append(
            f"snapshots are too far apart in time: on densities that obey the fitted law Level 1 "
            f"would be {100 * error:+.0f} % off in the coefficient; more times are needed"
        )
    if snapshots.n_samples is not None:
        fewest = float(np.min(snapshots.n_samples))
        if fewest < _FEW_SAMPLES:
            said.append(
                f"densities are of {fewest:.0f} samples: with so few the estimate's own kernel "
                f"moves the fit; parametric_bootstrap says by how much"
            )
    uneven = asymmetry_in_words(snapshots) if even else None
    if uneven is not None:
        said.append(uneven)
    return tuple(said)


def _disagreement(best: tuple[float, float, float], searches: Searches) -> list[str]:
    if len(searches) < 2:
        return []
    alpha, horizon, least = best
    costs = searches.cost
    low = costs <= least * (1 + _ABOVE)
    apart = (np.abs(searches.alpha - alpha) > _ALPHA_APART) | (
        np.abs(searches.horizon / horizon - 1) > _HORIZON_APART
    )
    said = []
    if np.any(low & apart):
        k = int(np.flatnonzero(low & apart)[np.argmin(costs[low & apart])])
        said.append(
            f"searches disagree: one ended at alpha {searches.alpha[k]:.4g}, horizon "
            f"{searches.horizon[k]:.4g} for a cost within {100 * _ABOVE:.0f} % of the least, at "
            f"alpha {alpha:.4g}, horizon {horizon:.4g}: the data don't tell these apart"
        )
    # near zero, what searches leave is their tolerance
    high = costs > least * (1 + _ABOVE) + _NOTHING
    if np.count_nonzero(~high) < 2:
        said.append(
            f"searches disagree: {np.count_nonzero(high)} of {len(searches)} ended at costs of "
            f"{costs[high].min():.4g} and more, the best at {least:.4g}: there may be better ones"
        )
    return said


def asymmetry_in_words(snapshots: DensitySnapshots) -> str | None:
    """Whether a kernel that is the same to both sides can't be what moved the data, and why."""
    grid = snapshots.grid
    share = snapshots.density / snapshots.density.sum(axis=1, keepdims=True)
    mean = share @ grid
    symmetrised = snapshots.mean is not None and np.asarray(snapshots.mean).ndim == 2
    if symmetrised:
        mean = np.asarray(snapshots.mean)[:, 0]  # before it was made symmetric
    square = share @ grid**2
    drift = float(mean[-1] - mean[0])
    growth = float(square[-1] - square[0])
    error = 0.0
    if snapshots.n_samples is not None:
        error = math.sqrt(float(square[-1]) / float(snapshots.n_samples[-1]))
    if drift**2 > _DRIFT * max(growth, 0.0) and abs(drift) > _ERRORS * error:
        if symmetrised and not np.allclose(snapshots.mean[:, 1], mean):  # type: ignore[index]
            return (
                f"densities were made symmetric, but before that their mean moved by {drift:.4g}: "
                f"the drift is now in the spreading; symmetry=None and fit_one_sided tell it apart"
            )
        return (
            f"the densities' mean moves by {drift:.4g}, which no kernel that is the same to both "
            f"sides can do: see fit_one_sided"
        )
    if np.any(snapshots.asymmetric):
        return (
            "densities are not the same to both sides, as a symmetric kernel has it: see "
            "fit_one_sided"
        )
    return None


def level_one_error(
    objective: Objective, alpha: float, horizon: float, coefficient: float
) -> float:
    """Relative error of Level 1 on densities at the same times that obey the law exactly.

    They lie apart in time, and between them something has to be assumed. Steps of forward Euler
    as in the paper assume nothing where each step is a snapshot.
    """
    operator = objective.operator(objective.trial_kernel(alpha, horizon))
    start, times, dt = objective.data_at(0), objective.snapshots.times, objective.dt
    steps = (times - times[0]) / dt
    whole = np.rint(steps).astype(np.int64)
    if np.any(np.abs(steps - whole) > 0.01 * np.diff(steps).min()):
        return 0.0  # a given dt, and snapshots between steps: nothing obeys the law there
    rows = operator.evolve(
        start, dt * coefficient, int(whole[-1]), snapshots=whole,
        method=objective.settings.method, check=False,
    )  # fmt: skip
    products = inner_products(np.maximum(rows, 0.0), objective.equations)
    return float(products.coefficients(objective.weights(operator))[0]) / coefficient - 1
