"""What a material is to a body that moves, and elastic and plastic ones.

A material takes the deformation gradient F of its points and gives their Kirchhoff stress tau. What
it remembers belongs to the undeformed frame, so that no objective rate is needed: rotating F from
the left rotates tau. All points are treated together, in blocks; see `nlbook.impact.blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array
from nlbook.impact.blocks import (
    LANES,
    Blocks,
    count_blocks,
    from_blocks,
    tensors_of,
    to_blocks,
)
from nlbook.impact.flow_loops import STATE, elastic_loop, johnson_cook_loop, voce_loop

__all__ = ["J2", "Elastic", "JohnsonCook", "Material", "MaterialPath", "stress_along"]


@runtime_checkable
class Material(Protocol):
    """What `nlbook.impact` asks of a material."""

    @property
    def density(self) -> float:
        """Of the undeformed body, kg/m^3."""

    @property
    def wave_modulus(self) -> float:
        """Density times the square of the longitudinal wave's speed, at most, Pa."""

    def new_state(self, n_blocks: int) -> Blocks:
        """What unstrained points remember, shape (n_blocks, ...): all that `update` changes."""

    def update(self, deformation: Blocks, state: Blocks, stress: Blocks, dt: float) -> None:
        """Bring points to F at the end of a step.

        Parameters
        ----------
        deformation : ndarray, shape (n_blocks, 9, LANES)
            F, row by row.
        state : ndarray, shape (n_blocks, ...)
            Changed in place.
        stress : ndarray, shape (n_blocks, 6, LANES)
            Written: tau, 11, 22, 33, 12, 13 and 23, Pa. Where no answer was found: NaN.
        dt : float
            Length of the step, s; none at the start.
        """

    def observables(self, state: Blocks) -> dict[str, Blocks]:
        """What is worth a picture, by name, shape (n_blocks, LANES) each."""


@dataclass(frozen=True)
class Elastic:
    """An elastic material: tau = G dev(F F^T) J^(-2/3) + K (J - 1) J I."""

    #: kg/m^3
    density: float
    #: G, Pa
    shear_modulus: float
    #: K, Pa
    bulk_modulus: float

    def __post_init__(self) -> None:
        _check_elastic(self)

    @property
    def wave_modulus(self) -> float:
        """K + 4/3 G, Pa."""
        return self.bulk_modulus + 4.0 / 3.0 * self.shear_modulus

    def new_state(self, n_blocks: int) -> Blocks:
        """Nothing to remember."""
        return np.zeros((n_blocks, 0, LANES))

    def update(self, deformation: Blocks, state: Blocks, stress: Blocks, dt: float) -> None:
        """See `Material`."""
        elastic_loop(deformation.ravel(), stress.ravel(), self.shear_modulus, self.bulk_modulus)

    def observables(self, state: Blocks) -> dict[str, Blocks]:
        """Nothing."""
        return {}


@dataclass(frozen=True)
class J2:
    """A metal that flows at its yield stress, with Voce's hardening and a power of the rate.

    yield = (yield_stress + hardening p + saturation (1 - exp(-p / saturation_strain)))
    (1 + (dp/dt / reference_rate)^rate_exponent), p the plastic strain.
    """

    #: kg/m^3
    density: float
    #: G, Pa
    shear_modulus: float
    #: K, Pa
    bulk_modulus: float
    #: of a point that has not flowed, Pa
    yield_stress: float
    #: its slope that stays, Pa
    hardening: float = 0.0
    #: what it gains besides, Pa
    saturation: float = 0.0
    #: plastic strain in which it gains 63 % of that
    saturation_strain: float = 0.1
    #: rate that doubles the yield stress, 1/s; None where it does not depend on the rate
    reference_rate: float | None = None
    #: of the rate
    rate_exponent: float = 0.5

    def __post_init__(self) -> None:
        _check_elastic(self)
        check_number("yield_stress", self.yield_stress, above=0.0)
        check_number("hardening", self.hardening, least=0.0)
        check_number("saturation", self.saturation, least=0.0)
        check_number("saturation_strain", self.saturation_strain, above=0.0)
        if self.reference_rate is not None:
            check_number("reference_rate", self.reference_rate, above=0.0)
        check_number("rate_exponent", self.rate_exponent, above=0.0, most=1.0)

    @property
    def wave_modulus(self) -> float:
        """K + 4/3 G, Pa."""
        return self.bulk_modulus + 4.0 / 3.0 * self.shear_modulus

    def new_state(self, n_blocks: int) -> Blocks:
        """Cp^-1 = I, and no plastic strain."""
        return _new_state(n_blocks, 0.0)

    def update(self, deformation: Blocks, state: Blocks, stress: Blocks, dt: float) -> None:
        """See `Material`."""
        law = (
            self.shear_modulus, self.bulk_modulus, self.yield_stress, self.hardening,
            self.saturation, 1.0 / self.saturation_strain, self.reference_rate or 0.0,
            1.0 / self.rate_exponent,
        )  # fmt: skip
        voce_loop(deformation.ravel(), state.ravel(), stress.ravel(), dt, law)

    def observables(self, state: Blocks) -> dict[str, Blocks]:
        """Plastic strain, and plastic work per undeformed volume, J/m^3."""
        return {"plastic_strain": state[:, 6], "plastic_work": state[:, 7]}


