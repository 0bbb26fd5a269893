"""Both impacts to a microsecond: textbook laws, few grains, and Taylor's average everywhere.

Steps of elements are timed beside those of Akantu, where that is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.crystals import (
    CrystalMaterial,
    ReducedPolycrystal,
    TaylorPolycrystal,
    magnesium,
    random_texture,
)
from nlbook.impact import (
    J2,
    JohnsonCook,
    MeanDilatation,
    OnePoint,
    Simulation,
    box_mesh,
    plate_impact,
    taylor_anvil,
)
from tests.benchmarks.measuring import Table, seconds
from tests.impact.fused import fused_evaluate

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

#: A cube with so many bricks along each side is torn apart, by so many steps, beside Akantu's.
SIDE, STEPS = 14, 60
COPPER = J2(8930.0, 117e9 / 2.7, 117e9 / 0.9, 400e6, 100e6)
SPEED = -200.0  # m/s, of one end of the cube


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


def our_cube(elements: OnePoint | MeanDilatation) -> float:
    """Nanoseconds of an element and step, of a cube of copper that is torn apart."""
    side = np.linspace(0.0, 1e-2, SIDE + 1)
    mesh = box_mesh(side, side, side)
    v = np.outer(mesh.nodes[:, 2] / 1e-2, [0.0, 0.0, SPEED])
    body = Simulation(mesh, COPPER, velocity=v, elements=elements)
    body.step()
    start = time.process_time()
    for _ in range(STEPS):
        body.step()
    return (time.process_time() - start) / STEPS / mesh.n_elements * 1e9


_AKANTU = """
import tempfile, time
import akantu as aka
import numpy as np
n, steps = {side}, {steps}
with tempfile.NamedTemporaryFile("w", suffix=".dat", delete=False) as file:
    file.write("material plastic_linear_isotropic_hardening [\\n name = copper\\n rho = 8930\\n"
               " E = 117e9\\n nu = 0.35\\n sigma_y = 400e6\\n h = 100e6\\n]\\n")
aka.parseInput(file.name)
mesh = aka.Mesh(3)
inside = aka.MeshAccessor(mesh)
inside.resizeNodes((n + 1) ** 3)
side = np.linspace(0.0, 1e-2, n + 1)
grid = np.meshgrid(side, side, side, indexing="ij")
mesh.getNodes()[:] = np.stack([one.ravel() for one in grid], axis=1)
number = np.arange((n + 1) ** 3).reshape(n + 1, n + 1, n + 1)
corners = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1))
mesh.addConnectivityType(aka._hexahedron_8)
inside.resizeConnectivity(n**3, aka._hexahedron_8)
mesh.getConnectivity(aka._hexahedron_8)[:] = np.stack(
    [number[i : i + n, j : j + n, k : k + n].ravel() for i, j, k in corners], axis=1)
inside.makeReady()
model = aka.SolidMechanicsModel(mesh)
model.initFull(_analysis_method=aka._explicit_lumped_mass)
model.setTimeStep(0.8 * model.getStableTimeStep())
model.getVelocity()[:, 2] = {speed} * mesh.getNodes()[:, 2] / 1e-2
model.solveStep()
start = time.process_time()
for _ in range(steps):
    model.solveStep()
print((time.process_time() - start) / steps / n**3 * 1e9)
"""


def akantu_cube(python: str = sys.executable) -> float:
    """The same cube, steps and law in Akantu, by one thread."""
    code = _AKANTU.format(side=SIDE, steps=STEPS, speed=SPEED)
    done = subprocess.run(
        [python, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return float(done.stdout.split()[-1])


def run_memory(problem: str, grains: int) -> float:
    """Largest memory of a process that does nothing but one run with so many grains, MiB."""
    code = (
        "import nlbook.crystals as c, nlbook.impact as i, nlbook.host as h; "
        f"grains = c.TaylorPolycrystal(c.random_texture({grains}, 1), c.magnesium(twins=None)); "
        f"i.{problem}(c.CrystalMaterial(grains, {DENSITY}), until=1e-9); "
        "print(h.peak_memory_mib())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def impact_table(until: float = UNTIL) -> Table:
    """Time of whole runs, of an element and step, and of two threads."""
    table = Table(
        "impact",
        "Impacts to one microsecond, with a law or a polycrystal in each element",
        "A rod of 3200 elements against a wall and a plate of 11,520 under a cylinder, at a "
        "density of 10,000 kg/m^3, without setting up and compilation. Times of one thread are "
        "what it had of a core; of two, and of the one beside them, what passes on the wall. "
        "Memory is that of a process that makes the run alone. Beside Akantu a cube of copper is "
        "torn apart at 2e4 /s: its bricks have eight points and small strains, ours finite "
        "strains, at eight points with a mean dilatation or at one, as in the impacts.",
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
    body = taylor_anvil(METAL, until=0.8 * until)
    passes = seconds(lambda: body._body.evaluate(body.x, body.v, 1e-12), clock=time.thread_time)
    fused = seconds(
        lambda: fused_evaluate(body._body, body.x, body.v, 1e-12), clock=time.thread_time
    )
    table.add("rod, J2, a step's forces by three passes", 1e3 * passes, "ms")
    table.add("rod, J2, the same by one compiled loop, without sums at nodes", 1e3 * fused, "ms")
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
    for name, problem in (("rod", "taylor_anvil"), ("plate", "plate_impact")):
        table.add(f"{name}, 32 grains, memory", run_memory(problem, 32), "MiB")
    _add_cubes(table)
    return table


def _add_cubes(table: Table) -> None:
    theirs = None
    if find_spec("akantu") is None:
        table.keep_rows_of("Akantu")
    else:
        theirs = akantu_cube()
        table.add("cube, Akantu, an element and step", theirs, "ns")
    for name, elements in (("one point", OnePoint()), ("eight points", MeanDilatation())):
        ours = our_cube(elements)
        beside = {} if theirs is None else {"ratio": theirs / ours, "against": "Akantu"}
        table.add(f"cube, {name}, an element and step", ours, "ns", **beside)
