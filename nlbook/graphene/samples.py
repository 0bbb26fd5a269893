"""Samples for learning: displacements and the loads that caused them, on given nodes.

Lengths and displacements are in angstrom, loads in TPa/angstrom: force per area of the sheet over
its thickness of 3.35 angstrom. The equation that a model is asked to fulfil is L u = b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number, check_unmasked, real_array
from nlbook.graphene.points import read_points

__all__ = ["PeriodicSamples", "PointSamples"]


@dataclass(frozen=True)
class PeriodicSamples:
    """Displacements and loads on a uniform periodic grid, which begins at the origin.

    The box has the sides n1 h1 and n2 h2. Only what deforms the sheet is known: the mean
    displacement of a sample is free.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite or hidden by a mask, or a load has a net force,
        which no periodic sheet can bear.
    """

    #: distances of neighbouring nodes along x1 and x2, angstrom
    spacing: tuple[float, float]
    #: angstrom (n_samples, n1, n2, 2): axis 1 runs along x1, the last axis is the component
    displacement: NDArray[np.float64]
    #: TPa/angstrom, of the same shape
    load: NDArray[np.float64]

    def __post_init__(self) -> None:
        spacing = real_array("spacing", self.spacing, ndim=1)
        if spacing.size != 2:
            raise ValueError(f"spacing must be two numbers, got {self.spacing!r}")
        h1, h2 = (check_number("spacing", h, above=0) for h in spacing)
        object.__setattr__(self, "spacing", (h1, h2))
        _read_fields(self, 4, "(n_samples, n1, n2, 2)")
        scale = np.sqrt(np.mean(self.load**2, axis=(1, 2, 3)))
        net = np.max(np.abs(np.mean(self.load, axis=(1, 2))), axis=1)
        if np.any(net > 1e-3 * scale):
            worst = int(np.argmax(net / np.where(scale > 0, scale, 1.0)))
            raise ValueError(
                f"load must have no net force on a periodic sheet, got a mean of {net[worst]:.3g} "
                f"TPa/angstrom in sample {worst}, whose loads are of {scale[worst]:.3g}"
            )

    @property
    def box(self) -> tuple[float, float]:
        """Sides of the periodic box, angstrom."""
        n1, n2 = self.load.shape[1:3]
        return n1 * self.spacing[0], n2 * self.spacing[1]

    def __len__(self) -> int:
        return int(self.load.shape[0])


@dataclass(frozen=True)
class PointSamples:
    """Displacements and loads at points, such as the nodes of a disk.

    The equation is asked for where `inside` holds; elsewhere the displacement is given.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite or hidden by a mask, or no point is inside.
    """

    #: angstrom (n, 2)
    points: NDArray[np.float64]
    #: angstrom (n_samples, n, 2)
    displacement: NDArray[np.float64]
    #: TPa/angstrom (n_samples, n, 2)
    load: NDArray[np.float64]
    #: where the equation is asked for (n,)
    inside: NDArray[np.bool_]

    def __post_init__(self) -> None:
        points = read_points("points", self.points)
        object.__setattr__(self, "points", points)
        check_unmasked("inside", self.inside)
        inside = np.asarray(self.inside)
        if inside.dtype != bool or inside.shape != points.shape[:1]:
            raise ValueError(
                f"inside must say yes or no for each of {len(points)} points, got dtype "
                f"{inside.dtype} and shape {inside.shape}"
            )
        if not np.any(inside):
            raise ValueError("inside must hold at one point or more")
        object.__setattr__(self, "inside", inside)
        _read_fields(self, 3, f"(n_samples, {len(points)}, 2)", len(points))

    def __len__(self) -> int:
        return int(self.load.shape[0])


def _read_fields(
    samples: PeriodicSamples | PointSamples, ndim: int, words: str, n_points: int | None = None
) -> None:
    for name in ("displacement", "load"):
        value = real_array(name, getattr(samples, name))
        fits = value.ndim == ndim and value.shape[-1] == 2 and value.size > 0
        if not fits or (n_points is not None and value.shape[1] != n_points):
            raise ValueError(f"{name} must have shape {words}, got {value.shape}")
        object.__setattr__(samples, name, value)
    if samples.displacement.shape != samples.load.shape:
        raise ValueError(
            f"displacement and load must have one shape, got {samples.displacement.shape} and "
            f"{samples.load.shape}"
        )
