"""Who neighbours whom: the bonds of a sheet, up to three of each atom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from nlbook.checks import check_number, check_unmasked, real_array
from nlbook.graphene.site_loops import BLOCK, extent_loop

__all__ = ["Bonds"]


@dataclass(frozen=True)
class Bonds:
    """Neighbours of each atom, and the box over whose sides they are found."""

    neighbours: NDArray[np.int64]  #: shape (n_atoms, 3); -1 where there is none
    box: tuple[float, float] | None = None  #: sides along x1 and x2, angstrom; None: free

    def __post_init__(self) -> None:
        check_unmasked("neighbours", self.neighbours)
        given = np.asarray(self.neighbours)
        if given.ndim != 2 or given.shape[1] != 3 or given.dtype.kind not in "iu":
            raise ValueError(
                f"neighbours must be integers of shape (n_atoms, 3), got {given.dtype} of shape "
                f"{given.shape}"
            )
        if given.size and not (given.min() >= -1 and given.max() < len(given)):
            raise ValueError(f"neighbours must be from -1 to {len(given) - 1}")
        if np.any(given == np.arange(len(given))[:, np.newaxis]):
            raise ValueError("neighbours must be other atoms: one is its own")
        if self.box is not None:
            _check_box(self.box, 0.0)
        table = np.array(given, dtype=np.int64)
        table.flags.writeable = False
        object.__setattr__(self, "neighbours", table)
        one_way = (self._slot < 0) & (table >= 0)
        if one_way.any():
            atom, slot = np.argwhere(one_way)[0]
            raise ValueError(
                f"neighbours must be mutual: atom {atom} names {table[atom, slot]}, which names it "
                f"not once"
            )

    @classmethod
    def find(
        cls, positions: ArrayLike, cutoff: float, box: tuple[float, float] | None = None
    ) -> Bonds:
        """Bonds between all atoms that are nearer than a cutoff.

        Parameters
        ----------
        positions : array_like, shape (n_atoms, 2) or (n_atoms, 3)
            angstrom.
        cutoff : float
            angstrom; for a potential R + D, where it ends.
        box : (float, float), optional
            Sides of a periodic box along x1 and x2, each more than twice the cutoff.

        Raises
        ------
        ValueError
            If an atom has more than three neighbours, or the box is too small.
        """
        places = real_positions(positions)
        reach = check_number("cutoff", cutoff, above=0)
        sides: list[float] | None = None
        if box is not None:
            sides = _check_box(box, 2 * reach)
            places = places.copy()
            places[:, :2] %= sides
            places[:, :2] -= np.where(places[:, :2] >= sides, sides, 0.0)  # of a rounded -0
            if places.shape[1] == 3:
                places[:, 2] -= places[:, 2].min(initial=0.0)
                sides.append(places[:, 2].max(initial=0.0) + 2 * reach)
        pairs = cKDTree(places, boxsize=sides).query_pairs(reach, output_type="ndarray")
        ends = np.concatenate([pairs, pairs[:, ::-1]])
        ends = ends[np.lexsort(ends.T[::-1])]
        count = np.bincount(ends[:, 0], minlength=len(places))
        if count.max(initial=0) > 3:
            atom = int(np.argmax(count))
            raise ValueError(
                f"positions must be those of a sheet: atom {atom} has {count[atom]} neighbours "
                f"within {reach:g} angstrom, at most 3 are allowed"
            )
        neighbours = np.full((len(places), 3), -1)
        first = np.cumsum(count) - count
        neighbours[ends[:, 0], np.arange(len(ends)) - first[ends[:, 0]]] = ends[:, 1]
        return cls(neighbours, None if box is None else (float(box[0]), float(box[1])))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.neighbours)

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """Each bond once, shape (n_bonds, 2), the lower atom first."""
        first = np.repeat(np.arange(self.n_atoms), 3)
        second = self.neighbours.ravel()
        return np.stack([first, second], axis=1)[first < second]

    def vectors(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Vectors along the bonds in `pairs`, over the nearest image, shape (n_bonds, 2 or 3)."""
        places = real_positions(positions, self.n_atoms)
        vectors = places[self.pairs[:, 1]] - places[self.pairs[:, 0]]
        if self.box is not None:
            vectors[:, :2] -= np.rint(vectors[:, :2] / self.box) * self.box
        return vectors

    def of_atoms(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Vectors to the neighbours of each atom, shape (n_atoms, 3, 2 or 3); zero where none."""
        places = real_positions(positions, self.n_atoms)
        vectors = places[self._others.T] - places[:, np.newaxis]
        if self.box is not None:
            vectors[..., :2] -= np.rint(vectors[..., :2] / self.box) * self.box
        return vectors

    def strains(self, positions: ArrayLike, bond_length: float) -> NDArray[np.float64]:
        """Relative change of the length of each bond in `pairs`, shape (n_bonds,)."""
        lengths = np.linalg.norm(self.vectors(positions), axis=1)
        return lengths / check_number("bond_length", bond_length, above=0) - 1

    def extent(self, positions: ArrayLike) -> tuple[float, float, float]:
        """Shortest and longest bond, and the least distance of two atoms that share a neighbour.

        Parameters
        ----------
        positions : array_like, shape (n_atoms, 2) or (n_atoms, 3)
            angstrom.

        Returns
        -------
        tuple of three floats
            angstrom.
        """
        places = real_positions(positions, self.n_atoms)
        shortest, longest, nearest = extent_loop(places, self._others, self._sides)
        return math.sqrt(shortest), math.sqrt(longest), math.sqrt(nearest)

    @cached_property
    def _others(self) -> NDArray[np.uint32]:
        """The neighbours as the loops read them, shape (3, n_atoms)."""
        own = np.arange(self.n_atoms)[:, np.newaxis]
        others = np.where(self.neighbours < 0, own, self.neighbours)
        return np.ascontiguousarray(others.T, dtype=np.uint32)

    @cached_property
    def _back(self) -> NDArray[np.uint32]:
        """Where in the loops' blocks a neighbour's own derivative for the bond begins."""
        there = np.maximum(self.neighbours, 0)
        place = 9 * BLOCK * (there // BLOCK) + there % BLOCK + 3 * BLOCK * self._slot
        zeros = 9 * BLOCK * -(-self.n_atoms // BLOCK)
        back = np.where(self.neighbours < 0, zeros, place)
        return np.ascontiguousarray(back.T, dtype=np.uint32)

    @cached_property
    def _slot(self) -> NDArray[np.int64]:
        """Which of a neighbour's own three bonds each bond is, -1 if not one."""
        back = self.neighbours[np.maximum(self.neighbours, 0)]
        mutual = back == np.arange(self.n_atoms)[:, np.newaxis, np.newaxis]
        mutual &= self.neighbours[:, :, np.newaxis] >= 0
        return np.where(mutual.sum(axis=2) == 1, np.argmax(mutual, axis=2), -1)

    @property
    def _sides(self) -> tuple[float, float, float, float]:
        """The box as the loops read it."""
        if self.box is None:
            return 0.0, 0.0, 0.0, 0.0
        return self.box[0], self.box[1], 1 / self.box[0], 1 / self.box[1]


def _check_box(box: tuple[float, float], least: float) -> list[float]:
    """Refuse what is not two sides longer than so much."""
    if np.shape(box) != (2,):
        raise ValueError(f"box must be two numbers, got {box!r}")
    return [check_number("box", side, above=least) for side in box]


def real_positions(positions: ArrayLike, n_atoms: int | None = None) -> NDArray[np.float64]:
    """Read positions in the plane or in space, of as many atoms as there are."""
    places = real_array("positions", positions, ndim=2)
    if places.shape[1] not in (2, 3) or (n_atoms is not None and len(places) != n_atoms):
        many = "n_atoms" if n_atoms is None else n_atoms
        raise ValueError(
            f"positions must have shape ({many}, 2) or ({many}, 3), got {places.shape}"
        )
    # the loops are compiled for arrays that may be written; a sheet's own may not
    return places if places.flags.writeable else places.copy()
