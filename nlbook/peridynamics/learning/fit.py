"""Learning a linear peridynamic solid from displacements and loads, kept solvable.

Given samples (u, b) the influence function of Bernstein form and the moduli are sought that make
L u = b nearly so, under the sufficient conditions of solvability of [1]_. What is asked for are
objects of `nlbook.peridynamics.learning.choices`; the loss is the mean square of relative
residuals, the square of E_Res.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number
from nlbook.convex import SolverFailure
from nlbook.peridynamics.learning.adam import LARGEST_ALPHA, AdamHistory, adam_descent
from nlbook.peridynamics.learning.alpha_search import AlphaTrials, seek_alpha
from nlbook.peridynamics.learning.choices import (
    Adam,
    Constraint,
    ExactIntegrals,
    ExactLongWaves,
    FreeLongWaves,
    GaussNewton,
    GridQuadrature,
    LongWaves,
    Nonnegative,
    QuadratureChoice,
    Solvable,
    Solver,
    check_kind,
)
from nlbook.peridynamics.learning.fit_words import disagreement_words, fit_words
from nlbook.peridynamics.learning.gauss_newton import Descent, best_of, descend, first_guesses
from nlbook.peridynamics.learning.objective import Objective, objective_of
from nlbook.peridynamics.learning.programmes import Subspace, Working
from nlbook.peridynamics.learning.result import LongWaveModuli, LPSFit
from nlbook.peridynamics.learning.sample_spectra import (
    SampleSpectrum,
    gather_samples,
    net_force_words,
)
from nlbook.peridynamics.solvability import moduli_of_parts
from nlbook.peridynamics.symbols import LIMIT_OF_ALPHA

__all__ = ["Asked", "LearningWarning", "fit_lps", "fit_quietly", "learned", "rebuilt"]

Array = NDArray[np.float64]

# Fits of a higher degree start from that of this degree too: with exact integrals and a wide
# horizon all other starts may end above it.
_RUNG = 5


class LearningWarning(UserWarning):
    """A learned solid is not what it seems, or has no single answer."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What a fit was asked for, but for alpha."""

    horizon: float  #: delta on the nominal spacing, length
    degree: int  #: M
    constraint: Constraint  #: on the influence function
    long_waves: LongWaves  #: free, or of given moduli
    quadrature: QuadratureChoice  #: what the integrals are
    solver: Solver  #: how the least loss is sought


def fit_lps(
    samples: Any,
    horizon: float,
    degree: int,
    constraint: Constraint = Solvable(),
    *,
    alpha: float | tuple[float, float] = 1.0,
    long_waves: LongWaves = FreeLongWaves(),
    quadrature: QuadratureChoice = GridQuadrature(),
    solver: Solver = GaussNewton(),
    start: LPSFit | None = None,
) -> LPSFit:
    """Fit an influence function and two moduli to samples on periodic grids.

    Parameters
    ----------
    samples : object with `spacing`, `displacement` and `load`, or a sequence of them
        Fields of shape (n_samples, n1, n2, 2); several grids are fitted together. What
        `nlbook.peridynamics.gather_samples` returns serves many fits; with ``relative=False`` it
        is the paper's own sum of squares that is made small.
    horizon : float
        delta on the nominal spacing sqrt(h1 h2), length; at least two spacings.
    degree : int
        M of the Bernstein polynomials.
    constraint : Solvable or Nonnegative
        What keeps the solid well-posed.
    alpha : float or pair of float
        Exponent of 1/r**alpha, below 3 (exact integrals: 4), or an interval in which the best is
        sought.
    long_waves : FreeLongWaves or ExactLongWaves
        Whether the moduli of long waves are given.
    quadrature : GridQuadrature or ExactIntegrals
        What the integrals are.
    solver : GaussNewton or Adam
        How the least loss is sought.
    start : LPSFit, optional
        Another place to start from, for GaussNewton: a fit of the same degree, best of the same
        horizon and quadrature.

    Returns
    -------
    LPSFit

    Raises
    ------
    ValueError
        If data or arguments make no sense, or nothing fulfils all that is asked for.
    SolverFailure
        If the solver found nothing.

    Warns
    -----
    LearningWarning
        What stands in the fit's `warnings`.

    Examples
    --------
    >>> from nlbook.peridynamics import ExactIntegrals, fit_lps
    >>> fit = fit_lps(samples, 20.0, 10)  # doctest: +SKIP
    >>> fit.residual_error, fit.youngs_modulus, fit.poisson_ratio  # doctest: +SKIP
    """
    fit = fit_quietly(
        samples, horizon, degree, constraint, alpha, long_waves, quadrature, solver, start
    )
    for one in fit.warnings:
        warnings.warn(one, LearningWarning, stacklevel=2)
    return fit


