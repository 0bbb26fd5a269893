"""Runs of chapter 7: both impacts with a polycrystal in every element, and with its rivals.

    python book/studies/impact_runs.py book/recorded/impact --store STORE

fits the laws of textbooks, makes all runs of `PROBLEMS` with all of `MATERIALS`, and writes one
file a run, `PROBLEM_DENSITY_MATERIAL.npz`; `fits.json`; `errors.json`, what the rivals miss; and
`provenance.json`. The store keeps each run whole, in 64 bits: the same command goes on from there.
`--problem`, `--density` and `--material`, each of which may be given several times, make some of
the runs; `--coarse` takes an eighth of the elements, and `--until` another time, for a folder of
one's own. The grains of the reduced polycrystals are copied beside the runs as they are in
`book/recorded/crystals`.

All runs of a problem take the same mesh. A run with 32 grains to 1 microsecond takes half a minute
to two minutes of a core, and one with 128 four times that; all of them three quarters of an hour.

A file holds, in 32 bits: `field_times`, and there `x`, the places of `nodes`; `deformation`, F, of
`elements`; and `stress`, Cauchy, Pa, 11, 22, 33, 12, 13, 23, of `section`, the elements along the
plane y = 0. Energies at the end of each step are as `History` has them. Direct runs with 32 grains
have all elements, and all but the plate's at three times; `largest_rate` and `largest_pressure` of
each element over all steps; and the `paths`, F at each of `path_times`, of `path_elements`. The
others have the elements of the section.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impact_errors import all_errors
from impact_materials import DENSITIES, FEW, MATERIALS, fits, material, nearest
from nlbook.host import describe_run
from nlbook.impact import (
    HexMesh,
    Simulation,
    plate_impact,
    rod_mesh,
    round_plate_mesh,
    taylor_anvil,
)
from nlbook.impact.blocks import six_of
from nlbook.parallel.store.files import write_atomically

CRYSTALS = Path(__file__).resolve().parents[1] / "recorded/crystals"
PROBLEMS = ("anvil", "plate", "rest")
#: When the rod is at rest, but for oscillations and its rebound, s; 99.8 % of its energy is spent.
REST = {10000.0: 14e-6, 1740.0: 4e-6}
#: Parts of that time at which the fields of a direct run are kept.
FIELDS = (0.25, 0.5, 1.0)
#: Whose elements' paths are kept, and all of whose fields.
WHOLE = "taylor_32"
HISTORY = ("time", "step", "kinetic", "internal", "contact", "hourglass", "bulk_viscosity")
#: Of `describe_run`, what is told of each run.
TOLD = ("commit", "dirty", "date", "peak_memory_mib")
N_PATHS = 48
_MOST = 200  # times of a path that are kept


@dataclass(frozen=True)
class Run:
    """What is run."""

    #: one of `PROBLEMS`
    problem: str
    #: kg/m^3
    density: float
    #: one of `MATERIALS`
    material: str
    #: an eighth of the elements
    coarse: bool = False
    #: s; by default a microsecond, or rest
    until: float | None = None

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.problem}_{self.density:.0f}_{self.material}"

    @property
    def end(self) -> float:
        """When it ends, s."""
        if self.until is not None:
            return self.until
        return REST[self.density] if self.problem == "rest" else 1e-6

    @property
    def mesh(self) -> HexMesh:
        """3200 or 11,520 elements, and 800 of those that go on to rest."""
        half = 2 if self.coarse else 1
        if self.problem == "plate":
            return round_plate_mesh(10e-3, 1e-3, through=8 // half, core=12 // half,
                                    inner_rings=6 // half, outer_rings=21 // half)  # fmt: skip
        core = 4 if self.problem == "anvil" else 2
        return rod_mesh(5e-3, 0.5e-3, layers=40 // half, core=core // half, rings=core // half)

    def path_elements(self, mesh: HexMesh) -> list[int]:
        """Half of them of the tenth next to what is hit, a quarter of each of the next two parts.

        Those end at a fifth and three fifths of the body.
        """
        order = nearest(mesh, mesh.n_elements) if self.problem == "plate" else by_height(mesh)
        shares = ((0.0, 0.1, N_PATHS // 2), (0.1, 0.2, N_PATHS // 4), (0.2, 0.6, N_PATHS // 4))
        chosen = []
        generator = np.random.default_rng(7)
        for low, high, count in shares:
            part = order[int(low * len(order)) : int(high * len(order))]
            chosen += generator.choice(part, min(count, len(part)), replace=False).tolist()
        return sorted(chosen)


def by_height(mesh: HexMesh) -> list[int]:
    """The elements from the foot on."""
    middle = mesh.nodes[mesh.elements].mean(axis=1)
    return np.argsort(middle[:, 2], kind="stable").tolist()


class Watch:
    """Looks at a run after each step: largest rates and pressures, and fields at some times."""

    def __init__(self, run: Simulation, times: Sequence[float]) -> None:
        self.before, self.last = run.deformation, run.time
        self.times, self.fields = list(times), list[tuple[Any, ...]]()
        self.rate = np.zeros(run.mesh.n_elements)
        self.pressure = np.zeros(run.mesh.n_elements)

    def __call__(self, run: Simulation) -> bool:
        """Never stops the run."""
        f, stress = run.deformation, run.stress
        flow = (f - self.before) @ np.linalg.inv(f) / (run.time - self.last)
        stretching = 0.5 * (flow + flow.swapaxes(1, 2))
        np.maximum(self.rate, np.linalg.norm(stretching, axis=(1, 2)), out=self.rate)
        np.maximum(self.pressure, -np.trace(stress, axis1=1, axis2=2) / 3, out=self.pressure)
        self.before, self.last = f, run.time
        if self.times and run.time >= self.times[0] * (1 - 1e-12):
            self.times.pop(0)
            self.fields.append((run.time, run.x.copy(), f, six_of(stress)))
        return False


def make(run: Run, folder: Path) -> dict[str, NDArray]:
    """Make a run, whole and in 64 bits."""
    mesh = run.mesh
    start = plate_impact if run.problem == "plate" else taylor_anvil
    body = start(material(run.material, run.density, folder), mesh=mesh, until=0.0,
                 record=run.path_elements(mesh))  # fmt: skip
    body.step(1e-12)  # numba compiles, which is not the run's time
    body = start(body.material, mesh=mesh, until=0.0, record=run.path_elements(mesh))
    watch = Watch(body, [run.end * part for part in FIELDS])
    started, cpu = time.perf_counter(), time.process_time()
    body.run(run.end, stop=watch)
    spent = [time.process_time() - cpu, time.perf_counter() - started]
    history = body.history
    times, x, deformation, stress = (np.array(part) for part in zip(*watch.fields, strict=True))
    return {
        "field_times": times,
        "x": x,
        "deformation": deformation,
        "stress": stress,
        "nodes": np.arange(mesh.n_nodes),
        "elements": np.arange(mesh.n_elements),
        "largest_rate": watch.rate,
        "largest_pressure": watch.pressure,
        "path_elements": body.recorded,
        "path_times": history.time,
        "paths": history.deformation,
        "impulse": history.impulse[-1, 0],
        "seconds": np.array(spent),
    } | {name: getattr(history, name) for name in HISTORY}


def stored(run: Run, folder: Path, store: Path) -> dict[str, NDArray]:
    """A run as it is in the store, or made and put there."""
    size = run.mesh.n_elements
    file = store / f"{run.name}_{size}_{run.end:.3g}.npz"
    if not file.exists():
        made = make(run, folder)
        told = describe_run(["numpy", "numba", "scipy"])
        made["told"] = np.array(json.dumps({name: told.pop(name) for name in TOLD}))
        write_atomically(file, lambda stream: np.savez_compressed(stream, **made))
        print(f"{run.name}: {len(made['time']) - 1} steps of {size} elements in "
              f"{made['seconds'][0]:.1f} s of a core", flush=True)  # fmt: skip
    with np.load(file) as kept:
        return {name: kept[name] for name in kept.files}


def sample(run: Run, whole: dict[str, NDArray]) -> dict[str, NDArray]:
    """What the record keeps of a run."""
    mesh, direct = run.mesh, run.material == WHOLE
    sides = np.sign(np.round(mesh.nodes[mesh.elements][..., 1], 9))
    section = np.flatnonzero((sides >= 0).any(axis=1) & (sides <= 0).any(axis=1))
    elements = whole["elements"] if direct else section
    nodes = np.unique(mesh.elements[elements]) if run.problem == "plate" else whole["nodes"]
    # a plate's early fields would be a third of the record
    times = slice(None) if direct and run.problem != "plate" else slice(-1, None)
    kept = {
        "nodes": nodes,
        "elements": elements,
        "section": section,
        "field_times": whole["field_times"][times],
        "x": whole["x"][times][:, nodes],
        "deformation": whole["deformation"][times][:, elements],
        "stress": whole["stress"][times][:, section],
    }
    if direct:
        every = -(-len(whole["path_times"]) // _MOST)
        kept |= {name: whole[name] for name in ("largest_rate", "largest_pressure")}
        kept |= {name: whole[name][::every] for name in ("path_times", "paths")}
        kept["path_elements"] = whole["path_elements"]
    kept |= {name: whole[name] for name in (*HISTORY, "impulse", "seconds")}
    small = {np.dtype(np.float64): np.float32, np.dtype(np.int64): np.int32}
    return {name: values.astype(small[values.dtype]) for name, values in kept.items()}


def record(
    folder: str | Path,
    store: str | Path,
    *,
    problems: Sequence[str] = PROBLEMS,
    densities: Sequence[float] = DENSITIES,
    materials: Sequence[str] = MATERIALS,
    coarse: bool = False,
    until: float | None = None,
) -> None:
    """Make runs that are not in the store, and write the record of all that are asked for.

    Parameters
    ----------
    folder : path
        Of the record.
    store : path
        Of finished runs.
    problems, densities, materials : sequence
        All combinations of these.
    coarse : bool
        An eighth of the elements.
    until : float, optional
        When the runs end, s.
    """
    folder, store = Path(folder), Path(store)
    for path in (folder, store):
        path.mkdir(parents=True, exist_ok=True)
    for n in FEW:
        if not (folder / f"grains_{n}.json").exists():
            shutil.copy(CRYSTALS / f"grains_{n}.json", folder)
    if not (folder / "fits.json").exists():
        write(folder / "fits.json", fits(CRYSTALS / "training.npz"))
    file = folder / "provenance.json"
    provenance = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"runs": {}}
    for problem in problems:
        for density in densities:
            whole = {}
            for name in materials:
                run = Run(problem, density, name, coarse, until)
                whole[name] = stored(run, folder, store)
                kept = sample(run, whole[name])
                write_atomically(
                    folder / f"{run.name}.npz",
                    lambda stream, kept=kept: np.savez_compressed(stream, **kept),
                )
                told = describe_run(["numpy", "numba", "scipy"])
                provenance["runs"][run.name] = json.loads(str(whole[name].pop("told"))) | {
                    "n_elements": run.mesh.n_elements,
                    "n_steps": len(whole[name]["time"]) - 1,
                    "until": run.end,
                    "cpu_seconds": round(float(whole[name]["seconds"][0]), 2),
                    "wall_seconds": round(float(whole[name]["seconds"][1]), 2),
                }
                write(file, {"command": "python book/studies/impact_runs.py FOLDER --store STORE",
                             **told, "runs": provenance["runs"]})  # fmt: skip
            errors_file = folder / "errors.json"
            errors = json.loads(errors_file.read_text()) if errors_file.exists() else {}
            run = Run(problem, density, WHOLE, coarse, until)
            errors[f"{problem}_{density:.0f}"] = all_errors(run.mesh, density, whole, folder)
            write(errors_file, errors)


def write(file: Path, words: dict[str, Any]) -> None:
    """Write JSON."""
    file.write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the record from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/impact_runs.py")
    parser.add_argument("folder", type=Path, help="where the record goes")
    parser.add_argument("--store", type=Path, required=True, help="of finished runs, to resume")
    parser.add_argument("--problem", action="append", choices=PROBLEMS, help="all by default")
    parser.add_argument("--density", action="append", type=float, choices=DENSITIES)
    parser.add_argument("--material", action="append", choices=MATERIALS)
    parser.add_argument("--coarse", action="store_true", help="an eighth of the elements")
    parser.add_argument("--until", type=float, help="when the runs end, s")
    given = parser.parse_args(arguments)
    record(
        given.folder,
        given.store,
        problems=given.problem or PROBLEMS,
        densities=given.density or DENSITIES,
        materials=given.material or MATERIALS,
        coarse=given.coarse,
        until=given.until,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
