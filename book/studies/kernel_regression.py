"""The paper's own algorithm in the forty cells of Table 1, which chapter 4 shows as recorded.

    python book/studies/kernel_regression.py book/recorded/kernel_regression

writes `adam.json` and `provenance.json`. The cells run side by side: they share first
coefficients, batches and rates, as they would one by one with the same seed, and what one does
to another is nothing. (On a ring the loss of a batch is a sum over modes of the batch's power,
which all cells share: u is f over the symbol.) So each is what
`nlbook.identification.fit_bernstein` returns by method "adam", to rounding, and one is timed so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nlbook.host import describe_run
from nlbook.identification import (
    AdamSettings,
    biharmonic_pairs,
    biharmonic_symbol,
    fit_bernstein,
    gather,
    gram_matrix,
)
from nlbook.parallel.store_files import write_atomically

SEED = 2021
DEGREE = 20
N_SAMPLES = 50_000
SETTINGS = AdamSettings()
TIMED = (4, 2)  # c = 0.003, delta = 0.5: the cell that the package's own call is timed on


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
    cells: Cells, generator: torch.Generator, c: torch.Tensor
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
    multiplier, mu = (
        torch.zeros(n, dtype=torch.float64),
        torch.full((n,), SETTINGS.penalty).double(),
    )
    before = np.full(n, np.inf)
    going, steps = np.ones(n, dtype=bool), np.zeros(n, dtype=int)

    def excess() -> torch.Tensor:
        w = torch.einsum("cjm,cm->cj", cells.weights, d)
        return allowed - w.abs().sum(dim=1) - w.sum(dim=1).abs() - theta**2

    def penalty() -> torch.Tensor:
        h = excess()
        return multiplier * h + mu / 2 * h * h

    for _ in range(SETTINGS.most_steps):
        kept = d.detach().clone(), theta.detach().clone()
        optimiser = torch.optim.Adam([d, theta], lr=SETTINGS.rate)
        for _ in range(SETTINGS.epochs_correction):
            cells.epoch(optimiser, lambda: c + d, generator, penalty)
        with torch.no_grad():
            done = torch.tensor(~going)
            d[done], theta[done] = kept[0][done], kept[1][done]  # these have stopped
            h = excess().numpy()
        steps += going
        for k in np.flatnonzero(going):
            if abs(h[k]) <= SETTINGS.tolerance:
                going[k] = False
            elif abs(h[k]) >= SETTINGS.progress * before[k]:
                mu[k] *= SETTINGS.growth
                going[k] = bool(mu[k] < SETTINGS.largest_penalty)
            else:
                multiplier[k] += mu[k] * h[k]
            before[k] = abs(h[k])
        if not going.any():
            break
    with torch.no_grad():
        w = torch.einsum("cjm,cm->cj", cells.weights, d)
        norm = (w.abs().sum(dim=1) + w.sum(dim=1).abs()).numpy()
        repair = np.minimum(1.0, allowed.numpy() * (1 - 1e-14) / norm)
        return d.detach() * torch.tensor(repair)[:, None], h, steps


def seconds_of_one_cell(cs: list[float], horizons: list[float]) -> dict[str, float]:
    """Wall times of both algorithms on one cell; the exact ones are the best of three."""
    c, delta = cs[TIMED[0]], horizons[TIMED[1]]
    found: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any], repeats: int = 3) -> Any:
        for _ in range(repeats):
            start = time.perf_counter()
            result = call()
            found[name] = min(found.get(name, np.inf), time.perf_counter() - start)
        return result

    whole = biharmonic_pairs(c, delta, N_SAMPLES, SEED)
    data = timed("gram", lambda: gather(whole))
    for name, asked in {
        "positive": ("nonnegative", "joint"),
        "two": ("mengesha-du", "two-stage"),
        "joint": ("mengesha-du", "joint"),
        "certified": ("continuum", "joint"),
    }.items():
        timed(name, lambda asked=asked: fit_bernstein(data, delta, DEGREE, *asked))
    one = timed(
        "adam_positive", lambda: fit_bernstein(whole, delta, DEGREE, "nonnegative", "adam"), 1
    )
    timed(
        "adam_correction",
        lambda: fit_bernstein(whole, delta, DEGREE, "mengesha-du", "adam", positive=one.kernel),
        1,
    )
    found["adam_both"] = found["adam_positive"] + found["adam_correction"]
    return {name: float(f"{value:.3g}") for name, value in found.items()}


def write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, separators=(",", ":")) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def rounded(values: Any, digits: int = 10) -> list[float]:
    return [float(f"{value:.{digits}g}") for value in np.asarray(values)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder that holds you2021_tables.json")
    given = parser.parse_args(arguments)
    started, cpu = time.perf_counter(), time.process_time()
    printed = json.loads((given.out / "you2021_tables.json").read_text())
    cells = Cells(printed["c"], printed["horizon"], N_SAMPLES)
    generator = torch.Generator().manual_seed(SETTINGS.seed)
    c, history = first_stage(cells, generator, SETTINGS.epochs)
    d, excess, steps = second_stage(cells, generator, c)
    positive = c.numpy() * cells.scale[:, np.newaxis]
    kernel = (c + d).numpy() * cells.scale[:, np.newaxis]
    rows = []
    for k, (i, j) in enumerate(cells.keys):
        gram = cells.grams[k]
        rows.append(
            {
                "i": i,
                "j": j,
                "loss_positive": float(f"{gram.loss(positive[k]):.8g}"),
                "loss_full": float(f"{gram.loss(kernel[k]):.8g}"),
                "positive": rounded(positive[k]),
                "kernel": rounded(kernel[k]),
                "excess": float(f"{excess[k]:.3g}"),
                "steps": int(steps[k]),
                "history": rounded([losses[k] for losses in history], 6),
            }
        )
    content = {
        "settings": {name: getattr(SETTINGS, name) for name in SETTINGS.__dataclass_fields__},
        "degree": DEGREE,
        "n_samples": N_SAMPLES,
        "seed": SEED,
        "cells": rows,
        "seconds": seconds_of_one_cell(printed["c"], printed["horizon"]),
    }
    write(given.out / "adam.json", content)
    write(
        given.out / "provenance.json",
        {
            "command": "python book/studies/kernel_regression.py book/recorded/kernel_regression",
            "seed": SEED,
            "threads": torch.get_num_threads(),
            **describe_run(("numpy", "scipy", "torch", "cvxpy", "clarabel")),
            "wall_seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
