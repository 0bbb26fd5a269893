"""The compiled loops of the density estimates.

They stand in one file because numba's cache watches, for each function, the file that holds it.
The sums over kernels are written for vector instructions: the exponential is a polynomial, with
no branch and no call in the loop, and slices spare the loop the question whether an index is
negative.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["collect_kernel", "emit_kernel", "spread_kernel", "windows_kernel"]

_LOG2_E = 1.4426950408889634
_LN_2 = 0.6931471805599453
# Added to a number below 2**51 it rounds it to an integer, which stands in the lowest bits.
_ROUND = 6755399441055744.0


@njit(error_model="numpy", nogil=True, forceinline=True, fastmath={"contract"}, cache=True)
def spread_kernel(centre, amplitude, inverse_width, excess, first, last, x, out):
    """out[j] += amplitude (1 + excess (u**2 - 1)) exp(-u**2/2), u = (x[j] - centre)/width.

    For each source over first <= j < last, where u must be below 37.6. The exponential is
    2**k exp(r) with |r| <= log(2)/2; its Taylor series to order 9 leaves 7e-12.
    """
    for k in range(centre.size):
        c, a, s, e = centre[k], amplitude[k], inverse_width[k], excess[k]
        nodes, sums = x[first[k] : last[k]], out[first[k] : last[k]]
        for j in range(sums.size):
            u = (nodes[j] - c) * s
            q = u * u
            y = -0.5 * q
            shifted = y * _LOG2_E + _ROUND
            r = y - (shifted - _ROUND) * _LN_2
            scale = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
            p = 1.0 + r * (1.0 / 9.0)
            p = 1.0 + r * p * (1.0 / 8.0)
            p = 1.0 + r * p * (1.0 / 7.0)
            p = 1.0 + r * p * (1.0 / 6.0)
            p = 1.0 + r * p * 0.2
            p = 1.0 + r * p * 0.25
            p = 1.0 + r * p * (1.0 / 3.0)
            p = 1.0 + r * p * 0.5
            p = 1.0 + r * p
            sums[j] += a * (1.0 + e * (q - 1.0)) * p * scale


@njit(error_model="numpy", nogil=True, forceinline=True, cache=True)
def windows_kernel(key, reach, first, last):
    """Those with |key[j] - key[k]| <= reach are first[k] <= j < last[k]; keys do not descend."""
    low, high = 0, 0
    for k in range(key.size):
        while key[low] < key[k] - reach:
            low += 1
        while high < key.size and key[high] <= key[k] + reach:
            high += 1
        first[k], last[k] = low, high


@njit(error_model="numpy", nogil=True, forceinline=True, cache=True)
def collect_kernel(samples, weights, cell, centre, table):
    """Add to each row of `table`: samples, weight, and weighted offset and its square.

    Offsets are taken from `centre` of the sample's cell.
    """
    for i in range(samples.size):
        row = table[cell[i]]
        offset = samples[i] - centre[cell[i]]
        row[0] += 1.0
        row[1] += weights[i]
        row[2] += weights[i] * offset
        row[3] += weights[i] * offset * offset


@njit(error_model="numpy", nogil=True, forceinline=True, cache=True)
def emit_kernel(samples, weights, cell, table, few, place, position, mass):
    """Put the samples of cells with fewer than `few` at place[cell], place[cell] + 1, ..."""
    for i in range(samples.size):
        c = cell[i]
        if table[c, 0] < few:
            position[place[c]] = samples[i]
            mass[place[c]] = weights[i]
            place[c] += 1
