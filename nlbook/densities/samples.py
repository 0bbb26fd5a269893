"""The compiled loops of the density estimates.

They stand in one file because numba's cache watches, for each function, the file that holds it.
The sums over kernels are written for vector instructions: the exponential is a polynomial, with
no branch and no call in the loop, and slices spare the loop the question whether an index is
negative.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = [
    "cell_loop",
    "collect_loop",
    "mutual_loop",
    "spread_loop",
    "spread_uniform_loop",
    "squares_loop",
    "windows_loop",
]

_LOG2_E = 1.4426950408889634
_LN_2 = 0.6931471805599453
# Added to an integer below 2**51 it puts that integer in the lowest bits.
_INTEGER = 6755399441055744.0

# Reassociation lets a sum use vectors; arithmetic is IEEE otherwise.
_FAST = {"contract", "reassoc", "nsz"}


@compiled(forceinline=True, fastmath=_FAST)
def _exponential(y):
    """exp(y) for |y| < 708, to 3e-9.

    It is 2**k exp(r) with |r| <= log(2)/2, and exp(r) its Taylor series to order 7.
    """
    k = np.rint(y * _LOG2_E)
    r = y - k * _LN_2
    scale = np.int64((np.float64(k + _INTEGER).view(np.int64) + 1023) << 52).view(np.float64)
    p = 1.0 + r * (1.0 / 7.0)
    p = 1.0 + r * p * (1.0 / 6.0)
    p = 1.0 + r * p * (1.0 / 5.0)
    p = 1.0 + r * p * (1.0 / 4.0)
    p = 1.0 + r * p * (1.0 / 3.0)
    p = 1.0 + r * p * (1.0 / 2.0)
    return (1.0 + r * p) * scale


@compiled(forceinline=True, fastmath=_FAST)
def spread_loop(centre, inverse_width, terms, first, last, x, out):
    """out[j] += P(u) exp(-u**2/2), u = (x[j] - centre)/width, P of degree 4.

    For each source over first <= j < last, where |u| must be below 37.6; its row of `terms` holds
    the coefficients of P, from the constant on.
    """
    for k in range(centre.size):
        c, s = centre[k], inverse_width[k]
        t0, t1, t2, t3, t4 = terms[k, 0], terms[k, 1], terms[k, 2], terms[k, 3], terms[k, 4]
        nodes, sums = x[first[k] : last[k]], out[first[k] : last[k]]
        for j in range(sums.size):
            u = (nodes[j] - c) * s
            p = t0 + u * (t1 + u * (t2 + u * (t3 + u * t4)))
            sums[j] += p * _exponential(-0.5 * u * u)


@compiled(forceinline=True, fastmath=_FAST)
def spread_uniform_loop(centre, inverse_width, terms, radius, start, spacing, out):
    """As `spread_loop`, on blocks of nodes start + (b n + l) spacing, out[l, b], n = len(out).

    Kernels are cut at `radius` widths or a block beyond, and must be wide, four spacings or more:
    with u of a block's first node and d = spacing/width, exp(-(u + l d)**2/2) follows from
    exp(-u**2/2) by l factors exp(-u d) exp(-(l - 1/2) d**2), so that a block takes two
    exponentials and not n.
    """
    n, n_blocks = out.shape
    value, factor, place = np.empty(n_blocks), np.empty(n_blocks), np.empty(n_blocks)
    block = n * spacing
    for k in range(centre.size):
        s = inverse_width[k]
        t0, t1, t2, t3, t4 = terms[k, 0], terms[k, 1], terms[k, 2], terms[k, 3], terms[k, 4]
        alone = t1 == 0.0 and t2 == 0.0 and t3 == 0.0 and t4 == 0.0
        a = t0 if alone else 1.0
        low = int(min(max(np.floor((centre[k] - radius / s - start) / block), 0), n_blocks))
        high = int(min(max(np.ceil((centre[k] + radius / s - start) / block), 0), n_blocks))
        count, d = high - low, spacing * s
        first, step = (start + low * block - centre[k]) * s, block * s
        for b in range(count):
            u = first + b * step
            place[b] = u
            value[b] = a * _exponential(-0.5 * u * u)
            factor[b] = _exponential(-u * d)
        shrink, ratio = np.exp(-0.5 * d * d), np.exp(-d * d)
        for node in range(n):
            sums, far = out[node, low:high], node * d
            if alone:
                for b in range(sums.size):
                    sums[b] += value[b]
                    value[b] *= factor[b] * shrink
            else:
                for b in range(sums.size):
                    u = place[b] + far
                    sums[b] += value[b] * (t0 + u * (t1 + u * (t2 + u * (t3 + u * t4))))
                    value[b] *= factor[b] * shrink
            shrink *= ratio


@compiled(forceinline=True, fastmath=_FAST)
def mutual_loop(centre, amplitude, inverse_width, excess, last, out, first_out, second_out):
    """What sources of one width add at one another: each pair k < j < last[k] once.

    And its first two derivatives, in widths, in which the small `excess` is left out.
    """
    for k in range(centre.size):
        c, a, e = centre[k], amplitude[k], excess[k]
        inside = slice(k + 1, last[k])
        others, weights, others_excess = centre[inside], amplitude[inside], excess[inside]
        sums, firsts, seconds = out[inside], first_out[inside], second_out[inside]
        own, first, second = a * (1.0 - e), 0.0, -a
        for j in range(sums.size):
            u = (others[j] - c) * inverse_width
            q = u * u
            p = _exponential(-0.5 * q)
            bend, weight = (q - 1.0) * p, weights[j]
            sums[j] += a * (p + e * bend)
            firsts[j] -= a * u * p
            seconds[j] += a * bend
            own += weight * (p + others_excess[j] * bend)
            first += weight * u * p
            second += weight * bend
        out[k] += own
        first_out[k] += first
        second_out[k] += second


@compiled(forceinline=True)
def windows_loop(position, radius, last):
    """Those after k within `radius` are k < j < last[k]; positions do not descend."""
    high = 0
    for k in range(position.size):
        while high < position.size and position[high] <= position[k] + radius:
            high += 1
        last[k] = high


@compiled(forceinline=True, fastmath=_FAST)
def squares_loop(samples, mean):
    """Sum of squared deviations from `mean`."""
    total = 0.0
    for i in range(samples.size):
        deviation = samples[i] - mean
        total += deviation * deviation
    return total


@compiled(forceinline=True)
def cell_loop(samples, start, per_width, cell):
    """Number of the cell of each sample."""
    for i in range(samples.size):
        cell[i] = np.int32((samples[i] - start) * per_width)


@compiled(forceinline=True)
def collect_loop(samples, weights, cell, centre, table):
    """Add to each cell's row of `table` the weight, and its first and second moment.

    Moments are taken about `centre` of the cell.
    """
    for i in range(samples.size):
        row = table[cell[i]]
        offset = samples[i] - centre[cell[i]]
        row[0] += weights[i]
        row[1] += weights[i] * offset
        row[2] += weights[i] * offset * offset
