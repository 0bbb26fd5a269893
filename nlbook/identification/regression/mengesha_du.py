"""A positive kernel and its correction, under the bound of Mengesha and Du, exactly.

The correction D of a positive kernel C under N(D) <= 1 / (2 kappa(C)) is least squares under an L1
bound. And the whole problem (3.13) of [1]_, over C and D together, is convex: 1/kappa(C) is the
smallest eigenvalue of an operator linear in C, so concave, and N is a norm. On a ring it is one
bound a mode,

    2 N(D) <= symbol of C at k;

otherwise eigenvectors make bounds, added until none is violated.

What the loss sees of D are its values at the nodes, of which there may be fewer than coefficients:
D is sought among node weights that the basis can make.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from nlbook.convex import AbsoluteBound, BoundedLeastSquares
from nlbook.identification.regression.certificates import Optimum, coercivity, mengesha_du_norm
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.programmes import (
    BOUND_WITHIN,
    CUT_ENOUGH,
    MOST_CUTS,
    approached,
    column_scales,
    first_cuts,
    own_loss,
)

__all__ = ["correction", "joint"]

Array = NDArray[np.float64]

# Singular values below this share of the largest are rounding.
_RANK = 1e-13

# Norm of scaled coefficients, over that of the optimum, from which on a bound proved of all kernels
# that do as well is of no use: rounding times it is no small loss.
_FAR = 1e5

# Modes with at least this share of the largest power bound the size of kernels that do as well.
_LOUD = 1e-9

# Rounding of N, for coefficients that cancel: a bound is met with this share to spare.
_SPARE = 3e-10


def correction(gram: GramMatrix, positive: Array, solver: str = "CLARABEL") -> Optimum:
    """Correct a positive kernel under the bound of Mengesha and Du, kappa fixed: stage 2, exactly.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    positive : ndarray, shape (M + 1,)
        C, not negative.
    solver : str
        Of those that cvxpy knows.

    Returns
    -------
    Optimum

    Raises
    ------
    ValueError
        If the operator of C is singular: no correction is allowed then.
    """
    allowed = coercivity(gram, positive) / 2
    if not allowed > 0:
        raise ValueError(
            f"positive must have a coercive operator, got one with smallest symbol {2 * allowed!r}"
        )
    values = _node_values(gram)
    programme = BoundedLeastSquares(
        matrix=allowed * gram.differences @ values,
        target=gram.target - gram.factor @ positive,
        rows=np.empty((0, values.shape[1])),
        least=np.empty(0),
        absolute=(AbsoluteBound(_with_sum(values), np.zeros(values.shape[1]), 1.0),),
    )

    def corrected(x: Array) -> Array:
        change = _coefficients_of(gram, allowed * values @ x)
        return np.asarray(positive + _within(gram, change, allowed))

    near = approached(
        programme,
        gram,
        lambda x: gram.loss(corrected(x)) - gram.floor,
        # columns of `values` are orthonormal, so that |x| <= |values x|_1 <= 1
        lambda _: 1.0,
        solver,
    )
    return Optimum(
        corrected(near.solution.x), positive, near.lower_bound + gram.floor, attempts=near.attempts
    )


def joint(
    gram: GramMatrix, start: Optimum, solver: str = "CLARABEL", expected: float | None = None
) -> Optimum:
    """Both parts together under the bound of Mengesha and Du: problem (3.13), exactly.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    start : Optimum
        Of two stages; its result is kept if rounding leaves the solver above it.
    solver : str
        Of those that cvxpy knows.
    expected : float, optional
        Norm of the residual, if something is known of it: the solver's scale.

    Returns
    -------
    Optimum
    """
    if start.positive is None:
        raise ValueError("start must be split into a positive kernel and its correction")
    scales, values = column_scales(gram), _node_values(gram)
    n, rank = scales.size, values.shape[1]
    unit = coercivity(gram, start.positive)
    with_sum = _with_sum(values)
    # x = scaled C, D over its allowed size, and the smallest symbol of C over that of the start
    matrix = np.hstack(
        [
            gram.factor / scales,
            unit / 2 * gram.differences @ values,
            np.zeros((gram.target.size, 1)),
        ]
    )
    spread = np.pad(with_sum, [(0, 0), (n, 1)])
    slope = np.append(np.zeros(n + rank), 1.0)
    cuts = first_cuts(gram, start.positive)
    best, kept = start, gram.loss(start.coefficients)
    bound = 0.0
    # D and the smallest symbol are at most the first symbol of C
    sizes = 1 + 2 * float(np.max(cuts[0] @ gram.weights / scales)) / unit
    proved = sizes * _largest(gram, kept, scales)
    first = values.T @ (gram.weights @ (start.coefficients - start.positive)) * 2 / unit
    x = np.concatenate([start.positive * scales, first, [1.0]])
    ring, attempts = gram.boundary == "periodic", start.attempts

    def repaired(x: Array) -> tuple[Array, Array, float, Array]:
        """C + D, C, its smallest eigenvalue, and the bound that this asks for."""
        positive = np.maximum(x[:n], 0.0) / scales
        value, row = gram.lowest_eigenpair(gram.weights @ positive)
        change = _coefficients_of(gram, unit / 2 * values @ x[n:-1])
        return positive + _within(gram, change, value / 2), positive, value, row

    def largest_norm(x: Array) -> float:
        size = float(np.linalg.norm(x))
        return proved if proved <= _FAR * size else BOUND_WITHIN * size

    for _ in range(MOST_CUTS):
        symbols = cuts @ gram.weights / scales / unit
        rows = np.vstack(
            [
                np.eye(n, n + rank + 1),
                np.hstack([symbols, np.zeros((len(cuts), rank)), -np.ones((len(cuts), 1))]),
            ]
        )
        programme = BoundedLeastSquares(
            matrix, gram.target, rows, np.zeros(len(rows)), (AbsoluteBound(spread, slope),), x
        )
        # with all bounds in place what counts is the loss once repaired
        judge = (lambda x: gram.loss(repaired(x)[0]) - gram.floor) if ring else own_loss(programme)
        near = approached(programme, gram, judge, largest_norm, solver, expected)
        x, attempts = near.solution.x, max(attempts, near.attempts)
        bound = max(bound, near.lower_bound + gram.floor)
        whole, positive, value, row = repaired(x)
        if value > 0 and gram.loss(whole) < kept:
            best, kept = Optimum(whole, positive, 0.0), gram.loss(whole)
        if ring or value >= CUT_ENOUGH * unit * x[-1]:
            break
        cuts = np.vstack([cuts, row])
    spoken_of = float("inf") if largest_norm(x) == proved else largest_norm(x)
    return Optimum(best.coefficients, best.positive, bound, spoken_of, attempts)


def _largest(gram: GramMatrix, loss: float, scales: Array) -> float:
    """Bound of the sum of scaled C, for all C and D that fulfil the constraints and do as well.

    At mode k the symbol of C + D is at most u_k = l_k + (loss / power)**(1/2), with l_k what the
    data ask for, and that of D at least -2 N(D) >= -s_i(C) for every mode i. So
    (s_k - s_i)(C) <= u_k, which a linear programme turns into a bound of the sum. There is none
    where some positive kernel has the same symbol at all modes, as a constant one over half a
    period has.
    """
    if gram.boundary != "periodic":
        return float("inf")
    loud = gram.amplitudes**2 > _LOUD * np.max(gram.amplitudes**2)
    symbols = gram.factor[loud] / gram.amplitudes[loud, np.newaxis]
    most = (gram.target[loud] + np.sqrt(loss)) / gram.amplitudes[loud]
    every = gram.mode_rows @ gram.weights
    rows = ((symbols[:, np.newaxis] - every) / scales).reshape(-1, scales.size)
    sides = np.repeat(most, len(every))
    rows /= sides[:, np.newaxis]
    # weights with which the rows sum to at least one for every coefficient
    programme = optimize.linprog(np.ones(len(rows)), A_ub=-rows.T, b_ub=-np.ones(scales.size))
    if not programme.success:
        return float("inf")
    reached = float(np.min(rows.T @ programme.x))
    return float(np.sum(programme.x)) / reached if reached > 0 else float("inf")


def _node_values(gram: GramMatrix) -> Array:
    """Orthonormal node weights that span what the basis can make, (J, rank)."""
    left, singular, _ = np.linalg.svd(
        gram.weights / np.linalg.norm(gram.weights, axis=0), full_matrices=False
    )
    return np.asarray(left[:, singular > _RANK * singular[0]])


def _with_sum(values: Array) -> Array:
    """Rows whose absolute values sum to N."""
    return np.vstack([values, values.sum(axis=0)])


def _coefficients_of(gram: GramMatrix, node_weights: Array) -> Array:
    """Coefficients of smallest norm that make these node weights."""
    norms = np.linalg.norm(gram.weights, axis=0)
    return np.asarray(linalg.lstsq(gram.weights / norms, node_weights, cond=_RANK)[0] / norms)


def _within(gram: GramMatrix, change: Array, allowed: float) -> Array:
    """The change, scaled down until N is at most what is allowed."""
    norm = mengesha_du_norm(gram.weights @ change)
    return change * min(1.0, max(allowed, 0.0) * (1 - _SPARE) / norm) if norm > 0 else change
