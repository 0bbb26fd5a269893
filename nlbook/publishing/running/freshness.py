"""When stored outputs still belong to a chapter.

A chapter's key is a digest of all that its numbers depend on: its code cells, its resolved
parameters, the modules of ``nlbook`` that it imports (followed through their imports, also
those inside functions), the recorded data that its code names, and the locked environment.
Code enters as syntax trees: comments, and docstrings of modules, change nothing. Prose, tags
and tiers are not part of it. Imports by computed names are not followed.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book, code_cells, find_book
from nlbook.publishing.errors import BookError
from nlbook.publishing.notebooks.normal_form import is_injected
from nlbook.publishing.parameters.chapter import resolve
from nlbook.source_code import canonical_tree, follow_imports, imported_names

__all__ = [
    "chapter_key",
    "data_files",
    "followed_modules",
    "outputs_digest",
    "why_stale",
]

_PACKAGE = Path(__file__).resolve().parents[2]  # the code that a chapter run from here imports


def chapter_key(
    chapter: str | Path,
    parameters: Mapping[str, Any],
    book: Book | None = None,
    package: Path | None = None,
) -> str:
    """Digest of all that a run of a chapter depends on.

    Parameters
    ----------
    chapter : str or Path
        Name of a chapter, or its file.
    parameters : mapping
        Complete values, as `resolve` gives them.
    book : Book, optional
        The book; found by default.
    package : Path, optional
        Folder of the package to follow imports into; by default ``nlbook`` itself.

    Returns
    -------
    str
        SHA-256, in hexadecimal digits.
    """
    book = book or find_book()
    package = package or _PACKAGE
    path = chapter if isinstance(chapter, Path) else book.chapter(chapter)
    sources = [cell.source for cell in code_cells(path)]
    modules = followed_modules(sources, package)
    parts: list[object] = ["nlbook chapter key 1"]
    parts += [_cell_tree(source) for source in sources]
    parts.append(json.dumps(dict(parameters), sort_keys=True))
    for name, file in modules.items():
        parts += [name, _module_tree(file, file.stat().st_mtime_ns, file.stat().st_size)]
    for file in data_files(sources, book):
        parts += [file.relative_to(book.recorded).as_posix(), _file_digest(file)]
    for file in book.locks:
        parts += [file.name, *_lock_lines(file)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(str(part).encode() + b"\0")
    return digest.hexdigest()


def why_stale(notebook: Path, book: Book | None = None, package: Path | None = None) -> str | None:
    """Why an executed notebook no longer belongs to its chapter.

    Parameters
    ----------
    notebook : Path
        The notebook that a run wrote.
    book : Book, optional
        The book of its chapter; found from the notebook by default.
    package : Path, optional
        As in `chapter_key`.

    Returns
    -------
    str or None
        A clause such as ``"its code changed"``; None when it is fresh.
    """
    import nbformat

    if not notebook.is_file():
        return "it was not executed"
    try:
        stored = nbformat.read(notebook, 4)
        made = stored.metadata["nlbook"]
        chapter, given, key = made["chapter"], made["parameters"], made["key"]
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError):
        return f"{notebook.name} was not made by nlbook run"
    book = book or find_book(notebook.parent)
    if _edited(stored, book.chapters.get(chapter)):
        return "its code cells changed"
    if made.get("outputs") not in (None, outputs_digest(stored)):
        return "its outputs were edited by hand"
    try:
        values = resolve(chapter, given=given, book=book)
    except BookError:
        return "its parameters changed"
    if chapter_key(chapter, values, book, package) != key:
        return "its code, parameters, data or environment changed"
    return None


def outputs_digest(notebook: Any) -> str:
    """Digest of all outputs of a notebook, against edits by hand."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()


def followed_modules(sources: Iterable[str], package: Path) -> dict[str, Path]:
    """Modules of a package that code cells import, directly or through each other.

    Parameters
    ----------
    sources : iterable of str
        Code cells.
    package : Path
        Folder of the package; its name is the package's.

    Returns
    -------
    dict
        File by module name, sorted by name.
    """
    names = [
        name for source in sources for name in imported_names(_parse(source), "", is_package=False)
    ]
    return follow_imports(names, partial(_module_file, package=package))


def data_files(sources: Iterable[str], book: Book) -> list[Path]:
    """Files under ``book/recorded/`` that string constants in code cells name.

    A constant names a file or a folder there, with or without ``recorded/`` before it; a
    folder stands for all files in it. (A constant "." is a marker of a plot, not all there is.)
    """
    files: set[Path] = set()
    for source in sources:
        for node in ast.walk(_parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                files.update(_named_files(node.value, book.recorded))
    return sorted(files)


def _named_files(text: str, folder: Path) -> Iterator[Path]:
    name = text.rpartition("recorded/")[2].strip("/")
    if not name.strip("./") or len(name) > 200 or "\n" in name or ".." in name or "\0" in name:
        return
    place = folder / name
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from (p for p in place.rglob("*") if p.is_file())


def _edited(notebook: Any, chapter: Path | None) -> bool:
    if chapter is None:
        return True
    stored = [
        cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_injected(cell)
    ]
    return [_cell_tree(s) for s in stored] != [_cell_tree(c.source) for c in code_cells(chapter)]


def _parse(source: str) -> ast.Module:
    """Tree of a cell; lines that only IPython understands are left out."""
    try:
        return ast.parse(source)
    except SyntaxError:
        plain = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
        try:
            return ast.parse("\n".join(plain))
        except SyntaxError:
            return ast.Module([], [])


def _module_file(name: str, package: Path) -> Path | None:
    top, *rest = name.split(".")
    if top != package.name:
        return None
    place = package.joinpath(*rest)
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _cell_tree(source: str) -> str:
    try:
        tree = canonical_tree(ast.parse(source), docstrings=True)
    except SyntaxError:
        return source.strip()
    return tree + (";" if source.rstrip().endswith(";") else "")  # it hides the value


@lru_cache(maxsize=1024)
def _module_tree(file: Path, mtime_ns: int, size: int) -> str:
    return canonical_tree(ast.parse(file.read_text("utf-8")), docstrings=False)


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _lock_lines(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return sorted(filter(None, lines))
