"""The fits that chapter 3 shows as recorded: Tables 2 and 3, and what they hang on.

    python book/studies/bilevel_fit.py book/recorded/dislocation_creep book/recorded/bilevel_fit

reads the recorded ensemble and writes `fits.json` and `provenance.json`. A part that is there
already, made from the same record by the same settings, is kept; `--parts` names those to make.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.densities import DensitySnapshots, density_snapshots, shift_counts
from nlbook.diffusion import NonlocalDiffusion
from nlbook.dislocations.recording import Recorded, read_record
from nlbook.host import describe_run
from nlbook.identification import (
    BatchFits,
    FitProblem,
    FitSettings,
    Objective,
    ParametricFits,
    PowerLawFit,
    bootstrap_power_law,
    compare_rivals,
    cumulant_estimate,
    fit_each,
    fit_factor,
    fit_one_sided,
    fit_stable_density,
    parametric_bootstrap,
    profile_cost,
    profile_rate,
    walking_counts,
)
from nlbook.kernels import PowerLawKernel
from nlbook.parallel.store_files import write_atomically

SPACING = 0.05
REACH = {1: 15.0, 2: 40.0, 3: 40.0}  # the paper's domains, b
SEED = 2022
N_RESAMPLES = 100
#: The profile close to the fit: so many steps to either side, of so much, and so much of delta.
NEAR, STEP_ALPHA, STEP_HORIZON = 30, 0.005, 0.02
#: The paper's rule, and its cost at the snapshots of the record instead of after each step.
QUICK = FitSettings.as_in_paper(every=100)
EVERY_STEP = FitSettings.as_in_paper()
#: The paper's way but for the quadrature.
COVERED = FitSettings.as_in_paper(rule="covered")
#: The book's own recipe: the covered rule, exact in time, Level 1 integrated, at the snapshots.
OWN = FitSettings()
#: Bandwidths: adaptive, as in the paper, or one at all places.
BANDWIDTHS: dict[str, dict[str, float]] = {"adaptive": {}, "one": {"sensitivity": 0.0}}
CORRECTED = {
    "every": 2, "n_search": 4, "n_corrections": 1, "n_replicates": 24, "n_resamples": 24
}  # fmt: skip
#: Sets of particles whose law is known, a third of them a part.
COVERAGE = {
    "n_sets": 21, "n_particles": 40_000, "alpha": 2.2, "horizon": 1.5, "coefficient": 0.05,
    "n_search": 6, "n_corrections": 8, "n_replicates": 40, "n_batches": 10, "n_resamples": 12,
}  # fmt: skip
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


def own_bounds(case: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of alpha and delta, for the covered rule."""
    return (0.0, 2.999), (SPACING, 2 * REACH[case])


def numbers(fit: PowerLawFit) -> dict[str, float]:
    return {name: float(f"{getattr(fit, name):.7g}") for name in NUMBERS}


def tables(record: Recorded, case: int) -> dict[str, Any]:
    """Table 2, both splits, both rules, newborn or not; Table 3; the paths of Figures 9 and 10."""
    data = {newborn: snapshots(record, case, newborn=newborn) for newborn in newborns(case)}
    rows = [
        {"newborn": newborn, "rule": rule, "split": split}
        for newborn in data
        for rule in ("nodes", "covered")
        for split in (0.8, 0.6)
    ]
    by_rule = {"nodes": EVERY_STEP, "covered": COVERED}
    problems = [
        FitProblem(
            data[row["newborn"]],
            dataclasses.replace(by_rule[row["rule"]], split=row["split"]),
            start=guesses(case)[0],
        )
        for row in rows
    ]
    problems += [
        FitProblem(data["left_out"], EVERY_STEP, start=start) for start in guesses(case)[1:]
    ]
    fits = fit_each(problems)
    splits = [row | numbers(fit) for row, fit in zip(rows, fits, strict=False)]
    same = [fits[0], *fits[len(rows) :]]
    return {
        "splits": splits,
        "guesses": [
            {"start": start, **numbers(fit)} for start, fit in zip(guesses(case), same, strict=True)
        ],
        "paths": [np.round(fit.path, 6).tolist() for fit in same],
        "iterations": [np.round(fit.iterations[:, 3:], 6).tolist() for fit in same],
    }


