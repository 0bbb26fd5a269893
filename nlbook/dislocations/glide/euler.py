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
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.dislocations.glide.crowd import Crowd
from nlbook.dislocations.glide.fast_sum import check_configuration
from nlbook.dislocations.glide.interaction import Images
from nlbook.dislocations.glide.sources import FrankReadSources, check_lengths
from nlbook.dislocations.glide.strips import SPEED_DECADES, SPEED_FIRST
from nlbook.parallel import checkpoint

__all__ = [
    "BlowUp",
    "Trajectory",
    "check_physics",
    "evolve",
    "random_dislocations",
    "speed_bins",
]

# Steps between two looks at an interrupt: about 0.05 s of work at a thousand dislocations.
_STEPS_PER_CHUNK = 256

_BINS_PER_DECADE = 50


class BlowUp(ArithmeticError):
    """A dislocation would have crossed half the box in one step, or needs steps without end."""


@dataclass(frozen=True)
class Trajectory:
    """What `evolve` saw: series in time, snapshots, births. Times in t0, lengths in b.

    n dislocations were there at the start and m were born since; these come after those.
    """

    #: times of the series, shape (n_times,)
    time: NDArray[np.float64]
    #: dislocations alive, shape (n_times,)
    number: NDArray[np.int64]
    #: mean of abs(v) over the living, in b/t0, shape (n_times,)
    mean_speed: NDArray[np.float64]
    #: mean of burgers_sign * v over the living, in b/t0, shape (n_times,)
    mean_slip_rate: NDArray[np.float64]
    #: Orowan's plastic strain since the start, with the slip of births and of the vanished
    strain: NDArray[np.float64]
    #: counts of abs(v) in `speed_bins`, the first and last for what lies beyond
    speed_counts: NDArray[np.int64]
    #: times of the snapshots, shape (n_snapshots,)
    snapshot_time: NDArray[np.float64]
    #: glide since the start or since birth, not wrapped; of the vanished up to their end; zero
    #: for the unborn, shape (n_snapshots, n + m)
    shift: NDArray[np.float64]
    #: whether a dislocation is there at the snapshot, shape (n_snapshots, n + m)
    alive: NDArray[np.bool_]
    #: sign of all, shape (n + m,)
    burgers_sign: NDArray[np.float64]
    #: where in x those were born that were, shape (m,)
    birth_x: NDArray[np.float64]
    #: where in y those were born, shape (m,)
    birth_y: NDArray[np.float64]
    #: when those were born, shape (m,)
    birth_time: NDArray[np.float64]
    #: pairs that were lost because they would have annihilated at once
    n_lost_pairs: int
    #: steps that were taken
    n_steps: int
    #: evaluations of all stresses, those of rejected steps included
    n_forces: int


def random_dislocations(
    count: int, box_length: float, seed: int | np.random.SeedSequence
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Dislocations at random in a square box, as many of each sign.

    Parameters
    ----------
    count : int
        How many, an even number.
    box_length : float
        Side of the box, in b.
    seed : int or SeedSequence

    Returns
    -------
    x, y, burgers_sign : ndarray of float64, shape (count,)
    """
    check_integer("count", count, 2)
    if count % 2:
        raise ValueError(f"count must be even, got {count!r}")
    box_length = check_number("box_length", box_length, above=0.0)
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0.0, box_length, size=(2, count))
    return x, y, np.where(np.arange(count) % 2 == 0, 1.0, -1.0)


def speed_bins() -> NDArray[np.float64]:
    """Edges of the bins in which speeds are counted, in b/t0: fifty a decade."""
    count = round(_BINS_PER_DECADE * SPEED_DECADES)
    return np.logspace(SPEED_FIRST, SPEED_FIRST + SPEED_DECADES, count + 1)


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
    position, sign = check_configuration(x, y, burgers_sign, box_length)
    check_physics(applied_stress, annihilation_distance, box_length, images, sources)
    _check_run(dt, n_steps, count_speeds_every)
    wanted = _check_steps("snapshots", snapshots, n_steps)
    recorded = np.arange(n_steps + 1)
    if records is not None:
        recorded = np.union1d(_check_steps("records", records, n_steps), [0, n_steps])
    crowd = Crowd(
        position,
        sign,
        box_length,
        images,
        annihilation_distance,
        sources or FrankReadSources.none(),
    )
    number = np.empty(n_steps + 1, dtype=np.int64)
    speed, rate, slip = np.empty((3, n_steps + 1))
    counts = np.zeros(round(_BINS_PER_DECADE * SPEED_DECADES) + 2, dtype=np.int64)
    seen: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
    crowd.react()
    step = 0
    for stop in np.union1d(wanted, [n_steps]):
        while step < stop:
            checkpoint()
            # whole counting periods, so that the kernel counts from the start of a chunk
            limit = min(int(stop) - step, _STEPS_PER_CHUNK)
            if count_speeds_every:
                limit = min(limit, count_speeds_every - step % count_speeds_every)
            counting = count_speeds_every > 0 and step % count_speeds_every == 0
            part = slice(step, step + limit)
            series = (number[part], speed[part], rate[part], slip[part], counts, counting * limit)
            done, runaway = crowd.advance(dt, applied_stress, series, step * dt)
            if runaway is not None:
                raise BlowUp(
                    f"at t = {step * dt + done * dt:g} t0, dt = {dt:g}: dislocation {runaway}, "
                    f"would cross half the box in one step: shorten dt"
                )
            step += done
        if stop in wanted:
            seen.append((crowd.x - crowd.origin, crowd.sign != 0.0))
    number[-1], speed[-1], rate[-1] = crowd.measure(applied_stress)
    slip[-1] = crowd.slip
    shift = np.zeros((wanted.size, crowd.x.size))
    alive = np.zeros((wanted.size, crowd.x.size), dtype=np.bool_)
    for k, (glide, there) in enumerate(seen):
        shift[k, : glide.size], alive[k, : there.size] = glide, there
    return Trajectory(
        time=np.asarray(recorded * dt, dtype=np.float64),
        number=number[recorded],
        mean_speed=speed[recorded],
        mean_slip_rate=rate[recorded],
        strain=slip[recorded] / box_length**2,
        speed_counts=counts,
        snapshot_time=np.asarray(wanted * dt, dtype=np.float64),
        shift=shift,
        alive=alive,
        burgers_sign=crowd.burgers_sign,
        birth_x=crowd.origin[sign.size :],
        birth_y=crowd.y[sign.size :],
        birth_time=np.array(crowd.birth_time),
        n_lost_pairs=crowd.n_lost_pairs,
        n_steps=n_steps,
        n_forces=n_steps + 1,
    )


def check_physics(
    applied_stress: float,
    annihilation_distance: float,
    box_length: float,
    images: str,
    sources: FrankReadSources | None,
) -> None:
    """Refuse a load, a distance, images or sources that make no sense."""
    check_number("applied_stress", applied_stress)
    check_number("annihilation_distance", annihilation_distance, least=0.0, below=0.5 * box_length)
    check_choice("images", images, get_args(Images))
    if sources is not None:
        check_lengths(sources, box_length, annihilation_distance)


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
