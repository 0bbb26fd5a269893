"""Many independent tasks, in threads here or on the engines of a cluster, with a memory.

A task is a set of keyword arguments, its seed among them. What it computes depends on nothing
else: neither on the number of workers, nor on the other tasks, nor on where it runs. That is
what lets finished tasks be stored one by one, and an interrupted run go on, or a finished one
grow by more seeds, without computing anything twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from nlbook.checks import check_integer
from nlbook.host import worker_threads
from nlbook.parallel.cluster.connection import opened
from nlbook.parallel.errors import StoreError, TaskError, TaskErrors
from nlbook.parallel.store.code_tree import code_tree_hash
from nlbook.parallel.store.files import Result
from nlbook.parallel.store.folder import Store, open_store
from nlbook.parallel.store.keys import check_tasks, describe_task, function_name, task_key
from nlbook.parallel.workers.batches import Batch, Outcome
from nlbook.parallel.workers.collection import Collection, Reduction
from nlbook.parallel.workers.engines import compute_on_engines
from nlbook.parallel.workers.threads import compute_in_threads

__all__ = ["run_tasks"]


def run_tasks(
    function: Callable[..., Any],
    tasks: Sequence[Mapping[str, Any]],
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    *,
    schema: int = 1,
    shard_size: int = 1,
    retries: int = 3,
    workers: int | None = None,
    progress: bool = True,
    description: str | None = None,
    reduce: Callable[[int, Result], object] | None = None,
) -> list[Result]:
    """Call a function once for each task and return the results in the order of the tasks.

    Parameters
    ----------
    function : callable
        Defined at the top of an importable module. Called as ``function(**task)``; returns a
        mapping of names to arrays, scalars or strings. A long one calls `checkpoint` between
        pieces of its work.
    tasks : sequence of mapping
        Keyword arguments: None, bool, int, float, str, list, tuple, dict, NumPy scalars and
        arrays, enumerations, and named tuples and frozen dataclasses of these. Other subclasses,
        such as masked arrays, are refused. Each call gets copies of its own, made when it begins.
        Equal ones are computed once; with a seed they are refused, as by mistake: give each its
        own (`task_seed`).
    cluster : ipyparallel.Client, ipyparallel.Cluster or path, optional
        Where to compute: what `connect` or `start_cluster` returned, a running cluster, or its
        connection file. By default threads of this process.
    store : path, optional
        Folder that keeps each finished task, under a key of the function's name, `schema` and
        the task. Tasks found there are not computed again. A relative path leads from
        NLBOOK_FOLDER, which `nlbook run` sets to where it was called, or else from the working
        folder; a leading ``~`` is the home folder.
    schema : int
        Raise it when the results of `function` change, so that older ones are left aside.
    shard_size : int
        Number of tasks that are computed together and stored in one file; for tasks of less
        than a second.
    retries : int
        How often a task is sent to another engine when its engine dies.
    workers : int, optional
        Number of threads; by default NLBOOK_WORKERS, or the usable cores.
    progress : bool
        Show a bar on the standard error stream.
    description : str, optional
        Text before the bar; by default the function's name.
    reduce : callable, optional
        Called in this thread as ``reduce(index, result)`` for one task after the other, in the
        order of the tasks whatever the order in which they finish, so that sums do not depend
        on the number of workers. No result is kept. One that has to wait for its turn is read
        from the store when that has come; without a store it waits in memory. Tasks that failed
        are skipped. An exception in it stops the run; what is stored stays.

    Returns
    -------
    list of dict of str to ndarray
        The same to the bit whether computed or read, here or on engines. Empty with `reduce`.

    Raises
    ------
    ValueError
        If an argument or a task cannot be used; nothing has been computed.
    StoreError
        If the store is damaged, foreign or not writable. In the middle of a run (a full disk)
        its ``.results`` holds what had been computed. With `reduce`, a damaged file is met when
        its turn comes.
    TaskErrors
        If tasks raised, after all others have been finished and stored.
    ClusterError
        If the cluster cannot be reached, or dies.
    KeyboardInterrupt
        On Ctrl-C, when the running tasks have stopped; finished ones are in the store.
    """
    check_integer("schema", schema, 0)
    check_integer("shard_size", shard_size, 1)
    check_integer("retries", retries, 0)
    if workers is not None:
        check_integer("workers", workers, 1)
    if reduce is not None and not callable(reduce):
        raise ValueError(f"reduce must be callable, got {reduce!r}")
    name = function_name(function)
    checked = check_tasks(function, tasks)
    keys = _keys(name, int(schema), checked)

    shelf: Store | None = None
    if store is not None:
        shelf = open_store(store, name, int(schema), code_tree_hash(name))
    collected: Collection | Reduction
    if reduce is None:
        collected = Collection(keys, {} if shelf is None else shelf.read(keys))
    else:
        collected = Reduction(keys, shelf, reduce)
    found = collected.finished()
    missing = {key: task for key, task in zip(keys, checked, strict=True) if key not in found}
    with ExitStack() as stack:
        outcomes: Iterator[tuple[Batch, Outcome]] = iter(())
        if missing:
            if shelf is not None:
                shelf.make_writable()
            batches = _batches(missing, int(shard_size))
            if cluster is None:
                n_threads = worker_threads() if workers is None else int(workers)
                outcomes = compute_in_threads(function, batches, shelf, n_threads, reduce is None)
            else:
                client = stack.enter_context(opened(cluster))
                outcomes = compute_on_engines(
                    client, name, batches, shelf, int(retries), reduce is None
                )
            stack.enter_context(closing(outcomes))  # type: ignore[type-var]
        n_settled = 0 if reduce is not None else sum(key in found for key in keys)
        bar_text = description or name.rpartition(":")[2]
        show = progress and n_settled < len(keys)
        bar = stack.enter_context(_bar(len(keys), n_settled, bar_text, show))
        try:
            for _ in collected.settle():
                bar.update()
            for _, outcome in outcomes:
                for _ in collected.settle(outcome):
                    bar.update()
                if outcome.unstored is not None:
                    raise StoreError(outcome.unstored)
        except StoreError as error:
            if reduce is None:
                error.results = collected.as_list()
            raise
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(_where_it_stands(len(keys), len(collected.finished()), shelf))
            raise
    if collected.failures:
        errors = [
            TaskError(i, key, describe_task(task), failure.error, failure.traceback)
            for i, (key, task) in enumerate(zip(keys, checked, strict=True))
            if (failure := collected.failures.get(key)) is not None
        ]
        raise TaskErrors(errors, collected.as_list(), name, len(keys))
    return collected.as_list()


def _keys(name: str, schema: int, tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys in the order of the tasks; equal tasks with a seed are refused."""
    first: dict[str, int] = {}
    keys = [task_key(name, schema, task) for task in tasks]
    for index, (key, task) in enumerate(zip(keys, tasks, strict=True)):
        if first.setdefault(key, index) != index and "seed" in task:
            raise ValueError(
                f"tasks {first[key]} and {index} are equal ({describe_task(task)}): "
                f"give each task its own seed"
            )
    return keys


def _batches(missing: Mapping[str, Mapping[str, Any]], shard_size: int) -> list[Batch]:
    keys = list(missing)
    batches = []
    for start in range(0, len(keys), shard_size):
        shard = {key: missing[key] for key in keys[start : start + shard_size]}
        batches.append(Batch(shard, {key: describe_task(task) for key, task in shard.items()}))
    return batches


def _bar(total: int, initial: int, text: str, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=initial, desc=text, unit="task", disable=not progress)


def _where_it_stands(n_tasks: int, n_done: int, store: Store | None) -> str:
    if store is None:
        return f"{n_done} of {n_tasks} tasks had been finished; without a store they are lost"
    return (
        f"at least {n_done} of {n_tasks} tasks are stored in {store.folder}; "
        f"the same call goes on from there"
    )
