"""Hexahedra with one point: how they are strained, and the forces of their nodes.

With B_I the average over the undeformed element of the gradient of the shape function of node I,

    F = sum x_I (x) B_I,        f_I = V_0 P B_I,        P = tau F^-T,

which passes the patch test on any mesh. What F does not see are the four hourglass patterns h of
the nodes' places and velocities. They are damped, not stiffened [1]_: with L = dF/dt F^-1,

    q = sum h_I v_I - L sum h_I x_I,      f_I += kappa/8 rho_0 c V_0^(2/3) sum q (h_I - ...),

whose dots make the force orthogonal to all affine motions of the deformed element, a rotation
included; that part of the force is q (x) (sum h_I x_I), and is added to tau. A bulk viscosity
smears shocks: where -tr L = D > 0 the pressure rises by rho l (c_1 c D + c_2 l D^2), l the
element's length. The largest frequency obeys omega^2 <= 8 c^2 J tr(C^-1 M), M = sum B_I (x) B_I,
from which l and the stable step follow [1]_; the linear viscosity shortens it also where an element
opens, so that no step hangs on the rounding of a rate that is none.

References
----------
.. [1] D. P. Flanagan and T. Belytschko, Int. J. Numer. Meth. Eng. 17 (1981) 679.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES
from nlbook.impact.row_loops import copy_rows, gradient_rows

__all__ = ["BULK", "HOURGLASS", "LEAST_STEP", "MOTION", "REFERENCE", "force_loop", "motion_loop"]

#: rows of an undeformed element: B (24, by direction), M (11, 22, 33, 12, 13, 23), and volume,
#: volume^(2/3) and volume^(-1/3), which are none for what fills the last block
REFERENCE = 33
#: rows of an element's motion: dF/dt (9), sum h_I x_I (12), sum h_I v_I (12)
MOTION = 33
#: place of the stable step in what `force_loop` writes
LEAST_STEP = 0
#: place of the power of the hourglass viscosity, W
HOURGLASS = 1
#: place of the power of the bulk viscosity, W
BULK = 2

_L = LANES
# Places of what an undeformed element has, and of what moves.
_M, _VOLUME, _AREA, _LENGTH = 24 * _L, 30 * _L, 31 * _L, 32 * _L
_HX, _HV = 9 * _L, 21 * _L
# The work of a block stands in one flat array, at places that are constants: from that the compiler
# sees that rows do not overlap, and makes vector instructions of the loops along them.
_X, _V = REFERENCE * _L, (REFERENCE + 24) * _L
_F = (REFERENCE + 48) * _L
_MOVES = _F + 9 * _L
_TAU = _MOVES + MOTION * _L
_P, _Q = _TAU + 6 * _L, _TAU + 15 * _L
_SUMS = _TAU + 27 * _L  # stable step, powers of both viscosities, and whether a stress is no number
_SIZE = _SUMS + 4 * _L


@compiled()
def motion_loop(x, v, nodes, reference, deformation, motion):
    """F and what moves in some blocks; the least det F, and the number of its element.

    Parameters
    ----------
    x, v : ndarray, shape (3 n_nodes,)
        Places and velocities.
    nodes : ndarray of int, shape (n_blocks 8 LANES,)
        First entry in x of each node.
    reference : ndarray, shape (n_blocks REFERENCE LANES,)
        Undeformed elements.
    deformation, motion : ndarray
        Written, (n_blocks 9 LANES,) and (n_blocks MOTION LANES,).
    """
    w = np.empty(_SIZE)
    least, element = np.inf, 0
    for block in range(len(deformation) // (9 * _L)):
        for n in range(8):
            for i in range(_L):
                k = nodes[(8 * block + n) * _L + i]
                for d in range(3):
                    w[_X + (8 * d + n) * _L + i] = x[k + d]
                    w[_V + (8 * d + n) * _L + i] = v[k + d]
        copy_rows(reference, block * REFERENCE * _L, w, 0, 24 * _L)
        gradient_rows(w, _X, _F)
        gradient_rows(w, _V, _MOVES)
        _hourglass(w, _X, _MOVES + _HX)
        _hourglass(w, _V, _MOVES + _HV)
        gradient_rows(w, _X + 8 * _L, _F + 3 * _L)
        gradient_rows(w, _V + 8 * _L, _MOVES + 3 * _L)
        _hourglass(w, _X + 8 * _L, _MOVES + _HX + _L)
        _hourglass(w, _V + 8 * _L, _MOVES + _HV + _L)
        gradient_rows(w, _X + 16 * _L, _F + 6 * _L)
        gradient_rows(w, _V + 16 * _L, _MOVES + 6 * _L)
        _hourglass(w, _X + 16 * _L, _MOVES + _HX + 2 * _L)
        _hourglass(w, _V + 16 * _L, _MOVES + _HV + 2 * _L)
        copy_rows(w, _F, deformation, block * 9 * _L, 9 * _L)
        copy_rows(w, _MOVES, motion, block * MOTION * _L, MOTION * _L)
        for i in range(_L):
            f1, f2, f3 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
            f4, f5, f6 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
            f7, f8, f9 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
            w[_P + i] = (
                f1 * (f5 * f9 - f6 * f8) + f2 * (f6 * f7 - f4 * f9) + f3 * (f4 * f8 - f5 * f7)
            )
        for i in range(_L):
            if not w[_P + i] >= least:  # also where it is no number
                least, element = w[_P + i], block * _L + i
    return least, element


@compiled(forceinline=True)
def _hourglass(w, u, out):
    """Sums h_I u_I for h = yz, xz, xy and xyz at the corners of the cube of sides 2."""
    for i in range(_L):
        u0, u1, u2, u3 = w[u + i], w[u + _L + i], w[u + 2 * _L + i], w[u + 3 * _L + i]
        u4, u5 = w[u + 4 * _L + i], w[u + 5 * _L + i]
        u6, u7 = w[u + 6 * _L + i], w[u + 7 * _L + i]
        a, b, c, d = u6 - u4, u7 - u5, u0 - u2, u1 - u3
        w[out + i] = (a + c) + (b + d)
        w[out + 3 * _L + i] = (a + c) - (b + d)
        a, b, c, d = u0 + u2, u1 + u3, u4 + u6, u5 + u7
        w[out + 6 * _L + i] = (a - b) + (c - d)
        w[out + 9 * _L + i] = (c - d) - (a - b)


@compiled()
def force_loop(deformation, stress, motion, reference, constants, forces, result):
    """Forces of the nodes of each element of some blocks.

    Parameters
    ----------
    deformation, stress, motion, reference : ndarray
        F, tau (11, 22, 33, 12, 13, 23), and as in `motion_loop`.
    constants : tuple
        Density, wave speed c, kappa, c_1 and c_2.
    forces : ndarray, shape (n_blocks 24 LANES,)
        Written: three for each node.
    result : ndarray, shape (3,)
        Written: stable step, power of the hourglass viscosity and of the bulk viscosity. A step
        that is no number says that a force is none.
    """
    density, speed, kappa, linear, quadratic = constants
    w = np.empty(_SIZE)
    w[_SUMS : _SUMS + _L] = np.inf
    w[_SUMS + _L :] = 0.0
    for block in range(len(deformation) // (9 * _L)):
        copy_rows(reference, block * REFERENCE * _L, w, 0, REFERENCE * _L)
        copy_rows(deformation, block * 9 * _L, w, _F, 9 * _L)
        copy_rows(stress, block * 6 * _L, w, _TAU, 6 * _L)
        copy_rows(motion, block * MOTION * _L, w, _MOVES, MOTION * _L)
        for i in range(_L):
            f11, f12, f13 = w[_F + i], w[_F + _L + i], w[_F + 2 * _L + i]
            f21, f22, f23 = w[_F + 3 * _L + i], w[_F + 4 * _L + i], w[_F + 5 * _L + i]
            f31, f32, f33 = w[_F + 6 * _L + i], w[_F + 7 * _L + i], w[_F + 8 * _L + i]
            g11, g21, g31 = f22 * f33 - f23 * f32, f23 * f31 - f21 * f33, f21 * f32 - f22 * f31
            jacobian = f11 * g11 + f12 * g21 + f13 * g31
            over = 1.0 / jacobian
            g11, g21, g31 = g11 * over, g21 * over, g31 * over
            g12, g22 = (f13 * f32 - f12 * f33) * over, (f11 * f33 - f13 * f31) * over
            g32, g13 = (f12 * f31 - f11 * f32) * over, (f12 * f23 - f13 * f22) * over
            g23, g33 = (f13 * f21 - f11 * f23) * over, (f11 * f22 - f12 * f21) * over
            # L = dF/dt F^-1
            r1, r2, r3 = w[_MOVES + i], w[_MOVES + _L + i], w[_MOVES + 2 * _L + i]
            l11, l12 = r1 * g11 + r2 * g21 + r3 * g31, r1 * g12 + r2 * g22 + r3 * g32
            l13 = r1 * g13 + r2 * g23 + r3 * g33
            r1, r2, r3 = w[_MOVES + 3 * _L + i], w[_MOVES + 4 * _L + i], w[_MOVES + 5 * _L + i]
            l21, l22 = r1 * g11 + r2 * g21 + r3 * g31, r1 * g12 + r2 * g22 + r3 * g32
            l23 = r1 * g13 + r2 * g23 + r3 * g33
            r1, r2, r3 = w[_MOVES + 6 * _L + i], w[_MOVES + 7 * _L + i], w[_MOVES + 8 * _L + i]
            l31, l32 = r1 * g11 + r2 * g21 + r3 * g31, r1 * g12 + r2 * g22 + r3 * g32
            l33 = r1 * g13 + r2 * g23 + r3 * g33
            # tr(C^-1 M), of which the element's length and its stable step follow
            n11, n22, n33 = w[_M + i], w[_M + _L + i], w[_M + 2 * _L + i]
            n12, n13, n23 = w[_M + 3 * _L + i], w[_M + 4 * _L + i], w[_M + 5 * _L + i]
            trace = (
                n11 * (g11 * g11 + g12 * g12 + g13 * g13)
                + n22 * (g21 * g21 + g22 * g22 + g23 * g23)
                + n33 * (g31 * g31 + g32 * g32 + g33 * g33)
                + 2.0 * n12 * (g11 * g21 + g12 * g22 + g13 * g23)
                + 2.0 * n13 * (g11 * g31 + g12 * g32 + g13 * g33)
                + 2.0 * n23 * (g21 * g31 + g22 * g32 + g23 * g33)
            )
            length = np.sqrt(1.5 / trace)
            closing = max(-(l11 + l22 + l33), 0.0)
            viscous = linear + quadratic * length * closing / speed
            pressure = density * length * speed * closing * viscous  # times J: of tau
            step = np.sqrt(1.0 + viscous * viscous) - viscous
            step /= speed * np.sqrt(2.0 * jacobian * trace)
            # a stress that is no number must not hide behind a comparison
            w[_SUMS + 3 * _L + i] += 0.0 * (
                w[_TAU + i]
                + w[_TAU + _L + i]
                + w[_TAU + 2 * _L + i]
                + w[_TAU + 3 * _L + i]
                + w[_TAU + 4 * _L + i]
                + w[_TAU + 5 * _L + i]
            )
            w[_SUMS + i] = w[_SUMS + i] if w[_SUMS + i] <= step else step
            volume = w[_VOLUME + i]
            w[_SUMS + 2 * _L + i] += volume * pressure * closing
            t11, t22, t33 = (
                w[_TAU + i] - pressure,
                w[_TAU + _L + i] - pressure,
                w[_TAU + 2 * _L + i] - pressure,
            )
            t12, t13, t23 = w[_TAU + 3 * _L + i], w[_TAU + 4 * _L + i], w[_TAU + 5 * _L + i]
            t21, t31, t32 = t12, t13, t23
            # hourglass rates, whose moments on the deformed element join tau
            damping = 0.125 * kappa * density * speed
            share = damping * w[_LENGTH + i]
            damping *= w[_AREA + i]
            power = 0.0
            x1, x2, x3, q1, q2, q3 = _pattern(
                w, 0 * _L + i, l11, l12, l13, l21, l22, l23, l31, l32, l33
            )
            power += q1 * q1 + q2 * q2 + q3 * q3
            w[_Q + i], w[_Q + 1 * _L + i] = damping * q1, damping * q2
            w[_Q + 2 * _L + i] = damping * q3
            q1, q2, q3 = share * q1, share * q2, share * q3
            t11, t12, t13 = t11 - q1 * x1, t12 - q1 * x2, t13 - q1 * x3
            t21, t22, t23 = t21 - q2 * x1, t22 - q2 * x2, t23 - q2 * x3
            t31, t32, t33 = t31 - q3 * x1, t32 - q3 * x2, t33 - q3 * x3
            x1, x2, x3, q1, q2, q3 = _pattern(
                w, 3 * _L + i, l11, l12, l13, l21, l22, l23, l31, l32, l33
            )
            power += q1 * q1 + q2 * q2 + q3 * q3
            w[_Q + 3 * _L + i], w[_Q + 4 * _L + i] = damping * q1, damping * q2
            w[_Q + 5 * _L + i] = damping * q3
            q1, q2, q3 = share * q1, share * q2, share * q3
            t11, t12, t13 = t11 - q1 * x1, t12 - q1 * x2, t13 - q1 * x3
            t21, t22, t23 = t21 - q2 * x1, t22 - q2 * x2, t23 - q2 * x3
            t31, t32, t33 = t31 - q3 * x1, t32 - q3 * x2, t33 - q3 * x3
            x1, x2, x3, q1, q2, q3 = _pattern(
                w, 6 * _L + i, l11, l12, l13, l21, l22, l23, l31, l32, l33
            )
            power += q1 * q1 + q2 * q2 + q3 * q3
            w[_Q + 6 * _L + i], w[_Q + 7 * _L + i] = damping * q1, damping * q2
            w[_Q + 8 * _L + i] = damping * q3
            q1, q2, q3 = share * q1, share * q2, share * q3
            t11, t12, t13 = t11 - q1 * x1, t12 - q1 * x2, t13 - q1 * x3
            t21, t22, t23 = t21 - q2 * x1, t22 - q2 * x2, t23 - q2 * x3
            t31, t32, t33 = t31 - q3 * x1, t32 - q3 * x2, t33 - q3 * x3
            x1, x2, x3, q1, q2, q3 = _pattern(
                w, 9 * _L + i, l11, l12, l13, l21, l22, l23, l31, l32, l33
            )
            power += q1 * q1 + q2 * q2 + q3 * q3
            w[_Q + 9 * _L + i], w[_Q + 10 * _L + i] = damping * q1, damping * q2
            w[_Q + 11 * _L + i] = damping * q3
            q1, q2, q3 = share * q1, share * q2, share * q3
            t11, t12, t13 = t11 - q1 * x1, t12 - q1 * x2, t13 - q1 * x3
            t21, t22, t23 = t21 - q2 * x1, t22 - q2 * x2, t23 - q2 * x3
            t31, t32, t33 = t31 - q3 * x1, t32 - q3 * x2, t33 - q3 * x3
            w[_SUMS + _L + i] += damping * power
            # V_0 P = V_0 tau F^-T
            w[_P + i] = volume * (t11 * g11 + t12 * g12 + t13 * g13)
            w[_P + _L + i] = volume * (t11 * g21 + t12 * g22 + t13 * g23)
            w[_P + 2 * _L + i] = volume * (t11 * g31 + t12 * g32 + t13 * g33)
            w[_P + 3 * _L + i] = volume * (t21 * g11 + t22 * g12 + t23 * g13)
            w[_P + 4 * _L + i] = volume * (t21 * g21 + t22 * g22 + t23 * g23)
            w[_P + 5 * _L + i] = volume * (t21 * g31 + t22 * g32 + t23 * g33)
            w[_P + 6 * _L + i] = volume * (t31 * g11 + t32 * g12 + t33 * g13)
            w[_P + 7 * _L + i] = volume * (t31 * g21 + t32 * g22 + t33 * g23)
            w[_P + 8 * _L + i] = volume * (t31 * g31 + t32 * g32 + t33 * g33)
        _spread(w, _P, _Q, _X)
        _spread(w, _P + 3 * _L, _Q + _L, _X + _L)
        _spread(w, _P + 6 * _L, _Q + 2 * _L, _X + 2 * _L)
        copy_rows(w, _X, forces, block * 24 * _L, 24 * _L)
    result[LEAST_STEP] = np.min(w[_SUMS : _SUMS + _L]) + np.sum(w[_SUMS + 3 * _L : _SIZE])
    result[HOURGLASS] = np.sum(w[_SUMS + _L : _SUMS + 2 * _L])
    result[BULK] = np.sum(w[_SUMS + 2 * _L : _SUMS + 3 * _L])


@compiled(forceinline=True)
def _pattern(w, k, l11, l12, l13, l21, l22, l23, l31, l32, l33):
    """sum h_I x_I and q = sum h_I v_I - L sum h_I x_I of one pattern; k: its place."""
    x1, x2 = w[_MOVES + _HX + k], w[_MOVES + _HX + _L + k]
    x3 = w[_MOVES + _HX + 2 * _L + k]
    q1 = w[_MOVES + _HV + k] - l11 * x1 - l12 * x2 - l13 * x3
    q2 = w[_MOVES + _HV + _L + k] - l21 * x1 - l22 * x2 - l23 * x3
    q3 = w[_MOVES + _HV + 2 * _L + k] - l31 * x1 - l32 * x2 - l33 * x3
    return x1, x2, x3, q1, q2, q3


@compiled(forceinline=True)
def _spread(w, p, q, out):
    """f_I = sum_j P_j B_jI + sum over patterns of q h_I, for one direction; places in w."""
    for i in range(_L):
        q1, q2, q3, q4 = w[q + i], w[q + 3 * _L + i], w[q + 6 * _L + i], w[q + 9 * _L + i]
        p1, p2, p3 = w[p + i], w[p + _L + i], w[p + 2 * _L + i]
        up, down, over, under = q1 + q2, q1 - q2, q3 - q4, q3 + q4
        w[out + i] = (up + over) + (p1 * w[i] + p2 * w[8 * _L + i] + p3 * w[16 * _L + i])
        w[out + 3 * _L + i] = (down - over) + (
            p1 * w[_L + i] + p2 * w[9 * _L + i] + p3 * w[17 * _L + i]
        )
        w[out + 6 * _L + i] = (over - up) + (
            p1 * w[2 * _L + i] + p2 * w[10 * _L + i] + p3 * w[18 * _L + i]
        )
        w[out + 9 * _L + i] = (-down - over) + (
            p1 * w[3 * _L + i] + p2 * w[11 * _L + i] + p3 * w[19 * _L + i]
        )
        w[out + 12 * _L + i] = (under - up) + (
            p1 * w[4 * _L + i] + p2 * w[12 * _L + i] + p3 * w[20 * _L + i]
        )
        w[out + 15 * _L + i] = (-down - under) + (
            p1 * w[5 * _L + i] + p2 * w[13 * _L + i] + p3 * w[21 * _L + i]
        )
        w[out + 18 * _L + i] = (up + under) + (
            p1 * w[6 * _L + i] + p2 * w[14 * _L + i] + p3 * w[22 * _L + i]
        )
        w[out + 21 * _L + i] = (down - under) + (
            p1 * w[7 * _L + i] + p2 * w[15 * _L + i] + p3 * w[23 * _L + i]
        )
