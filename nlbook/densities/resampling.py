"""How far a density would move if the experiment were done again: the bootstrap over batches.

Samples of one realization are correlated, so batches of whole realizations are drawn with
replacement, and everything is done again with each draw.

`bootstrap_interval` is the percentile one, widened for few batches [1]_: its tail probability
alpha/2 is replaced by Phi(-(n/(n - 1))**(1/2) t), t being Student's for n - 1 degrees of freedom.
`density_interval` is for what is positive and small counts decide, such as a density in its tail:
there a draw of few samples can't have more of them than there are, and the percentiles come out
short. It multiplies and divides the estimate by exp(t s), s the standard deviation of the draws'
logarithms times (n/(n - 1))**(1/2).

Both tell the scatter of the estimate, not the bias that a bandwidth brings.

References
----------
.. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American
   Statistician 69 (2015) 371, section 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, check_unmasked, real_array
from nlbook.densities.estimation import estimate_snapshots
from nlbook.densities.reading import read_counts
from nlbook.densities.snapshots import DensitySnapshots, warn_of_asymmetry

__all__ = ["Seed", "bootstrap_interval", "bootstrap_snapshots", "density_interval"]

Seed = int | np.random.SeedSequence | np.random.Generator
"""What a random generator starts from."""


def bootstrap_snapshots(
    batch_counts: ArrayLike,
    edges: ArrayLike,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    n_resamples: int,
    seed: Seed,
    **settings: Any,
) -> list[DensitySnapshots]:
    """Density snapshots of ensembles that are made by drawing batches with replacement.

    Parameters
    ----------
    batch_counts : array_like, shape (n_batches, n_times, n_bins)
        Counts of each batch; batches without any count are left out.
    edges, times, grid
        As in `nlbook.densities.density_snapshots`.
    n_resamples : int
        Number of draws.
    seed : int, SeedSequence or Generator
        Of the draws.
    **settings
        Further arguments of `density_snapshots`.

    Returns
    -------
    list of DensitySnapshots
        One a draw.

    Raises
    ------
    ValueError
        As `density_snapshots`; or if fewer than two batches are filled.
    """
    check_unmasked("batch_counts", batch_counts)
    counts = np.asarray(batch_counts)
    if counts.ndim != 3:
        raise ValueError(
            f"batch_counts must have shape (n_batches, n_times, n_bins), got {counts.shape}"
        )
    check_integer("n_resamples", n_resamples, 1)
    counts = counts[counts.any(axis=(1, 2))]
    if len(counts) < 2:
        raise ValueError(f"batch_counts must have two or more filled batches, got {len(counts)}")
    _, n_times, n_bins = counts.shape
    read_counts(counts.sum(axis=0), edges)
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    generator = np.random.default_rng(seed)
    share = np.full(len(counts), 1.0 / len(counts))
    draws = generator.multinomial(len(counts), share, size=n_resamples)
    snapshots = [
        estimate_snapshots(
            (drawn @ flat).reshape(n_times, n_bins), edges, times, grid=grid, **settings
        )
        for drawn in draws.astype(np.float64)
    ]
    symmetry = settings.get("symmetry", "average")
    if symmetry is not None:  # once, and only where it is no accident of a draw
        least = min(snapshots, key=lambda draw: int(np.count_nonzero(draw.asymmetric)))
        warn_of_asymmetry(least, symmetry, stacklevel=3)
    return snapshots


def bootstrap_interval(
    draws: ArrayLike, n_batches: int, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the interval that draws give, along their first axis; see the module.

    Parameters
    ----------
    draws : array_like, shape (n_resamples, ...)
        Any quantity, one entry a draw.
    n_batches : int
        Filled batches that were drawn from.
    level : float
        Coverage, in 0..1.

    Returns
    -------
    low, high : ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are fewer than two draws or batches, or one is not finite.
    """
    values = real_array("draws", draws)
    if values.ndim < 1 or values.shape[0] < 2:
        raise ValueError(f"draws must be two or more rows, got shape {values.shape}")
    check_integer("n_batches", n_batches, 2)
    check_number("level", level, above=0, below=1)
    quantile = special.stdtrit(n_batches - 1, 0.5 + 0.5 * level) * np.sqrt(
        n_batches / (n_batches - 1)
    )
    tail = float(special.ndtr(-quantile))
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return np.asarray(low), np.asarray(high)


def density_interval(
    estimate: ArrayLike, draws: ArrayLike, n_batches: int, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a density, or of another positive number, by its logarithm; see the module.

    Parameters
    ----------
    estimate : array_like, shape (...)
        Of all batches.
    draws : array_like, shape (n_resamples, ...)
        Of each draw.
    n_batches : int
        Filled batches that were drawn from.
    level : float
        Coverage, in 0..1.

    Returns
    -------
    low, high : ndarray, shape (...)
        0 and infinity where the estimate or a draw is zero: there the data say nothing.

    Raises
    ------
    ValueError
        If there are fewer than two draws or batches, or a number is negative or not finite.
    """
    value, values = real_array("estimate", estimate), real_array("draws", draws)
    if values.ndim < 1 or values.shape[0] < 2 or values.shape[1:] != value.shape:
        raise ValueError(
            f"draws must be two or more rows like estimate, {value.shape}, got shape {values.shape}"
        )
    if np.any(values < 0) or np.any(value < 0):
        raise ValueError("estimate and draws must not be negative")
    check_integer("n_batches", n_batches, 2)
    check_number("level", level, above=0, below=1)
    known = (value > 0) & np.all(values > 0, axis=0)
    logs = np.log(np.where(known, values, 1.0))
    spread = np.std(logs, axis=0, ddof=1) * np.sqrt(n_batches / (n_batches - 1))
    factor = np.exp(special.stdtrit(n_batches - 1, 0.5 + 0.5 * level) * spread)
    return np.where(known, value / factor, 0.0), np.where(known, value * factor, np.inf)
