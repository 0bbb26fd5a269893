"""Least squares under linear inequalities and L1 bounds, with a lower bound of our own.

What is solved is::

    minimise |A x - b|**2   subject to   G x >= g,   for some (F, l, t)   |F x|_1 <= l.x + t,
    and for some symmetric matrices   P_0 + sum of x_i P_i >= 0, positive semidefinite.

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
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_unmasked
from nlbook.interior_point import (
    SCALED,
    AbsoluteBound,
    Formulation,
    MatrixBound,
    NoRoom,
    Programme,
    Solution,
    by_clarabel,
    by_cvxpy,
)

__all__ = [
    "AbsoluteBound",
    "Approach",
    "BoundedLeastSquares",
    "Formulation",
    "MatrixBound",
    "Solution",
    "SolverFailure",
]

Array = NDArray[np.float64]

# Singular values of A below these shares of the largest are left out when `rest` is moved into y:
# the best of several is taken, as every one gives a bound.
_SHARES = (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)

# The residual is divided by its last norm and solved for again until it falls by less than this.
_SETTLED = 0.3
_MOST_ROUNDS = 6

# Where the solver fails, the residual is divided by so much more, and counts for less.
_EASIER = 10.0

# Share of the loss by which it may exceed its lower bound for the search to end. Interior-point
# methods end at 1e-9 to 1e-12 where nothing goes wrong.
_WANTED = 1e-8

# Where a solver says that no x fulfils the constraints, so many ways of writing must agree.
_WITNESSES = 2


class SolverFailure(RuntimeError):
    """A solver that ended without a solution."""


@dataclass(frozen=True, eq=False)
class Approach:
    """How near the least loss found and the greatest lower bound came."""

    solution: Solution  #: with the least loss
    loss: float  #: what the judge made of it
    lower_bound: float  #: no feasible x, of a norm that was asked for, has a smaller loss
    met: bool  #: whether they are as near as was wanted
    attempts: int  #: ways of writing the programme that were used


@dataclass(frozen=True, eq=False)
class BoundedLeastSquares(Programme):
    """The programme; columns and rows are best scaled to order one."""

    #: x that are nearly feasible and known to be good, from which the residual takes its scale
    start: Array | None = field(default=None)

    def loss(self, x: Array) -> float:
        """Square of the norm of A x - b."""
        check_unmasked("x", x)
        return float(np.sum((self.matrix @ x - self.target) ** 2))

    def excess(self, x: Array) -> float:
        """By how much constraints are violated at most, over the size of their terms."""
        check_unmasked("x", x)
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
        for group in self.semidefinite:
            terms = np.linalg.norm(group.slopes, axis=(1, 2)) @ np.abs(x)
            terms = np.maximum(terms + np.linalg.norm(group.levels, axis=(1, 2)), 1e-300)
            lowest = np.linalg.eigvalsh(group.at(x))[:, 0]
            worst = max(worst, float(np.max(-lowest / terms, initial=0.0)))
        return max(worst, 0.0)

    def approach(
        self,
        judge: Callable[[Array], float],
        largest_norm: Callable[[Array], float],
        solver: str = "CLARABEL",
        *,
        formulations: tuple[Formulation, ...] = SCALED,
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
        largest_norm : callable
            From such an x to the largest norm of which the lower bound is to hold.
        solver : str
            Clarabel, or another of those that cvxpy knows, which is asked in one way only.
        formulations : tuple of Formulation
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
        for number, formulation in enumerate(formulations[:1] if other else formulations, start=1):
            solved_at = math.inf
            for _ in range(_MOST_ROUNDS):
                origin = best.x if formulation.around and best is not None else None
                try:
                    solution = (
                        by_cvxpy(self, scale, solver)
                        if other
                        else by_clarabel(self, scale, formulation, origin)
                    )
                except NoRoom:
                    without += 1
                    break
                if solution is None:
                    scale *= _EASIER
                    if scale >= solved_at:
                        break
                    continue
                solved_at = scale
                judged = judge(solution.x)
                if best is None or judged < upper:
                    best, upper = solution, judged
                lower = max(lower, self.lower_bound(solution, largest_norm(solution.x)))
                gap = upper - lower  # infinite as long as nothing feasible was found
                if math.isfinite(gap) and gap <= wanted * (upper + floor) + rounding:
                    return Approach(best, upper, lower, True, number)
                norm = math.sqrt(self.loss(solution.x))
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

    def lower_bound(self, solution: Solution, largest_norm: float) -> float:
        """A value that the least squares do not fall below at any feasible x of at most a norm.

        Parameters
        ----------
        solution : Solution
            Whose residual and multipliers are used; they need not be exact.
        largest_norm : float
            Largest norm of x that is considered.

        Returns
        -------
        float
        """
        y = self.target - self.matrix @ solution.x
        z = np.maximum(solution.multipliers, 0.0)
        rest = -self.rows.T @ z
        value = float(z @ self.least)
        for bound, level, sigma in zip(
            self.absolute, solution.levels, solution.slopes, strict=True
        ):
            nu = max(level, float(np.max(np.abs(sigma), initial=0.0)))
            rest = rest + bound.matrix.T @ sigma - nu * bound.slope
            value -= nu * bound.level
        for group, multipliers in zip(self.semidefinite, solution.matrices, strict=True):
            values, vectors = np.linalg.eigh(multipliers)
            clipped = (vectors * np.maximum(values, 0.0)[:, np.newaxis]) @ vectors.mT
            rest = rest - np.tensordot(clipped, group.slopes, 3)
            value -= float(np.sum(clipped * group.levels))
        left, singular, right = np.linalg.svd(self.matrix, full_matrices=False)
        best = 0.0
        for share in _SHARES:
            seen = singular > share * singular[0]
            leaves = rest - 2 * self.matrix.T @ y
            moved = y + left[:, seen] @ ((right[seen] @ leaves) / singular[seen]) / 2
            # rounding of the corrected products is part of what is left
            left_over = float(np.linalg.norm(rest - 2 * self.matrix.T @ moved))
            here = 2 * float(moved @ self.target) - float(moved @ moved) + value
            best = max(best, here - largest_norm * left_over)
        return best
