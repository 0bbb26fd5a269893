"""The dislocations of a simulation: who is there, sorted for the fast sum, and their reactions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.glide.fast_sum import make_plan
from nlbook.dislocations.glide.interaction import Images, wrap
from nlbook.dislocations.glide.neighbours import meeting_pairs_loop
from nlbook.dislocations.glide.sources import FrankReadSources
from nlbook.dislocations.glide.strips import StripPlan, annihilate_loop

__all__ = ["DEAD_FRACTION", "Clocks", "Crowd", "Places"]

#: A new plan is made when this part of the dislocations has vanished since the last one.
DEAD_FRACTION = 0.03


class Places(NamedTuple):
    """The living and the sources' places in the order of their y, and what their sums need."""

    #: where they were when they were sorted, not wrapped (n,)
    x: NDArray[np.float64]
    #: height (n,)
    y: NDArray[np.float64]
    #: of each; set to zero once it has vanished, and zero at a source's place (n,)
    sign: NDArray[np.float64]
    #: where the living are among these (n_living,)
    living: NDArray[np.int64]
    #: which of all that have ever been there each of the living is (n_living,)
    entry: NDArray[np.int64]
    #: where each source is among these (n_sources,)
    source: NDArray[np.int64]
    #: how their stresses are summed
    plan: StripPlan
    #: opposite signs that are near enough in y to meet (n_pairs, 2)
    pairs: NDArray[np.int64]
    #: their distances in y (n_pairs,)
    dy: NDArray[np.float64]


