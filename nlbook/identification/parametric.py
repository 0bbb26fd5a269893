"""What the method itself does to a fit: data made by the law, estimated and fitted as the data.

An adaptive estimate of a density does not commute with jumps, samples are finite, and times lie
apart: a fit is biased by all of it, and redrawing the data (`bootstrap_power_law`) shows the
scatter of a fit but not its bias. So particles start from the places where those of the data are at
the first time, jump by a law, and are counted, estimated and fitted in the same way. (But for where
a search begins: a replicate has one, from the law itself; the data may have had several.) With
theta = (alpha, log delta, log variance rate), let m(theta) be the median fit of such replicates,
and f the fit of the data. The corrected law is the one whose replicates are fitted as the data are,

    m(theta) = f,

found by Gauss-Newton steps with J = dm/dtheta from replicates with the same random numbers [1]_,
and from the steps themselves.
Where the bias is the same for all laws nearby, J is the unit matrix, and this is the usual
correction f - (m(f) - f); for an adaptive bandwidth and few samples it is not (dm/dalpha is 0.3 for
alpha about 2 in the book's test), and the usual correction falls short.

Intervals take the scatter of replicates through J**-1. Particles of replicates are independent of
one another. Where the data's are not, as dislocations of one crystal, the scatter is that of a
bootstrap over batches (`BatchFits`), and only the correction is from here.

The cost of replicates is what the method leaves on data that obey the law: the cost of the data
beside it is a test of fit.

What remains is Monte Carlo error: of the median of n replicates, 1.25/sqrt(n) of their scatter.

References
----------
.. [1] C. Gourieroux, A. Monfort, E. Renault, "Indirect inference", J. Appl. Econometrics 8 (1993)
   S85.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.densities import density_snapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification.bilevel import PowerLawFit, fit_power_law, variance_rate
from nlbook.identification.bootstrap import BatchFits, settings_at
from nlbook.identification.fits import FitProblem, fit_of_result, result_of_fit
from nlbook.identification.objective import TrialPowerLaw
from nlbook.identification.search import Bounds
from nlbook.identification.settings import FitSettings
from nlbook.identification.verdicts import FitWarning
from nlbook.identification.walks import walking_counts
from nlbook.parallel import run_tasks

__all__ = ["ParametricFits", "parametric_bootstrap", "replicate_task"]

#: What is corrected, in the order of theta; the second and third by their logarithms.
_NAMES = ("alpha", "horizon", "variance_rate", "coefficient")

# A law, as it is kept.
_NUMBERS = ("alpha", "horizon", "coefficient", "variance_rate")

# Raised when replicates change, so that stored ones are left aside.
_SCHEMA = 1

# Differences of theta for J: large against the error of paired medians, small against curvature.
_DIFFERENCE = np.array([0.08, 0.1, 0.1])
# Longest step of theta, and how far it may go along what the data don't determine.
_STEP = np.array([0.4, 0.4, 0.3])
_FREEDOM = np.array([0.5, 0.7, 0.3])


@dataclass(frozen=True)
class ParametricFits:
    """A fit, the law that is fitted as the data are, and fits of what that law made."""

    #: fit of the data
    whole: PowerLawFit
    #: the corrected law: alpha, delta, D, growth of the variance
    law: tuple[float, float, float, float]
    #: fits of replicates of the law that was corrected last, nearly `law`
    replicates: tuple[PowerLawFit, ...]
    #: that law: alpha, delta, D, growth of the variance
    made_by: tuple[float, float, float, float]
    #: distance of the grid's nodes, length
    spacing: float
    #: derivatives of the median fit, J (3, 3)
    response: NDArray[np.float64]
    #: by what a fit is taken back to a law, near J**-1 (3, 3)
    inverse: NDArray[np.float64]

    def corrected(self, name: str) -> float:
        """A number of the corrected law."""
        check_choice("name", name, _NAMES)
        return dict(zip(_NUMBERS, self.law, strict=True))[name]

    def bias(self, name: str) -> float:
        """Median of the replicates' fits less the number of the law that made them."""
        check_choice("name", name, _NAMES)
        fits = [getattr(fit, name) for fit in self.replicates]
        return float(np.median(fits)) - dict(zip(_NUMBERS, self.made_by, strict=True))[name]

    def draws(self, name: str, scatter: BatchFits | None = None) -> NDArray[np.float64]:
        """Corrected values as the scatter of fits has them, (n,)."""
        check_choice("name", name, _NAMES)
        if scatter is None:
            off = _theta_of(self.replicates)
            off = off - np.median(off, axis=0)
        else:
            off = _theta_of(scatter.draws) - _theta_of([scatter.whole])
        alpha, horizon, _, rate = self.law
        # a fit that came out too high has a law that lies lower
        theta = np.array([alpha, math.log(horizon), math.log(rate)]) - off @ self.inverse.T
        alphas, horizons = _within(theta, self.whole.bounds)
        rates = np.exp(theta[:, 2])
        if name == "coefficient":
            pairs = zip(alphas.tolist(), horizons.tolist(), strict=True)
            rule = self.whole.settings.rule
            unit = np.array([_unit_rate(a, d, self.spacing, rule) for a, d in pairs])
            return np.asarray(rates / unit)
        return {"alpha": alphas, "horizon": horizons, "variance_rate": rates}[name]

    def interval(
        self, name: str, *, level: float = 0.95, scatter: BatchFits | None = None
    ) -> tuple[float, float]:
        """Interval of a number of the law.

        Parameters
        ----------
        name : str
            "alpha", "horizon", "variance_rate" or "coefficient".
        level : float
            Coverage.
        scatter : BatchFits, optional
            A bootstrap over batches of the same data and method, where samples depend on one
            another; by default the scatter of replicates.
        """
        check_number("level", level, above=0.0, below=1.0)
        tail = (1 - level) / 2
        values = self.draws(name, scatter)
        low, high = np.quantile(values, [tail, 1 - tail], method="weibull")
        return float(low), float(high)

    @property
    def costs(self) -> NDArray[np.float64]:
        """Training costs of the replicates' fits, (n,)."""
        return np.array([fit.training_cost for fit in self.replicates])

    @property
    def p_value(self) -> float:
        """Chance of a cost at least as large as the data's, if the law has made them."""
        costs = self.costs
        return float((1 + np.count_nonzero(costs >= self.whole.training_cost)) / (1 + costs.size))

    @property
    def method_share(self) -> float:
        """Part of the data's cost that data of the law have as well: the method's own."""
        return float(np.median(self.costs)) / self.whole.training_cost


