"""The periodic stress against sums of single dislocations, closed forms and symmetries."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.dislocations import periodic_shear_stress

LENGTH = 300.0
INSIDE = st.floats(-0.499 * LENGTH, 0.499 * LENGTH)


def single(x, y):
    """One edge dislocation in an infinite medium."""
    return x * (x**2 - y**2) / (x**2 + y**2) ** 2


def grid(count=41):
    """Points of the box that avoid the dislocation itself."""
    edge = np.linspace(-0.5, 0.5, count) * LENGTH
    x, y = np.meshgrid(edge, edge)
    away = np.hypot(x, y) > 1e-9
    return x[away], y[away]


def row_as_printed(x, y):
    """Equation (2) of the paper in scaled units, with cosh and cos as printed."""
    big_x, big_y = 2 * np.pi * x / LENGTH, 2 * np.pi * y / LENGTH
    difference = np.cosh(big_y) - np.cos(big_x)
    return np.pi / LENGTH * np.sin(big_x) * (difference - big_y * np.sinh(big_y)) / difference**2


def walls_first(x, y):
    """Images summed along y first (a wall has a closed form), then along x."""
    total = 0.0
    for k in range(-8, 9):
        far = x + k * LENGTH
        big_x, big_y = 2 * np.pi * far / LENGTH, 2 * np.pi * y / LENGTH
        total += (
            2
            * np.pi**2
            * far
            / LENGTH**2
            * (np.cosh(big_x) * np.cos(big_y) - 1)
            / (np.cosh(big_x) - np.cos(big_y)) ** 2
        )
    return total


def test_a_row_is_the_sum_over_images_along_x():
    # the sum over |k| <= K leaves x/(K L)**2: 1.4e-10/L at K = 20,000, x = 33
    k = np.arange(-20_000, 20_001)
    expected = np.sum(single(33.0 + k * LENGTH, 47.0))
    assert periodic_shear_stress(33.0, 47.0, LENGTH, images="one_row") * LENGTH == pytest.approx(
        expected * LENGTH, abs=1e-4
    )


def test_one_row_is_the_printed_formula():
    # rounding of cosh - cos, which cancels, near the dislocation; points are 7.5 b apart
    x, y = grid()
    got = periodic_shear_stress(x, y, LENGTH, images="one_row")
    np.testing.assert_allclose(got, row_as_printed(x, y), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("rows", "left"), [(1, 4e-3), (2, 1.4e-5), (3, 3.6e-8), (4, 9e-11)])
def test_rows_leave_what_the_next_row_holds(rows, left):
    # `left` times 1/L: the largest over the box of the first rows left out, 2 pi n |Y| exp(-|Y|)
    x, y = grid(61)
    partial = sum(row_as_printed(x, y + j * LENGTH) for j in range(-rows, rows + 1))
    more = sum(row_as_printed(x, y + j * LENGTH) for j in range(-rows - 3, rows + 4))
    assert 0.3 * left < np.max(np.abs(partial - more)) * LENGTH <= 1.1 * left


def test_the_periodic_stress_converges_in_the_number_of_rows():
    x, y = grid(61)
    many = sum(row_as_printed(x, y + j * LENGTH) for j in range(-8, 9))
    assert np.max(np.abs(periodic_shear_stress(x, y, LENGTH) - many)) * LENGTH < 1e-10


def test_rows_first_and_walls_first_agree():
    x, y = grid()
    away = np.hypot(x, y) > 20.0  # cosh X - cos Y cancels near the dislocation
    difference = periodic_shear_stress(x[away], y[away], LENGTH) - walls_first(x[away], y[away])
    assert np.max(np.abs(difference)) * LENGTH < 1e-9  # rows beyond the fourth, and rounding


def test_one_row_errs_most_at_half_a_box_above():
    x, y = grid(121)
    error = np.abs(
        periodic_shear_stress(x, y, LENGTH, images="one_row") - periodic_shear_stress(x, y, LENGTH)
    )
    # what is missing there is the row at the same distance on the other side, and those beyond
    missing = sum(row_as_printed(x, -LENGTH / 2 + j * LENGTH) for j in (-4, -3, -2, -1, 0, 2, 3))
    assert np.max(error) * LENGTH == pytest.approx(0.599, abs=0.001)
    assert np.max(error) == pytest.approx(np.max(np.abs(missing)), rel=1e-6)
    assert np.abs(y[np.argmax(error)]) == LENGTH / 2


@pytest.mark.parametrize("summation", ["squares", "discs"])
def test_blocks_of_images_differ_by_the_shape_term(summation):
    # a square block of half-width K L leaves 0.14/K**2 of x/L**2; a disc's edge is ragged
    reach, x, y = 150, 33.0, 47.0
    k = np.arange(-reach, reach + 1) * LENGTH
    near, far = np.meshgrid(k, k)
    image = single(x + near, y + far)
    if summation == "discs":
        image = image[np.hypot(near, far) <= reach * LENGTH]
    error = np.sum(image) - periodic_shear_stress(x, y, LENGTH, summation=summation)
    assert abs(error) < 5e-3 * x / LENGTH**2


@given(x=INSIDE, y=INSIDE, turns=st.tuples(st.integers(-3, 3), st.integers(-3, 3)))
def test_the_stress_is_periodic_odd_in_x_and_even_in_y(x, y, turns):
    if np.hypot(x, y) < 1.0:
        x += 2.0
    stress = periodic_shear_stress(x, y, LENGTH)
    shifted = periodic_shear_stress(x + turns[0] * LENGTH, y + turns[1] * LENGTH, LENGTH)
    scale = 1e-11 + 1e-12 * abs(stress)  # rounding of x + 3 L beside a stress of up to 1
    assert shifted == pytest.approx(stress, abs=scale)
    assert periodic_shear_stress(-x, y, LENGTH) == -stress
    assert periodic_shear_stress(x, -y, LENGTH) == pytest.approx(stress, abs=1e-15)


@pytest.mark.parametrize("x", [0.0, LENGTH / 2, -LENGTH / 2])
def test_the_stress_vanishes_on_the_lines_of_symmetry(x):
    y = np.linspace(-0.5, 0.5, 31) * LENGTH
    assert np.max(np.abs(periodic_shear_stress(x, y, LENGTH))) < 1e-17


def test_near_the_dislocation_the_stress_is_that_of_one_alone():
    # the images add a stress gradient of order 1/L**2
    x, y = 0.3, 0.2
    assert periodic_shear_stress(x, y, LENGTH) == pytest.approx(single(x, y), abs=5 * x / LENGTH**2)


@pytest.mark.parametrize("size", [1e-60, 1e-90, 1e-110, 1e-200, 1e-300])
@pytest.mark.parametrize("images", ["periodic", "one_row"])
def test_however_near_the_dislocation_the_stress_is_that_of_one_alone(size, images):
    for x, y in ((1.0, 0.0), (1.0, 2.0), (-3.0, 1.0)):
        stress = periodic_shear_stress(x * size, y * size, 10.0, images=images)
        assert stress * size == pytest.approx(single(x, y), rel=1e-14)


@pytest.mark.parametrize("x", [0.0, 5e-324, 1e-310, 1e-308])
@pytest.mark.parametrize("length", [3e-308, 1e-200, 10.0, 1e300])
@pytest.mark.parametrize("summation", ["rows", "discs"])
def test_the_stress_is_never_nan(x, length, summation):
    y = np.array([0.0, x, 2 * x])
    assert not np.any(np.isnan(periodic_shear_stress(x, y, length, summation=summation)))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"dx": np.nan}, "dx"),
        ({"dy": np.inf}, "dy"),
        ({"box_length": 0.0}, "box_length"),
        ({"box_length": np.nan}, "box_length"),
        ({"box_length": 1e-309}, "box_length"),
        ({"dx": 1e10, "box_length": 1e-300}, "dx"),
        ({"images": "none"}, "images"),
        ({"summation": "spirals"}, "summation"),
        ({"images": "one_row", "summation": "discs"}, "summation"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, named):
    good = {"dx": 1.0, "dy": 2.0, "box_length": LENGTH}
    with pytest.raises(ValueError, match=named):
        periodic_shear_stress(**(good | arguments))


@given(
    st.integers(-4, 4),
    st.integers(-4, 4),
    st.floats(-15.0, -9.0),
    st.floats(0.0, 2 * np.pi),
    st.sampled_from([300.0, 77.7, 1.0, 1e-3]),
)
def test_near_any_image_the_stress_is_wrong_by_rounding_alone(k, m, decade, angle, length):
    """A dislocation alone, in rational numbers: the images add (r/L)**2 < 1e-17 of it."""
    distance = 10**decade * length
    x, y = k * length + distance * np.cos(angle), m * length + distance * np.sin(angle)
    away_x, away_y = Fraction(x) - k * Fraction(length), Fraction(y) - m * Fraction(length)
    square = away_x**2 + away_y**2
    if square == 0 or square > Fraction(length) ** 2 / 10**17:
        return  # the place rounds to the image, or L to another place
    expected = away_x * (away_x**2 - away_y**2) / square**2
    found = Fraction(float(periodic_shear_stress(x, y, length)))
    assert abs(found - expected) ** 2 * square < (4 * 2.0**-52) ** 2


def test_straight_above_another_the_stress_is_zero_exactly():
    assert not periodic_shear_stress(0.0, [1e-15, 1e-9, 1.0, 300.0 + 1e-9], LENGTH).any()
    assert not periodic_shear_stress(-2 * LENGTH, [1e-9, 7.0], LENGTH).any()
