"""What the paper leaves open, decided by ensembles that differ in one choice each.

``python -m nlbook.dislocations.variants FOLDER`` records every one of `VARIANTS` in the way of
`nlbook.dislocations.recording`, smaller: shifts at the end, in bins of 0.05 b (0.1 b in batches),
and series every 10 t0. They start from the seeds of the main record, so that both can be compared
realization by realization.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.recording import Recorded, add_options, record_case
from nlbook.dislocations.statistics import number_changes

__all__ = ["VARIANTS", "paired_difference", "record_variants"]

#: Case and changes to its protocol, by name.
VARIANTS: dict[str, tuple[int, dict[str, Any]]] = {
    "case_1_one_row": (1, {"images": "one_row"}),
    "case_2_one_row": (2, {"images": "one_row"}),
    "case_2_clock_1": (2, {"nucleation_time": 1.0}),
    "case_2_clock_5": (2, {"nucleation_time": 5.0}),
    "case_2_clock_20": (2, {"nucleation_time": 20.0}),
    "case_2_clearance_1": (2, {"birth_clearance": 1.0}),
    "case_2_clock_01": (2, {"nucleation_time": 0.1}),
    "case_2_clock_01_clearance_1": (2, {"nucleation_time": 0.1, "birth_clearance": 1.0}),
}


def record_variants(
    folder: str | os.PathLike[str],
    names: Sequence[str] | None = None,
    *,
    n_realizations: int = 200,
    seed: int = 2022,
    earlier: Sequence[str | os.PathLike[str]] = (),
    store: str | os.PathLike[str] | None = None,
    processes: int = 1,
    **changes: Any,
) -> list[Path]:
    """Simulate variants and write their records.

    Parameters
    ----------
    folder : path
        Where ``NAME.npz`` and ``NAME.json`` go.
    names : sequence of str, optional
        Which of `VARIANTS`; all by default.
    n_realizations, seed, earlier, store, processes
        See `record_case`.
    **changes
        Of the fields of all protocols.

    Returns
    -------
    list of Path
        The files of arrays.
    """
    written = []
    for name in VARIANTS if names is None else names:
        if name not in VARIANTS:
            raise ValueError(f"names must be among {sorted(VARIANTS)}, got {name!r}")
        case, own = VARIANTS[name]
        again = f"python -m nlbook.dislocations.variants FOLDER {name}"
        again += f" --realizations {n_realizations} --seed {seed}"
        path = record_case(
            case,
            folder,
            name=name,
            command=again,
            n_realizations=n_realizations,
            seed=seed,
            n_batches=20,
            n_kept=0,
            shift_bin=0.05,
            at_end_only=True,
            every=10,
            earlier=earlier,
            store=store,
            processes=processes,
            **(changes | own),
        )
        written.append(path)
    return written


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Record variants from the command line."""
    parser = argparse.ArgumentParser(prog="python -m nlbook.dislocations.variants")
    parser.add_argument("folder", help="where the records go")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all by default")
    add_options(parser, 200)
    given = parser.parse_args(arguments)
    for name in given.names or VARIANTS:
        (path,) = record_variants(
            given.folder,
            [name],
            n_realizations=given.realizations,
            seed=given.seed,
            earlier=given.earlier,
            store=given.store,
            processes=given.processes,
        )
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
