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
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["AbsoluteBound", "BoundedLeastSquares", "Solution", "SolverFailure"]

Array = NDArray[np.float64]

# Singular values of A below these shares of the largest are left out when `rest` is moved into y:
# the best of several is taken, as every one gives a bound.
_SHARES = (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)

# Tolerances of Clarabel, the next where one fails; and what is still of use where it stalls.
_TOLERANCES = (1e-11, 1e-9, 1e-7)
_LOOSE_GAP, _LOOSE_FEASIBILITY = 1e-3, 1e-7

# The residual is divided by its last norm and solved for again until it falls by less than this.
_SETTLED = 0.3
_MOST_ROUNDS = 6

# Where the solver fails, the residual is divided by so much more, and counts for less.
_EASIER = 10.0


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

    def solve(
        self,
        solver: str = "CLARABEL",
        *,
        smallest: float = 0.0,
        expected: float | None = None,
        **options: Any,
    ) -> Solution:
        """Solve, dividing the residual by its last norm until that settles.

        Parameters
        ----------
        solver : str
            Of those that cvxpy knows.
        smallest : float
            Norm of the residual below which it need not be resolved.
        expected : float, optional
            Norm of the residual, if something is known of it.
        **options
            For the solver, instead of our tolerances.

        Returns
        -------
        Solution

        Raises
        ------
        SolverFailure
            If the solver found nothing.
        ValueError
            If no x fulfils the constraints.
        """
        start = np.zeros(self.matrix.shape[1]) if self.start is None else self.start
        scale = max(math.sqrt(self.loss(start)), smallest, 1e-300)
        if expected is not None:
            scale = max(min(scale, expected), smallest, 1e-300)
        best: Solution | None = None
        solved_at = math.inf
        for _ in range(_MOST_ROUNDS):
            found = self._solve_scaled(scale, solver, options)
            if found is None:
                scale *= _EASIER
                if scale >= solved_at:
                    break
                continue
            best, solved_at = found, scale
            norm = math.sqrt(self.loss(found.x))
            if norm > _SETTLED * scale or scale <= smallest:
                break
            scale = max(norm, smallest, 1e-300)
        if best is None:
            raise SolverFailure(
                f"{solver} found no solution; the constraints or the data are badly scaled"
            )
        return best

    def _solve_scaled(self, scale: float, solver: str, options: dict[str, Any]) -> Solution | None:
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
        ladder = [options]
        if solver == "CLARABEL" and not options:
            ladder = [_clarabel(tolerance) for tolerance in _TOLERANCES]
        with warnings.catch_warnings():
            # the bound says how much
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            for step in ladder:
                try:
                    problem.solve(solver=solver, **step)
                except cp.error.SolverError:
                    continue
                break
            else:
                return None
        if problem.status in ("infeasible", "infeasible_inaccurate"):
            raise ValueError("constraints must leave room for a kernel, and these leave none")
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


def _clarabel(tolerance: float) -> dict[str, float]:
    return {
        "tol_gap_abs": tolerance,
        "tol_gap_rel": tolerance,
        "tol_feas": tolerance,
        "reduced_tol_gap_abs": _LOOSE_GAP,
        "reduced_tol_gap_rel": _LOOSE_GAP,
        "reduced_tol_feas": _LOOSE_FEASIBILITY,
    }
