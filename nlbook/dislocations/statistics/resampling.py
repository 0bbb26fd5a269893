"""What batches of realizations can tell: bootstrap intervals and permutation tests.

What is seen along one run is correlated, so the unit that is drawn or exchanged is a realization,
or a batch of equally many, never a single speed or shift.

References
----------
.. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American
   Statistician 69 (2015) 371.
.. [2] B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Statistical
   Applications in Genetics and Molecular Biology 9 (2010) 39.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, check_unmasked, real_array
from nlbook.dislocations.statistics.binned import (
    HALF_DECADE,
    NoFit,
    bins_between,
    possible_starts,
    read_counts,
)
from nlbook.dislocations.statistics.tails import fit_tail
from nlbook.dislocations.statistics.truncated_law import choose_rows, fit_rows

__all__ = [
    "Comparison",
    "TailInterval",
    "bootstrap_exponents",
    "compare_counts",
    "exponent_interval",
    "fit_with_interval",
]

Seed = int | np.random.SeedSequence | np.random.Generator
"""What a random generator starts from."""

# Draws that are handled at once.
_BLOCK = 200


@dataclass(frozen=True)
class Comparison:
    """Two ensembles of histograms, compared."""

    #: Kolmogorov-Smirnov distance of the two pooled histograms
    distance: float
    #: part of the exchanges of batches with a distance at least as large
    p_value: float
    #: distance beyond which the test would have rejected at its level; infinite if none
    critical_distance: float
    #: number of exchanges, the one observed among them
    n_exchanges: int


def bootstrap_exponents(
    batch_counts: ArrayLike,
    edges: ArrayLike,
    v_min: float | None,
    v_max: float,
    *,
    seed: Seed,
    n_resamples: int = 1000,
    lowest: float | None = None,
    least_samples: int = 1000,
) -> NDArray[np.float64]:
    """Exponents of ensembles made by drawing batches with replacement.

    Parameters
    ----------
    batch_counts : array_like, shape (n_batches, n_bins)
        Counts of each batch, as in `fit_tail`; batches without any count are left out.
    edges : array_like, shape (n_bins + 1,)
        Edges of the bins, in b/t0.
    v_min : float or None
        Lower end of the window, in b/t0; None to choose it in each draw as `choose_v_min` does.
    v_max : float
        Upper end of the window, in b/t0.
    seed : int, SeedSequence or Generator
        Of the draws.
    n_resamples : int
        Number of draws.
    lowest, least_samples
        As in `choose_v_min`, for v_min None.

    Returns
    -------
    ndarray, shape (n_resamples,)
        beta of each draw.

    Raises
    ------
    ValueError
        As in `fit_tail`; and for fewer than two batches, or a draw that has no fit.
    """
    check_unmasked("batch_counts", batch_counts)
    inner, log_edges, _ = read_counts(batch_counts, edges)
    inner = inner[inner.any(axis=1)]
    if len(inner) < 2:
        raise ValueError(f"batch_counts must have two or more filled rows, got {len(inner)}")
    check_integer("n_resamples", n_resamples, 1)
    generator = np.random.default_rng(seed)
    share = np.full(len(inner), 1.0 / len(inner))
    drawn = generator.multinomial(len(inner), share, size=n_resamples) @ inner
    if v_min is not None:
        window = bins_between(log_edges, v_min, v_max)
        exponents = fit_rows(drawn, log_edges, window).exponent
    else:
        starts, last = possible_starts(log_edges, v_max, lowest, least_samples, HALF_DECADE)
        exponents, _ = choose_rows(drawn, log_edges, starts, last, least_samples)
    if np.any(np.isnan(exponents)):
        raise NoFit(f"v_min={v_min!r}, v_max={v_max!r}: a draw of batches has no fit")
    return exponents


def exponent_interval(
    draws: ArrayLike, n_batches: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Interval that covers beta with probability `level`, from a bootstrap over batches.

    The mean of the draws, and to both sides their standard deviation times Student's t and
    (n/(n - 1))**(1/2), which undoes the bootstrap's underestimate for few batches [1]_ (see the
    module's references). Percentiles of the draws would be too narrow there: those of four
    batches covered 85 % instead of 95 % in a trial.

    Parameters
    ----------
    draws : array_like, shape (n_resamples,)
        From `bootstrap_exponents`.
    n_batches : int
        n, the filled batches that were drawn from.
    level : float
        Coverage, in 0..1.

    Returns
    -------
    low, high : float
    """
    values = real_array("draws", draws, ndim=1)
    if values.size < 2:
        raise ValueError(f"draws must be two or more numbers, got shape {values.shape}")
    check_integer("n_batches", n_batches, 2)
    level = check_number("level", level, above=0.0, below=1.0)
    quantile = special.stdtrit(n_batches - 1, 0.5 + 0.5 * level) * np.sqrt(
        n_batches / (n_batches - 1)
    )
    centre, half = float(values.mean()), float(quantile * values.std(ddof=1))
    return centre - half, centre + half


@dataclass(frozen=True)
class TailInterval:
    """An exponent with its interval; see `fit_with_interval`."""

    #: beta on the window
    exponent: float
    #: lower end of the interval
    low: float
    #: upper end of the interval
    high: float
    #: largest difference between observed and fitted distribution in the window
    ks_distance: float


