"""How a task that runs in a thread learns that its run has been interrupted.

Python delivers Ctrl-C to the main thread only. A long task therefore calls `checkpoint` between
bounded pieces of its work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nlbook.parallel.errors import Cancelled

__all__ = ["checkpoint"]

_local = threading.local()


def checkpoint() -> None:
    """Stop this task here if its run has been interrupted.

    Long tasks call it between pieces of work of up to about a second. Outside of the worker
    threads of `run_tasks` it does nothing.

    Raises
    ------
    Cancelled
        In a worker thread of an interrupted run.
    """
    stop: threading.Event | None = getattr(_local, "stop", None)
    if stop is not None and stop.is_set():
        raise Cancelled


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Let `checkpoint` in this thread follow the event `stop`."""
    _local.stop = stop
    try:
        yield
    finally:
        _local.stop = None
