"""What becomes of results: a list of all of them, or a reduction one by one.

Tasks finish in any order, and sums of floating-point numbers depend on theirs. In a reduction
each result therefore waits for its turn: in the store where there is one, else in memory.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nlbook.parallel.errors import StoreWarning
from nlbook.parallel.store.files import Result, file_name
from nlbook.parallel.store.folder import Store
from nlbook.parallel.workers.batches import Failure, Outcome
from nlbook.parallel.workers.interruption import checkpoint

__all__ = ["Collection", "Reduction"]


class Collection:
    """All results, for a list."""

    def __init__(self, keys: Sequence[str], stored: dict[str, Result]) -> None:
        self.keys = keys
        self.times = Counter(keys)  # equal tasks have one key
        self.results = stored
        self.failures: dict[str, Failure] = {}

    def finished(self) -> set[str]:
        """Keys of the tasks that have a result."""
        return set(self.results)

    def settle(self, outcome: Outcome | None = None) -> Iterator[None]:
        """Take an outcome in; yields once for each task that needs nothing more."""
        if outcome is not None:
            self.results.update(outcome.results)
            self.failures.update(outcome.failures)
            for key in (*outcome.results, *outcome.failures):
                yield from [None] * self.times[key]

    def as_list(self) -> list[Any]:
        """Return the results in the order of the tasks, None where there is none."""
        given: set[str] = set()
        results: list[Any] = []
        for key in self.keys:
            result = self.results.get(key)
            if result is not None and key in given:  # arrays of its own for each of equal tasks
                result = {name: array.copy() for name, array in result.items()}
            given.add(key)
            results.append(result)
        return results


class Reduction:
    """Hands results over in the order of the tasks, each once, and keeps none.

    Warns
    -----
    StoreWarning
        Once, if stored results were computed by other code than the present one.
    """

    def __init__(
        self, keys: Sequence[str], store: Store | None, reduce: Callable[[int, Result], object]
    ) -> None:
        self.keys = keys
        self.left = Counter(keys)  # how often each will be handed over; equal tasks have one key
        self.store = store
        self.reduce = reduce
        self.failures: dict[str, Failure] = {}
        self.turn = 0  # of which task it is
        self.waiting: dict[str, Result] = {}  # without a store
        self.places: dict[str, str] = {} if store is None else store.locate(keys)
        self._file = ""  # whose results are held: of one task, or a shard
        self._held: dict[str, Result] = {}
        self._warned = False
        first = next((key for key in keys if key in self.places), None)
        if first is not None:
            self._load(self.places[first])  # a warning comes before anything is computed

    def finished(self) -> set[str]:
        """Keys of the tasks that have a result, handed over or not."""
        return {*self.places, *self.waiting, *self.keys[: self.turn]} - self.failures.keys()

    def settle(self, outcome: Outcome | None = None) -> Iterator[None]:
        """Take an outcome in, and hand over the results whose turn has come.

        Yields once for each task that needs nothing more.
        """
        if outcome is not None:
            self.failures.update(outcome.failures)
            if self.store is None:
                self.waiting.update(outcome.results)
            elif outcome.results and outcome.unstored is None:
                name = file_name(list(outcome.results))
                self.places.update(dict.fromkeys(outcome.results, name))
        while self.turn < len(self.keys):
            checkpoint()  # this run may itself be a task of another one
            key = self.keys[self.turn]
            if key in self.waiting:
                self._hand_over(key, self.waiting)
            elif key in self.places:
                self._load(self.places[key])
                self._hand_over(key, self._held)
            elif key not in self.failures:
                return
            self.turn += 1
            yield

    def as_list(self) -> list[Any]:
        """Return an empty list: no result is kept."""
        return []

    def _hand_over(self, key: str, results: dict[str, Result]) -> None:
        self.left[key] -= 1
        if self.left[key]:
            result = {name: array.copy() for name, array in results[key].items()}
        else:
            result = results.pop(key)
        self.reduce(self.turn, result)

    def _load(self, name: str) -> None:
        if name == self._file or self.store is None:
            return
        self._held = {}  # before the next ones need memory
        self._held, is_present_code = self.store.load(name)
        self._file = name
        if not is_present_code and not self._warned:
            self._warned = True
            warnings.warn(
                f"results in the store {self.store.folder} were computed by an earlier version of "
                f"the code of {self.store.function} or of what it imports. They are used as they "
                f"are. If results have changed, raise schema (now {self.store.schema}) or take "
                f"another store.",
                StoreWarning,
                stacklevel=4,
            )
