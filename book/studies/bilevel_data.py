"""What the parts of the study of the bi-level fit share: data of the record, settings, rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nlbook.densities import DensitySnapshots, density_snapshots, shift_counts
from nlbook.dislocations import Recorded
from nlbook.identification import BatchFits, FitSettings, PowerLawFit

SPACING = 0.05
REACH = {1: 15.0, 2: 40.0, 3: 40.0}  # the paper's domains, b
SEED = 2022
#: The paper's rule, and its cost at the snapshots of the record instead of after each step.
QUICK = FitSettings.as_in_paper(every=100)
EVERY_STEP = FitSettings.as_in_paper()
#: The paper's way but for the quadrature.
COVERED = FitSettings.as_in_paper(rule="covered")
#: What is estimated, in the order of `NUMBERS`.
ESTIMATED = ("alpha", "horizon", "coefficient", "variance_rate")
NUMBERS = (
    "alpha", "horizon", "coefficient", "variance_rate", "training_cost", "testing_cost",
    "final_error", "compared", "n_iterations", "n_evaluations",
)  # fmt: skip


def grid(case: int, spacing: float = SPACING, reach: float | None = None) -> np.ndarray:
    half = round((reach or REACH[case]) / spacing)
    return spacing * np.arange(-half, half + 1)


def snapshots(
    record: Recorded, case: int, *, newborn: str = "left_out", spacing: float = SPACING,
    reach: float | None = None, signed: bool = False, **options: Any,
) -> DensitySnapshots:  # fmt: skip
    counts = shift_counts(record.counts, newborn=newborn, signed=signed)
    nodes = grid(case, spacing, reach)
    return density_snapshots(counts, record.shift_edges, record.times, grid=nodes, **options)


def guesses(case: int) -> list[tuple[float, float]]:
    """The paper's five, with L the length of the domain."""
    length = 2 * REACH[case]
    return [
        (2.0, length / 2), (1.0, length / 4), (3.0, 3 * length / 4), (3.0, length / 4),
        (1.0, 3 * length / 4),
    ]  # fmt: skip


def numbers(fit: PowerLawFit) -> dict[str, float]:
    return {name: float(f"{getattr(fit, name):.7g}") for name in NUMBERS}


def batch_row(fits: BatchFits) -> dict[str, Any]:
    """The fit of all batches, its intervals and its draws."""
    row: dict[str, Any] = {"whole": numbers(fits.whole)}
    for name in ESTIMATED:
        row[name] = short(fits.interval(name))
    row["draws"] = [short(getattr(fit, name) for name in NUMBERS[:4]) for fit in fits.draws]
    return row


def newborns(case: int) -> tuple[str, ...]:
    return ("left_out",) if case == 1 else ("left_out", "counted")


def short(values: Iterable[float]) -> list[float]:
    """Five digits."""
    return [float(f"{value:.5g}") for value in values]
