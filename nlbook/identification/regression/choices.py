"""What can be asked of a kernel of Bernstein form, and how: small objects with their own settings.

``Unconstrained()``
    Nothing: least squares.
``Nonnegative()``
    c >= 0, so that the operator is coercive: stage 1 of the paper [1]_.
``MengeshaDu()``
    c = C + D with C >= 0 and N(D) <= 1 / (2 kappa(C)), the paper's problem (3.13), which is convex
    in C and D together. With ``stages=2``, as in the paper, C is the nonnegative fit and kappa
    stays fixed.
``PositiveSymbol()``
    A positive symbol on the grid of the data, which is exactly what coercivity means there.
``Continuum()``
    A symbol that is positive for all real wavenumbers, and a loss that does not hang on the grid:
    see `nlbook.identification.regression.continuum`.

What needs a solver takes it with it. ``Exact()`` solves with a lower bound that says how exactly;
``Adam()`` is the paper's own algorithm, Adam and an augmented Lagrangian, to compare with.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from nlbook.checks import check_integer, check_number
from nlbook.identification.renamed import renamed_fields
from nlbook.kernels import BernsteinKernel

__all__ = [
    "Adam",
    "Constraint",
    "Continuum",
    "Exact",
    "MengeshaDu",
    "Nonnegative",
    "PositiveSymbol",
    "Unconstrained",
    "check_constraint",
    "same_kind",
]

# A margin above this leaves too little room below the data's own symbol.
_MOST_MARGIN = 0.9


@dataclass(frozen=True)
class Exact:
    """A convex programme, and a lower bound that says how near its answer is to the optimum."""

    name: str = "CLARABEL"  #: of a solver that cvxpy knows; Clarabel is called without cvxpy

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"name must be that of a solver, got {self.name!r}")


@dataclass(frozen=True)
class Adam:
    """Algorithm 1; the defaults are the paper's where it gives them.

    Examples
    --------
    The second stage that does not stall:

    >>> working = Adam(exact_slack=True, growth=1.0, most_steps=10)
    """

    epochs: int = 100  #: of stage 1; the paper: 200 to 500, but its losses are those of about 100
    epochs_correction: int = 10  #: of stage 2, in each step of the augmented Lagrangian
    batch_size: int = 100  #: samples
    rate: float = 5e-3  #: of Adam
    most_steps: int = 100  #: of the augmented Lagrangian
    penalty: float = 1.0  #: mu at first
    growth: float = 10.0  #: rho, by which mu grows; 1 keeps mu and renews lambda at each step
    progress: float = 0.25  #: c: mu grows unless |H| falls below this share of what it was
    tolerance: float = 1e-8  #: epsilon: |H| at which it stops, units of the kernel's symbol
    largest_penalty: float = 1e20  #: mu at which it gives up
    exact_slack: bool = False  #: minimise over theta exactly, instead of by Adam as the paper does
    seed: int = 0  #: of first coefficients and batches

    def __post_init__(self) -> None:
        for name in ("epochs", "epochs_correction", "batch_size", "most_steps"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        for name in ("rate", "penalty", "tolerance", "largest_penalty"):
            check_number(name, getattr(self, name), above=0)
        check_number("growth", self.growth, least=1)
        check_number("progress", self.progress, above=0, below=1)
        if not isinstance(self.exact_slack, bool):
            raise ValueError(f"exact_slack must be True or False, got {self.exact_slack!r}")


@dataclass(frozen=True)
class Unconstrained:
    """Nothing is asked of the kernel: least squares."""


@dataclass(frozen=True)
class Nonnegative:
    """No coefficient is negative, so that the operator is coercive: stage 1 of the paper."""

    solver: Exact | Adam = Exact()  #: exactly is by linear algebra, whatever the name

    def __post_init__(self) -> None:
        _check_solver(self.solver, (Exact, Adam))


@dataclass(frozen=True)
class MengeshaDu:
    """A positive kernel C and a correction D, N(D) <= 1 / (2 kappa(C)), of any sign."""

    stages: int = 1  #: 1: C and D together; 2: C first, as in the paper, and D with kappa fixed
    positive: BernsteinKernel | None = None  #: C of two stages, where it isn't to be fitted
    solver: Exact | Adam = Exact()  #: of two stages Adam as well

    def __post_init__(self) -> None:
        check_integer("stages", self.stages, 1, 2)
        _check_solver(self.solver, (Exact, Adam) if self.stages == 2 else (Exact,))
        if self.positive is not None and self.stages != 2:
            raise ValueError(
                "positive must be None unless a correction alone is fitted, by stages=2"
            )


@dataclass(frozen=True)
class PositiveSymbol:
    """A symbol on the grid of the data that is positive by a margin."""

    margin: float = 0.1  #: least symbol, share of what the data ask for at their longest waves
    solver: Exact = Exact()  #: of the conic programme

    def __post_init__(self) -> None:
        check_number("margin", self.margin, above=0.0, most=_MOST_MARGIN)
        _check_solver(self.solver, (Exact,))


@renamed_fields(reach="largest_wavenumber")
@dataclass(frozen=True)
class Continuum:
    """A symbol that is positive for all real wavenumbers; s_1 is what the data ask for at k_1."""

    margin: float = 0.1  #: least s(k) / min(k**2, k_1**2), share of s_1 / k_1**2; at most 0.9
    limit: float = 5.0  #: largest integral of |K| r**2 over 0 < r < delta, share of s_1 / k_1**2
    largest_wavenumber: float = 150.0  #: k_max times the horizon
    refinements: tuple[int, ...] = (1, 2, 4)  #: grids in the loss, nodes that many times closer
    n_pieces: int = 8  #: of (0, 1), for the bounds by Bernstein coefficients
    most_cells: int = 32  #: in the horizon, of grids whose own symbol is held positive
    solver: Exact = Exact()  #: of the conic programme

    def __post_init__(self) -> None:
        check_number("margin", self.margin, above=0.0, most=_MOST_MARGIN)
        limit = check_number("limit", self.limit, above=0.0)
        if not self.margin < limit:
            raise ValueError(
                f"limit must exceed the margin {self.margin!r}, got {self.limit!r}: the second "
                f"moment of a kernel is at most that of its absolute value"
            )
        check_number("largest_wavenumber", self.largest_wavenumber, least=10.0)
        if not self.refinements:
            raise ValueError("refinements must be one or more integers, got none")
        for refinement in self.refinements:
            check_integer("refinements", refinement, 1)
        check_integer("most_cells", self.most_cells, 0)
        check_integer("n_pieces", self.n_pieces, 1)
        _check_solver(self.solver, (Exact,))


#: What is asked of a kernel; see the module.
Constraint = Unconstrained | Nonnegative | MengeshaDu | PositiveSymbol | Continuum


def check_constraint(constraint: Any) -> None:
    """Refuse what is no constraint, by name."""
    if not isinstance(constraint, Constraint):
        names = ", ".join(f"{kind.__name__}()" for kind in get_args(Constraint))
        raise ValueError(f"constraint must be one of {names}, got {constraint!r}")


def same_kind(one: Constraint, other: Constraint) -> bool:
    """Whether two constraints differ in numbers alone, so that their losses are alike."""

    def kind(constraint: Constraint) -> tuple[Any, ...]:
        solver = getattr(constraint, "solver", None)
        return type(constraint), isinstance(solver, Adam), getattr(constraint, "stages", 1)

    return kind(one) == kind(other)


def _check_solver(solver: Any, allowed: tuple[type, ...]) -> None:
    if not isinstance(solver, allowed):
        names = " or ".join(f"{kind.__name__}()" for kind in allowed)
        raise ValueError(f"solver must be {names} for this constraint, got {solver!r}")
