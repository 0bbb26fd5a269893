"""What CONTRIBUTING.md shows is run: its code, and its drawing of the floors."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from nlbook.publishing import run_chapter
from tests.publishing.small_book import HEAD, write_book
from tests.structure import floors, folded, room_graph

TEXT = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def fence(word: str) -> str:
    (text,) = [text for text in FENCES if word in text]
    return text


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The kernel, the estimator and their tests, as one module."""
    path = tmp_path_factory.mktemp("contributing") / "shown.py"
    words = ("class ExponentialKernel", "KERNEL = ", "def nearest_neighbour_density")
    path.write_text("\n\n".join(map(fence, words)), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", "\n".join(FENCES), re.MULTILINE))
def test_a_test_that_is_shown_passes(shown, name):
    getattr(shown, name)()


def test_the_kernel_and_the_estimator_refuse_bad_input(shown):
    with pytest.raises(ValueError, match="length must be a finite number above 0, got 0"):
        shown.ExponentialKernel(0, 1.0)
    with pytest.raises(ValueError, match="neighbours must be an integer from 1 to 3, got 2.0"):
        shown.nearest_neighbour_density([1, 2, 3], [0.0], 2.0)


def test_the_study_writes_a_record_that_the_chapter_reads(tmp_path):
    (tmp_path / "walks.py").write_text(fence("def spread"), encoding="utf-8")
    study = load(tmp_path / "walks.py")
    book = write_book(tmp_path / "tree")
    study.main(book.recorded / "walks")
    record = np.load(book.recorded / "walks" / "walks.npz")["spread"]
    assert record[:10] == pytest.approx(study.spread(400, 2022)[:10], rel=1e-12)
    parameters, cell = fence("n_steps: "), fence('begin("05_walks")')
    (book.book / "05_walks.md").write_text(
        HEAD.partition("#")[0] + "# Walks\n\n"
        f"```{{code-cell}} ipython3\n:tags: [parameters]\n\n{parameters}```\n\n"
        f"```{{code-cell}} ipython3\n{cell}```\n"
    )
    run = run_chapter("05_walks", parameters={"n_steps": 20}, book=book, progress=False)
    claims = json.loads(run.with_suffix(".json").read_text())["claims"]
    assert [claim["name"] for claim in claims] == ["walks.live", "walks.record"]
    provenance = json.loads((book.recorded / "walks" / "provenance.json").read_text())
    assert {"command", "seed", "commit", "versions"} <= provenance.keys()
    assert "book/studies/walks.py" in provenance["command"]


def test_the_floors_are_those_of_the_house():
    levels, circle = floors(folded(room_graph()))
    drawn = [
        f"    {level}  {' '.join(name for name in names if name and name != '__main__')}"
        for level, names in reversed(list(enumerate(levels)))
    ]
    assert circle == []
    assert "\n".join(line for line in drawn if line.split()[1:]) in TEXT
