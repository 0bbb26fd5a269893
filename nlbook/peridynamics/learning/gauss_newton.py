"""Fits by Gauss-Newton steps under exact conditions, from several starts.

In a step the residuals are linearised in (y, rho), the conditions are not: they are linear matrix
inequalities already. So every step is a convex programme whose solution is admissible, as is the
way there from an admissible point, on which the step is shortened until the loss itself falls. At
the end the lower bound of the last programme says how far from stationary the fit is. Of the loss
over all admissible solids there is no bound: that several starts come to one end is the evidence
that there is nothing lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.convex import SolverFailure
from nlbook.peridynamics.learning.choices import GaussNewton
from nlbook.peridynamics.learning.objective import Objective
from nlbook.peridynamics.learning.programmes import Subspace, Working, linearised

__all__ = ["Descent", "descend", "first_guesses"]

Array = NDArray[np.float64]

# A step must win this share of what its programme promises, or is halved, so often at most.
_WON, _HALVINGS = 1e-4, 12
# Gaps of the programmes, as a share of the loss, while steps are long and when they are short.
_FAR, _WANTED = 1e-6, 1e-9
# Steps that promise less than this share of the loss are short.
_SHORT = 1e-3
# No start is softer than this share of what the data show.
_SOFTEST = 1e-3


@dataclass(frozen=True, eq=False)
class Descent:
    """Where one start led."""

    x: Array  #: (n + 1,)
    loss: float  #: there, the square of E_Res
    losses: Array  #: after each step (n_steps,)
    lower_bound: float  #: of the loss linearised at x, under the conditions
    converged: bool  #: whether no step wins more than the tolerance, of a programme solved so far


def descend(
    objective: Objective, subspace: Subspace, start: Array, settings: GaussNewton, working: Working
) -> Descent:
    """Gauss-Newton from one start.

    Parameters
    ----------
    objective : Objective
        The loss and its conditions.
    subspace : Subspace
        Of what is asked for exactly.
    start : ndarray, shape (n + 1,)
        Need not be admissible: then the first step is taken whole.
    settings : GaussNewton
        Steps and tolerance.
    working : Working
        Wavevectors known to be needed.

    Returns
    -------
    Descent
    """

    def fulfils(point: Array) -> bool:
        return subspace.nonnegative or objective.feasible(point)

    x = subspace.origin + subspace.inner @ subspace.of(start)
    admissible = fulfils(x)
    loss = objective.loss(x) if admissible else np.inf
    if not subspace.inner.shape[1]:  # all unknowns are given
        if not admissible:
            raise ValueError("constraints must leave room for a solid, and these leave none")
        return Descent(x, loss, np.empty(0), loss, True)
    losses, bound, converged, wanted = [], 0.0, False, _FAR
    for _ in range(settings.most_steps):
        step = linearised(objective, subspace, x, working, wanted)
        bound = step.lower_bound
        if not np.isfinite(loss):
            x, loss = step.x, objective.loss(step.x)
            admissible = fulfils(x)
            losses.append(loss)
            continue
        promised = loss - step.loss
        if promised <= _SHORT * loss and wanted > _WANTED:
            wanted = _WANTED
            if promised <= settings.tolerance * loss:
                continue
        if promised <= settings.tolerance * loss:
            # no more than the tolerance is left for what the programme's own gap hides
            converged = step.met
            break
        share = 1.0
        for _ in range(_HALVINGS):
            tried = x + share * (step.x - x)
            new = objective.loss(tried)
            # a programme that was hardly solved may leave the conditions, which none may once met
            kept = fulfils(tried) or not admissible
            if kept and new <= loss - _WON * share * promised:
                break
            share /= 2
        else:
            # below rounding of the loss itself nothing can be won
            converged = step.met and promised <= 1e3 * settings.tolerance * loss
            break
        x, loss, admissible = tried, new, admissible or fulfils(tried)
        losses.append(loss)
    return Descent(x, loss, np.array(losses), bound, converged)


def first_guesses(objective: Objective, settings: GaussNewton) -> list[Array]:
    """Points to start from: kernels without a sign change, with the best mu and rho for each.

    Parameters
    ----------
    objective : Objective
        The loss.
    settings : GaussNewton
        How many, and the seed.

    Returns
    -------
    list of ndarray, shape (n + 1,)
        The first from a constant polynomial, the others from the paper's uniform coefficients.
    """
    rng = np.random.default_rng(settings.seed)
    n_coefficients = objective.unknowns.shape[1]
    shapes: list[Array] = [np.ones(n_coefficients)]
    shapes += list(rng.uniform(size=(settings.starts - 1, n_coefficients)))
    guesses = []
    for shape in shapes:
        y = objective.unknowns @ shape
        y /= float(objective.mu_row @ y)
        # with one kernel the symbols are linear in mu and mu rho
        bonds, _ = objective.residual(np.append(y, 0.0))
        both, slope = objective.residual(np.append(y, 1.0))
        targets = np.concatenate([term.targets.ravel() for term in objective.terms])
        columns = np.column_stack([bonds + targets, both - bonds])
        (scale, mixed), *_ = np.linalg.lstsq(columns, targets)
        scale = max(scale, _SOFTEST * objective.stiffness)
        guesses.append(np.append(scale * y, np.clip(mixed / scale, -1.9, 10.0)))
    return guesses


def best_of(descents: list[Descent]) -> Descent:
    """The descent that ended lowest."""
    if not descents:
        raise SolverFailure("no start led anywhere")
    return min(descents, key=lambda one: one.loss)
