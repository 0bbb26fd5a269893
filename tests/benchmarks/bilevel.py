"""The bi-level fit against plain stepping, scipy's expm_multiply, and the paper's hours."""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse.linalg import expm_multiply

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import FitSettings, Objective, fit_power_law
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import usable_cores
from tests.benchmarks.measuring import Table, seconds

DT, N_STEPS, SPACING = 0.01, 10_000, 0.05
#: The paper's fits: nodes on a side of zero, alpha, delta, D; 80 % of the time trains.
CASES = {
    "m = 601": (300, PowerLawKernel(2.99, 20.62, 3.64e-4)),
    "m = 1601": (800, PowerLawKernel(2.40, 33.70, 7.40e-4)),
}


def densities(half: int, kernel: PowerLawKernel) -> DensitySnapshots:
    """A heavy-tailed start that spreads as the paper's fit says, with a wrinkle in time.

    The wrinkle keeps the least cost from zero, as noise does in data: the search then takes as
    many evaluations as there.
    """
    grid = SPACING * np.arange(-half, half + 1)
    start = (1 + (grid / 0.7) ** 2) ** -1.9
    start /= start.sum() * SPACING
    operator = NonlocalDiffusion(kernel, grid, rule="nodes")
    every = np.arange(0, N_STEPS + 1, 100)
    density = operator.evolve(start, DT, N_STEPS, snapshots=every, method="euler", check=False)
    wrinkle = 1 + 0.05 * np.sin(3.0 * np.log(np.cosh(grid))) * np.sin(0.004 * every)[:, np.newaxis]
    density *= wrinkle
    density /= density.sum(axis=1, keepdims=True) * SPACING
    return DensitySnapshots(grid, DT * every, (density + density[:, ::-1]) / 2)


def plain_evaluation(data: DensitySnapshots, alpha: float, delta: float, n_steps: int) -> float:
    """Levels 1 and 2 as one writes them: a dense matrix, all steps one by one."""
    matrix = NonlocalDiffusion(PowerLawKernel(alpha, delta), data.grid, rule="nodes").matrix()
    p = data.at(data.times[0] + DT * np.arange(n_steps + 1))
    columns = p[:-1] @ matrix
    change = np.diff(p, axis=0) / DT
    coefficient = np.vdot(columns, change) / np.vdot(columns, columns)
    step = DT * coefficient * matrix
    state, total = p[0], 0.0
    for k in range(n_steps):
        state = state + step @ state
        total += np.abs(np.log(p[k + 1]) - np.log(state)).sum()
    return total / (n_steps * data.grid.size)


def half_evaluation(data: DensitySnapshots, alpha: float, delta: float, n_steps: int) -> float:
    """The same for data that are even: half the unknowns, and logarithms of blocks of steps.

    NumPy at its best with plain steps: a quarter of the matrix, and one logarithm of the ratio for
    many steps at once.
    """
    n, block = data.grid.size // 2 + 1, 128
    matrix = NonlocalDiffusion(PowerLawKernel(alpha, delta), data.grid, rule="nodes").matrix()
    half = matrix[:n, :n].copy()
    half[:, : n - 1] += matrix[:n, : n - 1 : -1]
    times = data.times[0] + DT * np.arange(n_steps + 1)
    p = data.at(times)[:, :n]
    twice = np.append(np.full(n - 1, 2.0), 1.0)  # the middle node is one, the others two
    columns = p[:-1] @ half.T
    change = np.diff(p, axis=0) / DT
    coefficient = np.sum((columns * change) @ twice) / np.sum(columns**2 @ twice)
    step = np.eye(n) + DT * coefficient * half
    state, total = p[0], 0.0
    for first in range(0, n_steps, block):
        rows = []
        for _ in range(first, min(first + block, n_steps)):
            state = step @ state
            rows.append(state)
        ratio = p[first + 1 : first + 1 + len(rows)] / np.array(rows)
        total += np.sum(np.abs(np.log(ratio)) @ twice)
    return total / (n_steps * data.grid.size)


