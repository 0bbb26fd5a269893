"""The estimate as its equations stand; and for samples too many for that, nearly so."""

import math

import numpy as np
from numba import njit


def plain_kde(samples, grid, sensitivity=0.5, bandwidth=None, weights=None):
    """p(x) = sum_i a_i K_wi(x - X_i), a_i = 1/n or the share of the weight."""
    share = np.full(samples.size, 1.0) if weights is None else np.asarray(weights, float)
    share = share / share.sum()
    if bandwidth is None:
        n = 1.0 / np.sum(share**2)
        spread = np.sum(share * (samples - share @ samples) ** 2) * n / (n - 1)
        bandwidth = 1.06 * np.sqrt(spread) * n**-0.2
    widths = np.full(samples.size, bandwidth)
    pilot = _sum(samples, samples, share, widths)
    mean = np.exp(share @ np.log(pilot))
    return _sum(grid, samples, share, bandwidth * (pilot / mean) ** -sensitivity)


def _sum(x, samples, share, widths):
    parts = np.array_split(x, -(-x.size * samples.size // 2_000_000))
    factor = share / (widths * np.sqrt(2 * np.pi))
    return np.concatenate(
        [np.exp(-0.5 * ((part[:, None] - samples) / widths) ** 2) @ factor for part in parts]
    )


def large_kde(samples, grid, sensitivity=0.5):
    """The same for many samples, and the largest relative error of its pilot.

    The pilot is summed directly at nodes a thirty-second of the bandwidth apart, and its logarithm
    interpolated between four of them. Kernels are cut at 38 widths. The pilot's error is that at
    every ten-thousandth sample and the thousand outermost.
    """
    x = np.sort(samples)
    n = x.size
    bandwidth = 1.06 * x.std(ddof=1) * n**-0.2
    step = bandwidth / 32
    cell = np.unique(np.floor(x / step).astype(np.int64)[:, None] + np.arange(-1, 3))
    logs = np.log(_windowed(cell * step, x, np.full(n, bandwidth)))
    first = np.searchsorted(cell, np.floor(x / step).astype(np.int64) - 1)
    t = x / step - cell[first + 1]
    weights = np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
    )
    log_pilot = sum(w * logs[first + k] for k, w in enumerate(weights))
    some = np.unique(np.r_[np.arange(0, n, 10_000), :500, n - 500 : n])
    exact = np.log(_windowed(x[some], x, np.full(n, bandwidth)))
    error = np.max(np.abs(np.expm1(log_pilot[some] - exact)))
    widths = bandwidth * np.exp(-sensitivity * (log_pilot - log_pilot.mean()))
    return _windowed(grid, x, widths), error


@njit
def _windowed(nodes, x, widths):
    """Sum of normalised kernels at ascending nodes, cut at 38 widths."""
    out = np.zeros(nodes.size)
    for i in range(x.size):
        low = np.searchsorted(nodes, x[i] - 38 * widths[i])
        high = np.searchsorted(nodes, x[i] + 38 * widths[i])
        for j in range(low, high):
            out[j] += math.exp(-0.5 * ((nodes[j] - x[i]) / widths[i]) ** 2) / widths[i]
    return out / (x.size * math.sqrt(2 * math.pi))
