"""Bernstein regression: the Gram matrix against NumPy's, exact fits against cvxpy and Adam."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from nlbook.identification import (
    Adam,
    Continuum,
    GramMatrix,
    MengeshaDu,
    Nonnegative,
    PairSpectrum,
    PositiveSymbol,
    TrainingPairs,
    Unconstrained,
    adam_fit,
    biharmonic_pairs,
    coercivity,
    fit_bernstein,
    fractional_pairs,
    gather,
    gram_matrix,
    mengesha_du_norm,
)
from nlbook.identification.regression.continuum import continuum_programme
from nlbook.parallel import usable_cores
from tests.benchmarks.measuring import Table, seconds

#: A cell of Table 1 of the paper.
C, HORIZON, DEGREE, N_SAMPLES = 0.003, 0.5, 20, 50_000
#: Horizons and orders of its Table 3.
FRACTIONAL_HORIZONS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
FRACTIONAL_DEGREES = (0, 5, 10, 20)
#: Of the plain Gram matrix: so many that columns stay in the cache.
BLOCK = 200
#: The second stage that does not stall; see `nlbook.identification.regression.adam`.
WORKING = {"exact_slack": True, "growth": 1.0, "most_steps": 10}


def plain_gram(pairs: TrainingPairs, weights: np.ndarray) -> np.ndarray:
    """Columns of all samples at all nodes by one product of matrices a block, and their products.

    The matrix that makes the columns holds -L of each function of the basis on the ring; both
    products are BLAS's, on all cores.
    """
    n = pairs.n_nodes
    eye = np.eye(n)
    operators = np.zeros((n, n, weights.shape[1]))
    for j, row in enumerate(weights, start=1):
        second = 2 * eye - np.roll(eye, j, axis=1) - np.roll(eye, -j, axis=1)
        operators += second[:, :, np.newaxis] * row
    flat = operators.reshape(n, -1)
    total = np.zeros((weights.shape[1],) * 2)
    for low in range(0, pairs.n_samples, BLOCK):
        columns = (pairs.u[low : low + BLOCK] @ flat).reshape(-1, weights.shape[1])
        total += columns.T @ columns
    return total / (pairs.n_samples * n)


def gram_table() -> Table:
    """From samples to the Gram matrix."""
    cores = usable_cores()
    table = Table(
        "kernel_regression_gram",
        "The Gram matrix of a Bernstein kernel",
        f"{N_SAMPLES} samples, degree {DEGREE}; {cores} cores for both. NumPy: the columns of all "
        f"samples at all nodes by products of matrices, in blocks of {BLOCK} samples that stay in "
        "the cache. Once gathered, data serve every degree and horizon.",
    )
    pairs = biharmonic_pairs(C, HORIZON, N_SAMPLES)
    ours = seconds(lambda: gram_matrix(pairs, HORIZON, DEGREE).matrix)
    weights = gram_matrix(pairs, HORIZON, DEGREE).weights
    plain = seconds(lambda: plain_gram(pairs, weights))
    table.add(
        "periodic, 100 nodes", ours, "s", at_most=0.5, ratio=plain / ours, against="NumPy",
        ratio_at_least=1.0,
    )  # fmt: skip
    table.add("periodic, NumPy", plain, "s")
    data = gather(pairs)
    table.add(
        "periodic, once gathered",
        1e3 * seconds(lambda: gram_matrix(data, HORIZON, DEGREE).matrix),
        "ms",
    )
    exact = plain_gram(pairs, weights)
    error = np.max(np.abs(gram_matrix(pairs, HORIZON, DEGREE).matrix / exact - 1))
    table.add("periodic, difference to NumPy", float(error), "", at_most=1e-9)
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
    """Exact fits; the same programmes stated in cvxpy; and the paper's algorithm on one cell."""
    cores = usable_cores()
    settings = Adam()
    table = Table(
        "kernel_regression_fits",
        "Fits of a Bernstein kernel",
        f"Biharmonic pairs, c = {C:g}, delta = {HORIZON:g} where nothing else is said, {N_SAMPLES} "
        f"samples, degree {DEGREE}; {cores} cores. Fits are of data gathered before. cvxpy: the "
        "same programme in its own words, coefficients scaled as columns are, Clarabel by its "
        "defaults; its shortfall is how far its loss, made to fulfil the constraints, is above "
        "ours, or where it is below them, as a share. Adam: the paper's algorithm in PyTorch on "
        f"one thread (batches of {settings.batch_size} are too small for more), each stage "
        "alone; ratios are of its time, beside the time of gathering and fitting.",
    )
    pairs = biharmonic_pairs(C, HORIZON, N_SAMPLES)
    data, gram = gather(pairs), gram_matrix(pairs, HORIZON, DEGREE)
    first = fit_bernstein(data, HORIZON, DEGREE, Nonnegative())
    for name, asked, rival in (
        ("nonnegative", Nonnegative(), None),
        ("two stages", MengeshaDu(stages=2), stated_correction),
        ("joint", MengeshaDu(), stated_joint),
        ("unconstrained", Unconstrained(), None),
        ("symbol on the grid", PositiveSymbol(), None),
    ):
        ours = seconds(lambda a=asked: fit_bernstein(data, HORIZON, DEGREE, a))
        if rival is None:
            table.add(name, ours, "s", at_most=0.2)
            continue
        theirs = seconds(lambda r=rival: r(gram, np.array(first.kernel.coefficients)))
        table.add(name, ours, "s", at_most=0.2, ratio=theirs / ours, against="cvxpy")
        loss = rival(gram, np.array(first.kernel.coefficients))
        best = fit_bernstein(data, HORIZON, DEGREE, asked).loss
        table.add(f"{name}, cvxpy's shortfall", loss / best - 1, "")
    for c, horizon in ((0.03, 0.125), (0.03, 0.25), (C, HORIZON), (0.1, 0.99)):
        modes = gather(biharmonic_pairs(c, horizon, N_SAMPLES, condense=True))
        ours = seconds(lambda m=modes, d=horizon: fit_bernstein(m, d, DEGREE, Continuum()))
        name = f"continuum, c = {c:g}, delta = {horizon:g}"
        theirs = seconds(lambda m=modes, d=horizon: stated_continuum(m, d))
        table.add(name, ours, "s", at_most=1.0, ratio=theirs / ours, against="cvxpy")
        best = fit_bernstein(modes, horizon, DEGREE, Continuum()).certificate.loss
        table.add(f"{name}, cvxpy's shortfall", stated_continuum(modes, horizon) / best - 1, "")
    whole = gather(fractional_pairs(N_SAMPLES, condense=True))
    start = time.perf_counter()
    for horizon in FRACTIONAL_HORIZONS:
        for degree in FRACTIONAL_DEGREES:
            fit_bernstein(whole, horizon, degree, Nonnegative(), alpha=(0.0, 2.9), rule="covered")
    table.add("fractional, 24 fits with their exponents", time.perf_counter() - start, "s")
    adam_rows(table, pairs, gram)
    return table


