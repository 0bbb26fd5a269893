"""What makes an executed chapter stale, and what does not."""

from __future__ import annotations

import json

import nbformat
import pytest

from nlbook.publishing.book import code_cells
from nlbook.publishing.parameters import resolve
from nlbook.publishing.running.freshness import (
    chapter_key,
    data_files,
    followed_modules,
    why_stale,
)
from nlbook.publishing.running.runner import run_chapter
from tests.publishing.small_book import BODY

KERNEL = '''"""The science."""

from toy.helpers import scale


def total(n, step):
    """Add up."""

    def inner():
        """Only when it is called."""
        from .late import shift

        return shift

    return n * step * scale  # a comment
'''


@pytest.fixture
def toy(book, tmp_path):
    """A package that the chapter computes with."""
    package = tmp_path / "toy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "science.py").write_text(KERNEL)
    (package / "helpers.py").write_text("scale = 1.0\n")
    (package / "late.py").write_text("shift = 0.0\n")
    (package / "unrelated.py").write_text("x = 1\n")
    edit(book.chapter("01_tiny"), "total = n_realizations", "from toy import science\n\ntotal = n")
    return package


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def key(book, package=None, **given):
    return chapter_key("01_tiny", resolve("01_tiny", given=given), book, package)


def test_imports_are_followed_into_functions_and_relative_ones_too(book, toy):
    sources = [cell.source for cell in code_cells(book.chapter("01_tiny"))]
    assert list(followed_modules(sources, toy)) == [
        "toy",
        "toy.helpers",
        "toy.late",
        "toy.science",
    ]


def test_imports_for_type_checkers_are_not_followed(toy):
    (toy / "helpers.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import toy.unrelated\n"
    )
    assert "toy.unrelated" not in followed_modules(["import toy.helpers"], toy)


def test_a_chapter_does_not_depend_on_the_tool_side_of_publishing(book):
    from nlbook.publishing.running.freshness import _PACKAGE

    sources = [cell.source for cell in code_cells(book.chapter("01_tiny"))]
    followed = set(followed_modules(sources, _PACKAGE))
    assert "nlbook.publishing.claims" in followed
    assert not followed & {f"nlbook.publishing.{n}" for n in ("runner", "site", "freshness")}


@pytest.mark.parametrize(
    "file, old, new",
    [
        ("science.py", "n * step", "n + step"),
        ("helpers.py", "1.0", "2.0"),
        ("late.py", "0.0", "1.0"),
        ("__init__.py", "", "y = 1\n"),
    ],
)
def test_changed_code_of_a_followed_module_changes_the_key(book, toy, file, old, new):
    before = key(book, toy)
    edit(toy / file, old, new)
    assert key(book, toy) != before


