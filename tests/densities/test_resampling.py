"""The bootstrap over batches against what is known of linear estimates and of means."""

import numpy as np
import pytest

from nlbook.densities import (
    adaptive_kde_from_counts,
    bootstrap_interval,
    bootstrap_snapshots,
    central_ends,
    density_interval,
    density_snapshots,
)

GRID = np.linspace(-10.0, 10.0, 41)
EDGES = np.linspace(-9.0, 9.0, 361)
TIMES = [1.0, 2.0]


@pytest.fixture(scope="module")
def batches():
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(12, 2, 500)) + 0.3 * generator.normal(size=(12, 1, 1))
    rows[:, 1] *= 1.5
    return np.array([[np.histogram(row, EDGES)[0] for row in batch] for batch in rows])


def draws_of(batches, n_resamples, **changes):
    settings = {"symmetry": None, "mass": 1.0, "sensitivity": 0.0, "bandwidth": 0.4} | changes
    return bootstrap_snapshots(
        batches, EDGES, TIMES, grid=GRID, n_resamples=n_resamples, seed=5, **settings
    )


def test_a_linear_estimate_scatters_as_its_batches_do(batches):
    n, n_resamples = len(batches), 800
    found = np.array([draw.density for draw in draws_of(batches, n_resamples)])
    alone = adaptive_kde_from_counts(batches, EDGES, GRID, 0.0, bandwidth=0.4)
    expected = alone.std(axis=0, ddof=1) * np.sqrt((n - 1) / n) / np.sqrt(n)
    seen = alone.mean(axis=0) > 0.01
    # the spread of 800 draws is known to 1/sqrt(1600), four times that at 20 nodes
    assert found.std(axis=0)[seen] == pytest.approx(expected[seen], rel=0.1)
    error = 4 * expected / np.sqrt(n_resamples)
    assert np.all(np.abs(found.mean(axis=0) - alone.mean(axis=0))[seen] < error[seen])


def test_a_draw_is_the_estimate_of_the_batches_drawn(batches):
    batches = batches + batches[..., ::-1]  # symmetric
    (draw,) = draws_of(batches, 1, symmetry="average", mass=0.99, sensitivity=0.5, bandwidth=None)
    weights = np.random.default_rng(5).multinomial(12, np.full(12, 1 / 12))
    drawn = np.tensordot(weights, batches, axes=1)
    known = density_snapshots(drawn, EDGES, TIMES, grid=GRID, mass=0.99)
    assert np.array_equal(draw.density, known.density)


def test_empty_batches_are_not_drawn(batches):
    padded = np.concatenate([batches, np.zeros_like(batches)])
    for one, other in zip(draws_of(batches, 3), draws_of(padded, 3), strict=True):
        assert np.array_equal(one.density, other.density)


@pytest.mark.parametrize("n", [5, 10, 40])
def test_the_interval_covers_a_mean_as_often_as_it_says(n):
    generator = np.random.default_rng(n)
    covered = 0
    repeats = 1000
    for _ in range(repeats):
        values = generator.normal(size=n)
        share = generator.multinomial(n, np.full(n, 1 / n), size=500) / n
        low, high = bootstrap_interval(share @ values, n, level=0.95)
        covered += low <= 0.0 <= high
    # three standard errors are 2 %; a bootstrap of five is not exact for all that
    assert covered / repeats == pytest.approx(0.95, abs=0.035 if n == 5 else 0.02)


@pytest.mark.parametrize("expected", [6, 30, 300])
def test_the_interval_of_a_density_covers_where_few_samples_decide(expected):
    generator = np.random.default_rng(expected)
    n, repeats = 40, 400
    counts = generator.poisson(expected / n, (repeats, n))
    covered = {"by percentiles": 0, "by logarithms": 0}
    for row in counts:
        draws = generator.multinomial(n, np.full(n, 1 / n), size=200) @ row
        low, high = bootstrap_interval(draws, n)
        covered["by percentiles"] += low <= expected <= high
        low, high = density_interval(float(row.sum()), draws, n)
        covered["by logarithms"] += low <= expected <= high
    # two standard errors are 2.2 %; with six samples the logarithm is not normal, to the safe side
    assert covered["by logarithms"] / repeats == pytest.approx(0.96, abs=0.035)
    if expected == 6:
        assert covered["by percentiles"] / repeats < 0.93


def test_where_a_draw_is_zero_nothing_is_known():
    low, high = density_interval([1.0, 0.0, 2.0], [[1.0, 0.0, 0.0], [2.0, 1.0, 2.0]], 5)
    assert low[1:].tolist() == [0, 0] and high[1:].tolist() == [np.inf, np.inf]
    assert low[0] < 1 < high[0]


def test_the_ends_of_the_central_part_are_those_of_the_snapshots(batches):
    counts = batches.sum(axis=0)
    found = central_ends(counts, EDGES, 0.99)
    kept = {"grid": GRID, "mass": 0.99, "symmetry": None}
    assert found == density_snapshots(counts, EDGES, TIMES, **kept).ends


@pytest.mark.parametrize(
    ("estimate", "draws", "n_batches", "said"),
    [
        (1.0, [1.0], 5, "draws must be two or more rows like estimate"),
        ([1.0], [1.0, 2.0], 5, "draws must be two or more rows like estimate"),
        (1.0, [1.0, -2.0], 5, "estimate and draws must not be negative"),
        (1.0, [1.0, np.inf], 5, "draws must be finite"),
        (1.0, [1.0, 2.0], 1, "n_batches must be an integer of at least 2"),
    ],
)
def test_draws_of_no_density_are_refused_by_name(estimate, draws, n_batches, said):
    with pytest.raises(ValueError, match=said):
        density_interval(estimate, draws, n_batches)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_counts": np.ones((2, 362))}, "batch_counts must have shape"),
        ({"batch_counts": np.ones((1, 2, 362))}, "must have two or more filled batches, got 1"),
        ({"batch_counts": np.ones((3, 2, 300))}, "counts must have 360 bins"),
        ({"batch_counts": np.ma.masked_all((3, 2, 362))}, "batch_counts must have no masked"),
        ({"n_resamples": 0}, "n_resamples must be an integer of at least 1"),
        ({"n_resamples": 1.5}, "n_resamples must be an integer of at least 1"),
    ],
)
def test_bad_batches_are_refused_by_name(batches, changes, said):
    arguments = {
        "batch_counts": batches,
        "edges": EDGES,
        "times": TIMES,
        "grid": GRID,
        "n_resamples": 2,
        "seed": 1,
    } | changes
    with pytest.raises(ValueError, match=said):
        bootstrap_snapshots(**arguments)


@pytest.mark.parametrize(
    ("draws", "n_batches", "level", "said"),
    [
        ([1.0], 5, 0.95, "draws must be two or more"),
        ([1.0, np.nan], 5, 0.95, "draws must be finite"),
        (np.ma.masked_less([1.0, 2.0], 1.5), 5, 0.95, "draws must have no masked"),
        ([1.0, 2.0], 2.5, 0.95, "n_batches must be an integer of at least 2, got 2.5"),
        ([1.0, 2.0], 1, 0.95, "n_batches must be an integer of at least 2, got 1"),
        ([1.0, 2.0], 5, 1.0, "level must be a finite number above 0 and below 1"),
    ],
)
def test_bad_draws_are_refused_by_name(draws, n_batches, level, said):
    with pytest.raises(ValueError, match=said):
        bootstrap_interval(draws, n_batches, level=level)
