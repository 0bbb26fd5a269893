"""One implicit step of many grains, side by side.

With B = Q F_in^-1 (rows in the sample, columns in the crystal) a step of the stretch from U_n to U
is: find the slips dgamma and the twin fractions dlambda of the step such that, with

    X = sum dgamma_a P_a + shear sum dlambda_b P_b,    B = B_n exp(-X),    C = B^T Cbar B,

and Cbar = U^2 (det U)^(-2/3), the stress M = G dev C drives them at their rates: backward Euler in
the exponential map, or two such stages. The determinant of B stays one, as X has no trace. The
unknowns are the five components of M; each slip and each twin follows from its resolved shear
stress by a scalar root. Newton's method, with its step halved where the residual grows. What other
systems add to a threshold, and how the twins turn the lattice, is extrapolated.

The grains are treated in batches of `LANES`. All that a batch knows stands in one flat array, a
row of LANES numbers for each quantity, and each innermost loop runs along a row: so the compiler
makes vector instructions of it. A row's place is a constant, or a constant beyond the block of its
system, from which the compiler sees that rows do not overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled
from nlbook.crystals.law import CrystalLaw

__all__ = [
    "FIRST_STAGE",
    "LANES",
    "advance_loop",
    "begin_loop",
    "begin_points_loop",
    "kept_size",
    "law_arrays",
    "path_loop",
    "points_loop",
    "row",
    "work_size",
]

#: grains that are moved side by side
LANES = 16
#: share of a step at which the first of two stages ends
FIRST_STAGE = 1.0 - 0.5**0.5  # where in a step the first of two stages ends

# Where a solution is approached by shorter stages: the first of them, their growth and tolerance.
_SHORTEST, _FASTER, _LOOSE = 1e-6, 2.0, 1e-5
# What a slip of a step, and a power on the way to it, are cut off at: beyond all measure.
_MOST_SLIP, _MOST_POWER = 1e2, 1e100
_FULL = 1.0 - 1e-14  # sum of the twin fractions of a grain that is all twins, less rounding

# Rows of a batch, and how many each takes; a tensor's are 11, 22, 12, 13, 23, 21, 31, 32 and 33,
# of which one that is traceless has the first eight and one that is symmetric has its own order.
_ROWS = {
    "inverse": 9,  # B, row by row
    "trial": 6,  # B_n^T Cbar B_n: 11, 22, 33, 12, 13, 23
    "stress": 5,  # M: 11, 22, 12, 13, 23
    "before": 5,  # M at the step before
    "kept": 5,  # M from which the last step of Newton started
    "newton": 5,  # that step
    "residual": 5,
    "known": 8,  # part of X that is known from an earlier stage
    "exponent": 8,  # X
    "exponential": 9,  # exp(-X), row by row
    "right": 6,  # C
    "sums": 40,  # sum of slope P (x) p
    "size": 1,  # of the residual at "kept"
    "reached": 1,  # of the residual now
    "scale": 1,  # by which the step of Newton is shortened
    "error": 1,  # largest error of a scalar root
    "family": 1,  # sum over a family
    "total": 1,  # sum of the twin fractions
    "first": 1,  # number of the twin whose turn comes first
    "most": 1,  # its fraction, would it be alone
    "added": 1,  # what of it is new
    "dissipated": 1,  # energy so far
    "product": 6,  # B B^T: 11, 22, 33, 12, 13, 23
}
_STARTS = np.concatenate([[0], np.cumsum(list(_ROWS.values()))]) * LANES
(
    _INVERSE, _TRIAL, _STRESS, _BEFORE, _KEPT, _NEWTON, _RESIDUAL, _KNOWN, _EXPONENT,
    _EXPONENTIAL, _RIGHT, _SUMS, _SIZE, _REACHED, _SCALE, _ERROR, _FAMILY, _TOTAL,
    _FIRST, _MOST, _ADDED, _DISSIPATED, _PRODUCT,
    _SYSTEMS,
) = _STARTS.tolist()  # fmt: skip
# Rows of each system, after those: of twins the fraction in place of the slip.
_BLOCK = 16 * LANES
_Y = 0 * LANES  # (excess stress / tau_0), whose power is the rate
_E = 1 * LANES  # accumulated slip at the start of the step; a twin's fraction
_LEFT = 2 * LANES  # exp(-h e/sigma) there; a twin's fraction now
_MOVE = 3 * LANES  # slip of the step with its sign; shear of a twin
_SLOPE = 4 * LANES  # its derivative by the resolved shear stress
_HELD = 5 * LANES  # threshold from the other systems; a twin's driving force
_TAU = 6 * LANES  # resolved shear stress
_PAST = 15 * LANES  # of a twin: its fraction a step before
_AHEAD = _Y  # of a twin: its fraction as extrapolated to the end of the step
_P = 7 * LANES  # Schmid tensor, eight rows


def work_size(n_systems: int) -> int:
    """Length of the array of a batch."""
    return int(_SYSTEMS) + n_systems * _BLOCK


def row(name: str) -> int:
    """Where the rows of a quantity start."""
    return int(_STARTS[list(_ROWS).index(name)])


def law_arrays(law: CrystalLaw) -> tuple[NDArray[np.float64], tuple]:
    """Constants of a law as the loops read them.

    Returns
    -------
    schmid : ndarray, shape (n_systems, 8)
        Schmid tensors of all systems.
    law : tuple
        Those of the slip systems; their changes in the twins, shape (n_slip, n_twin, 8); tau_0,
        rate, 1/m, h/sigma, sigma, latent hardening and number in its family of the slip systems,
        shape (n_slip, 7); tau_0, rate, 1/m, h, shear, whether one-way, and the interaction of the
        twins; and G.
    """
    systems = law.systems
    n, n_twin = systems.n_slip, systems.n_twin
    schmid = _eight(systems.schmid_tensors)
    slip = np.array(
        [
            (
                constants.tau_0,
                constants.reference_rate,
                1.0 / constants.rate_exponent,
                constants.hardening / constants.saturation if constants.saturation > 0 else 0.0,
                # a threshold that never rises is none, and stores nothing
                constants.saturation if constants.hardening > 0 else 0.0,
                constants.latent,
                np.count_nonzero(systems.family == number),
            )
            for number, constants in enumerate(law.slip)
        ]
    )[systems.family[:n]]
    turned = np.zeros((n, n_twin, 8))
    twin = np.ones(7)
    if law.twin is not None:
        t = law.twin
        one_way = float(t.mode == "one-way")
        twin = np.array(
            [
                t.tau_0,
                t.reference_rate,
                1.0 / t.rate_exponent,
                t.hardening,
                t.shear,
                one_way,
                t.interaction,
            ]
        )
        if t.reorientation:
            turned = _eight(systems.twinned_schmid_tensors) - schmid[:n, np.newaxis]
    constants = (
        schmid[:n].copy(), turned, slip, twin, law.shear_modulus
    )  # fmt: skip
    return schmid, constants


def _eight(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 12, 13, 23, 21, 31 and 32 of tensors without a trace."""
    flat = tensor.reshape(*tensor.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 1, 2, 5, 3, 6, 7]])


