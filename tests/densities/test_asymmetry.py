"""A drift is seen before it is mirrored away."""

import warnings

import numpy as np
import pytest

from nlbook.densities import (
    DensitySnapshots,
    DensityWarning,
    bootstrap_snapshots,
    density_snapshots,
)

GRID = np.linspace(-15.0, 15.0, 301)
EDGES = np.linspace(-15.0, 15.0, 3001)
TIMES = np.arange(0.0, 6.0)


def drifting(drift: float, n: int = 5000) -> list[np.ndarray]:
    """Samples that spread at a variance rate of 0.15 and drift."""
    generator = np.random.default_rng(0)
    start = generator.normal(0.0, 0.5, n)
    steps = generator.normal(drift, np.sqrt(0.15), (TIMES.size - 1, n))
    return list(start + np.vstack([np.zeros(n), np.cumsum(steps, axis=0)]))


@pytest.mark.parametrize("symmetry", ["average", "mirror"])
@pytest.mark.parametrize("counted", [True, False])
def test_a_drift_that_is_made_symmetric_is_told(symmetry, counted):
    samples, edges = drifting(0.2), None
    if counted:
        samples, edges = np.array([np.histogram(row, EDGES)[0] for row in samples]), EDGES
    with pytest.warns(DensityWarning, match="not symmetric about zero at 5 of 6 times: at time 5"):
        found = density_snapshots(samples, edges, TIMES, grid=GRID, symmetry=symmetry)
    assert found.asymmetric.tolist() == [False] + 5 * [True]
    assert np.array_equal(found.between(1.0, 2.0).asymmetric, [True, True])


@pytest.mark.parametrize(("drift", "symmetry"), [(0.0, "average"), (0.2, None)])
def test_nothing_is_told_of_even_samples_or_of_densities_that_are_left_as_they_are(drift, symmetry):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = density_snapshots(drifting(drift), None, TIMES, grid=GRID, symmetry=symmetry)
    assert np.any(found.asymmetric) == (drift > 0)


def test_the_asymmetry_is_the_distance_of_two_distributions():
    samples = drifting(0.1, 400)[3]
    found = density_snapshots([samples], None, [0.0], grid=GRID, mass=1.0, symmetry=None)
    x = np.concatenate([samples, -samples])
    plain = np.abs(np.mean(samples <= x[:, None], axis=1) - np.mean(-samples <= x[:, None], axis=1))
    assert found.asymmetry == pytest.approx([plain.max()], abs=1e-12)


def test_of_even_samples_it_is_as_large_as_a_fair_walk_goes():
    generator = np.random.default_rng(1)
    rows = list(generator.standard_cauchy((300, 400)).clip(-14, 14))
    found = density_snapshots(rows, None, np.arange(300.0), grid=GRID, mass=1.0, symmetry=None)
    # |W| exceeds 2.24 before t = 1 with a chance of 5 %, here up to the steps' length of 1/20
    beyond = np.mean(found.asymmetry * np.sqrt(400) > 2.24)
    assert beyond == pytest.approx(0.05, abs=0.035)  # 300 rows: standard error 1.3 %
    assert not np.any(found.asymmetric)


def test_densities_that_came_without_samples_are_looked_at_themselves():
    density = np.exp(-0.5 * (GRID - np.array([[0.0], [0.2]])) ** 2)
    found = DensitySnapshots(GRID, np.array([0.0, 1.0]), density)
    assert found.asymmetric.tolist() == [False, True]


def test_draws_of_a_bootstrap_are_told_of_once():
    batches = np.array(
        [[np.histogram(row, EDGES)[0] for row in drifting(0.2, 300)[-1:]] for _ in range(4)]
    )
    with pytest.warns(DensityWarning) as told:
        bootstrap_snapshots(batches, EDGES, [0.0], grid=GRID, n_resamples=5, seed=1)
    assert len(told) == 1
