"""Atoms before and after, and the loads on them: what samples on nodes are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array
from nlbook.graphene.coarse_graining import CoarseGraining, Smoothing, nodes_that_fit
from nlbook.graphene.points import read_points, read_sides, within
from nlbook.graphene.samples import PeriodicSamples, PointSamples

__all__ = ["AtomSamples", "samples_on_grid", "samples_on_lattice"]

# A net force below this share of the loads is rounding, as of a file of six digits.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class AtomSamples:
    """Displacements of atoms and the loads on them, one sample after the other.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite or hidden by a mask, an atom lies outside of the
        box by more than its length, or the loads of a sample have a net force. A net force of at
        most 1e-4 of the loads is taken from the loaded atoms as rounding.
    """

    #: of the unloaded atoms, angstrom (n_atoms, 2)
    positions: NDArray[np.float64]
    #: sides of the periodic box, angstrom; None for a body with a free edge
    box: tuple[float, float] | None
    #: angstrom (n_samples, n_atoms, 2)
    displacement: NDArray[np.float64]
    #: loads, eV/angstrom (n_samples, n_atoms, 2)
    forces: NDArray[np.float64]
    #: dalton, only ratios matter (n_atoms,); None for equal ones
    masses: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        positions = read_points("positions", self.positions)
        if not len(positions):
            raise ValueError("positions must be those of an atom or more")
        object.__setattr__(self, "positions", positions)
        if self.box is not None:
            sides = read_sides("box", self.box)
            object.__setattr__(self, "box", (float(sides[0]), float(sides[1])))
            if np.any(np.abs(positions - sides / 2) > 1.5 * sides):
                raise ValueError(
                    f"positions must lie in the box of {sides[0]:.6g} by {sides[1]:.6g} angstrom "
                    f"or beside it, got {np.abs(positions).max():.6g}"
                )
        for name in ("displacement", "forces"):
            value = real_array(name, getattr(self, name), ndim=3)
            if value.shape[1:] != positions.shape or not len(value):
                raise ValueError(
                    f"{name} must have shape (n_samples, {len(positions)}, 2), got {value.shape}"
                )
            object.__setattr__(self, name, value)
        if len(self.displacement) != len(self.forces):
            raise ValueError(
                f"displacement and forces must be of as many samples, got "
                f"{len(self.displacement)} and {len(self.forces)}"
            )
        object.__setattr__(self, "forces", _balanced(self.forces))
        if self.masses is not None:
            masses = real_array("masses", self.masses, ndim=1)
            if masses.size != len(positions) or not np.all(masses > 0):
                raise ValueError(f"masses must be {len(positions)} positive numbers")
            object.__setattr__(self, "masses", masses)

    @classmethod
    def from_positions(
        cls,
        before: ArrayLike,
        after: ArrayLike,
        forces: ArrayLike,
        box: tuple[float, float] | None,
        masses: ArrayLike | None = None,
    ) -> AtomSamples:
        """Take displacements between positions, across the borders of a periodic box.

        Parameters
        ----------
        before : array_like, shape (n_atoms, 2)
            Of the unloaded atoms, angstrom.
        after : array_like, shape (n_samples, n_atoms, 2) or (n_atoms, 2)
            Under load, in the same order.
        forces : array_like, shape of `after`
            Loads, eV/angstrom.
        box : tuple of two floats, or None
            Sides of the periodic box, angstrom; None for a body with a free edge.
        masses : array_like, shape (n_atoms,), optional
            Dalton.

        Raises
        ------
        ValueError
            As the class, or if an atom is displaced by a quarter of the box or more.
        """
        first = real_array("before", before, ndim=2)
        then, loads = real_array("after", after), real_array("forces", forces)
        then, loads = (v[np.newaxis] if v.ndim == 2 else v for v in (then, loads))
        if then.ndim != 3 or then.shape[1:] != first.shape:
            raise ValueError(
                f"after must have shape (n_samples, {len(first)}, 2) as before has, got "
                f"{then.shape}: no atom may be lost"
            )
        moved = then - first
        if box is not None:
            sides = read_sides("box", box)
            # the images nearest to the first atom's, as all may have drifted by half the box
            first_moved = moved[:, :1] - np.rint(moved[:, :1] / sides) * sides
            moved -= np.rint((moved - first_moved) / sides) * sides
            drift = moved.mean(axis=1, keepdims=True)
            if np.any(np.abs(moved - drift) > 0.25 * sides):
                raise ValueError(
                    f"after must be the same atoms as before: one is displaced by "
                    f"{np.abs(moved - drift).max():.3g} angstrom, more than a quarter of the box"
                )
        sides_or_none = None if box is None else (float(box[0]), float(box[1]))
        mass = None if masses is None else real_array("masses", masses)
        return cls(first, sides_or_none, moved, loads, mass)

    def __len__(self) -> int:
        return len(self.displacement)

    def on_grid(
        self,
        nodes: tuple[int, int] | None = None,
        *,
        spacing: float | tuple[float, float] | None = None,
        smoothing: Smoothing | None = None,
    ) -> PeriodicSamples:
        """Coarse-grain onto a periodic grid.

        Parameters
        ----------
        nodes : tuple of two ints, optional
            Along x1 and x2; 20 by 20 if there is no `spacing` either.
        spacing : float or tuple of two floats, optional
            Distances of nodes, angstrom. Alone it must divide the box; beside `nodes` it may miss
            it, with a warning that names the misfit.
        smoothing : Smoothing, optional
            A cone of radius 10 angstrom by default.

        Returns
        -------
        PeriodicSamples
            The mean displacement of each sample is taken away.

        Raises
        ------
        ValueError
            If there is no box, or the grid does not fit it.
        """
        if self.box is None:
            raise ValueError("box must not be None for a periodic grid: use on_lattice")
        apart: tuple[float, float] | None = None
        if spacing is not None:
            h = [spacing, spacing] if np.ndim(spacing) == 0 else spacing
            h1, h2 = read_sides("spacing", h)
            apart = float(h1), float(h2)
        if nodes is None:
            nodes = (20, 20) if apart is None else nodes_that_fit(self.box, apart)
            apart = None
        graining = CoarseGraining.on_grid(
            self.positions, self.box, nodes, smoothing=smoothing, spacing=apart
        )
        moved = graining.displacement(self.displacement, self.masses)
        return samples_on_grid(graining, nodes, moved, self.forces)

    def on_lattice(
        self,
        spacing: float = 5.0,
        *,
        radius: float = 80.0,
        inside: float = 50.0,
        smoothing: Smoothing | None = None,
    ) -> PointSamples:
        """Coarse-grain onto a square lattice around the origin.

        Parameters
        ----------
        spacing : float
            Angstrom.
        radius : float
            Within which nodes are kept, angstrom: `inside` and the horizon of the models to test.
        inside : float
            The equation is asked for at less than this from the origin, angstrom. The loads that
            the paper applies from 50 angstrom on are smoothed over another 10 on both sides.
        smoothing : Smoothing, optional
            A cone of radius 10 angstrom by default.

        Returns
        -------
        PointSamples

        Raises
        ------
        ValueError
            If the atoms are periodic, or don't surround the nodes.
        """
        if self.box is not None:
            raise ValueError("box must be None for a lattice of nodes: use on_grid")
        check_number("inside", inside, above=0, most=radius)
        graining = CoarseGraining.on_lattice(self.positions, spacing, radius, smoothing=smoothing)
        moved = graining.displacement(self.displacement, self.masses)
        return samples_on_lattice(graining, inside, moved, self.forces)


def samples_on_grid(
    graining: CoarseGraining,
    nodes: tuple[int, int],
    moved: NDArray[np.float64],
    forces: NDArray[np.float64],
) -> PeriodicSamples:
    """Samples of displacements on the nodes of a periodic grid, less their means, and of loads.

    Parameters
    ----------
    graining : CoarseGraining
    nodes : tuple of two ints
        Of its grid.
    moved : ndarray, shape (n_samples, n_nodes, 2)
        Displacements on the nodes, angstrom.
    forces : ndarray, shape (n_samples, n_atoms, 2)
        Loads on the atoms, eV/angstrom.
    """
    load = graining.load(forces)
    load -= load.mean(axis=1, keepdims=True)  # what rounding leaves
    shape = (len(load), *nodes, 2)
    moved = moved - moved.mean(axis=1, keepdims=True)
    return PeriodicSamples(graining.spacing, moved.reshape(shape), load.reshape(shape))


def samples_on_lattice(
    graining: CoarseGraining,
    inside: float,
    moved: NDArray[np.float64],
    forces: NDArray[np.float64],
) -> PointSamples:
    """As `samples_on_grid`, on a lattice of nodes, with the equation asked for within `inside`."""
    distance = np.hypot(graining.nodes[:, 0], graining.nodes[:, 1])
    asked = within(distance, inside, rim=False)
    return PointSamples(graining.nodes, moved, graining.load(forces), asked)


def _balanced(forces: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loads less a net force that is rounding; a greater one is refused."""
    loaded = np.any(forces != 0, axis=2, keepdims=True)
    net, size = forces.sum(axis=1), np.abs(forces).sum(axis=(1, 2))
    share = np.abs(net).max(axis=1) / np.where(size > 0, size, 1.0)
    worst = int(np.argmax(share))
    if share[worst] > _ROUNDING:
        raise ValueError(
            f"forces must have no net force, got ({net[worst, 0]:.3g}, {net[worst, 1]:.3g}) "
            f"eV/angstrom in sample {worst}, {100 * share[worst]:.2g} % of all forces: nothing "
            f"would hold the sheet"
        )
    n_loaded = np.maximum(1, loaded.sum(axis=1))
    if np.all(share <= 1e-13):
        return forces
    return np.asarray(forces - loaded * (net / n_loaded)[:, np.newaxis])
