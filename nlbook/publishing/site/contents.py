"""The table of contents, ``_toc.yml``: the pages of the site, and whether all of them are there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from nlbook.publishing.notebooks.details import SUFFIX
from nlbook.publishing.notebooks.staging import SiteError

__all__ = ["CHAPTER", "check_toc", "find_page", "pages_of_toc", "write_toc"]

CHAPTER = re.compile(r"\d\d_\w+")  #: name of a page that is a chapter


def pages_of_toc(path: Path) -> list[str]:
    """List the pages of a table of contents, in reading order."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, Mapping):
            for key in ("root", "file"):
                if key in node:
                    yield str(node[key])
            for key in ("parts", "chapters", "sections"):
                yield from walk(node.get(key))
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    names = walk(yaml.safe_load(path.read_text(encoding="utf-8")))
    return [Path(name).with_suffix("").as_posix() for name in names]


def write_toc(source: Path, target: Path, detailed: Collection[str]) -> None:
    """Copy a table of contents, with the second page of each chapter that has one below it."""

    def add(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                add(item)
        elif isinstance(node, dict):
            name = re.sub(r"\.\w+$", "", str(node.get("file", "")))
            for key in ("parts", "chapters", "sections"):
                add(node.get(key))
            if name in detailed:
                node["sections"] = [{"file": name + SUFFIX}, *node.get("sections", [])]

    toc = yaml.safe_load(source.read_text(encoding="utf-8"))
    add(toc)
    target.write_text(yaml.safe_dump(toc, sort_keys=False, allow_unicode=True), encoding="utf-8")


def check_toc(names: list[str], chapters: list[str], generated: set[str], source: Path) -> None:
    """Refuse a table that leaves out a chapter, or names a page that is not there.

    Raises
    ------
    SiteError
        It names the page.
    """
    there = {path.stem for path in source.glob("*.md") if CHAPTER.fullmatch(path.stem)}
    if absent := sorted(set(chapters) - there):
        raise SiteError(f"_toc.yml names {', '.join(absent)}, which {source} does not hold")
    if unlisted := sorted(there - set(chapters)):
        raise SiteError(f"chapters that _toc.yml does not name: {', '.join(unlisted)}")
    for name in names:
        if name not in chapters and name not in generated:
            find_page(source, name)
    for name in sorted(generated):
        if name not in names:
            raise SiteError(f"_toc.yml must name the generated page {name!r}")


def find_page(source: Path, name: str) -> Path:
    """Find a page that is neither a chapter nor generated.

    Raises
    ------
    SiteError
        If there is none.
    """
    for suffix in (".md", ".rst"):
        if (source / f"{name}{suffix}").is_file():
            return source / f"{name}{suffix}"
    raise SiteError(f"_toc.yml names {name}, but there is no {name}.md in {source}")
