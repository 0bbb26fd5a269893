"""The convex programmes for the coefficients of a Bernstein kernel.

With the loss a quadratic, the positive fit is nonnegative least squares. The correction D of a
positive kernel C under N(D) <= 1 / (2 kappa(C)) is least squares under an L1 bound. And the whole
problem (3.13) of [1]_, over C and D together, is convex: 1/kappa(C) is the smallest eigenvalue of
an operator linear in C, so concave, and N is a norm. On a ring it is one bound a mode,

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

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from nlbook.identification.certificates import Optimum, coercivity, mengesha_du_norm
from nlbook.identification.gram import GramMatrix
from nlbook.identification.least_squares import AbsoluteBound, BoundedLeastSquares

__all__ = [
    "column_scales",
    "correction",
    "joint",
    "nonnegative",
    "symbol_constrained",
    "unconstrained",
]

Array = NDArray[np.float64]

# Singular values below this share of the largest are rounding.
_RANK = 1e-13

# Bounds from eigenvectors: so many rounds, until the smallest eigenvalue is as large as this share
# of what is needed.
_MOST_CUTS, _CUT_ENOUGH = 40, 1 - 1e-7

# Norm of scaled coefficients, over that of the optimum, within which lower bounds hold where none
# is proved of all kernels that do as well, or one so large that rounding times it is no small loss.
_REACH, _FAR = 10.0, 1e5

# Modes with at least this share of the largest power bound the size of kernels that do as well.
_LOUD = 1e-9

# Constraints of a programme whose bounds are not all in place yet are met within this share.
_FEASIBLE = 1e-8

# Rounding of N, for coefficients that cancel: a bound is met with this share to spare.
_SPARE = 3e-10


def column_scales(gram: GramMatrix) -> Array:
    """Norms of the columns of the factor, none of them zero."""
    norms = np.linalg.norm(gram.factor, axis=0)
    return np.asarray(np.maximum(norms, 1e-12 * np.max(norms)))


def unconstrained(gram: GramMatrix, share: float = 1e-12) -> Optimum:
    """Least squares; among kernels that the data cannot tell apart the one of smallest norm.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    share : float
        Singular values of the scaled factor below this share of the largest are left out.

    Returns
    -------
    Optimum
    """
    scales = column_scales(gram)
    left, singular, right = np.linalg.svd(gram.factor / scales, full_matrices=False)
    seen = singular > share * singular[0]
    inner = left.T @ gram.target
    coefficients = right[seen].T @ (inner[seen] / singular[seen]) / scales
    outside = gram.target - left @ inner  # what no kernel reaches
    return Optimum(coefficients, None, float(outside @ outside) + gram.floor)


def nonnegative(gram: GramMatrix) -> Optimum:
    """Least squares among coefficients that are not negative: stage 1, exactly.

    The lower bound is 2 y.b - |y|**2 for the residual y, shifted until factor^T y <= 0.

    Parameters
    ----------
    gram : GramMatrix
        The data.

    Returns
    -------
    Optimum
    """
    scales = column_scales(gram)
    factor = gram.factor / scales
    triangle, target = factor, gram.target
    found, _ = optimize.nnls(triangle, target, maxiter=100 * factor.shape[1])
    # the columns of a positive basis have positive products
    sum_of_all = factor @ np.ones(factor.shape[1])
    residual = target - factor @ found
    step = float(np.max((factor.T @ residual) / (factor.T @ sum_of_all)))
    y = residual - max(step, 0.0) * sum_of_all
    bound = max(2 * float(y @ target) - float(y @ y), 0.0) + gram.floor
    coefficients = found / scales
    return Optimum(coefficients, coefficients, bound)


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

    near = programme.approach(
        lambda x: gram.loss(corrected(x)) - gram.floor,
        # columns of `values` are orthonormal, so that |x| <= |values x|_1 <= 1
        lambda _: 1.0,
        solver,
        smallest=_smallest(gram),
        floor=gram.floor,
        rounding=gram.rounding,
    )
    return Optimum(
        corrected(near.found.x), positive, near.lower_bound + gram.floor, attempts=near.attempts
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
    cuts = _first_cuts(gram, start.positive)
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

    def reach(x: Array) -> float:
        size = float(np.linalg.norm(x))
        return proved if proved <= _FAR * size else _REACH * size

    for _ in range(_MOST_CUTS):
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
        judge = (lambda x: gram.loss(repaired(x)[0]) - gram.floor) if ring else _own_loss(programme)
        near = programme.approach(
            judge,
            reach,
            solver,
            smallest=_smallest(gram),
            expected=expected,
            floor=gram.floor,
            rounding=gram.rounding,
        )
        x, attempts = near.found.x, max(attempts, near.attempts)
        bound = max(bound, near.lower_bound + gram.floor)
        whole, positive, value, row = repaired(x)
        if value > 0 and gram.loss(whole) < kept:
            best, kept = Optimum(whole, positive, 0.0), gram.loss(whole)
        if ring or value >= _CUT_ENOUGH * unit * x[-1]:
            break
        cuts = np.vstack([cuts, row])
    spoken_of = float("inf") if reach(x) == proved else reach(x)
    return Optimum(best.coefficients, best.positive, bound, spoken_of, attempts)


def symbol_constrained(gram: GramMatrix, margin: float, solver: str = "CLARABEL") -> Optimum:
    """Least squares among kernels whose smallest symbol on the grid is at least a margin.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    margin : float
        Least eigenvalue of -L on the grid, constants apart, 1/time.
    solver : str
        Of those that cvxpy knows.

    Returns
    -------
    Optimum
        Plain least squares where those fulfil the bound, as they often do.
    """
    free = unconstrained(gram)
    if coercivity(gram, free.coefficients) >= margin:
        return free
    scales = column_scales(gram)
    inside = nonnegative(gram).coefficients
    at = coercivity(gram, inside)
    if not at > 0:
        raise ValueError(f"margin must be within reach of the basis, got {margin!r}")
    inside = inside * max(1.0, 1.1 * margin / at)
    cuts = _first_cuts(gram, inside)
    x, bound, attempts = inside * scales, free.lower_bound, 0
    ring = gram.boundary == "periodic"

    def reach(x: Array) -> float:
        return _REACH * float(np.linalg.norm(x))

    for _ in range(_MOST_CUTS):
        rows = cuts @ gram.weights / scales / margin
        programme = BoundedLeastSquares(
            gram.factor / scales, gram.target, rows, np.ones(len(rows)), (), inside * scales
        )
        judge = (
            (lambda x: gram.loss(_blended(gram, x / scales, inside, margin)) - gram.floor)
            if ring
            else _own_loss(programme)
        )
        near = programme.approach(
            judge,
            reach,
            solver,
            smallest=_smallest(gram),
            floor=gram.floor,
            rounding=gram.rounding,
        )
        x, attempts = near.found.x, max(attempts, near.attempts)
        bound = max(bound, near.lower_bound + gram.floor)
        value, row = gram.lowest_eigenpair(gram.weights @ (x / scales))
        if ring or value >= _CUT_ENOUGH * margin:
            break
        cuts = np.vstack([cuts, row])
    found = _blended(gram, x / scales, inside, margin)
    return Optimum(found, None, bound, reach(x), attempts)


def _own_loss(programme: BoundedLeastSquares) -> Callable[[Array], float]:
    """The loss of what fulfils the programme's constraints, as far as solvers make it."""
    return lambda x: programme.loss(x) if programme.excess(x) < _FEASIBLE else np.inf


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
    found = optimize.linprog(np.ones(len(rows)), A_ub=-rows.T, b_ub=-np.ones(scales.size))
    if not found.success:
        return float("inf")
    reached = float(np.min(rows.T @ found.x))
    return float(np.sum(found.x)) / reached if reached > 0 else float("inf")


def _blended(gram: GramMatrix, found: Array, inside: Array, margin: float) -> Array:
    """The kernel nearest to what was found, on the way to one inside, that fulfils the bound."""
    share = 0.0
    for power in range(-14, 1):
        mixed = (1 - share) * found + share * inside
        if coercivity(gram, mixed) >= margin:
            return mixed
        share = 10.0**power
    return inside


def _first_cuts(gram: GramMatrix, positive: Array) -> Array:
    if gram.boundary == "periodic":
        return gram.mode_rows
    return gram.lowest_eigenpair(gram.weights @ positive)[1][np.newaxis]


def _smallest(gram: GramMatrix) -> float:
    """Norm of a residual that is rounding of the target."""
    return 1e-9 * float(np.linalg.norm(gram.target))


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
