"""The book's bibliography for pages that no builder sets: author and year, and a line a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

__all__ = ["author_year", "read_bibliography", "reference_text"]

_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303"}
_LETTERS = {"l": "ł", "L": "Ł", "o": "ø", "O": "Ø", "ss": "ß", "i": "ı"}


def reference_text(paper: Mapping[str, str]) -> str:
    """A paper as an item of a list."""
    where = ", ".join(
        filter(
            None,
            (
                paper.get("journal") or paper.get("booktitle") or paper.get("publisher"),
                paper.get("volume"),
                paper.get("pages", "").replace("--", "–"),
                paper.get("howpublished"),
                paper.get("url"),
            ),
        )
    )
    names = ", ".join(_people(paper, full=True)) or "Anonymous"
    end = f" {where}," if where else ""
    return f"- {names}. *{paper.get('title', '')}*.{end} {paper.get('year', '')}."


def author_year(paper: Mapping[str, str]) -> str:
    """Who wrote a paper and when, as in ``Dyda et al., 2017``."""
    names = _people(paper)
    if len(names) > 2:
        who = f"{names[0]} et al."
    else:
        who = " and ".join(names) or paper.get("title", "")
    return f"{who}, {paper['year']}" if paper.get("year") else who


def _people(paper: Mapping[str, str], full: bool = False) -> list[str]:
    text = paper.get("author") or paper.get("editor") or ""
    names = []
    for person in re.split(r"\s+and\s+", text) if text else []:
        last, comma, first = person.partition(",")
        if not comma:
            first, _, last = person.rpartition(" ")
        names.append(f"{first.strip()} {last.strip()}".strip() if full else last.strip())
    return names


def read_bibliography(file: Path) -> dict[str, dict[str, str]]:
    """Fields of each entry, with the marks of TeX taken out."""
    papers: dict[str, dict[str, str]] = {}
    for entry in re.split(r"^\s*@", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head = re.match(r"\w+\s*\{\s*([^,\s]+)\s*,", entry)
        if head is None:
            continue
        fields = re.findall(
            r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"]\s*,?\s*$", entry[head.end() :], re.MULTILINE
        )
        papers[head.group(1)] = {key.lower(): _untex(value) for key, value in fields}
    return papers


def _untex(text: str) -> str:
    def accented(match: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", match.group(2) + _ACCENTS[match.group(1)])

    text = re.sub(r"\{?\\(['`^\"~])\{?([A-Za-z])\}?\}?", accented, text)
    text = re.sub(r"\{?\\(ss|[lLoOi])\b\}?\s?", lambda m: _LETTERS[m.group(1)], text)
    return re.sub(r"(?<!\\)[{}]", "", text).replace("\\&", "&")
