"""Every chapter at other parameters than its defaults, at sizes below smoke.

Each case changes several parameters that do not meet, runs the chapter, and reads what it says:
captions, axes, legends and tables must show the values of this run and not the defaults, and no
number in the prose may be missing. A chapter that fails here has an invariant that was tuned to
its defaults, or a label that is typed.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest
import yaml

from nlbook.publishing.book import find_book
from nlbook.publishing.parameters import read_parameters
from nlbook.publishing.records import read_record
from nlbook.publishing.runner import run_chapter

BOOK = find_book(__file__)
RECORD = "01_dislocation_creep.results/record"  # what chapter 1 leaves for the others

CREEP = {  # a crystal that is done in a second
    "n_dislocations": 60,
    "relaxation_steps": 300,
    "settling_steps": 50,
    "creep_steps": 1800,
    "data_steps": 500,
}
DENSITIES = {
    "n_samples": 2000,
    "n_repeats": 2,
    "n_slow": 100,
    "n_resamples": 20,
    "n_dislocations": 60,
    "relaxation_steps": 300,
    "creep_steps": 1800,
}

PAIRS = {"n_samples": 4000, "n_test": 1000}
FIT = {"n_resamples": 2, "n_particles": 5000, "n_replicates": 4, "n_flights": 1000}


@dataclass(frozen=True)
class Case:
    """A run, and what its notebook must say."""

    chapter: str
    parameters: dict[str, Any]
    labels: tuple[str, ...] = ()  # patterns that captions, axes or legends must hold
    prose: tuple[str, ...] = ()  # patterns that the text must hold
    never: tuple[str, ...] = ()  # patterns that neither may hold
    may_show: tuple[str, ...] = field(default=())  # changed parameters whose default is said too

    @property
    def name(self) -> str:
        return f"{self.chapter[:2]}: {', '.join(self.parameters)}"


PIPELINE = [  # each takes the record that the first wrote
    Case(
        "01_dislocation_creep",
        CREEP
        | {
            "load": 0.02,
            "load_3": 0.05,
            "nucleation_time": 5.0,
            "creep_dt": 0.02,
            "newborn": "counted",
            "seed": 7,
        },
        prose=(r"\b0\.02, 0\.02 and 0\.05 \$", r"load=0\.02"),
    ),
    Case("02_adaptive_densities", DENSITIES | {"newborn": "counted", "sensitivity": 0.3}),
    Case("03_bilevel_fit", FIT | {"newborn": "counted", "every": 10}),
]

CASES = [
    Case(
        "01_dislocation_creep",
        CREEP
        | {
            "images": "one_row",
            "integrator": "euler",
            "window_low": 2e-3,
            "window_ratio": 20.0,
            "nucleation_length": 20.0,
            "box_length": 60.0,
        },
    ),
    Case(
        "02_adaptive_densities",
        DENSITIES
        | {
            "sensitivity": 0.8,
            "bandwidth_factor": 2.0,
            "mass": 0.999,
            "support": "each",
            "symmetry": "mirror",
            "newborn": "counted",
            "spacing": 0.2,
            "seed": 7,
        },
        labels=(r"central 99\.9 %", r"known laws from 2000 samples", r"2 times\. Top"),
        prose=(r"nodes 0\.2 \$b\$ apart", r"central 99\.9 %"),
    ),
    Case(
        "03_bilevel_fit",
        FIT
        | {
            "spacing": 0.2,
            "every": 100,
            "split": 0.6,
            "alpha_start": 1.5,
            "newborn": "counted",
            "mass": 0.999,
            "seed": 7,
        },
    ),
    Case(
        "04_sign_changing_kernels",
        PAIRS | {"horizon": 0.3, "degree": 8, "forcing": "continuous", "seed": 7},
    ),
    Case(
        "04_sign_changing_kernels",
        PAIRS | {"horizon": 0.8, "degree": 30, "period": 3.0, "with_mean": False},
    ),
]


def says(notebook: Any) -> tuple[str, str]:
    """All labels of a notebook, and all its prose."""
    labels, prose = [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose.append(cell.source)
        for output in cell.get("outputs", []):
            figure = output.get("metadata", {}).get("nlbook", {}).get("figure")
            if figure:
                labels += [figure["caption"], figure["alt"], *figure["words"]]
    return "\n".join(labels), "\n".join(prose)


def as_word(value: Any) -> str | None:
    """Pattern of a default that nobody writes by chance, in the forms in which it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    digits = f"{value:g}".strip("0.").replace(".", "")
    if "e" in digits or len(digits.strip("0")) < 2:
        return None
    return rf"(?<![\d.]){re.escape(f'{value:g}')}(?![\d]|\.\d)"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_chapter_runs_and_labels_what_it_shows_at_other_parameters(case, tmp_path):
    path = run_chapter(
        case.chapter,
        tier="smoke",
        parameters=case.parameters,
        out=tmp_path,
        progress=False,
        book=BOOK,
    )
    check(path, case)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_chapter_writes_the_record_that_the_next_take(tmp_path):
    for number, case in enumerate(PIPELINE):
        given = case.parameters | ({"record": f"runs/{RECORD}"} if number else {})
        written = yaml.safe_dump(given)
        (tmp_path / "own.yaml").write_text(written, encoding="utf-8")
        command = ["run", case.chapter, "--tier", "smoke", "-f", "own.yaml", "-o", "runs", "-q"]
        ended = subprocess.run(
            [sys.executable, "-m", "nlbook", *command],
            cwd=tmp_path,
            env={**os.environ, "NLBOOK_BOOK": str(BOOK.book), "PYTHONPATH": str(BOOK.root)},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
        check(tmp_path / "runs" / f"{case.chapter}.ipynb", case)


def check(path, case):
    """The notebook says what its run is, and no more of the defaults than it may."""
    labels, prose = says(nbformat.read(path, 4))
    assert re.findall(r"\{[a-z:]+\}`[^`]*`", prose) == []  # a number that no cell computed
    for pattern in case.labels:
        assert re.search(pattern, labels), pattern
    for pattern in case.prose:
        assert re.search(pattern, prose), pattern
    for pattern in case.never:
        assert not re.search(pattern, labels + "\n" + prose), pattern
    for name, parameter in read_parameters(BOOK.chapter(case.chapter), BOOK).items():
        word = as_word(parameter.default)
        changed = case.parameters.get(name, parameter.at("smoke")) != parameter.default
        if word and changed and name not in case.may_show:
            found = re.search(rf".*{word}.*", labels)
            assert not found, f"{name} is not {parameter.default}, but: {found.group()}"
    check_results(path)


def check_results(path):
    """What a run saved is there, named, with units, and of the run that its record names."""
    record = read_record(path)
    folder = path.with_suffix(".results")
    saved = record["results"]["saved"]
    assert saved == json.loads((folder / "contents.json").read_text())
    for entry in saved.values():
        file = folder / entry["file"]
        if file.suffix == ".csv":
            with file.open(encoding="utf-8", newline="") as stream:
                heading, *rows = csv.reader(stream)
            shapes = {tuple(column["shape"]) for column in entry["columns"].values()}
            assert len(heading) == len(entry["columns"])
            assert shapes == {(len(rows),)}  # none where a small run has no avalanche
            assert all(len(row) == len(heading) for row in rows)
