"""Stage the executed notebooks and the other pages, and build the site from them.

The site is built from exactly the notebooks that it is given: each must be fresh, be of the
chapter as it now is, and have a caption and an alt text for each picture. Sphinx builds all
pages anew with warnings as errors: an incremental build shows old numbers across pages. The
pages load nothing from another host.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import yaml
from nbformat import NotebookNode

from nlbook import host
from nlbook.publishing.book import Book
from nlbook.publishing.notebooks import details, staging
from nlbook.publishing.notebooks.staging import FigureError, SiteError, StaleChapter
from nlbook.publishing.parameters.chapter import TIERS, resolve
from nlbook.publishing.results import CONTENTS
from nlbook.publishing.running.costs import estimate
from nlbook.publishing.running.freshness import why_stale
from nlbook.publishing.running.locks import InUse, own_folder, scratch_folder
from nlbook.publishing.running.records import read_record
from nlbook.publishing.site import pages, reference, rendering
from nlbook.publishing.site.contents import CHAPTER, check_toc, find_page, pages_of_toc, write_toc
from nlbook.publishing.site.placement import adopt, check_place, place
from nlbook.publishing.site.polish import polish

__all__ = [
    "build_site",
    "check_site_place",
    "stage",
    "stage_chapter",
    "write_pages",
]

GENERATED = ("claims", "costs", "benchmarks")
_LAPTOP_CORES = 2  # what estimates are for
_REFERENCE = ".. the reference of the package"  # where a page wants it


def build_site(
    book: Book,
    executed: Path | None = None,
    out: Path | None = None,
    *,
    repository: str | None = None,
    hub: str | None = None,
    quiet: bool = True,
) -> Path:
    """Build the site from executed notebooks.

    Parameters
    ----------
    book : Book
        What `nlbook.publishing.book.find_book` returns.
    executed : Path, optional
        Folder of executed notebooks, one a chapter: by default those of the last build;
        `book.copies` for the committed ones.
    out : Path, optional
        Folder for the finished site; by default ``_build/html``. It must be new, empty, or hold
        a site that was built before, whose files are replaced; other files there are left.
    repository, hub : str, optional
        Addresses of the repository and of a Jupyter hub that can clone it. Each chapter then
        has a button that opens its copy there. By default from the environment variables
        ``NLBOOK_REPOSITORY`` and ``NLBOOK_HUB``; without them there is no button.
    quiet : bool
        Keep what Sphinx prints for the error, if there is one.

    Returns
    -------
    Path
        `out`, whose ``index.html`` opens in a browser with no server and no network.

    Raises
    ------
    StaleChapter
        Outputs are missing, or do not belong to the chapter as it now is.
    FigureError
        A picture without caption or alt text.
    SiteError
        Anything else that stops the site, with Sphinx's warnings where it has any.
    PlaceError
        The site cannot be put into `out`: before anything is built, where that can be seen.
    """
    build = book.root / "_build"
    out = Path(out) if out else build / "html"
    repository = repository or os.environ.get("NLBOOK_REPOSITORY")
    hub = hub or os.environ.get("NLBOOK_HUB")
    check_site_place(book, out)
    build.mkdir(parents=True, exist_ok=True)
    with scratch_folder(build, ".site-") as scratch:
        staged = scratch / "staged"
        stage(book, Path(executed or book.executed), staged, repository=repository, hub=hub)
        try:
            html = rendering.render(staged, quiet)
        finally:
            _keep(staged, build / "staged")
        polish(html)
        place(html, out)
    return out


def check_site_place(book: Book, out: Path | None = None) -> None:
    """Refuse a folder that the site of a book could not be put into.

    Parameters
    ----------
    book : Book
        The book.
    out : Path, optional
        As in `build_site`.

    Raises
    ------
    BookError
        It is a file, cannot be written, or holds files and is no site of ours.
    """
    if out is None or Path(out) == book.root / "_build" / "html":
        out = book.root / "_build" / "html"
        adopt(out)
    check_place(out)


def _keep(staged: Path, kept: Path) -> None:
    """Leave what was staged to look at, unless a build beside this one is doing so."""
    with contextlib.suppress(InUse), own_folder(kept.with_name(".staged"), "another build") as new:
        shutil.copytree(staged, new / "staged", ignore=shutil.ignore_patterns("_build"))
        if kept.is_symlink():
            kept.unlink()
        shutil.rmtree(kept, ignore_errors=True)
        os.rename(new / "staged", kept)


def stage(
    book: Book,
    executed: Path,
    staged: Path,
    *,
    repository: str | None = None,
    hub: str | None = None,
) -> None:
    """Write everything that the builder reads into one flat folder.

    Parameters
    ----------
    book : Book
        What `nlbook.publishing.book.find_book` returns.
    executed : Path
        Folder of executed notebooks.
    staged : Path
        Folder to write; it must not exist.
    repository, hub : str, optional
        As in `build_site`.
    """
    root, source = book.root, book.book
    staged.mkdir(parents=True)
    names = pages_of_toc(root / "_toc.yml")
    chapters = [name for name in names if CHAPTER.fullmatch(name)]
    references = reference.reference_pages() if _wants_reference(names, source) else {}
    check_toc(names, chapters, {*GENERATED, *references}, source)

    _write_config(root, staged, repository, hub)
    if (source / "_static").is_dir():
        shutil.copytree(source / "_static", staged / "_static")
    keys: list[str] = []
    for bibliography in sorted(source.glob("*.bib")):
        shutil.copy2(bibliography, staged)
        keys += re.findall(r"^\s*@\w+\{([^,\s]+),", bibliography.read_text("utf-8"), re.MULTILINE)
    for name in names:
        if name in references:
            (staged / f"{name}.rst").write_text(references[name], encoding="utf-8")
        elif name not in chapters and name not in GENERATED:
            page = find_page(source, name)
            text = page.read_text(encoding="utf-8")
            if _REFERENCE in text:
                text = text.replace(_REFERENCE, reference.rooms_list())
            (staged / page.name).write_text(text, encoding="utf-8")

    claims: dict[str, list[dict[str, Any]]] = {}
    titles: dict[str, str] = {}
    numbers: dict[str, int] = {}
    costs: list[pages.Cost] = []
    detailed: list[str] = []
    figures: dict[str, str] = {}
    for name in chapters:
        notebook, record = stage_chapter(book, executed, staged, name)
        claims[name] = staging.claims(notebook)
        numbers[name] = staging.count_numbers(notebook)
        titles[name] = _title(notebook, name).group(1)
        for figure in staging.promote_figures(notebook, name):
            if figure in figures:
                raise FigureError(f"figure {figure!r} is in {figures[figure]} and in {name}")
            figures[figure] = name
        if write_pages(notebook, name, staged):
            detailed.append(name)
        costs += _costs(book, name, record)
    write_toc(root / "_toc.yml", staged / "_toc.yml", detailed)
    written = {
        "claims": pages.claims_page(claims, titles, keys, numbers),
        "costs": pages.costs_page(costs),
        "benchmarks": pages.benchmarks_page(_benchmarks(book)),
    }
    for name, text in written.items():
        (staged / f"{name}.md").write_text(text, encoding="utf-8")


def stage_chapter(
    book: Book, executed: Path, staged: Path, name: str, *, fresh: bool = True
) -> tuple[NotebookNode, dict[str, Any]]:
    """Join a chapter to its outputs, add its notes, and lay out its downloads.

    Without `fresh` it is enough that the outputs are those of the chapter's code cells.
    """
    stored = executed / f"{name}.ipynb"
    if not stored.is_file():
        raise StaleChapter(f"{name} has not been executed: there is no {stored}")
    notebook = nbformat.read(stored, 4)
    metadata = dict(notebook.metadata.get("nlbook", {}))
    joined = staging.join(notebook, staging.read_chapter(book.book / f"{name}.md"), name)
    staging.set_numbers(joined)
    if fresh and (reason := why_stale(stored, book)):
        raise StaleChapter(
            f"{name} is stale: {reason} after the run that made {stored.name}; run it again "
            "(nlbook build, or make notebooks for the committed copies)"
        )

    record = read_record(stored) or {}
    downloads = {"this notebook, executed": _offer(stored, staged, "executed")}
    copy = book.copies / stored.name
    if copy.is_file() and copy.resolve() != stored.resolve():
        downloads["its copy, to run"] = _offer(copy, staged, "copies")
    if record:
        downloads["record of the run"] = _offer(stored.with_suffix(".json"), staged, "executed")
    results = stored.with_suffix(".results")
    if (saved := record.get("results", {}).get("saved")) and results.is_dir():
        downloads["its arrays and tables"] = _archive(results, saved, staged)
    _add_under_title(joined, pages.title_note(name, metadata, record, downloads), name)
    claimed = len(staging.claims(joined))
    computed = claimed + staging.count_numbers(joined)
    note = pages.provenance(name, metadata, record, claimed, computed)
    joined.cells.append(nbformat.v4.new_markdown_cell(note, id="provenance"))
    return joined, record


def write_pages(notebook: NotebookNode, name: str, staged: Path) -> bool:
    """Write a chapter's page, and its second one; whether there is a second."""
    second = details.cut(notebook, name, _title(notebook, name).group(1))
    if second is not None:
        nbformat.write(second, staged / f"{name}{details.SUFFIX}.ipynb")
        link = f"{{doc}}`Details are on a second page <{name}{details.SUFFIX}>`."
        _add_under_title(notebook, link, name)
    nbformat.write(notebook, staged / f"{name}.ipynb")
    return second is not None