def fit_quietly(
    samples: Any,
    horizon: float,
    degree: int,
    constraint: Constraint,
    alpha: float | tuple[float, float],
    long_waves: LongWaves,
    quadrature: QuadratureChoice,
    solver: Solver,
    start: LPSFit | None = None,
) -> LPSFit:
    """`fit_lps`, whose warnings stand in the fit alone: Python's are of the whole process."""
    check_kind("constraint", constraint, Constraint)
    check_kind("long_waves", long_waves, LongWaves)
    check_kind("quadrature", quadrature, QuadratureChoice)
    check_kind("solver", solver, Solver)
    horizon = check_number("horizon", horizon, above=0)
    degree = check_integer("degree", degree, 0)
    if not isinstance(alpha, tuple):
        kind = "continuum" if isinstance(quadrature, ExactIntegrals) else "grid"
        alpha = check_number("alpha", alpha, below=LIMIT_OF_ALPHA[kind])
    asked = Asked(horizon, degree, constraint, long_waves, quadrature, solver)
    if isinstance(solver, Adam):
        _refuse_for_adam(asked, alpha, start)
    spectra = gather_samples(samples)
    said = net_force_words(spectra)
    search = AlphaTrials(np.empty(0), np.empty(0))
    if isinstance(alpha, tuple):
        assert isinstance(solver, GaussNewton)  # Adam learns alpha by itself
        quick = replace(asked, solver=replace(solver, starts=1))
        none = AlphaTrials(np.empty(0), np.empty(0))
        search, words = seek_alpha(
            lambda one: _fitted(spectra, quick, one, None, none, []).loss, alpha
        )
        said += words
        alpha = search.best
    return _fitted(spectra, asked, alpha, start, search, said)


def _fitted(
    spectra: Sequence[SampleSpectrum],
    asked: Asked,
    alpha: float,
    start: LPSFit | None,
    search: AlphaTrials,
    said: list[str],
) -> LPSFit:
    if isinstance(asked.solver, Adam):
        found, alpha, history = adam_descent(
            spectra, asked.horizon, asked.degree, alpha, asked.solver,
            corrected=isinstance(asked.constraint, Solvable),
        )  # fmt: skip
        if asked.solver.search_alpha and alpha >= LARGEST_ALPHA:
            said = [
                *said,
                f"alpha ended at {alpha:g}, the largest that Adam may take: what it would be "
                f"beyond is not known",
            ]
        objective = _objective(spectra, asked, alpha)
        x = np.append(objective.unknowns @ found[:-1], found[-1])
        best = Descent(x, objective.loss(x), history.losses, -np.inf, history.stopped)
        return learned(spectra, asked, objective, [best], search, said, history, found[:-1])
    objective = _objective(spectra, asked, alpha)
    descents = _descents(spectra, objective, asked, start)
    return learned(spectra, asked, objective, descents, search, said)


def learned(
    spectra: Sequence[SampleSpectrum],
    asked: Asked,
    objective: Objective,
    descents: list[Descent],
    search: AlphaTrials,
    said: list[str],
    history: AdamHistory | None = None,
    coefficients: Array | None = None,
) -> LPSFit:
    """What is known of the lowest end of some descents."""
    best = best_of(descents)
    y, rho = best.x[:-1], float(best.x[-1])
    if coefficients is None:
        coefficients = objective.turn @ y
    if isinstance(asked.constraint, Nonnegative) and coefficients.min() < 0 < coefficients.max():
        # by the tolerance of a solver
        coefficients = np.maximum(coefficients, 0.0)
        y = objective.unknowns @ coefficients
        best = replace(best, loss=objective.loss(np.append(y, rho)))
    mu = float(objective.mu_row @ y)
    margins = objective.stability.margins(y)
    stability = objective.stability
    least = (
        float(margins[0].min()) + stability.coercivity,
        float(margins[1].min()) + stability.reserve,
    )
    fit = LPSFit(
        kernel=objective.bases[0].kernel(coefficients),
        lame_lambda=mu * (1 + rho),
        shear_modulus=mu,
        horizon=asked.horizon,
        loss=best.loss,
        lower_bound=best.lower_bound,
        rest=objective.rest,
        starts=np.array([one.loss for one in descents]),
        converged=best.converged,
        margins=least,
        long_wave_moduli=_long_wave_moduli(objective, y, rho, mu),
        constraint=asked.constraint,
        long_waves=asked.long_waves,
        quadrature=asked.quadrature,
        solver=asked.solver,
        warnings=(),
        search=search,
        history=history,
        objective=objective,
        grid=spectra[0].grid,
    )
    words = fit_words(fit, spectra) + disagreement_words(objective, descents)
    return replace(fit, warnings=tuple(said + words))


def rebuilt(
    spectra: Sequence[SampleSpectrum],
    asked: Asked,
    alpha: float,
    coefficients: Array,
    rho: float,
    starts: Array,
    lower_bound: float,
    converged: bool,
    search: AlphaTrials,
    said: tuple[str, ...],
) -> LPSFit:
    """The fit of which a task kept the numbers and what is said of it; without Adam's history."""
    objective = _objective(spectra, asked, alpha)
    x = np.append(objective.unknowns @ coefficients, rho)
    ends = [Descent(x, float(loss), np.empty(0), lower_bound, converged) for loss in starts]
    best = int(np.argmin(starts))
    ends[best] = replace(ends[best], loss=objective.loss(x))
    fit = learned(spectra, asked, objective, ends, search, [], None, coefficients)
    return replace(fit, warnings=said)


