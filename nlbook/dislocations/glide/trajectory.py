"""What glide begins with and what is seen of it, whatever its steps in time."""

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

__all__ = [
    "BlowUp",
    "Trajectory",
    "look_back",
    "make_crowd",
    "random_dislocations",
    "speed_bins",
]

# Speeds are counted in so many bins a decade, from this power of ten of b/t0 on.
_BINS_PER_DECADE = 50
_SPEED_FIRST = -7.0
_SPEED_DECADES = 9.0


class BlowUp(ArithmeticError):
    """A dislocation would have crossed half the box in one step, or needs steps without end."""


@dataclass(frozen=True)
class Trajectory:
    """What was seen of glide: series in time, snapshots, births. Times in t0, lengths in b.

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
    count = round(_BINS_PER_DECADE * _SPEED_DECADES)
    return np.logspace(_SPEED_FIRST, _SPEED_FIRST + _SPEED_DECADES, count + 1)


def make_crowd(
    x: ArrayLike,
    y: ArrayLike,
    burgers_sign: ArrayLike,
    box_length: float,
    *,
    applied_stress: float,
    annihilation_distance: float,
    images: Images,
    sources: FrankReadSources | None,
    single_precision: bool = False,
) -> Crowd:
    """Dislocations that are about to glide, from the arguments of `evolve`.

    Raises
    ------
    ValueError
        If an argument is out of range, or the configuration is none (see `internal_stress`).
    """
    position, sign = check_configuration(x, y, burgers_sign, box_length)
    check_number("applied_stress", applied_stress)
    check_number("annihilation_distance", annihilation_distance, least=0.0, below=0.5 * box_length)
    check_choice("images", images, get_args(Images))
    if sources is not None:
        check_lengths(sources, box_length, annihilation_distance)
    return Crowd(
        position,
        sign,
        box_length,
        images,
        annihilation_distance,
        sources or FrankReadSources.none(),
        single_precision=single_precision,
    )


def look_back(
    crowd: Crowd,
    *,
    time: NDArray[np.float64],
    number: NDArray[np.int64],
    mean_speed: NDArray[np.float64],
    mean_slip_rate: NDArray[np.float64],
    slip: NDArray[np.float64],
    speed_counts: NDArray[np.int64],
    snapshot_time: NDArray[np.float64],
    snapshots: Sequence[tuple[int | slice, NDArray[np.float64], NDArray[np.bool_]]],
    n_steps: int,
    n_forces: int,
) -> Trajectory:
    """The trajectory of dislocations that have glided.

    Parameters
    ----------
    crowd : Crowd
        At the end.
    slip : ndarray
        Sum of b dx of all, at the times of the series.
    snapshots : sequence of (index or slice, ndarray, ndarray)
        Which of `snapshot_time`, glide of all so far (..., n), and who was there (n,).
    time, number, mean_speed, mean_slip_rate, speed_counts, snapshot_time, n_steps, n_forces
        See `Trajectory`.
    """
    shift = np.zeros((snapshot_time.size, crowd.x.size))
    alive = np.zeros((snapshot_time.size, crowd.x.size), dtype=np.bool_)
    for part, glide, there in snapshots:
        shift[part, : there.size], alive[part, : there.size] = glide, there
    first = crowd.x.size - len(crowd.birth_time)
    return Trajectory(
        time=time,
        number=number,
        mean_speed=mean_speed,
        mean_slip_rate=mean_slip_rate,
        strain=slip / crowd.box_length**2,
        speed_counts=speed_counts,
        snapshot_time=snapshot_time,
        shift=shift,
        alive=alive,
        burgers_sign=crowd.burgers_sign,
        birth_x=crowd.origin[first:],
        birth_y=crowd.y[first:],
        birth_time=np.array(crowd.birth_time),
        n_lost_pairs=crowd.n_lost_pairs,
        n_steps=n_steps,
        n_forces=n_forces,
    )
