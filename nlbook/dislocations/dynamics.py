r"""Overdamped glide of edge dislocations, by forward Euler, with annihilation.

In the units of `nlbook.dislocations.interaction`, and with time in t0 = 1/(M sigma0), M being the
mobility times b, dislocation i glides with

    dx_i/dt = b_i ( sum over m of b_m s(r_i - r_m) + applied stress ),   y_i constant.

Equation (3) of [1]_ writes the argument as r_m - r_i, which makes like signs attract; the sign
here lets them repel. Forward Euler is the paper's method and the reference for others. It is of
order one, and unstable for a pair of equal signs within sqrt(dt) of each other in y, which then
flips between two positions or, nearer still, is thrown apart.

After each step, opposite signs nearer than the annihilation distance vanish, the nearest pair
first. Dislocations are kept sorted by position, so that no result depends on storage order.

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

from nlbook.dislocations.fast_sum import check_configuration, make_plan
from nlbook.dislocations.interaction import Images
from nlbook.dislocations.kernels import (
    annihilate_kernel,
    euler_kernel,
    half_angle_kernel,
    stress_kernel,
)
from nlbook.parallel import checkpoint

__all__ = ["Trajectory", "evolve", "random_dislocations"]

# Steps between two looks at an interrupt: about 0.05 s of work at a thousand dislocations.
_STEPS_PER_CHUNK = 256

# A new plan when this part of the dislocations has vanished since the last one.
_DEAD_FRACTION = 0.03


@dataclass(frozen=True)
class Trajectory:
    """What `evolve` saw: series in time, snapshots, and the end. Times in t0, lengths in b."""

    #: times of the series, shape (n_times,)
    time: NDArray[np.float64]
    #: dislocations alive, shape (n_times,)
    number: NDArray[np.int64]
    #: mean of abs(v) over the living, in b/t0, shape (n_times,)
    mean_speed: NDArray[np.float64]
    #: mean of burgers_sign * v over the living, in b/t0, shape (n_times,)
    mean_slip_rate: NDArray[np.float64]
    #: Orowan's plastic strain since the start, the slip of the vanished included, (n_times,)
    strain: NDArray[np.float64]
    #: times of the snapshots, shape (n_snapshots,)
    snapshot_time: NDArray[np.float64]
    #: glide since the start, not wrapped; of the vanished up to their end, (n_snapshots, n)
    shift: NDArray[np.float64]
    #: whether a dislocation is there at the snapshot, shape (n_snapshots, n)
    alive: NDArray[np.bool_]


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
    if count < 2 or count % 2:
        raise ValueError(f"count must be even and at least 2, got {count!r}")
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0.0, box_length, size=(2, count))
    return x, y, np.where(np.arange(count) % 2 == 0, 1.0, -1.0)


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
    records: Sequence[int] = (),
    snapshots: Sequence[int] = (),
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
        Opposite signs nearer than this vanish, in b; 0 for never.
    images : {"periodic", "one_row"}
        See `periodic_shear_stress`.
    records : sequence of int
        Steps after which the series have an entry, ascending, within 0..n_steps; the start and
        the end always have one.
    snapshots : sequence of int
        Steps after which shifts are kept, ascending, within 0..n_steps.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If an argument is out of range, or the configuration is none (see `internal_stress`).
    FloatingPointError
        If a position overflows: the step is far too long.
    """
    _check_run(dt, n_steps, applied_stress, annihilation_distance, images)
    wanted = _check_steps("snapshots", snapshots, n_steps)
    recorded = np.union1d(_check_steps("records", records, n_steps), [0, n_steps])
    position, sign = check_configuration(x, y, burgers_sign, box_length)
    crowd = _Crowd(position, sign, box_length, images, annihilation_distance)

    series: list[tuple[float, int, float, float, float]] = []
    shift = np.zeros((wanted.size, sign.size))
    alive = np.zeros((wanted.size, sign.size), dtype=np.bool_)
    crowd.react()
    strain, step = 0.0, 0
    for stop in np.union1d(wanted, recorded):
        while step < stop:
            checkpoint()
            limit = min(int(stop) - step, _STEPS_PER_CHUNK)
            done, slip = crowd.advance(limit, dt, applied_stress)
            step += done
            strain += slip / box_length**2
        crowd.check_finite(step)
        if stop in recorded:
            series.append((stop * dt, *crowd.measure(applied_stress), strain))
        k = int(np.searchsorted(wanted, stop))
        if k < wanted.size and wanted[k] == stop:
            shift[k], alive[k] = crowd.x - position[0], crowd.sign != 0.0
    time, number, speed, slip_rate, strains = (
        np.array(column) for column in zip(*series, strict=True)
    )
    return Trajectory(
        time=time,
        number=number,
        mean_speed=speed,
        mean_slip_rate=slip_rate,
        strain=strains,
        snapshot_time=np.asarray(wanted * dt, dtype=np.float64),
        shift=shift,
        alive=alive,
    )


