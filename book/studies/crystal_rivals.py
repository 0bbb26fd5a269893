"""Other ways to choose few grains and weights, beside `nlbook.crystals.choose_few`.

All of them minimise w.Cw over nonnegative weights of sum one, with C the Gram matrix of a
dictionary. SciPy's `nnls` chooses as many grains as it likes; of its answer the largest weights
may be kept. A lasso's penalty, the sum of the weights, is the same for all weights of sum one and
brings none to zero; in its place stands the reweighted penalty, sum (w_j / w_j so far)^2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from nlbook.crystals import GrainDictionary, StrainPath, choose_few

Choice = tuple[NDArray[np.int64], NDArray[np.float64]]


def simplex_weights(gram: NDArray[np.float64], columns: NDArray[np.int64]) -> Choice:
    """Best weights on some columns, by SciPy's `nnls` of a root of C + 1 1^T."""
    part = gram[np.ix_(columns, columns)] + 1.0
    values, vectors = np.linalg.eigh(part)
    kept = values > 1e-13 * values[-1]
    root = np.sqrt(values[kept])[:, np.newaxis] * vectors[:, kept].T
    # root.T y = 1, so that |root w - y|^2 = w.Hw - 2 sum w + a constant
    target = (vectors[:, kept].T @ np.ones(len(columns))) / np.sqrt(values[kept])
    weights, _ = nnls(root, target, maxiter=100 * len(columns))
    there = weights > 0
    return columns[there], weights[there] / weights[there].sum()


def largest_weights(gram: NDArray[np.float64], n_chosen: int) -> Choice:
    """The largest weights of SciPy's answer, and weights anew on those grains."""
    columns, weights = simplex_weights(gram, np.arange(len(gram)))
    kept = np.sort(columns[np.argsort(-weights)[:n_chosen]])
    return simplex_weights(gram, kept)


def penalised(gram: NDArray[np.float64], n_chosen: int) -> Choice:
    """Least w.Cw + penalty sum (w_j / w_j so far)^2, again and again, with a penalty that grows.

    It ends when no more than `n_chosen` weights are left, and these are chosen anew without it.
    """
    columns = np.arange(len(gram))
    columns, weights = simplex_weights(gram, columns)
    scale = float(np.mean(np.diag(gram)))
    penalty = 1e-3
    while len(columns) > n_chosen:
        spread = penalty * scale / (len(columns) * weights) ** 2
        part = gram[np.ix_(columns, columns)] + np.diag(spread / len(columns))
        places, again = simplex_weights(part, np.arange(len(columns)))
        kept = again > 1e-3 / len(columns)
        if kept.all():
            kept[np.argmin(again)] = False
        columns = columns[places[kept]]
        columns, weights = simplex_weights(gram, columns)
        penalty *= 1.3
    return columns, weights


def pursuit(gram: NDArray[np.float64], n_chosen: int) -> Choice:
    """Orthogonal matching pursuit: the column with the steepest descent, then all weights anew."""
    chosen, weights = np.array([int(np.argmin(np.diag(gram)))]), np.ones(1)
    for _ in range(10 * n_chosen):
        if len(chosen) == n_chosen:
            break
        slope = gram[:, chosen] @ weights
        slope[chosen] = np.inf
        added = np.append(chosen, int(np.argmin(slope)))
        chosen, weights = simplex_weights(gram, np.sort(added))
    return chosen, weights


WAYS: dict[str, Callable[[NDArray[np.float64], int], Choice]] = {
    "greedy and swaps": lambda gram, n: choose_few(gram, n),
    "greedy and swaps, 20 restarts": lambda gram, n: choose_few(gram, n, n_restarts=20),
    "matching pursuit": pursuit,
    "largest weights of nnls": largest_weights,
    "reweighted penalty": penalised,
}


def rivals(
    dictionary: GrainDictionary, unseen: Sequence[StrainPath], sizes: Sequence[int]
) -> list[dict[str, Any]]:
    """Root mean square relative errors of each way, on paths chosen on and on others; seconds."""
    other = GrainDictionary.along(
        unseen, dictionary.polycrystal, dictionary.law, candidates=dictionary.candidates
    )
    rows = []

    def add(way: str, n: int, choice: Choice, seconds: float) -> None:
        chosen, weights = choice
        errors = [
            float(np.sqrt(weights @ gram[np.ix_(chosen, chosen)] @ weights))
            for gram in (dictionary.gram, other.gram)
        ]
        rows.append(
            {
                "way": way, "n_grains": n, "n_chosen": len(chosen), "training": errors[0],
                "unseen": errors[1], "seconds": seconds,
            }
        )  # fmt: skip

    for n in sizes:
        for way, choose in WAYS.items():
            started = time.perf_counter()
            choice = choose(dictionary.gram, n)
            add(way, n, choice, time.perf_counter() - started)
    started = time.perf_counter()
    choice = simplex_weights(dictionary.gram, np.arange(len(dictionary.gram)))
    add("nnls, as many as it likes", len(dictionary.gram), choice, time.perf_counter() - started)
    return rows
