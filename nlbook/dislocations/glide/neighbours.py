"""Lists of pairs that are near, kept until somebody has moved too far.

The compiled loops call nothing outside this file, as numba's cache notices no change elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled

__all__ = ["MeetingPairs", "NearPairs", "meeting_pairs_loop", "near_pairs_loop"]

_FAST = {"contract", "reassoc", "nsz", "arcp"}

# Pairs are listed out to this many times the distance at which they matter, and so much more, b.
_SKIN = 1.3
_MORE = 2.0

# Pairs that may meet are listed anew when somebody has moved so far, b.
_MOST_MOTION = 6.0


class NearPairs:
    """Pairs within a distance, of dislocations sorted by y, none of which is born.

    Parameters
    ----------
    y, sign : ndarray, shape (n,)
        A sign of zero is left out.
    box_length : float
    """

    #: pairs of places, among them all within the distance (n_pairs, 2)
    pairs: NDArray[np.int64]
    #: their distances in y (n_pairs,)
    dy: NDArray[np.float64]

    def __init__(
        self, y: NDArray[np.float64], sign: NDArray[np.float64], box_length: float
    ) -> None:
        self._y, self._sign, self._box_length = y, sign, box_length
        self._radius = -1.0
        self._listed = np.empty(0)
        self._pair_space, self._dy_space = np.empty((64, 2), dtype=np.int64), np.empty(64)
        self.pairs, self.dy = self._pair_space[:0], self._dy_space[:0]
        #: space for an entry of a matrix for each pair
        self.rows, self.entries = np.empty((64, 2), dtype=np.int64), np.empty(64)

    def update(self, x: NDArray[np.float64], distance: float) -> None:
        """Have all pairs within `distance` of each other listed, less than half the box."""
        most = 0.45 * self._box_length
        distance = min(distance, most)
        if distance <= self._radius:
            if self._radius == most:
                distance = most / _SKIN  # it misses farther ones, which matter as little
            moved = moved_loop(x, self._listed, self._sign)
            if distance + 2.0 * moved <= self._radius:
                return
        self._radius = min(_SKIN * distance + _MORE, most)
        self._listed = x.copy()
        while True:
            n_pairs = near_pairs_loop(
                x, self._y, self._sign, self._box_length, self._radius, self._pair_space,
                self._dy_space,
            )  # fmt: skip
            if n_pairs <= self._dy_space.size:
                break
            self._pair_space, self._dy_space = (
                np.empty((2 * n_pairs, 2), dtype=np.int64),
                np.empty(2 * n_pairs),
            )
            self.rows, self.entries = (
                np.empty((2 * n_pairs, 2), dtype=np.int64),
                np.empty(2 * n_pairs),
            )
        self.pairs, self.dy = self._pair_space[:n_pairs], self._dy_space[:n_pairs]


class MeetingPairs:
    """Of pairs that could meet, as their y goes, those whose x is near as well.

    Parameters
    ----------
    pairs : ndarray, shape (n_pairs, 2)
        From `meeting_pairs_loop`.
    dy : ndarray, shape (n_pairs,)
    sign : ndarray, shape (n,)
    box_length : float
    distance : float
        How near in x they must be to matter, b.
    """

    #: as the argument: all pairs that may be within the distance (n_pairs, 2)
    pairs: NDArray[np.int64]
    #: as the argument: their distances in y (n_pairs,)
    dy: NDArray[np.float64]

    def __init__(
        self,
        pairs: NDArray[np.int64],
        dy: NDArray[np.float64],
        sign: NDArray[np.float64],
        box_length: float,
        distance: float,
    ) -> None:
        self._all, self._sign, self._box_length, self._distance = (
            (pairs, dy),
            sign,
            box_length,
            distance,
        )
        self._listed = np.empty(0)
        self.pairs, self.dy = pairs, dy

    def update(self, x: NDArray[np.float64]) -> None:
        """Have those listed that are near, or will be after a little motion."""
        if self._listed.size and moved_loop(x, self._listed, self._sign) < 0.5 * _MOST_MOTION:
            return
        self._listed = x.copy()
        pairs, dy = self._all
        near = np.empty(dy.size, dtype=np.bool_)
        close_loop(pairs, x, self._box_length, self._distance + 2.0 * _MOST_MOTION, near)
        self.pairs, self.dy = pairs[near], dy[near]

    def along(
        self,
        velocity: NDArray[np.float64],
        end: NDArray[np.float64],
        end_velocity: NDArray[np.float64],
        h: float,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Pairs that may be near somewhere along a step: the list, or all where it is long."""
        far = farthest_loop(self._listed, velocity, end, end_velocity, self._sign, h)
        return (self.pairs, self.dy) if far < _MOST_MOTION else self._all