@compiled(forceinline=True)
def _decay(z):
    """exp(-z) for z >= 0; from 40 on exp(-40), which no threshold can tell from zero."""
    u = min(z, 40.0) * (-1.0 / 128.0)
    s = 1.0 + u * (1.0 / 11.0)
    s = 1.0 + u * s * (1.0 / 10.0)
    s = 1.0 + u * s * (1.0 / 9.0)
    s = 1.0 + u * s * (1.0 / 8.0)
    s = 1.0 + u * s * (1.0 / 7.0)
    s = 1.0 + u * s * (1.0 / 6.0)
    s = 1.0 + u * s * (1.0 / 5.0)
    s = 1.0 + u * s * (1.0 / 4.0)
    s = 1.0 + u * s * (1.0 / 3.0)
    s = 1.0 + u * s * (1.0 / 2.0)
    s = 1.0 + u * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    return s * s


@compiled()
def begin_loop(w, rotations, schmid):
    """Rows of grains that have not been strained: B = Q, no slip."""
    w[:] = 0.0
    for i in range(LANES):
        for k in range(9):
            w[_INVERSE + k * LANES + i] = rotations[i, k // 3, k % 3]
    for a in range(len(schmid)):
        for k in range(8):
            for i in range(LANES):
                w[_SYSTEMS + a * _BLOCK + _P + k * LANES + i] = schmid[a, k]


@compiled()
def _trial_loop(w, c):
    """trial = B^T Cbar B, with Cbar = c: 11, 22, 33, 12, 13, 23."""
    c11, c22, c33, c12, c13, c23 = c[0], c[1], c[2], c[3], c[4], c[5]
    for i in range(LANES):
        b11, b12, b13 = w[_INVERSE + i], w[_INVERSE + LANES + i], w[_INVERSE + 2 * LANES + i]
        b21, b22 = w[_INVERSE + 3 * LANES + i], w[_INVERSE + 4 * LANES + i]
        b23, b31 = w[_INVERSE + 5 * LANES + i], w[_INVERSE + 6 * LANES + i]
        b32, b33 = w[_INVERSE + 7 * LANES + i], w[_INVERSE + 8 * LANES + i]
        d11 = c11 * b11 + c12 * b21 + c13 * b31
        d21 = c12 * b11 + c22 * b21 + c23 * b31
        d31 = c13 * b11 + c23 * b21 + c33 * b31
        d12 = c11 * b12 + c12 * b22 + c13 * b32
        d22 = c12 * b12 + c22 * b22 + c23 * b32
        d32 = c13 * b12 + c23 * b22 + c33 * b32
        d13 = c11 * b13 + c12 * b23 + c13 * b33
        d23 = c12 * b13 + c22 * b23 + c23 * b33
        d33 = c13 * b13 + c23 * b23 + c33 * b33
        w[_TRIAL + i] = b11 * d11 + b21 * d21 + b31 * d31
        w[_TRIAL + LANES + i] = b12 * d12 + b22 * d22 + b32 * d32
        w[_TRIAL + 2 * LANES + i] = b13 * d13 + b23 * d23 + b33 * d33
        w[_TRIAL + 3 * LANES + i] = b11 * d12 + b21 * d22 + b31 * d32
        w[_TRIAL + 4 * LANES + i] = b11 * d13 + b21 * d23 + b31 * d33
        w[_TRIAL + 5 * LANES + i] = b12 * d13 + b22 * d23 + b32 * d33


@compiled(forceinline=True)
def _resolved(w, s, i):
    """M : P of a system whose rows are s."""
    p11, p22 = s[_P + i], s[_P + LANES + i]
    return (
        w[_STRESS + i] * (2.0 * p11 + p22)
        + w[_STRESS + LANES + i] * (p11 + 2.0 * p22)
        + w[_STRESS + 2 * LANES + i] * (s[_P + 2 * LANES + i] + s[_P + 5 * LANES + i])
        + w[_STRESS + 3 * LANES + i] * (s[_P + 3 * LANES + i] + s[_P + 6 * LANES + i])
        + w[_STRESS + 4 * LANES + i] * (s[_P + 4 * LANES + i] + s[_P + 7 * LANES + i])
    )


@compiled()
def _held_loop(w, n, slip, ahead):
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
            w[_FAMILY + i] = 0.0
        for a in range(start, stop if latent > 0.0 else start):
            s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
            for i in range(LANES):
                w[_FAMILY + i] += latent * (s[_E + i] + ahead * abs(s[_MOVE + i]))
        for a in range(start, stop):
            s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
            for i in range(LANES):
                own = latent * (s[_E + i] + ahead * abs(s[_MOVE + i]))
                s[_HELD + i] = max(w[_FAMILY + i] - own, 0.0)
        start = stop


@compiled()
def _slips_loop(w, n, dt, slip, first):
    """Slips at the stress M, by a step of Newton for each from its y before.

    tau_0 y + g(e + dt rate y^p) = |tau|, p = 1/m, whose left side ascends.
    """
    for a in range(n):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        tau_0, power, decay, sigma = slip[a, 0], slip[a, 2], slip[a, 3], slip[a, 4]
        amount = dt * slip[a, 1]
        spread = decay * amount
        if power == 2.0:
            for i in range(LANES):
                tau = _resolved(w, s, i) if first else s[_TAU + i]
                hard = sigma * s[_LEFT + i]
                drive = max(abs(tau) - s[_HELD + i] - sigma + hard, 0.0)
                # the threshold is concave: without it the root is too high, with its slope too low
                high = drive / tau_0
                slow = 4.0 * hard * spread * drive
                low = 2.0 * drive / (tau_0 + np.sqrt(tau_0 * tau_0 + slow))
                y = min(max(s[_Y + i], low), high)
                left = hard * _decay(spread * y * y)
                value = tau_0 * y + hard - left - drive
                slope = tau_0 + 2.0 * spread * left * y
                y = min(max(y - value / slope, low), high)
                s[_TAU + i] = tau
                s[_Y + i] = y
                s[_MOVE + i] = amount * y * y if tau > 0.0 else -amount * y * y
                s[_SLOPE + i] = 2.0 * amount * y / slope
                w[_ERROR + i] = w[_ERROR + i] if first else max(w[_ERROR + i], abs(value))
        else:
            top = _MOST_POWER ** (1.0 / power)
            for i in range(LANES):
                tau = _resolved(w, s, i) if first else s[_TAU + i]
                hard = sigma * s[_LEFT + i]
                drive = max(abs(tau) - s[_HELD + i] - sigma + hard, 0.0)
                y = _slip_root(drive, tau_0, hard, spread, power, top, s[_Y + i])
                grown = min(y, top) ** power
                # the threshold's slope by y, times y
                z = min(spread * grown, 40.0)
                slope = tau_0 * y + power * hard * z * _decay(z)
                step = min(amount * grown, _MOST_SLIP)
                w[_ERROR + i] = (
                    w[_ERROR + i] if first else max(w[_ERROR + i], tau_0 * abs(y - s[_Y + i]))
                )
                s[_TAU + i] = tau
                s[_Y + i] = y
                s[_MOVE + i] = step if tau > 0.0 else -step
                s[_SLOPE + i] = power * step / slope if slope > 0.0 else 0.0


@compiled()
def _slip_root(drive, tau_0, hard, spread, power, top, start):
    """Root y of tau_0 y + hard (1 - exp(-spread y^power)) = drive, by Newton's method in bounds."""
    low, high = max(drive - hard, 0.0) / tau_0, drive / tau_0
    y = min(max(start, low), high) if start > 0.0 else high
    for _ in range(100):
        z = min(spread * min(y, top) ** power, 40.0)
        left = hard * _decay(z)
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


@compiled()
def _race_loop(w, n, n_twin, dt, twin):
    """Which twin comes first, and what the others do to each in this stage.

    Twins in one grain repel each other, so that they race until one leaves the others no force:
    in steps too long to see that, the one wins that is there most, or would be after the step if
    the others stayed as they are. It meets the others as they are at the start; they meet it as
    it would be. These are numbers, so that each twin follows from its own shear stress.
    """
    shear, repulsion = twin[4], 2.0 * twin[6]
    for i in range(LANES):
        w[_TOTAL + i] = 0.0
        w[_MOST + i] = 0.0
        w[_FIRST + i] = 0.0
        w[_ADDED + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            w[_TOTAL + i] += s[_E + i]
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        number = float(b)
        for i in range(LANES):
            before = s[_E + i]
            others = w[_TOTAL + i] - before
            drive = shear * _resolved(w, s, i) - repulsion * others
            alone, _ = _twin_root(drive, before, 1.0 - others, dt, twin)
            alone = max(alone, before)
            more = alone > w[_MOST + i]
            w[_FIRST + i] = number if more else w[_FIRST + i]
            w[_ADDED + i] = alone - before if more else w[_ADDED + i]
            w[_MOST + i] = max(alone, w[_MOST + i])
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        number = float(b)
        for i in range(LANES):
            first = w[_FIRST + i] == number
            others = w[_TOTAL + i] - s[_E + i] + (0.0 if first else w[_ADDED + i])
            s[_HELD + i] = repulsion * others
            # so that all together never are more than the grain
            s[_TAU + i] = s[_E + i] + max(_FULL - w[_TOTAL + i], 0.0) * (
                0.5 if first else 0.5 / n_twin
            )


@compiled()
def _twins_loop(w, n, n_twin, dt, twin):
    """Twin fractions at the stress M, each by its root.

    tau_0 y + h lambda = shear tau - what the others do, with lambda = lambda_n + dt rate y
    |y|^(p-1), of no less than zero and no more than there is room for.
    """
    shear, tau_0, hard = twin[4], twin[0], twin[3]
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            drive = shear * _resolved(w, s, i) - s[_HELD + i]
            new, rise = _twin_root(drive, s[_E + i], s[_TAU + i], dt, twin)
            s[_LEFT + i] = new
            s[_MOVE + i] = shear * (new - s[_E + i])
            s[_SLOPE + i] = shear * shear * rise / (tau_0 + hard * rise)


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
        y = _power_root(size, tau_0, stiff, power)
        step = amount * min(y, _MOST_POWER ** (1.0 / power)) ** power
        rise = power * step / y if y > 0.0 else 0.0
    if not drive > 0.0:
        step, rise = (0.0, 0.0) if one_way > 0.0 else (-step, rise)
    new = before + step
    bound = min(max(new, 0.0), max(free, 0.0))
    return bound, rise if bound == new else 0.0


@compiled()
def _power_root(size, tau_0, stiff, power):
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
def _turn_loop(w, n, n_twin, schmid, turned):
    """P_a = its value in the grain + sum over twins of their fraction times the change in them."""
    for i in range(LANES):
        w[_TOTAL + i] = 0.0
    for b in range(n, n + n_twin):
        t = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            w[_TOTAL + i] += t[_AHEAD + i]
    for b in range(n, n + n_twin):
        t = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            t[_AHEAD + i] *= 1.0 / max(w[_TOTAL + i], 1.0)
    for a in range(n):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        for k in range(8):
            for i in range(LANES):
                s[_P + k * LANES + i] = schmid[a, k]
        for b in range(n_twin):
            t = w[_SYSTEMS + (n + b) * _BLOCK : _SYSTEMS + (n + b + 1) * _BLOCK]
            d0, d1, d2, d3 = turned[a, b, 0], turned[a, b, 1], turned[a, b, 2], turned[a, b, 3]
            d4, d5, d6, d7 = turned[a, b, 4], turned[a, b, 5], turned[a, b, 6], turned[a, b, 7]
            for i in range(LANES):
                fraction = t[_AHEAD + i]
                s[_P + i] += d0 * fraction
                s[_P + LANES + i] += d1 * fraction
                s[_P + 2 * LANES + i] += d2 * fraction
                s[_P + 3 * LANES + i] += d3 * fraction
                s[_P + 4 * LANES + i] += d4 * fraction
                s[_P + 5 * LANES + i] += d5 * fraction
                s[_P + 6 * LANES + i] += d6 * fraction
                s[_P + 7 * LANES + i] += d7 * fraction


@compiled()
def _sum_loop(w, n_systems):
    """X = known + sum dgamma P, and sums = sum slope P (x) (P as a stress sees it)."""
    for k in range(8):
        for i in range(LANES):
            w[_EXPONENT + k * LANES + i] = w[_KNOWN + k * LANES + i]
    for k in range(40):
        for i in range(LANES):
            w[_SUMS + k * LANES + i] = 0.0
    for a in range(n_systems):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        for i in range(LANES):
            p11, p22 = s[_P + i], s[_P + LANES + i]
            q0, q1 = 2.0 * p11 + p22, p11 + 2.0 * p22
            q2 = s[_P + 2 * LANES + i] + s[_P + 5 * LANES + i]
            q3 = s[_P + 3 * LANES + i] + s[_P + 6 * LANES + i]
            q4 = s[_P + 4 * LANES + i] + s[_P + 7 * LANES + i]
            _add_component(w, s, i, 0, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 1, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 2, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 3, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 4, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 5, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 6, q0, q1, q2, q3, q4)
            _add_component(w, s, i, 7, q0, q1, q2, q3, q4)


@compiled(forceinline=True)
def _add_component(w, s, i, k, q0, q1, q2, q3, q4):
    """What component k of the Schmid tensor of a system adds to X and to the sums."""
    p = s[_P + k * LANES + i]
    w[_EXPONENT + k * LANES + i] += s[_MOVE + i] * p
    z = s[_SLOPE + i] * p
    w[_SUMS + 5 * k * LANES + i] += z * q0
    w[_SUMS + (5 * k + 1) * LANES + i] += z * q1
    w[_SUMS + (5 * k + 2) * LANES + i] += z * q2
    w[_SUMS + (5 * k + 3) * LANES + i] += z * q3
    w[_SUMS + (5 * k + 4) * LANES + i] += z * q4


@compiled()
def _residual_loop(w, shear_modulus):
    """exp(-X), C and M - G dev C in the five components in which a shear meets a stress.

    By the theorem of Cayley and Hamilton X^3 = p X + d I, p = tr(X^2)/2 and d = det X, so that
    each power is a X^2 + b X + c I. Twelve powers err by |X|^13/13!, below 1e-13 for |X| < 0.5.
    """
    for i in range(LANES):
        x11, x22 = -w[_EXPONENT + i], -w[_EXPONENT + LANES + i]
        x12, x13 = -w[_EXPONENT + 2 * LANES + i], -w[_EXPONENT + 3 * LANES + i]
        x23, x21 = -w[_EXPONENT + 4 * LANES + i], -w[_EXPONENT + 5 * LANES + i]
        x31, x32 = -w[_EXPONENT + 6 * LANES + i], -w[_EXPONENT + 7 * LANES + i]
        x33 = -x11 - x22
        y11 = x11 * x11 + x12 * x21 + x13 * x31
        y12 = x11 * x12 + x12 * x22 + x13 * x32
        y13 = x11 * x13 + x12 * x23 + x13 * x33
        y21 = x21 * x11 + x22 * x21 + x23 * x31
        y22 = x21 * x12 + x22 * x22 + x23 * x32
        y23 = x21 * x13 + x22 * x23 + x23 * x33
        y31 = x31 * x11 + x32 * x21 + x33 * x31
        y32 = x31 * x12 + x32 * x22 + x33 * x32
        y33 = x31 * x13 + x32 * x23 + x33 * x33
        p = 0.5 * (y11 + y22 + y33)
        d = x11 * (x22 * x33 - x23 * x32) - x12 * (x21 * x33 - x23 * x31)
        d += x13 * (x21 * x32 - x22 * x31)
        # Horner from the highest power: one step multiplies by X / k and adds I
        one, by_x, by_y = 1.0, 1.0 / 12.0, 0.0
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 11.0),
            (one + by_y * p) * (1.0 / 11.0),
            by_x * (1.0 / 11.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 10.0),
            (one + by_y * p) * (1.0 / 10.0),
            by_x * (1.0 / 10.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 9.0),
            (one + by_y * p) * (1.0 / 9.0),
            by_x * (1.0 / 9.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 8.0),
            (one + by_y * p) * (1.0 / 8.0),
            by_x * (1.0 / 8.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 7.0),
            (one + by_y * p) * (1.0 / 7.0),
            by_x * (1.0 / 7.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 6.0),
            (one + by_y * p) * (1.0 / 6.0),
            by_x * (1.0 / 6.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 5.0),
            (one + by_y * p) * (1.0 / 5.0),
            by_x * (1.0 / 5.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 4.0),
            (one + by_y * p) * (1.0 / 4.0),
            by_x * (1.0 / 4.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 3.0),
            (one + by_y * p) * (1.0 / 3.0),
            by_x * (1.0 / 3.0),
        )
        one, by_x, by_y = (
            1.0 + by_y * d * (1.0 / 2.0),
            (one + by_y * p) * (1.0 / 2.0),
            by_x * (1.0 / 2.0),
        )
        one, by_x, by_y = 1.0 + by_y * d, one + by_y * p, by_x
        e11, e12, e13 = (
            one + by_x * x11 + by_y * y11,
            by_x * x12 + by_y * y12,
            by_x * x13 + by_y * y13,
        )
        e21, e22, e23 = (
            by_x * x21 + by_y * y21,
            one + by_x * x22 + by_y * y22,
            by_x * x23 + by_y * y23,
        )
        e31, e32, e33 = (
            by_x * x31 + by_y * y31,
            by_x * x32 + by_y * y32,
            one + by_x * x33 + by_y * y33,
        )
        w[_EXPONENTIAL + i], w[_EXPONENTIAL + LANES + i] = e11, e12
        w[_EXPONENTIAL + 2 * LANES + i], w[_EXPONENTIAL + 3 * LANES + i] = e13, e21
        w[_EXPONENTIAL + 4 * LANES + i], w[_EXPONENTIAL + 5 * LANES + i] = e22, e23
        w[_EXPONENTIAL + 6 * LANES + i], w[_EXPONENTIAL + 7 * LANES + i] = e31, e32
        w[_EXPONENTIAL + 8 * LANES + i] = e33
        t11, t22, t33 = w[_TRIAL + i], w[_TRIAL + LANES + i], w[_TRIAL + 2 * LANES + i]
        t12, t13 = w[_TRIAL + 3 * LANES + i], w[_TRIAL + 4 * LANES + i]
        t23 = w[_TRIAL + 5 * LANES + i]
        f11, f12 = t11 * e11 + t12 * e21 + t13 * e31, t11 * e12 + t12 * e22 + t13 * e32
        f13, f21 = t11 * e13 + t12 * e23 + t13 * e33, t12 * e11 + t22 * e21 + t23 * e31
        f22, f23 = t12 * e12 + t22 * e22 + t23 * e32, t12 * e13 + t22 * e23 + t23 * e33
        f31, f32 = t13 * e11 + t23 * e21 + t33 * e31, t13 * e12 + t23 * e22 + t33 * e32
        f33 = t13 * e13 + t23 * e23 + t33 * e33
        c11 = e11 * f11 + e21 * f21 + e31 * f31
        c22 = e12 * f12 + e22 * f22 + e32 * f32
        c33 = e13 * f13 + e23 * f23 + e33 * f33
        c12 = e11 * f12 + e21 * f22 + e31 * f32
        c13 = e11 * f13 + e21 * f23 + e31 * f33
        c23 = e12 * f13 + e22 * f23 + e32 * f33
        w[_RIGHT + i], w[_RIGHT + LANES + i], w[_RIGHT + 2 * LANES + i] = c11, c22, c33
        w[_RIGHT + 3 * LANES + i], w[_RIGHT + 4 * LANES + i] = c12, c13
        w[_RIGHT + 5 * LANES + i] = c23
        m11, m22 = w[_STRESS + i], w[_STRESS + LANES + i]
        r0 = 2.0 * m11 + m22 - shear_modulus * (c11 - c33)
        r1 = m11 + 2.0 * m22 - shear_modulus * (c22 - c33)
        r2 = 2.0 * (w[_STRESS + 2 * LANES + i] - shear_modulus * c12)
        r3 = 2.0 * (w[_STRESS + 3 * LANES + i] - shear_modulus * c13)
        r4 = 2.0 * (w[_STRESS + 4 * LANES + i] - shear_modulus * c23)
        w[_RESIDUAL + i], w[_RESIDUAL + LANES + i], w[_RESIDUAL + 2 * LANES + i] = r0, r1, r2
        w[_RESIDUAL + 3 * LANES + i], w[_RESIDUAL + 4 * LANES + i] = r3, r4
        w[_REACHED + i] = np.sqrt(r0 * r0 + r1 * r1 + r2 * r2 + r3 * r3 + r4 * r4)


