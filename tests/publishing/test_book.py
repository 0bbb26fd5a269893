"""Finding the book and the code cells of its chapters."""

from __future__ import annotations

import jupytext
import pytest

from nlbook.publishing.book import code_cells, find_book, recorded
from nlbook.publishing.errors import BookError

TRICKY = '''---
kernelspec: {name: python3, display_name: Python 3}
---
# Cells and what only looks like one

```{code-cell} ipython3
---
tags: [parameters, hide-input]
mystnb:
  image: {alt: "words"}
---

a: int = 1  # one
```

````{admonition} Solution
```{code-cell} ipython3
prose = True
```
````

```python
prose = True
```

~~~{code-cell} ipython3
:tags: [remove-output]

text = """
```
"""
~~~

````{code-cell}
b = 2

c = 3
````
'''


def test_the_book_is_found_from_the_root_from_a_chapter_and_from_a_copy(book):
    book.copies.mkdir()
    for start in (book.root, book.book, book.chapter("01_tiny"), book.copies):
        assert find_book(start) == book


def test_the_environment_variable_names_the_book(book, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("NLBOOK_BOOK", str(book.book))
    assert find_book() == book


def test_a_wrong_environment_variable_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NLBOOK_BOOK", str(tmp_path))
    with pytest.raises(BookError, match="NLBOOK_BOOK"):
        find_book()


def test_no_book_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    with pytest.raises(BookError, match="no book in .* set NLBOOK_BOOK"):
        find_book(tmp_path)


def test_a_recorded_result_is_found_by_name(book, monkeypatch):
    monkeypatch.chdir(book.book)
    (book.recorded / "walks").mkdir(parents=True)
    assert recorded("walks") == book.recorded / "walks"
    with pytest.raises(BookError, match="did you mean 'walks'"):
        recorded("walk")


def test_an_unknown_chapter_suggests_the_nearest(book):
    with pytest.raises(BookError, match="did you mean '01_tiny'"):
        book.chapter("01_tini")


def test_code_cells_are_those_that_jupytext_reads(tmp_path):
    path = tmp_path / "01_tricky.md"
    path.write_text(TRICKY)
    expected = [c for c in jupytext.read(path).cells if c.cell_type == "code"]
    found = code_cells(path)
    assert [c.source for c in found] == [c.source for c in expected]
    assert [list(c.tags) for c in found] == [c.metadata.get("tags", []) for c in expected]
    assert len(found) == 3


def test_code_cells_of_the_real_chapters_are_those_that_jupytext_reads():
    for name, path in find_book(__file__).chapters.items():
        expected = [c.source for c in jupytext.read(path).cells if c.cell_type == "code"]
        assert [c.source for c in code_cells(path)] == expected, name


def test_the_line_of_a_cell_is_that_of_its_first_code(tmp_path):
    path = tmp_path / "01_tricky.md"
    path.write_text(TRICKY)
    lines = TRICKY.splitlines()
    for cell in code_cells(path):
        assert lines[cell.line - 1] == cell.source.splitlines()[0]