class Clocks(NamedTuple):
    """Sources in the order of their y, and how long each has been under its critical stress."""

    #: place along the glide planes, in the box, b
    x: NDArray[np.float64]
    #: height of the plane, ascending, b
    y: NDArray[np.float64]
    #: of the pair that is emitted, from one dislocation to the other, b
    length: NDArray[np.float64]
    #: critical stress
    critical: NDArray[np.float64]
    #: time over the critical stress after which a pair is emitted
    delay: NDArray[np.float64]
    #: time over it so far
    clock: NDArray[np.float64]
    #: sign of the stress
    direction: NDArray[np.float64]


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
    single_precision : bool
        Of the sums over near pairs.
    """

    def __init__(
        self,
        position: NDArray[np.float64],
        sign: NDArray[np.float64],
        box_length: float,
        images: Images,
        annihilation_distance: float,
        sources: FrankReadSources,
        *,
        single_precision: bool = False,
    ) -> None:
        self.x = position[0].copy()  # not wrapped
        self.y = wrap(position[1], box_length)
        self.origin = position[0].copy()  # x at the start or at birth
        self.burgers_sign = sign.copy()
        self.sign = sign.copy()  # zero once vanished
        self.birth_time: list[float] = []
        self.n_lost_pairs = 0
        self.slip = 0.0  # sum of b dx of all, births included
        self.box_length = box_length
        self.annihilation_distance = annihilation_distance
        self.clearance = sources.clearance
        self._images = images
        self._single_precision = single_precision
        source_y = wrap(sources.y, box_length)
        order = np.lexsort((wrap(sources.x, box_length), source_y))
        clock, direction = np.zeros((2, order.size))
        self.clocks = Clocks(
            x=np.asarray(sources.x, dtype=np.float64)[order],
            y=source_y[order],
            length=np.asarray(sources.length, dtype=np.float64)[order],
            critical=sources.critical_stress[order],
            delay=np.asarray(sources.delay, dtype=np.float64)[order],
            clock=clock,
            direction=direction,
        )

    def gather(self) -> Places:
        """Sort the living and the sources' places, plan their sums, list pairs that may meet."""
        source = self.clocks
        alive = np.flatnonzero(self.sign)
        x = np.concatenate([self.x[alive], source.x])
        y = np.concatenate([self.y[alive], source.y])
        sign = np.concatenate([self.sign[alive], np.zeros(source.x.size)])
        # pairs are born at one height; sign x orders them alike in a mirrored crystal
        order = np.lexsort((wrap(x, self.box_length), sign * x, y))
        entry = np.concatenate([alive, -1 - np.arange(source.x.size)])[order]
        living = np.flatnonzero(entry >= 0)
        place = np.empty(source.x.size, dtype=np.int64)
        place[-1 - entry[entry < 0]] = np.flatnonzero(entry < 0)
        sorted_y, sorted_sign = y[order], sign[order]
        plan = make_plan(
            sorted_y,
            self.box_length,
            images=self._images,
            single_precision=self._single_precision,
        )
        pairs, dy = _meeting_pairs(
            sorted_y, sorted_sign, self.box_length, self.annihilation_distance
        )
        return Places(
            x[order], sorted_y, sorted_sign, living, entry[living], place, plan, pairs, dy
        )

    def scatter(self, places: Places, x: NDArray[np.float64]) -> None:
        """Take over where the living are now, and who of them has vanished."""
        self.x[places.entry] = x[places.living]
        self.sign[places.entry] = places.sign[places.living]

    def annihilate(self, places: Places, x: NDArray[np.float64]) -> int:
        """Set the signs of opposite ones within the annihilation distance to zero; how many."""
        vanished: int = annihilate_loop(
            places.pairs, places.dy, x, places.sign, self.box_length, self.annihilation_distance
        )
        return vanished

    def emit(self, time: float) -> bool:
        """Place the pairs of the sources that are due, set their clocks back; whether any came."""
        before = self.x.size
        source = self.clocks
        for k in np.flatnonzero(source.clock > source.delay):
            source.clock[k] = 0.0
            half = 0.5 * source.direction[k] * source.length[k]
            place = source.x[k] + np.array([half, -half])
            if self._blocked(place[0], source.y[k], 1.0) or self._blocked(
                place[1], source.y[k], -1.0
            ):
                self.n_lost_pairs += 1
                continue
            self.x = np.append(self.x, place)
            self.y = np.append(self.y, [source.y[k]] * 2)
            self.origin = np.append(self.origin, place)
            self.sign = np.append(self.sign, [1.0, -1.0])
            self.burgers_sign = np.append(self.burgers_sign, [1.0, -1.0])
            self.birth_time += [time, time]
            self.slip += 2.0 * half
        return self.x.size > before

    def describe(self, places: Places, x: NDArray[np.float64], index: int) -> str:
        """The dislocation at sorted place `index`, and the one nearest to it."""
        self.scatter(places, x)
        who = int(places.entry[np.searchsorted(places.living, index)])
        dx, dy = self._nearest(self.x[who], self.y[who])
        distance = np.where(self.sign == 0.0, np.inf, np.hypot(dx, dy))
        distance[who] = np.inf
        other = int(np.argmin(distance))
        signs = "".join("+" if self.sign[k] > 0 else "-" for k in (who, other))
        return (
            f"{who} at ({self.x[who]:.6g}, {self.y[who]:.6g}), paired with {other} "
            f"at ({dx[other]:.3g}, {dy[other]:.3g}) from it (signs {signs})"
        )

    def _blocked(self, x: float, y: float, sign: float) -> bool:
        """Whether an opposite sign is within its distance, or a like one within the clearance."""
        dx, dy = self._nearest(x, y)
        radius = np.where(self.sign * sign < 0, self.annihilation_distance, self.clearance)
        return bool(np.any((self.sign != 0.0) & (dx**2 + dy**2 < radius**2)))

    def _nearest(self, x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        dx, dy = (self.x - x) / self.box_length, (self.y - y) / self.box_length
        return (
            self.box_length * (dx - np.rint(dx)),
            self.box_length * (dy - np.rint(dy)),
        )


def _meeting_pairs(
    y: NDArray[np.float64], sign: NDArray[np.float64], box_length: float, distance: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs (n, 2) of opposite signs, from sorted y, nearer than a distance in y; and their dy."""
    space = max(64, int(8 * y.size**2 * distance / box_length))  # twice the number at random places
    while True:
        pairs, dy = np.empty((space, 2), dtype=np.int64), np.empty(space)
        count = meeting_pairs_loop(y, sign, box_length, distance, pairs, dy)
        if count <= space:
            return pairs[:count], dy[:count]
        space = count
