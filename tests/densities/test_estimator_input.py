"""What the density estimates refuse, and that no unit changes them."""

import numpy as np
import pytest

from nlbook.densities import adaptive_bandwidths, adaptive_kde, adaptive_kde_from_counts
from tests.densities.test_estimator import BINNED, DIRECT, GRID, sample


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": []}, "samples must be one or more"),
        ({"samples": [[1.0, 2.0]]}, "samples must be an array of 1 axis"),
        ({"samples": [1.0, np.nan]}, "samples must be finite"),
        ({"samples": [1.0, np.inf]}, "samples must be finite"),
        ({"samples": [2.0, 2.0, 2.0]}, "samples must not all be equal"),
        ({"samples": [2.0]}, "samples must be more than one"),
        ({"samples": np.full(1000, 0.1)}, "samples must not all be equal"),
        ({"grid": []}, "grid must have a node"),
        ({"grid": [0.0, np.nan]}, "grid must be finite"),
        ({"grid": [0.0, 2.0, 1.0]}, "grid must ascend"),
        ({"grid": [0.0, 0.0]}, "grid must ascend"),
        ({"sensitivity": -0.1}, "sensitivity must be a finite number at least 0 and at most 1"),
        ({"sensitivity": 1.1}, "sensitivity must be a finite number at least 0 and at most 1"),
        ({"sensitivity": np.nan}, "sensitivity must be a finite number at least 0 and at most 1"),
        ({"method": "fast"}, "method must be 'binned' or 'direct'"),
        ({"bandwidth": 0.0}, "bandwidth must be a finite number above 0"),
        ({"bandwidth": np.nan}, "bandwidth must be a finite number above 0"),
        ({"bandwidth_factor": -1.0}, "bandwidth_factor must be a finite number above 0"),
        ({"mass": 0.0}, "mass must be a finite number above 0 and at most 1"),
        ({"mass": 1.5}, "mass must be a finite number above 0 and at most 1"),
        ({"mass": 0.5, "weights": [1.0, 1.0, 1.0]}, "mass must be 1 with weights"),
        ({"weights": [1.0, 1.0]}, "weights must be 3 positive"),
        ({"weights": [1.0, 0.0, 1.0]}, "weights must be 3 positive"),
    ],
)
def test_bad_samples_and_settings_are_refused_by_name(changes, said):
    arguments = {"samples": [0.0, 1.0, 3.0], "grid": [0.0, 1.0]} | changes
    with pytest.raises(ValueError, match=said):
        adaptive_kde(**arguments)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"counts": [1, 2, -1, 1]}, "counts must not be negative"),
        ({"counts": [1, np.nan, 1, 1]}, "counts must be finite"),
        ({"counts": [1, 2, 1]}, "counts must have 4 bins, or 6"),
        ({"counts": [[1, 2, 1, 1], [0, 0, 0, 0]]}, "counts must hold a sample in every row"),
        ({"counts": [0, 5, 0, 0], "bandwidth": None}, "counts must not all be equal"),
        ({"counts": [1, 1, 2, 1, 1, 0]}, "edges must hold what mass leaves"),
        ({"edges": [0.0, 1.0, 1.0, 2.0, 3.0]}, "edges must ascend"),
        ({"edges": [0.0, 1.0, np.inf, 2.0, 3.0]}, "edges must be finite"),
        ({"bandwidth": 1.5}, "edges must be at most half the bandwidth 1.5 apart, got 1"),
    ],
)
def test_bad_counts_are_refused_by_name(changes, said):
    arguments = {
        "counts": [1, 2, 2, 1],
        "edges": [0.0, 1.0, 2.0, 3.0, 4.0],
        "grid": [0.0, 1.0],
        "bandwidth": 3.0,
    } | changes
    with pytest.raises(ValueError, match=said):
        adaptive_kde_from_counts(**arguments)


