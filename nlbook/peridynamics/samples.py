"""Samples of displacement and load: what a solid is learned from, and held against.

Anything with the attributes of `PeriodicSamples` or of `PointSamples` serves; `read_samples` looks
at it once, and hands on arrays that have been checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import real_array
from nlbook.peridynamics.grids import PeriodicGrid, PointSet, lattice_spacing

__all__ = ["GridSamples", "PeriodicSamples", "PointSamples", "SetSamples", "read_samples"]


@runtime_checkable
class PeriodicSamples(Protocol):
    """Fields on a periodic grid whose box is (n1 h1, n2 h2)."""

    @property
    def spacing(self) -> tuple[float, float]:
        """h1 and h2 of the nodes, length."""

    @property
    def displacement(self) -> NDArray[np.float64]:
        """u, shape (n_samples, n1, n2, 2), length."""

    @property
    def load(self) -> NDArray[np.float64]:
        """b, of the same shape, modulus over length."""


@runtime_checkable
class PointSamples(Protocol):
    """Fields on a set of points, with the equation asked for at some of them."""

    @property
    def points(self) -> NDArray[np.float64]:
        """Places, shape (n, 2), length."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where the equation is asked for, shape (n,)."""

    @property
    def displacement(self) -> NDArray[np.float64]:
        """u, shape (n_samples, n, 2), length."""

    @property
    def load(self) -> NDArray[np.float64]:
        """b, of the same shape, modulus over length."""


@dataclass(frozen=True, eq=False)
class GridSamples:
    """Checked samples on a periodic grid."""

    grid: PeriodicGrid  #: where they are known
    displacement: NDArray[np.float64]  #: (n_samples, n1, n2, 2), length
    load: NDArray[np.float64]  #: of the same shape, modulus over length

    def __post_init__(self) -> None:
        _check_fields(self, self.grid, 4)

    @property
    def spacing(self) -> tuple[float, float]:
        """h1 and h2 of the nodes, length."""
        return self.grid.spacing


@dataclass(frozen=True, eq=False)
class SetSamples:
    """Checked samples on a set of points."""

    grid: PointSet  #: where they are known, and where the equation is asked for
    displacement: NDArray[np.float64]  #: (n_samples, n, 2), length
    load: NDArray[np.float64]  #: of the same shape, modulus over length

    def __post_init__(self) -> None:
        _check_fields(self, self.grid, 3)

    @property
    def points(self) -> NDArray[np.float64]:
        """Places, shape (n, 2), length."""
        return self.grid.points

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where the equation is asked for, shape (n,)."""
        return self.grid.inside


def read_samples(samples: object) -> GridSamples | SetSamples:
    """Read samples of any origin.

    Parameters
    ----------
    samples : PeriodicSamples or PointSamples
        An object with their attributes. Points are nodes of a lattice if they name its `spacing`
        or lie on one.

    Returns
    -------
    GridSamples or SetSamples

    Raises
    ------
    ValueError
        If attributes are missing, shapes don't fit or a value is not finite.
    """
    if isinstance(samples, (GridSamples, SetSamples)):
        return samples
    if isinstance(samples, PointSamples):
        spacing = getattr(samples, "spacing", None)
        if spacing is None:
            spacing = lattice_spacing(samples.points)
        place = PointSet(samples.points, samples.inside, spacing)
        return SetSamples(place, samples.displacement, samples.load)
    if isinstance(samples, PeriodicSamples):
        shape = np.shape(samples.displacement)
        if len(shape) != 4:
            raise ValueError(f"displacement must have shape (n_samples, n1, n2, 2), got {shape}")
        grid = PeriodicGrid((shape[1], shape[2]), samples.spacing)
        return GridSamples(grid, samples.displacement, samples.load)
    raise ValueError(
        f"samples must have spacing, displacement and load, or points, inside, displacement and "
        f"load; got {samples!r}"
    )


def _check_fields(samples: Any, grid: PeriodicGrid | PointSet, ndim: int) -> None:
    for name in ("displacement", "load"):
        array = grid.fields(name, real_array(name, getattr(samples, name), ndim=ndim))
        if not len(array):
            raise ValueError(f"{name} must hold a sample or more, got none")
        object.__setattr__(samples, name, array)
    if len(samples.displacement) != len(samples.load):
        raise ValueError(
            f"load must hold {len(samples.displacement)} samples, as displacement does, got "
            f"{len(samples.load)}"
        )
