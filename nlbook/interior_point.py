"""How least squares under bounds are written down for an interior-point method, and solved.

An interior-point method stops where rounding stops it, and whether that is near the optimum hangs
on how the problem is written down: with unknowns as they are, or those that make A^T A the
identity; scaled by us alone, or by the solver too; around zero or around the best point yet; the
residual divided by a norm that it is expected to have. What of it to try, and how good the answer
is, `nlbook.convex` says.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from nlbook.checks import check_unmasked

__all__ = [
    "AbsoluteBound",
    "Formulation",
    "MatrixBound",
    "NoRoom",
    "Programme",
    "Solution",
    "by_clarabel",
    "by_cvxpy",
]

Array = NDArray[np.float64]

# What Clarabel is asked for. What it ends with elsewhere is of use too: our bound says how much.
_TOLERANCE = 1e-11

# Singular values of A are taken to be at least this share of the largest when it is whitened.
_WHITE = 1e-9


@dataclass(frozen=True, eq=False)
class AbsoluteBound:
    """The L1 norm of matrix x is at most slope.x + level."""

    matrix: Array  #: F (rows, n)
    slope: Array  #: l (n,)
    level: float = 0.0  #: t

    def __post_init__(self) -> None:
        _refuse_masks(self)


@dataclass(frozen=True, eq=False)
class MatrixBound:
    """Symmetric matrices P_0 + sum of x_i P_i, none of which has a negative eigenvalue."""

    slopes: Array  #: P_i (count, size, size, n), a few rows each: cones of size 2 and 3
    levels: Array  #: P_0 (count, size, size)

    def __post_init__(self) -> None:
        _refuse_masks(self)

    def at(self, x: Array) -> Array:
        """The matrices at x, of shape (count, size, size)."""
        check_unmasked("x", x)
        return np.asarray(self.levels + self.slopes @ x)


@dataclass(frozen=True, eq=False)
class Programme:
    """Least |A x - b|**2 under G x >= g, |F x|_1 <= l.x + t and P_0 + sum x_i P_i >= 0."""

    #: A (rows, n)
    matrix: Array
    #: b (rows,)
    target: Array
    #: G (k, n)
    rows: Array
    #: g (k,)
    least: Array
    #: (F, l, t) of each
    absolute: tuple[AbsoluteBound, ...] = ()
    #: (P_i, P_0) of each group of matrices of one size
    semidefinite: tuple[MatrixBound, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        _refuse_masks(self)


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver found, and the multipliers of its constraints."""

    x: Array  #: (n,)
    multipliers: Array  #: of G x >= g
    levels: tuple[float, ...]  #: nu of each absolute bound
    slopes: tuple[Array, ...]  #: sigma of each
    matrices: tuple[Array, ...] = ()  #: Z of each group of matrices (count, size, size)


@dataclass(frozen=True)
class Formulation:
    """One way to write a programme down for an interior-point method."""

    whitened: bool = False  #: unknowns in which A^T A is the identity; else those of x
    around: bool = False  #: differences from the best x yet; else x itself
    equilibrated: bool = False  #: rows and columns scaled by the solver as well
    regularization: float = 1e-8  #: what the solver adds to the diagonal of its equations


#: For unknowns that are scaled as their constraints are, such as shares of what is allowed.
SCALED = (
    Formulation(),
    Formulation(around=True),
    Formulation(equilibrated=True),
    Formulation(regularization=1e-10),
    Formulation(equilibrated=True, around=True),
    Formulation(regularization=1e-7),
)

#: For unknowns in which the loss is far from round: once they are whitened the solver's equations
#: need little regularisation, and come out the better for it.
WHITENED = (
    Formulation(whitened=True, regularization=1e-13),
    Formulation(whitened=True, regularization=1e-12),
    Formulation(whitened=True, regularization=1e-11),
    Formulation(equilibrated=True),
    Formulation(whitened=True, around=True, regularization=1e-12),
    Formulation(equilibrated=True, around=True),
    Formulation(whitened=True, equilibrated=True, regularization=1e-10),
    *SCALED,
)


class NoRoom(Exception):
    """A solver's word that no x fulfils the constraints."""


