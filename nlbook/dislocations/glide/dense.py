"""The compiled loops that look into a step, along the cubic through both of its ends.

At the part t of a step h the cubic is x + t (a + t (p + t q)), with a = h v, b = h v_end,
d = x_end - x, p = 3 d - 2 a - b and q = a + b - 2 d.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = [
    "count_speeds_loop",
    "hermite_loop",
    "sample_loop",
    "shifts_loop",
]


@compiled()
def hermite_loop(x, velocity, end, end_velocity, h, theta, out, out_velocity):
    """Positions and velocities at the part theta of a step: the cubic through both ends."""
    t = theta
    for i in range(x.size):
        d, a, b = end[i] - x[i], h * velocity[i], h * end_velocity[i]
        p, q = 3.0 * d - 2.0 * a - b, a + b - 2.0 * d
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
            d, a, b = end[i] - x[i], h * velocity[i], h * end_velocity[i]
            p, q = 3.0 * d - 2.0 * a - b, a + b - 2.0 * d
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
        d, a, b = end[i] - x[i], h * velocity[i], h * end_velocity[i]
        p, q = 3.0 * d - 2.0 * a - b, a + b - 2.0 * d
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
        d, a, b = end[i] - x[i], h * velocity[i], h * end_velocity[i]
        p, q = 2.0 * (3.0 * d - 2.0 * a - b), 3.0 * (a + b - 2.0 * d)
        place, low, high, found = 0, np.inf, -np.inf, 0
        for k in range(theta.size):
            v = abs(a + theta[k] * (p + theta[k] * q)) / h
            if not (low <= v and v < high):
                bins[place] += found
                place = min(max(int(per_bin * np.log((v + 1e-300) / edges[0])), -1) + 1, last + 1)
                # the logarithm is rounded
                while place <= last and v >= edges[place]:
                    place += 1
                while place > 0 and v < edges[place - 1]:
                    place -= 1
                low = edges[place - 1] if place > 0 else 0.0
                high = edges[place] if place <= last else np.inf
                found = 0
            found += 1
        bins[place] += found
