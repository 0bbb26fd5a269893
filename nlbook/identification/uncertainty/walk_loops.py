"""The compiled loops of particles that jump."""

from __future__ import annotations

import numpy as np

from nlbook.compilation import compiled

__all__ = ["alias_loop", "count_loop", "move_loop"]


@compiled()
def alias_loop(chance, alias):
    """Give from those above the mean to those below it, in place (Vose)."""
    n = chance.size
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    n_small, n_large = 0, 0
    for k in range(n):
        if chance[k] < 1.0:
            small[n_small] = k
            n_small += 1
        else:
            large[n_large] = k
            n_large += 1
    while n_small > 0 and n_large > 0:
        n_small -= 1
        poor, rich = small[n_small], large[n_large - 1]
        alias[poor] = rich
        chance[rich] -= 1.0 - chance[poor]
        if chance[rich] < 1.0:
            n_large -= 1
            small[n_small] = rich
            n_small += 1
    for k in range(n_small):
        chance[small[k]] = 1.0
    for k in range(n_large):
        chance[large[k]] = 1.0


@compiled()
def move_loop(place, uniform, chance, alias, middle, spacing):
    """place += spacing times a displacement drawn from the table."""
    n = chance.size
    for i in range(place.size):
        u = uniform[i] * n
        k = min(int(u), n - 1)
        if u - k >= chance[k]:
            k = alias[k]
        place[i] += spacing * (k - middle)


@compiled()
def count_loop(place, low, per_width, out):
    """Count places in bins; the first and the last of `out` hold what lies beyond."""
    n_bins = out.size - 2
    for i in range(place.size):
        x = (place[i] - low) * per_width
        if x < 0.0:
            out[0] += 1
        elif x >= n_bins:
            out[n_bins + 1] += 1
        else:
            out[1 + int(x)] += 1
