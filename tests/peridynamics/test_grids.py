"""Grids that fit their boxes, points that lie on lattices, and samples of any origin."""

from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.peridynamics import (
    GridSamples,
    PeriodicGrid,
    PointSet,
    SetSamples,
    lattice_spacing,
    read_samples,
)

LATTICE = PeriodicGrid((7, 6), (4.933, 5.039)).nodes.reshape(-1, 2)
INSIDE = np.hypot(*(LATTICE - LATTICE.mean(axis=0)).T) < 8


def test_a_grid_fits_its_box():
    grid = PeriodicGrid.of_box((98.66, 100.78), (98.66 / 20, 100.78 / 20))
    assert grid.shape == (20, 20)
    assert grid.box == pytest.approx((98.66, 100.78), rel=1e-15)


def test_a_spacing_that_does_not_divide_the_box_is_refused_with_one_that_does():
    with pytest.raises(ValueError, match=r"19\.732 spacings of 5; 4\.933 would fit"):
        PeriodicGrid.of_box((98.66, 100.78), 5.0)


def test_the_spacing_of_a_lattice_is_found_again():
    shuffled = np.random.default_rng(0).permutation(LATTICE) + 1e-7
    assert lattice_spacing(shuffled) == pytest.approx((4.933, 5.039), rel=1e-12)


def test_scattered_points_make_no_lattice():
    assert lattice_spacing(np.random.default_rng(0).random((30, 2))) is None
    moved = LATTICE.copy()
    moved[3, 0] += 0.01
    assert lattice_spacing(moved) is None


def test_points_of_one_line_make_no_lattice():
    assert lattice_spacing(LATTICE[:6]) is None


@pytest.mark.parametrize("digits", [4, 6, 7])
def test_rounded_points_of_a_column_are_one_column(digits):
    """Coordinates of a column differ in their last digit, of which all are multiples."""
    rng = np.random.default_rng(3)
    places = 100 / 7 * np.stack(np.meshgrid(np.arange(8), np.arange(9)), axis=-1).reshape(-1, 2)
    near = np.round(places + 10.0**-digits * rng.uniform(-0.6, 0.6, places.shape), digits)
    assert len(np.unique(near[:, 0])) > 8
    found = lattice_spacing(near)
    if digits == 4:  # 7e-6 spacings or 14e-6 of one another: may be told or not, never wrongly
        assert found is None or found == pytest.approx((100 / 7, 100 / 7), rel=1e-5)
    else:
        assert found == pytest.approx((100 / 7, 100 / 7), rel=1e-6)


def test_scattered_points_of_a_file_are_no_lattice_of_its_last_digit():
    rng = np.random.default_rng(0)
    for digits in (2, 4, 6):
        assert lattice_spacing(np.round(rng.random((200, 2)), digits)) is None


def test_points_of_one_rounded_line_make_no_lattice():
    x = np.arange(12.0)
    line = np.stack([5 * x, 1e-6 * (x % 2)], axis=-1)
    assert lattice_spacing(line) is None
    assert lattice_spacing(line[:, ::-1]) is None


def test_a_lattice_with_a_hole_keeps_its_spacing():
    nodes = np.stack(np.meshgrid(np.arange(60.0), np.arange(60.0)), axis=-1).reshape(-1, 2)
    rim = nodes[np.abs(nodes - 29.5).max(axis=1) > 28]
    assert lattice_spacing(rim) == pytest.approx((1.0, 1.0), rel=1e-12)


