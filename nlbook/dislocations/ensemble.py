"""Many realizations of creep, summed up as they end.

What an ensemble keeps does not grow with the number of realizations: sums of series, counts of
shifts and of speeds in fine bins, and a few realizations in full for pictures. All sums are kept
in batches, realization k in batch k modulo the number of batches. Batches are independent, so
their scatter gives standard errors, and drawing batches with replacement gives bootstrap
intervals; with no more realizations than batches, a batch is a realization.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number, is_integer
from nlbook.dislocations.creep import CreepRun, simulate_creep
from nlbook.dislocations.observables import run_numbers
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.statistics.exponents import number_changes
from nlbook.parallel import run_tasks, task_seed

if TYPE_CHECKING:
    import ipyparallel

__all__ = ["SCHEMA", "CreepEnsemble", "Newborn", "creep_task", "run_ensemble"]

#: Raised by hand when the same protocol and seed give another result.
SCHEMA = 5

_SERIES = (
    "relaxation_number",
    "relaxation_speed",
    "relaxation_strain",
    "creep_number",
    "creep_speed",
    "creep_slip_rate",
    "creep_strain",
)

Newborn = Literal["counted", "left_out"]
"""Dislocations born during creep: counted, their shift starting at birth, or left out."""


@dataclass(frozen=True)
class CreepEnsemble:
    """Sums over realizations, in batches. Lengths in b, times in t0, velocities in b/t0."""

    #: what was simulated
    protocol: CreepProtocol
    #: seed of the ensemble
    seed: int
    #: edges of the bins of shifts, n_bins - 1 of them: the outer bins take what lies beyond
    shift_edges: NDArray[np.float64]
    #: realizations in each batch, shape (n_batches,)
    count: NDArray[np.int64]
    #: counts of shifts, shape (n_batches, n_snapshots, 2, 2, n_bins): of negative and positive
    #: sign, there from the start and newborn
    shift_counts: NDArray[np.int64]
    #: times of the series and of the snapshots, by name
    times: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    #: sums over the realizations of each batch, shape (n_batches, ...), by name
    sums: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    #: the first realizations, in full
    runs: list[CreepRun] = field(default_factory=list)

    @property
    def n_realizations(self) -> int:
        """How many realizations there are."""
        return int(self.count.sum())

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which batches hold a realization, shape (n_batches,)."""
        return self.count > 0

    def batch_means(self, name: str) -> NDArray[np.float64]:
        """Mean of a quantity in each filled batch, shape (n_filled, ...)."""
        if name not in self.sums:
            raise ValueError(f"name must be one of {sorted(self.sums)}, got {name!r}")
        total = self.sums[name][self.filled]
        return total / self.count[self.filled].reshape(-1, *[1] * (total.ndim - 1))

    def mean(self, name: str) -> tuple[Any, Any]:
        """Mean of a quantity over all realizations, and its standard error.

        Parameters
        ----------
        name : str
            A series (``creep_number``, ``creep_speed``, ...) or a number of each realization
            (``relaxed_number``, ``number_change``, ``births``, ``lost_pairs``, ...).

        Returns
        -------
        mean, standard_error : float or ndarray
            The error is infinite where a single batch is filled: one batch does not tell it.
        """
        means = self.batch_means(name)
        total = self.sums[name].sum(axis=0)
        spread = means.std(axis=0, ddof=1) if len(means) > 1 else np.full_like(means[0], np.inf)
        return total / self.n_realizations, spread / np.sqrt(len(means))

    def number_change(self) -> tuple[float, float]:
        """Relative change of the number over the data, and its standard error.

        Of the total over all realizations; see `nlbook.dislocations.number_changes`.

        Returns
        -------
        change, standard_error : float
            The error is infinite where a single batch is filled.
        """
        before, after = (
            self.sums[name][self.filled] for name in ("data_start_number", "final_number")
        )
        values = number_changes(before, after)
        spread = values.std(ddof=1) if values.size > 1 else np.inf
        return float(values.mean()), float(spread / np.sqrt(values.size))

    def counts_of_shifts(
        self, snapshot: int = -1, *, newborn: Newborn = "left_out", signed: bool = False
    ) -> NDArray[np.int64]:
        """Counts of shifts X, or of b X, in each batch, shape (n_batches, n_bins).

        Parameters
        ----------
        snapshot : int
            Which of the times; from the last where negative.
        newborn : {"left_out", "counted"}
            What becomes of dislocations born during creep.
        signed : bool
            Count b X instead of X.
        """
        check_choice("newborn", newborn, get_args(Newborn))
        n_snapshots = self.shift_counts.shape[1]
        if not is_integer(snapshot) or not -n_snapshots <= snapshot < n_snapshots:
            raise ValueError(
                f"snapshot must be one of the {n_snapshots} snapshots, "
                f"{-n_snapshots}..{n_snapshots - 1}, got {snapshot!r}"
            )
        counts = self.shift_counts[:, snapshot, :, : 2 if newborn == "counted" else 1].sum(axis=2)
        negative = counts[:, 0, ::-1] if signed else counts[:, 0]
        return np.asarray(negative + counts[:, 1])

    def shift_density(
        self, snapshot: int = -1, *, newborn: Newborn = "left_out", signed: bool = False
    ) -> NDArray[np.float64]:
        """Density of the shifts within `shift_edges`, shape (n_bins - 2,), in 1/b.

        Zero where no dislocation is left.
        """
        counts = self.counts_of_shifts(snapshot, newborn=newborn, signed=signed).sum(axis=0)
        return np.asarray(counts[1:-1] / (max(counts.sum(), 1) * np.diff(self.shift_edges)))

    def shift_quantile(
        self, level: float, snapshot: int = -1, *, newborn: Newborn = "left_out"
    ) -> float:
        """Distance that a part `level` of the dislocations has not glided, to a bin's width."""
        level = check_number("level", level, least=0.0, most=1.0)
        counts = self.counts_of_shifts(snapshot, newborn=newborn).sum(axis=0)
        half = counts.size // 2
        folded = counts[half:] + counts[:half][::-1]  # an even number of bins, an edge at zero
        reached = int(np.searchsorted(np.cumsum(folded), level * folded.sum()))
        return float(self.shift_edges[min(half + reached, self.shift_edges.size - 1)])

    def mean_shift(self, snapshot: int = -1, *, newborn: Newborn = "left_out") -> float:
        """Mean of b X within `shift_edges`, to a bin's width; zero where none is left."""
        counts = self.counts_of_shifts(snapshot, newborn=newborn, signed=True).sum(axis=0)
        centres = 0.5 * (self.shift_edges[1:] + self.shift_edges[:-1])
        return float(np.sum(counts[1:-1] * centres) / max(counts[1:-1].sum(), 1))


