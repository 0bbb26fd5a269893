"""Turned grains against differences of their error, and against grains that are known to fit."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nlbook.crystals import (
    PathRule,
    StepsTooLong,
    Texture,
    grain_turns,
    magnesium,
    random_texture,
    sample_strain_paths,
)
from nlbook.crystals.grain_differences import gram_matrix
from nlbook.crystals.grain_turns import _expansion, turned_grains
from nlbook.crystals.taylor import unwarned_response

LAW = magnesium(twins=None)
PATHS = sample_strain_paths(2, 2, PathRule(n_steps=60))
ANSWERS = [unwarned_response(path, random_texture(24, 1), LAW, "two-stage") for path in PATHS]
# a great drag makes stresses smooth in the orientation; else systems that start and stop do not
SMOOTH = LAW.with_tau_0(basal=1.0, prismatic=1.0, pyramidal=1.0)
GRAINS = Texture(random_texture(3, 4).rotations, [0.5, 0.3, 0.2])


def error(turns, weights, answers=ANSWERS, law=LAW):
    moved = Texture(Rotation.from_rotvec(turns).as_matrix() @ GRAINS.rotations)
    return float(weights @ gram_matrix(moved, answers, law, 1) @ weights)


@pytest.mark.parametrize("seed", range(3))
def test_the_expansion_is_that_of_the_error(seed):
    answers = [unwarned_response(p, random_texture(24, 1), SMOOTH, "two-stage") for p in PATHS]
    found = _expansion(GRAINS, answers, SMOOTH, 1)
    generator = np.random.default_rng(seed)
    way = generator.normal(size=12) / 10
    h = 2e-2

    def along(s):
        weights = np.asarray(GRAINS.weights) + s * way[9:]
        return error(s * way[:9].reshape(3, 3), weights, answers, SMOOTH)

    middle, plus, minus = along(0.0), along(h), along(-h)
    # grains are solved to a tolerance of 1e-9, with others beside them
    assert found.value == pytest.approx(middle, rel=1e-8)
    slope, second = (plus - minus) / (2 * h), (plus - 2 * middle + minus) / h**2
    size = np.abs(found.slope) @ np.abs(way)
    assert 2 * found.slope @ way == pytest.approx(slope, abs=1e-3 * size)
    # one-sided mixed differences are of first order in their turn of 0.005: 0.034 measured
    assert 2 * way @ found.matrix @ way == pytest.approx(
        second, abs=0.1 * np.abs(way) @ np.abs(found.matrix) @ np.abs(way)
    )


def test_grains_find_back_to_those_that_they_were_turned_from():
    generator = np.random.default_rng(7)
    few = Texture(random_texture(3, 4).rotations, [0.5, 0.3, 0.2])
    answers = [unwarned_response(path, few, LAW, "two-stage") for path in PATHS]
    off = Rotation.from_rotvec(0.05 * generator.normal(size=(3, 3))).as_matrix()
    start = Texture(off @ few.rotations, [0.4, 0.3, 0.3])
    found, left = turned_grains(start, 1.0, answers, LAW, 12, 1)
    assert left < 1e-10  # 3e-3 at first; Newton's steps end in rounding
    assert found.rotations == pytest.approx(few.rotations, abs=1e-4)
    assert found.weights == pytest.approx(few.weights, abs=1e-4)


def test_no_turn_makes_it_worse_and_the_error_is_that_of_the_grains():
    start = error(np.zeros((3, 3)), np.asarray(GRAINS.weights))
    found, left = turned_grains(GRAINS, start, ANSWERS, LAW, 3, 1)
    again = found.weights @ gram_matrix(Texture(found.rotations), ANSWERS, LAW, 1) @ found.weights
    assert left == pytest.approx(again, rel=1e-8) and left < start


@pytest.mark.parametrize("fails", ["grain_differences", "gram_matrix"])
def test_grains_that_cannot_be_moved_are_not_turned_to(monkeypatch, fails):
    def refuse(*_):
        raise StepsTooLong("strain_path must have shorter steps")

    monkeypatch.setattr(grain_turns, fails, refuse)
    found, left = turned_grains(GRAINS, 0.2, ANSWERS, LAW, 3, 1)
    assert found is GRAINS and left == 0.2