@pytest.mark.parametrize("method", ["binned", "direct"])
@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e-91, 1e91, 1e160, 1e300])
def test_the_unit_of_length_does_not_matter(method, factor):
    samples = sample("normal", 300)
    grid = np.linspace(-2.0, 2.0, 81)
    known = adaptive_kde(samples, grid, method=method)
    found = adaptive_kde(factor * samples, factor * grid, method=method)
    # 1/factor rounds once
    assert found * factor == pytest.approx(known, rel=BINNED if method == "binned" else 1e-9)
    edges = np.linspace(-5.0, 5.0, 1001)
    counts = np.histogram(samples, edges)[0]
    known = adaptive_kde_from_counts(counts, edges, grid)
    found = adaptive_kde_from_counts(counts, factor * edges, factor * grid)
    assert found * factor == pytest.approx(known, rel=BINNED)
    widths = adaptive_bandwidths(samples)
    assert adaptive_bandwidths(factor * samples) / factor == pytest.approx(widths, rel=BINNED)


@pytest.mark.parametrize("method", ["binned", "direct"])
@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e200, 1e307])
def test_the_size_of_the_weights_does_not_matter(method, factor):
    samples = sample("normal", 300)
    weights = np.random.default_rng(3).integers(1, 6, samples.size)
    known = adaptive_kde(samples, GRID, method=method, weights=weights)
    found = adaptive_kde(samples, GRID, method=method, weights=factor * weights)
    assert found == pytest.approx(known, rel=DIRECT, abs=1e-250)
    kept = {"method": method, "bandwidth": 0.3}
    heavy = np.where(samples < 0, 1e300, 1e-300)
    found = adaptive_kde(samples, GRID, weights=heavy, **kept)
    known = adaptive_kde(samples[samples < 0], GRID, **kept)
    assert found == pytest.approx(known, rel=DIRECT, abs=1e-250)


def test_samples_far_apart_beside_the_grid_have_the_density_that_they_have():
    found = adaptive_kde([1e300, -1e300], np.linspace(-5, 5, 201))
    width = 1.06 * np.sqrt(2) * 1e300 * 2**-0.2
    # exp(-u**2/2) of both, at u = 1e300/width
    exact = np.exp(-0.5 * (1e300 / width) ** 2) / (np.sqrt(2 * np.pi) * width)
    assert found == pytest.approx(np.full(201, exact), rel=1e-7)
    found = adaptive_kde(sample("normal", 300), GRID, bandwidth=1e300)
    assert found == pytest.approx(np.full(GRID.size, 1e-300 / np.sqrt(2 * np.pi)), rel=1e-7)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bandwidth": 1e-300}, "bandwidth must be above the rounding of samples, 6.66e-16"),
        ({"samples": [1e302, 0.0, 2e302]}, "samples must be lengths of 1e-301 to 1e301, got 2e"),
        ({"samples": [0.0, 1e-302, 2e-302]}, "samples must be lengths of 1e-301 to 1e301"),
        ({"samples": np.ma.masked_greater([0.0, 1.0, 3.0], 2.0)}, "samples must have no masked"),
        ({"weights": np.ma.masked_greater([1.0, 1.0, 3.0], 2.0)}, "weights must have no masked"),
        ({"grid": np.ma.masked_greater([0.0, 1.0, 3.0], 2.0)}, "grid must have no masked"),
        ({"samples": [0.0, 1.0j]}, "samples must be real numbers"),
        ({"sensitivity": True}, "sensitivity must be a finite number"),
    ],
)
def test_what_can_t_be_computed_with_is_refused(changes, said):
    arguments = {"samples": [0.0, 1.0, 3.0], "grid": [0.0, 1.0]} | changes
    with pytest.raises(ValueError, match=said):
        adaptive_kde(**arguments)


@pytest.mark.parametrize("name", ["counts", "edges", "grid"])
def test_counts_that_hide_something_are_refused(name):
    arguments = {"counts": [1, 2, 2, 1], "edges": np.arange(5.0), "grid": [0.0, 1.0]}
    arguments[name] = np.ma.masked_equal(arguments[name], 1)
    with pytest.raises(ValueError, match=f"{name} must have no masked"):
        adaptive_kde_from_counts(**arguments)


def test_a_mask_that_hides_nothing_is_no_matter():
    samples = sample("normal", 50)
    assert np.array_equal(adaptive_kde(np.ma.array(samples), GRID), adaptive_kde(samples, GRID))
