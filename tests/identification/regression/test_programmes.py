import numpy as np
import pytest

from nlbook.identification import coercivity, gram_matrix
from nlbook.identification.regression.programmes import (
    nonnegative,
    symbol_constrained,
    unconstrained,
)
from tests.identification.regression_data import biharmonic, biharmonic_gram, fractional

# The loss of coefficients of 1e6 that cancel is known to 1e-14 of the mean square of f, 0.25; the
# smallest loss here is 1e-7.
GAP = 1e-6


def test_nonnegative_least_squares_fulfil_their_conditions():
    gram = biharmonic_gram()
    c = nonnegative(gram).coefficients
    slope = gram.matrix @ c - gram.cross
    scale = np.sqrt(np.diag(gram.matrix)) * np.sqrt(gram.response)
    assert np.min(c) >= 0
    assert np.min(slope / scale) > -1e-12
    assert np.max(np.abs(slope / scale)[c > 0]) < 1e-12


def test_plain_least_squares_fit_the_grid_and_fail_beyond_it():
    gram = biharmonic_gram(0.003, 0.99)
    free = unconstrained(gram)
    assert gram.loss(free.coefficients) < 1e-12 * gram.response
    assert coercivity(gram, free.coefficients) > 0.99 * gram.first_symbol
    finer = gram_matrix(biharmonic(0.003, 0.99), 0.99, 20, refinement=2)
    assert finer.loss(free.coefficients) > 0.1 * gram.response
    assert coercivity(finer, free.coefficients) < 0


def test_the_symbol_constraint_is_idle_where_least_squares_meet_it():
    gram = biharmonic_gram()
    found = symbol_constrained(gram, 0.9 * gram.first_symbol)
    np.testing.assert_array_equal(found.coefficients, unconstrained(gram).coefficients)


@pytest.mark.parametrize("data", ["ring", "line"])
def test_a_large_margin_binds(data):
    if data == "ring":
        gram = biharmonic_gram(0.003, 0.5, 6)
        margin = 1.2 * gram.first_symbol
    else:
        gram = gram_matrix(fractional(), 1.0, 6, alpha=1.5, rule="moments")
        margin = 1.2 * coercivity(gram, unconstrained(gram).coefficients)
    found = symbol_constrained(gram, margin)
    loss = gram.loss(found.coefficients)
    assert coercivity(gram, found.coefficients) == pytest.approx(margin, rel=1e-4)
    assert coercivity(gram, found.coefficients) >= margin
    assert loss > gram.loss(unconstrained(gram).coefficients)
    # moved a little inwards, by at most 1e-5 of the way
    assert found.lower_bound == pytest.approx(loss, rel=1e-3)
    assert found.lower_bound <= loss * (1 + GAP)
