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
from pathlib import Path
from typing import Any

import numpy as np

from bilevel_data import (
    COVERED,
    EVERY_STEP,
    QUICK,
    REACH,
    SEED,
    SPACING,
    batch_row,
    grid,
    guesses,
    newborns,
    numbers,
    snapshots,
)
from corrected_fits import CORRECTED, COVERAGE, OWN, adaptive, coverage, one_bandwidth
from nlbook.densities import DensitySnapshots, density_snapshots, shift_counts
from nlbook.dislocations import Recorded, read_record
from nlbook.host import describe_run
from nlbook.identification import (
    FitProblem,
    FitSettings,
    Objective,
    bootstrap_power_law,
    compare_rivals,
    cumulant_estimate,
    fit_each,
    fit_factor,
    fit_one_sided,
    fit_stable_density,
    profile_cost,
    profile_rate,
)
from nlbook.parallel.store import write_atomically

N_RESAMPLES = 100
#: The profile close to the fit: so many steps to either side, of so much, and so much of delta.
NEAR, STEP_ALPHA, STEP_HORIZON = 30, 0.005, 0.02


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
        "paths": [np.round(np.asarray(fit.path), 6).tolist() for fit in same],
        "iterations": [np.round(np.asarray(fit.iterations)[:, 3:], 6).tolist() for fit in same],
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
            _fields(rival, RIVAL) for rival in compare_rivals(Objective(data, settings), best)
        ],
        "stable": [
            _fields(fit_stable_density(data, floor, index=index), STABLE) for index in (None, 2.0)
        ],
        "factors": [
            {"kernel": dataclasses.asdict(fit.kernel)}
            | _fields(fit, FACTOR)
            | {"relative": relative}
            for relative, fit in factors
        ],
        "sides": [_fields(fit, SIDES) for fit in sides],
        "cumulants": [
            {
                "rates": list(found.rates),
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
    """Settings as provenance has them, evolutions by a word and a step.

    Level 1 by steps was once the only one, and goes unnamed.
    """
    words = {
        "rule": settings.rule,
        "dt": settings.dt,
        "split": settings.split,
        "every": settings.every,
        "floor": settings.floor,
        "testing": settings.testing,
        "method": settings.method,
    }
    return words if settings.level_one == "steps" else words | {"level_one": settings.level_one}


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


#: What is recorded of each fit, in this order.
RIVAL = ("name", "parameters", "training_cost", "testing_cost", "final_error")
STABLE = ("index", "start", "growth", "training_cost")
FACTOR = ("variance_rate", "training_cost", "testing_cost", "final_error", "n_evaluations")
SIDES = (
    "alpha",
    "horizon",
    "right",
    "left",
    "drift",
    "training_cost",
    "testing_cost",
    "n_evaluations",
)


def _fields(fit: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(fit, name) for name in names}


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
