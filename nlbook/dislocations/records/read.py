"""Reading a recorded ensemble, and setting one beside another."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer
from nlbook.dislocations.ensemble import CreepEnsemble
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.records.tally import CREEP_SERIES, RELAXATION_SERIES, read_counts
from nlbook.dislocations.statistics.exponents import number_changes

__all__ = ["Recorded", "paired_difference", "read_record"]


@dataclass(frozen=True)
class Recorded:
    """A recorded case. Lengths in b, times in t0; the axes of counts are named in brackets."""

    #: the file of arrays, from which counts are read when they are asked for
    path: Path
    #: edges of all bins of shifts but the outer two, which take what lies beyond (n_bins - 1,)
    shift_edges: NDArray[np.float64]
    #: times of `counts` (n_times,)
    times: NDArray[np.float64]
    #: edges of the bins of `batch_counts`, every other one of `shift_edges`
    batch_edges: NDArray[np.float64]
    #: times of `batch_counts` (n_batch_times,)
    batch_times: NDArray[np.float64]
    #: realizations in each batch (batch,); realization k is in batch k modulo their number
    realizations: NDArray[np.int64]
    #: times of the creep's series (n,)
    series_time: NDArray[np.float64]
    #: sums over each batch, by name (batch, n)
    series: dict[str, NDArray[np.float64]]
    #: times of the relaxation's series (m,)
    relaxation_time: NDArray[np.float64]
    #: sums over each batch, by name (batch, m)
    relaxation: dict[str, NDArray[np.float64]]
    #: one number of each realization, by name: see `run_numbers` (n_realizations,)
    numbers: dict[str, NDArray[np.float64]]
    #: counts of speeds in `speed_bins` (batch, bin)
    speed_counts: NDArray[np.int64]
    #: kept realizations: arrays by name, among them ``final_shift`` and ``final_number``
    kept: list[dict[str, NDArray[Any]]]
    #: what made the record
    provenance: dict[str, Any]

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """Counts over all realizations (time, negative or positive sign, old or newborn, bin)."""
        return read_counts(self.path, "counts", self.shift_edges.size + 1)

    @cached_property
    def batch_counts(self) -> NDArray[np.int32]:
        """Counts in batches (batch, time, sign, newborn, bin); some 160 MB."""
        return read_counts(self.path, "batch_counts", self.batch_edges.size + 1)

    @property
    def number_changes(self) -> NDArray[np.float64]:
        """What each realization says about the change of the number over the data.

        Their mean is the change of the total; see `nlbook.dislocations.number_changes`.
        """
        return number_changes(self.numbers["data_start_number"], self.numbers["final_number"])

    @property
    def protocol(self) -> CreepProtocol:
        """What was simulated."""
        fields = dict(self.provenance["protocol"])
        return CreepProtocol(**fields | {"snapshot_steps": tuple(fields["snapshot_steps"])})

    def ensemble(self, merged: int = 5) -> CreepEnsemble:
        """The record as an ensemble, to be asked the same questions as one that was just run.

        Parameters
        ----------
        merged : int
            Bins of `batch_edges` that become one; their number on each side must divide by it.

        Returns
        -------
        CreepEnsemble
            In the record's batches, with shifts at the end of the creep, and no runs.
        """
        half = self.batch_edges.size // 2
        check_integer("merged", merged, 1)
        if half % merged:
            raise ValueError(f"merged must divide the {half} bins on a side, got {merged!r}")
        fine = read_counts(self.path, "batch_counts", 2 * half + 2, last_only=True)
        inner = fine[..., 1:-1].reshape(*fine.shape[:-1], -1, merged).sum(axis=-1)
        batch = np.arange(self.numbers["final_number"].size) % self.realizations.size
        sums: dict[str, NDArray[np.float64]] = {**self.series, **self.relaxation}
        sums["speed_counts"] = self.speed_counts.astype(np.float64)
        for name, values in self.numbers.items():
            total = np.bincount(batch, values, minlength=self.realizations.size)
            sums[name] = np.asarray(total, dtype=np.float64)
        return CreepEnsemble(
            protocol=self.protocol,
            seed=self.provenance["seed"],
            shift_edges=self.batch_edges[::merged],
            count=self.realizations,
            shift_counts=np.concatenate([fine[..., :1], inner, fine[..., -1:]], axis=-1),
            times={
                "creep_time": self.series_time,
                "relaxation_time": self.relaxation_time,
                "snapshot_time": self.times[-1:],
            },
            sums=sums,
        )


def read_record(
    folder: str | os.PathLike[str], case: int | None = None, *, name: str | None = None
) -> Recorded:
    """Read what `RecordWriter` wrote, as ``book/studies/creep.py`` does.

    Parameters
    ----------
    folder : path
        Where it is.
    case : int, optional
        Which case; or
    name : str, optional
        the name that the record was given.

    Returns
    -------
    Recorded

    Raises
    ------
    FileNotFoundError
        If there is none; it names the folder.
    """
    if (case is None) == (name is None):
        raise ValueError(f"give case or name, got case={case!r} and name={name!r}")
    path = Path(folder, f"{name or f'case_{case}'}.npz")
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no record {path.name}, which chapter 1 would write"
        )
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files if "counts_" not in key}
    half = int(arrays["half"])
    edges = np.asarray(np.arange(-half, half + 1) * arrays["shift_bin"], dtype=np.float64)
    kept: list[dict[str, NDArray[Any]]] = []
    while f"kept_{len(kept)}_final_shift" in arrays:
        prefix = f"kept_{len(kept)}_"
        kept.append({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})
    return Recorded(
        path=path,
        shift_edges=edges,
        times=arrays["times"],
        batch_edges=edges[::2],
        batch_times=arrays["batch_times"],
        realizations=arrays["realizations"],
        series_time=arrays["series_time"],
        series={key: arrays[key].astype(np.float64) for key in CREEP_SERIES},
        relaxation_time=arrays["relaxation_time"],
        relaxation={key: arrays[key].astype(np.float64) for key in RELAXATION_SERIES},
        numbers={
            key.removeprefix("number_"): array.astype(np.float64)
            for key, array in arrays.items()
            if key.startswith("number_")
        },
        speed_counts=arrays["speed_counts"].astype(np.int64),
        kept=kept,
        provenance=json.loads(path.with_suffix(".json").read_text("utf-8")),
    )


def paired_difference(first: Recorded, second: Recorded, name: str) -> tuple[float, float]:
    """Mean of a number over the realizations of one record less that of another.

    Parameters
    ----------
    first, second : Recorded
        Records with one seed: realization k of both started from the same dislocations.
    name : str
        Of a number: see `nlbook.dislocations.run_numbers`. The difference of ``number_change`` is
        that of the changes of the totals: see `nlbook.dislocations.number_changes`.

    Returns
    -------
    difference, standard_error : float
        Of second less first, over the realizations that both have.
    """
    if first.provenance["seed"] != second.provenance["seed"]:
        raise ValueError("second must have the seed of first")
    for record in (first, second):
        if name not in record.numbers:
            raise ValueError(f"name must be one of {sorted(record.numbers)}, got {name!r}")
    one, two = first.numbers[name], second.numbers[name]
    count = min(one.size, two.size)
    if count < 2:
        raise ValueError(f"records must share two or more realizations, got {count}")
    if name == "number_change":
        one, two = (
            number_changes(
                record.numbers["data_start_number"][:count], record.numbers["final_number"][:count]
            )
            for record in (first, second)
        )
    differences: NDArray[np.float64] = two[:count] - one[:count]
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(count))