def by_clarabel(
    programme: Programme, scale: float, formulation: Formulation, origin: Array | None
) -> Solution | None:
    """Unknowns z, x = origin + T z; then y = A x - b over its scale; then sizes of F x."""
    import clarabel

    check_unmasked("origin", origin)
    n = programme.matrix.shape[1]
    x0 = np.zeros(n) if origin is None else origin
    turn = _whitening(programme, scale) if formulation.whitened else np.eye(n)
    both = (
        np.column_stack([programme.matrix @ turn, programme.target - programme.matrix @ x0]) / scale
    )
    triangle = linalg.qr(both, mode="r")[0][: n + 1]
    k, sizes = triangle.shape[0], [bound.matrix.shape[0] for bound in programme.absolute]
    width = n + k + sum(sizes)
    residual = np.zeros((k, width))
    residual[:, :n], residual[:, n : n + k] = triangle[:, :n], -np.eye(k)
    blocks, sides = [residual], [triangle[:, n]]
    rows, least = programme.rows @ turn, programme.least - programme.rows @ x0
    norms = np.linalg.norm(rows, axis=1)
    norms[norms == 0] = 1.0
    block = np.zeros((len(rows), width))
    block[:, :n] = -rows / norms[:, np.newaxis]
    blocks.append(block)
    sides.append(-least / norms)
    at, units = n + k, []
    for bound, count in zip(programme.absolute, sizes, strict=True):
        inner, here = bound.matrix @ turn, bound.matrix @ x0
        unit = float(np.max(np.abs(inner)))
        unit = unit if unit > 0 else 1.0
        block = np.zeros((2 * count + 1, width))
        block[:count, :n], block[count:-1, :n] = inner / unit, -inner / unit
        block[:count, at : at + count] = block[count:-1, at : at + count] = -np.eye(count)
        block[-1, at : at + count] = 1.0
        block[-1, :n] = -(bound.slope @ turn) / unit
        blocks.append(block)
        level = float(bound.slope @ x0) + bound.level
        sides.append(np.concatenate([-here, here, [level]]) / unit)
        units.append(unit)
        at += count
    scales = []
    for group in programme.semidefinite:
        inner, here = _stacked(group.slopes @ turn), _stacked(group.at(x0))
        unit = np.linalg.norm(inner, axis=(1, 2))
        unit[unit == 0] = 1.0
        block = np.zeros((here.size, width))
        block[:, :n] = -(inner / unit[:, np.newaxis, np.newaxis]).reshape(-1, n)
        blocks.append(block)
        sides.append((here / unit[:, np.newaxis]).ravel())
        scales.append(unit)
    squares = np.concatenate([np.zeros(n), np.full(k, 2.0), np.zeros(sum(sizes))])
    cones = [clarabel.ZeroConeT(k)]
    if inequalities := len(rows) + sum(2 * count + 1 for count in sizes):
        cones.append(clarabel.NonnegativeConeT(inequalities))
    for group in programme.semidefinite:
        cones += [clarabel.PSDTriangleConeT(group.levels.shape[1])] * len(group.levels)
    solved = clarabel.DefaultSolver(
        sparse.csc_matrix(np.diag(squares)),
        np.zeros(width),
        sparse.csc_matrix(np.vstack(blocks)),
        np.concatenate(sides),
        cones,
        _clarabel(formulation),
    ).solve()
    if "PrimalInfeasible" in str(solved.status):
        raise NoRoom
    x = x0 + turn @ np.asarray(solved.x)[:n]
    duals = np.asarray(solved.z)[k:] * scale**2
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(duals))):
        return None
    multipliers, duals = duals[: len(rows)] / norms, duals[len(rows) :]
    levels, slopes = [], []
    for count, unit in zip(sizes, units, strict=True):
        slopes.append((duals[:count] - duals[count : 2 * count]) / unit)
        levels.append(float(duals[2 * count]) / unit)
        duals = duals[2 * count + 1 :]
    matrices = []
    for group, unit in zip(programme.semidefinite, scales, strict=True):
        count, size = group.levels.shape[:2]
        length = count * size * (size + 1) // 2
        matrices.append(
            _unstacked(duals[:length].reshape(count, -1), size) / unit[:, np.newaxis, np.newaxis]
        )
        duals = duals[length:]
    return Solution(x, multipliers, tuple(levels), tuple(slopes), tuple(matrices))


