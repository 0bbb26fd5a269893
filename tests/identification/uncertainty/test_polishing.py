import numpy as np
import pytest
from scipy import stats

from nlbook.identification.uncertainty.polishing import (
    CREDIBLE,
    agreement,
    median_error,
    step_towards,
)
from nlbook.identification.uncertainty.synthetic import LearnedLikelihood


@pytest.mark.parametrize(("size", "above"), [(9, 0.12), (24, 0.07), (101, 0.05)])
def test_the_error_of_a_median_is_that_of_many_medians(size, above):
    sets = np.random.default_rng(size).standard_normal((4000, size))
    errors = [median_error(each) for each in sets]
    # of 4000 medians the scatter is known to 1 %; of few numbers the error is a little too large
    assert -0.02 < np.mean(errors) / np.std(np.median(sets, axis=1)) - 1 < above


def test_a_median_of_equal_numbers_has_no_error():
    assert median_error(np.full(24, 0.1)) == pytest.approx(0.0, abs=1e-8)


def test_replicates_of_the_law_itself_agree_nearly_always():
    np.testing.assert_allclose(CREDIBLE, np.sqrt(stats.chi2.ppf(0.95, 3) / 3), atol=5e-3)
    generator = np.random.default_rng(2)
    near = [
        agreement(generator.standard_normal((24, 3)), np.zeros(3), 1e-3).distance <= CREDIBLE
        for _ in range(2000)
    ]
    assert np.mean(near) == pytest.approx(0.90, abs=0.02)  # errors are of 24 numbers


def test_an_error_is_at_least_the_fits_own():
    here = agreement(np.zeros((9, 2)), np.array([0.0, 1e-3]), 1e-3)
    np.testing.assert_allclose(here.error, 1e-3)
    assert here.distance == pytest.approx(np.sqrt(0.5))


def learned(slopes, scatter=0.01):
    generator = np.random.default_rng(3)
    laws = generator.uniform(-1, 1, (400, 2))
    fitted = laws @ slopes.T + scatter * generator.standard_normal(laws.shape)
    return LearnedLikelihood(laws, fitted, np.zeros(2))


def test_a_step_takes_what_is_told_back_in_full():
    slopes = np.array([[0.9, 0.2], [-0.3, 1.1]])
    law, first = np.array([0.2, -0.1]), np.array([0.2, -0.1])
    off = slopes @ law  # of a target at zero
    step = step_towards(learned(slopes), law, off, 24, first, 0.25 * np.eye(2))
    # the tie of 0.5 holds back by (0.01 / 0.5)**2; slopes are learned to 0.001
    np.testing.assert_allclose(law + step, 0.0, atol=2e-3)


def test_a_step_leaves_what_is_not_told_where_it_is():
    slopes = np.array([[1.0, 1.0], [1.0, 1.0]])  # the sum alone is told
    law = np.array([0.3, 0.0])
    rough = learned(slopes, 0.1)
    step = step_towards(rough, law, np.array([0.3, 0.3]), 24, law, 0.25 * np.eye(2))
    np.testing.assert_allclose(step, -0.15, atol=0.03)
    # and a law that has left its place returns to it
    back = step_towards(rough, law, np.zeros(2), 24, np.array([0.1, 0.2]), 0.25 * np.eye(2))
    np.testing.assert_allclose(law + back, [0.1, 0.2], atol=0.03)
