"""One chapter's pages alone, to look at while writing: no other chapter is read or checked."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from nlbook.publishing.book import Book
from nlbook.publishing.notebooks import staging
from nlbook.publishing.notebooks.details import SUFFIX
from nlbook.publishing.running.locks import scratch_folder
from nlbook.publishing.site import rendering
from nlbook.publishing.site.assembly import stage_chapter, write_pages
from nlbook.publishing.site.contents import write_toc
from nlbook.publishing.site.placement import adopt, check_place, place
from nlbook.publishing.site.polish import polish

__all__ = ["preview"]

_PAGES = ("glossary", "notation")  # that a chapter refers to
_GENERATED = ("benchmarks", "claims", "costs")


def preview(
    book: Book, name: str, executed: Path, out: Path | None = None
) -> tuple[Path, list[str]]:
    """Build the pages of one chapter from its executed notebook.

    Parameters
    ----------
    book : Book
        The book.
    name : str
        Of the chapter.
    executed : Path
        Folder of its executed notebook. It may be older than the package and the prose, but must
        have the chapter's code cells.
    out : Path, optional
        Folder of the pages; by default ``_build/preview``. It must be new, empty, or hold an
        earlier preview, whose files are replaced.

    Returns
    -------
    page : Path
        The chapter's page.
    complaints : list of str
        What the builder says of the chapter; figures and equations of other chapters are unknown
        to it.

    Raises
    ------
    PlaceError
        The pages cannot be put into `out`: before anything is built, where that can be seen.
    """
    ours = book.root / "_build" / "preview"
    out = out or ours
    if out == ours:
        adopt(out)
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(out.parent, ".preview-") as scratch:
        staged = scratch / "staged"
        _stage(book, name, executed, staged)
        html, complaints = rendering.render_loosely(staged)
        polish(html)
        place(html, out)
    told = [line for line in complaints if re.search(rf"\b{name}(?:{SUFFIX})?\.ipynb", line)]
    return out / f"{name}.html", told


def _stage(book: Book, name: str, executed: Path, staged: Path) -> None:
    staged.mkdir(parents=True)
    shutil.copy2(book.root / "_config.yml", staged)
    if (book.book / "_static").is_dir():
        shutil.copytree(book.book / "_static", staged / "_static")
    for bibliography in book.book.glob("*.bib"):
        shutil.copy2(bibliography, staged)
    notebook, _ = stage_chapter(book, executed, staged, name, fresh=False)
    staging.promote_figures(notebook, name)
    second = write_pages(notebook, name, staged)
    (staged / "index.md").write_text(f"# Preview\n\n{{doc}}`{name}`\n", "utf-8")
    for other, path in book.chapters.items():
        if other != name:
            (staged / f"{other}.md").write_text(_headings(path), "utf-8")
    for page in _GENERATED:
        (staged / f"{page}.md").write_text(f"# {page.capitalize()}\n", "utf-8")
    more = [page for page in _PAGES if (book.book / f"{page}.md").is_file()]
    for page in more:
        shutil.copy2(book.book / f"{page}.md", staged)
    lines = ["format: jb-book", "root: index", "parts:", "- numbered: 1", "  chapters:"]
    lines += [f"  - file: {chapter}" for chapter in book.chapters]
    lines += ["- chapters:", *(f"  - file: {page}" for page in (*more, *_GENERATED))]
    toc = staged / "_toc.yml"
    toc.write_text("\n".join(lines) + "\n", "utf-8")
    write_toc(toc, toc, [name] if second else [])


def _headings(chapter: Path) -> str:
    """The headings of a chapter, with their labels."""
    kept = []
    for cell in staging.read_chapter(chapter).cells:
        if cell.cell_type == "markdown":
            kept += re.findall(r"^(?:\([\w.:-]+\)=|#+ .*)$", cell.source, re.MULTILINE)
    return "\n\n".join(kept) + "\n"
