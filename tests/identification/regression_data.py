"""Small sets of pairs for the tests of regression, and the obvious way to compute their loss."""

from functools import lru_cache

import numpy as np

from nlbook.identification import (
    biharmonic_pairs,
    fractional_pairs,
    gather,
    gram_matrix,
)


def random_pairs_arrays(n_samples, n_nodes, collar, seed=0):
    """Smooth u on nodes and collar, and an f that no kernel makes of it."""
    rng = np.random.default_rng(seed)
    x = np.arange(-collar, n_nodes + collar) / n_nodes
    modes = np.arange(1, 6)[:, np.newaxis]
    waves = np.concatenate([np.cos(2 * np.pi * modes * x), np.sin(2 * np.pi * modes * x)])
    u = rng.normal(size=(n_samples, 10)) @ waves
    inner = waves[:, collar : collar + n_nodes]
    f = rng.normal(size=(n_samples, 10)) @ inner + 0.3
    return u, f


def slow_loss(pairs, node_weights):
    """Mean over samples and nodes of (-L u - f)**2, one second difference at a time."""
    out = -pairs.f.copy()
    n = pairs.n_nodes
    for j, w in enumerate(node_weights, start=1):
        if pairs.boundary == "periodic":
            left, right, middle = (np.roll(pairs.u, s, axis=1) for s in (j, -j, 0))
        else:
            c = pairs.collar
            left, right, middle = (pairs.u[:, c + s : c + s + n] for s in (-j, j, 0))
        out += w * (2 * middle - left - right)
    return float(np.mean(out**2))


@lru_cache
def biharmonic(c=0.003, horizon=0.5):
    """Modes of the biharmonic equation, as of 50,000 samples."""
    return gather(biharmonic_pairs(c, horizon, 50_000, seed=1, condense=True))


@lru_cache
def biharmonic_gram(c=0.003, horizon=0.5, degree=20):
    return gram_matrix(biharmonic(c, horizon), horizon, degree)


@lru_cache
def fractional():
    return gather(fractional_pairs(50_000, condense=True))
