"""Tasks in threads of this process.

Threads share memory and start at once; they run side by side as long as the tasks spend their
time in code that releases Python's lock, as numba kernels with ``nogil`` and large NumPy
operations do.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nlbook.parallel.errors import Cancelled
from nlbook.parallel.store.folder import Store
from nlbook.parallel.workers.batches import Batch, Outcome, compute_batch
from nlbook.parallel.workers.interruption import checkpoint, stopped_by

__all__ = ["compute_in_threads"]

_POLL = 0.2  # seconds between looks at an interruption of the run around this one
_PATIENCE = 2.0  # seconds after which a run that stops says what it waits for


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
