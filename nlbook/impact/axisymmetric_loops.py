"""Rings with one point: how they are strained, and the forces of their nodes.

A quadrangle in the half plane (r, z) stands for the ring that it sweeps, of volume V_0. With
averages over the undeformed ring, weighted by 2 pi R, B_I of the gradient of the shape function of
node I and H_I of N_I / R,

    F_rr, F_rz, F_zr, F_zz = sum x_I (x) B_I,    F_tt = sum r_I H_I,
    f_I = V_0 P B_I + V_0 P_tt H_I e_r,          P = tau F^-T,

so that stretches r = a R, z = b Z have one F, and constant stresses no force inside, on any mesh.
The pattern h = (1, -1, 1, -1), which B does not see, is damped: in the plane as
`nlbook.impact.hexahedron_loops` damps its four, by kappa/4 rho_0 c V_0 / A_0^(1/2). The masses are
those of the shape functions, so the largest frequency is bounded by the trace of M^-1 K::

    omega^2 <= c^2 J sum ((|b_r| + |h|)^2 + b_r^2 / 2 + 3/2 b_z^2) V_0 rho_0 / m_I,

b = F^-T B, h = H / F_tt, since the shear modulus is at most half of rho c^2. The tensors' axes are
r, t (around) and z.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled
from nlbook.impact.blocks import LANES

__all__ = ["RING_MOTION", "RING_REFERENCE", "ring_force_loop", "ring_motion_loop"]

#: rows of an undeformed ring: B (8, by direction), H (4), V_0 rho_0 / m_I (4), V_0 and
#: V_0 A_0^(-1/2), which are none for what fills the last block, and A_0^(-1/2)
RING_REFERENCE = 19
#: rows of its motion: rates of F_rr, F_rz, F_zr, F_zz and F_tt, sum h_I x_I (2), sum h_I v_I (2)
RING_MOTION = 9

_L = LANES
_H, _RATIO, _VOLUME, _SIZE, _OVER = 8 * _L, 12 * _L, 16 * _L, 17 * _L, 18 * _L


@compiled()
def ring_motion_loop(x, v, nodes, reference, deformation, motion):
    """F and what moves in some blocks; the least det F, and the number of its element.

    Arguments are as of `motion_loop` in `nlbook.impact.hexahedron_loops`, with two numbers a node.
    """
    least, element = np.inf, 0
    for block in range(len(deformation) // (9 * _L)):
        b = reference[block * RING_REFERENCE * _L : (block + 1) * RING_REFERENCE * _L]
        f = deformation[block * 9 * _L : (block + 1) * 9 * _L]
        m = motion[block * RING_MOTION * _L : (block + 1) * RING_MOTION * _L]
        f[:] = 0.0
        m[:] = 0.0
        for n in range(4):
            sign = 1.0 - 2.0 * (n % 2)
            for i in range(_L):
                k = nodes[(4 * block + n) * _L + i]
                r, z, vr, vz = x[k], x[k + 1], v[k], v[k + 1]
                br, bz, h = b[n * _L + i], b[(4 + n) * _L + i], b[_H + n * _L + i]
                f[i] += r * br
                f[2 * _L + i] += r * bz
                f[4 * _L + i] += r * h
                f[6 * _L + i] += z * br
                f[8 * _L + i] += z * bz
                m[i] += vr * br
                m[_L + i] += vr * bz
                m[2 * _L + i] += vz * br
                m[3 * _L + i] += vz * bz
                m[4 * _L + i] += vr * h
                m[5 * _L + i] += sign * r
                m[6 * _L + i] += sign * z
                m[7 * _L + i] += sign * vr
                m[8 * _L + i] += sign * vz
        for i in range(_L):
            plane = f[i] * f[8 * _L + i] - f[2 * _L + i] * f[6 * _L + i]
            volume = min(plane, f[4 * _L + i])  # both may be negative
            if not volume >= least:  # also where it is no number
                least, element = volume, block * _L + i
    return least, element


@compiled()
def ring_force_loop(deformation, stress, motion, reference, constants, forces, result):
    """Forces of the nodes of each ring of some blocks; arguments are as of `force_loop`."""
    density, speed, kappa, linear, quadratic = constants
    least, damped, squeezed, unknown = np.inf, 0.0, 0.0, 0.0
    for block in range(len(deformation) // (9 * _L)):
        b = reference[block * RING_REFERENCE * _L : (block + 1) * RING_REFERENCE * _L]
        f = deformation[block * 9 * _L : (block + 1) * 9 * _L]
        s = stress[block * 6 * _L : (block + 1) * 6 * _L]
        m = motion[block * RING_MOTION * _L : (block + 1) * RING_MOTION * _L]
        out = forces[block * 8 * _L : (block + 1) * 8 * _L]
        for i in range(_L):
            frr, frz, ftt = f[i], f[2 * _L + i], f[4 * _L + i]
            fzr, fzz = f[6 * _L + i], f[8 * _L + i]
            plane = frr * fzz - frz * fzr
            grr, grz, gzr, gzz = fzz / plane, -frz / plane, -fzr / plane, frr / plane  # F^-1
            around = 1.0 / ftt
            lrr, lrz = m[i] * grr + m[_L + i] * gzr, m[i] * grz + m[_L + i] * gzz
            lzr = m[2 * _L + i] * grr + m[3 * _L + i] * gzr
            lzz = m[2 * _L + i] * grz + m[3 * _L + i] * gzz
            closing = max(-(lrr + lzz + m[4 * _L + i] * around), 0.0)
            square, trace = 0.0, 0.0
            for n in range(4):
                br = grr * b[n * _L + i] + gzr * b[(4 + n) * _L + i]
                bz = grz * b[n * _L + i] + gzz * b[(4 + n) * _L + i]
                hoop = abs(br) + abs(b[_H + n * _L + i] * around)
                square += br * br + bz * bz
                trace += (hoop * hoop + 0.5 * br * br + 1.5 * bz * bz) * b[_RATIO + n * _L + i]
            length = np.sqrt(2.0 / square)
            viscous = linear + quadratic * length * closing / speed
            pressure = density * length * speed * closing * viscous  # times J: of tau
            step = 2.0 * (np.sqrt(1.0 + viscous * viscous) - viscous)
            step /= speed * np.sqrt(plane * ftt * trace)
            least = least if least <= step else step
            volume = b[_VOLUME + i]
            squeezed += volume * pressure * closing
            trr, ttt, tzz, trz = s[i], s[_L + i], s[2 * _L + i], s[4 * _L + i]
            # a stress that is no number must not hide behind a comparison
            unknown += 0.0 * (trr + ttt + tzz + trz)
            trr, ttt, tzz = trr - pressure, ttt - pressure, tzz - pressure
            damping = 0.25 * kappa * density * speed
            share = damping * b[_OVER + i]
            damping *= b[_SIZE + i]
            xr, xz = m[5 * _L + i], m[6 * _L + i]
            qr = m[7 * _L + i] - lrr * xr - lrz * xz
            qz = m[8 * _L + i] - lzr * xr - lzz * xz
            damped += damping * (qr * qr + qz * qz)
            tzr = trz - share * qz * xr
            trr, trz, tzz = trr - share * qr * xr, trz - share * qr * xz, tzz - share * qz * xz
            # V_0 P = V_0 tau F^-T
            prr, prz = volume * (trr * grr + trz * grz), volume * (trr * gzr + trz * gzz)
            pzr, pzz = volume * (tzr * grr + tzz * grz), volume * (tzr * gzr + tzz * gzz)
            ptt = volume * ttt * around
            for n in range(4):
                sign = 1.0 - 2.0 * (n % 2)
                br, bz = b[n * _L + i], b[(4 + n) * _L + i]
                radial = prr * br + prz * bz + ptt * b[_H + n * _L + i]
                out[2 * n * _L + i] = radial + sign * damping * qr
                out[(2 * n + 1) * _L + i] = pzr * br + pzz * bz + sign * damping * qz
    result[0], result[1], result[2] = least + unknown, damped, squeezed
