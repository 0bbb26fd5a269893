"""Pieces of a linearly implicit step against dense algebra and plain loops."""

import numpy as np
import pytest

from nlbook.dislocations import internal_stress, random_dislocations
from nlbook.dislocations.glide.fast_sum import make_plan
from nlbook.dislocations.glide.neighbours import near_pairs_loop
from nlbook.dislocations.glide.stiff import (
    GAMMA,
    THRESHOLD,
    first_stage_loop,
)
from nlbook.dislocations.glide.strips import half_angle_loop, stress_loop

BOX = 1e4  # images change the Jacobian by 1e-8


def sorted_crowd(count, spread, seed):
    x, y, sign = random_dislocations(count, spread, seed)
    order = np.argsort(y)
    return x[order], y[order], sign[order]


def solve(x, y, sign, h):
    """First stage from rest; its force and result."""
    pairs, dy = np.empty((x.size**2, 2), dtype=np.int64), np.empty(x.size**2)
    found = near_pairs_loop(x, y, sign, BOX, 0.4 * BOX, pairs, dy)
    assert found == x.size * (x.size - 1) // 2
    force = sign * internal_stress(x, y, sign, BOX)
    system = (np.empty((found, 2), dtype=np.int64), np.empty(found), *np.empty((1, x.size)))
    velocity, k1, stage = np.zeros((3, x.size))
    entries = first_stage_loop(
        pairs[:found], dy[:found], x, sign, BOX, h, 1e-12, force, velocity, False,
        (*system, np.empty((5, x.size))), velocity, k1, stage,
    )  # fmt: skip
    return entries, force, k1


def finite_difference_jacobian(x, y, sign, step=1e-4):
    columns = [
        sign * (internal_stress(x + e, y, sign, BOX) - internal_stress(x - e, y, sign, BOX))
        for e in step * np.eye(x.size)
    ]
    return np.array(columns).T / (2 * step)


def test_the_first_stage_solves_with_the_jacobian_of_the_stress():
    x, y, sign = sorted_crowd(30, 60.0, 2)
    h = 8.0
    jacobian = finite_difference_jacobian(x, y, sign)
    np.fill_diagonal(jacobian, 0.0)
    jacobian[np.abs(GAMMA * h * jacobian) <= THRESHOLD] = 0.0
    np.fill_diagonal(jacobian, -jacobian.sum(axis=1))
    entries, force, k1 = solve(x, y, sign, h)
    assert entries == np.count_nonzero(np.triu(jacobian, 1)) > 10
    expected = np.linalg.solve(np.eye(x.size) - GAMMA * h * jacobian, force)
    assert k1 == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_an_indefinite_system_is_reported():
    # opposite signs on one plane: relative growth 2/r**2 = 0.5, and gamma h times it exceeds 1
    entries, _, _ = solve(np.array([0.0, 2.0]), np.zeros(2), np.array([1.0, -1.0]), 10.0)
    assert entries == -1


def test_single_precision_is_a_small_displacement():
    x, y, sign = sorted_crowd(300, 300.0, 3)
    sums = []
    for single in (False, True):
        plan = make_plan(y, 300.0, single_precision=single)
        sine, cosine, stress = np.empty((3, x.size))
        half_angle_loop(x, 300.0, sine, cosine)
        stress_loop(plan, sine, cosine, sign, stress)
        sums.append(stress)
    # at the nearest distance r a displacement of 1e-5 b changes 1/r by 1e-5/r**2 = |J| 1e-5
    gap = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(x.size)
    slope = np.sum(1.0 / gap**2, axis=1)
    assert np.all(np.abs(sums[0] - sums[1]) < 3e-5 * slope + 1e-7)
