"""Tersoff's potential, looped over atoms: energies and forces.

An atom has three bonds at most, so its own energy is a function of three bond vectors v_1, v_2
and v_3. With their lengths r_a, the cosines c_ab between them and the cutoffs f_a = fc(r_a),

    e = 1/2 sum_a f_a (A exp(-lambda1 r_a) - b(zeta_a) B exp(-lambda2 r_a)),
    zeta_a = sum_{b != a} f_b g(c_ab),   b(zeta) = (1 + (beta zeta)**n)**(-1 / (2 n)).

Atoms are taken in blocks of `BLOCK`: their bond vectors are laid side by side, then a loop without
branches or library calls, which the processor runs on several atoms at a time, makes of them
energies and derivatives; at last each atom adds up those that push it. Where all bonds of a block
are whole (f = 1), as in any sheet that is not about to break, that loop leaves the cutoffs out.
"""

from __future__ import annotations

import math

import numpy as np

from nlbook.compilation import compiled

__all__ = ["BLOCK", "bond_order", "extent_loop", "force_loop"]

#: atoms that are laid out at a time
BLOCK = 64

# Products and sums are fused where the processor can; nothing is reordered.
_FUSED = {"contract"}

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it leaves a whole number in the last bits
_SQRT_HALF = np.int64(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_EXPONENT = np.int64(52)  # the bits below the exponent's
_TINY = 1e-300  # what is less counts as zero, which has no logarithm
_LEAST = -708.0  # exp of less is no normal number


@compiled(forceinline=True, fastmath=_FUSED)
def _exp(x):
    """exp(x) for x < 709, to about a unit of the last digit: 2**k times a Taylor series.

    Zero for x < -708, where the bits of 2**k run out.
    """
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))
    p = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * p))
    p = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * p))
    p = 1.0 + (r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * p))))
    power = np.float64(shifted).view(np.int64) << _EXPONENT
    value = np.int64(np.float64(p).view(np.int64) + power).view(np.float64)
    return 0.0 if x < _LEAST else value


@compiled(forceinline=True, fastmath=_FUSED)
def _log(x):
    """log(x) for normal x > 0, to about a unit of the last digit: k log 2 + 2 artanh(s)."""
    bits = np.float64(x).view(np.int64)
    k = (bits - _SQRT_HALF) >> _EXPONENT
    f = np.int64(bits - (k << _EXPONENT)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21))))
    p = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * p)))))
    whole = np.float64(k)
    return whole * _LN2_HIGH + (f - (s * (f - 2.0 * p) - whole * _LN2_LOW))


@compiled(forceinline=True, fastmath=_FUSED)
def _angular(x, c2, d2, h):
    """g(x) - gamma and g'(x), over gamma c**2 / d**2 and gamma c**2."""
    u = h - x
    u2 = u * u
    over = 1.0 / (d2 + u2)
    return 1.0 + (c2 / d2) * u2 * over, -2.0 * c2 * u * over * over


@compiled(forceinline=True, fastmath=_FUSED)
def bond_order(zeta, beta, n):
    """b = (1 + p)**(-1 / (2 n)) and p/(1 + p), of p = (beta zeta)**n.

    No power is formed that may overflow: with q = min(p, 1/p) and L = log(beta zeta),
    log b = -log(1 + q) / (2 n) - max(L, 0) / 2. So db/dzeta = -b p / (2 (1 + p) zeta).
    """
    y = beta * zeta
    log_y = _log(max(y, _TINY))
    q = 0.0 if y < _TINY else _exp(-abs(n * log_y))
    b = _exp((-0.5 / n) * _log(1.0 + q) - 0.5 * max(log_y, 0.0))
    return b, (q if log_y < 0.0 else 1.0) / (1.0 + q)


@compiled(forceinline=True, fastmath=_FUSED)
def _order(zeta, beta, n):
    """b(zeta) and its derivative."""
    b, share = bond_order(zeta, beta, n)
    return b, -0.5 * b * share / max(zeta, _TINY)


