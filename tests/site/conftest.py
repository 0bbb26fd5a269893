"""A book of two small chapters, with outputs as a run stores them, and the sites built once."""

import base64
import json
import shutil
import struct
import sys
import zlib
from pathlib import Path

import nbformat
import pytest

from nlbook.publishing import Column, parameters, table
from nlbook.publishing.animation import animate
from nlbook.publishing.book import Book, find_book
from nlbook.publishing.notebooks import normal_form, staging
from nlbook.publishing.running import freshness
from nlbook.publishing.site import build_site

ROOT = Path(__file__).resolve().parents[2]
# Rules of accessibility, under the Mozilla Public License; what `make` installs beside the rest.
AXE = Path(sys.prefix, "share", "axe", "axe_playwright_python", "axe.min.js")
NO_AXE = f"no axe-core in {AXE.parent}, where make puts it: pages were not held to its rules"

TOC = """\
format: jb-book
root: index
parts:
  - caption: Chapters
    numbered: 1
    chapters: [{file: 01_walks}, {file: 02_use}]
  - caption: More
    chapters: [{file: claims}, {file: costs}, {file: benchmarks}, {file: references}]
"""

INDEX = "# A small book\n\nIt begins with {ref}`walks`.\n"

WALKS = """\
---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

(walks)=
# Random walks

How far does a walker get? As far as {cite}`einstein1905` says.

$$
\\\\frac{\\\\partial p}{\\\\partial t} = D \\\\nabla^2 p .
$$ (eq-diffusion)

```{code-cell} ipython3
:tags: [parameters]

n_walkers: int = 4000  # walkers
seed: int = 1  # of the walks
```

```{code-cell} ipython3
:tags: [remove-output]

from nlbook import publishing

_ = publishing.begin("01_walks")
```

```{code-cell} ipython3
:tags: [hide-input]

publishing.figures.show(None, name="fig-walks", caption="...", alt="...")
```

{numref}`fig-walks` obeys {eq}`eq-diffusion`.

```{code-cell} ipython3
publishing.claim("walks.variance", 64.2, expected=64.0, atol=5.0, source="einstein1905, eq. 1")
```

The variance is {glue:text}`walks.variance`.

```{code-cell} ipython3
:tags: [bookkeeping]

publishing.table("table-walks", "Walks.", columns=[], rows=[])
```

{numref}`table-walks` has what {cite:t}`einstein1905` did not have.

```{result} Walkers *spread*
:name: result-spread

The variance grows as {eq}`eq-diffusion` says.
```

```{proof}
Every step adds its own.
```

```{evidence}
{numref}`table-walks`, and {numref}`result-spread`.
```

Slow walks get as far as {glue:text}`walks.slow`: {ref}`walks-slow`, {eq}`eq-slow`.

+++ {"tags": ["details-page"]}

(walks-slow)=
### Slow walks

Against {glue:text}`walks.variance`, and {numref}`fig-slow`.

```{code-cell} ipython3
publishing.show_number("walks.slow", 3)
```

$$
v = 1 .
$$ (eq-slow)

#### Slower

See {cite:t}`einstein1905` and {eq}`eq-slow`.

(short)=
## In short

```{in-short}
As far as the square root of the time.
```

## Exercises

```{exercise} Twice as long
:name: exercise-longer

How far now?
```

````{solution}
Farther by $\\sqrt 2$:

```bash
echo 1.41
```
````

```{exercise}
:class: dropdown

And in three dimensions?
```

```{bibliography}
:filter: docname in docnames
```
""".replace("\\\\", "\\")

USE = """\
---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Using walks

In {ref}`walks`, after {cite}`einstein1905`, the variance was
{glue:text}`01_walks.md::walks.variance:s`; see {numref}`fig-walks`.

```{code-cell} ipython3
:tags: [parameters]

n_steps: int = 16  # steps
```

```{code-cell} ipython3
n_steps + 1
```

````{admonition} Solution
:class: dropdown

Seventeen.
````

```{bibliography}
:filter: docname in docnames
```
"""

BIB = """\
@article{einstein1905,
  author = {Einstein, Albert},
  title = {On the movement of small particles suspended in a stationary liquid},
  journal = {Annalen der Physik},
  volume = {322},
  pages = {549},
  year = {1905},
}
"""


def png(width=64, height=40, grey=176):
    """A grey picture, as base64."""
    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


def animated_png(width=64, height=40):
    """Three grey pictures, ever lighter, one after another."""
    pictures = [base64.b64decode(png(width, height, grey)) for grey in (16, 128, 240)]
    return animate(pictures, 0.1, 10**6)


def figure(
    name="fig-walks",
    caption=r"End points; $\sigma^2 = 64$, see {eq}`eq-diffusion`.",
    alt="Histogram of end points, bell-shaped, variance 64.",
    picture=None,
):
    """The output of `figures.show`."""
    return nbformat.v4.new_output(
        "display_data",
        data={"image/png": picture or png(), "text/plain": alt},
        metadata={
            "image/png": {"alt": alt, "width": 32, "height": 20},
            "nlbook": {"figure": {"name": name, "caption": caption, "alt": alt}},
        },
    )