@compiled(forceinline=True)
def _column(w, i, k, g):
    """Column k of the derivative of the residual without that of M.

    With H = sums of that column exp(-X) changes by -exp(-X) (H + [X, H]/2 + ...), so that C does
    by -(C H + H^T C).
    """
    q = _SUMS + k * LANES + i
    a11, a22, a12, a13 = w[q], w[q + 5 * LANES], w[q + 10 * LANES], w[q + 15 * LANES]
    a23, a21, a31, a32 = w[q + 20 * LANES], w[q + 25 * LANES], w[q + 30 * LANES], w[q + 35 * LANES]
    a33 = -a11 - a22
    x = _EXPONENT + i
    x11, x22, x12, x13 = (
        0.5 * w[x],
        0.5 * w[x + LANES],
        0.5 * w[x + 2 * LANES],
        0.5 * w[x + 3 * LANES],
    )
    x23, x21 = 0.5 * w[x + 4 * LANES], 0.5 * w[x + 5 * LANES]
    x31, x32 = 0.5 * w[x + 6 * LANES], 0.5 * w[x + 7 * LANES]
    x33 = -x11 - x22
    h11 = a11 + x12 * a21 + x13 * a31 - a12 * x21 - a13 * x31
    h22 = a22 + x21 * a12 + x23 * a32 - a21 * x12 - a23 * x32
    h33 = a33 + x31 * a13 + x32 * a23 - a31 * x13 - a32 * x23
    h12 = a12 + x11 * a12 + x12 * a22 + x13 * a32 - a11 * x12 - a12 * x22 - a13 * x32
    h13 = a13 + x11 * a13 + x12 * a23 + x13 * a33 - a11 * x13 - a12 * x23 - a13 * x33
    h21 = a21 + x21 * a11 + x22 * a21 + x23 * a31 - a21 * x11 - a22 * x21 - a23 * x31
    h23 = a23 + x21 * a13 + x22 * a23 + x23 * a33 - a21 * x13 - a22 * x23 - a23 * x33
    h31 = a31 + x31 * a11 + x32 * a21 + x33 * a31 - a31 * x11 - a32 * x21 - a33 * x31
    h32 = a32 + x31 * a12 + x32 * a22 + x33 * a32 - a31 * x12 - a32 * x22 - a33 * x32
    c11, c22, c33 = w[_RIGHT + i], w[_RIGHT + LANES + i], w[_RIGHT + 2 * LANES + i]
    c12, c13 = w[_RIGHT + 3 * LANES + i], w[_RIGHT + 4 * LANES + i]
    c23 = w[_RIGHT + 5 * LANES + i]
    d11 = c11 * h11 + c12 * h21 + c13 * h31
    d22 = c12 * h12 + c22 * h22 + c23 * h32
    d33 = c13 * h13 + c23 * h23 + c33 * h33
    d12 = c11 * h12 + c12 * h22 + c13 * h32 + c12 * h11 + c22 * h21 + c23 * h31
    d13 = c11 * h13 + c12 * h23 + c13 * h33 + c13 * h11 + c23 * h21 + c33 * h31
    d23 = c12 * h13 + c22 * h23 + c23 * h33 + c13 * h12 + c23 * h22 + c33 * h32
    g2 = 2.0 * g
    return g2 * (d11 - d33), g2 * (d22 - d33), g2 * d12, g2 * d13, g2 * d23


