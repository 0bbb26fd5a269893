"""What is asked of a regression, and the programme that answers it.

Each constraint that a kernel of Bernstein form may have is a programme of its own: this is where
one is chosen, for data in units in which f has size one. What is proved of its answer is for
`nlbook.identification.regression.fit` to say.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number
from nlbook.identification.pairs.training_pairs import PairSpectrum, TrainingPairs
from nlbook.identification.regression import programmes
from nlbook.identification.regression.adam import AdamHistory, AdamSettings, adam_fit
from nlbook.identification.regression.certificates import Optimum, coercivity
from nlbook.identification.regression.continuum import ContinuumSettings, continuum_fit
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.mengesha_du import correction, joint
from nlbook.identification.regression.result import (
    BernsteinFit,
    Constraint,
    Method,
    RegressionWarning,
)
from nlbook.kernels import BernsteinKernel

__all__ = ["Request", "Solved", "solve"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Request:
    """What is asked of a fit; the arguments of `fit_bernstein`."""

    constraint: Constraint | None  #: what keeps the kernel well-posed
    method: Method  #: of the constraint of Mengesha and Du: jointly, in two stages, or by Adam
    margin: float  #: least symbol allowed, as part of that of the nonnegative fit or of the data
    settings: ContinuumSettings | AdamSettings | None  #: of the programme, if it has any
    positive: BernsteinKernel | None  #: part nowhere negative that a correction is added to
    start: BernsteinFit | None  #: fit to similar data, near which alpha is sought
    solver: str  #: of convex programmes

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
class Solved:
    """What a programme found, before anything is proved of it."""

    optimum: Optimum  #: coefficients, and what is known of the least
    history: AdamHistory | None = None  #: of Adam
    continuum: float = math.nan  #: bound of the symbol over all wavenumbers
    objective: float | None = None  #: what was minimised, if not the loss
    least: float | None = None  #: smallest symbol allowed on the grid


def solve(
    gram: GramMatrix,
    asked: Request,
    spectrum: PairSpectrum | None,
    samples: TrainingPairs | None,
) -> Solved:
    """Solve for u and f over the size of f, so that the kernel does not hang on their unit."""
    if asked.method == "adam":
        fixed = None if asked.positive is None else _coefficients(asked.positive, gram)
        return Solved(*_by_adam(gram, asked, samples, fixed))
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
    gram: GramMatrix, asked: Request, spectrum: PairSpectrum | None, expected: float | None
) -> Solved:
    constraint, solver = asked.constraint, asked.solver
    fixed = None if asked.positive is None else _coefficients(asked.positive, gram)
    if constraint is None:
        return Solved(programmes.unconstrained(gram))
    if constraint == "nonnegative":
        best = programmes.nonnegative(gram)
        if not np.any(best.coefficients > 0):
            warnings.warn(
                "of the kernels that are nowhere negative, K = 0 is the nearest to the pairs: no "
                "coercive operator makes f from u; is the sign of f right?",
                RegressionWarning,
                stacklevel=6,
            )
        return Solved(best)
    if constraint == "symbol":
        least = asked.margin * _first_symbol(gram)
        return Solved(programmes.symbol_constrained(gram, least, solver), least=least)
    if constraint == "continuum":
        if spectrum is None:
            raise ValueError("pairs must be periodic, or their spectrum, for a continuum fit")
        chosen = asked.settings
        if not isinstance(chosen, ContinuumSettings):
            chosen = ContinuumSettings(margin=asked.margin)
        found = continuum_fit(spectrum, gram, chosen, solver, expected)
        return Solved(found.optimum, continuum=found.bound.value, objective=found.objective)
    first = programmes.nonnegative(gram).coefficients if fixed is None else fixed
    if fixed is None and not np.any(first > 0):
        raise ValueError(
            "pairs must ask for a positive symbol: no kernel that is nowhere negative comes nearer "
            "to them than K = 0; is the sign of f right?"
        )
    best = correction(gram, first, solver)
    if asked.method == "joint":
        best = joint(gram, best, solver, expected)
    return Solved(best)


def _by_adam(
    gram: GramMatrix, asked: Request, samples: TrainingPairs | None, fixed: Array | None
) -> tuple[Optimum, AdamHistory]:
    if samples is None:
        raise ValueError("pairs must be TrainingPairs for method 'adam', which draws batches")
    start = None
    if asked.start is not None and asked.start.positive is not None:
        start = _coefficients(asked.start.positive, gram)
    settings = asked.settings if isinstance(asked.settings, AdamSettings) else None
    corrected = asked.constraint == "mengesha-du"
    return adam_fit(samples, gram, settings, corrected=corrected, positive=fixed, start=start)


def _expected(asked: Request) -> float | None:
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
