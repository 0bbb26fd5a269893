"""Grains along a strain path, a core: our loops, and NumPy over all grains at once."""

from __future__ import annotations

import time

import numpy as np

from nlbook.crystals import CrystalLaw, StrainPath, magnesium, random_texture, taylor_response
from nlbook.crystals.taylor import Rule
from tests.benchmarks.measuring import Table, seconds
from tests.crystals.plain import random_path
from tests.crystals.vectorised import euler_path

N_GRAINS, N_STEPS = 128, 800


def path_seconds(law: CrystalLaw, rule: Rule, path: StrainPath) -> float:
    """Time of a core for the grains along a path."""
    texture = random_texture(N_GRAINS, 1)
    return seconds(lambda: taylor_response(path, texture, law, rule=rule), clock=time.thread_time)


def error(law: CrystalLaw, rule: Rule, n_steps: int) -> float:
    """Relative error of the deviator by steps of this length."""
    texture = random_texture(N_GRAINS, 1)
    coarse = taylor_response(random_path(1, n_steps), texture, law, rule=rule).deviator
    fine = taylor_response(random_path(1, 6400), texture, law).deviator
    coarse, fine = coarse[:: n_steps // 200], fine[::32]
    return float(np.linalg.norm(coarse - fine) / np.linalg.norm(fine))


def taylor_table() -> Table:
    """Time of 128 grains along a path of 800 steps, and what it errs."""
    table = Table(
        "crystals",
        "128 grains of magnesium along a strain path of 800 steps",
        "One core. A random path of ten intervals to strains of 10 % in 20 microseconds; errors "
        "are relative, of the deviator, against 6400 steps of two stages. NumPy takes the same "
        "steps of Newton for all grains at once, to the same tolerance.",
        threads=1,
    )
    path = random_path(1, N_STEPS)
    steps = N_GRAINS * N_STEPS
    without, with_twins = magnesium(twins=None), magnesium()
    texture = random_texture(N_GRAINS, 1)
    numpy = seconds(lambda: euler_path(path, texture, without), clock=time.thread_time)
    euler = path_seconds(without, "euler", path)
    table.add("backward Euler, no twins (NumPy)", numpy, "s")
    table.add(
        "backward Euler, no twins", euler, "s", at_most=0.5,
        ratio=numpy / euler, against="NumPy over all grains", ratio_at_least=4.0,
    )  # fmt: skip
    table.add("the same, a grain and step", euler / steps * 1e6, "microseconds", at_most=3.0)
    twinned = path_seconds(with_twins, "euler", path)
    table.add("backward Euler, twins", twinned, "s", at_most=1.0)
    table.add("two stages, no twins", path_seconds(without, "two-stage", path), "s", at_most=0.5)
    table.add("two stages, twins", path_seconds(with_twins, "two-stage", path), "s", at_most=1.0)
    short = random_path(1, 200)
    table.add("two stages, no twins, 200 steps", path_seconds(without, "two-stage", short), "s")
    for name, law in (("no twins", without), ("twins", with_twins)):
        table.add(f"error of Euler, {name}", error(law, "euler", N_STEPS), "")
        table.add(f"error of two stages, {name}", error(law, "two-stage", N_STEPS), "")
        table.add(f"error of two stages at 200 steps, {name}", error(law, "two-stage", 200), "")
    return table
