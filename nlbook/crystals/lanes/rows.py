"""Where the numbers of a batch of grains stand in its array.

All that a batch knows stands in one flat array, a row of LANES numbers for each quantity, and each
innermost loop runs along a row: so the compiler makes vector instructions of it. A row's place is a
constant, or a constant beyond the block of its system, from which the compiler sees that rows do
not overlap.
"""

from __future__ import annotations

import numpy as np

__all__ = ["FIRST_STAGE", "LANES", "row", "work_size"]

#: grains that are moved side by side
LANES = 16
#: share of a step at which the first of two stages ends
FIRST_STAGE = 1.0 - 0.5**0.5
#: sum of the twin fractions of a grain that is all twins, less rounding
FULL = 1.0 - 1e-14

# Rows of a batch, and how many each takes; a tensor's are 11, 22, 12, 13, 23, 21, 31, 32 and 33,
# of which one that is traceless has the first eight and one that is symmetric has its own order.
_ROWS = {
    "inverse": 9,  # B, row by row
    "trial": 6,  # B_n^T Cbar B_n: 11, 22, 33, 12, 13, 23
    "stress": 5,  # M: 11, 22, 12, 13, 23
    "before": 5,  # M at the step before
    "kept": 5,  # M from which the last step of Newton started
    "newton": 5,  # that step
    "residual": 5,
    "known": 8,  # part of X that is known from an earlier stage
    "exponent": 8,  # X
    "exponential": 9,  # exp(-X), row by row
    "right": 6,  # C
    "sums": 40,  # sum of slope P (x) p
    "size": 1,  # of the residual at "kept"
    "reached": 1,  # of the residual now
    "scale": 1,  # by which the step of Newton is shortened
    "error": 1,  # largest error of a scalar root
    "family": 1,  # sum over a family
    "total": 1,  # sum of the twin fractions
    "first": 1,  # number of the twin whose turn comes first
    "most": 1,  # its fraction, would it be alone
    "added": 1,  # what of it is new
    "dissipated": 1,  # energy so far
    "product": 6,  # B B^T: 11, 22, 33, 12, 13, 23
}
_STARTS = np.concatenate([[0], np.cumsum(list(_ROWS.values()))]) * LANES
(
    INVERSE, TRIAL, STRESS, BEFORE, KEPT, NEWTON, RESIDUAL, KNOWN, EXPONENT,
    EXPONENTIAL, RIGHT, SUMS, SIZE, REACHED, SCALE, ERROR, FAMILY, TOTAL,
    FIRST, MOST, ADDED, DISSIPATED, PRODUCT,
    SYSTEMS,
) = _STARTS.tolist()  # fmt: skip
# Rows of each system, after those: of twins the fraction in place of the slip.
BLOCK = 16 * LANES
EXCESS = 0 * LANES  # (excess stress / tau_0), whose power is the rate
SLIP = 1 * LANES  # accumulated slip at the start of the step; a twin's fraction
LEFT = 2 * LANES  # exp(-h e/sigma) there; a twin's fraction now
MOVE = 3 * LANES  # slip of the step with its sign; shear of a twin
SLOPE = 4 * LANES  # its derivative by the resolved shear stress
HELD = 5 * LANES  # threshold from the other systems; a twin's driving force
TAU = 6 * LANES  # resolved shear stress
PAST = 15 * LANES  # of a twin: its fraction a step before
AHEAD = EXCESS  # of a twin: its fraction as extrapolated to the end of a stage
SCHMID = 7 * LANES  # Schmid tensor, eight rows


def work_size(n_systems: int) -> int:
    """Length of the array of a batch."""
    return int(SYSTEMS) + n_systems * BLOCK


def row(name: str) -> int:
    """Where the rows of a quantity start."""
    return int(_STARTS[list(_ROWS).index(name)])
