"""What the bi-level fit minimises: least squares for the coefficient, then a logarithmic error.

For a trial kernel of unit coefficient, Level 1 gives the coefficient from all steps of training
(`nlbook.identification.bilevel.level_one`); the evolution then runs from the first density of the
data, and its mean logarithmic absolute error against all later ones is the cost. That is Algorithm
1 of the paper [1]_. Evolutions are computed in blocks of many steps (`nlbook.diffusion`) and
compared block by block, on half the nodes where the data are even.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia, M. Zayernouri, Comput. Methods Appl. Mech. Eng. 403
   (2023) 115743, section 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.diffusion.quadrature import Rule
from nlbook.identification.bilevel.compared import (
    check_data,
    check_mass,
    floors,
    number_of_steps,
    places,
)
from nlbook.identification.bilevel.level_one import (
    Equations,
    InnerProducts,
    inner_products,
    integrated_equations,
    interpolation_matrix,
    step_equations,
    summed_equations,
)
from nlbook.identification.bilevel.log_error import log_error_loop
from nlbook.identification.bilevel.settings import FitSettings, common_step
from nlbook.kernels import PowerLawKernel, RadialKernel
from nlbook.parallel import block_partition

__all__ = ["Objective", "Trial", "trial_operator"]

# Least nodes to compare, on average over the training: three parameters and some to spare.
_FEWEST_NODES = 10

# Part of the largest density by which all differ at least in time: below is rounding.
_SAME = 1e-12

# A trial density counts as at least this part of the data's largest: below is rounding.
_LEAST = 1e-17


@dataclass(frozen=True)
class Trial:
    """One evaluation of the objective."""

    alpha: float  #: decay exponent
    horizon: float  #: radius of interaction, length
    coefficient: float  #: from Level 1, length**(alpha - 1) / time
    cost: float  #: mean logarithmic absolute error of training; inf where nothing can evolve


class Objective:
    """The cost of a kernel, for one set of densities.

    Parameters
    ----------
    snapshots : DensitySnapshots
        At two times or more, on a uniform grid; each of mass one, or less where mass has left
        over the ends of the grid.
    settings : FitSettings
        What is compared.
    communicator : mpi4py.MPI.Intracomm, optional
        Ranks that share the steps, at both levels. All must make the same calls; they get the
        same results.

    Raises
    ------
    ValueError
        If the densities do not integrate to one or never change, the time step does not divide
        the times, or too little lies above the floor.
    """

    def __init__(
        self,
        snapshots: DensitySnapshots,
        settings: FitSettings | None = None,
        *,
        communicator: Any = None,
    ) -> None:
        settings = check_data(snapshots, settings)
        check_mass(snapshots)
        #: Time step, given or found; also that of `settings`.
        self.dt = common_step(snapshots.times, settings)
        if settings.dt is not None:
            self.dt = float(settings.dt)
        self.settings = settings.with_step(self.dt)
        self.snapshots = snapshots
        self.grid, self.spacing = snapshots.grid, snapshots.spacing
        self._communicator = communicator
        self._ranks = (1, 0) if communicator is None else _ranks(communicator)
        #: Steps of the data, and those of them that train.
        self.n_steps = number_of_steps(snapshots.times, self.dt)
        self.n_training = round(settings.split * self.n_steps)
        if self.n_training < settings.every:
            raise ValueError(
                f"split must leave {settings.every} steps or more to train (every="
                f"{settings.every}), got {settings.split!r} of {self.n_steps}"
            )
        #: Steps at which the cost may compare: those of the snapshots where no dt is asked for, and
        #: evolutions are exact.
        self._steps = np.arange(1, self.n_steps + 1)
        if settings.dt is None and not settings.by_steps:
            since = (snapshots.times[1:] - snapshots.times[0]) / self.dt
            self._steps = np.unique(np.rint(since).astype(np.int64))
        self._training_end = snapshots.times[0] + self.dt * (self.n_training + 0.5)
        density = np.ascontiguousarray(snapshots.density, dtype=np.float64)
        self._density = density
        if np.abs(density - density[0]).max() < _SAME * density.max():
            raise ValueError("densities must spread: those of all times are the same")
        self._even = bool(np.array_equal(density, density[:, ::-1]))
        self._floor = floors(snapshots, settings.floor)
        self._least = _LEAST * float(density.max())
        self._before, self._share = places(snapshots.times, self.dt, self.n_steps)
        #: Part of the nodes and steps of training that are compared.
        self.compared = self._compared_part()
        if self.compared * self.grid.size < _FEWEST_NODES:
            raise ValueError(
                f"floor must leave {_FEWEST_NODES} nodes or more to compare, got "
                f"{self.compared * self.grid.size:.1f} on average: the tails are empty"
            )
        self._products: InnerProducts | None = None

    @property
    def half_length(self) -> float:
        """Of the grid: the unit in which a search tells distances."""
        return float(self.grid[-1] - self.grid[0]) / 2

    @property
    def cell(self) -> float | None:
        """Length of a cell, where the horizon counts in whole ones."""
        return self.spacing if self.settings.rule == "nodes" else None

    @property
    def products(self) -> InnerProducts:
        """Inner products of the training data, for Level 1."""
        if self._products is None:
            equations = self.equations
            mine = block_partition(len(equations.change), *self._ranks)
            products = inner_products(self._density, equations[mine.start : mine.stop])
            self._products = InnerProducts(
                self._sum_over_ranks(products.response),
                self._sum_over_ranks(products.gram),
                float(self._sum_over_ranks(np.array(products.square))),
            )
        return self._products

    @property
    def equations(self) -> Equations:
        """Level 1's, for the training data."""
        settings, times = self.settings, self.snapshots.times
        if settings.level_one == "integrated" and not settings.by_steps:
            return self._integrated()
        at = times[0] + self.dt * np.arange(self.n_training + 1)
        shares = interpolation_matrix(times, at)
        if settings.level_one == "integrated":
            return summed_equations(shares, self.dt)
        return step_equations(shares, self.dt, centred=not settings.by_steps)

    def _integrated(self) -> Equations:
        """From the first to each snapshot of training; the shares of later ones are zero."""
        n_times = self.snapshots.times.size
        trained = self._n_trained + 1
        equations = integrated_equations(self.snapshots.times[:trained])
        rest = ((0, 0), (0, n_times - trained))
        return Equations(np.pad(equations.applied, rest), np.pad(equations.change, rest))

    @property
    def _n_trained(self) -> int:
        """Number of the last snapshot of training."""
        after = int(np.searchsorted(self.snapshots.times, self._training_end, side="right"))
        return max(1, after - 1)

    def between_snapshots(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What Level 1 applies an operator to, what should come of it, and 1/p there.

        Each (n, n_nodes); 1/p is zero below the floor. For least squares of relative residuals, at
        the snapshots of training: densities between two of them and their rate, or the integral
        from the first on and the change.
        """
        n = self._n_trained
        p, floor = self._density[: n + 1], self._floor[: n + 1, np.newaxis]
        gaps = np.diff(self.snapshots.times[: n + 1])[:, np.newaxis]
        change, euler = np.diff(p, axis=0), self.settings.by_steps
        # of forward Euler, the starts of the steps: half a step early
        middle = (p[1:] + p[:-1]) / 2 - (self.dt / 2 if euler else 0.0) * change / gaps
        if self.settings.level_one == "steps":
            applied, change = middle, change / gaps
            beside, floor = (p[1:] + p[:-1]) / 2, (floor[1:] + floor[:-1]) / 2
        else:
            applied = np.cumsum(gaps * middle, axis=0)
            if not euler:
                applied = self._integrated().applied[:, : n + 1] @ p
            change, beside, floor = p[1:] - p[0], p[1:], floor[1:]
        weight = np.where(beside > floor, 1 / np.maximum(beside, floor + 1e-300), 0.0)
        return applied, change, weight

    def data_at(self, step: int) -> NDArray[np.float64]:
        """The data's density after a number of steps, (n_nodes,)."""
        share, before = self._share[step], self._before[step]
        return np.asarray((1 - share) * self._density[before] + share * self._density[before + 1])

    def add_errors(
        self, block: NDArray[np.float64], steps: NDArray[np.int64], sums: NDArray[np.float64]
    ) -> None:
        """Compare trial densities (n_rows, n_nodes) at some steps with the data.

        Added to `sums` are, of all nodes, the sum of |log p - log q| and the number of pairs; and
        both of the middle node alone, where half of the nodes are given of data that are even.
        """
        log_error_loop(
            block, self._density, self._before[steps], self._share[steps], self._floor,
            self._least, block.shape[1] < self.grid.size and self.grid.size % 2 == 1, sums,
        )  # fmt: skip

    def operator(self, kernel: RadialKernel) -> NonlocalDiffusion:
        """The operator of a kernel on the grid of the data, by the rule of the settings."""
        return trial_operator(kernel, self.grid, self.settings.rule)

    def trial_kernel(self, alpha: float, horizon: float) -> PowerLawKernel:
        """A power law of unit coefficient as `evaluate` takes it."""
        return PowerLawKernel(alpha, horizon)

    def weights(self, operator: NonlocalDiffusion) -> NDArray[np.float64]:
        """An operator's weights as Level 1 takes them, (n_nodes,)."""
        return self.products.pad_weights(operator.weights, operator.rate / 2)

    def coefficient(self, operator: NonlocalDiffusion) -> float:
        """Level 1: what an operator of unit coefficient is best multiplied by."""
        return float(self.products.coefficients(self.weights(operator))[0])

    def evaluate(self, alpha: float, horizon: float, *, at_most: int | None = None) -> Trial:
        """Levels 1 and 2 for a power law. The cost is infinite where it cannot evolve.

        That is where least squares gives no positive coefficient, or a step of forward Euler is
        not stable.
        """
        operator = self.operator(self.trial_kernel(alpha, horizon))
        coefficient = self.coefficient(operator)
        if self.problem(operator, coefficient) is not None:
            return Trial(alpha, horizon, coefficient, math.inf)
        cost = self.training_cost(operator, coefficient, at_most=at_most)
        return Trial(alpha, horizon, coefficient, cost)

    def problem(self, operator: NonlocalDiffusion, coefficient: float) -> str | None:
        """Why an operator times a coefficient cannot evolve the densities, in words, or None."""
        dt = self.dt
        if not coefficient > 0:
            return (
                f"densities must spread: least squares gives the coefficient {coefficient:.4g}, "
                f"which is not positive"
            )
        if self.settings.by_steps and coefficient * dt > operator.stable_step:
            return (
                f"dt must not exceed {operator.stable_step / coefficient:.6g} for forward Euler "
                f"to be stable with the coefficient {coefficient:.4g} of least squares, got "
                f"{dt!r}; ExactEvolution() has no bound"
            )
        return None

    def training_cost(
        self, operator: NonlocalDiffusion, coefficient: float = 1.0, *, at_most: int | None = None
    ) -> float:
        """Mean logarithmic absolute error over the training, from its first density on.

        With `at_most` it is compared at about so many times only, evenly apart: a preview.
        """
        stride = 1
        if at_most is not None:
            compared = int(np.count_nonzero(self._steps <= self.n_training))
            stride = max(1, compared // self.settings.every // at_most)
        return self._cost(operator, coefficient, 0, 0, self.n_training, stride)

    def testing_cost(self, operator: NonlocalDiffusion, coefficient: float = 1.0) -> float:
        """Mean logarithmic absolute error over the rest, or nan where there is none.

        The evolution starts again from the data at the split, or is continued: see
        `FitSettings.testing`.
        """
        start = self.n_training if self.settings.testing == "restarted" else 0
        return self._cost(operator, coefficient, start, self.n_training, self.n_steps)

    def final_error(self, operator: NonlocalDiffusion, coefficient: float = 1.0) -> float:
        """Relative l2 error of the last density, evolved from the first one."""
        last, *_ = self._blocks(operator, coefficient, 0, np.array([self.n_steps]), half=False)
        data = self._density[-1]
        return float(np.linalg.norm(last[1][0] - data) / np.linalg.norm(data))

    def _cost(
        self,
        operator: NonlocalDiffusion,
        coefficient: float,
        start: int,
        first: int,
        last: int,
        stride: int = 1,
    ) -> float:
        """Error at the steps first + every, ... up to last, evolved from the data at `start`."""
        every = stride * self.settings.every
        within = (self._steps > first) & (self._steps <= last)
        steps = self._steps[within][every - 1 :: every]
        mine = block_partition(steps.size, *self._ranks)
        sums = np.zeros(4)
        if len(mine):
            wanted = steps[mine.start : mine.stop]
            for rows, block in self._blocks(operator, coefficient, start, wanted, self._even):
                self.add_errors(block, wanted[rows], sums)
        sums = self._sum_over_ranks(sums)
        total, count = 2 * sums[:2] - sums[2:]  # the middle node is not mirrored
        return float(total / count) if count else math.nan

    def _blocks(
        self,
        operator: NonlocalDiffusion,
        coefficient: float,
        start: int,
        wanted: NDArray[np.int64],
        half: bool,
    ) -> Any:
        steps = wanted - start
        return operator.evolve_blocks(
            self.data_at(start),
            self.dt * coefficient,
            int(steps[-1]),
            self.settings.method,
            steps=steps,
            half=half,
        )

    def _compared_part(self) -> float:
        """Of the nodes at the snapshots of training."""
        trained = self._before[self.n_training] + 2
        above = self._density[1:trained] > self._floor[1:trained, np.newaxis]
        return float(above.mean())

    def _sum_over_ranks(self, mine: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum, the same to the bit on all ranks."""
        if self._communicator is None:
            return mine
        total = np.zeros_like(mine)
        self._communicator.Reduce(mine, total, root=0)
        self._communicator.Bcast(total, root=0)
        return total


def trial_operator(kernel: RadialKernel, grid: ArrayLike, rule: Rule) -> NonlocalDiffusion:
    """The operator of a kernel that a search tries: of any horizon, and without warnings."""
    return NonlocalDiffusion(kernel, grid, rule=rule, exceed_grid=True, warn=False)


def _ranks(communicator: Any) -> tuple[int, int]:
    return int(communicator.Get_size()), int(communicator.Get_rank())
