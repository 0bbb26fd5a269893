"""The recorded ensemble: what later chapters and a bootstrap need of thousands of realizations.

``python book/studies/creep.py CASE FOLDER`` simulates a case of the paper and writes
``case_N.npz`` and, with its provenance, ``case_N.json`` there. Shifts are counted in bins of
0.005 b, by sign and by whether they were there from the start or born since: for all realizations
together at every t0 of the data (the last 100 t0) and at a few times in between, and in 40
batches, in bins of twice that width, at every fifth t0. X and b X both follow from these. Series
and speeds are summed in batches, some numbers are there for each realization, and a few
realizations are kept with their relaxed crystals, so that a test can run their creep again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from creep_store import fill_store, note_store
from nlbook.dislocations import CreepProtocol, creep_task
from nlbook.dislocations.ensemble import SCHEMA
from nlbook.dislocations.records import RecordWriter, seen_by_record, steps_apart
from nlbook.parallel import run_tasks, task_seed


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
    stored = note_store(store, tasks)
    fill_store([(creep_task, SCHEMA, tasks, store)], processes)
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
    again = f"python book/studies/creep.py {case} FOLDER"
    again += f" --realizations {n_realizations} --seed {seed}"
    again += " --small" if at_end_only and command is None else ""
    return writer.write(
        folder,
        name=name,
        command=command or again,
        found=stored,
        earlier=earlier,
        processes=processes,
        wall_seconds=time.perf_counter() - started,
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


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """What `add_options` has read, as arguments of what records."""
    named = {name: vars(given)[name] for name in ("seed", "earlier", "store", "processes")}
    return {"n_realizations": given.realizations, **named}


def main(arguments: Sequence[str] | None = None) -> int:
    """Record a case from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/creep.py")
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
    print(record_case(given.case, given.folder, **small, **options_of(given)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
