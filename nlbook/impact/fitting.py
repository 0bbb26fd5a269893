"""Constants of an isotropic metal, fitted to what another material answers to histories of F.

Against a polycrystal a law of the textbooks is a fair rival only with the best constants that it
has. They are found by least squares of the deviators of Cauchy stress, each history relative to its
own, in the logarithms of the constants; the mean stress is the elastic law's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number, real_array
from nlbook.impact.materials import J2, JohnsonCook, Material, stress_along

__all__ = ["StressHistory", "fit_law"]

#: What is fitted of each law, unless it is said: all of its hardening and of its rate.
FITTED = {
    J2: ("yield_stress", "hardening", "saturation", "saturation_strain", "reference_rate"),
    JohnsonCook: ("yield_stress", "hardening", "hardening_exponent", "rate_sensitivity"),
}
_AT_MOST = {"hardening_exponent": 1.0, "rate_exponent": 1.0}
_RANGE = np.log(1e4)  # of a constant, each way from its start
Law = TypeVar("Law", J2, JohnsonCook)


@dataclass(frozen=True, eq=False)
class StressHistory:
    """Histories of F of one or several points, and the stress that answers them."""

    #: ascending, s, shape (n_times,)
    times: NDArray[np.float64]
    #: F, shape (n_times, 3, 3) or (n_times, n_points, 3, 3)
    deformation: NDArray[np.float64]
    #: tau, Pa, of the shape of F
    stress: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", real_array("times", self.times, ndim=1))
        for name in ("deformation", "stress"):
            object.__setattr__(self, name, real_array(name, getattr(self, name)))
        if self.stress.shape != self.deformation.shape:
            raise ValueError(
                f"stress must be of the shape {self.deformation.shape} of deformation, "
                f"got {self.stress.shape}"
            )

    @classmethod
    def of(
        cls, material: Material, times: NDArray[np.float64], deformation: NDArray[np.float64]
    ) -> StressHistory:
        """What a material answers: see `stress_along`."""
        answer = stress_along(material, times, deformation)
        return cls(answer.times, np.asarray(deformation, dtype=np.float64), answer.stress)

    @property
    def deviator(self) -> NDArray[np.float64]:
        """Of Cauchy stress, Pa."""
        volume = np.linalg.det(self.deformation)[..., np.newaxis, np.newaxis]
        mean = np.trace(self.stress, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis] / 3.0
        return np.asarray((self.stress - mean * np.eye(3)) / volume)

    def error(self, other: StressHistory) -> float:
        """Relative error of our deviator in the L2 norm over time, all points together."""
        return float(np.linalg.norm(self._weighted(self.deviator - other.deviator))) / other.size

    @property
    def size(self) -> float:
        """L2 norm of the deviator over time, all points together, Pa s^(1/2)."""
        return float(np.linalg.norm(self._weighted(self.deviator)))

    def _weighted(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times the roots of the trapezoidal rule's weights."""
        gaps = np.diff(self.times, prepend=self.times[0], append=self.times[-1])
        weights = 0.5 * (gaps[:-1] + gaps[1:])
        return np.sqrt(weights).reshape(-1, *[1] * (values.ndim - 1)) * values


def fit_law(
    histories: Sequence[StressHistory],
    start: Law,
    names: Sequence[str] | None = None,
    *,
    n_evaluations: int = 100,
) -> Law:
    """Fit constants of a law to stresses.

    Parameters
    ----------
    histories : sequence of StressHistory
        What is to be met, each with the same weight.
    start : J2 or JohnsonCook
        First guess, whose constants to be fitted are not zero; the others stay as they are.
    names : sequence of str, optional
        What is fitted: by default hardening and rate, see `FITTED`.
    n_evaluations : int
        Largest number of times that the histories are run, apart from those for derivatives.

    Returns
    -------
    J2 or JohnsonCook

    Raises
    ------
    ValueError
        If there is no history, one has no deviator, or a constant to be fitted is zero or none.
    """
    from scipy.optimize import least_squares

    if not len(histories):
        raise ValueError("histories must be one or more")
    check_integer("n_evaluations", n_evaluations, 1)
    wanted = FITTED[type(start)] if names is None else tuple(names)
    unknown = sorted(set(wanted) - set(start.__dict__))
    if unknown or not wanted:
        raise ValueError(f"names must be constants of {type(start).__name__}, got {names!r}")
    first = np.array([_positive(name, getattr(start, name)) for name in wanted])
    sizes = [one.size for one in histories]
    if min(sizes) == 0.0:
        raise ValueError("histories must have a deviator: one has none")
    targets = [one.deviator for one in histories]

    def law(logarithms: NDArray[np.float64]) -> Law:
        return replace(start, **dict(zip(wanted, np.exp(logarithms).tolist(), strict=True)))

    def differences(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        trial = law(logarithms)
        rows = []
        for one, target, size in zip(histories, targets, sizes, strict=True):
            ours = StressHistory.of(trial, one.times, one.deformation)
            rows.append(one._weighted(ours.deviator - target).ravel() / size)
        return np.concatenate(rows)

    most = np.array([np.log(_AT_MOST.get(name, np.inf)) for name in wanted])
    found = least_squares(
        differences,
        np.minimum(np.log(first), most - 1e-3),  # inside its bounds
        bounds=(np.log(first) - _RANGE, np.minimum(np.log(first) + _RANGE, most)),
        diff_step=1e-5,  # roots are found to 1e-14
        max_nfev=n_evaluations,
    )
    return law(found.x)


def _positive(name: str, value: float | None) -> float:
    if value is None:
        raise ValueError(f"{name} must be a number to be fitted, got None")
    return check_number(name, value, above=0.0)