@compiled()
def _newton_loop(w, shear_modulus):
    """Step of Newton by elimination without pivots: the matrix is nearly symmetric and positive."""
    for i in range(LANES):
        a00, a10, a20, a30, a40 = _column(w, i, 0, shear_modulus)
        a01, a11, a21, a31, a41 = _column(w, i, 1, shear_modulus)
        a02, a12, a22, a32, a42 = _column(w, i, 2, shear_modulus)
        a03, a13, a23, a33, a43 = _column(w, i, 3, shear_modulus)
        a04, a14, a24, a34, a44 = _column(w, i, 4, shear_modulus)
        a00, a11, a01, a10 = a00 + 2.0, a11 + 2.0, a01 + 1.0, a10 + 1.0
        a22, a33, a44 = a22 + 2.0, a33 + 2.0, a44 + 2.0
        r0, r1 = w[_RESIDUAL + i], w[_RESIDUAL + LANES + i]
        r2, r3 = w[_RESIDUAL + 2 * LANES + i], w[_RESIDUAL + 3 * LANES + i]
        r4 = w[_RESIDUAL + 4 * LANES + i]
        u = 1.0 / a00
        f = a10 * u
        a11, a12, a13, a14, r1 = (
            a11 - f * a01,
            a12 - f * a02,
            a13 - f * a03,
            a14 - f * a04,
            r1 - f * r0,
        )
        f = a20 * u
        a21, a22, a23, a24, r2 = (
            a21 - f * a01,
            a22 - f * a02,
            a23 - f * a03,
            a24 - f * a04,
            r2 - f * r0,
        )
        f = a30 * u
        a31, a32, a33, a34, r3 = (
            a31 - f * a01,
            a32 - f * a02,
            a33 - f * a03,
            a34 - f * a04,
            r3 - f * r0,
        )
        f = a40 * u
        a41, a42, a43, a44, r4 = (
            a41 - f * a01,
            a42 - f * a02,
            a43 - f * a03,
            a44 - f * a04,
            r4 - f * r0,
        )
        v = 1.0 / a11
        f = a21 * v
        a22, a23, a24, r2 = a22 - f * a12, a23 - f * a13, a24 - f * a14, r2 - f * r1
        f = a31 * v
        a32, a33, a34, r3 = a32 - f * a12, a33 - f * a13, a34 - f * a14, r3 - f * r1
        f = a41 * v
        a42, a43, a44, r4 = a42 - f * a12, a43 - f * a13, a44 - f * a14, r4 - f * r1
        q = 1.0 / a22
        f = a32 * q
        a33, a34, r3 = a33 - f * a23, a34 - f * a24, r3 - f * r2
        f = a42 * q
        a43, a44, r4 = a43 - f * a23, a44 - f * a24, r4 - f * r2
        t = 1.0 / a33
        f = a43 * t
        a44, r4 = a44 - f * a34, r4 - f * r3
        n4 = r4 / a44
        n3 = (r3 - a34 * n4) * t
        n2 = (r2 - a23 * n3 - a24 * n4) * q
        n1 = (r1 - a12 * n2 - a13 * n3 - a14 * n4) * v
        n0 = (r0 - a01 * n1 - a02 * n2 - a03 * n3 - a04 * n4) * u
        # accept where the residual has fallen, or nothing shorter helps
        far = not w[_REACHED + i] < 0.2 * shear_modulus and w[_SIZE + i] == np.inf
        good = w[_REACHED + i] < max(w[_SIZE + i], 1e-5 * shear_modulus) or w[_SCALE + i] < 1e-3
        scale = 1.0 if good or far else 0.5 * w[_SCALE + i]
        w[_SCALE + i] = scale
        w[_SIZE + i] = w[_REACHED + i] if good and not far else w[_SIZE + i]
        m0 = w[_STRESS + i] if good or far else w[_KEPT + i]
        m1 = w[_STRESS + LANES + i] if good or far else w[_KEPT + LANES + i]
        m2 = w[_STRESS + 2 * LANES + i] if good or far else w[_KEPT + 2 * LANES + i]
        m3 = w[_STRESS + 3 * LANES + i] if good or far else w[_KEPT + 3 * LANES + i]
        m4 = w[_STRESS + 4 * LANES + i] if good or far else w[_KEPT + 4 * LANES + i]
        # a start with slips beyond all measure is moved towards no stress
        n0, n1, n2 = (0.4 * m0, 0.4 * m1, 0.4 * m2) if far else (n0, n1, n2)
        n3, n4 = (0.4 * m3, 0.4 * m4) if far else (n3, n4)
        good = good or far
        n0 = n0 if good else w[_NEWTON + i]
        n1 = n1 if good else w[_NEWTON + LANES + i]
        n2 = n2 if good else w[_NEWTON + 2 * LANES + i]
        n3 = n3 if good else w[_NEWTON + 3 * LANES + i]
        n4 = n4 if good else w[_NEWTON + 4 * LANES + i]
        w[_KEPT + i], w[_KEPT + LANES + i], w[_KEPT + 2 * LANES + i] = m0, m1, m2
        w[_KEPT + 3 * LANES + i], w[_KEPT + 4 * LANES + i] = m3, m4
        w[_NEWTON + i], w[_NEWTON + LANES + i], w[_NEWTON + 2 * LANES + i] = n0, n1, n2
        w[_NEWTON + 3 * LANES + i], w[_NEWTON + 4 * LANES + i] = n3, n4
        w[_STRESS + i] = m0 - scale * n0
        w[_STRESS + LANES + i] = m1 - scale * n1
        w[_STRESS + 2 * LANES + i] = m2 - scale * n2
        w[_STRESS + 3 * LANES + i] = m3 - scale * n3
        w[_STRESS + 4 * LANES + i] = m4 - scale * n4