def table_output(name="table-walks", rows=(("here", 64.2, None), ("there", -1.5e-5, 2.0))):
    """The output of `nlbook.publishing.table`."""
    shown = []

    def display(data, raw, metadata):
        shown.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", display)
        table(
            name,
            r"Variances; $\sigma^2 = 64$, see {eq}`eq-diffusion`.",
            columns=["place", Column(r"$\sigma^2$", unit="b²"), Column("expected")],
            rows=rows,
            note="*place*: where; {cite}`einstein1905`.",
        )
    return shown[0]


def claim(name="walks.variance", text="64.2", **row):
    """The output of `claim`."""
    prefix = "application/papermill.record/"
    row = {
        "name": name,
        "text": text,
        "value": 64.2,
        "expected": 64.0,
        "atol": 5.0,
        "rtol": None,
        "minimum": None,
        "maximum": None,
        "bounds": "64 within 5",
        "kind": "reference",
        "tiers": ["book"],
        "tested": True,
        "holds": True,
        "source": "einstein1905, eq. 1",
        "unit": None,
        **row,
    }
    return nbformat.v4.new_output(
        "display_data",
        data={prefix + "text/plain": repr(text)},
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}, "nlbook": {"claim": row}},
    )


def result(text):
    return nbformat.v4.new_output("execute_result", data={"text/plain": text}, execution_count=1)


def executed_notebook(chapter, outputs, given=None):
    """What a run of `chapter` stores when its code cells give `outputs`."""
    notebook = staging.read_chapter(chapter)
    for count, (cell, some) in enumerate(
        zip(staging.code_cells(notebook), outputs, strict=True), start=1
    ):
        cell.outputs, cell.execution_count = list(some), count
    if given:
        number = next(n for n, c in enumerate(notebook.cells) if c.cell_type == "code")
        cell = nbformat.v4.new_code_cell(
            "# Parameters\n" + "\n".join(f"{k} = {v!r}" for k, v in given.items()), id="injected"
        )
        cell.metadata["tags"], cell.execution_count = [normal_form.INJECTED], 2
        notebook.cells.insert(number + 1, cell)
    book = find_book(chapter)
    values = parameters.resolve(chapter.stem, given=given or {}, book=book)
    notebook.metadata["nlbook"] = {
        "chapter": chapter.stem,
        "tier": None if given else "book",
        "parameters": values,
        "seed": values.get("seed"),
        "key": freshness.chapter_key(chapter, values, book),
        "outputs": freshness.outputs_digest(notebook),
        "run": f"run of {chapter.stem}",
    }
    return notebook


def write_small_book(folder):
    """Write the book of two chapters with its executed notebooks; return it."""
    source = folder / "book"
    source.mkdir(parents=True)
    shutil.copy2(ROOT / "_config.yml", folder)
    shutil.copytree(ROOT / "book" / "_static", source / "_static")
    (folder / "_toc.yml").write_text(TOC)
    (source / "tiers.yaml").write_text("01_walks:\n  smoke: {n_walkers: 40}\n")
    (source / "references.bib").write_text(BIB)
    (source / "references.md").write_text("# References\n\n```{bibliography}\n```\n")
    for name, text in (("index", INDEX), ("01_walks", WALKS), ("02_use", USE)):
        (source / f"{name}.md").write_text(text)
    book = Book(folder)
    book.executed.mkdir(parents=True)
    moving = figure(
        "fig-moving",
        caption="Walkers.",
        alt="Points that spread.",
        picture=base64.b64encode(animated_png()).decode(),
    )
    slow = claim("walks.slow", "3.0")
    slow.metadata.nlbook = {"number": {"name": "walks.slow", "text": "3.0"}}
    walks = executed_notebook(
        source / "01_walks.md",
        [
            [],
            [],
            [figure(), moving],
            [claim()],
            [result("bookkept"), table_output()],
            [slow, figure("fig-slow")],
        ],
        given={"n_walkers": 40, "seed": 1},
    )
    use = executed_notebook(source / "02_use.md", [[], [result("17")]])
    nbformat.write(walks, book.executed / "01_walks.ipynb")
    nbformat.write(use, book.executed / "02_use.ipynb")
    record = {
        "chapter": "01_walks",
        "run": "run of 01_walks",
        "tier": None,
        "wall_s": 41.2,
        "cores": 2,
        "threads": 2,
        "peak_memory_mib": 310.0,
        "commit": "0123456789abcdef",
        "started": "2026-01-01T00:00:00Z",
        "command": "nlbook run 01_walks",
        "environment": {"python": "3.11", "versions": {"a": "1"}},
        "results": {"saved": {"walks": {"file": "walks.csv"}}, "files": ["large/record.npz"]},
    }
    results = book.executed / "01_walks.results"
    results.mkdir()
    (results / "contents.json").write_text("{}")
    (results / "walks.csv").write_text("place (b)\n1.5\n")
    (book.executed / "01_walks.json").write_text(json.dumps(record))
    return book


@pytest.fixture
def small_book(tmp_path):
    """A small book of one's own, to break."""
    return write_small_book(tmp_path)


@pytest.fixture(scope="session")
def small_site(tmp_path_factory):
    """The small book's site, built once, with a hub; read only."""
    return build_site(
        write_small_book(tmp_path_factory.mktemp("small")),
        repository="https://git.example.org/science/walks",
        hub="https://hub.example.org",
    )


@pytest.fixture(scope="session")
def built_site(tmp_path_factory):
    """This book's own site, built once from the committed copies; read only."""
    book = find_book(ROOT)
    return build_site(book, book.copies, tmp_path_factory.mktemp("site") / "html")
