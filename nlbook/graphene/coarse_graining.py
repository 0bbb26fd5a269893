"""From atoms to nodes: smoothed displacements and body forces on a grid.

An atom at X is shared out among the nodes x_i by weights w_i = tau(|x_i - X|)/sum_j tau(|x_j - X|)
that sum to one, the paper's (6.1) [1]_. So no force and no mass is lost:

    u_i = sum w_i M U / sum w_i M,    b_i = sum w_i B / (h1 h2 t),    rho_i = sum w_i M / (h1 h2 t).

References
----------
.. [1] H. You, Y. Yu, S. Silling and M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022)
       114400, sections 2 and 6.1.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from nlbook.checks import check_integer, check_number, real_array
from nlbook.graphene.points import node_grid, read_points, read_sides, within
from nlbook.graphene.sheet import THICKNESS, TPA

__all__ = [
    "CARBON_MASS",
    "CoarseGraining",
    "Cone",
    "Paraboloid",
    "Smoothing",
    "WrappedBoxWarning",
    "nodes_that_fit",
]

#: of an atom, dalton, as in the paper
CARBON_MASS = 12.0
# How far the box may be from a whole number of spacings and still count as one, relative.
_COMMENSURATE = 1e-6


class WrappedBoxWarning(UserWarning):
    """Nodes are taken for a periodic grid, and their period is not that of the box."""


@dataclass(frozen=True)
class Smoothing(ABC):
    """What an atom gives to a node at a distance; only ratios matter."""

    #: beyond which it gives nothing, angstrom
    radius: float = 10.0

    def __post_init__(self) -> None:
        check_number("radius", self.radius, above=0)

    @abstractmethod
    def __call__(self, distance: ArrayLike) -> NDArray[np.float64]:
        """Values at distances from zero to the radius, angstrom."""


class Cone(Smoothing):
    """tau = R - r, the paper's."""

    def __call__(self, distance: ArrayLike) -> NDArray[np.float64]:
        """As in `Smoothing`."""
        return np.maximum(0.0, self.radius - real_array("distance", distance))


class Paraboloid(Smoothing):
    """tau = 1 - (r/R)^2, to which the paper compares the cone."""

    def __call__(self, distance: ArrayLike) -> NDArray[np.float64]:
        """As in `Smoothing`."""
        return np.maximum(0.0, 1.0 - (real_array("distance", distance) / self.radius) ** 2)


