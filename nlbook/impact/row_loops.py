"""What the loops of elements and of points share: rows of a block, moved and multiplied.

The work of a block stands in one flat array, at places that are constants: from that the compiler
sees that rows do not overlap, and makes vector instructions of the loops along them.
"""

from __future__ import annotations

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES

__all__ = ["copy_rows", "gradient_rows"]

_L = LANES


@compiled(forceinline=True)
def copy_rows(source, at, target, place, count):
    """Copy so many numbers, by a plain loop: numba's slices are several times slower."""
    for j in range(count):
        target[place + j] = source[at + j]


@compiled(forceinline=True)
def gradient_rows(w, u, out):
    """F_j = sum_I u_I B_jI, for one direction of u; places in w, B at the first."""
    for i in range(_L):
        u0, u1, u2, u3 = w[u + i], w[u + _L + i], w[u + 2 * _L + i], w[u + 3 * _L + i]
        u4, u5 = w[u + 4 * _L + i], w[u + 5 * _L + i]
        u6, u7 = w[u + 6 * _L + i], w[u + 7 * _L + i]
        w[out + i] = (u0 * w[i] + u1 * w[_L + i] + u2 * w[2 * _L + i] + u3 * w[3 * _L + i]) + (
            u4 * w[4 * _L + i] + u5 * w[5 * _L + i] + u6 * w[6 * _L + i] + u7 * w[7 * _L + i]
        )
        w[out + _L + i] = (
            (u0 * w[8 * _L + i] + u1 * w[9 * _L + i] + u2 * w[10 * _L + i] + u3 * w[11 * _L + i])
            + (u4 * w[12 * _L + i] + u5 * w[13 * _L + i])
            + (u6 * w[14 * _L + i] + u7 * w[15 * _L + i])
        )
        w[out + 2 * _L + i] = (
            (u0 * w[16 * _L + i] + u1 * w[17 * _L + i] + u2 * w[18 * _L + i] + u3 * w[19 * _L + i])
            + (u4 * w[20 * _L + i] + u5 * w[21 * _L + i])
            + (u6 * w[22 * _L + i] + u7 * w[23 * _L + i])
        )
