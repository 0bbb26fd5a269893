"""Power-law tails whose exponent is known, and a likelihood that scipy maximises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from nlbook.dislocations import speed_bins
from nlbook.dislocations.statistics.tails import (
    choose_v_min,
    fit_tail,
    fit_tail_samples,
    sweep_windows,
)

EDGES = speed_bins()
LOW, HIGH = EDGES[[270, 335]]  # 0.025 and 0.5: a speed window of the creep cases


def truncated_pareto(exponent, low, high, size, generator):
    """Samples of v**-exponent on low..high, by inversion of the exact distribution."""
    power = 1.0 - exponent
    part = generator.random(size)
    return (low**power + part * (high**power - low**power)) ** (1.0 / power)


def counts_of(samples):
    return np.histogram(samples, EDGES)[0]


def log_likelihood(exponent, samples, low, high):
    """Written out from the density, with its normalisation by quadrature."""
    norm, _ = integrate.quad(lambda v: v**-exponent, low, high)
    return np.sum(-exponent * np.log(samples)) - samples.size * np.log(norm)


@pytest.mark.parametrize("exponent", [0.5, 1.8, 2.4, 3.0])
def test_a_known_exponent_is_found_within_three_standard_errors(exponent):
    samples = truncated_pareto(exponent, LOW, HIGH, 20_000, np.random.default_rng(1))
    for fit in (
        fit_tail(counts_of(samples), EDGES, LOW, HIGH),
        fit_tail_samples(samples, LOW, HIGH),
        fit_tail(counts_of(samples), EDGES, 2 * LOW, 0.6 * HIGH),
    ):
        assert abs(fit.exponent - exponent) < 3 * fit.standard_error
        # the 99.9 % point of the distance when nothing was fitted; smaller when it was
        assert fit.ks_distance < stats.kstwo.ppf(0.999, fit.n_samples)


@pytest.mark.parametrize("exponent", [0.5, 2.4, 6.0])
def test_the_exponent_maximises_the_likelihood(exponent):
    samples = truncated_pareto(exponent, 0.05, 0.4, 300, np.random.default_rng(2))
    best = optimize.minimize_scalar(
        lambda beta: -log_likelihood(beta, samples, 0.05, 0.4), bracket=(1.5, 2.5), tol=1e-10
    )
    fit = fit_tail_samples(samples, 0.05, 0.4)
    assert fit.exponent == pytest.approx(best.x, abs=1e-5)
    step = 1e-2
    values = [log_likelihood(fit.exponent + k * step, samples, 0.05, 0.4) for k in (-1, 0, 1)]
    curvature = (values[0] - 2 * values[1] + values[2]) / step**2
    assert fit.standard_error == pytest.approx((-curvature) ** -0.5, rel=1e-3)


def test_binned_likelihood_integrates_the_density_over_each_bin():
    samples = truncated_pareto(2.4, LOW, HIGH, 500, np.random.default_rng(3))
    coarse = EDGES[270:336:5]  # bins of a tenth of a decade, where the shape inside matters
    counts = np.histogram(samples, coarse)[0]

    def minus_log_likelihood(beta):
        masses = [
            integrate.quad(lambda v: v**-beta, a, b)[0]
            for a, b in zip(coarse[:-1], coarse[1:], strict=True)
        ]
        return -np.sum(counts * np.log(np.array(masses) / np.sum(masses)))

    best = optimize.minimize_scalar(minus_log_likelihood, bracket=(2.0, 3.0), tol=1e-10)
    fit = fit_tail(counts, coarse, LOW, HIGH)
    assert fit.exponent == pytest.approx(best.x, abs=1e-5)


def test_fine_bins_lose_nothing():
    samples = truncated_pareto(2.4, LOW, HIGH, 20_000, np.random.default_rng(4))
    binned = fit_tail(counts_of(samples), EDGES, LOW, HIGH)
    exact = fit_tail_samples(samples, LOW, HIGH)
    # a mean of n values rounded in bins of width w: error w/sqrt(12 n), in units of the spread
    rounding = np.log(EDGES[1] / EDGES[0]) * 20_000**-0.5 / 12**0.5
    slope = 20_000 * exact.standard_error**2  # of the exponent against the mean logarithm
    assert abs(binned.exponent - exact.exponent) < 4 * slope * rounding
    assert binned.standard_error == pytest.approx(exact.standard_error, rel=0.01)


def test_forgetting_the_upper_end_makes_the_tail_too_steep():
    samples = truncated_pareto(2.4, LOW, HIGH, 20_000, np.random.default_rng(5))
    counts = counts_of(samples)
    closed = fit_tail(counts, EDGES, 0.1, HIGH)
    open_ended = fit_tail(counts, EDGES, 0.1, EDGES[-1])
    hill = 1 + 1 / np.mean(np.log(samples[samples >= 0.1] / 0.1))
    assert abs(closed.exponent - 2.4) < 3 * closed.standard_error
    assert open_ended.exponent == pytest.approx(hill, abs=0.05)
    assert open_ended.exponent > 2.4 + 10 * open_ended.standard_error


def test_the_lower_end_is_found_where_the_power_law_begins():
    generator = np.random.default_rng(6)
    body = generator.uniform(0.0, 0.06, 20_000)
    tail = truncated_pareto(2.4, 0.06, HIGH, 20_000, generator)
    fit = choose_v_min(counts_of(np.concatenate([body, tail])), EDGES, HIGH)
    assert 0.055 < fit.v_min < 0.1
    assert abs(fit.exponent - 2.4) < 3 * fit.standard_error


def test_a_sweep_holds_the_fits_of_its_windows():
    counts = counts_of(truncated_pareto(1.8, LOW, HIGH, 2000, np.random.default_rng(7)))
    sweep = sweep_windows(counts, EDGES, [0.03, 0.1, 0.3], [0.2, HIGH])
    fit = fit_tail(counts, EDGES, 0.1, HIGH)
    assert sweep.exponent[1, 1] == fit.exponent
    assert sweep.standard_error[1, 1] == fit.standard_error
    assert sweep.n_samples[1, 1] == fit.n_samples
    assert (sweep.v_min[1], sweep.v_max[1]) == pytest.approx((fit.v_min, fit.v_max))
    refused = [[False, False], [True, False], [True, True]]  # under half a decade
    assert np.isnan(sweep.exponent).tolist() == refused


def test_the_density_has_the_mass_of_the_window():
    samples = truncated_pareto(2.4, LOW, HIGH, 5000, np.random.default_rng(8))
    fit = fit_tail_samples(samples, 0.05, 0.3)
    mass, _ = integrate.quad(fit.density, 0.05, 0.3)
    assert mass == pytest.approx(fit.fraction, rel=1e-6)
    assert fit.fraction == np.mean((samples >= 0.05) & (samples <= 0.3))
    assert np.all(fit.density([0.04, 0.4]) == 0)
    ratio = fit.density([0.2]) / fit.density([0.1])
    assert ratio[0] == pytest.approx(2**-fit.exponent)


def test_outer_bins_and_batches_count():
    counts = counts_of(truncated_pareto(2.4, LOW, HIGH, 5000, np.random.default_rng(9)))
    inside = fit_tail(counts, EDGES, LOW, HIGH)
    outer = fit_tail(np.stack([np.pad(counts, 1)] * 2), EDGES, LOW, HIGH)
    beyond = fit_tail(np.pad(counts, 1, constant_values=2500), EDGES, LOW, HIGH)
    assert outer.exponent == pytest.approx(inside.exponent)
    assert outer.n_samples == 2 * inside.n_samples
    assert beyond.fraction == pytest.approx(0.5 * inside.fraction)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=3, max_size=60))
def test_any_counts_have_the_mean_that_their_fit_expects(counts):
    array = np.array(counts)
    if not np.any(array[1:]) or not np.any(array[:-1]):
        return
    edges = 10.0 ** (np.arange(array.size + 1) / 50 - 2)
    fit = fit_tail(array, edges, edges[0], edges[-1])
    log_mass = (1 - fit.exponent) * np.log(edges[:-1])  # bins of equal ratio
    mass = np.exp(log_mass - log_mass.max())
    places = np.arange(array.size)
    expected = np.sum(places * mass) / mass.sum()
    assert expected == pytest.approx(np.sum(places * array) / array.sum(), rel=1e-6, abs=1e-9)


COUNTS = np.ones(450, dtype=int)
FIRST_ONLY = np.eye(1, 450, 300, dtype=int)[0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: fit_tail(COUNTS, EDGES, 0.1, 0.1), "v_max must be two bins above"),
        (lambda: fit_tail(COUNTS, EDGES, -1.0, 0.1), "v_min must be a finite number"),
        (lambda: fit_tail(COUNTS, EDGES, 0.1, 200.0), "v_max must lie within"),
        (lambda: fit_tail(COUNTS, EDGES, float("nan"), 0.1), "v_min must be a finite number"),
        (lambda: fit_tail(COUNTS[:-1], EDGES, 0.1, 1.0), "counts must have 450 bins"),
        (lambda: fit_tail(-COUNTS, EDGES, 0.1, 1.0), "counts must be whole"),
        (lambda: fit_tail(0.5 * COUNTS, EDGES, 0.1, 1.0), "counts must be whole"),
        (lambda: fit_tail(COUNTS * np.nan, EDGES, 0.1, 1.0), "counts must be finite"),
        (lambda: fit_tail(COUNTS, np.linspace(1, 2, 451), 1.1, 1.5), "edges must ascend by equal"),
        (lambda: fit_tail(COUNTS, -EDGES, 0.1, 1.0), "edges must be three or more positive"),
        (lambda: fit_tail(0 * COUNTS, EDGES, 0.1, 1.0), "must hold samples"),
        (lambda: fit_tail(FIRST_ONLY, EDGES, 0.1, 1.0), "must hold samples"),
        (lambda: fit_tail_samples([0.2, 0.2], 0.1, 1.0), "two different samples"),
        (lambda: fit_tail_samples([0.2, np.inf], 0.1, 1.0), "samples must be finite"),
        (lambda: fit_tail_samples([0.2, 0.3], 0.5, 0.1), "v_max must be a finite number above 0.5"),
        (lambda: choose_v_min(COUNTS, EDGES, 1.0, least_samples=10**6), "least_samples"),
        (lambda: choose_v_min(COUNTS, EDGES, 1.0, least_samples=0), "least_samples"),
        (lambda: choose_v_min(COUNTS, EDGES, 1.0, least_ratio=0.5), "least_ratio"),
        (lambda: choose_v_min(COUNTS, EDGES, 1.0, lowest=0.9), "least_ratio"),
    ],
)
def test_what_has_no_exponent_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