@dataclass(frozen=True)
class CoarseGraining:
    """Weights between atoms and nodes; `on_grid` and `on_lattice` make them.

    Made once for a sheet, it serves any number of samples: each of its methods takes fields of
    shape (..., n_atoms, 2) and returns (..., n_nodes, 2).
    """

    #: places of the nodes, angstrom (n_nodes, 2)
    nodes: NDArray[np.float64]
    #: distances of neighbouring nodes along x1 and x2, angstrom
    spacing: tuple[float, float]
    #: sparse (n_nodes, n_atoms); the columns of atoms far from the edge of the nodes sum to one
    weights: Any

    @classmethod
    def on_grid(
        cls,
        positions: ArrayLike,
        box: tuple[float, float],
        nodes: tuple[int, int] = (20, 20),
        *,
        smoothing: Smoothing | None = None,
        spacing: tuple[float, float] | None = None,
    ) -> CoarseGraining:
        """Nodes of a periodic grid that begins at the corner of the box, the last axis fastest.

        Parameters
        ----------
        positions : array_like, shape (n_atoms, 2)
            Of the unloaded sheet, angstrom.
        box : tuple of two floats
            Sides of the periodic box, angstrom.
        nodes : tuple of two ints
            Number of nodes along x1 and x2.
        smoothing : Smoothing, optional
            A cone of radius 10 angstrom by default.
        spacing : tuple of two floats, optional
            Distances of nodes where they are not the box over `nodes`: then the grid's period is
            not that of the box, and a warning names the misfit. Nodes 5 angstrom apart in a box
            of 98.66 by 100.78 are such.

        Raises
        ------
        ValueError
            If an atom is near no node, a node near no atom, or nodes would lie outside the box.
        """
        places, sides = read_points("positions", positions), read_sides("box", box)
        n1, n2 = (check_integer("nodes", n, 3) for n in nodes)
        exact = sides / (n1, n2)
        steps = exact if spacing is None else read_sides("spacing", spacing)
        misfit = steps * (n1, n2) - sides
        if np.any(np.abs(misfit) > _COMMENSURATE * sides):
            if np.any(np.abs(misfit) >= steps):
                raise ValueError(
                    f"spacing must leave {n1} by {n2} nodes in the box of {sides[0]:.6g} by "
                    f"{sides[1]:.6g} angstrom, got {spacing!r}"
                )
            warnings.warn(
                f"the nodes are taken for a periodic grid of {n1 * steps[0]:.6g} by "
                f"{n2 * steps[1]:.6g} angstrom, and the box measures {sides[0]:.6g} by "
                f"{sides[1]:.6g}: off by {misfit[0]:+.3g} and {misfit[1]:+.3g} angstrom, or "
                f"{100 * misfit[0] / sides[0]:+.2g} and {100 * misfit[1] / sides[1]:+.2g} %; what "
                f"is fitted to such samples is no longer the material alone",
                WrappedBoxWarning,
                stacklevel=2,
            )
        grid = node_grid(steps[0] * np.arange(n1), steps[1] * np.arange(n2))
        weights = _weights(grid, places, sides, smoothing or Cone())
        return cls(grid, (float(steps[0]), float(steps[1])), weights)

    @classmethod
    def on_lattice(
        cls,
        positions: ArrayLike,
        spacing: float,
        radius: float,
        *,
        smoothing: Smoothing | None = None,
    ) -> CoarseGraining:
        """Nodes of a square lattice around the origin that reach to a radius.

        The atoms are shared out among all nodes of the endless lattice, so that what is beyond
        `radius` changes nothing within.

        Parameters
        ----------
        positions : array_like, shape (n_atoms, 2)
            Of the unloaded disk, around its centre, angstrom.
        spacing : float
            Of the lattice, angstrom.
        radius : float
            Within which, and at which, nodes are kept, angstrom.
        smoothing : Smoothing, optional
            A cone of radius 10 angstrom by default.

        Raises
        ------
        ValueError
            If an atom is near no node, or a node that is kept near no atom.
        """
        places = read_points("positions", positions)
        h = check_number("spacing", spacing, above=0)
        check_number("radius", radius, least=h)
        shape = smoothing or Cone()
        reach = int(np.ceil((np.abs(places).max(initial=0.0) + shape.radius) / h))
        line = h * np.arange(-reach, reach + 1)
        lattice = node_grid(line, line)
        kept = within(np.hypot(lattice[:, 0], lattice[:, 1]), radius)
        weights = _weights(lattice, places, None, shape, kept)
        return cls(lattice[kept], (h, h), weights)

    def displacement(
        self, displacement: ArrayLike, masses: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Mean displacement about each node, by mass; `masses` are equal by default."""
        mass = np.ones(self.weights.shape[1]) if masses is None else real_array("masses", masses)
        self._check_masses(mass)
        shared = self._share("displacement", displacement, mass)
        return shared / (self.weights @ mass)[:, np.newaxis]

    def load(self, forces: ArrayLike) -> NDArray[np.float64]:
        """Body force density about each node, TPa/angstrom, of forces on atoms in eV/angstrom."""
        volume = self.spacing[0] * self.spacing[1] * THICKNESS
        return self._share("forces", forces, None) * (TPA / volume)

    def mass_density(self, masses: ArrayLike | None = None) -> NDArray[np.float64]:
        """Mass about each node, dalton/angstrom^3, shape (n_nodes,); by default of carbon."""
        n_atoms = self.weights.shape[1]
        mass = np.full(n_atoms, CARBON_MASS) if masses is None else real_array("masses", masses)
        self._check_masses(mass)
        density: NDArray[np.float64] = self.weights @ mass
        return density / (self.spacing[0] * self.spacing[1] * THICKNESS)

    def _check_masses(self, mass: NDArray[np.float64]) -> None:
        if mass.shape != (self.weights.shape[1],) or not np.all(mass > 0):
            raise ValueError(
                f"masses must be {self.weights.shape[1]} positive numbers, got shape {mass.shape}"
            )

    def _share(
        self, name: str, field: ArrayLike, factor: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        values = real_array(name, field)
        n_nodes, n_atoms = self.weights.shape
        if values.ndim < 2 or values.shape[-2:] != (n_atoms, 2):
            raise ValueError(f"{name} must have shape (..., {n_atoms}, 2), got {values.shape}")
        if factor is not None:
            values = values * factor[:, np.newaxis]
        columns = np.moveaxis(values, -2, 0).reshape(n_atoms, -1)
        shared = (self.weights @ columns).reshape(n_nodes, *values.shape[:-2], 2)
        return np.ascontiguousarray(np.moveaxis(shared, 0, -2))


def nodes_that_fit(box: tuple[float, float], spacing: tuple[float, float]) -> tuple[int, int]:
    """Number of nodes a spacing apart in a periodic box.

    Parameters
    ----------
    box : tuple of two floats
        Sides, angstrom.
    spacing : tuple of two floats
        Along x1 and x2, angstrom.

    Returns
    -------
    tuple of two ints

    Raises
    ------
    ValueError
        If a side is no whole number of spacings, with the residual and with the nodes that fit:
        ``CoarseGraining.on_grid(..., nodes)`` takes these.
    """
    sides, h = read_sides("box", box), read_sides("spacing", spacing)
    counts = np.maximum(1, np.rint(sides / h)).astype(int)
    misfit = counts * h - sides
    if np.any(np.abs(misfit) > _COMMENSURATE * sides):
        better = sides / counts
        raise ValueError(
            f"spacing must divide the box of {sides[0]:.6g} by {sides[1]:.6g} angstrom, got "
            f"{h[0]:g} and {h[1]:g}: {counts[0]} by {counts[1]} nodes miss it by {misfit[0]:+.3g} "
            f"and {misfit[1]:+.3g} angstrom, and fit it {better[0]:.6g} and {better[1]:.6g} apart"
        )
    return int(counts[0]), int(counts[1])


def _weights(
    nodes: NDArray[np.float64],
    atoms: NDArray[np.float64],
    sides: NDArray[np.float64] | None,
    smoothing: Smoothing,
    kept: NDArray[np.bool_] | None = None,
) -> csr_matrix:
    if sides is None:
        pairs = cKDTree(nodes).sparse_distance_matrix(
            cKDTree(atoms), smoothing.radius, output_type="coo_matrix"
        )
    else:
        if 2 * smoothing.radius > sides.min():
            raise ValueError(
                f"smoothing's radius must be at most half the box of {sides[0]:.6g} by "
                f"{sides[1]:.6g} angstrom, got {smoothing.radius:g}"
            )
        inside = [np.mod(points, sides) % sides for points in (nodes, atoms)]
        pairs = cKDTree(inside[0], boxsize=sides).sparse_distance_matrix(
            cKDTree(inside[1], boxsize=sides), smoothing.radius, output_type="coo_matrix"
        )
    # at the radius an atom gives nothing, not what rounding leaves of it
    value = np.where(within(pairs.data, smoothing.radius, rim=False), smoothing(pairs.data), 0.0)
    shared = np.bincount(pairs.col, value, minlength=len(atoms))
    if not np.all(shared > 0):
        atom = int(np.argmin(shared))
        raise ValueError(
            f"nodes must lie within {smoothing.radius:g} angstrom of every atom: none is near atom "
            f"{atom} at ({atoms[atom, 0]:.6g}, {atoms[atom, 1]:.6g})"
        )
    weights = csr_matrix((value / shared[pairs.col], (pairs.row, pairs.col)), pairs.shape)
    weights = weights if kept is None else weights[kept]
    empty = np.asarray(weights.sum(axis=1)).ravel() <= 0
    if np.any(empty):
        node = (nodes if kept is None else nodes[kept])[int(np.argmax(empty))]
        raise ValueError(
            f"nodes must lie within {smoothing.radius:g} angstrom of an atom: "
            f"{np.count_nonzero(empty)} don't, such as ({node[0]:.6g}, {node[1]:.6g})"
        )
    return weights
