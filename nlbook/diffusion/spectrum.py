"""Bounds on the eigenvalues of an operator whose weights form an even stencil.

On a line or plane with u = 0 beyond the grid the matrix is a section of an infinite one, so that
its eigenvalues lie in the range of the symbol, the cosine sum of the stencil.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["symbol_range"]

# How many times finer than its highest wave the symbol is sampled; in the plane half of it.
_FINER = 16


def symbol_range(stencil: NDArray[np.float64]) -> tuple[float, float]:
    """An interval that holds the symbol of a stencil, at most 4 % wider than its range.

    A cosine sum of degree J that is sampled at 2 J F points in a period exceeds its samples by at
    most a factor 1 / cos(pi / (2 F)) in each direction, which is allowed for.

    Parameters
    ----------
    stencil : ndarray, shape (2 J + 1,) or (2 J + 1, 2 J + 1)
        Even weights of all neighbours and, in the middle, of the node itself, which is minus
        their sum or less.

    Returns
    -------
    low, high : float
        With weights that are not negative `high` is zero.
    """
    finer = _FINER // stencil.ndim
    between = math.cos(math.pi / (2 * finer)) ** -stencil.ndim - 1
    sizes = [fft.next_fast_len(finer * size, real=True) for size in stencil.shape]
    padded = np.zeros(sizes)
    padded[tuple(slice(size) for size in stencil.shape)] = stencil
    centred = np.roll(padded, [-(size // 2) for size in stencil.shape], range(stencil.ndim))
    values = fft.rfftn(centred, workers=1).real
    low, high = float(values.min()), float(values.max())
    margin = (high - low) * between / 2
    if np.count_nonzero(stencil < 0) == 1:  # the middle; then Gershgorin's discs end at zero
        return max(low - margin, 2 * float(stencil.min())), 0.0
    return low - margin, high + margin
