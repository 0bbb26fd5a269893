"""Where a peridynamic solid lives: nodes of a periodic box, or a free set of points.

Lengths are in any unit, the same for all. Axis 1 of an array of fields on a periodic grid runs
along x1, axis 2 along x2; the last axis holds the two components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, check_unmasked, real_array

__all__ = ["PeriodicGrid", "PointSet", "check_spacings", "lattice_spacing"]

# How far, in spacings, a box or a point may lie from its place: six digits of a file.
_PLACE = 1e-5
# The least share of the columns, and of the nodes, that points of a lattice hold.
_FILLED = 0.02
# Columns closer than this share of the rows are one column, rounded; and the other way round.
_FLATTEST = 1e-3


@dataclass(frozen=True)
class PeriodicGrid:
    """Nodes (i h1, j h2) of a periodic box, 0 <= i < n1, 0 <= j < n2.

    Examples
    --------
    >>> PeriodicGrid.of_box((100.0, 100.0), 5.0)
    PeriodicGrid(shape=(20, 20), spacing=(5.0, 5.0))
    """

    shape: tuple[int, int]  #: n1, n2
    spacing: tuple[float, float]  #: h1, h2, length

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "shape", tuple(check_integer("shape", n, 1) for n in _pair("shape", self.shape))
        )
        object.__setattr__(self, "spacing", check_spacings(self.spacing))

    @classmethod
    def of_box(cls, box: tuple[float, float], spacing: float | tuple[float, float]) -> PeriodicGrid:
        """Grid of a box that its spacing divides.

        Parameters
        ----------
        box : (float, float)
            Sides, length.
        spacing : float or (float, float)
            Of the nodes along each side.

        Raises
        ------
        ValueError
            If a side is no whole number of spacings, to 1e-5 of one: wrapped nodes that don't fit
            the box would join places that are none.
        """
        sides = _pair("box", box)
        steps = check_spacings(spacing)
        counts = []
        for side, step in zip(sides, steps, strict=True):
            n = check_number("box", side, above=0) / step
            if abs(n - round(n)) > _PLACE or round(n) < 1:
                fits = side / max(1, round(n))
                raise ValueError(
                    f"spacing must divide the box: {side:g} holds {n:.6g} spacings of {step:g}; "
                    f"{fits:.6g} would fit"
                )
            counts.append(round(n))
        return cls(
            (counts[0], counts[1]), (float(sides[0]) / counts[0], float(sides[1]) / counts[1])
        )

    @property
    def box(self) -> tuple[float, float]:
        """Sides of the box, length."""
        return (self.shape[0] * self.spacing[0], self.shape[1] * self.spacing[1])

    @property
    def n_nodes(self) -> int:
        """Number of nodes n1 n2."""
        return self.shape[0] * self.shape[1]

    @property
    def nominal_spacing(self) -> float:
        """The mean sqrt(h1 h2), in which a horizon counts nodes."""
        return math.sqrt(self.spacing[0] * self.spacing[1])

    @property
    def stretch(self) -> float:
        """Horizon of the kernel over the horizon asked for: max(h1, h2) / nominal spacing."""
        return max(self.spacing) / self.nominal_spacing

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Places of the nodes, shape (n1, n2, 2)."""
        axes = (h * np.arange(n) for n, h in zip(self.shape, self.spacing, strict=True))
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)

    @property
    def wavevectors(self) -> NDArray[np.float64]:
        """Wavevectors of `numpy.fft.rfft2` over the two axes, flattened: shape (n_k, 2).

        1/length; n_k = n1 (n2 // 2 + 1), the zero vector first. The others of the grid are their
        negatives, at which the symbol of a real operator is the same.
        """
        k1 = 2 * np.pi * np.fft.fftfreq(self.shape[0], self.spacing[0])
        k2 = 2 * np.pi * np.fft.rfftfreq(self.shape[1], self.spacing[1])
        return np.stack(np.meshgrid(k1, k2, indexing="ij"), axis=-1).reshape(-1, 2)

    @property
    def multiplicities(self) -> NDArray[np.int64]:
        """How many of the grid's n1 n2 wavevectors each of `wavevectors` stands for: (n_k,)."""
        last = np.arange(self.shape[1] // 2 + 1)
        once = (last == 0) | (2 * last == self.shape[1])
        return np.tile(np.where(once, 1, 2), self.shape[0])

    @property
    def folded(self) -> NDArray[np.bool_]:
        """Which of `wavevectors` have half a wavelength a node along an axis: (n_k,).

        Nodes can't tell such a wave from its mirror image in that axis. A symbol that can has its
        mean over both there, a diagonal matrix.
        """
        first = 2 * np.arange(self.shape[0]) == self.shape[0]
        second = 2 * np.arange(self.shape[1] // 2 + 1) == self.shape[1]
        return np.asarray(first[:, np.newaxis] | second).ravel()

    def fields(self, name: str, value: ArrayLike) -> NDArray[np.float64]:
        """Read an array of fields on this grid, refused by name unless it is (..., n1, n2, 2)."""
        array = real_array(name, value)
        if array.shape[-3:] != (*self.shape, 2):
            raise ValueError(
                f"{name} must have shape (..., {self.shape[0]}, {self.shape[1]}, 2), got "
                f"{array.shape}"
            )
        return array


@dataclass(frozen=True, eq=False)
class PointSet:
    """Points of the plane, some of them inside the region where the equation is asked for.

    With a `spacing` the points are nodes of a lattice, and the ball of a node is that of a grid of
    the same spacings; without, a ball holds the points within the horizon.
    """

    points: NDArray[np.float64]  #: (n, 2), length
    inside: NDArray[np.bool_]  #: (n,), where the equation is asked for; elsewhere u is given
    spacing: tuple[float, float] | None = None  #: h1, h2 of the lattice; None for scattered points

    def __post_init__(self) -> None:
        points = real_array("points", self.points, ndim=2)
        if points.shape[1] != 2 or not len(points):
            raise ValueError(f"points must have shape (n, 2), got {points.shape}")
        check_unmasked("inside", self.inside)
        inside = np.asarray(self.inside)
        if inside.dtype != bool or inside.shape != (len(points),):
            raise ValueError(
                f"inside must be {len(points)} truth values, one for each point, got shape "
                f"{inside.shape} of {inside.dtype}"
            )
        if not inside.any():
            raise ValueError("inside must be true for some points, got none")
        # own copies: what bonds and matrices were made of must not change under them
        for name, array in (("points", points.copy()), ("inside", inside.copy())):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.spacing is not None:
            object.__setattr__(self, "spacing", check_spacings(self.spacing))
            _ = self.steps
        if len(np.unique(points if self.spacing is None else self.steps, axis=0)) < len(points):
            raise ValueError("points must be distinct")

    @property
    def n_nodes(self) -> int:
        """Number of points."""
        return len(self.points)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Place of each point on the lattice, (n, 2), from the first on; refused without one."""
        if self.spacing is None:
            raise ValueError("spacing must be given for points of a lattice, got None")
        places = (self.points - self.points[0]) / np.array(self.spacing)
        whole = np.rint(places)
        off = np.abs(places - whole)
        worst = int(np.argmax(off.max(axis=1)))
        if off[worst].max() > _PLACE:
            raise ValueError(
                f"points must be nodes of a lattice of spacing {self.spacing}: point {worst} lies "
                f"{off[worst].max():.2g} spacings from one"
            )
        return whole.astype(np.int64)

    def fields(self, name: str, value: ArrayLike) -> NDArray[np.float64]:
        """Read an array of fields on these points, refused by name unless it is (..., n, 2)."""
        array = real_array(name, value)
        if array.shape[-2:] != self.points.shape:
            raise ValueError(f"{name} must have shape (..., {self.n_nodes}, 2), got {array.shape}")
        return array


def lattice_spacing(points: ArrayLike) -> tuple[float, float] | None:
    """Spacings of the rectangular lattice, along the axes, that points are nodes of.

    Points may be rounded, as by a file of six digits: those of one column need not have the same
    coordinate to the bit.

    Parameters
    ----------
    points : array_like, shape (n, 2)
        Length.

    Returns
    -------
    (float, float) or None
        h1, h2; None where some point lies more than 1e-5 spacings from a node, all lie on one line,
        or the points hold less than a fiftieth of the nodes around them: any points are nodes of
        the lattice of their last digit.
    """
    places = real_array("points", points, ndim=2)
    if places.shape[1] != 2:
        raise ValueError(f"points must have shape (n, 2), got {places.shape}")
    if not len(places):
        return None
    first, second = (_line_spacing(x) for x in places.T)
    if first is None or second is None:
        return None
    (h1, n1), (h2, n2) = first, second
    if len(places) < _FILLED * n1 * n2 or not _FLATTEST < h1 / h2 < 1 / _FLATTEST:
        return None
    return (h1, h2)


def _line_spacing(x: NDArray[np.float64]) -> tuple[float, int] | None:
    """Spacing of the columns at some coordinates, and the number of columns from first to last."""
    ascending = np.sort(x)
    gaps = np.diff(ascending)
    extent = float(ascending[-1] - ascending[0])
    sizes = np.unique(gaps[gaps > 0])
    # gaps are those between columns, or what places within a column differ by: twice _PLACE of
    # the former or less
    apart = sizes[1:][sizes[:-1] <= 2 * _PLACE * sizes[1:]]
    for least in [*sizes[:1].tolist(), *apart.tolist()]:
        n_columns = 1 + int(np.sum(gaps > least / 2))
        # the closest pair may be rounded; the extent over a whole number is less so
        n_steps = round(extent / least)
        if n_columns < _FILLED * (n_steps + 1):
            continue
        step = extent / n_steps
        steps = (x - x[0]) / step
        if np.max(np.abs(steps - np.rint(steps))) <= _PLACE:
            return step, n_steps + 1
    return None


def _pair(name: str, value: Any) -> tuple[float, float]:
    check_unmasked(name, value)
    several = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim)
    if not several or len(value) != 2:
        raise ValueError(f"{name} must be two numbers, got {value!r}")
    return (value[0], value[1])


def check_spacings(value: Any) -> tuple[float, float]:
    """Read one spacing for both axes, or two, refused by name unless positive."""
    alone = not isinstance(value, (tuple, list)) and np.ndim(value) == 0
    both = (value, value) if alone else value
    h1, h2 = (check_number("spacing", h, above=0) for h in _pair("spacing", both))
    return (h1, h2)
