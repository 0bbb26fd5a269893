"""The recorded ensemble: what later chapters and a bootstrap need of thousands of realizations.

``python -m nlbook.dislocations.recording CASE FOLDER`` simulates a case of the paper and writes
``case_N.npz`` and, with its provenance, ``case_N.json`` there. Shifts are counted in bins of
0.005 b, by sign and by whether they were there from the start or born since: for all realizations
together at every t0 of the data (the last 100 t0) and at a few times in between, and in 40
batches, in bins of twice that width, at every fifth t0. X and b X both follow from these. Series
and speeds are summed in batches, some numbers are there for each realization, and a few
realizations are kept with their relaxed crystals, so that a test can run their creep again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer
from nlbook.dislocations.ensemble import SCHEMA, CreepEnsemble, creep_task
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.provenance import note_store
from nlbook.dislocations.record_writer import RecordWriter, seen_by_record, steps_apart
from nlbook.dislocations.statistics import number_changes
from nlbook.dislocations.tally import CREEP_SERIES, RELAXATION_SERIES, read_counts
from nlbook.parallel import run_tasks, task_seed

__all__ = [
    "Recorded",
    "add_options",
    "read_record",
    "record_case",
    "recording_protocol",
]


@dataclass(frozen=True)
class Recorded:
    """A recorded case. Lengths in b, times in t0; the axes of counts are named in brackets."""

    #: the file of arrays, from which counts are read when they are asked for
    path: Path
    #: edges of all bins of shifts but the outer two, which take what lies beyond (n_bins - 1,)
    shift_edges: NDArray[np.float64]
    #: times of `counts` (n_times,)
    times: NDArray[np.float64]
    #: edges of the bins of `batch_counts`, every other one of `shift_edges`
    batch_edges: NDArray[np.float64]
    #: times of `batch_counts` (n_batch_times,)
    batch_times: NDArray[np.float64]
    #: realizations in each batch (batch,); realization k is in batch k modulo their number
    realizations: NDArray[np.int64]
    #: times of the creep's series (n,)
    series_time: NDArray[np.float64]
    #: sums over each batch, by name (batch, n)
    series: dict[str, NDArray[np.float64]]
    #: times of the relaxation's series (m,)
    relaxation_time: NDArray[np.float64]
    #: sums over each batch, by name (batch, m)
    relaxation: dict[str, NDArray[np.float64]]
    #: one number of each realization, by name: see `run_numbers` (n_realizations,)
    numbers: dict[str, NDArray[np.float64]]
    #: counts of speeds in `speed_bins` (batch, bin)
    speed_counts: NDArray[np.int64]
    #: kept realizations: arrays by name, among them ``final_shift`` and ``final_number``
    kept: list[dict[str, NDArray[Any]]]
    #: what made the record
    provenance: dict[str, Any]

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """Counts over all realizations (time, negative or positive sign, old or newborn, bin)."""
        return read_counts(self.path, "counts", self.shift_edges.size + 1)

    @cached_property
    def batch_counts(self) -> NDArray[np.int32]:
        """Counts in batches (batch, time, sign, newborn, bin); some 160 MB."""
        return read_counts(self.path, "batch_counts", self.batch_edges.size + 1)

    @property
    def number_changes(self) -> NDArray[np.float64]:
        """What each realization says about the change of the number over the data.

        Their mean is the change of the total; see `nlbook.dislocations.number_changes`.
        """
        return number_changes(self.numbers["data_start_number"], self.numbers["final_number"])

    @property
    def protocol(self) -> CreepProtocol:
        """What was simulated."""
        fields = dict(self.provenance["protocol"])
        return CreepProtocol(**fields | {"snapshot_steps": tuple(fields["snapshot_steps"])})

    def ensemble(self, merged: int = 5) -> CreepEnsemble:
        """The record as an ensemble, to be asked the same questions as one that was just run.

        Parameters
        ----------
        merged : int
            Bins of `batch_edges` that become one; their number on each side must divide by it.

        Returns
        -------
        CreepEnsemble
            In the record's batches, with shifts at the end of the creep, and no runs.
        """
        half = self.batch_edges.size // 2
        check_integer("merged", merged, 1)
        if half % merged:
            raise ValueError(f"merged must divide the {half} bins on a side, got {merged!r}")
        fine = read_counts(self.path, "batch_counts", 2 * half + 2, last_only=True)
        inner = fine[..., 1:-1].reshape(*fine.shape[:-1], -1, merged).sum(axis=-1)
        batch = np.arange(self.numbers["final_number"].size) % self.realizations.size
        sums: dict[str, NDArray[np.float64]] = {**self.series, **self.relaxation}
        sums["speed_counts"] = self.speed_counts.astype(np.float64)
        for name, values in self.numbers.items():
            total = np.bincount(batch, values, minlength=self.realizations.size)
            sums[name] = np.asarray(total, dtype=np.float64)
        return CreepEnsemble(
            protocol=self.protocol,
            seed=self.provenance["seed"],
            shift_edges=self.batch_edges[::merged],
            count=self.realizations,
            shift_counts=np.concatenate([fine[..., :1], inner, fine[..., -1:]], axis=-1),
            times={
                "creep_time": self.series_time,
                "relaxation_time": self.relaxation_time,
                "snapshot_time": self.times[-1:],
            },
            sums=sums,
        )


def recording_protocol(case: int, **changes: Any) -> CreepProtocol:
    """What is recorded of a case: the paper's protocol, seen at every t0 of the data.

    The adaptive integrator is used, and an entry of the series taken every t0, unless `changes`
    say otherwise.
    """
    protocol = CreepProtocol.for_case(case, **({"integrator": "adaptive"} | changes))
    every = changes.get("record_every", steps_apart(protocol))
    return replace(seen_by_record(protocol), record_every=every)


def record_case(
    case: int,
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    n_realizations: int = 2000,
    seed: int = 2022,
    n_batches: int = 40,
    n_kept: int = 3,
    shift_bin: float = 0.005,
    largest_shift: float = 60.0,
    at_end_only: bool = False,
    every: int = 1,
    command: str | None = None,
    earlier: Sequence[str | os.PathLike[str]] = (),
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
        Where the arrays (.npz) and the provenance (.json) go.
    name : str, optional
        Of these two files; ``case_N`` if not given.
    n_realizations, seed, n_batches : int
        Realization k has the seed ``task_seed(seed, k)`` and is in batch k modulo the batches.
    n_kept : int
        Realizations kept with their crystals.
    shift_bin, largest_shift : float
        Width of the bins, and where the outer ones begin, b.
    at_end_only : bool
        Count shifts at the end of the creep only.
    every : int
        Entries of the creep's series from one that is kept to the next; they are 1 t0 apart
        where `changes` do not set ``record_every``.
    command : str, optional
        What makes the record again, for its provenance.
    earlier : sequence of path
        Records of fewer realizations made from the same store: their provenance says what
        computing these took, and is taken over.
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
    found = note_store(store, tasks)
    if processes > 1:
        if store is None:
            raise ValueError(f"store must be a folder with processes={processes}")
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            parts = [tasks[k::processes] for k in range(processes)]
            for done in [pool.submit(_compute, part, os.fspath(store)) for part in parts]:
                done.result()
    writer = RecordWriter(
        protocol,
        case=case,
        seed=seed,
        n_batches=n_batches,
        n_kept=n_kept,
        shift_bin=shift_bin,
        largest_shift=largest_shift,
        at_end_only=at_end_only,
        every=every,
    )
    run_tasks(
        creep_task,
        tasks,
        store=store,
        schema=SCHEMA,
        reduce=writer.add,
        description=name or f"case {case}",
    )
    again = f"python -m nlbook.dislocations.recording {case} FOLDER"
    again += f" --realizations {n_realizations} --seed {seed}"
    again += " --small" if at_end_only and command is None else ""
    return writer.write(
        folder,
        name=name,
        command=command or again,
        found=found,
        earlier=earlier,
        processes=processes,
        wall_seconds=time.perf_counter() - started,
    )


def read_record(
    folder: str | os.PathLike[str], case: int | None = None, *, name: str | None = None
) -> Recorded:
    """Read what `record_case` wrote.

    Parameters
    ----------
    folder : path
        Where it is.
    case : int, optional
        Which case; or
    name : str, optional
        the name that the record was given.

    Returns
    -------
    Recorded

    Raises
    ------
    FileNotFoundError
        If there is none; it names the folder.
    """
    if (case is None) == (name is None):
        raise ValueError(f"give case or name, got case={case!r} and name={name!r}")
    path = Path(folder, f"{name or f'case_{case}'}.npz")
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no record {path.name}, which chapter 1 would write"
        )
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files if "counts_" not in key}
    half = int(arrays["half"])
    edges = np.asarray(np.arange(-half, half + 1) * arrays["shift_bin"], dtype=np.float64)
    kept: list[dict[str, NDArray[Any]]] = []
    while f"kept_{len(kept)}_final_shift" in arrays:
        prefix = f"kept_{len(kept)}_"
        kept.append({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})
    return Recorded(
        path=path,
        shift_edges=edges,
        times=arrays["times"],
        batch_edges=edges[::2],
        batch_times=arrays["batch_times"],
        realizations=arrays["realizations"],
        series_time=arrays["series_time"],
        series={key: arrays[key].astype(np.float64) for key in CREEP_SERIES},
        relaxation_time=arrays["relaxation_time"],
        relaxation={key: arrays[key].astype(np.float64) for key in RELAXATION_SERIES},
        numbers={
            key.removeprefix("number_"): array.astype(np.float64)
            for key, array in arrays.items()
            if key.startswith("number_")
        },
        speed_counts=arrays["speed_counts"].astype(np.int64),
        kept=kept,
        provenance=json.loads(path.with_suffix(".json").read_text("utf-8")),
    )


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


def add_options(parser: argparse.ArgumentParser, n_realizations: int) -> None:
    """Add the options that the programs which record share.

    Parameters
    ----------
    parser : ArgumentParser
    n_realizations : int
        How many there are by default.
    """
    parser.add_argument("--realizations", type=int, default=n_realizations)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument(
        "--earlier",
        action="append",
        default=[],
        metavar="FOLDER",
        help="a record of fewer realizations from the same store: what computing these took",
    )
    parser.add_argument("--store", help="folder of finished realizations, to resume")
    parser.add_argument("--processes", type=int, default=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record a case from the command line."""
    parser = argparse.ArgumentParser(prog="python -m nlbook.dislocations.recording")
    parser.add_argument("case", type=int, choices=(1, 2, 3))
    parser.add_argument("folder", help="where case_N.npz and case_N.json go")
    parser.add_argument(
        "--small",
        action="store_true",
        help="shifts at the end only, in bins of 0.05 b, and series every 10 t0; numbers of each "
        "realization from entries every 0.1 t0",
    )
    add_options(parser, 2000)
    given = parser.parse_args(arguments)
    small: dict[str, Any] = (
        {"at_end_only": True, "shift_bin": 0.05, "every": 100, "record_every": 10}
        if given.small
        else {}
    )
    path = record_case(
        given.case,
        given.folder,
        **small,
        n_realizations=given.realizations,
        seed=given.seed,
        earlier=given.earlier,
        store=given.store,
        processes=given.processes,
    )
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
