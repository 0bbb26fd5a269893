"""The compiled loops of a linearly implicit step of glide; the equations are in `adaptive`.

They call nothing outside this file, as numba's cache notices no change elsewhere.

The Jacobian of glide, d(dx_i/dt)/dx_j = -b_i b_j s'(r_i - r_j) and minus the sum of its row on
the diagonal, is symmetric. Only near pairs matter at the steps taken, so s' is that of one
dislocation in an open crystal, s' = (-x**4 + 6 x**2 y**2 - y**4)/r**6, at the nearest image.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = [
    "GAMMA",
    "THRESHOLD",
    "end_velocity_loop",
    "error_loop",
    "first_stage_loop",
    "second_stage_loop",
]

_FAST = {"contract", "reassoc", "nsz", "arcp"}

#: L-stable, and the smaller error constant of the two choices 1 -+ sqrt(1/2).
GAMMA = 1.0 - np.sqrt(0.5)

#: Entries of gamma h J smaller than this are left to the explicit part of the method.
THRESHOLD = 0.02

# Equations for a step are solved to this part of the tolerance.
_SOLVED = 0.1

_MOST_ITERATIONS = 500


@compiled()
def first_stage_loop(
    near, near_dy, x, sign, box_length, h, tolerance, force, guess, guessed, system, velocity,
    k1, stage,
):  # fmt: skip
    """(1 - gamma h J) k1 = f(x), and stage = x + h k1.

    Where a reaction has changed the forces the velocity is a guess, and becomes
    guess + (1 - gamma h J)^-1 (f - guess) first. Returns the entries of the Jacobian, or -1 where
    it is indefinite.
    """
    rows, entries, diagonal, work = system
    n_entries = _jacobian_loop(
        near, near_dy, x, sign, box_length, GAMMA * h, rows, entries, diagonal
    )
    enough = _SOLVED * tolerance / h
    if guessed:
        right = work[4]
        for i in range(x.size):
            right[i] = force[i] - guess[i]
            k1[i] = right[i] / diagonal[i]
        if not _solve_loop(rows, entries, n_entries, diagonal, right, k1, enough, work):
            return -1
        for i in range(x.size):
            velocity[i] = guess[i] + k1[i]
    for i in range(x.size):
        k1[i] = velocity[i]
    if not _solve_loop(rows, entries, n_entries, diagonal, force, k1, enough, work):
        return -1
    for i in range(x.size):
        stage[i] = x[i] + h * k1[i]
    return n_entries


@compiled()
def second_stage_loop(x, h, tolerance, force, system, n_entries, k1, k2, end):
    """(1 - gamma h J) k2 = f(x + h k1) - 2 k1, and end = x + h (3 k1 + k2)/2; whether solved."""
    rows, entries, diagonal, work = system
    right = work[4]
    for i in range(x.size):
        right[i] = force[i] - 2.0 * k1[i]
        k2[i] = -k1[i]
    enough = _SOLVED * tolerance / h
    if not _solve_loop(rows, entries, n_entries, diagonal, right, k2, enough, work):
        return False
    for i in range(x.size):
        end[i] = x[i] + h * (1.5 * k1[i] + 0.5 * k2[i])
    return True


@compiled()
def error_loop(x, end, h, tolerance, force, velocity, system, n_entries, allowed, error):
    """The error of the step, and the largest part that it has of what is allowed.

    (1 - gamma h J) error = h (v + f(end))/2 - (end - x).
    """
    rows, entries, diagonal, work = system
    right = work[4]
    for i in range(x.size):
        right[i] = 0.5 * h * (velocity[i] + force[i]) - (end[i] - x[i])
        error[i] = right[i] / diagonal[i]
    enough = _SOLVED * tolerance
    if not _solve_loop(rows, entries, n_entries, diagonal, right, error, enough, work):
        return np.inf
    largest = 0.0
    for i in range(x.size):
        ratio = abs(error[i]) / allowed[i]
        if not ratio <= largest:  # also where it is not a number
            largest = ratio
    return largest


@compiled()
def end_velocity_loop(x, end, h, tolerance, velocity, system, n_entries, error, end_velocity):
    """The velocity at the end, w + (1 - gamma h J)^-1 (f(end) - w), w = (end - x)/h.

    As f(end) - w = 2 (1 - gamma h J) error/h + (w - v), one more solution is wanted, of w - v.
    Where that is not found the velocity is w.
    """
    rows, entries, diagonal, work = system
    right, more = work[4], end_velocity
    for i in range(x.size):
        right[i] = (end[i] - x[i]) / h - velocity[i]
        more[i] = right[i] / diagonal[i]
    enough = _SOLVED * tolerance / h
    solved = _solve_loop(rows, entries, n_entries, diagonal, right, more, enough, work)
    for i in range(x.size):
        w = (end[i] - x[i]) / h
        end_velocity[i] = w + 2.0 * error[i] / h + more[i] if solved else w


@compiled()
def _jacobian_loop(near, near_dy, x, sign, box_length, gamma_h, rows, entries, diagonal):
    """A = 1 - gamma h J: entries -A_ij of pairs, and the diagonal; how many entries."""
    n_entries = 0
    for i in range(x.size):
        diagonal[i] = 1.0
    for k in range(near_dy.size):
        i, j = near[k, 0], near[k, 1]
        u = (x[i] - x[j]) / box_length
        dx = box_length * (u - np.rint(u))
        xx, yy = dx * dx, near_dy[k] * near_dy[k]
        q = 1.0 / (xx + yy)
        c = gamma_h * sign[i] * sign[j] * q * q * q * (4.0 * xx * yy - (xx - yy) * (xx - yy))
        if abs(c) > THRESHOLD:
            rows[n_entries, 0], rows[n_entries, 1] = i, j
            entries[n_entries] = c
            diagonal[i] -= c
            diagonal[j] -= c
            n_entries += 1
    return n_entries


@compiled(forceinline=True, fastmath=_FAST)
def _solve_loop(rows, entries, n_entries, diagonal, right, solution, enough, work):
    """Solve A k = right by conjugate gradients from `solution`, preconditioned by the diagonal.

    Until the residual's length, each part over the root of its diagonal, is below `enough`. It is
    then added to the solution, so that both sides have one sum, A's columns having the sum one.
    False where A is indefinite.
    """
    r, p, q, inverse = work[0], work[1], work[2], work[3]
    n = right.size
    least = 1.0
    for i in range(n):
        least = min(least, diagonal[i])
        inverse[i] = 1.0 / diagonal[i]
        q[i] = solution[i]
    if not least > 0.0:
        return False
    _add_entries_loop(rows, entries, n_entries, solution, q)
    rho = 0.0
    for i in range(n):
        r[i] = right[i] - q[i]
        p[i] = r[i] * inverse[i]
        q[i] = p[i]
        rho += r[i] * p[i]
    iterations = 0
    while rho > enough * enough:
        _add_entries_loop(rows, entries, n_entries, p, q)
        curvature = 0.0
        for i in range(n):
            curvature += p[i] * q[i]
        if not curvature > 0.0 or iterations == _MOST_ITERATIONS:
            return False
        alpha = rho / curvature
        new = 0.0
        for i in range(n):
            solution[i] += alpha * p[i]
            r[i] -= alpha * q[i]
            new += r[i] * r[i] * inverse[i]
        beta = new / rho
        rho = new
        for i in range(n):
            p[i] = r[i] * inverse[i] + beta * p[i]
            q[i] = p[i]
        iterations += 1
    for i in range(n):
        solution[i] += r[i]
    return True


@compiled()
def _add_entries_loop(rows, entries, n_entries, p, q):
    """Make q = p into q = A p: each entry c adds c (p_j - p_i) to row i, its opposite to j."""
    for k in range(n_entries):
        i, j = rows[k, 0], rows[k, 1]
        t = entries[k] * (p[i] - p[j])
        q[i] -= t
        q[j] += t
