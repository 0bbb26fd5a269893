"""Many realizations of creep, each with a seed of its own."""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from typing import TYPE_CHECKING

from nlbook.dislocations.creep import CreepProtocol, CreepRun, simulate_creep
from nlbook.parallel import run_tasks, task_seed

if TYPE_CHECKING:
    import ipyparallel
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["creep_task", "run_ensemble"]

# Raised by hand when the same protocol and seed give another result.
_SCHEMA = 2


def run_ensemble(
    protocol: CreepProtocol,
    n_realizations: int,
    seed: int,
    *,
    cluster: ipyparallel.Client | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> list[CreepRun]:
    """Simulate `n_realizations` of `protocol`.

    The k-th realization depends on the protocol, `seed` and k alone: an ensemble that grows
    keeps what it had.

    Parameters
    ----------
    protocol : CreepProtocol
    n_realizations : int
        How many.
    seed : int
        Seed of the ensemble.
    cluster : ipyparallel.Client, optional
        Engines to run on; threads of this process when not given.
    store : path, optional
        Folder that keeps each realization as it ends, and gives it back the next time.
    progress : bool
        Show a bar.

    Returns
    -------
    list of CreepRun

    Raises
    ------
    nlbook.parallel.TaskErrors
        If realizations failed; the others are in the store.
    """
    if isinstance(n_realizations, bool) or n_realizations < 1:
        raise ValueError(f"n_realizations must be at least 1, got {n_realizations!r}")
    results = run_tasks(
        creep_task,
        [{"protocol": protocol, "seed": task_seed(seed, k)} for k in range(n_realizations)],
        cluster=cluster,
        store=store,
        schema=_SCHEMA,
        progress=progress,
        description="realizations",
    )
    return [CreepRun(**result) for result in results]


def creep_task(protocol: CreepProtocol, seed: tuple[int, ...]) -> dict[str, NDArray[np.generic]]:
    """`simulate_creep` as a task: arrays by name."""
    return asdict(simulate_creep(protocol, seed))
