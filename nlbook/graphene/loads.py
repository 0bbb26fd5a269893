"""Loads on a sheet of graphene: those that train a model, validate it, and test it on a disk.

A load is a body force density b(x) in TPa/angstrom, constant in time. An atom carries

    B = b(x) A t / 0.1602176634   (eV/angstrom),

with A the area of an atom and t = 3.35 angstrom the thickness of the sheet [1]_. The wavenumbers
of the training loads are whole in the box: the paper's n pi/50 are those of a box of 100
angstrom, while 39 by 23 cells measure 98.66 by 100.78.

References
----------
.. [1] H. You, Y. Yu, S. Silling and M. D'Elia, A data-driven peridynamic continuum model for
       upscaling molecular dynamics, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400,
       section 6.1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.graphene.points import read_points, read_sides, within
from nlbook.graphene.sheet import THICKNESS, TPA

__all__ = [
    "DiskLoad",
    "Load",
    "PatchLoad",
    "WaveLoad",
    "atom_forces",
    "disk_loads",
    "training_loads",
    "validation_loads",
]


# Of the greatest load on an atom: what is less is rounding, and the atom carries none.
_NOTHING = 1e-12


class Load(ABC):
    """What a load has: a pattern, and how strong it is by the paper's tables."""

    #: factor of the pattern, TPa/angstrom
    amplitude: float

    @abstractmethod
    def pattern(self, points: ArrayLike, box: tuple[float, float] | None) -> NDArray[np.float64]:
        """Load at points, of amplitude 1.

        Parameters
        ----------
        points : array_like, shape (n, 2)
            Angstrom. In a periodic box they count from its corner, on a disk from its centre.
        box : tuple of two floats, or None
            Sides of the periodic box, angstrom; None on a disk.

        Returns
        -------
        ndarray, shape (n, 2)
        """


@dataclass(frozen=True)
class WaveLoad(Load):
    """b = amplitude cos(2 pi n1 x1/l1) cos(2 pi n2 x2/l2) along x1 or x2, the paper's (6.2)."""

    #: whole waves in the box along x1 and x2; not both zero
    waves: tuple[int, int]
    #: 0 for a load along x1, 1 along x2
    component: int
    #: TPa/angstrom
    amplitude: float = 1e-3
    #: sides l1 and l2 of the box in which the waves are whole, angstrom, if not the sheet's own: in
    #: the paper 100 and 100, which is not the box of its atoms
    period: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if np.shape(self.waves) != (2,):
            raise ValueError(f"waves must be two integers, got {self.waves!r}")
        n1, n2 = (check_integer("waves", n, 0) for n in self.waves)
        object.__setattr__(self, "waves", (n1, n2))
        if self.period is not None:
            l1, l2 = read_sides("period", self.period)
            object.__setattr__(self, "period", (float(l1), float(l2)))
        if n1 == n2 == 0:
            raise ValueError("waves must not be (0, 0): such a load has a net force")
        check_integer("component", self.component, 0, 1)
        check_number("amplitude", self.amplitude)

    def pattern(self, points: ArrayLike, box: tuple[float, float] | None) -> NDArray[np.float64]:
        """As in `Load`."""
        places, sides = read_points("points", points), _sides(box)
        sides = sides if self.period is None else np.array(self.period)
        phase = 2 * np.pi * np.asarray(self.waves) * places / sides
        field = np.zeros(places.shape)
        field[:, self.component] = np.cos(phase[:, 0]) * np.cos(phase[:, 1])
        return field


@dataclass(frozen=True)
class PatchLoad(Load):
    """A patch of radius R at the centre of the box, and its opposite at two sides: table 1.

    b = amplitude sum_j (-1)^j cos(pi/2 min(1, r_j/R)), j from -1 to 1, with r_j the distance from
    the centre (j = 0), or from the middle of the left and the right side, or of the lower and the
    upper one: two halves, which periodicity makes one patch.
    """

    #: of a patch, angstrom; at most a quarter of the side along which the patches lie, and a
    #: twentieth more, and at most half the other side
    radius: float
    #: 0 for a load along x1, 1 along x2
    component: int
    #: 0 where the opposite patch lies at the left and right sides, 1 at the lower and upper ones
    side: int = 0
    #: TPa/angstrom
    amplitude: float = 1e-3

    def __post_init__(self) -> None:
        check_number("radius", self.radius, above=0)
        check_integer("component", self.component, 0, 1)
        check_integer("side", self.side, 0, 1)
        check_number("amplitude", self.amplitude)

    def pattern(self, points: ArrayLike, box: tuple[float, float] | None) -> NDArray[np.float64]:
        """As in `Load`; a box in which two patches would overlap by more is refused."""
        places, sides = read_points("points", points), _sides(box)
        if 4 * self.radius > sides[self.side] * 1.05:
            raise ValueError(
                f"radius must be at most a quarter of the box, got {self.radius:g} in a box of "
                f"{sides[0]:.6g} by {sides[1]:.6g}"
            )
        if 2 * self.radius > sides[1 - self.side]:
            raise ValueError(
                f"radius must be at most half the other side of the box, as a patch would meet its "
                f"own image, got {self.radius:g} in a box of {sides[0]:.6g} by {sides[1]:.6g}"
            )
        field = np.zeros(places.shape)
        edge = np.array([0.5, 0.5])
        edge[self.side] = 0.0
        for centre, sign in ((np.array([0.5, 0.5]), 1.0), (edge, -1.0)):
            apart = places / sides - centre
            apart = (apart - np.rint(apart)) * sides
            ratio = np.hypot(apart[:, 0], apart[:, 1]) / self.radius
            # zero at the rim, not the cosine of a rounded pi/2
            bump = np.where(within(ratio, 1.0, rim=False), np.cos(np.pi / 2 * ratio), 0.0)
            field[:, self.component] += sign * bump
        return field


