"""The atoms of a flat sheet of graphene: a periodic box, or a disk with a free edge.

Atoms form two sublattices A and B; each has three neighbours of the other, a bond length away.
The x1 axis runs along the zigzag direction: the rectangular cell, sqrt(3) a by 3 a for bonds of
length a, has four atoms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number
from nlbook.graphene.bonds import Bonds
from nlbook.graphene.points import within
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff

__all__ = ["THICKNESS", "TPA", "GrapheneDisk", "GrapheneSheet", "relaxed_bond_length"]

#: Thickness by which forces become stresses, angstrom: the distance of layers in graphite.
THICKNESS = 3.35
#: TPa in one eV/angstrom**3.
TPA = 0.1602176634

# The atoms of a cell, A B A B, in units of sqrt(3) a / 2 and a / 2.
_BASIS = np.array([[0, 0], [0, 2], [1, 3], [1, 5]])


def relaxed_bond_length(potential: Tersoff = TERSOFF_CARBON) -> float:
    """Bond length of a flat sheet without stress.

    With all angles at 120 degrees the bond order b is a constant, and the energy of a bond,
    A exp(-lambda1 a) - b B exp(-lambda2 a), is least at
    a = log(lambda1 A / (lambda2 b B)) / (lambda1 - lambda2).

    Parameters
    ----------
    potential : Tersoff

    Returns
    -------
    float
        angstrom.

    Raises
    ------
    ValueError
        If there is no such length at which the cutoff sees the three neighbours in full and the
        next ones not at all.
    """
    p = potential
    # g at 120 degrees, without the difference of two great numbers
    g = p.gamma * (1 + (p.c / p.d) ** 2 * (p.h + 0.5) ** 2 / (p.d**2 + (p.h + 0.5) ** 2))
    zeta = 2 * p.beta * g
    # log b, without a power that may overflow
    log_order = -np.logaddexp(0.0, p.n * math.log(zeta)) / (2 * p.n) if zeta > 0 else 0.0
    log_balance = math.log(p.lambda1 / p.lambda2) + math.log(p.A / p.B) - float(log_order)
    length = log_balance / (p.lambda1 - p.lambda2) if p.lambda1 > p.lambda2 else math.nan
    if not (p.R + p.D) / math.sqrt(3) < length < p.R - p.D:
        raise ValueError(
            f"potential must hold a flat sheet of three bonds an atom, longer than "
            f"{(p.R + p.D) / math.sqrt(3):.4g} and shorter than {p.R - p.D:.4g} angstrom; its "
            f"bond would be {length:.4g}"
        )
    return length


def _frozen(array: NDArray) -> NDArray:
    array.flags.writeable = False
    return array


@dataclass(frozen=True)
class GrapheneSheet:
    """A periodic sheet of n1 by n2 rectangular cells of four atoms each.

    The atoms are numbered cell by cell, the last index fastest: an array of shape (n_atoms, ...)
    is one of shape (n1, n2, 4, ...), atoms 0 and 2 of a cell in sublattice A, 1 and 3 in B.
    """

    n_cells: tuple[int, int] = (39, 23)  #: along x1, of sqrt(3) a, and along x2, of 3 a
    bond_length: float = relaxed_bond_length()  #: a, angstrom

    def __post_init__(self) -> None:
        if np.shape(self.n_cells) != (2,):
            raise ValueError(f"n_cells must be two integers, got {self.n_cells!r}")
        n1 = check_integer("n_cells[0]", self.n_cells[0], 2)  # one would be its own neighbour
        n2 = check_integer("n_cells[1]", self.n_cells[1], 1)
        object.__setattr__(self, "n_cells", (n1, n2))
        check_number("bond_length", self.bond_length, above=0)

    @classmethod
    def relaxed(
        cls, potential: Tersoff = TERSOFF_CARBON, n_cells: tuple[int, int] = (39, 23)
    ) -> GrapheneSheet:
        """Sheet of cells with the bond length at which a potential has no stress."""
        return cls(n_cells, relaxed_bond_length(potential))

    @property
    def n_atoms(self) -> int:
        """Number of atoms, 4 n1 n2."""
        return 4 * self.n_cells[0] * self.n_cells[1]

    @property
    def cell(self) -> tuple[float, float]:
        """Sides of a cell along x1 and x2, angstrom."""
        return math.sqrt(3) * self.bond_length, 3 * self.bond_length

    @property
    def box(self) -> tuple[float, float]:
        """Sides of the periodic box along x1 and x2, angstrom."""
        return self.n_cells[0] * self.cell[0], self.n_cells[1] * self.cell[1]

    @property
    def area_per_atom(self) -> float:
        """Area of the sheet over its number of atoms, angstrom**2."""
        return self.box[0] * self.box[1] / self.n_atoms

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """Places of the atoms, shape (n_atoms, 2), angstrom; the first at the origin."""
        i, j = np.indices(self.n_cells)
        corner = np.stack([2 * i, 6 * j], axis=-1)[:, :, np.newaxis, :]
        halves = (corner + _BASIS).reshape(-1, 2)
        return _frozen(halves * (0.5 * np.array([math.sqrt(3), 1.0]) * self.bond_length))

    @cached_property
    def sublattice(self) -> NDArray[np.int64]:
        """0 for A and 1 for B, shape (n_atoms,)."""
        return _frozen(np.tile([0, 1, 0, 1], self.n_atoms // 4))

    @cached_property
    def bonds(self) -> Bonds:
        """Each atom with its three neighbours."""
        n1, n2 = self.n_cells
        i, j = np.indices(self.n_cells)

        def atom(di: int, dj: int, s: int) -> NDArray[np.int64]:
            return 4 * ((i + di) % n1 * n2 + (j + dj) % n2) + s

        of_cell = np.array(
            [
                [atom(0, 0, 1), atom(0, -1, 3), atom(-1, -1, 3)],
                [atom(0, 0, 0), atom(0, 0, 2), atom(-1, 0, 2)],
                [atom(0, 0, 3), atom(0, 0, 1), atom(1, 0, 1)],
                [atom(0, 0, 2), atom(0, 1, 0), atom(1, 1, 0)],
            ]
        )
        return Bonds(np.moveaxis(of_cell, (0, 1), (2, 3)).reshape(-1, 3), self.box)

    @property
    def neighbours(self) -> NDArray[np.int64]:
        """Neighbours of each atom, shape (n_atoms, 3); -1 where there is none."""
        return self.bonds.neighbours


@dataclass(frozen=True)
class GrapheneDisk:
    """A disk cut from a sheet around the centre of a hexagon, with a free edge.

    An atom at the radius, to a part in 1e9, is within. Atoms that would hang on one bond are left
    out, so each has two neighbours or three.
    """

    radius: float = 100.0  #: angstrom
    bond_length: float = relaxed_bond_length()  #: a, angstrom

    def __post_init__(self) -> None:
        check_number("bond_length", self.bond_length, above=0)
        check_number("radius", self.radius, least=2 * self.bond_length)

    @classmethod
    def relaxed(cls, potential: Tersoff = TERSOFF_CARBON, radius: float = 100.0) -> GrapheneDisk:
        """Disk with the bond length at which the inside of a sheet has no stress."""
        return cls(radius, relaxed_bond_length(potential))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.positions)

    @property
    def box(self) -> None:
        """None: nothing is periodic."""
        return None

    @property
    def area_per_atom(self) -> float:
        """Area of an atom inside the sheet, angstrom**2."""
        return 0.75 * math.sqrt(3) * self.bond_length**2

    @property
    def positions(self) -> NDArray[np.float64]:
        """Places of the atoms around the centre, shape (n_atoms, 2), angstrom."""
        return self._atoms[0]

    @property
    def sublattice(self) -> NDArray[np.int64]:
        """0 for A and 1 for B, shape (n_atoms,)."""
        return self._atoms[1]

    @property
    def bonds(self) -> Bonds:
        """Each atom with its two or three neighbours."""
        return self._atoms[2]

    @property
    def neighbours(self) -> NDArray[np.int64]:
        """Neighbours of each atom, shape (n_atoms, 3); -1 where there is none."""
        return self.bonds.neighbours

    @cached_property
    def _atoms(self) -> tuple[NDArray[np.float64], NDArray[np.int64], Bonds]:
        half = math.ceil(self.radius / (math.sqrt(3) * self.bond_length)) + 1
        sheet = GrapheneSheet((2 * half, 2 * half), self.bond_length)
        # the hexagon below the first atom of a cell in the middle has its centre there
        middle = np.array([half * sheet.cell[0], half * sheet.cell[1] - self.bond_length])
        places, sublattice = sheet.positions - middle, sheet.sublattice
        kept = within(np.hypot(places[:, 0], places[:, 1]), self.radius)
        while not np.all(kept):
            places, sublattice = places[kept], sublattice[kept]
            bonds = Bonds.find(places, 1.2 * self.bond_length)
            kept = np.sum(bonds.neighbours >= 0, axis=1) >= 2
        return _frozen(places), _frozen(sublattice), bonds
