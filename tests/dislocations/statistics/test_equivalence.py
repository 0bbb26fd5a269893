"""Tests of equivalence: their errors and their power, against repeated draws."""

import numpy as np
import pytest
from scipy import stats

from nlbook.dislocations import fit_tail, speed_bins
from nlbook.dislocations.statistics.binned import NoFit
from nlbook.dislocations.statistics.equivalence import (
    paired_equivalence,
    pooled_exponent,
    pooled_quantile,
)

COUNT, NOISE, MARGIN = 60, 0.3, 0.15
REPEATS = 400


def pairs(generator, difference=0.0):
    """Two methods from one start: what they share scatters more than what they do not."""
    start = generator.normal(10.0, 1.0, COUNT)
    one, two = start + NOISE * generator.normal(size=(2, COUNT))
    return one + difference, two


def accepted(difference):
    generator = np.random.default_rng(1)
    return np.array(
        [
            paired_equivalence(
                *pairs(generator, difference), MARGIN, seed=k, n_resamples=200
            ).equivalent
            for k in range(REPEATS)
        ]
    )


def test_a_difference_of_the_margin_is_accepted_at_the_level_only():
    # 5 % of 400: 20, with a standard deviation of 4.4; the bootstrap's error is a little noisy
    assert accepted(MARGIN).mean() == pytest.approx(0.05, abs=0.03)


def test_the_power_is_the_chance_to_accept_equal_methods():
    error = NOISE * np.sqrt(2 / COUNT)
    quantile = stats.t.ppf(0.95, COUNT - 1)
    expected = 2 * stats.norm.cdf(MARGIN / error - quantile) - 1
    # binomial scatter 0.023
    assert accepted(0.0).mean() == pytest.approx(expected, abs=0.07)
    told = [
        paired_equivalence(*pairs(np.random.default_rng(k)), MARGIN, seed=k).power
        for k in range(40)
    ]
    assert np.mean(told) == pytest.approx(expected, abs=0.06)


def test_the_error_is_that_of_the_differences_and_not_of_the_values():
    one, two = pairs(np.random.default_rng(3))
    found = paired_equivalence(one, two, MARGIN, seed=0)
    # 2000 draws give a standard deviation to 1.6 %
    assert found.standard_error == pytest.approx(
        np.std(one - two, ddof=1) / np.sqrt(COUNT), rel=0.06
    )
    assert found.difference == pytest.approx(np.mean(one) - np.mean(two))
    assert found.detectable == pytest.approx(2.80 * found.standard_error, rel=1e-3)
    half = stats.t.ppf(0.95, COUNT - 1) * found.standard_error
    assert (found.low, found.high) == pytest.approx(
        (found.difference - half, found.difference + half)
    )


def test_a_relative_margin_compares_the_ratio():
    one, two = pairs(np.random.default_rng(3))
    found = paired_equivalence(1.1 * one, one, 0.2, relative=True, seed=0)
    assert found.difference == pytest.approx(0.1)
    assert found.standard_error < 1e-12
    assert found.power == 1.0 and found.equivalent
    assert not paired_equivalence(1.1 * one, one, 0.05, relative=True, seed=0).equivalent
    with pytest.raises(ValueError, match="shape"):
        paired_equivalence(one, two[:-1], 0.2, seed=0)


def histograms(generator, edges, n=30):
    return np.array(
        [np.histogram(generator.pareto(1.5, 2000) * 0.01 + 0.01, edges)[0] for _ in range(n)]
    )


def test_a_pooled_quantile_is_that_of_all_samples():
    generator = np.random.default_rng(0)
    samples = generator.exponential(1.0, (20, 500))
    edges = np.linspace(0.0, 20.0, 2001)
    counts = np.array([np.histogram(row, edges)[0] for row in samples])
    for level in (0.01, 0.5, 0.9, 0.99):
        got = pooled_quantile(edges, level)(counts.mean(axis=0, keepdims=True))
        assert got[0] == pytest.approx(np.quantile(samples, level), abs=0.03)  # a bin, a gap


def test_a_pooled_exponent_is_that_of_the_fit():
    edges = speed_bins()
    counts = histograms(np.random.default_rng(0), edges)
    got = pooled_exponent(edges, 0.02, 0.4)(counts.mean(axis=0, keepdims=True))
    assert got[0] == pytest.approx(fit_tail(counts, edges, 0.02, 0.4).exponent, abs=1e-5)


def test_an_exponent_without_samples_is_refused():
    edges = speed_bins()
    with pytest.raises(NoFit):
        pooled_exponent(edges, 0.02, 0.4)(np.zeros((1, edges.size - 1)))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"first": np.ones(2), "second": np.ones(2)}, "first"),
        ({"first": [1.0, 2.0, np.nan]}, "first"),
        ({"margin": 0.0}, "margin"),
        ({"margin": np.nan}, "margin"),
        ({"level": 0.5}, "level"),
        ({"n_resamples": 1}, "n_resamples"),
    ],
)
def test_bad_input_is_refused_by_name(change, named):
    good = {"first": np.arange(3.0), "second": np.arange(3.0), "margin": 1.0, "seed": 0}
    with pytest.raises(ValueError, match=named):
        paired_equivalence(**(good | change))


def test_bad_statistics_are_refused_by_name():
    with pytest.raises(ValueError, match="edges"):
        pooled_quantile([1.0, 1.0], 0.5)
    with pytest.raises(ValueError, match="level"):
        pooled_quantile([0.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="v_min"):
        pooled_exponent(speed_bins(), 1e-20, 0.4)
