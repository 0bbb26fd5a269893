"""Creep of a dislocation ensemble: relaxation without load, then glide under constant stress.

The protocol of [1]_: dislocations at random, as many of each sign, relax without load to a
metastable configuration; then a constant shear stress acts, and how far each dislocation glides
from where it was when the load came is what the later chapters learn from.

The paper's "T = 30000" counts steps of 0.01 t0: in 300 t0 a free dislocation glides 3.75 b under
Case 1's stress of 0.0125 sigma0, and the paper's shifts lie within 15 b.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Nonlocal machine learning of
   micro-structural defect evolutions in crystalline materials" (2022), section 2.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.dynamics import BlowUp, Trajectory, evolve, random_dislocations
from nlbook.dislocations.interaction import Images
from nlbook.dislocations.sources import FrankReadSources, random_sources
from nlbook.parallel import seed_sequence

__all__ = ["CreepProtocol", "CreepRun", "replay_creep", "simulate_creep"]

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
    #: step of the relaxation, t0
    relaxation_dt: float = 1.0
    #: steps of the relaxation
    relaxation_steps: int = 10_000
    #: steps of length creep_dt between relaxation and creep, without load; the paper has none
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
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        for name in _POSITIVE:
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value!r}")
        if self.n_dislocations % 2:
            raise ValueError(f"n_dislocations must be even, got {self.n_dislocations!r}")
        if not 0 <= self.annihilation_distance < self.box_length / 2:
            raise ValueError(
                "annihilation_distance must lie in 0 .. box_length/2, "
                f"got {self.annihilation_distance!r}"
            )
        if not (np.isfinite(self.nucleation_variance) and self.nucleation_variance >= 0):
            raise ValueError(
                f"nucleation_variance must not be negative, got {self.nucleation_variance!r}"
            )
        if not np.isfinite(self.applied_stress):
            raise ValueError(f"applied_stress must be finite, got {self.applied_stress!r}")
        if self.images not in get_args(Images):
            raise ValueError(f"images must be one of {get_args(Images)}, got {self.images!r}")
        steps = (0, *self.snapshot_steps, self.creep_steps + 1)
        if any(early >= late for early, late in itertools.pairwise(steps)):
            raise ValueError(
                f"snapshot_steps must ascend within 1..{self.creep_steps}, "
                f"got {self.snapshot_steps!r}"
            )
        if self.creep_steps < self.n_snapshots:
            raise ValueError(
                f"n_snapshots must be at most creep_steps={self.creep_steps}, "
                f"got {self.n_snapshots!r}"
            )

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Steps of the creep after which shifts are kept."""
        return self.snapshot_steps or tuple(_even(self.creep_steps, self.n_snapshots))

    @property
    def data_time(self) -> float:
        """Duration of the data that later chapters learn from, t0."""
        return min(self.data_steps, self.creep_steps) * self.creep_dt

    @classmethod
    def for_case(cls, case: int, **changes: Any) -> CreepProtocol:
        """The paper's protocol of case 1, 2 or 3, with changes to its fields."""
        if case not in _CASES:
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
_POSITIVE = ("box_length", "relaxation_dt", "creep_dt", "nucleation_length", "nucleation_time")


@dataclass(frozen=True)
class CreepRun:
    """One realization. Lengths in b, times in t0, velocities in b/t0; shapes in brackets.

    n0 dislocations start, n are left when the load is applied, m are born during creep.
    """

    #: positions at the start (n0,)
    initial_x: NDArray[np.float64]
    initial_y: NDArray[np.float64]
    #: +1 or -1 (n0,)
    initial_sign: NDArray[np.float64]
    #: positions when the load is applied (n,); x is not wrapped into the box
    relaxed_x: NDArray[np.float64]
    relaxed_y: NDArray[np.float64]
    #: +1 or -1, of those left and those born (n + m,)
    burgers_sign: NDArray[np.float64]
    #: series of the relaxation; see `Trajectory`
    relaxation_time: NDArray[np.float64]
    relaxation_number: NDArray[np.int64]
    relaxation_speed: NDArray[np.float64]
    relaxation_slip_rate: NDArray[np.float64]
    relaxation_strain: NDArray[np.float64]
    #: largest glide of a survivor while it settled; what the relaxation's step left behind (1,)
    settling_shift: NDArray[np.float64]
    #: sources: position, distance of a pair, time at stress (4, n_sources)
    sources: NDArray[np.float64]
    #: series of the creep, time counted from the load
    creep_time: NDArray[np.float64]
    creep_number: NDArray[np.int64]
    creep_speed: NDArray[np.float64]
    creep_slip_rate: NDArray[np.float64]
    creep_strain: NDArray[np.float64]
    #: counts of speeds during creep; see `Trajectory`
    speed_counts: NDArray[np.int64]
    #: times of the snapshots (n_snapshots,)
    snapshot_time: NDArray[np.float64]
    #: glide since the load was applied, or since birth, not wrapped (n_snapshots, n + m)
    shift: NDArray[np.float64]
    #: whether the dislocation is there (n_snapshots, n + m)
    alive: NDArray[np.bool_]
    #: where and when those were born that were (m,)
    birth_x: NDArray[np.float64]
    birth_y: NDArray[np.float64]
    birth_time: NDArray[np.float64]
    #: pairs lost for want of room (1,)
    n_lost_pairs: NDArray[np.int64]


