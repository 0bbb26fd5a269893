"""Bernstein regression: the Gram matrix against plain sums, exact fits against the paper's Adam."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from nlbook.identification import (
    GramMatrix,
    TrainingPairs,
    adam_fit,
    biharmonic_pairs,
    fit_bernstein,
    fractional_pairs,
    gather,
    gram_matrix,
)
from nlbook.parallel import usable_cores
from tests.benchmarks.measuring import Table, seconds

#: A cell of Table 1 of the paper.
C, HORIZON, DEGREE, N_SAMPLES = 0.003, 0.5, 20, 50_000
#: Horizons and orders of its Table 3.
FRACTIONAL_HORIZONS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
FRACTIONAL_DEGREES = (0, 5, 10, 20)


def plain_gram(pairs: TrainingPairs, weights: np.ndarray) -> np.ndarray:
    """Columns of all samples at all nodes, one second difference at a time, and their products."""
    columns = np.zeros((weights.shape[1], *pairs.u.shape))
    for j, row in enumerate(weights, start=1):
        second = 2 * pairs.u - np.roll(pairs.u, j, axis=1) - np.roll(pairs.u, -j, axis=1)
        columns += row[:, np.newaxis, np.newaxis] * second
    flat = columns.reshape(len(columns), -1)
    return flat @ flat.T / flat.shape[1]


def gram_table() -> Table:
    """From samples to the Gram matrix."""
    cores = usable_cores()
    table = Table(
        "kernel_regression_gram",
        "The Gram matrix of a Bernstein kernel",
        f"{N_SAMPLES} samples, degree {DEGREE}; {cores} cores. Plain: the columns of all samples "
        "at all nodes, timed over a fiftieth of the samples and scaled. Once gathered, data serve "
        "every degree and horizon.",
    )
    pairs = biharmonic_pairs(C, HORIZON, N_SAMPLES)
    ours = seconds(lambda: gram_matrix(pairs, HORIZON, DEGREE).matrix)
    few = TrainingPairs(pairs.u[::50], pairs.f[::50], pairs.spacing, "periodic")
    weights = gram_matrix(few, HORIZON, DEGREE).weights
    plain = 50 * seconds(lambda: plain_gram(few, weights))
    table.add(
        "periodic, 100 nodes", ours, "s", at_most=0.5, ratio=plain / ours, against="plain sums",
        ratio_at_least=10.0,
    )  # fmt: skip
    table.add("periodic, plain sums", plain, "s")
    data = gather(pairs)
    table.add(
        "periodic, once gathered",
        1e3 * seconds(lambda: gram_matrix(data, HORIZON, DEGREE).matrix),
        "ms",
    )
    exact = plain_gram(few, weights)
    error = np.max(np.abs(gram_matrix(few, HORIZON, DEGREE).matrix / exact - 1))
    table.add("periodic, difference to plain", float(error), "", at_most=1e-9)
    line = fractional_pairs(N_SAMPLES)
    table.add("on a line, 161 nodes and a collar of 400", seconds(lambda: gather(line)), "s")
    moments = gather(line)
    for horizon in (1.0, 4.0):
        table.add(
            f"on a line, once gathered, horizon {horizon:g}",
            1e3 * seconds(lambda d=horizon: gram_matrix(moments, d, DEGREE).matrix),
            "ms",
        )
    return table


def fit_table() -> Table:
    """Exact fits, and the paper's algorithm on one cell."""
    cores = usable_cores()
    table = Table(
        "kernel_regression_fits",
        "Fits of a Bernstein kernel",
        f"c = {C:g}, delta = {HORIZON:g}, degree {DEGREE}, data gathered before; {cores} cores. "
        "The paper's algorithm: Adam in PyTorch on one thread, 100 epochs of stage 1, then the "
        "augmented Lagrangian, on the same samples. Ratios are of its time, and of its losses.",
    )
    pairs = biharmonic_pairs(C, HORIZON, N_SAMPLES)
    data, gram = gather(pairs), gram_matrix(pairs, HORIZON, DEGREE)
    adam = paper_fit(pairs, gram)
    exact = {
        "nonnegative": ("nonnegative",),
        "two stages": ("mengesha-du", "two-stage"),
        "joint": ("mengesha-du", "joint"),
        "unconstrained": (None,),
        "symbol on the grid": ("symbol",),
    }
    losses = {}
    for name, asked in exact.items():
        losses[name] = fit_bernstein(data, HORIZON, DEGREE, *asked).loss
        ours = seconds(lambda a=asked: fit_bernstein(data, HORIZON, DEGREE, *a))
        theirs = adam.seconds / ours if name == "two stages" else None
        table.add(
            name, ours, "s", at_most=0.2, ratio=theirs,
            against=None if theirs is None else "the paper's algorithm",
        )  # fmt: skip
    for c, horizon in ((0.03, 0.125), (0.03, 0.25), (C, HORIZON), (0.1, 0.99)):
        modes = gather(biharmonic_pairs(c, horizon, N_SAMPLES, condense=True))
        ours = seconds(lambda m=modes, d=horizon: fit_bernstein(m, d, DEGREE, "continuum"))
        table.add(f"continuum, c = {c:g}, delta = {horizon:g}", ours, "s", at_most=1.0)
    whole = gather(fractional_pairs(N_SAMPLES, condense=True))
    start = time.perf_counter()
    for horizon in FRACTIONAL_HORIZONS:
        for degree in FRACTIONAL_DEGREES:
            fit_bernstein(whole, horizon, degree, "nonnegative", alpha=(0.0, 2.9), rule="covered")
    table.add("fractional, 24 fits with their exponents", time.perf_counter() - start, "s")
    table.add("the paper's algorithm, both stages", adam.seconds, "s")
    table.add("the paper's algorithm, one step", 1e6 * adam.seconds / adam.n_steps, "us")
    table.add(
        "the paper's stage 1, loss over the exact one", adam.first / losses["nonnegative"], ""
    )
    table.add(
        "the paper's stage 2, loss over the exact one", adam.second / losses["two stages"], ""
    )
    return table


@dataclass(frozen=True)
class PaperFit:
    """The paper's algorithm: its time, steps of Adam, and loss after each stage."""

    seconds: float
    n_steps: int
    first: float
    second: float


def paper_fit(pairs: TrainingPairs, gram: GramMatrix) -> PaperFit:
    """Run it once, on one thread: batches are too small for more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    optimum, history = adam_fit(pairs, gram)
    elapsed = time.perf_counter() - start
    torch.set_num_threads(before)
    return PaperFit(
        elapsed, history.n_steps, gram.loss(optimum.positive), gram.loss(optimum.coefficients)
    )
