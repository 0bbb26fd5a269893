"""What an argument must be."""

import numpy as np
import pytest

from nlbook.checks import (
    check_choice,
    check_integer,
    check_number,
    check_unmasked,
    real_array,
    uniform_grid,
    uniform_spacing,
)

HIDDEN = np.ma.array([1.0, 2.0], mask=[False, True])


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_whole_numbers_are_taken(value):
    assert check_integer("n", value, 1) == 2


@pytest.mark.parametrize("value", [True, 2.0, np.float64(2), "2", None, 0, 4])
def test_what_is_no_whole_number_in_range_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^n must be an integer from 1 to 3, got"):
        check_integer("n", value, 1, 3)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.array(2.0)])
def test_numbers_are_taken(value):
    assert check_number("x", value, above=0) == 2.0


@pytest.mark.parametrize(
    "value", [True, "2", None, np.nan, np.inf, 0.0, 5, 1j, [2.0], np.ma.masked]
)
def test_what_is_no_number_in_range_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^x must be a finite number above 0 and at most 4, got"):
        check_number("x", value, above=0, most=4)


def test_words_are_refused_with_those_that_are_allowed():
    check_choice("rule", "nodes", ("covered", "nodes"))
    with pytest.raises(ValueError, match=r"rule must be 'covered' or 'nodes', got 'node'"):
        check_choice("rule", "node", ("covered", "nodes"))


@pytest.mark.parametrize("value", [[1, 2], (1.0, 2), np.array([1, 2], np.int8), np.eye(2)])
def test_real_numbers_become_float64(value):
    array = real_array("x", value)
    assert type(array) is np.ndarray
    assert array.dtype == np.float64


def test_a_mask_that_hides_nothing_is_no_matter():
    assert real_array("x", np.ma.array([1.0, 2.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("value", [HIDDEN, [HIDDEN, HIDDEN], ([HIDDEN],)])
def test_hidden_entries_are_refused_also_within_lists(value):
    with pytest.raises(ValueError, match="x must have no masked entries"):
        real_array("x", value)


@pytest.mark.parametrize(
    "value", [[1j], ["1"], [None], np.array(["2026-01-01"], "M8[D]"), [[1], [1, 2]]]
)
def test_what_is_not_real_is_refused(value):
    with pytest.raises(ValueError, match="^x must be"):
        real_array("x", value)


def test_what_is_not_finite_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"x must be finite, got nan at \[1, 0\]"):
        real_array("x", [[1.0, 2.0], [np.nan, 0.0]])
    assert np.isnan(real_array("x", [np.nan], finite=False)[0])


@pytest.mark.parametrize(
    "grid",
    [
        np.linspace(-1, 1, 201) + 1e6,
        np.linspace(5e5, 5e5 + 1, 1001),
        np.linspace(-1, 1, 51, dtype=np.float32),
        np.round(np.linspace(-8, 8, 161) + 3e-8 * np.sin(np.arange(161)), 9),
        np.round(np.linspace(0, 1, 301), 8),
    ],
)
def test_grids_as_uniform_as_their_numbers_allow_are_taken(grid):
    exact = (float(grid[-1]) - float(grid[0])) / (grid.size - 1)
    assert uniform_spacing(grid) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    ("grid", "why"),
    [
        (np.array([0.0, 1.0, 2.001]), "node 1 lies 0.0005 spacings of 1.0005 from its place"),
        (np.array([0.0, 1.0]), "three nodes or more"),
        (np.array([0.0, 2.0, 1.0, 3.0]), "ascend"),
        (np.arange(3, 0, -1.0), "ascend"),
        (1e15 + np.array([0.0, 1.0, 2.0, 3.0]), "move its origin"),
        (np.ones((3, 3)), "1 axis"),
    ],
)
def test_other_grids_are_refused_with_the_reason(grid, why):
    with pytest.raises(ValueError, match=why):
        uniform_spacing(grid)


def test_nodes_of_a_uniform_grid_are_kept_or_put_at_their_places():
    exact = np.linspace(-8, 8, 161)
    assert np.array_equal(uniform_grid(exact), exact)
    assert uniform_grid(exact) is not exact
    for rough in (exact.astype(np.float32), np.round(exact + 3e-8 * np.sin(np.arange(161)), 9)):
        found = uniform_grid(rough)
        assert found == pytest.approx(exact, abs=1e-7)
        # uniform to the rounding of float64
        assert np.ptp(np.diff(found)) < 8 * np.finfo(float).eps * 8
    with pytest.raises(ValueError, match="nodes must be uniform: node 1"):
        uniform_grid([0.0, 1.0, 3.0], "nodes")


@pytest.mark.parametrize("value", [HIDDEN, [HIDDEN, HIDDEN], (HIDDEN,)])
def test_what_hides_something_is_refused_by_name(value):
    with pytest.raises(ValueError, match="x must have no masked entries"):
        check_unmasked("x", value)
    check_unmasked("x", np.ma.array([1.0, 2.0]))