def fit_with_interval(
    batch_counts: ArrayLike,
    edges: ArrayLike,
    v_min: float,
    v_max: float,
    *,
    seed: Seed,
    level: float = 0.95,
    n_resamples: int = 1000,
) -> TailInterval | None:
    """Exponent on a window with its bootstrap interval, where the data allow both.

    Parameters
    ----------
    batch_counts, edges, v_min, v_max, seed, n_resamples
        See `bootstrap_exponents`.
    level : float
        Of the interval.

    Returns
    -------
    TailInterval or None
        None where the window, or a draw of batches, holds too few speeds for a fit.
    """
    counts = real_array("batch_counts", batch_counts)
    inside = counts[counts.any(axis=1)] if counts.ndim == 2 else counts
    try:
        fit = fit_tail(inside, edges, v_min, v_max)
        draws = bootstrap_exponents(
            inside, edges, v_min, v_max, seed=seed, n_resamples=n_resamples, least_samples=20
        )
    except NoFit:
        return None
    low, high = exponent_interval(draws, len(inside), level=level)
    return TailInterval(fit.exponent, low, high, fit.ks_distance)


def compare_counts(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: Seed,
    paired: bool = False,
    n_resamples: int = 1999,
    level: float = 0.05,
) -> Comparison:
    """Whether two ensembles of histograms have one law: a permutation test over batches.

    Under one law batches can be exchanged between the ensembles, whatever the correlation inside
    a batch. The observed distance counts among the exchanged ones [2]_ (see the module's
    references), so that the test is wrong no oftener than its level, and less often where
    distances tie. What it can see is stated beside it as the critical distance.

    Parameters
    ----------
    first, second : array_like, shape (n_first, n_bins), (n_second, n_bins)
        Counts of each batch, in the same bins; batches without any count are left out. All
        batches must hold equally many realizations.
    seed : int, SeedSequence or Generator
        Of the exchanges.
    paired : bool
        Batch k of both started from the same dislocations, as with one seed for two cases:
        exchange within pairs only.
    n_resamples : int
        Exchanges drawn at random, where there are more than that; all of them otherwise.
    level : float
        Level of the critical distance, in 0..1.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If counts are none, bins differ, or paired ensembles differ in their number of batches.
    """
    one, two = (_read_batches(name, c) for name, c in (("first", first), ("second", second)))
    if one.shape[1] != two.shape[1]:
        raise ValueError(f"second must have the {one.shape[1]} bins of first, got {two.shape[1]}")
    if paired and len(one) != len(two):
        raise ValueError(f"second must have a batch for each of first, {len(one)}, got {len(two)}")
    check_integer("n_resamples", n_resamples, 1)
    level = check_number("level", level, above=0.0, below=1.0)
    generator = np.random.default_rng(seed)
    exchanges = (_swaps if paired else _splits)(len(one), len(two), n_resamples, generator)
    batches = np.concatenate([one, two])
    distances = np.concatenate(
        [
            _distances(part, batches)
            for part in np.array_split(exchanges, -(-len(exchanges) // _BLOCK))
        ]
    )
    observed = distances[0]
    allowed = int(level * distances.size)
    return Comparison(
        distance=float(observed),
        p_value=float(np.mean(distances >= observed - 1e-12)),
        critical_distance=float(np.sort(distances)[::-1][allowed]) if allowed else np.inf,
        n_exchanges=distances.size,
    )


def _read_batches(name: str, counts: ArrayLike) -> NDArray[np.float64]:
    array = real_array(name, counts, ndim=2)
    if np.any(array < 0):
        raise ValueError(f"{name} must be counts, zero or positive, got {array.min():g}")
    filled = array[array.any(axis=1)]
    if len(filled) < 2:
        raise ValueError(f"{name} must have two or more filled batches, got {len(filled)}")
    return filled


def _splits(
    n_first: int, n_second: int, n_resamples: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Which batches are called the first, shape (n_exchanges, n_batches); row 0 as observed."""
    count = n_first + n_second
    if comb(count, n_first) <= n_resamples:
        chosen = np.array(list(combinations(range(count), n_first)))
    else:
        order = np.tile(np.arange(count), (n_resamples + 1, 1))
        order[1:] = generator.permuted(order[1:], axis=1)
        chosen = order[:, :n_first]
    rows = np.zeros((len(chosen), count), dtype=np.bool_)
    np.put_along_axis(rows, chosen, True, axis=1)
    return rows


def _swaps(
    n_first: int, n_second: int, n_resamples: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """As `_splits`, where batch k of the first is exchanged with batch k of the second only."""
    if 2**n_first <= n_resamples:
        kept = (np.arange(2**n_first)[:, None] >> np.arange(n_first)) % 2 == 0
    else:
        kept = generator.random((n_resamples + 1, n_first)) < 0.5
        kept[0] = True
    return np.concatenate([kept, ~kept], axis=1)


def _distances(rows: NDArray[np.bool_], batches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of the pooled histograms of those in each row from those that are not."""
    first = np.cumsum(rows @ batches, axis=1)
    second = np.cumsum(~rows @ batches, axis=1)
    return np.asarray(np.max(np.abs(first / first[:, -1:] - second / second[:, -1:]), axis=1))
