"""Particles that jump by an operator's own law, counted in bins: data as a law makes them.

A kernel on a grid with spacing h is a random walk whose steps are multiples of h, a jump of j cells
at the rate w_j to either side. After a time t the displacement has the law

    q_n(t) = sum over waves exp(i k n h) exp(t sigma(k)),   sigma(k) = -2 sum_j w_j (1 - cos k j h),

on the unbounded line. One number is drawn for each particle and each interval of time, by Walker's
alias method, whatever the number of jumps: nothing is left out or smoothed, and the density of the
places obeys the operator's equation on the unbounded line exactly. Particles keep their places from
one time to the next, so that counts at different times are correlated as they are in data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from nlbook.checks import real_array, uniform_spacing
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification.uncertainty.walk_loops import alias_loop, count_loop, move_loop
from nlbook.parallel import seed_sequence

__all__ = ["displacement_law", "walking_counts"]

# Chance that may lie beyond the longest displacement that is drawn.
_BEYOND = 1e-13

# Particles that are moved with one call of the generator.
_CHUNK = 1 << 16


def walking_counts(
    operator: NonlocalDiffusion,
    coefficient: float,
    times: ArrayLike,
    start_counts: ArrayLike,
    edges: ArrayLike,
    seed: int | Sequence[int] | np.random.SeedSequence,
    *,
    numbers: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Counts of particles that start from counted places and jump by an operator's law.

    Parameters
    ----------
    operator : NonlocalDiffusion
        Of unit coefficient, with weights that are not negative.
    coefficient : float
        D, by which its rates are multiplied.
    times : array_like, shape (n_times,)
        Ascending.
    start_counts : array_like, shape (n_bins,) or (n_bins + 2,)
        Particles in each bin at the first time, with or without those beyond either end, which are
        left out. Within a bin they are spread evenly.
    edges : array_like, shape (n_bins + 1,)
        Uniform edges of the bins.
    seed : int, sequence of int or SeedSequence
        Of the places and the jumps.
    numbers : array_like, shape (n_times,), optional
        How many particles are left at each time; chance decides which. All, by default.

    Returns
    -------
    ndarray of int, shape (n_times, n_bins + 2)
        With the particles below the first and above the last edge as first and last column.

    Raises
    ------
    ValueError
        If an argument is out of range or of the wrong shape.
    """
    bounds = real_array("edges", edges, ndim=1)
    width = uniform_spacing(bounds, "edges")
    n_bins = bounds.size - 1
    at_start = real_array("start_counts", start_counts, ndim=1)
    if at_start.size == n_bins + 2:
        at_start = at_start[1:-1]
    if at_start.size != n_bins or np.any(at_start < 0) or np.any(at_start != np.rint(at_start)):
        raise ValueError(
            f"start_counts must be {n_bins} or {n_bins + 2} counts, as {bounds.size} edges have it"
        )
    moments = real_array("times", times, ndim=1)
    if moments.size < 2 or not np.all(np.diff(moments) > 0):
        raise ValueError("times must be two or more that ascend")
    generator = np.random.default_rng(seed_sequence(seed))
    place = np.repeat(bounds[:-1], at_start.astype(np.int64))
    place += width * generator.random(place.size)
    generator.shuffle(place)  # so that those that leave are any
    left = np.full(moments.size, place.size)
    if numbers is not None:
        wanted = real_array("numbers", numbers, ndim=1)
        if wanted.shape != moments.shape:
            raise ValueError(f"numbers must be {moments.size}, one a time, got {wanted.shape}")
        left = np.minimum.accumulate(np.minimum(left, wanted.astype(np.int64)))
    out = np.zeros((moments.size, n_bins + 2), dtype=np.int64)
    count_loop(place[: left[0]], bounds[0], 1.0 / width, out[0])
    tables: dict[float, tuple[NDArray[np.float64], NDArray[np.int64], int]] = {}
    for row, gap, number in zip(out[1:], np.diff(moments).tolist(), left[1:], strict=True):
        key = float(f"{gap:.12g}")
        if key not in tables:
            law, middle = displacement_law(operator, gap * coefficient)
            tables[key] = (*_alias_table(law), middle)
        chance, alias, middle = tables[key]
        place = place[:number]
        for first in range(0, place.size, _CHUNK):
            some = place[first : first + _CHUNK]
            move_loop(some, generator.random(some.size), chance, alias, middle, operator.spacing)
        count_loop(place, bounds[0], 1.0 / width, row)
    return out


def displacement_law(operator: NonlocalDiffusion, time: float) -> tuple[NDArray[np.float64], int]:
    """Chances of displacements by ..., -1, 0, 1, ... cells after a time, and the place of none.

    Parameters
    ----------
    operator : NonlocalDiffusion
        With weights that are not negative.
    time : float
        Times the coefficient of the operator.
    """
    weights = operator.weights
    if np.any(weights < 0):
        raise ValueError("operator must have weights that are not negative")
    cells = np.arange(1, weights.size + 1)
    spread = math.sqrt(2 * time * float(weights @ cells.astype(np.float64) ** 2))
    half = 2 * weights.size + math.ceil(10 * spread) + 8
    while True:
        size = fft.next_fast_len(2 * half, real=True)
        ring = np.zeros(size)
        np.add.at(ring, cells % size, weights)
        symbol = 2 * (fft.rfft(ring).real - weights.sum())
        law = np.maximum(fft.irfft(np.exp(time * symbol), size), 0.0)
        middle = size // 2
        law = np.roll(law, middle)
        if law[: size // 8].sum() + law[-(size // 8) :].sum() < _BEYOND:
            return law / law.sum(), middle
        half *= 2


def _alias_table(law: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Walker's table: entry k stands for itself with a chance, and for its alias otherwise."""
    chance, alias = law * law.size, np.arange(law.size)
    alias_loop(chance, alias)
    return chance, alias
