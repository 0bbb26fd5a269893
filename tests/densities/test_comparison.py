"""Distances between densities."""

from itertools import pairwise

import numpy as np
import pytest

from nlbook.densities import (
    counts_by_distance,
    errors_by_decade,
    mass_by_distance,
    relative_l2,
)


def test_a_density_that_is_off_by_a_factor_is_off_by_its_logarithm_in_every_decade():
    truth = np.geomspace(0.9, 1.1e-4, 50)
    errors = errors_by_decade(np.stack([truth, 2 * truth]), truth, [-1, -2, -3, -4])
    assert errors[0] == pytest.approx(np.zeros(4), abs=1e-12)
    assert errors[1] == pytest.approx(np.full(4, np.log10(2)))


def test_a_decade_without_nodes_has_no_error_and_a_vanishing_density_an_infinite_one():
    errors = errors_by_decade([0.5, 0.0], [0.5, 5e-4], [-1, -2, -4])
    assert errors[0] == 0
    assert np.isnan(errors[1])
    assert np.isinf(errors[2])


def test_the_relative_distance_is_that_of_the_norms():
    truth = np.random.default_rng(1).random((3, 20))
    assert relative_l2(1.1 * truth, truth) == pytest.approx(np.full(3, 0.1))
    assert relative_l2(truth, truth[0])[0] == 0
    for unit in (1e-200, 1e200):
        assert relative_l2(1.1 * unit * truth, unit * truth) == pytest.approx(np.full(3, 0.1))


def test_bad_densities_are_refused_by_name():
    with pytest.raises(ValueError, match="density must have the nodes of reference"):
        relative_l2([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="reference must not vanish"):
        relative_l2([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="density must be finite"):
        relative_l2([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="density must have the nodes of reference"):
        errors_by_decade([1.0], [1.0, 2.0], [0])
    with pytest.raises(ValueError, match="reference must be positive"):
        errors_by_decade([1.0, 1.0], [1.0, 0.0], [0])
    with pytest.raises(ValueError, match="density must have no masked entries"):
        relative_l2(np.ma.masked_greater([1.0, 2.0], 1.5), [1.0, 1.0])
    with pytest.raises(ValueError, match="decades must be whole numbers"):
        errors_by_decade([1.0, 1.0], [1.0, 1.0], [0.5])
    with pytest.raises(ValueError, match="density not negative"):
        errors_by_decade([1.0, -1.0], [1.0, 1.0], [0])


def test_the_mass_at_a_distance_is_that_of_both_sides():
    grid = np.linspace(-3.0, 4.0, 15)
    density = np.array([np.maximum(0.0, 2.0 - np.abs(grid)), grid + 3.0])  # linear between nodes
    marks = [0.0, 0.3, 1.0, 2.0, 5.0]
    triangle = 2 * np.diff([2 * m - m**2 / 2 for m in marks[:-1]] + [2.0])
    found = mass_by_distance(density, grid, marks)
    assert found[0] == pytest.approx(triangle, abs=1e-12)
    # of x + 3 both sides add to 6 up to 3, where the left one ends
    known = [1.8, 4.2, 6.0, 6.0 + np.diff([3**2 / 2 + 9, 4**2 / 2 + 12])[0]]
    assert found[1] == pytest.approx(known, abs=1e-12)
    assert found.sum(axis=1) == pytest.approx(np.trapezoid(density, grid, axis=1))


def test_counts_at_a_distance_are_those_of_samples():
    samples = np.round(np.random.default_rng(2).normal(size=(3, 500)), 1) + 0.05
    edges = np.linspace(-2.0, 2.0, 41)
    outer = np.concatenate([[-np.inf], edges, [np.inf]])
    counts = np.array([np.histogram(row, outer)[0] for row in samples])
    marks = np.array([0.0, 0.4, 1.0, 1.6])
    known = [
        [np.sum((np.abs(r) > a) & (np.abs(r) < b)) for a, b in pairwise(marks)] for r in samples
    ]
    assert counts_by_distance(counts, edges, marks).tolist() == known
    assert counts_by_distance(counts[:, 1:-1], edges, marks).tolist() == known


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mass_by_distance([1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0]), "density must have"),
        (lambda: mass_by_distance([1.0, 2.0], [0.0, 1.0], [1.0, 0.0]), "marks must be two or more"),
        (lambda: counts_by_distance([1, 2, 3, 4], [0.0, 1.0, 2.0, 2.5, 3, 4], [0.0, 1]), "5 bins"),
        (lambda: counts_by_distance([1, 2], [0.0, 1.0, 2.0], [-1.0, 1.0]), "marks must be two or"),
    ],
)
def test_bad_distances_are_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()
