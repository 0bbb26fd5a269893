"""Twin fractions of the grains of a batch, and the slip systems that they turn.

A twin moves as its driving force f = shear tau - h lambda - 2 K (the others) says, of no less than
none and, all together, no more than the grain. Slip in a twin has the Schmid tensor of the twin's
lattice; that of a system is the average over the grain and its twins.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.rows import (
    ADDED,
    AHEAD,
    BLOCK,
    DISSIPATED,
    FIRST,
    FIRST_STAGE,
    FULL,
    HELD,
    KNOWN,
    LANES,
    LEFT,
    MOST,
    MOVE,
    SCHMID,
    SLIP,
    SLOPE,
    SYSTEMS,
    TAU,
    TOTAL,
)
from nlbook.crystals.lanes.slip_loops import MOST_POWER, resolved

__all__ = ["grow_twins_loop", "power_root", "race_loop", "resistance", "turn_loop", "twins_loop"]


@compiled()
def race_loop(w, n, n_twin, dt, twin):
    """Which twin comes first, and what the others do to each in this stage.

    Twins in one grain repel each other, so that they race until one leaves the others no force:
    in steps too long to see that, the one wins that is there most, or would be after the step if
    the others stayed as they are. It meets the others as they are at the start; they meet it as
    it would be. These are numbers, so that each twin follows from its own shear stress.
    """
    shear, repulsion = twin[4], 2.0 * twin[6]
    for i in range(LANES):
        w[TOTAL + i] = 0.0
        w[MOST + i] = 0.0
        w[FIRST + i] = 0.0
        w[ADDED + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            w[TOTAL + i] += s[SLIP + i]
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        number = float(b)
        for i in range(LANES):
            before = s[SLIP + i]
            others = w[TOTAL + i] - before
            drive = shear * resolved(w, s, i) - repulsion * others
            alone, _ = _twin_root(drive, before, 1.0 - others, dt, twin)
            alone = max(alone, before)
            more = alone > w[MOST + i]
            w[FIRST + i] = number if more else w[FIRST + i]
            w[ADDED + i] = alone - before if more else w[ADDED + i]
            w[MOST + i] = max(alone, w[MOST + i])
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        number = float(b)
        for i in range(LANES):
            first = w[FIRST + i] == number
            others = w[TOTAL + i] - s[SLIP + i] + (0.0 if first else w[ADDED + i])
            s[HELD + i] = repulsion * others
            # so that all together never are more than the grain
            s[TAU + i] = s[SLIP + i] + max(FULL - w[TOTAL + i], 0.0) * (
                0.5 if first else 0.5 / n_twin
            )


@compiled()
def twins_loop(w, n, n_twin, dt, twin):
    """Twin fractions at the stress M, each by its root::

        tau_0 y + h lambda = shear tau - what the others do,
        lambda = lambda_n + dt rate y |y|^(p - 1),

    with lambda no less than zero and no more than there is room for.
    """
    shear, tau_0, hard = twin[4], twin[0], twin[3]
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            drive = shear * resolved(w, s, i) - s[HELD + i]
            new, rise = _twin_root(drive, s[SLIP + i], s[TAU + i], dt, twin)
            s[LEFT + i] = new
            s[MOVE + i] = shear * (new - s[SLIP + i])
            s[SLOPE + i] = shear * shear * rise / (tau_0 + hard * rise)


@compiled(forceinline=True)
def _twin_root(drive, before, free, dt, twin):
    """A twin's fraction at a driving force without its own hardening, and its slope by y."""
    tau_0, power, hard, one_way = twin[0], twin[2], twin[3], twin[5]
    amount = dt * twin[1]
    drive -= hard * before
    size = abs(drive)
    stiff = amount * hard
    y = 2.0 * size / (tau_0 + np.sqrt(tau_0 * tau_0 + 4.0 * stiff * size))
    step, rise = amount * y * y, 2.0 * amount * y
    if power != 2.0:
        y = power_root(size, tau_0, stiff, power)
        step = amount * min(y, MOST_POWER ** (1.0 / power)) ** power
        rise = power * step / y if y > 0.0 else 0.0
    if not drive > 0.0:
        step, rise = (0.0, 0.0) if one_way > 0.0 else (-step, rise)
    new = before + step
    bound = min(max(new, 0.0), max(free, 0.0))
    return bound, rise if bound == new else 0.0


@compiled()
def power_root(size, tau_0, stiff, power):
    """Root y of tau_0 y + stiff y^power = size >= 0, from above, where each term alone has it."""
    y = size / tau_0
    if stiff > 0.0 and size > 0.0:
        y = min(y, (size / stiff) ** (1.0 / power))
    for _ in range(60 if stiff > 0.0 and size > 0.0 else 0):
        rest = stiff * y**power
        step = (tau_0 * y + rest - size) / (tau_0 + power * rest / y)
        y -= step
        if step <= 1e-15 * y:
            break
    return y


@compiled()
def turn_loop(w, n, n_twin, schmid, turned):
    """P_a = its value in the grain + sum over twins of their fraction times the change in them."""
    for i in range(LANES):
        w[TOTAL + i] = 0.0
    for b in range(n, n + n_twin):
        t = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            w[TOTAL + i] += t[AHEAD + i]
    for b in range(n, n + n_twin):
        t = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            t[AHEAD + i] *= 1.0 / max(w[TOTAL + i], 1.0)
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        for k in range(8):
            for i in range(LANES):
                s[SCHMID + k * LANES + i] = schmid[a, k]
        for b in range(n_twin):
            t = w[SYSTEMS + (n + b) * BLOCK : SYSTEMS + (n + b + 1) * BLOCK]
            for k in range(8):
                change = turned[a, b, k]
                for i in range(LANES):
                    s[SCHMID + k * LANES + i] += change * t[AHEAD + i]


@compiled()
def grow_twins_loop(w, n, n_twin, dt, ahead, twin):
    """Go on by `ahead` times what the twins moved in a stage, to no less than none of each.

    Where they would be more than the grain, all moves are shortened by the same factor.
    """
    for i in range(LANES):
        w[TOTAL + i] = 0.0
        w[ADDED + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            before = s[SLIP + i]
            w[TOTAL + i] += before
            w[ADDED + i] += max(ahead * (s[LEFT + i] - before), -before)
    for i in range(LANES):
        room = max(FULL - w[TOTAL + i], 0.0)
        w[MOST + i] = room / w[ADDED + i] if w[ADDED + i] > room else 1.0
    for b in range(n, n + n_twin):
        s = w[SYSTEMS + b * BLOCK : SYSTEMS + (b + 1) * BLOCK]
        for i in range(LANES):
            before, step = s[SLIP + i], s[LEFT + i] - s[SLIP + i]
            moved = w[MOST + i] * max(ahead * step, -before)
            back = twin[4] * (moved - ahead * step)  # what the bounds take
            w[DISSIPATED + i] += abs(moved) * resistance(abs(step), dt * twin[1], twin)
            s[AHEAD + i] = max(before + step / FIRST_STAGE, 0.0)
            s[SLIP + i] = s[LEFT + i] = max(before + moved, 0.0)
            for k in range(8):
                w[KNOWN + k * LANES + i] += back * s[SCHMID + k * LANES + i]


@compiled(forceinline=True)
def resistance(step, rate, twin):
    """Stress tau_0 (step / rate)^m that dissipates as a fraction grows by a step."""
    return twin[0] * (step / rate) ** (1.0 / twin[2]) if step > 0.0 else 0.0
