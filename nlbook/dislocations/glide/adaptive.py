r"""Glide with steps of adapted length, for the stiff motion of bound pairs.

The equation of motion is that of `nlbook.dislocations.glide.euler`. Two dislocations at a distance
r answer each other within r**2 t0, while the crystal creeps over hundreds of t0: an explicit method
has to take steps of the former. Here a step h from x is linearly implicit, the W-method ROS2 of
[1]_ with gamma = 1 - sqrt(1/2),

    (1 - gamma h J) k1 = f(x)
    (1 - gamma h J) k2 = f(x + h k1) - 2 k1,        x(t + h) = x + h (3 k1 + k2)/2 ,

of order two for any matrix J, and L-stable where J is the Jacobian. J is the Jacobian of near
pairs, whose entries in gamma h J exceed 0.02: symmetric, with a few entries a row, its rows sum
to zero (so that the sum of all velocities is kept exactly), and it is never factored: conjugate
gradients preconditioned by the diagonal solve for k, and a step at which 1 - gamma h J is
indefinite is shortened.

Steps are as long as each dislocation's error allows. With v the velocity at the start,

    (1 - gamma h J) error = h (v + f(x(t + h)))/2 - (x(t + h) - x)

compares with the trapezoidal rule, at no further force evaluation: for linear motion it is the
true error to 7 % where J is exact, and one and a half times the true one where J = 0. Nor may a
dislocation err by more than a twentieth of the distance to its nearest neighbour: two that are
nearer than the tolerance would otherwise be thrown about by errors that it allows, and never come
to rest. Within a step positions are the cubic through both ends. The velocity at its end is

    w + (1 - gamma h J)**-1 (f(x(t + h)) - w),        w = (x(t + h) - x)/h :

f for soft motion, and, where a small error of x makes a large one of f, the mean velocity of the
step. (The velocity by which the step obeys the trapezoidal rule would change its sign at each step
for stiff motion, and not decay.)

Reactions end a step: it is cut where opposite signs first come within the annihilation distance
on the cubic, or where a source's time is over. A source's stress is followed by a parabola
through the ends and the middle of the step; a pair that is lost cuts no step. Pairs on their way
to annihilation may err by ten tolerances: they close at about 1 b/t0, so that at 0.01 b they
vanish some 0.1 t0 early or late, when others feel only their dipole.

From a tolerance of 1e-3 b upwards near pairs are summed in single precision, which is as if
positions erred by some 1e-5 b in a box of 300 b. Creep is not chaotic over a few hundred t0, and
its path converges with the tolerance; a relaxation is, and only its distribution does.

References
----------
.. [1] J. G. Verwer, E. J. Spee, J. G. Blom and W. Hundsdorfer, "A second-order Rosenbrock method
   applied to photochemical dispersion problems", SIAM J. Sci. Comput. 20 (1999) 1456.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array
from nlbook.dislocations.glide.adaptive_steps import AdaptiveSteps, wants_single_precision
from nlbook.dislocations.glide.interaction import Images
from nlbook.dislocations.glide.sources import FrankReadSources
from nlbook.dislocations.glide.trajectory import Trajectory, look_back, make_crowd, speed_bins
from nlbook.parallel import checkpoint

__all__ = ["evolve_adaptive"]

Times = Sequence[float] | NDArray[np.float64]


def evolve_adaptive(
    x: ArrayLike,
    y: ArrayLike,
    burgers_sign: ArrayLike,
    box_length: float,
    *,
    duration: float,
    tolerance: float = 0.01,
    applied_stress: float = 0.0,
    annihilation_distance: float = 2.0,
    images: Images = "periodic",
    sources: FrankReadSources | None = None,
    record_times: Times = (),
    snapshot_times: Times = (),
    count_speeds_times: Times = (),
    longest_step: float = np.inf,
) -> Trajectory:
    """Let dislocations glide for a time, in steps of adapted length.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Positions in b.
    burgers_sign : array_like, shape (n,)
        +1 or -1.
    box_length : float
        Side of the box, in b.
    duration : float
        How long, in t0.
    tolerance : float
        Error that each dislocation may make in a step, in b; and never more than a twentieth of
        the distance to its nearest neighbour.
    applied_stress : float
        Constant shear stress, in sigma0.
    annihilation_distance : float
        Opposite signs nearer than this vanish, in b; 0 for never. Less than half the box.
    images : {"periodic", "one_row"}
        See `periodic_shear_stress`.
    sources : FrankReadSources, optional
        Sources of new pairs.
    record_times : array_like of float
        Times of the series, ascending, within 0..duration; both ends are always among them.
    snapshot_times : array_like of float
        Times at which shifts are kept, ascending, within 0..duration.
    count_speeds_times : array_like of float
        Times at which all speeds are counted, ascending, within 0..duration.
    longest_step : float
        No step is longer than this, in t0.

    Returns
    -------
    Trajectory
        What happens at a time of the series or of a snapshot is seen there already.

    Raises
    ------
    ValueError
        If an argument is out of range, or the configuration is none (see `internal_stress`).
    BlowUp
        If two dislocations are so near each other that no step is short enough.

    Examples
    --------
    Opposite signs on one plane close as x**2 = x0**2 - 4 t:

    >>> run = evolve_adaptive([0.0, 10.0], [0.0, 0.0], [1, -1], 1e5, duration=16.0,
    ...                       tolerance=1e-4, snapshot_times=[16.0])
    >>> print(f"{10.0 + run.shift[0, 1] - run.shift[0, 0]:.3f}")
    6.000
    """
    _check_steps(duration, tolerance, longest_step)
    crowd = make_crowd(
        x,
        y,
        burgers_sign,
        box_length,
        applied_stress=applied_stress,
        annihilation_distance=annihilation_distance,
        images=images,
        sources=sources,
        single_precision=wants_single_precision(tolerance),
    )
    recorded = np.union1d(_check_times("record_times", record_times, duration), [0.0, duration])
    snapshot_time = _check_times("snapshot_times", snapshot_times, duration)
    counted = _check_times("count_speeds_times", count_speeds_times, duration)
    steps = AdaptiveSteps(
        crowd, applied_stress=applied_stress, tolerance=tolerance, longest_step=longest_step
    )
    number = np.empty(recorded.size, dtype=np.int64)
    speed, rate, slip = np.empty((3, recorded.size))
    edges = speed_bins()
    counts = np.zeros(edges.size + 1, dtype=np.int64)
    seen: list[tuple[slice, NDArray[np.float64], NDArray[np.bool_]]] = []
    series = (recorded, snapshot_time, counted)
    done = [0, 0, 0]
    ended = False
    while not ended:
        checkpoint()
        ended = steps.time >= duration
        step = steps.stand_still() if ended else steps.find_step(duration)
        stops = [
            times.size if ended else int(np.searchsorted(times, step.until)) for times in series
        ]
        record, snapshot, count = (slice(*part) for part in zip(done, stops, strict=True))
        if record.start < record.stop:
            number[record], speed[record], rate[record], slip[record] = steps.sample(
                step, recorded[record]
            )
        if snapshot.start < snapshot.stop:
            seen.append((snapshot, *steps.shifts(step, snapshot_time[snapshot])))
        if count.start < count.stop:
            steps.count_speeds(step, counted[count], edges, counts)
        done = stops
        if not ended:
            steps.take_step(step)
    return look_back(
        crowd,
        time=recorded,
        number=number,
        mean_speed=speed,
        mean_slip_rate=rate,
        slip=slip,
        speed_counts=counts,
        snapshot_time=snapshot_time,
        snapshots=seen,
        n_steps=steps.n_steps,
        n_forces=steps.n_forces,
    )


def _check_steps(duration: float, tolerance: float, longest_step: float) -> None:
    """Refuse a duration or steps that make no sense."""
    check_number("duration", duration, least=0.0)
    check_number("tolerance", tolerance, above=0.0)
    if longest_step != np.inf:
        check_number("longest_step", longest_step, above=0.0)


def _check_times(name: str, times: Times, duration: float) -> NDArray[np.float64]:
    """Times as an array; refuse those that do not ascend within the run."""
    array = real_array(name, times)
    inside = array.ndim == 1 and bool(np.all((array >= 0) & (array <= duration)))
    if not inside or np.any(np.diff(array) <= 0):
        raise ValueError(f"{name} must ascend within 0..{duration:g}, got {times!r}")
    return array