def adam_rows(table: Table, pairs: TrainingPairs, gram: GramMatrix) -> None:
    """The paper's algorithm, each stage alone, and ours with the pass over the samples."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    printed = Adam()
    adam_fit(pairs, gram, Adam(epochs=1), corrected=False)  # imports, and warms up
    start = time.perf_counter()
    optimum, history = adam_fit(pairs, gram, printed, corrected=False)
    spent = time.perf_counter() - start
    exact = fit_bernstein(pairs, HORIZON, DEGREE, Nonnegative())
    ours = seconds(lambda: fit_bernstein(pairs, HORIZON, DEGREE, Nonnegative()))
    of = f"{printed.epochs} epochs of {pairs.n_samples} samples"
    table.add("stage 1, from the samples", ours, "s", ratio=spent / ours, against="Adam")
    table.add(f"Adam, stage 1, {of}", spent, "s")
    table.add("Adam, stage 1, one step", 1e6 * spent / history.n_steps, "us")
    found = optimum.positive
    table.add("Adam, stage 1, loss over the exact one", gram.loss(found) / exact.loss, "")
    kernel = replace(exact.kernel, coefficients=tuple(found.tolist()))
    best = fit_bernstein(pairs, HORIZON, DEGREE, MengeshaDu(stages=2, positive=kernel))
    ours = seconds(
        lambda: fit_bernstein(pairs, HORIZON, DEGREE, MengeshaDu(stages=2, positive=kernel))
    )
    for name, settings in (("as printed", printed), ("repaired", Adam(**WORKING))):
        start = time.perf_counter()
        optimum, history = adam_fit(pairs, gram, settings, positive=found)
        spent = time.perf_counter() - start
        if name == "repaired":  # what is printed does not end at a solution
            table.add("stage 2, from the samples", ours, "s", ratio=spent / ours, against="Adam")
        epochs = history.n_steps * printed.batch_size // pairs.n_samples
        table.add(f"Adam, stage 2 {name}, {epochs} epochs", spent, "s")
        table.add(
            f"Adam, stage 2 {name}, loss over the exact one",
            gram.loss(optimum.coefficients) / best.loss,
            "",
        )
    torch.set_num_threads(before)


def stated_correction(gram: GramMatrix, positive: np.ndarray) -> float:
    """Stage 2 as one writes it down: the loss, and N(D) at most half the smallest symbol of C."""
    import cvxpy as cp

    scales = np.linalg.norm(gram.factor, axis=0)
    change = cp.Variable(scales.size)
    nodes = gram.weights / scales @ change
    allowed = coercivity(gram, positive) / 2
    residual = gram.factor / scales @ change - (gram.target - gram.factor @ positive)
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(residual)), [cp.norm1(nodes) + cp.abs(cp.sum(nodes)) <= allowed]
    )
    problem.solve(solver="CLARABEL")
    found = change.value / scales
    norm = mengesha_du_norm(gram.weights @ found)
    return gram.loss(positive + min(1.0, allowed / norm) * found)


def stated_joint(gram: GramMatrix, positive: np.ndarray) -> float:
    """Problem (3.13) as one writes it down: 2 N(D) is at most the symbol of C at every mode."""
    import cvxpy as cp

    scales = np.linalg.norm(gram.factor, axis=0)
    c, change = cp.Variable(scales.size, nonneg=True), cp.Variable(scales.size)
    nodes = gram.weights / scales @ change
    symbols = gram.mode_rows @ gram.weights / scales @ c
    residual = gram.factor / scales @ (c + change) - gram.target
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(residual)),
        [2 * (cp.norm1(nodes) + cp.abs(cp.sum(nodes))) <= cp.min(symbols)],
    )
    problem.solve(solver="CLARABEL")
    held, found = np.maximum(c.value, 0) / scales, change.value / scales
    norm, allowed = mengesha_du_norm(gram.weights @ found), coercivity(gram, held) / 2
    return gram.loss(held + min(1.0, allowed / norm) * found)


def stated_continuum(data: PairSpectrum, horizon: float) -> float:
    """The certified fit's programme as one writes it down, all of its bounds at once."""
    import cvxpy as cp

    gram = gram_matrix(data, horizon, DEGREE)
    programme, _, _ = continuum_programme(data, gram, Continuum())
    x = cp.Variable(programme.matrix.shape[1])
    constraints: list[Any] = [programme.rows @ x >= programme.least]
    for bound in programme.absolute:
        constraints.append(cp.norm1(bound.matrix @ x) <= bound.slope @ x + bound.level)
    residual = programme.matrix @ x - programme.target
    cp.Problem(cp.Minimize(cp.sum_squares(residual)), constraints).solve(solver="CLARABEL")
    return programme.loss(x.value) + gram.floor
