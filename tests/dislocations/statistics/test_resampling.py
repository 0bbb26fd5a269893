"""Intervals that cover, and a test that is wrong as often as it says."""

import numpy as np
import pytest

from nlbook.dislocations.statistics.resampling import (
    bootstrap_exponents,
    compare_counts,
    exponent_interval,
    fit_with_interval,
)
from nlbook.dislocations.statistics.tails import choose_v_min, fit_tail

EDGES = 10.0 ** (np.arange(66) / 50 - 1.6)  # 0.025 to 0.5
REPEATS = 8  # a speed that is counted again and again while it hardly changes


def correlated_batches(n_batches, exponent, generator):
    """Counts of 60 samples a batch, each counted REPEATS times."""
    power = 1.0 - exponent
    low, high = EDGES[0] ** power, EDGES[-1] ** power
    samples = (low + generator.random((n_batches, 60)) * (high - low)) ** (1.0 / power)
    return REPEATS * np.stack([np.histogram(row, EDGES)[0] for row in samples])


@pytest.mark.parametrize("n_batches", [4, 40])
def test_bootstrap_intervals_cover_and_the_likelihood_of_correlated_samples_does_not(n_batches):
    generator = np.random.default_rng(1)
    replicas, covered, covered_by_likelihood = 120, 0, 0
    for k in range(replicas):
        counts = correlated_batches(n_batches, 2.4, generator)
        draws = bootstrap_exponents(counts, EDGES, EDGES[0], EDGES[-1], seed=k, n_resamples=200)
        fit = fit_tail(counts, EDGES, EDGES[0], EDGES[-1])
        low, high = exponent_interval(draws, n_batches)
        covered += low <= 2.4 <= high
        covered_by_likelihood += abs(fit.exponent - 2.4) < 1.96 * fit.standard_error
    # 95 % within three binomial standard deviations
    assert abs(covered / replicas - 0.95) < 3 * np.sqrt(0.95 * 0.05 / replicas)
    # standard errors are too small by sqrt(8): 51 % are expected
    assert abs(covered_by_likelihood / replicas - 0.51) < 3 * np.sqrt(0.51 * 0.49 / replicas)


def test_the_lower_end_can_be_chosen_in_each_draw():
    counts = correlated_batches(20, 2.4, np.random.default_rng(2))
    chosen = bootstrap_exponents(
        counts, EDGES, None, EDGES[-1], seed=1, n_resamples=50, least_samples=500
    )
    fit = choose_v_min(counts, EDGES, EDGES[-1], least_samples=500)
    assert chosen.min() < fit.exponent < chosen.max()


def test_draws_depend_on_their_seed_alone_and_empty_batches_do_not_count():
    counts = correlated_batches(10, 2.4, np.random.default_rng(3))
    padded = np.concatenate([counts, np.zeros_like(counts)])
    draws = [
        bootstrap_exponents(c, EDGES, EDGES[0], EDGES[-1], seed=5, n_resamples=20)
        for c in (counts, counts, padded)
    ]
    assert np.array_equal(draws[0], draws[1])
    assert np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize("paired", [False, True])
def test_equal_laws_are_told_apart_as_often_as_the_level_says(paired):
    generator = np.random.default_rng(4)
    replicas = 300
    p_values = np.array(
        [
            compare_counts(
                correlated_batches(8, 2.4, generator),
                correlated_batches(8, 2.4, generator),
                seed=k,
                paired=paired,
                n_resamples=199,
            ).p_value
            for k in range(replicas)
        ]
    )
    for level in (0.05, 0.5):
        error = np.sqrt(level * (1 - level) / replicas)
        rate = np.mean(p_values <= level)
        # ties make it a little careful: 0.04 and 0.47 over 3000 replicas
        assert 0.8 * level - 3 * error < rate < level + 3 * error


def test_different_laws_are_told_apart_and_the_critical_distance_says_when():
    generator = np.random.default_rng(5)
    same, other = (correlated_batches(10, beta, generator) for beta in (2.4, 2.4))
    far = correlated_batches(10, 3.4, generator)
    equal, different = (compare_counts(same, c, seed=1) for c in (other, far))
    assert different.p_value < 0.01
    assert different.distance > different.critical_distance
    assert (equal.p_value <= 0.05) == (equal.distance > equal.critical_distance)


def test_pairs_that_share_their_start_are_compared_more_sharply():
    generator = np.random.default_rng(6)
    start = generator.poisson(200, size=(10, 1)) * np.array([[1, 0, 0]])  # differs from run to run
    first = start + generator.poisson(100, size=(10, 3))
    second = start + generator.poisson([100, 125, 100], size=(10, 3))
    paired = compare_counts(first, second, seed=1, paired=True)
    assert paired.p_value < compare_counts(first, second, seed=1).p_value


def test_few_batches_are_exchanged_in_all_ways():
    first, second = np.array([[5, 1], [6, 1], [7, 1]]), np.array([[1, 5], [1, 6], [1, 7]])
    result = compare_counts(first, second, seed=1)
    assert result.n_exchanges == 20
    assert result.p_value == pytest.approx(2 / 20)  # the split and its mirror
    assert result.distance == pytest.approx(18 / 21 - 3 / 21)
    assert compare_counts(first, second, seed=1, paired=True).critical_distance == np.inf


BATCHES = np.ones((4, 65), dtype=int)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: bootstrap_exponents(BATCHES[:1], EDGES, 0.03, 0.4, seed=1), "batch_counts"),
        (
            lambda: bootstrap_exponents(BATCHES, EDGES, 0.03, 0.4, seed=1, n_resamples=0),
            "n_resamples",
        ),
        (lambda: exponent_interval([1.0, 2.0], 1), "n_batches"),
        (lambda: exponent_interval([1.0, 2.0], 9, level=1.0), "level"),
        (lambda: exponent_interval([1.0], 9), "draws"),
        (lambda: compare_counts(BATCHES, BATCHES[:, 1:], seed=1), "second must have the 65 bins"),
        (lambda: compare_counts(BATCHES, BATCHES[1:], seed=1, paired=True), "second must have a"),
        (lambda: compare_counts(BATCHES[0], BATCHES, seed=1), "first must be an array of 2 axes"),
        (lambda: compare_counts(BATCHES, BATCHES * np.nan, seed=1), "second must be finite"),
        (lambda: compare_counts(BATCHES, BATCHES[:1], seed=1), "second must have two"),
        (lambda: compare_counts(BATCHES, BATCHES, seed=1, level=2.0), "level"),
        (lambda: compare_counts(BATCHES, BATCHES, seed=1, n_resamples=0), "n_resamples"),
    ],
)
def test_what_cannot_be_resampled_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_an_exponent_comes_with_its_interval():
    edges = np.logspace(-3, 1, 201)
    generator = np.random.default_rng(3)
    u = generator.random((12, 3000))
    ratio = 10.0**-1.4
    speeds = 0.05 * (1 - u * (1 - ratio)) ** (-1 / 1.4)  # exponent 2.4 from 0.05 to 0.5
    counts = np.array([np.histogram(row, edges)[0] for row in speeds])
    fit = fit_with_interval(counts, edges, 0.05, 0.5, seed=1, n_resamples=200)
    assert fit.low < 2.4 < fit.high
    assert fit.low < fit.exponent < fit.high


def test_a_window_without_speeds_has_no_interval():
    edges = np.logspace(-3, 1, 201)
    counts = np.zeros((3, 200), dtype=int)
    counts[:, 10] = 5
    assert fit_with_interval(counts, edges, 0.05, 0.5, seed=1) is None
