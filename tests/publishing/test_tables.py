"""Tables of computed values: what is shown, saved and refused."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from markdown_it import MarkdownIt

from nlbook.publishing import (
    Column,
    Glued,
    Interval,
    Uncertain,
    claim,
    save_results,
    show_number,
    table,
)

MINUS = "\N{MINUS SIGN}"


def show(begun, columns, rows, **options):
    """The data and metadata of a table, and the table."""
    shown = begun()
    made = table("table-a", "A caption.", columns, rows, **options)
    (data, metadata), *more = shown
    assert not more
    return data, metadata["nlbook"]["table"], made


def test_each_kind_of_cell_is_set(begun):
    columns = ["case", Column("x", unit="b", format=".1f"), Column(r"$\alpha$")]
    rows = [
        ["first", -0.31, Uncertain(1.234, 0.012)],
        ["second", None, Interval(1, 2.5)],
        ["third", np.float64(2), np.int64(3)],
        ["fourth", True, math.inf],
    ]
    _, described, _ = show(begun, columns, rows)
    texts = [[text.replace("\u202f", " ").strip() for text in row] for row in described["rows"]]
    assert texts == [
        ["first", f"{MINUS}0.3", "1.234 ± 0.012"],
        ["second", "—", "1\xa0to\xa02.5"],
        ["third", "2.0", "3"],
        ["fourth", "yes", "∞"],
    ]
    assert [column["heading"] for column in described["columns"]] == ["case", "x (b)", r"$\alpha$"]
    assert [column["label"] for column in described["columns"]] == ["case", "x (b)", "α"]
    assert [column["numeric"] for column in described["columns"]] == [False, True, True]


def test_a_claim_is_shown_as_the_prose_shows_it(begun):
    shown = begun("book")
    claim("a.error", 3.2e-5, maximum=1e-3, source="theory", format=".1e")
    show_number("a.range", "-0.5 to 0.5")
    table("table-a", "A.", ["x", "y"], [["one", Glued("a.error")], ["two", Glued("a.range")]])
    rows = shown[-1][1]["nlbook"]["table"]["rows"]
    assert [row[1] for row in rows] == ["3.2\u202f×\u202f10⁻⁵", f"{MINUS}0.5 to 0.5"]
    with pytest.raises(ValueError, match="'a.other' must be glued before"):
        table("table-a", "A.", ["x", "y"], [["one", Glued("a.other")]])


def test_other_tools_read_the_same_table(begun):
    data, _, _ = show(
        begun, ["case", Column("n")], [["a < b | c", 12], ["$\\beta$", 3]], note="A note."
    )
    lines = data["text/plain"].splitlines()
    assert lines[0] == "A caption." and lines[-1] == "A note."
    assert lines[2:6] == ["case        n", "---------  --", "a < b | c  12", "β           3"]
    assert "<td" in data["text/html"] and "a &lt; b | c" in data["text/html"]
    parsed = MarkdownIt("gfm-like", {"linkify": False}).render(data["text/markdown"])
    assert parsed.count("<td") == 4 and "a &lt; b | c" in parsed


def test_it_is_saved_with_its_units(begun, tmp_path, monkeypatch):
    monkeypatch.setenv("NLBOOK_RESULTS", str(tmp_path))
    columns = ["case", Column("rate", unit="$1/t_0$"), Column("reach", unit="b"), "said"]
    rows = [["a", Uncertain(1.5, 0.25), Interval(1, 2), "x"], ["b", 2.0, None, "y"]]
    *_, made = show(begun, columns, rows)
    save_results("rates", made)
    first, *rest = csv.reader((tmp_path / "rates.csv").open(encoding="utf-8"))
    assert first == [
        "case", "rate (1/t₀)", "rate error (1/t₀)", "reach low (b)", "reach high (b)", "said",
    ]  # fmt: skip
    assert rest == [["a", "1.5", "0.25", "1.0", "2.0", "x"], ["b", "2.0", "nan", "nan", "nan", "y"]]
    with pytest.raises(ValueError, match="units must not be given"):
        save_results("more", made, units={})
    *_, made = show(
        begun, ["case", Column("time", unit="s"), Column("time", unit="h")], [["a", 1, 2]]
    )
    with pytest.raises(ValueError, match="different names to be saved, got 'time' twice"):
        save_results("times", made)


def test_what_is_saved_is_what_is_shown(begun, tmp_path, monkeypatch):
    monkeypatch.setenv("NLBOOK_RESULTS", str(tmp_path))
    columns = ["case", Column("rate", format=".2f"), "held", "count"]
    rows = [["a", 1.23456, np.bool_(True), 10**400], ["b", "none", np.bool_(False), 2]]
    *_, made = show(begun, columns, rows)
    assert [row[2] for row in made.rows] == [True, False]
    values, _ = made.results()
    assert values["rate"] == ["1.23", "none"]
    assert values["held"] == ["yes", "no"]


def test_as_the_last_line_of_a_cell_it_prints_nothing(begun):
    from IPython.core.formatters import DisplayFormatter

    *_, made = show(begun, ["a", "b"], [[1, 2]])
    assert DisplayFormatter().format(made) == ({}, {})


@pytest.mark.parametrize(
    "columns, rows, message",
    [
        (["a", "b"], [[1]], "row 0 must have 2 cells, got 1"),
        (["a"], [[1]], "columns must be 2 to 10"),
        (["a", "b"], [[1, math.nan]], "column 'b': a number must not be NaN"),
        (["a", "b"], [[1, [2]]], "must be a number, text, None"),
        (["a", "b"], [[1, np.ma.masked_array([1.0], [True])]], "column 'b'"),
        (["a", "a"], [[1, 2]], "two columns have one heading"),
    ],
)
def test_what_is_no_table_is_refused(begun, columns, rows, message):
    begun()
    with pytest.raises(ValueError, match=message):
        table("table-a", "A.", columns, rows)


def test_names_and_captions_are_asked_for(begun):
    begun()
    with pytest.raises(ValueError, match="must be 'table-'"):
        table("errors", "A.", ["a", "b"], [])
    with pytest.raises(ValueError, match="caption must not be empty"):
        table("table-errors", " ", ["a", "b"], [])


def test_a_heading_without_plain_characters_needs_some():
    with pytest.raises(ValueError, match="plain must be given"):
        Column(r"$\frac{a}{b}$")
    assert Column(r"$\frac{a}{b}$", unit="s", plain="a/b").label == "a/b (s)"


def test_cells_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="mask"):
        Interval(np.ma.masked, 1.0)
    with pytest.raises(ValueError, match="format='q' must be"):
        Column("a", format="q")
    with pytest.raises(ValueError, match="must not be negative"):
        Uncertain(1.0, -0.1)
    with pytest.raises(ValueError, match="must not exceed"):
        Interval(2.0, 1.0)
