"""The bi-level fit of a truncated power law to an evolving density.

    dp/dt (x, t) = integral over |y - x| < delta of D / |y - x|**alpha (p(y, t) - p(x, t)) dy

Level 1 gives D for any alpha and delta by least squares; Level 2 searches alpha and delta for the
least mean logarithmic absolute error of the evolution, by Nelder and Mead's method within bounds:
Algorithm 1 of the paper [1]_. With its quadrature (``rule="nodes"``) delta counts in whole cells
and the cost is a staircase in it; with ``rule="covered"``, the default, delta can be found between
nodes, and alpha is below 3. A search from one start misses the least cost often enough that by
default several start from the low places of a coarse scan (`nlbook.identification.bilevel.search`).

Near alpha = 3 the coefficient D alone says little: what an evolution feels is the rate at which
the variance of a density grows, 2 D delta**(3 - alpha)/(3 - alpha), which a fit reports as the
quadrature has it.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia, M. Zayernouri, Comput. Methods Appl. Mech. Eng. 403
   (2023) 115743, sections 5 and 6.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification.bilevel.objective import Objective, Trial
from nlbook.identification.bilevel.prediction import evolved
from nlbook.identification.bilevel.search import Bounds, Searches, search_kernel
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning, level_one_error, remarks_on_fit
from nlbook.identification.columns import Columns
from nlbook.kernels import PowerLawKernel

__all__ = [
    "PowerLawFit",
    "SearchProgress",
    "SearchTrials",
    "checked_bounds",
    "default_bounds",
    "fit_power_law",
    "predict",
    "silent_fit",
    "variance_rate",
]

# The covered rule has no weights at alpha = 3; at 1e-4 below, the operator is the local one to
# one part in a thousand.
_BELOW_THREE = 3 - 1e-4


@dataclass(frozen=True, eq=False)
class SearchTrials(Columns):
    """All evaluations of a search, in their order."""

    alpha: NDArray[np.float64]  #: decay exponents (n_evaluations,)
    horizon: NDArray[np.float64]  #: delta, length
    coefficient: NDArray[np.float64]  #: D of Level 1, length**(alpha - 1) / time
    cost: NDArray[np.float64]  #: of training; inf where nothing can evolve


@dataclass(frozen=True, eq=False)
class SearchProgress(Columns):
    """The best so far after each iteration of a search."""

    alpha: NDArray[np.float64]  #: decay exponents (n_iterations,)
    horizon: NDArray[np.float64]  #: delta, length
    coefficient: NDArray[np.float64]  #: D of Level 1, length**(alpha - 1) / time
    training_cost: NDArray[np.float64]  #: mean logarithmic absolute error
    testing_cost: NDArray[np.float64]  #: the same over the rest of the time


@dataclass(frozen=True)
class PowerLawFit:
    """A fitted power law, how well it does, and how it was found."""

    #: decay exponent
    alpha: float
    #: radius of interaction delta, length
    horizon: float
    #: D, length**(alpha - 1) / time
    coefficient: float
    #: growth of the variance under the operator on the grid, length**2 / time
    variance_rate: float
    #: mean logarithmic absolute error over the training
    training_cost: float
    #: the same over the rest of the time; nan where there is none
    testing_cost: float
    #: relative l2 error of the last density, evolved from the first
    final_error: float
    #: part of the nodes and times of training that lie above the floor
    compared: float
    #: iterations of the search that found it
    n_iterations: int
    #: evaluations of the objective in that search
    n_evaluations: int
    #: whether that search came to an end by its tolerance
    converged: bool
    #: where each search began and ended
    searches: Searches
    #: what is to be said of the fit, in words: a bound that was met, searches that disagree, data
    #: that aren't even, times that lie too far apart
    warnings: tuple[str, ...]
    #: all evaluations of that search
    path: SearchTrials
    #: best so far after each of its iterations
    iterations: SearchProgress
    #: what was compared
    settings: FitSettings
    #: range of alpha and of delta
    bounds: Bounds

    @property
    def kernel(self) -> PowerLawKernel:
        """The fitted kernel."""
        return PowerLawKernel(self.alpha, self.horizon, self.coefficient)

    @property
    def continuum_variance_rate(self) -> float:
        """2 D delta**(3 - alpha)/(3 - alpha), length**2 / time; infinite from alpha = 3 up."""
        if self.alpha >= 3:
            return math.inf
        return self.kernel.moment(2)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What `warnings` were called; deprecated."""
        warnings.warn("remarks are deprecated: take warnings", DeprecationWarning, stacklevel=2)
        return self.warnings

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data under the law, as it was fitted.

        Parameters
        ----------
        snapshots : DensitySnapshots
            Only the first density is used, and the grid.
        times : array_like, optional
            When the density is wanted, after the first of `snapshots`, ascending; also beyond the
            last. By whole steps if the fit took steps of forward Euler. By default at the times
            of `snapshots`.

        Returns
        -------
        DensitySnapshots
            A `FitWarning` says so if mass has left the grid, which then is no unbounded line.

        Raises
        ------
        ValueError
            If times are none, do not ascend, lie before the first, or are not whole steps after
            it.
        """
        trial = PowerLawKernel(self.alpha, self.horizon)
        return evolved(trial, self.coefficient, self.settings, snapshots, times)

    def uncertainty(self) -> str:
        """Why a single fit has no intervals, and what has."""
        return (
            "one fit has no interval: the cost is no likelihood, and the estimate of the densities "
            "moves it; bootstrap_power_law draws batches of realizations anew, and "
            "parametric_bootstrap tells what the method does to fits of known laws"
        )


def fit_power_law(
    snapshots: DensitySnapshots,
    settings: FitSettings | None = None,
    *,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-4,
    max_evaluations: int = 1000,
    communicator: Any = None,
) -> PowerLawFit:
    """Fit alpha, delta and D of a truncated power law to densities at several times.

    Parameters
    ----------
    snapshots : DensitySnapshots
        Densities on a uniform grid, linear in time in between.
    settings : FitSettings, optional
        Rule, time step, split, mask, and what the test starts from.
    bounds : ((float, float), (float, float)), optional
        Of alpha and delta; by default those of the paper: 0..4 (below 3 with the covered rule),
        and from one cell to the length of the grid.
    start : (float, float), optional
        First alpha and delta of a single search, as in the paper, whose own are 2 and half the
        length of the grid. By default several searches start where a coarse scan is low, and the
        best is kept.
    tolerance : float
        Of a search, in alpha, in delta and in the cost. Delta counts in half-lengths of the grid,
        with a start in its own unit.
    max_evaluations : int
        Of the objective in each search.
    communicator : mpi4py.MPI.Intracomm, optional
        Ranks that share the work; all of them call, and get the same fit.

    Returns
    -------
    PowerLawFit
        Its `warnings` are also raised as a `FitWarning` each.

    Raises
    ------
    ValueError
        If the densities cannot be used (see `Objective`), the
        grid is too short for the horizons asked for, or the evolution is not possible at the
        start, with the bound on dt where that is why.

    Examples
    --------
    >>> from nlbook.identification import (
    ...     FitSettings,
    ...     ForwardEuler,
    ...     fit_power_law,
    ...     manufactured_snapshots,
    ... )
    >>> from nlbook.kernels import PowerLawKernel
    >>> import numpy as np
    >>> true = PowerLawKernel(alpha=1.5, horizon=1.0, coefficient=0.1)
    >>> data = manufactured_snapshots(true, np.linspace(-1, 1, 51), dt=0.01, n_steps=100)
    >>> fit = fit_power_law(data, FitSettings(evolution=ForwardEuler(0.01)))
    >>> abs(fit.alpha - 1.5) < 0.01
    True
    """
    fit = silent_fit(
        snapshots,
        settings,
        bounds=bounds,
        start=start,
        tolerance=tolerance,
        max_evaluations=max_evaluations,
        communicator=communicator,
    )
    for said in fit.warnings:
        warnings.warn(said, FitWarning, stacklevel=2)
    return fit


def silent_fit(
    snapshots: DensitySnapshots,
    settings: FitSettings | None = None,
    *,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-4,
    max_evaluations: int = 1000,
    communicator: Any = None,
) -> PowerLawFit:
    """`fit_power_law`, whose words stand in the fit alone: for many at a time, in threads."""
    objective = Objective(snapshots, settings, communicator=communicator)
    bounds = checked_bounds(objective, bounds)
    if start is not None:
        start = _checked_start(objective, start, bounds)
    trials: list[Trial] = []
    known: dict[tuple[float, float], Trial] = {}

    def cost(alpha: float, horizon: float, at_most: int | None = None) -> float:
        trial = objective.evaluate(alpha, horizon, at_most=at_most)
        if at_most is None:
            known[alpha, horizon] = trial
        return trial.cost

    if start is None:
        _refuse_what_shrinks(objective)
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
    trials = [known[alpha, horizon] for alpha, horizon in search.points.tolist()]
    best = trials[search.best]
    operator = objective.operator(objective.trial_kernel(best.alpha, best.horizon))
    error = level_one_error(objective, best.alpha, best.horizon, best.coefficient)
    place = (best.alpha, best.horizon, best.cost)
    said = remarks_on_fit(snapshots, place, bounds, result.searches, search.converged, error)
    return PowerLawFit(
        alpha=best.alpha,
        horizon=best.horizon,
        coefficient=best.coefficient,
        variance_rate=best.coefficient * variance_rate(operator),
        training_cost=best.cost,
        testing_cost=objective.testing_cost(operator, best.coefficient),
        final_error=objective.final_error(operator, best.coefficient),
        compared=objective.compared,
        n_iterations=search.iterations.size,
        n_evaluations=len(trials),
        converged=search.converged,
        searches=result.searches,
        warnings=said,
        path=SearchTrials(*np.array([astuple(trial) for trial in trials]).T),
        iterations=_progress(objective, trials, search.iterations),
        settings=objective.settings,
        bounds=bounds,
    )


def predict(
    fit: PowerLawFit, snapshots: DensitySnapshots, times: ArrayLike | None = None
) -> DensitySnapshots:
    """Evolve the first density of some data under a fitted law; see `PowerLawFit.predict`."""
    return fit.predict(snapshots, times)


def default_bounds(objective: Objective) -> Bounds:
    """The paper's range of alpha and delta on the grid of some data."""
    length = float(objective.grid[-1] - objective.grid[0])
    top = 4.0 if objective.settings.rule == "nodes" else _BELOW_THREE
    return (0.0, top), (objective.spacing, length)


