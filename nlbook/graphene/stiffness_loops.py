"""Second derivatives of Tersoff's potential, looped over atoms.

The energy of an atom depends on its bond vectors by their lengths r_a and the cosines c_ab
between them, q = (r_1, r_2, r_3, c_12, c_23, c_31). So its second derivatives are

    d2e/dv dv' = sum_ij dq_i/dv d2e/dq_i dq_j dq_j/dv' + sum_i de/dq_i d2q_i/dv dv',

with e = v/r and P = 1 - e e^T for each bond, p_a = e_b - c_ab e_a, and

    dr/dv = e,           d2r/dv dv = P / r,
    dc_ab/dv_a = p_a / r_a,
    d2c_ab/dv_a dv_a = -(e_a p_a^T + p_a e_a^T + c_ab P_a) / r_a**2,
    d2c_ab/dv_a dv_b = (P_b - e_a p_b^T) / (r_a r_b).
"""

from __future__ import annotations

import math

import numpy as np

from nlbook.compilation import compiled
from nlbook.graphene.site_loops import bond_order

__all__ = ["stiffness_loop"]


@compiled()
def stiffness_loop(vectors, bonded, parameters, stiffness):
    """Second derivatives d2e/dv_a dv_b of an atom's energy, shape (n, 3, m, 3, m).

    `vectors` holds the bonds of each atom in m dimensions, (n, 3, m), shorter than R - D; those
    that are not `bonded` have no part, whatever their vector.
    """
    n, _, dimension = vectors.shape
    size = 3 * dimension
    unit = np.zeros((3, dimension))
    length = np.zeros(3)
    cosine = np.zeros(3)  # of the bonds (0, 1), (1, 2), (2, 0)
    slope = np.zeros(6)
    curvature = np.zeros((6, 6))
    jacobian = np.zeros((6, size))
    product = np.zeros((6, size))
    for i in range(n):
        for a in range(3):
            square = 0.0
            for x in range(dimension):
                square += vectors[i, a, x] ** 2
            length[a] = math.sqrt(square)
            for x in range(dimension):
                unit[a, x] = vectors[i, a, x] / length[a]
        for p in range(3):
            cosine[p] = 0.0
            for x in range(dimension):
                cosine[p] += unit[p, x] * unit[(p + 1) % 3, x]
        _derivatives(length, cosine, bonded[i], parameters, slope, curvature)
        jacobian[:] = 0.0
        for a in range(3):
            for x in range(dimension):
                jacobian[a, dimension * a + x] = unit[a, x]
        for p in range(3):
            a, b = p, (p + 1) % 3
            for x in range(dimension):
                along_a, along_b = unit[a, x], unit[b, x]
                jacobian[3 + p, dimension * a + x] = (along_b - cosine[p] * along_a) / length[a]
                jacobian[3 + p, dimension * b + x] = (along_a - cosine[p] * along_b) / length[b]
        for q in range(6):
            for x in range(size):
                product[q, x] = 0.0
                for k in range(6):
                    product[q, x] += curvature[q, k] * jacobian[k, x]
        for a in range(3):
            for x in range(dimension):
                for b in range(3):
                    for y in range(dimension):
                        value = 0.0
                        for q in range(6):
                            here = jacobian[q, dimension * a + x]
                            value += here * product[q, dimension * b + y]
                        stiffness[i, a, x, b, y] = value
        for a in range(3):
            for x in range(dimension):
                for y in range(dimension):
                    across = (x == y) - unit[a, x] * unit[a, y]
                    stiffness[i, a, x, a, y] += slope[a] * across / length[a]
        for p in range(3):
            a, b, c = p, (p + 1) % 3, cosine[p]
            for x in range(dimension):
                for y in range(dimension):
                    ax, ay, bx, by = unit[a, x], unit[a, y], unit[b, x], unit[b, y]
                    of_a = ax * (by - c * ay) + (bx - c * ax) * ay + c * ((x == y) - ax * ay)
                    of_b = bx * (ay - c * by) + (ax - c * bx) * by + c * ((x == y) - bx * by)
                    mixed = ((x == y) - bx * by) - ax * (ay - c * by)
                    stiffness[i, a, x, a, y] -= slope[3 + p] * of_a / length[a] ** 2
                    stiffness[i, b, x, b, y] -= slope[3 + p] * of_b / length[b] ** 2
                    mixed *= slope[3 + p] / (length[a] * length[b])
                    stiffness[i, a, x, b, y] += mixed
                    stiffness[i, b, y, a, x] += mixed


@compiled()
def _derivatives(length, cosine, bonded, parameters, slope, curvature):
    """First and second derivatives of an atom's energy with respect to lengths and cosines."""
    repulsion, attraction, lambda1, lambda2, beta, n, gamma, c2, d2, h = parameters
    slope[:] = 0.0
    curvature[:] = 0.0
    for a in range(3):
        if not bonded[a]:
            continue
        zeta = 0.0
        for p in (a, (a + 2) % 3):  # the cosines of bond a, with a + 1 and with a - 1
            if bonded[(a + 1) % 3 if p == a else p]:
                u2 = (h - cosine[p]) ** 2
                zeta += gamma * (1.0 + c2 / d2 * u2 / (d2 + u2))
        b, first, second = 1.0, 0.0, 0.0
        if zeta > 0.0:
            b, share = bond_order(zeta, beta, n)
            rate = -0.5 * share / zeta
            first = b * rate
            second = b * (rate**2 + rate / zeta * (n * (1.0 - share) - 1.0))
        near = 0.5 * repulsion * math.exp(-lambda1 * length[a])
        far = 0.5 * attraction * math.exp(-lambda2 * length[a])
        slope[a] = lambda2 * b * far - lambda1 * near
        curvature[a, a] = lambda1**2 * near - lambda2**2 * b * far
        for p in (a, (a + 2) % 3):
            if not bonded[(a + 1) % 3 if p == a else p]:
                continue
            u = h - cosine[p]
            over = 1.0 / (d2 + u * u)
            bend = -2.0 * gamma * c2 * u * over**2
            slope[3 + p] -= first * far * bend
            curvature[3 + p, 3 + p] -= first * far * 2.0 * gamma * c2 * (d2 - 3 * u * u) * over**3
            curvature[a, 3 + p] += lambda2 * first * far * bend
            curvature[3 + p, a] += lambda2 * first * far * bend
            for q in (a, (a + 2) % 3):
                if bonded[(a + 1) % 3 if q == a else q]:
                    v = h - cosine[q]
                    other = -2.0 * gamma * c2 * v / (d2 + v * v) ** 2
                    curvature[3 + p, 3 + q] -= second * far * bend * other
