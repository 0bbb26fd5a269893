"""Dislocations that take steps of adapted length; the method is told in `adaptive`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.glide.crowd import Crowd
from nlbook.dislocations.glide.dense import (
    count_speeds_loop,
    hermite_loop,
    sample_loop,
    shifts_loop,
)
from nlbook.dislocations.glide.euler import BlowUp
from nlbook.dislocations.glide.events import (
    blocked_loop,
    clocks_loop,
    crossing_loop,
    time_to_meet_loop,
)
from nlbook.dislocations.glide.interaction import Images
from nlbook.dislocations.glide.neighbours import MeetingPairs, NearPairs, allow_loop
from nlbook.dislocations.glide.sources import FrankReadSources
from nlbook.dislocations.glide.stiff import (
    GAMMA,
    THRESHOLD,
    end_velocity_loop,
    error_loop,
    first_stage_loop,
    second_stage_loop,
)
from nlbook.dislocations.glide.strips import annihilate_loop, glide_loop

__all__ = ["AdaptiveCrowd"]

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

# A new plan when this part of the dislocations has vanished since the last one.
_DEAD_FRACTION = 0.03


class AdaptiveCrowd(Crowd):
    """A crowd that knows its velocities.

    `find_step` computes a step and where in it the first reaction happens; `sample`, `shifts` and
    `count_speeds` look into it; `take_step` goes there and reacts.

    Parameters
    ----------
    position, sign, box_length, images, annihilation_distance, sources
        See `Crowd`.
    applied_stress : float
    tolerance : float
        Error of each dislocation in a step, b.
    longest_step : float
    """

    _stress: NDArray[np.float64]
    _force: NDArray[np.float64]
    _velocity: NDArray[np.float64]
    _guess: NDArray[np.float64]
    _k1: NDArray[np.float64]
    _k2: NDArray[np.float64]
    _stage: NDArray[np.float64]
    _end: NDArray[np.float64]
    _end_stress: NDArray[np.float64]
    _end_force: NDArray[np.float64]
    _end_velocity: NDArray[np.float64]
    _near: NearPairs
    _meeting: MeetingPairs
    _stale: bool
    _guessed: bool

    def __init__(
        self,
        position: NDArray[np.float64],
        sign: NDArray[np.float64],
        box_length: float,
        images: Images,
        annihilation_distance: float,
        sources: FrankReadSources,
        *,
        applied_stress: float,
        tolerance: float,
        longest_step: float,
    ) -> None:
        self.time = 0.0
        self.velocity = np.full(sign.size, np.nan)  # of all that have ever been there
        self._applied = applied_stress
        self._tolerance = tolerance
        self._longest = longest_step
        self._step = 0.0  # what the controller proposes next
        self.n_steps = self.n_forces = 0
        self._single_precision = tolerance >= _DOUBLE_BELOW
        super().__init__(position, sign, box_length, images, annihilation_distance, sources)
        self.react()

    def find_step(self, stop: float) -> float:
        """Compute a step that ends by `stop`; the time at which it, or its first event, ends."""
        if self._stale:
            self._renew()
        tolerance, x, sign = self._tolerance, self._sorted_x, self._sorted_sign
        rest = stop - self.time
        wanted = min(self._step, self._longest)
        limited = self._limit(wanted, rest)
        h = limited
        while True:
            if not (h > _SHORTEST or h == rest):
                fastest = int(np.argmax(np.abs(self._force)))
                raise BlowUp(
                    f"at t = {self.time:g} t0: dislocation {self._describe(fastest)}, needs "
                    f"steps below {_SHORTEST:g} t0 at tolerance {tolerance:g}"
                )
            error = self._attempt(h)
            if error <= 1.0:
                break
            h *= max(_MOST_SHRINKING, min(0.9, (_SAFETY / error) ** (1 / 3)))
        self.n_steps += 1
        system, found, solved = self._system
        end_velocity_loop(
            x, self._end, h, solved, self._velocity, system, found, self._error,
            self._end_velocity,
        )  # fmt: skip
        growth = (_SAFETY / max(error, 1e-6)) ** (1 / 3)
        # a step that was cut short for an event says little about the next one
        most = max(_MOST_GROWTH * h, wanted if h == limited else 0.0)
        self._step = min(growth * h, most)
        self._h = h
        pairs, dy = self._meeting.along(self._velocity, self._end, self._end_velocity, h)
        self._first, pair = crossing_loop(
            pairs, dy, x, self._velocity, self._end, self._end_velocity, sign,
            self._box_length, self._reach, h,
        )  # fmt: skip
        self._pair = pairs[pair] if pair >= 0 else None
        self._due = False
        if self._place.size:
            self._look_at_sources()
        self._theta = min(self._first, 1.0)
        at_stop = self._theta == 1.0 and h == rest
        self._next_time = stop if at_stop else self.time + self._theta * h
        return self._next_time

    def take_step(self) -> None:
        """Go to the end of the step or to its first event, and react."""
        x, velocity, sign = self._sorted_x, self._velocity, self._sorted_sign
        event = self._first <= 1.0
        if event:
            hermite_loop(
                x, velocity, self._end, self._end_velocity, self._h, self._theta,
                self._stage, self._guess,
            )  # fmt: skip
        else:
            self._stage, self._end = self._end, self._stage
        self.slip += float(np.dot(sign, self._stage - x))
        self._sorted_x, self._stage = self._stage, x
        self.time = self._next_time
        if not event:
            self._velocity, self._end_velocity = self._end_velocity, velocity
            self._force, self._end_force = self._end_force, self._force
            self._stress, self._end_stress = self._end_stress, self._stress
            self._guessed = False
            return
        if self._pair is not None:
            sign[self._pair] = 0.0
            annihilate_loop(
                self._pairs, self._dy, self._sorted_x, sign, self._box_length, self._reach
            )
            self._guess *= np.abs(sign)
        self._guessed = True
        dead = sign.size - self._place.size - np.count_nonzero(sign)
        if self._due or dead > _DEAD_FRACTION * sign.size:
            self._scatter()
            if self._due:
                self._emit(self.time)
                self.velocity = np.append(
                    self.velocity, np.full(self.x.size - self.velocity.size, np.nan)
                )
            self._gather()
        else:
            self._evaluate(self._sorted_x, self._stress, self._force)

    def sample(
        self, times: NDArray[np.float64]
    ) -> tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Number, mean speeds, mean slip rates, and slips since the start, at times in a step."""
        speed, rate, slip = np.empty((3, times.size))
        number = sample_loop(
            self._sorted_x, self._velocity, self._end, self._end_velocity, self._h,
            self._parts(times), self._sorted_sign, speed, rate, slip,
        )  # fmt: skip
        return number, speed, rate, self.slip + slip

    def count_speeds(
        self, times: NDArray[np.float64], edges: NDArray[np.float64], bins: NDArray[np.int64]
    ) -> None:
        """Count all speeds at times in a step; see `count_speeds_loop`."""
        count_speeds_loop(
            self._sorted_x, self._velocity, self._end, self._end_velocity, self._h,
            self._parts(times), self._sorted_sign, edges, bins,
        )  # fmt: skip

    def shifts(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Glide of all so far, shape (n_times, n), and who is there, shape (n,), in a step."""
        shift = np.empty((times.size, self.x.size))
        shift[:] = self.x - self.origin
        shifts_loop(
            self._sorted_x, self._velocity, self._end, self._end_velocity, self._h,
            self._parts(times), self._living, self._entry, self.origin, shift,
        )  # fmt: skip
        alive = self.sign != 0.0
        alive[self._entry] = self._sorted_sign[self._living] != 0.0
        return shift, alive

    def stand_still(self) -> None:
        """Let `sample`, `count_speeds` and `shifts` see the present."""
        if self._stale:
            self._renew()
        if self._guessed:
            self._attempt(min(self._step, self._longest))  # for the velocity
        self._h, self._theta = 1.0, 0.0
        self._end[:], self._end_velocity[:] = self._sorted_x, self._velocity
        self._scatter()

    def _interpolate(self, part: float) -> None:
        """Positions in k1 and velocities in k2 at a part of the step."""
        hermite_loop(
            self._sorted_x, self._velocity, self._end, self._end_velocity, self._h, part,
            self._k1, self._k2,
        )  # fmt: skip

    def _parts(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.clip((times - self.time) / self._h, 0.0, self._theta))

    def _attempt(self, h: float) -> float:
        """Try a step; its error over what is allowed, infinite where the Jacobian is indefinite."""
        near = self._near
        # as far as the Jacobian and the tolerance ask for
        reach = max(np.sqrt(GAMMA * h / THRESHOLD), _LOOSER * self._tolerance / _PART)
        near.update(self._sorted_x, reach)
        system = (near.rows, near.entries, self._diagonal, self._space)
        x = self._sorted_x
        np.multiply(self._loose, self._tolerance, out=self._allowed)
        allow_loop(near.pairs, near.dy, x, self._box_length, _PART, self._allowed)
        tolerance = min(self._tolerance, float(np.min(self._allowed, initial=np.inf)))
        found = first_stage_loop(
            near.pairs, near.dy, x, self._sorted_sign, self._box_length, h, tolerance,
            self._force, self._guess, self._guessed, system, self._velocity, self._k1,
            self._stage,
        )  # fmt: skip
        if found < 0:
            return np.inf
        self._evaluate(self._stage, self._end_stress, self._end_force)
        if not second_stage_loop(
            x, h, tolerance, self._end_force, system, found, self._k1, self._k2, self._end
        ):
            return np.inf
        self._evaluate(self._end, self._end_stress, self._end_force)
        allow_loop(near.pairs, near.dy, self._end, self._box_length, _PART, self._allowed)
        error: float = error_loop(
            x, self._end, h, tolerance, self._end_force, self._velocity, system, found,
            self._allowed, self._error,
        )  # fmt: skip
        self._system = system, found, tolerance
        return error

    def _limit(self, h: float, rest: float) -> float:
        """The step, cut at the end, where a source is due, or where a pair is about to meet."""
        if h > (1.0 - 1e-9) * rest:
            h = rest
        if self._place.size:
            local = self._stress[self._place]
            running = np.abs(local) > self._critical
            running &= ~self._blocked_sources(running, self._sorted_x, local)
            left = (self._delay - self._clock)[running]
            h = min(h, max(np.min(left, initial=np.inf), 10 * _SHORTEST))
        guess = self._guess if self._guessed else self._velocity
        self._meeting.update(self._sorted_x)
        soonest = time_to_meet_loop(
            self._meeting.pairs, self._meeting.dy, self._sorted_x, guess, self._sorted_sign,
            self._box_length, self._reach, h, self._loose, _LOOSER,
        )  # fmt: skip
        return h if soonest == h else min(h, _BEYOND * soonest + 10 * _SHORTEST)

    def _look_at_sources(self) -> None:
        """Find out whether a source is due before anything else happens, and set the clocks."""
        stresses = np.empty((3, self._place.size))
        stresses[0] = self._stress[self._place]
        stresses[2] = self._end_stress[self._place]
        stresses[1] = 0.5 * (stresses[0] + stresses[2])
        nearest = np.min(np.abs(np.abs(stresses) - self._critical), axis=0)
        if np.any(nearest < np.abs(stresses[2] - stresses[0]) + 0.02 * self._critical):
            self._interpolate(0.5)
            self._evaluate(self._k1, self._space[0], self._space[1])
            stresses[1] = self._space[0][self._place]
        state = (stresses, self._critical, self._delay, self._clock, self._direction, self._h)
        since, until = 0.0, min(self._first, 1.0)
        while True:
            due = clocks_loop(*state, since, until, False)
            if due > 1.0 + 1e-9:
                clocks_loop(*state, since, until, True)
                return
            due = min(due, until)
            clocks_loop(*state, since, due, True)
            firing = self._clock > self._delay
            self._interpolate(due)
            blocked = self._blocked_sources(firing, self._k1, self._direction)
            if np.any(firing & ~blocked) or due == until:
                break
            # the pair is lost and nobody feels it: the step goes on
            self.n_lost_pairs += int(np.count_nonzero(firing))
            self._clock[firing] = 0.0
            since = due
        self._due = True
        if due < self._first:
            self._first, self._pair = due, None

    def _blocked_sources(
        self, asked: NDArray[np.bool_], x: NDArray[np.float64], direction: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whose pair, of those asked for, would be lost if it came now."""
        blocked = np.empty(self._place.size, dtype=np.bool_)
        half = 0.5 * self._length * np.sign(direction)
        blocked_loop(
            x, self._sorted_y, self._sorted_sign, self._box_length, self._reach, self._clearance,
            asked, np.stack([self._source_x + half, self._source_x - half]), self._source_y,
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
            self._plan, x, self._sorted_sign, self._applied, self._trigonometry, stress, force
        )
        self.n_forces += 1

    def _renew(self) -> None:
        """Forces and velocities after dislocations were sorted anew."""
        self._evaluate(self._sorted_x, self._stress, self._force)
        new = np.isnan(self._guess)
        self._guess[new] = self._force[new]
        fastest = max(float(np.max(np.abs(self._force), initial=0.0)), 1e-3)
        if self._step == 0.0:
            self._step = min(0.1, 0.01 / fastest, 0.1 / fastest**2)
        self._stale = False

    def _gather(self) -> None:
        super()._gather()
        count = self._sorted_x.size
        (
            self._stress, self._force, self._velocity, self._guess, self._k1, self._k2,
            self._stage, self._end, self._end_stress, self._end_force, self._end_velocity,
            self._loose, self._allowed, self._diagonal, self._error,
        ) = np.empty((15, count))  # fmt: skip
        self._trigonometry, self._space = np.empty((2, count)), np.empty((5, count))
        self._near = NearPairs(self._sorted_y, self._sorted_sign, self._box_length)
        self._meeting = MeetingPairs(
            self._pairs, self._dy, self._sorted_sign, self._box_length, 2.0 * self._reach
        )
        self._guess[:] = 0.0
        self._guess[self._living] = self.velocity[self._entry]
        self._guessed = self._stale = True

    def _scatter(self) -> None:
        super()._scatter()
        self.velocity[self._entry] = (self._guess if self._guessed else self._velocity)[
            self._living
        ]
