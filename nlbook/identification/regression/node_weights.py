"""Weights that quadrature gives to the nodes, for each function of a Bernstein basis.

    -L u(x_i) = sum_j w_j (2 u_i - u_{i+j} - u_{i-j}),   w_j = sum over m of W_jm c_m,

for the kernel K(r) = sum over m of c_m B_{m,M}(r/delta) / r**alpha.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.diffusion.quadrature import covered_weights, nodes_weights, stencil_symbol
from nlbook.identification.pairs.training_pairs import check_length
from nlbook.kernels import BernsteinKernel, bernstein_basis

__all__ = ["QuadratureRule", "basis_weights", "grid_symbol"]

Array = NDArray[np.float64]

#: Rules of quadrature; see `basis_weights`.
QuadratureRule = Literal["cells", "nodes", "moments", "covered"]

# Whole cells in a horizon that was meant to end on a node, in spite of rounding.
_NODE_TOLERANCE = 1e-9

# Gauss points in a cell: exact for polynomials of twice this degree.
_POINTS = 32

# Degree: beyond, binomial coefficients and powers lose more digits than a kernel needs.
_MOST = 100


def basis_weights(
    horizon: float,
    degree: int,
    spacing: float,
    *,
    alpha: float = 0.0,
    rule: QuadratureRule = "cells",
) -> Array:
    """Node weights of each function B_{m,M}(r/delta) / r**alpha of the basis.

    ``"cells"`` gives node j the kernel at r_j = j h times the part of its cell
    (r_j - h/2, r_j + h/2) that the horizon covers: a node at the horizon counts h/2.
    ``"nodes"`` counts each node within the horizon h, as the paper does (one-point quadrature).
    ``"moments"`` integrates K(r) r**2 over the covered cell, the first from zero on, and divides
    by r_j**2: for singular kernels. ``"covered"`` is that of `nlbook.diffusion`.

    The last two are Gauss's, exact but for rounding up to degree 63. Weights of a function of the
    basis are off by less than 3e-14 of its largest one, as measured at alpha from 0 to 2.999999 and
    degrees up to 30 against incomplete beta functions of 40 digits.

    Parameters
    ----------
    horizon, spacing : float
        delta and h, length.
    degree : int
        M.
    alpha : float
        Below 3 for the rules that integrate.
    rule : "cells", "nodes", "moments" or "covered"
        As above.

    Returns
    -------
    ndarray, shape (J, M + 1)
        length**(1 - alpha).

    Raises
    ------
    ValueError
        If an argument is out of range, or the horizon reaches no neighbour.
    """
    _check(horizon, degree, spacing, alpha, rule)

    def values(r: Array) -> Array:
        basis = bernstein_basis(degree, np.minimum(r / horizon, 1.0))
        return np.asarray(basis * (r**-alpha)[..., np.newaxis])

    if rule == "covered":
        core = _from_zero(min(spacing, horizon), horizon, degree, alpha)
        return covered_weights(values, core, horizon, spacing, points=_POINTS)
    if rule == "nodes":
        weights = nodes_weights(values, horizon, spacing)
        count = len(weights)
    else:
        cells = horizon / spacing
        count = math.ceil(cells - 0.5 - _NODE_TOLERANCE)
    if count < 1:
        raise ValueError(
            f"horizon must reach a neighbour: it is {horizon!r}, and the nodes are {spacing!r} "
            f"apart"
        )
    if rule == "nodes":
        return weights
    j = np.arange(1, count + 1)
    if rule == "moments":
        moments = _cell_moments(horizon, degree, spacing, alpha, count)
        return moments / (j[:, np.newaxis] * spacing) ** 2
    share = np.minimum(j + 0.5, cells) - (j - 0.5)
    return values(np.minimum(j * spacing, horizon)) * (spacing * share)[:, np.newaxis]


def grid_symbol(
    kernel: BernsteinKernel,
    wavenumbers: ArrayLike,
    spacing: float,
    rule: QuadratureRule = "cells",
) -> Array:
    """Factor by which -L, by quadrature on a grid, multiplies cos(k x).

    Parameters
    ----------
    kernel : BernsteinKernel
        K.
    wavenumbers : array_like
        k, radians / length, in any shape.
    spacing : float
        h, length.
    rule : "cells", "nodes", "moments" or "covered"
        As in `basis_weights`.

    Returns
    -------
    ndarray
        4 sum_j w_j sin(k j h / 2)**2, 1/time.

    Examples
    --------
    >>> kernel = BernsteinKernel((0.0, 4 / 0.2**3), 0.2)  # int K r**2 dr = 1
    >>> round(float(grid_symbol(kernel, 2.0, spacing=0.001)), 1)  # nearly k**2
    4.0
    """
    weights = basis_weights(
        kernel.horizon, kernel.degree, spacing, alpha=kernel.alpha, rule=rule
    ) @ np.asarray(kernel.coefficients)
    return stencil_symbol(weights, real_array("wavenumbers", wavenumbers) * spacing)


def _cell_moments(horizon: float, degree: int, spacing: float, alpha: float, count: int) -> Array:
    """Integrals of B_m(r/delta) r**(2 - alpha) over the covered cells, (count, degree + 1)."""
    low = np.arange(1.5, count) * spacing
    high = np.minimum((np.arange(1, count + 1) + 0.5) * spacing, horizon)
    first = _from_zero(float(high[0]), horizon, degree, alpha)
    points, weights = _gauss(2.0)
    half = (high[1:] - low)[:, np.newaxis] / 2
    r = low[:, np.newaxis] + half * (1 + points)
    weight = half * weights * r ** (2 - alpha)
    basis = bernstein_basis(degree, np.minimum(r / horizon, 1.0))
    return np.vstack([first, np.einsum("jg,jgm->jm", weight, basis)])


def _from_zero(end: float, horizon: float, degree: int, alpha: float) -> Array:
    """Integrals of B_m(r/delta) r**(2 - alpha) from 0 to `end`, (degree + 1,).

    A rule for that weight has it all in a point near zero when alpha comes near 3, and what is left
    for powers of r loses digits as 1 / (3 - alpha)**2. So above 2 the rule is for the weight
    r**(3 - alpha), of (B_m - B_m(0)) / r; B_m(0), one for m = 0 and else zero, is added exactly.
    """
    half = end / 2
    if alpha <= 2:
        points, weights = _gauss(alpha)
        basis = bernstein_basis(degree, half * (1 + points) / horizon)
        return np.asarray(half ** (3 - alpha) * weights @ basis)
    points, weights = _gauss(alpha - 1)
    r = half * (1 + points)
    rise = bernstein_basis(degree, r / horizon)
    rise[:, 0] = np.expm1(degree * np.log1p(-r / horizon))  # (1 - t)**M - 1
    moments = half ** (4 - alpha) * (weights / r) @ rise
    moments[0] += end ** (3 - alpha) / (3 - alpha)
    return np.asarray(moments)


@lru_cache(maxsize=64)
def _gauss(alpha: float) -> tuple[Array, Array]:
    """Points and weights on (-1, 1) for the weight (1 + x)**(2 - alpha)."""
    points, weights = special.roots_jacobi(_POINTS, 0.0, 2 - alpha)
    return points, weights


def _check(horizon: float, degree: int, spacing: float, alpha: float, rule: str) -> None:
    check_length("horizon", horizon)
    check_length("spacing", spacing)
    check_integer("degree", degree, 0, _MOST)
    check_choice("rule", rule, ("cells", "nodes", "moments", "covered"))
    below = 3.0 if rule in ("moments", "covered") else None
    check_number("alpha", alpha, below=below)