@pytest.mark.parametrize(
    "file, old, new",
    [
        ("science.py", "a comment", "another comment"),
        ("science.py", "Add up.", "Add them up."),
        ("science.py", "The science.", "This science."),
        ("science.py", "n * step * scale", "(n\n        * step * scale)"),
        ("unrelated.py", "1", "2"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_do_not(book, toy, file, old, new):
    before = key(book, toy)
    edit(toy / file, old, new)
    assert key(book, toy) == before


@pytest.mark.parametrize(
    "old, new, changes",
    [
        ("The total is", "The sum is", False),
        ("# how many walks", "# number of walks", False),
        ("n_realizations * step", "step * n_realizations", True),
        ("total\n```", "total;\n```", True),
        ("n_realizations * step\n", "n_realizations * step  # in all\n", False),
        (":tags: [remove-output]", ":tags: [hide-output]", False),
    ],
)
def test_code_of_a_cell_changes_the_key_and_prose_comments_and_tags_do_not(book, old, new, changes):
    before = key(book)
    edit(book.chapter("01_tiny"), old, new)
    assert (key(book) != before) is changes


def test_parameters_change_the_key(book):
    assert key(book) != key(book, seed=8)
    assert key(book, n_realizations=3) == key(book)


def test_the_lock_changes_the_key_but_its_comments_and_order_do_not(book):
    lock = book.root / "requirements.lock"
    lock.write_text("a==1\nb==2\n")
    before = key(book)
    lock.write_text("# written today\nb==2\na==1  # the first\n")
    assert key(book) == before
    lock.write_text("a==1\nb==3\n")
    assert key(book) != before


@pytest.mark.parametrize("marker", [".", "./", "", "recorded/"])
def test_a_marker_is_no_name_of_all_recorded_data(book, marker):
    book.recorded.mkdir(exist_ok=True)
    (book.recorded / "other.json").write_text("1")
    assert data_files([f"axes.plot(x, y, {marker!r})"], book) == []


@pytest.mark.parametrize("named", ["recorded/cases", "cases/mean.json", "cases"])
def test_recorded_data_that_a_cell_names_changes_the_key(book, named):
    folder = book.recorded / "cases"
    folder.mkdir(parents=True)
    (folder / "mean.json").write_text("1")
    (book.recorded / "other.json").write_text("1")
    edit(book.chapter("01_tiny"), "total = ", f'data = "{named}"\ntotal = ')
    before = key(book)
    (book.recorded / "other.json").write_text("2")
    assert key(book) == before
    (folder / "mean.json").write_text("2")
    assert key(book) != before


def test_lines_for_ipython_are_compared_as_text_and_do_not_hide_imports(book, toy):
    edit(book.chapter("01_tiny"), "from toy import", "%matplotlib inline\nfrom toy import")
    before = key(book, toy)
    edit(toy / "helpers.py", "1.0", "2.0")
    assert key(book, toy) != before


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Text of a notebook that a run of the tiny chapter wrote."""
    from tests.publishing.small_book import write_book

    book = write_book(tmp_path_factory.mktemp("executed"), BODY)
    return run_chapter("01_tiny", book=book, progress=False).read_text()


@pytest.fixture
def notebook(book, executed):
    path = book.root / "01_tiny.ipynb"
    path.write_text(executed)
    return path


def test_a_run_is_fresh_also_in_another_place(book, notebook):
    assert why_stale(notebook) is None


def test_a_run_is_fresh_after_new_prose_and_stale_after_new_code(book, notebook):
    edit(book.chapter("01_tiny"), "The total is", "The sum is")
    assert why_stale(notebook) is None
    edit(book.chapter("01_tiny"), "n_realizations * step", "step * n_realizations")
    assert why_stale(notebook) == "its code cells changed"


def test_a_new_default_leaves_a_run_fresh_only_if_its_cell_is_the_same(book, notebook):
    edit(book.chapter("01_tiny"), "seed: int = 7", "seed: int = 8")
    assert why_stale(notebook) is not None


def test_a_run_is_stale_after_a_change_of_the_environment(book, notebook):
    (book.root / "requirements.lock").write_text("numpy==2.5.0\n")
    assert why_stale(notebook) == "its code, parameters, data or environment changed"


@pytest.mark.parametrize("which", ["output", "code", "key"])
def test_a_run_that_was_edited_by_hand_is_stale(book, notebook, which):
    content = nbformat.read(notebook, 4)
    ran = [cell for cell in content.cells if cell.cell_type == "code"]
    if which == "output":
        ran[2].outputs[0].data["text/plain"] = "1.6"
    elif which == "code":
        ran[2].source = ran[2].source.replace("*", "+")
    else:
        content.metadata["nlbook"]["parameters"]["seed"] = 8
    nbformat.write(content, notebook)
    assert why_stale(notebook) is not None


@pytest.mark.parametrize("text", ["", "{", json.dumps({"cells": []}), "[]"])
def test_a_corrupt_or_foreign_notebook_is_stale_and_no_error(book, text):
    path = book.root / "01_tiny.ipynb"
    path.write_text(text)
    assert why_stale(path) == "01_tiny.ipynb was not made by nlbook run"


def test_a_missing_notebook_is_stale(book):
    assert why_stale(book.root / "01_tiny.ipynb") == "it was not executed"
