"""A batch: the tasks that one worker computes and stores together."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nlbook.parallel.errors import Cancelled, StoreError
from nlbook.parallel.store.files import Result
from nlbook.parallel.store.folder import Store, as_result
from nlbook.parallel.store.keys import plain_task

__all__ = ["Batch", "Failure", "Outcome", "compute_batch"]


@dataclass(frozen=True)
class Batch:
    """Tasks by key."""

    tasks: Mapping[str, Mapping[str, Any]]  #: arguments of each task, by key
    descriptions: Mapping[str, str]  #: the tasks in words


@dataclass(frozen=True)
class Failure:
    """What is left of a task that raised."""

    error: str  #: type and message
    traceback: str  #: where it was raised, as Python prints it


@dataclass(frozen=True)
class Outcome:
    """What became of a batch."""

    results: dict[str, Result]  #: by key, of the tasks that ended
    failures: dict[str, Failure]  #: by key, of the tasks that raised
    unstored: str | None = None  #: why the results could not be stored


def compute_batch(
    function: Callable[..., Any], batch: Batch, store: Store | None, keep: bool = True
) -> Outcome:
    """Compute the tasks of a batch one after the other, and store those that succeed.

    Parameters
    ----------
    keep : bool
        Whether the outcome holds the arrays even when they have been stored; else their names
        and arrays are left out.

    Raises
    ------
    Cancelled, KeyboardInterrupt
        If the run is interrupted; what had been finished is stored.
    """
    results: dict[str, Result] = {}
    failures: dict[str, Failure] = {}
    unstored = None
    try:
        for key, task in batch.tasks.items():
            try:
                # a copy of its own: a task may change its arrays, and others share them
                results[key] = as_result(function(**plain_task(task, own=True)))
            except (Cancelled, KeyboardInterrupt):
                raise
            except BaseException as error:
                failures[key] = _failure(error)
    finally:
        if store is not None and results:
            try:
                store.write(results, batch.descriptions)
            except StoreError as error:
                unstored = str(error)
    if store is not None and not keep and unstored is None:
        results = {key: {} for key in results}
    return Outcome(results, failures, unstored)


def _failure(error: BaseException) -> Failure:
    # the first frame is that of compute_batch
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    text = "".join(traceback.format_exception(type(error), error, frames))
    message = "".join(traceback.format_exception_only(error)).strip()
    return Failure(message, text)
