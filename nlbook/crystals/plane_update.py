"""Stress of a plane crystal of two systems that share one Schmid tensor, pixel by pixel.

With S = P_1 + P_2 symmetric both systems have the same resolved shear stress, and so the same slip
Gamma: F_in = exp(Gamma S) for any history. In the unit eigenvectors a and b of S,

    F_in^-1 F_in^-T = E a (x) a + b (x) b / E,    E = exp(-2 Gamma),
    tau = (alpha - beta) / 2,    alpha = G J^(-2/3) |F a|^2 E,    beta = G J^(-2/3) |F b|^2 / E,

for plane strain. A step of the rule y_n' = f_n, `weight` dt f + `known` with dt the step, is for
every pixel one scalar equation for y = (|tau| - g(e))/tau_0 >= 0,

    |tau|(Gamma_known + d) - g(e_known + |d|) = tau_0 y,    |d| = weight dt rate y^(1/m),

whose left side falls as y grows: it has one root, found by Newton's method between bounds. The
derivative of the first Piola stress P by F is symmetric, as the step has a potential.

Each loop runs along a row of pixels and has no branch, so that the compiler makes vector
instructions of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.compilation import compiled
from nlbook.crystals.law import CrystalLaw

__all__ = ["PlaneConstants", "plane_constants", "stress_loop", "work_rows"]

_SHARED = 1e-9  # of the Schmid tensors' entries

PlaneConstants = tuple[float, float, float, float, float, float, float, float]


def plane_constants(law: CrystalLaw) -> tuple[PlaneConstants, float]:
    """Constants of a law as the loop reads them, and the angle of a in the crystal.

    Returns
    -------
    constants : tuple of float
        G, lambda_e, tau_0, rate, 1/m, h/sigma (zero without), sigma, latent hardening.
    angle : float
        Of the eigenvector a of S with the eigenvalue 1, in the crystal's frame.

    Raises
    ------
    ValueError
        If the law is no pair of orthogonal systems in the plane z = 0 of one family.
    """
    systems = law.systems
    schmid = systems.schmid_tensors
    pair = systems.n_slip == 2 and systems.n_twin == 0 and len(law.slip) == 1
    if not pair or np.abs(schmid[:, :, 2]).max() + np.abs(schmid[:, 2]).max() > _SHARED:
        raise ValueError("law must hold one pair of slip systems in the plane z = 0, and no twins")
    first, second = schmid[:, :2, :2]
    sign = 1.0 if np.sum(first * second.T) > 0 else -1.0
    if np.abs(first - sign * second.T).max() > _SHARED:
        raise ValueError(
            "law must hold two systems that share a Schmid tensor: the direction of one is the "
            "normal of the other"
        )
    shear = first + first.T
    slip = law.slip[0]
    angle = 0.5 * np.arctan2(shear[0, 1], shear[0, 0])
    # a threshold without a saturation stress is none
    decay = slip.hardening / slip.saturation if slip.saturation > 0 else 0.0
    saturation = slip.saturation if decay > 0 else 0.0
    constants = (
        law.shear_modulus, law.lambda_e, slip.tau_0, slip.reference_rate,
        1.0 / slip.rate_exponent, decay, saturation, slip.latent,
    )  # fmt: skip
    return constants, float(angle)


def work_rows(width: int) -> NDArray[np.float64]:
    """Room for the loop over rows of `width` pixels."""
    return np.zeros((18, width))


@compiled(forceinline=True)
def _decay(x):
    """exp(-x) for 0 <= x <= 4, to 1e-11: the series at x/8, squared thrice; beyond, exp(-4)."""
    u = -0.125 * min(x, 4.0)
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
    return s * s


@compiled()
def _moves_loop(y, amount, power, move, slope):
    """|d| = amount y^power, and its derivative by y."""
    if power == 2.0:
        for j in range(len(y)):
            move[j] = amount * y[j] * y[j]
            slope[j] = 2.0 * amount * y[j]
    else:
        for j in range(len(y)):
            move[j] = amount * y[j] ** power
            slope[j] = power * amount * y[j] ** (power - 1.0)


@compiled()
def _threshold_loop(slip, move, decay, saturation, latent, held, rise):
    """g(e + |d|) and its derivative by |d|."""
    if decay > 0.0:
        for j in range(len(slip)):
            left = saturation * np.exp(-decay * (slip[j] + move[j]))
            held[j] = saturation - left + latent * (slip[j] + move[j])
            rise[j] = decay * left + latent
    else:
        for j in range(len(slip)):
            held[j] = latent * (slip[j] + move[j])
            rise[j] = latent


@compiled()
def _roots_loop(big, small, slip, amount, constants, y, move, slope, rise, rows):
    """y of each pixel of a row, with |d|, its derivative by y, and that of the threshold."""
    _, _, tau_0, _, power, decay, saturation, latent = constants
    low, high, held = rows[0], rows[1], rows[2]
    move[:] = 0.0
    _threshold_loop(slip, move, decay, saturation, latent, held, rise)
    for j in range(len(y)):
        drive = max(0.5 * (big[j] - small[j]) - held[j], 0.0)
        low[j] = 0.0
        high[j] = drive / tau_0
        y[j] = high[j]
    if power == 2.0:
        for j in range(len(y)):  # the root if tau went on falling as it does at the start
            stiff = 4.0 * (big[j] + small[j]) * amount * high[j] * tau_0
            y[j] = 2.0 * high[j] * tau_0 / (tau_0 + np.sqrt(tau_0 * tau_0 + stiff))
    elif amount > 0.0:
        for j in range(len(y)):
            unloaded = high[j] * tau_0 / ((big[j] + small[j]) * amount)
            y[j] = min(high[j], unloaded ** (1.0 / power))
    for _ in range(100):
        _moves_loop(y, amount, power, move, slope)
        _threshold_loop(slip, move, decay, saturation, latent, held, rise)
        change = 0.0
        for j in range(len(y)):
            e = _decay(2.0 * move[j])
            up, down = 0.5 * big[j] * e, 0.5 * small[j] / e
            value = up - down - held[j] - tau_0 * y[j]
            fall = (2.0 * (up + down) + rise[j]) * slope[j] + tau_0
            low[j] = y[j] if value > 0.0 else low[j]
            high[j] = high[j] if value > 0.0 else y[j]
            new = y[j] + value / fall
            new = new if new >= low[j] and new <= high[j] else 0.5 * (low[j] + high[j])
            change = max(change, abs(new - y[j]) - 1e-7 * y[j])
            y[j] = new
        if change <= 1e-15:  # the next step of Newton would be of 1e-14 y
            break
    _moves_loop(y, amount, power, move, slope)
    _threshold_loop(slip, move, decay, saturation, latent, held, rise)


@compiled()
def stress_loop(
    displacement, mean, axes, known, amount, constants, moved, piola, tangent, with_tangent, rows
):
    """First Piola stress at the end of a step, and its derivative by F.

    Parameters
    ----------
    displacement : ndarray, shape (2, n1 + 1, n2 + 1)
        Of the corners of the pixels, in sides of a pixel; the last row and column repeat the first.
    mean : ndarray, shape (4,)
        Mean F: 11, 12, 21, 22.
    axes : ndarray, shape (2, n1, n2)
        Cosine and sine of the angle of a.
    known : ndarray, shape (2, n1, n2)
        exp(-2 Gamma_known), e_known.
    amount : float
        weight dt rate.
    constants : tuple of float
        See `plane_constants`.
    moved : ndarray, shape (2, n1, n2)
        Written: d with its sign, and y.
    piola : ndarray, shape (4, n1, n2)
        Written: P 11, 12, 21, 22, GPa.
    tangent : ndarray, shape (10, n1, n2)
        Written if `with_tangent`: the upper triangle of dP/dF, row by row, GPa.
    with_tangent : bool
        Whether the derivative is wanted.
    rows : ndarray, shape (18, n2)
        Room.

    Returns
    -------
    bool
        Whether det F is positive everywhere.
    """
    n1, n2 = axes.shape[1:]
    shear_modulus, lambda_e, tau_0 = constants[0], constants[1], constants[2]
    f11, f12, f21, f22 = rows[0], rows[1], rows[2], rows[3]
    volume, scale, alpha, beta = rows[4], rows[5], rows[6], rows[7]
    big, small, y, move, slope, rise = rows[8], rows[9], rows[10], rows[11], rows[12], rows[13]
    two_thirds = 2.0 / 3.0
    whole = mean[0] * mean[3] - mean[1] * mean[2]
    root = whole ** (-1.0 / 3.0)
    for i in range(n1):
        u1, v1 = displacement[0, i], displacement[0, i + 1]
        u2, v2 = displacement[1, i], displacement[1, i + 1]
        for j in range(n2):
            f11[j] = mean[0] + 0.5 * (v1[j] - u1[j] + v1[j + 1] - u1[j + 1])
            f12[j] = mean[1] + 0.5 * (u1[j + 1] - u1[j] + v1[j + 1] - v1[j])
            f21[j] = mean[2] + 0.5 * (v2[j] - u2[j] + v2[j + 1] - u2[j + 1])
            f22[j] = mean[3] + 0.5 * (u2[j + 1] - u2[j] + v2[j + 1] - v2[j])
        least, most = np.inf, 0.0
        for j in range(n2):
            volume[j] = f11[j] * f22[j] - f12[j] * f21[j]
            least = min(least, volume[j])
            most = max(most, volume[j])
        if not least > 0.0:
            return False
        if least > 0.5 * whole and most < 1.6 * whole:
            for j in range(n2):  # Newton's method for the root of the ratio to the mean
                x = volume[j] / whole
                z = 1.0 - (x - 1.0) * (1.0 / 3.0) + (x - 1.0) * (x - 1.0) * (2.0 / 9.0)
                z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
                z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
                z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
                z = z * (4.0 - x * z * z * z) * (1.0 / 3.0)
                scale[j] = root * z
        else:
            for j in range(n2):
                scale[j] = volume[j] ** (-1.0 / 3.0)
        for j in range(n2):
            c, s = axes[0, i, j], axes[1, i, j]
            a1, a2 = f11[j] * c + f12[j] * s, f21[j] * c + f22[j] * s
            b1, b2 = f12[j] * c - f11[j] * s, f22[j] * c - f21[j] * s
            scale[j] = shear_modulus * scale[j] * scale[j]
            alpha[j] = scale[j] * (a1 * a1 + a2 * a2) * known[0, i, j]
            beta[j] = scale[j] * (b1 * b1 + b2 * b2) / known[0, i, j]
            big[j], small[j] = max(alpha[j], beta[j]), min(alpha[j], beta[j])
        _roots_loop(big, small, known[1, i], amount, constants, y, move, slope, rise, rows[14:])
        for j in range(n2):
            c, s = axes[0, i, j], axes[1, i, j]
            a1, a2 = f11[j] * c + f12[j] * s, f21[j] * c + f22[j] * s
            b1, b2 = f12[j] * c - f11[j] * s, f22[j] * c - f21[j] * s
            e = _decay(2.0 * move[j])
            up = alpha[j] > beta[j]
            e = e if up else 1.0 / e
            moved[0, i, j] = move[j] if up else -move[j]
            moved[1, i, j] = y[j]
            first, second = scale[j] * known[0, i, j] * e, scale[j] / (known[0, i, j] * e)
            pull, push = alpha[j] * e, beta[j] / e
            third = (pull + push + scale[j]) * (1.0 / 3.0)
            swell = volume[j] - 1.0
            press = 2.0 * lambda_e * swell - third / volume[j]
            piola[0, i, j] = first * a1 * c - second * b1 * s + press * f22[j]
            piola[1, i, j] = first * a1 * s + second * b1 * c - press * f21[j]
            piola[2, i, j] = first * a2 * c - second * b2 * s - press * f12[j]
            piola[3, i, j] = first * a2 * s + second * b2 * c + press * f11[j]
        if not with_tangent:
            continue
        for j in range(n2):
            c, s = axes[0, i, j], axes[1, i, j]
            a1, a2 = f11[j] * c + f12[j] * s, f21[j] * c + f22[j] * s
            b1, b2 = f12[j] * c - f11[j] * s, f22[j] * c - f21[j] * s
            e = _decay(2.0 * move[j])
            e = e if alpha[j] > beta[j] else 1.0 / e
            first, second = scale[j] * known[0, i, j] * e, scale[j] / (known[0, i, j] * e)
            pull, push = alpha[j] * e, beta[j] / e
            third = (pull + push + scale[j]) * (1.0 / 3.0)
            jac = volume[j]
            t0, t1, t2, t3 = f22[j] / jac, -f21[j] / jac, -f12[j] / jac, f11[j] / jac
            x0, x1, x2, x3 = first * a1 * c, first * a1 * s, first * a2 * c, first * a2 * s
            z0, z1, z2, z3 = -second * b1 * s, second * b1 * c, -second * b2 * s, second * b2 * c
            h0, h1 = two_thirds * (x0 + z0), two_thirds * (x1 + z1)
            h2, h3 = two_thirds * (x2 + z2), two_thirds * (x3 + z3)
            m11 = first * c * c + second * s * s
            m12 = (first - second) * c * s
            m22 = first * s * s + second * c * c
            turn = 2.0 * lambda_e * (jac - 1.0) * jac - third
            both = two_thirds * third + 2.0 * lambda_e * (2.0 * jac - 1.0) * jac
            own = both - turn
            # d tau/dF, and the part of the stress that slip takes away
            lean = two_thirds * 0.5 * (pull - push)
            v0, v1 = x0 - z0 - lean * t0, x1 - z1 - lean * t1
            v2, v3 = x2 - z2 - lean * t2, x3 - z3 - lean * t3
            soft = 2.0 * slope[j] / (tau_0 + slope[j] * (pull + push + rise[j]))
            soft = soft if y[j] > 0.0 else 0.0
            tangent[0, i, j] = m11 - 2.0 * h0 * t0 + own * t0 * t0 - soft * v0 * v0
            tangent[1, i, j] = m12 - h0 * t1 - t0 * h1 + own * t0 * t1 - soft * v0 * v1
            tangent[2, i, j] = -h0 * t2 - t0 * h2 + own * t0 * t2 - soft * v0 * v2
            tangent[3, i, j] = -h0 * t3 - t0 * h3 + both * t0 * t3 - turn * t1 * t2 - soft * v0 * v3
            tangent[4, i, j] = m22 - 2.0 * h1 * t1 + own * t1 * t1 - soft * v1 * v1
            tangent[5, i, j] = -h1 * t2 - t1 * h2 + both * t1 * t2 - turn * t0 * t3 - soft * v1 * v2
            tangent[6, i, j] = -h1 * t3 - t1 * h3 + own * t1 * t3 - soft * v1 * v3
            tangent[7, i, j] = m11 - 2.0 * h2 * t2 + own * t2 * t2 - soft * v2 * v2
            tangent[8, i, j] = m12 - h2 * t3 - t2 * h3 + own * t2 * t3 - soft * v2 * v3
            tangent[9, i, j] = m22 - 2.0 * h3 * t3 + own * t3 * t3 - soft * v3 * v3
    return True
