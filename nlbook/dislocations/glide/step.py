"""A step of adapted length, as a value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.dislocations.glide.dense import hermite_loop

__all__ = ["Motion", "Step", "empty_motion"]


class Motion(NamedTuple):
    """Where the sorted dislocations are at one time, and how they move; arrays of shape (n,)."""

    #: not wrapped
    x: NDArray[np.float64]
    #: resolved shear stress, of all others and of the load
    stress: NDArray[np.float64]
    #: sign times stress
    force: NDArray[np.float64]
    #: that the step begins or ends with; after a reaction one that is yet to be corrected
    velocity: NDArray[np.float64]
    #: whether the velocity is yet to be corrected
    guessed: bool


def empty_motion(count: int, *, guessed: bool) -> Motion:
    """Room for a motion of so many."""
    x, stress, force, velocity = np.empty((4, count))
    return Motion(x, stress, force, velocity, guessed)


class Step(NamedTuple):
    """A step that was computed, and how much of it is taken."""

    #: motion where it begins
    start: Motion
    #: motion where it would end if nothing happened
    end: Motion
    #: time at its start
    since: float
    #: length, t0
    h: float
    #: part that is taken, up to its end or to its first event
    theta: float
    #: time at that part
    until: float
    #: whether there is an event
    event: bool
    #: places of the two that meet there
    pair: NDArray[np.int64] | None
    #: whether a source is due there
    due: bool

    def parts(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The parts of the step at which times are."""
        return np.asarray(np.clip((times - self.since) / self.h, 0.0, self.theta))

    def interpolate(
        self, part: float, x: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> None:
        """Fill in positions and velocities at a part of the step."""
        hermite_loop(
            self.start.x, self.start.velocity, self.end.x, self.end.velocity, self.h, part,
            x, velocity,
        )  # fmt: skip