@compiled()
def allow_loop(pairs, dy, x, box_length, part, allowed):
    """Let nobody err by more than `part` of the distance to the nearest one."""
    most = 0.0
    for i in range(x.size):
        most = max(most, allowed[i])
    radius = most / part
    for k in range(dy.size):
        if dy[k] < radius:
            i, j = pairs[k, 0], pairs[k, 1]
            u = (x[i] - x[j]) / box_length
            dx = box_length * (u - np.rint(u))
            square = dx * dx + dy[k] * dy[k]
            if square < radius * radius:
                near = part * np.sqrt(square)
                allowed[i] = min(allowed[i], near)
                allowed[j] = min(allowed[j], near)


@compiled(fastmath=_FAST)
def moved_loop(x, listed, sign):
    """How far the one that moved most has moved."""
    most = 0.0
    for i in range(x.size):
        most = max(most, abs((x[i] - listed[i]) * sign[i]))
    return most


@compiled(fastmath=_FAST)
def farthest_loop(listed, velocity, end, end_velocity, sign, h):
    """How far from where it was listed the farthest may be on the cubic through a step's ends.

    The cubic leaves its ends by 4/27 h (abs(v) + abs(v_end)) at most.
    """
    most = 0.0
    for i in range(end.size):
        bow = (4.0 / 27.0) * h * (abs(velocity[i]) + abs(end_velocity[i]))
        most = max(most, (abs(end[i] - listed[i]) + bow) * abs(sign[i]))
    return most


@compiled()
def close_loop(pairs, x, box_length, distance, close):
    """Whether the x of each pair are within a distance."""
    for k in range(close.size):
        u = (x[pairs[k, 0]] - x[pairs[k, 1]]) / box_length
        close[k] = box_length * abs(u - np.rint(u)) < distance


@compiled(fastmath=_FAST)
def near_pairs_loop(x, y, sign, box_length, radius, pairs, dy):
    """List pairs nearer than `radius` < box_length/2, from sorted y; how many there are.

    Those beyond the length of `pairs` are counted and not listed.
    """
    count, n_pairs, end = x.size, 0, 0
    square, per_box = radius * radius, 1.0 / box_length
    twice = np.empty((3, 2 * count))  # this box and the one above
    u, v, there = twice[0], twice[1], twice[2]
    for j in range(2 * count):
        i = j % count
        u[j], v[j], there[j] = x[i], y[i] + j // count * box_length, sign[i]
    distance = np.empty(count)
    for i in range(count):
        while end < i + count and v[end] - y[i] < radius:
            end += 1
        if sign[i] == 0.0:
            continue
        first, candidates = i + 1, max(end - i - 1, 0)
        for k in range(candidates):
            w = (x[i] - u[first + k]) * per_box
            dx, height = box_length * (w - np.rint(w)), v[first + k] - y[i]
            distance[k] = dx * dx + height * height
        for k in range(candidates):
            if distance[k] < square and there[first + k] != 0.0:
                if n_pairs < dy.size:
                    pairs[n_pairs, 0], pairs[n_pairs, 1] = i, (first + k) % count
                    dy[n_pairs] = v[first + k] - y[i]
                n_pairs += 1
    return n_pairs


@compiled()
def meeting_pairs_loop(y, sign, box_length, radius, pairs, dy):
    """List pairs of opposite signs nearer than `radius` in y, from sorted y; how many there are.

    Those beyond the length of `pairs` are counted and not listed.
    """
    count, n_pairs = y.size, 0
    for i in range(count):
        for k in range(i + 1, i + count):
            j = k if k < count else k - count
            height = (y[j] + box_length if k >= count else y[j]) - y[i]
            if height >= radius:
                break
            if sign[i] * sign[j] < 0.0:
                if n_pairs < dy.size:
                    pairs[n_pairs, 0], pairs[n_pairs, 1] = i, j
                    dy[n_pairs] = height
                n_pairs += 1
    return n_pairs
