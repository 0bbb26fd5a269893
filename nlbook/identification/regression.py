"""Learning a kernel of Bernstein form from pairs of functions, kept well-posed.

The kernel K(r) = sum over m of c_m B_{m,M}(r/delta) / r**alpha, with coefficients of any sign, is
to make -L u = f for given pairs [1]_. What is asked of it is the constraint:

``None``
    Nothing: least squares.
``"nonnegative"``
    c >= 0, so that the operator is coercive: stage 1 of the paper.
``"mengesha-du"``
    c = C + D with C >= 0 and N(D) <= 1 / (2 kappa(C)), the paper's problem (3.13). In two stages,
    as there, C is the nonnegative fit and kappa stays fixed; jointly the problem is convex too.
``"symbol"``
    A positive symbol on the grid of the data, which is exactly what coercivity means there.
``"continuum"``
    A symbol that is positive for all real wavenumbers, and a loss that does not hang on the grid:
    see `nlbook.identification.continuum`.

All these are solved exactly, with a lower bound that says how exactly. The paper's own algorithm,
Adam and an augmented Lagrangian, is there to compare with (``method="adam"``).

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from nlbook.checks import check_number
from nlbook.identification import bernstein_programmes as programmes
from nlbook.identification.adam import AdamHistory, AdamSettings, adam_fit
from nlbook.identification.bernstein_fit import (
    BernsteinFit,
    Constraint,
    Method,
    RegressionWarning,
    warn_of_degree,
)
from nlbook.identification.certificates import Certificate, Optimum, certify, coercivity
from nlbook.identification.continuum import ContinuumSettings, continuum_fit
from nlbook.identification.gram import GramMatrix, gram_matrix
from nlbook.identification.moments import PairSource, gather
from nlbook.identification.node_weights import QuadratureRule
from nlbook.identification.training_pairs import PairSpectrum, TrainingPairs
from nlbook.kernels import BernsteinKernel

__all__ = ["fit_bernstein"]

Array = NDArray[np.float64]

# Exponents at which an interval is looked at before the best is refined, and how finely.
_LOOKS, _ALPHA_TOLERANCE = 13, 1e-5

# A fit has converged if its loss is the least possible within this share.
_GAP = 1e-4

# A constraint holds with equality if it is met within this share.
_ACTIVE = 1e-6


def fit_bernstein(
    pairs: PairSource | GramMatrix,
    horizon: float,
    degree: int,
    constraint: Constraint | None = None,
    method: Method = "joint",
    *,
    alpha: float | tuple[float, float] = 0.0,
    rule: QuadratureRule = "cells",
    margin: float = 0.1,
    settings: ContinuumSettings | AdamSettings | None = None,
    positive: BernsteinKernel | None = None,
    start: BernsteinFit | None = None,
    solver: str = "CLARABEL",
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
    constraint : None, "nonnegative", "mengesha-du", "symbol" or "continuum"
        See the module.
    method : "joint", "two-stage" or "adam"
        For the constraint of Mengesha and Du; "adam" for nonnegative kernels as well.
    alpha : float or pair of float
        Exponent of 1 / r**alpha, or an interval in which the best is sought.
    rule : "cells", "nodes", "moments" or "covered"
        Quadrature; see `nlbook.identification.basis_weights`.
    margin : float
        For "symbol" and "continuum": least symbol, as a share of what the data ask for at their
        longest waves; at most 0.9, which still lets the data's own symbol in.
    settings : ContinuumSettings or AdamSettings, optional
        Further choices of the continuum fit (whose margin then counts), or of Adam.
    positive : BernsteinKernel, optional
        Fixes C for two stages and for Adam.
    start : BernsteinFit, optional
        A fit to similar data, as in a sweep: alpha is sought near it, Adam starts from it, and the
        solvers take their scale from its residual.
    solver : str
        Of the solvers that cvxpy knows.

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
        If the data do not determine all coefficients of a fit that nothing else determines.

    Examples
    --------
    >>> from nlbook.identification import biharmonic_pairs, gather
    >>> data = gather(biharmonic_pairs(c=0.003, horizon=0.5, n_samples=200))
    >>> first = fit_bernstein(data, 0.5, 20, "nonnegative")
    >>> best = fit_bernstein(data, 0.5, 20, "continuum")
    >>> best.loss < first.loss, bool(best.certificate.continuum > 0)
    (True, True)
    """
    asked = _Request(constraint, method, margin, settings, positive, start, solver)
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
    search = np.empty((0, 2))
    if isinstance(alpha, tuple):

        def loss_of(near: GramMatrix) -> float:
            return near.loss(_solve(near, asked, spectrum, samples).optimum.coefficients)

        search = _search(loss_of, gram, alpha, start)
        alpha = float(search[np.argmin(search[:, 1]), 0])
    gram = gram if gram.alpha == alpha else gram.with_alpha(alpha)
    solved = _solve(gram, asked, spectrum, samples)
    return replace(_certified(gram, asked, spectrum, solved), search=search)


