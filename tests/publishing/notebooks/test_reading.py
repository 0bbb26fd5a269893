"""How long a chapter takes to read."""

from __future__ import annotations

import pytest

from nlbook.publishing.notebooks.reading import measure

CHAPTER = """\
---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

(label)=
# One two

Three, four-and {cite:t}`key` $x = 1$ *six*.

$$
a = b
$$ (eq-a)

```{code-cell} ipython3
:tags: [bookkeeping]

figures.show(
    figure, name="fig-a", alt="not counted at all", caption=f"Seven {n} nine"
)
```

```{code-cell} ipython3
:tags: [hide-output]

table("table-a", "Folded words", ["a", "b"], [])

run()
```

```{solution}
Hidden here.
```

| a | b |
| --- | --- |
| not | counted |

+++ {"tags": ["details-page"]}

## Elsewhere

More words.

## References

Nothing of this.
"""


@pytest.fixture
def pages(tmp_path):
    path = tmp_path / "01_a.md"
    path.write_text(CHAPTER)
    return measure(path)


def test_words_that_are_not_folded_are_counted_with_those_of_captions(pages):
    first, _ = pages
    assert first.words == 2 + 5 + 3  # the title, the line, the caption
    assert first.folded_words == 2 + 2  # the table's caption, the solution


def test_what_takes_time_besides_words_is_counted(pages):
    first, _ = pages
    assert (first.figures, first.tables, first.equations, first.code_lines) == (1, 1, 1, 2)
    assert first.minutes == pytest.approx(10 / 200 + (20 + 20 + 15 + 2 * 3) / 60)


def test_the_second_page_is_counted_apart(pages):
    _, second = pages
    assert second.words == 3
    assert second.minutes == pytest.approx(3 / 200)
