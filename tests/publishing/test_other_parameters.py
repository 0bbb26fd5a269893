"""Every chapter at other parameters than its defaults, at sizes below smoke.

Each case changes several parameters that do not meet, runs the chapter, and reads what it says:
captions, alt texts, axes, legends and prose must show the values of this run and not the defaults,
and no number in the prose may be missing. A chapter that fails here has an invariant that was tuned
to its defaults, or a number that is typed.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import nbformat
import pytest
import yaml

from nlbook.publishing.book import find_book
from nlbook.publishing.parameters import Parameter, read_parameters
from nlbook.publishing.running.records import read_record
from nlbook.publishing.running.runner import run_chapter
from tests.publishing.other_parameters import CASES, PIPELINE

BOOK = find_book(__file__)
RECORD = "01_dislocation_creep.results/record"  # what chapter 1 leaves for the others


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


# What a chapter would write a parameter's value with, # being the value.
PHRASES = {
    "n_realizations": ("# (?:live )?(?:crystals|realizations)",),
    "n_dislocations": ("# dislocations",),
    "n_sources": ("# (?:of the )?sources",),
    "n_samples": ("# (?:training )?(?:samples|pairs)",),
    "n_repeats": ("# (?:draws|sets|repeats)", "drawn # times"),
    "n_resamples": ("# (?:draws|resamples)",),
    "n_particles": ("# particles",),
    "n_replicates": ("# replicates",),
    "n_flights": ("# (?:particles|flights)",),
    "n_test": ("# (?:other |test )?pairs",),
    "n_waves": ("# (?:waves|wavelengths)",),
    "n_noisy": ("# (?:noisy )?pairs",),
    "n_epochs": ("# epochs",),
    "relaxation_steps": ("# steps",),
    "settling_steps": ("# steps",),
    "creep_steps": ("# steps",),
    "data_steps": ("# steps",),
    "sensitivity": (r"\\xi ?= ?#", "sensitivity (?:of )?#"),
    "bandwidth_factor": (r"# ?\\, ?\\sigma", "factor (?:of )?#"),
    "spacing": (r"# ?\$?b\b", "h = ?#"),
    "alpha_start": (r"alpha(?:_0)? ?= ?#",),
    "degree": ("degree #", "M ?= ?#"),
    "horizon": (r"delta ?= ?#", "horizon (?:of )?#"),
    "period": ("period (?:of )?#",),
    "seed": ("seed #",),
}
# Units that a parameter's comment may end with, and as they are written.
UNITS = {"b": r"b\b\$?(?! ?/)", "t0": r"t_0", "sigma0": r"\\sigma_0", "b/t0": r"b ?/ ?t_0"}
# A sentence with one of these says whose number it is.
WHOSE = re.compile(r"\b(?:paper|record|default|tier|Exercise|benchmark)", re.IGNORECASE)
# Sentences that name a number which is that of a default by chance, or of a choice that they give
# the reason for.
ALLOWED = (
    r"c = 0\.003\$, \$\\delta = 0\.5",  # a cell that is always computed
    "At degree 20 no grid helps",
    r"\\delta = 20\$ Å",  # solids learned from the record at 300 K, whatever `horizon` is
)


def patterns(parameter: Any) -> list[str]:
    """What would tell a parameter's default in prose: its number with its unit, or what it counts.

    Numbers stand alone: `0.05` is not found in `10.05`, nor `20` in `20,000`.
    """
    value = parameter.default
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    forms = {f"{value:g}", f"{value:,}".removesuffix(".0"), f"{value}"}
    number = "(?<![\\d.,])(?:" + "|".join(map(re.escape, sorted(forms))) + r")(?![\d]|[.,]\d)"
    found = [phrase.replace("#", number) for phrase in PHRASES.get(parameter.name, ())]
    for part in re.split(r"[,;] ", parameter.comment):
        if part in UNITS:
            found.append(rf"{number} ?\$?\\?,? ?{UNITS[part]}")
    return found


def lines_of_prose(text: str) -> Iterator[str]:
    """Lines of a chapter that are no code, heading, mark or table; text in directives is prose."""
    fences: list[bool] = []  # of those that are open, whether they hold code
    for line in text.splitlines():
        fence = re.match(r"(`{3,}|:{3,}) *(.*)$", line)
        if fence and not fence[2] and fences:
            fences.pop()
        elif fence:
            fences.append(fence[2].startswith("{code") or not fence[2].startswith("{"))
        elif not any(fences) and not re.match(r"\+\+\+|#|:\w+:|\|", line):
            yield line


def typed_defaults(text: str, parameters: Iterable[Any]) -> list[str]:
    """Sentences that tell defaults of parameters, and don't say that they are another's."""
    text = "\n".join(lines_of_prose(text))
    text = re.sub(r"(?:\{[\w:-]+\})?`+[^`]*`+", "_", text)  # computed numbers, links, code
    told = []
    for sentence in re.split(r"(?<=[.!?;])\s+|\n\s*\n", text):
        line = " ".join(sentence.split())
        if WHOSE.search(line) or any(re.search(pattern, line) for pattern in ALLOWED):
            continue
        for parameter in parameters:
            if any(re.search(pattern, line) for pattern in patterns(parameter)):
                told.append(f"{parameter.name}: {line}")
    return told


def test_a_typed_default_is_found_and_a_number_of_others_is_not():
    known = {
        name: Parameter(name, "float", "float", "", value, comment)
        for name, value, comment in [
            ("box_length", 300.0, "side of the periodic box, b"),
            ("load", 0.0125, "shear stress, sigma0"),
            ("n_dislocations", 1500, "at the start"),
            ("relaxation_dt", 1.0, "their length, t0; of Euler"),
        ]
    }
    for name, text in [
        ("box_length", "A box of 300 $b$ holds them. Others are smaller."),
        ("load", "{glue:text}`creep.n` of `x`. Under 0.0125 $\\sigma_0$ they glide."),
        ("load", r"Under $0.0125\,\sigma_0$ they glide."),
        ("load", "Under 0.0125 $\\sigma_0$\nthey glide."),
        ("n_dislocations", "It has 1,500 dislocations."),
        ("n_dislocations", "It has 1500\ndislocations."),
        ("relaxation_dt", "Each step is 1 $t_0$ long."),
    ]:
        (found,) = typed_defaults(text, known.values())
        assert found.startswith(f"{name}: "), text
    for text in [
        "A box of {glue:text}`creep.box` $b$ holds them, of 3300 $b$ or 300.5 $b$ as well.",
        "{ref}`boxes` of `x` 300 times.",
        "The paper's box has 300 $b$.",
        "The recorded crystals have 1500 dislocations each.",
        "Try `box_length=300`, 300 times.",
        "At speeds of 300 $b/t_0$.",
        "```python\nbox_length = 300  # 300 b\n```",
    ]:
        assert typed_defaults(text, known.values()) == [], text


@pytest.mark.parametrize("chapter", sorted(name for name in BOOK.chapters if name[:2].isdigit()))
def test_no_prose_of_a_chapter_tells_a_default(chapter):
    path = BOOK.chapter(chapter)
    parameters = read_parameters(path, BOOK).values()
    assert typed_defaults(path.read_text(encoding="utf-8"), parameters) == []


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
    changed = [
        parameter
        for name, parameter in read_parameters(BOOK.chapter(case.chapter), BOOK).items()
        if case.parameters.get(name, parameter.at("smoke")) != parameter.default
        and name not in case.may_show
    ]
    assert typed_defaults(labels + "\n\n" + prose, changed) == []
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