def run_ensemble(
    protocol: CreepProtocol,
    n_realizations: int,
    seed: int,
    *,
    cluster: ipyparallel.Client | None = None,
    store: str | PathLike[str] | None = None,
    n_kept: int = 3,
    n_batches: int = 40,
    shift_bin: float = 0.05,
    largest_shift: float = 100.0,
    also: Callable[[int, dict[str, NDArray[Any]]], None] | None = None,
    progress: bool = True,
) -> CreepEnsemble:
    """Simulate `n_realizations` of `protocol` and sum them up.

    The k-th realization depends on the protocol, `seed` and k alone, and sums are taken in the
    order of k: an ensemble that grows equals one larger run, to the bit.

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
    n_kept : int
        Realizations kept in full.
    n_batches : int
        Batches of the sums.
    shift_bin, largest_shift : float
        Width of the bins of shifts, and where the outer ones begin, in b.
    also : callable, optional
        Given each realization's number and arrays as well, in the order of the numbers; such as
        `nlbook.dislocations.records.RecordWriter.add`.
    progress : bool
        Show a bar.

    Returns
    -------
    CreepEnsemble

    Raises
    ------
    nlbook.parallel.TaskErrors
        If realizations failed; the others are in the store.
    """
    for name, value, least in (
        ("n_realizations", n_realizations, 1),
        ("n_kept", n_kept, 0),
        ("n_batches", n_batches, 1),
    ):
        check_integer(name, value, least)
    largest_shift = check_number("largest_shift", largest_shift, above=0.0)
    shift_bin = check_number("shift_bin", shift_bin, above=0.0, most=largest_shift)
    half = round(largest_shift / shift_bin)
    edges = np.asarray(np.arange(-half, half + 1) * shift_bin, dtype=np.float64)
    snapshots = len(protocol.snapshots)
    ensemble = CreepEnsemble(
        protocol,
        seed,
        edges,
        np.zeros(n_batches, dtype=np.int64),
        np.zeros((n_batches, snapshots, 2, 2, edges.size + 1), dtype=np.int64),
    )

    def add(index: int, result: dict[str, NDArray[Any]]) -> None:
        run = CreepRun(**result)
        _add(ensemble, index % n_batches, run)
        if index < n_kept:
            ensemble.runs.append(run)
        if also is not None:
            also(index, result)

    run_tasks(
        creep_task,
        [{"protocol": protocol, "seed": task_seed(seed, k)} for k in range(n_realizations)],
        cluster=cluster,
        store=store,
        schema=SCHEMA,
        reduce=add,
        progress=progress,
        description="realizations",
    )
    return ensemble


def creep_task(protocol: CreepProtocol, seed: tuple[int, ...]) -> dict[str, NDArray[np.generic]]:
    """`simulate_creep` as a task: arrays by name."""
    return asdict(simulate_creep(protocol, seed))


def _add(ensemble: CreepEnsemble, batch: int, run: CreepRun) -> None:
    """Add a realization to a batch."""
    if not ensemble.times:
        for name in ("relaxation_time", "creep_time", "snapshot_time"):
            ensemble.times[name] = getattr(run, name)
    ensemble.count[batch] += 1
    quantities = {name: getattr(run, name) for name in _SERIES} | run_numbers(
        ensemble.protocol, run
    )
    quantities["speed_counts"] = run.speed_counts
    for name, value in quantities.items():
        if name not in ensemble.sums:
            ensemble.sums[name] = np.zeros((ensemble.count.size, *np.shape(value)))
        ensemble.sums[name][batch] += value
    newborn = np.arange(run.burgers_sign.size) >= run.relaxed_x.size
    for positive in (0, 1):
        for young in (0, 1):
            group = (run.burgers_sign > 0) == positive
            group &= newborn == young
            for k in range(run.snapshot_time.size):
                shifts = run.shift[k][group & run.alive[k]]
                place = np.searchsorted(ensemble.shift_edges, shifts, side="right")
                ensemble.shift_counts[batch, k, positive, young] += np.bincount(
                    place, minlength=ensemble.shift_edges.size + 1
                )