def parametric_bootstrap(
    counts: ArrayLike,
    edges: ArrayLike,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    n_replicates: int = 60,
    n_search: int = 8,
    n_corrections: int = 6,
    seed: int,
    settings: FitSettings | None = None,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-3,
    cluster: Any = None,
    workers: int | None = None,
    **densities: Any,
) -> ParametricFits:
    """Correct a fit for what the method does to it, and test whether the law fits.

    Parameters
    ----------
    counts : array_like, shape (n_times, n_bins) or (n_times, n_bins + 2)
        Of the data, in fine uniform bins. Where fewer are counted later, as many particles of a
        replicate are taken away by chance; more are not added.
    edges, times, grid
        As in `nlbook.densities.density_snapshots`.
    n_replicates : int
        Of the corrected law, for intervals and the test of fit.
    n_search : int
        Of the first law that is tried on the way to it and of three others beside it, which give J;
        twice as many of each later one.
    n_corrections : int
        Laws that are tried at most.
    seed : int
        Of all random numbers.
    settings, bounds, start, tolerance
        As in `bootstrap_power_law`.
    cluster, workers
        As in `nlbook.parallel.run_tasks`.
    **densities
        Further arguments of `nlbook.densities.density_snapshots`.

    Returns
    -------
    ParametricFits

    Raises
    ------
    ValueError
        As `fit_power_law`, `density_snapshots` and `walking_counts`.
    """
    n_replicates = check_integer("n_replicates", n_replicates, 2)
    n_search = check_integer("n_search", n_search, 2)
    n_corrections = check_integer("n_corrections", n_corrections, 1)
    seed = check_integer("seed", seed, 0)
    table, at = real_array("counts", counts, ndim=2), real_array("times", times, ndim=1)
    chosen = settings_at(at, settings)
    data = density_snapshots(table, edges, at, grid=grid, **densities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # the fit carries its remarks
        whole = fit_power_law(data, chosen, bounds=bounds, start=start, tolerance=tolerance)
    rule, spacing = whole.settings.rule, data.spacing
    common = {
        "start_counts": table[0], "numbers": table.sum(axis=1), "edges": edges, "times": at,
        "grid": data.grid, "settings": chosen, "bounds": whole.bounds, "tolerance": tolerance,
        "densities": densities,
    }  # fmt: skip

    def replicates(thetas: list[NDArray[np.float64]], first: int, n: int) -> list[PowerLawFit]:
        tasks = []
        for theta in thetas:
            alpha, horizon = (float(x[0]) for x in _within(theta[np.newaxis], whole.bounds))
            strength = math.exp(theta[2]) / _unit_rate(alpha, horizon, spacing, rule)
            law = np.array([alpha, horizon, strength])
            tasks += [
                {**common, "law": law, "replicate": k, "seed": seed}
                for k in range(first, first + n)
            ]
        found = run_tasks(
            replicate_task, tasks, cluster=cluster, workers=workers, schema=_SCHEMA, progress=False
        )
        problem = FitProblem(data, chosen, whole.bounds, None, tolerance)
        return [fit_of_result(result, problem) for result in found]

    def law_of(theta: NDArray[np.float64]) -> tuple[float, float, float, float]:
        alpha, horizon, rate = float(theta[0]), math.exp(theta[1]), math.exp(theta[2])
        return alpha, horizon, rate / _unit_rate(alpha, horizon, spacing, rule), rate

    target = _theta_of([whole])[0]
    theta = target.copy()
    response, inverse = np.eye(3), np.eye(3)
    # towards the middle of the range, so that differences stay within it
    sign = np.where(theta > 0.5 * _middle(whole.bounds, theta), -1.0, 1.0)
    moved = [theta + np.eye(3)[k] * _DIFFERENCE * sign for k in range(3)]
    found = _theta_of(replicates([theta, *moved], 0, n_search)).reshape(4, n_search, 3)
    for k in range(3):
        response[:, k] = np.median(found[k + 1] - found[0], axis=0) / (_DIFFERENCE * sign)[k]
    fitted = found[0]
    for number in range(1, n_corrections + 1):
        inverse = _inverse(response, fitted)
        step = np.clip(inverse @ (target - np.median(fitted, axis=0)), -_STEP, _STEP)
        before, theta = theta, _kept(theta + step, whole.bounds)
        scatter = (fitted - np.median(fitted, axis=0)) @ inverse.T
        if number == n_corrections or np.all(np.abs(step) < 0.2 * scatter.std(axis=0) + 1e-3):
            break
        earlier, fitted = fitted, _theta_of(replicates([theta], 0, 2 * n_search))
        # what the step has shown of J, with the same random numbers (Broyden)
        change = np.median(fitted[: len(earlier)] - earlier[: len(fitted)], axis=0)
        went = (theta - before) / _DIFFERENCE**2
        missed = change - response @ (theta - before)
        response = response + np.outer(missed, went) / max(went @ (theta - before), 1e-12)
    fits = replicates([theta], n_search, n_replicates)
    made_by = law_of(theta)
    values = _theta_of(fits)
    inverse = _inverse(response, values)
    # the last step, with the median of all replicates; they stay those of the law before it
    theta = _kept(theta + inverse @ (target - np.median(values, axis=0)), whole.bounds)
    return ParametricFits(whole, law_of(theta), tuple(fits), made_by, spacing, response, inverse)


def replicate_task(
    law: NDArray[np.float64],
    replicate: int,
    seed: int,
    start_counts: NDArray[np.float64],
    numbers: NDArray[np.float64],
    edges: Any,
    times: NDArray[np.float64],
    grid: NDArray[np.float64],
    settings: FitSettings,
    bounds: Bounds,
    tolerance: float,
    densities: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    """Particles of a law (alpha, delta, D), their densities, and the fit of these."""
    alpha, horizon, strength = law.tolist()
    operator = NonlocalDiffusion(
        TrialPowerLaw(alpha, horizon), grid, rule=settings.rule, exceed_grid=True
    )
    made = walking_counts(
        operator, strength, times, start_counts, edges, (seed, replicate), numbers=numbers
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the data, the fit of the data speaks
        snapshots = density_snapshots(made, edges, times, grid=grid, workers=1, **densities)
        fit = fit_power_law(
            snapshots, settings, bounds=bounds, start=(alpha, horizon), tolerance=tolerance
        )
    return result_of_fit(fit)


def _theta_of(fits: Any) -> NDArray[np.float64]:
    """alpha, log delta and log variance rate, (n, 3)."""
    return np.array(
        [[fit.alpha, math.log(fit.horizon), math.log(fit.variance_rate)] for fit in fits]
    )


def _within(
    theta: NDArray[np.float64], bounds: Bounds
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """alpha and delta of rows of theta, moved to their bounds where they are beyond."""
    (low, high), (near, far) = bounds
    return np.clip(theta[:, 0], low, high), np.clip(np.exp(theta[:, 1]), near, far)


def _kept(theta: NDArray[np.float64], bounds: Bounds) -> NDArray[np.float64]:
    alpha, horizon = _within(theta[np.newaxis], bounds)
    return np.array([alpha[0], math.log(horizon[0]), theta[2]])


def _middle(bounds: Bounds, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the middle of the ranges; the rate has none."""
    (low, high), (near, far) = bounds
    return np.array([low + high, math.log(near) + math.log(far), 2 * theta[2]])


def _inverse(response: NDArray[np.float64], fits: NDArray[np.float64]) -> NDArray[np.float64]:
    """What takes a change of the fit back to one of the law.

    J**-1, but for directions in which the fit hardly feels the law: there a step costs more than it
    explains. Least squares with the fits' own scatter, and a weak tie to where one is.
    """
    scatter = np.maximum(fits.std(axis=0), 1e-6)
    scaled = response / scatter[:, np.newaxis]
    tie = np.diag(1 / _FREEDOM**2)
    return np.asarray(np.linalg.solve(scaled.T @ scaled + tie, scaled.T / scatter))


def _unit_rate(alpha: float, horizon: float, spacing: float, rule: Any) -> float:
    """Growth of the variance by the operator of unit strength on the grid."""
    grid = spacing * np.arange(-1, 2)
    kernel = TrialPowerLaw(alpha, horizon)
    return variance_rate(NonlocalDiffusion(kernel, grid, rule=rule, exceed_grid=True))
