"""The programme that answers what is asked of a regression.

Each constraint that a kernel of Bernstein form may have is a programme of its own: this is where
one is chosen, for data in units in which f has size one. What is proved of its answer is for
`nlbook.identification.regression.fit` to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nlbook.identification.pairs.training_pairs import PairSpectrum, TrainingPairs
from nlbook.identification.regression import programmes
from nlbook.identification.regression.adam import AdamHistory, adam_fit
from nlbook.identification.regression.certificates import Optimum, coercivity
from nlbook.identification.regression.choices import (
    Adam,
    Constraint,
    Continuum,
    Exact,
    MengeshaDu,
    Nonnegative,
    PositiveSymbol,
    Unconstrained,
    same_kind,
)
from nlbook.identification.regression.continuum import continuum_fit
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.mengesha_du import correction, joint
from nlbook.identification.regression.result import BernsteinFit
from nlbook.kernels import BernsteinKernel

__all__ = ["Solved", "solve"]

Array = NDArray[np.float64]

_ZERO = (
    "of the kernels that are nowhere negative, K = 0 is the nearest to the pairs: no coercive "
    "operator makes f from u; is the sign of f right?"
)


@dataclass(frozen=True, eq=False)
class Solved:
    """What a programme found, before anything is proved of it."""

    optimum: Optimum  #: coefficients, and what is known of the least
    history: AdamHistory | None = None  #: of Adam
    continuum: float = math.nan  #: bound of the symbol over all wavenumbers
    objective: float | None = None  #: what was minimised, if not the loss
    least: float | None = None  #: smallest symbol allowed on the grid
    warnings: tuple[str, ...] = ()  #: where the answer is not what it seems


def solve(
    gram: GramMatrix,
    asked: Constraint,
    start: BernsteinFit | None,
    spectrum: PairSpectrum | None,
    samples: TrainingPairs | None,
) -> Solved:
    """Solve for u and f over the size of f, so that the kernel does not hang on their unit."""
    if isinstance(asked, Nonnegative | MengeshaDu) and isinstance(asked.solver, Adam):
        return _by_adam(gram, asked, asked.solver, start, samples)
    size, expected = gram.size, _expected(asked, start)
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
    gram: GramMatrix, asked: Constraint, spectrum: PairSpectrum | None, expected: float | None
) -> Solved:
    match asked:
        case Unconstrained():
            return Solved(programmes.unconstrained(gram))
        case Nonnegative():
            best = programmes.nonnegative(gram)
            return Solved(best, warnings=() if np.any(best.coefficients > 0) else (_ZERO,))
        case PositiveSymbol(margin, solver):
            least = margin * _first_symbol(gram)
            return Solved(programmes.symbol_constrained(gram, least, solver.name), least=least)
        case Continuum():
            if spectrum is None:
                raise ValueError("pairs must be periodic, or their spectrum, for a continuum fit")
            certified = continuum_fit(spectrum, gram, asked, expected)
            return Solved(
                certified.optimum,
                continuum=certified.bound.value,
                objective=certified.objective,
            )
        case MengeshaDu():
            return Solved(_split(gram, asked, expected))


def _split(gram: GramMatrix, asked: MengeshaDu, expected: float | None) -> Optimum:
    assert isinstance(asked.solver, Exact)
    if asked.positive is not None:
        first = _coefficients(asked.positive, gram)
    else:
        first = programmes.nonnegative(gram).coefficients
        if not np.any(first > 0):
            raise ValueError(
                "pairs must ask for a positive symbol: no kernel that is nowhere negative comes "
                "nearer to them than K = 0; is the sign of f right?"
            )
    best = correction(gram, first, asked.solver.name)
    return best if asked.stages == 2 else joint(gram, best, asked.solver.name, expected)


def _by_adam(
    gram: GramMatrix,
    asked: Nonnegative | MengeshaDu,
    settings: Adam,
    start: BernsteinFit | None,
    samples: TrainingPairs | None,
) -> Solved:
    if samples is None:
        raise ValueError("pairs must be TrainingPairs for Adam, which draws batches")
    first = None
    if start is not None and start.positive is not None:
        first = _coefficients(start.positive, gram)
    corrected = isinstance(asked, MengeshaDu)
    fixed = None
    if isinstance(asked, MengeshaDu) and asked.positive is not None:
        fixed = _coefficients(asked.positive, gram)
    optimum, history = adam_fit(
        samples, gram, settings, corrected=corrected, positive=fixed, start=first
    )
    return Solved(optimum, history)


def _expected(asked: Constraint, start: BernsteinFit | None) -> float | None:
    """Norm of the residual, over the size of f, of a fit to similar data of the same kind."""
    if start is None or not same_kind(start.constraint, asked):
        return None
    return math.sqrt(start.certificate.loss) / start.gram.size


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
    coefficients = np.asarray(kernel.coefficients)
    if np.min(coefficients) < 0:
        raise ValueError(
            f"positive must have no negative coefficient, got {np.min(coefficients):g}"
        )
    return coefficients
