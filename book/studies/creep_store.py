"""What a store of creep holds already, and its filling by processes that share the rest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nlbook.dislocations.ensemble import SCHEMA, creep_task
from nlbook.parallel import run_tasks
from nlbook.parallel.store import (
    check_tasks,
    code_tree_hash,
    function_name,
    open_store,
    read_header,
    task_key,
)


def note_store(
    store: str | os.PathLike[str] | None, tasks: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Count the realizations that a store holds already, by the hash of the code that made them.

    Parameters
    ----------
    store : path or None
        The store's folder, which need not exist.
    tasks : sequence of mapping
        Tasks of `creep_task`.

    Returns
    -------
    dict of str to int
    """
    if store is None:
        return {}
    name = function_name(creep_task)
    shelf = open_store(store, name, SCHEMA, code_tree_hash(name))
    keys = [task_key(name, SCHEMA, task) for task in check_tasks(creep_task, tasks)]
    files = shelf.locate(keys).values()
    return dict(Counter(read_header(Path(shelf.folder, file))["code"] for file in files))


def fill_store(
    jobs: Sequence[tuple[Callable[..., Any], int, Sequence[Any], str | os.PathLike[str] | None]],
    processes: int,
) -> None:
    """Compute tasks into stores, shared among processes; one process leaves that to its caller.

    Parameters
    ----------
    jobs : sequence of (function, schema, tasks, store)
        As `run_tasks` takes them.
    processes : int

    Raises
    ------
    ValueError
        If there are several processes, and no store in which they could meet.
    """
    if processes == 1:
        return
    if any(store is None for *_, store in jobs):
        raise ValueError(f"store must be a folder with processes={processes}")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = [
            pool.submit(_compute, function, schema, tasks[k::processes], os.fspath(store))
            for function, schema, tasks, store in jobs
            if store is not None
            for k in range(processes)
        ]
        for part in parts:
            part.result()


def _compute(function: Callable[..., Any], schema: int, tasks: Sequence[Any], store: str) -> None:
    """A process's part of the tasks, into the store."""
    run_tasks(
        function,
        tasks,
        store=store,
        schema=schema,
        workers=1,
        reduce=lambda index, result: None,
        progress=False,
    )
