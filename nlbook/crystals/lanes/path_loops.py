"""Batches of grains moved along a strain path: steps of one stage or two, and their sums.

What is called in one place is put there before it is compiled, `inline`: each level of calls would
have what lies below it optimised once more.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.decay import exp_minus
from nlbook.crystals.lanes.newton_loops import newton_loop, residual_loop, sum_loop, trial_loop
from nlbook.crystals.lanes.rows import (
    AHEAD,
    BEFORE,
    BLOCK,
    DISSIPATED,
    ERROR,
    EXCESS,
    EXPONENT,
    EXPONENTIAL,
    FIRST_STAGE,
    HELD,
    INVERSE,
    KNOWN,
    LANES,
    LEFT,
    MOVE,
    PAST,
    PRODUCT,
    REACHED,
    SCALE,
    SCHMID,
    SIZE,
    SLIP,
    STRESS,
    SYSTEMS,
    TOTAL,
)
from nlbook.crystals.lanes.slip_loops import held_loop, resolve_loop, slips_loop
from nlbook.crystals.lanes.twin_loops import (
    grow_twins_loop,
    race_loop,
    resistance,
    turn_loop,
    twins_loop,
)

__all__ = ["advance_loop", "begin_loop", "path_loop"]

# Where a solution is approached by shorter stages: the first of them, their growth and tolerance.
_SHORTEST, _FASTER, _LOOSE = 1e-6, 2.0, 1e-5
_FURTHEST = 4.0  # steps before, over which what is not iterated is extrapolated at most


@compiled()
def begin_loop(w, rotations, schmid):
    """Rows of grains that have not been strained: B = Q, no slip."""
    w[:] = 0.0
    for i in range(LANES):
        for k in range(9):
            w[INVERSE + k * LANES + i] = rotations[i, k // 3, k % 3]
    for a in range(len(schmid)):
        for k in range(8):
            for i in range(LANES):
                w[SYSTEMS + a * BLOCK + SCHMID + k * LANES + i] = schmid[a, k]


@compiled()
def path_loop(w, middle, c, dt, law, tolerance, stages, weights, sums, activity, energy, each):
    """Move a batch along a path; the number of times that were reached.

    Adds to sums the weighted B B^T (11, 22, 33, 12, 13, 23), shape (n_times, 6); to activity the
    slips, shape (n_times, n_systems), to energy what is stored and what was dissipated, shape
    (n_times, 2); and writes B B^T of each grain where there is room.
    """
    for k in range(len(dt)):
        ratio = min(dt[k] / dt[k - 1], _FURTHEST) if k > 1 else 0.0
        one = 1 if k == 0 else stages
        if advance_loop(w, middle[k], c[k], dt[k], ratio, law, tolerance, one) < 0:
            return k
        _summary_loop(w, law, weights, sums[k], activity[k], energy[k])
        if each.shape[1]:
            for i in range(LANES):
                for r in range(6):
                    each[k, i, r] = w[PRODUCT + r * LANES + i]
    return len(dt)


@compiled()
def advance_loop(w, middle, c, dt, ratio, law, tolerance, stages):
    """Move the grains of a batch over one step; the number of iterations, or -1.

    One stage is backward Euler. Two are the implicit Runge-Kutta method of Alexander [1]_: with
    gamma = 1 - 1/sqrt(2), a step of gamma dt whose rate counts 1 - gamma, and another of gamma dt
    to the end; of second order, and as stable on stiff laws.

    Parameters
    ----------
    w : ndarray, shape (work_size,)
        The batch.
    middle, c : ndarray, shape (6,)
        Cbar at the end of the first of two stages, and of the step: 11, 22, 33, 12, 13, 23.
    dt : float
        Length of the step, s.
    ratio : float
        Of this step to the one before it, by which the stress is extrapolated.
    law : tuple
        Constants of the law, see `law_arrays`.
    tolerance : float
        Of the residual, over G.
    stages : int
        1 or 2.

    References
    ----------
    .. [1] R. Alexander, SIAM J. Numer. Anal. 14 (1977) 1006.
    """
    _begin_step_loop(w, ratio, law, stages)
    part = dt if stages == 1 else FIRST_STAGE * dt
    total = 0
    for stage in range(stages):
        if stage:
            _second_stage_loop(w, part, law)
        there = c if stage == stages - 1 else middle
        iterations = _solve_loop(w, there, part, 1.0 if stage else ratio, law, tolerance)
        if iterations < 0:
            return -1
        total += iterations
    _end_step_loop(w, part, law)
    return total


@compiled(inline="always")
def _begin_step_loop(w, ratio, law, stages):
    """Extrapolate the stress and the twins to the end of the first stage."""
    schmid, turned = law[0], law[1]
    n, n_twin = turned.shape[0], turned.shape[1]
    part = ratio if stages == 1 else ratio * FIRST_STAGE
    for k in range(5):
        for i in range(LANES):
            m = w[STRESS + k * LANES + i]
            w[STRESS + k * LANES + i] = m + part * (m - w[BEFORE + k * LANES + i])
            w[BEFORE + k * LANES + i] = m
    for k in range(8):
        for i in range(LANES):
            w[KNOWN + k * LANES + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            now = s[SLIP + i]
            s[AHEAD + i] = max(now + part * (now - s[PAST + i]), 0.0)
            s[PAST + i] = now
    if n_twin:
        turn_loop(w, n, n_twin, schmid, turned)


@compiled(inline="always")
def _second_stage_loop(w, dt, law):
    """Go from the first stage to the start of the second: what the first has is known to it."""
    schmid, turned, slip, twin = law[0], law[1], law[2], law[3]
    n, n_twin = turned.shape[0], turned.shape[1]
    ahead = (1.0 - FIRST_STAGE) / FIRST_STAGE
    for k in range(8):
        for i in range(LANES):
            w[KNOWN + k * LANES + i] = ahead * w[EXPONENT + k * LANES + i]
    for k in range(5):
        for i in range(LANES):
            m = w[BEFORE + k * LANES + i]
            w[STRESS + k * LANES + i] = m + (w[STRESS + k * LANES + i] - m) * (1.0 / FIRST_STAGE)
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        tau_0 = slip[a, 0]
        for i in range(LANES):
            step = ahead * abs(s[MOVE + i])
            s[SLIP + i] += step
            w[DISSIPATED + i] += tau_0 * s[EXCESS + i] * step
    if n_twin:
        grow_twins_loop(w, n, n_twin, dt, ahead, twin)
        turn_loop(w, n, n_twin, schmid, turned)


@compiled(inline="always")
def _end_step_loop(w, dt, law):
    """B = B_n exp(-X), and the slips and fractions of the last stage."""
    slip, twin = law[2], law[3]
    n, n_twin = law[1].shape[0], law[1].shape[1]
    for i in range(LANES):
        e11, e12 = w[EXPONENTIAL + i], w[EXPONENTIAL + LANES + i]
        e13, e21 = w[EXPONENTIAL + 2 * LANES + i], w[EXPONENTIAL + 3 * LANES + i]
        e22, e23 = w[EXPONENTIAL + 4 * LANES + i], w[EXPONENTIAL + 5 * LANES + i]
        e31, e32 = w[EXPONENTIAL + 6 * LANES + i], w[EXPONENTIAL + 7 * LANES + i]
        e33 = w[EXPONENTIAL + 8 * LANES + i]
        for r in range(0, 9 * LANES, 3 * LANES):
            b1, b2 = w[INVERSE + r + i], w[INVERSE + r + LANES + i]
            b3 = w[INVERSE + r + 2 * LANES + i]
            w[INVERSE + r + i] = b1 * e11 + b2 * e21 + b3 * e31
            w[INVERSE + r + LANES + i] = b1 * e12 + b2 * e22 + b3 * e32
            w[INVERSE + r + 2 * LANES + i] = b1 * e13 + b2 * e23 + b3 * e33
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        tau_0 = slip[a, 0]
        for i in range(LANES):
            step = abs(s[MOVE + i])
            s[SLIP + i] += step
            w[DISSIPATED + i] += tau_0 * s[EXCESS + i] * step
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            step = abs(s[LEFT + i] - s[SLIP + i])
            w[DISSIPATED + i] += step * resistance(step, dt * twin[1], twin)
            s[SLIP + i] = s[LEFT + i]


@compiled(inline="always")
def _solve_loop(w, c, dt, ratio, law, tolerance):
    """Stress at the end of a stage, given what is known of X; the number of iterations, or -1.

    `ratio` is that of the stage's length dt to that of the stage before, whose slips are still
    there.
    Where Newton's method fails from the extrapolated stress, as it may where a law hardly depends
    on the rate, it goes from the stress before by stages that are first too short to slip much.
    """
    n, n_twin = law[1].shape[0], law[1].shape[1]
    slip = law[2]
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        decay = slip[a, 3]
        for i in range(LANES):
            s[LEFT + i] = exp_minus(decay * s[SLIP + i])
    trial_loop(w, c)
    held_loop(w, n, slip, ratio)
    if n_twin:
        race_loop(w, n, n_twin, dt, law[3])
    part, total, again = 1.0, 0, False
    while True:
        last = part == 1.0
        aim = tolerance if last else max(tolerance, _LOOSE)
        iterations = _iterate_loop(w, part * dt, law, aim, 60 if again else 25)
        if iterations >= 0:
            total += iterations
            if last:
                return total
            part = min(_FASTER * part, 1.0)
        elif again:
            return -1
        else:
            again, part, total = True, _SHORTEST, 25
            for k in range(5):
                for i in range(LANES):
                    w[STRESS + k * LANES + i] = w[BEFORE + k * LANES + i]


@compiled(inline="always")
def _iterate_loop(w, dt, law, tolerance, most):
    """Newton's method for all grains of a batch; the number of iterations, or -1."""
    turned, slip, twin, shear_modulus = law[1], law[2], law[3], law[4]
    n, n_twin = turned.shape[0], turned.shape[1]
    for i in range(LANES):
        w[SIZE + i] = np.inf
        w[SCALE + i] = 1.0
    for iteration in range(most):
        if n_twin:
            twins_loop(w, n, n_twin, dt, twin)
        resolve_loop(w, n)
        for _ in range(2):  # the error of the second step of Newton counts
            for i in range(LANES):
                w[ERROR + i] = 0.0
            slips_loop(w, n, dt, slip)
        sum_loop(w, n + n_twin)
        residual_loop(w, shear_modulus)
        aim, solved = tolerance * shear_modulus, 0
        for i in range(LANES):  # what is no number is not solved
            solved += 1 if w[REACHED + i] <= aim and w[ERROR + i] <= aim else 0
        if solved == LANES:
            return iteration
        newton_loop(w, shear_modulus)
    return -1


