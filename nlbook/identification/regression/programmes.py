"""The convex programmes for the coefficients of one Bernstein kernel.

With the loss a quadratic, the positive fit is nonnegative least squares. A least symbol on the grid
is one bound a mode on a ring; otherwise eigenvectors make bounds, added until none is violated.
Kernels split into a positive one and its correction are in
`nlbook.identification.regression.mengesha_du`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from nlbook.convex import Approach, BoundedLeastSquares
from nlbook.identification.regression.certificates import Optimum, coercivity
from nlbook.identification.regression.gram import GramMatrix

__all__ = [
    "column_scales",
    "nonnegative",
    "symbol_constrained",
    "unconstrained",
]

Array = NDArray[np.float64]

# Bounds from eigenvectors: so many rounds, until the smallest eigenvalue is as large as this share
# of what is needed.
MOST_CUTS, CUT_ENOUGH = 40, 1 - 1e-7

# Norm of scaled coefficients, over that of the optimum, within which lower bounds hold where none
# is proved of all kernels that do as well.
BOUND_WITHIN = 10.0

# Norm of a residual that is rounding of the target, as a share of it.
_ROUNDED = 1e-9

# Constraints of a programme whose bounds are not all in place yet are met within this share.
_FEASIBLE = 1e-8


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
    scaled, _ = optimize.nnls(triangle, target, maxiter=100 * factor.shape[1])
    # the columns of a positive basis have positive products
    sum_of_all = factor @ np.ones(factor.shape[1])
    residual = target - factor @ scaled
    step = float(np.max((factor.T @ residual) / (factor.T @ sum_of_all)))
    y = residual - max(step, 0.0) * sum_of_all
    bound = max(2 * float(y @ target) - float(y @ y), 0.0) + gram.floor
    coefficients = scaled / scales
    return Optimum(coefficients, coefficients, bound)


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
    cuts = first_cuts(gram, inside)
    x, bound, attempts = inside * scales, free.lower_bound, 0
    ring = gram.boundary == "periodic"

    def largest_norm(x: Array) -> float:
        return BOUND_WITHIN * float(np.linalg.norm(x))

    for _ in range(MOST_CUTS):
        rows = cuts @ gram.weights / scales / margin
        programme = BoundedLeastSquares(
            gram.factor / scales, gram.target, rows, np.ones(len(rows)), (), inside * scales
        )
        judge = (
            (lambda x: gram.loss(_blended(gram, x / scales, inside, margin)) - gram.floor)
            if ring
            else own_loss(programme)
        )
        near = approached(programme, gram, judge, largest_norm, solver)
        x, attempts = near.solution.x, max(attempts, near.attempts)
        bound = max(bound, near.lower_bound + gram.floor)
        value, row = gram.lowest_eigenpair(gram.weights @ (x / scales))
        if ring or value >= CUT_ENOUGH * margin:
            break
        cuts = np.vstack([cuts, row])
    mixed = _blended(gram, x / scales, inside, margin)
    return Optimum(mixed, None, bound, largest_norm(x), attempts)


def own_loss(programme: BoundedLeastSquares) -> Callable[[Array], float]:
    """The loss of what fulfils the programme's constraints, as far as solvers make it."""
    return lambda x: programme.loss(x) if programme.excess(x) < _FEASIBLE else np.inf


def _blended(gram: GramMatrix, outside: Array, inside: Array, margin: float) -> Array:
    """The kernel nearest to what was found, on the way to one inside, that fulfils the bound."""
    share = 0.0
    for power in range(-14, 1):
        mixed = (1 - share) * outside + share * inside
        if coercivity(gram, mixed) >= margin:
            return mixed
        share = 10.0**power
    return inside


def first_cuts(gram: GramMatrix, positive: Array) -> Array:
    if gram.boundary == "periodic":
        return gram.mode_rows
    return gram.lowest_eigenpair(gram.weights @ positive)[1][np.newaxis]


def approached(
    programme: BoundedLeastSquares,
    gram: GramMatrix,
    judge: Callable[[Array], float],
    largest_norm: Callable[[Array], float],
    solver: str,
    expected: float | None = None,
) -> Approach:
    """Solve a programme whose loss, but for what no kernel explains, is that of the data."""
    return programme.approach(
        judge,
        largest_norm,
        solver,
        smallest=_ROUNDED * float(np.linalg.norm(gram.target)),
        expected=expected,
        floor=gram.floor,
        rounding=gram.rounding,
    )
