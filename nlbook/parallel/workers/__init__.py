"""Batches of tasks computed in threads or on engines, interrupted, and collected in order."""

from nlbook.parallel.workers.engines import compute_on_engines
from nlbook.parallel.workers.interruption import checkpoint
from nlbook.parallel.workers.threads import compute_in_threads

__all__ = [
    "checkpoint",
    "compute_in_threads",
    "compute_on_engines",
]
