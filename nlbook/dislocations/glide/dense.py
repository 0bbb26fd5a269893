"""The compiled loops that look into a step, along the cubic through both of its ends.

At the part t of a step h the cubic is x + t (a + t (p + t q)), with a = h v, b = h v_end,
d = x_end - x, p = 3 d - 2 a - b and q = a + b - 2 d. All loops that need it stand in this file, as
numba's cache notices no change elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled

__all__ = [
    "count_speeds",
    "count_speeds_loop",
    "crossing_loop",
    "hermite_loop",
    "sample_loop",
    "shifts_loop",
]


# Looks along a step for a pair that comes near and leaves again.
_LOOKS = 16


@compiled(forceinline=True)
def _cubic(d, velocity, end_velocity, h):
    """The coefficients a, p and q over a step in which x moves by d."""
    a, b = h * velocity, h * end_velocity
    return a, 3.0 * d - 2.0 * a - b, a + b - 2.0 * d


@compiled()
def hermite_loop(x, velocity, end, end_velocity, h, theta, out, out_velocity):
    """Positions and velocities at the part theta of a step: the cubic through both ends."""
    t = theta
    for i in range(x.size):
        a, p, q = _cubic(end[i] - x[i], velocity[i], end_velocity[i], h)
        out[i] = x[i] + t * (a + t * (p + t * q))
        out_velocity[i] = (a + t * (2.0 * p + t * 3.0 * q)) / h


@compiled()
def sample_loop(x, velocity, end, end_velocity, h, theta, sign, speed, rate, slip):
    """Mean speed, mean slip rate and slip since the start of the step at all parts theta."""
    number = 0
    for i in range(x.size):
        number += sign[i] != 0.0
    for k in range(theta.size):
        t = theta[k]
        absolute = total = glide = 0.0
        for i in range(x.size):
            a, p, q = _cubic(end[i] - x[i], velocity[i], end_velocity[i], h)
            v = sign[i] * (a + t * (2.0 * p + t * 3.0 * q)) / h
            absolute += abs(v)
            total += v
            glide += sign[i] * t * (a + t * (p + t * q))
        speed[k] = absolute / max(number, 1)
        rate[k] = total / max(number, 1)
        slip[k] = glide
    return number


@compiled()
def shifts_loop(x, velocity, end, end_velocity, h, theta, living, entry, origin, out):
    """out[k, entry] = position at the part theta[k] of a step less the origin, of the living."""
    for m in range(living.size):
        i, to = living[m], entry[m]
        a, p, q = _cubic(end[i] - x[i], velocity[i], end_velocity[i], h)
        start = x[i] - origin[to]
        for k in range(theta.size):
            t = theta[k]
            out[k, to] = start + t * (a + t * (p + t * q))


@compiled()
def count_speeds_loop(x, velocity, end, end_velocity, h, theta, sign, edges, bins):
    """Count speeds at all parts theta in bins between edges of equal ratio, and the rest outside.

    Speeds change little from one part to the next: a bin is looked for when one leaves the last.
    """
    last = edges.size - 1
    per_bin = last / np.log(edges[last] / edges[0])
    for i in range(x.size):
        if sign[i] == 0.0:
            continue
        a, p, q = _cubic(end[i] - x[i], velocity[i], end_velocity[i], h)
        p, q = 2.0 * p, 3.0 * q
        place, low, high, tally = 0, np.inf, -np.inf, 0
        for k in range(theta.size):
            v = abs(a + theta[k] * (p + theta[k] * q)) / h
            if not (low <= v and v < high):
                bins[place] += tally
                place = min(max(int(per_bin * np.log((v + 1e-300) / edges[0])), -1) + 1, last + 1)
                # the logarithm is rounded
                while place <= last and v >= edges[place]:
                    place += 1
                while place > 0 and v < edges[place - 1]:
                    place -= 1
                low = edges[place - 1] if place > 0 else 0.0
                high = edges[place] if place <= last else np.inf
                tally = 0
            tally += 1
        bins[place] += tally


def count_speeds(
    velocity: NDArray[np.float64],
    sign: NDArray[np.float64],
    edges: NDArray[np.float64],
    bins: NDArray[np.int64],
) -> None:
    """Count the speeds of one moment; see `count_speeds_loop`."""
    rest = np.zeros(velocity.size)
    count_speeds_loop(rest, velocity, rest, rest, 1.0, np.zeros(1), sign, edges, bins)


@compiled()
def crossing_loop(
    pairs, dy, x, velocity, end, end_velocity, sign, box_length, annihilation_distance, h
):
    """First part theta of the step at which a pair is about to vanish, and the pair; or 2, -1."""
    first, which = 2.0, -1
    for k in range(dy.size):
        i, j = pairs[k, 0], pairs[k, 1]
        if sign[i] * sign[j] == 0.0:
            continue
        u = (x[i] - x[j]) / box_length
        d0 = box_length * (u - np.rint(u))
        d1 = d0 + (end[i] - x[i]) - (end[j] - x[j])
        v0 = h * (velocity[i] - velocity[j])
        v1 = h * (end_velocity[i] - end_velocity[j])
        half = np.sqrt(annihilation_distance * annihilation_distance - dy[k] * dy[k])
        bow = (abs(v0) + abs(v1)) * (4.0 / 27.0)
        least = min(abs(d0), abs(d1)) - bow if d0 * d1 > 0.0 else 0.0
        most = max(abs(d0), abs(d1)) + bow
        if least >= half and most <= box_length - half:
            continue
        theta = _first_within(d0, d1, v0, v1, half, box_length)
        if theta < first:
            first, which = theta, k
    return first, which


@compiled()
def _first_within(d0, d1, v0, v1, half, box_length):
    """First theta in 0..1 at which the cubic is nearer than `half` to a multiple of L; or 2."""
    a, p, q = _cubic(d1 - d0, v0, v1, 1.0)
    low, before = 0.0, _wrapped(d0, box_length)
    for part in range(1, _LOOKS + 1):
        high = part / _LOOKS
        after = _wrapped(d0 + high * (a + high * (p + high * q)), box_length)
        passed = before * after < 0.0 and abs(after - before) < 0.5 * box_length
        if passed or abs(after) < half:
            for _ in range(60):
                middle = 0.5 * (low + high)
                d = _wrapped(d0 + middle * (a + middle * (p + middle * q)), box_length)
                if abs(d) < half or d * before < 0.0:
                    high = middle
                else:
                    low = middle
            return high
        low, before = high, after
    return 2.0


@compiled(forceinline=True)
def _wrapped(d, box_length):
    return d - box_length * np.rint(d / box_length)
