"""The recorded ensemble: what later chapters and a bootstrap need of thousands of realizations.

``python -m nlbook.dislocations.recording CASE FOLDER`` simulates a case of the paper and writes
``case_N.npz`` and ``case_N.json`` there. Shifts are counted in bins of 0.005 b, by sign and by
whether they were there from the start or born since: for all realizations together at every t0 of
the data (the last 100 t0) and at a few times in between, and in 40 batches, in bins of twice that
width, at every fifth t0.
Series and speeds are summed in batches, and a few realizations are kept with their relaxed
crystals, so that a test can run their creep again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.creep import CreepRun
from nlbook.dislocations.ensemble import SCHEMA, creep_task
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.parallel import run_tasks, task_seed
from nlbook.parallel.code_tree import code_tree_hash

__all__ = ["Recorded", "read_record", "record_case", "recording_protocol"]

_SERIES = ("creep_number", "creep_speed", "creep_slip_rate", "creep_strain")
_KEPT = ("relaxed_x", "relaxed_y", "burgers_sign", "sources", "birth_time")


@dataclass(frozen=True)
class Recorded:
    """A recorded case. Lengths in b, times in t0; the axes of counts are named in brackets."""

    #: edges of all bins of shifts but the outer two, which take what lies beyond (n_bins - 1,)
    shift_edges: NDArray[np.float64]
    #: times of `counts` (n_times,)
    times: NDArray[np.float64]
    #: counts over all realizations (time, negative or positive sign, old or newborn, bin)
    counts: NDArray[np.int64]
    #: edges of the bins of `batch_counts`, every other one of `shift_edges`
    batch_edges: NDArray[np.float64]
    #: times of `batch_counts` (n_batch_times,)
    batch_times: NDArray[np.float64]
    #: counts in batches (batch, time, sign, newborn, bin)
    batch_counts: NDArray[np.int64]
    #: realizations in each batch (batch,)
    realizations: NDArray[np.int64]
    #: times of the series (n,)
    series_time: NDArray[np.float64]
    #: sums over each batch, by name (batch, n)
    series: dict[str, NDArray[np.float64]]
    #: counts of speeds in `speed_bins` (batch, bin)
    speed_counts: NDArray[np.int64]
    #: kept realizations: arrays by name, among them ``final_shift`` and ``final_number``
    kept: list[dict[str, NDArray[Any]]]
    #: what made the record
    provenance: dict[str, Any]


def recording_protocol(case: int, **changes: Any) -> CreepProtocol:
    """What is recorded of a case: the paper's protocol, seen at every t0 of the data.

    The adaptive integrator is used unless `changes` say otherwise.
    """
    protocol = CreepProtocol.for_case(case, **({"integrator": "adaptive"} | changes))
    every = max(1, round(1.0 / protocol.creep_dt))
    data = min(protocol.data_steps, protocol.creep_steps)
    first = protocol.creep_steps - data
    snapshots = set(range(first, protocol.creep_steps + 1, every)) - {0}
    # a few times in between, to state the error of interpolation
    snapshots |= {first + every * k + every // 2 for k in (0, 25, 50, 75, 99) if every > 1}
    inside = sorted(step for step in snapshots if step <= protocol.creep_steps)
    return replace(protocol, snapshot_steps=tuple(inside), record_every=every)


def record_case(
    case: int,
    folder: str | os.PathLike[str],
    *,
    n_realizations: int = 2000,
    seed: int = 2022,
    n_batches: int = 40,
    n_kept: int = 3,
    shift_bin: float = 0.005,
    largest_shift: float = 60.0,
    store: str | os.PathLike[str] | None = None,
    processes: int = 1,
    **changes: Any,
) -> Path:
    """Simulate a case and write its record.

    Parameters
    ----------
    case : int
        1, 2 or 3.
    folder : path
        Where ``case_N.npz`` and ``case_N.json`` go.
    n_realizations, seed, n_batches : int
        Realization k has the seed ``task_seed(seed, k)`` and is in batch k modulo the batches.
    n_kept : int
        Realizations kept with their crystals.
    shift_bin, largest_shift : float
        Width of the bins, and where the outer ones begin, b.
    store : path, optional
        Folder that keeps finished realizations. Needed with more than one process.
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
    protocol = recording_protocol(case, **changes)
    tasks = [{"protocol": protocol, "seed": task_seed(seed, k)} for k in range(n_realizations)]
    if processes > 1:
        if store is None:
            raise ValueError(f"store must be a folder with processes={processes}")
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            parts = [tasks[k::processes] for k in range(processes)]
            for done in [pool.submit(_compute, part, os.fspath(store)) for part in parts]:
                done.result()
    half = round(largest_shift / shift_bin)
    edges = np.asarray(np.arange(-half, half + 1) * shift_bin, dtype=np.float64)
    tally = _Tally(protocol, edges, n_batches, n_kept)
    run_tasks(
        creep_task,
        tasks,
        store=store,
        schema=SCHEMA,
        reduce=tally.add,
        description=f"case {case}",
    )
    provenance = {
        "command": f"python -m nlbook.dislocations.recording {case} FOLDER"
        + f" --realizations {n_realizations} --seed {seed}",
        "case": case,
        "n_realizations": n_realizations,
        "seed": seed,
        "protocol": asdict(protocol),
        "code": code_tree_hash(f"{creep_task.__module__}:{creep_task.__name__}"),
        "commit": os.environ.get("NLBOOK_COMMIT") or _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "processes": processes,
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("numpy", "numba", "scipy")},
        "wall_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    return tally.write(Path(folder), case, provenance)