def _offer(path: Path, staged: Path, folder: str) -> str:
    """Copy a file for download; return its path relative to the page."""
    target = staged / "downloads" / folder / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)
    return target.relative_to(staged).as_posix()


def _archive(folder: Path, saved: dict[str, Any], staged: Path) -> str:
    """Pack what a run saved for download; return the archive's path relative to the page."""
    target = staged / "downloads" / "executed" / f"{folder.stem}_results.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (CONTENTS, *(entry["file"] for entry in saved.values())):
            entry = zipfile.ZipInfo(f"{folder.stem}_results/{name}")  # of a fixed date
            archive.writestr(entry, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
    return target.relative_to(staged).as_posix()


def _add_under_title(notebook: NotebookNode, note: str, name: str) -> None:
    title = _title(notebook, name)
    for cell in notebook.cells:
        if cell.source is title.string:
            cell.source = f"{title.string[: title.end()]}\n\n{note}{title.string[title.end() :]}"
            return


def _title(notebook: NotebookNode, name: str) -> re.Match[str]:
    """Find the line of a chapter's title."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (
            title := re.search(r"^# +(.+?) *$", cell.source, re.MULTILINE)
        ):
            return title
    raise SiteError(f"{name} has no title: it must begin with a line '# Title'")


def _wants_reference(names: list[str], source: Path) -> bool:
    """Whether a page asks for the reference of the package."""
    files = [source / f"{name}{suffix}" for name in names for suffix in (".md", ".rst")]
    return any(file.is_file() and _REFERENCE in file.read_text("utf-8") for file in files)


def _write_config(root: Path, staged: Path, repository: str | None, hub: str | None) -> None:
    """Copy the configuration, with addresses of a repository and a hub where they are known."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    if repository:
        parts = urlsplit(repository)
        if parts.scheme not in ("http", "https") or parts.path.strip("/").count("/") < 1:
            raise SiteError(f"repository must be like https://host/owner/name, got {repository!r}")
        config["repository"] = {
            "url": repository.rstrip("/").removesuffix(".git"),
            "path_to_book": "book/notebooks",
            "branch": _branch(root),
        }
        config.setdefault("html", {})["use_repository_button"] = True
        theme = config.setdefault("sphinx", {}).setdefault("config", {})
        theme.setdefault("html_theme_options", {})["repository_provider"] = (
            "github" if (parts.hostname or "").endswith("github.com") else "gitlab"
        )
    if hub:
        if not repository:
            raise SiteError("a hub needs the address of a repository that it can clone")
        if urlsplit(hub).scheme not in ("http", "https"):
            raise SiteError(f"hub must be like https://host, got {hub!r}")
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "jupyterhub_url": hub.rstrip("/"),
        }
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (staged / "_config.yml").write_text(text, encoding="utf-8")


