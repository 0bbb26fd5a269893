"""Tersoff's potential of one element, for sheets in which no atom has more than three bonds.

The energy is a sum over atoms i and their neighbours j, k [1]_,

    E   = 1/2 sum_ij fc(r_ij) (A exp(-lambda1 r_ij) - b_ij B exp(-lambda2 r_ij)),
    b   = (1 + (beta zeta_ij)**n)**(-1 / (2 n)),
    zeta_ij = sum_{k != j} fc(r_ik) g(cos theta_jik),
    g(x) = gamma (1 + (c / d)**2 - c**2 / (d**2 + (h - x)**2)),

with theta_jik the angle between the bonds i-j and i-k, and fc, which falls from 1 to 0 as half a
period of a sine between R - D and R + D. So the energy of an atom depends on its own bonds alone.

Sets for carbon: that of 1989, and one fitted to phonons [2]_.

References
----------
.. [1] J. Tersoff, Phys. Rev. B 39 (1989) 5566; erratum 41 (1990) 3248.
.. [2] L. Lindsay and D. A. Broido, Phys. Rev. B 81 (2010) 205441.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number
from nlbook.graphene.bonds import Bonds, real_positions
from nlbook.graphene.site_loops import BLOCK, force_loop
from nlbook.graphene.stiffness_loops import stiffness_loop

__all__ = ["LINDSAY_BROIDO", "TERSOFF_CARBON", "Tersoff"]

# The numbers of an entry of a file of LAMMPS, in their order.
_FILE_ORDER = (
    ("m", "gamma", "lambda3", "c", "d", "h", "n")
    + ("beta", "lambda2", "B", "R", "D", "lambda1", "A")
)  # fmt: skip


@dataclass(frozen=True)
class Tersoff:
    """Parameters of Tersoff's potential of one element; see the module for the equations."""

    A: float  #: of the repulsion, eV
    B: float  #: of the attraction, eV
    lambda1: float  #: decay of the repulsion, 1/angstrom
    lambda2: float  #: decay of the attraction, 1/angstrom
    beta: float  #: how much other bonds weaken one
    n: float  #: exponent of the bond order
    c: float  #: strength of the angular function
    d: float  #: width of the angular function
    h: float  #: cosine of the angle at which g is least
    R: float  #: where the cutoff is a half, angstrom
    D: float  #: half the width of the cutoff, angstrom
    gamma: float = 1.0  #: factor of the angular function

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "h":
                check_number("h", value)
            elif field.name in ("c", "beta"):
                check_number(field.name, value, least=0)
            else:
                check_number(field.name, value, above=0)
        if not self.D < self.R:
            raise ValueError(f"D must be less than R = {self.R!r}, got {self.D!r}")

    @classmethod
    def read(cls, path: str | Path, element: str = "C") -> Tersoff:
        """Read the entry of one element from a file in the format of LAMMPS.

        Parameters
        ----------
        path : path
            A file of ``pair_style tersoff`` in units "metal": entries of three elements and
            fourteen numbers each, over any number of lines; `#` starts a comment.
        element : str
            Whose entry is read: the one that names it three times.

        Raises
        ------
        ValueError
            If the file is none of this format, has no such entry, or the entry's lambda3 is not
            zero, a term that this potential leaves out.
        """
        entries = _read_entries(Path(path))
        if (element,) * 3 not in entries:
            there = sorted({name for names in entries for name in names})
            raise ValueError(
                f"{path} has no entry {element} {element} {element}; its elements are "
                f"{', '.join(there)}"
            )
        numbers = entries[(element,) * 3]
        if numbers.pop("lambda3") != 0:
            raise ValueError(
                f"{path}: lambda3 must be zero for {element}: the term is left out here"
            )
        del numbers["m"]  # the exponent of that term
        return cls(**numbers)

    @property
    def cutoff(self) -> float:
        """Length from which on two atoms don't see each other, angstrom."""
        return self.R + self.D

    def energy_and_forces(
        self, positions: ArrayLike, bonds: Bonds
    ) -> tuple[float, NDArray[np.float64]]:
        """Energy, and the force on each atom.

        Parameters
        ----------
        positions : array_like, shape (n_atoms, 2) or (n_atoms, 3)
            In the plane or in space, angstrom.
        bonds : Bonds
            Between all atoms nearer than `cutoff`; longer ones among them do no harm.

        Returns
        -------
        energy : float
            eV.
        forces : ndarray, shape of `positions`
            Minus the energy's gradient, eV/angstrom.

        Raises
        ------
        ValueError
            If `positions` are not finite or not as many as `bonds` has atoms, or two bonded atoms
            are so near that their forces are no numbers.
        """
        energies, forces = self.atom_energies_and_forces(positions, bonds)
        return float(energies.sum()), forces

    def atom_energies_and_forces(
        self, positions: ArrayLike, bonds: Bonds
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energy of each atom, shape (n_atoms,), and forces, as `energy_and_forces`."""
        places = real_positions(positions, bonds.n_atoms)
        padded = -(-bonds.n_atoms // BLOCK) * BLOCK
        energies, forces = np.empty(padded), np.empty_like(places)
        force_loop(
            places, bonds._others, bonds._back, bonds._sides, self._numbers, (self.R, self.D),
            energies, np.empty(9 * padded + 3 * BLOCK), forces,
        )  # fmt: skip
        if not np.isfinite(forces.sum()):
            shortest, _, _ = bonds.extent(places)
            raise ValueError(
                f"positions must keep bonded atoms apart: two are {shortest:.3g} angstrom from "
                f"each other, where forces are no numbers"
            )
        return energies[: bonds.n_atoms], forces

    def stiffness(self, positions: ArrayLike, bonds: Bonds) -> NDArray[np.float64]:
        """Second derivatives of each atom's energy with respect to its bond vectors.

        Parameters
        ----------
        positions, bonds
            As in `energy_and_forces`, with all bonds shorter than R - D.

        Returns
        -------
        ndarray, shape (n_atoms, 3, m, 3, m)
            In m = 2 or 3 dimensions, eV/angstrom**2; zero for bonds that are not there.

        Raises
        ------
        ValueError
            If a bond is in the reach of the cutoff, where it is about to break, or has no length.
        """
        places = real_positions(positions, bonds.n_atoms)
        vectors = bonds.of_atoms(places)
        bonded = bonds.neighbours >= 0
        squares = np.sum(vectors**2, axis=-1)
        if np.any(squares[bonded] >= (self.R - self.D) ** 2):
            raise ValueError(
                f"positions must leave bonds shorter than R - D = {self.R - self.D:g} angstrom, "
                f"got one of {np.sqrt(squares.max()):.4g}"
            )
        if not np.all(squares[bonded] > 0):
            raise ValueError("positions must keep bonded atoms apart: two are in one place")
        vectors[~bonded] = 1.0
        m = places.shape[1]
        result = np.empty((bonds.n_atoms, 3, m, 3, m))
        stiffness_loop(vectors, bonded, self._numbers, result)
        return result

    @property
    def _numbers(self) -> tuple[float, ...]:
        """The parameters as the loops read them."""
        return (
            self.A, self.B, self.lambda1, self.lambda2, self.beta, self.n,
            self.gamma, self.c**2, self.d**2, self.h,
        )  # fmt: skip


def _read_entries(path: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    """Entries of a file by their three elements."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text file of Tersoff's parameters") from None
    words = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    size = 3 + len(_FILE_ORDER)
    if not words or len(words) % size:
        raise ValueError(
            f"{path} must hold entries of three elements and {size - 3} numbers, got "
            f"{len(words)} words"
        )
    entries = {}
    for start in range(0, len(words), size):
        names, numbers = words[start : start + 3], words[start + 3 : start + size]
        try:
            values = [float(number) for number in numbers]
        except ValueError as error:
            raise ValueError(f"{path}: entry {' '.join(names)}: {error}") from None
        entries[names[0], names[1], names[2]] = dict(zip(_FILE_ORDER, values, strict=True))
    return entries


#: Carbon of the paper of 1989.
TERSOFF_CARBON = Tersoff(
    A=1393.6, B=346.7, lambda1=3.4879, lambda2=2.2119, beta=1.5724e-7, n=0.72751,
    c=38049.0, d=4.3484, h=-0.57058, R=1.95, D=0.15,
)  # fmt: skip

#: Carbon fitted to the phonons of graphene [2]_.
LINDSAY_BROIDO = replace(TERSOFF_CARBON, h=-0.930, B=430.0)
