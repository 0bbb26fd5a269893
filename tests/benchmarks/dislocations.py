"""The stress on N dislocations, and realizations of creep, against what one would write."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numba import njit

from nlbook.dislocations import CreepProtocol, run_ensemble, simulate_creep
from nlbook.dislocations.fast_sum import make_plan
from nlbook.dislocations.interaction import periodic_shear_stress
from nlbook.dislocations.kernels import half_angle_kernel, stress_kernel
from nlbook.parallel import task_seed, usable_cores
from tests.benchmarks.measuring import Table, seconds

LENGTH = 300.0


def numpy_sum(x, y, sign):
    """The paper's formula (2), one row of images, as one writes it with arrays."""
    big_x = 2 * np.pi / LENGTH * (x[:, None] - x)
    dy = y[:, None] - y
    big_y = 2 * np.pi / LENGTH * (dy - LENGTH * np.round(dy / LENGTH))
    difference = np.cosh(big_y) - np.cos(big_x)
    np.fill_diagonal(difference, 1.0)
    stress = np.sin(big_x) * (difference - big_y * np.sinh(big_y)) / difference**2
    np.fill_diagonal(stress, 0.0)
    return np.pi / LENGTH * (stress @ sign)


@njit(nogil=True)
def numba_sum(x, y, sign):
    """The same as a compiled double loop."""
    out = np.zeros(x.size)
    for i in range(x.size):
        for j in range(x.size):
            if i != j:
                big_x = 2 * np.pi / LENGTH * (x[i] - x[j])
                dy = y[i] - y[j]
                big_y = 2 * np.pi / LENGTH * (dy - LENGTH * np.round(dy / LENGTH))
                difference = np.cosh(big_y) - np.cos(big_x)
                out[i] += (
                    sign[j] * np.sin(big_x) * (difference - big_y * np.sinh(big_y)) / difference**2
                )
    return np.pi / LENGTH * out


def crowd(count: int, length: float = LENGTH):
    """Dislocations at random, sorted by y as the simulation keeps them."""
    generator = np.random.default_rng(1)
    x, y = generator.uniform(0.0, length, (2, count))
    return x, np.sort(y), generator.choice([-1.0, 1.0], count)


def fast_sum(x, y, sign, length: float, images: str = "periodic") -> Callable[[], np.ndarray]:
    """What a step of the simulation computes: half angles, then the sum."""
    plan = make_plan(y, length, images=images)
    sine, cosine, stress = np.empty((3, x.size))

    def call() -> np.ndarray:
        half_angle_kernel(x, length, sine, cosine)
        stress_kernel(plan, sine, cosine, sign, stress)
        return stress

    return call


def stress_table() -> Table:
    """Time for an ordered pair, beside NumPy and numba, and the growth with N."""
    table = Table(
        "dislocation_stress",
        "Stress of N dislocations on one another",
        "One thread. Time for an ordered pair: that of the whole sum over N squared, half angles "
        "included. NumPy and numba compute the formula as printed, with one row of images; "
        "ours has all rows unless it says otherwise. No library of two-dimensional dislocation "
        "dynamics is on the Python index, so the compiled loop stands for what one would use.",
    )
    for count, at_most, ratio in ((700, 0.5, 45.0), (1500, 0.8, 35.0)):
        x, y, sign = crowd(count)
        pairs = count**2
        ours = seconds(fast_sum(x, y, sign, LENGTH)) / pairs * 1e9
        plain = seconds(lambda x=x, y=y, b=sign: numpy_sum(x, y, b)) / pairs * 1e9
        loop = seconds(lambda x=x, y=y, b=sign: numba_sum(x, y, b)) / pairs * 1e9
        one_row = seconds(fast_sum(x, y, sign, LENGTH, "one_row")) / pairs * 1e9
        table.add(
            f"all rows, N = {count}", ours, "ns a pair", at_most=at_most,
            ratio=plain / ours, against="NumPy, printed formula", ratio_at_least=ratio,
        )  # fmt: skip
        table.add(
            f"all rows, N = {count}, beside numba", ours, "ns a pair",
            ratio=loop / ours, against="numba, printed formula",
        )  # fmt: skip
        table.add(
            f"one row, N = {count}", one_row, "ns a pair",
            ratio=plain / one_row, against="NumPy, printed formula",
        )  # fmt: skip
        table.add(f"NumPy, printed formula, N = {count}", plain, "ns a pair")
        table.add(f"numba, printed formula, N = {count}", loop, "ns a pair")
    for count in (500, 1000, 2000, 5000, 10_000, 20_000):
        length = LENGTH * np.sqrt(count / 700)
        table.add(
            f"all rows, N = {count}, same density",
            seconds(fast_sum(*crowd(count, length), length)) * 1e3,
            "ms a sum",
        )
    x, y, sign = crowd(700)
    exact = periodic_shear_stress(x[:, None] - x, y[:, None] - y, LENGTH) @ sign
    error = np.max(np.abs(fast_sum(x, y, sign, LENGTH)() - exact)) * LENGTH
    # 1e-9/L a pair at most, adding like a random walk; and what the double loop leaves out
    table.add("largest error, N = 700", error, "1/L", at_most=1e-9 * np.sqrt(700))
    return table


def realization_table() -> tuple[Table, float]:
    """One realization of each case by Euler, in seconds."""
    table = Table(
        "dislocation_creep",
        "One realization of creep",
        "1500 dislocations, 10000 steps of relaxation, 1000 of settling and 30000 of creep (25000 "
        "in Cases 2 and 3), by forward Euler with all rows, on one core; the shortest of three "
        "seeds.",
    )
    times = {}
    for case in (1, 2, 3):
        elapsed = []
        for k in range(3):
            start = time.thread_time()
            simulate_creep(CreepProtocol.for_case(case, integrator="euler"), task_seed(2022, k))
            elapsed.append(time.thread_time() - start)
        times[case] = min(elapsed)
        table.add(f"one realization, Case {case}", times[case], "s", at_most=9.0)
    start = time.perf_counter()
    run_ensemble(CreepProtocol.for_case(2, integrator="euler"), 6, 2022, progress=False)
    hourly = 6 * 3600 / (time.perf_counter() - start)
    table.add(f"realizations an hour on {usable_cores()} cores, Case 2", hourly, "")
    return table, times[1]
