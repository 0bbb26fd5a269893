"""Record how the integrators compare: see `nlbook.dislocations.integrator_study`.

``python -m nlbook.dislocations.integrator_recording FOLDER`` writes ``integrators.npz`` and
``provenance.json`` there. With a store it can be interrupted, and grow.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.checks import check_integer
from nlbook.dislocations.creep import CreepRun
from nlbook.dislocations.dynamics import speed_bins
from nlbook.dislocations.ensemble import SCHEMA, creep_task
from nlbook.dislocations.integrator_paths import PATH_SCHEMA, PATHS, path_task
from nlbook.dislocations.integrator_study import METHODS
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.provenance import describe_record, note_store
from nlbook.parallel import run_tasks, task_seed

__all__ = ["record_integrator_study"]

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
    n_paths: int = 6,
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
        Of each case by each method.
    n_paths : int
        Crystals of each case whose creep is followed by all of `PATHS`.
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
    check_integer("n_realizations", n_realizations, 3)
    check_integer("n_paths", n_paths, 1)
    protocols = [CreepProtocol.for_case(case, **changes) for case in (1, 2, 3)]
    seeds = [task_seed(seed, k) for k in range(max(n_realizations, n_paths))]
    # realization by realization, so that a part of the store is a smaller study
    creeps = [
        {"protocol": replace(protocol, **change), "seed": one}
        for one in seeds[:n_realizations]
        for protocol in protocols
        for change in METHODS.values()
    ]
    paths = [
        {"protocol": replace(protocol, **METHODS["adaptive"]), "seed": one}
        for one in seeds[:n_paths]
        for protocol in protocols
    ]
    shelves = [None if store is None else Path(store, name) for name in ("creep", "paths")]
    found = note_store(shelves[0], creeps)
    if processes > 1:
        if store is None:
            raise ValueError(f"store must be a folder with processes={processes}")
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            parts = [
                pool.submit(_compute, creeps[k::processes], paths[k::processes], *shelves)
                for k in range(processes)
            ]
            for part in parts:
                part.result()
    study = _Tally(protocols, n_realizations, n_paths)
    run_tasks(creep_task, creeps, store=shelves[0], schema=SCHEMA, reduce=study.add_creep)
    run_tasks(path_task, paths, store=shelves[1], schema=PATH_SCHEMA, reduce=study.add_path)
    provenance = {
        "command": f"python -m nlbook.dislocations.integrator_recording FOLDER --realizations "
        f"{n_realizations} --paths {n_paths} --seed {seed}",
        "n_realizations": n_realizations,
        "n_paths": n_paths,
        "seed": seed,
        "protocols": [asdict(protocol) for protocol in protocols],
        "methods": METHODS,
    } | describe_record(
        found,
        [],
        n_realizations=len(creeps),
        processes=processes,
        wall_seconds=time.perf_counter() - started,
    )
    return study.write(Path(folder), provenance)


class _Tally:
    """What is kept of each realization and each path, as they come."""

    def __init__(
        self, protocols: Sequence[CreepProtocol], n_realizations: int, n_paths: int
    ) -> None:
        self._protocols = protocols
        low, high = _SHIFT_DECADES
        edges = np.logspace(low, high, (high - low) * _SHIFT_BINS + 1)
        self.shift_edges = np.concatenate([[0.0], edges])
        self.speed_edges = speed_bins()[:: round(50 / _SPEED_BINS_KEPT)]
        shape = (3, len(METHODS), n_realizations)
        self.numbers: dict[str, NDArray[np.float64]] = {}
        self.shift_counts = np.zeros((*shape, edges.size), dtype=np.int64)
        self.speed_counts = np.zeros((*shape, self.speed_edges.size - 1), dtype=np.int64)
        self.paths: dict[str, NDArray[np.float64]] = {}
        self.crystals: dict[str, NDArray[Any]] = {}
        self._shape, self._path_shape = shape, (3, len(PATHS), n_paths)

    def add_creep(self, index: int, result: dict[str, NDArray[Any]]) -> None:
        """Add a realization, by its place among realizations, cases and methods."""
        run = CreepRun(**result)
        rest, method = divmod(index, len(METHODS))
        realization, case = divmod(rest, 3)
        place = (case, method, realization)
        data = run.creep_time >= run.creep_time[-1] - self._protocols[case].data_time - 1e-9
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
            self.numbers.setdefault(name, np.zeros(self._shape))[place] = value
        old = run.alive[-1][: run.relaxed_x.size]
        glide = np.abs(run.shift[-1][: old.size][old])
        self.shift_counts[place] = np.histogram(
            np.minimum(glide, self.shift_edges[-1]), self.shift_edges
        )[0]
        inner = run.speed_counts[1:-1].reshape(-1, 50 // _SPEED_BINS_KEPT)
        self.speed_counts[place] = inner.sum(axis=1)

    def add_path(self, index: int, result: dict[str, NDArray[Any]]) -> None:
        """Add a crystal's paths, by its place among realizations and cases."""
        realization, case = divmod(index, 3)
        for name, values in result.items():
            if name not in _CRYSTAL:
                place = (case, slice(None), realization)
                self.paths.setdefault(name, np.zeros(self._path_shape))[place] = values
            elif realization == 0:
                self.crystals[f"crystal {case + 1}: {name}"] = values

    def write(self, folder: Path, provenance: dict[str, Any]) -> Path:
        """Write arrays and provenance, aside first."""
        arrays = {
            "shift_edges": self.shift_edges,
            "shift_counts": self.shift_counts.astype(np.uint16),
            "speed_edges": self.speed_edges,
            "speed_counts": self.speed_counts.astype(np.uint32),
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


def _compute(creeps: Sequence[Any], paths: Sequence[Any], *shelves: Path | None) -> None:
    """A process's part of the tasks, into the store."""
    options: dict[str, Any] = {
        "workers": 1,
        "reduce": lambda index, result: None,
        "progress": False,
    }
    run_tasks(creep_task, creeps, store=shelves[0], schema=SCHEMA, **options)
    run_tasks(path_task, paths, store=shelves[1], schema=PATH_SCHEMA, **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the study from the command line."""
    parser = argparse.ArgumentParser(prog="python -m nlbook.dislocations.integrator_recording")
    parser.add_argument("folder", help="where integrators.npz and provenance.json go")
    parser.add_argument("--realizations", type=int, default=100)
    parser.add_argument("--paths", type=int, default=6)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--store", help="folder of finished tasks, to resume")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    path = record_integrator_study(
        given.folder,
        n_realizations=given.realizations,
        n_paths=given.paths,
        seed=given.seed,
        store=given.store,
        processes=given.processes,
    )
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