@dataclass(frozen=True)
class _Request:
    """What is asked of a fit; the arguments of `fit_bernstein`."""

    constraint: Constraint | None
    method: Method
    margin: float
    settings: ContinuumSettings | AdamSettings | None
    positive: BernsteinKernel | None
    start: BernsteinFit | None
    solver: str

    def __post_init__(self) -> None:
        constraints = (None, *get_args(Constraint))
        if self.constraint not in constraints:
            raise ValueError(f"constraint must be one of {constraints}, got {self.constraint!r}")
        if self.method not in get_args(Method):
            raise ValueError(f"method must be one of {get_args(Method)}, got {self.method!r}")
        split = self.constraint == "mengesha-du"
        stages = split or (self.method == "adam" and self.constraint == "nonnegative")
        if self.method != "joint" and not stages:
            raise ValueError(
                f"method must be 'joint' for constraint {self.constraint!r}, got "
                f"{self.method!r}: only that of Mengesha and Du has stages"
            )
        if self.positive is not None and not (split and self.method != "joint"):
            raise ValueError("positive must be None unless a correction alone is fitted")
        # a margin above 0.9 leaves too little room below the data's own symbol
        check_number("margin", self.margin, above=0.0, most=0.9)
        wanted: type | None = ContinuumSettings if self.constraint == "continuum" else None
        if self.method == "adam":
            wanted = AdamSettings
        if self.settings is not None and (wanted is None or not isinstance(self.settings, wanted)):
            raise ValueError(
                f"settings must be {wanted.__name__ if wanted else 'None'} for this fit, got "
                f"{self.settings!r}"
            )


@dataclass(frozen=True, eq=False)
class _Solved:
    """What a programme found, before anything is proved of it."""

    optimum: Optimum
    history: AdamHistory | None = None  # of Adam
    continuum: float = math.nan  # bound of the symbol over all wavenumbers
    objective: float | None = None  # what was minimised, if not the loss
    least: float | None = None  # smallest symbol allowed on the grid


def _solve(
    gram: GramMatrix,
    asked: _Request,
    spectrum: PairSpectrum | None,
    samples: TrainingPairs | None,
) -> _Solved:
    """Solve for u and f over the size of f, so that the kernel does not hang on their unit."""
    if asked.method == "adam":
        fixed = None if asked.positive is None else _coefficients(asked.positive, gram)
        return _Solved(*_by_adam(gram, asked, samples, fixed))
    size, expected = gram.size, _expected(asked)
    if spectrum is not None:
        spectrum = replace(
            spectrum,
            power=spectrum.power / size**2,
            cross=spectrum.cross / size**2,
            response=spectrum.response / size**2,
        )
    solved = _solve_scaled(gram.in_units_of(size), asked, spectrum, expected)
    square = size**2
    best = solved.optimum
    return replace(
        solved,
        optimum=replace(best, lower_bound=best.lower_bound * square),
        objective=None if solved.objective is None else solved.objective * square,
    )


def _solve_scaled(
    gram: GramMatrix, asked: _Request, spectrum: PairSpectrum | None, expected: float | None
) -> _Solved:
    constraint, solver = asked.constraint, asked.solver
    fixed = None if asked.positive is None else _coefficients(asked.positive, gram)
    if constraint is None:
        return _Solved(programmes.unconstrained(gram))
    if constraint == "nonnegative":
        best = programmes.nonnegative(gram)
        if not np.any(best.coefficients > 0):
            warnings.warn(
                "of the kernels that are nowhere negative, K = 0 is the nearest to the pairs: no "
                "coercive operator makes f from u; is the sign of f right?",
                RegressionWarning,
                stacklevel=6,
            )
        return _Solved(best)
    if constraint == "symbol":
        least = asked.margin * _first_symbol(gram)
        return _Solved(programmes.symbol_constrained(gram, least, solver), least=least)
    if constraint == "continuum":
        if spectrum is None:
            raise ValueError("pairs must be periodic, or their spectrum, for a continuum fit")
        chosen = asked.settings
        if not isinstance(chosen, ContinuumSettings):
            chosen = ContinuumSettings(margin=asked.margin)
        found = continuum_fit(spectrum, gram, chosen, solver, expected)
        return _Solved(found.optimum, continuum=found.bound.value, objective=found.objective)
    first = programmes.nonnegative(gram).coefficients if fixed is None else fixed
    if fixed is None and not np.any(first > 0):
        raise ValueError(
            "pairs must ask for a positive symbol: no kernel that is nowhere negative comes nearer "
            "to them than K = 0; is the sign of f right?"
        )
    best = programmes.correction(gram, first, solver)
    if asked.method == "joint":
        best = programmes.joint(gram, best, solver, expected)
    return _Solved(best)


