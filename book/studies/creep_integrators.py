"""Record how the integrators compare: see `nlbook.dislocations.records.integrator_study`.

``python book/studies/creep_integrators.py FOLDER`` writes ``integrators.npz`` and
``provenance.json`` there. With a store it can be interrupted, and grow.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from creep_store import fill_store, note_store
from integrator_paths import PATH_SCHEMA, PATHS, euler_task, path_task
from nlbook.checks import check_integer
from nlbook.dislocations import CreepProtocol, CreepRun, creep_task, speed_bins
from nlbook.dislocations.ensemble import SCHEMA
from nlbook.dislocations.records import describe_record
from nlbook.dislocations.records.integrator_study import METHODS
from nlbook.parallel import run_tasks, task_seed

# Bins of speeds kept in a decade, of the fifty that are counted.
_SPEED_BINS_KEPT = 10

# Bins of shifts in a decade, and their ends, b.
_SHIFT_BINS = 50
_SHIFT_DECADES = (-3, 2)

# What `path_task` returns of the crystal; all else is of the paths.
_CRYSTAL = ("x", "y", "sign", "sources", "shift", "alive")


def record_integrator_study(
    folder: str | os.PathLike[str],
    *,
    n_realizations: int = 100,
    n_unsettled: int = 24,
    n_same: int = 40,
    n_paths: int = 4,
    seed: int = 2022,
    store: str | os.PathLike[str] | None = None,
    processes: int = 1,
    **changes: Any,
) -> Path:
    """Simulate all cases by all methods, and write what was found.

    Parameters
    ----------
    folder : path
        Where ``integrators.npz`` and ``provenance.json`` go.
    n_realizations : int
        Of each case by the methods "adaptive" and "settled".
    n_unsettled, n_same : int
        Of each case by the methods "unsettled" and "same crystals", at most as many.
    n_paths : int
        Crystals of each case whose creep is followed by all of `PATHS`, at most as many.
    seed : int
        Realization k has the seed ``task_seed(seed, k)``.
    store : path, optional
        Folder that keeps finished tasks. Needed with more than one process.
    processes : int
        Processes that share the work through the store.
    **changes
        Of the protocol's fields.

    Returns
    -------
    Path
        The file of arrays.
    """
    started = time.perf_counter()
    sizes = {"n_unsettled": n_unsettled, "n_same": n_same, "n_paths": n_paths}
    check_integer("n_realizations", n_realizations, 3)
    for name, size in sizes.items():
        check_integer(name, size, 1)
        if size > n_realizations:
            raise ValueError(f"{name} must be at most n_realizations={n_realizations}, got {size}")
    protocols = {case: CreepProtocol.for_case(case, **changes) for case in (1, 2, 3)}
    study = _Tally(protocols, [n_realizations, n_realizations, n_unsettled, n_same], n_paths)
    jobs = _jobs(protocols, [task_seed(seed, k) for k in range(n_realizations)], study)
    shelves = [None if store is None else Path(store, job.function.__name__) for job in jobs]
    stored = note_store(shelves[0], jobs[0].tasks)
    fill_store(
        [(job.function, job.schema, job.tasks, s) for job, s in zip(jobs, shelves, strict=True)],
        processes,
    )
    for job, shelf in zip(jobs, shelves, strict=True):
        run_tasks(
            job.function,
            job.tasks,
            store=shelf,
            schema=job.schema,
            reduce=partial(_enter, job),
        )
    provenance = {
        "command": "python book/studies/creep_integrators.py FOLDER "
        f"--realizations {n_realizations} --unsettled {n_unsettled} --same {n_same} "
        f"--paths {n_paths} --seed {seed}",
        "n_realizations": n_realizations,
        **sizes,
        "seed": seed,
        "protocols": [asdict(protocol) for protocol in protocols.values()],
        "methods": METHODS,
    } | describe_record(
        stored,
        [],
        n_realizations=len(jobs[0].tasks),
        processes=processes,
        wall_seconds=time.perf_counter() - started,
    )
    return study.write(Path(folder), provenance)


@dataclass(frozen=True)
class _Job:
    """Tasks of one function, where in the study each belongs, and what enters it there."""

    function: Callable[..., dict[str, NDArray[Any]]]
    schema: int
    tasks: list[dict[str, Any]]
    places: list[tuple[int, int, int]]
    add: Callable[[tuple[int, int, int], dict[str, NDArray[Any]]], None]


def _jobs(
    protocols: Mapping[int, CreepProtocol], seeds: Sequence[tuple[int, ...]], study: _Tally
) -> list[_Job]:
    """All tasks, realization by realization, so that a part of a store is a smaller study."""
    creeps = _Job(creep_task, SCHEMA, [], [], study.add_creep)
    same = _Job(euler_task, PATH_SCHEMA, [], [], study.add_creep)
    paths = _Job(path_task, PATH_SCHEMA, [], [], study.add_path)
    for k, seed in enumerate(seeds):
        for case, protocol in protocols.items():
            for method, (relaxing, settling, moving) in enumerate(METHODS.values()):
                if k >= study.realizations[method]:
                    continue
                steps = protocol.settling_steps if settling else 0
                like = replace(protocol, integrator=relaxing, settling_steps=steps)
                job = creeps if relaxing == moving else same
                job.tasks.append({"protocol": like, "seed": seed})
                job.places.append((case - 1, method, k))
            if k < study.n_paths:
                paths.tasks.append(
                    {"protocol": replace(protocol, integrator="adaptive"), "seed": seed}
                )
                paths.places.append((case - 1, 0, k))
    return [creeps, same, paths]


def _enter(job: _Job, index: int, result: dict[str, NDArray[Any]]) -> None:
    job.add(job.places[index], result)


class _Tally:
    """What is kept of each realization and each path, as they come."""

    def __init__(
        self, protocols: Mapping[int, CreepProtocol], realizations: Sequence[int], n_paths: int
    ) -> None:
        self.realizations, self.n_paths = realizations, n_paths
        self._data_time = [protocol.data_time for protocol in protocols.values()]
        low, high = _SHIFT_DECADES
        edges = np.logspace(low, high, (high - low) * _SHIFT_BINS + 1)
        self.shift_edges = np.concatenate([[0.0], edges])
        self.speed_edges = speed_bins()[:: round(50 / _SPEED_BINS_KEPT)]
        shape = (3, len(METHODS), max(realizations))
        self.numbers: dict[str, NDArray[np.float64]] = {}
        self.shift_counts = np.zeros((*shape, edges.size), dtype=np.uint16)
        self.speed_counts = np.zeros((*shape, self.speed_edges.size - 1), dtype=np.uint32)
        self.paths: dict[str, NDArray[np.float64]] = {}
        self.crystals: dict[str, NDArray[Any]] = {}

    def add_creep(self, place: tuple[int, int, int], result: dict[str, NDArray[Any]]) -> None:
        """Add a realization of a case by a method."""
        run = CreepRun(**result)
        data = run.creep_time >= run.creep_time[-1] - self._data_time[place[0]] - 1e-9
        numbers = {
            "number at the load": run.relaxed_x.size,
            "number at the end": run.creep_number[-1],
            "change of the number": run.creep_number[-1] / run.creep_number[data][0] - 1.0,
            "births": run.birth_time.size,
            "strain": run.creep_strain[-1],
            "mean speed": run.creep_speed[data].mean(),
            "settling": run.settling_shift[0],
        }
        for name, value in numbers.items():
            self.numbers.setdefault(name, np.zeros(self.shift_counts.shape[:3]))[place] = value
        old = run.alive[-1][: run.relaxed_x.size]
        glide = np.abs(run.shift[-1][: old.size][old])
        self.shift_counts[place] = np.histogram(
            np.minimum(glide, self.shift_edges[-1]), self.shift_edges
        )[0]
        inner = run.speed_counts[1:-1].reshape(-1, 50 // _SPEED_BINS_KEPT)
        self.speed_counts[place] = inner.sum(axis=1)

    def add_path(self, place: tuple[int, int, int], result: dict[str, NDArray[Any]]) -> None:
        """Add the paths of a crystal of a case."""
        case, _, realization = place
        for name, values in result.items():
            if name not in _CRYSTAL:
                shape = (3, len(PATHS), self.n_paths)
                self.paths.setdefault(name, np.zeros(shape))[case, :, realization] = values
            elif realization == 0:
                self.crystals[f"crystal {case + 1}: {name}"] = values

    def write(self, folder: Path, provenance: dict[str, Any]) -> Path:
        """Write arrays and provenance, aside first."""
        arrays = {
            "realizations": np.array(self.realizations),
            "shift_edges": self.shift_edges,
            "shift_counts": self.shift_counts,
            "speed_edges": self.speed_edges,
            "speed_counts": self.speed_counts,
            **{f"number: {name}": values for name, values in self.numbers.items()},
            **{f"path: {name}": values for name, values in self.paths.items()},
            **self.crystals,
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "integrators.npz"
        aside = folder / ".integrators.npz"
        with aside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        text = json.dumps(provenance, indent=2) + "\n"
        (folder / "provenance.json").write_text(text, encoding="utf-8")
        aside.replace(path)
        return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the study from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/creep_integrators.py")
    parser.add_argument("folder", help="where integrators.npz and provenance.json go")
    parser.add_argument("--realizations", type=int, default=100)
    parser.add_argument("--unsettled", type=int, default=24)
    parser.add_argument("--same", type=int, default=40)
    parser.add_argument("--paths", type=int, default=4)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--store", help="folder of finished tasks, to resume")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    path = record_integrator_study(
        given.folder,
        n_realizations=given.realizations,
        n_unsettled=given.unsettled,
        n_same=given.same,
        n_paths=given.paths,
        seed=given.seed,
        store=given.store,
        processes=given.processes,
    )
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
