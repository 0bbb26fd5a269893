"""Claims: what holds, what fails, what is shown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing import claim, show_number
from nlbook.publishing.claims import _text
from nlbook.publishing.errors import ClaimFailed


def row(shown):
    return shown[0][1]["nlbook"]["claim"]


def test_a_claim_that_holds_is_glued_and_listed(begun):
    shown = begun("book")
    claim("a.b", np.float64(0.50004), 0.5, atol=1e-3, source="theory", unit="b")
    data, metadata = shown[0]
    assert data == {"application/papermill.record/text/plain": "'0.500'"}
    assert metadata["scrapbook"]["name"] == "a.b"
    expected = {"name": "a.b", "text": "0.500", "kind": "invariant", "holds": True, "tested": True}
    assert expected.items() <= row(shown).items()
    assert shown[1][0] == {"text/plain": "a.b = 0.500 b; claimed: 0.5 within 0.001; holds"}


def test_a_residual_far_below_its_bound_is_shown_by_the_bound(begun):
    shown = begun()
    claim("a", 4e-17, maximum=1e-12, source="theory", unit="b")
    assert shown[0][0] == {"application/papermill.record/text/plain": "'below 1e-14'"}
    assert shown[1][0] == {"text/plain": "a is below 1e-14 b; claimed: at most 1e-12; holds"}


@pytest.mark.parametrize(
    "bounds",
    [
        {"expected": 1.0, "atol": 0.1},
        {"expected": 1.0, "rtol": 0.1},
        {"expected": 1.0, "atol": 0.05, "rtol": 0.1},
        {"minimum": 1.5},
        {"maximum": 1.1},
        {"expected": 1.21, "atol": 0.1, "maximum": 1.1},
    ],
)
def test_an_invariant_that_fails_fails_the_run_at_any_parameters(begun, bounds):
    shown = begun()
    with pytest.raises(ClaimFailed, match=r"claim a: 1.2 is not .* \(theory\)"):
        claim("a", 1.2, source="theory", **bounds)
    assert row(shown)["holds"] is False


@pytest.mark.parametrize("tolerance", [{"atol": 0.25}, {"rtol": 0.25}, {"atol": 0.1, "rtol": 0.15}])
def test_tolerances_add_and_include_their_end(begun, tolerance):
    begun()
    claim("a", 1.25, 1.0, source="theory", **tolerance)


@pytest.mark.parametrize(
    "value", [np.ma.masked, np.ma.mean(np.ma.array([1.0], mask=True)), np.ma.array(1.0, mask=True)]
)
def test_a_hidden_value_is_refused_and_not_read_as_a_number(begun, value):
    begun()
    with pytest.raises(ValueError, match="claim a: the value must have no masked entries"):
        claim("a", value, maximum=2.0, source="theory")
    with pytest.raises(ValueError, match="must have no masked entries"):
        show_number("a", value)


def test_bounds_include_their_ends(begun):
    begun()
    claim("a", 2, minimum=2, maximum=2, source="theory")


def test_a_reference_is_enforced_at_its_tiers_only(begun):
    begun("smoke")
    with pytest.raises(ClaimFailed):
        claim("a", 2.0, 1.0, atol=0.1, tiers=("book", "smoke"), source="paper")
    shown = begun("paper")
    claim("a", 2.0, 1.0, atol=0.1, tiers=("book", "smoke"), source="paper")
    assert (row(shown)["kind"], row(shown)["tested"]) == ("reference", False)
    assert shown[1][0]["text/plain"].endswith("not tested here")


@pytest.mark.parametrize("tiers", [(), ("smoke",), ("book",)])
def test_a_recorded_claim_is_enforced_at_any_parameters_and_is_a_kind_of_its_own(begun, tiers):
    shown = begun(*tiers)
    claim("a", 1.0, 1.1, atol=0.2, recorded="dislocation_creep", source="paper")
    found = row(shown)
    assert (found["kind"], found["recorded"], found["tested"]) == (
        "recorded",
        "dislocation_creep",
        True,
    )
    with pytest.raises(ClaimFailed):
        claim("b", 2.0, 1.0, atol=0.2, recorded="dislocation_creep", source="paper")


def test_a_record_is_no_matter_where_there_is_no_book(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun()
    claim("a", 1.0, minimum=0.5, recorded="elsewhere", source="paper")


@pytest.mark.parametrize(
    "value, bounds, message",
    [
        (True, {"minimum": 0, "maximum": 1}, "a truth value is always from 0 to 1"),
        (np.True_, {"maximum": 1}, "a truth value is always from -inf to 1"),
        (False, {"expected": 0.5, "atol": 0.5}, "a truth value is always from 0 to 1"),
        (1.0, {"expected": 1e3, "atol": 1e-14}, "a tolerance of 1e-14 is below the rounding"),
        (1.0, {"maximum": 1e308}, "maximum=1e\\+308 bounds nothing"),
        (1.0, {"minimum": -1e308}, "minimum=-1e\\+308 bounds nothing"),
        (0.0, {"maximum": 1e-300}, "maximum=1e-300 is below rounding"),
    ],
)
def test_a_claim_that_cannot_fail_or_cannot_hold_is_refused(begun, value, bounds, message):
    begun()
    with pytest.raises(ValueError, match=message):
        claim("a", value, source="theory", **bounds)


@pytest.mark.parametrize("value", [0.1 + 0.2, np.float64(3.0), np.array([3.0])])
def test_a_value_that_is_what_it_is_held_to_is_refused(begun, value):
    begun()
    with pytest.raises(ValueError, match="expected is the value itself"):
        claim("a", value, value, atol=0.1, source="theory")


def test_counts_may_share_an_object_with_what_is_expected_of_them(begun):
    begun()
    claim("a", 5, 5, atol=0, source="counted")
    claim("b", True, minimum=1, source="seen")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.nan])
def test_a_value_that_is_not_finite_always_fails(begun, value):
    begun()
    with pytest.raises(ClaimFailed):
        claim("a", value, maximum=1.0, tiers=("book",), source="theory")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "give expected, minimum or maximum"),
        ({"tiers": ("book",)}, "give expected, minimum or maximum"),
        ({"expected": 1.1}, "expected needs atol or rtol"),
        ({"atol": 1.0, "minimum": 0.0}, "expected needs atol or rtol"),
        ({"expected": math.nan, "atol": 1.0}, "expected=nan must be finite"),
        ({"expected": 1.1, "atol": -1.0}, "atol=-1.0 must not be negative"),
        ({"minimum": 2.0, "maximum": 1.0}, "must not exceed"),
        ({"minimum": 0.0, "tiers": "book"}, "tiers='book' must be a tuple"),
        ({"minimum": 0.0, "tiers": ("large",)}, "must be a tuple of book, smoke, paper"),
        ({"minimum": 0.0, "tiers": ()}, "must be a tuple"),
        ({"minimum": 0.0, "recorded": "a", "tiers": ("book",)}, "must not be given with tiers"),
        ({"minimum": 0.0, "recorded": ""}, "recorded='' must be a folder of book/recorded"),
        ({"minimum": 0.0, "recorded": "../x"}, "must be a folder of book/recorded"),
        ({"minimum": 0.0, "recorded": "dislocation_crep"}, "did you mean 'dislocation_creep'"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(begun, arguments, message):
    begun("book")
    with pytest.raises(ValueError, match=message):
        claim("a", 1.0, source="theory", **arguments)


@pytest.mark.parametrize("name", ["", "a:b", "1a", "a b", "ä"])
def test_a_name_that_prose_cannot_show_is_refused(begun, name):
    begun()
    with pytest.raises(ValueError, match="must start with a letter"):
        claim(name, 1.0, minimum=0.0, source="theory")


def test_a_claim_without_source_is_refused(begun):
    begun()
    with pytest.raises(ValueError, match="source must say"):
        claim("a", 1.0, minimum=0.0, source=" ")


def test_a_claim_of_many_values_is_refused(begun):
    begun()
    with pytest.raises(ValueError, match="must be a real number"):
        claim("a", np.ones(2), minimum=0.0, source="theory")


def test_a_claim_before_begin_is_refused(monkeypatch):
    monkeypatch.setattr("nlbook.publishing.guard._run", None)
    with pytest.raises(RuntimeError, match="call publishing.begin"):
        claim("a", 1.0, minimum=0.0, source="theory")


@pytest.mark.parametrize(
    "value, tolerance, minimum, maximum, text",
    [
        (1.23456, 1e-3, None, None, "1.235"),
        (1.23456, 5e-3, None, None, "1.235"),
        (0.999, 0.02, None, None, "1.00"),
        (0.999, 0.2, None, None, "1.0"),
        (671.2, 50, None, None, "670"),
        (671.2, 100, None, None, "700"),
        (-0.11, 0.3, None, None, "-0.1"),
        (-0.04, 0.3, None, None, "0"),
        (0.2, 0.1 + 0.2, None, None, "0.2"),
        (1.23456e-9, 1e-12, None, None, "1.235e-9"),
        (-3e-17, 1e-12, None, None, "0"),
        (4e-17, None, None, 1e-12, "below 1e-14"),
        (-4e-17, None, None, 1e-12, "below 1e-14"),
        (0.0, None, None, 1e-12, "below 1e-14"),
        (3e-14, None, None, 1e-12, "below 1e-13"),
        (3.2e-13, None, None, 1e-12, "3e-13"),
        (1e-9, None, None, 2.5e-3, "below 2.5e-5"),
        (0.02, None, None, 5.0, "below 0.05"),
        (3.0, None, None, 50_000, "below 500"),
        (0.95, None, None, 1.1, "0.9"),
        (-5.0, None, None, 1.0, "-5.0"),
        (-2.0, None, None, -1.5, "-2.0"),
        (3e-17, None, 0.0, 1e-12, "0"),
        (0, None, None, 100, "0"),
        (2.0031, None, 1.9, None, "2.0"),
        (663.2, None, 600, 700, "660"),
        (0.0123, None, 0.0, None, "0.012"),
        (5, 0.0, None, None, "5"),
        (1.5, 0.0, None, None, "1.50000"),
        (12, None, 10, None, "12"),
    ],
)
def test_the_text_follows_the_tolerance_or_the_bound(value, tolerance, minimum, maximum, text):
    assert _text("a", value, None, tolerance, minimum, maximum) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-12, 1e6, allow_subnormal=False))
def test_the_text_is_within_the_tolerance_scale_and_no_finer(value, tolerance):
    text = _text("a", value, None, tolerance, None, None)
    unit = 10 ** math.floor(math.log10(tolerance) + 1e-9)
    assert abs(float(text) - value) <= 0.5 * unit * (1 + 1e-6) + math.ulp(value)
    assert float(text) == pytest.approx(round(float(text) / unit) * unit, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "value, tolerance, format", [(1.0, 0.05, ".3f"), (671.2, 50, ".0f"), (0.5, 0.2, ".2%")]
)
def test_a_format_finer_than_the_tolerance_is_refused(begun, value, tolerance, format):
    begun()
    with pytest.raises(ValueError, match="finer than its tolerance"):
        claim("a", value, value * 1.0, atol=tolerance, format=format, source="theory")


@pytest.mark.parametrize(
    "value, tolerance, format", [(1.0, 0.05, ".2f"), (671.2, 5, ".0f"), (0.5, 0.02, ".0%")]
)
def test_a_format_as_fine_as_the_tolerance_is_shown(begun, value, tolerance, format):
    shown = begun()
    claim("a", value, value * 1.0, atol=tolerance, format=format, source="theory")
    assert row(shown)["text"] == f"{value:{format}}"


def test_a_number_is_glued_without_a_claim(begun):
    shown = begun()
    show_number("n", 1234.5, ",.0f")
    assert shown[0][0] == {"application/papermill.record/text/plain": "'1,234'"}
    assert shown[0][1]["nlbook"] == {"number": {"name": "n", "text": "1,234"}}


def test_a_number_that_is_not_finite_is_refused(begun):
    begun()
    with pytest.raises(ValueError, match="must be finite"):
        show_number("n", math.nan)
