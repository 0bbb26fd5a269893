"""Steps of adapted length: computed, looked into and taken; the method is told in `adaptive`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.glide.crowd import DEAD_FRACTION, Crowd, Places
from nlbook.dislocations.glide.dense import (
    count_speeds_loop,
    crossing_loop,
    sample_loop,
    shifts_loop,
)
from nlbook.dislocations.glide.events import blocked_loop, clocks_loop, time_to_meet_loop
from nlbook.dislocations.glide.neighbours import MeetingPairs, NearPairs, allow_loop
from nlbook.dislocations.glide.step import Motion, Step, empty_motion
from nlbook.dislocations.glide.stiff import (
    GAMMA,
    THRESHOLD,
    end_velocity_loop,
    error_loop,
    first_stage_loop,
    second_stage_loop,
)
from nlbook.dislocations.glide.strips import glide_loop
from nlbook.dislocations.glide.trajectory import BlowUp

__all__ = ["AdaptiveSteps", "wants_single_precision"]

# A pair that is about to annihilate may err by so many tolerances: it closes at about 1 b/t0, so
# that it vanishes some 0.1 t0 early or late, and others feel by then no more than its dipole.
_LOOSER = 10.0

# Nobody may err by more than this part of the distance to its nearest neighbour: the usual choice
# of implicit codes.
_PART = 0.05

# The next step aims at this part of the tolerance, and grows and shrinks by no more than this.
_SAFETY = 0.6
_MOST_GROWTH = 4.0
_MOST_SHRINKING = 0.2

# Steps end this much after the time at which a pair is expected to meet.
_BEYOND = 1.1

# Shorter steps are the sign of dislocations on top of each other, t0.
_SHORTEST = 1e-13

# Near pairs are summed in single precision, which is as if positions erred by some 1e-5 b in a box
# of 300 b, unless the tolerance is below this.
_DOUBLE_BELOW = 1e-3


def wants_single_precision(tolerance: float) -> bool:
    """Whether near pairs may be summed in single precision."""
    return tolerance >= _DOUBLE_BELOW


class _Attempt(NamedTuple):
    """A trial of a step, and what is left of solving for it."""

    #: of the step, over what is allowed
    error: float
    #: at the start, corrected
    velocity: NDArray[np.float64]
    end: Motion
    #: rows, entries, diagonal and space of the linear system, and how many entries
    system: tuple[Any, ...]
    n_entries: int
    #: to which it was solved
    tolerance: float


class _Work:
    """Lists of pairs, and space for what no step keeps, for dislocations in one order."""

    def __init__(self, places: Places, box_length: float, annihilation_distance: float) -> None:
        count = places.x.size
        self.near = NearPairs(places.y, places.sign, box_length)
        self.meeting = MeetingPairs(
            places.pairs, places.dy, places.sign, box_length, 2.0 * annihilation_distance
        )
        self.k1, self.k2, self.stage, self.loose, self.allowed, self.diagonal, self.error = (
            np.empty((7, count))
        )
        self.trigonometry, self.space = np.empty((2, count)), np.empty((5, count))


class AdaptiveSteps:
    """Steps that a crowd takes.

    `find_step` computes a step and where in it the first reaction happens; `sample`, `shifts` and
    `count_speeds` look into it; `take_step` goes there and reacts.

    Parameters
    ----------
    crowd : Crowd
    applied_stress : float
    tolerance : float
        Error of each dislocation in a step, b.
    longest_step : float
    """

    def __init__(
        self, crowd: Crowd, *, applied_stress: float, tolerance: float, longest_step: float
    ) -> None:
        self.crowd = crowd
        self.time = 0.0
        self.n_steps = self.n_forces = 0
        self._velocity = np.full(crowd.x.size, np.nan)  # of all that have ever been there
        self._applied = applied_stress
        self._tolerance = tolerance
        self._longest = longest_step
        self._proposed = 0.0  # length of the next step
        places = crowd.gather()
        if crowd.annihilate(places, places.x):
            crowd.scatter(places, places.x)
            places = crowd.gather()
        self._begin(places)

    def find_step(self, stop: float) -> Step:
        """Compute a step that ends by `stop`, and its first event."""
        crowd, places, now = self.crowd, self._places, self._now
        rest = stop - self.time
        proposed = min(self._proposed, self._longest)
        limited = self._limit(proposed, rest)
        h = limited
        while True:
            if not (h > _SHORTEST or h == rest):
                fastest = int(np.argmax(np.abs(now.force)))
                raise BlowUp(
                    f"at t = {self.time:g} t0: dislocation "
                    f"{crowd.describe(places, now.x, fastest)}, needs steps below "
                    f"{_SHORTEST:g} t0 at tolerance {self._tolerance:g}"
                )
            trial = self._attempt(h)
            if trial.error <= 1.0:
                break
            h *= max(_MOST_SHRINKING, min(0.9, (_SAFETY / trial.error) ** (1 / 3)))
        self.n_steps += 1
        start = now._replace(velocity=trial.velocity, guessed=False)
        end = trial.end
        end_velocity_loop(
            start.x, end.x, h, trial.tolerance, start.velocity, trial.system, trial.n_entries,
            self._work.error, end.velocity,
        )  # fmt: skip
        growth = (_SAFETY / max(trial.error, 1e-6)) ** (1 / 3)
        # a step that was cut short for an event says little about the next one
        most = max(_MOST_GROWTH * h, proposed if h == limited else 0.0)
        self._proposed = min(growth * h, most)
        pairs, dy = self._work.meeting.along(start.velocity, end.x, end.velocity, h)
        first, pair = crossing_loop(
            pairs, dy, start.x, start.velocity, end.x, end.velocity, places.sign,
            crowd.box_length, crowd.annihilation_distance, h,
        )  # fmt: skip
        meeting = pairs[pair] if pair >= 0 else None
        step = Step(start, end, self.time, h, min(first, 1.0), 0.0, first <= 1.0, meeting, False)
        if places.source.size:
            step = self._look_at_sources(step)
        at_stop = step.theta == 1.0 and h == rest
        return step._replace(until=stop if at_stop else self.time + step.theta * h)

    def take_step(self, step: Step) -> None:
        """Go to the end of the step or to its first event, and react."""
        crowd, places = self.crowd, self._places
        sign = places.sign
        now = step.end
        if step.event:
            now = empty_motion(sign.size, guessed=True)
            step.interpolate(step.theta, now.x, now.velocity)
        crowd.slip += float(np.dot(sign, now.x - step.start.x))
        self.time = step.until
        self._now = now
        if not step.event:
            return
        if step.pair is not None:
            sign[step.pair] = 0.0
            crowd.annihilate(places, now.x)
            now.velocity[:] *= np.abs(sign)
        dead = sign.size - places.source.size - np.count_nonzero(sign)
        if step.due or dead > DEAD_FRACTION * sign.size:
            self._scatter()
            if step.due:
                crowd.emit(self.time)
                self._velocity = np.append(
                    self._velocity, np.full(crowd.x.size - self._velocity.size, np.nan)
                )
            self._begin(crowd.gather())
        else:
            self._evaluate(now.x, now.stress, now.force)

    def sample(
        self, step: Step, times: NDArray[np.float64]
    ) -> tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Number, mean speeds, mean slip rates, and slips since the start, at times in a step."""
        speed, rate, slip = np.empty((3, times.size))
        number = sample_loop(
            step.start.x, step.start.velocity, step.end.x, step.end.velocity, step.h,
            step.parts(times), self._places.sign, speed, rate, slip,
        )  # fmt: skip
        return number, speed, rate, self.crowd.slip + slip

    def count_speeds(
        self,
        step: Step,
        times: NDArray[np.float64],
        edges: NDArray[np.float64],
        bins: NDArray[np.int64],
    ) -> None:
        """Count all speeds at times in a step; see `count_speeds_loop`."""
        count_speeds_loop(
            step.start.x, step.start.velocity, step.end.x, step.end.velocity, step.h,
            step.parts(times), self._places.sign, edges, bins,
        )  # fmt: skip

    def shifts(
        self, step: Step, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Glide of all so far, shape (n_times, n), and who is there, shape (n,), in a step."""
        crowd, places = self.crowd, self._places
        shift = np.empty((times.size, crowd.x.size))
        shift[:] = crowd.x - crowd.origin
        shifts_loop(
            step.start.x, step.start.velocity, step.end.x, step.end.velocity, step.h,
            step.parts(times), places.living, places.entry, crowd.origin, shift,
        )  # fmt: skip
        alive = crowd.sign != 0.0
        alive[places.entry] = places.sign[places.living] != 0.0
        return shift, alive

    def stand_still(self) -> Step:
        """A step that leads nowhere, for `sample`, `count_speeds` and `shifts` at the present."""
        now = self._now
        if now.guessed:
            trial = self._attempt(min(self._proposed, self._longest))
            now = now._replace(velocity=trial.velocity, guessed=False)
        self._now = now
        self._scatter()
        return Step(now, now, self.time, 1.0, 0.0, self.time, False, None, False)

    def _attempt(self, h: float) -> _Attempt:
        """Try a step; its error is infinite where the Jacobian is indefinite."""
        crowd, places, now, work = self.crowd, self._places, self._now, self._work
        near, allowed = work.near, work.allowed
        # as far as the Jacobian and the tolerance ask for
        radius = max(np.sqrt(GAMMA * h / THRESHOLD), _LOOSER * self._tolerance / _PART)
        near.update(now.x, radius)
        system = (near.rows, near.entries, work.diagonal, work.space)
        np.multiply(work.loose, self._tolerance, out=allowed)
        allow_loop(near.pairs, near.dy, now.x, crowd.box_length, _PART, allowed)
        tolerance = min(self._tolerance, float(np.min(allowed, initial=np.inf)))
        velocity = now.velocity.copy() if now.guessed else now.velocity
        end = empty_motion(now.x.size, guessed=False)
        n_entries = first_stage_loop(
            near.pairs, near.dy, now.x, places.sign, crowd.box_length, h, tolerance,
            now.force, now.velocity, now.guessed, system, velocity, work.k1, work.stage,
        )  # fmt: skip
        trial = _Attempt(np.inf, velocity, end, system, n_entries, tolerance)
        if n_entries < 0:
            return trial
        self._evaluate(work.stage, end.stress, end.force)
        if not second_stage_loop(
            now.x, h, tolerance, end.force, system, n_entries, work.k1, work.k2, end.x
        ):
            return trial
        self._evaluate(end.x, end.stress, end.force)
        allow_loop(near.pairs, near.dy, end.x, crowd.box_length, _PART, allowed)
        error: float = error_loop(
            now.x, end.x, h, tolerance, end.force, velocity, system, n_entries, allowed,
            work.error,
        )  # fmt: skip
        return trial._replace(error=error)

    def _limit(self, h: float, rest: float) -> float:
        """The step, cut at the end, where a source is due, or where a pair is about to meet."""
        crowd, places, now, meeting = self.crowd, self._places, self._now, self._work.meeting
        if h > (1.0 - 1e-9) * rest:
            h = rest
        if places.source.size:
            clocks = crowd.clocks
            local = now.stress[places.source]
            running = np.abs(local) > clocks.critical
            running &= ~self._blocked_sources(running, now.x, local)
            left = (clocks.delay - clocks.clock)[running]
            h = min(h, max(np.min(left, initial=np.inf), 10 * _SHORTEST))
        meeting.update(now.x)
        soonest = time_to_meet_loop(
            meeting.pairs, meeting.dy, now.x, now.velocity, places.sign, crowd.box_length,
            crowd.annihilation_distance, h, self._work.loose, _LOOSER,
        )  # fmt: skip
        return h if soonest == h else min(h, _BEYOND * soonest + 10 * _SHORTEST)

    def _look_at_sources(self, step: Step) -> Step:
        """Find out whether a source is due before anything else happens, and set the clocks."""
        clocks, place, work = self.crowd.clocks, self._places.source, self._work
        stresses = np.empty((3, place.size))
        stresses[0] = step.start.stress[place]
        stresses[2] = step.end.stress[place]
        stresses[1] = 0.5 * (stresses[0] + stresses[2])
        nearest = np.min(np.abs(np.abs(stresses) - clocks.critical), axis=0)
        if np.any(nearest < np.abs(stresses[2] - stresses[0]) + 0.02 * clocks.critical):
            step.interpolate(0.5, work.k1, work.k2)
            self._evaluate(work.k1, work.space[0], work.space[1])
            stresses[1] = work.space[0][place]
        state = (stresses, clocks.critical, clocks.delay, clocks.clock, clocks.direction, step.h)
        since, until = 0.0, step.theta
        while True:
            due = clocks_loop(*state, since, until, False)
            if due > 1.0 + 1e-9:
                clocks_loop(*state, since, until, True)
                return step
            due = min(due, until)
            clocks_loop(*state, since, due, True)
            firing = clocks.clock > clocks.delay
            step.interpolate(due, work.k1, work.k2)
            blocked = self._blocked_sources(firing, work.k1, clocks.direction)
            if np.any(firing & ~blocked) or due == until:
                break
            # the pair is lost and nobody feels it: the step goes on
            self.crowd.n_lost_pairs += int(np.count_nonzero(firing))
            clocks.clock[firing] = 0.0
            since = due
        sooner = due < step.theta or not step.event
        return step._replace(theta=due, event=True, pair=None if sooner else step.pair, due=True)

    def _blocked_sources(
        self, asked: NDArray[np.bool_], x: NDArray[np.float64], direction: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whose pair, of those asked for, would be lost if it came now."""
        crowd, places = self.crowd, self._places
        clocks = crowd.clocks
        blocked = np.empty(places.source.size, dtype=np.bool_)
        half = 0.5 * clocks.length * np.sign(direction)
        blocked_loop(
            x, places.y, places.sign, crowd.box_length, crowd.annihilation_distance,
            crowd.clearance, asked, np.stack([clocks.x + half, clocks.x - half]), clocks.y,
            blocked,
        )  # fmt: skip
        return blocked

    def _evaluate(
        self,
        x: NDArray[np.float64],
        stress: NDArray[np.float64],
        force: NDArray[np.float64],
    ) -> None:
        glide_loop(
            self._places.plan, x, self._places.sign, self._applied, self._work.trigonometry,
            stress, force,
        )  # fmt: skip
        self.n_forces += 1

    def _begin(self, places: Places) -> None:
        """Go on from dislocations that were sorted anew."""
        self._places = places
        self._work = _Work(places, self.crowd.box_length, self.crowd.annihilation_distance)
        stress, force = np.empty((2, places.x.size))
        self._evaluate(places.x, stress, force)
        velocity = np.zeros(places.x.size)
        velocity[places.living] = self._velocity[places.entry]
        new = np.isnan(velocity)
        velocity[new] = force[new]
        self._now = Motion(places.x, stress, force, velocity, guessed=True)
        fastest = max(float(np.max(np.abs(force), initial=0.0)), 1e-3)
        if self._proposed == 0.0:
            self._proposed = min(0.1, 0.01 / fastest, 0.1 / fastest**2)

    def _scatter(self) -> None:
        self.crowd.scatter(self._places, self._now.x)
        self._velocity[self._places.entry] = self._now.velocity[self._places.living]
