"""A small book in a temporary folder, with a chapter that takes a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlbook.publishing.book import Book

HEAD = """---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A tiny chapter

```{code-cell} ipython3
:tags: [parameters]

n_realizations: int = 3  # how many walks
step: float = 0.5  # length of a step
title: str | None = None  # heading = of the figure
scales: list[float] = [1.0, 2.0]  # some scales
verbose: bool = False  # print more
seed: int = 7  # seed
```

```{code-cell} ipython3
:tags: [remove-output]

from nlbook import publishing

_ = publishing.begin("01_tiny")
```
"""

BODY = """
The total is {glue:text}`tiny.total`.

```{code-cell} ipython3
total = n_realizations * step
total
```

```{code-cell} ipython3
publishing.claim("tiny.total", total, n_realizations * step, atol=1e-3, source="arithmetic")
```

```{code-cell} ipython3
publishing.claim("tiny.book", total, 1.5, atol=1e-3, tiers=("book",), source="arithmetic")
```
"""

TIERS = """
01_tiny:
  smoke: {n_realizations: 2}
  paper: {n_realizations: 100, step: 1e-3}
"""

COSTS = """
01_tiny:
  tasks: n_realizations
  work: "seed**2 * len(scales)"
  result_bytes: 8 * n_realizations
"""


def write_book(root: Path, body: str = BODY) -> Book:
    folder = root / "book"
    folder.mkdir(parents=True)
    (folder / "01_tiny.md").write_text(HEAD + body)
    (folder / "tiers.yaml").write_text(TIERS)
    (folder / "costs.yaml").write_text(COSTS)
    (root / "requirements.lock").write_text("numpy==2.4.6\n")
    return Book(root)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with the chapter 01_tiny, which is the working folder's too."""
    made = write_book(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    return made
