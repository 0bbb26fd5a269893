"""Radial kernels K(r) of nonlocal operators, and their moments.

A nonlocal diffusion operator with kernel K and horizon delta acts as

    L u(x) = integral over |y - x| < delta of K(|y - x|) (u(y) - u(x)) dy.

The power law K = c / r**alpha is the kernel of the truncated fractional Laplacian of order
s = (alpha - dimension) / 2; a Bernstein kernel is a polynomial in r/delta, over a power of r if
the kernel is to be singular [1]_. What a smooth u sees of a kernel are its moments, the integrals
of K(r) r**order over the ball of radius delta: the second, over twice the dimension, is the
diffusivity that remains when u varies slowly.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, real_array

__all__ = [
    "BernsteinKernel",
    "PowerLawKernel",
    "RadialKernel",
    "bernstein_basis",
    "check_kernel",
]


@runtime_checkable
class RadialKernel(Protocol):
    """What an operator asks of a kernel; `PowerLawKernel` and `BernsteinKernel` provide it."""

    @property
    def horizon(self) -> float:
        """Radius of interaction, beyond which the kernel is zero."""

    def __call__(self, r: ArrayLike) -> NDArray[np.float64]:
        """Values K(r) at distances r > 0."""

    def radial_integral(self, radius: ArrayLike, power: float) -> NDArray[np.float64]:
        """Integral of K(r) r**power over 0 < r < radius."""


@dataclass(frozen=True)
class PowerLawKernel:
    """K(r) = coefficient / r**alpha for 0 < r <= horizon, and zero beyond.

    Examples
    --------
    >>> kernel = PowerLawKernel(alpha=2.4, horizon=33.7, coefficient=7.4e-4)
    >>> float(round(kernel.moment(2), 5))  # growth of the variance of a density, per unit of time
    0.02036
    """

    alpha: float  #: decay exponent; second moments are finite below 3 (in two dimensions 4)
    horizon: float  #: radius of interaction, length; inf for the untruncated law
    coefficient: float = 1.0  #: strength, length**(alpha - dimension) / time

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha)
        check_number("coefficient", self.coefficient)
        if not _is_infinite(self.horizon):
            check_number("horizon", self.horizon, above=0)

    def __call__(self, r: ArrayLike) -> NDArray[np.float64]:
        """Values K(r); `r` in any shape, positive."""
        distance = _positive_distances(r)
        return np.where(distance <= self.horizon, self.coefficient * distance ** (-self.alpha), 0.0)

    def radial_integral(self, radius: ArrayLike, power: float) -> NDArray[np.float64]:
        """Integral of K(r) r**power over 0 < r < radius, by its closed form.

        Parameters
        ----------
        radius : array_like
            Upper ends, not negative; what lies beyond the horizon adds nothing.
        power : float
            Must exceed alpha - 1.

        Raises
        ------
        ValueError
            If the integral diverges, or a radius is negative.
        """
        exponent = power + 1 - self.alpha
        _check_converges(exponent, self.alpha, power)
        r = np.minimum(_radii(radius), self.horizon)
        return np.asarray(self.coefficient * r**exponent / exponent)

    def moment(self, order: float, dimension: int = 1) -> float:
        """Integral of K(r) r**order over the ball of radius `horizon`.

        Parameters
        ----------
        order : float
            Power of the distance; order + dimension must exceed alpha.
        dimension : int
            Of space.

        Raises
        ------
        ValueError
            If the integral diverges, at zero or (without a horizon) at infinity.
        """
        if math.isinf(self.horizon):
            raise ValueError(
                f"horizon must be finite for a moment, got {self.horizon!r}: a power law without "
                f"a horizon has no finite one"
            )
        return _moment(self, order, dimension)


@dataclass(frozen=True)
class BernsteinKernel:
    """K(r) = sum over m of coefficients[m] B_{m,M}(r/horizon) / r**alpha for 0 < r <= horizon.

    B_{m,M}(t) = binomial(M, m) t**m (1 - t)**(M - m), with M + 1 coefficients. The kernel may
    change sign.

    Examples
    --------
    >>> BernsteinKernel((1.0, 0.0), horizon=2.0)([0.5, 1.0, 2.0, 3.0])  # 1 - r/2
    array([0.75, 0.5 , 0.  , 0.  ])
    """

    coefficients: tuple[float, ...]  #: M + 1 numbers, length**(alpha - dimension) / time
    horizon: float  #: radius of interaction, length
    alpha: float = 0.0  #: exponent of the factor 1 / r**alpha

    def __post_init__(self) -> None:
        values = real_array("coefficients", self.coefficients, ndim=1)
        if not values.size:
            raise ValueError("coefficients must be one or more, got none")
        object.__setattr__(self, "coefficients", tuple(values.tolist()))
        check_number("alpha", self.alpha)
        check_number("horizon", self.horizon, above=0)

    @property
    def degree(self) -> int:
        """Degree M of the polynomials."""
        return len(self.coefficients) - 1

    def __call__(self, r: ArrayLike) -> NDArray[np.float64]:
        """Values K(r); `r` in any shape, positive."""
        distance = _positive_distances(r)
        inside = distance <= self.horizon
        fraction = np.where(inside, distance / self.horizon, 1.0)
        values = bernstein_basis(self.degree, fraction) @ np.asarray(self.coefficients)
        return np.where(inside, values * distance ** (-self.alpha), 0.0)

    def radial_integral(self, radius: ArrayLike, power: float) -> NDArray[np.float64]:
        """Integral of K(r) r**power over 0 < r < radius, by incomplete Beta functions.

        Parameters
        ----------
        radius : array_like
            Upper ends, not negative; what lies beyond the horizon adds nothing.
        power : float
            Must exceed alpha - 1 - m, where m numbers the first coefficient that is not zero.

        Raises
        ------
        ValueError
            If the integral diverges, or a radius is negative.
        """
        fraction = np.minimum(_radii(radius) / self.horizon, 1.0)
        total = np.zeros(fraction.shape)
        for m, coefficient in enumerate(self.coefficients):
            if coefficient == 0.0:
                continue
            first, second = m + power + 1 - self.alpha, self.degree - m + 1
            _check_converges(first, self.alpha, power)
            total = total + (
                coefficient
                * special.binom(self.degree, m)
                * special.beta(first, second)
                * special.betainc(first, second, fraction)
            )
        return np.asarray(self.horizon ** (power + 1 - self.alpha) * total)

    def moment(self, order: float, dimension: int = 1) -> float:
        """Integral of K(r) r**order over the ball of radius `horizon`, by Beta functions.

        Parameters
        ----------
        order : float
            Power of the distance; order + dimension must exceed alpha (less the number of leading
            coefficients that are zero).
        dimension : int
            Of space.

        Raises
        ------
        ValueError
            If the integral diverges at zero.
        """
        return _moment(self, order, dimension)


def bernstein_basis(degree: int, fraction: ArrayLike) -> NDArray[np.float64]:
    """Bernstein polynomials B_{m,M}(t) = binomial(M, m) t**m (1 - t)**(M - m), m = 0..M.

    Parameters
    ----------
    degree : int
        M, not negative.
    fraction : array_like
        t, in any shape.

    Returns
    -------
    ndarray, shape (..., degree + 1)
        The values, m along the last axis; at each t they sum to one.

    Raises
    ------
    ValueError
        If `degree` is negative or no integer, or a fraction is not finite.
    """
    check_integer("degree", degree, 0)
    t = real_array("fraction", fraction)[..., np.newaxis]
    m = np.arange(degree + 1)
    return np.asarray(special.binom(degree, m) * t**m * (1 - t) ** (degree - m))


def check_kernel(kernel: Any) -> None:
    """Refuse what is no kernel, by name.

    Parameters
    ----------
    kernel : object
        What was given for one.

    Raises
    ------
    ValueError
        If it can't be asked for its values, its horizon and its integrals.
    """
    if not isinstance(kernel, RadialKernel) or isinstance(kernel, type):
        raise ValueError(
            f"kernel must be a PowerLawKernel, a BernsteinKernel or have their horizon and "
            f"radial_integral, got {kernel!r}"
        )


def _moment(kernel: RadialKernel, order: float, dimension: int) -> float:
    check_integer("dimension", dimension, 1)
    check_number("order", order)
    sphere = 2 * math.pi ** (dimension / 2) / math.gamma(dimension / 2)
    return sphere * float(kernel.radial_integral(kernel.horizon, order + dimension - 1))


def _positive_distances(r: ArrayLike) -> NDArray[np.float64]:
    distance = real_array("r", r, finite=False)
    if not np.all(distance > 0):
        raise ValueError(f"r must be positive, got {float(np.min(distance))!r}")
    return distance


def _radii(radius: ArrayLike) -> NDArray[np.float64]:
    radii = real_array("radius", radius, finite=False)
    if not np.all(radii >= 0):
        raise ValueError(f"radius must not be negative, got {float(np.min(radii))!r}")
    return radii


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and value == math.inf


def _check_converges(exponent: float, alpha: float, power: float) -> None:
    """Refuse the integral of r**(exponent - 1) from zero on, unless exponent > 0."""
    if not exponent > 0:
        raise ValueError(
            f"alpha must be below {alpha + exponent:g} for the integral of K(r) r**{power:g} to "
            f"converge at r = 0, got {alpha!r}"
        )
