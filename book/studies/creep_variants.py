"""What the paper leaves open, decided by ensembles that differ in one choice each.

``python book/studies/creep_variants.py FOLDER`` records every one of `VARIANTS` in the way of
``creep.py``, smaller: shifts at the end, in bins of 0.05 b (0.1 b in batches), and series every
10 t0. They start from the seeds of the main record, so that both can be compared realization by
realization.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from creep import add_options, options_of, record_case

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
        again = f"python book/studies/creep_variants.py FOLDER {name}"
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Record variants from the command line."""
    parser = argparse.ArgumentParser(prog="python book/studies/creep_variants.py")
    parser.add_argument("folder", help="where the records go")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all by default")
    add_options(parser, 200)
    given = parser.parse_args(arguments)
    for name in given.names or VARIANTS:
        (path,) = record_variants(given.folder, [name], **options_of(given))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
