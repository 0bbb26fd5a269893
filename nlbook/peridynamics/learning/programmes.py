"""The convex programmes of a fit: least squares under the conditions of solvability.

The conditions stand at a thousand wavevectors, of which a few bind. A programme takes a few, and
those that its solution violates, until none is; so its lower bound, being that of fewer conditions,
is one of the whole programme as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nlbook.convex import BoundedLeastSquares, MatrixBound
from nlbook.peridynamics.learning.objective import TIGHTENED, Objective

__all__ = ["Step", "Subspace", "Working", "linearised"]

Array = NDArray[np.float64]

# The lower bound holds for unknowns of up to so many times the norm of those that were found.
_WITHIN = 10.0
# Conditions that are added at a time, and how often before all that are violated are.
_AT_A_TIME, _ROUNDS = 16, 20
# No two closer than this along the line of wavevectors are added at once.
_APART = 3
# Conditions whose eigenvalues come so near to their bounds, over mu q, are kept for the next time.
_NEAR = 0.02


@dataclass(frozen=True, eq=False)
class Subspace:
    """Unknowns w of what is asked for exactly: x = origin + inner w."""

    origin: Array  #: (n + 1,)
    inner: Array  #: (n + 1, n_w), orthonormal columns
    nonnegative: bool = False  #: whether no y may be negative, in place of the conditions

    def of(self, x: Array) -> Array:
        """The w nearest to an x."""
        return np.asarray(self.inner.T @ (x - self.origin))


@dataclass(eq=False)
class Working:
    """Wavevectors whose conditions have been needed so far."""

    #: their places among those that are looked at
    chosen: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    fresh: bool = True  #: whether none has been looked for yet


@dataclass(frozen=True, eq=False)
class Step:
    """What a programme gave."""

    x: Array  #: (n + 1,)
    loss: float  #: of the linearised residuals there, and what no symbol removes
    lower_bound: float  #: of it, at every x that fulfils the conditions
    met: bool  #: whether both are as near as was wanted


def linearised(
    objective: Objective, subspace: Subspace, x: Array, working: Working, wanted: float
) -> Step:
    """Least linearised loss around x, under the conditions.

    Parameters
    ----------
    objective : Objective
        Whose residuals are linearised.
    subspace : Subspace
        Of what is asked for exactly.
    x : ndarray, shape (n + 1,)
        In the subspace.
    working : Working
        Wavevectors to begin with; those that turn out to be needed are added.
    wanted : float
        Largest distance of loss and lower bound, as a share of the loss.

    Returns
    -------
    Step

    Raises
    ------
    ValueError
        If nothing in the subspace fulfils the conditions.
    SolverFailure
        If the solver found nothing.
    """
    residual, jacobian = objective.residual(x)
    here = subspace.of(x)
    matrix = jacobian @ subspace.inner
    both = np.column_stack([matrix, matrix @ here - residual])
    reduced: Array = np.linalg.qr(both).R
    matrix, target = reduced[:, :-1], reduced[:, -1]
    rows, least = _linear(objective, subspace)
    origin, inner = subspace.origin[:-1], subspace.inner[:-1]
    stability = objective.stability
    if working.fresh and not subspace.nonnegative:
        working.chosen = np.arange(0, len(stability.g), max(1, len(stability.g) // _AT_A_TIME))
        working.fresh = False
    bound, rounds = 0.0, 0
    while True:
        cones: list[MatrixBound] = []
        if not subspace.nonnegative:
            cones = stability.bounds(working.chosen, inner, origin)
        programme = BoundedLeastSquares(
            matrix, target, rows, least, start=here, semidefinite=tuple(cones)
        )
        near = programme.approach(
            programme.loss,
            lambda w: _WITHIN * float(np.linalg.norm(w)),
            floor=objective.rest,
            rounding=1e-28,
            wanted=wanted,
        )
        bound = max(bound, near.lower_bound)
        found = subspace.origin + subspace.inner @ near.solution.x
        if subspace.nonnegative:
            break
        coercive, schur = stability.margins(found[:-1])
        over = np.minimum(coercive, schur)
        over[working.chosen] = np.inf
        violated = np.flatnonzero(over < 0)
        if not violated.size:
            near_by = np.minimum(coercive, schur)[working.chosen] < _NEAR
            working.chosen = working.chosen[near_by]
            break
        rounds += 1
        if rounds <= _ROUNDS:
            violated = _worst(violated, over)
        working.chosen = np.concatenate([working.chosen, violated])
    rest = objective.rest
    return Step(found, near.loss + rest, bound + rest, near.met)


def _worst(violated: NDArray[np.intp], over: Array) -> NDArray[np.intp]:
    """The most violated, no two of them close together: neighbours are mended with them."""
    taken: list[int] = []
    for at in violated[np.argsort(over[violated])].tolist():
        if all(abs(at - other) > _APART for other in taken):
            taken.append(at)
            if len(taken) == _AT_A_TIME:
                break
    return np.array(taken, dtype=np.intp)


def _linear(objective: Objective, subspace: Subspace) -> tuple[Array, Array]:
    """rho >= -2, like volumes on several grids, and no y negative where that is asked for."""
    rows = [subspace.inner[-1:]]
    least = [np.array([TIGHTENED - 2 - subspace.origin[-1]])]
    asked = [objective.stability.volume_rows - TIGHTENED * objective.mu_row]
    if subspace.nonnegative:
        asked.append(np.eye(objective.mu_row.size))
    for more in asked:
        rows.append(more @ subspace.inner[:-1])
        least.append(-more @ subspace.origin[:-1])
    every, sides = np.concatenate(rows), np.concatenate(least)
    acts = np.linalg.norm(every, axis=1) > 0
    return every[acts], sides[acts]
