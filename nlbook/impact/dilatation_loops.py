"""Hexahedra with eight points whose change of volume is that of the whole element.

At the points of Gauss, of weights w (volumes that share the element's V_0), with gradients B_I,

    F = sum x_I (x) B_I,    J = det F,    Jm = sum w J / V_0,    Fm = (Jm / J)^(1/3) F,

and the material sees Fm, so that no volume is locked [1]_. The forces are the slope of its energy:

    f_I = sum w dev(tau) b_I + (sum w tr(tau) / 3) bm_I,
    b_I = F^-T B_I,    bm_I = sum w J b_I / sum w J.

Nothing is left that the points do not see, so there is no hourglass force. The bulk viscosity acts
on the rate of Jm, as in `nlbook.impact.hexahedron_loops`; the largest frequency obeys
omega^2 <= 8 c^2 sum w J b.b / V_0, a sum over points and nodes.

References
----------
.. [1] J. C. Simo, R. L. Taylor and K. S. Pister, Comput. Methods Appl. Mech. Eng. 51 (1985) 177.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES
from nlbook.impact.row_loops import copy_rows, gradient_rows

__all__ = ["DILATATION_MOTION", "DILATATION_REFERENCE", "dilatation_force", "dilatation_motion"]

#: rows of an undeformed element: B of each point (8 times 24, by direction), w (8), 1/V_0, and
#: V_0, which is none for what fills the last block
DILATATION_REFERENCE = 202
#: rows of an element's motion: (J / Jm)^(1/3) of each point, and the rate of log Jm
DILATATION_MOTION = 9

_L = LANES
_WEIGHTS, _OVER, _VOLUME = 192 * _L, 200 * _L, 201 * _L
# places in the flat array of a block's work, constants as in the other loops
_B, _X, _V = 0, 24 * _L, 48 * _L
_F, _RATE = 72 * _L, 81 * _L
_TAU = 90 * _L
_OUT, _MEAN_B = 96 * _L, 120 * _L  # forces, and sum w J b
_J, _W = 144 * _L, 145 * _L
_MEAN, _CLOSING, _SQUARE, _PRESSURE = 146 * _L, 147 * _L, 148 * _L, 149 * _L
_P = 150 * _L  # w dev(tau) F^-T (9), F^-T (9), w J
_G, _WJ = _P + 9 * _L, _P + 18 * _L
_SUMS = _P + 19 * _L
_SIZE = _SUMS + 3 * _L


@compiled()
def dilatation_motion(x, v, nodes, reference, deformation, motion):
    """Fm and what moves in some blocks; the least J, and the number of its element.

    Arguments are as of `motion_loop` in `nlbook.impact.hexahedron_loops`, with eight blocks of
    deformation for each block of elements.
    """
    w = np.empty(_SIZE)
    jacobians = np.empty(8 * _L)
    least, element = np.inf, 0
    for block in range(len(deformation) // (72 * _L)):
        for n in range(8):
            for i in range(_L):
                k = nodes[(8 * block + n) * _L + i]
                for d in range(3):
                    w[_X + (8 * d + n) * _L + i] = x[k + d]
                    w[_V + (8 * d + n) * _L + i] = v[k + d]
        base = block * DILATATION_REFERENCE * _L
        for i in range(_L):
            w[_MEAN + i] = 0.0
            w[_CLOSING + i] = 0.0
        for p in range(8):
            copy_rows(reference, base + 24 * p * _L, w, _B, 24 * _L)
            copy_rows(reference, base + _WEIGHTS + p * _L, w, _W, _L)
            gradient_rows(w, _X, _F)
            gradient_rows(w, _X + 8 * _L, _F + 3 * _L)
            gradient_rows(w, _X + 16 * _L, _F + 6 * _L)
            gradient_rows(w, _V, _RATE)
            gradient_rows(w, _V + 8 * _L, _RATE + 3 * _L)
            gradient_rows(w, _V + 16 * _L, _RATE + 6 * _L)
            for i in range(_L):
                f11, f12, f13 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
                f21, f22, f23 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
                f31, f32, f33 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
                c11, c12, c13 = f22 * f33 - f23 * f32, f23 * f31 - f21 * f33, f21 * f32 - f22 * f31
                w[_J + i] = f11 * c11 + f12 * c12 + f13 * c13
                rate = w[_RATE + i] * c11 + w[_RATE + _L + i] * c12 + w[_RATE + 2 * _L + i] * c13
                rate += w[_RATE + 3 * _L + i] * (f13 * f32 - f12 * f33)
                rate += w[_RATE + 4 * _L + i] * (f11 * f33 - f13 * f31)
                rate += w[_RATE + 5 * _L + i] * (f12 * f31 - f11 * f32)
                rate += w[_RATE + 6 * _L + i] * (f12 * f23 - f13 * f22)
                rate += w[_RATE + 7 * _L + i] * (f13 * f21 - f11 * f23)
                rate += w[_RATE + 8 * _L + i] * (f11 * f22 - f12 * f21)
                w[_MEAN + i] += w[_W + i] * w[_J + i]
                w[_CLOSING + i] += w[_W + i] * rate
            copy_rows(w, _J, jacobians, p * _L, _L)
            copy_rows(w, _F, deformation, (8 * block + p) * 9 * _L, 9 * _L)
            for i in range(_L):
                if not w[_J + i] >= least:  # also where it is no number
                    least, element = w[_J + i], block * _L + i
        for i in range(_L):
            place = (block * DILATATION_MOTION + 8) * _L + i
            motion[place] = w[_CLOSING + i] / w[_MEAN + i]
            w[_MEAN + i] *= reference[base + _OVER + i]
        for p in range(8):
            for i in range(_L):
                ratio = np.cbrt(jacobians[p * _L + i] / w[_MEAN + i])
                motion[(block * DILATATION_MOTION + p) * _L + i] = ratio
                for k in range(9):
                    deformation[((8 * block + p) * 9 + k) * _L + i] /= ratio
    return least, element


@compiled()
def dilatation_force(deformation, stress, motion, reference, constants, forces, result):
    """Forces of the nodes of each element of some blocks; arguments are as of `force_loop`."""
    density, speed, _, linear, quadratic = constants
    w = np.zeros(_SIZE)
    w[_SUMS : _SUMS + _L] = np.inf
    for block in range(len(forces) // (24 * _L)):
        base = block * DILATATION_REFERENCE * _L
        for i in range(48 * _L):
            w[_OUT + i] = 0.0
        for i in range(_L):
            w[_MEAN + i] = 0.0
            w[_SQUARE + i] = 0.0
        for p in range(8):
            copy_rows(reference, base + 24 * p * _L, w, _B, 24 * _L)
            copy_rows(reference, base + _WEIGHTS + p * _L, w, _W, _L)
            copy_rows(deformation, (8 * block + p) * 9 * _L, w, _F, 9 * _L)
            copy_rows(stress, (8 * block + p) * 6 * _L, w, _TAU, 6 * _L)
            copy_rows(motion, (block * DILATATION_MOTION + p) * _L, w, _J, _L)
            _point(w)
            _node(w, 0)
            _node(w, _L)
            _node(w, 2 * _L)
            _node(w, 3 * _L)
            _node(w, 4 * _L)
            _node(w, 5 * _L)
            _node(w, 6 * _L)
            _node(w, 7 * _L)
        for i in range(_L):
            over = reference[base + _OVER + i]
            volume = reference[base + _VOLUME + i]
            square = w[_SQUARE + i] * over  # of J b.b
            mean = w[_PRESSURE + i] * over  # Jm, for which sum w J stands
            length = np.sqrt(1.5 * mean / square)
            closing = max(-motion[(block * DILATATION_MOTION + 8) * _L + i], 0.0)
            viscous = linear + quadratic * length * closing / speed
            pressure = density * length * speed * closing * viscous
            step = np.sqrt(1.0 + viscous * viscous) - viscous
            step /= speed * np.sqrt(2.0 * square)
            w[_SUMS + i] = w[_SUMS + i] if w[_SUMS + i] <= step else step
            w[_SUMS + _L + i] += volume * pressure * closing
            # a stress that is no number must not hide behind a comparison
            rest = w[_OUT + i] + w[_OUT + _L + i] + w[_OUT + 2 * _L + i]
            w[_SUMS + 2 * _L + i] += 0.0 * (w[_MEAN + i] + rest)
            w[_MEAN + i] = (w[_MEAN + i] * over - pressure) / mean
            w[_PRESSURE + i] = 0.0
        for k in range(8):
            for d in range(3):
                for i in range(_L):
                    value = w[_OUT + (3 * k + d) * _L + i]
                    value += w[_MEAN + i] * w[_MEAN_B + (3 * k + d) * _L + i]
                    forces[(block * 24 + 3 * k + d) * _L + i] = value
    result[0] = np.min(w[_SUMS : _SUMS + _L]) + np.sum(w[_SUMS + 2 * _L : _SIZE])
    result[1] = 0.0
    result[2] = np.sum(w[_SUMS + _L : _SUMS + 2 * _L])


@compiled(forceinline=True)
def _point(w):
    """w dev(tau) F^-T, F^-T and w J of a point; sums of w tr(tau) / 3 and w J."""
    for i in range(_L):
        ratio = w[_J + i]
        f11, f12, f13 = ratio * w[_F + i], ratio * w[_F + _L + i], ratio * w[_F + 2 * _L + i]
        f21, f22 = ratio * w[_F + 3 * _L + i], ratio * w[_F + 4 * _L + i]
        f23, f31 = ratio * w[_F + 5 * _L + i], ratio * w[_F + 6 * _L + i]
        f32, f33 = ratio * w[_F + 7 * _L + i], ratio * w[_F + 8 * _L + i]
        c11, c12, c13 = f22 * f33 - f23 * f32, f23 * f31 - f21 * f33, f21 * f32 - f22 * f31
        jacobian = f11 * c11 + f12 * c12 + f13 * c13
        over = 1.0 / jacobian
        g11, g12, g13 = c11 * over, c12 * over, c13 * over  # F^-T, row by row
        g21, g22 = (f13 * f32 - f12 * f33) * over, (f11 * f33 - f13 * f31) * over
        g23, g31 = (f12 * f31 - f11 * f32) * over, (f12 * f23 - f13 * f22) * over
        g32, g33 = (f13 * f21 - f11 * f23) * over, (f11 * f22 - f12 * f21) * over
        weight = w[_W + i]
        t11, t22, t33 = w[_TAU + i], w[_TAU + _L + i], w[_TAU + 2 * _L + i]
        t12, t13, t23 = w[_TAU + 3 * _L + i], w[_TAU + 4 * _L + i], w[_TAU + 5 * _L + i]
        mean = (t11 + t22 + t33) * (1.0 / 3.0)
        w[_MEAN + i] += weight * mean
        w[_PRESSURE + i] += weight * jacobian
        w[_WJ + i] = weight * jacobian
        t11, t22, t33 = weight * (t11 - mean), weight * (t22 - mean), weight * (t33 - mean)
        t12, t13, t23 = weight * t12, weight * t13, weight * t23
        w[_P + i] = t11 * g11 + t12 * g21 + t13 * g31
        w[_P + _L + i] = t11 * g12 + t12 * g22 + t13 * g32
        w[_P + 2 * _L + i] = t11 * g13 + t12 * g23 + t13 * g33
        w[_P + 3 * _L + i] = t12 * g11 + t22 * g21 + t23 * g31
        w[_P + 4 * _L + i] = t12 * g12 + t22 * g22 + t23 * g32
        w[_P + 5 * _L + i] = t12 * g13 + t22 * g23 + t23 * g33
        w[_P + 6 * _L + i] = t13 * g11 + t23 * g21 + t33 * g31
        w[_P + 7 * _L + i] = t13 * g12 + t23 * g22 + t33 * g32
        w[_P + 8 * _L + i] = t13 * g13 + t23 * g23 + t33 * g33
        w[_G + i], w[_G + _L + i], w[_G + 2 * _L + i] = g11, g12, g13
        w[_G + 3 * _L + i], w[_G + 4 * _L + i], w[_G + 5 * _L + i] = g21, g22, g23
        w[_G + 6 * _L + i], w[_G + 7 * _L + i], w[_G + 8 * _L + i] = g31, g32, g33


@compiled(forceinline=True)
def _node(w, n):
    """Add a point's part to the force of a node, to its sum w J b, and to sum w J b.b."""
    for i in range(_L):
        b1, b2, b3 = w[n + i], w[8 * _L + n + i], w[16 * _L + n + i]
        out = 3 * n + i
        w[_OUT + out] += w[_P + i] * b1 + w[_P + _L + i] * b2 + w[_P + 2 * _L + i] * b3
        w[_OUT + _L + out] += (
            w[_P + 3 * _L + i] * b1 + w[_P + 4 * _L + i] * b2 + w[_P + 5 * _L + i] * b3
        )
        w[_OUT + 2 * _L + out] += (
            w[_P + 6 * _L + i] * b1 + w[_P + 7 * _L + i] * b2 + w[_P + 8 * _L + i] * b3
        )
        g1 = w[_G + i] * b1 + w[_G + _L + i] * b2 + w[_G + 2 * _L + i] * b3
        g2 = w[_G + 3 * _L + i] * b1 + w[_G + 4 * _L + i] * b2 + w[_G + 5 * _L + i] * b3
        g3 = w[_G + 6 * _L + i] * b1 + w[_G + 7 * _L + i] * b2 + w[_G + 8 * _L + i] * b3
        weight = w[_WJ + i]
        w[_MEAN_B + out] += weight * g1
        w[_MEAN_B + _L + out] += weight * g2
        w[_MEAN_B + 2 * _L + out] += weight * g3
        w[_SQUARE + i] += weight * (g1 * g1 + g2 * g2 + g3 * g3)
