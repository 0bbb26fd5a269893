"""Loops of the update of `nlbook.crystals.plane_update`, over blocks of pixels.

All that a block knows stands in one flat array, a row of LANES numbers for each quantity, and each
inner loop runs along rows whose places are constants: so the compiler sees that they do not
overlap, and makes vector instructions of it.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.crystals.lanes.decay import exp_minus

__all__ = ["LANES", "N_ROWS", "stress_loop"]

#: pixels that are moved side by side
LANES = 64
(
    _F11, _F12, _F21, _F22, _COS, _SIN, _KNOWN, _SLIP, _VOLUME, _SCALE, _ALPHA, _BETA, _BIG, _SMALL,
    _Y, _MOVE, _SLOPE, _RISE, _LOW, _HIGH, _HELD, _CHANGE, _FIRST, _SECOND, _THIRD, _P, _P12, _P21,
    _P22, _T,
) = (np.arange(30) * LANES).tolist()  # fmt: skip
#: rows of a block; those of the tangent come last
N_ROWS = 39


@compiled()
def stress_loop(deformation, axes, known, amount, constants, moved, piola, tangent, derive, w):
    """First Piola stress at the end of a step, and its derivative by F.

    Parameters
    ----------
    deformation : ndarray, shape (4, n)
        F of each pixel: 11, 12, 21, 22.
    axes : ndarray, shape (2, n)
        Cosine and sine of the angle of a.
    known : ndarray, shape (2, n)
        exp(-2 Gamma_known), e_known.
    amount : float
        weight dt rate.
    constants : tuple of float
        See `plane_constants`.
    moved : ndarray, shape (2, n)
        Written: d with its sign, and y.
    piola : ndarray, shape (4, n)
        Written: P 11, 12, 21, 22, GPa.
    tangent : ndarray, shape (10, n)
        Written if `derive`: the upper triangle of dP/dF, row by row, GPa.
    derive : bool
        Whether the derivative is wanted.
    w : ndarray, shape (N_ROWS * LANES,)
        Room.

    Returns
    -------
    bool
        Whether det F is positive everywhere; else nothing that was written counts.
    """
    for start in range(0, deformation.shape[1], LANES):
        _load(w, _F11, deformation, start)
        _load(w, _COS, axes, start)
        _load(w, _KNOWN, known, start)
        if not _strain_loop(w, constants[0]):
            return False
        _roots_loop(w, amount, constants)
        _stress_block_loop(w, constants[1])
        if derive:
            _tangent_block_loop(w, constants[1], constants[2])
            _store(tangent, start, w, _T)
        _store(moved[:1], start, w, _MOVE)
        _store(moved[1:], start, w, _Y)
        _store(piola, start, w, _P)
    return True


@compiled()
def _load(w, place, source, start):
    """Rows of a block from those of all pixels; the last pixel fills what is left."""
    n = min(LANES, source.shape[1] - start)
    for k in range(len(source)):
        for i in range(n):
            w[place + k * LANES + i] = source[k, start + i]
        for i in range(n, LANES):
            w[place + k * LANES + i] = source[k, start + n - 1]


@compiled()
def _store(target, start, w, place):
    n = min(LANES, target.shape[1] - start)
    for k in range(len(target)):
        for i in range(n):
            target[k, start + i] = w[place + k * LANES + i]


@compiled()
def _strain_loop(w, shear_modulus):
    """J, G J^(-2/3), and alpha and beta at the known slip; whether J is positive."""
    least, most = np.inf, 0.0
    for i in range(LANES):
        w[_VOLUME + i] = w[_F11 + i] * w[_F22 + i] - w[_F12 + i] * w[_F21 + i]
    for i in range(LANES):
        least = min(least, w[_VOLUME + i])
        most = max(most, w[_VOLUME + i])
    if not least > 0.0:
        return False
    if most < 2.2 * least:
        # Newton's method for the root of the ratio to the middle, within 0.6 and 1.4
        middle = 0.5 * (least + most)
        root = middle ** (-1.0 / 3.0)
        for i in range(LANES):
            x = w[_VOLUME + i] / middle
            z = 1.0 - (x - 1.0) * (1.0 / 3.0) + (x - 1.0) * (x - 1.0) * (2.0 / 9.0)
            z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
            z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
            z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
            z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
            w[_SCALE + i] = shear_modulus * root * root * z * z
    else:
        for i in range(LANES):
            w[_SCALE + i] = shear_modulus * w[_VOLUME + i] ** (-2.0 / 3.0)
    for i in range(LANES):
        c, s = w[_COS + i], w[_SIN + i]
        a1, a2 = w[_F11 + i] * c + w[_F12 + i] * s, w[_F21 + i] * c + w[_F22 + i] * s
        b1, b2 = w[_F12 + i] * c - w[_F11 + i] * s, w[_F22 + i] * c - w[_F21 + i] * s
        alpha = w[_SCALE + i] * (a1 * a1 + a2 * a2) * w[_KNOWN + i]
        beta = w[_SCALE + i] * (b1 * b1 + b2 * b2) / w[_KNOWN + i]
        w[_ALPHA + i], w[_BETA + i] = alpha, beta
        w[_BIG + i], w[_SMALL + i] = max(alpha, beta), min(alpha, beta)
    return True


@compiled()
def _roots_loop(w, amount, constants):
    """y of each pixel, with |d|, its derivative by y, and that of the threshold."""
    tau_0, power = constants[2], constants[4]
    for i in range(LANES):
        w[_MOVE + i] = 0.0
    _threshold_loop(w, constants)
    for i in range(LANES):
        drive = max(0.5 * (w[_BIG + i] - w[_SMALL + i]) - w[_HELD + i], 0.0)
        w[_LOW + i] = 0.0
        w[_HIGH + i] = drive / tau_0
        # the root if tau went on falling as it does at the start
        stiff = 4.0 * (w[_BIG + i] + w[_SMALL + i]) * amount * drive
        w[_Y + i] = 2.0 * drive / (tau_0 + np.sqrt(tau_0 * tau_0 + stiff))
    if power != 2.0 and amount > 0.0:
        for i in range(LANES):
            unloaded = w[_HIGH + i] * tau_0 / ((w[_BIG + i] + w[_SMALL + i]) * amount)
            w[_Y + i] = min(w[_HIGH + i], unloaded ** (1.0 / power))
    for _ in range(100):
        _moves_loop(w, amount, power)
        _threshold_loop(w, constants)
        for i in range(LANES):
            y = w[_Y + i]
            e = exp_minus(min(2.0 * w[_MOVE + i], 4.0))
            up, down = 0.5 * w[_BIG + i] * e, 0.5 * w[_SMALL + i] / e
            value = up - down - w[_HELD + i] - tau_0 * y
            fall = (2.0 * (up + down) + w[_RISE + i]) * w[_SLOPE + i] + tau_0
            low = y if value > 0.0 else w[_LOW + i]
            high = w[_HIGH + i] if value > 0.0 else y
            new = y + value / fall
            new = new if (new >= low) & (new <= high) else 0.5 * (low + high)
            w[_LOW + i], w[_HIGH + i] = low, high
            w[_CHANGE + i] = abs(new - y) - 1e-7 * y
            w[_Y + i] = new
        change = 0.0
        for i in range(LANES):
            change = max(change, w[_CHANGE + i])
        if change <= 1e-15:  # the next step of Newton would be of 1e-14 y
            break
    _moves_loop(w, amount, power)
    _threshold_loop(w, constants)


@compiled()
def _moves_loop(w, amount, power):
    """|d| = amount y^power, and its derivative by y."""
    if power == 2.0:
        for i in range(LANES):
            w[_MOVE + i] = amount * w[_Y + i] * w[_Y + i]
            w[_SLOPE + i] = 2.0 * amount * w[_Y + i]
    else:
        for i in range(LANES):
            w[_MOVE + i] = amount * w[_Y + i] ** power
            w[_SLOPE + i] = power * amount * w[_Y + i] ** (power - 1.0)


@compiled()
def _threshold_loop(w, constants):
    """g(e + |d|) and its derivative by |d|."""
    decay, saturation, latent = constants[5], constants[6], constants[7]
    if decay > 0.0:
        for i in range(LANES):
            slip = w[_SLIP + i] + w[_MOVE + i]
            left = saturation * np.exp(-decay * slip)
            w[_HELD + i] = saturation - left + latent * slip
            w[_RISE + i] = decay * left + latent
    else:
        for i in range(LANES):
            w[_HELD + i] = latent * (w[_SLIP + i] + w[_MOVE + i])
            w[_RISE + i] = latent


@compiled()
def _stress_block_loop(w, lambda_e):
    """P of each pixel; the slip gets its sign."""
    for i in range(LANES):
        f11, f12, f21, f22 = w[_F11 + i], w[_F12 + i], w[_F21 + i], w[_F22 + i]
        c, s, volume, scale = w[_COS + i], w[_SIN + i], w[_VOLUME + i], w[_SCALE + i]
        up = w[_ALPHA + i] > w[_BETA + i]
        e = exp_minus(min(2.0 * w[_MOVE + i], 4.0))
        e = e if up else 1.0 / e
        grown = w[_KNOWN + i] * e
        first, second = scale * grown, scale / grown
        third = (w[_ALPHA + i] * e + w[_BETA + i] / e + scale) * (1.0 / 3.0)
        press = 2.0 * lambda_e * (volume - 1.0) - third / volume
        m11 = first * c * c + second * s * s
        m12 = (first - second) * c * s
        m22 = first * s * s + second * c * c
        w[_MOVE + i] = w[_MOVE + i] if up else -w[_MOVE + i]
        w[_FIRST + i], w[_SECOND + i], w[_THIRD + i] = first, second, third
        w[_P + i] = f11 * m11 + f12 * m12 + press * f22
        w[_P12 + i] = f11 * m12 + f12 * m22 - press * f21
        w[_P21 + i] = f21 * m11 + f22 * m12 - press * f12
        w[_P22 + i] = f21 * m12 + f22 * m22 + press * f11


@compiled()
def _tangent_block_loop(w, lambda_e, tau_0):
    """dP/dF of each pixel: that at the slip of the step, less what slip takes away."""
    for i in range(LANES):
        c, s, volume = w[_COS + i], w[_SIN + i], w[_VOLUME + i]
        first, second, third = w[_FIRST + i], w[_SECOND + i], w[_THIRD + i]
        f11, f12, f21, f22 = w[_F11 + i], w[_F12 + i], w[_F21 + i], w[_F22 + i]
        a1, a2 = f11 * c + f12 * s, f21 * c + f22 * s
        b1, b2 = f12 * c - f11 * s, f22 * c - f21 * s
        t0, t1, t2, t3 = f22 / volume, -f21 / volume, -f12 / volume, f11 / volume  # F^-T
        x0, x1, x2, x3 = first * a1 * c, first * a1 * s, first * a2 * c, first * a2 * s
        z0, z1, z2, z3 = -second * b1 * s, second * b1 * c, -second * b2 * s, second * b2 * c
        h0, h1 = (2.0 / 3.0) * (x0 + z0), (2.0 / 3.0) * (x1 + z1)
        h2, h3 = (2.0 / 3.0) * (x2 + z2), (2.0 / 3.0) * (x3 + z3)
        m11 = first * c * c + second * s * s
        m12 = (first - second) * c * s
        m22 = first * s * s + second * c * c
        turn = 2.0 * lambda_e * (volume - 1.0) * volume - third
        both = (2.0 / 3.0) * third + 2.0 * lambda_e * (2.0 * volume - 1.0) * volume
        own = both - turn
        pull, push = first * (a1 * a1 + a2 * a2), second * (b1 * b1 + b2 * b2)
        lean = (pull - push) * (1.0 / 3.0)
        v0, v1 = x0 - z0 - lean * t0, x1 - z1 - lean * t1  # d tau/dF
        v2, v3 = x2 - z2 - lean * t2, x3 - z3 - lean * t3
        slope = w[_SLOPE + i]
        soft = 2.0 * slope / (tau_0 + slope * (pull + push + w[_RISE + i]))
        soft = soft if w[_Y + i] > 0.0 else 0.0
        s0, s1, s2, s3 = soft * v0, soft * v1, soft * v2, soft * v3
        w[_T + i] = m11 - 2.0 * h0 * t0 + own * t0 * t0 - s0 * v0
        w[_T + LANES + i] = m12 - h0 * t1 - t0 * h1 + own * t0 * t1 - s0 * v1
        w[_T + 2 * LANES + i] = -h0 * t2 - t0 * h2 + own * t0 * t2 - s0 * v2
        w[_T + 3 * LANES + i] = -h0 * t3 - t0 * h3 + both * t0 * t3 - turn * t1 * t2 - s0 * v3
        w[_T + 4 * LANES + i] = m22 - 2.0 * h1 * t1 + own * t1 * t1 - s1 * v1
        w[_T + 5 * LANES + i] = -h1 * t2 - t1 * h2 + both * t1 * t2 - turn * t0 * t3 - s1 * v2
        w[_T + 6 * LANES + i] = -h1 * t3 - t1 * h3 + own * t1 * t3 - s1 * v3
        w[_T + 7 * LANES + i] = m11 - 2.0 * h2 * t2 + own * t2 * t2 - s2 * v2
        w[_T + 8 * LANES + i] = m12 - h2 * t3 - t2 * h3 + own * t2 * t3 - s2 * v3
        w[_T + 9 * LANES + i] = m22 - 2.0 * h3 * t3 + own * t3 * t3 - s3 * v3
