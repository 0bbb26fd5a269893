"""Exact integrals of a linear peridynamic solid over the plane, by Bessel functions.

At wavevector k, z = k r, the influence function K(r) = B_m(r/delta) / r**alpha gives along k (L)
and across (T)

    Gamma_L = 16 pi integral of K r (1 - 2 (J0(z) - J1(z)/z)) dr,
    Gamma_T = 16 pi integral of K r (1 - 2 J1(z)/z) dr,
    g_L     = 4 pi integral of K r**2 J1(z) dr,        g_T = 0,

all over 0 < r < delta. The integrands are t**(3 - alpha) times an entire function of t = r/delta,
so Gauss-Jacobi quadrature with that weight takes them to 1e-13 of the bonds' sum for alpha up to 3
(1e-11 up to 3.9), without the cancellation of the hypergeometric series that they sum to.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, real_array
from nlbook.kernels import BernsteinKernel, PowerLawKernel, bernstein_basis

__all__ = ["bernstein_form", "continuum_basis", "continuum_parts", "continuum_symbol"]

# Below this z the differences 1 - 2 J1(z)/z are taken from their series.
_SMALL = 1.0
# Wavenumbers taken at a time.
_BLOCK = 256


def continuum_parts(
    wavenumbers: ArrayLike, horizon: float, degree: int, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Parts of the symbol along and across the wavevector, for each basis function.

    Parameters
    ----------
    wavenumbers : array_like, shape (n_k,)
        Of the waves, 1/length, not negative.
    horizon : float
        delta, length.
    degree : int
        M of the Bernstein polynomials.
    alpha : float
        Exponent of the factor 1/r**alpha, below 4.

    Returns
    -------
    gamma_l, gamma_t, g_l : ndarray, shape (n_k, degree + 1)
        In the units of the integrals.
    moments : ndarray, shape (degree + 1,)
        Integral of K(r) r**2 over the ball.

    Raises
    ------
    ValueError
        If a wavenumber is negative or not finite, or the integrals don't exist.
    """
    k = real_array("wavenumbers", wavenumbers, ndim=1)
    delta = check_number("horizon", horizon, above=0)
    check_integer("degree", degree, 0)
    alpha = check_number("alpha", alpha, below=4)
    if not np.all(k >= 0):
        raise ValueError(f"wavenumbers must not be negative, got {float(k.min())!r}")
    largest = delta * float(np.max(k, initial=0.0))
    n = 24 + math.ceil(degree / 2) + math.ceil(0.75 * largest)
    t, weights = _jacobi(16 * math.ceil(n / 16), 3 - alpha)  # few sizes, which are kept
    basis = weights[:, np.newaxis] * bernstein_basis(degree, t)  # t**(3 - alpha) within
    along, across, odd = (np.empty((k.size, degree + 1)) for _ in range(3))
    for start in range(0, k.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        values = _angular(delta * k[part, np.newaxis] * t)
        along[part], across[part], odd[part] = (value @ basis for value in values)
    unit = delta ** (4 - alpha)  # of the integral of t**(3 - alpha) r
    square = (k**2)[:, np.newaxis]
    gamma_l = 16 * np.pi * unit * square * along
    gamma_t = 16 * np.pi * unit * square * across
    g_l = 4 * np.pi * unit * k[:, np.newaxis] * odd
    return gamma_l, gamma_t, g_l, 2 * np.pi * unit * basis.sum(axis=0)


def continuum_basis(
    wavevectors: ArrayLike, horizon: float, degree: int, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The same in the directions of the axes, as `nlbook.peridynamics.symbols` takes it.

    Parameters
    ----------
    wavevectors : array_like, shape (n_k, 2)
        1/length.
    horizon, degree, alpha
        As in `continuum_parts`.

    Returns
    -------
    gamma : ndarray, shape (n_k, degree + 1, 2, 2)
    g : ndarray, shape (n_k, degree + 1, 2)
    moments : ndarray, shape (degree + 1,)

    Raises
    ------
    ValueError
        As `continuum_parts`.
    """
    k = real_array("wavevectors", wavevectors, ndim=2)
    if k.shape[1] != 2:
        raise ValueError(f"wavevectors must have shape (n, 2), got {k.shape}")
    length = np.hypot(k[:, 0], k[:, 1])
    gamma_l, gamma_t, g_l, moments = continuum_parts(length, horizon, degree, alpha)
    unit = k / np.where(length > 0, length, 1.0)[:, np.newaxis]
    along = unit[:, np.newaxis, :, np.newaxis] * unit[:, np.newaxis, np.newaxis, :]
    gamma = (gamma_l - gamma_t)[..., np.newaxis, np.newaxis] * along
    gamma += gamma_t[..., np.newaxis, np.newaxis] * np.eye(2)
    return gamma, g_l[..., np.newaxis] * unit[:, np.newaxis, :], moments


def continuum_symbol(
    kernel: PowerLawKernel | BernsteinKernel,
    lame_lambda: float,
    shear_modulus: float,
    wavevectors: ArrayLike,
) -> NDArray[np.float64]:
    """Symbol of the solid of the whole plane: what finer and finer quadratures tend to.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        Influence function, alpha below 4; its scale doesn't matter.
    lame_lambda, shear_modulus : float
        Moduli; mu positive.
    wavevectors : array_like, shape (n_k, 2)
        1/length.

    Returns
    -------
    ndarray, shape (n_k, 2, 2)
        Modulus over length squared.

    Raises
    ------
    ValueError
        If the integrals don't exist, m(delta) vanishes, or a number is not finite.
    """
    coefficients, alpha = bernstein_form(kernel)
    lame = check_number("lame_lambda", lame_lambda)
    mu = check_number("shear_modulus", shear_modulus, above=0)
    gamma, g, moments = continuum_basis(wavevectors, kernel.horizon, len(coefficients) - 1, alpha)
    volume = float(moments @ coefficients)
    if abs(volume) <= 1e-12 * float(moments @ np.abs(coefficients)):
        raise ValueError("kernel must have a weighted volume m(delta) other than zero")
    a = mu * coefficients / volume
    dilatation = np.einsum("kmi,m->ki", g, a)
    outer = dilatation[:, :, np.newaxis] * dilatation[:, np.newaxis, :]
    kappa = (lame - mu) / mu**2
    return np.asarray(np.einsum("kmij,m->kij", gamma, a) + kappa * outer)


def bernstein_form(kernel: object) -> tuple[NDArray[np.float64], float]:
    """Coefficients D and exponent alpha of a kernel sum D_m B_m(r/delta)/r**alpha.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        Of finite horizon.

    Raises
    ------
    ValueError
        If it is none of the two, or has no horizon.
    """
    if isinstance(kernel, PowerLawKernel):
        check_number("horizon", kernel.horizon, above=0)
        return np.array([kernel.coefficient]), kernel.alpha
    if isinstance(kernel, BernsteinKernel):
        return np.array(kernel.coefficients), kernel.alpha
    raise ValueError(
        f"kernel must be a PowerLawKernel or a BernsteinKernel for exact integrals, got {kernel!r}"
    )


def _angular(
    z: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(1 - 2 (J0 - J1/z)) / z**2, (1 - 2 J1/z) / z**2 and J1/z, also where z is small."""
    small = z < _SMALL
    positive = np.maximum(z, 1e-300)
    ratio = special.j1(positive) / positive
    safe = np.where(small, 1.0, z)
    along = (1 - 2 * (special.j0(safe) - ratio)) / safe**2
    across = (1 - 2 * ratio) / safe**2
    # J1(z)/z = sum of (-q)**n / (2 n! (n + 1)!), J0(z) = sum of (-q)**n / n!**2, q = z**2 / 4
    q = np.where(small, z * z / 4, 0.0)
    term, few_along, few_across = np.full_like(z, 0.5), np.zeros_like(z), np.zeros_like(z)
    for n in range(1, 11):  # term is (-q)**(n - 1) / (n! (n + 1)!)
        few_across += term / 4
        few_along += term * (2 * n + 1) / 4
        term = term * -q / ((n + 1) * (n + 2))
    return np.where(small, few_along, along), np.where(small, few_across, across), ratio


@functools.lru_cache(maxsize=64)
def _jacobi(n: int, power: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (0, 1) for the weight t**power."""
    x, w = special.roots_jacobi(n, 0.0, power)
    nodes, weights = (x + 1) / 2, w / 2 ** (power + 1)
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights
