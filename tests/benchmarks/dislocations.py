"""The stress on N dislocations, and realizations of creep, against what one would write."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numba import njit

from nlbook.dislocations import (
    CreepProtocol,
    CreepRun,
    evolve_adaptive,
    random_dislocations,
    run_ensemble,
    simulate_creep,
)
from nlbook.dislocations.glide.fast_sum import make_plan
from nlbook.dislocations.glide.interaction import periodic_shear_stress
from nlbook.dislocations.glide.strips import glide_loop
from nlbook.parallel import task_seed, usable_cores
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Table

LENGTH = 300.0

seconds = partial(measuring.seconds, clock=time.thread_time)


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


# The flags of our own loops, which rivals get as well.
FLAGS = {
    "nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}
}  # fmt: skip


@njit(**FLAGS)
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


def pair_tables(y):
    """What depends on y alone, for each pair: cosh Y and Y sinh Y."""
    dy = y[:, None] - y
    big_y = 2 * np.pi / LENGTH * (dy - LENGTH * np.round(dy / LENGTH))
    return np.cosh(big_y), big_y * np.sinh(big_y)


@njit(**FLAGS)
def table_sum(x, sign, cosh_y, y_sinh_y):
    """One row of images from such tables; sines and cosines once a dislocation."""
    out, c, s = np.empty(x.size), np.cos(2 * np.pi / LENGTH * x), np.sin(2 * np.pi / LENGTH * x)
    for i in range(x.size):
        total = 0.0
        for j in range(x.size):
            difference = cosh_y[i, j] - (c[i] * c[j] + s[i] * s[j])
            square = difference * difference + 1e-300
            total += sign[j] * (s[i] * c[j] - c[i] * s[j]) * (difference - y_sinh_y[i, j]) / square
        out[i] = np.pi / LENGTH * total
    return out


def crowd(count: int, length: float = LENGTH):
    """Dislocations at random, sorted by y as the simulation keeps them."""
    generator = np.random.default_rng(1)
    x, y = generator.uniform(0.0, length, (2, count))
    return x, np.sort(y), generator.choice([-1.0, 1.0], count)


def fast_sum(
    x, y, sign, length: float, images: str = "periodic", *, single_precision: bool = False
) -> Callable[[], np.ndarray]:
    """What a step of the simulation computes, from positions to stresses."""
    plan = make_plan(y, length, images=images, single_precision=single_precision)
    work, (stress, force) = np.empty((2, x.size)), np.empty((2, x.size))

    def call() -> np.ndarray:
        glide_loop(plan, x, sign, 0.0, work, stress, force)
        return stress

    return call


def pylabdd_sum(x, y, sign, length: float) -> Callable[[], np.ndarray] | None:
    """The forces by pyLabDD, with the rows of images -3..3; None, with the reason, without it."""
    try:
        from pylabdd import calc_fpk_pbc
    except ImportError as error:
        print(f"no rows of pyLabDD: {error}; it needs pip install pylabdd and gfortran")
        return None
    count = x.size
    return lambda: np.asarray(
        calc_fpk_pbc(x, y, sign, np.zeros(count), 0.0, length, length, count, count)
    )[0]


def stress_table() -> Table:
    """Time for an ordered pair, beside NumPy and numba, and the growth with N."""
    table = Table(
        "dislocation_stress",
        "Stress of N dislocations on one another",
        "One thread. Time for an ordered pair: that of the whole sum over N squared, half angles "
        "included. NumPy and numba compute the formula as printed, with one row of images; numba "
        "has the flags of our own loops, and once more tables of what depends on y alone, whose "
        "making is not counted (nor is that of our plan). Ours has all rows unless it says "
        "otherwise, and the adaptive integrator sums in single precision. pyLabDD 1.2 sums seven "
        "rows in Fortran, a complex sine and cosine for each; its rows are there where it is "
        "installed. The implicit code 2D4 has a table of its own.",
    )
    for count, at_most, ratio in ((700, 0.5, 45.0), (1500, 0.8, 35.0)):
        x, y, sign = crowd(count)
        pairs = count**2
        ours = seconds(fast_sum(x, y, sign, LENGTH)) / pairs * 1e9
        plain = seconds(lambda x=x, y=y, b=sign: numpy_sum(x, y, b)) / pairs * 1e9
        loop = seconds(lambda x=x, y=y, b=sign: numba_sum(x, y, b)) / pairs * 1e9
        tables = pair_tables(y)
        tabled = seconds(lambda x=x, b=sign, t=tables: table_sum(x, b, *t)) / pairs * 1e9
        one_row = seconds(fast_sum(x, y, sign, LENGTH, "one_row")) / pairs * 1e9
        single = seconds(fast_sum(x, y, sign, LENGTH, single_precision=True)) / pairs * 1e9
        table.add(
            f"all rows, N = {count}", ours, "ns a pair", at_most=at_most,
            ratio=plain / ours, against="NumPy, printed formula", ratio_at_least=ratio,
        )  # fmt: skip
        table.add(
            f"all rows, N = {count}, beside numba", ours, "ns a pair",
            ratio=tabled / ours, against="numba, one row from tables", ratio_at_least=1.2,
        )  # fmt: skip
        table.add(
            f"all rows, single precision, N = {count}", single, "ns a pair",
            ratio=tabled / single, against="numba, one row from tables",
        )  # fmt: skip
        table.add(
            f"one row, N = {count}", one_row, "ns a pair",
            ratio=plain / one_row, against="NumPy, printed formula",
        )  # fmt: skip
        table.add(f"NumPy, printed formula, N = {count}", plain, "ns a pair")
        table.add(f"numba, printed formula, N = {count}", loop, "ns a pair")
        table.add(f"numba, one row from tables, N = {count}", tabled, "ns a pair")
    x, y, sign = crowd(700)
    exact = periodic_shear_stress(x[:, None] - x, y[:, None] - y, LENGTH) @ sign
    error = np.max(np.abs(fast_sum(x, y, sign, LENGTH)() - exact)) * LENGTH
    # 1e-9/L a pair at most, adding like a random walk; and what the double loop leaves out
    table.add("largest error, N = 700", error, "1/L", at_most=1e-9 * np.sqrt(700))
    theirs = pylabdd_sum(x, y, sign, LENGTH)
    if theirs is None:
        table.keep_rows_of("pyLabDD")
    else:
        ours, other = (
            seconds(call) / 700**2 * 1e9 for call in (fast_sum(x, y, sign, LENGTH), theirs)
        )
        table.add("pyLabDD, seven rows, N = 700", other, "ns a pair")
        table.add(
            "all rows, N = 700, beside pyLabDD", ours, "ns a pair",
            ratio=other / ours, against="pyLabDD", ratio_at_least=100.0,
        )  # fmt: skip
        apart = np.max(np.abs(sign * theirs() - exact)) * LENGTH
        # seven rows leave 3.6e-8/L a pair; the nearest pairs' forces are rounded
        table.add("pyLabDD's largest difference", apart, "1/L", at_most=1e-4)
    return table


def realization_table() -> tuple[Table, float]:
    """One realization of each case, adaptive and by Euler; the mean of the first, in seconds."""
    table = Table(
        "dislocation_creep",
        "One realization of creep",
        "1500 dislocations, 10000 t0 of relaxation, 10 t0 of settling and 300 t0 of creep (250 t0 "
        "in Cases 2 and 3), all rows of images, one core; the shortest of three seeds, each of two "
        "runs. Euler takes 10000, 1000 and 30000 (25000) steps. What Euler would take with NumPy "
        "and the formula as printed, or with numba and tables of the pairs, is estimated: the time "
        "of a sum, measured above, over its steps and the number of dislocations in each; making "
        "the tables anew when dislocations vanish is left out, in favour of numba.",
    )
    x, y, sign = crowd(700)
    tables = pair_tables(y)
    plain = {
        "NumPy": seconds(lambda: numpy_sum(x, y, sign)) / 700**2,
        "numba": seconds(lambda: table_sum(x, sign, *tables)) / 700**2,
    }
    adaptive = []
    for case in (1, 2, 3):
        times = {}
        for name in ("adaptive", "euler"):
            protocol = CreepProtocol.for_case(case, integrator=name)
            elapsed = []
            for k in range(3):
                run, taken = realization(protocol, k, repeats=2 if name == "adaptive" else 1)
                elapsed.append(taken)
            times[name] = min(elapsed)
        adaptive.append(times["adaptive"])
        table.add(
            f"adaptive, Case {case}", times["adaptive"], "s", at_most=1.5,
            ratio=times["euler"] / times["adaptive"], against="forward Euler, ours",
            ratio_at_least=3.0,
        )  # fmt: skip
        table.add(f"forward Euler, Case {case}", times["euler"], "s", at_most=9.0)
        for name, pair in plain.items():
            estimate = pair * squares(protocol, run)
            table.add(
                f"forward Euler with {name}, Case {case}, estimated", estimate, "s",
            )  # fmt: skip
            table.add(
                f"adaptive, Case {case}, beside {name}", times["adaptive"], "s",
                ratio=estimate / times["adaptive"], against=f"forward Euler with {name}",
            )  # fmt: skip
    start = time.perf_counter()
    run_ensemble(CreepProtocol.for_case(2), 12, 2022, progress=False)
    hourly = 12 * 3600 / (time.perf_counter() - start)
    table.add(f"realizations an hour on {usable_cores()} cores, Case 2", hourly, "")
    return table, float(np.mean(adaptive))


def realization(protocol: CreepProtocol, k: int, *, repeats: int) -> tuple[CreepRun, float]:
    """A realization, and its time on a core."""
    elapsed = []
    for _ in range(repeats):
        start = time.thread_time()
        run = simulate_creep(protocol, task_seed(2022, k))
        elapsed.append(time.thread_time() - start)
    return run, min(elapsed)


def squares(protocol: CreepProtocol, run: CreepRun) -> float:
    """Sum of N**2 over the steps of forward Euler."""
    relaxation = (
        np.trapezoid(run.relaxation_number**2, run.relaxation_time) / protocol.relaxation_dt
    )
    settling = protocol.settling_steps * run.relaxed_x.size**2
    return float(
        relaxation
        + settling
        + np.trapezoid(run.creep_number**2, run.creep_time) / protocol.creep_dt
    )


def growth_table() -> Table:
    """How the time of a sum, and of an adaptive relaxation, grows with the number."""
    table = Table(
        "dislocation_growth",
        "Cost against the number of dislocations",
        "700 dislocations in 300 b times 300 b at all sizes, one thread. A relaxation starts at "
        "random and lasts 30 t0, in which a fifth of the dislocations vanish. Each pair that "
        "vanishes ends a step of the whole crystal, so the number of sums grows with that of "
        "pairs: a very large crystal would want steps of its own for each of its parts.",
    )
    counts = (500, 1000, 2000, 5000, 10_000, 20_000)
    times = {}
    for count in counts:
        length = LENGTH * np.sqrt(count / 700)
        times[count] = seconds(fast_sum(*crowd(count, length), length))
        table.add(f"a sum, N = {count}", times[count] * 1e3, "ms")
    slope = np.polyfit(np.log(counts), np.log(list(times.values())), 1)[0]
    table.add("exponent of the growth of a sum", slope, "", at_most=1.6)
    elapsed = {}
    for count in (100, *counts):  # the first warms up
        length = LENGTH * np.sqrt(count / 700)
        x, y, sign = random_dislocations(count, length, 1)
        start = time.thread_time()
        run = evolve_adaptive(x, y, sign, length, duration=30.0)
        elapsed[count] = time.thread_time() - start
        if count in times:
            table.add(f"30 t0 of relaxation, N = {count}", elapsed[count], "s")
            table.add(f"sums in it, N = {count}", run.n_forces, "")
    slope = np.polyfit(np.log(counts), np.log([elapsed[count] for count in counts]), 1)[0]
    table.add("exponent of the growth of a relaxation", slope, "")
    return table
