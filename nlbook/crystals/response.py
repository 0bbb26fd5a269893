"""Strain paths, and what a material answers to them.

A strain path is the history of the right stretch U: the deformation gradient is U itself, without
a rotation, which the material would only turn its stress by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, real_array

__all__ = ["CoarseStepsWarning", "Response", "StepsTooLong", "StrainPath"]

_SYMMETRIC = 1e-9  # largest difference between U and its transpose


class StepsTooLong(ValueError):
    """A step of a strain path for which a material has no solution: shorter steps may have one."""


class CoarseStepsWarning(UserWarning):
    """Steps of a strain path are so long that the stress errs by more than a few per cent."""


@dataclass(frozen=True, eq=False)
class StrainPath:
    """History of the right stretch U.

    Raises
    ------
    ValueError
        If times do not ascend, or a stretch is not symmetric, not positive definite or not finite.
    """

    #: times, s, shape (n_times,)
    times: NDArray[np.float64]
    #: U, shape (n_times, d, d), d of 2 or 3
    stretch: NDArray[np.float64]

    def __post_init__(self) -> None:
        times = real_array("times", self.times, ndim=1).copy()
        stretch = real_array("stretch", self.stretch, ndim=3).copy()
        if times.size < 2 or not np.all(np.diff(times) > 0):
            raise ValueError("times must be two or more, and ascend")
        n = stretch.shape[1]
        if n not in (2, 3) or stretch.shape != (times.size, n, n):
            raise ValueError(
                f"stretch must have shape ({times.size}, d, d), d of 2 or 3, got {stretch.shape}"
            )
        skew = np.abs(stretch - np.swapaxes(stretch, 1, 2)).max(axis=(1, 2))
        if np.any(skew > _SYMMETRIC):
            worst = int(np.argmax(skew))
            raise ValueError(
                f"stretch must be symmetric: at time {times[worst]:g} it differs from its "
                f"transpose by {skew[worst]:.3g}"
            )
        stretch = 0.5 * (stretch + np.swapaxes(stretch, 1, 2))
        least = np.linalg.eigvalsh(stretch)[:, 0]
        if np.any(least <= 0):
            worst = int(np.argmax(least <= 0))
            raise ValueError(
                f"stretch must be positive definite: at time {times[worst]:g} its least "
                f"eigenvalue is {least[worst]:.3g}, its determinant "
                f"{np.linalg.det(stretch[worst]):.3g}"
            )
        for name, value in (("times", times), ("stretch", stretch)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def volume_ratio(self) -> NDArray[np.float64]:
        """J = det U, shape (n_times,)."""
        return np.asarray(np.linalg.det(self.stretch))

    @property
    def isochoric(self) -> StrainPath:
        """The path of U / J^(1/d), which keeps the volume."""
        power = 1.0 / self.stretch.shape[1]
        scale = self.volume_ratio[:, np.newaxis, np.newaxis] ** power
        return StrainPath(self.times, self.stretch / scale)

    def thinned(self, factor: int) -> StrainPath:
        """The path with one step in place of `factor`, of which its steps must be a multiple."""
        check_integer("factor", factor, 1)
        if (len(self.times) - 1) % factor:
            raise ValueError(
                f"factor must divide the path's {len(self.times) - 1} steps, got {factor}"
            )
        return StrainPath(self.times[::factor], self.stretch[::factor])

    def refined(self, factor: int) -> StrainPath:
        """The path with `factor` steps in place of each, U linear in between."""
        check_integer("factor", factor, 1)
        whole = np.arange(factor * (len(self.times) - 1) + 1) / factor
        places = np.arange(len(self.times))
        flat = self.stretch.reshape(len(places), -1)
        columns = [np.interp(whole, places, column) for column in flat.T]
        stretch = np.stack(columns, axis=1).reshape(-1, *self.stretch.shape[1:])
        return StrainPath(np.interp(whole, places, self.times), stretch)


@dataclass(frozen=True, eq=False)
class Response:
    """What a material answers to a strain path."""

    #: times, s, shape (n_times,)
    times: NDArray[np.float64]
    #: U, shape (n_times, d, d)
    stretch: NDArray[np.float64]
    #: Cauchy stress in the frame of U, GPa, shape (n_times, d, d)
    stress: NDArray[np.float64]
    #: accumulated slip and twin fractions by family, means over the volume and sums over the
    #: systems, shape (n_times, n_families); None where a material has none
    activity: NDArray[np.float64] | None = None
    #: energy stored in W_p and W_t since there was no slip, GPa, shape (n_times,)
    stored: NDArray[np.float64] | None = None
    #: energy dissipated so far, GPa, shape (n_times,)
    dissipated: NDArray[np.float64] | None = None
    #: relative L2 error of the deviator that the length of the steps makes, by the material's own
    #: estimate; None where it makes none
    step_error: float | None = None

    @property
    def volume_ratio(self) -> NDArray[np.float64]:
        """J = det U, shape (n_times,)."""
        return np.asarray(np.linalg.det(self.stretch))

    @property
    def kirchhoff(self) -> NDArray[np.float64]:
        """J times the Cauchy stress, GPa, shape (n_times, d, d)."""
        return np.asarray(self.volume_ratio[:, np.newaxis, np.newaxis] * self.stress)

    @property
    def pressure(self) -> NDArray[np.float64]:
        """Minus the mean of the normal stresses, GPa, shape (n_times,)."""
        n = self.stress.shape[1]
        return np.asarray(-np.trace(self.stress, axis1=1, axis2=2) / n)

    @property
    def deviator(self) -> NDArray[np.float64]:
        """Cauchy stress without its mean, GPa, shape (n_times, d, d)."""
        eye = np.eye(self.stress.shape[1])
        return np.asarray(self.stress + self.pressure[:, np.newaxis, np.newaxis] * eye)
