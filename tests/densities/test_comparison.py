"""Distances between densities."""

import numpy as np
import pytest

from nlbook.densities import errors_by_decade, relative_l2


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
