"""The compiled loop of the logarithmic error.

The mean logarithmic absolute error between an evolution and densities of data,

    MLAE = mean of |log p - log q|

over all nodes and times where the data's density p exceeds a floor. What is below it is noise or
padding, and log 0 has no place in a mean. A trial density q counts as at least 1e-17 of the
largest density of the data: what is smaller is rounding.

Since |log p - log q| = log(max(p, q)/min(p, q)), and logarithms add, one logarithm serves sixteen
nodes. The data, linear between snapshots, are interpolated on the way.
"""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = ["log_error_loop"]

# Ratios that are multiplied before a logarithm is taken. Capped at 1e18 their product stays
# finite; what a ratio has beyond that, as where data of no floor are tiny, is added by itself.
_GROUP = 16
_LARGEST_RATIO = 1e18

# Nodes that are handled side by side.
_LANES = 16


@compiled()
def log_error_loop(block, density, before, share, floor, least, has_middle, sums):
    """Add to `sums`: sum of |log p - log q|, number of pairs, and both at the middle node alone.

    block : (n_rows, n) trial densities q; density : (n_snapshots, n_nodes) of which the first n
    are compared; before, share : (n_rows,) p = (1 - share) density[before] + share
    density[before + 1]; floor : (n_snapshots,) interpolated likewise.
    """
    n = block.shape[1]
    ratio = np.empty(_LANES)
    for row in range(block.shape[0]):
        first, second = density[before[row]], density[before[row] + 1]
        s = share[row]
        bound = (1.0 - s) * floor[before[row]] + s * floor[before[row] + 1]
        total, count = 0.0, 0.0
        start = 0
        while start < n:
            for lane in range(_LANES):
                ratio[lane] = 1.0
            stop = min(start + _LANES * _GROUP, n)
            whole = start + (stop - start) // _LANES * _LANES
            for i in range(start, whole, _LANES):
                trial, a, b = (
                    block[row, i : i + _LANES],
                    first[i : i + _LANES],
                    second[i : i + _LANES],
                )
                for lane in range(_LANES):
                    p = (1.0 - s) * a[lane] + s * b[lane]
                    q = max(trial[lane], least)
                    kept = p > bound
                    p = p if kept else q
                    ratio[lane] *= min(max(p, q) / min(p, q), _LARGEST_RATIO)
                    count += 1.0 if kept else 0.0
            for i in range(whole, stop):
                p = (1.0 - s) * first[i] + s * second[i]
                q = max(block[row, i], least)
                if p > bound:
                    ratio[i - whole] *= min(max(p, q) / min(p, q), _LARGEST_RATIO)
                    count += 1.0
            capped = False
            for lane in range(_LANES):
                total += np.log(ratio[lane])
                capped |= ratio[lane] >= _LARGEST_RATIO
            if capped:  # perhaps: no ratio is below one
                for i in range(start, stop):
                    p = (1.0 - s) * first[i] + s * second[i]
                    q = max(block[row, i], least)
                    beyond = abs(np.log(p) - np.log(q)) - np.log(_LARGEST_RATIO) if p > bound else 0
                    total += max(beyond, 0.0)
            start = stop
        sums[0] += total
        sums[1] += count
        if has_middle:
            p = (1.0 - s) * first[n - 1] + s * second[n - 1]
            if p > bound:
                sums[2] += abs(np.log(p / max(block[row, n - 1], least)))
                sums[3] += 1.0
