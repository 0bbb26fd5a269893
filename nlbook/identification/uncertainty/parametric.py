"""What the method itself does to a fit: data made by the law, estimated and fitted as the data.

An adaptive estimate of a density does not commute with jumps, samples are finite, and times lie
apart: a fit is biased by all of it, and redrawing the data (`bootstrap_power_law`) shows the
scatter of a fit but not its bias. So particles start from the places where those of the data are at
the first time, jump by a law, and are counted, estimated and fitted in the same way.

Fits of such replicates of many laws theta = (alpha, log delta, log variance rate) tell which laws
make fits as that of the data, f (indirect inference [1]_): rounds of laws, first widely around f,
then where the replicates so far have put the law, with a margin, teach a likelihood of theta
(`nlbook.identification.uncertainty.synthetic`). An interval holds quantiles of theta given f, with
a flat prior over the range of laws tried near the corrected one. One response dm/dtheta and one
scatter won't do in their place: an adaptive fit feels the law's alpha by a third and trades it off
with delta, and scatter changes with the law. The corrected law is first the median of theta given
f; replicates of that very law then say by how much they miss f, and it is moved until they don't
(`nlbook.identification.uncertainty.polishing`). These replicates teach the likelihood as well.

Particles of replicates are independent of one another. Where the data's are not, as dislocations of
one crystal, fits scatter by more, which a bootstrap over batches shows (`BatchFits`): what its
covariance has beyond that of replicates is added to theirs.

The cost of replicates of the corrected law is what the method leaves on data that obey the law: the
cost of the data beside it is a test of fit.

References
----------
.. [1] C. Gourieroux, A. Monfort, E. Renault, "Indirect inference", J. Appl. Econometrics 8 (1993)
   S85.
"""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.densities import density_snapshots
from nlbook.identification.bilevel.fits import FitProblem, fit_of_result, result_of_fit
from nlbook.identification.bilevel.objective import trial_operator
from nlbook.identification.bilevel.power_law import PowerLawFit, fit_power_law, variance_rate
from nlbook.identification.bilevel.search import Bounds
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning
from nlbook.identification.uncertainty.bootstrap import BatchFits, settings_at
from nlbook.identification.uncertainty.polishing import (
    CREDIBLE,
    Agreement,
    agreement,
    step_towards,
)
from nlbook.identification.uncertainty.synthetic import LearnedLikelihood, sample_laws
from nlbook.identification.uncertainty.walks import walking_counts
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import run_tasks

__all__ = ["ParametricFits", "parametric_bootstrap", "replicate_task"]

#: What is corrected, in the order of theta; the second and third by their logarithms.
_NAMES = ("alpha", "horizon", "variance_rate", "coefficient")

# Of these a fit may say nothing.
_DETERMINED = ("alpha", "horizon", "variance_rate")

# A law, as it is kept.
_NUMBERS = ("alpha", "horizon", "coefficient", "variance_rate")

# Raised when replicates change, so that stored ones are left aside.
_SCHEMA = 2

# Of the random numbers of the samples after the rounds.
_LAST = 1000

# Scatter of the laws tried first, about the fit: more than any bias that was met.
_WIDE = np.array([0.6, 0.6, 0.15])
# Later rounds: of the likelihood to the power of one by so much; and how far they may leave the
# range tried before, as a part of it.
_MARGIN, _BEYOND = 1.0, 0.2
# Laws are drawn within so many standard deviations of the corrected one, as its response and
# scatter have them: farther out the learned mean fit is a guess, by which laws could come back in.
_REACH = 4.0
# A number is not determined whose interval has more of the range tried than this, or ends so near
# to an end of it, as a part of it.
_FILLED, _AT_END = 0.8, 0.03


