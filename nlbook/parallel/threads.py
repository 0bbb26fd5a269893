"""Tasks in threads of this process.

Threads share memory and start at once; they run side by side as long as the tasks spend their
time in code that releases Python's lock, as numba kernels with ``nogil`` and large NumPy
operations do.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nlbook.parallel.batches import Batch, Outcome, compute_batch
from nlbook.parallel.errors import Cancelled
from nlbook.parallel.interruption import checkpoint, stopped_by
from nlbook.parallel.store import Store

__all__ = ["compute_in_threads", "default_workers", "usable_cores"]

_POLL = 0.2  # seconds between looks at an interruption of the run around this one
_PATIENCE = 2.0  # seconds after which a run that stops says what it waits for


def usable_cores() -> int:
    """Return the number of cores that this process may use.

    It counts the cores that the system or a batch job has bound the process to, and no more
    than the share of time that a container (a Jupyter hub, say) grants.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no limit, or a system without this file
    return cores


def default_workers() -> int:
    """Return the number of worker threads: $NLBOOK_WORKERS, or the usable cores.

    Raises
    ------
    ValueError
        If NLBOOK_WORKERS is set to something else than a positive integer.
    """
    text = os.environ.get("NLBOOK_WORKERS", "").strip()
    if not text:
        return usable_cores()
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"NLBOOK_WORKERS must be a positive integer, got {text!r}")
    return int(text)


def compute_in_threads(
    function: Callable[..., Any],
    batches: Sequence[Batch],
    store: Store | None,
    workers: int,
    keep: bool = True,
) -> Iterator[tuple[Batch, Outcome]]:
    """Yield each batch with its outcome, in the order in which they finish.

    Closing the generator, or Ctrl-C while it waits, stops the run: no batch is started any more,
    running tasks stop at their next `checkpoint`, and what they have finished is stored.

    Parameters
    ----------
    keep : bool
        Whether outcomes hold arrays that have been stored.
    """
    waiting = deque(batches)
    finished: queue.SimpleQueue[tuple[Batch, Outcome] | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        with stopped_by(stop):
            while not stop.is_set():
                try:
                    batch = waiting.popleft()
                except IndexError:
                    return
                try:
                    finished.put((batch, compute_batch(function, batch, store, keep)))
                except BaseException as error:
                    if not (isinstance(error, Cancelled) and stop.is_set()):
                        finished.put(error)
                    return

    # daemons, so that a second Ctrl-C ends a process whose tasks do not look for the first
    threads = [
        threading.Thread(target=work, name=f"nlbook-worker-{i}", daemon=True)
        for i in range(min(workers, len(batches)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in batches:
            item = _next(finished)
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        _join([thread for thread in threads if thread.ident is not None])


def _next(finished: queue.SimpleQueue[Any]) -> Any:
    while True:
        try:
            return finished.get(timeout=_POLL)
        except queue.Empty:
            checkpoint()  # this run may itself be a task of another one


def _join(threads: Sequence[threading.Thread]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    running = [thread for thread in threads if thread.is_alive()]
    if running:
        print(
            f"waiting for {len(running)} running task(s) to stop; Ctrl-C again abandons them",
            file=sys.stderr,
        )
    for thread in running:
        thread.join()