@dataclass(frozen=True)
class DiskLoad(Load):
    """Loads outside of a circle on a disk, as functions of the angle: table 2.

    The cases, with s(x) for the sign of x and C for the amplitude:

    1. C cos(4 theta) (cos theta, sin theta)
    2. C s(cos 4 theta) (cos theta, sin theta)
    3. C (0, s(sin theta) sin theta), less its mean over the angle, 2 C/pi
    4. C sin(3 theta) (sin theta, cos theta)

    Case 3 as printed is C |sin theta|, which pushes the whole disk along x2: no free disk is in
    equilibrium under it. Here its mean is taken away where it acts. The text says that the sign
    function stands in cases 2 and 4; the table has it in 2 and 3.
    """

    #: 1 to 4
    case: int
    #: within this radius and at it there is no load, angstrom
    radius: float = 50.0
    #: TPa/angstrom
    amplitude: float = 5e-4

    def __post_init__(self) -> None:
        check_integer("case", self.case, 1, 4)
        check_number("radius", self.radius, least=0)
        check_number("amplitude", self.amplitude)

    def pattern(
        self, points: ArrayLike, box: tuple[float, float] | None = None
    ) -> NDArray[np.float64]:
        """As in `Load`; points count from the centre of the disk."""
        if box is not None:
            raise ValueError(f"box must be None: these are the loads of a free disk, got {box!r}")
        places = read_points("points", points)
        theta = np.arctan2(places[:, 1], places[:, 0])
        cos, sin = np.cos(theta), np.sin(theta)
        if self.case == 1:
            field = np.cos(4 * theta)[:, np.newaxis] * np.column_stack([cos, sin])
        elif self.case == 2:
            # no sign where the cosine is zero but for rounding
            sign = np.sign(np.round(np.cos(4 * theta), 9))
            field = sign[:, np.newaxis] * np.column_stack([cos, sin])
        elif self.case == 3:
            field = np.column_stack([np.zeros_like(sin), np.abs(sin) - 2 / np.pi])
        else:
            field = np.sin(3 * theta)[:, np.newaxis] * np.column_stack([sin, cos])
        field[within(np.hypot(places[:, 0], places[:, 1]), self.radius)] = 0.0
        return field


def training_loads(most: int = 5, period: tuple[float, float] | None = None) -> list[WaveLoad]:
    """The waves that a model is trained on: n1 and n2 from 0 to `most`, along x1 and along x2.

    Parameters
    ----------
    most : int
        Whole waves in the box; the paper has 5, which makes 70 loads: (0, 0) is left out.
    period : tuple of two floats, optional
        As of `WaveLoad`.

    Returns
    -------
    list of WaveLoad
        Those along x1 first.
    """
    check_integer("most", most, 1)
    numbers = range(most + 1)
    return [
        WaveLoad((n1, n2), component, period=period)
        for component in (0, 1)
        for n1 in numbers
        for n2 in numbers
        if n1 or n2
    ]


def validation_loads() -> list[PatchLoad]:
    """The ten loads of the paper's table 1."""
    return [
        PatchLoad(radius, component, side)
        for side in (0, 1)
        for radius, components in ((25.0, (0, 1)), (15.0, (0, 1)), (10.0, (0,)))
        for component in components
    ]


def disk_loads() -> list[DiskLoad]:
    """The four loads of the paper's table 2; the third without its net force (`DiskLoad`)."""
    return [DiskLoad(case) for case in (1, 2, 3, 4)]


def atom_forces(
    load: Load,
    positions: ArrayLike,
    box: tuple[float, float] | None,
    area: float,
    *,
    net_force: str = "remove",
) -> NDArray[np.float64]:
    """Forces on atoms under a load of amplitude 1 TPa/angstrom.

    Parameters
    ----------
    load : Load
        Which says where it acts.
    positions : array_like, shape (n, 2)
        Of the unloaded sheet, angstrom.
    box : tuple of two floats, or None
        As in `Load.pattern`.
    area : float
        Of the sheet for each atom, angstrom^2.
    net_force : {"remove", "refuse"}
        What to do with the force that is left in all, since the atoms sample the load at places
        that don't share its symmetry: take its mean from the atoms that carry any load, where it
        is at most a twentieth of the loads' mean size, or refuse any beyond rounding.

    Returns
    -------
    ndarray, shape (n, 2)
        eV/angstrom, for each TPa/angstrom of amplitude.

    Raises
    ------
    ValueError
        If no atom is loaded, or there is a net force that may not be removed.
    """
    check_choice("net_force", net_force, ("remove", "refuse"))
    check_number("area", area, above=0)
    field = load.pattern(read_points("positions", positions), box)
    size = np.abs(field).max(axis=1, initial=0.0)
    carrying = size > _NOTHING * size.max(initial=0.0)
    if not np.any(carrying):
        raise ValueError(f"load must act on an atom or more, got {load!r}")
    mean = field.sum(axis=0) / np.count_nonzero(carrying)
    size = np.mean(np.hypot(field[carrying, 0], field[carrying, 1]))
    allowed = 5e-2 if net_force == "remove" else 1e-10
    if np.max(np.abs(mean)) > allowed * size:
        raise ValueError(
            f"load must have no net force, got a mean of {np.max(np.abs(mean)) / size:.3g} times "
            f"the loads' own size from {load!r}"
        )
    if net_force == "remove":
        field[carrying] -= mean
    return field * (area * THICKNESS / TPA)


def _sides(box: tuple[float, float] | None) -> NDArray[np.float64]:
    if box is None:
        raise ValueError("box must be the sides of a periodic box: this load has no other meaning")
    return read_sides("box", box)
