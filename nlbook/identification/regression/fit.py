"""Learning a kernel of Bernstein form from pairs of functions, kept well-posed.

The kernel K(r) = sum over m of c_m B_{m,M}(r/delta) / r**alpha, with coefficients of any sign, is
to make -L u = f for given pairs [1]_. What is asked of it is the constraint, an object of
`nlbook.identification.regression.choices`: `Unconstrained`, `Nonnegative`, `MengeshaDu`,
`PositiveSymbol` or `Continuum`. All are solved exactly, with a lower bound that says how exactly;
the paper's own algorithm is there to compare with.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from nlbook.checks import check_number
from nlbook.identification.pairs.training_pairs import PairSpectrum, TrainingPairs
from nlbook.identification.regression import programmes
from nlbook.identification.regression.certificates import (
    Certificate,
    Optimum,
    RegressionWarning,
    certify,
)
from nlbook.identification.regression.choices import (
    Constraint,
    Exact,
    MengeshaDu,
    PositiveSymbol,
    Unconstrained,
    check_constraint,
)
from nlbook.identification.regression.gram import GramMatrix, gram_matrix
from nlbook.identification.regression.moments import PairSource, gather
from nlbook.identification.regression.node_weights import QuadratureRule
from nlbook.identification.regression.result import AlphaSearch, BernsteinFit, undetermined
from nlbook.identification.regression.solve import Solved, solve
from nlbook.identification.regression.words import accepts_words
from nlbook.kernels import BernsteinKernel

__all__ = ["fit_bernstein"]

Array = NDArray[np.float64]

# Exponents at which an interval is looked at before the best is refined, and how finely.
_LOOKS, _ALPHA_TOLERANCE = 13, 1e-5

# A fit has converged if its loss is the least possible within this share.
_GAP = 1e-4

# A constraint holds with equality if it is met within this share.
_ACTIVE = 1e-6


@accepts_words
def fit_bernstein(
    pairs: PairSource | GramMatrix,
    horizon: float,
    degree: int,
    constraint: Constraint = Unconstrained(),
    *,
    alpha: float | tuple[float, float] = 0.0,
    rule: QuadratureRule = "cells",
    start: BernsteinFit | None = None,
) -> BernsteinFit:
    """Fit the coefficients of a Bernstein kernel to pairs.

    Parameters
    ----------
    pairs : TrainingPairs or iterable of them, PairSpectrum, PairMoments or GramMatrix
        Data; what `nlbook.identification.gather` returns serves many fits. Blocks are read once.
    horizon : float
        delta, length; on a periodic grid it may exceed the period.
    degree : int
        M.
    constraint : Unconstrained, Nonnegative, MengeshaDu, PositiveSymbol or Continuum
        What keeps the kernel well-posed, with its settings and its solver.
    alpha : float or pair of float
        Exponent of 1 / r**alpha, or an interval in which the best is sought.
    rule : "cells", "nodes", "moments" or "covered"
        Quadrature; see `nlbook.identification.basis_weights`.
    start : BernsteinFit, optional
        A fit to similar data, as in a sweep: alpha is sought near it, Adam starts from it, and the
        solvers take their scale from its residual.

    Returns
    -------
    BernsteinFit

    Raises
    ------
    ValueError
        If the data make no sense, an argument is out of range, the collar is narrower than the
        horizon, or margins leave no kernel.
    SolverFailure
        If the solver found nothing.

    Warns
    -----
    RegressionWarning
        What stands in the fit's `warnings`.

    Examples
    --------
    >>> from nlbook.identification import Continuum, Nonnegative, biharmonic_pairs, gather
    >>> data = gather(biharmonic_pairs(c=0.003, horizon=0.5, n_samples=200))
    >>> first = fit_bernstein(data, 0.5, 20, Nonnegative())
    >>> best = fit_bernstein(data, 0.5, 20, Continuum(margin=0.1))
    >>> best.loss < first.loss, bool(best.certificate.continuum > 0)
    (True, True)
    """
    check_constraint(constraint)
    data = pairs if isinstance(pairs, GramMatrix) else gather(pairs)
    if isinstance(data, GramMatrix):
        if (horizon, degree, rule) != (data.horizon, data.degree, data.rule):
            raise ValueError(
                f"horizon, degree and rule must be those of the Gram matrix, {data.horizon:g}, "
                f"{data.degree} and {data.rule!r}, got {horizon!r}, {degree!r} and {rule!r}"
            )
        gram = data
    else:
        first = alpha[0] if isinstance(alpha, tuple) else alpha
        gram = gram_matrix(data, horizon, degree, alpha=first, rule=rule)
    spectrum = data if isinstance(data, PairSpectrum) else None
    samples = pairs if isinstance(pairs, TrainingPairs) else None
    search = AlphaSearch(np.empty(0), np.empty(0))
    if isinstance(alpha, tuple):

        def loss_of(near: GramMatrix) -> float:
            return near.loss(solve(near, constraint, start, spectrum, samples).optimum.coefficients)

        search = _search(loss_of, gram, alpha, start)
        alpha = float(search.alpha[np.argmin(search.loss)])
    gram = gram if gram.alpha == alpha else gram.with_alpha(alpha)
    solved = solve(gram, constraint, start, spectrum, samples)
    fit = _certified(gram, constraint, spectrum, solved, search)
    for said in fit.warnings:
        warnings.warn(said, RegressionWarning, stacklevel=3)
    return fit


def _certified(
    gram: GramMatrix,
    asked: Constraint,
    spectrum: PairSpectrum | None,
    solved: Solved,
    search: AlphaSearch,
) -> BernsteinFit:
    strengths = linalg.svdvals(gram.factor / programmes.column_scales(gram))
    best = solved.optimum
    certificate = certify(gram, best, continuum=solved.continuum, objective=solved.objective)
    loss = gram.loss(best.coefficients)
    converged = _near_enough(certificate)
    said = list(solved.warnings)
    free = isinstance(asked, Unconstrained | PositiveSymbol)
    if free:
        said += undetermined(strengths, gram)
    solver = getattr(asked, "solver", None)
    if not converged and isinstance(solver, Exact) and not (free and best.attempts == 0):
        said.append(
            f"the loss may exceed the least that such a kernel can have by "
            f"{100 * certificate.gap:.2g} %: {solver.name} came no nearer to the lower bound, in "
            f"{best.attempts} ways of writing the programme down; lower the degree, or ask another "
            f"solver"
        )
    stages: tuple[float, ...] = (loss,)
    if isinstance(asked, MengeshaDu) and best.positive is not None:
        stages = (gram.loss(best.positive), loss)
    return BernsteinFit(
        kernel=_kernel(best.coefficients, gram),
        positive=None if best.positive is None else _kernel(best.positive, gram),
        loss=loss,
        stage_losses=stages,
        active=_active(gram, best, certificate, solved.least),
        certificate=certificate,
        conditioning=strengths / strengths[0],
        constraint=asked,
        converged=converged,
        attempts=best.attempts,
        warnings=tuple(said),
        history=solved.history,
        search=search,
        gram=gram,
        data=spectrum,
    )


def _near_enough(certificate: Certificate) -> bool:
    """Whether the loss is known to be the least within `_GAP` and rounding, or nothing is known."""
    over = certificate.loss - certificate.lower_bound
    return not over > _GAP * certificate.loss + 2 * certificate.rounding


def _search(
    loss_of: Callable[[GramMatrix], float],
    gram: GramMatrix,
    interval: tuple[float, float],
    start: BernsteinFit | None,
) -> AlphaSearch:
    """Exponents tried and their losses, the least within a tolerance among them."""
    if len(interval) != 2:
        raise ValueError(f"alpha must be a number or a rising pair, got {interval!r}")
    low, high = (check_number("alpha", end) for end in interval)
    if not low < high:
        raise ValueError(f"alpha must be a number or a rising pair, got {interval!r}")
    for end in (low, high):
        gram.with_alpha(end)  # refuses what the rule does not allow
    tried: dict[float, float] = {}

    def loss(alpha: float) -> float:
        tried[alpha] = loss_of(gram.with_alpha(alpha))
        return tried[alpha]

    looks = np.linspace(low, high, _LOOKS).tolist()
    step = looks[1] - looks[0]
    if start is not None and low <= start.kernel.alpha <= high:
        looks = sorted({min(max(start.kernel.alpha + d, low), high) for d in (-step, 0.0, step)})
    losses = [loss(alpha) for alpha in looks]
    while True:  # go on downhill where the start was far
        at = looks[int(np.argmin(losses))]
        beside = [a for a in (at - step, at + step) if low < a < high]
        new = [a for a in beside if min(abs(a - b) for b in looks) > 0.5 * step]
        if not new:
            break
        looks += new
        losses += [loss(alpha) for alpha in new]
    optimize.minimize_scalar(
        loss,
        bounds=(max(low, at - step), min(high, at + step)),
        method="bounded",
        options={"xatol": _ALPHA_TOLERANCE},
    )
    exponents, least = np.array(sorted(tried.items())).T
    return AlphaSearch(exponents, least)


def _active(
    gram: GramMatrix, best: Optimum, certificate: Certificate, least: float | None
) -> dict[str, tuple[int, ...]]:
    active: dict[str, tuple[int, ...]] = {"nonnegative": (), "norm": (), "modes": ()}
    if best.positive is not None:
        active["nonnegative"] = tuple(np.flatnonzero(best.positive <= 0).tolist())
        if certificate.norm >= (1 - _ACTIVE) * certificate.allowed:
            active["norm"] = (0,)
    if least is not None and gram.boundary == "periodic":
        symbols = gram.mode_rows @ gram.weights @ best.coefficients
        active["modes"] = tuple((1 + np.flatnonzero(symbols <= (1 + _ACTIVE) * least)).tolist())
    return active


def _kernel(coefficients: Array, gram: GramMatrix) -> BernsteinKernel:
    return BernsteinKernel(tuple(coefficients.tolist()), gram.horizon, gram.alpha)
