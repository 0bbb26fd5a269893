"""Plastic flow in blocks of points: elastic, with Voce's and with Johnson and Cook's hardening.

The elastic law is that of `nlbook.crystals`, an energy of C_e = F Cp^-1 F^T and J = det F,

    W = G/2 (tr C_e J^(-2/3) - 3) + K/2 (J - 1)^2,
    tau = G dev(C_e) J^(-2/3) + K (J - 1) J I,

and the state is Cp^-1, of determinant one, in the undeformed frame. In a step the trial stress s is
scaled back to the yield stress along its own direction [1]_: with m = G tr(C_e) J^(-2/3) / 3::

    sqrt(3/2) |s| - 3 m dp = yield(p + dp, dp/dt),

dp the plastic strain of the step; and Cp^-1 becomes F^-1 (s/G + z I) F^-T J^(2/3), where z keeps
its determinant one.

References
----------
.. [1] J. C. Simo, Comput. Methods Appl. Mech. Eng. 99 (1992) 61; without its error in det Cp.
"""

from __future__ import annotations

import math

import numpy as np

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES
from nlbook.impact.row_loops import copy_rows

__all__ = ["STATE", "elastic_loop", "johnson_cook_loop", "voce_loop"]

#: rows of a point's state: Cp^-1 (11, 22, 33, 12, 13, 23), plastic strain, plastic work per
#: undeformed volume, temperature
STATE = 9

_L = LANES
# Places in the flat array of a block's work: constants, so that loops along rows become vector
# code. s (6), J, J^(-1/3), trace of C_e J^(-2/3), dp, yield stress; F (9); the state.
_JAC, _ROOT, _TRACE, _STEP, _YIELD = 6 * _L, 7 * _L, 8 * _L, 9 * _L, 10 * _L
_F, _Z = 11 * _L, 20 * _L
_PLASTIC, _WORK, _HEAT = _Z + 6 * _L, _Z + 7 * _L, _Z + 8 * _L
_SIZE = _Z + STATE * _L
_MOST = 60  # iterations of a scalar root


