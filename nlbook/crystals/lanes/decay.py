"""A decaying exponential that the compiler can make vector instructions of."""

from __future__ import annotations

from nlbook.compilation import compiled

__all__ = ["exp_minus"]


@compiled(forceinline=True)
def exp_minus(z):
    """exp(-z) for z >= 0; from 40 on exp(-40), which no threshold can tell from zero."""
    u = min(z, 40.0) * (-1.0 / 128.0)
    s = 1.0 + u * (1.0 / 11.0)
    s = 1.0 + u * s * (1.0 / 10.0)
    s = 1.0 + u * s * (1.0 / 9.0)
    s = 1.0 + u * s * (1.0 / 8.0)
    s = 1.0 + u * s * (1.0 / 7.0)
    s = 1.0 + u * s * (1.0 / 6.0)
    s = 1.0 + u * s * (1.0 / 5.0)
    s = 1.0 + u * s * (1.0 / 4.0)
    s = 1.0 + u * s * (1.0 / 3.0)
    s = 1.0 + u * s * (1.0 / 2.0)
    s = 1.0 + u * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    return s * s