def variance_rate(operator: NonlocalDiffusion) -> float:
    """Growth of the variance of a density under an operator on an unbounded grid, length**2/time.

    2 sum_j w_j (j h)**2. By the covered rule that is the kernel's second moment.
    """
    distance = operator.spacing * np.arange(1, operator.weights.size + 1)
    return float(2 * operator.weights @ distance**2)


def _progress(
    objective: Objective, trials: Sequence[Trial], iterations: NDArray[np.int64]
) -> SearchProgress:
    tested: dict[int, float] = {}
    for number in iterations:
        trial = trials[number]
        if number not in tested:
            kernel = objective.trial_kernel(trial.alpha, trial.horizon)
            tested[number] = objective.testing_cost(objective.operator(kernel), trial.coefficient)
    rows = np.array([(*astuple(trials[n]), tested[n]) for n in iterations]).reshape(-1, 5)
    return SearchProgress(*rows.T)


def checked_bounds(objective: Objective, bounds: Bounds | None) -> Bounds:
    """Bounds that were given, if the grid and the rule allow them, or the paper's."""
    allowed = default_bounds(objective)
    if bounds is None:
        return allowed
    given = real_array("bounds", bounds, finite=False)
    if given.shape != (2, 2):
        raise ValueError(f"bounds must be ((low, high), (low, high)), got {bounds!r}")
    (a, b), (c, d) = given.tolist()
    names = ("alpha", "the horizon")
    for name, (low, high), (least, most) in zip(names, ((a, b), (c, d)), allowed, strict=True):
        if not (low < high and low >= least * (1 - 1e-9) and high <= most * (1 + 1e-9)):
            raise ValueError(
                f"bounds of {name} must ascend within {least:g} .. {most:g}"
                + (", one cell to the length of the grid" if name == "the horizon" else "")
                + f", got {low!r}, {high!r}"
            )
    return (a, b), (c, d)