@compiled(forceinline=True, fastmath=_FUSED)
def _site(v, f, slope, parameters):
    """Energy of an atom and its derivative with respect to each bond vector.

    v holds three bond vectors, f and slope the cutoff of each bond and its derivative.
    """
    repulsion, attraction, lambda1, lambda2, beta, n, gamma, c2, width, h = parameters
    (x1, y1, z1), (x2, y2, z2), (x3, y3, z3) = v
    f1, f2, f3 = f
    slope1, slope2, slope3 = slope
    r1 = math.sqrt(x1 * x1 + y1 * y1 + z1 * z1)
    r2 = math.sqrt(x2 * x2 + y2 * y2 + z2 * z2)
    r3 = math.sqrt(x3 * x3 + y3 * y3 + z3 * z3)
    i1, i2, i3 = 1.0 / r1, 1.0 / r2, 1.0 / r3
    x1, y1, z1 = x1 * i1, y1 * i1, z1 * i1
    x2, y2, z2 = x2 * i2, y2 * i2, z2 * i2
    x3, y3, z3 = x3 * i3, y3 * i3, z3 * i3
    c12 = x1 * x2 + y1 * y2 + z1 * z2
    c23 = x2 * x3 + y2 * y3 + z2 * z3
    c31 = x3 * x1 + y3 * y1 + z3 * z1
    g12, s12 = _angular(c12, c2, width, h)
    g23, s23 = _angular(c23, c2, width, h)
    g31, s31 = _angular(c31, c2, width, h)
    b1, q1 = _order(gamma * (f2 * g12 + f3 * g31), beta, n)
    b2, q2 = _order(gamma * (f1 * g12 + f3 * g23), beta, n)
    b3, q3 = _order(gamma * (f1 * g31 + f2 * g23), beta, n)
    near1, far1 = 0.5 * repulsion * _exp(-lambda1 * r1), 0.5 * attraction * _exp(-lambda2 * r1)
    near2, far2 = 0.5 * repulsion * _exp(-lambda1 * r2), 0.5 * attraction * _exp(-lambda2 * r2)
    near3, far3 = 0.5 * repulsion * _exp(-lambda1 * r3), 0.5 * attraction * _exp(-lambda2 * r3)
    e1, e2, e3 = near1 - b1 * far1, near2 - b2 * far2, near3 - b3 * far3
    # derivatives with respect to zeta, times gamma
    q1, q2, q3 = -gamma * f1 * q1 * far1, -gamma * f2 * q2 * far2, -gamma * f3 * q3 * far3
    # with respect to the lengths
    t1 = f1 * (lambda2 * b1 * far1 - lambda1 * near1) + slope1 * (e1 + q2 * g12 + q3 * g31)
    t2 = f2 * (lambda2 * b2 * far2 - lambda1 * near2) + slope2 * (e2 + q1 * g12 + q3 * g23)
    t3 = f3 * (lambda2 * b3 * far3 - lambda1 * near3) + slope3 * (e3 + q1 * g31 + q2 * g23)
    # with respect to the cosines
    s12 = s12 * (q1 * f2 + q2 * f1)
    s23 = s23 * (q2 * f3 + q3 * f2)
    s31 = s31 * (q3 * f1 + q1 * f3)
    a12, a31 = s12 * i1, s31 * i1
    t1 -= a12 * c12 + a31 * c31
    d1 = t1 * x1 + a12 * x2 + a31 * x3, t1 * y1 + a12 * y2 + a31 * y3, t1 * z1 + a12 * z2 + a31 * z3
    a12, a23 = s12 * i2, s23 * i2
    t2 -= a12 * c12 + a23 * c23
    d2 = t2 * x2 + a12 * x1 + a23 * x3, t2 * y2 + a12 * y1 + a23 * y3, t2 * z2 + a12 * z1 + a23 * z3
    a23, a31 = s23 * i3, s31 * i3
    t3 -= a23 * c23 + a31 * c31
    d3 = t3 * x3 + a23 * x2 + a31 * x1, t3 * y3 + a23 * y2 + a31 * y1, t3 * z3 + a23 * z2 + a31 * z1
    return f1 * e1 + f2 * e2 + f3 * e3, d1, d2, d3


@compiled(fastmath=_FUSED)
def _planar_block(v, parameters, energies, slopes):
    """A block of whole bonds in the plane."""
    for k in range(energies.size):
        bonds = (
            (v[k], v[BLOCK + k], 0.0),
            (v[3 * BLOCK + k], v[4 * BLOCK + k], 0.0),
            (v[6 * BLOCK + k], v[7 * BLOCK + k], 0.0),
        )
        e, d1, d2, d3 = _site(bonds, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), parameters)
        energies[k] = e
        slopes[k], slopes[BLOCK + k] = d1[0], d1[1]
        slopes[3 * BLOCK + k], slopes[4 * BLOCK + k] = d2[0], d2[1]
        slopes[6 * BLOCK + k], slopes[7 * BLOCK + k] = d3[0], d3[1]