def _triangle(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Rows and columns of the upper triangle, column by column, and the weights of its entries.

    With weights sqrt(2) off the diagonal the product of two stacks is that of the matrices.
    """
    columns, rows = np.tril_indices(size)
    return rows, columns, np.where(rows == columns, 1.0, np.sqrt(2.0))


def _stacked(matrices: Array) -> Array:
    """Upper triangles of (count, size, size, ...), as (count, size (size + 1) / 2, ...)."""
    rows, columns, weights = _triangle(matrices.shape[1])
    return np.asarray(matrices[:, rows, columns] * weights.reshape(-1, *[1] * (matrices.ndim - 3)))


def _unstacked(stacks: Array, size: int) -> Array:
    rows, columns, weights = _triangle(size)
    matrices = np.zeros((len(stacks), size, size))
    matrices[:, rows, columns] = matrices[:, columns, rows] = stacks / weights
    return matrices


def _refuse_masks(programme: AbsoluteBound | MatrixBound | Programme) -> None:
    for name, value in vars(programme).items():
        check_unmasked(name, value)


def _whitening(programme: Programme, scale: float) -> Array:
    """T with T^T A^T A T = scale**2 in the directions that A sees."""
    _, singular, right = np.linalg.svd(programme.matrix / scale, full_matrices=True)
    sizes = np.zeros(len(right))
    sizes[: singular.size] = singular
    return np.asarray(right.T / np.maximum(sizes, _WHITE * sizes[0]))


def by_cvxpy(programme: Programme, scale: float, solver: str) -> Solution | None:
    """By another solver: unknowns x as they are, the residual over its scale, then sizes of F x."""
    import cvxpy as cp

    both = np.column_stack([programme.matrix, programme.target])
    triangle = linalg.qr(both, mode="r")[0][: both.shape[1]] / scale
    x = cp.Variable(programme.matrix.shape[1])
    constraints: list[Any] = []
    if programme.rows.shape[0]:
        constraints.append(programme.rows @ x >= programme.least)
    for bound in programme.absolute:
        size = cp.Variable(bound.matrix.shape[0])
        constraints += [
            bound.matrix @ x <= size,
            -(bound.matrix @ x) <= size,
            cp.sum(size) <= bound.slope @ x + bound.level,
        ]
    n_linear = len(constraints)
    for group in programme.semidefinite:
        for slope, level in zip(group.slopes, group.levels, strict=True):
            flat = slope.reshape(level.size, -1)  # symmetric, in either order
            constraints.append(cp.reshape(flat @ x, level.shape, order="C") + level >> 0)
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(triangle[:, :-1] @ x - triangle[:, -1])), constraints
    )
    with warnings.catch_warnings():
        # the bound says how much
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        try:
            problem.solve(solver=solver)
        except cp.error.SolverError:
            return None
    if problem.status in ("infeasible", "infeasible_inaccurate"):
        raise NoRoom
    if x.value is None:
        return None
    square = scale**2
    duals = [np.atleast_1d(np.asarray(c.dual_value, dtype=np.float64)) for c in constraints]
    of_matrices, duals = duals[n_linear:], duals[:n_linear]
    head = [duals.pop(0)] if programme.rows.shape[0] else [np.zeros(0)]
    slopes = tuple((up - down) * square for up, down in zip(duals[::3], duals[1::3], strict=True))
    levels = tuple(float(level[0]) * square for level in duals[2::3])
    matrices = []
    for group in programme.semidefinite:
        count = len(group.levels)
        matrices.append(np.array(of_matrices[:count]).reshape(group.levels.shape) * square)
        of_matrices = of_matrices[count:]
    found = np.asarray(x.value, dtype=np.float64)
    return Solution(found, head[0] * square, levels, slopes, tuple(matrices))


def _clarabel(formulation: Formulation) -> Any:
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    settings.equilibrate_enable = formulation.equilibrated
    settings.static_regularization_constant = formulation.regularization
    return settings
