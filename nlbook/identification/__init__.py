"""Learning the kernels of nonlocal models from data."""

# What each room exports is listed there once.
# ruff: noqa: F403
import warnings
from typing import Any

from nlbook.convex import SolverFailure
from nlbook.identification import bilevel, pairs, regression, uncertainty
from nlbook.identification.bilevel import *
from nlbook.identification.pairs import *
from nlbook.identification.regression import *
from nlbook.identification.uncertainty import *

__all__ = [
    "SolverFailure",
    *bilevel.__all__,
    *pairs.__all__,
    *regression.__all__,
    *uncertainty.__all__,
]

# Names of before, and what they are now.
_RENAMED = {"AdamSettings": "Adam", "ContinuumSettings": "Continuum"}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"{name} is deprecated: its name is {_RENAMED[name]}", DeprecationWarning, stacklevel=2
    )
    return globals()[_RENAMED[name]]