@compiled(fastmath=_FUSED)
def _spatial_block(v, parameters, energies, slopes):
    """A block of whole bonds in space."""
    for k in range(energies.size):
        bonds = (
            (v[k], v[BLOCK + k], v[2 * BLOCK + k]),
            (v[3 * BLOCK + k], v[4 * BLOCK + k], v[5 * BLOCK + k]),
            (v[6 * BLOCK + k], v[7 * BLOCK + k], v[8 * BLOCK + k]),
        )
        e, d1, d2, d3 = _site(bonds, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), parameters)
        energies[k] = e
        slopes[k], slopes[BLOCK + k], slopes[2 * BLOCK + k] = d1
        slopes[3 * BLOCK + k], slopes[4 * BLOCK + k], slopes[5 * BLOCK + k] = d2
        slopes[6 * BLOCK + k], slopes[7 * BLOCK + k], slopes[8 * BLOCK + k] = d3


@compiled(fastmath=_FUSED)
def _cut_block(v, f, parameters, energies, slopes):
    """A block with bonds that are cut off, or missing; f holds fc, then its derivative."""
    for k in range(energies.size):
        bonds = (
            (v[k], v[BLOCK + k], v[2 * BLOCK + k]),
            (v[3 * BLOCK + k], v[4 * BLOCK + k], v[5 * BLOCK + k]),
            (v[6 * BLOCK + k], v[7 * BLOCK + k], v[8 * BLOCK + k]),
        )
        cutoffs = f[k], f[BLOCK + k], f[2 * BLOCK + k]
        derivatives = f[3 * BLOCK + k], f[4 * BLOCK + k], f[5 * BLOCK + k]
        e, d1, d2, d3 = _site(bonds, cutoffs, derivatives, parameters)
        energies[k] = e
        slopes[k], slopes[BLOCK + k], slopes[2 * BLOCK + k] = d1
        slopes[3 * BLOCK + k], slopes[4 * BLOCK + k], slopes[5 * BLOCK + k] = d2
        slopes[6 * BLOCK + k], slopes[7 * BLOCK + k], slopes[8 * BLOCK + k] = d3


