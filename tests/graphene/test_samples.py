"""What samples are made of, and what they refuse."""

import numpy as np
import pytest

from nlbook.graphene import PeriodicSamples, PointSamples

WAVE = np.zeros((2, 4, 6, 2))
WAVE[0, ..., 0] = np.cos(2 * np.pi * np.arange(4) / 4)[:, np.newaxis]
WAVE[1, ..., 1] = np.cos(2 * np.pi * np.arange(6) / 6)
POINTS = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
INSIDE = np.array([True, False, False])


def test_the_box_is_nodes_times_spacing():
    samples = PeriodicSamples((4.9, 5.1), 0.1 * WAVE, WAVE)
    assert samples.box == (4 * 4.9, 6 * 5.1)
    assert len(samples) == 2


@pytest.mark.parametrize(
    ("spacing", "displacement", "load", "words"),
    [
        ((5.0, 0.0), WAVE, WAVE, "spacing must be a finite number above 0"),
        ((5.0,), WAVE, WAVE, "spacing must be two numbers"),
        ((5.0, 5.0), WAVE[:1], WAVE, "one shape"),
        ((5.0, 5.0), WAVE[..., 0], WAVE[..., 0], r"shape \(n_samples, n1, n2, 2\)"),
        ((5.0, 5.0), WAVE[:, :0], WAVE[:, :0], r"shape \(n_samples, n1, n2, 2\)"),
        ((5.0, 5.0), WAVE * np.nan, WAVE, "displacement must be finite"),
        ((5.0, 5.0), np.ma.masked_equal(WAVE, 0), WAVE, "masked"),
        ((5.0, 5.0), WAVE, WAVE + [[[[0.01, 0.0]]]], "no net force.*sample"),
    ],
)
def test_a_grid_refuses_what_is_no_sample(spacing, displacement, load, words):
    with pytest.raises(ValueError, match=words):
        PeriodicSamples(spacing, displacement, load)


def test_points_take_loads_with_a_net_force():
    """The points of a disk see a part of its loads."""
    field = np.ones((1, 3, 2))
    assert len(PointSamples(POINTS, field, field, INSIDE)) == 1


@pytest.mark.parametrize(
    ("points", "n", "inside", "words"),
    [
        (POINTS[:, :1], 3, INSIDE, r"points must have shape \(n, 2\)"),
        (POINTS, 4, INSIDE, r"displacement must have shape \(n_samples, 3, 2\)"),
        (POINTS, 3, INSIDE[:2], "inside must say yes or no for each of 3"),
        (POINTS, 3, INSIDE.astype(float), "dtype float64"),
        (POINTS, 3, ~np.ones(3, bool), "inside must hold"),
        (POINTS, 3, np.ma.masked_equal(INSIDE, False), "masked"),
    ],
)
def test_points_refuse_what_is_no_sample(points, n, inside, words):
    with pytest.raises(ValueError, match=words):
        PointSamples(points, np.zeros((1, n, 2)), np.zeros((1, n, 2)), inside)
