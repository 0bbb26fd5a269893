"""The fast sum against the plain double loop over pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.dislocations import internal_stress, periodic_shear_stress
from nlbook.dislocations.glide.fast_sum import make_plan
from nlbook.dislocations.glide.strips import half_angle_loop, stress_loop

LENGTH = 300.0


def crowd(count, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.uniform(-LENGTH, 2 * LENGTH, count)  # not wrapped: glide is counted so
    y = generator.uniform(0.0, LENGTH, count)
    return x, y, generator.choice([-1.0, 1.0], count)


def plain_stress(x, y, sign, images="periodic"):
    pair = periodic_shear_stress(x[:, None] - x, y[:, None] - y, LENGTH, images=images)
    return pair @ sign


@pytest.mark.parametrize("images", ["periodic", "one_row"])
@pytest.mark.parametrize("count", [2, 3, 33, 250])
def test_the_sum_equals_the_double_loop(count, images):
    x, y, sign = crowd(count)
    error = internal_stress(x, y, sign, LENGTH, images=images) - plain_stress(x, y, sign, images)
    # 1e-9/L a pair at most, and pairs far apart in y meet with either sign
    assert np.max(np.abs(error)) * LENGTH < 1e-9 * np.sqrt(count)


@pytest.mark.parametrize("n_strips", [1, 2, 3, 4, 7, 16, 40])
def test_the_number_of_strips_does_not_matter(n_strips):
    x, y, sign = crowd(120)
    order = np.argsort(y)
    plan = make_plan(y[order], LENGTH, n_strips=n_strips)
    sine, cosine, stress = np.empty((3, x.size))
    half_angle_loop(x[order], LENGTH, sine, cosine)
    stress_loop(plan, sine, cosine, sign[order], stress)
    error = stress - plain_stress(x, y, sign)[order]
    assert np.max(np.abs(error)) * LENGTH < 1e-9 * np.sqrt(x.size)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_a_distant_pair_errs_by_the_tolerance_at_most(tolerance):
    # the worst place: just across a whole strip, where the first mode left out is largest
    n_strips = 8
    height = LENGTH / n_strips
    y = np.array([height * (1 - 1e-9), 2 * height * (1 + 1e-9)])
    plan = make_plan(y, LENGTH, n_strips=n_strips, tolerance=tolerance)
    worst = 0.0
    for x in np.linspace(0.0, LENGTH, 97):
        sine, cosine, stress = np.empty((3, 2))
        half_angle_loop(np.array([0.0, x]), LENGTH, sine, cosine)
        stress_loop(plan, sine, cosine, np.array([1.0, 1.0]), stress)
        exact = periodic_shear_stress(-x, y[0] - y[1], LENGTH)
        worst = max(worst, abs(stress[0] - exact) * LENGTH)
    # the tail after the first mode left out adds exp(-h)/(1 - exp(-h)) of it, h = 2 pi/8
    assert worst < 2.0 * tolerance


def test_half_angles_are_exact_to_rounding():
    x = np.linspace(-2 * LENGTH, 2 * LENGTH, 100_001)
    sine, cosine = np.empty((2, x.size))
    half_angle_loop(x, LENGTH, sine, cosine)
    turn = np.pi * (x / LENGTH - np.round(x / LENGTH))
    # ten nested products, each rounded by up to 1.1e-16, and the terms left out, 3e-16
    assert np.max(np.abs(sine - np.sin(turn))) < 1.5e-15
    assert np.max(np.abs(cosine - np.cos(turn))) < 1.5e-15


def test_close_pairs_keep_their_digits():
    # 1e-3 b apart: cosh Y - cos X as printed would have lost ten digits
    stress = internal_stress([150.0, 150.0008], [20.0, 20.0006], [1, -1], LENGTH)
    dx, dy = np.array([150.0, 150.0008, 20.0, 20.0006])[[1, 3]] - np.array([150.0, 20.0])
    alone = dx * (dx**2 - dy**2) / (dx**2 + dy**2) ** 2
    assert stress[1] == pytest.approx(alone, rel=1e-8)  # rounding of positions over 1e-3


@given(seed=st.integers(0, 10_000), count=st.integers(2, 60))
@settings(max_examples=25)
def test_glide_forces_sum_to_zero(seed, count):
    x, y, sign = crowd(count, seed)
    force = sign * internal_stress(x, y, sign, LENGTH)
    assert abs(np.sum(force)) < 1e-12 * np.sum(np.abs(force)) + 1e-15


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_storage_order_does_not_matter_to_the_bit(seed):
    x, y, sign = crowd(40, seed)
    order = np.random.default_rng(seed + 1).permutation(40)
    one = internal_stress(x, y, sign, LENGTH)
    other = internal_stress(x[order], y[order], sign[order], LENGTH)
    assert np.array_equal(one[order], other)


@given(seed=st.integers(0, 10_000), move=st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
@settings(max_examples=25)
def test_moving_all_together_changes_nothing(seed, move):
    x, y, sign = crowd(30, seed)
    one = internal_stress(x, y, sign, LENGTH)
    other = internal_stress(x + move[0], y + move[1], sign, LENGTH)
    # a pair nearer than 0.01 b amplifies the rounding of its positions; see its stress
    assert np.max(np.abs(one - other)) < 1e-10 * (1 + np.max(np.abs(one))) ** 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"x": [0.0, np.nan]}, "x must be finite"),
        ({"y": [0.0, np.inf]}, "y must be finite"),
        ({"burgers_sign": [1, 0]}, "burgers_sign"),
        ({"burgers_sign": [1]}, "shapes"),
        ({"x": [1.0, 1.0], "y": [2.0, 2.0]}, "positions must differ"),
        ({"x": [1.0, 1.0 + LENGTH], "y": [2.0, 2.0]}, "positions must differ"),
        ({"box_length": -1.0}, "box_length"),
    ],
)
def test_bad_configurations_are_refused_by_name(arguments, named):
    good = {"x": [0.0, 1.0], "y": [0.0, 5.0], "burgers_sign": [1, -1], "box_length": LENGTH}
    with pytest.raises(ValueError, match=named):
        internal_stress(**(good | arguments))
