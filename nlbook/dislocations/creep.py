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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_unmasked
from nlbook.dislocations.glide import BlowUp, Trajectory, evolve, random_dislocations
from nlbook.dislocations.glide.adaptive import evolve_adaptive
from nlbook.dislocations.glide.sources import FrankReadSources, random_sources
from nlbook.dislocations.protocol import CreepProtocol
from nlbook.parallel import seed_sequence

__all__ = ["CreepRun", "repeat_creep", "replay_creep", "simulate_creep"]


@dataclass(frozen=True)
class CreepRun:
    """One realization. Lengths in b, times in t0, velocities in b/t0; shapes in brackets.

    n0 dislocations start, n are left when the load is applied, m are born during creep.
    """

    #: x at the start (n0,)
    initial_x: NDArray[np.float64]
    #: y at the start (n0,)
    initial_y: NDArray[np.float64]
    #: +1 or -1 (n0,)
    initial_sign: NDArray[np.float64]
    #: x when the load is applied, not wrapped into the box (n,)
    relaxed_x: NDArray[np.float64]
    #: y when the load is applied (n,)
    relaxed_y: NDArray[np.float64]
    #: +1 or -1, of those left and those born (n + m,)
    burgers_sign: NDArray[np.float64]
    #: times of the relaxation's series; see `Trajectory`
    relaxation_time: NDArray[np.float64]
    #: dislocations alive at those times
    relaxation_number: NDArray[np.int64]
    #: their mean abs(v) at those times
    relaxation_speed: NDArray[np.float64]
    #: their mean burgers_sign * v at those times
    relaxation_slip_rate: NDArray[np.float64]
    #: Orowan's plastic strain since the start, at those times
    relaxation_strain: NDArray[np.float64]
    #: largest glide of a survivor while it settled: what Euler's relaxation left in motion (1,)
    settling_shift: NDArray[np.float64]
    #: sources: position, distance of a pair, time at stress (4, n_sources)
    sources: NDArray[np.float64]
    #: times of the creep's series, counted from the load
    creep_time: NDArray[np.float64]
    #: dislocations alive at those times
    creep_number: NDArray[np.int64]
    #: their mean abs(v) at those times
    creep_speed: NDArray[np.float64]
    #: their mean burgers_sign * v at those times
    creep_slip_rate: NDArray[np.float64]
    #: Orowan's plastic strain since the load, at those times
    creep_strain: NDArray[np.float64]
    #: counts of speeds during creep; see `Trajectory`
    speed_counts: NDArray[np.int64]
    #: times of the snapshots (n_snapshots,)
    snapshot_time: NDArray[np.float64]
    #: glide since the load was applied, or since birth, not wrapped (n_snapshots, n + m)
    shift: NDArray[np.float64]
    #: whether the dislocation is there (n_snapshots, n + m)
    alive: NDArray[np.bool_]
    #: where in x those were born that were (m,)
    birth_x: NDArray[np.float64]
    #: where in y (m,)
    birth_y: NDArray[np.float64]
    #: when, counted from the load (m,)
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
        If a step is far too long, or none is short enough; the message names the seed, the time
        and the pair.

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
        Another step, t0. With the integrator "adaptive" it changes the times that `snapshots`
        mean, and nothing else.

    Returns
    -------
    Trajectory
        With the run's own step, the same to the bit as what `run` is made of.

    Raises
    ------
    ValueError
        If there are no snapshots, or they make no sense.
    """
    check_unmasked("snapshots", snapshots)
    if len(snapshots) == 0:
        raise ValueError(f"snapshots must name one or more steps, got {snapshots!r}")
    return _glide(
        protocol,
        run.relaxed_x,
        run.relaxed_y,
        run.burgers_sign[: run.relaxed_x.size],
        dt=protocol.creep_dt if creep_dt is None else creep_dt,
        n_steps=snapshots[-1],
        applied_stress=protocol.applied_stress,
        sources=_sources(protocol, run),
        records=sorted({0, *snapshots}),
        snapshots=snapshots,
    )


def repeat_creep(protocol: CreepProtocol, run: CreepRun) -> CreepRun:
    """Creep of a relaxed crystal once more, by another protocol.

    Parameters
    ----------
    protocol : CreepProtocol
        Its creep: load, duration, integrator, times of series and snapshots. The box and the
        sources must be those of `run`.
    run : CreepRun
        Whose relaxed crystal and sources are taken.

    Returns
    -------
    CreepRun
        `run` with another creep; to the bit the same one for its own protocol.

    Examples
    --------
    >>> protocol = CreepProtocol(n_dislocations=20, box_length=60.0,
    ...                          relaxation_steps=10, creep_steps=10)
    >>> run = simulate_creep(protocol, seed=1)
    >>> slower = repeat_creep(replace(protocol, integrator="euler"), run)
    >>> bool(abs(slower.shift[-1] - run.shift[-1]).max() < 0.01)
    True
    """
    sign = run.burgers_sign[: run.relaxed_x.size]
    return replace(
        run, **_creep(protocol, run.relaxed_x, run.relaxed_y, sign, _sources(protocol, run))
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
        annihilation_distance=protocol.annihilation_distance,
    )
    glide = partial(_glide, protocol)
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
    return CreepRun(
        initial_x=x,
        initial_y=y,
        initial_sign=sign,
        relaxed_x=relaxed,
        relaxed_y=y[left][still],
        relaxation_time=relaxation.time,
        relaxation_number=relaxation.number,
        relaxation_speed=relaxation.mean_speed,
        relaxation_slip_rate=relaxation.mean_slip_rate,
        relaxation_strain=relaxation.strain,
        settling_shift=np.max(np.abs(settling.shift[0][still]), initial=0.0, keepdims=True),
        sources=np.stack([sources.x, sources.y, sources.length, sources.delay]),
        **_creep(protocol, relaxed, y[left][still], sign[left][still], sources),
    )


def _creep(
    protocol: CreepProtocol,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    sign: NDArray[np.float64],
    sources: FrankReadSources,
) -> dict[str, Any]:
    """Creep from a relaxed crystal: fields of `CreepRun`."""
    creep = _glide(
        protocol,
        x,
        y,
        sign,
        dt=protocol.creep_dt,
        n_steps=protocol.creep_steps,
        applied_stress=protocol.applied_stress,
        sources=sources,
        records=range(0, protocol.creep_steps + 1, protocol.record_every),
        snapshots=protocol.snapshots,
        count_speeds_every=protocol.count_speeds_every,
    )
    return {
        "burgers_sign": creep.burgers_sign,
        "creep_time": creep.time,
        "creep_number": creep.number,
        "creep_speed": creep.mean_speed,
        "creep_slip_rate": creep.mean_slip_rate,
        "creep_strain": creep.strain,
        "speed_counts": creep.speed_counts,
        "snapshot_time": creep.snapshot_time,
        "shift": creep.shift,
        "alive": creep.alive,
        "birth_x": creep.birth_x,
        "birth_y": creep.birth_y,
        "birth_time": creep.birth_time,
        "n_lost_pairs": np.array([creep.n_lost_pairs]),
    }


def _sources(protocol: CreepProtocol, run: CreepRun) -> FrankReadSources:
    """The sources of a run."""
    x, y, length, delay = run.sources
    return FrankReadSources(x, y, length, delay, protocol.birth_clearance)


def _glide(
    protocol: CreepProtocol,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    sign: NDArray[np.float64],
    *,
    dt: float,
    n_steps: int,
    snapshots: Sequence[int],
    records: Sequence[int] | None = None,
    count_speeds_every: int = 0,
    applied_stress: float = 0.0,
    sources: FrankReadSources | None = None,
) -> Trajectory:
    """`evolve`, or `evolve_adaptive` over the same times."""
    common = partial(
        evolve if protocol.integrator == "euler" else evolve_adaptive,
        x,
        y,
        sign,
        protocol.box_length,
        annihilation_distance=protocol.annihilation_distance,
        images=protocol.images,
        applied_stress=applied_stress,
        sources=sources,
    )
    if protocol.integrator == "euler":
        return common(
            dt=dt,
            n_steps=n_steps,
            records=records,
            snapshots=snapshots,
            count_speeds_every=count_speeds_every,
        )
    counts = np.arange(0, n_steps, count_speeds_every) if count_speeds_every else np.empty(0)
    return common(
        duration=n_steps * dt,
        tolerance=protocol.tolerance,
        record_times=np.asarray([] if records is None else records) * dt,
        snapshot_times=np.asarray(snapshots) * dt,
        count_speeds_times=counts * dt,
    )


def _streams(
    seed: np.random.SeedSequence,
) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
    """Streams of the dislocations (the seed itself) and of the sources (its child 0)."""
    child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0))
    return seed, child


def _geometric(n_steps: int, count: int) -> list[int]:
    """About `count` steps of 1..n_steps, spread over the logarithm and ending with the last."""
    return sorted({round(n_steps ** (k / count)) for k in range(count + 1)}) if n_steps else []
