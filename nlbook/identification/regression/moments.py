"""Second moments of training pairs: all that a least-squares fit takes from them.

On a periodic grid those of each Fourier mode (`PairSpectrum`), otherwise those of the values at the
nodes (`PairMoments`). They are gathered in one pass over samples that need not fit in memory, and
added over blocks or engines.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nlbook.checks import check_integer, real_array
from nlbook.identification.pairs.training_pairs import (
    PairSpectrum,
    TrainingPairs,
    check_length,
    spectrum,
)

__all__ = ["PairMoments", "PairSource", "gather", "pair_moments"]

Array = NDArray[np.float64]

# Second moments of samples below this share of the largest are rounding.
_ROUNDING = 1e-15

# Samples whose products are formed at once, so that they stay in the cache.
_ROWS = 2000


@dataclass(frozen=True)
class PairMoments:
    """Second moments of the values at the nodes: means over samples, u and f side by side."""

    #: means of products (n_u + n_f, n_u + n_f), u on all its nodes first
    products: Array
    #: nodes of f
    n_nodes: int
    #: nodes on either side on which u alone is given
    collar: int
    #: of the nodes, length
    spacing: float
    #: that the means are over
    n_samples: int

    def __post_init__(self) -> None:
        for name, least in (("n_nodes", 3), ("collar", 1), ("n_samples", 1)):
            object.__setattr__(self, name, check_integer(name, getattr(self, name), least))
        object.__setattr__(self, "spacing", check_length("spacing", self.spacing))
        products = real_array("products", self.products, ndim=2)
        object.__setattr__(self, "products", products)
        n = 2 * self.n_nodes + 2 * self.collar
        if products.shape != (n, n):
            raise ValueError(f"products must have the shape {(n, n)}, got {products.shape}")

    def __add__(self, other: PairMoments) -> PairMoments:
        """Moments of both sets of samples; of one grid."""
        for name in ("n_nodes", "collar", "spacing"):
            if getattr(self, name) != getattr(other, name):
                raise ValueError(
                    f"{name} must be the same for moments to be added, got "
                    f"{getattr(self, name)!r} and {getattr(other, name)!r}"
                )
        n = self.n_samples + other.n_samples
        products = (self.products * self.n_samples + other.products * other.n_samples) / n
        return PairMoments(products, self.n_nodes, self.collar, self.spacing, n)

    @cached_property
    def samples(self) -> tuple[Array, Array]:
        """A few samples of u and f, (n, n_u) and (n, n_f), whose products sum to the moments."""
        n_u = self.n_nodes + 2 * self.collar
        size = np.sqrt(np.diag(self.products))
        scale = np.repeat([size[:n_u].max(), max(size[n_u:].max(), 1e-300)], [n_u, self.n_nodes])
        used = np.flatnonzero(size > 0)  # u is zero on much of a collar
        block = self.products[np.ix_(used, used)] / np.outer(scale[used], scale[used])
        values, vectors = linalg.eigh(block)
        kept = values > _ROUNDING * values[-1]
        rows = np.zeros((int(kept.sum()), size.size))
        rows[:, used] = (np.sqrt(values[kept]) * vectors[:, kept]).T * scale[used]
        return rows[:, :n_u], rows[:, n_u:]


#: What a fit may be given.
PairSource = (
    TrainingPairs
    | PairSpectrum
    | PairMoments
    | Iterable[TrainingPairs]
    | Iterable[PairSpectrum]
    | Iterable[PairMoments]
)


def gather(pairs: PairSource) -> PairSpectrum | PairMoments:
    """Second moments of pairs in one pass: by mode if they are periodic, otherwise by node.

    Parameters
    ----------
    pairs : TrainingPairs, PairSpectrum or PairMoments, or an iterable of one kind
        Blocks are not kept, and what engines gathered is added; of what is gathered already
        nothing is left to do.

    Returns
    -------
    PairSpectrum or PairMoments

    Raises
    ------
    ValueError
        If there are none, or blocks differ in their grids or boundaries.
    """
    if isinstance(pairs, PairSpectrum | PairMoments):
        return pairs
    if isinstance(pairs, TrainingPairs):
        return spectrum(pairs) if pairs.boundary == "periodic" else pair_moments(pairs)
    blocks = iter(pairs)
    first = next(blocks, None)
    rest: Any = itertools.chain([first], blocks)
    if isinstance(first, PairMoments):
        added: PairMoments = functools.reduce(operator.add, rest)
        return added
    if isinstance(first, PairSpectrum):
        both: PairSpectrum = functools.reduce(_add_spectra, rest)
        return both
    if not isinstance(first, TrainingPairs):
        raise ValueError(f"pairs must be TrainingPairs or blocks of them, got {first!r}")
    return spectrum(rest) if first.boundary == "periodic" else pair_moments(rest)


def pair_moments(pairs: TrainingPairs | Iterable[TrainingPairs]) -> PairMoments:
    """Gather second moments of the values at the nodes.

    Parameters
    ----------
    pairs : TrainingPairs or iterable of TrainingPairs
        With a collar; blocks of one grid.

    Returns
    -------
    PairMoments

    Raises
    ------
    ValueError
        If there are none, or blocks differ in their grids, or are periodic.
    """
    total: PairMoments | None = None
    for block in (pairs,) if isinstance(pairs, TrainingPairs) else pairs:
        if block.boundary != "volume":
            raise ValueError(f"pairs must have boundary='volume' here, got {block.boundary!r}")
        # u is zero on much of a collar, beyond the first and last node where it is not
        nonzero = np.flatnonzero(np.any(block.u, axis=0))
        first, last = int(nonzero[0]), int(nonzero[-1]) + 1
        kept = np.r_[first:last, block.u.shape[1] : block.u.shape[1] + block.n_nodes]
        gathered = np.zeros((kept.size,) * 2)
        for low in range(0, block.n_samples, _ROWS):
            rows = slice(low, low + _ROWS)
            both = np.hstack([block.u[rows, first:last], block.f[rows]])
            gathered += both.T @ both
        products = np.zeros((block.u.shape[1] + block.n_nodes,) * 2)
        products[np.ix_(kept, kept)] = gathered / block.n_samples
        here = PairMoments(products, block.n_nodes, block.collar, block.spacing, block.n_samples)
        total = here if total is None else total + here
    if total is None:
        raise ValueError("pairs must hold at least one block, got none")
    return total


def _add_spectra(one: PairSpectrum, two: PairSpectrum) -> PairSpectrum:
    """Means over both sets of samples."""
    if (one.period, one.n_nodes) != (two.period, two.n_nodes):
        raise ValueError(
            f"pairs must share a grid, got {two.n_nodes} nodes on a period of {two.period!r} after "
            f"{one.n_nodes} on {one.period!r}"
        )
    n = one.n_samples + two.n_samples
    means = {
        name: (getattr(one, name) * one.n_samples + getattr(two, name) * two.n_samples) / n
        for name in ("power", "cross", "response")
    }
    return replace(one, n_samples=n, **means)