def intervals(record: Recorded, case: int) -> dict[str, Any]:
    """Scatter of the paper's fit over draws of the batches, from fits at the batch times."""
    found = []
    for newborn in newborns(case):
        counts = shift_counts(record.batch_counts, newborn=newborn)
        # draws reach farther out than the paper's domain, which trims the whole ensemble
        nodes = grid(case, reach=1.5 * REACH[case])
        for split in (0.8, 0.6):
            settings = dataclasses.replace(EVERY_STEP, split=split)
            fits = bootstrap_power_law(
                counts, record.batch_edges, record.batch_times, grid=nodes,
                n_resamples=N_RESAMPLES, seed=SEED, settings=settings,
                start=(2.5, REACH[case]),
            )  # fmt: skip
            found.append({"newborn": newborn, "split": split, **batch_row(fits)})
    return {"rows": found}


def batch_row(fits: BatchFits) -> dict[str, Any]:
    """The fit of all batches, its intervals and its draws."""
    row: dict[str, Any] = {"whole": numbers(fits.whole)}
    for name in ESTIMATED:
        row[name] = short(fits.interval(name))
    row["draws"] = [short(getattr(fit, name) for name in NUMBERS[:4]) for fit in fits.draws]
    return row


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
        counts.sum(axis=0), record.batch_edges, times, n_search=CORRECTED["n_search"],
        n_corrections=CORRECTED["n_corrections"], n_replicates=CORRECTED["n_replicates"],
        **common,
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
        "remarks": list(law.whole.remarks),
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
    return row


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
            counts.sum(axis=0), edges, times, n_search=int(COVERAGE["n_search"]),
            n_corrections=int(COVERAGE["n_corrections"]),
            n_replicates=int(COVERAGE["n_replicates"]), **common, **options,
        )  # fmt: skip
        batches = bootstrap_power_law(
            counts, edges, times, n_resamples=int(COVERAGE["n_resamples"]),
            start=(law.whole.alpha, law.whole.horizon), **common, **options,
        )  # fmt: skip
        row[bandwidth] = {
            "whole": numbers(law.whole),
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


def choices(record: Recorded, case: int) -> dict[str, Any]:
    """One choice changed at a time; the cost at the snapshots."""
    base = snapshots(record, case)
    assert base.n_samples is not None
    cell = float(np.median(1 / (SPACING * base.n_samples)))
    middle = float(base.times[0] + base.times[-1]) / 2
    wide = 1.6 * REACH[case]
    rows: list[tuple[str, str, DensitySnapshots, FitSettings]] = [
        ("none", "", base, QUICK),
        ("compared", "after each step", base, EVERY_STEP),
        ("rule", "covered", base, dataclasses.replace(QUICK, rule="covered")),
        ("window", "first half", base.between(base.times[0], middle), QUICK),
        ("window", "second half", base.between(middle, base.times[-1]), QUICK),
        ("symmetry", "mirror", snapshots(record, case, symmetry="mirror"), QUICK),
        ("support", "each", snapshots(record, case, support="each"), QUICK),
        ("bandwidth", "fixed", snapshots(record, case, sensitivity=0.0), QUICK),
    ]
    for factor in (0.1, 10.0, 100.0):
        settings = dataclasses.replace(QUICK, floor=factor * cell)
        rows.append(("floor", f"{factor:g}", base, settings))
    for mass in (0.999, 0.99999):
        rows.append(("mass", f"{mass:g}", snapshots(record, case, mass=mass, reach=wide), QUICK))
    for factor in (0.53, 2.12):
        data = snapshots(record, case, bandwidth_factor=factor)
        rows.append(("bandwidth", f"{factor:g}", data, QUICK))
    if case != 1:
        rows.append(("newborn", "counted", snapshots(record, case, newborn="counted"), QUICK))
    batches = shift_counts(record.batch_counts)
    realizations = record.realizations
    for part in (2, 4, 10, 20, 40):
        data = density_snapshots(
            batches[:part].sum(axis=0), record.batch_edges, record.batch_times,
            grid=grid(case, reach=wide),
        )  # fmt: skip
        settings = dataclasses.replace(QUICK, every=500)
        rows.append(("realizations", str(int(realizations[:part].sum())), data, settings))
    start = guesses(case)[0]
    fits = fit_each([FitProblem(data, settings, start=start) for _, _, data, settings in rows])
    return {
        "cell": cell,
        "rows": [
            {"choice": choice, "value": value, **numbers(fit)}
            for (choice, value, _, _), fit in zip(rows, fits, strict=True)
        ],
    }


def refinement(record: Recorded, case: int) -> dict[str, Any]:
    """The fit on coarser and finer grids, by both rules."""
    rows = []
    for spacing in (0.2, 0.1, 0.05, 0.025):
        data = snapshots(record, case, spacing=spacing)
        assert data.n_samples is not None
        floor = float(np.median(1 / (SPACING * data.n_samples)))
        settings = [
            dataclasses.replace(QUICK, rule=rule, floor=floor) for rule in ("nodes", "covered")
        ]
        problems = [FitProblem(data, chosen, start=guesses(case)[0]) for chosen in settings]
        for fit, chosen in zip(fit_each(problems), settings, strict=True):
            rows.append({"spacing": spacing, "rule": chosen.rule, **numbers(fit)})
    return {"rows": rows}


def profiles(record: Recorded, case: int) -> dict[str, Any]:
    """The cost over alpha and delta, and over alpha and the variance rate; closer near the fit."""
    data = snapshots(record, case)
    (best,) = fit_each([FitProblem(data, QUICK, start=guesses(case)[0])])
    # both axes hold the fit's own number, so that no cost is compared with less than there is
    steps = np.arange(-NEAR, NEAR + 1)
    alphas, radii = best.alpha + STEP_ALPHA * steps, best.horizon * (1 + STEP_HORIZON) ** steps
    near = profile_cost(data, QUICK, alphas, radii[radii <= 2 * REACH[case]])
    alpha = np.round(np.linspace(1.6, 3.4, 37), 3)
    horizon = np.round(np.geomspace(2.0, 2 * REACH[case], 33), 3)
    over = profile_cost(data, QUICK, alpha, horizon)
    rate = best.variance_rate * np.geomspace(0.5, 2.0, 25)
    beside = profile_rate(data, QUICK, alpha, rate, best.horizon)
    return {
        "best": numbers(best),
        "alpha": alpha.tolist(),
        "horizon": horizon.tolist(),
        "cost": _short(over.cost),
        "coefficient": _short(over.coefficient),
        "near": {
            "alpha": _short(near.alpha),
            "horizon": _short(near.horizon),
            "cost_by_alpha": _short(near.cost.min(axis=1)),
            "cost_by_horizon": _short(near.cost.min(axis=0)),
        },
        "rate": rate.tolist(),
        "rate_cost": _short(beside.cost),
        "least_squares": _short(beside.least_squares),
    }


def rivals(record: Recorded, case: int) -> dict[str, Any]:
    """Other laws, by the covered rule; polynomials in front; both sides apart; cumulants."""
    settings = dataclasses.replace(COVERED, every=100)
    data = snapshots(record, case)
    signed = snapshots(record, case, signed=True, symmetry=None)
    (best,) = fit_each([FitProblem(data, settings, start=guesses(case)[0])])
    start = (min(best.alpha, 2.9), best.horizon)
    assert data.n_samples is not None
    floor = float(np.median(1 / (SPACING * data.n_samples)))
    factors = [
        (relative, fit_factor(data, degree, settings, relative=relative, start=start))
        for relative in (False, True)
        for degree in (0, 1, 2, 3)
    ]
    sides = [
        fit_one_sided(signed, settings, symmetric=symmetric, start=start)
        for symmetric in (True, False)
    ]
    cumulants = [cumulant_estimate(data, horizon, split=0.8) for horizon in (None, best.horizon)]
    return {
        "rivals": [
            dataclasses.asdict(rival) for rival in compare_rivals(Objective(data, settings), best)
        ],
        "stable": [
            dataclasses.asdict(fit_stable_density(data, floor, index=index))
            for index in (None, 2.0)
        ],
        "factors": [
            dataclasses.asdict(fit)
            | {"kernel": dataclasses.asdict(fit.kernel), "relative": relative}
            for relative, fit in factors
        ],
        "sides": [dataclasses.asdict(fit) for fit in sides],
        "cumulants": [
            {
                "rates": found.rates.tolist(),
                "kernel": None if found.kernel is None else dataclasses.asdict(found.kernel),
            }
            for found in cumulants
        ],
    }


PARTS = {
    "tables": tables,
    "intervals": intervals,
    "adaptive": adaptive,
    "one_bandwidth": one_bandwidth,
    "coverage": coverage,
    "choices": choices,
    "refinement": refinement,
    "profiles": profiles,
    "rivals": rivals,
}


def described(settings: FitSettings) -> dict[str, Any]:
    """Settings as provenance has them. Level 1 by steps was once the only one, and goes unnamed."""
    found = dataclasses.asdict(settings)
    if found["level_one"] == "steps":
        del found["level_one"]
    return found


_ALL = {
    "spacing": SPACING,
    "reach": list(REACH.values()),
    "quick": described(QUICK),
    "every_step": described(EVERY_STEP),
}
_CORRECTED = {"spacing": SPACING, "own": described(OWN), "seed": SEED, **CORRECTED}
#: What a part was made by; it is made again when that changes.
SETTINGS: dict[str, dict[str, Any]] = dict.fromkeys(PARTS, _ALL) | {
    "intervals": _ALL | {"seed": SEED, "n_resamples": N_RESAMPLES},
    **dict.fromkeys(("adaptive", "one_bandwidth"), _CORRECTED),
    "coverage": {"seed": SEED, **COVERAGE},
    "profiles": _ALL | {"near": NEAR, "step_alpha": STEP_ALPHA, "step_horizon": STEP_HORIZON},
}


def newborns(case: int) -> tuple[str, ...]:
    return ("left_out",) if case == 1 else ("left_out", "counted")


def short(values: Iterable[float]) -> list[float]:
    """Five digits."""
    return [float(f"{value:.5g}") for value in values]


def _short(array: np.ndarray) -> list[Any]:
    """Six digits; None where a cost is infinite."""
    return [
        _short(row) if isinstance(row, np.ndarray) else float(f"{row:.6g}") if np.isfinite(row)
        else None
        for row in array
    ]  # fmt: skip


def digest(folder: Path) -> str:
    """Of the counts in the recorded ensemble."""
    found = hashlib.sha256()
    for case in (1, 2, 3):
        record = read_record(folder, case)
        for counts in (record.counts, record.batch_counts):
            found.update(np.ascontiguousarray(counts, dtype="<i8").tobytes())
    return found.hexdigest()


def write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, separators=(",", ":")) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("record", type=Path, help="folder of the recorded ensemble")
    parser.add_argument("out", type=Path, help="folder for fits.json and provenance.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="those to make again")
    parser.add_argument("--cases", nargs="+", type=int, choices=(1, 2, 3), default=(1, 2, 3))
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    path, about = given.out / "fits.json", given.out / "provenance.json"
    made = json.loads(path.read_text()) if path.exists() else {}
    provenance = json.loads(about.read_text()) if about.exists() else {}
    source = digest(given.record)
    if provenance.get("counts_sha256") != source:
        made, provenance = {}, {"counts_sha256": source, "parts": {}}
    for case in given.cases:
        record = read_record(given.record, case)
        for name, part in PARTS.items():
            key = f"{name}_{case}"
            known = provenance["parts"].get(key, {}).get("settings")
            if key in made and known == SETTINGS[name] and name not in (given.parts or ()):
                continue
            if given.parts and name not in given.parts:
                continue
            started, cpu = time.perf_counter(), time.process_time()
            made[key] = part(record, case)
            run = describe_run(("numpy", "numba", "scipy"))
            provenance["parts"][key] = {
                "commit": run.pop("commit"),
                "dirty": run.pop("dirty"),
                "settings": SETTINGS[name],
                "wall_seconds": round(time.perf_counter() - started, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
            }
            provenance |= {
                "command": "python book/studies/bilevel_fit.py book/recorded/dislocation_creep "
                "book/recorded/bilevel_fit",
                "realizations": int(record.realizations.sum()),
                **run,
            }
            if path.exists():  # another call may have made another part meanwhile
                made |= {k: v for k, v in json.loads(path.read_text()).items() if k not in made}
                others = json.loads(about.read_text())["parts"]
                provenance["parts"] = others | {key: provenance["parts"][key]}
            write(path, made)
            write(about, provenance)
            print(key, provenance["parts"][key], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
