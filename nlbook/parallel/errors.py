"""What can go wrong in a parallel run, each with one clear message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Cancelled",
    "ClusterError",
    "MPIUnavailable",
    "SlurmError",
    "StoreError",
    "StoreWarning",
    "TaskError",
    "TaskErrors",
]

_LISTED = 10  # failed tasks named in one message


class Cancelled(BaseException):
    """Raised by `checkpoint` in a task whose run has been interrupted.

    Like KeyboardInterrupt it is no Exception, so that a task which catches every
    Exception still stops.
    """


class StoreError(ValueError):
    """A store that cannot be read or written as it is."""

    #: when a write failed in the middle of a run that returns a list: what had been computed or
    #: read by then, in the order of the tasks, None where there is nothing
    results: list[Any] | None = None


class StoreWarning(UserWarning):
    """Stored results were computed by other code than the present one."""


class ClusterError(RuntimeError):
    """A cluster that cannot be started, reached or used."""


class SlurmError(ClusterError):
    """Slurm is missing, does not answer, or refuses a job."""


class MPIUnavailable(ClusterError):
    """This environment has no working MPI."""


@dataclass(frozen=True)
class TaskError:
    """One task that failed."""

    index: int  #: position in the sequence of tasks
    key: str  #: key of the task in a store
    task: str  #: its keyword arguments, in words
    error: str  #: type and message of the exception
    traceback: str  #: as Python prints it, of the worker


class TaskErrors(RuntimeError):
    """Some tasks of a run failed; the others are finished, and stored where there is a store."""

    #: the failed tasks in their order
    errors: list[TaskError]
    #: the result of each task, None where it failed; empty when the run had a `reduce`
    results: list[Any]

    def __init__(
        self, errors: Sequence[TaskError], results: list[Any], name: str, n_tasks: int
    ) -> None:
        self.errors = list(errors)
        self.results = results
        lines = [f"{len(self.errors)} of {n_tasks} tasks of {name} failed:"]
        lines += [f"  task {e.index} ({e.task}): {e.error}" for e in self.errors[:_LISTED]]
        if len(self.errors) > _LISTED:
            lines.append(f"  and {len(self.errors) - _LISTED} more, listed in .errors")
        lines += [f"Traceback of task {self.errors[0].index}:", self.errors[0].traceback.rstrip()]
        super().__init__("\n".join(lines))
