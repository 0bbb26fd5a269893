import numpy as np
import pytest

from nlbook.identification.bilevel.nelder_mead import minimise


def valley(point):
    return abs(point[0] - 1.2) + 0.1 * abs(point[1] - 7.0)


def test_the_least_value_is_found_and_the_way_recorded():
    way = minimise(valley, (2.0, 5.0), ((0.0, 4.0), (1.0, 9.0)), tolerance=1e-8)
    np.testing.assert_allclose(way.points[way.best], (1.2, 7.0), atol=1e-6)
    assert way.converged
    np.testing.assert_array_equal(way.points[0], (2.0, 5.0))
    np.testing.assert_allclose([valley(p) for p in way.points], way.costs)
    assert np.all(np.diff(way.costs[way.iterations]) <= 0)  # the best so far never worsens


def test_no_point_lies_beyond_the_bounds():
    way = minimise(valley, (2.0, 5.0), ((1.5, 4.0), (1.0, 6.0)))
    assert np.all((way.points >= (1.5, 1.0)) & (way.points <= (4.0, 6.0)))
    np.testing.assert_allclose(way.points[way.best], (1.5, 6.0))


def test_a_search_that_is_cut_short_says_so():
    way = minimise(valley, (2.0, 5.0), ((0.0, 4.0), (1.0, 9.0)), max_evaluations=20)
    assert not way.converged
    assert len(way.points) <= 22  # scipy looks at the number after an iteration


def test_a_search_goes_round_what_has_no_finite_cost():
    way = minimise(
        lambda p: np.inf if p[0] > 2.05 else valley(p), (2.0, 5.0), ((0.0, 4.0), (1.0, 9.0))
    )
    np.testing.assert_allclose(way.points[way.best], (1.2, 7.0), atol=1e-3)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ((5.0, 5.0), "start must lie within"),
        ((3.5, 5.0), "start must have a finite cost"),
        ((1.0,), "start must have 2 numbers, as bounds, got 1"),
    ],
)
def test_a_start_that_cannot_be_is_refused(start, message):
    with pytest.raises(ValueError, match=message):
        minimise(lambda p: np.inf if p[0] > 3 else valley(p), start, ((0.0, 4.0), (1.0, 9.0)))
