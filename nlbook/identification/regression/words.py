"""The words and arguments by which constraints were asked for before they were objects."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from nlbook.checks import check_number
from nlbook.identification.regression.choices import (
    Adam,
    Constraint,
    Continuum,
    Exact,
    MengeshaDu,
    Nonnegative,
    PositiveSymbol,
    Unconstrained,
)

__all__ = ["accepts_words", "constraint_of_words"]

P = ParamSpec("P")
R = TypeVar("R")

_CONSTRAINTS = (None, "nonnegative", "mengesha-du", "symbol", "continuum")
_METHODS = ("joint", "two-stage", "adam")
_OLD = ("method", "margin", "settings", "positive", "solver")


def accepts_words(fit: Callable[P, R]) -> Callable[P, R]:
    """Let a fit of (pairs, horizon, degree, constraint) take the words of before, and say so."""

    @functools.wraps(fit)
    def accepting(*arguments: Any, **named: Any) -> R:
        given = list(arguments)
        old = {name: named.pop(name) for name in _OLD if name in named}
        if len(given) > 4:
            old["method"] = given.pop(4)
        asked = given[3] if len(given) > 3 else named.get("constraint", Unconstrained())
        if old or asked is None or isinstance(asked, str):
            if isinstance(asked, Unconstrained):
                asked = None
            constraint = constraint_of_words(asked, **old)
            warnings.warn(
                f"constraints as words, and method, margin, settings, positive and solver beside "
                f"them, are deprecated: give constraint={constraint!r}",
                DeprecationWarning,
                stacklevel=2,
            )
            given[3:4] = []
            named["constraint"] = constraint
        return fit(*given, **named)

    return cast("Callable[P, R]", accepting)


def constraint_of_words(
    constraint: Any,
    method: Any = "joint",
    margin: float = 0.1,
    settings: Any = None,
    positive: Any = None,
    solver: str = "CLARABEL",
) -> Constraint:
    """The constraint that is meant by the words of before.

    Raises
    ------
    ValueError
        If they make no sense together.
    """
    if constraint not in _CONSTRAINTS:
        raise ValueError(f"constraint must be one of {_CONSTRAINTS}, got {constraint!r}")
    if method not in _METHODS:
        raise ValueError(f"method must be one of {_METHODS}, got {method!r}")
    split = constraint == "mengesha-du"
    if method != "joint" and not (split or (method == "adam" and constraint == "nonnegative")):
        raise ValueError(
            f"method must be 'joint' for constraint {constraint!r}, got {method!r}: only that of "
            f"Mengesha and Du has stages"
        )
    if positive is not None and not (split and method != "joint"):
        raise ValueError("positive must be None unless a correction alone is fitted")
    check_number("margin", margin, above=0.0, most=0.9)
    wanted = Adam if method == "adam" else Continuum if constraint == "continuum" else None
    if settings is not None and (wanted is None or not isinstance(settings, wanted)):
        raise ValueError(
            f"settings must be {wanted.__name__ if wanted else 'None'} for this fit, got "
            f"{settings!r}"
        )
    exact = Exact(solver)
    by: Any = (settings or Adam()) if method == "adam" else exact
    if constraint is None:
        return Unconstrained()
    if constraint == "nonnegative":
        return Nonnegative(by)
    if split:
        return MengeshaDu(1 if method == "joint" else 2, positive, by)
    if constraint == "symbol":
        return PositiveSymbol(margin, exact)
    if settings is None:
        return Continuum(margin, solver=exact)
    return Continuum(**(vars(settings) | {"solver": exact}))
