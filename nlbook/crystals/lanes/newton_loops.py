"""Newton's method for the stress of the grains of a batch.

The unknowns are the five components of M = G dev C, C = exp(-X)^T trial exp(-X), where X is the sum
of the slips times their Schmid tensors, each slip a function of M.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.rows import (
    BLOCK,
    EXPONENT,
    EXPONENTIAL,
    INVERSE,
    KEPT,
    KNOWN,
    LANES,
    MOVE,
    NEWTON,
    REACHED,
    RESIDUAL,
    RIGHT,
    SCALE,
    SCHMID,
    SIZE,
    SLOPE,
    STRESS,
    SUMS,
    SYSTEMS,
    TRIAL,
)

__all__ = ["newton_loop", "residual_loop", "sum_loop", "trial_loop"]


@compiled()
def trial_loop(w, c):
    """trial = B^T Cbar B, with Cbar = c: 11, 22, 33, 12, 13, 23."""
    c11, c22, c33, c12, c13, c23 = c[0], c[1], c[2], c[3], c[4], c[5]
    for i in range(LANES):
        b11, b12, b13 = w[INVERSE + i], w[INVERSE + LANES + i], w[INVERSE + 2 * LANES + i]
        b21, b22 = w[INVERSE + 3 * LANES + i], w[INVERSE + 4 * LANES + i]
        b23, b31 = w[INVERSE + 5 * LANES + i], w[INVERSE + 6 * LANES + i]
        b32, b33 = w[INVERSE + 7 * LANES + i], w[INVERSE + 8 * LANES + i]
        d11 = c11 * b11 + c12 * b21 + c13 * b31
        d21 = c12 * b11 + c22 * b21 + c23 * b31
        d31 = c13 * b11 + c23 * b21 + c33 * b31
        d12 = c11 * b12 + c12 * b22 + c13 * b32
        d22 = c12 * b12 + c22 * b22 + c23 * b32
        d32 = c13 * b12 + c23 * b22 + c33 * b32
        d13 = c11 * b13 + c12 * b23 + c13 * b33
        d23 = c12 * b13 + c22 * b23 + c23 * b33
        d33 = c13 * b13 + c23 * b23 + c33 * b33
        w[TRIAL + i] = b11 * d11 + b21 * d21 + b31 * d31
        w[TRIAL + LANES + i] = b12 * d12 + b22 * d22 + b32 * d32
        w[TRIAL + 2 * LANES + i] = b13 * d13 + b23 * d23 + b33 * d33
        w[TRIAL + 3 * LANES + i] = b11 * d12 + b21 * d22 + b31 * d32
        w[TRIAL + 4 * LANES + i] = b11 * d13 + b21 * d23 + b31 * d33
        w[TRIAL + 5 * LANES + i] = b12 * d13 + b22 * d23 + b32 * d33


@compiled()
def sum_loop(w, n_systems):
    """X = known + sum dgamma P, and sums = sum slope P (x) (P as a stress sees it)."""
    for k in range(8):
        for i in range(LANES):
            w[EXPONENT + k * LANES + i] = w[KNOWN + k * LANES + i]
    for k in range(40):
        for i in range(LANES):
            w[SUMS + k * LANES + i] = 0.0
    for a in range(n_systems):
        s = w[SYSTEMS + a * BLOCK : SYSTEMS + (a + 1) * BLOCK]
        for i in range(LANES):
            p11, p22 = s[SCHMID + i], s[SCHMID + LANES + i]
            q0, q1 = 2.0 * p11 + p22, p11 + 2.0 * p22
            q2 = s[SCHMID + 2 * LANES + i] + s[SCHMID + 5 * LANES + i]
            q3 = s[SCHMID + 3 * LANES + i] + s[SCHMID + 6 * LANES + i]
            q4 = s[SCHMID + 4 * LANES + i] + s[SCHMID + 7 * LANES + i]
            _add_component(
                w, s, 0 * LANES + i, 0 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 1 * LANES + i, 5 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 2 * LANES + i, 10 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 3 * LANES + i, 15 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 4 * LANES + i, 20 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 5 * LANES + i, 25 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 6 * LANES + i, 30 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )
            _add_component(
                w, s, 7 * LANES + i, 35 * LANES + i, s[MOVE + i], s[SLOPE + i], q0, q1, q2, q3, q4
            )


@compiled(forceinline=True)
def _add_component(w, s, one, five, move, slope, q0, q1, q2, q3, q4):
    """What a component of the Schmid tensor of a system adds to X and to the sums.

    It lies `one` from the tensor's start, its sums `five` from theirs. These are no numbers in the
    call, for each of which the function would be compiled again.
    """
    p = s[SCHMID + one]
    w[EXPONENT + one] += move * p
    z = slope * p
    w[SUMS + five] += z * q0
    w[SUMS + LANES + five] += z * q1
    w[SUMS + 2 * LANES + five] += z * q2
    w[SUMS + 3 * LANES + five] += z * q3
    w[SUMS + 4 * LANES + five] += z * q4


@compiled()
def residual_loop(w, shear_modulus):
    """exp(-X), C and M - G dev C in the five components in which a shear meets a stress.

    By the theorem of Cayley and Hamilton X^3 = p X + d I, p = tr(X^2)/2 and d = det X, so that
    each power is a X^2 + b X + c I. Of a size x of X twelve powers err by x^13/13!, below 1e-13
    for x < 0.5.
    """
    for i in range(LANES):
        x11, x22 = -w[EXPONENT + i], -w[EXPONENT + LANES + i]
        x12, x13 = -w[EXPONENT + 2 * LANES + i], -w[EXPONENT + 3 * LANES + i]
        x23, x21 = -w[EXPONENT + 4 * LANES + i], -w[EXPONENT + 5 * LANES + i]
        x31, x32 = -w[EXPONENT + 6 * LANES + i], -w[EXPONENT + 7 * LANES + i]
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
        w[EXPONENTIAL + i], w[EXPONENTIAL + LANES + i] = e11, e12
        w[EXPONENTIAL + 2 * LANES + i], w[EXPONENTIAL + 3 * LANES + i] = e13, e21
        w[EXPONENTIAL + 4 * LANES + i], w[EXPONENTIAL + 5 * LANES + i] = e22, e23
        w[EXPONENTIAL + 6 * LANES + i], w[EXPONENTIAL + 7 * LANES + i] = e31, e32
        w[EXPONENTIAL + 8 * LANES + i] = e33
        t11, t22, t33 = w[TRIAL + i], w[TRIAL + LANES + i], w[TRIAL + 2 * LANES + i]
        t12, t13 = w[TRIAL + 3 * LANES + i], w[TRIAL + 4 * LANES + i]
        t23 = w[TRIAL + 5 * LANES + i]
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
        w[RIGHT + i], w[RIGHT + LANES + i], w[RIGHT + 2 * LANES + i] = c11, c22, c33
        w[RIGHT + 3 * LANES + i], w[RIGHT + 4 * LANES + i] = c12, c13
        w[RIGHT + 5 * LANES + i] = c23
        m11, m22 = w[STRESS + i], w[STRESS + LANES + i]
        r0 = 2.0 * m11 + m22 - shear_modulus * (c11 - c33)
        r1 = m11 + 2.0 * m22 - shear_modulus * (c22 - c33)
        r2 = 2.0 * (w[STRESS + 2 * LANES + i] - shear_modulus * c12)
        r3 = 2.0 * (w[STRESS + 3 * LANES + i] - shear_modulus * c13)
        r4 = 2.0 * (w[STRESS + 4 * LANES + i] - shear_modulus * c23)
        w[RESIDUAL + i], w[RESIDUAL + LANES + i], w[RESIDUAL + 2 * LANES + i] = r0, r1, r2
        w[RESIDUAL + 3 * LANES + i], w[RESIDUAL + 4 * LANES + i] = r3, r4
        w[REACHED + i] = np.sqrt(r0 * r0 + r1 * r1 + r2 * r2 + r3 * r3 + r4 * r4)


@compiled(forceinline=True)
def _column(w, i, q, g):
    """Column of the derivative of the residual without that of M, whose sums start at q.

    With H = sums of that column exp(-X) changes by -exp(-X) (H + [X, H]/2 + ...), so that C does
    by -(C H + H^T C).
    """
    a11, a22, a12, a13 = w[q], w[q + 5 * LANES], w[q + 10 * LANES], w[q + 15 * LANES]
    a23, a21, a31, a32 = w[q + 20 * LANES], w[q + 25 * LANES], w[q + 30 * LANES], w[q + 35 * LANES]
    a33 = -a11 - a22
    x = EXPONENT + i
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
    c11, c22, c33 = w[RIGHT + i], w[RIGHT + LANES + i], w[RIGHT + 2 * LANES + i]
    c12, c13 = w[RIGHT + 3 * LANES + i], w[RIGHT + 4 * LANES + i]
    c23 = w[RIGHT + 5 * LANES + i]
    d11 = c11 * h11 + c12 * h21 + c13 * h31
    d22 = c12 * h12 + c22 * h22 + c23 * h32
    d33 = c13 * h13 + c23 * h23 + c33 * h33
    d12 = c11 * h12 + c12 * h22 + c13 * h32 + c12 * h11 + c22 * h21 + c23 * h31
    d13 = c11 * h13 + c12 * h23 + c13 * h33 + c13 * h11 + c23 * h21 + c33 * h31
    d23 = c12 * h13 + c22 * h23 + c23 * h33 + c13 * h12 + c23 * h22 + c33 * h32
    g2 = 2.0 * g
    return g2 * (d11 - d33), g2 * (d22 - d33), g2 * d12, g2 * d13, g2 * d23


@compiled()
def newton_loop(w, shear_modulus):
    """Step of Newton by elimination without pivots: the matrix is nearly symmetric and positive."""
    for i in range(LANES):
        a00, a10, a20, a30, a40 = _column(w, i, SUMS + 0 * LANES + i, shear_modulus)
        a01, a11, a21, a31, a41 = _column(w, i, SUMS + 1 * LANES + i, shear_modulus)
        a02, a12, a22, a32, a42 = _column(w, i, SUMS + 2 * LANES + i, shear_modulus)
        a03, a13, a23, a33, a43 = _column(w, i, SUMS + 3 * LANES + i, shear_modulus)
        a04, a14, a24, a34, a44 = _column(w, i, SUMS + 4 * LANES + i, shear_modulus)
        a00, a11, a01, a10 = a00 + 2.0, a11 + 2.0, a01 + 1.0, a10 + 1.0
        a22, a33, a44 = a22 + 2.0, a33 + 2.0, a44 + 2.0
        r0, r1 = w[RESIDUAL + i], w[RESIDUAL + LANES + i]
        r2, r3 = w[RESIDUAL + 2 * LANES + i], w[RESIDUAL + 3 * LANES + i]
        r4 = w[RESIDUAL + 4 * LANES + i]
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
        far = not w[REACHED + i] < 0.2 * shear_modulus and w[SIZE + i] == np.inf
        good = w[REACHED + i] < max(w[SIZE + i], 1e-5 * shear_modulus) or w[SCALE + i] < 1e-3
        scale = 1.0 if good or far else 0.5 * w[SCALE + i]
        w[SCALE + i] = scale
        w[SIZE + i] = w[REACHED + i] if good and not far else w[SIZE + i]
        m0 = w[STRESS + i] if good or far else w[KEPT + i]
        m1 = w[STRESS + LANES + i] if good or far else w[KEPT + LANES + i]
        m2 = w[STRESS + 2 * LANES + i] if good or far else w[KEPT + 2 * LANES + i]
        m3 = w[STRESS + 3 * LANES + i] if good or far else w[KEPT + 3 * LANES + i]
        m4 = w[STRESS + 4 * LANES + i] if good or far else w[KEPT + 4 * LANES + i]
        # a start with slips beyond all measure is moved towards no stress
        n0, n1, n2 = (0.4 * m0, 0.4 * m1, 0.4 * m2) if far else (n0, n1, n2)
        n3, n4 = (0.4 * m3, 0.4 * m4) if far else (n3, n4)
        good = good or far
        n0 = n0 if good else w[NEWTON + i]
        n1 = n1 if good else w[NEWTON + LANES + i]
        n2 = n2 if good else w[NEWTON + 2 * LANES + i]
        n3 = n3 if good else w[NEWTON + 3 * LANES + i]
        n4 = n4 if good else w[NEWTON + 4 * LANES + i]
        w[KEPT + i], w[KEPT + LANES + i], w[KEPT + 2 * LANES + i] = m0, m1, m2
        w[KEPT + 3 * LANES + i], w[KEPT + 4 * LANES + i] = m3, m4
        w[NEWTON + i], w[NEWTON + LANES + i], w[NEWTON + 2 * LANES + i] = n0, n1, n2
        w[NEWTON + 3 * LANES + i], w[NEWTON + 4 * LANES + i] = n3, n4
        w[STRESS + i] = m0 - scale * n0
        w[STRESS + LANES + i] = m1 - scale * n1
        w[STRESS + 2 * LANES + i] = m2 - scale * n2
        w[STRESS + 3 * LANES + i] = m3 - scale * n3
        w[STRESS + 4 * LANES + i] = m4 - scale * n4
