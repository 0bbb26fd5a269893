"""A small book whose chapter takes a second, and what tests do with it."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

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


def cell(*lines):
    """A code cell of these lines."""
    return "\n```{code-cell} ipython3\n" + "\n".join(lines) + "\n```\n"


def append(book, text):
    """Append to the chapter."""
    with book.chapter("01_tiny").open("a") as chapter:
        chapter.write(text)


def kernels(book):
    """Kernels of this book that are running."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NLBOOK_BOOK") == str(book.book) and any(
                "ipykernel" in word for word in process.cmdline()
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(condition, seconds=300.0, process=None):
    """Wait until a condition holds, or fail; the limit is for machines that do much else.

    Where the condition is a process' work, its end is not waited past.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)
