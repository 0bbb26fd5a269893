"""Parameters: read without executing, checked and converted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing.errors import BookError, ParameterError
from nlbook.publishing.parameters import (
    convert,
    declaration_text,
    from_text,
    matching_tiers,
    read_parameters,
    resolve,
)


def with_cell(book, cell):
    path = book.chapter("01_tiny")
    text = path.read_text()
    start = text.index("n_realizations: int")
    end = text.index("```", start)
    path.write_text(text[:start] + cell + "\n" + text[end:])
    (book.book / "tiers.yaml").write_text("{}\n")
    return path


def test_names_types_defaults_comments_and_tiers_are_read(book):
    parameters = read_parameters("01_tiny")
    assert list(parameters) == ["n_realizations", "step", "title", "scales", "verbose", "seed"]
    title = parameters["title"]
    assert (title.type_text, title.default) == ("str | None", None)
    assert title.comment == "heading = of the figure"
    assert parameters["n_realizations"].tiers == {"smoke": 2, "paper": 100}


def test_a_tier_overrides_defaults_and_given_values_override_the_tier(book):
    assert resolve("01_tiny")["n_realizations"] == 3
    assert resolve("01_tiny", "smoke") == {
        "n_realizations": 2,
        "step": 0.5,
        "title": None,
        "scales": [1.0, 2.0],
        "verbose": False,
        "seed": 7,
    }
    assert resolve("01_tiny", "smoke", {"n_realizations": 5})["n_realizations"] == 5


def test_a_float_that_yaml_reads_as_a_string_arrives_as_a_float(book):
    assert resolve("01_tiny", "paper")["step"] == 0.001
    assert resolve("01_tiny", given={"step": "1e-6"})["step"] == 1e-6


def test_a_misspelt_name_is_refused_with_the_nearest(book):
    with pytest.raises(ParameterError, match="'n_realisations': did you mean 'n_realizations'"):
        resolve("01_tiny", given={"n_realisations": 3})


def test_a_misspelt_name_in_the_tiers_is_refused_with_the_nearest(book):
    (book.book / "tiers.yaml").write_text("01_tiny: {smoke: {sead: 1}}")
    with pytest.raises(ParameterError, match=r"tiers.yaml, 01_tiny, smoke .*did you mean 'seed'"):
        read_parameters("01_tiny")


def test_an_unknown_tier_is_refused(book):
    with pytest.raises(BookError, match="tier='large': must be one of book, smoke, paper"):
        resolve("01_tiny", "large")


def test_an_unknown_tier_in_the_file_is_refused(book):
    (book.book / "tiers.yaml").write_text("01_tiny: {large: {seed: 1}}")
    with pytest.raises(BookError, match="'large' must be smoke or paper"):
        read_parameters("01_tiny")


@pytest.mark.parametrize(
    "cell, message",
    [
        ("a = 1  # no type", "must read 'name: type = value"),
        ("a: int = 1", "must have a comment"),
        ("a: int = 1 + b  # not a literal", "must be a literal"),
        ("a: int = 1.5  # wrong default", "must be int"),
        ("a: ndarray = 1  # no such type", "must be made of"),
        ("a: list[int, str] = 1  # no such type", "must be made of"),
        ("a: int = 1  # one\na: int = 2  # two", "must be given once"),
        ("π: float = 3.1  # not ASCII", "in ASCII"),
        ('a: "int in [2, 1]" = 2  # empty', r"line \d+: a: 'int in \[2, 1\]': .* holds no number"),
        ('a: "int in [2, inf)" = 1  # out of it', r"parameter a=1: must be int in \[2, inf\)"),
        ('a: "float in (b, inf)" = 1  # of nothing', "'b' is no parameter that is a number"),
        ('a: str = "x"  # a word\nb: "float in (a, 1)" = 0  # b', "'a' is no parameter that is"),
        ('a: float = 3  # a\nb: "float in (a, inf)" = 2  # b', "must be float in .*where a = 3.0"),
        ("a: int = = 1  # one", "line 13: invalid syntax"),
    ],
)
def test_a_malformed_cell_is_refused(book, cell, message):
    with pytest.raises(BookError, match=message):
        read_parameters(with_cell(book, cell))


def test_a_malformed_line_is_named(book):
    path = with_cell(book, 'a: int = 1  # one\nb: "int in 3" = 2  # two')
    number = 1 + path.read_text().splitlines().index('b: "int in 3" = 2  # two')
    with pytest.raises(BookError, match=f"01_tiny.md, line {number}: b: 'int in 3'"):
        read_parameters(path)


def test_a_range_is_read_and_held_by_defaults_tiers_and_given_values(book):
    line = 'n: "int in [2, inf)" = 80  # how many\nimages: "str in {one, two}" = "one"  # of what'
    path = with_cell(book, line)
    found = read_parameters(path)
    assert (found["n"].declaration, found["n"].type_text) == ("int in [2, inf)", "int")
    assert (found["n"].allowed, found["images"].allowed) == ("[2, inf)", "{one, two}")
    assert resolve("01_tiny", given={"n": 2, "images": "two"}) == {"n": 2, "images": "two"}
    for given_, message in [({"n": 1}, "n=1"), ({"images": "three"}, "images='three'")]:
        with pytest.raises(ParameterError, match=f"parameter {message}: must be"):
            resolve("01_tiny", given=given_)
    (book.book / "tiers.yaml").write_text("01_tiny: {smoke: {n: 1}}")
    with pytest.raises(BookError, match="tiers.yaml, 01_tiny, smoke: parameter n=1: must be int"):
        read_parameters("01_tiny")


def test_a_bound_that_is_another_parameter_holds_for_all_values_together(book):
    line = 'low: "float in (0, inf)" = 1  # from\nhigh: "float in (low, inf)" = 2  # to'
    with_cell(book, line)
    assert resolve("01_tiny", given={"low": 3, "high": 4}) == {"low": 3.0, "high": 4.0}
    with pytest.raises(ParameterError, match="high=2.0: must be .* where low = 3.0"):
        resolve("01_tiny", given={"low": 3})
    (book.book / "tiers.yaml").write_text("01_tiny: {smoke: {low: 3}}")
    with pytest.raises(BookError, match="tiers.yaml, 01_tiny, smoke: parameter high=2.0"):
        read_parameters("01_tiny")


@pytest.mark.parametrize(
    "annotation, text",
    [
        (int, "int"),
        (float | None, "float | None"),
        (list[float], "list[float]"),
        ("int in [2, inf)", "int in [2, inf)"),
        ("'int in [2, inf)'", "int in [2, inf)"),
        ("float | None", "float | None"),
    ],
)
def test_annotations_of_a_kernel_are_read_also_where_they_are_text(annotation, text):
    assert declaration_text(annotation) == text


def test_a_value_over_several_lines_is_read(book):
    path = with_cell(book, "a: list[int] = [\n    1,\n    2,\n]  # two numbers")
    assert read_parameters(path)["a"].default == [1, 2]


@pytest.mark.parametrize(
    "value, kind, expected",
    [
        (3, "float", 3.0),
        ("1e-3", "float", 1e-3),
        ((1, 2), "list[float]", [1.0, 2.0]),
        (np.int64(4), "int", 4),
        (np.array([1.0, 2.0]), "list[float]", [1.0, 2.0]),
        (None, "float | None", None),
        ({"a": 1}, "dict[str, float]", {"a": 1.0}),
    ],
)
def test_values_are_converted_to_plain_ones_of_the_declared_type(value, kind, expected):
    converted = convert("x", value, kind)
    assert converted == expected and type(converted) is type(expected)


@pytest.mark.parametrize(
    "value, kind",
    [
        (True, "int"),
        (True, "float"),
        (1, "bool"),
        (1.0, "int"),
        ("3", "int"),
        ("fast", "float"),
        (None, "float"),
        (3, "str"),
        (float("nan"), "float"),
        ("inf", "float"),
        (1.0, "list[float]"),
        ([1, "a"], "list[float]"),
        ([float("nan")], "list"),
    ],
)
def test_values_of_a_wrong_type_are_refused(value, kind):
    with pytest.raises(ParameterError, match="parameter x=.*: must be "):
        convert("x", value, kind)


@pytest.mark.parametrize(
    "text, kind, expected",
    [
        ("010", "int", 10),
        ("1e-3", "float", 1e-3),
        ("3", "float", 3.0),
        ("no", "str", "no"),
        ("None", "str | None", None),
        ("12", "str | int", 12),
        ("true", "bool", True),
        ("[1, 2e-3]", "list[float]", [1.0, 2e-3]),
        ("{a: 1e-3}", "dict[str, float]", {"a": 1e-3}),
    ],
)
def test_text_of_a_command_line_is_read_by_the_declared_type(text, kind, expected):
    value = from_text("x", text, kind)
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    "text, kind",
    [("2.5", "int"), ("x", "float"), ("nan", "float"), ("1", "bool"), ("[1", "list[int]")],
)
def test_text_of_a_wrong_type_is_refused(text, kind):
    with pytest.raises(ParameterError, match="parameter x=.*: must be "):
        from_text("x", text, kind)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_survives_its_text(value):
    assert from_text("x", repr(value), "float") == value


@given(st.integers())
def test_every_integer_survives_its_text(value):
    assert from_text("x", str(value), "int") == value


def test_tiers_are_recognised_by_their_values(book):
    parameters = read_parameters("01_tiny")
    for tier in ("book", "smoke", "paper"):
        assert matching_tiers(parameters, resolve("01_tiny", tier)) == (tier,)
    assert matching_tiers(parameters, resolve("01_tiny", given={"seed": 8})) == ()