@compiled()
def _iterate_loop(w, dt, law, tolerance, most):
    """Newton's method for all grains of a batch; the number of iterations, or -1."""
    turned, slip, twin, shear_modulus = law[1], law[2], law[3], law[4]
    n, n_twin = turned.shape[0], turned.shape[1]
    for i in range(LANES):
        w[_SIZE + i] = np.inf
        w[_SCALE + i] = 1.0
    for iteration in range(most):
        for i in range(LANES):
            w[_ERROR + i] = 0.0
        if n_twin:
            _twins_loop(w, n, n_twin, dt, twin)
        _slips_loop(w, n, dt, slip, True)
        _slips_loop(w, n, dt, slip, False)
        _sum_loop(w, n + n_twin)
        _residual_loop(w, shear_modulus)
        aim, solved = tolerance * shear_modulus, 0
        for i in range(LANES):  # what is no number is not solved
            solved += 1 if w[_REACHED + i] <= aim and w[_ERROR + i] <= aim else 0
        if solved == LANES:
            return iteration
        _newton_loop(w, shear_modulus)
    return -1


@compiled()
def _solve_loop(w, dt, ratio, law, tolerance):
    """Stress at the end of a stage of length dt; the number of iterations, or -1.

    Where Newton's method fails from the extrapolated stress, as it may where a law hardly depends
    on the rate, it goes from the stress before by stages that are first too short to slip much.
    """
    n, n_twin = law[1].shape[0], law[1].shape[1]
    _held_loop(w, n, law[2], ratio)
    if n_twin:
        _race_loop(w, n, n_twin, dt, law[3])
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
                    w[_STRESS + k * LANES + i] = w[_BEFORE + k * LANES + i]


