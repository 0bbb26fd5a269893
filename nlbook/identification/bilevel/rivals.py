"""Other laws for the same densities, held against the truncated power law.

Each evolves the first density of the data, gets its coefficients and its cost in the same way,
and is told apart by the number of what is fitted:

- ``static``: nothing moves;
- ``local``: Fick's diffusion, a Gaussian's spreading; D by Level 1;
- ``local, D by cost``: the same, D for the least cost;
- ``fractional``: the power law without a horizon, the fractional Laplacian of order
  (alpha - 1)/2, whose spreading is a stable law's;
- ``truncated``: the bi-level fit;
- ``truncated, D by cost``: all three for the least cost.

Without evolving the data, a law may be asked to be their density itself (`fit_stable_density`):
a stable law whose scale grows as stable laws' do, (c0 + c t)**(1/a), a Gaussian for a = 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, optimize

from nlbook.checks import real_array, uniform_spacing
from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification.bilevel.nelder_mead import minimise
from nlbook.identification.bilevel.objective import Objective, trial_operator
from nlbook.identification.bilevel.power_law import PowerLawFit
from nlbook.identification.bilevel.prediction import evolved, predicted, times_after
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.kernels import PowerLawKernel, RadialKernel

__all__ = ["RivalFit", "StableFit", "compare_rivals", "fit_stable_density", "stable_density"]

# A coefficient that moves nothing.
_NOTHING = 1e-30

# alpha of the untruncated kernel: a stable law has an index in 0..2.
_FRACTIONAL = (1.0 + 1e-3, 3.0 - 1e-3)
# So near to an end of it a search that stops within 1e-3 has met the end.
_NEAR_END = 3e-3

_NO_INTERVAL = (
    "one fit has no interval: rivals are compared by their costs; fits to batches of realizations "
    "drawn anew (nlbook.densities.bootstrap_snapshots) show which difference is more than chance"
)

# A stable density is summed on a ring so many times the grid, and so many times finer.
_RING, _FINER = 32, 2

# Evaluations of a search that may follow a flat valley.
_MOST = 400

# Snapshots that a stable law is fitted to: a scale that grows needs no more.
_FITTED = 9


@dataclass(frozen=True)
class RivalFit:
    """One law and how well it does."""

    name: str  #: see the module
    parameters: dict[str, float]  #: what was fitted
    training_cost: float  #: mean logarithmic absolute error over the training
    testing_cost: float  #: the same over the rest; nan where there is none
    final_error: float  #: relative l2 error of the last density, evolved from the first
    kernel: RadialKernel  #: of the operator
    coefficient: float  #: what the kernel is multiplied by
    settings: FitSettings  #: what was compared; the quadrature is of `rule`
    warnings: tuple[str, ...] = ()  #: where the answer is not what it seems, in words

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve the first density of some data; see `PowerLawFit.predict`."""
        return evolved(self.kernel, self.coefficient, self.settings, snapshots, times)

    def uncertainty(self) -> str:
        """Why the fit has no intervals."""
        return _NO_INTERVAL


@dataclass(frozen=True)
class StableFit:
    """A stable law whose scale grows, as the density itself."""

    index: float  #: a, 2 for a Gaussian; a density falls as |x|**-(1 + a) otherwise
    start: float  #: c0, length**a: scale**a at the first time
    growth: float  #: c, length**a / time
    training_cost: float  #: mean logarithmic absolute error at nine snapshots of training
    warnings: tuple[str, ...] = ()  #: where the answer is not what it seems, in words

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """The law's own density, whatever that of the data is; see `PowerLawFit.predict`."""
        wanted, after = times_after(snapshots, times)
        scale = (self.start + self.growth * after) ** (1 / self.index)
        return predicted(snapshots, wanted, stable_density(snapshots.grid, self.index, scale))

    def uncertainty(self) -> str:
        """Why the fit has no intervals."""
        return _NO_INTERVAL


