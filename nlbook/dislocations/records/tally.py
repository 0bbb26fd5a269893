"""Counts and sums over realizations, and how they are packed into a file of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.creep import CreepRun
from nlbook.dislocations.observables import run_numbers
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.parallel.store import write_atomically

__all__ = ["CREEP_SERIES", "RELAXATION_SERIES", "Tally", "read_counts"]

#: Series of the creep that are summed.
CREEP_SERIES = ("creep_number", "creep_speed", "creep_slip_rate", "creep_strain")
#: Series of the relaxation that are summed.
RELAXATION_SERIES = ("relaxation_number", "relaxation_speed", "relaxation_strain")

_KEPT = ("relaxed_x", "relaxed_y", "burgers_sign", "sources", "birth_time")
_AGES = ("old", "newborn")


class Tally:
    """Counts and sums over realizations as they come.

    Parameters
    ----------
    protocol : CreepProtocol
        What is simulated.
    half : int
        Bins of shifts on each side of zero, an even number; one more takes what lies beyond.
    shift_bin : float
        Their width, b; in batches bins are twice as wide.
    n_batches, n_kept : int
        Batches, and realizations that are kept with their crystals.
    seen : sequence of int
        Snapshots of the protocol that are counted.
    batched : sequence of int
        Places in `seen` of those that are counted in batches too.
    every : int
        Entries of the creep's series from one that is kept to the next.
    """

    def __init__(
        self,
        protocol: CreepProtocol,
        *,
        half: int,
        shift_bin: float,
        n_batches: int,
        n_kept: int,
        seen: Sequence[int],
        batched: Sequence[int],
        every: int = 1,
    ) -> None:
        self._protocol, self._half, self._bin = protocol, half, shift_bin
        self._edges = np.arange(-half, half + 1) * shift_bin
        self._seen, self._batched = np.asarray(seen), np.asarray(batched)
        self._every, self._n_kept = every, n_kept
        self._counts = np.zeros((self._seen.size, 2, 2, 2 * half + 2), dtype=np.int32)
        self._batch_counts = np.zeros(
            (n_batches, self._batched.size, 2, 2, half + 2), dtype=np.int32
        )
        self._realizations = np.zeros(n_batches, dtype=np.int64)
        self._times: dict[str, NDArray[np.float64]] = {}
        self._sums: dict[str, NDArray[Any]] = {}
        self._numbers: dict[str, list[float]] = {}
        self._kept: list[dict[str, NDArray[Any]]] = []

    def add(self, index: int, result: Mapping[str, NDArray[Any]]) -> None:
        """Add realization `index`: what `creep_task` returned for it."""
        run = CreepRun(**result)
        batch = index % self._realizations.size
        self._realizations[batch] += 1
        self._times["series_time"] = run.creep_time[:: self._every]
        self._times["relaxation_time"] = run.relaxation_time
        for name in (*CREEP_SERIES, *RELAXATION_SERIES, "speed_counts"):
            value = getattr(run, name)[:: self._every if name in CREEP_SERIES else 1]
            if name not in self._sums:
                self._sums[name] = np.zeros((self._realizations.size, value.size), value.dtype)
            self._sums[name][batch] += value
        for name, number in run_numbers(self._protocol, run).items():
            self._numbers.setdefault(name, []).append(number)
        self._count(batch, run)
        if index < self._n_kept:
            kept = {name: getattr(run, name) for name in _KEPT}
            kept["final_shift"], kept["final_alive"] = run.shift[-1], run.alive[-1]
            kept["final_number"] = run.creep_number[-1:]
            self._kept.append(kept)

    def write(self, path: Path) -> None:
        """Write the arrays, aside first."""
        times = np.array(self._protocol.snapshots)[self._seen] * self._protocol.creep_dt
        arrays: dict[str, NDArray[Any]] = {
            "half": np.array(self._half),
            "shift_bin": np.array(self._bin),
            "times": times,
            "batch_times": times[self._batched],
            "realizations": self._realizations,
            **self._times,
            **self._sums,
            **_pack_counts("counts", self._counts),
            **_pack_counts("batch_counts", self._batch_counts),
        }
        for name, values in self._numbers.items():
            arrays[f"number_{name}"] = _narrow(np.array(values))
        for k, kept in enumerate(self._kept):
            arrays |= {f"kept_{k}_{name}": array for name, array in kept.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]

    def _count(self, batch: int, run: CreepRun) -> None:
        newborn = np.arange(run.burgers_sign.size) >= run.relaxed_x.size
        group = 2 * (run.burgers_sign > 0) + newborn
        n_bins, n_wide = self._counts.shape[-1], self._batch_counts.shape[-1]
        place = {int(k): i for i, k in enumerate(self._batched)}
        for k, snapshot in enumerate(self._seen):
            there = run.alive[snapshot]
            bins = np.searchsorted(self._edges, run.shift[snapshot][there], side="right")
            flat, times = np.unique(group[there] * n_bins + bins, return_counts=True)
            self._counts[k].reshape(-1)[flat] += times.astype(np.int32)
            if k in place:
                wide = flat // n_bins * n_wide + (flat % n_bins + 1) // 2
                np.add.at(self._batch_counts[batch, place[k]].reshape(-1), wide, times)


def read_counts(
    path: Path, name: str, n_bins: int, *, last_only: bool = False
) -> NDArray[np.int32]:
    """Read counts that `Tally.write` has packed.

    Parameters
    ----------
    path : Path
        The file of arrays.
    name : str
        ``counts`` or ``batch_counts``.
    n_bins : int
        Number of bins, the outer two included.
    last_only : bool
        Of the last time alone.

    Returns
    -------
    ndarray of int32, shape (..., n_times, 2, 2, n_bins)
    """
    counts = np.empty(0, dtype=np.int32)
    with np.load(path, allow_pickle=False) as file:
        for age, label in enumerate(_AGES):
            packed, start = file[f"{name}_{label}"], int(file[f"{name}_{label}_first"])
            part = packed[..., -1:] if last_only else packed
            if not age:
                *batches, n_signs, _, n_times = part.shape
                counts = np.zeros((*batches, n_times, n_signs, len(_AGES), n_bins), dtype=np.int32)
            counts[..., age, start : start + part.shape[-2]] = np.moveaxis(part, -1, -3)
    return counts


def _pack_counts(name: str, counts: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """The bins in use, apart by age and with time last: neighbours in time are nearly equal."""
    arrays: dict[str, NDArray[Any]] = {}
    for age, label in enumerate(_AGES):
        part = np.moveaxis(counts[..., age, :], -3, -1)
        used = np.flatnonzero(np.moveaxis(part, -2, 0).reshape(part.shape[-2], -1).any(axis=1))
        first, last = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 1)
        arrays[f"{name}_{label}"] = _narrow(np.ascontiguousarray(part[..., first:last, :]))
        arrays[f"{name}_{label}_first"] = np.array(first)
    return arrays


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in the smallest type that holds them; others as they are."""
    if values.dtype.kind == "f" and not np.all(values == np.round(values)):
        return values
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    return values.astype(np.result_type(np.min_scalar_type(low), np.min_scalar_type(high)))
