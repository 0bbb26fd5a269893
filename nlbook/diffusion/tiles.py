"""Convolution with a short even stencil by fast Fourier transforms of tiles.

One transform of a whole large grid waits for memory; tiles that overlap by the stencil's reach
stay in a core's cache, and need no more room than a tile.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["TiledConvolution"]

# Values in a tile: with its transform 1.6 MB, about what a core's cache holds.
_TILE = 320**2


class TiledConvolution:
    """out[i] = sum_a stencil[a] u[i+a] over |a| <= half_width, by so much u is wider on each side.

    Parameters
    ----------
    stencil : ndarray, shape (2 J + 1,) or (2 J + 1, 2 J + 1)
        Even in each direction, a = 0 in the middle. Directions may differ in J.
    shape : tuple of int
        Of `out`.
    """

    def __init__(self, stencil: NDArray[np.float64], shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._half_widths = tuple(size // 2 for size in stencil.shape)
        side = round(_TILE ** (1 / stencil.ndim))
        steps, sizes = [], []
        for n, half_width in zip(shape, self._half_widths, strict=True):
            useful = max(side - 2 * half_width, 2 * half_width, 1)
            step = math.ceil(n / max(1, math.ceil(n / useful)))  # tiles of about one size
            steps.append(step)
            sizes.append(fft.next_fast_len(step + 2 * half_width, real=True))
        self._steps, self._sizes = tuple(steps), tuple(sizes)
        padded = np.zeros(self._sizes)
        padded[tuple(slice(size) for size in stencil.shape)] = stencil
        centred = np.roll(
            padded, [-half_width for half_width in self._half_widths], range(stencil.ndim)
        )
        self._axes = tuple(range(stencil.ndim))
        # real, since the stencil is even
        self._spectrum = fft.rfftn(centred, axes=self._axes, workers=1).real.copy()

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply to `u`, of `shape` enlarged by twice the reach in each direction."""
        out = np.empty(self.shape)
        starts = [range(0, n, step) for n, step in zip(self.shape, self._steps, strict=True)]
        for corner in itertools.product(*starts):
            where, around = [], []
            for at, step, n, half_width in zip(
                corner, self._steps, self.shape, self._half_widths, strict=True
            ):
                stop = min(at + step, n)
                where.append(slice(at, stop))
                around.append(slice(at, stop + 2 * half_width))
            out[tuple(where)] = self._tile(u[tuple(around)])
        return out

    def _tile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        modes = fft.rfftn(u, self._sizes, axes=self._axes, workers=1)
        modes *= self._spectrum
        convolved = fft.irfftn(modes, self._sizes, axes=self._axes, workers=1, overwrite_x=True)
        inner = (
            slice(half_width, n - half_width)
            for n, half_width in zip(u.shape, self._half_widths, strict=True)
        )
        return np.asarray(convolved[tuple(inner)])
