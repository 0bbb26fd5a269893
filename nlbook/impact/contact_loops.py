"""What rigid bodies do to the velocities of a step."""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = ["cylinder_loop", "wall_loop"]


@compiled()
def wall_loop(x, v, mass, nodes, point, normal, step, friction, stiffness, impulse):
    """v += push n - min(|v_t|, friction push) v_t / |v_t|."""
    dimension = len(point)
    for n in nodes:
        gap, speed = 0.0, 0.0
        for d in range(dimension):
            gap += (x[n, d] - point[d]) * normal[d]
            speed += v[n, d] * normal[d]
        if stiffness > 0.0:
            push = -stiffness * gap / step
        else:
            push = -(gap + step * speed) / step
        if not push > 0.0:
            continue
        sliding = 0.0
        for d in range(dimension):
            sliding += (v[n, d] - speed * normal[d]) ** 2
        sliding = np.sqrt(sliding)
        kept = 1.0 - min(1.0, friction * push / sliding) if sliding > 0.0 else 1.0
        for d in range(dimension):
            before = v[n, d]
            v[n, d] = kept * (before - speed * normal[d]) + (speed + push) * normal[d]
            impulse[d] += mass[n, d] * (v[n, d] - before)


@compiled()
def cylinder_loop(x, v, mass, nodes, radius, speed, face, step, friction, stiffness, impulse):
    """Keep nodes below the end where they come from below it, and else outside the radius."""
    last = x.shape[1] - 1
    end = face - speed * step
    for n in nodes:
        if x[n, last] + step * v[n, last] <= end and x[n, last] <= face:
            continue
        far, now = 0.0, 0.0
        for d in range(last):
            far += (x[n, d] + step * v[n, d]) ** 2
            now += x[n, d] ** 2
        far, now = np.sqrt(far), np.sqrt(now)
        if far >= radius:
            continue
        # it meets the side, where rounding may have left it inside the step before
        if now >= radius * (1.0 - 1e-9) and x[n, last] > face:
            share = stiffness if stiffness > 0.0 else 1.0
            for d in range(last):
                ahead = x[n, d] + step * v[n, d]
                change = share * (radius / far - 1.0) * ahead / step if far > 0.0 else 0.0
                v[n, d] += change
                impulse[d] += mass[n, d] * change
            continue
        if stiffness > 0.0:
            push = stiffness * (x[n, last] - face) / step
        else:
            push = (x[n, last] + step * v[n, last] - end) / step
        if not push > 0.0:
            continue
        sliding = 0.0
        for d in range(last):
            sliding += v[n, d] ** 2
        sliding = np.sqrt(sliding)
        lost = min(1.0, friction * push / sliding) if sliding > 0.0 else 0.0
        for d in range(last):
            impulse[d] -= mass[n, d] * lost * v[n, d]
            v[n, d] *= 1.0 - lost
        v[n, last] -= push
        impulse[last] -= mass[n, last] * push