def _objective(spectra: Sequence[SampleSpectrum], asked: Asked, alpha: float) -> Objective:
    # of nonnegative coefficients the eigenvalues are told, not asked for: on the grid itself
    condition = (
        asked.constraint if isinstance(asked.constraint, Solvable) else Solvable(refinement=1)
    )
    return objective_of(
        spectra, asked.horizon, asked.degree, alpha, asked.quadrature, condition,
        whole=isinstance(asked.constraint, Nonnegative),
    )  # fmt: skip


def _descents(
    spectra: Sequence[SampleSpectrum], objective: Objective, asked: Asked, start: LPSFit | None
) -> list[Descent]:
    assert isinstance(asked.solver, GaussNewton)
    subspace = _subspace(objective, asked)
    guesses = first_guesses(objective, asked.solver)
    if asked.degree > _RUNG and isinstance(asked.constraint, Solvable):
        guesses += _from_lower_degree(spectra, objective, asked)
    if start is not None:
        if not isinstance(start, LPSFit) or start.kernel.degree != asked.degree:
            raise ValueError(f"start must be a fit of degree {asked.degree}, got {start!r}")
        y = objective.unknowns @ np.asarray(start.kernel.coefficients)
        scale = start.shear_modulus / float(objective.mu_row @ y)
        guesses.append(np.append(scale * y, start.lame_lambda / start.shear_modulus - 1))
    working = Working()
    try:
        return [descend(objective, subspace, x, asked.solver, working) for x in guesses]
    except ValueError as error:
        if not str(error).startswith("constraints must leave room"):
            raise
        raise ValueError(
            f"horizon {asked.horizon:g} and degree {asked.degree} must leave a solid that fulfils "
            f"{asked.constraint!r} and {asked.long_waves!r}, and they leave none: raise the degree "
            f"or the horizon"
        ) from None


def _from_lower_degree(
    spectra: Sequence[SampleSpectrum], objective: Objective, asked: Asked
) -> list[Array]:
    """The fit of degree `_RUNG`, in the unknowns of a higher one; none if there is no such fit."""
    assert isinstance(asked.solver, GaussNewton)
    lower = replace(asked, degree=_RUNG, solver=replace(asked.solver, starts=1))
    small = _objective(spectra, lower, objective.bases[0].alpha)
    try:
        best = best_of(_descents(spectra, small, lower, None))
    except (ValueError, SolverFailure):
        return []
    coefficients = small.turn @ best.x[:-1]
    for degree in range(_RUNG + 1, asked.degree + 1):  # the same polynomial, a degree higher
        share = np.arange(degree + 1) / degree
        below, above = np.append(0.0, coefficients), np.append(coefficients, 0.0)
        coefficients = share * below + (1 - share) * above
    return [np.append(objective.unknowns @ coefficients, best.x[-1])]


def _subspace(objective: Objective, asked: Asked) -> Subspace:
    """Everything, or what has given moduli: rho fixed, and A, B, C, G1, G2 those of the solid."""
    n = objective.n_unknowns
    positive = isinstance(asked.constraint, Nonnegative)
    if not isinstance(asked.long_waves, ExactLongWaves):
        return Subspace(np.zeros(n), np.eye(n), positive)
    mu = asked.long_waves.shear_modulus
    sides = mu * np.array([3.0, 1.0, 3.0, 1.0, 1.0])
    left, singular, right = np.linalg.svd(objective.long_waves)
    rank = int(np.sum(singular > 1e-8 * singular[0]))
    origin = right[:rank].T @ ((left[:, :rank].T @ sides) / singular[:rank])
    off = np.linalg.norm(objective.long_waves @ origin - sides) / np.linalg.norm(sides)
    if off > 1e-8:
        raise ValueError(
            f"degree must be higher for exact long waves on this grid, got {asked.degree}: the "
            f"best kernel misses the moduli by {100 * off:.2g} %"
        )
    inner = np.zeros((n, n - 1 - rank))
    inner[:-1] = right[rank:].T
    rho = asked.long_waves.lame_lambda / mu - 1
    return Subspace(np.append(origin, rho), inner, positive)


def _long_wave_moduli(objective: Objective, y: Array, rho: float, mu: float) -> LongWaveModuli:
    a, b, c, g1, g2 = (objective.long_waves @ y).tolist()
    return moduli_of_parts((a, b, c), (g1, g2), rho / mu)


def _refuse_for_adam(
    asked: Asked, alpha: float | tuple[float, float], start: LPSFit | None
) -> None:
    if start is not None:
        raise ValueError(
            "start must be None for Adam, which starts from the paper's random numbers"
        )
    for name, value, kind in (
        ("quadrature", asked.quadrature, GridQuadrature),
        ("long_waves", asked.long_waves, FreeLongWaves),
    ):
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {kind.__name__}() for Adam, got {value!r}")
    if isinstance(alpha, tuple):
        raise ValueError(
            f"alpha must be a number for Adam, from which search_alpha=True goes on, got {alpha!r}"
        )
