"""A fit, the law that is fitted as the data are, and how well the fit determines it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_number
from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.objective import trial_operator
from nlbook.identification.bilevel.power_law import PowerLawFit, variance_rate
from nlbook.identification.bilevel.prediction import evolved
from nlbook.identification.uncertainty.bootstrap import BatchFits
from nlbook.identification.uncertainty.synthetic import LearnedLikelihood, sample_laws
from nlbook.kernels import PowerLawKernel

__all__ = ["LAST", "ParametricFits", "range_of", "theta_of", "unit_rate"]

#: Of the random numbers of the samples after the rounds.
LAST = 1000

# What is corrected; the first three in the order of theta, the second and third by logarithms.
_NAMES = ("alpha", "horizon", "variance_rate", "coefficient")

# Of these a fit may say nothing.
_DETERMINED = ("alpha", "horizon", "variance_rate")

# A law, as it is kept.
_NUMBERS = ("alpha", "horizon", "coefficient", "variance_rate")

# Laws are drawn within so many standard deviations of the corrected one: farther out the learned
# mean fit is a guess, by which laws could come back in. Response and scatter tell a deviation, the
# largest of those at the law and at laws up to so many of its own deviations from it.
_REACH, _LOOKED_AT = 4.0, (-2.0, -1.0, 1.0, 2.0)
# A number is not determined whose interval has more of the range tried than this, or ends so near
# to an end of that range, as a part of the interval: a flat distribution up to the end has 0.026.
_FILLED, _AT_END = 0.8, 0.05


@dataclass(frozen=True)
class ParametricFits:
    """A fit, the law that is fitted as the data are, and fits of what that law made."""

    #: fit of the data
    whole: PowerLawFit
    #: the corrected law: alpha, delta, D, growth of the variance
    law: tuple[float, float, float, float]
    #: whether replicates of that law are fitted as the data: their medians of alpha, log delta and
    #: log rate miss the fit by no more than chance explains in nine of ten cases. A few steps
    #: need not suffice: of 21 sets with a known law 16 converged with the adaptive bandwidth, and
    #: all with one
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

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data under the corrected law; see `PowerLawFit`."""
        alpha, horizon, coefficient, _ = self.law
        kernel = PowerLawKernel(alpha, horizon)
        return evolved(kernel, coefficient, self.whole.settings, snapshots, times)

    def uncertainty(self, scatter: BatchFits | None = None) -> dict[str, tuple[float, float]]:
        """Intervals of 95 % of the law's numbers, by name; `scatter` as in `interval`."""
        return {name: self.interval(name, scatter=scatter) for name in _NAMES}

    @property
    def warnings(self) -> tuple[str, ...]:
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
            f"{self.missed:.2g} standard errors off after {self.n_compared - 1} steps; either the "
            f"corrected law is less certain than its interval says, or no truncated power law made "
            f"the data",
        )

    def likelihood(self, scatter: BatchFits | None = None) -> LearnedLikelihood:
        """Of laws, given the fit; `scatter` as in `interval`."""
        target = theta_of([self.whole])[0]
        learned = LearnedLikelihood(self.tried, self.fitted, target)
        if scatter is None:
            return learned
        here = self._here
        batches = np.cov(theta_of(scatter.draws).T)
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
        low, high = range_of(self.tried)
        with suppress(np.linalg.LinAlgError):  # of no use where the fit feels nothing
            one = _deviations(likelihood, here)
            places = [here + step * one * axis for step in _LOOKED_AT for axis in np.eye(here.size)]
            others = [_deviations(likelihood, np.clip(place, low, high)) for place in places]
            reach = _REACH * np.max([one, *others], axis=0)
            low, high = np.maximum(low, here - reach), np.minimum(high, here + reach)
        return sample_laws(likelihood, low, high, np.random.default_rng([self.seed, LAST]))

    def draws(self, name: str, scatter: BatchFits | None = None) -> NDArray[np.float64]:
        """A number of laws drawn as the fit tells them, (n,); `scatter` as in `interval`."""
        check_choice("name", name, _NAMES)
        alpha, log_horizon, log_rate = self._laws(self.likelihood(scatter)).T
        horizon, rate = np.exp(log_horizon), np.exp(log_rate)
        if name == "coefficient":
            pairs = zip(alpha.tolist(), horizon.tolist(), strict=True)
            rule = self.whole.settings.rule
            unit = np.array([unit_rate(a, d, self.spacing, rule) for a, d in pairs])
            return np.asarray(rate / unit)
        return {"alpha": alpha, "horizon": horizon, "variance_rate": rate}[name]

    def determined(self, name: str, *, scatter: BatchFits | None = None) -> bool:
        """Whether the fit tells alpha, horizon or variance rate from those of other laws tried.

        False where the 95 % interval has more than 0.8 of the range tried (of delta and the rate,
        by logarithms), or ends within 0.05 of its own width from an end of that range: what it
        says is then the range's.
        """
        check_choice("name", name, _DETERMINED)
        ends = np.array(self.interval(name, scatter=scatter))
        low, high = ends if name == "alpha" else np.log(ends)
        tried = dict(zip(_DETERMINED, self.tried.T, strict=True))[name]
        least, most = tried.min(), tried.max()
        near = _AT_END * (high - low)
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


def _deviations(likelihood: LearnedLikelihood, law: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviations of laws about one, by its response and scatter alone, (3,)."""
    back = np.linalg.inv(likelihood.response(law))
    scatter = likelihood.covariances(law[np.newaxis])[0] + likelihood.extra
    return np.asarray(np.sqrt(np.diag(back @ scatter @ back.T)))


def theta_of(fits: Any) -> NDArray[np.float64]:
    """alpha, log delta and log variance rate, (n, 3)."""
    return np.array(
        [[fit.alpha, math.log(fit.horizon), math.log(fit.variance_rate)] for fit in fits]
    )


def range_of(tried: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and largest numbers of the laws tried, (3,) each."""
    return tried.min(axis=0), tried.max(axis=0)


def unit_rate(alpha: float, horizon: float, spacing: float, rule: Any) -> float:
    """Growth of the variance by the operator of unit strength on the grid."""
    grid = spacing * np.arange(-1, 2)
    return variance_rate(trial_operator(PowerLawKernel(alpha, horizon), grid, rule))