def _branch(root: Path) -> str:
    try:
        branch = host.git(root, "rev-parse", "--abbrev-ref", "HEAD").strip()
    except (OSError, subprocess.SubprocessError):
        return "main"
    return "main" if branch in ("", "HEAD") else branch


def _costs(book: Book, name: str, record: dict[str, Any]) -> list[pages.Cost]:
    """Collect what is known of a chapter's cost: this run's record, and the measured model."""
    rows = []
    ran = str(record.get("tier") or "own") if record else None
    for tier in TIERS:
        expected = estimate(name, resolve(name, tier, book=book), book, workers=_LAPTOP_CORES)
        if tier == ran:
            rows.append(_measured(name, tier, record, expected.tasks))
        elif expected.wall_hours is not None:
            where = (expected.provenance or {}).get("host") or "a measurement"
            rows.append(
                pages.Cost(
                    name,
                    tier,
                    tasks=expected.tasks,
                    wall_s=3600 * expected.wall_hours,
                    cores=_LAPTOP_CORES,
                    core_hours=expected.core_hours,
                    memory_mib=expected.memory_mib,
                    basis=f"estimated from {where}",
                )
            )
        else:
            rows.append(pages.Cost(name, tier, tasks=expected.tasks, basis="—"))
    if ran == "own":
        rows.append(_measured(name, "own", record, None))
    return rows


def _measured(name: str, tier: str, record: dict[str, Any], tasks: int | None) -> pages.Cost:
    return pages.Cost(
        name,
        tier,
        tasks=tasks,
        wall_s=record.get("wall_s"),
        cores=record.get("threads") or record.get("cores"),
        memory_mib=record.get("peak_memory_mib"),
        basis="the run of this page",
    )


def _benchmarks(book: Any) -> list[dict[str, Any]]:
    tables = []
    for path in sorted((book.recorded / "benchmarks").glob("*.json")):
        table = json.loads(path.read_text("utf-8"))
        missing = [key for key in ("title", "rows") if key not in table]
        if missing:
            raise SiteError(f"{path} lacks {' and '.join(missing)}")
        tables.append(table)
    return tables
