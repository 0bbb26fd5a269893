"""Coefficients c = mu W K/m of the bonds of a solid: what its operator is a sum of.

By least-norm weights W, which know nothing of K; or by moments: the c of least norm that give

    sum c p(xi)/|xi|**2 = mu/m(delta) integral of K p/|xi|**2,   p of degrees 4, 6, 8 and 10,

exactly, as far as the ball has nodes for it, with the exact m(delta). The former are right for
K = 1/r alone. The latter give every kernel its moduli on every lattice, and its stiffness for
shorter waves to the next orders of k; a kernel learned by exact integrals needs them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from nlbook.kernels import RadialKernel
from nlbook.peridynamics.bonds import Bonds
from nlbook.peridynamics.quadrature import LatticeQuadrature, orbit_means

__all__ = ["SolidQuadrature", "bond_coefficients", "lattice_coefficients"]

#: how sums over nodes are made
SolidQuadrature = Literal["least norm", "moments"]
# A weighted volume smaller than this, relative to what it is made of, is rounding.
_VANISHING = 1e-12
# Moments that are met to this are met.
_EXACT = 1e-10


def lattice_coefficients(
    kernel: RadialKernel, ball: LatticeQuadrature, mu: float, quadrature: SolidQuadrature
) -> NDArray[np.float64]:
    """Coefficients of the ball of a node, the same for all nodes.

    Parameters
    ----------
    kernel : RadialKernel
    ball : LatticeQuadrature
        Of the kernel's horizon.
    mu : float
        Shear modulus.
    quadrature : "least norm" or "moments"

    Returns
    -------
    ndarray, shape (n,)
        Modulus over area.

    Raises
    ------
    ValueError
        If the weighted volume vanishes.
    """
    if quadrature == "moments":
        return mu * _by_moments(kernel, ball)
    values = ball.weights * kernel(np.minimum(ball.distances, kernel.horizon))
    parts = values * ball.distances**2
    _check_volumes(np.atleast_1d(parts.sum()), np.atleast_1d(np.abs(parts).sum()))
    return np.asarray(mu * values / parts.sum())


def bond_coefficients(kernel: RadialKernel, bonds: Bonds, mu: float) -> NDArray[np.float64]:
    """Coefficients of every bond by least-norm weights, with m of its owner.

    Parameters
    ----------
    kernel : RadialKernel
    bonds : Bonds
    mu : float
        Shear modulus.

    Returns
    -------
    ndarray, shape (n_bonds,)
        Modulus over area.

    Raises
    ------
    ValueError
        If the weighted volume of a node vanishes.
    """
    r = np.hypot(*bonds.offsets.T)
    values = bonds.weights * kernel(np.minimum(r, kernel.horizon))
    parts, n = values * r**2, len(bonds.owners)
    volumes = np.asarray(np.bincount(bonds.owner, parts, minlength=n), dtype=np.float64)
    made_of = np.asarray(np.bincount(bonds.owner, np.abs(parts), minlength=n), dtype=np.float64)
    _check_volumes(volumes, made_of)
    return np.asarray(mu * values / volumes[bonds.owner])


def _by_moments(kernel: RadialKernel, ball: LatticeQuadrature) -> NDArray[np.float64]:
    """Least sum (c r**2)**2 under the moments that the ball can meet, over m(delta)."""
    delta = ball.kernel_horizon
    t = ball.offsets / delta
    r = np.hypot(*t.T)
    volume = 2 * np.pi * float(kernel.radial_integral(delta, 3.0))
    size = np.pi * delta**4 * float(np.abs(kernel(delta * np.linspace(0.01, 1, 100))).mean())
    _check_volumes(np.atleast_1d(volume), np.atleast_1d(size))
    rows: list[NDArray[np.float64]] = []
    moments: list[float] = []
    found = np.zeros(len(r))
    for degree in (4, 6, 8, 10):
        radial = float(kernel.radial_integral(delta, degree - 1)) / delta ** (degree - 2)
        for a in range(0, degree + 1, 2):
            rows.append(t[:, 0] ** a * t[:, 1] ** (degree - a) / r**4)
            angular = 2 * special.beta((a + 1) / 2, (degree - a + 1) / 2)
            moments.append(float(angular) * radial / volume)
        matrix, right = np.array(rows), np.array(moments)
        answer = np.linalg.pinv(matrix, rcond=1e-10) @ right
        if np.max(np.abs(matrix @ answer - right)) > _EXACT * np.max(np.abs(right)):
            break
        found = answer
    if not found.any():
        raise ValueError(
            f"horizon must hold more nodes for the moments of this kernel, got {len(r)} in its ball"
        )
    return orbit_means(ball.steps, found / r**2)


def _check_volumes(volumes: NDArray[np.float64], made_of: NDArray[np.float64]) -> None:
    if np.any(np.abs(volumes) <= _VANISHING * made_of):
        raise ValueError(
            "kernel must have a weighted volume m, the sum of W K r**2 over the ball, other than "
            "zero: its positive and negative parts cancel on this grid"
        )
