"""The book's own recipe for the bi-level fit, corrected for what the method does to it.

The correction is from particles that jump by the law. Whether its intervals hold a law that is
known, `coverage` tells.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from bilevel_data import ESTIMATED, NUMBERS, REACH, SEED, SPACING, batch_row, grid, numbers, short
from nlbook.densities import shift_counts
from nlbook.diffusion import NonlocalDiffusion
from nlbook.dislocations import Recorded
from nlbook.identification import (
    BatchFits,
    FitSettings,
    ParametricFits,
    bootstrap_power_law,
    parametric_bootstrap,
    walking_counts,
)
from nlbook.kernels import PowerLawKernel

#: The book's own recipe: the covered rule, exact in time, Level 1 integrated, at the snapshots.
OWN = FitSettings()
#: Bandwidths: adaptive, as in the paper, or one at all places.
BANDWIDTHS: dict[str, dict[str, float]] = {"adaptive": {}, "one": {"sensitivity": 0.0}}
CORRECTED = {
    "every": 2, "n_laws": 90, "n_rounds": 5, "max_steps": 5, "n_replicates": 24,
    "n_resamples": 24,
}  # fmt: skip
#: Sets of particles whose law is known, a third of them a part.
COVERAGE = {
    "n_sets": 21, "n_particles": 40_000, "alpha": 2.2, "horizon": 1.5, "coefficient": 0.05,
    "n_laws": 120, "n_rounds": 5, "max_steps": 5, "n_replicates": 19, "n_batches": 10,
    "n_resamples": 12,
}  # fmt: skip


def own_bounds(case: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of alpha and delta, for the covered rule."""
    return (0.0, 2.999), (SPACING, 2 * REACH[case])


def corrected(record: Recorded, case: int, bandwidth: str) -> dict[str, Any]:
    """The book's recipe: what the method does to it, corrected.

    The correction is from particles that jump by the law, the scatter from draws of the batches.
    """
    counts = shift_counts(record.batch_counts)[:, :: CORRECTED["every"]]
    times = record.batch_times[:: CORRECTED["every"]]
    common: dict[str, Any] = {
        "grid": grid(case, reach=1.5 * REACH[case]), "settings": OWN, "bounds": own_bounds(case),
        "seed": SEED, **BANDWIDTHS[bandwidth],
    }  # fmt: skip
    law = parametric_bootstrap(
        counts.sum(axis=0), record.batch_edges, times, n_laws=CORRECTED["n_laws"],
        n_rounds=CORRECTED["n_rounds"], max_steps=CORRECTED["max_steps"],
        n_replicates=CORRECTED["n_replicates"], **common,
    )  # fmt: skip
    batches = bootstrap_power_law(
        counts, record.batch_edges, times, n_resamples=CORRECTED["n_resamples"],
        start=(law.whole.alpha, law.whole.horizon), **common,
    )  # fmt: skip
    costs = short(fit.training_cost for fit in batches.draws)
    return parametric_row(law, batches) | {"batches": batch_row(batches) | {"costs": costs}}


def adaptive(record: Recorded, case: int) -> dict[str, Any]:
    """Corrected, with the paper's adaptive bandwidth."""
    return corrected(record, case, "adaptive")


def one_bandwidth(record: Recorded, case: int) -> dict[str, Any]:
    """Corrected, with one bandwidth at all places."""
    return corrected(record, case, "one")


def parametric_row(law: ParametricFits, batches: BatchFits | None = None) -> dict[str, Any]:
    """The fit, the corrected law, its intervals, and what its replicates cost."""
    row: dict[str, Any] = {
        "whole": numbers(law.whole),
        "remarks": list(law.whole.warnings),
        **agreed(law),
        "p_value": law.p_value,
        "method_share": law.method_share,
        "costs": short(law.costs),
        "response": [short(line) for line in law.response],
        "replicates": [short(getattr(fit, name) for name in NUMBERS[:4]) for fit in law.replicates],
    }
    for name in ESTIMATED:
        row[name] = {
            "corrected": short([law.corrected(name)])[0],
            "bias": short([law.bias(name)])[0],
            "interval": short(law.interval(name, scatter=batches)),
        }
        if name != "coefficient":
            row[name]["determined"] = law.determined(name, scatter=batches)
    return row


def agreed(law: ParametricFits) -> dict[str, Any]:
    """Whether replicates of the corrected law are fitted as the data, and by how much they miss."""
    return {
        "converged": law.converged,
        "missed": short([law.missed])[0],
        "n_compared": law.n_compared,
        "corrected_remarks": list(law.warnings),
    }


def coverage(record: Recorded, case: int) -> dict[str, Any]:
    """How often intervals hold the law that moved particles: a third of the sets."""
    del record
    n_sets = COVERAGE["n_sets"] // 3
    sets = range((case - 1) * n_sets, case * n_sets)
    return {"rows": [known_law(number) for number in sets]}


def known_counts(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Counts of a set of particles with a known law, in batches; edges, times and nodes."""
    true = PowerLawKernel(COVERAGE["alpha"], COVERAGE["horizon"], COVERAGE["coefficient"])
    times, edges = np.linspace(0.0, 4.0, 9), np.linspace(-8.0, 8.0, 1601)
    nodes = np.linspace(-8.0, 8.0, 129)
    unit = NonlocalDiffusion(dataclasses.replace(true, coefficient=1.0), nodes, exceed_grid=True)
    generator = np.random.default_rng([SEED, number])
    n_batches = int(COVERAGE["n_batches"])
    size = int(COVERAGE["n_particles"]) // n_batches
    begin_at = 0.5 * generator.standard_normal((n_batches, size))
    counts = np.array(
        [
            walking_counts(
                unit, true.coefficient, times, np.histogram(some, edges)[0], edges,
                (SEED, number, k),
            )
            for k, some in enumerate(begin_at)
        ]
    )  # fmt: skip
    return counts, edges, times, nodes


def known_law(number: int) -> dict[str, Any]:
    """One set of particles with a known law: intervals as they were, and corrected ones."""
    counts, edges, times, nodes = known_counts(number)
    common: dict[str, Any] = {
        "grid": nodes, "settings": FitSettings(split=1.0), "bounds": ((0.0, 2.99), (0.2, 8.0)),
        "seed": number,
    }  # fmt: skip
    row: dict[str, Any] = {"set": number}
    for bandwidth, options in BANDWIDTHS.items():
        law = parametric_bootstrap(
            counts.sum(axis=0), edges, times, n_laws=int(COVERAGE["n_laws"]),
            n_rounds=int(COVERAGE["n_rounds"]), max_steps=int(COVERAGE["max_steps"]),
            n_replicates=int(COVERAGE["n_replicates"]), **common, **options,
        )  # fmt: skip
        batches = bootstrap_power_law(
            counts, edges, times, n_resamples=int(COVERAGE["n_resamples"]),
            start=(law.whole.alpha, law.whole.horizon), **common, **options,
        )  # fmt: skip
        row[bandwidth] = {
            "whole": numbers(law.whole),
            **agreed(law),
            "p_value": law.p_value,
            "method_share": law.method_share,
        }
        for name in ESTIMATED:
            row[bandwidth][name] = {
                "corrected": short([law.corrected(name)])[0],
                "by_batches": short(batches.interval(name)),
                "by_law": short(law.interval(name)),
                "by_both": short(law.interval(name, scatter=batches)),
            }
    return row
