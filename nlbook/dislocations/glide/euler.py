r"""Overdamped glide of edge dislocations, by forward Euler, with annihilation and sources.

In the units of `nlbook.dislocations.glide.interaction`, and with time in t0 = 1/(M sigma0), M being
the mobility times b, dislocation i glides with

    dx_i/dt = b_i ( sum over m of b_m s(r_i - r_m) + applied stress ),   y_i constant.

Equation (3) of [1]_ writes the argument as r_m - r_i, which makes like signs attract; the sign
here lets them repel. Forward Euler is the paper's method and the reference for others. It is of
order one, and unstable for a pair of equal signs within sqrt(dt) of each other in y, which then
flips between two positions or, nearer still, is thrown apart.

After each step, opposite signs nearer than the annihilation distance vanish, the nearest pair
first; then sources that are due emit their pairs (see `nlbook.dislocations.glide.sources`), each in
the order of its position, and a pair that would appear within the annihilation distance of an
opposite sign is lost. Dislocations are kept sorted by position, so that no result depends on
storage order.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Nonlocal machine learning of
   micro-structural defect evolutions in crystalline materials" (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number
from nlbook.dislocations.glide.crowd import DEAD_FRACTION, Crowd, Places
from nlbook.dislocations.glide.dense import count_speeds
from nlbook.dislocations.glide.interaction import Images
from nlbook.dislocations.glide.sources import FrankReadSources
from nlbook.dislocations.glide.strips import euler_loop, glide_loop
from nlbook.dislocations.glide.trajectory import (
    BlowUp,
    Trajectory,
    look_back,
    make_crowd,
    speed_bins,
)
from nlbook.parallel import checkpoint

__all__ = ["evolve"]

# Steps between two looks at an interrupt: about 0.05 s of work at a thousand dislocations.
_STEPS_PER_CHUNK = 256


def evolve(
    x: ArrayLike,
    y: ArrayLike,
    burgers_sign: ArrayLike,
    box_length: float,
    *,
    dt: float,
    n_steps: int,
    applied_stress: float = 0.0,
    annihilation_distance: float = 2.0,
    images: Images = "periodic",
    sources: FrankReadSources | None = None,
    records: Sequence[int] | None = None,
    snapshots: Sequence[int] = (),
    count_speeds_every: int = 0,
) -> Trajectory:
    """Let dislocations glide for `n_steps` steps of forward Euler.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positions in b.
    burgers_sign : array_like, shape (n,)
        +1 or -1.
    box_length : float
        Side of the box, in b.
    dt : float
        Step, in t0.
    n_steps : int
        Number of steps.
    applied_stress : float
        Constant shear stress, in sigma0.
    annihilation_distance : float
        Opposite signs nearer than this vanish, in b; 0 for never. Less than half the box.
    images : {"periodic", "one_row"}
        See `periodic_shear_stress`.
    sources : FrankReadSources, optional
        Sources of new pairs.
    records : sequence of int, optional
        Steps after which the series have an entry, ascending, within 0..n_steps; the start and
        the end always have one. By default all steps.
    snapshots : sequence of int
        Steps after which shifts are kept, ascending, within 0..n_steps.
    count_speeds_every : int
        Steps between two times at which all speeds are counted; 0 for never.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If an argument is out of range, or the configuration is none (see `internal_stress`).
    BlowUp
        If a dislocation would move farther than half the box in a step.
    """
    crowd = make_crowd(
        x,
        y,
        burgers_sign,
        box_length,
        applied_stress=applied_stress,
        annihilation_distance=annihilation_distance,
        images=images,
        sources=sources,
    )
    _check_run(dt, n_steps, count_speeds_every)
    snapshot_steps = _check_steps("snapshots", snapshots, n_steps)
    recorded = np.arange(n_steps + 1)
    if records is not None:
        recorded = np.union1d(_check_steps("records", records, n_steps), [0, n_steps])
    number = np.empty(n_steps + 1, dtype=np.int64)
    speed, rate, slip = np.empty((3, n_steps + 1))
    edges = speed_bins()
    counts = np.zeros(edges.size + 1, dtype=np.int64)
    seen: list[tuple[int, NDArray[np.float64], NDArray[np.bool_]]] = []
    places = crowd.gather()
    if crowd.annihilate(places, places.x):
        crowd.scatter(places, places.x)
        places = crowd.gather()
    step = 0
    for stop in np.union1d(snapshot_steps, [n_steps]):
        while step < stop:
            checkpoint()
            # whole counting periods, so that speeds are counted at the start of a chunk
            limit = min(int(stop) - step, _STEPS_PER_CHUNK)
            if count_speeds_every:
                limit = min(limit, count_speeds_every - step % count_speeds_every)
            counting = count_speeds_every > 0 and step % count_speeds_every == 0
            part = slice(step, step + limit)
            sign, velocity = places.sign.copy(), np.zeros(places.sign.size if counting else 0)
            series = (number[part], speed[part], rate[part], slip[part], velocity)
            done, vanished, due, runaway = _advance(crowd, places, dt, applied_stress, series)
            if runaway >= 0:
                raise BlowUp(
                    f"at t = {step * dt + done * dt:g} t0, dt = {dt:g}: dislocation "
                    f"{crowd.describe(places, places.x, runaway)}, "
                    f"would cross half the box in one step: shorten dt"
                )
            if counting:
                count_speeds(velocity, sign, edges, counts)
            crowd.scatter(places, places.x)
            born = due and crowd.emit(step * dt + done * dt)
            if born or vanished:
                places = crowd.gather()
            step += done
        if stop in snapshot_steps:
            seen.append((len(seen), crowd.x - crowd.origin, crowd.sign != 0.0))
    number[-1], speed[-1], rate[-1] = _measure(places, applied_stress)
    slip[-1] = crowd.slip
    return look_back(
        crowd,
        time=np.asarray(recorded * dt, dtype=np.float64),
        number=number[recorded],
        mean_speed=speed[recorded],
        mean_slip_rate=rate[recorded],
        slip=slip[recorded],
        speed_counts=counts,
        snapshot_time=np.asarray(snapshot_steps * dt, dtype=np.float64),
        snapshots=seen,
        n_steps=n_steps,
        n_forces=n_steps + 1,
    )


def _advance(
    crowd: Crowd, places: Places, dt: float, applied_stress: float, series: tuple[Any, ...]
) -> tuple[int, int, bool, int]:
    """Steps until `series` is full or somebody vanished or a source is due; see `euler_loop`.

    Returns how many were done, how many vanished, whether a source is due, and the place of the
    dislocation that would move too far or -1. Moves `places`.
    """
    source = crowd.clocks
    done, slip, vanished, due, runaway = euler_loop(
        places.plan,
        places.x,
        places.sign,
        places.pairs,
        places.dy,
        crowd.annihilation_distance,
        (places.source, source.critical, source.delay, source.clock, source.direction),
        dt,
        applied_stress,
        series,
        (max(2, int(DEAD_FRACTION * places.x.size)), 0.5 * crowd.box_length),
    )
    series[3][:done] += crowd.slip
    crowd.slip += slip
    return done, vanished, due, runaway


def _measure(places: Places, applied_stress: float) -> tuple[int, float, float]:
    """Number, mean speed and mean slip rate of the living."""
    stress, force = np.empty((2, places.x.size))
    work = np.empty((2, places.x.size))
    glide_loop(places.plan, places.x, places.sign, applied_stress, work, stress, force)
    rate = places.sign * force
    number = int(np.count_nonzero(places.sign))
    return (
        number,
        float(np.sum(np.abs(rate)) / max(number, 1)),
        float(np.sum(rate) / max(number, 1)),
    )


def _check_run(dt: float, n_steps: int, count_speeds_every: int) -> None:
    """Refuse steps that make no sense."""
    check_number("dt", dt, above=0.0)
    check_integer("n_steps", n_steps, 0)
    check_integer("count_speeds_every", count_speeds_every, 0)


def _check_steps(name: str, steps: Sequence[int], n_steps: int) -> NDArray[np.int64]:
    """Steps as an array; refuse those that are not whole or do not ascend within the run."""
    if np.ma.is_masked(steps):
        raise ValueError(f"{name} must have no masked entries, got {steps!r}")
    array = np.asarray(steps)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    whole = array.ndim == 1 and np.issubdtype(array.dtype, np.integer)
    if not whole or np.any(array[1:] <= array[:-1]) or array[0] < 0 or array[-1] > n_steps:
        raise ValueError(f"{name} must be integers that ascend within 0..{n_steps}, got {steps!r}")
    return array.astype(np.int64)
