import numpy as np
import pytest

from nlbook.identification import coercivity, gram_matrix, mengesha_du_norm
from nlbook.identification.regression.mengesha_du import correction, joint
from nlbook.identification.regression.programmes import nonnegative, unconstrained
from tests.identification.regression_data import biharmonic_gram, fractional

#: Losses of a few cells of Table 1 of the paper: easy, hard, and a horizon of almost a period.
CELLS = [(0.0001, 0.25), (0.003, 0.5), (0.1, 0.99)]

# The loss of coefficients of 1e6 that cancel is known to 1e-14 of the mean square of f, 0.25; the
# smallest loss here is 1e-7.
GAP = 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_each_freedom_lowers_the_loss_and_all_are_certified(cell):
    gram = biharmonic_gram(*cell)
    first = nonnegative(gram)
    second = correction(gram, first.positive)
    both = joint(gram, second)
    losses = [gram.loss(o.coefficients) for o in (first, second, both)]
    assert losses[0] > losses[1] > losses[2]
    for optimum, loss in zip((first, second, both), losses, strict=True):
        assert abs(loss - optimum.lower_bound) <= GAP * loss


@pytest.mark.parametrize("cell", CELLS)
def test_the_bound_of_mengesha_and_du_is_kept_and_used_up(cell):
    gram = biharmonic_gram(*cell)
    second = correction(gram, nonnegative(gram).positive)
    for optimum in (second, joint(gram, second)):
        allowed = coercivity(gram, optimum.positive) / 2
        norm = mengesha_du_norm(gram.weights @ (optimum.coefficients - optimum.positive))
        assert np.min(optimum.positive) >= 0
        assert (1 - 1e-6) * allowed <= norm <= allowed
        assert coercivity(gram, optimum.coefficients) > 0


@pytest.mark.parametrize("cell", CELLS)
def test_another_solver_agrees(cell):
    gram = biharmonic_gram(*cell)
    first = nonnegative(gram)
    second = correction(gram, first.positive)
    osqp = correction(gram, first.positive, "OSQP")
    # after repair; a method of first order, at its own tolerance
    assert gram.loss(osqp.coefficients) == pytest.approx(gram.loss(second.coefficients), rel=1e-6)
    both, other = joint(gram, second), joint(gram, second, "OSQP")
    best = gram.loss(both.coefficients)
    # and its own multipliers bound the same optimum from below
    assert other.lower_bound <= best * (1 + GAP)
    assert best * (1 - GAP) <= gram.loss(other.coefficients)
    assert other.lower_bound == pytest.approx(best, rel=0.05)


def test_eigenvectors_bound_the_joint_problem_on_the_line():
    gram = gram_matrix(fractional(), 1.0, 10, alpha=1.5, rule="moments")
    first = nonnegative(gram)
    second = correction(gram, first.positive)
    both = joint(gram, second)
    losses = [gram.loss(o.coefficients) for o in (first, second, both)]
    assert losses[0] > losses[1] > losses[2]
    # the bounds from eigenvectors are met within 1e-7
    assert losses[2] == pytest.approx(both.lower_bound, rel=1e-5)
    norm = mengesha_du_norm(gram.weights @ (both.coefficients - both.positive))
    assert norm <= coercivity(gram, both.positive) / 2


def test_a_singular_positive_part_leaves_nothing_to_correct():
    gram = biharmonic_gram()
    with pytest.raises(ValueError, match="^positive must have a coercive operator"):
        correction(gram, np.zeros(21))
    with pytest.raises(ValueError, match="^start must be split"):
        joint(gram, unconstrained(gram))
