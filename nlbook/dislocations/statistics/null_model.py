r"""Speeds of dislocations at random: what a velocity tail looks like when nothing has moved.

The stress of one edge dislocation is s = cos(t) cos(2 t)/r in polar coordinates. It exceeds u in
size within r < |cos(t) cos(2 t)|/u, an area of

    A(u) = 1/(2 u**2) integral over 0..2 pi of cos(t)**2 cos(2 t)**2 dt = pi/(4 u**2).

Among independent dislocations of density rho, the chance that one of them lies in that area
around a given dislocation is rho A(u) where this is small. A nearest neighbour that exerts much
decides alone, so

    P(|v| > u) -> pi rho/(4 u**2)   for u >> rho**(1/2),

a density that falls as v**-3. The others add a stress of variance S ~ (pi/2) rho log(u L), which
raises the left side by a factor of about 1 + 3 S/u**2: the limit is reached slowly.

Annihilation takes opposite pairs nearer than its distance d away; like pairs stay, half of the
neighbours. So beyond u = 1/d, the largest stress at that distance, half of the tail is left. In
a relaxed configuration like signs rest, and the tail ends there.

Time alone makes the same exponent. An opposite pair on one plane closes as x**2 = x0**2 - 4 t and
moves at v = 1/x, so it spends the time dv/(2 v**3) at speeds v .. v + dv: where few pairs
annihilate, each of them writes a tail v**-3 up to 1/d, and nothing collective is in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array
from nlbook.dislocations.glide import evolve, random_dislocations, speed_bins
from nlbook.dislocations.glide.interaction import Images
from nlbook.parallel import checkpoint, seed_sequence, task_seed

__all__ = ["null_speed_counts", "poisson_speed_tail"]

# A step too short for anybody to move, t0.
_NO_TIME = 1e-12


def null_speed_counts(
    n_configurations: int,
    n_dislocations: int,
    box_length: float,
    seed: int,
    *,
    annihilation_distance: float = 2.0,
    applied_stress: float = 0.0,
    images: Images = "periodic",
    n_batches: int = 40,
) -> NDArray[np.int64]:
    """Count the speeds of dislocations at random, after the nearest opposite pairs are removed.

    Parameters
    ----------
    n_configurations : int
        How many times dislocations are placed.
    n_dislocations : int
        How many are placed, half of each sign. Fewer are left: the sum of all counts over
        `n_configurations`.
    box_length : float
        Side of the box, in b.
    seed : int
        Configuration k depends on the seed and k alone, and is counted in batch k modulo
        `n_batches`.
    annihilation_distance : float
        Opposite signs nearer than this are removed, the nearest first, in b; 0 for none.
    applied_stress : float
        In sigma0.
    images : {"periodic", "one_row"}
        See `periodic_shear_stress`.
    n_batches : int
        Batches of the counts.

    Returns
    -------
    ndarray of int, shape (n_batches, n_bins)
        Counts of abs(v) in `speed_bins`, the first and last for what lies beyond.
    """
    for name, value in (("n_configurations", n_configurations), ("n_batches", n_batches)):
        check_integer(name, value, 1)
    counts = np.zeros((n_batches, speed_bins().size + 1), dtype=np.int64)
    for k in range(n_configurations):
        checkpoint()
        child = seed_sequence(task_seed(seed, k))
        x, y, sign = random_dislocations(n_dislocations, box_length, child)
        counts[k % n_batches] += evolve(
            x,
            y,
            sign,
            box_length,
            dt=_NO_TIME,
            n_steps=1,
            applied_stress=applied_stress,
            annihilation_distance=annihilation_distance,
            images=images,
            count_speeds_every=1,
        ).speed_counts
    return counts


def poisson_speed_tail(speed: ArrayLike, density: float) -> NDArray[np.float64]:
    """Limit of P(|v| > u) among independent dislocations, pi rho/(4 u**2), and at most 1.

    Parameters
    ----------
    speed : array_like
        u, in b/t0, positive.
    density : float
        rho, dislocations in an area of b**2.

    Returns
    -------
    ndarray, shape of `speed`
    """
    values = real_array("speed", speed)
    if not np.all(values > 0):
        raise ValueError("speed must be positive")
    density = check_number("density", density, above=0.0)
    with np.errstate(over="ignore"):
        part = 0.25 * np.pi * density / values / values
    return np.minimum(part, 1.0)