def compare_rivals(objective: Objective, fit: PowerLawFit) -> list[RivalFit]:
    """Fit the rivals of a truncated power law.

    Parameters
    ----------
    objective : Objective
        The data, and what is compared.
    fit : PowerLawFit
        The bi-level fit to them.

    Returns
    -------
    list of RivalFit
        In the order of the module.
    """

    own, covered = objective.settings, replace(objective.settings, rule="covered")

    def rival(
        name: str,
        kernel: RadialKernel,
        factor: float,
        settings: FitSettings = own,
        said: tuple[str, ...] = (),
        **parameters: float,
    ) -> RivalFit:
        operator = trial_operator(kernel, objective.grid, settings.rule)
        return RivalFit(
            name,
            parameters,
            objective.training_cost(operator, factor),
            objective.testing_cost(operator, factor),
            objective.final_error(operator, factor),
            kernel,
            factor,
            settings,
            said,
        )

    # the second difference over h**2: a kernel that reaches the nearest neighbours alone, and
    # has the same diffusivity on any other grid
    h = objective.spacing
    neighbours = PowerLawKernel(0.0, h, 3 * h**-3)
    local = NonlocalDiffusion(neighbours, objective.grid, rule="covered")
    by_squares = objective.coefficient(local)
    by_cost = _best_coefficient(objective, local, by_squares)
    alpha, strength = _fractional(objective)
    three = _three_by_cost(objective, fit)
    return [
        rival("static", neighbours, _NOTHING, covered),
        rival("local", neighbours, by_squares, covered, diffusivity=by_squares),
        rival("local, D by cost", neighbours, by_cost, covered, diffusivity=by_cost),
        rival(
            "fractional", PowerLawKernel(alpha, math.inf), strength, said=_at_end(alpha),
            alpha=alpha, coefficient=strength,
        ),
        rival(
            "truncated", objective.trial_kernel(fit.alpha, fit.horizon), fit.coefficient,
            said=fit.warnings, alpha=fit.alpha, horizon=fit.horizon, coefficient=fit.coefficient,
        ),
        rival(
            "truncated, D by cost", objective.trial_kernel(three[0], three[1]), three[2],
            alpha=three[0], horizon=three[1], coefficient=three[2],
        ),
    ]  # fmt: skip


