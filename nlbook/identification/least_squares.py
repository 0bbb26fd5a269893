"""Least squares under linear inequalities and L1 bounds, with a lower bound of our own.

What is solved is::

    minimise |A x - b|**2   subject to   G x >= g   and, for some (F, l, t),   |F x|_1 <= l.x + t.

This is the form of every convex programme for a kernel that may change sign. A solver's status is
no certificate. Ours is a lower bound: for any y, any multipliers z >= 0 and nu >= 0, and any
sigma of sizes at most nu, weak duality gives::

    |A x - b|**2 >= 2 y.b - |y|**2 + z.g - nu t + rest.x,
    rest = -2 A^T y - G^T z + F^T sigma - nu l,

at every feasible x, and rest.x is at least minus the product of the norms of rest and x. The
solver's multipliers, clipped, make a bound whatever their quality; what they leave of rest in the
range of A^T is moved into y.

An interior-point method stops where rounding stops it, and whether that is near the optimum hangs
on how the problem is written down. So it is written in several ways, one after the other, until
the least loss found and the greatest lower bound found meet (`BoundedLeastSquares.approach`):
unknowns as they are, or those that make A^T A the identity; scaled by us alone, or by the solver
too; around zero or around the best point yet; the residual divided by its last norm each time.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

__all__ = [
    "AbsoluteBound",
    "Approach",
    "BoundedLeastSquares",
    "Formulation",
    "Solution",
    "SolverFailure",
]

Array = NDArray[np.float64]

# Singular values of A below these shares of the largest are left out when `rest` is moved into y:
# the best of several is taken, as every one gives a bound.
_SHARES = (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)

# What Clarabel is asked for. What it ends with elsewhere is of use too: our bound says how much.
_TOLERANCE = 1e-11

# The residual is divided by its last norm and solved for again until it falls by less than this.
_SETTLED = 0.3
_MOST_ROUNDS = 6

# Where the solver fails, the residual is divided by so much more, and counts for less.
_EASIER = 10.0

# Singular values of A are taken to be at least this share of the largest when it is whitened.
_WHITE = 1e-9

# Share of the loss by which it may exceed its lower bound for the search to end. Interior-point
# methods end at 1e-9 to 1e-12 where nothing goes wrong.
_WANTED = 1e-8

# Where a solver says that no x fulfils the constraints, so many ways of writing must agree.
_WITNESSES = 2


class SolverFailure(RuntimeError):
    """A solver that ended without a solution."""


@dataclass(frozen=True, eq=False)
class AbsoluteBound:
    """The L1 norm of matrix x is at most slope.x + level."""

    matrix: Array  #: F (rows, n)
    slope: Array  #: l (n,)
    level: float = 0.0  #: t


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver found, and the multipliers of its constraints."""

    x: Array  #: (n,)
    multipliers: Array  #: of G x >= g
    levels: tuple[float, ...]  #: nu of each absolute bound
    slopes: tuple[Array, ...]  #: sigma of each


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


@dataclass(frozen=True, eq=False)
class Approach:
    """How near the least loss found and the greatest lower bound came."""

    found: Solution  #: with the least loss
    loss: float  #: what the judge made of it
    lower_bound: float  #: no feasible x, of a size within reach, has a smaller loss
    met: bool  #: whether they are as near as was wanted
    attempts: int  #: ways of writing the programme that were used


