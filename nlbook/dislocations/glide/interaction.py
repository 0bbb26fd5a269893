r"""The shear stress of edge dislocations in a periodic box.

Lengths are in Burgers vectors b and stresses in sigma0 = mu / (2 pi (1 - nu)) per unit of b.
One straight edge dislocation at the origin, with Burgers vector along x, makes the shear stress

    s(x, y) = x (x**2 - y**2) / (x**2 + y**2)**2 = d/dy [ y Re 1/(x + i y) ].

Its images along x, at x + k L, sum to a cotangent; with X = 2 pi x/L and Y = 2 pi y/L,

    row(X, Y) = (pi/L) sin X (cosh Y - cos X - Y sinh Y) / (cosh Y - cos X)**2,

which is equation (2) of [1]_ (there the prefactor has 1 - mu where 1 - nu is meant). A box that is
periodic in y as well needs the rows Y + 2 pi j of all integers j; their terms fall like
2 n |Y| exp(-n |Y|). The double sum converges conditionally: summed row by row it is periodic, and
other orders of summation add a *shape term* that is linear in x [2]_.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Nonlocal machine learning of
   micro-structural defect evolutions in crystalline materials" (2022).
.. [2] W. Cai, V. V. Bulatov, J. Chang, J. Li and S. Yip, "Periodic image effects in dislocation
   modelling", Philosophical Magazine 83 (2003) 539.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_number, real_array

__all__ = ["Images", "Summation", "periodic_shear_stress", "wrap"]

Images = Literal["periodic", "one_row"]
"""Which images of the box act: all of them, or those along the glide direction alone."""

Summation = Literal["rows", "squares", "discs"]
"""The order in which a doubly periodic sum is taken: its value depends on it."""

# Rows -4..4 leave 9e-11/L: the first one left out is (2 pi/L) (1 - 7 pi) exp(-7 pi)... see tests.
_ROWS = 4

# The least float whose inverse is finite to full precision.
_SMALLEST = np.finfo(np.float64).tiny

# d s / d x in units of 1/L**2 that a summation order adds to the periodic (row by row) value.
_SHAPE = {"rows": 0.0, "squares": 2.0, "discs": np.pi / 2}


def periodic_shear_stress(
    dx: ArrayLike,
    dy: ArrayLike,
    box_length: float,
    *,
    images: Images = "periodic",
    summation: Summation = "rows",
) -> NDArray[np.float64]:
    """Shear stress of a unit edge dislocation and its images in a square periodic box.

    Parameters
    ----------
    dx, dy : array_like
        Position at which the stress is felt minus position of the dislocation, in b; broadcast
        against each other.
    box_length : float
        Side of the box, in b.
    images : {"periodic", "one_row"}
        "periodic" sums the images in x and in y. "one_row" is the formula as printed in [1]_:
        the images along x of the nearest image in y, with a kink at ``|dy| = box_length/2``.
    summation : {"rows", "squares", "discs"}
        Order of the doubly periodic sum. "rows" gives the periodic value. Growing square blocks of
        images add 2 dx/L**2 to it and growing discs (pi/2) dx/L**2; both need dx itself, so the
        result is not periodic in it. For codes that sum images in blocks.

    Returns
    -------
    ndarray of float64
        The stress in sigma0, positive where a dislocation of the same sign is pushed along +x.
        Odd in dx, even in dy, zero where dx and dy are both multiples of the box length.
        Infinite where it exceeds the range of floats, never NaN.

    Raises
    ------
    ValueError
        If an argument, or its ratio to the box, is not finite, the box is not positive (or its
        inverse not finite), or an option is unknown.

    Notes
    -----
    Off by at most 1e-10/L, from rows beyond the fourth, and 4 eps / r, with eps = 2.2e-16 and r the
    distance to the nearest image: relative to the size of the stress there, by rounding alone. This
    holds for dx and dy as given. Those of two positions are off by eps L, as the positions are,
    which moves the stress by up to eps L / r**2, whatever sums it.
    """
    x, y = real_array("dx", dx, finite=False), real_array("dy", dy, finite=False)
    box_length = check_number("box_length", box_length, least=_SMALLEST)
    for name, values in (("dx", x), ("dy", y)):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(values / box_length)
        if np.any(bad):
            raise ValueError(
                f"{name} must be finite, also in units of box_length={box_length!r}, "
                f"got {values[bad].flat[0]!r}"
            )
    check_choice("images", images, get_args(Images))
    check_choice("summation", summation, get_args(Summation))
    if images == "one_row" and summation != "rows":
        raise ValueError(f"summation={summation!r} needs images='periodic': one row has no order")

    x, y = np.broadcast_arrays(x, y)
    half_angle = np.pi * (_to_nearest(x, box_length) / box_length)
    height = 2.0 * np.pi * (_to_nearest(y, box_length) / box_length)
    rows = range(-_ROWS, _ROWS + 1) if images == "periodic" else (0,)
    with np.errstate(over="ignore"):
        total = sum(_row(half_angle, height + 2.0 * np.pi * row) for row in rows)
        stress = np.pi / box_length * total
        if summation != "rows":
            stress = stress + _SHAPE[summation] * (x / box_length) / box_length
    return np.asarray(stress)


def wrap(position: NDArray[np.float64], box_length: float) -> NDArray[np.float64]:
    """Positions in a periodic box, 0 <= position < box_length.

    The remainder of a tiny negative number rounds to the box itself, which is the place zero.
    """
    inside = np.mod(position, box_length)
    return np.asarray(np.where(inside < box_length, inside, 0.0))


def _to_nearest(distance: NDArray[np.float64], box_length: float) -> NDArray[np.float64]:
    """Distance less the nearest multiple of the box length, without rounding."""
    rest = np.fmod(distance, box_length)
    # where this subtracts, the two are within a factor of two, so that it is exact
    return np.asarray(rest - box_length * np.rint(rest / box_length))


def _row(half_angle: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row of images, without pi/L: sin X/2 cos X/2 (D - Y sinh(Y)/2) / D**2.

    D = sinh(Y/2)**2 + sin(X/2)**2 = (cosh Y - cos X)/2 has no cancellation. Each factor is divided
    by sqrt(D), as D and D**2 underflow near the dislocation. On it, where D has no normal square
    root, the principal value zero is returned.
    """
    sine = np.sin(half_angle)
    half_sinh = np.sinh(height / 2)
    root = np.hypot(sine, half_sinh)
    away = root >= _SMALLEST
    root = np.where(away, root, 1.0)
    twist = (height * np.cosh(height / 2) / root) * (half_sinh / root)
    return np.where(away, sine / root * np.cos(half_angle) * ((1.0 - twist) / root), 0.0)
