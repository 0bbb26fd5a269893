"""Loops over square periodic pixels: gradients, divergences, and products in each pixel.

Each inner loop writes one row, so that the compiler makes vector instructions of it.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = ["divergence_loop", "dot_loop", "gradient_loop", "tangent_loop", "wave_loop"]


@compiled()
def gradient_loop(displacement, mean, gradient):
    """gradient[2 i + j] = mean[2 i + j] + D_j u_i, of the four corners of each pixel."""
    n1, n2 = displacement.shape[1:]
    last = n2 - 1
    for k in range(2):
        for i in range(n1):
            here = displacement[k, i]
            after = displacement[k, i + 1 if i + 1 < n1 else 0]
            along, across = gradient[2 * k, i], gradient[2 * k + 1, i]
            first, second = mean[2 * k], mean[2 * k + 1]
            for j in range(last):
                along[j] = first + 0.5 * (after[j] - here[j] + after[j + 1] - here[j + 1])
            along[last] = first + 0.5 * (after[last] - here[last] + after[0] - here[0])
            for j in range(last):
                across[j] = second + 0.5 * (here[j + 1] - here[j] + after[j + 1] - after[j])
            across[last] = second + 0.5 * (here[0] - here[last] + after[0] - after[last])


@compiled()
def divergence_loop(piola, force):
    """force[i] = sum_j D_j P_ij, of the four pixels that meet in a corner."""
    n1, n2 = piola.shape[1:]
    last = n2 - 1
    for k in range(2):
        for i in range(n1):
            along, along_before = piola[2 * k, i], piola[2 * k, i - 1]
            across, across_before = piola[2 * k + 1, i], piola[2 * k + 1, i - 1]
            row = force[k, i]
            row[0] = 0.5 * (
                along[0] + along[last] - along_before[0] - along_before[last]
                + across[0] - across[last] + across_before[0] - across_before[last]
            )  # fmt: skip
            for j in range(1, n2):
                row[j] = 0.5 * (
                    along[j] + along[j - 1] - along_before[j] - along_before[j - 1]
                    + across[j] - across[j - 1] + across_before[j] - across_before[j - 1]
                )  # fmt: skip


@compiled()
def tangent_loop(tangent, gradient, rate):
    """rate = tangent gradient in each pixel; tangent the upper triangle of a symmetric matrix."""
    rows = ((0, 1, 2, 3), (1, 4, 5, 6), (2, 5, 7, 8), (3, 6, 8, 9))
    for k in range(4):
        a, b, c, d = rows[k]
        for i in range(rate.shape[1]):
            out, g0, g1, g2, g3 = (
                rate[k, i], gradient[0, i], gradient[1, i], gradient[2, i], gradient[3, i]
            )  # fmt: skip
            t0, t1, t2, t3 = tangent[a, i], tangent[b, i], tangent[c, i], tangent[d, i]
            for j in range(len(out)):
                out[j] = t0[j] * g0[j] + t1[j] * g1[j] + t2[j] * g2[j] + t3[j] * g3[j]


@compiled()
def wave_loop(waves, own, cross):
    """The Hermitian matrix of each wave times its two components, in place."""
    for i in range(waves.shape[1]):
        for j in range(waves.shape[2]):
            first, second = waves[0, i, j], waves[1, i, j]
            waves[0, i, j] = own[0, i, j] * first + cross[i, j] * second
            waves[1, i, j] = np.conj(cross[i, j]) * first + own[1, i, j] * second


@compiled(fastmath={"reassoc"})
def dot_loop(first, second):
    """Sum of the products of two fields of the same shape, by one thread."""
    total = 0.0
    one, two = first.ravel(), second.ravel()
    for i in range(one.size):
        total += one[i] * two[i]
    return total
