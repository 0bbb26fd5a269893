"""Every choice of a creep simulation; see `nlbook.dislocations.creep`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nlbook.checks import check_choice, check_integer, check_number, is_integer
from nlbook.dislocations.glide.interaction import Images

__all__ = ["CreepProtocol", "Integrator"]

Integrator = Literal["euler", "adaptive"]
"""Forward Euler (`evolve`), or the linearly implicit method of `evolve_adaptive`."""

# What tells the paper's cases apart.
_CASES = {
    1: {"applied_stress": 0.0125, "n_sources": 0, "creep_steps": 30_000},
    2: {"applied_stress": 0.0125, "n_sources": 20, "creep_steps": 25_000},
    3: {"applied_stress": 0.0250, "n_sources": 20, "creep_steps": 25_000},
}


@dataclass(frozen=True)
class CreepProtocol:
    """Every choice of a creep simulation; the defaults are Case 1 of the paper."""

    #: dislocations at the start, half of each sign
    n_dislocations: int = 1500
    #: side of the periodic box, b
    box_length: float = 300.0
    #: opposite signs nearer than this annihilate, b
    annihilation_distance: float = 2.0
    #: "periodic", or "one_row" for the stress formula as the paper prints it
    images: Images = "periodic"
    #: "adaptive": steps as long as the tolerance allows, of which the steps below give no more
    #: than the times of series and snapshots; or "euler", the paper's method, that takes them
    integrator: Integrator = "adaptive"
    #: error of a dislocation in a step of "adaptive", b
    tolerance: float = 0.01
    #: step of the relaxation, t0
    relaxation_dt: float = 1.0
    #: steps of the relaxation
    relaxation_steps: int = 10_000
    #: steps of length creep_dt between relaxation and creep, without load; the paper has none.
    #: Pairs that Euler's long steps kept in motion come to rest in them; "adaptive" leaves none
    #: in motion, and goes on relaxing for as long
    settling_steps: int = 1000
    #: Frank-Read sources, at work during creep only
    n_sources: int = 0
    #: mean distance at which a source's pair appears, b; its inverse is the critical stress
    nucleation_length: float = 50.0
    #: mean time at stress before a source emits, t0
    nucleation_time: float = 10.0
    #: variance of the length, and of the time in the paper's steps (see `random_sources`)
    nucleation_variance: float = 5.0
    #: a pair that would appear nearer than this to a like sign is lost, b
    birth_clearance: float = 0.1
    #: shear stress during creep, sigma0
    applied_stress: float = 0.0125
    #: step of the creep, t0
    creep_dt: float = 0.01
    #: steps of the creep
    creep_steps: int = 30_000
    #: entries of the relaxation's series besides the start, at most, even in the logarithm of time
    n_relaxation_records: int = 200
    #: steps of the creep between two entries of its series
    record_every: int = 10
    #: times, evenly spread over the creep and ending with it, at which shifts are kept
    n_snapshots: int = 3
    #: steps of the creep after which shifts are kept, in place of n_snapshots
    snapshot_steps: tuple[int, ...] = ()
    #: steps at the end of the creep that later chapters learn from, or all of them
    data_steps: int = 10_000
    #: steps of the creep between two counts of all speeds
    count_speeds_every: int = 10

    def __post_init__(self) -> None:
        for name, least in _INTEGERS.items():
            value = getattr(self, name)
            check_integer(name, value, least)
            object.__setattr__(self, name, int(value))  # NumPy's integers too
        for name in _POSITIVE:
            check_number(name, getattr(self, name), above=0.0)
        if self.n_dislocations % 2:
            raise ValueError(f"n_dislocations must be even, got {self.n_dislocations!r}")
        check_number(
            "annihilation_distance",
            self.annihilation_distance,
            least=0.0,
            below=0.5 * self.box_length,
        )
        if self.n_sources:
            self._check_sources()
        check_number("applied_stress", self.applied_stress)
        check_choice("images", self.images, get_args(Images))
        check_choice("integrator", self.integrator, get_args(Integrator))
        if self.integrator == "adaptive":
            check_number("tolerance", self.tolerance, above=0.0)
        steps = (0, *self.snapshot_steps, self.creep_steps + 1)
        if not all(map(is_integer, steps)) or any(a >= b for a, b in itertools.pairwise(steps)):
            raise ValueError(
                f"snapshot_steps must be integers that ascend within 1..{self.creep_steps}, "
                f"got {self.snapshot_steps!r}"
            )
        object.__setattr__(self, "snapshot_steps", tuple(map(int, self.snapshot_steps)))
        if self.creep_steps < self.n_snapshots:
            raise ValueError(
                f"n_snapshots must be at most creep_steps={self.creep_steps}, "
                f"got {self.n_snapshots!r}"
            )

    def _check_sources(self) -> None:
        """Refuse settings of sources that make no sense; without sources nothing uses them."""
        check_number("nucleation_time", self.nucleation_time, above=0.0)
        check_number("nucleation_variance", self.nucleation_variance, least=0.0)
        check_number("birth_clearance", self.birth_clearance, least=0.0)
        check_number("nucleation_length", self.nucleation_length, above=0.0)
        below = self.box_length - self.annihilation_distance
        if not self.nucleation_length < below:
            raise ValueError(
                f"nucleation_length must be below box_length - annihilation_distance={below:g}, "
                f"got {self.nucleation_length!r}: through the boundary such a pair is within the "
                "annihilation distance as it appears"
            )

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Steps of the creep after which shifts are kept."""
        count = self.n_snapshots
        return self.snapshot_steps or tuple(
            self.creep_steps * (k + 1) // count for k in range(count)
        )

    @property
    def data_time(self) -> float:
        """Duration of the data that later chapters learn from, t0."""
        return min(self.data_steps, self.creep_steps) * self.creep_dt

    @classmethod
    def for_case(cls, case: int, **changes: Any) -> CreepProtocol:
        """The paper's protocol of case 1, 2 or 3, with changes to its fields."""
        if not is_integer(case) or case not in _CASES:
            raise ValueError(f"case must be one of {tuple(_CASES)}, got {case!r}")
        return cls(**(_CASES[case] | changes))


# Least values of the integer fields, and the fields that must be positive.
_INTEGERS = {
    "n_dislocations": 2,
    "relaxation_steps": 0,
    "settling_steps": 0,
    "n_sources": 0,
    "creep_steps": 0,
    "n_relaxation_records": 1,
    "record_every": 1,
    "n_snapshots": 1,
    "data_steps": 1,
    "count_speeds_every": 0,
}
_POSITIVE = ("box_length", "relaxation_dt", "creep_dt")
