import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nlbook.identification.bilevel.log_error import log_error_loop


def plain(block, data, floors, least):
    kept = data > floors[:, None]
    q = np.maximum(block, least)
    return np.sum(np.abs(np.log(data[kept] / q[kept]))), np.count_nonzero(kept)


@settings(max_examples=50, deadline=None)
@example(n=572, rows=2, floor=0.0, seed=3138)  # data of 1e-18 beside a trial density of 10
@given(
    n=st.integers(1, 700),
    rows=st.integers(1, 5),
    floor=st.sampled_from([0.0, 1e-12, 1e-3, 10.0]),
    seed=st.integers(0, 2**32),
)
def test_the_sum_is_that_of_absolute_differences_of_logarithms(n, rows, floor, seed):
    generator = np.random.default_rng(seed)
    density = 10.0 ** generator.uniform(-16, 1, (4, n))
    density[generator.random((4, n)) < 0.1] = 0.0
    block = 10.0 ** generator.uniform(-25, 1, (rows, n)) * generator.choice([1, 1, 1, -1], n)
    before = generator.integers(0, 3, rows)
    share = generator.random(rows)
    floors = np.full(4, floor) * generator.uniform(0.5, 1.0, 4)
    data = (1 - share[:, None]) * density[before] + share[:, None] * density[before + 1]
    bound = (1 - share) * floors[before] + share * floors[before + 1]
    sums = np.zeros(4)
    log_error_loop(block, density, before, share, floors, 1e-16, True, sums)
    total, count = plain(block, data, bound, 1e-16)
    assert sums[1] == count
    # rounding of products of sixteen ratios, each an ulp, beside a sum of up to 700 logarithms
    assert sums[0] == pytest.approx(total, rel=1e-13, abs=1e-12)
    middle, kept = plain(block[:, -1:], data[:, -1:], bound, 1e-16)
    assert (sums[2], sums[3]) == (pytest.approx(middle, rel=1e-14), kept)


def test_tiny_data_above_no_floor_count_in_full():
    density = np.full((2, 320), 1e-30)
    sums = np.zeros(4)
    log_error_loop(
        np.ones((1, 320)), density, np.array([0]), np.array([0.0]), np.zeros(2), 1e-17, False, sums
    )
    assert sums[0] == pytest.approx(320 * np.log(1e30), rel=1e-12)


def test_no_ratio_is_too_large_for_a_product():
    density = np.full((2, 320), 10.0)
    sums = np.zeros(4)
    log_error_loop(
        np.zeros((1, 320)), density, np.array([0]), np.array([0.0]), np.zeros(2), 1e-17, False, sums
    )
    assert sums[0] == pytest.approx(320 * np.log(1e18), rel=1e-12)


def test_sums_are_added_to():
    density = np.full((2, 5), 2.0)
    sums = np.array([1.0, 2.0, 3.0, 4.0])
    log_error_loop(
        np.ones((1, 5)), density, np.array([0]), np.array([0.5]), np.zeros(2), 1e-17, False, sums
    )
    np.testing.assert_allclose(sums, [1 + 5 * np.log(2), 7, 3, 4], rtol=1e-15)
