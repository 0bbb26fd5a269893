"""Compiled loops of the operator and its evolution."""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = ["bessel_loop", "direct_loop", "euler_loop"]


@compiled(fastmath={"contract"})
def direct_loop(rows, weights, rate, out):
    """out[i] = sum_j w_j (u[i+j] + u[i-j]) - rate u[i], u padded by the number of weights."""
    half_width, n = weights.size, out.shape[1]
    for row in range(out.shape[0]):
        u, v = rows[row], out[row]
        for i in range(n):
            v[i] = -rate * u[half_width + i]
        for j in range(1, half_width + 1):
            # slices, without which the compiler does not vectorise the loop
            weight, left, right = weights[j - 1], u[half_width - j :], u[half_width + j :]
            for i in range(n):
                v[i] += weight * (right[i] + left[i])


@compiled()
def bessel_loop(argument, out):
    """out[row, d] = exp(-z) I_d(z), z = argument[row], by Miller's backward recurrence.

    I_{d-1} = (2 d / z) I_d + I_{d+1} from an order where I is negligible, scaled in the end by
    I_0 + 2 (I_1 + I_2 + ...) = exp(z).
    """
    size = out.shape[1]
    for row in range(argument.size):
        z = argument[row]
        if z < 1e-300:
            out[row] = 0.0
            out[row, 0] = 1.0
            continue
        above, now, total = 0.0, 1e-300, 0.0
        for d in range(size + 30, 0, -1):
            if d < size:
                out[row, d] = now
            total += 2.0 * now
            above, now = now, 2.0 * d / z * now + above
            if now > 1e250:
                out[row, min(d, size) :] *= 1e-250
                above, now, total = 1e-250 * above, 1e-250 * now, 1e-250 * total
        out[row, 0] = now
        total += now
        out[row] /= total


@compiled()
def euler_loop(steps, stay, move, out):
    """c_k[d] = stay c_{k-1}[d] + move (c_{k-1}[d-1] + c_{k-1}[d+1]), folded at d = 0."""
    size = out.shape[1]
    now, following = np.zeros(size + 1), np.zeros(size + 1)
    now[0] = 1.0
    k = 0
    for row in range(steps.size):
        while k < steps[row]:
            following[0] = stay * now[0] + move * now[1]
            if size > 1:
                following[1] = stay * now[1] + move * (2.0 * now[0] + now[2])
            for d in range(2, size):
                following[d] = stay * now[d] + move * (now[d - 1] + now[d + 1])
            now, following = following, now
            k += 1
        out[row] = now[:size]