@compiled(forceinline=True)
def _resistance(step, rate, twin):
    """Stress tau_0 (step / rate)^m that dissipates as a fraction grows by a step."""
    return twin[0] * (step / rate) ** (1.0 / twin[2]) if step > 0.0 else 0.0


@compiled()
def _stage_loop(w, c, dt, ratio, law, tolerance):
    """Solve for the stress at the end of a stage, given what is known of X; iterations, or -1.

    `ratio` is that of the stage to the one before it, whose slips are still there.
    """
    slip = law[2]
    for a in range(law[1].shape[0]):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        decay = slip[a, 3]
        for i in range(LANES):
            s[_LEFT + i] = _decay(decay * s[_E + i])
    _trial_loop(w, c)
    return _solve_loop(w, dt, ratio, law, tolerance)


@compiled()
def _begin_step_loop(w, ratio, law, stages):
    """Extrapolate the stress and the twins to the end of the first stage."""
    schmid, turned = law[0], law[1]
    n, n_twin = turned.shape[0], turned.shape[1]
    part = ratio if stages == 1 else ratio * FIRST_STAGE
    for k in range(5):
        for i in range(LANES):
            m = w[_STRESS + k * LANES + i]
            w[_STRESS + k * LANES + i] = m + part * (m - w[_BEFORE + k * LANES + i])
            w[_BEFORE + k * LANES + i] = m
    for k in range(8):
        for i in range(LANES):
            w[_KNOWN + k * LANES + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            now = s[_E + i]
            s[_AHEAD + i] = max(now + part * (now - s[_PAST + i]), 0.0)
            s[_PAST + i] = now
    if n_twin:
        _turn_loop(w, n, n_twin, schmid, turned)


@compiled()
def _second_stage_loop(w, dt, law):
    """Go from the first stage to the start of the second: what the first has is known to it."""
    schmid, turned, slip, twin = law[0], law[1], law[2], law[3]
    n, n_twin = turned.shape[0], turned.shape[1]
    ahead = (1.0 - FIRST_STAGE) / FIRST_STAGE
    for k in range(8):
        for i in range(LANES):
            w[_KNOWN + k * LANES + i] = ahead * w[_EXPONENT + k * LANES + i]
    for k in range(5):
        for i in range(LANES):
            m = w[_BEFORE + k * LANES + i]
            w[_STRESS + k * LANES + i] = m + (w[_STRESS + k * LANES + i] - m) * (1.0 / FIRST_STAGE)
    for a in range(n):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        tau_0 = slip[a, 0]
        for i in range(LANES):
            step = ahead * abs(s[_MOVE + i])
            s[_E + i] += step
            w[_DISSIPATED + i] += tau_0 * s[_Y + i] * step
    if n_twin:
        _grow_twins_loop(w, n, n_twin, dt, ahead, twin)
        _turn_loop(w, n, n_twin, schmid, turned)


@compiled()
def _grow_twins_loop(w, n, n_twin, dt, ahead, twin):
    """Go on by `ahead` times what the twins moved in a stage, to no less than none of each.

    Where they would be more than the grain, all moves are shortened by the same factor.
    """
    for i in range(LANES):
        w[_TOTAL + i] = 0.0
        w[_ADDED + i] = 0.0
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            before = s[_E + i]
            w[_TOTAL + i] += before
            w[_ADDED + i] += max(ahead * (s[_LEFT + i] - before), -before)
    for i in range(LANES):
        room = max(_FULL - w[_TOTAL + i], 0.0)
        w[_MOST + i] = room / w[_ADDED + i] if w[_ADDED + i] > room else 1.0
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            before, step = s[_E + i], s[_LEFT + i] - s[_E + i]
            moved = w[_MOST + i] * max(ahead * step, -before)
            back = twin[4] * (moved - ahead * step)  # what the bounds take
            w[_DISSIPATED + i] += abs(moved) * _resistance(abs(step), dt * twin[1], twin)
            s[_AHEAD + i] = max(before + step / FIRST_STAGE, 0.0)
            s[_E + i] = s[_LEFT + i] = max(before + moved, 0.0)
            for k in range(8):
                w[_KNOWN + k * LANES + i] += back * s[_P + k * LANES + i]


@compiled()
def _end_step_loop(w, dt, law):
    """B = B_n exp(-X), and the slips and fractions of the last stage."""
    slip, twin = law[2], law[3]
    n, n_twin = law[1].shape[0], law[1].shape[1]
    for i in range(LANES):
        e11, e12 = w[_EXPONENTIAL + i], w[_EXPONENTIAL + LANES + i]
        e13, e21 = w[_EXPONENTIAL + 2 * LANES + i], w[_EXPONENTIAL + 3 * LANES + i]
        e22, e23 = w[_EXPONENTIAL + 4 * LANES + i], w[_EXPONENTIAL + 5 * LANES + i]
        e31, e32 = w[_EXPONENTIAL + 6 * LANES + i], w[_EXPONENTIAL + 7 * LANES + i]
        e33 = w[_EXPONENTIAL + 8 * LANES + i]
        for r in range(0, 9 * LANES, 3 * LANES):
            b1, b2 = w[_INVERSE + r + i], w[_INVERSE + r + LANES + i]
            b3 = w[_INVERSE + r + 2 * LANES + i]
            w[_INVERSE + r + i] = b1 * e11 + b2 * e21 + b3 * e31
            w[_INVERSE + r + LANES + i] = b1 * e12 + b2 * e22 + b3 * e32
            w[_INVERSE + r + 2 * LANES + i] = b1 * e13 + b2 * e23 + b3 * e33
    for a in range(n):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        tau_0 = slip[a, 0]
        for i in range(LANES):
            step = abs(s[_MOVE + i])
            s[_E + i] += step
            w[_DISSIPATED + i] += tau_0 * s[_Y + i] * step
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            step = abs(s[_LEFT + i] - s[_E + i])
            w[_DISSIPATED + i] += step * _resistance(step, dt * twin[1], twin)
            s[_E + i] = s[_LEFT + i]


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
        iterations = _stage_loop(w, there, part, 1.0 if stage else ratio, law, tolerance)
        if iterations < 0:
            return -1
        total += iterations
    _end_step_loop(w, part, law)
    return total


@compiled()
def path_loop(w, middle, c, dt, law, tolerance, stages, weights, sums, activity, energy, each):
    """Move a batch along a path; the number of times that were reached.

    Adds to sums the weighted B B^T (11, 22, 33, 12, 13, 23), shape (n_times, 6); to activity the
    slips, shape (n_times, n_systems), to energy what is stored and what was dissipated, shape
    (n_times, 2); and writes B B^T of each grain where there is room.
    """
    for k in range(len(dt)):
        ratio = dt[k] / dt[k - 1] if k > 1 else 0.0
        one = 1 if k == 0 else stages
        if advance_loop(w, middle[k], c[k], dt[k], ratio, law, tolerance, one) < 0:
            return k
        _summary_loop(w, law, weights, sums[k], activity[k], energy[k])
        if each.shape[1]:
            for i in range(LANES):
                for r in range(6):
                    each[k, i, r] = w[_PRODUCT + r * LANES + i]
    return len(dt)


@compiled()
def _summary_loop(w, law, weights, sums, activity, energy):
    """Add the weighted B B^T (11, 22, 33, 12, 13, 23) to sums, slips to activity, and energies."""
    for i in range(LANES):
        b11, b12, b13 = w[_INVERSE + i], w[_INVERSE + LANES + i], w[_INVERSE + 2 * LANES + i]
        b21, b22 = w[_INVERSE + 3 * LANES + i], w[_INVERSE + 4 * LANES + i]
        b23, b31 = w[_INVERSE + 5 * LANES + i], w[_INVERSE + 6 * LANES + i]
        b32, b33 = w[_INVERSE + 7 * LANES + i], w[_INVERSE + 8 * LANES + i]
        w[_PRODUCT + i] = b11 * b11 + b12 * b12 + b13 * b13
        w[_PRODUCT + LANES + i] = b21 * b21 + b22 * b22 + b23 * b23
        w[_PRODUCT + 2 * LANES + i] = b31 * b31 + b32 * b32 + b33 * b33
        w[_PRODUCT + 3 * LANES + i] = b11 * b21 + b12 * b22 + b13 * b23
        w[_PRODUCT + 4 * LANES + i] = b11 * b31 + b12 * b32 + b13 * b33
        w[_PRODUCT + 5 * LANES + i] = b21 * b31 + b22 * b32 + b23 * b33
    for k in range(6):
        for i in range(LANES):
            sums[k] += weights[i] * w[_PRODUCT + k * LANES + i]
    for a in range(len(activity)):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        for i in range(LANES):
            activity[a] += weights[i] * s[_E + i]
    slip, twin = law[2], law[3]
    n, n_twin = law[1].shape[0], law[1].shape[1]
    for i in range(LANES):
        w[_TOTAL + i] = 0.0
        w[_REACHED + i] = 0.0
    _held_loop(w, n, slip, 0.0)
    for a in range(n):
        s = w[_SYSTEMS + a * _BLOCK : _SYSTEMS + (a + 1) * _BLOCK]
        decay, sigma = slip[a, 3], slip[a, 4]
        for i in range(LANES):
            e = s[_E + i]
            z = decay * e
            # 1 - (1 - exp(-z))/z, of which rounding leaves nothing where z is small
            near = z * (0.5 - z * (1.0 / 6.0 - z * (1.0 / 24.0 - z * (1.0 / 120.0))))
            part = near if z < 1e-3 else 1.0 - (1.0 - _decay(z)) / z
            w[_REACHED + i] += (sigma * part + 0.5 * s[_HELD + i]) * e
    for b in range(n, n + n_twin):
        s = w[_SYSTEMS + b * _BLOCK : _SYSTEMS + (b + 1) * _BLOCK]
        for i in range(LANES):
            e = s[_E + i]
            w[_TOTAL + i] += e
            w[_REACHED + i] += (0.5 * twin[3] - twin[6]) * e * e
    for i in range(LANES):
        stored = w[_REACHED + i] + twin[6] * w[_TOTAL + i] * w[_TOTAL + i]
        energy[0] += weights[i] * stored
        energy[1] += weights[i] * w[_DISSIPATED + i]


# What is kept of a batch: B, M now and before, what is dissipated; then of each system y, e and its
# move, and of a twin its fraction now and before as well.
_KEPT_ROWS = 20


def kept_size(law: CrystalLaw) -> int:
    """Numbers of a grain that a step leaves to the next: what `points_loop` keeps of a batch."""
    return _KEPT_ROWS + 3 * law.systems.n_slip + 5 * law.systems.n_twin


@compiled(forceinline=True)
def _keep_row(w, place, kept, at, back):
    """Copy a row from the batch to what is kept, or back."""
    for i in range(LANES):
        if back:
            w[place + i] = kept[at + i]
        else:
            kept[at + i] = w[place + i]


@compiled()
def _keep_loop(w, kept, n, n_twin, back):
    """Take what a step needs of the one before from the batch, or give it back."""
    for k in range(9):
        _keep_row(w, _INVERSE + k * LANES, kept, k * LANES, back)
    for k in range(5):
        _keep_row(w, _STRESS + k * LANES, kept, (9 + k) * LANES, back)
        _keep_row(w, _BEFORE + k * LANES, kept, (14 + k) * LANES, back)
    _keep_row(w, _DISSIPATED, kept, 19 * LANES, back)
    at = _KEPT_ROWS * LANES
    for a in range(n + n_twin):
        s = _SYSTEMS + a * _BLOCK
        _keep_row(w, s + _Y, kept, at, back)
        _keep_row(w, s + _E, kept, at + LANES, back)
        _keep_row(w, s + _MOVE, kept, at + 2 * LANES, back)
        at += 3 * LANES
        if a >= n:
            _keep_row(w, s + _LEFT, kept, at, back)
            _keep_row(w, s + _PAST, kept, at + LANES, back)
            at += 2 * LANES


@compiled()
def begin_points_loop(kept, rotations, schmid, law):
    """What is kept of unstrained batches, shape (n_batches, kept_size LANES)."""
    n, n_twin = law[1].shape[0], law[1].shape[1]
    w = np.empty(_SYSTEMS + len(schmid) * _BLOCK)
    for batch in range(len(kept)):
        begin_loop(w, rotations[batch * LANES : (batch + 1) * LANES], schmid)
        _keep_loop(w, kept[batch], n, n_twin, False)


@compiled()
def points_loop(
    c, before, kept, dt, ratio, rotations, schmid, law, tolerance, stages, weights, out
):
    """Move many points, each of the same grains, over one step; how many found no solution.

    A step without a solution is tried again in four parts, and in sixteen, along which Cbar goes
    straight from what it was.

    Parameters
    ----------
    c, before : ndarray, shape (n_points, 6)
        Cbar at the end of the step and at its start: 11, 22, 33, 12, 13, 23.
    kept : ndarray, shape (n_points, n_batches, kept_size LANES)
        What the grains were left in.
    dt, ratio : float
        Length of the step, s, and over that of the step before.
    rotations, schmid, law, tolerance, stages
        As in `begin_loop` and `advance_loop`.
    weights : ndarray, shape (n_batches LANES,)
        Of the grains.
    out : ndarray, shape (n_points, 6)
        Written: average of B B^T, or NaN.
    """
    n, n_twin = law[1].shape[0], law[1].shape[1]
    w = np.empty(_SYSTEMS + len(schmid) * _BLOCK)
    begin_loop(w, rotations[:LANES], schmid)
    middle, end = np.empty(6), np.empty(6)
    lost = 0
    for point in range(len(c)):
        out[point] = 0.0
        for batch in range(kept.shape[1]):
            parts = 1
            while True:
                _keep_loop(w, kept[point, batch], n, n_twin, True)
                done = True
                for part in range(parts):
                    from_here, to = part / parts, (part + 1.0) / parts
                    _isochoric(before[point], c[point], to, end)
                    if stages == 2:
                        there = from_here + FIRST_STAGE * (to - from_here)
                        _isochoric(before[point], c[point], there, middle)
                    own = 1.0 if part else ratio / parts
                    if advance_loop(w, middle, end, dt / parts, own, law, tolerance, stages) < 0:
                        done = False
                        break
                if done or parts == 16:
                    break
                parts *= 4
            if not done:
                lost += 1
                out[point] = np.nan
                break
            _keep_loop(w, kept[point, batch], n, n_twin, False)
            _average_loop(w, weights[batch * LANES : (batch + 1) * LANES], out[point])
    return lost


@compiled()
def _isochoric(start, stop, share, out):
    """A tensor between two of determinant one, scaled to determinant one."""
    for k in range(6):
        out[k] = start[k] + share * (stop[k] - start[k])
    det = (
        out[0] * (out[1] * out[2] - out[5] * out[5])
        - out[3] * (out[3] * out[2] - out[5] * out[4])
        + out[4] * (out[3] * out[5] - out[1] * out[4])
    )
    scale = 1.0 / np.cbrt(det)
    for k in range(6):
        out[k] *= scale


@compiled()
def _average_loop(w, weights, out):
    """Add the weighted B B^T (11, 22, 33, 12, 13, 23)."""
    for i in range(LANES):
        b11, b12, b13 = w[_INVERSE + i], w[_INVERSE + LANES + i], w[_INVERSE + 2 * LANES + i]
        b21, b22 = w[_INVERSE + 3 * LANES + i], w[_INVERSE + 4 * LANES + i]
        b23, b31 = w[_INVERSE + 5 * LANES + i], w[_INVERSE + 6 * LANES + i]
        b32, b33 = w[_INVERSE + 7 * LANES + i], w[_INVERSE + 8 * LANES + i]
        share = weights[i]
        out[0] += share * (b11 * b11 + b12 * b12 + b13 * b13)
        out[1] += share * (b21 * b21 + b22 * b22 + b23 * b23)
        out[2] += share * (b31 * b31 + b32 * b32 + b33 * b33)
        out[3] += share * (b11 * b21 + b12 * b22 + b13 * b23)
        out[4] += share * (b11 * b31 + b12 * b32 + b13 * b33)
        out[5] += share * (b21 * b31 + b22 * b32 + b23 * b33)
