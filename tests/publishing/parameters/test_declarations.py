"""Declarations of parameters: what they say, what they hold values to, what is no declaration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing.errors import ParameterError
from nlbook.publishing.parameters.conversion import check_relations, convert, from_text
from nlbook.publishing.parameters.declarations import (
    DeclarationError,
    named_bounds,
    parse,
    range_text,
    type_text,
)


@pytest.mark.parametrize(
    "text, types, allowed",
    [
        ("int", "int", ""),
        ("int in [2, inf)", "int", "[2, inf)"),
        ("float in (0,1]", "float", "(0, 1]"),
        ("float in (0, inf) | None", "float | None", "(0, inf)"),
        ("None | float in [-1e-3, .5)", "None | float", "[-0.001, 0.5)"),
        ("int in {1, 2, 4}", "int", "{1, 2, 4}"),
        ("str in {periodic, one_row}", "str", "{periodic, one_row}"),
        ("str in {'one row', plain}", "str", "{'one row', plain}"),
        ("list[float in (0, 1]]", "list[float]", "each in (0, 1]"),
        ("dict[str, int in [0, inf)]", "dict[str, int]", "each in [0, inf)"),
        ("float in (window_low, inf)", "float", "(window_low, inf)"),
        ("int in {0} | float in [1.5, 2]", "int | float", "{0} or [1.5, 2]"),
        ("float in (0, box / 2)", "float", "(0, box / 2)"),
        ("float in [-2*(a+b), (a - b) / 3]", "float", "[-2 * (a + b), (a - b) / 3]"),
        ("float in (0, 3-a)", "float", "(0, 3 - a)"),
        ("float in (a-1, 2-1e-3)", "float", "(a - 1, 2 - 0.001)"),
        ("float in (-a, +2)", "float", "(-a, 2)"),
        ("float in (-inf, 0]", "float", "(-inf, 0]"),
        ("str in {left-hand, x+y} | int in {-1, 1}", "str | int", "{left-hand, x+y} or {-1, 1}"),
    ],
)
def test_a_declaration_says_its_types_and_its_range(text, types, allowed):
    declaration = parse(text)
    assert (type_text(declaration), range_text(declaration)) == (types, allowed)
    assert parse(text.replace(" in ", "  in  ")) == declaration


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "'nothing' must be made of int, float"),
        ("ndarray", "'ndarray' must be made of"),
        ("int in", "a range begins with"),
        ("int in 2, 3", "a range begins with"),
        ("int in [2, 3", "an interval ends with"),
        ("int in [2 3]", "',' is missing before '3'"),
        ("int in [2, 3] float", "nothing may follow, found 'float'"),
        ("int in [3, 2]", "holds no number"),
        ("float in (1, 1)", "holds no number"),
        ("int in [2, inf]", "an infinite bound is left out"),
        ("float in [-inf, 0)", "an infinite bound is left out"),
        ("float in (inf, inf)", "holds no number"),
        ("int in [0.5, 2]", "'0.5' bounds no int"),
        ("float in [a.b, 2]", "'a.b' is no bound"),
        ("float in [a ** 2, 2]", "' is no bound"),
        ("float in [a(b), 2]", "',' is missing before '\\('"),
        ("float in [0, 1 / a]", "'1 / a' is no bound"),
        ("float in [0, a / 0]", "'a / 0' is no bound"),
        ("float in [0, 2 * inf)", "'2 \\* inf' is no bound"),
        ("float in [0, (a + b]", "is no bound"),
        ("float in [0, True)", "'True' is no bound"),
        ("str in [a, b]", "str can have no interval"),
        ("bool in {True}", "bool can have no choices"),
        ("str in {}", "'}' is no choice"),
        ("str in {a, a}", "a choice is there twice"),
        ("str in {a b}", "'}' is missing before 'b'"),
        ("int in {1.5}", "no choice of type int"),
        ("list[int, str]", "list must be made of 1 types"),
        ("list[int", "']' is missing"),
    ],
)
def test_what_is_no_declaration_is_refused(text, message):
    with pytest.raises(DeclarationError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "text, good, bad",
    [
        ("int in [2, inf)", [2, 10**9], [1, -2, 2.0, True]),
        ("float in (0, 1]", [1, 1e-300, "0.5"], [0, -0.0, 1.0000001, math.inf]),
        ("float in [0, 1)", [0, -0.0], [1, -1e-300]),
        ("float in (0, inf) | None", [None, 2], [0.0, "none"]),
        ("str in {periodic, one_row}", ["periodic", "one_row"], ["Periodic", "", None]),
        ("int in {1, 2, 4}", [1, 4, np.int64(2)], [3, 1.0]),
        ("list[float in (0, 1]]", [[], [1, 0.5]], [[0.5, 0.0], [2]]),
        ("dict[str, int in [0, inf)]", [{"a": 0}], [{"a": -1}]),
    ],
)
def test_values_are_held_to_the_range(text, good, bad):
    for value in good:
        convert("x", value, text)
    for value in bad:
        with pytest.raises(ParameterError, match="parameter x=.*: must be ") as refused:
            convert("x", value, text)
        assert str(refused.value).endswith(f"must be {text}")


def test_a_value_of_a_command_line_is_held_to_the_range():
    assert from_text("x", "0.5", "float in (0, 1]") == 0.5
    assert from_text("x", "[0.5, 1]", "list[float in (0, 1]]") == [0.5, 1.0]
    for text, kind in [("2", "float in (0, 1]"), ("[0]", "list[float in (0, 1]]")]:
        with pytest.raises(ParameterError, match="must be"):
            from_text("x", text, kind)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_interval_takes_what_lies_between_its_ends(value):
    def accepted(text):
        try:
            convert("x", value, text)
        except ParameterError:
            return False
        return True

    assert accepted("float in [-1, 2)") == (-1 <= value < 2)
    assert accepted("float in (-1, 2]") == (-1 < value <= 2)
    assert accepted("float in (-inf, inf)")


def test_a_bound_may_be_another_parameter():
    declared = {"low": "float in (0, inf)", "high": "float in (low, inf) | None"}
    assert named_bounds(parse(declared["high"])) == {"low"}
    check_relations(declared, {"low": 1.0, "high": 2.0})
    check_relations(declared, {"low": 1.0, "high": None})
    with pytest.raises(ParameterError, match=r"high=1.0: must be float in \(low.*where low = 1.0"):
        check_relations(declared, {"low": 1.0, "high": 1.0})


def test_a_bound_may_be_made_of_parameters():
    declared = {"box": "float", "near": "float in (0, box / 2)", "far": "float in (0, box - near]"}
    assert named_bounds(parse(declared["far"])) == {"box", "near"}
    check_relations(declared, {"box": 4.0, "near": 1.5, "far": 2.5})
    with pytest.raises(
        ParameterError, match=r"near=2.0: must be float in \(0, box / 2\), where box"
    ):
        check_relations(declared, {"box": 4.0, "near": 2.0, "far": 1.0})
    with pytest.raises(ParameterError, match=r"far=2.6: .*where box = 4.0, near = 1.5"):
        check_relations(declared, {"box": 4.0, "near": 1.5, "far": 2.6})
    check_relations(declared | {"box": "float | None"}, {"box": None, "near": 9.0, "far": 9.0})


@given(*[st.floats(-100, 100)] * 3)
def test_a_bound_is_what_python_makes_of_it(a, b, value):
    for text in ("a - b / 4", "-(a + b) * 0.5", "a * b - 2", "a - (b - 1)"):
        allowed = parse(f"float in ({text}, inf)")[0].allowed
        assert allowed.holds(value, {"a": a, "b": b}) == (value > eval(text))


def test_a_bound_that_is_none_bounds_nothing():
    declared = {"low": "float | None", "high": "float in (low, inf)"}
    check_relations(declared, {"low": None, "high": -5.0})


def test_hidden_entries_are_refused_and_a_mask_that_hides_nothing_is_not():
    with pytest.raises(ParameterError, match="must have no masked entries"):
        convert("x", np.ma.array([1.0, 2.0], mask=[False, True]), "list[float]")
    assert convert("x", np.ma.array([1.0, 2.0], mask=False), "list[float]") == [1.0, 2.0]
