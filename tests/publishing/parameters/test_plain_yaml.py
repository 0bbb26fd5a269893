"""YAML files: what a plain word means, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing.parameters.plain_yaml import YamlError, read_yaml


@pytest.mark.parametrize(
    "text, value",
    [
        ("12:30", "12:30"),  # 750 in YAML 1.1
        ("1:30:00.5", "1:30:00.5"),
        ("010", 10),  # 8 in YAML 1.1
        ("-007", -7),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e-3", 0.001),  # text in YAML 1.1
        ("1E5", 1e5),
        (".5", 0.5),
        ("-2.", -2.0),
        (".inf", math.inf),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("2026-11-28", "2026-11-28"),  # a date in YAML 1.1
        ("none", None),
        ("~", None),
        ("", None),
        ("'none'", "none"),
        ('"010"', "010"),
        ("=", "="),
        ("[1, 1e-3, no]", [1, 0.001, "no"]),
        ("{a: {b: 010}}", {"a": {"b": 10}}),
    ],
)
def test_plain_words_mean_what_they_say(text, value):
    read = read_yaml(text)
    assert read == value and type(read) is type(value)


@given(st.floats(allow_nan=False))
def test_every_float_survives(value):
    text = repr(value) if math.isfinite(value) else f"{'-' * (value < 0)}.inf"
    assert read_yaml(text) == value


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is there twice"),
        ("x:\n  a: 1\n  a: 1", "line 3: 'a' is there twice"),
        ("{1: a, 1: b}", "line 1: 1 is there twice"),
        ("a: [1", "expected ',' or ']'"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_what_is_ambiguous_or_no_data_is_refused(text, message):
    with pytest.raises(YamlError, match=message.replace("[", r"\[")):
        read_yaml(text)
