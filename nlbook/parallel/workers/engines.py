"""Tasks on the engines of an ipyparallel cluster.

Batches go to whichever engine is free. A batch whose engine dies is sent to another one. Engines
that see the store's folder write to it themselves, so that a finished task is on the disk even if
this process dies; only keys then travel. Otherwise the arrays travel and are stored here.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from nlbook.parallel.errors import ClusterError, StoreError
from nlbook.parallel.store.folder import Store, as_result
from nlbook.parallel.store.keys import load_function
from nlbook.parallel.workers.batches import Batch, Failure, Outcome, compute_batch
from nlbook.parallel.workers.interruption import checkpoint

__all__ = ["compute_on_engines", "run_batch"]

_POLL = 0.2  # seconds between looks at the state of the cluster
_NO_ENGINE = 30.0  # seconds without any engine after which the run gives up
_SILENCE = 30.0  # seconds without a result after which the controller is asked for a sign of life
_ANSWER = 120.0  # seconds that it has for the answer
_STOPPING = 2.0  # seconds that interrupted engines have to say so; a cluster ends them otherwise
_REMEMBERED = 64  # finished batches after which the hub is told to forget them
_QUEUED = 4  # batches sent ahead for each engine


def run_batch(name: str, batch: Batch, store: Store | None) -> tuple[Outcome, bool]:
    """Compute a batch; this function runs on an engine.

    Returns
    -------
    outcome : Outcome
        Without the arrays, when they have been stored here.
    stored : bool
    """
    here = store if store is not None and store.is_seen_here() else None
    outcome = compute_batch(load_function(name), batch, here, keep=False)
    stored = here is not None and outcome.unstored is None
    return Outcome(outcome.results, outcome.failures), stored


def compute_on_engines(
    client: Any,
    name: str,
    batches: Sequence[Batch],
    store: Store | None,
    retries: int,
    keep: bool = True,
) -> Iterator[tuple[Batch, Outcome]]:
    """Yield each batch with its outcome, in the order in which they finish.

    Closing the generator, or Ctrl-C while it waits, withdraws what is queued and interrupts the
    engines.

    Parameters
    ----------
    client : ipyparallel.Client
    name : str
        The function's "module:qualname"; engines import it.
    retries : int
        How often a batch is sent again after the death of its engine.
    keep : bool
        Whether outcomes hold arrays that have been stored.

    Raises
    ------
    ClusterError
        If no engine is left, the controller is gone, or the engines cannot import the function.
    """
    waiting = deque(batches)
    deaths: Counter[str] = Counter()  # of engines, by the first key of the batch they worked at
    running: dict[Any, Batch] = {}
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    watch = _Watch(client)
    memory = _HubMemory(client)
    view = client.load_balanced_view()
    # a batch is sent again from here: the scheduler's own retries can leave one waiting for ever
    view.set_flags(retries=0)
    try:
        while waiting or running:
            while waiting and len(running) < _QUEUED * max(1, len(client.ids)):
                batch = waiting.popleft()
                answer = view.apply_async(run_batch, name, batch, store)
                running[answer] = batch
                answer.add_done_callback(finished.put)
            try:
                answer = finished.get(timeout=_POLL)
            except queue.Empty:
                checkpoint()  # this run may itself be a task of another one
                watch.look()
                continue
            watch.reset()
            batch = running.pop(answer)
            outcome = _outcome(answer, name, batch, store, keep)
            memory.forget(answer)
            if outcome is None:
                first = next(iter(batch.tasks))
                deaths[first] += 1
                if deaths[first] <= retries:
                    waiting.appendleft(batch)
                    continue
                outcome = _given_up(batch, deaths[first])
            yield batch, outcome
    finally:
        if running:
            _interrupt(client, list(running))
        else:
            memory.purge()


def _outcome(
    answer: Any, name: str, batch: Batch, store: Store | None, keep: bool
) -> Outcome | None:
    """Return what became of a batch, None if its engine died."""
    from ipyparallel.error import EngineError, RemoteError

    try:
        outcome, stored = answer.get()
    except (EngineError, RemoteError) as error:
        if isinstance(error, EngineError) or error.ename == "EngineError":
            return None
        raise ClusterError(
            f"an engine could not run {name}: {error}. Is the same code installed where the "
            f"engines run?\n{getattr(error, 'traceback', '')}"
        ) from None
    if store is None:
        results = {key: as_result(result) for key, result in outcome.results.items()}
        return Outcome(results, outcome.failures)
    unstored = None
    if stored:
        results = outcome.results
        if keep and results:
            results = store.read_batch(list(results))
    else:
        results = {key: as_result(result) for key, result in outcome.results.items()}
        if results:
            try:
                store.write(results, batch.descriptions)
            except StoreError as error:
                unstored = str(error)
            else:
                results = results if keep else {key: {} for key in results}
    return Outcome(results, outcome.failures, unstored)


def _given_up(batch: Batch, n_deaths: int) -> Outcome:
    text = f"its engine died, {n_deaths} time(s): too little memory, or a crash"
    return Outcome({}, dict.fromkeys(batch.tasks, Failure(text, text)))


class _Watch:
    """Notices that a cluster has died while a run waits for it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.reset()

    def reset(self) -> None:
        self.answered = self.had_engines = time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        if self.client.ids:
            self.had_engines = now
        elif now - self.had_engines > _NO_ENGINE:
            raise ClusterError(
                f"no engine has been left for {_NO_ENGINE:g} s: they died, or the batch system "
                f"ended their job. Start a new cluster and run again."
            )
        if now - self.answered > _SILENCE:
            if not _answers(self.client):
                raise ClusterError(
                    f"the controller has not answered for {_ANSWER:g} s: the cluster has stopped. "
                    f"Start a new one and run again."
                )
            self.answered = time.monotonic()


def _answers(client: Any) -> bool:
    thread = threading.Thread(target=client.queue_status, daemon=True)
    thread.start()
    thread.join(_ANSWER)
    return not thread.is_alive()


def _interrupt(client: Any, answers: list[Any]) -> None:
    """Withdraw queued batches, interrupt running ones, and wait a moment for the engines."""
    from ipyparallel.error import NoEnginesRegistered

    try:
        client.abort(answers, block=False)
        client.send_signal(signal.SIGINT, block=False)
    except (NoEnginesRegistered, OSError):
        return
    client.wait(answers, timeout=_STOPPING)


class _HubMemory:
    """Makes client and hub forget finished batches, lest long runs fill their memory."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.finished: list[str] = []

    def forget(self, answer: Any) -> None:
        self.finished += answer.msg_ids
        self.client.purge_local_results(answer)
        self.client.history.clear()
        if len(self.finished) >= _REMEMBERED:
            self.purge()

    def purge(self) -> None:
        from ipyparallel.error import RemoteError

        if not self.finished:
            return
        try:
            self.client.purge_hub_results(self.finished)
        except (RemoteError, IndexError):
            return  # the hub has not yet seen one of them finish: with the next ones
        self.finished = []
