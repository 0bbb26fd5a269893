"""The dislocations of a simulation: who is there, sorted for the fast sum, and their reactions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.glide.fast_sum import make_plan
from nlbook.dislocations.glide.interaction import Images, wrap
from nlbook.dislocations.glide.neighbours import meeting_pairs_loop
from nlbook.dislocations.glide.sources import FrankReadSources
from nlbook.dislocations.glide.strips import annihilate_loop, euler_loop, glide_loop

__all__ = ["Crowd"]

# A new plan when this part of the dislocations has vanished since the last one.
_DEAD_FRACTION = 0.03


class Crowd:
    """All dislocations that have ever been there, in the order in which they came.

    Parameters
    ----------
    position : ndarray, shape (2, n)
    sign : ndarray, shape (n,)
    box_length : float
    images : {"periodic", "one_row"}
    annihilation_distance : float
    sources : FrankReadSources
    """

    _single_precision = False  # of near pairs

    def __init__(
        self,
        position: NDArray[np.float64],
        sign: NDArray[np.float64],
        box_length: float,
        images: Images,
        annihilation_distance: float,
        sources: FrankReadSources,
    ) -> None:
        self.x = position[0].copy()  # not wrapped
        self.y = wrap(position[1], box_length)
        self.origin = position[0].copy()  # x at the start or at birth
        self.burgers_sign = sign.copy()
        self.sign = sign.copy()  # zero once vanished
        self.birth_time: list[float] = []
        self.n_lost_pairs = 0
        self.slip = 0.0  # sum of b dx of all, births included
        self._box_length = box_length
        self._images = images
        self._reach = annihilation_distance
        source_y = wrap(sources.y, box_length)
        order = np.lexsort((wrap(sources.x, box_length), source_y))
        self._source_x = np.asarray(sources.x, dtype=np.float64)[order]
        self._source_y = source_y[order]
        self._length = np.asarray(sources.length, dtype=np.float64)[order]
        self._critical = sources.critical_stress[order]
        self._delay = np.asarray(sources.delay, dtype=np.float64)[order]
        self._clearance = sources.clearance
        self._clock, self._direction = np.zeros((2, order.size))
        self._gather()

    def react(self) -> None:
        """Annihilate where opposite signs are within reach."""
        if annihilate_loop(
            self._pairs, self._dy, self._sorted_x, self._sorted_sign, self._box_length, self._reach
        ):
            self._scatter()
            self._gather()

    def advance(
        self, dt: float, applied_stress: float, series: tuple[Any, ...], time: float
    ) -> tuple[int, str | None]:
        """Steps until `series` is full or somebody vanished or was born.

        Returns how many were done, and in words the dislocation that would move too far.
        """
        done, slip, vanished, due, runaway = euler_loop(
            self._plan,
            self._sorted_x,
            self._sorted_sign,
            self._pairs,
            self._dy,
            self._reach,
            (self._place, self._critical, self._delay, self._clock, self._direction),
            dt,
            applied_stress,
            series,
            (max(2, int(_DEAD_FRACTION * self._sorted_x.size)), 0.5 * self._box_length),
        )
        series[3][:done] += self.slip
        self.slip += slip
        if runaway >= 0:
            return done, self._describe(runaway)
        self._scatter()
        born = due and self._emit(time + done * dt)
        if born or vanished:
            self._gather()
        return done, None

    def measure(self, applied_stress: float) -> tuple[int, float, float]:
        """Number, mean speed and mean slip rate of the living."""
        stress, force = np.empty((2, self._sorted_x.size))
        work = np.empty((2, self._sorted_x.size))
        glide_loop(
            self._plan, self._sorted_x, self._sorted_sign, applied_stress, work, stress, force
        )
        rate = self._sorted_sign * force
        number = int(np.count_nonzero(self._sorted_sign))
        return (
            number,
            float(np.sum(np.abs(rate)) / max(number, 1)),
            float(np.sum(rate) / max(number, 1)),
        )

    def _gather(self) -> None:
        """Sort the living and the sources' places, plan their sums, list pairs that may meet."""
        alive = np.flatnonzero(self.sign)
        x = np.concatenate([self.x[alive], self._source_x])
        y = np.concatenate([self.y[alive], self._source_y])
        sign = np.concatenate([self.sign[alive], np.zeros(self._source_x.size)])
        # pairs are born at one height; sign x orders them alike in a mirrored crystal
        order = np.lexsort((wrap(x, self._box_length), sign * x, y))
        entry = np.concatenate([alive, -1 - np.arange(self._source_x.size)])[order]
        self._living = np.flatnonzero(entry >= 0)
        self._entry = entry[self._living]
        self._place = np.empty(self._source_x.size, dtype=np.int64)
        self._place[-1 - entry[entry < 0]] = np.flatnonzero(entry < 0)
        self._sorted_x, self._sorted_y, self._sorted_sign = x[order], y[order], sign[order]
        self._plan = make_plan(
            self._sorted_y,
            self._box_length,
            images=self._images,
            single_precision=self._single_precision,
        )
        self._pairs, self._dy = _meeting_pairs(
            self._sorted_y, self._sorted_sign, self._box_length, self._reach
        )

    def _scatter(self) -> None:
        self.x[self._entry] = self._sorted_x[self._living]
        self.sign[self._entry] = self._sorted_sign[self._living]

    def _emit(self, time: float) -> bool:
        """Place the pairs of the sources that are due, set their clocks back; whether any came."""
        before = self.x.size
        for k in np.flatnonzero(self._clock > self._delay):
            self._clock[k] = 0.0
            half = 0.5 * self._direction[k] * self._length[k]
            place = self._source_x[k] + np.array([half, -half])
            if self._blocked(place[0], self._source_y[k], 1.0) or self._blocked(
                place[1], self._source_y[k], -1.0
            ):
                self.n_lost_pairs += 1
                continue
            self.x = np.append(self.x, place)
            self.y = np.append(self.y, [self._source_y[k]] * 2)
            self.origin = np.append(self.origin, place)
            self.sign = np.append(self.sign, [1.0, -1.0])
            self.burgers_sign = np.append(self.burgers_sign, [1.0, -1.0])
            self.birth_time += [time, time]
            self.slip += 2.0 * half
        return self.x.size > before

    def _blocked(self, x: float, y: float, sign: float) -> bool:
        """Whether an opposite sign is within reach, or a like one within the clearance."""
        dx, dy = self._nearest(x, y)
        reach = np.where(self.sign * sign < 0, self._reach, self._clearance)
        return bool(np.any((self.sign != 0.0) & (dx**2 + dy**2 < reach**2)))

    def _nearest(self, x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        dx, dy = (self.x - x) / self._box_length, (self.y - y) / self._box_length
        return (
            self._box_length * (dx - np.rint(dx)),
            self._box_length * (dy - np.rint(dy)),
        )

    def _describe(self, index: int) -> str:
        """The dislocation at sorted place `index`, and the one nearest to it."""
        self._scatter()
        who = int(self._entry[np.searchsorted(self._living, index)])
        dx, dy = self._nearest(self.x[who], self.y[who])
        distance = np.where(self.sign == 0.0, np.inf, np.hypot(dx, dy))
        distance[who] = np.inf
        other = int(np.argmin(distance))
        signs = "".join("+" if self.sign[k] > 0 else "-" for k in (who, other))
        return (
            f"{who} at ({self.x[who]:.6g}, {self.y[who]:.6g}), paired with {other} "
            f"at ({dx[other]:.3g}, {dy[other]:.3g}) from it (signs {signs})"
        )


def _meeting_pairs(
    y: NDArray[np.float64], sign: NDArray[np.float64], box_length: float, reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs (n, 2) of opposite signs, from sorted y, nearer than `reach` in y; and their dy."""
    space = max(64, int(8 * y.size**2 * reach / box_length))  # twice the number at random places
    while True:
        pairs, dy = np.empty((space, 2), dtype=np.int64), np.empty(space)
        found = meeting_pairs_loop(y, sign, box_length, reach, pairs, dy)
        if found <= space:
            return pairs[:found], dy[:found]
        space = found
