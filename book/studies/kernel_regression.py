"""What chapter 4 shows as recorded: the paper's own algorithm, and choices the paper leaves open.

    python book/studies/kernel_regression.py book/recorded/kernel_regression

writes three files and `provenance.json`; with names of parts it writes those alone. The last two
may be computed in pieces of half a minute: each call with `--piece` adds one to what is there.

`adam`: Algorithm 1 of the paper in the forty cells of its Table 1. The cells run side by side: they
share first coefficients, batches and rates, as they would one by one with the same seed, and what
one does to another is nothing. (On a ring the loss of a batch is a sum over modes of the batch's
power, which all cells share: u is f over the symbol.) So each is what
`nlbook.identification.fit_bernstein` returns with `Adam()`, to rounding.

`second_stage`: a hundred epochs of the second stage from the same C and first D, with one thing
changed at a time: why it stalls as printed, and what makes it end below the first.

`fractional`: the paper's Table 3 for periods of the forcings, with and without their mean, two
rules for the weights of the nodes and both ways to the solutions, of which the paper gives the
last alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from adam_cells import CHANGES, DEGREE, SEED, SETTINGS, Cells, first_stage, second_stage
from nlbook.host import describe_run
from nlbook.identification import (
    FractionalSettings,
    Nonnegative,
    RegressionWarning,
    TrainingPairs,
    fit_bernstein,
    fractional_pairs,
    fractional_solution,
    gather,
    kernel_weights,
    solution_errors,
)
from nlbook.parallel.store import write_atomically

N_SAMPLES = 50_000
RECORD = "book/recorded/kernel_regression"
SOLVERS: tuple[Literal["exact", "green"], ...] = ("exact", "green")
PERIODS = (1.0, 1.6, 2.0, 4.0, 8.0)  # that of section 7, the reach of f, the interval, beyond


def adam(printed: dict[str, Any]) -> dict[str, Any]:
    """Both stages of all cells, as the paper has them."""
    cells = Cells(printed["c"], printed["horizon"], N_SAMPLES)
    generator = torch.Generator().manual_seed(SETTINGS.seed)
    c, history = first_stage(cells, generator, SETTINGS.epochs)
    literal = replace(CHANGES["printed"], most_steps=SETTINGS.most_steps)
    d, excess, steps = second_stage(cells, generator, c, literal)
    positive = c.numpy() * cells.scale[:, np.newaxis]
    kernel = (c + d).numpy() * cells.scale[:, np.newaxis]
    rows = []
    for k, (i, j) in enumerate(cells.keys):
        gram = cells.grams[k]
        rows.append(
            {
                "i": i,
                "j": j,
                "loss_positive": significant(gram.loss(positive[k]), 8),
                "loss_full": significant(gram.loss(kernel[k]), 8),
                "positive": rounded(positive[k]),
                "kernel": rounded(kernel[k]),
                "excess": significant(excess[k], 3),
                "steps": int(steps[k]),
                "history": rounded([losses[k] for losses in history], 6),
            }
        )
    return {
        "settings": {name: getattr(SETTINGS, name) for name in SETTINGS.__dataclass_fields__},
        "degree": DEGREE,
        "n_samples": N_SAMPLES,
        "seed": SEED,
        "cells": rows,
    }


def second(
    printed: dict[str, Any], first: dict[str, Any], done: dict[str, Any], most: int
) -> dict[str, Any]:
    """Losses of the second stage with one thing changed at a time, from the recorded C."""
    cells = Cells(printed["c"], printed["horizon"], N_SAMPLES)
    rows = {(row["i"], row["j"]): row["positive"] for row in first["cells"]}
    positive = np.array([rows[key] for key in cells.keys])
    c = torch.tensor(positive / cells.scale[:, np.newaxis])
    found: dict[str, Any] = {"cells": [list(key) for key in cells.keys], "changes": {}}
    found["loss_positive"] = rounded(cells.losses(c), 8)
    found["changes"] |= done.get("changes", {})
    for name in [name for name in CHANGES if name not in found["changes"]][:most]:
        change = CHANGES[name]
        generator = torch.Generator().manual_seed(SETTINGS.seed)
        d, excess, steps = second_stage(cells, generator, c, change)
        found["changes"][name] = {
            **asdict(change),
            "loss_full": rounded(cells.losses(c + d), 8),
            "excess": rounded(excess, 3),
            "steps": steps.tolist(),
        }
        if name == "both":
            whole = (c + d).numpy() * cells.scale[:, np.newaxis]
            found["changes"][name]["kernels"] = [rounded(one) for one in whole]
    found["changes"] = {
        name: found["changes"][name] for name in CHANGES if name in found["changes"]
    }
    return found


def fractional(printed: dict[str, Any], done: dict[str, Any], most: int) -> dict[str, Any]:
    """Errors for f = 1, in percent, and exponents, of kernels learned from several forcings."""
    order, table = 0.75, printed["fractional"]
    rows = list(done.get("rows", []))
    known = {(row["with_mean"], row["period"]) for row in rows}
    asked = [(mean, period) for mean in (True, False) for period in PERIODS]
    for with_mean, period in [key for key in asked if key not in known][:most]:
        settings = FractionalSettings(order=order, period=period, with_mean=with_mean)
        for solver in SOLVERS:
            data = gather(fractional_pairs(N_SAMPLES, SEED, settings, solver=solver, condense=True))
            for rule in ("moments", "nodes"):
                errors, exponents = fractional_errors(data, table, rule, order, settings)
                rows.append(
                    {
                        "with_mean": with_mean,
                        "period": period,
                        "solver": solver,
                        "rule": rule,
                        "error_percent": errors,
                        "alpha": exponents,
                    }
                )
    return {"order": order, "n_samples": N_SAMPLES, "seed": SEED, "rows": rows}


def fractional_errors(
    data: Any, table: dict[str, Any], rule: Any, order: float, settings: FractionalSettings
) -> tuple[list[list[float]], list[list[float]]]:
    """One row for each horizon, one column for each degree, as in the paper's Table 3."""
    h = settings.spacing
    x = h * np.arange(-round(1 / h) + 1, round(1 / h))
    collar = round(settings.collar / h) + 2
    u = np.pad(fractional_solution(1.0, x, order), collar)[np.newaxis]
    rest = TrainingPairs(u, np.ones((1, x.size)), h, "volume", collar=collar, start=float(x[0]))
    errors, exponents = [], []
    for horizon in table["horizon"]:
        fits = [
            fit_bernstein(data, horizon, degree, Nonnegative(), alpha=(0.0, 2.95), rule=rule)
            for degree in table["degree"]
        ]
        exponents.append([significant(fit.kernel.alpha, 4) for fit in fits])
        found = [solution_errors(kernel_weights(fit.kernel, h, rule), rest)[0] for fit in fits]
        errors.append(rounded(100 * np.array(found), 4))
    return errors, exponents


def significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, separators=(",", ":")) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def rounded(values: Any, digits: int = 10) -> list[float]:
    return [significant(value, digits) for value in np.asarray(values)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder that holds you2021_tables.json")
    parser.add_argument("parts", nargs="*", help="adam, second_stage or fractional; all of them")
    parser.add_argument("--piece", action="store_true", help="add one piece to what is there")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", RegressionWarning)  # that data leave a kernel open is known
    torch.set_num_threads(1)
    names = ("adam", "second_stage", "fractional")
    if unknown := set(given.parts) - set(names):
        parser.error(f"parts must be of {', '.join(names)}, got {', '.join(sorted(unknown))}")
    printed = json.loads((given.out / "you2021_tables.json").read_text())
    path = given.out / "provenance.json"
    parts = json.loads(path.read_text()).get("parts", {}) if path.exists() else {}
    for name in given.parts or names:
        started, cpu = time.perf_counter(), time.process_time()
        there = given.out / f"{name}.json"
        goes_on = given.piece and name != "adam" and there.exists()
        done = json.loads(there.read_text()) if goes_on else {}
        most = 1 if given.piece else 1000
        if name == "adam":
            content = adam(printed)
        elif name == "second_stage":
            content = second(printed, json.loads((given.out / "adam.json").read_text()), done, most)
        else:
            content = fractional(printed, done, most)
        write(there, content)
        spent = {
            "wall_seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - cpu,
        }
        before = parts.get(name, {}) if goes_on else {}
        parts[name] = {
            **describe_run(("numpy", "scipy", "torch", "cvxpy", "clarabel")),
            "threads": torch.get_num_threads(),
            **{key: round(before.get(key, 0.0) + value, 1) for key, value in spent.items()},
        }
        write(
            path,
            {
                "command": f"python book/studies/kernel_regression.py {RECORD}",
                "seed": SEED,
                "cpu_seconds": round(sum(part["cpu_seconds"] for part in parts.values()), 1),
                "parts": parts,
            },
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
