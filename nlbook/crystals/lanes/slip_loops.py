"""Slips of the grains of a batch at their stresses: each the root of one scalar equation.

With y the excess of a resolved shear stress over its threshold in units of tau_0, a step of dt has

    tau_0 y + g(e + dt rate y^p) = |tau|,    p = 1/m,

whose left side ascends. What other systems add to g is known before: it is extrapolated.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.decay import exp_minus
from nlbook.crystals.lanes.rows import (
    BLOCK,
    ERROR,
    EXCESS,
    FAMILY,
    HELD,
    LANES,
    LEFT,
    MOVE,
    SCHMID,
    SLIP,
    SLOPE,
    STRESS,
    SYSTEMS,
    TAU,
)

__all__ = ["held_loop", "resolve_loop", "resolved", "slips_loop"]

# What a slip of a step, and a power on the way to it, are cut off at: beyond all measure.
_MOST_SLIP, MOST_POWER = 1e2, 1e100


@compiled(forceinline=True)
def resolved(w, s, i):
    """M : P of a system whose rows are s."""
    p11, p22 = s[SCHMID + i], s[SCHMID + LANES + i]
    return (
        w[STRESS + i] * (2.0 * p11 + p22)
        + w[STRESS + LANES + i] * (p11 + 2.0 * p22)
        + w[STRESS + 2 * LANES + i] * (s[SCHMID + 2 * LANES + i] + s[SCHMID + 5 * LANES + i])
        + w[STRESS + 3 * LANES + i] * (s[SCHMID + 3 * LANES + i] + s[SCHMID + 6 * LANES + i])
        + w[STRESS + 4 * LANES + i] * (s[SCHMID + 4 * LANES + i] + s[SCHMID + 7 * LANES + i])
    )


@compiled()
def held_loop(w, n, slip, ahead):
    """Thresholds of the slip systems from the slips of the others in their families.

    At the slips so far, and `ahead` times as much as they last moved: these thresholds are
    extrapolated to the end of a stage and not iterated, so that each slip follows from its own
    shear stress.
    """
    start = 0
    while start < n:
        stop = start + int(slip[start, 6])
        latent = slip[start, 5]
        for i in range(LANES):
            w[FAMILY + i] = 0.0
        for a in range(start, stop if latent > 0.0 else start):
            s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
            for i in range(LANES):
                w[FAMILY + i] += latent * (s[SLIP + i] + ahead * abs(s[MOVE + i]))
        for a in range(start, stop):
            s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
            for i in range(LANES):
                own = latent * (s[SLIP + i] + ahead * abs(s[MOVE + i]))
                s[HELD + i] = max(w[FAMILY + i] - own, 0.0)
        start = stop


@compiled()
def resolve_loop(w, n):
    """Resolved shear stresses of the slip systems."""
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        for i in range(LANES):
            s[TAU + i] = resolved(w, s, i)


@compiled()
def slips_loop(w, n, dt, slip):
    """Slips at their resolved shear stresses, by a step of Newton for each from its y before::

        tau_0 y + g(e + dt rate y^p) = |tau|,  p = 1/m,

    whose left side ascends.
    """
    for a in range(n):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        tau_0, power, decay, sigma = slip[a, 0], slip[a, 2], slip[a, 3], slip[a, 4]
        amount = dt * slip[a, 1]
        spread = decay * amount
        if power == 2.0:
            for i in range(LANES):
                tau = s[TAU + i]
                hard = sigma * s[LEFT + i]
                drive = max(abs(tau) - s[HELD + i] - sigma + hard, 0.0)
                # the threshold is concave: without it the root is too high, with its slope too low
                high = drive / tau_0
                slow = 4.0 * hard * spread * drive
                low = 2.0 * drive / (tau_0 + np.sqrt(tau_0 * tau_0 + slow))
                y = min(max(s[EXCESS + i], low), high)
                left = hard * exp_minus(spread * y * y)
                value = tau_0 * y + hard - left - drive
                slope = tau_0 + 2.0 * spread * left * y
                y = min(max(y - value / slope, low), high)
                s[EXCESS + i] = y
                s[MOVE + i] = amount * y * y if tau > 0.0 else -amount * y * y
                s[SLOPE + i] = 2.0 * amount * y / slope
                w[ERROR + i] = max(w[ERROR + i], abs(value))
        else:
            top = MOST_POWER ** (1.0 / power)
            for i in range(LANES):
                tau = s[TAU + i]
                hard = sigma * s[LEFT + i]
                drive = max(abs(tau) - s[HELD + i] - sigma + hard, 0.0)
                y = _slip_root(drive, tau_0, hard, spread, power, top, s[EXCESS + i])
                grown = min(y, top) ** power
                # the threshold's slope by y, times y
                z = min(spread * grown, 40.0)
                slope = tau_0 * y + power * hard * z * exp_minus(z)
                step = min(amount * grown, _MOST_SLIP)
                w[ERROR + i] = max(w[ERROR + i], tau_0 * abs(y - s[EXCESS + i]))
                s[EXCESS + i] = y
                s[MOVE + i] = step if tau > 0.0 else -step
                s[SLOPE + i] = power * step / slope if slope > 0.0 else 0.0


@compiled()
def _slip_root(drive, tau_0, hard, spread, power, top, start):
    """Root y of tau_0 y + hard (1 - exp(-spread y^power)) = drive, by Newton's method in bounds."""
    low, high = max(drive - hard, 0.0) / tau_0, drive / tau_0
    y = min(max(start, low), high) if start > 0.0 else high
    for _ in range(100):
        z = min(spread * min(y, top) ** power, 40.0)
        left = hard * exp_minus(z)
        value = tau_0 * y + hard - left - drive
        low, high = (low, y) if value > 0.0 else (y, high)
        if not y > 0.0:
            break
        new = y - value / (tau_0 + power * z * left / y)
        new = new if low <= new <= high else 0.5 * (low + high)
        change = abs(new - y)
        y = new
        if change <= 1e-14 * y:
            break
    return y
