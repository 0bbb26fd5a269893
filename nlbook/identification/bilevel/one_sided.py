"""Kernels that tell right from left: three columns at Level 1.

A density that is not even may be moved by jumps to the right and to the left at different rates,
and by a drift:

    dp/dt = int_0^delta D+ r**-alpha (p(x - r) - p(x) + r p'(x)) dr
          + int_0^delta D- r**-alpha (p(x + r) - p(x) - r p'(x)) dr  -  v p'(x).

Jumps are compensated by their mean, so that for alpha of 2 and above the integrals exist, and v is
the velocity of the mean. D+, D- and v are linear: Level 1 finds them together, by least squares of
relative residuals (see `nlbook.identification.bilevel.level_one`), with sides that are not
negative. On the grid the integrals take the weights of `nlbook.diffusion`, p' is the central
difference, and the evolution runs on a ring of twice the grid, where each wave goes its own way:
forward Euler multiplies it by 1 + dt sigma(k) a step. With D+ = D- and v = 0 this is the radial
kernel.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from nlbook.densities import DensitySnapshots
from nlbook.diffusion.quadrature import Rule
from nlbook.identification.bilevel.level_one import relative_coefficients
from nlbook.identification.bilevel.objective import Objective, trial_operator
from nlbook.identification.bilevel.power_law import checked_bounds
from nlbook.identification.bilevel.prediction import predicted, times_after, whole_steps
from nlbook.identification.bilevel.search import Bounds, search_kernel
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning, remarks_on_fit
from nlbook.kernels import PowerLawKernel

__all__ = ["OneSidedFit", "fit_one_sided"]

# Snapshots in a block of the evolution.
_BLOCK = 128

_NO_SIDES = (
    "the densities are the same to both sides, so that no side can be told from the other and no "
    "drift seen: density_snapshots(symmetry=None) keeps them as they are"
)


@dataclass(frozen=True)
class OneSidedFit:
    """A fitted kernel with a right and a left side."""

    #: decay exponent of both sides
    alpha: float
    #: radius of interaction of both, length
    horizon: float
    #: D+, length**(alpha - 1) / time
    right: float
    #: D-, length**(alpha - 1) / time
    left: float
    #: v, length / time
    drift: float
    #: mean logarithmic absolute error over the training
    training_cost: float
    #: the same over the rest of the time; nan where there is none
    testing_cost: float
    #: evaluations of the objective
    n_evaluations: int
    #: whether the search came to an end by its tolerance
    converged: bool
    #: where the answer is not what it seems, in words
    warnings: tuple[str, ...]
    #: what was compared
    settings: FitSettings

    @property
    def skewness(self) -> float:
        """(D+ - D-) / (D+ + D-)."""
        return (self.right - self.left) / (self.right + self.left)

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data; see `PowerLawFit.predict`."""
        wanted, after = times_after(snapshots, times)
        settings, ring = self.settings, _Ring(snapshots.grid, self.settings.rule)
        sides = ring.sides(self.alpha, self.horizon)
        symbol = np.array([self.right, self.left, self.drift]) @ sides
        exponent = np.multiply.outer(after, symbol)
        if settings.by_steps:
            assert settings.dt is not None  # a fit knows its own
            growth = np.abs(1 + settings.dt * symbol).max()
            if growth > 1 + 1e-12:
                raise ValueError(
                    f"dt={settings.dt:g} of the fit must be stable on this grid, got a wave that "
                    f"grows by {growth:g} a step: take fewer nodes"
                )
            steps = whole_steps(after, settings.dt)
            exponent = np.multiply.outer(steps, np.log(1 + settings.dt * symbol))
        modes = np.exp(exponent) * fft.rfft(snapshots.density[0], ring.n)
        density = fft.irfft(modes, ring.n)[:, : snapshots.grid.size]
        return predicted(snapshots, wanted, density)

    def uncertainty(self) -> str:
        """Why the fit has no intervals."""
        return (
            "one fit has no interval: the cost is no likelihood; fits to batches of realizations "
            "drawn anew (nlbook.densities.bootstrap_snapshots) show how far the two sides and the "
            "drift are told apart"
        )