@dataclass(frozen=True)
class ParametricFits:
    """A fit, the law that is fitted as the data are, and fits of what that law made."""

    #: fit of the data
    whole: PowerLawFit
    #: the corrected law: alpha, delta, D, growth of the variance
    law: tuple[float, float, float, float]
    #: whether replicates of that law are fitted as the data: their medians of alpha, log delta and
    #: log rate miss the fit by no more than chance explains in nine of ten cases
    converged: bool
    #: by how much they miss it, in their standard errors, as a root mean square of the three
    missed: float
    #: laws whose replicates were compared with the data, the first one included
    n_compared: int
    #: fits of replicates of that law
    replicates: tuple[PowerLawFit, ...]
    #: distance of the grid's nodes, length
    spacing: float
    #: laws tried: alpha, log delta, log growth of the variance (n, 3); those that were compared
    #: with the data as often as they have replicates
    tried: NDArray[np.float64]
    #: the fit of one replicate of each (n, 3)
    fitted: NDArray[np.float64]
    #: of the samples of the law
    seed: int

    def corrected(self, name: str) -> float:
        """A number of the corrected law."""
        check_choice("name", name, _NAMES)
        return dict(zip(_NUMBERS, self.law, strict=True))[name]

    def bias(self, name: str) -> float:
        """Median of the replicates' fits less the number of the law that made them."""
        check_choice("name", name, _NAMES)
        fits = [getattr(fit, name) for fit in self.replicates]
        return float(np.median(fits)) - dict(zip(_NUMBERS, self.law, strict=True))[name]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of the corrected law, in words."""
        if self.converged:
            return ()
        medians = {
            name: float(np.median([getattr(fit, name) for fit in self.replicates]))
            for name in _DETERMINED
        }
        told = ", ".join(
            f"{name} {value:.4g} (data {getattr(self.whole, name):.4g})"
            for name, value in medians.items()
        )
        return (
            f"replicates of the corrected law are not fitted as the data are: at {told}, which is "
            f"{self.missed:.2g} standard errors off after {self.n_compared - 1} steps; the "
            f"corrected law is less certain than its interval says, or data are of no such law",
        )

    def likelihood(self, scatter: BatchFits | None = None) -> LearnedLikelihood:
        """Of laws, given the fit; `scatter` as in `interval`."""
        target = _theta_of([self.whole])[0]
        learned = LearnedLikelihood(self.tried, self.fitted, target)
        if scatter is None:
            return learned
        here = self._here
        batches = np.cov(_theta_of(scatter.draws).T)
        batches *= scatter.n_batches / max(scatter.n_batches - 1, 1)  # draws scatter by less
        values, axes = np.linalg.eigh(batches - learned.covariances(here[np.newaxis])[0])
        extra = (axes * np.maximum(values, 0.0)) @ axes.T
        return LearnedLikelihood(self.tried, self.fitted, target, extra)

    @property
    def response(self) -> NDArray[np.float64]:
        """Derivatives of the mean fit by the law, at the corrected one (3, 3)."""
        here = self._here
        return self.likelihood().response(here)

    @property
    def _here(self) -> NDArray[np.float64]:
        """The corrected law as theta, (3,)."""
        alpha, horizon, _, rate = self.law
        return np.array([alpha, math.log(horizon), math.log(rate)])

    def _laws(self, likelihood: LearnedLikelihood) -> NDArray[np.float64]:
        """Laws drawn near the corrected one, within the range tried (n, 3)."""
        here = self._here
        low, high = _range_of(self.tried)
        scatter = likelihood.covariances(here[np.newaxis])[0] + likelihood.extra
        with suppress(np.linalg.LinAlgError):  # of no use where the fit feels nothing
            back = np.linalg.inv(likelihood.response(here))
            reach = _REACH * np.sqrt(np.diag(back @ scatter @ back.T))
            low, high = np.maximum(low, here - reach), np.minimum(high, here + reach)
        return sample_laws(likelihood, low, high, np.random.default_rng([self.seed, _LAST]))

    def draws(self, name: str, scatter: BatchFits | None = None) -> NDArray[np.float64]:
        """A number of laws drawn as the fit tells them, (n,); `scatter` as in `interval`."""
        check_choice("name", name, _NAMES)
        theta = self._laws(self.likelihood(scatter))
        alphas, horizons, rates = theta[:, 0], np.exp(theta[:, 1]), np.exp(theta[:, 2])
        if name == "coefficient":
            pairs = zip(alphas.tolist(), horizons.tolist(), strict=True)
            rule = self.whole.settings.rule
            unit = np.array([_unit_rate(a, d, self.spacing, rule) for a, d in pairs])
            return np.asarray(rates / unit)
        return {"alpha": alphas, "horizon": horizons, "variance_rate": rates}[name]

    def determined(self, name: str, *, scatter: BatchFits | None = None) -> bool:
        """Whether the fit tells alpha, horizon or variance rate from those of other laws tried.

        False where the 95 % interval has more than 0.8 of the range tried (of delta and the rate,
        by logarithms), or ends within 0.03 of that range from an end of it: what it says is then
        the range's.
        """
        check_choice("name", name, _DETERMINED)
        at = _DETERMINED.index(name)
        ends = np.array(self.interval(name, scatter=scatter))
        low, high = ends if at == 0 else np.log(ends)
        least, most = self.tried[:, at].min(), self.tried[:, at].max()
        near = _AT_END * (most - least)
        filled = high - low > _FILLED * (most - least)
        return not (filled or low - least < near or most - high < near)

    def interval(
        self, name: str, *, level: float = 0.95, scatter: BatchFits | None = None
    ) -> tuple[float, float]:
        """Interval of a number of the law: quantiles of `draws`.

        Parameters
        ----------
        name : str
            "alpha", "horizon", "variance_rate" or "coefficient".
        level : float
            Coverage.
        scatter : BatchFits, optional
            A bootstrap over batches of the same data and method, where samples depend on one
            another: its scatter beyond that of replicates is added to theirs.
        """
        check_number("level", level, above=0.0, below=1.0)
        tail = (1 - level) / 2
        values = self.draws(name, scatter)
        low, high = np.quantile(values, [tail, 1 - tail])
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
    n_laws: int = 120,
    n_rounds: int = 5,
    max_steps: int = 5,
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
        Of each law that is compared with the data; those of the corrected one give the bias and
        the test of fit.
    n_laws : int
        Laws tried, with a replicate each; at least 15 a round.
    n_rounds : int
        In which they are tried.
    max_steps : int
        Steps of the law towards one whose replicates are fitted as the data.
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
        Its `remarks` are also raised as a `FitWarning` each: where the steps did not suffice.

    Raises
    ------
    ValueError
        As `fit_power_law`, `density_snapshots` and `walking_counts`.
    """
    n_replicates = check_integer("n_replicates", n_replicates, 2)
    n_rounds = check_integer("n_rounds", n_rounds, 1)
    n_laws = check_integer("n_laws", n_laws, 15 * n_rounds)
    max_steps = check_integer("max_steps", max_steps, 0)
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
        "start": (whole.alpha, whole.horizon), "densities": densities,
    }  # fmt: skip

    def replicates(
        thetas: NDArray[np.float64], first: int
    ) -> tuple[NDArray[np.float64], list[PowerLawFit]]:
        tasks = []
        for number, theta in enumerate(thetas, first):
            alpha, horizon = float(theta[0]), math.exp(theta[1])
            strength = math.exp(theta[2]) / _unit_rate(alpha, horizon, spacing, rule)
            law = np.array([alpha, horizon, strength])
            tasks.append({**common, "law": law, "replicate": number, "seed": seed})
        found = run_tasks(
            replicate_task, tasks, cluster=cluster, workers=workers, schema=_SCHEMA, progress=False
        )
        problem = FitProblem(data, chosen, whole.bounds, None, tolerance)
        refused = [str(result["refused"]) for result in found if "refused" in result]
        if 2 * len(refused) > len(found):
            raise ValueError(f"most replicates could not be fitted: {refused[0]}")
        # a law whose replicate can't be fitted has not made data that could
        able = [k for k, result in enumerate(found) if "refused" not in result]
        return thetas[able], [fit_of_result(found[k], problem) for k in able]

    target = _theta_of([whole])[0]
    (low, high), (near, far) = whole.bounds
    least = np.array([low, math.log(near), -np.inf])
    most = np.array([high, math.log(far), np.inf])
    tried, fitted = np.empty((0, 3)), np.empty((0, 3))
    done = 0
    for number in range(n_rounds):
        size = n_laws * (number + 1) // n_rounds - done
        generator = np.random.default_rng([seed, number])
        if number == 0:
            new = target + _WIDE * generator.standard_normal((size, 3))
            new = np.where(new < least, 2 * least - new, new)  # reflected
            new = np.where(new > most, 2 * most - new, new)
            new = np.clip(new, least, most)
        else:
            least_tried, most_tried = _range_of(tried)
            room = _BEYOND * (most_tried - least_tried)
            laws = sample_laws(
                LearnedLikelihood(tried, fitted, target),
                np.maximum(least_tried - room, least), np.minimum(most_tried + room, most),
                generator, tempered=_MARGIN,
            )  # fmt: skip
            new = laws[generator.choice(len(laws), size, replace=False)]
        new, found = replicates(new, done)
        done += size
        tried, fitted = np.vstack([tried, new]), np.vstack([fitted, _theta_of(found)])
    low_tried, high_tried = _range_of(tried)
    generator = np.random.default_rng([seed, _LAST])
    laws = sample_laws(LearnedLikelihood(tried, fitted, target), low_tried, high_tried, generator)
    first, allowed = np.median(laws, axis=0), np.cov(laws.T)
    theta = first
    n_compared, part = 0, 1.0
    best: tuple[NDArray[np.float64], list[PowerLawFit], Agreement] | None = None
    while True:
        new, found = replicates(
            np.tile(theta, (n_replicates, 1)), n_laws + n_compared * n_replicates
        )
        n_compared += 1
        tried, fitted = np.vstack([tried, new]), np.vstack([fitted, _theta_of(found)])
        here = agreement(_theta_of(found), target, tolerance)
        if best is None or here.distance < best[2].distance:
            best = theta, found, here
        else:  # too long a step: a shorter one, from the same law
            part *= 0.5
        theta, found, here = best
        if here.distance <= CREDIBLE or n_compared > max_steps:
            break
        learned = LearnedLikelihood(tried, fitted, target)
        step = part * step_towards(learned, theta, here.off, len(found), first, allowed)
        theta = np.clip(theta + step, low_tried, high_tried)
    alpha, horizon, rate = float(theta[0]), math.exp(theta[1]), math.exp(theta[2])
    law = (alpha, horizon, rate / _unit_rate(alpha, horizon, spacing, rule), rate)
    result = ParametricFits(
        whole, law, here.distance <= CREDIBLE, here.distance, n_compared, tuple(found), spacing,
        tried, fitted, seed,
    )  # fmt: skip
    for remark in result.remarks:
        warnings.warn(remark, FitWarning, stacklevel=2)
    return result


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
    start: tuple[float, float],
    densities: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    """Particles of a law (alpha, delta, D), their densities, and the fit of these from a start."""
    alpha, horizon, strength = law.tolist()
    operator = trial_operator(PowerLawKernel(alpha, horizon), grid, settings.rule)
    made = walking_counts(
        operator, strength, times, start_counts, edges, (seed, replicate), numbers=numbers
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the data, the fit of the data speaks
        try:
            snapshots = density_snapshots(made, edges, times, grid=grid, workers=1, **densities)
            fit = fit_power_law(
                snapshots, settings, bounds=bounds, start=start, tolerance=tolerance
            )
        except ValueError as error:  # particles beyond the edges, say: no fit as the data's
            return {"refused": np.array(str(error))}
    return result_of_fit(fit)


def _theta_of(fits: Any) -> NDArray[np.float64]:
    """alpha, log delta and log variance rate, (n, 3)."""
    return np.array(
        [[fit.alpha, math.log(fit.horizon), math.log(fit.variance_rate)] for fit in fits]
    )


def _range_of(tried: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return tried.min(axis=0), tried.max(axis=0)


def _unit_rate(alpha: float, horizon: float, spacing: float, rule: Any) -> float:
    """Growth of the variance by the operator of unit strength on the grid."""
    grid = spacing * np.arange(-1, 2)
    return variance_rate(trial_operator(PowerLawKernel(alpha, horizon), grid, rule))