@dataclass(frozen=True)
class JohnsonCook:
    """The law of Johnson and Cook [1]_, heated by its own plastic work.

    yield = (A + B p^n) (1 + C log(dp/dt / reference_rate)) (1 - T*^m), where T* goes from none at
    room temperature to one at melting; the logarithm counts where it is positive.

    References
    ----------
    .. [1] G. R. Johnson and W. H. Cook, Proc. 7th Int. Symp. on Ballistics (1983) 541.
    """

    #: kg/m^3
    density: float
    #: G, Pa
    shear_modulus: float
    #: K, Pa
    bulk_modulus: float
    #: A, Pa
    yield_stress: float
    #: B, Pa
    hardening: float = 0.0
    #: n
    hardening_exponent: float = 1.0
    #: C
    rate_sensitivity: float = 0.0
    #: 1/s
    reference_rate: float = 1.0
    #: m
    softening_exponent: float = 1.0
    #: at the start, K
    room_temperature: float = 293.0
    #: K
    melting_temperature: float = 1e4
    #: J/(kg K)
    heat_capacity: float = 1e3
    #: share of the plastic work that becomes heat; none: no softening
    heat_share: float = 0.0

    def __post_init__(self) -> None:
        _check_elastic(self)
        check_number("yield_stress", self.yield_stress, above=0.0)
        check_number("hardening", self.hardening, least=0.0)
        check_number("hardening_exponent", self.hardening_exponent, above=0.0, most=1.0)
        check_number("rate_sensitivity", self.rate_sensitivity, least=0.0)
        check_number("reference_rate", self.reference_rate, above=0.0)
        check_number("softening_exponent", self.softening_exponent, above=0.0)
        check_number("room_temperature", self.room_temperature, above=0.0)
        check_number("melting_temperature", self.melting_temperature, above=self.room_temperature)
        check_number("heat_capacity", self.heat_capacity, above=0.0)
        check_number("heat_share", self.heat_share, least=0.0, most=1.0)

    @property
    def wave_modulus(self) -> float:
        """K + 4/3 G, Pa."""
        return self.bulk_modulus + 4.0 / 3.0 * self.shear_modulus

    def new_state(self, n_blocks: int) -> Blocks:
        """Cp^-1 = I, no plastic strain, room temperature."""
        return _new_state(n_blocks, self.room_temperature)

    def update(self, deformation: Blocks, state: Blocks, stress: Blocks, dt: float) -> None:
        """See `Material`."""
        law = (
            self.shear_modulus, self.bulk_modulus, self.yield_stress, self.hardening,
            self.hardening_exponent, self.rate_sensitivity, self.reference_rate,
            self.room_temperature, self.melting_temperature, self.softening_exponent,
            self.heat_share / (self.density * self.heat_capacity),
        )  # fmt: skip
        johnson_cook_loop(deformation.ravel(), state.ravel(), stress.ravel(), dt, law)

    def observables(self, state: Blocks) -> dict[str, Blocks]:
        """Plastic strain, plastic work per undeformed volume, J/m^3, and temperature, K."""
        return {
            "plastic_strain": state[:, 6],
            "plastic_work": state[:, 7],
            "temperature": state[:, 8],
        }


def _check_elastic(material: Elastic | J2 | JohnsonCook) -> None:
    check_number("density", material.density, above=0.0)
    check_number("shear_modulus", material.shear_modulus, above=0.0)
    check_number("bulk_modulus", material.bulk_modulus, above=0.0)


def _new_state(n_blocks: int, temperature: float) -> Blocks:
    state = np.zeros((n_blocks, STATE, LANES))
    state[:, :3] = 1.0
    state[:, 8] = temperature
    return state


@dataclass(frozen=True, eq=False)
class MaterialPath:
    """What a material answered to one history of F, or to several."""

    #: s, shape (n_times,)
    times: NDArray[np.float64]
    #: tau, Pa, shape (n_times, 3, 3), or (n_times, n_points, 3, 3)
    stress: NDArray[np.float64]
    #: what is worth a picture, by name, shape (n_times,) or (n_times, n_points) each
    observables: dict[str, NDArray[np.float64]]


def stress_along(material: Material, times: ArrayLike, deformation: ArrayLike) -> MaterialPath:
    """Lead points of a material along histories of F.

    Parameters
    ----------
    material : Material
        Starting unstrained.
    times : array_like, shape (n_times,)
        Ascending, s.
    deformation : array_like, shape (n_times, 3, 3) or (n_times, n_points, 3, 3)
        F at these times.

    Raises
    ------
    ValueError
        If times do not ascend, or F is of another shape or turns a point inside out.
    """
    t, path = real_array("times", times, ndim=1), real_array("deformation", deformation)
    if np.any(np.diff(t) <= 0):
        raise ValueError("times must ascend")
    if path.ndim not in (3, 4) or path.shape[-2:] != (3, 3) or len(path) != len(t):
        raise ValueError(
            f"deformation must be of shape ({len(t)}, 3, 3) or ({len(t)}, n_points, 3, 3), "
            f"got {path.shape}"
        )
    if np.any(np.linalg.det(path) <= 0):
        raise ValueError("deformation must have positive determinants")
    points = path[:, np.newaxis] if path.ndim == 3 else path
    n = points.shape[1]
    state = material.new_state(count_blocks(n))
    stress = np.zeros((count_blocks(n), 6, LANES))
    taus: list[NDArray[np.float64]] = []
    seen: dict[str, list[NDArray[np.float64]]] = {}
    for k in range(len(t)):
        dt = float(t[k] - t[k - 1]) if k else 0.0
        material.update(to_blocks(points[k]), state, stress, dt)
        taus.append(tensors_of(from_blocks(stress, n)))
        for name, values in material.observables(state).items():
            seen.setdefault(name, []).append(from_blocks(values[:, np.newaxis], n)[:, 0])
    one = path.ndim == 3
    return MaterialPath(
        t,
        np.array(taus)[:, 0] if one else np.array(taus),
        {k: np.array(v)[:, 0] if one else np.array(v) for k, v in seen.items()},
    )
