"""Looks into a step, against NumPy."""

import numpy as np
import pytest

from nlbook.dislocations import speed_bins
from nlbook.dislocations.glide.dense import count_speeds_loop, hermite_loop


def test_speeds_are_counted_as_their_edges_say():
    generator = np.random.default_rng(0)
    edges = speed_bins()
    speeds = np.concatenate(
        [10.0 ** generator.uniform(-9.0, 3.0, 4000), edges, np.nextafter(edges, 0.0), [0.0, 1e-310]]
    )
    sign = generator.choice([-1.0, 1.0], speeds.size)
    bins = np.zeros(edges.size + 1, dtype=np.int64)
    # straight paths of one step of 1 t0
    count_speeds_loop(
        np.zeros(speeds.size), speeds, speeds, speeds, 1.0, np.array([0.0]), sign, edges, bins
    )
    assert np.array_equal(bins, np.bincount(np.searchsorted(edges, speeds, side="right")))


def test_speeds_are_those_of_the_cubic_and_the_vanished_have_none():
    generator = np.random.default_rng(1)
    x, end = generator.uniform(-1.0, 1.0, (2, 500))
    velocity, end_velocity = generator.uniform(-1.0, 1.0, (2, 500))
    sign = generator.choice([-1.0, 0.0, 1.0], 500)
    parts, edges = np.array([0.0, 0.3, 1.0]), speed_bins()
    bins = np.zeros(edges.size + 1, dtype=np.int64)
    count_speeds_loop(x, velocity, end, end_velocity, 0.7, parts, sign, edges, bins)
    expected = np.zeros_like(bins)
    place, speed = np.empty((2, 500))
    for part in parts:
        hermite_loop(x, velocity, end, end_velocity, 0.7, part, place, speed)
        found = np.searchsorted(edges, np.abs(speed[sign != 0.0]), side="right")
        expected += np.bincount(found, minlength=bins.size)
    assert np.abs(bins - expected).sum() <= 2  # rounding at an edge
    assert bins.sum() == 3 * np.count_nonzero(sign)


def test_a_cubic_passes_through_both_ends():
    x, velocity, end, end_velocity = np.array([[1.0], [2.0], [4.0], [-1.0]])
    place, speed = np.empty((2, 1))
    for part, where, how_fast in ((0.0, 1.0, 2.0), (1.0, 4.0, -1.0)):
        hermite_loop(x, velocity, end, end_velocity, 0.5, part, place, speed)
        assert place[0] == pytest.approx(where) and speed[0] == pytest.approx(how_fast)
