"""The series that stand for exp and log in the loops."""

import numpy as np

from nlbook.compilation import compiled
from nlbook.graphene import site_loops

EPSILON = np.finfo(float).eps


@compiled()
def each(function, values):
    """A scalar function of every value."""
    result = np.empty_like(values)
    for i in range(values.size):
        result[i] = function(values[i])
    return result


def test_exp_is_that_of_the_library_to_rounding():
    x = np.concatenate([np.linspace(-690.0, 690.0, 100_001), np.linspace(-1.0, 1.0, 100_001)])
    found = each(site_loops._exp, x)
    assert np.max(np.abs(found / np.exp(x) - 1)) < 2 * EPSILON


def test_log_is_that_of_the_library_to_rounding():
    x = np.concatenate([np.geomspace(1e-300, 1e300, 100_001), np.linspace(0.5, 2.0, 100_001)])
    found = each(site_loops._log, x)
    exact = np.log(x)
    assert np.all(np.abs(found - exact) <= 2 * EPSILON * np.abs(exact))