@compiled(fastmath=_FUSED)
def force_loop(positions, others, back, box, parameters, cutoff, energies, slopes, forces):
    """Energies of the atoms, their derivatives, and F_i = sum_a de_i/dv_a - sum_j de_j/dv_i.

    `others` and `back`, of shape (3, n), hold for each bond of an atom the other atom, itself
    where there is none, and where in `slopes` its derivative for the same bond begins, the zeros
    at the end where there is none. `box` holds the sides along x1 and x2 and their inverses,
    zeros where nothing is periodic. `cutoff` is (R, D).
    """
    n, dimension = positions.shape
    middle, half = cutoff
    whole = (middle - half) ** 2
    v, f = np.ones(9 * BLOCK), np.ones(6 * BLOCK)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        of_atoms = energies[start : start + BLOCK]
        of_bonds = slopes[9 * start : 9 * (start + BLOCK)]
        n_whole = 0
        for a in range(3):
            of_slot = v[3 * a * BLOCK : 3 * (a + 1) * BLOCK]
            if dimension == 2:
                n_whole += _lay_out_plane(positions, others[a], start, stop, box, whole, of_slot)
            else:
                n_whole += _lay_out_space(positions, others[a], start, stop, box, whole, of_slot)
        if n_whole < 3 * (stop - start):
            _cutoffs(v, others, start, stop, middle, half, f)
            _cut_block(v, f, parameters, of_atoms, of_bonds)
        elif dimension == 2:
            _planar_block(v, parameters, of_atoms, of_bonds)
        else:
            _spatial_block(v, parameters, of_atoms, of_bonds)
    slopes[9 * energies.size :] = 0.0
    for i in range(n):
        own = np.uint32(9 * (i // BLOCK) * BLOCK + i % BLOCK)
        b1, b2, b3 = back[0, i], back[1, i], back[2, i]
        for x in range(dimension):
            k = np.uint32(x * BLOCK)
            mine = slopes[own + k] + slopes[own + k + 3 * BLOCK] + slopes[own + k + 6 * BLOCK]
            forces[i, x] = mine - (slopes[b1 + k] + slopes[b2 + k] + slopes[b3 + k])


@compiled(fastmath=_FUSED)
def _lay_out_plane(positions, others, start, stop, box, whole, v):
    """Write the bond vectors of a block; how many are shorter than the cutoff's beginning."""
    width, height, per_width, per_height = box
    n_whole = 0
    for k in range(stop - start):
        i, j = np.uint32(start + k), others[np.uint32(start + k)]
        x, y = positions[j, 0] - positions[i, 0], positions[j, 1] - positions[i, 1]
        x -= width * np.rint(x * per_width)
        y -= height * np.rint(y * per_height)
        n_whole += 0.0 < x * x + y * y < whole
        v[k], v[BLOCK + k] = x, y
        v[2 * BLOCK + k] = 0.0
    return n_whole


@compiled(fastmath=_FUSED)
def _lay_out_space(positions, others, start, stop, box, whole, v):
    """As `_lay_out_plane`, with a third component that has no period."""
    width, height, per_width, per_height = box
    n_whole = 0
    for k in range(stop - start):
        i, j = np.uint32(start + k), others[np.uint32(start + k)]
        x, y = positions[j, 0] - positions[i, 0], positions[j, 1] - positions[i, 1]
        z = positions[j, 2] - positions[i, 2]
        x -= width * np.rint(x * per_width)
        y -= height * np.rint(y * per_height)
        n_whole += 0.0 < x * x + y * y + z * z < whole
        v[k], v[BLOCK + k], v[2 * BLOCK + k] = x, y, z
    return n_whole


@compiled(fastmath=_FUSED)
def _cutoffs(v, others, start, stop, middle, half, f):
    """fc(r) = (1 - sin(pi (r - R) / (2 D))) / 2 from R - D to R + D, and its derivative.

    As sin(w)**2 with w = pi (R + D - r) / (4 D), which keeps its digits where it ends: there
    db/dzeta grows as the cutoff falls. Where there is no bond both are zero, and the bond vector
    becomes one of length 1. Of a bond between two atoms in one place all is NaN.
    """
    for a in range(3):
        for k in range(stop - start):
            at = 3 * a * BLOCK + k
            r = math.sqrt(v[at] ** 2 + v[at + BLOCK] ** 2 + v[at + 2 * BLOCK] ** 2)
            value, derivative = 1.0, 0.0
            if others[a, start + k] == start + k or r >= middle + half:
                v[at], v[at + BLOCK], v[at + 2 * BLOCK] = 1.0, 0.0, 0.0
                value = 0.0
            elif r == 0.0:
                v[at] = math.nan  # a bond without length has no direction, so no force
            elif r > middle - half:
                angle = 0.25 * math.pi * (middle + half - r) / half
                value = math.sin(angle) ** 2
                derivative = -0.25 * math.pi * math.sin(2.0 * angle) / half
            f[a * BLOCK + k], f[(3 + a) * BLOCK + k] = value, derivative


@compiled(fastmath=_FUSED)
def extent_loop(positions, others, box):
    """Squares of the shortest and longest bond, and of the least distance of two neighbours."""
    n, dimension = positions.shape
    width, height, per_width, per_height = box
    shortest, longest, nearest = np.inf, 0.0, np.inf
    v = np.zeros((3, 3))
    for i in range(n):
        for a in range(3):
            j = others[a, i]
            for x in range(dimension):
                v[a, x] = positions[j, x] - positions[i, x]
            v[a, 0] -= width * np.rint(v[a, 0] * per_width)
            v[a, 1] -= height * np.rint(v[a, 1] * per_height)
        for a in range(3):
            b = (a + 1) % 3
            if others[a, i] == i:
                continue
            square = v[a, 0] ** 2 + v[a, 1] ** 2 + v[a, 2] ** 2
            shortest, longest = min(shortest, square), max(longest, square)
            if others[b, i] != i:
                x, y, z = v[a, 0] - v[b, 0], v[a, 1] - v[b, 1], v[a, 2] - v[b, 2]
                nearest = min(nearest, x * x + y * y + z * z)
    return shortest, longest, nearest