def simulate_creep(protocol: CreepProtocol, seed: int | tuple[int, ...]) -> CreepRun:
    """One realization of `protocol`.

    Parameters
    ----------
    protocol : CreepProtocol
    seed : int or tuple of int
        An integer, or ``nlbook.parallel.task_seed(seed, k)`` for the k-th of an ensemble. The
        result depends on protocol and seed alone (up to rounding that differs between
        processors, which a long relaxation, being chaotic, amplifies). Dislocations and sources
        have streams of their own: cases with one seed start from the same dislocations.

    Returns
    -------
    CreepRun

    Raises
    ------
    BlowUp
        If a step is far too long; the message names the seed, the time and the pair.

    Examples
    --------
    >>> run = simulate_creep(CreepProtocol(n_dislocations=20, box_length=60.0,
    ...                                    relaxation_steps=10, creep_steps=10), seed=1)
    >>> run.creep_time[-1]
    0.1
    """
    try:
        return _simulate(protocol, seed_sequence(seed))
    except BlowUp as error:
        raise BlowUp(f"seed {seed}: {error}") from None


def replay_creep(
    protocol: CreepProtocol,
    run: CreepRun,
    snapshots: Sequence[int],
    *,
    creep_dt: float | None = None,
) -> Trajectory:
    """Creep of `run` once more, to look at it at other times or with another step.

    Parameters
    ----------
    protocol : CreepProtocol
        The protocol of the run.
    run : CreepRun
        Where to start.
    snapshots : sequence of int
        Steps after which shifts are kept; the last one ends the replay.
    creep_dt : float, optional
        Another step, t0.

    Returns
    -------
    Trajectory
        With the run's own step, the same to the bit as what `run` is made of.
    """
    x, y, length, delay = run.sources
    return evolve(
        run.relaxed_x,
        run.relaxed_y,
        run.burgers_sign[: run.relaxed_x.size],
        protocol.box_length,
        dt=protocol.creep_dt if creep_dt is None else creep_dt,
        n_steps=snapshots[-1],
        applied_stress=protocol.applied_stress,
        annihilation_distance=protocol.annihilation_distance,
        images=protocol.images,
        sources=FrankReadSources(x, y, length, delay, protocol.birth_clearance),
        records=sorted({0, *snapshots}),
        snapshots=snapshots,
    )


def _simulate(protocol: CreepProtocol, seed: np.random.SeedSequence) -> CreepRun:
    crowd_seed, source_seed = _streams(seed)
    length = protocol.box_length
    x, y, sign = random_dislocations(protocol.n_dislocations, length, crowd_seed)
    sources = random_sources(
        protocol.n_sources,
        length,
        source_seed,
        mean_length=protocol.nucleation_length,
        mean_delay=protocol.nucleation_time,
        variance=protocol.nucleation_variance,
        clearance=protocol.birth_clearance,
    )
    glide = partial(
        evolve,
        box_length=length,
        annihilation_distance=protocol.annihilation_distance,
        images=protocol.images,
    )
    relaxation = glide(
        x,
        y,
        sign,
        dt=protocol.relaxation_dt,
        n_steps=protocol.relaxation_steps,
        records=_geometric(protocol.relaxation_steps, protocol.n_relaxation_records),
        snapshots=[protocol.relaxation_steps],
    )
    left = relaxation.alive[0]
    settling = glide(
        (x + relaxation.shift[0])[left],
        y[left],
        sign[left],
        dt=protocol.creep_dt,
        n_steps=protocol.settling_steps,
        snapshots=[protocol.settling_steps],
    )
    still = settling.alive[0]
    relaxed = (x + relaxation.shift[0])[left][still] + settling.shift[0][still]
    creep = glide(
        relaxed,
        y[left][still],
        sign[left][still],
        dt=protocol.creep_dt,
        n_steps=protocol.creep_steps,
        applied_stress=protocol.applied_stress,
        sources=sources,
        records=range(0, protocol.creep_steps + 1, protocol.record_every),
        snapshots=protocol.snapshots,
        count_speeds_every=protocol.count_speeds_every,
    )
    return CreepRun(
        initial_x=x,
        initial_y=y,
        initial_sign=sign,
        relaxed_x=relaxed,
        relaxed_y=y[left][still],
        burgers_sign=creep.burgers_sign,
        relaxation_time=relaxation.time,
        relaxation_number=relaxation.number,
        relaxation_speed=relaxation.mean_speed,
        relaxation_slip_rate=relaxation.mean_slip_rate,
        relaxation_strain=relaxation.strain,
        settling_shift=np.max(np.abs(settling.shift[0][still]), initial=0.0, keepdims=True),
        sources=np.stack([sources.x, sources.y, sources.length, sources.delay]),
        creep_time=creep.time,
        creep_number=creep.number,
        creep_speed=creep.mean_speed,
        creep_slip_rate=creep.mean_slip_rate,
        creep_strain=creep.strain,
        speed_counts=creep.speed_counts,
        snapshot_time=creep.snapshot_time,
        shift=creep.shift,
        alive=creep.alive,
        birth_x=creep.birth_x,
        birth_y=creep.birth_y,
        birth_time=creep.birth_time,
        n_lost_pairs=np.array([creep.n_lost_pairs]),
    )


def _streams(
    seed: np.random.SeedSequence,
) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """Streams of the dislocations (the seed itself) and of the sources (its child 0)."""
    child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0))
    return seed, child


def _even(n_steps: int, count: int) -> list[int]:
    """`count` steps evenly spread over 1..n_steps, ending with the last; all, if fewer."""
    return sorted({n_steps * (k + 1) // count for k in range(count)} - {0})


def _geometric(n_steps: int, count: int) -> list[int]:
    """About `count` steps of 1..n_steps, spread over the logarithm and ending with the last."""
    return sorted({round(n_steps ** (k / count)) for k in range(count + 1)}) if n_steps else []
