"""The compiled loops that foresee reactions: when a pair may meet, and when a source is due.

They call nothing outside this file, as numba's cache notices no change elsewhere.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = [
    "blocked_loop",
    "clocks_loop",
    "time_to_meet_loop",
]


@compiled()
def time_to_meet_loop(
    pairs, dy, x, velocity, sign, box_length, annihilation_distance, h, loose, looser
):
    """Soonest time, at most h, at which a pair vanishes; loosens what is about to.

    d(dx**2)/dt is constant for a pair alone on its plane, so the square of the distance is
    continued as a straight line.
    """
    for i in range(x.size):
        loose[i] = 1.0
    soonest = h
    for k in range(dy.size):
        i, j = pairs[k, 0], pairs[k, 1]
        if sign[i] * sign[j] == 0.0:
            continue
        u = (x[i] - x[j]) / box_length
        dx = box_length * (u - np.rint(u))
        rate = 2.0 * dx * (velocity[i] - velocity[j])
        if rate < 0.0:
            gap = dx * dx + dy[k] * dy[k] - annihilation_distance * annihilation_distance
            time = gap / -rate
            if time < 2.0 * h and gap < 3.0 * annihilation_distance * annihilation_distance:
                loose[i] = looser
                loose[j] = looser
                soonest = min(soonest, time)
    return soonest


@compiled()
def clocks_loop(stresses, critical, delay, clock, direction, h, since, until, update):
    """First part theta of a step, since < theta <= until, at which a source is due, or 2.

    Each source's stress is the parabola through `stresses` (3, n) at the start, the middle and
    the end of the step. `clock` is that at `since`; with `update` it becomes that at `until`, and
    infinite where the source is due.
    """
    first = 2.0
    root = np.empty(6)
    for k in range(critical.size):
        a = stresses[0, k]
        c = 2.0 * (a + stresses[2, k]) - 4.0 * stresses[1, k]
        b = stresses[2, k] - a - c
        root[0] = since
        n_roots = 1
        for side in range(2):
            level = a - critical[k] if side == 0 else a + critical[k]
            n_roots = _add_roots(level, b, c, since, until, root, n_roots)
        root[n_roots] = until
        time = clock[k]
        for part in range(n_roots):
            low, high = root[part], root[part + 1]
            middle = 0.5 * (low + high)
            stress = a + middle * (b + c * middle)
            if abs(stress) > critical[k]:
                fires = low + (delay[k] - time) / h
                if fires <= high + 1e-12:
                    first = min(first, fires)
                    time = np.inf
                if update:
                    direction[k] = np.sign(stress)
                if time == np.inf:
                    break
                time += (high - low) * h
            elif high > low:
                time = 0.0
        if update:
            clock[k] = time
    return first


@compiled()
def _add_roots(a, b, c, since, until, root, n_roots):
    """Put the zeros of a + b t + c t**2 within since..until among the roots, which ascend from the
    second on; how many there are then.
    """
    square = b * b - 4.0 * a * c
    if square < 0.0 or (b == 0.0 and c == 0.0):
        return n_roots
    q = -0.5 * (b + np.copysign(np.sqrt(square), b))
    for side in range(2):
        # q/c and a/q, neither of which cancels
        above, below = (q, c) if side == 0 else (a, q)
        if below != 0.0:
            t = above / below
            if since < t < until:
                place = n_roots
                while place > 1 and root[place - 1] > t:
                    root[place] = root[place - 1]
                    place -= 1
                root[place] = t
                n_roots += 1
    return n_roots


@compiled()
def blocked_loop(
    x, y, sign, box_length, annihilation_distance, clearance, asked, places, source_y, blocked
):
    """Whether a pair, the positive one at places[0], would be annihilated by an opposite sign, or
    of a like one within the clearance; of the sources asked for. y is sorted.
    """
    wide = max(annihilation_distance, clearance)
    for k in range(blocked.size):
        blocked[k] = False
        if not asked[k]:
            continue
        for turn in range(-1, 2):
            middle = source_y[k] + turn * box_length
            low, high = 0, y.size
            while low < high:
                half = (low + high) // 2
                if y[half] <= middle - wide:
                    low = half + 1
                else:
                    high = half
            for i in range(low, y.size):
                dy = y[i] - middle
                if dy >= wide:
                    break
                if sign[i] == 0.0:
                    continue
                for end in range(2):
                    within = annihilation_distance if (sign[i] > 0.0) == (end == 1) else clearance
                    dx = (x[i] - places[end, k]) / box_length
                    dx = box_length * (dx - np.rint(dx))
                    blocked[k] |= dx * dx + dy * dy < within * within
