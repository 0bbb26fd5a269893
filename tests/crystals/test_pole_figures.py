"""Pole figures against poles whose place is known."""

import numpy as np
import pytest

from nlbook.crystals import Texture, pole_figure, random_texture

ONE = Texture(np.eye(3)[np.newaxis])


def test_the_sample_s_third_axis_is_in_the_middle_and_the_others_on_the_circle():
    places = pole_figure(ONE, 2.0 * np.eye(3))
    np.testing.assert_allclose(places[0], [[1, 0], [0, 1], [0, 0]], atol=1e-15)


def test_an_axis_and_its_opposite_are_one_pole():
    axes = np.random.default_rng(1).normal(size=(20, 3))
    np.testing.assert_array_equal(pole_figure(ONE, axes), pole_figure(ONE, -axes))


def test_equal_areas_hold_equal_shares_of_random_poles():
    places = pole_figure(random_texture(4000, 2), [[0, 0, 1]])[:, 0]
    squares = np.sum(places**2, axis=1)
    assert np.all(squares <= 1 + 1e-12)
    shares = np.histogram(squares, bins=np.linspace(0, 1, 5))[0] / 4000
    assert np.max(np.abs(shares - 0.25)) < 4 * np.sqrt(0.25 * 0.75 / 4000)  # four deviations


def test_a_pole_turns_with_the_sample():
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    axes = np.random.default_rng(3).normal(size=(5, 3))
    before, after = pole_figure(ONE, axes)[0], pole_figure(ONE.rotated(quarter), axes)[0]
    np.testing.assert_allclose(after, before @ quarter[:2, :2].T, atol=1e-15)


@pytest.mark.parametrize("axes", [[[0, 0, 0]], [[1, 0]], np.zeros((0, 3))])
def test_what_is_no_axis_is_refused(axes):
    with pytest.raises(ValueError, match="axes must have shape"):
        pole_figure(ONE, axes)
