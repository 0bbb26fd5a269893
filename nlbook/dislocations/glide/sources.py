"""Frank-Read sources, as a two-dimensional model has them.

A segment of length l, pinned at its ends, bows out and closes on itself once the resolved shear
stress exceeds 1/l (in sigma0, l in b). In two dimensions only the two ends of the new loop are
seen: a pair of opposite signs, l apart, whose attraction 1/l the stress has to overcome. So a
source here is a place with a critical stress tau_c = 1/l, a clock and a length: when the stress
has exceeded tau_c for the nucleation time, a pair appears at l/2 to either side, the positive one
on the side to which the stress drives it [1]_.

References
----------
.. [1] E. van der Giessen and A. Needleman, "Discrete dislocation plasticity: a simple planar
   model", Modelling and Simulation in Materials Science and Engineering 3 (1995) 689.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number, real_array

__all__ = ["FrankReadSources", "check_lengths", "random_sources"]


@dataclass(frozen=True)
class FrankReadSources:
    """Sources in a box; all arrays (or lists) have shape (n,), and may be empty.

    A pair that would appear within the annihilation distance of an opposite sign is lost, and so
    is one on top of a like sign that has not moved on: the clearance, about the square root of a
    step in t0, keeps forward Euler from throwing the two apart.
    """

    #: positions in x, b
    x: NDArray[np.float64]
    #: positions in y, b
    y: NDArray[np.float64]
    #: distance at which the two dislocations of a pair appear, b; tau_c is its inverse
    length: NDArray[np.float64]
    #: how long the stress must exceed tau_c, t0
    delay: NDArray[np.float64]
    #: a pair that would appear nearer than this to a like sign is lost, b
    clearance: float = 0.1

    def __post_init__(self) -> None:
        for name in ("x", "y", "length", "delay"):
            values = real_array(f"{name} of the sources", getattr(self, name))
            object.__setattr__(self, name, values)
        shapes = {np.shape(values) for values in (self.x, self.y, self.length, self.delay)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ValueError(f"x, y, length and delay must have one shape (n,), got {shapes}")
        for name in ("length", "delay"):
            values = getattr(self, name)
            if not np.all(values > 0):
                raise ValueError(f"{name} of the sources must be positive, got {values!r}")
        check_number("clearance", self.clearance, least=0.0)

    @property
    def critical_stress(self) -> NDArray[np.float64]:
        """Stress above which a source's clock runs, sigma0."""
        return 1.0 / self.length

    @classmethod
    def none(cls) -> FrankReadSources:
        """No sources."""
        return cls(*np.empty((4, 0)))


def check_lengths(
    sources: FrankReadSources, box_length: float, annihilation_distance: float
) -> None:
    """Refuse pairs that would annihilate through the boundary as they appear.

    Two that are l apart are L - l apart the other way round a periodic box of side L: where that
    is within the annihilation distance there is no such pair. (From l = L/2 on they are nearer to
    each other through the boundary, and attract that way.)
    """
    longest = float(np.max(sources.length, initial=0.0))
    if sources.length.size and not box_length - longest > annihilation_distance:
        raise ValueError(
            f"length of the sources must be below box_length - annihilation_distance="
            f"{box_length - annihilation_distance:g}, got {longest!r}: through the boundary such "
            "a pair is within the annihilation distance as it appears"
        )


def random_sources(
    count: int,
    box_length: float,
    seed: int | np.random.SeedSequence,
    *,
    mean_length: float = 50.0,
    mean_delay: float = 10.0,
    variance: float = 5.0,
    clearance: float = 0.1,
    annihilation_distance: float = 2.0,
) -> FrankReadSources:
    """Sources at random places, their lengths and delays normal.

    Parameters
    ----------
    count : int
        How many.
    box_length : float
        Side of the box, in b.
    seed : int or SeedSequence
    mean_length : float
        Mean distance of a pair, in b; less than the box by more than the annihilation distance,
        within which a pair would be of itself through the boundary.
    mean_delay : float
        Mean nucleation time, in t0.
    variance : float
        Variance of a length (in b squared), and of a delay in the paper's time steps, of which
        the mean delay is ten. Values that are not positive, and lengths that are not below that
        bound, are drawn again.
    clearance : float
        See `FrankReadSources`, in b.
    annihilation_distance : float
        Of opposite signs, in b.

    Returns
    -------
    FrankReadSources
    """
    if check_integer("count", count, 0) == 0:
        return FrankReadSources.none()  # the rest is not used
    box_length = check_number("box_length", box_length, above=0.0)
    annihilation_distance = check_number("annihilation_distance", annihilation_distance, least=0.0)
    below = box_length - annihilation_distance
    mean_length = check_number("mean_length", mean_length, above=0.0)
    if not mean_length < below:
        raise ValueError(
            f"mean_length must be below box_length - annihilation_distance={below:g}, got "
            f"{mean_length!r}: through the boundary such a pair is within the annihilation "
            "distance as it appears"
        )
    mean_delay = check_number("mean_delay", mean_delay, above=0.0)
    variance = check_number("variance", variance, least=0.0)
    check_number("clearance", clearance, least=0.0)
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0.0, box_length, (2, count))
    deviation = float(np.sqrt(variance))
    length = _normal_within(generator, mean_length, deviation, count, below)
    delay = _normal_within(generator, 10.0, deviation, count, np.inf) * mean_delay / 10.0
    return FrankReadSources(x, y, length, delay, clearance)


def _normal_within(
    generator: np.random.Generator, mean: float, deviation: float, count: int, below: float
) -> NDArray[np.float64]:
    """Normal values, drawn again where they do not lie between 0 and `below`."""
    values = generator.normal(mean, deviation, count)
    while np.any(again := (values <= 0) | (values >= below)):
        values[again] = generator.normal(mean, deviation, np.count_nonzero(again))
    return values
