r"""Whether two methods give the same ensemble: tests of equivalence, with their power.

A test that finds no difference shows little: it may have been too weak. A test of equivalence
turns the burden round. A margin m is set beforehand, and the methods are called equivalent where
both "the difference is below -m" and "the difference is above m" are rejected at the level a [1]_;
that is where the interval of confidence 1 - 2 a around the difference d,

    d -+ t s,   t the quantile 1 - a of Student's law,

lies between -m and m. The probability of that, where there is no difference in truth, is the
power, about 2 Phi(m/s - t) - 1. Where several quantities must all be equivalent, each may be tested
at the level a: the chance to accept all wrongly is then no larger [2]_.

Realization k of both methods starts from the same dislocations, so pairs of realizations are
drawn for the standard error s, by the bootstrap: what both share drops out.

References
----------
.. [1] D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach
   for assessing the equivalence of average bioavailability", Journal of Pharmacokinetics and
   Biopharmaceutics 15 (1987) 657.
.. [2] R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24
   (1982) 295.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, real_array
from nlbook.dislocations.statistics.binned import NoFit, bins_between
from nlbook.dislocations.statistics.truncated_law import fit_rows

__all__ = ["Equivalence", "Statistic", "paired_equivalence", "pooled_exponent", "pooled_quantile"]

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From means over realizations, shape (n_rows, n_values), to a number of each row (n_rows,)."""


@dataclass(frozen=True)
class Equivalence:
    """A quantity of two methods, compared within a margin; see `paired_equivalence`."""

    #: by the one method
    first: float
    #: by the other
    second: float
    #: first - second, or where margins are relative first/second - 1
    difference: float
    #: of the difference
    standard_error: float
    #: lower end of the interval of confidence 1 - 2 level
    low: float
    #: upper end of that interval
    high: float
    #: what the difference may amount to
    margin: float
    #: probability that the interval lies within the margin, where there is no difference
    power: float
    #: difference that a test against none, at 5 %, sees with probability 80 %
    detectable: float

    @property
    def equivalent(self) -> bool:
        """Whether the difference lies within the margin, at the level of the test."""
        return -self.margin < self.low and self.high < self.margin


def paired_equivalence(
    first: ArrayLike,
    second: ArrayLike,
    margin: float,
    *,
    seed: int | np.random.SeedSequence,
    statistic: Statistic | None = None,
    relative: bool = False,
    level: float = 0.05,
    n_resamples: int = 2000,
) -> Equivalence:
    """Test whether two methods differ by less than a margin.

    Parameters
    ----------
    first, second : array_like, shape (n,) or (n, n_values)
        What each realization gave, k of both from the same start: a number, or counts in bins.
    margin : float
        What the difference may amount to; a part of `second` if `relative`.
    seed : int or SeedSequence
        Of the draws.
    statistic : callable, optional
        The quantity: see `Statistic`. By default the mean.
    relative : bool
        Compare the ratio with one.
    level : float
        Of each one-sided test, in 0..1/2.
    n_resamples : int
        Draws of the bootstrap.

    Returns
    -------
    Equivalence

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than three realizations, or values are not finite.

    Examples
    --------
    >>> start = np.random.default_rng(0).normal(650.0, 26.0, 100)
    >>> found = paired_equivalence(start + 0.1, start, 0.01, relative=True, seed=0)
    >>> found.equivalent, f"{found.difference:.4f}"
    (True, '0.0002')
    """
    one, two = (_read(name, values) for name, values in (("first", first), ("second", second)))
    if one.shape != two.shape:
        raise ValueError(f"second must have the shape of first, {one.shape}, got {two.shape}")
    margin = check_number("margin", margin, above=0.0)
    level = check_number("level", level, above=0.0, below=0.5)
    check_integer("n_resamples", n_resamples, 2)
    count = len(one)
    generator = np.random.default_rng(seed)
    rows = np.ones((n_resamples + 1, count))
    rows[1:] = generator.multinomial(count, np.full(count, 1.0 / count), size=n_resamples)
    of = _mean if statistic is None else statistic
    values, others = of(rows @ one / count), of(rows @ two / count)
    differences = values / others - 1.0 if relative else values - others
    difference = float(differences[0])
    # (n/(n - 1))**(1/2) undoes the bootstrap's underestimate
    error = float(differences[1:].std(ddof=1) * np.sqrt(count / (count - 1)))
    quantile = float(special.stdtrit(count - 1, 1.0 - level))
    ratio = margin / error if error > 0 else np.inf
    return Equivalence(
        first=float(values[0]),
        second=float(others[0]),
        difference=difference,
        standard_error=error,
        low=difference - quantile * error,
        high=difference + quantile * error,
        margin=float(margin),
        power=max(0.0, 2.0 * float(special.stdtr(count - 1, ratio - quantile)) - 1.0),
        detectable=error * float(special.ndtri(0.975) + special.ndtri(0.8)),
    )


def pooled_quantile(edges: ArrayLike, level: float) -> Statistic:
    """The quantile of all samples together, from counts in bins.

    Parameters
    ----------
    edges : array_like, shape (n_bins + 1,)
        Ascending; the quantile is interpolated within a bin.
    level : float
        In 0..1.

    Returns
    -------
    callable
        See `Statistic`.
    """
    ends = real_array("edges", edges, ndim=1)
    if ends.size < 2 or not np.all(np.diff(ends) > 0):
        raise ValueError(f"edges must ascend, got {edges!r}")
    level = check_number("level", level, above=0.0, below=1.0)
    return partial(_quantile, ends, level)


def pooled_exponent(edges: ArrayLike, v_min: float, v_max: float) -> Statistic:
    """The exponent of a power law between two ends, from counts in bins; see `fit_tail`.

    Parameters
    ----------
    edges : array_like, shape (n_bins + 1,)
        Of equal ratio, in b/t0.
    v_min, v_max : float
        Ends of the window, in b/t0; the nearest edges are taken.

    Returns
    -------
    callable
        See `Statistic`.
    """
    ends = real_array("edges", edges, ndim=1)
    if ends.size < 3 or not (ends[0] > 0 and np.all(np.diff(ends) > 0)):
        raise ValueError(f"edges must be positive and ascend, got {edges!r}")
    log_edges = np.log(ends)
    return partial(_exponent, log_edges, bins_between(log_edges, v_min, v_max))


def _read(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = real_array(name, values)
    if array.ndim not in (1, 2) or len(array) < 3:
        raise ValueError(
            f"{name} must be of shape (n,) or (n, n_values) with three realizations or "
            f"more, got shape {array.shape}"
        )
    return array.reshape(len(array), -1)


def _mean(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return means[:, 0]


def _quantile(
    edges: NDArray[np.float64], level: float, counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    below = np.cumsum(counts, axis=1)
    wanted = level * below[:, -1:]
    place = np.argmax(below >= wanted, axis=1)
    rows = np.arange(len(counts))
    inside = counts[rows, place]
    part = 1.0 - (below[rows, place] - wanted[:, 0]) / np.where(inside > 0, inside, 1.0)
    return np.asarray(edges[place] + part * np.diff(edges)[place])


def _exponent(
    log_edges: NDArray[np.float64], window: slice, counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    # the law is fitted to whole numbers; a million parts of a count are beyond rounding
    exponent = fit_rows(np.round(1e6 * counts).astype(np.int64), log_edges, window).exponent
    if np.any(np.isnan(exponent)):
        raise NoFit("the window holds too few speeds for a fit in each draw")
    return exponent