def test_points_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"^points must have shape \(n, 2\)"):
        lattice_spacing(np.ones((4, 3)))
    assert lattice_spacing(np.empty((0, 2))) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((LATTICE, INSIDE, (5.0, 5.0)), "points must be nodes of a lattice"),
        ((LATTICE[:, :1], INSIDE), "points must have shape"),
        ((LATTICE, INSIDE[1:]), "inside must be 42 truth values"),
        ((LATTICE, INSIDE.astype(int)), "inside must be 42 truth values"),
        ((LATTICE, np.zeros(42, dtype=bool)), "inside must be true for some"),
        ((np.vstack([LATTICE[1:], LATTICE[1:2]]), INSIDE), "points must be distinct"),
        ((np.where(LATTICE > 20, np.nan, LATTICE), INSIDE), "points must be finite"),
        ((LATTICE, np.ma.masked_array(INSIDE, INSIDE)), "inside.*masked"),
        ((LATTICE, INSIDE, (4.933, -1.0)), "spacing must be a finite number above 0"),
    ],
)
def test_what_is_no_set_of_points_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        PointSet(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (((0, 4), (1.0, 1.0)), "shape must be an integer of at least 1"),
        (((4.0, 4), (1.0, 1.0)), "shape must be an integer"),
        ((4, (1.0, 1.0)), "shape must be two numbers"),
        (((4, 4), (1.0, np.inf)), "spacing must be a finite number above 0"),
    ],
)
def test_what_is_no_periodic_grid_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        PeriodicGrid(*arguments)


def test_periodic_samples_of_any_origin_are_read():
    fields = np.ones((3, 4, 6, 2))
    given = SimpleNamespace(spacing=(5.0, 5.1), displacement=fields, load=2 * fields)
    read = read_samples(given)
    assert isinstance(read, GridSamples)
    assert read.grid == PeriodicGrid((4, 6), (5.0, 5.1))
    assert read_samples(read) is read


@pytest.mark.parametrize("spacing", [{}, {"spacing": None}, {"spacing": (4.933, 5.039)}])
def test_samples_on_a_lattice_of_points_keep_its_spacing(spacing):
    fields = np.ones((3, 42, 2))
    given = SimpleNamespace(
        points=LATTICE, inside=INSIDE, displacement=fields, load=fields, **spacing
    )
    read = read_samples(given)
    assert isinstance(read, SetSamples)
    assert read.grid.spacing == pytest.approx((4.933, 5.039), rel=1e-12)


def test_samples_on_scattered_points_have_no_spacing():
    points = np.random.default_rng(0).random((42, 2))
    fields = np.ones((3, 42, 2))
    given = SimpleNamespace(points=points, inside=INSIDE, displacement=fields, load=fields)
    assert read_samples(given).grid.spacing is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"load": np.ones((2, 4, 6, 2))}, "load must hold 3 samples"),
        ({"load": np.ones((3, 6, 4, 2))}, "load must have shape"),
        ({"displacement": np.full((3, 4, 6, 2), np.nan)}, "displacement must be finite"),
        ({"displacement": np.ones((4, 6, 2))}, "displacement must have shape"),
        ({"displacement": np.ma.masked_equal(np.eye(2)[:, :, None, None], 0)}, "displacement"),
    ],
)
def test_samples_that_do_not_fit_are_refused(change, said):
    fields = np.ones((3, 4, 6, 2))
    given = {"spacing": (5.0, 5.1), "displacement": fields, "load": fields, **change}
    with pytest.raises(ValueError, match=said):
        read_samples(SimpleNamespace(**given))


def test_what_are_no_samples_is_refused():
    with pytest.raises(ValueError, match="samples must have spacing"):
        read_samples(np.ones(3))


def test_no_samples_are_refused():
    none = np.ones((0, 4, 4, 2))
    with pytest.raises(ValueError, match="displacement must hold a sample"):
        GridSamples(PeriodicGrid((4, 4), (1.0, 1.0)), none, none)


def test_points_are_the_set_s_own():
    points, inside = LATTICE.copy(), INSIDE.copy()
    found = PointSet(points, inside)
    points += 1.0
    inside[:] = False
    np.testing.assert_array_equal(found.points, LATTICE)
    np.testing.assert_array_equal(found.inside, INSIDE)
    with pytest.raises(ValueError, match="read-only"):
        found.points[0] = 0.0
