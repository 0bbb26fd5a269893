"""Batches of tasks computed in threads or on engines, interrupted, and collected in order."""

from nlbook.parallel.workers.batches import Batch, Failure, Outcome, compute_batch
from nlbook.parallel.workers.collection import Collection, Reduction
from nlbook.parallel.workers.engines import compute_on_engines
from nlbook.parallel.workers.interruption import checkpoint, stopped_by
from nlbook.parallel.workers.threads import compute_in_threads

__all__ = [
    "Batch",
    "Collection",
    "Failure",
    "Outcome",
    "Reduction",
    "checkpoint",
    "compute_batch",
    "compute_in_threads",
    "compute_on_engines",
    "stopped_by",
]
