"""Write the record of an ensemble while it is computed; see ``book/studies/creep.py``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.dislocations.records.sessions import describe_record
from nlbook.dislocations.records.tally import Tally

__all__ = ["RecordWriter", "seen_by_record", "steps_apart"]


def seen_by_record(protocol: CreepProtocol) -> CreepProtocol:
    """The protocol with snapshots where a record wants them: see `RecordWriter`.

    About every t0 of the data, in whole steps, the start of the data included, and at up to five
    times in between, by which the error of interpolation in time is known.
    """
    every = steps_apart(protocol)
    first = protocol.creep_steps - min(protocol.data_steps, protocol.creep_steps)
    snapshots = {first, *range(protocol.creep_steps, first, -every)} - {0}
    data = protocol.creep_steps - first
    whole = data // every if every > 1 else 0
    between = {min(part * whole // 4, whole - 1) for part in range(5)} if whole else set()
    start = protocol.creep_steps - data // every * every
    snapshots |= {start + every * k + every // 2 for k in between}
    return replace(protocol, snapshot_steps=tuple(sorted(snapshots)))


def steps_apart(protocol: CreepProtocol) -> int:
    """Steps in about 1 t0."""
    return max(1, round(1.0 / protocol.creep_dt))


class RecordWriter:
    """The record of an ensemble, realization by realization.

    Parameters
    ----------
    protocol : CreepProtocol
        Of all realizations; with the snapshots of `seen_by_record`, or others.
    case : int
        1, 2 or 3: that the protocol is like.
    seed : int
        Of the ensemble.
    n_batches, n_kept : int
        Batches of the sums, and realizations kept with their crystals.
    shift_bin, largest_shift : float
        Width of the bins, and where the outer ones begin, b.
    at_end_only : bool
        Count shifts at the end of the creep only.
    every : int
        Entries of the creep's series from one that is kept to the next. It is 1 where that would
        miss the end.

    Examples
    --------
    >>> import tempfile
    >>> from nlbook.dislocations import run_ensemble
    >>> from nlbook.dislocations import read_record
    >>> protocol = seen_by_record(CreepProtocol(
    ...     n_dislocations=20, box_length=60.0, relaxation_steps=10, creep_steps=300))
    >>> writer = RecordWriter(protocol, case=1, seed=5)
    >>> ensemble = run_ensemble(protocol, 2, 5, also=writer.add, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = writer.write(folder)
    ...     read_record(folder, case=1).times.tolist()
    [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    """

    def __init__(
        self,
        protocol: CreepProtocol,
        *,
        case: int,
        seed: int,
        n_batches: int = 40,
        n_kept: int = 3,
        shift_bin: float = 0.005,
        largest_shift: float = 60.0,
        at_end_only: bool = False,
        every: int = 1,
    ) -> None:
        check_integer("case", case, 1, 3)
        for name, value, least in (("n_batches", n_batches, 1), ("n_kept", n_kept, 0)):
            check_integer(name, value, least)
        check_integer("every", every, 1)
        shift_bin = check_number("shift_bin", shift_bin, above=0.0)
        check_number("largest_shift", largest_shift, least=2.0 * shift_bin)
        self._started = time.perf_counter()
        self._protocol, self._case, self._seed = protocol, case, seed
        self._count = 0
        steps = np.array(protocol.snapshots)
        seen = np.arange(steps.size)[-1:] if at_end_only else np.arange(steps.size)
        on_grid = (steps[-1] - steps[seen]) % (5 * steps_apart(protocol)) == 0
        entries = -(-protocol.creep_steps // protocol.record_every)  # after the first
        self._tally = Tally(
            protocol,
            half=2 * round(largest_shift / (2 * shift_bin)),
            shift_bin=shift_bin,
            n_batches=n_batches,
            n_kept=n_kept,
            seen=seen.tolist(),
            batched=np.flatnonzero(on_grid).tolist(),
            every=every if entries % every == 0 else 1,
        )

    def add(self, index: int, result: Mapping[str, NDArray[Any]]) -> None:
        """Add realization `index`, in the order of the indices: what `creep_task` returned."""
        self._tally.add(index, result)
        self._count += 1

    def write(
        self,
        folder: str | os.PathLike[str],
        *,
        name: str | None = None,
        command: str = "nlbook.dislocations.records.RecordWriter",
        found: Mapping[str, int] | None = None,
        earlier: Sequence[str | os.PathLike[str]] = (),
        processes: int = 1,
        wall_seconds: float | None = None,
    ) -> Path:
        """Write the arrays, and beside them where they come from.

        Parameters
        ----------
        folder : path
            Made where it is not there.
        name : str, optional
            Of the two files; ``case_N`` if not given.
        command : str
            What makes the record again.
        found, earlier, processes
            See `describe_record`: what a store held before, records made from it, and how many
            shared the work.
        wall_seconds : float, optional
            What it took; the time since the writer was made if not given.

        Returns
        -------
        Path
            The file of arrays.
        """
        path = Path(folder, f"{name or f'case_{self._case}'}.npz")
        self._tally.write(path)
        wall = time.perf_counter() - self._started if wall_seconds is None else wall_seconds
        provenance = {
            "command": command,
            "case": self._case,
            "changes": _changes(self._case, self._protocol),
            "n_realizations": self._count,
            "seed": self._seed,
            "protocol": self._protocol,
            **describe_record(
                found or {},
                [Path(place, path.name).with_suffix(".json") for place in earlier],
                n_realizations=self._count,
                processes=processes,
                wall_seconds=wall,
            ),
        }
        text = json.dumps(provenance, indent=2, default=_plain) + "\n"
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        return path


def _changes(case: int, protocol: CreepProtocol) -> dict[str, Any]:
    """Fields in which a protocol is not the paper's, but for when it is looked at."""
    paper, own = vars(CreepProtocol.for_case(case)), vars(protocol)
    looks = ("snapshot_steps", "n_snapshots", "record_every", "integrator")
    return {
        name: value for name, value in own.items() if name not in looks and value != paper[name]
    }


def _plain(value: Any) -> Any:
    """A protocol or a NumPy number as JSON has it."""
    return vars(value) if isinstance(value, CreepProtocol) else value.item()
