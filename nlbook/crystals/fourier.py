"""Displacements of a periodic cell of square pixels that bring its stress into balance.

The displacement u lives on the corners of the pixels, and F = mean F + grad u in their middles:
along each axis a difference of corners, averaged over the other axis. With indices turned by 45
degrees this is Willot's rotated scheme [1]_, and one bilinear element with one point a pixel. Of
the schemes with one point a pixel it is the one that a quarter turn maps to itself (forward and
backward differences favour a direction), it has no oscillation where the crystal changes (Fourier
derivatives do), and the divergence is to the last bit the adjoint of the gradient; so the mean of F
is what was asked for, and the mean of P : dF/dt is the power of the means. Its only displacement
without a strain is the chequerboard, which is left out.

Div P = 0 is solved by Newton's method; each linear system, symmetric as the step has a potential,
by conjugate gradients behind the inverse of the operator of a uniform medium, a product in Fourier
space.

References
----------
.. [1] F. Willot, C. R. Mecanique 343 (2015) 232.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nlbook.crystals.pixel_loops import (
    divergence_loop,
    dot_loop,
    gradient_loop,
    tangent_loop,
    wave_loop,
)

__all__ = [
    "GreenOperator",
    "conjugate_gradients",
    "discrete_divergence",
    "discrete_gradient",
]


class GreenOperator:
    """Inverse of u -> Div (C : grad u) for a uniform medium, on fields of mean zero.

    Parameters
    ----------
    shape : tuple of int
        Pixels along each axis.
    stiffness : ndarray, shape (2, 2, 2, 2)
        C, GPa.
    """

    def __init__(self, shape: tuple[int, int], stiffness: NDArray[np.float64]) -> None:
        first, second = (
            np.exp(2j * np.pi * np.arange(number) / size)
            for number, size in ((shape[0], shape[0]), (shape[1] // 2 + 1, shape[1]))
        )
        x, y = first[:, np.newaxis], second[np.newaxis]
        waves = np.stack([0.5 * (x - 1) * (y + 1), 0.5 * (x + 1) * (y - 1)])
        acoustic = np.einsum("jxy,ijkl,lxy->ikxy", waves.conj(), stiffness, waves)
        determinant = (acoustic[0, 0] * acoustic[1, 1] - acoustic[0, 1] * acoustic[1, 0]).real
        strainless = np.sum(np.abs(waves) ** 2, axis=0) < 1e-20
        own = np.minimum(determinant, acoustic[0, 0].real)
        #: whether the medium resists every wave, as conjugate gradients need
        self.positive = bool(np.all(own[~strainless] > 0.0))
        factor = np.where(strainless, 0.0, -1.0 / np.where(strainless, 1.0, determinant))
        self._shape = shape
        self._own = np.stack([acoustic[1, 1].real, acoustic[0, 0].real]) * factor
        self._cross = -acoustic[0, 1] * factor

    def __call__(self, force: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement whose stress has this divergence, shape (2, n1, n2)."""
        waves = fft.rfft2(force)
        wave_loop(waves, self._own, self._cross)
        return np.asarray(fft.irfft2(waves, self._shape, overwrite_x=True))


def discrete_gradient(displacement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient of a periodic displacement of the corners, in the middles of the pixels.

    Parameters
    ----------
    displacement : ndarray, shape (2, n1, n2)
        In sides of a pixel.

    Returns
    -------
    ndarray, shape (4, n1, n2)
        du_1/dx_1, du_1/dx_2, du_2/dx_1, du_2/dx_2.
    """
    gradient = np.empty((4, *displacement.shape[1:]))
    gradient_loop(np.ascontiguousarray(displacement), np.zeros(4), gradient)
    return gradient


def discrete_divergence(piola: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divergence of stresses of the pixels, on their corners, per side of a pixel.

    Parameters
    ----------
    piola : ndarray, shape (4, n1, n2)
        P 11, 12, 21, 22.

    Returns
    -------
    ndarray, shape (2, n1, n2)
        sum_j dP_ij/dx_j.
    """
    force = np.empty((2, *piola.shape[1:]))
    divergence_loop(np.ascontiguousarray(piola), force)
    return force


def conjugate_gradients(
    tangent: NDArray[np.float64],
    force: NDArray[np.float64],
    green: GreenOperator,
    target: float,
    most: int = 200,
) -> NDArray[np.float64]:
    """Displacement whose change of stress takes away a force.

    Parameters
    ----------
    tangent : ndarray, shape (10, n1, n2)
        Upper triangle of dP/dF in each pixel, GPa.
    force : ndarray, shape (2, n1, n2)
        Div P, GPa per side of a pixel.
    green : GreenOperator
        What goes before.
    target : float
        Sum of squares of what may be left of the force.
    most : int
        Largest number of iterations.

    Returns
    -------
    ndarray, shape (2, n1, n2)
        Where the tangent is not positive in a direction, what was reached before.
    """
    left = force.copy()
    displacement = np.zeros_like(force)
    change, none = np.empty_like(force), np.zeros(4)
    gradient, rate = np.empty((2, 4, *force.shape[1:]))
    direction = np.zeros_like(force)
    before = np.inf
    for _ in range(most):
        better = green(left)
        product = -dot_loop(left, better)
        direction *= product / before
        direction -= better
        before = product
        gradient_loop(direction, none, gradient)
        tangent_loop(tangent, gradient, rate)
        divergence_loop(rate, change)
        curvature = -dot_loop(direction, change)
        if not curvature > 0.0:
            return displacement if np.any(displacement) else direction
        step = product / curvature
        displacement += step * direction
        left += step * change
        if dot_loop(left, left) <= target:
            break
    return displacement
