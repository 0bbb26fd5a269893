"""Grains of a periodic cell of square pixels in the plane, and how their crystals lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from nlbook.checks import check_integer, real_array

__all__ = ["GrainMap", "VoronoiGrains"]


@dataclass(frozen=True)
class VoronoiGrains:
    """Random grains: each pixel belongs to the nearest of random points, over the cell's edges.

    Where the points lie, in parts of the cell, and how the crystals lie depends on the seed and
    the number of grains alone: another shape of the same proportions samples the same grains.
    """

    #: number of grains
    n_grains: int = 16
    #: of their places and angles
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("n_grains", self.n_grains, 1)
        check_integer("seed", self.seed, 0)

    def map(self, shape: tuple[int, int]) -> GrainMap:
        """Grains of a cell of `shape` pixels; one too small for its pixels has none."""
        places, angles = (
            np.random.default_rng(seed) for seed in np.random.SeedSequence(self.seed).spawn(2)
        )
        size = np.array(shape, dtype=np.float64)
        tree = cKDTree(places.random((self.n_grains, 2)) * size, boxsize=size)
        middles = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in shape), indexing="ij"), -1)
        return GrainMap(tree.query(middles)[1], angles.uniform(0.0, np.pi, self.n_grains))


@dataclass(frozen=True, eq=False)
class GrainMap:
    """Grains given pixel by pixel.

    Raises
    ------
    ValueError
        If a label is no whole number from zero on, or has no angle.
    """

    #: number of the grain of each pixel, shape (n1, n2)
    labels: NDArray[np.int64]
    #: angle from the sample's to the crystal's first axis of each grain, shape (n_grains,), radians
    angles: NDArray[np.float64]

    def __post_init__(self) -> None:
        labels = real_array("labels", self.labels, ndim=2)
        angles = real_array("angles", self.angles, ndim=1).copy()
        whole = labels.astype(np.int64)
        if labels.size == 0 or np.any(whole != labels) or np.any(whole < 0):
            raise ValueError("labels must be whole numbers from 0 on")
        if whole.max() >= angles.size:
            raise ValueError(
                f"angles must have an entry for each label: label {whole.max()} needs "
                f"{whole.max() + 1}, got {angles.size}"
            )
        for name, value in (("labels", whole), ("angles", angles)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @classmethod
    def from_field(cls, angles: ArrayLike) -> GrainMap:
        """Each pixel with the angle that it has in a field, radians, shape (n1, n2)."""
        field = real_array("angles", angles, ndim=2)
        values, labels = np.unique(field, return_inverse=True)
        return cls(labels.reshape(field.shape), values)

    def map(self, shape: tuple[int, int]) -> GrainMap:
        """The grains themselves, if they are of this shape."""
        if self.labels.shape != tuple(shape):
            raise ValueError(
                f"grains must have the cell's shape {tuple(shape)}, got {self.labels.shape}"
            )
        return self

    @property
    def field(self) -> NDArray[np.float64]:
        """Angle of each pixel, radians, shape (n1, n2)."""
        return self.angles[self.labels]

    @property
    def weights(self) -> NDArray[np.float64]:
        """Share of the pixels of each grain, shape (n_grains,)."""
        return np.bincount(self.labels.ravel(), minlength=self.angles.size) / self.labels.size
