"""Grains of a cell in the plane."""

from __future__ import annotations

import numpy as np
import pytest

from nlbook.crystals import GrainMap, VoronoiGrains


def test_each_pixel_belongs_to_the_nearest_point_over_the_edges():
    shape, grains = (12, 18), VoronoiGrains(5, seed=3)
    found = grains.map(shape)
    # the points are those of the first of two seeds spawned from the given one
    first, _ = np.random.SeedSequence(3).spawn(2)
    points = np.random.default_rng(first).random((5, 2)) * shape
    for i in range(shape[0]):
        for j in range(shape[1]):
            distance = [
                min(
                    np.hypot(i + 0.5 - x + a * shape[0], j + 0.5 - y + b * shape[1])
                    for a in (-1, 0, 1)
                    for b in (-1, 0, 1)
                )
                for x, y in points
            ]
            assert found.labels[i, j] == np.argmin(distance)


def test_a_finer_grid_samples_the_same_grains():
    coarse, fine = (VoronoiGrains(8, seed=1).map((n, n)) for n in (24, 72))
    assert np.array_equal(coarse.angles, fine.angles)
    # the middle pixel of nine has the middle of the coarse one
    assert np.array_equal(coarse.labels, fine.labels[1::3, 1::3])


def test_another_seed_gives_other_grains():
    one, two = (VoronoiGrains(8, seed=seed).map((16, 16)) for seed in (0, 1))
    assert not np.array_equal(one.angles, two.angles)
    assert not np.array_equal(one.labels, two.labels)


def test_weights_are_shares_of_pixels():
    grains = GrainMap(np.array([[0, 0, 2], [2, 2, 0]]), np.array([0.1, 0.2, 0.3]))
    assert np.array_equal(grains.weights, [0.5, 0.0, 0.5])


def test_a_field_of_angles_is_kept():
    field = np.random.default_rng(0).choice([0.1, 0.7, 1.3], size=(4, 6))
    assert np.array_equal(GrainMap.from_field(field).field, field)


@pytest.mark.parametrize(
    ("labels", "angles", "message"),
    [
        ([[0, 1.5]], [0.0, 1.0], "labels must be whole numbers"),
        ([[0, -1]], [0.0, 1.0], "labels must be whole numbers"),
        ([[0, 2]], [0.0, 1.0], "angles must have an entry for each label: label 2 needs 3, got 2"),
        ([[0, 1]], [0.0, np.nan], "angles must be finite"),
    ],
)
def test_maps_that_make_no_sense_are_refused(labels, angles, message):
    with pytest.raises(ValueError, match=message):
        GrainMap(np.array(labels), np.array(angles))
