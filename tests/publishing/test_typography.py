"""Numbers as a printer sets them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing.typography import (
    align,
    number_text,
    pretty,
    uncertain_text,
    without_markup,
)

MINUS, THIN = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")


def read(text):
    """The number that a typeset text says."""
    mantissa, _, power = text.replace(MINUS, "-").replace(THIN, "").partition("×10")
    return float(mantissa) * 10.0 ** int(power.translate(RAISED) or 0)


@given(st.floats(-1e30, 1e30))
def test_a_typeset_number_says_what_the_format_says(value):
    text = number_text(value, ".3g")
    assert read(text) == pytest.approx(float(format(value, ".3g")), rel=1e-12)
    assert "-" not in text and "e" not in text and " " not in text


@pytest.mark.parametrize(
    "value, spec, text",
    [
        (3, "", "3"),
        (-0.25, "", f"{MINUS}0.25"),
        (1.2e-5, ".1e", f"1.2{THIN}×{THIN}10⁻⁵"),
        (-1234.5, ",.1f", f"{MINUS}1,234.5"),
        (math.inf, "", "∞"),
        (-math.inf, "", f"{MINUS}∞"),
        (-0.04, ".1f", "0.0"),
        (-0.0, "", "0"),
    ],
)
def test_numbers(value, spec, text):
    assert number_text(value, spec) == text


def test_only_numbers_of_a_text_are_set():
    assert pretty("below 1e-6") == f"below 1{THIN}×{THIN}10⁻⁶"
    assert pretty("2020-01-02, x-3, case-2") == "2020-01-02, x-3, case-2"
    assert pretty("from -0.5 to 2") == f"from {MINUS}0.5 to 2"


@pytest.mark.parametrize(
    "value, error, text",
    [
        (0.12, 0.03, "0.12 ± 0.03"),
        (1.2345, 0.0123, "1.234 ± 0.012"),
        (1234, 56, "1230 ± 60"),
        (0.0, 0.5, "0.0 ± 0.5"),
        (9.99, 0.096, "9.99 ± 0.10"),
        (-2.5, 0.0, f"{MINUS}2.5 ± 0"),
        (1.2e-7, 3e-9, "(1.20 ± 0.03) × 10⁻⁷"),
        (9.9999996e-6, 1e-9, "(1.00000 ± 0.00010) × 10⁻⁵"),
        (1e-320, 2e-321, "(1.0 ± 0.2) × 10⁻³²⁰"),
        (math.inf, 0.1, "∞ ± 0.1"),
    ],
)
def test_a_value_ends_where_its_error_does(value, error, text):
    assert uncertain_text(value, error).replace(THIN, " ") == text


def test_a_format_of_ones_own_is_for_both():
    assert uncertain_text(1.23456, 0.1, ".2f").replace(THIN, " ") == "1.23 ± 0.10"
    assert uncertain_text(math.inf, 0.1, ".2f").replace(THIN, " ") == "∞ ± 0.10"


def test_points_stand_below_each_other():
    filled = align(["1.25", f"{MINUS}10", "3.5", "—", "2 × 10⁻³"])
    assert filled[3:] == ["—", "2 × 10⁻³"]
    assert [len(text) - (text + ".").index(".") for text in filled[:1] + filled[2:3]] == [3, 3]
    assert len(filled[1]) == len(f"{MINUS}10") + 3  # a point and two digits wide


@pytest.mark.parametrize(
    "text, plain",
    [
        (r"$\alpha$ of **two**", "α of two"),
        (r"$\delta = 0.5$, $2\pi r$", "δ = 0.5, 2πr"),
        (r"$t_0^{-1}$", "t₀⁻¹"),
        (r"$b^{\alpha-1}$", f"b^(α{MINUS}1)"),
        (r"$b^{-\alpha - 1}$", f"b^({MINUS}α {MINUS} 1)"),
        (r"$x_{\mathrm{train}}$", "x_train"),
        (r"$\bar u$ and $\lambda$", "ū and λ"),
        ("{cite:t}`you2021` and {ref}`words <label>`", "you2021 and words"),
        (r"\$5 and `code_name`", "$5 and code_name"),
    ],
)
def test_markup_becomes_plain_characters(text, plain):
    assert without_markup(text) == plain
