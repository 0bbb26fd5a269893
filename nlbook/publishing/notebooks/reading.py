"""How long a chapter takes to read, from its source.

Words are those of prose, boxes and captions; a formula, a number from a cell or a citation in a
line is one. A reader takes 200 words a minute, 20 s for a figure or table, 15 s for an equation
of its own line, and 3 s for a line of code that is shown. What is folded is counted apart, and so
is the second page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from nlbook.publishing.notebooks.details import sides
from nlbook.publishing.notebooks.myst import BOXES, blocks, parts
from nlbook.publishing.notebooks.staging import read_chapter

__all__ = ["BUDGET", "Reading", "measure"]

#: Minutes that the first page of a chapter may take.
BUDGET = 25.0

_WORDS_A_MINUTE = 200
_SECONDS = {"figures": 20, "tables": 20, "equations": 15, "code_lines": 3}
_HIDES_CODE = {"hide-input", "hide-cell", "remove-input", "remove-cell", "bookkeeping"}
_HIDES_OUTPUTS = {"hide-output", "remove-output", "hide-cell", "remove-cell"}
_UNCOUNTED = {"References"}  # sections
_MATH = re.compile(r"\$\$.*?\$\$(?:\s*\([\w.:-]+\))?", re.DOTALL)


@dataclass
class Reading:
    """What a reader meets on a page."""

    words: int = 0  #: of prose, boxes and captions that are not folded
    folded_words: int = 0  #: of what opens at a click
    figures: int = 0  #: pictures that a cell shows or the text includes
    tables: int = 0  #: tables that are not folded
    equations: int = 0  #: that stand in lines of their own
    code_lines: int = 0  #: that are not folded or hidden

    @property
    def minutes(self) -> float:
        """How long it takes, without what is folded."""
        seconds = sum(rate * getattr(self, what) for what, rate in _SECONDS.items())
        return self.words / _WORDS_A_MINUTE + seconds / 60


def measure(chapter: Path) -> tuple[Reading, Reading]:
    """Count what is on the first page of a chapter, and on the second.

    Parameters
    ----------
    chapter : Path
        Its source, MyST.
    """
    pages = Reading(), Reading()
    uncounted = [0, 0]  # level of the section that is left out
    for cell, second in sides(read_chapter(chapter).cells):
        page = pages[second]
        if cell.cell_type == "code":
            _count_code(cell, page)
            continue
        kept = []
        for line in cell.source.splitlines():
            if heading := re.match(r"(#+)\s+(.*?)\s*$", line):
                level = len(heading.group(1))
                if uncounted[second] and level <= uncounted[second]:
                    uncounted[second] = 0
                if heading.group(2) in _UNCOUNTED:
                    uncounted[second] = level
            if not uncounted[second]:
                kept.append(line)
        _count_prose(kept, page, folded=False)
    return pages


def _count_prose(lines: list[str], page: Reading, folded: bool) -> None:
    for kind, block in blocks(lines):
        if kind == "text":
            _count_text("\n".join(block), page, folded)
            continue
        name, argument, options, body = parts(block)
        if name in BOXES:
            inside = folded or name in {"dropdown", "solution"}
            inside = inside or "dropdown" in options.get("class", "")
            _count_text(argument, page, folded)
            _count_prose(body, page, inside)
        elif name == "figure":
            page.figures += not folded
            _count_prose(body, page, folded)
        elif name in {"table", "list-table", "csv-table"}:
            page.tables += not folded
            _count_text(argument, page, folded)
        elif name == "math":
            page.equations += not folded
        elif name in {"code-block", "code"}:
            page.code_lines += 0 if folded else _lines("\n".join(body))


def _count_text(text: str, page: Reading, folded: bool) -> None:
    text = re.sub(r"^\([\w.:-]+\)=\s*$", "", text, flags=re.MULTILINE)
    equations = len(_MATH.findall(text))
    text = _MATH.sub(" ", text)
    code = re.findall(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1\s*$", text, re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1\s*$", " ", text, flags=re.MULTILINE | re.DOTALL)
    tables = len(re.findall(r"^\|[\s:|-]+\|\s*$", text, re.MULTILINE))
    text = re.sub(r"^\|.*\|\s*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"<!--.*?-->|^\+\+\+.*$", " ", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\{[\w:+-]+\}`[^`]*`|\$[^$]+\$|`[^`]+`", " word ", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    words = len(re.findall(r"[^\W_]+(?:['’.,:/-][^\W_]+)*", text))
    if folded:
        page.folded_words += words
        return
    page.words += words
    page.equations += equations
    page.tables += tables
    page.code_lines += sum(_lines(body) for _, body in code)


def _count_code(cell: NotebookNode, page: Reading) -> None:
    tags = set(cell.metadata.get("tags", []))
    if not tags & _HIDES_CODE:
        page.code_lines += _lines(cell.source)
    hidden = bool(tags & _HIDES_OUTPUTS)
    for what, caption in _shown(cell.source):
        words = Reading()
        _count_text(caption, words, folded=False)
        if hidden:
            page.folded_words += words.words
        else:
            page.words += words.words
            setattr(page, what, getattr(page, what) + 1)


def _shown(source: str) -> Iterator[tuple[str, str]]:
    """Figures and tables that a cell shows, with what of their captions is not computed."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if re.fullmatch(r"(publishing\.)?(figures\.show|explore)", called):
            yield "figures", _said(keywords.get("caption"))
        elif called in {"table", "publishing.table"}:
            given = node.args[1] if len(node.args) > 1 else keywords.get("caption")
            yield "tables", f"{_said(given)} {_said(keywords.get('note'))}"


def _said(node: ast.expr | None) -> str:
    """The words of a text in code; a computed value is one."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_said(value) for value in values)
        case ast.BinOp(left=left, right=right):
            return _said(left) + _said(right)
        case ast.FormattedValue():
            return "1"
    return ""


def _lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())
