"""Learning the kernels of nonlocal models from data."""

# What each room exports is listed there once.
# ruff: noqa: F403
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
