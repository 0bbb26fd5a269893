"""What chapter 4 shows as recorded: the paper's own algorithm, and choices the paper leaves open.

    python book/studies/kernel_regression.py book/recorded/kernel_regression

writes three files and `provenance.json`; with names of parts it writes those alone. The last two
may be computed in pieces of half a minute: each call with `--piece` adds one to what is there.

`adam`: Algorithm 1 of the paper in the forty cells of its Table 1. The cells run side by side: they
share first coefficients, batches and rates, as they would one by one with the same seed, and what
one does to another is nothing. (On a ring the loss of a batch is a sum over modes of the batch's
power, which all cells share: u is f over the symbol.) So each is what
`nlbook.identification.fit_bernstein` returns by method "adam", to rounding.

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
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from nlbook.host import describe_run
from nlbook.identification import (
    AdamSettings,
    FractionalSettings,
    RegressionWarning,
    TrainingPairs,
    biharmonic_pairs,
    biharmonic_symbol,
    fit_bernstein,
    fractional_pairs,
    fractional_solution,
    gather,
    gram_matrix,
    kernel_weights,
    solution_errors,
)
from nlbook.parallel.store_files import write_atomically

SEED = 2021
DEGREE = 20
N_SAMPLES = 50_000
SETTINGS = AdamSettings()
RECORD = "book/recorded/kernel_regression"
SOLVERS: tuple[Literal["exact", "green"], ...] = ("exact", "green")
PERIODS = (1.0, 1.6, 2.0, 4.0, 8.0)  # that of section 7, the reach of f, the interval, beyond


@dataclass(frozen=True)
class Change:
    """What a run of the second stage does otherwise than Algorithm 1."""

    words: str  #: what is changed, in words
    signed: bool = False  #: stop at H <= epsilon, as printed, instead of at |H| <= epsilon
    moments: bool = False  #: keep Adam's moments from step to step
    fade: float = 1.0  #: by which Adam's rate is multiplied from step to step
    relative: bool = False  #: H over its bound 1 / (2 kappa)
    epochs: int = SETTINGS.epochs_correction  #: in each step
    growth: float = SETTINGS.growth  #: of mu; 1 keeps it and renews lambda in each step
    exact_slack: bool = False  #: theta minimised over exactly
    most_steps: int = 10  #: of the augmented Lagrangian


CHANGES = {
    "printed": Change("nothing, |H| judged"),
    "signed": Change("H judged with its sign, as printed", signed=True),
    "moments": Change("Adam's moments kept from step to step", moments=True),
    "fading": Change("rate halved from step to step", fade=0.5),
    "longer": Change("fifty epochs a step", epochs=50, most_steps=2),
    "relative": Change("H over its bound", relative=True),
    "constant": Change("penalty that does not grow", growth=1.0),
    "slack": Change("slack exact", exact_slack=True),
    "both": Change("slack exact, penalty that does not grow", exact_slack=True, growth=1.0),
}


class Cells:
    """All cells, by mode: the loss of a batch is sum of power (symbol of C + D / true - 1)**2."""

    def __init__(self, cs: list[float], horizons: list[float], n_samples: int) -> None:
        self.keys = [(i, j) for j in range(len(horizons)) for i in range(len(cs))]
        self.problems = [(cs[i], horizons[j]) for i, j in self.keys]
        self.grams = [
            gram_matrix(
                gather(biharmonic_pairs(c, delta, n_samples, SEED, condense=True)), delta, DEGREE
            )
            for c, delta in self.problems
        ]
        pairs = biharmonic_pairs(*self.problems[0], n_samples, SEED)
        modes = np.fft.rfft(pairs.f, axis=1)[:, 1:40] / pairs.n_nodes
        power = 2 * np.abs(modes) ** 2
        heard = np.mean(power, axis=0) > 1e-18 * np.mean(power, axis=0).sum()
        self.power = torch.tensor(power[:, heard])
        k = 2 * np.pi * (np.flatnonzero(heard) + 1)
        self.scale = np.array([delta**-3 for _, delta in self.problems])
        self.ratio = torch.tensor(
            np.array(
                [
                    (gram.mode_rows[np.flatnonzero(heard)] @ gram.weights)
                    / gram.horizon**3
                    / biharmonic_symbol(k, c, gram.horizon)[:, np.newaxis]
                    for gram, (c, _) in zip(self.grams, self.problems, strict=True)
                ]
            )
        )
        # node weights of the paper's coefficients, those of shorter horizons filled with zeros
        longest = max(gram.weights.shape[0] for gram in self.grams)
        self.weights = torch.tensor(
            np.array(
                [
                    np.pad(gram.weights, [(0, longest - gram.weights.shape[0]), (0, 0)])
                    / gram.horizon**3
                    for gram in self.grams
                ]
            )
        )

    def losses(self, coefficients: torch.Tensor) -> list[float]:
        """Of all samples."""
        found = coefficients.detach().numpy() * self.scale[:, np.newaxis]
        return [gram.loss(c) for gram, c in zip(self.grams, found, strict=True)]

    def epoch(
        self,
        optimiser: torch.optim.Optimizer,
        coefficients: Callable[[], torch.Tensor],
        generator: torch.Generator,
        penalty: Callable[[], torch.Tensor] | None = None,
        after: Callable[[], Any] = lambda: None,
    ) -> None:
        """One pass over the samples, in the batches that the package would draw."""
        n, size = len(self.power), SETTINGS.batch_size
        order = torch.randperm(n, generator=generator)
        for part in torch.split(order, size):
            power = self.power[part].mean(dim=0)
            optimiser.zero_grad(set_to_none=True)
            missed = torch.einsum("ckm,cm->ck", self.ratio, coefficients()) - 1
            loss = (power * missed**2).sum(dim=1)
            if penalty is not None:
                loss = loss + penalty()
            loss.sum().backward()
            optimiser.step()
            after()


def first_stage(
    cells: Cells, generator: torch.Generator, epochs: int
) -> tuple[torch.Tensor, list[list[float]]]:
    """C of all cells, and their losses after each epoch."""
    start = torch.rand(DEGREE + 1, generator=generator, dtype=torch.float64)
    c = start.repeat(len(cells.keys), 1).requires_grad_()
    optimiser = torch.optim.Adam([c], lr=SETTINGS.rate)
    history = []

    def clamp() -> None:
        with torch.no_grad():
            c.clamp_(min=0.0)

    for _ in range(epochs):
        cells.epoch(optimiser, lambda: torch.relu(c), generator, after=clamp)
        history.append(cells.losses(c))
    return c.detach(), history


def second_stage(
    cells: Cells, generator: torch.Generator, c: torch.Tensor, change: Change
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """D of all cells, how far they are from their bounds, and the steps taken."""
    n = len(cells.keys)
    positive = c.numpy() * cells.scale[:, np.newaxis]
    allowed = torch.tensor(
        [
            gram.lowest_eigenpair(gram.weights @ one)[0] / 2
            for gram, one in zip(cells.grams, positive, strict=True)
        ]
    )
    start = torch.rand(DEGREE + 1, generator=generator, dtype=torch.float64)
    d = ((2 * start - 1) / np.sqrt(DEGREE + 1)).repeat(n, 1).requires_grad_()
    theta = torch.ones(n, dtype=torch.float64, requires_grad=True)
    unit = allowed if change.relative else torch.ones_like(allowed)
    multiplier, mu = torch.zeros_like(allowed), torch.full_like(allowed, SETTINGS.penalty)
    before = np.full(n, np.inf)
    going, steps = np.ones(n, dtype=bool), np.zeros(n, dtype=int)

    def norm() -> torch.Tensor:
        w = torch.einsum("cjm,cm->cj", cells.weights, d)
        return w.abs().sum(dim=1) + w.sum(dim=1).abs()

    def excess() -> torch.Tensor:
        room = (allowed - norm()) / unit
        return torch.minimum(room, -multiplier / mu) if change.exact_slack else room - theta**2

    def penalty() -> torch.Tensor:
        if change.exact_slack:
            pull = torch.clamp(multiplier + mu * (allowed - norm()) / unit, max=0.0)
            return (pull * pull - multiplier**2) / (2 * mu)
        h = excess()
        return multiplier * h + mu / 2 * h * h

    optimiser = torch.optim.Adam([d, theta], lr=SETTINGS.rate)
    for step in range(change.most_steps):
        kept = d.detach().clone(), theta.detach().clone()
        if not change.moments:
            rate = SETTINGS.rate * change.fade**step
            optimiser = torch.optim.Adam([d, theta], lr=rate)
        for _ in range(change.epochs):
            cells.epoch(optimiser, lambda: c + d, generator, penalty)
        with torch.no_grad():
            done = torch.tensor(~going)
            d[done], theta[done] = kept[0][done], kept[1][done]  # these have stopped
            h = excess().numpy()
        steps += going
        judged = h if change.signed else np.abs(h)
        for k in np.flatnonzero(going):
            near = judged[k] <= SETTINGS.tolerance
            if near and not change.exact_slack:
                going[k] = False
            elif change.growth > 1 and not near and judged[k] >= SETTINGS.progress * before[k]:
                mu[k] *= change.growth
                going[k] = bool(mu[k] < SETTINGS.largest_penalty)
            else:
                multiplier[k] += mu[k] * h[k]
            before[k] = judged[k]
        if not going.any():
            break
    with torch.no_grad():
        repair = np.minimum(1.0, allowed.numpy() * (1 - 1e-14) / norm().numpy())
        return d.detach() * torch.tensor(repair)[:, None], h, steps


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
            fit_bernstein(data, horizon, degree, "nonnegative", alpha=(0.0, 2.95), rule=rule)
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