def evaluation_table() -> Table:
    """One evaluation of the objective."""
    cores = usable_cores()
    table = Table(
        "bilevel_evaluation",
        "One evaluation of the bi-level objective",
        f"Level 1, Level 2 with {N_STEPS} steps, and the logarithmic error at all of them and all "
        f"nodes; {cores} cores. Stepping: NumPy with a dense matrix, step by step, of all "
        "nodes or "
        "of the half that even data need, timed over a fiftieth of the steps and scaled. "
        "expm_multiply: scipy's, at all steps, without Level 1 and the "
        "error, timed over a hundredth and scaled.",
    )
    for name, (half, kernel) in CASES.items():
        data = densities(half, kernel)
        objective = Objective(data, FitSettings.as_in_paper(split=1.0, floor=0.0))
        objective.evaluate(kernel.alpha, kernel.horizon)
        ours = seconds(lambda o=objective, k=kernel: o.evaluate(k.alpha + 0.01, k.horizon))
        part = N_STEPS // 50
        plain = 50 * seconds(
            lambda d=data, k=kernel, n=part: plain_evaluation(d, k.alpha, k.horizon, n), least=0.1
        )
        half = 50 * seconds(
            lambda d=data, k=kernel, n=part: half_evaluation(d, k.alpha, k.horizon, n), least=0.1
        )
        matrix = NonlocalDiffusion(kernel, data.grid, rule="nodes").matrix()
        few = N_STEPS // 100
        scipys = 100 * seconds(
            lambda a=matrix, p=data.density[0], n=few: expm_multiply(
                a, p, start=0.0, stop=n * DT, num=n + 1, endpoint=True
            ),
            least=0.1,
        )
        limit = 0.4 if half == 800 else None
        table.add(
            f"{name}, all steps", ours, "s", at_most=limit, ratio=half / ours,
            against="stepping half the matrix", ratio_at_least=3.0,
        )  # fmt: skip
        table.add(
            f"{name}, all steps, beside scipy", ours, "s", ratio=scipys / ours,
            against="expm_multiply", ratio_at_least=10.0,
        )  # fmt: skip
        table.add(f"{name}, stepping half the matrix", half, "s")
        table.add(f"{name}, stepping the whole matrix", plain, "s")
        table.add(f"{name}, expm_multiply", scipys, "s")
        sparse = Objective(data, FitSettings.as_in_paper(split=1.0, floor=0.0, every=100))
        sparse.evaluate(kernel.alpha, kernel.horizon)
        table.add(
            f"{name}, at the 100 snapshots only",
            seconds(lambda o=sparse, k=kernel: o.evaluate(k.alpha + 0.01, k.horizon)),
            "s",
        )
        table.add(
            f"{name}, Level 1 alone",
            1e3 * seconds(lambda o=sparse, k=kernel: level_one(o, k)),
            "ms",
        )
        plain_cost = plain_evaluation(data, kernel.alpha, kernel.horizon, part)
        short = Objective(
            data.between(0.0, part * DT), FitSettings.as_in_paper(split=1.0, floor=0.0)
        )
        cost = short.evaluate(kernel.alpha, kernel.horizon).cost
        # densities of 1e-7 beside rounding of 1e-15
        table.add(f"{name}, difference to plain", abs(cost / plain_cost - 1), "", at_most=1e-7)
        half_cost = half_evaluation(data, kernel.alpha, kernel.horizon, part)
        table.add(f"{name}, difference of half", abs(half_cost / plain_cost - 1), "", at_most=1e-7)
    return table


def level_one(objective: Objective, kernel: PowerLawKernel) -> float:
    operator = objective.operator(objective.trial_kernel(kernel.alpha, kernel.horizon))
    return objective.coefficient(operator)


def fit_table() -> Table:
    """A whole fit, and its core-seconds beside the paper's."""
    cores = usable_cores()
    table = Table(
        "bilevel_fit",
        "A whole bi-level fit",
        "From densities at 101 times to alpha, delta and D by the paper's rule, start and "
        f"tolerance, the cost at all {N_STEPS * 4 // 5} steps of training; {cores} cores. The "
        "paper reports about 2 hours on 200 (m = 601) and 400 cores (m = 1601); the ratio is of "
        "core-seconds.",
    )
    for (name, (half, kernel)), paper in zip(CASES.items(), (200, 400), strict=True):
        data = densities(half, kernel)
        settings = FitSettings.as_in_paper(floor=0.0)
        start = (2.0, float(data.grid[-1]))  # the paper's
        fit_power_law(data, settings, start=start, max_evaluations=3)
        begun = time.perf_counter()
        fit = fit_power_law(data, settings, start=start)
        elapsed = time.perf_counter() - begun
        table.add(
            f"{name}, whole fit", elapsed, "s", at_most=60.0,
            ratio=2 * 3600 * paper / (elapsed * cores), against="the paper's core-seconds",
        )  # fmt: skip
        table.add(f"{name}, evaluations", fit.n_evaluations, "")
        draws = FitSettings.as_in_paper(floor=0.0, every=500)
        few = DensitySnapshots(data.grid, data.times[::5], data.density[::5])
        begun = time.perf_counter()
        fit_power_law(few, draws, start=(fit.alpha, fit.horizon), tolerance=1e-3)
        table.add(
            f"{name}, fit at 21 times, as of a bootstrap", time.perf_counter() - begun, "s",
            at_most=1.0,
        )  # fmt: skip
    return table
