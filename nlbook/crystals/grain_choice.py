"""A few grains whose weighted mean is nearest to that of many: greedy choice, then swaps.

With C_ij the inner product of how far grains i and j are from the target, in relative stress along
many paths, weights w >= 0 of sum one miss the target by sqrt(w.Cw). For w = s v, v of sum one,

    min over s of  w.Cw + (1 - sum w)^2  =  q / (1 + q),    q = v.Cv,

grows with q: so the constrained problem is that of nonnegative least squares with H = C + 1 1^T
and right side 1, scaled to sum one afterwards, exactly. C is first divided by the median of the
positive entries of its diagonal, so that nothing depends on their unit. Without the sign, the best
weights on a set S are w = inv(H_SS) 1, and sum w is then 1 / (1 + q). A grain j that joins S adds

    (1 - H_jS w)^2 / (H_jj - H_jS inv(H_SS) H_Sj)

to that sum, for all j at once from one product of matrices, and the weights of the others change by
-inv(H_SS) H_Sj times its own. So the best addition that leaves all weights positive is found
exactly. A swap takes one grain out, which is a rank-one change of the inverse, and puts the best
one in. It stays if the sum of the new weights, computed anew, is greater: then no set comes twice,
and swaps end, whatever the rounding. A restart keeps half of the best set or more, puts one
grain in at random, and goes on from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, real_array

__all__ = ["choose_few"]

_GAIN = 1e-10  # least relative gain of a swap
_SKEW = 1e-8  # relative difference from the transpose that is rounding
_SAME = 1e-12  # a pivot, over its diagonal, below which a column is a sum of others


def choose_few(
    gram: ArrayLike, n_chosen: int, *, n_restarts: int = 0, seed: Any = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose few of many columns, and weights, such that w.Cw is small.

    Parameters
    ----------
    gram : array_like, shape (n, n)
        C, symmetric and positive semidefinite.
    n_chosen : int
        At most so many are chosen; fewer where one more does not help.
    n_restarts : int
        How often a random part of the best set so far, and a random one beside it, is filled up.
    seed : int or numpy.random.SeedSequence
        Of the restarts.

    Returns
    -------
    chosen : ndarray of int
        In ascending order.
    weights : ndarray of float
        Positive, of sum one.

    Raises
    ------
    ValueError
        If the matrix is not symmetric, or fewer than one or more than all are to be chosen.
    """
    matrix = real_array("gram", gram, ndim=2)
    n = len(matrix)
    if not n or matrix.shape != (n, n):
        raise ValueError(f"gram must be a square matrix, got shape {matrix.shape}")
    if np.any(np.diag(matrix) < 0):
        raise ValueError("gram must be positive semidefinite, got a negative diagonal")
    skew, sizes = np.abs(matrix - matrix.T).max(), np.diag(matrix)[np.diag(matrix) > 0]
    if skew > _SKEW * np.abs(matrix).max():
        raise ValueError(f"gram must be symmetric: it differs from its transpose by {skew:.3g}")
    scale = float(np.median(sizes)) if len(sizes) else 1.0
    check_integer("n_chosen", n_chosen, 1, n)
    check_integer("n_restarts", n_restarts, 0)
    search = _Search(matrix / scale + 1.0)
    best, reached = search.improved([], n_chosen)
    generator = np.random.default_rng(seed)
    for _ in range(n_restarts if n > 1 else 0):
        n_left = int(generator.integers(1, (len(best) + 1) // 2 + 1))
        kept = generator.choice(best, len(best) - n_left, replace=False)
        again, value = search.improved([*kept.tolist(), int(generator.integers(n))], n_chosen)
        if value > reached * (1 + _GAIN):
            best, reached = again, value
    chosen = np.sort(np.array(best))
    weights = search.weights(chosen)[1]
    return chosen, weights / weights.sum()


class _Search:
    """Additions and swaps for one matrix H."""

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.matrix = matrix
        self.diagonal = np.diag(matrix).copy()

    def weights(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """inv(H_SS), and its sums of rows."""
        inverse = np.linalg.inv(self.matrix[np.ix_(chosen, chosen)])
        return np.asarray(inverse), np.asarray(inverse.sum(axis=1))

    def improved(self, start: list[int], n_chosen: int) -> tuple[list[int], float]:
        """Fill up a set, and swap until no swap helps; the set and 1 / (1 + q)."""
        chosen: list[int] = []
        inverse, weights = self.weights(np.array(chosen, dtype=np.int64))
        for one in start:
            row = self.matrix[one, chosen]
            if self.diagonal[one] - row @ inverse @ row > _SAME * self.diagonal[one]:
                chosen.append(one)
                inverse, weights = self.weights(np.array(chosen))
        while len(chosen) and weights.min() <= 0.0:
            del chosen[int(np.argmin(weights))]
            inverse, weights = self.weights(np.array(chosen, dtype=np.int64))
        while len(chosen) < n_chosen:
            added, _ = self.best_addition(chosen, inverse, weights)
            if added < 0:
                break
            found = self.weights(np.array([*chosen, added]))
            if found[1].min() <= 0.0:  # what was foretold was rounding
                break
            chosen, (inverse, weights) = [*chosen, added], found
        value, since, place = float(weights.sum()), 0, 0
        while since < len(chosen) > 1:
            place %= len(chosen)
            rest = np.delete(np.arange(len(chosen)), place)
            column = inverse[rest, place]
            without = inverse[np.ix_(rest, rest)] - np.outer(column, column) / inverse[place, place]
            left, reduced = [chosen[k] for k in rest], without.sum(axis=1)
            added, gain = self.best_addition(left, without, reduced)
            since += 1
            if added >= 0 and reduced.sum() + gain > value * (1 + _GAIN):
                swapped = [*chosen[:place], added, *chosen[place + 1 :]]
                found = self.weights(np.array(swapped))
                # where columns are nearly dependent the gain that was foretold may be rounding
                if found[1].min() > 0.0 and found[1].sum() > value * (1 + _GAIN):
                    chosen, (inverse, weights) = swapped, found
                    value, since = float(weights.sum()), 0
            place += 1
        return chosen, value

    def best_addition(
        self, chosen: list[int], inverse: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[int, float]:
        """What to add such that all weights are positive, and its gain; -1 for nothing."""
        rows = self.matrix[chosen]
        change = inverse @ rows
        pivot = self.diagonal - np.einsum("ij,ij->j", rows, change)
        pull = 1.0 - weights @ rows
        allowed = (pivot > _SAME * self.diagonal) & (pull > 0.0)
        allowed[chosen] = False
        own = np.where(allowed, pull, 0.0) / np.where(allowed, pivot, 1.0)
        allowed &= np.all(weights[:, np.newaxis] > change * own, axis=0)
        gain = np.where(allowed, pull * own, -1.0)
        best = int(np.argmax(gain))
        return (best, float(gain[best])) if gain[best] > 0.0 else (-1, 0.0)
