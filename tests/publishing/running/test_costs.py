"""The cost of a run: arithmetic in its parameters times what was measured."""

from __future__ import annotations

import json

import pytest

from nlbook.publishing.book import find_book
from nlbook.publishing.errors import BookError
from nlbook.publishing.parameters import resolve
from nlbook.publishing.running.costs import estimate, evaluate, read_form

MEASURED = {"core_seconds_per_work": 0.1, "fixed_core_seconds": 36.0, "memory_mib": 200.0}


def measure(book, text):
    folder = book.recorded / "costs"
    folder.mkdir(parents=True)
    (folder / "01_tiny.json").write_text(text)


@pytest.mark.parametrize(
    "expression, value",
    [
        ("n**2 * (a + 1) / 2 - 1", 17.0),
        ("max(n, 10) + ceil(a) + len(scales) + -(-1)", 14.0),
        ("7 // 2 % 2", 1.0),
        (3, 3.0),
    ],
)
def test_arithmetic_in_parameters_is_evaluated(expression, value):
    assert evaluate(expression, {"n": 3, "a": 3.0, "scales": []}, "x") == pytest.approx(value)


@pytest.mark.parametrize(
    "expression",
    ["__import__('os')", "n.real", "lambda: 1", "[n]", "n if n else 1", "n +", "1 / 0", "-n",
     "'a'", "n**n**n**n", "print(n)"],
)  # fmt: skip
def test_anything_else_is_refused(expression):
    with pytest.raises(BookError, match="^x: "):
        evaluate(expression, {"n": 9}, "x")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(BookError, match="no parameter 'n_step' did you mean 'n_steps'"):
        evaluate("n_step", {"n_steps": 9}, "x")


def test_cost_is_tasks_times_work_times_its_measured_cost(book):
    measure(book, json.dumps(MEASURED))
    found = estimate("01_tiny", resolve("01_tiny", "paper"), book, workers=8, processes=4)
    # 100 tasks of 7**2 * 2 units at 0.1 s, on 8 workers in 13 rounds, and 36 s besides
    assert found.tasks == 100
    assert found.core_hours == pytest.approx((36 + 100 * 9.8) / 3600)
    assert found.wall_hours == pytest.approx((36 + 13 * 9.8) / 3600)
    assert found.memory_mib == 800
    assert found.disk_bytes == 100 * 8 * 100


def test_what_was_not_measured_is_not_known(book):
    found = estimate("01_tiny", resolve("01_tiny"), book, workers=2)
    assert (found.tasks, found.core_hours, found.memory_mib) == (3, None, None)


def test_a_chapter_without_model_has_no_cost(book):
    (book.book / "costs.yaml").write_text("{}")
    assert estimate("01_tiny", resolve("01_tiny"), book, workers=2).tasks is None


@pytest.mark.parametrize("text", ["{", "{}", '{"core_seconds_per_work": "x"}', "[]"])
def test_a_corrupt_measurement_is_one_clear_error(book, text):
    measure(book, text)
    with pytest.raises(BookError, match="01_tiny.json: not a measured cost"):
        estimate("01_tiny", resolve("01_tiny"), book, workers=2)


def test_a_malformed_model_is_refused(book):
    (book.book / "costs.yaml").write_text("01_tiny: {tasks: 1}")
    with pytest.raises(BookError, match="must give tasks and work"):
        estimate("01_tiny", resolve("01_tiny"), book, workers=2)


def test_every_chapter_of_the_book_has_a_model_by_which_larger_tiers_cost_more():
    book = find_book(__file__)
    for chapter in book.chapters:
        form = read_form(book, chapter)
        work = [
            evaluate(form["tasks"], values, chapter) * evaluate(form["work"], values, chapter)
            for values in (resolve(chapter, t, book=book) for t in ("smoke", "book", "paper"))
        ]
        assert work == sorted(set(work)), chapter
        estimate(chapter, resolve(chapter, book=book), book, workers=2)
