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
by conjugate gradients behind the inverse of the operator of a uniform elastic medium, a product in
Fourier space.

References
----------
.. [1] F. Willot, C. R. Mecanique 343 (2015) 232.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nlbook.compilation import compiled

__all__ = [
    "GreenOperator",
    "conjugate_gradients",
    "discrete_divergence",
    "discrete_gradient",
    "divergence_loop",
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
        factor = np.where(strainless, 0.0, -1.0 / np.where(strainless, 1.0, determinant))
        self._shape = shape
        self._own = np.stack([acoustic[1, 1].real, acoustic[0, 0].real]) * factor
        self._cross = -acoustic[0, 1] * factor

    def __call__(self, force: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement whose stress has this divergence, shape (2, n1, n2)."""
        waves = fft.rfft2(force)
        _product_loop(waves, self._own, self._cross)
        return np.asarray(fft.irfft2(waves, self._shape, overwrite_x=True))


@compiled()
def _product_loop(waves, own, cross):
    """The symmetric matrix of each wave times its two components, in place."""
    for i in range(waves.shape[1]):
        for j in range(waves.shape[2]):
            first, second = waves[0, i, j], waves[1, i, j]
            waves[0, i, j] = own[0, i, j] * first + cross[i, j] * second
            waves[1, i, j] = np.conj(cross[i, j]) * first + own[1, i, j] * second


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
    unit = np.zeros((10, *displacement.shape[1:]))
    unit[[0, 4, 7, 9]] = 1.0
    _stress_rate_loop(displacement, unit, gradient)
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


@compiled()
def divergence_loop(piola, force):
    """force[i] = sum_j D_j P_ij, of the four pixels that meet in a corner."""
    n1, n2 = piola.shape[1:]
    for k in range(2):
        for i in range(n1):
            along, back_along = piola[2 * k, i], piola[2 * k, i - 1]
            across, back_across = piola[2 * k + 1, i], piola[2 * k + 1, i - 1]
            row = force[k, i]
            last = n2 - 1
            row[0] = 0.5 * (
                along[0] + along[last] - back_along[0] - back_along[last]
                + across[0] - across[last] + back_across[0] - back_across[last]
            )  # fmt: skip
            for j in range(1, n2):
                row[j] = 0.5 * (
                    along[j] + along[j - 1] - back_along[j] - back_along[j - 1]
                    + across[j] - across[j - 1] + back_across[j] - back_across[j - 1]
                )  # fmt: skip


@compiled()
def _stress_rate_loop(displacement, tangent, rate):
    """rate = tangent : grad u in each pixel; tangent the upper triangle of a symmetric matrix."""
    n1, n2 = displacement.shape[1:]
    for i in range(n1):
        after = i + 1 if i + 1 < n1 else 0
        u1, v1 = displacement[0, i], displacement[0, after]
        u2, v2 = displacement[1, i], displacement[1, after]
        for j in range(n2):
            k = j + 1 if j + 1 < n2 else 0
            a = 0.5 * (v1[j] - u1[j] + v1[k] - u1[k])
            b = 0.5 * (u1[k] - u1[j] + v1[k] - v1[j])
            c = 0.5 * (v2[j] - u2[j] + v2[k] - u2[k])
            d = 0.5 * (u2[k] - u2[j] + v2[k] - v2[j])
            t01, t02, t03 = tangent[1, i, j], tangent[2, i, j], tangent[3, i, j]
            t12, t13, t23 = tangent[5, i, j], tangent[6, i, j], tangent[8, i, j]
            rate[0, i, j] = tangent[0, i, j] * a + t01 * b + t02 * c + t03 * d
            rate[1, i, j] = t01 * a + tangent[4, i, j] * b + t12 * c + t13 * d
            rate[2, i, j] = t02 * a + t12 * b + tangent[7, i, j] * c + t23 * d
            rate[3, i, j] = t03 * a + t13 * b + t23 * c + tangent[9, i, j] * d


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
    change, rate = np.empty_like(force), np.empty((4, *force.shape[1:]))
    direction = np.zeros_like(force)
    before = np.inf
    for _ in range(most):
        better = green(left)
        product = -_dot(left, better)
        direction *= product / before
        direction -= better
        before = product
        _stress_rate_loop(direction, tangent, rate)
        divergence_loop(rate, change)
        curvature = -_dot(direction, change)
        if not curvature > 0.0:
            return displacement if np.any(displacement) else direction
        step = product / curvature
        displacement += step * direction
        left += step * change
        if _dot(left, left) <= target:
            break
    return displacement


def _dot(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.vdot(first, second))
