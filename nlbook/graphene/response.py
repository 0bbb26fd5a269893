"""How the lattice answers to static loads: its symbol, and its elastic moduli.

A wave of displacements u_s exp(i k.x) of the sublattices s = A, B changes the bonds of an atom at
x by u_s' exp(i k.(x + d_a)) - u_s exp(i k.x), d_a the bonds at rest. So the energy is a Hermitian
form D(k) in u_A and u_B. With u = (u_A + u_B)/2, what smoothing over many atoms sees, and
w = (u_A - u_B)/2, which no smooth load moves but u does,

    D = ( D_uu  D_uw )        S(k) u = b,   S = (D_uu - D_uw D_ww^-1 D_wu) / (2 V),
        ( D_wu  D_ww ),

for a load b per volume, V the volume of an atom. As k -> 0 the symbol S becomes that of an
isotropic elastic sheet in plane stress, ions relaxed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.graphene.points import read_points
from nlbook.graphene.sheet import THICKNESS, TPA, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff

__all__ = ["ElasticModuli", "LatticeResponse"]


@dataclass(frozen=True)
class ElasticModuli:
    """Moduli of a sheet 3.35 angstrom thick, in plane stress."""

    c11: float  #: TPa
    c12: float  #: TPa
    c66: float  #: shear modulus, TPa

    @property
    def young(self) -> float:
        """Young's modulus E = C11 - C12**2 / C11, TPa."""
        return self.c11 - self.c12**2 / self.c11

    @property
    def poisson(self) -> float:
        """Poisson's ratio nu = C12 / C11."""
        return self.c12 / self.c11

    @property
    def lame_lambda(self) -> float:
        """Lame's first parameter in the plane, C12, TPa."""
        return self.c12


@dataclass(frozen=True)
class LatticeResponse:
    """Harmonic response of an infinite sheet at rest."""

    potential: Tersoff = TERSOFF_CARBON  #: any that holds a flat sheet

    @cached_property
    def bond_length(self) -> float:
        """Of the sheet without stress, angstrom."""
        return self._cell.bond_length

    def dynamical_matrix(self, wavevectors: ArrayLike) -> NDArray[np.complex128]:
        """Force constants between waves on the sublattices.

        Parameters
        ----------
        wavevectors : array_like, shape (n, 2)
            k, 1/angstrom; x1 runs along the zigzag direction.

        Returns
        -------
        ndarray, shape (n, 4, 4)
            Hermitian, eV/angstrom**2; rows and columns u_A1, u_A2, u_B1, u_B2. With the waves
            exp(i k.x) at the places of the atoms it is not periodic in k; its eigenvalues are.
        """
        parts = self._parts(wavevectors)
        turn = np.kron([[0.5, 0.5], [0.5, -0.5]], np.eye(2))  # from (u_A, u_B) to (u, w)
        return turn.T @ parts @ turn

    def symbol(self, wavevectors: ArrayLike) -> NDArray[np.float64]:
        """Load over displacement in static equilibrium, S(k) with S u = b.

        Parameters
        ----------
        wavevectors : array_like, shape (n, 2)
            k, 1/angstrom; x1 runs along the zigzag direction.

        Returns
        -------
        ndarray, shape (n, 2, 2)
            Symmetric, TPa/angstrom**2: u is the mean displacement of the sublattices, angstrom, b
            the load on both over the volume of an atom, TPa/angstrom.
        """
        parts = self._parts(wavevectors)
        coupling = parts[:, 2:, :2]
        relaxed = np.linalg.solve(parts[:, 2:, 2:], coupling)
        condensed = parts[:, :2, :2] - coupling.conj().swapaxes(1, 2) @ relaxed
        symbol = condensed.real * (TPA / (2 * self._volume))
        return 0.5 * (symbol + symbol.swapaxes(1, 2))

    def moduli(self) -> ElasticModuli:
        """Elastic moduli: energy of homogeneous strains, the sublattices free to shift.

        Bonds become d_a + eps d_a -+ 2 w, and w is where the energy is least.
        """
        strains = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0.5], [0.5, 0]]])
        columns = np.zeros((2, 3, 2, 5))
        for sublattice, sign in ((0, -2.0), (1, 2.0)):
            columns[sublattice, ..., :3] = np.einsum(
                "eij,aj->aie", strains, self._bond_vectors[sublattice]
            )
            columns[sublattice, ..., 3:] = sign * np.eye(2)
        form = np.einsum("saip,saibj,sbjq->pq", columns, self._stiffness, columns)
        relaxed = form[:3, :3] - form[:3, 3:] @ np.linalg.solve(form[3:, 3:], form[3:, :3])
        stiffness = relaxed * (TPA / (2 * self._volume))
        return ElasticModuli(
            0.5 * float(stiffness[0, 0] + stiffness[1, 1]),
            float(stiffness[0, 1]),
            float(stiffness[2, 2]),
        )

    @cached_property
    def _cell(self) -> GrapheneSheet:
        return GrapheneSheet.relaxed(self.potential, (2, 1))

    @property
    def _volume(self) -> float:
        return self._cell.area_per_atom * THICKNESS

    @cached_property
    def _bond_vectors(self) -> NDArray[np.float64]:
        """From an atom of A and one of B, shape (2, 3, 2)."""
        return self._cell.bonds.of_atoms(self._cell.positions)[:2]

    @cached_property
    def _stiffness(self) -> NDArray[np.float64]:
        """Second derivatives of the energies of those two atoms."""
        return self.potential.stiffness(self._cell.positions, self._cell.bonds)[:2]

    def _parts(self, wavevectors: ArrayLike) -> NDArray[np.complex128]:
        """D(k) in u and w, shape (n, 4, 4)."""
        waves = read_points("wavevectors", wavevectors)
        total = np.zeros((len(waves), 4, 4), complex)
        for sublattice, sign in ((0, 1.0), (1, -1.0)):
            half = np.exp(0.5j * waves @ self._bond_vectors[sublattice].T)
            # exp(i k.d) - 1 without the cancellation at small k, and -+(exp(i k.d) + 1)
            factors = np.stack([2j * half.imag * half, -2 * sign * half.real * half], axis=-1)
            stiffness = self._stiffness[sublattice]
            form = np.einsum("kap,aibj,kbq->kpiqj", factors.conj(), stiffness, factors)
            total += form.reshape(-1, 4, 4)
        return total
