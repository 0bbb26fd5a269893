"""Textures: how the grains of a polycrystal lie, and how much of it each is.

A rotation's columns are the axes of the crystal in the frame of the sample: a vector v of the
crystal is Q v in the sample. In Bunge's angles Q = Rz(phi1) Rx(Phi) Rz(phi2) [1]_.

References
----------
.. [1] H.-J. Bunge, Texture Analysis in Materials Science (1982), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, real_array

__all__ = ["Texture", "random_texture"]

_ROTATION = 1e-6  # how far from orthogonal what is given as a rotation may be
_WHOLE = 1e-6  # how far from one weights may sum


@dataclass(frozen=True, eq=False)
class Texture:
    """Orientations of grains, and their shares of the volume.

    Raises
    ------
    ValueError
        If a matrix is no rotation, a weight is negative, or the weights do not sum to one.
    """

    #: one rotation a grain, crystal to sample, shape (n_grains, 3, 3)
    rotations: NDArray[np.float64]
    #: shares of the volume, shape (n_grains,), of sum one; by default equal
    weights: Any = None

    def __post_init__(self) -> None:
        rotations = check_rotations("rotations", self.rotations)
        n = len(rotations)
        weights = np.full(n, 1.0 / n)
        if self.weights is not None:
            weights = real_array("weights", self.weights, ndim=1).copy()
            if weights.shape != (n,):
                raise ValueError(f"weights must be one for each of {n} grains, got {weights.size}")
            if np.any(weights < 0):
                raise ValueError(f"weights must not be negative, got {weights.min():.3g}")
            if abs(weights.sum() - 1) > _WHOLE:
                raise ValueError(f"weights must sum to one, got {weights.sum():.9g}")
        for name, value in (("rotations", rotations), ("weights", weights)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def n_grains(self) -> int:
        """Number of grains."""
        return len(self.rotations)

    def rotated(self, rotation: ArrayLike) -> Texture:
        """The same grains in a sample that is turned: Q becomes R Q."""
        turn = check_rotations("rotation", real_array("rotation", rotation, ndim=2)[np.newaxis])
        return Texture(turn[0] @ self.rotations, self.weights)

    @classmethod
    def from_euler(
        cls, angles: ArrayLike, weights: ArrayLike | None = None, *, degrees: bool = True
    ) -> Texture:
        """Grains from Bunge's angles.

        Parameters
        ----------
        angles : array_like, shape (n_grains, 3)
            phi1, Phi and phi2 of each grain.
        weights : array_like, shape (n_grains,), optional
            Shares of the volume.
        degrees : bool
            Whether the angles are in degrees; else in radians.

        Raises
        ------
        ValueError
            If there are no three angles a grain, or they are not finite.
        """
        array = real_array("angles", angles, ndim=2)
        if array.shape[1] != 3 or not len(array):
            raise ValueError(f"angles must have shape (n_grains, 3), got {array.shape}")
        phi1, big, phi2 = np.radians(array).T if degrees else array.T
        return cls(_about(2, phi1) @ _about(0, big) @ _about(2, phi2), weights)

    @classmethod
    def from_quaternions(cls, quaternions: ArrayLike, weights: ArrayLike | None = None) -> Texture:
        """Grains from quaternions (w, x, y, z) of the rotation from crystal to sample.

        They are those that DAMASK and MTEX print for Bunge's angles.

        Parameters
        ----------
        quaternions : array_like, shape (n_grains, 4)
            Of unit length to 1e-3, and made so.
        weights : array_like, shape (n_grains,), optional
            Shares of the volume.

        Raises
        ------
        ValueError
            If there are no four numbers a grain, or their length is not one.
        """
        array = real_array("quaternions", quaternions, ndim=2)
        if array.shape[1] != 4 or not len(array):
            raise ValueError(f"quaternions must have shape (n_grains, 4), got {array.shape}")
        length = np.linalg.norm(array, axis=1, keepdims=True)
        if np.any(np.abs(length - 1) > 1e-3):
            worst = int(np.argmax(np.abs(length - 1)))
            raise ValueError(
                f"quaternions must be of unit length: number {worst} has {length[worst, 0]:.6g}"
            )
        return cls(_from_unit_quaternions(array / length), weights)

    @classmethod
    def from_angles(
        cls, angles: ArrayLike, weights: ArrayLike | None = None, *, degrees: bool = False
    ) -> Texture:
        """Grains of the plane: each turned about z by an angle, shape (n_grains,)."""
        array = real_array("angles", angles, ndim=1)
        return cls(_about(2, np.radians(array) if degrees else array), weights)


def random_texture(n_grains: int, seed: Any) -> Texture:
    """Grains of equal weight whose rotations are even over all.

    Parameters
    ----------
    n_grains : int
        At least 1.
    seed : int or numpy.random.SeedSequence
        The same seed gives the same grains.

    Returns
    -------
    Texture
    """
    check_integer("n_grains", n_grains, 1)
    normal = np.random.default_rng(seed).normal(size=(n_grains, 4))
    return Texture(_from_unit_quaternions(normal / np.linalg.norm(normal, axis=1, keepdims=True)))


def check_rotations(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Read matrices of shape (n, 3, 3) that must be rotations, as a copy.

    Raises
    ------
    ValueError
        If one is not orthogonal to 1e-6, or is a reflection.
    """
    array = real_array(name, value, ndim=3).copy()
    if array.shape[1:] != (3, 3) or not len(array):
        raise ValueError(f"{name} must have shape (n, 3, 3), n >= 1, got {array.shape}")
    off = np.abs(np.swapaxes(array, 1, 2) @ array - np.eye(3)).max(axis=(1, 2))
    if np.any(off > _ROTATION):
        worst = int(np.argmax(off))
        raise ValueError(
            f"{name} must be rotations: Q^T Q of number {worst} is off by {off[worst]:.3g}"
        )
    sign = np.linalg.det(array)
    if np.any(sign < 0):
        raise ValueError(f"{name} must be rotations: number {int(np.argmin(sign))} is a reflection")
    return array


def _about(axis: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations about a coordinate axis, shape (n, 3, 3)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.zeros((angle.size, 3, 3))
    turn[:, axis, axis] = 1.0
    turn[:, first, first] = turn[:, second, second] = np.cos(angle)
    turn[:, second, first] = np.sin(angle)
    turn[:, first, second] = -np.sin(angle)
    return turn


def _from_unit_quaternions(q: NDArray[np.float64]) -> NDArray[np.float64]:
    w, x, y, z = q.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)