@compiled()
def elastic_loop(deformation, stress, shear, bulk):
    """tau of blocks that are elastic."""
    w = np.empty(_SIZE)
    w[_Z : _Z + 3 * _L] = 1.0
    w[_Z + 3 * _L :] = 0.0
    for block in range(len(stress) // (6 * _L)):
        copy_rows(deformation, block * 9 * _L, w, _F, 9 * _L)
        _trial(w, shear)
        _write(w, bulk)
        copy_rows(w, 0, stress, block * 6 * _L, 6 * _L)


@compiled()
def voce_loop(deformation, state, stress, dt, law):
    """tau and the new state of blocks under Voce's law.

    yield = (a + h p + q (1 - exp(-p / e))) (1 + (dp / (dt rate))^(m)), of
    law = (G, K, a, h, q, 1/e, rate, 1/m); rate = 0 stands for no dependence on it.
    """
    shear, bulk, start, slope, more, decay, rate, power = law
    w = np.empty(_SIZE)
    for block in range(len(stress) // (6 * _L)):
        copy_rows(deformation, block * 9 * _L, w, _F, 9 * _L)
        copy_rows(state, block * STATE * _L, w, _Z, STATE * _L)
        _trial(w, shear)
        flows = False
        for i in range(_L):
            p = w[_PLASTIC + i]
            drive = _equivalent(w, i)
            back = shear * w[_TRACE + i]
            w[_STEP + i] = 0.0
            now = start + slope * p + more * (1.0 - math.exp(-decay * p))
            if not drive > now or (rate > 0.0 and dt <= 0.0):  # in no time it is elastic
                continue
            flows = True
            # y: the share of the yield stress that the rate adds, or else dp itself
            full = rate * dt if rate > 0.0 else 1.0
            exponent = power if rate > 0.0 else 1.0
            low, high = 0.0, (drive / back / full) ** (1.0 / exponent)
            y = 0.0 if rate <= 0.0 else 0.5 * high
            for _ in range(_MOST):
                step = full * y**exponent
                rise = full * exponent * y ** (exponent - 1.0)
                gone = math.exp(-decay * (p + step))
                flow = start + slope * (p + step) + more * (1.0 - gone)
                hard = (slope + more * decay * gone) * rise
                over = 1.0 + y if rate > 0.0 else 1.0
                value = drive - back * step - flow * over
                change = -back * rise - hard * over - (flow if rate > 0.0 else 0.0)
                if value > 0.0:
                    low = y
                else:
                    high = y
                new = y - value / change
                if not low <= new <= high:
                    new = 0.5 * (low + high)
                moved = abs(new - y)
                y = new
                if moved <= 1e-14 * y:
                    break
            w[_STEP + i] = full * y**exponent
            w[_YIELD + i] = drive - back * w[_STEP + i]
        if flows:
            _flow(w, shear)
            copy_rows(w, _Z, state, block * STATE * _L, STATE * _L)
        _write(w, bulk)
        copy_rows(w, 0, stress, block * 6 * _L, 6 * _L)


@compiled()
def johnson_cook_loop(deformation, state, stress, dt, law):
    """tau and the new state of blocks under Johnson and Cook's law, heated by their own flow.

    yield = (a + b p^n) (1 + c log(max(dp / (dt rate), 1))) (1 - ((T - room)/(melt - room))^m),
    rho c_p dT = share yield dp, of law = (G, K, a, b, n, c, rate, room, melt, m,
    share / (rho c_p)). A step's yield stress is that of the temperature at its start.
    """
    shear, bulk, start, more, power, sensitivity, rate, room, melt, softening, heating = law
    w = np.empty(_SIZE)
    for block in range(len(stress) // (6 * _L)):
        copy_rows(deformation, block * 9 * _L, w, _F, 9 * _L)
        copy_rows(state, block * STATE * _L, w, _Z, STATE * _L)
        _trial(w, shear)
        flows = False
        for i in range(_L):
            p, temperature = w[_PLASTIC + i], w[_HEAT + i]
            drive = _equivalent(w, i)
            back = shear * w[_TRACE + i]
            w[_STEP + i] = 0.0
            share = min(max((temperature - room) / (melt - room), 0.0), 1.0)
            soft = 1.0 - (share**softening if share > 0.0 else 0.0)
            now = (start + (more * p**power if p > 0.0 else 0.0)) * soft
            if not drive > now:
                continue
            flows = True
            low, high = 0.0, drive / back
            step = (drive - now) / back
            least = rate * dt
            for _ in range(_MOST):
                q = p + step
                hard = start + more * q**power if q > 0.0 else start
                slope = more * power * q ** (power - 1.0) if q > 0.0 else 0.0
                fast = step > least and sensitivity > 0.0
                factor = 1.0 + sensitivity * math.log(step / least) if fast else 1.0
                value = drive - back * step - hard * factor * soft
                change = -back - slope * factor * soft
                change -= hard * soft * sensitivity / step if fast else 0.0
                if value > 0.0:
                    low = step
                else:
                    high = step
                new = step - value / change
                if not low <= new <= high:
                    new = 0.5 * (low + high)
                moved = abs(new - step)
                step = new
                if moved <= 1e-14 * step or high - low <= 1e-300:
                    break
            w[_STEP + i] = step
            w[_YIELD + i] = drive - back * step
            w[_HEAT + i] = temperature + heating * step * w[_YIELD + i]
        if flows:
            _flow(w, shear)
            copy_rows(w, _Z, state, block * STATE * _L, STATE * _L)
        _write(w, bulk)
        copy_rows(w, 0, stress, block * 6 * _L, 6 * _L)


@compiled(forceinline=True)
def _equivalent(w, i):
    """sqrt(3/2) |s|."""
    a, b, c = w[i], w[_L + i], w[2 * _L + i]
    d, e, f = w[3 * _L + i], w[4 * _L + i], w[5 * _L + i]
    return math.sqrt(1.5 * (a * a + b * b + c * c) + 3.0 * (d * d + e * e + f * f))


@compiled(forceinline=True)
def _trial(w, shear):
    """s = G dev(C_e) J^(-2/3) with Cp^-1 as it was."""
    for i in range(_L):
        f11, f12, f13 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
        f21, f22, f23 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
        f31, f32, f33 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
        w[_JAC + i] = (
            f11 * (f22 * f33 - f23 * f32)
            + f12 * (f23 * f31 - f21 * f33)
            + f13 * (f21 * f32 - f22 * f31)
        )
    for i in range(_L):
        # J^(-1/3): Newton's method from a Pade approximant, to rounding for J from 0.2 to 5
        jacobian = w[_JAC + i]
        y = (jacobian + 2.0) / (2.0 * jacobian + 1.0)
        y *= (4.0 - jacobian * y * y * y) * (1.0 / 3.0)
        y *= (4.0 - jacobian * y * y * y) * (1.0 / 3.0)
        y *= (4.0 - jacobian * y * y * y) * (1.0 / 3.0)
        y *= (4.0 - jacobian * y * y * y) * (1.0 / 3.0)
        y *= (4.0 - jacobian * y * y * y) * (1.0 / 3.0)
        w[_ROOT + i] = y
    for i in range(_L):
        if not 0.2 <= w[_JAC + i] <= 5.0:
            w[_ROOT + i] = 1.0 / np.cbrt(w[_JAC + i])
    for i in range(_L):
        f11, f12, f13 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
        f21, f22, f23 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
        f31, f32, f33 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
        c11, c22, c33 = w[_Z + i], w[_Z + _L + i], w[_Z + 2 * _L + i]
        c12, c13, c23 = w[_Z + 3 * _L + i], w[_Z + 4 * _L + i], w[_Z + 5 * _L + i]
        a1, a2 = f11 * c11 + f12 * c12 + f13 * c13, f11 * c12 + f12 * c22 + f13 * c23
        a3 = f11 * c13 + f12 * c23 + f13 * c33
        e11 = a1 * f11 + a2 * f12 + a3 * f13
        e12 = a1 * f21 + a2 * f22 + a3 * f23
        e13 = a1 * f31 + a2 * f32 + a3 * f33
        a1, a2 = f21 * c11 + f22 * c12 + f23 * c13, f21 * c12 + f22 * c22 + f23 * c23
        a3 = f21 * c13 + f22 * c23 + f23 * c33
        e22 = a1 * f21 + a2 * f22 + a3 * f23
        e23 = a1 * f31 + a2 * f32 + a3 * f33
        a1, a2 = f31 * c11 + f32 * c12 + f33 * c13, f31 * c12 + f32 * c22 + f33 * c23
        e33 = a1 * f31 + a2 * f32 + (f31 * c13 + f32 * c23 + f33 * c33) * f33
        root = w[_ROOT + i]
        scale = shear * root * root
        trace = e11 + e22 + e33
        mean = trace * (1.0 / 3.0)
        w[i], w[_L + i], w[2 * _L + i] = (
            scale * (e11 - mean),
            scale * (e22 - mean),
            scale * (e33 - mean),
        )
        w[3 * _L + i], w[4 * _L + i], w[5 * _L + i] = scale * e12, scale * e13, scale * e23
        w[_TRACE + i] = trace * root * root


@compiled(forceinline=True)
def _flow(w, shear):
    """Scale s back where dp > 0, and write Cp^-1, plastic strain and work there."""
    for i in range(_L):
        step = w[_STEP + i]
        moves = step > 0.0
        flow = w[_YIELD + i] if moves else 0.0
        # back = 3 m: sqrt(3/2) |s| falls from flow + 3 m dp to flow
        scale = flow / (flow + shear * w[_TRACE + i] * step) if moves else 1.0
        s1, s2, s3 = scale * w[i], scale * w[_L + i], scale * w[2 * _L + i]
        s4, s5, s6 = scale * w[3 * _L + i], scale * w[4 * _L + i], scale * w[5 * _L + i]
        w[i], w[_L + i], w[2 * _L + i] = s1, s2, s3
        w[3 * _L + i], w[4 * _L + i], w[5 * _L + i] = s4, s5, s6
        over = 1.0 / shear
        s1, s2, s3, s4, s5, s6 = s1 * over, s2 * over, s3 * over, s4 * over, s5 * over, s6 * over
        half = 0.5 * (s1 * s1 + s2 * s2 + s3 * s3) + s4 * s4 + s5 * s5 + s6 * s6
        det = s1 * (s2 * s3 - s6 * s6) - s4 * (s4 * s3 - s6 * s5) + s5 * (s4 * s6 - s2 * s5)
        # det(s/G + y I) = y^3 - half y + det = 1, by Newton from the trial's trace
        y = w[_TRACE + i] * (1.0 / 3.0)
        y -= (y * y * y - half * y + det - 1.0) / (3.0 * y * y - half)
        y -= (y * y * y - half * y + det - 1.0) / (3.0 * y * y - half)
        y -= (y * y * y - half * y + det - 1.0) / (3.0 * y * y - half)
        y -= (y * y * y - half * y + det - 1.0) / (3.0 * y * y - half)
        s1, s2, s3 = s1 + y, s2 + y, s3 + y
        f11, f12, f13 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
        f21, f22, f23 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
        f31, f32, f33 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
        g11, g12, g13 = f22 * f33 - f23 * f32, f13 * f32 - f12 * f33, f12 * f23 - f13 * f22
        g21, g22, g23 = f23 * f31 - f21 * f33, f11 * f33 - f13 * f31, f13 * f21 - f11 * f23
        g31, g32, g33 = f21 * f32 - f22 * f31, f12 * f31 - f11 * f32, f11 * f22 - f12 * f21
        # F^-1 = g / J, and the factor J^(2/3)
        root = w[_ROOT + i]
        scale = root * root * root * root
        a1, a2 = g11 * s1 + g12 * s4 + g13 * s5, g11 * s4 + g12 * s2 + g13 * s6
        a3 = g11 * s5 + g12 * s6 + g13 * s3
        c11 = a1 * g11 + a2 * g12 + a3 * g13
        c12 = a1 * g21 + a2 * g22 + a3 * g23
        c13 = a1 * g31 + a2 * g32 + a3 * g33
        a1, a2 = g21 * s1 + g22 * s4 + g23 * s5, g21 * s4 + g22 * s2 + g23 * s6
        a3 = g21 * s5 + g22 * s6 + g23 * s3
        c22 = a1 * g21 + a2 * g22 + a3 * g23
        c23 = a1 * g31 + a2 * g32 + a3 * g33
        a1, a2 = g31 * s1 + g32 * s4 + g33 * s5, g31 * s4 + g32 * s2 + g33 * s6
        c33 = a1 * g31 + a2 * g32 + (g31 * s5 + g32 * s6 + g33 * s3) * g33
        w[_Z + i] = scale * c11 if moves else w[_Z + i]
        w[_Z + _L + i] = scale * c22 if moves else w[_Z + _L + i]
        w[_Z + 2 * _L + i] = scale * c33 if moves else w[_Z + 2 * _L + i]
        w[_Z + 3 * _L + i] = scale * c12 if moves else w[_Z + 3 * _L + i]
        w[_Z + 4 * _L + i] = scale * c13 if moves else w[_Z + 4 * _L + i]
        w[_Z + 5 * _L + i] = scale * c23 if moves else w[_Z + 5 * _L + i]
        w[_PLASTIC + i] += step
        w[_WORK + i] += flow * step


@compiled(forceinline=True)
def _write(w, bulk):
    """tau = s + K (J - 1) J I."""
    for i in range(_L):
        mean = bulk * (w[_JAC + i] - 1.0) * w[_JAC + i]
        w[i], w[_L + i], w[2 * _L + i] = w[i] + mean, w[_L + i] + mean, w[2 * _L + i] + mean