@dataclass(frozen=True, eq=False)
class BoundedLeastSquares:
    """The programme; columns and rows are best scaled to order one."""

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
    #: x that are nearly feasible and known to be good, from which the residual takes its scale
    start: Array | None = field(default=None)

    def loss(self, x: Array) -> float:
        """Square of the norm of A x - b."""
        return float(np.sum((self.matrix @ x - self.target) ** 2))

    def excess(self, x: Array) -> float:
        """By how much constraints are violated at most, over the size of their terms."""
        worst = 0.0
        if self.rows.shape[0]:
            sizes = np.abs(self.least) + np.abs(self.rows) @ np.abs(x)
            below = self.least - self.rows @ x
            worst = float(np.max(below / np.maximum(sizes, 1e-300)))
        for bound in self.absolute:
            total = float(np.sum(np.abs(bound.matrix @ x)))
            over = total - float(bound.slope @ x) - bound.level
            size = total + float(np.abs(bound.slope) @ np.abs(x)) + abs(bound.level)
            worst = max(worst, over / max(size, 1e-300))
        return max(worst, 0.0)

    def approach(
        self,
        judge: Callable[[Array], float],
        reach: Callable[[Array], float],
        solver: str = "CLARABEL",
        *,
        ways: tuple[Formulation, ...] = SCALED,
        smallest: float = 0.0,
        expected: float | None = None,
        floor: float = 0.0,
        rounding: float = 0.0,
        wanted: float = _WANTED,
    ) -> Approach:
        """Solve in one way after the other until the loss is nearly at its lower bound.

        Parameters
        ----------
        judge : callable
            From an x that a solver found to the loss of a feasible one made of it; infinite if
            nothing can be made of it.
        reach : callable
            From such an x to the largest norm of which the lower bound is to hold.
        solver : str
            Clarabel, or another of those that cvxpy knows, which is asked in one way only.
        ways : tuple of Formulation
            In the order in which they are tried.
        smallest : float
            Norm of the residual below which it need not be resolved.
        expected : float, optional
            Norm of the residual, if something is known of it.
        floor : float
            What is added to every loss, and so to what a gap is a share of.
        rounding : float
            What rounding may do to a loss: gaps below it are met.
        wanted : float
            Largest gap, as a share of the loss.

        Returns
        -------
        Approach
            With `met` false where no way came as near as wanted.

        Raises
        ------
        SolverFailure
            If the solver found nothing.
        ValueError
            If no x fulfils the constraints.
        """
        other = solver.upper() != "CLARABEL"
        start = np.zeros(self.matrix.shape[1]) if self.start is None else self.start
        scale = max(math.sqrt(self.loss(start)), smallest, 1e-300)
        if expected is not None:
            scale = max(min(scale, expected), smallest, 1e-300)
        best: Solution | None = None
        upper, lower, without, number = math.inf, 0.0, 0, 0
        for number, way in enumerate(ways[:1] if other else ways, start=1):
            solved_at = math.inf
            for _ in range(_MOST_ROUNDS):
                origin = best.x if way.around and best is not None else None
                try:
                    found = (
                        self._by_cvxpy(scale, solver)
                        if other
                        else self._by_clarabel(scale, way, origin)
                    )
                except _NoRoom:
                    without += 1
                    break
                if found is None:
                    scale *= _EASIER
                    if scale >= solved_at:
                        break
                    continue
                solved_at = scale
                judged = judge(found.x)
                if best is None or judged < upper:
                    best, upper = found, judged
                lower = max(lower, self.lower_bound(found, reach(found.x)))
                gap = upper - lower  # infinite as long as nothing feasible was found
                if math.isfinite(gap) and gap <= wanted * (upper + floor) + rounding:
                    return Approach(best, upper, lower, True, number)
                norm = math.sqrt(self.loss(found.x))
                if norm > _SETTLED * scale or scale <= smallest:
                    break
                scale = max(norm, smallest, 1e-300)
            if math.isinf(upper) and without >= (1 if other else _WITNESSES):
                break
        if math.isinf(upper) and without:
            raise ValueError("constraints must leave room for a kernel, and these leave none")
        if best is None or math.isinf(upper):
            raise SolverFailure(
                f"{solver} found no solution; the constraints or the data are badly scaled"
            )
        return Approach(best, upper, lower, False, number)

    def _by_clarabel(self, scale: float, way: Formulation, origin: Array | None) -> Solution | None:
        """Unknowns z, x = origin + T z; then y = A x - b over its scale; then sizes of F x."""
        import clarabel

        n = self.matrix.shape[1]
        x0 = np.zeros(n) if origin is None else origin
        turn = self._whitening(scale) if way.whitened else np.eye(n)
        both = np.column_stack([self.matrix @ turn, self.target - self.matrix @ x0]) / scale
        triangle = linalg.qr(both, mode="r")[0][: n + 1]
        k, sizes = triangle.shape[0], [bound.matrix.shape[0] for bound in self.absolute]
        width = n + k + sum(sizes)
        residual = np.zeros((k, width))
        residual[:, :n], residual[:, n : n + k] = triangle[:, :n], -np.eye(k)
        blocks, sides = [residual], [triangle[:, n]]
        rows, least = self.rows @ turn, self.least - self.rows @ x0
        norms = np.linalg.norm(rows, axis=1)
        norms[norms == 0] = 1.0
        block = np.zeros((len(rows), width))
        block[:, :n] = -rows / norms[:, np.newaxis]
        blocks.append(block)
        sides.append(-least / norms)
        at, units = n + k, []
        for bound, count in zip(self.absolute, sizes, strict=True):
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
        squares = np.concatenate([np.zeros(n), np.full(k, 2.0), np.zeros(sum(sizes))])
        cones = [clarabel.ZeroConeT(k)]
        if inequalities := sum(len(side) for side in sides[1:]):
            cones.append(clarabel.NonnegativeConeT(inequalities))
        solved = clarabel.DefaultSolver(
            sparse.csc_matrix(np.diag(squares)),
            np.zeros(width),
            sparse.csc_matrix(np.vstack(blocks)),
            np.concatenate(sides),
            cones,
            _clarabel(way),
        ).solve()
        if "PrimalInfeasible" in str(solved.status):
            raise _NoRoom
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
        return Solution(x, multipliers, tuple(levels), tuple(slopes))

    def _whitening(self, scale: float) -> Array:
        """T with T^T A^T A T = scale**2 in the directions that A sees."""
        _, singular, right = np.linalg.svd(self.matrix / scale, full_matrices=True)
        sizes = np.zeros(len(right))
        sizes[: singular.size] = singular
        return np.asarray(right.T / np.maximum(sizes, _WHITE * sizes[0]))

    def _by_cvxpy(self, scale: float, solver: str) -> Solution | None:
        import cvxpy as cp

        both = np.column_stack([self.matrix, self.target])
        triangle = linalg.qr(both, mode="r")[0][: both.shape[1]] / scale
        x = cp.Variable(self.matrix.shape[1])
        constraints: list[Any] = []
        if self.rows.shape[0]:
            constraints.append(self.rows @ x >= self.least)
        for bound in self.absolute:
            size = cp.Variable(bound.matrix.shape[0])
            constraints += [
                bound.matrix @ x <= size,
                -(bound.matrix @ x) <= size,
                cp.sum(size) <= bound.slope @ x + bound.level,
            ]
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
            raise _NoRoom
        if x.value is None:
            return None
        square = scale**2
        duals = [np.atleast_1d(np.asarray(c.dual_value, dtype=np.float64)) for c in constraints]
        head = [duals.pop(0)] if self.rows.shape[0] else [np.zeros(0)]
        slopes = tuple(
            (up - down) * square for up, down in zip(duals[::3], duals[1::3], strict=True)
        )
        levels = tuple(float(level[0]) * square for level in duals[2::3])
        return Solution(np.asarray(x.value, dtype=np.float64), head[0] * square, levels, slopes)

    def lower_bound(self, found: Solution, reach: float) -> float:
        """A value that the least squares do not fall below at any feasible x with |x| <= reach.

        Parameters
        ----------
        found : Solution
            Whose residual and multipliers are used; they need not be exact.
        reach : float
            Largest norm of x that is considered.

        Returns
        -------
        float
        """
        y = self.target - self.matrix @ found.x
        z = np.maximum(found.multipliers, 0.0)
        rest = -self.rows.T @ z
        value = float(z @ self.least)
        for bound, level, sigma in zip(self.absolute, found.levels, found.slopes, strict=True):
            nu = max(level, float(np.max(np.abs(sigma), initial=0.0)))
            rest = rest + bound.matrix.T @ sigma - nu * bound.slope
            value -= nu * bound.level
        left, singular, right = np.linalg.svd(self.matrix, full_matrices=False)
        best = 0.0
        for share in _SHARES:
            seen = singular > share * singular[0]
            leaves = rest - 2 * self.matrix.T @ y
            moved = y + left[:, seen] @ ((right[seen] @ leaves) / singular[seen]) / 2
            # rounding of the corrected products is part of what is left
            left_over = float(np.linalg.norm(rest - 2 * self.matrix.T @ moved))
            here = 2 * float(moved @ self.target) - float(moved @ moved) + value
            best = max(best, here - reach * left_over)
        return best


class _NoRoom(Exception):
    """A solver's word that no x fulfils the constraints."""


def _clarabel(way: Formulation) -> Any:
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    settings.equilibrate_enable = way.equilibrated
    settings.static_regularization_constant = way.regularization
    return settings
