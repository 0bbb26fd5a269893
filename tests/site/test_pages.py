"""Pages that are written by code."""

import pytest

from nlbook.publishing.site import pages

ROW = {
    "name": "walks.variance", "text": "64.2", "bounds": "64 within 5", "kind": "reference",
    "tested": True, "holds": True, "source": "einstein1905, eq. 1", "unit": "b^2",
}  # fmt: skip


def test_a_claim_is_a_row_with_value_unit_and_bound():
    text = pages.claims_page({"01_walks": [ROW]})
    assert "| `walks.variance` | 64.2 b^2 | 64 within 5 | reference | yes |" in text


def test_a_claim_that_was_not_tested_says_so():
    text = pages.claims_page({"01_walks": [{**ROW, "tested": False, "holds": False}]})
    assert "not tested here" in text
    assert "| {doc}`01_walks` | 1 | 1 | 0 | 1 | 0 | 0 |" in text


def test_computed_and_claimed_numbers_are_counted_apart():
    rows = [ROW, {**ROW, "kind": "invariant"}, {**ROW, "kind": "recorded"}]
    text = pages.claims_page(
        {"01_walks": rows, "02_use": []}, numbers={"01_walks": 40, "02_use": 2}
    )
    assert "|  | computed | claimed | invariants | references | recorded | tested here |" in text
    assert "| {doc}`01_walks` | 43 | 3 | 1 | 1 | 1 | 3 |" in text
    assert "| {doc}`02_use` | 2 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "| all | 45 | 3 | 1 | 1 | 1 | 3 |" in text


def test_the_foot_of_a_chapter_counts_its_numbers():
    assert "| numbers | 43 computed, 3 of them claimed |" in pages.provenance("a", {}, {}, 3, 43)


def test_a_source_cites_a_known_key_only():
    assert pages.source("einstein1905, eq. 1", ["einstein1905"]) == "{cite}`einstein1905`, eq. 1"
    assert pages.source("einstein1905: x", ["einstein1905"]) == "{cite}`einstein1905`: x"
    assert pages.source("exact, by symmetry", ["einstein1905"]) == "exact, by symmetry"


@pytest.mark.parametrize("text", ["a | b", "a_b_", "*a*", "$a$", "`a`", "[a](b)", "<a>"])
def test_a_cell_of_a_table_keeps_its_text(text):
    from markdown_it import MarkdownIt

    table = "\n".join(pages.markdown_table(("x", "y"), [(pages.cell(text), "end")]))
    html = MarkdownIt("commonmark").enable("table").render(table)
    shown = text.replace("<", "&lt;").replace(">", "&gt;")
    assert f"<td>{shown}</td>" in html


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "under 1 s"), (41.2, "41 s"), (192, "3.2 min"), (18400, "5.1 h"), (None, "—")],
)
def test_a_time_is_written_as_a_person_would(seconds, text):
    assert pages.duration(seconds) == text


def test_an_unknown_cost_is_a_dash():
    text = pages.costs_page([pages.Cost("01_walks", "paper", tasks=2000, basis="—")])
    assert "| {doc}`01_walks` | paper | 2000 | — | — | — | — | — |" in text


def test_benchmarks_show_ratio_and_limit():
    table = {
        "title": "Pair kernel", "machine": "one core",
        "rows": [{"name": "N = 700", "value": 0.31, "unit": "ns", "ratio": 151.2,
                  "against": "NumPy", "limit": "at most 0.5 ns"}],
    }  # fmt: skip
    text = pages.benchmarks_page([table])
    assert "| N = 700 | 0.31 ns | 151 | NumPy | at most 0.5 ns |" in text
    assert "Measured on one core." in text


def test_benchmarks_show_threads_and_conditions_where_they_are_told():
    rows = [
        {"name": "ours", "value": 1.0, "unit": "s", "ratio": 0.5, "against": "2D4",
         "threads": 1, "conditions": "equal error"},
        {"name": "2D4", "value": 0.5, "unit": "s"},
    ]  # fmt: skip
    text = pages.benchmarks_page(
        [{"title": "Creep", "machine": "two cores", "threads": 2, "date": "today", "rows": rows}]
    )
    assert "| measured | value | ratio | against | conditions | limit |" in text
    assert "| ours | 1 s | 0.5 | 2D4 | 1 thread; equal error | — |" in text
    assert "| 2D4 | 0.5 s | — | — | — | — |" in text
    assert "Measured on two cores, threads: 2, at today." in text


def test_without_benchmarks_the_page_says_so():
    assert "None has been recorded" in pages.benchmarks_page([])


def test_provenance_without_a_record_names_the_copy():
    text = pages.provenance("01_walks", {"tier": "smoke", "key": "ab" * 32}, {})
    assert "committed copy" in text
    assert "| tier | smoke |" in text
    assert "`abababababababab`" in text


def test_provenance_tells_of_uncommitted_changes():
    text = pages.provenance("01_walks", {}, {"commit": "0123456789abcdef", "dirty": True})
    assert "| commit | `0123456789ab`, with changes |" in text
