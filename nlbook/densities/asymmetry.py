"""How far samples are from symmetric about zero, before anything makes them so.

A density that is averaged with its mirror image stays what it is if it is even. If it drifts,
it becomes two densities that part, and a symmetric kernel that is fitted to those learns their
parting as diffusion. So the distance between the distribution F and its mirror image,

    A = max over x of |F(x) + F(-x) - 1|,

is measured first. It needs no moments and no bandwidth. Of n independent samples of an even law
it is near 1/sqrt(n): n A is then the largest distance of a walk of n fair steps [1]_.

References
----------
.. [1] C. C. Butler, "A test for symmetry using the sample distribution function", The Annals of
   Mathematical Statistics 40 (1969) 2209.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "asymmetry_of_counts",
    "asymmetry_of_density",
    "asymmetry_of_samples",
    "is_asymmetric",
]

# A below this does no harm worth a word: a drift of a fiftieth of the samples' spread.
_HARMLESS = 0.02
# A walk exceeds so many standard deviations with a chance of 1e-6.
_STANDARD_ERRORS = 5.0
# Places of one magnitude, relative to the largest, in spite of rounding.
_SAME = 1e-9


def asymmetry_of_samples(samples: NDArray[np.float64]) -> float:
    """A of samples, shape (n,)."""
    return float(_largest_excess(np.ones((1, samples.size)), samples)[0])


def asymmetry_of_counts(
    counts: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A of counts in bins, shape (n_times, n_bins), each taken in the middle of its bin."""
    return _largest_excess(counts, 0.5 * edges[1:] + 0.5 * edges[:-1])


def asymmetry_of_density(
    density: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A of densities on a grid, shape (n_times, n_nodes)."""
    return _largest_excess(density, grid)


def is_asymmetric(
    asymmetry: NDArray[np.float64], n_samples: NDArray[np.float64] | None
) -> NDArray[np.bool_]:
    """Whether A is more than harmless, and more than chance."""
    noise = 0.0 if n_samples is None else _STANDARD_ERRORS / np.sqrt(n_samples)
    return np.asarray(asymmetry > np.maximum(_HARMLESS, noise))


def _largest_excess(
    weights: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest excess of what lies beyond x on one side over the other, as a part of all."""
    distance = np.abs(places)
    order = np.argsort(-distance, kind="stable")
    distance = distance[order]
    excess = np.cumsum(weights[:, order] * np.sign(places[order]), axis=1)
    ends = np.append(np.flatnonzero(np.diff(distance) < -_SAME * distance[0]), distance.size - 1)
    total = weights.sum(axis=1)
    return np.asarray(np.max(np.abs(excess[:, ends]), axis=1) / np.where(total > 0, total, 1.0))
