"""Both impacts to a microsecond: textbook laws, few grains, and Taylor's average everywhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nlbook.crystals import (
    CrystalMaterial,
    ReducedPolycrystal,
    TaylorPolycrystal,
    magnesium,
    random_texture,
)
from nlbook.host import peak_memory_mib
from nlbook.impact import J2, JohnsonCook, MeanDilatation, plate_impact, taylor_anvil
from tests.benchmarks.measuring import Table

GRAINS = Path(__file__).resolve().parents[2] / "book/recorded/crystals/grains_8.json"
DENSITY = 1e4  # kg/m^3, as the paper prints it
UNTIL = 1e-6  # s
#: yields as the paper's magnesium does, so that elements flow as they do with crystals
METAL = J2(
    DENSITY, 25e9, 48e9, 80e6, hardening=150e6, saturation=120e6, saturation_strain=0.08,
    reference_rate=4e5,
)  # fmt: skip
COOK = JohnsonCook(
    DENSITY, 25e9, 48e9, 80e6, 200e6, 0.3, rate_sensitivity=0.05, melting_temperature=900.0,
    heat_capacity=1020.0, heat_share=0.9,
)  # fmt: skip


def run_seconds(
    problem: Any, material: Any, until: float, *, clock: Any = time.thread_time, **options: Any
) -> tuple[float, int]:
    """Time of a run without its setting up, and its element-steps; the faster of two short ones."""
    best, work = float("inf"), 0
    for _ in range(2):
        body = problem(material, until=0.0, **options)
        start = clock()
        body.run(until)
        best = min(best, clock() - start)
        work = body.n_steps * body.mesh.n_elements
        if best > 2.0:
            break
    return best, work


def impact_table(until: float = UNTIL) -> Table:
    """Time of whole runs, of an element and step, and of two threads."""
    table = Table(
        "impact",
        "Impacts to one microsecond, with a law or a polycrystal in each element",
        "A rod of 3200 elements against a wall and a plate of 11,520 under a cylinder, at a "
        "density of 10,000 kg/m^3, without setting up and compilation. Times of one thread are "
        "what it had of a core; of two, and of the one beside them, what passes on the wall.",
        threads=1,
    )
    law = magnesium(twins=None)
    few = CrystalMaterial(ReducedPolycrystal.load(GRAINS), DENSITY)
    many = CrystalMaterial(TaylorPolycrystal(random_texture(32, 1), law), DENSITY)
    rows = [
        ("rod, J2", taylor_anvil, METAL, 0.15),
        ("rod, Johnson-Cook", taylor_anvil, COOK, 0.25),
        ("rod, 8 grains", taylor_anvil, few, 15.0),
        ("rod, 32 grains", taylor_anvil, many, 120.0),
        ("plate, J2", plate_impact, METAL, None),
        ("plate, Johnson-Cook", plate_impact, COOK, None),
        ("plate, 8 grains", plate_impact, few, 45.0),
        ("plate, 32 grains", plate_impact, many, 400.0),
    ]
    for name, problem, material, most in rows:
        took, work = run_seconds(problem, material, until)
        table.add(name, took, "s", at_most=most)
        table.add(f"{name}, an element and step", took / work * 1e6, "microseconds")
    took, work = run_seconds(taylor_anvil, METAL, until, elements=MeanDilatation())
    table.add("rod, J2, eight points, an element and step", took / work * 1e6, "microseconds")
    for name, problem, material in (
        ("plate, J2", plate_impact, METAL), ("rod, 8 grains", taylor_anvil, few),
    ):  # fmt: skip
        wall = time.perf_counter
        one, _ = run_seconds(problem, material, until, clock=wall)
        two, _ = run_seconds(problem, material, until, clock=wall, workers=2)
        table.add(
            f"{name}, two threads", two, "s", ratio=one / two, against="one thread",
            ratio_at_least=1.7, threads=2,
        )  # fmt: skip
    table.add("largest memory of the process", peak_memory_mib(), "MiB")
    return table
