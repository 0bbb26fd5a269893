"""Operators known by their symbols: the manufactured kernels, and the biharmonic equation.

An operator that does the same everywhere multiplies cos(k x) by its symbol s(k). For a kernel

    s(k) = 2 integral over 0 < r < delta of K(r) (1 - cos k r) dr,

for -u'' it is k**2, and for the biharmonic equation (7.1) of [1]_ k**2 + c delta**2 k**4.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array
from nlbook.kernels import BernsteinKernel, RadialKernel

__all__ = [
    "CosineKernel",
    "biharmonic_symbol",
    "kernel_symbol",
    "linear_kernel",
    "symbol_values",
]

Array = NDArray[np.float64]

# Gauss points for each radian of the largest phase k delta, and at least so many.
_POINTS_PER_RADIAN, _LEAST_POINTS = 0.6, 40


@dataclass(frozen=True)
class CosineKernel:
    """K(r) = amplitude / horizon**3 cos(3 pi r / (5 horizon)) up to the horizon: (5.4) of [1]_.

    It is positive for r < 5/6 of the horizon and negative beyond. With the paper's amplitude the
    integral of K(r) r**2 from 0 to the horizon is 1 (21.46046 would be nearer), so that slow waves
    diffuse with coefficient 1.

    References
    ----------
    .. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374
       (2021) 113553.

    Examples
    --------
    >>> round(CosineKernel(horizon=0.5).moment(2), 3)  # both sides of r = 0
    2.0
    """

    horizon: float  #: radius of interaction, length
    amplitude: float = 21.4615  #: length**2 / time

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizon", check_number("horizon", self.horizon, above=0.0))
        object.__setattr__(self, "amplitude", check_number("amplitude", self.amplitude))

    def __call__(self, r: ArrayLike) -> Array:
        """Values K(r); `r` in any shape, positive."""
        distance = real_array("r", r)
        if not np.all(distance > 0):
            raise ValueError(f"r must be positive, got {float(np.min(distance))!r}")
        phase = 3 * np.pi / 5 * distance / self.horizon
        return np.where(
            distance <= self.horizon, self.amplitude / self.horizon**3 * np.cos(phase), 0.0
        )

    def radial_integral(self, radius: ArrayLike, power: float) -> Array:
        """Integral of K(r) r**power over 0 < r < radius, by the cosine's series.

        Parameters
        ----------
        radius : array_like
            Upper ends, not negative; what lies beyond the horizon adds nothing.
        power : float
            Above -1.

        Raises
        ------
        ValueError
            If the integral diverges.
        """
        power = check_number("power", power, above=-1.0)
        radii = real_array("radius", radius, finite=False)
        if not np.all(radii >= 0):
            raise ValueError(f"radius must not be negative, got {radius!r}")
        upper = np.minimum(radii, self.horizon)
        phase = 3 * np.pi / 5 * upper / self.horizon  # below 1.9, so that 16 terms are exact
        total = sum(
            (-1) ** n * phase ** (2 * n) / (math.factorial(2 * n) * (2 * n + power + 1))
            for n in range(16)
        )
        return np.asarray(self.amplitude / self.horizon**3 * upper ** (power + 1) * total)

    def moment(self, order: float, dimension: int = 1) -> float:
        """Integral of K(r) r**order over the ball of radius `horizon`."""
        dimension = check_integer("dimension", dimension, 1)
        sphere = 2 * math.pi ** (dimension / 2) / math.gamma(dimension / 2)
        return sphere * float(self.radial_integral(self.horizon, order + dimension - 1))


def linear_kernel(horizon: float) -> BernsteinKernel:
    """K(r) = 4 / horizon**3 (r / horizon), the manufactured kernel (5.3) of the paper.

    Parameters
    ----------
    horizon : float
        Radius of interaction, length.

    Returns
    -------
    BernsteinKernel
        Of degree 1; the integral of K(r) r**2 from 0 to the horizon is 1.
    """
    return BernsteinKernel((0.0, 4 / horizon**3), horizon)


def kernel_symbol(kernel: RadialKernel, wavenumbers: ArrayLike) -> Array:
    """Symbol 2 integral K(r) (1 - cos k r) dr of a kernel that is bounded, by Gauss's rule.

    Parameters
    ----------
    kernel : RadialKernel
        Smooth up to its finite horizon.
    wavenumbers : array_like
        k, radians / length, in any shape.

    Returns
    -------
    ndarray
        The factor by which -L multiplies cos(k x), 1/time; to rounding for a bounded kernel.

    Raises
    ------
    ValueError
        If the horizon is not finite.
    """
    if not math.isfinite(kernel.horizon):
        raise ValueError(f"horizon must be finite, got {kernel.horizon!r}")
    k = real_array("wavenumbers", wavenumbers)
    largest = float(np.max(np.abs(k), initial=0.0)) * kernel.horizon
    points, weights = np.polynomial.legendre.leggauss(
        math.ceil(_LEAST_POINTS + _POINTS_PER_RADIAN * largest)
    )
    r = kernel.horizon * (points + 1) / 2
    weighted = kernel.horizon / 2 * weights * kernel(r)
    return np.asarray(4 * (np.sin(np.multiply.outer(k, r / 2)) ** 2 @ weighted))


def biharmonic_symbol(wavenumbers: ArrayLike, c: float, horizon: float) -> Array:
    """Symbol k**2 + c horizon**2 k**4 of the biharmonic equation (7.1), with the sign of diffusion.

    Parameters
    ----------
    wavenumbers : array_like
        k, radians / length.
    c : float
        The paper's, not negative.
    horizon : float
        delta, which the paper puts into the equation, length.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If `c` is negative, or the horizon not positive.
    """
    c = check_number("c", c, least=0.0)
    horizon = check_number("horizon", horizon, above=0.0)
    squared = real_array("wavenumbers", wavenumbers) ** 2
    return np.asarray(squared + c * horizon**2 * squared**2)


def symbol_values(
    operator: RadialKernel | Callable[[Array], Array], wavenumbers: ArrayLike
) -> Array:
    """Symbol of what is either a bounded kernel or a symbol already.

    Parameters
    ----------
    operator : RadialKernel or callable
        A kernel; or a function from wavenumbers to values.
    wavenumbers : array_like
        k, radians / length.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the values are not as many as the wavenumbers, or not finite.
    """
    k = real_array("wavenumbers", wavenumbers)
    if hasattr(operator, "radial_integral"):
        return kernel_symbol(cast(RadialKernel, operator), k)
    values = real_array("the symbol", operator(k))
    if values.shape != k.shape:
        raise ValueError(
            f"the symbol must have a value for each of the wavenumbers {k.shape}, got "
            f"{values.shape}"
        )
    return values