def _checked_start(
    objective: Objective, given: tuple[float, float], bounds: Bounds
) -> tuple[float, float]:
    """A start; one from which nothing evolves is refused, and why is said."""
    numbers = real_array("start", given, ndim=1).tolist()
    if len(numbers) != 2:
        raise ValueError(f"start must be alpha and the horizon, got {given!r}")
    start = (numbers[0], numbers[1])
    for name, number, (low, high) in zip(("alpha", "horizon"), start, bounds, strict=True):
        if not low <= number <= high:
            raise ValueError(
                f"start must have its {name} within the bounds {low:g} .. {high:g}, got {number!r}"
            )
    operator = objective.operator(objective.trial_kernel(*start))
    problem = objective.problem(operator, objective.coefficient(operator))
    if problem is not None:
        raise ValueError(problem)
    return start


def _refuse_what_shrinks(objective: Objective) -> None:
    """Say why nothing can evolve the densities, where Level 1 finds them to shrink."""
    for alpha in (0.5, 1.5, 2.5):
        for part in (0.1, 0.5):
            horizon = part * float(objective.grid[-1] - objective.grid[0])
            operator = objective.operator(objective.trial_kernel(alpha, horizon))
            coefficient = objective.coefficient(operator)
            if coefficient > 0:
                return
    raise ValueError(objective.problem(operator, coefficient))
