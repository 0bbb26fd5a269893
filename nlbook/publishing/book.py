"""Where the book lies on disk, and the code cells of its chapters.

A book is a folder ``book/`` that holds ``tiers.yaml`` and the chapters ``NN_name.md``, each a
MyST notebook. Whatever is built from it goes to ``_build/`` beside it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nlbook.publishing.errors import BookError

__all__ = ["Book", "CodeCell", "code_cells", "did_you_mean", "find_book", "recorded"]

_CHAPTER = re.compile(r"\d\d_\w+\.md")
_FENCE = re.compile(r"(`{3,}|~{3,})\s*(.*)")


@dataclass(frozen=True)
class Book:
    """The folders of one book."""

    root: Path  #: the folder that holds ``book/``; ``_build/`` is made in it

    @property
    def book(self) -> Path:
        """The folder of the chapters."""
        return self.root / "book"

    @property
    def chapters(self) -> dict[str, Path]:
        """Name and source of each chapter, in order."""
        paths = sorted(p for p in self.book.glob("*.md") if _CHAPTER.fullmatch(p.name))
        return {path.stem: path for path in paths}

    @property
    def executed(self) -> Path:
        """Where the executed chapters lie that the site is made from."""
        return self.root / "_build" / "executed"

    @property
    def runs(self) -> Path:
        """Where ``nlbook run`` writes when it isn't told otherwise."""
        return self.root / "_build" / "runs"

    @property
    def recorded(self) -> Path:
        """Results that took a cluster or a GPU."""
        return self.book / "recorded"

    @property
    def copies(self) -> Path:
        """The committed notebooks, executed at tier smoke."""
        return self.book / "notebooks"

    @property
    def locks(self) -> list[Path]:
        """The files that pin the environment."""
        return sorted(p for p in self.root.glob("*lock*") if p.suffix in {".lock", ".txt"})

    def chapter(self, name: str) -> Path:
        """Source of the chapter `name`.

        Raises
        ------
        BookError
            If there is no such chapter; the message suggests the nearest.
        """
        chapters = self.chapters
        stem = name.removesuffix(".md").removesuffix(".ipynb")
        if stem in chapters:
            return chapters[stem]
        hint = did_you_mean(stem, chapters)
        listed = ", ".join(chapters) or "no chapters"
        raise BookError(f"no chapter {name!r}: {hint}the book has {listed}")


@dataclass(frozen=True)
class CodeCell:
    """A code cell of a chapter."""

    source: str  #: its code, without options
    tags: tuple[str, ...]  #: its tags, such as ``parameters``
    line: int  #: of its first line of code in the chapter, from 1


def find_book(start: str | os.PathLike[str] | None = None) -> Book:
    """Find the book that holds `start`, by default the working folder.

    Looks for ``tiers.yaml`` in each folder upward and in its ``book/``. The environment
    variable ``NLBOOK_BOOK`` (the folder of the chapters) goes before that when `start` is None.

    Raises
    ------
    BookError
        If there is none.
    """
    named = os.environ.get("NLBOOK_BOOK")
    if start is None and named:
        book = _book_at(Path(named).absolute())
        if book is None:
            raise BookError(f"NLBOOK_BOOK={named}: must be a folder book/ that holds tiers.yaml")
        return book
    first = Path(start if start is not None else Path.cwd()).absolute()
    for folder in (first, *first.parents):
        if book := _book_at(folder):
            return book
    raise BookError(
        f"no book in {first} or above it: work in a clone of the book, or set NLBOOK_BOOK "
        "to its folder book/"
    )


def recorded(name: str, given: str | os.PathLike[str] | None = None) -> Path:
    """Folder of a recorded result, ``book/recorded/NAME``, of the book that holds this process.

    A chapter that names it so is run again when a file in it changes.

    Parameters
    ----------
    name : str
        Name of the folder.
    given : str or Path, optional
        A folder of the reader's own to use in its place, such as the value of a parameter
        ``record``. A relative path leads from where ``nlbook run`` was called
        (``NLBOOK_FOLDER``), or from the working folder.

    Returns
    -------
    Path

    Raises
    ------
    BookError
        If there is no such folder; the message suggests the nearest.
    """
    if given is not None:
        own = Path(os.environ.get("NLBOOK_FOLDER") or Path.cwd(), Path(given).expanduser())
        if not own.is_dir():
            raise BookError(f"there is no folder {own} in place of the recorded {name!r}")
        return own
    folder = find_book().recorded
    if (folder / name).is_dir():
        return folder / name
    there = [path.name for path in sorted(folder.iterdir())] if folder.is_dir() else []
    listed = ", ".join(there) or "nothing"
    raise BookError(
        f"nothing is recorded as {name!r}: {did_you_mean(name, there)}recorded/ has {listed}"
    )


def _book_at(folder: Path) -> Book | None:
    for place in (folder / "book", folder):
        if place.name == "book" and (place / "tiers.yaml").is_file():
            return Book(place.parent)
    return None


def code_cells(chapter: Path) -> list[CodeCell]:
    """Code cells of a chapter, in order; fences nested in other fences are prose."""
    return list(_code_cells(chapter.read_text(encoding="utf-8").splitlines()))


def _code_cells(lines: list[str]) -> Iterator[CodeCell]:
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        number += 1
        if opened is None:
            continue
        fence, info = opened.groups()
        first = number
        while number < len(lines) and not _closes(lines[number], fence):
            number += 1
        if info.startswith("{code-cell}"):
            tags, skipped = _options(lines[first:number])
            body = lines[first + skipped : number]
            yield CodeCell("\n".join(body).rstrip("\n"), tags, first + skipped + 1)
        number += 1


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _options(lines: list[str]) -> tuple[tuple[str, ...], int]:
    """Tags of a cell, and how many lines its options take."""
    import yaml

    end = 0
    if lines and lines[0].strip() == "---":
        end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        options = yaml.safe_load("\n".join(lines[1:end])) or {}
        end += 1
    else:
        while end < len(lines) and re.match(r":[\w-]+:", lines[end]):
            end += 1
        options = yaml.safe_load("\n".join(line[1:] for line in lines[:end])) or {}
    while end < len(lines) and not lines[end].strip():
        end += 1
    return tuple(options.get("tags", ())), end


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'? "``, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean {near[0]!r}? " if near else ""