def _check_run(
    dt: float,
    n_steps: int,
    applied_stress: float,
    annihilation_distance: float,
    images: str,
) -> None:
    """Refuse a run that makes no sense."""
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be positive and finite, got {dt!r}")
    if n_steps < 0:
        raise ValueError(f"n_steps must not be negative, got {n_steps!r}")
    if not np.isfinite(applied_stress):
        raise ValueError(f"applied_stress must be finite, got {applied_stress!r}")
    if not (np.isfinite(annihilation_distance) and annihilation_distance >= 0):
        raise ValueError(
            f"annihilation_distance must not be negative, got {annihilation_distance!r}"
        )
    if images not in get_args(Images):
        raise ValueError(f"images must be one of {get_args(Images)}, got {images!r}")


def _check_steps(name: str, steps: Sequence[int], n_steps: int) -> NDArray[np.int64]:
    """Steps as an array; refuse those that do not ascend within the run."""
    array = np.asarray(steps, dtype=np.int64)
    if array.size and (np.any(np.diff(array) <= 0) or array[0] < 0 or array[-1] > n_steps):
        raise ValueError(f"{name} must ascend within 0..{n_steps}, got {steps!r}")
    return array


class _Crowd:
    """All dislocations, in the caller's order, and the living among them, sorted by y."""

    def __init__(
        self,
        position: NDArray[np.float64],
        sign: NDArray[np.float64],
        box_length: float,
        images: Images,
        annihilation_distance: float,
    ) -> None:
        self.x = position[0].copy()
        self.sign = sign.copy()  # zero once vanished
        self._y = np.mod(position[1], box_length)
        self._box_length = box_length
        self._images = images
        self._reach = annihilation_distance
        self._gather()

    def _gather(self) -> None:
        """Make sorted arrays, the plan and the list of pairs that may meet."""
        alive = np.flatnonzero(self.sign)
        where = np.mod(self.x[alive], self._box_length)
        self._order = alive[np.lexsort((where, self._y[alive]))]
        y = self._y[self._order]
        self._sorted_x = self.x[self._order]
        self._sorted_sign = self.sign[self._order]
        self._plan = make_plan(y, self._box_length, images=self._images)
        self._pairs, self._dy = _meeting_pairs(y, self._sorted_sign, self._box_length, self._reach)

    def _scatter(self) -> None:
        self.x[self._order] = self._sorted_x
        self.sign[self._order] = self._sorted_sign

    def react(self) -> int:
        """Annihilate where opposite signs are within reach."""
        vanished = annihilate_kernel(
            self._pairs, self._dy, self._sorted_x, self._sorted_sign, self._box_length, self._reach
        )
        self._scatter()
        if vanished:
            self._gather()
        return int(vanished)

    def advance(self, n_steps: int, dt: float, applied_stress: float) -> tuple[int, float]:
        """Up to `n_steps` steps; how many were done, and the slip sum of b dx."""
        limit = max(2, int(_DEAD_FRACTION * self._order.size))
        done, slip, vanished = euler_kernel(
            self._plan,
            self._sorted_x,
            self._sorted_sign,
            self._pairs,
            self._dy,
            self._reach,
            dt,
            applied_stress,
            n_steps,
            limit,
        )
        self._scatter()
        if vanished:
            self._gather()
        return done, slip

    def measure(self, applied_stress: float) -> tuple[int, float, float]:
        """Number, mean speed and mean slip rate of the living."""
        sine, cosine, stress = np.empty((3, self._order.size))
        half_angle_kernel(self._sorted_x, self._box_length, sine, cosine)
        stress_kernel(self._plan, sine, cosine, self._sorted_sign, stress)
        rate = np.abs(self._sorted_sign) * (stress + applied_stress)
        number = int(np.count_nonzero(self._sorted_sign))
        if number == 0:
            return 0, 0.0, 0.0
        return number, float(np.sum(np.abs(rate)) / number), float(np.sum(rate) / number)

    def check_finite(self, step: int) -> None:
        if not np.all(np.isfinite(self._sorted_x)):
            raise FloatingPointError(f"a position overflowed before step {step}: shorten dt")


def _meeting_pairs(
    y: NDArray[np.float64], sign: NDArray[np.float64], box_length: float, reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs (n, 2) of opposite signs, from sorted y, nearer than `reach` in y; and their dy."""
    count = y.size
    if reach == 0.0 or count < 2:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    tall = np.concatenate([y, y + box_length])
    last = np.minimum(np.searchsorted(tall, y + reach), np.arange(count) + count)
    first = np.arange(count)
    times = last - first - 1
    i = np.repeat(first, times)
    j = i + 1 + np.arange(i.size) - np.repeat(np.cumsum(times) - times, times)
    dy = tall[j] - y[i]
    pair = np.stack([i, j % count], axis=1)
    dy = np.minimum(dy, box_length - dy)
    opposite = sign[pair[:, 0]] * sign[pair[:, 1]] < 0
    pair, index = np.unique(np.sort(pair[opposite], axis=1), axis=0, return_index=True)
    return pair, dy[opposite][index]