def _certified(
    gram: GramMatrix, asked: _Request, spectrum: PairSpectrum | None, solved: _Solved
) -> BernsteinFit:
    strengths = linalg.svdvals(gram.factor / programmes.column_scales(gram))
    if asked.constraint in (None, "symbol"):
        warn_of_degree(strengths, gram)
    best = solved.optimum
    certificate = certify(gram, best, continuum=solved.continuum, objective=solved.objective)
    loss = gram.loss(best.coefficients)
    converged = _near_enough(certificate)
    free = asked.constraint in (None, "symbol") and best.attempts == 0
    if not converged and not free and asked.method != "adam":
        warnings.warn(
            f"the loss may exceed the least that such a kernel can have by "
            f"{100 * certificate.gap:.2g} %: {asked.solver} came no nearer to the lower bound, in "
            f"{best.attempts} ways of writing the programme down; lower the degree, or ask another "
            f"solver",
            RegressionWarning,
            stacklevel=3,
        )
    stages: tuple[float, ...] = (loss,)
    if asked.constraint == "mengesha-du" and best.positive is not None:
        stages = (gram.loss(best.positive), loss)
    return BernsteinFit(
        kernel=_kernel(best.coefficients, gram),
        positive=None if best.positive is None else _kernel(best.positive, gram),
        loss=loss,
        stage_losses=stages,
        active=_active(gram, best, certificate, solved.least),
        certificate=certificate,
        conditioning=strengths / strengths[0],
        constraint=asked.constraint,
        method=asked.method,
        converged=converged,
        attempts=best.attempts,
        history=solved.history,
        search=np.empty((0, 2)),
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
) -> Array:
    """Exponents tried and their losses (n, 2), the least within a tolerance among them."""
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
    return np.array(sorted(tried.items()))


def _by_adam(
    gram: GramMatrix, asked: _Request, samples: TrainingPairs | None, fixed: Array | None
) -> tuple[Optimum, AdamHistory]:
    if samples is None:
        raise ValueError("pairs must be TrainingPairs for method 'adam', which draws batches")
    start = None
    if asked.start is not None and asked.start.positive is not None:
        start = _coefficients(asked.start.positive, gram)
    settings = asked.settings if isinstance(asked.settings, AdamSettings) else None
    corrected = asked.constraint == "mengesha-du"
    return adam_fit(samples, gram, settings, corrected=corrected, positive=fixed, start=start)


def _expected(asked: _Request) -> float | None:
    """Norm of the residual, over the size of f, of a fit to similar data of the same kind."""
    before = asked.start
    if before is None or (before.constraint, before.method) != (asked.constraint, asked.method):
        return None
    return math.sqrt(before.certificate.loss) / before.gram.size


def _first_symbol(gram: GramMatrix) -> float:
    """Symbol that the data ask for at their longest waves."""
    if gram.boundary == "periodic":
        if not gram.first_symbol > 0:
            raise ValueError(
                f"pairs must ask for a positive symbol at their longest waves, got "
                f"{gram.first_symbol!r}: no coercive operator makes f from u"
            )
        return gram.first_symbol
    return coercivity(gram, programmes.nonnegative(gram).coefficients)


def _active(
    gram: GramMatrix, best: Optimum, certificate: Certificate, least: float | None
) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"nonnegative": (), "norm": (), "modes": ()}
    if best.positive is not None:
        found["nonnegative"] = tuple(np.flatnonzero(best.positive <= 0).tolist())
        if certificate.norm >= (1 - _ACTIVE) * certificate.allowed:
            found["norm"] = (0,)
    if least is not None and gram.boundary == "periodic":
        symbols = gram.mode_rows @ gram.weights @ best.coefficients
        found["modes"] = tuple((1 + np.flatnonzero(symbols <= (1 + _ACTIVE) * least)).tolist())
    return found


def _kernel(coefficients: Array, gram: GramMatrix) -> BernsteinKernel:
    return BernsteinKernel(tuple(coefficients.tolist()), gram.horizon, gram.alpha)


def _coefficients(kernel: BernsteinKernel, gram: GramMatrix) -> Array:
    """Of a kernel that is to be C."""
    if (kernel.horizon, kernel.degree, kernel.alpha) != (gram.horizon, gram.degree, gram.alpha):
        raise ValueError(
            f"positive must have horizon {gram.horizon:g}, degree {gram.degree} and alpha "
            f"{gram.alpha:g}, got {kernel!r}"
        )
    found = np.asarray(kernel.coefficients)
    if np.min(found) < 0:
        raise ValueError(f"positive must have no negative coefficient, got {np.min(found):g}")
    return found