@compiled(inline="always")
def _summary_loop(w, law, weights, sums, activity, energy):
    """Add the weighted B B^T (11, 22, 33, 12, 13, 23) to sums, slips to activity, and energies."""
    for i in range(LANES):
        b11, b12, b13 = w[INVERSE + i], w[INVERSE + LANES + i], w[INVERSE + 2 * LANES + i]
        b21, b22 = w[INVERSE + 3 * LANES + i], w[INVERSE + 4 * LANES + i]
        b23, b31 = w[INVERSE + 5 * LANES + i], w[INVERSE + 6 * LANES + i]
        b32, b33 = w[INVERSE + 7 * LANES + i], w[INVERSE + 8 * LANES + i]
        w[PRODUCT + i] = b11 * b11 + b12 * b12 + b13 * b13
        w[PRODUCT + LANES + i] = b21 * b21 + b22 * b22 + b23 * b23
        w[PRODUCT + 2 * LANES + i] = b31 * b31 + b32 * b32 + b33 * b33
        w[PRODUCT + 3 * LANES + i] = b11 * b21 + b12 * b22 + b13 * b23
        w[PRODUCT + 4 * LANES + i] = b11 * b31 + b12 * b32 + b13 * b33
        w[PRODUCT + 5 * LANES + i] = b21 * b31 + b22 * b32 + b23 * b33
    for k in range(6):
        for i in range(LANES):
            sums[k] += weights[i] * w[PRODUCT + k * LANES + i]
    for a in range(len(activity)):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        for i in range(LANES):
            activity[a] += weights[i] * s[SLIP + i]
    slip, twin = law[2], law[3]
    n, n_twin = law[1].shape[0], law[1].shape[1]
    for i in range(LANES):
        w[TOTAL + i] = 0.0
        w[REACHED + i] = 0.0
    held_loop(w, n, slip, 0.0)
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        decay, sigma = slip[a, 3], slip[a, 4]
        for i in range(LANES):
            e = s[SLIP + i]
            z = decay * e
            # 1 - (1 - exp(-z))/z, of which rounding leaves nothing where z is small
            near = z * (0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0))))
            part = near if z < 1e-3 else 1.0 - (1.0 - exp_minus(z)) / z
            w[REACHED + i] += (sigma * part + 0.5 * s[HELD + i]) * e
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            e = s[SLIP + i]
            w[TOTAL + i] += e
            w[REACHED + i] += (0.5 * twin[3] - twin[6]) * e * e
    for i in range(LANES):
        stored = w[REACHED + i] + twin[6] * w[TOTAL + i] * w[TOTAL + i]
        energy[0] += weights[i] * stored
        energy[1] += weights[i] * w[DISSIPATED + i]
