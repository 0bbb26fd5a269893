"""What every chapter's text must be: short where it promises to be, and narrow enough to read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nlbook.publishing.book import find_book
from nlbook.publishing.notebooks.myst import blocks, parts
from nlbook.publishing.notebooks.staging import code_cells, read_chapter

CHAPTERS = sorted(find_book(Path(__file__).parent).chapters.values())
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell", "bookkeeping", "parameters"}


def sentences(text):
    """How many: an end is a point, question or exclamation mark before a capital or a formula."""
    plain = re.sub(r"\{[\w:]+\}`[^`]*`", "X", " ".join(text.split()))
    return len(re.findall(r"[.?!](?=\s+[A-Z$*{]|\s*$)", plain))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_says_its_answer_in_short(chapter):
    boxes = [
        parts(block)[3]
        for cell in read_chapter(chapter).cells
        if cell.cell_type == "markdown"
        for kind, block in blocks(cell.source.splitlines())
        if kind == "directive" and parts(block)[0] == "in-short"
    ]
    assert len(boxes) == 1
    assert 1 <= sentences("\n".join(boxes[0])) <= 7


def test_sentences_are_counted():
    text = "It is 0.5 by {cite:t}`a2000`. Why? Because $x. y$ holds, e.g. here."
    assert sentences(text) == 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_code_that_is_shown_has_80_columns(chapter):
    wide = [
        line
        for cell in code_cells(read_chapter(chapter))
        if not HIDDEN & set(cell.metadata.get("tags", []))
        for line in cell.source.splitlines()
        if len(line) > 80
    ]
    assert wide == []


def test_no_two_chapters_use_one_label():
    known: dict[str, str] = {}
    twice = []
    for chapter in CHAPTERS:
        text = chapter.read_text("utf-8")
        labels = re.findall(r'"((?:table|fig)-[a-z0-9-]+)"', text)
        labels += re.findall(r"^:(?:name|label): (\S+)$|^\(([\w.:-]+)\)=$", text, re.MULTILINE)
        labels += re.findall(r"\$\$ \(([\w.:-]+)\)$", text, re.MULTILINE)
        for label in {part for one in labels for part in ([one] if isinstance(one, str) else one)}:
            if label and known.setdefault(label, chapter.stem) != chapter.stem:
                twice.append(f"{label}: {known[label]}, {chapter.stem}")
    assert twice == []