def fit_one_sided(
    snapshots: DensitySnapshots,
    settings: FitSettings | None = None,
    *,
    symmetric: bool = False,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-4,
    max_evaluations: int = 1000,
) -> OneSidedFit:
    """Fit alpha, delta, D+, D- and v.

    Parameters
    ----------
    snapshots, settings, bounds, start, tolerance, max_evaluations
        As in `nlbook.identification.fit_power_law`; densities need not be even.
    symmetric : bool
        One column for both sides, D+ = D-: jumps of a radial kernel, and a drift.

    Returns
    -------
    OneSidedFit
        The cost of kernels under which a wave grows is infinite. Its `warnings`, among them that
        densities were made symmetric, are also raised as a `FitWarning` each.
    """
    objective = Objective(snapshots, settings)
    bounds = checked_bounds(objective, bounds)
    problem = _Problem(objective, symmetric)

    result = search_kernel(
        lambda *asked: problem.evaluate(*asked)[1],
        bounds,
        start=start,
        length=objective.half_length,
        cell=objective.cell,
        tolerance=tolerance,
        max_evaluations=max_evaluations,
    )
    search = result.best
    alpha, horizon = search.points[search.best].tolist()
    (right, left, drift), cost = problem.evaluate(alpha, horizon)
    symbol = problem.symbol(alpha, horizon, np.array([right, left, drift]))
    testing = objective.settings.testing
    first = objective.n_training if testing == "restarted" else 0
    said = remarks_on_fit(
        snapshots, (alpha, horizon, cost), bounds, result.searches, search.converged, even=False
    )
    if not symmetric and np.array_equal(snapshots.density, snapshots.density[:, ::-1]):
        said = (_NO_SIDES, *said)
    for remark in said:
        warnings.warn(remark, FitWarning, stacklevel=2)
    return OneSidedFit(
        alpha, horizon, right, left, drift, cost,
        problem.cost(symbol, first, objective.n_training, objective.n_steps),
        len(search.points), search.converged, said, objective.settings,
    )  # fmt: skip


class _Ring:
    """A ring of twice a grid, on which each wave goes its own way."""

    def __init__(self, grid: NDArray[np.float64], rule: Rule) -> None:
        self.grid, self.rule = grid, rule
        #: nodes of the ring
        self.n = fft.next_fast_len(2 * grid.size, real=True)
        self.k = 2 * np.pi / self.n * np.arange(self.n // 2 + 1)

    def sides(self, alpha: float, horizon: float) -> NDArray[np.complex128]:
        """Factors by which the columns multiply a wave exp(i k x): right, left, drift."""
        operator = trial_operator(PowerLawKernel(alpha, horizon), self.grid, self.rule)
        weights = operator.weights
        distance = np.arange(1, weights.size + 1)
        ring = np.zeros(self.n)
        np.add.at(ring, distance % self.n, weights)
        forward = np.conj(fft.fft(ring)[: self.k.size])  # sum of w_j exp(i k j)
        slope = 1j * np.sin(self.k) / operator.spacing
        mean = float(weights @ distance) * operator.spacing
        total = float(weights.sum())
        left = forward - total - mean * slope
        return np.array([np.conj(left), left, -slope])


class _Problem:
    """Columns and evolution on the ring, for one set of data."""

    def __init__(self, objective: Objective, symmetric: bool) -> None:
        self.objective, self.symmetric = objective, symmetric
        self.ring = _Ring(objective.grid, objective.settings.rule)
        middle, self.rate, self.weight = objective.between_snapshots()
        self.modes = fft.rfft(middle, self.ring.n)

    def symbol(
        self, alpha: float, horizon: float, coefficients: NDArray[np.float64]
    ) -> NDArray[np.complex128]:
        """sigma(k)."""
        return np.asarray(coefficients @ self.ring.sides(alpha, horizon))

    def evaluate(
        self, alpha: float, horizon: float, at_most: int | None = None
    ) -> tuple[tuple[float, float, float], float]:
        """Level 1 and the cost of training."""
        sides = self.ring.sides(alpha, horizon)
        # the drift has either sign: two columns, of which one is used
        used = [sides[2], -sides[2]]
        used += [sides[0] + sides[1]] if self.symmetric else [sides[0], sides[1]]
        n = self.objective.grid.size
        columns = fft.irfft(np.array(used)[:, np.newaxis] * self.modes, self.ring.n)[..., :n]
        best = relative_coefficients(columns, self.rate, self.weight, positive=True)
        coefficients = (float(best[2]), float(best[-1]), float(best[0] - best[1]))
        symbol = np.array(coefficients) @ sides
        step = self.objective.dt * symbol
        exact = not self.objective.settings.by_steps
        growth = np.max(np.abs(np.exp(step) if exact else 1 + step))
        if growth > 1 + 1e-12:
            return coefficients, math.inf
        return coefficients, self.cost(symbol, 0, 0, self.objective.n_training, at_most)

    def cost(
        self,
        symbol: NDArray[np.complex128],
        start: int,
        first: int,
        last: int,
        at_most: int | None = None,
    ) -> float:
        """Mean logarithmic absolute error at first + every, ... up to last, from `start` on."""
        objective = self.objective
        every = objective.settings.every
        if at_most is not None:
            every *= max(1, (last - first) // every // at_most)
        steps = np.arange(first + every, last + 1, every)
        start_modes = fft.rfft(objective.data_at(start), self.ring.n)
        step = objective.dt * symbol
        logarithm = np.log(1 + step) if objective.settings.by_steps else step
        sums = np.zeros(4)
        for k in range(0, steps.size, _BLOCK):
            chosen = steps[k : k + _BLOCK]
            growth = np.exp(np.multiply.outer(chosen - start, logarithm))
            block = fft.irfft(growth * start_modes, self.ring.n)[:, : objective.grid.size]
            objective.add_errors(np.ascontiguousarray(block), chosen, sums)
        return float(sums[0] / sums[1]) if sums[1] else math.nan
