"""The committed copies: each chapter as an executed notebook for other tools to open.

``book/notebooks/NN_name.ipynb`` holds the chapter's cells, executed at tier smoke. Stock papermill
replaces its injected parameters, nbval compares its outputs, a hub or a code host opens it. Its
prose is rendered (`render_prose`): these show values where the chapter names them. Two runs make
the same bytes. Nobody edits a copy: ``nlbook notebooks`` writes it.
"""

from __future__ import annotations

import copy
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book, find_book
from nlbook.publishing.notebooks.normal_form import is_injected, normalise
from nlbook.publishing.notebooks.prose import render_prose
from nlbook.publishing.parameters.chapter import resolve
from nlbook.publishing.running.freshness import why_stale
from nlbook.publishing.running.runner import run_chapter

__all__ = ["check_copies", "make_copies"]


def make_copies(
    book: Book | None = None,
    chapters: Iterable[str] | None = None,
    *,
    force: bool = False,
    progress: bool = True,
) -> list[Path]:
    """Write the copies that are not up to date.

    A copy whose outputs are fresh gets the chapter's new prose and comments without a run.

    Parameters
    ----------
    book : Book, optional
        The book; found by default.
    chapters : iterable of str, optional
        Their names; all by default.
    force : bool
        Run fresh ones too.
    progress : bool
        Show progress on stderr.

    Returns
    -------
    list of Path
        The copies that were written.

    Raises
    ------
    RunFailed
        If a chapter doesn't run at tier smoke.
    """
    book = book or find_book()
    written = []
    for name in list(chapters) if chapters is not None else list(book.chapters):
        path = book.chapter(name)
        target = book.copies / f"{path.stem}.ipynb"
        if force or not _is_smoke(book, path.stem, target) or why_stale(target, book):
            written.append(
                run_chapter(path.stem, tier="smoke", copy=True, progress=progress, book=book)
            )
        elif _join_prose(path, target, book):
            written.append(target)
    return written


def check_copies(book: Book | None = None) -> list[str]:
    """What is wrong with the committed copies; nothing when they are the chapters'.

    Parameters
    ----------
    book : Book, optional
        The book; found by default.

    Returns
    -------
    list of str
        A sentence for each copy that is missing, left over, stale, without outputs, or whose
        cells are not word for word the chapter's, the prose as it is rendered.
    """
    import nbformat

    book = book or find_book()
    problems = []
    for name, path in book.chapters.items():
        target = book.copies / f"{name}.ipynb"
        reason = why_stale(target, book)
        if reason:
            problems.append(f"{name}: {reason}; run nlbook notebooks")
            continue
        stored = nbformat.read(target, 4)
        expected = _laid_out(path, stored, book)
        if [(c.cell_type, c.source) for c in stored.cells] != [
            (c.cell_type, c.source) for c in expected.cells
        ]:
            problems.append(f"{name}: its cells are not the chapter's; run nlbook notebooks")
        own = [cell for cell in stored.cells if not is_injected(cell)]
        code = [cell for cell in own if cell.cell_type == "code"]
        if [c.execution_count for c in code] != list(range(1, len(code) + 1)) and not any(
            is_injected(c) for c in stored.cells
        ):
            problems.append(f"{name}: its cells were not executed in order")
        if any(c.execution_count is None for c in code) or not any(c.outputs for c in code):
            problems.append(f"{name}: it has cells without counts, or no outputs at all")
        if not _is_smoke(book, name, target):
            problems.append(f"{name}: it was not made at tier smoke")
    for left in sorted(book.copies.glob("*.ipynb")):
        if left.stem not in book.chapters:
            problems.append(f"{left.name}: there is no such chapter")
    return problems


def _is_smoke(book: Book, name: str, notebook: Path) -> bool:
    import nbformat

    if not notebook.is_file():
        return False
    made = nbformat.read(notebook, 4).metadata.get("nlbook", {})
    return made.get("parameters") == resolve(name, "smoke", book=book)


def _laid_out(path: Path, stored: Any, book: Book) -> Any:
    """A fresh copy with the chapter's present text."""
    from nlbook.publishing.notebooks.staging import read_chapter, with_outputs

    injected = [cell for cell in stored.cells if is_injected(cell)]
    laid = copy.copy(stored)
    laid.metadata = copy.deepcopy(stored.metadata)
    laid.cells = with_outputs(read_chapter(path), stored, lambda _: copy.deepcopy(injected))
    laid = normalise(render_prose(laid, path.stem, book))
    laid.metadata["nlbook"] = stored.metadata["nlbook"]
    return laid


def _join_prose(path: Path, target: Path, book: Book) -> bool:
    """Give a fresh copy the chapter's present text; say whether that changed it."""
    import nbformat

    laid = _laid_out(path, nbformat.read(target, 4), book)
    text = nbformat.writes(laid) + "\n"
    if text == target.read_text("utf-8"):
        return False
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    aside.write_text(text, "utf-8")
    os.replace(aside, target)
    return True