def stable_density(
    grid: NDArray[np.float64], index: float, scale: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Density of a symmetric stable law, the inverse Fourier transform of exp(-|scale k|**index).

    Computed on a ring 32 times the grid, whose images add less than 1e-3 of the density at the
    ends of the grid (for index 1; less inside and for higher ones). Rounding, about 1e-16 of the
    peak, is cut at zero.

    Parameters
    ----------
    grid : ndarray, shape (m,)
        Uniform nodes, as many on either side of zero.
    index : float
        In 0..2, 2 for a Gaussian of variance 2 scale**2.
    scale : float or ndarray, shape (n,)
        Positive; at least about a spacing.

    Returns
    -------
    ndarray, shape (m,) or (n, m)

    Raises
    ------
    ValueError
        If the grid is not such, or a number is out of range.
    """
    spacing = uniform_spacing(grid)
    if grid.size % 2 == 0 or abs(grid[0] + grid[-1]) > 1e-6 * spacing:
        raise ValueError(
            f"grid must have a node at zero and as many on either side, got {grid.size} from "
            f"{grid[0]:g} to {grid[-1]:g}"
        )
    if not 0 < index <= 2:
        raise ValueError(f"index must lie in 0..2, above 0, got {index!r}")
    scales = real_array("scale", scale)
    if not np.all(scales > 0):
        raise ValueError(f"scale must be positive, got {scale!r}")
    spacing /= _FINER
    n = fft.next_fast_len(_RING * _FINER * grid.size, real=True)
    k = (2 * np.pi / (n * spacing) * np.arange(n // 2 + 1)) ** index
    half = _FINER * ((grid.size - 1) // 2)
    out = np.empty((scales.size, grid.size))
    for row, one in zip(out, scales.ravel(), strict=True):
        ring = fft.irfft(np.exp(-(one**index) * k), n) / spacing
        side = ring[: half + 1 : _FINER]
        row[:] = np.maximum(np.concatenate([side[:0:-1], side]), 0.0)
    return out.reshape(*scales.shape, grid.size)


def fit_stable_density(
    snapshots: DensitySnapshots, floor: float, *, index: float | None = None, split: float = 0.8
) -> StableFit:
    """Fit a stable law, or a Gaussian, with a growing scale to the densities themselves.

    Parameters
    ----------
    snapshots : DensitySnapshots
        Even densities on a grid with a node at zero.
    floor : float
        Density below which is not compared.
    index : float, optional
        a, if it is not to be fitted; 2 for a Gaussian.
    split : float
        Part of the time that is fitted to.

    Returns
    -------
    StableFit

    Raises
    ------
    ValueError
        If the grid has no node at zero, no density lies above the floor, or a number is out of
        range.
    """
    if not 0 < split <= 1:
        raise ValueError(f"split must lie in 0..1, above 0, got {split!r}")
    grid, times = snapshots.grid, snapshots.times - snapshots.times[0]
    last = np.flatnonzero(times <= split * times[-1] * (1 + 1e-9))[-1]
    used = np.unique(np.linspace(0, last, _FITTED).astype(int))
    data = snapshots.density[used]
    kept = data > floor
    if not np.any(kept):
        raise ValueError(f"floor must lie below densities of the data, got {floor!r}")
    logarithm = np.log(data[kept])
    middle = data[0, grid.size // 2]

    def cost(point: NDArray[np.float64]) -> float:
        a = index if index is not None else float(point[2])
        power = np.exp(point[0]) + np.exp(point[1]) * times[used]
        density = stable_density(grid, a, power ** (1 / a))
        return float(np.mean(np.abs(np.log(np.maximum(density[kept], 1e-17)) - logarithm)))

    first = index or 1.5
    scale = math.gamma(1 + 1 / first) / (np.pi * middle)
    start = [first * math.log(scale), first * math.log(scale) - math.log(10 * times[-1])]
    bounds = [(value - 12, value + 12) for value in start]
    if index is None:
        start, bounds = [*start, first], [*bounds, (0.3, 2.0)]
    search = minimise(cost, start, bounds, tolerance=1e-4)
    best = search.points[search.best]
    said = () if search.converged else ("the search stopped before its tolerance was met",)
    return StableFit(
        index if index is not None else float(best[2]),
        float(np.exp(best[0])),
        float(np.exp(best[1])),
        float(search.costs[search.best]),
        said,
    )


def _best_coefficient(objective: Objective, operator: NonlocalDiffusion, first: float) -> float:
    """For the least cost, within a factor of 100 of the first."""
    if not first > 0:
        first = _NOTHING

    def cost(logarithm: float) -> float:
        coefficient = first * math.exp(logarithm)
        if objective.problem(operator, coefficient) is not None:
            return math.inf
        return objective.training_cost(operator, coefficient)

    least = optimize.minimize_scalar(
        cost, bounds=(-math.log(100), math.log(100)), method="bounded", options={"xatol": 1e-3}
    )
    return first * math.exp(float(least.x))


def _at_end(alpha: float) -> tuple[str, ...]:
    """Words for an exponent of the untruncated law that ended at its bound."""
    low, high = _FRACTIONAL
    if low + _NEAR_END < alpha < high - _NEAR_END:
        return ()
    return (f"alpha ended at its bound, {alpha:.4g} of {low:.4g} .. {high:.4g}",)


def _fractional(objective: Objective) -> tuple[float, float]:
    """alpha and D of the power law without a horizon."""

    def operator(alpha: float) -> NonlocalDiffusion:
        return objective.operator(PowerLawKernel(alpha, math.inf))

    def cost(alpha: float) -> float:
        trial = operator(alpha)
        coefficient = objective.coefficient(trial)
        if objective.problem(trial, coefficient) is not None:
            return math.inf
        return objective.training_cost(trial, coefficient)

    least = optimize.minimize_scalar(
        cost, bounds=_FRACTIONAL, method="bounded", options={"xatol": 1e-3}
    )
    alpha = float(least.x)
    return alpha, objective.coefficient(operator(alpha))


def _three_by_cost(objective: Objective, fit: PowerLawFit) -> tuple[float, float, float]:
    """alpha, delta and D together, from the bi-level fit on."""

    def cost(point: NDArray[np.float64]) -> float:
        operator = objective.operator(objective.trial_kernel(float(point[0]), float(point[1])))
        coefficient = float(point[2]) * fit.coefficient
        if objective.problem(operator, coefficient) is not None:
            return math.inf
        return objective.training_cost(operator, coefficient)

    bounds = (*fit.bounds, (0.0, 100.0))
    search = minimise(cost, (fit.alpha, fit.horizon, 1.0), bounds, max_evaluations=_MOST)
    alpha, horizon, factor = search.points[search.best].tolist()
    return alpha, horizon, factor * fit.coefficient