def read_record(folder: str | os.PathLike[str], case: int) -> Recorded:
    """Read what `record_case` wrote.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    path = Path(folder, f"case_{case}.npz")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    edges = arrays["shift_edges"]

    def whole(name: str, edges: NDArray[np.float64]) -> NDArray[np.int64]:
        packed, first = arrays[name], int(arrays[f"{name}_first"])
        counts = np.zeros((*packed.shape[:-1], edges.size + 1), dtype=np.int64)
        counts[..., first : first + packed.shape[-1]] = packed
        return counts

    kept: list[dict[str, NDArray[Any]]] = []
    while f"kept_{len(kept)}_final_shift" in arrays:
        prefix = f"kept_{len(kept)}_"
        kept.append({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})
    return Recorded(
        shift_edges=edges,
        times=arrays["times"],
        counts=whole("counts", edges),
        batch_edges=edges[::2],
        batch_times=arrays["batch_times"],
        batch_counts=whole("batch_counts", edges[::2]),
        realizations=arrays["realizations"],
        series_time=arrays["series_time"],
        series={name: arrays[name] for name in _SERIES},
        speed_counts=arrays["speed_counts"].astype(np.int64),
        kept=kept,
        provenance=json.loads(path.with_suffix(".json").read_text("utf-8")),
    )


class _Tally:
    """Counts and sums over realizations as they come."""

    def __init__(
        self, protocol: CreepProtocol, edges: NDArray[np.float64], n_batches: int, n_kept: int
    ) -> None:
        steps = np.array(protocol.snapshot_steps)
        every = protocol.record_every
        self.edges = edges
        self.times = steps * protocol.creep_dt
        on_grid = (steps - steps[0]) % (5 * every) == 0
        self.batched = np.flatnonzero(on_grid)
        self.counts = np.zeros((steps.size, 2, 2, edges.size + 1), dtype=np.int32)
        self.batch_counts = np.zeros(
            (n_batches, self.batched.size, 2, 2, edges[::2].size + 1), dtype=np.int32
        )
        self.realizations = np.zeros(n_batches, dtype=np.int64)
        self.sums: dict[str, NDArray[Any]] = {}
        self.series_time = np.empty(0)
        self.kept: list[dict[str, NDArray[Any]]] = []
        self._n_kept = n_kept

    def add(self, index: int, result: dict[str, NDArray[Any]]) -> None:
        """Add realization `index`."""
        run = CreepRun(**result)
        batch = index % self.realizations.size
        self.realizations[batch] += 1
        self.series_time = run.creep_time
        for name in (*_SERIES, "speed_counts"):
            value = getattr(run, name)
            if name not in self.sums:
                self.sums[name] = np.zeros((self.realizations.size, value.size), value.dtype)
            self.sums[name][batch] += value
        newborn = np.arange(run.burgers_sign.size) >= run.relaxed_x.size
        bins = np.searchsorted(self.edges, run.shift, side="right")
        place = {int(k): i for i, k in enumerate(self.batched)}
        for positive in (0, 1):
            for young in (0, 1):
                group = ((run.burgers_sign > 0) == positive) & (newborn == young)
                for k in range(self.times.size):
                    where, times = np.unique(bins[k][group & run.alive[k]], return_counts=True)
                    self.counts[k, positive, young, where] += times.astype(np.int32)
                    if k in place:
                        part = self.batch_counts[batch, place[k], positive, young]
                        np.add.at(part, (where + 1) // 2, times)
        if index < self._n_kept:
            kept = {name: getattr(run, name) for name in _KEPT}
            kept["final_shift"], kept["final_alive"] = run.shift[-1], run.alive[-1]
            kept["final_number"] = run.creep_number[-1:]
            self.kept.append(kept)

    def write(self, folder: Path, case: int, provenance: dict[str, Any]) -> Path:
        """Write arrays and provenance, aside first."""
        arrays: dict[str, NDArray[Any]] = {
            "shift_edges": self.edges,
            "times": self.times,
            "batch_times": self.times[self.batched],
            "realizations": self.realizations,
            "series_time": self.series_time,
            **self.sums,
        }
        for name, counts in (("counts", self.counts), ("batch_counts", self.batch_counts)):
            used = np.flatnonzero(counts.reshape(-1, counts.shape[-1]).any(axis=0))
            first, last = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 1)
            packed = counts[..., first:last]
            kind = np.min_scalar_type(int(packed.max(initial=0)))
            arrays[name], arrays[f"{name}_first"] = packed.astype(kind), np.array(first)
        for k, kept in enumerate(self.kept):
            arrays |= {f"kept_{k}_{name}": array for name, array in kept.items()}
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"case_{case}.npz"
        aside = folder / f".case_{case}.npz"
        with aside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        text = json.dumps(provenance, indent=2) + "\n"
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        aside.replace(path)
        return path


def _compute(tasks: Sequence[dict[str, Any]], store: str) -> None:
    """A process's part of the tasks, into the store."""
    run_tasks(
        creep_task,
        tasks,
        store=store,
        schema=SCHEMA,
        workers=1,
        reduce=lambda index, result: None,
        progress=False,
    )


def _commit() -> str | None:
    """Commit of the working copy; NLBOOK_COMMIT says it where there is no git."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Record a case from the command line."""
    parser = argparse.ArgumentParser(prog="python -m nlbook.dislocations.recording")
    parser.add_argument("case", type=int, choices=(1, 2, 3))
    parser.add_argument("folder", help="where case_N.npz and case_N.json go")
    parser.add_argument("--realizations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--store", help="folder of finished realizations, to resume")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    path = record_case(
        given.case,
        given.folder,
        n_realizations=given.realizations,
        seed=given.seed,
        store=given.store,
        processes=given.processes,
    )
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
