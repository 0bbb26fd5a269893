"""The committed copies: the chapter's cells, executed, the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nlbook.publishing.book import code_cells, find_book
from nlbook.publishing.notebooks.normal_form import normalise
from nlbook.publishing.notebooks.prose import NOTE
from nlbook.publishing.running.copies import check_copies, make_copies
from tests.publishing.small_book import BODY, write_book

ROOT = Path(__file__).resolve().parents[3]

PROGRESS = """
```{code-cell} ipython3
import random
import sys

noise = 1e-15 * random.random()  # as of sums in another order
publishing.claim("tiny.noise", 0.5 + noise, maximum=1 + noise, source="rounding")

print("half way", file=sys.stderr)
print("done")
```

```{code-cell} ipython3
figure, axes = publishing.figures.subplots(width="half")
axes.set(xlabel="x", ylabel="y", ylim=(0, 3))
words = {"caption": "A level that rises.", "alt": "A line that moves up."}
publishing.figures.show(
    figure, name="fig-level", frames=range(3), draw=axes.axhline, density=1, **words
)
```
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The bytes of two copies of one chapter, made by two runs."""
    book = write_book(tmp_path_factory.mktemp("copies"), BODY + PROGRESS)
    texts = []
    for _ in range(2):
        (path,) = make_copies(book, force=True, progress=False)
        texts.append(path.read_bytes())
    return texts


@pytest.fixture
def copied(tmp_path, made, monkeypatch):
    """A book with an up-to-date copy."""
    book = write_book(tmp_path, BODY + PROGRESS)
    book.copies.mkdir()
    (book.copies / "01_tiny.ipynb").write_bytes(made[0])
    monkeypatch.chdir(tmp_path)
    return book


def chapter_edit(book, old, new):
    path = book.chapter("01_tiny")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def copy_edit(book, old, new):
    path = book.copies / "01_tiny.ipynb"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_two_runs_give_the_same_bytes(made):
    assert made[0] == made[1]


def test_numbers_of_a_claim_that_differ_in_their_last_bits_do_not(made):
    content = nbformat.reads(made[0].decode(), 4)
    rows = [
        o.metadata["nlbook"]["claim"]
        for cell in content.cells
        for o in cell.get("outputs", [])
        if "claim" in o.get("metadata", {}).get("nlbook", {})
    ]
    assert (rows[-1]["text"], rows[-1]["value"], rows[-1]["maximum"]) == ("0.5", 0.5, 1.0)


def test_a_copy_holds_the_cells_the_injected_parameters_and_nothing_of_this_machine(copied):
    path = copied.copies / "01_tiny.ipynb"
    cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    injected = [c.source for c in cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert injected == ["# Parameters\nn_realizations = 2\n"]
    own = [c.source for c in cells if c.source not in injected]
    assert own == [c.source for c in code_cells(copied.chapter("01_tiny"))]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    text = path.read_text()
    assert "half way" not in text.replace('print(\\"half way\\"', "") and '"done\\n"' in text
    assert str(copied.root.anchor + "tmp") not in text


def test_a_copy_shows_values_in_its_prose(copied):
    cells = nbformat.read(copied.copies / "01_tiny.ipynb", 4).cells
    prose = [c.source for c in cells if c.cell_type == "markdown"]
    assert "The total is 1.000." in prose
    assert "**Fig. 1.1.** A level that rises." in prose
    assert NOTE in prose[0]


def test_prose_edited_in_a_copy_is_found(copied):
    copy_edit(copied, "The total is 1.000", "The total is 2.000")
    assert check_copies(copied) == [
        "01_tiny: its cells are not the chapter's; run nlbook notebooks"
    ]


def test_an_up_to_date_copy_has_no_problems_and_is_not_written_again(copied):
    assert check_copies(copied) == []
    assert make_copies(copied, progress=False) == []


def test_new_prose_is_found_and_joined_without_a_run(copied):
    chapter_edit(copied, "The total is", "The sum is")
    chapter_edit(copied, "# how many walks", "# number of walks")
    assert check_copies(copied) == [
        "01_tiny: its cells are not the chapter's; run nlbook notebooks"
    ]
    before = nbformat.read(copied.copies / "01_tiny.ipynb", 4)
    (path,) = make_copies(copied, progress=False)
    after = nbformat.read(path, 4)
    assert check_copies(copied) == []
    assert "The sum is" in path.read_text()
    assert [c.get("outputs") for c in after.cells] == [c.get("outputs") for c in before.cells]
    assert [c.id for c in after.cells] == [c.id for c in before.cells]


def test_new_code_is_found(copied):
    chapter_edit(copied, "n_realizations * step", "step * n_realizations")
    assert check_copies(copied) == ["01_tiny: its code cells changed; run nlbook notebooks"]


def test_a_new_smoke_tier_is_found(copied):
    (copied.book / "tiers.yaml").write_text("01_tiny: {smoke: {n_realizations: 1}}")
    assert check_copies(copied) == ["01_tiny: it was not made at tier smoke"]


def test_an_edited_output_is_found(copied):
    copy_edit(copied, '"done\\n"', '"finished\\n"')
    assert "edited by hand" in check_copies(copied)[0]


def test_a_missing_and_a_left_over_copy_are_found(copied):
    (copied.copies / "01_tiny.ipynb").rename(copied.copies / "02_gone.ipynb")
    assert check_copies(copied) == [
        "01_tiny: it was not executed; run nlbook notebooks",
        "02_gone.ipynb: there is no such chapter",
    ]


def test_a_copy_without_outputs_is_found(copied):
    path = copied.copies / "01_tiny.ipynb"
    content = nbformat.read(path, 4)
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    del content.metadata["nlbook"]["outputs"]
    nbformat.write(content, path)
    assert any("without counts" in problem for problem in check_copies(copied))


def test_the_copies_of_the_real_book_are_the_chapters():
    assert check_copies(find_book(__file__)) == []


def test_nbval_passes_a_copy_and_other_pixels_and_fails_a_changed_number(copied):
    changes = {
        "good": (),
        "result": ('"1.0"', '"1.1"'),
        "claim": ("'1.000'", "'1.001'"),
        "print": ('"done\\n"', '"finished\\n"'),
        "pixels": ('"image/png": "iVBOR', '"image/png": "iVBOQ'),
        "alt": (' "A line', ' "The line'),
    }
    text = (copied.copies / "01_tiny.ipynb").read_text()
    for name, change in changes.items():
        assert not change or change[0] in text
        new = text.replace(*change) if change else text
        (copied.copies / f"{name}.ipynb").write_text(new)
    (copied.root / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p",
         "no:cacheprovider", *(copied.copies / f"{name}.ipynb" for name in changes)],
        cwd=copied.root,
        capture_output=True,
        text=True,
    )  # fmt: skip
    failed = {line.split("/")[-1].split(".")[0] for line in run.stdout.splitlines()
              if line.startswith("FAILED")}  # fmt: skip
    assert failed == {"result", "claim", "print", "alt"}, run.stdout


def test_a_notebook_viewer_folds_the_code_of_claims_and_numbers():
    cell = nbformat.v4.new_code_cell("claim()", metadata={"tags": ["bookkeeping"]})
    shown = nbformat.v4.new_code_cell("run()", metadata={"tags": ["hide-input"]})
    kept = normalise(nbformat.v4.new_notebook(cells=[cell, shown])).cells
    assert kept[0].metadata["jupyter"] == {"source_hidden": True}
    assert "jupyter" not in kept[1].metadata
