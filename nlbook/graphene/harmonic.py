"""The harmonic body: displacements under loads while both are small.

Around rest the forces of the potential are -K u. On a periodic sheet K looks the same from every
cell: a wave over the cells, of phases exp(i q.R), meets a Hermitian block of 8 x 8, two components
of four atoms, and the blocks are inverted once for all waves that fit the box. On a disk K is a
sparse matrix, factorised once.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, sparse
from scipy.sparse.linalg import SuperLU, splu

from nlbook.checks import real_array
from nlbook.graphene.bonds import Bonds
from nlbook.graphene.fields import read_field, read_fields, without_rigid_motion
from nlbook.graphene.sheet import GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff

__all__ = ["HarmonicDisk", "HarmonicSheet", "harmonic_body", "stiffness_matrix"]


def stiffness_matrix(
    positions: ArrayLike, bonds: Bonds, potential: Tersoff = TERSOFF_CARBON
) -> sparse.csr_array:
    """Second derivatives of the energy with respect to all positions.

    Parameters
    ----------
    positions : array_like, shape (n_atoms, m)
        In m = 2 or 3 dimensions, angstrom.
    bonds : Bonds
        All of them shorter than R - D.
    potential : Tersoff

    Returns
    -------
    csr_array, shape (m n_atoms, m n_atoms)
        eV/angstrom**2; the components of an atom are neighbours.

    Raises
    ------
    ValueError
        As `Tersoff.stiffness`.
    """
    stiffness = potential.stiffness(positions, bonds)
    n, m = bonds.n_atoms, stiffness.shape[-1]
    there = bonds.neighbours >= 0
    # each atom's energy in the displacements of itself and its neighbours
    local = np.zeros((n, 4, m, 4, m))
    local[:, 1:, :, 1:] = stiffness * (
        there[:, :, None, None, None] & there[:, None, None, :, None]
    )
    local[:, 0] = -local[:, 1:].sum(axis=1)
    local[:, :, :, 0] = -local[:, :, :, 1:].sum(axis=3)
    own = np.arange(n)[:, np.newaxis]
    atoms = np.concatenate([own, np.where(there, bonds.neighbours, own)], axis=1)
    places = (m * atoms[..., np.newaxis] + np.arange(m)).reshape(n, 4 * m)
    rows = np.repeat(places, 4 * m, axis=1).ravel()
    columns = np.tile(places, (1, 4 * m)).ravel()
    return sparse.csr_array((local.ravel(), (rows, columns)), shape=(m * n, m * n))


class HarmonicSheet:
    """A periodic sheet's second derivatives of the energy at rest, and their inverse.

    Parameters
    ----------
    sheet : GrapheneSheet
    potential : Tersoff
    """

    def __init__(self, sheet: GrapheneSheet, potential: Tersoff = TERSOFF_CARBON) -> None:
        self.sheet = sheet
        self.potential = potential

    @cached_property
    def blocks(self) -> NDArray[np.complex128]:
        """Hermitian blocks for waves (q1, q2), shape (n1, n2 // 2 + 1, 8, 8), eV/angstrom**2.

        q2 from 0 on: the blocks of -q are the conjugates.
        """
        n1, n2 = self.sheet.n_cells
        stiffness = self.potential.stiffness(self.sheet.positions, self.sheet.bonds)[:4]
        waves1, waves2 = fft.fftfreq(n1), fft.rfftfreq(n2)
        factors = np.zeros((4, 3, n1, len(waves2), 4), complex)
        for atom in range(4):
            for slot, other in enumerate(self.sheet.neighbours[atom]):
                cell, of_cell = divmod(int(other), 4)
                phase = np.add.outer(waves1 * (cell // n2), waves2 * (cell % n2))
                factors[atom, slot, :, :, of_cell] += np.exp(2j * np.pi * phase)
                factors[atom, slot, :, :, atom] -= 1.0
        blocks = np.zeros((n1, len(waves2), 4, 2, 4, 2), complex)
        for atom in range(4):
            for a, b in np.ndindex(3, 3):
                pair = factors[atom, a].conj()[..., :, None] * factors[atom, b][..., None, :]
                blocks += pair[..., :, None, :, None] * stiffness[atom, a, :, b, :][:, None, :]
        return blocks.reshape(n1, len(waves2), 8, 8)

    def solve(self, forces: ArrayLike) -> NDArray[np.float64]:
        """Displacements u with K u = f, f less its mean.

        Parameters
        ----------
        forces : array_like, shape (n_samples, n_atoms, 2) or (n_atoms, 2)
            eV/angstrom.

        Returns
        -------
        ndarray, shape of `forces`
            angstrom, of mean zero.

        Raises
        ------
        ValueError
            If `forces` have another shape, or the sheet is not stable under the potential.
        """
        loads = read_fields("forces", forces, self.sheet.n_atoms)
        n1, n2 = self.sheet.n_cells
        waves = fft.rfft2(loads.reshape(-1, n1, n2, 8), axes=(1, 2))
        answer = np.matmul(self._inverse, waves.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
        return fft.irfft2(answer, s=(n1, n2), axes=(1, 2)).reshape(np.shape(forces))

    def without_rigid_motion(self, fields: ArrayLike) -> NDArray[np.float64]:
        """Fields (..., n_atoms, 2) less their mean."""
        return without_rigid_motion(real_array("fields", fields))

    @cached_property
    def _inverse(self) -> NDArray[np.complexfloating]:
        """The blocks' inverses; zero for the shift of all atoms, which meets no force."""
        blocks = self.blocks.copy()
        shift = np.kron(np.ones((4, 1)), np.eye(2)) / 2  # unit shifts along x1 and x2
        spring = np.trace(blocks[0, 0]).real / 8  # holds the shift, as stiff as the sheet is
        blocks[0, 0] += spring * shift @ shift.T
        if np.linalg.eigvalsh(blocks).min() <= 0:
            raise ValueError(
                "sheet must be stable under the potential, but some wave lowers its energy: its "
                f"bonds of {self.sheet.bond_length:.6g} angstrom don't suit {self.potential}"
            )
        inverse = np.linalg.inv(blocks)
        inverse[0, 0] -= shift @ shift.T / spring
        return inverse


class HarmonicDisk:
    """A free disk's second derivatives of the energy, and their inverse.

    Parameters
    ----------
    disk : GrapheneDisk
    potential : Tersoff
    displacement : array_like, shape (n_atoms, 2), optional
        Where they are taken, angstrom from the disk's positions. At these, the default, the edge
        is not at rest, so that a rotation is not quite free and the inverse not quite exact.
    """

    def __init__(
        self,
        disk: GrapheneDisk,
        potential: Tersoff = TERSOFF_CARBON,
        displacement: ArrayLike | None = None,
    ) -> None:
        self.disk = disk
        self.potential = potential
        self.places = disk.positions
        if displacement is not None:
            self.places = disk.positions + read_field("displacement", displacement, disk.n_atoms)

    def solve(self, forces: ArrayLike) -> NDArray[np.float64]:
        """Displacements u with K u = f, both without shift and rotation.

        Parameters, returns and errors are those of `HarmonicSheet.solve`.
        """
        loads = read_fields("forces", forces, self.disk.n_atoms)
        balanced = self.without_rigid_motion(loads).reshape(len(loads), -1)
        answer = np.zeros_like(balanced)
        answer[:, self._free] = self._factors.solve(balanced[:, self._free].T).T
        return self.without_rigid_motion(answer.reshape(loads.shape)).reshape(np.shape(forces))

    def without_rigid_motion(self, fields: ArrayLike) -> NDArray[np.float64]:
        """Fields (..., n_atoms, 2) less their parts in the two shifts and the rotation."""
        return without_rigid_motion(real_array("fields", fields), self.places)

    @cached_property
    def _free(self) -> NDArray[np.bool_]:
        """Components that are not held: an atom at the centre, and one at the edge from turning."""
        places = self.places
        free = np.ones(places.shape, bool)
        free[np.argmin(np.sum(places**2, axis=1))] = False
        free[np.argmax(places[:, 0]), 1] = False
        return free.ravel()

    @cached_property
    def _factors(self) -> SuperLU:
        matrix = stiffness_matrix(self.places, self.disk.bonds, self.potential)
        held = matrix[self._free][:, self._free].tocsc()
        # symmetric and positive definite, so no pivoting
        return splu(
            held, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )


@lru_cache(maxsize=4)
def harmonic_body(
    body: GrapheneSheet | GrapheneDisk, potential: Tersoff
) -> HarmonicSheet | HarmonicDisk:
    """The harmonic body of a sheet or a disk at its own positions."""
    if isinstance(body, GrapheneSheet):
        return HarmonicSheet(body, potential)
    return HarmonicDisk(body, potential)
