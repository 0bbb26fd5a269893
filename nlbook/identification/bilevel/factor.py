"""A power law times a polynomial: several coefficients at Level 1.

    K(r) = P(r/delta) / r**alpha,   P(t) = sum over m = 0..M of D_m B_{m,M}(t),

with Bernstein polynomials B_{m,M}. Each D_m has a column of its own in the least squares of
Level 1, among coefficients that are not negative, so that the density stays positive; alpha and
delta are searched as before. Degree 0 is the power law itself. The paper found that the factor
"does not increase the surrogate's prediction power" [1]_.

With several coefficients it matters what Level 1 asks for. Plain least squares, as in the paper,
counts the middle of the density alone, and chooses a kernel whose tails are wrong; least squares of
relative residuals (`relative`) asks for what the logarithmic cost compares.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia, M. Zayernouri, Comput. Methods Appl. Mech. Eng. 403
   (2023) 115743, section 5.1.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from nlbook.checks import check_integer
from nlbook.densities import DensitySnapshots
from nlbook.diffusion import DiffusionWarning, NonlocalDiffusion
from nlbook.identification.bilevel.level_one import relative_coefficients
from nlbook.identification.bilevel.objective import Objective
from nlbook.identification.bilevel.power_law import checked_bounds, variance_rate
from nlbook.identification.bilevel.prediction import evolved
from nlbook.identification.bilevel.search import Bounds, search_kernel
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning, remarks_on_fit
from nlbook.kernels import BernsteinKernel

__all__ = ["FactorFit", "fit_factor"]


@dataclass(frozen=True)
class FactorFit:
    """A fitted power law times a polynomial."""

    #: the kernel, D_m among its fields
    kernel: BernsteinKernel
    #: growth of the variance under the operator on the grid, length**2 / time
    variance_rate: float
    #: mean logarithmic absolute error over the training
    training_cost: float
    #: the same over the rest of the time; nan where there is none
    testing_cost: float
    #: relative l2 error of the last density, evolved from the first
    final_error: float
    #: evaluations of the objective
    n_evaluations: int
    #: whether the search came to an end by its tolerance
    converged: bool
    #: where the answer is not what it seems, in words
    warnings: tuple[str, ...]
    #: what was compared
    settings: FitSettings

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data; see `PowerLawFit.predict`."""
        return evolved(self.kernel, 1.0, self.settings, snapshots, times)

    def uncertainty(self) -> str:
        """Why the fit has no intervals."""
        return (
            "one fit has no interval: the cost is no likelihood, and its coefficients trade off "
            "against one another; fits to batches of realizations drawn anew "
            "(nlbook.densities.bootstrap_snapshots) show how far"
        )


def fit_factor(
    snapshots: DensitySnapshots,
    degree: int,
    settings: FitSettings | None = None,
    *,
    relative: bool = False,
    positive: bool = True,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-4,
    max_evaluations: int = 1000,
) -> FactorFit:
    """Fit alpha, delta and the coefficients of a Bernstein factor.

    Parameters
    ----------
    degree : int
        M, not negative.
    relative : bool
        Level 1 by least squares of relative residuals.
    positive : bool
        Keep coefficients from turning negative. Without, the kernel may change its sign; where
        some wave of the grid would then grow, coefficients that are not negative take its place.
    snapshots, settings, bounds, start, tolerance, max_evaluations
        As in `nlbook.identification.fit_power_law`.

    Returns
    -------
    FactorFit
        Its `warnings` are also raised as a `FitWarning` each.

    Raises
    ------
    ValueError
        As `nlbook.identification.fit_power_law`; and if the kernel at the start has no evolution.
    """
    degree = check_integer("degree", degree, 0)
    objective = Objective(snapshots, settings)
    bounds = checked_bounds(objective, bounds)
    between = objective.between_snapshots() if relative else None
    trials: dict[tuple[float, float], BernsteinKernel] = {}

    def cost(alpha: float, horizon: float, at_most: int | None = None) -> float:
        kernel = _best_kernel(objective, alpha, horizon, degree, between, positive)
        operator = objective.operator(kernel)
        if not positive and _smallest_symbol(operator) < 0:
            kernel = _best_kernel(objective, alpha, horizon, degree, between, True)
            operator = objective.operator(kernel)
        trials[alpha, horizon] = kernel
        if not operator.rate > 0 or objective.problem(operator, 1.0) is not None:
            return math.inf
        with warnings.catch_warnings():
            # of waves that may grow: its bound has a margin, the symbol itself was looked at
            warnings.simplefilter("ignore", DiffusionWarning)
            return objective.training_cost(operator, at_most=at_most)

    result = search_kernel(
        cost,
        bounds,
        start=start,
        length=objective.half_length,
        cell=objective.cell,
        tolerance=tolerance,
        max_evaluations=max_evaluations,
    )
    search = result.best
    alpha, horizon = search.points[search.best].tolist()
    cost(alpha, horizon)  # so that what is kept isn't a preview's
    kernel = trials[alpha, horizon]
    operator = objective.operator(kernel)
    best = (alpha, horizon, float(search.costs[search.best]))
    said = remarks_on_fit(snapshots, best, bounds, result.searches, search.converged)
    for remark in said:
        warnings.warn(remark, FitWarning, stacklevel=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DiffusionWarning)
        return FactorFit(
            kernel=kernel,
            variance_rate=variance_rate(operator),
            training_cost=best[2],
            testing_cost=objective.testing_cost(operator),
            final_error=objective.final_error(operator),
            n_evaluations=len(search.points),
            converged=search.converged,
            warnings=said,
            settings=objective.settings,
        )


def _smallest_symbol(operator: NonlocalDiffusion) -> float:
    """Of -L at closely spaced wavenumbers of the grid, less rounding, 1/time."""
    w = operator.weights
    waves = fft.rfft(np.append(0.0, w), fft.next_fast_len(16 * w.size, real=True)).real
    symbol = 2 * (w.sum() - waves)
    return float(symbol.min() + 1e-12 * symbol.max())


def _best_kernel(
    objective: Objective,
    alpha: float,
    horizon: float,
    degree: int,
    between: tuple[NDArray[np.float64], ...] | None,
    positive: bool,
) -> BernsteinKernel:
    """Level 1: the kernel with the best coefficients."""
    operators = [
        objective.operator(BernsteinKernel(tuple(unit), horizon, alpha))
        for unit in np.eye(degree + 1).tolist()
    ]
    if between is None:
        weights = np.array([objective.weights(operator) for operator in operators])
        best = objective.products.coefficients(weights, positive=positive)
    else:
        middle, rate, weight = between
        columns = np.array([operator.apply(middle) for operator in operators])
        best = relative_coefficients(columns, rate, weight, positive=positive)
    return BernsteinKernel(tuple(best.tolist()), horizon, alpha)
