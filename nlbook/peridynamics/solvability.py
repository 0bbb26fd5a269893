"""When a linear peridynamic solid has one equilibrium: constants of its solvability, and moduli.

With Gamma the bond part of the operator over mu and Phi^T the dilatation, both of the kernel
alone, the discrete equation L u = b is solvable for all mu > 0 and lambda + mu > 0 if [1]_

    Lambda(Gamma) > 0,   Lambda(Phi^T Gamma^-1 Phi) > 0,   Lambda(Gamma - 2 Phi Phi^T) >= 0,

Lambda the least eigenvalue that is not zero by the nature of the thing: rigid motions, and fields
without a dilatation, are left out. On a periodic grid the matrices fall into blocks, one for each
wavevector k: Gamma(k)/mu, the number g . Gamma^-1 g / mu, and Gamma(k)/mu - 2 g g^T/mu**2, of
`nlbook.peridynamics.symbols`. The second constant is not needed where L is reduced to u alone, as
here; it is told, not asked for.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400,
   theorem 4.1 and (4.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.peridynamics.blocks import joined
from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.solid import LinearPeridynamicSolid, check_solid

__all__ = [
    "DiscreteModuli",
    "SolvabilityConstants",
    "dense_constants",
    "discrete_moduli",
    "moduli_of_parts",
    "solvability_constants",
]

# A number that is zero by symmetry comes out below this, relative to the largest of its kind.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class SolvabilityConstants:
    """Least eigenvalues of the conditions of solvability; all of the kernel and grid alone."""

    coercivity: float  #: of Gamma, 1/length**2
    inf_sup: float  #: of Phi^T Gamma^-1 Phi, a number; nan where Gamma isn't positive
    cauchy_schwarz: float  #: of Gamma - 2 Phi Phi^T, 1/length**2
    continuity: float  #: the largest eigenvalue of Gamma, 1/length**2

    @property
    def solvable(self) -> bool:
        """Whether the reduced equation is solvable for all mu > 0 and lambda + mu > 0."""
        rounding = _ROUNDING * self.continuity
        return self.coercivity > rounding and self.cauchy_schwarz >= -rounding


@dataclass(frozen=True)
class DiscreteModuli:
    """What long waves on a lattice see: the moduli of the quadrature, not those given."""

    c11: float  #: of stretching along x1, modulus
    c22: float  #: along x2
    c12: float  #: of one stretch under the other
    c66: float  #: of shear

    @property
    def youngs_modulus(self) -> float:
        """E of a bar along x1 with free sides, modulus."""
        return self.c11 - self.c12**2 / self.c22

    @property
    def poisson_ratio(self) -> float:
        """Contraction along x2 of a bar along x1, over its stretch."""
        return self.c12 / self.c22


def discrete_moduli(solid: LinearPeridynamicSolid) -> DiscreteModuli:
    """Moduli of long waves on a lattice, from the fourth moments of its weighted kernel.

    Parameters
    ----------
    solid : LinearPeridynamicSolid
        On a periodic grid or on points of a lattice.

    Returns
    -------
    DiscreteModuli
        Equal to lambda and mu only where the quadrature integrates K(r) r**2 and its fourth
        moments exactly, as for K = 1/r.

    Raises
    ------
    ValueError
        If the points are no lattice.
    """
    check_solid(solid)
    offsets, c = solid.lattice_coefficients()
    x, y = offsets.T
    square = x**2 + y**2
    s1, s2 = 2 * c @ x**2, 2 * c @ y**2
    mu = solid.shear_modulus
    bonds = (8 * c @ (x**4 / square), 8 * c @ (x**2 * y**2 / square), 8 * c @ (y**4 / square))
    return moduli_of_parts(bonds, (s1, s2), (solid.lame_lambda - mu) / mu**2)


def moduli_of_parts(
    bonds: tuple[float, float, float], dilatation: tuple[float, float], kappa: float
) -> DiscreteModuli:
    """Moduli of what symbols tend to for long waves.

    Parameters
    ----------
    bonds : (float, float, float)
        A, B and C of Gamma = [[A k1**2 + B k2**2, 2 B k1 k2], [2 B k1 k2, B k1**2 + C k2**2]].
    dilatation : (float, float)
        G1 and G2 of g = (G1 k1, G2 k2).
    kappa : float
        Factor of g g^T.

    Returns
    -------
    DiscreteModuli
    """
    (a, b, c), (g1, g2) = bonds, dilatation
    return DiscreteModuli(
        c11=float(a + kappa * g1**2),
        c22=float(c + kappa * g2**2),
        c12=float(b + kappa * g1 * g2),
        c66=float(b),
    )


def solvability_constants(solid: LinearPeridynamicSolid) -> SolvabilityConstants:
    """The constants on a periodic grid, wave by wave.

    Parameters
    ----------
    solid : LinearPeridynamicSolid
        On a periodic grid of more than one node.

    Raises
    ------
    ValueError
        If the grid is not periodic, or a single node.
    """
    check_solid(solid)
    if not isinstance(solid.grid, PeriodicGrid):
        raise ValueError("grid must be periodic; dense_constants takes a set of points")
    _check_waves(solid.grid)
    gamma, g = solid.symbol_parts()
    gamma, g = gamma[1:] / solid.shear_modulus, g[1:] / solid.shear_modulus
    bonds = np.linalg.eigvalsh(gamma)
    both = np.linalg.eigvalsh(joined(gamma, g, -2.0))
    # waves of no dilatation, at half a wavelength a node, are no part of the second condition
    dilating = (g**2).sum(axis=1) > _ROUNDING * (g**2).sum(axis=1).max()
    inf_sup = np.nan
    if bonds.min() > _ROUNDING * bonds.max():
        answer = np.linalg.solve(gamma[dilating], g[dilating][..., np.newaxis])[..., 0]
        inf_sup = float((g[dilating] * answer).sum(axis=1).min())
    return SolvabilityConstants(float(bonds.min()), inf_sup, float(both.min()), float(bonds.max()))


def dense_constants(solid: LinearPeridynamicSolid) -> SolvabilityConstants:
    """The constants by dense eigenvalues, on any grid or set of points, held at the rim.

    It takes time as the cube of the number of nodes inside, a second for a thousand. Of a matrix
    that is not symmetric, on scattered points, it takes the symmetric part.

    Parameters
    ----------
    solid : LinearPeridynamicSolid

    Returns
    -------
    SolvabilityConstants

    Raises
    ------
    ValueError
        If the grid is periodic and a single node.
    """
    check_solid(solid)
    _check_waves(solid.grid)
    gamma, dilatation = _dense_parts(solid)
    rigid = 2 if isinstance(solid.grid, PeriodicGrid) else 0  # translations; a rim holds them
    bonds, modes = np.linalg.eigh(gamma)
    # a translation is an eigenvector of Gamma and of Gamma - 2 Phi Phi^T, of eigenvalue zero
    both = _without_zeros(np.linalg.eigvalsh(gamma - 2 * dilatation.T @ dilatation), rigid)
    kept = np.sort(np.argsort(np.abs(bonds))[rigid:])
    inf_sup = np.nan
    if bonds[kept].min() > _ROUNDING * bonds.max():
        half = dilatation @ (modes[:, kept] / np.sqrt(bonds[kept]))
        values = np.linalg.eigvalsh(
            half @ half.T if half.shape[0] < half.shape[1] else half.T @ half
        )
        inf_sup = float(values[values > _ROUNDING * values.max()].min())
    return SolvabilityConstants(
        float(bonds[kept].min()), inf_sup, float(both.min()), float(bonds.max())
    )


def _check_waves(grid: PeriodicGrid | PointSet) -> None:
    if isinstance(grid, PeriodicGrid) and grid.n_nodes < 2:
        raise ValueError(f"grid must have two nodes or more, got {grid!r}")


def _dense_parts(
    solid: LinearPeridynamicSolid,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gamma and Phi^T on the displacements that are free."""
    bonds, dilatation = solid.bond_matrix(), solid.dilatation_matrix()
    if isinstance(solid.grid, PointSet):
        free = np.flatnonzero(np.repeat(solid.grid.inside, 2))
        bonds, dilatation = bonds[:, free], dilatation[:, free]
    gamma = bonds.toarray() / solid.shear_modulus
    return (gamma + gamma.T) / 2, dilatation.toarray()


def _without_zeros(values: NDArray[Any], n: int) -> NDArray[Any]:
    """All but the n values closest to zero."""
    return values[np.argsort(np.abs(values))[n:]]
