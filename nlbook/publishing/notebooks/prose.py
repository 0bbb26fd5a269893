"""A chapter's prose as any notebook viewer shows it: values instead of roles.

A chapter is written in MyST: its text names a number, a figure or a paper, and the site's builder
puts in what is meant. JupyterLab and a code host know none of that. Here the markdown cells of an
executed notebook are written in plain Markdown: numbers from the notebook's own outputs, figures,
tables and equations numbered as on the site, citations by author and year, boxes as quotations,
folded ones as ``<details>``. Each figure gets its caption in a cell behind it. Code cells and
their outputs stay as they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book
from nlbook.publishing.notebooks.bibliography import author_year, read_bibliography, reference_text
from nlbook.publishing.notebooks.details import sides
from nlbook.publishing.notebooks.myst import (
    BOXES,
    EQUATION_END,
    FENCE,
    blocks,
    box_key,
    numbered,
    parts,
)
from nlbook.publishing.notebooks.normal_form import GLUE, cell_id
from nlbook.publishing.typography import pretty

__all__ = ["NOTE", "render_prose"]

#: What a notebook with rendered prose says of it, under its title.
NOTE = (
    "*The numbers in this text are those of the outputs stored here. Executing the cells again "
    "changes the outputs, not the text; `nlbook run` renders both.*"
)
_ROLE = re.compile(r"\{([A-Za-z][\w:+-]*)\}(`+)(.+?)(?<!`)\2(?!`)", re.DOTALL)
_LABELLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
_TARGET = re.compile(r"^\(([\w.:-]+)\)=\s*$")
_HEADING = re.compile(r"^#+\s+(.*?)\s*$")


@dataclass
class _Known:
    """What the roles of a chapter may name."""

    values: dict[str, str] = field(default_factory=dict)  # of glued names
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)  # label: kind, number
    sections: dict[str, tuple[str, str]] = field(default_factory=dict)  # label: title, chapter
    titles: dict[str, str] = field(default_factory=dict)  # of pages
    papers: dict[str, dict[str, str]] = field(default_factory=dict)  # of the bibliography
    cited: dict[str, None] = field(default_factory=dict)  # keys, in order
    chapter: str = ""


def render_prose(notebook: Any, name: str, book: Book) -> Any:
    """Write the markdown cells of an executed notebook in plain Markdown, in place.

    Parameters
    ----------
    notebook : NotebookNode
        It holds the chapter's own prose and the outputs of a run.
    name : str
        Name of the chapter.
    book : Book
        The book, for titles of other pages and the bibliography.

    Returns
    -------
    NotebookNode
        The same notebook. What is not understood stays as it is written.
    """
    import nbformat

    known = _gather(notebook, name, book)
    cells: list[Any] = []
    noted = False
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = _render(cell.source, known)
            if not noted and (title := re.search(r"^# .*$", cell.source, re.MULTILINE)):
                noted = True
                before, after = cell.source[: title.end()], cell.source[title.end() :]
                cell.source = f"{before}\n\n{NOTE}{after}"
        for shown in _shown(cell):
            kind, number = known.numbers[shown["name"]]
            text = _render(shown["caption"], known)
            source = f"**{kind} {number}.** {text}"
            identifier = cell_id(f"caption-{shown['name']}")
            cells.append(nbformat.v4.new_markdown_cell(source, id=identifier))
    notebook.cells = cells
    return notebook


def _gather(notebook: Any, name: str, book: Book) -> _Known:
    known = _Known(chapter=name)
    for page in sorted(book.book.glob("*.md")):
        title, sections = _headings(page)
        known.titles[page.stem] = title
        for label, text in sections.items():
            known.sections[label] = (text, page.stem)
    known.titles |= {
        page: title
        for page, title in (
            ("claims", "Claims"),
            ("costs", "What each chapter costs"),
            ("benchmarks", "Benchmarks"),
            ("api", "The package"),
        )
        if page not in known.titles
    }
    for file in sorted(book.book.glob("*.bib")):
        known.papers |= read_bibliography(file)
    counts: dict[str, int] = {}
    first = name.partition("_")[0]
    prefix = f"{int(first)}." if first.isdigit() else ""

    def number(kind: str, label: str) -> None:
        counts[kind] = counts.get(kind, 0) + 1
        known.numbers[label] = (kind, f"{prefix}{counts[kind]}")

    parts = sides(notebook.cells)
    ordered = [cell for second in (False, True) for cell, side in parts if side is second]
    for cell in ordered:  # as the site shows them: the first page, then the second
        if cell.cell_type == "markdown":
            for kind, label in numbered(cell.source.splitlines()):
                number(kind, label)
        for output in cell.get("outputs", []):
            metadata = output.get("metadata", {})
            glued = metadata.get("scrapbook", {}).get("name")
            if glued and GLUE in output.get("data", {}):
                known.values[glued] = pretty(str(ast.literal_eval(output["data"][GLUE])))
            for kind, key in (("Fig.", "figure"), ("Table", "table")):
                if shown := metadata.get("nlbook", {}).get(key):
                    number(kind, shown["name"])
    return known


def _shown(cell: Any) -> Iterator[Mapping[str, str]]:
    """The figures and tables among the outputs of a cell."""
    for output in cell.get("outputs", []):
        told = output.get("metadata", {}).get("nlbook", {})
        if shown := told.get("figure") or told.get("table"):
            yield shown


def _headings(page: Path) -> tuple[str, dict[str, str]]:
    """Title of a page, and the headings that have labels."""
    title, sections = page.stem, {}
    waiting: list[str] = []
    for line in page.read_text("utf-8").splitlines():
        if target := _TARGET.match(line):
            waiting.append(target.group(1))
        elif heading := _HEADING.match(line):
            if title == page.stem and line.startswith("# "):
                title = heading.group(1)
            sections.update(dict.fromkeys(waiting, heading.group(1)))
            waiting = []
        elif line.strip():
            sections.update(dict.fromkeys(waiting, ""))  # of something else: it has no title
            waiting = []
    return title, sections


def _render(text: str, known: _Known) -> str:
    return "\n".join(_rendered(text.splitlines(), known))


def _rendered(lines: list[str], known: _Known) -> list[str]:
    out: list[str] = []
    for kind, block in blocks(lines):
        if kind == "text":
            out += _text(block, known)
        else:
            out += _directive(block, known)
    return out


def _text(lines: list[str], known: _Known) -> list[str]:
    """Lines outside of directives; those of a code block are left."""
    out: list[str] = []
    prose: list[str] = []

    def flush() -> None:
        if prose:
            out.extend(_ROLE.sub(lambda m: _role(m, known), "\n".join(prose)).split("\n"))
            prose.clear()

    fence = ""
    for line in lines:
        opened = FENCE.match(line)
        if fence:
            out.append(line)
            if opened and not opened.group(3) and opened.group(2).startswith(fence):
                fence = ""
        elif opened:
            flush()
            out.append(line)
            fence = opened.group(2)
        elif target := _TARGET.match(line):
            prose.append(f'<a id="{target.group(1)}"></a>')
        elif ended := EQUATION_END.match(line):
            _, number = known.numbers.get(ended.group(2), ("", ""))
            tag = rf"\tag{{{number}}}" if number else ""
            prose.append(f"{ended.group(1)}{tag}$$" if ended.group(1) else f"{tag}\n$$".lstrip())
        else:
            prose.append(line)
    flush()
    return out


def _role(match: re.Match[str], known: _Known) -> str:
    kind, text = match.group(1), " ".join(match.group(3).split())
    render = _ROLES.get(kind)
    shown = render(text, known) if render else None
    return match.group(0) if shown is None else shown


def _glue(text: str, known: _Known) -> str | None:
    return known.values.get(text, known.values.get(text.partition(":")[0]))


def _numref(text: str, known: _Known) -> str | None:
    words, label = _split(text)
    if label not in known.numbers:
        return None
    kind, number = known.numbers[label]
    if not words:
        return f"{kind} {number}"
    return words.replace("%s", number).replace("{number}", number).replace("{name}", label)


def _equation(text: str, known: _Known) -> str | None:
    return f"({known.numbers[text][1]})" if text in known.numbers else None


def _reference(text: str, known: _Known) -> str | None:
    words, label = _split(text)
    if label not in known.sections:
        return _numref(text, known)
    title, page = known.sections[label]
    if not (words or title):
        return _numref(text, known)
    place = f"{page}.ipynb" if page != known.chapter else f"#{label}"
    return f"[{words or title}]({place})" if re.match(r"\d\d_|#", place) else words or title


def _document(text: str, known: _Known) -> str | None:
    words, page = _split(text)
    page = page.removesuffix(".md")
    if page not in known.titles:
        return None
    title = words or known.titles[page]
    return f"[{title}]({page}.ipynb)" if re.match(r"\d\d_", page) else f"*{title}*"


def _citation(text: str, known: _Known) -> str | None:
    keys = [key.strip() for key in text.split(",")]
    if not all(key in known.papers for key in keys):
        return None
    known.cited.update(dict.fromkeys(keys))
    return "(" + "; ".join(author_year(known.papers[key]) for key in keys) + ")"


def _textual_citation(text: str, known: _Known) -> str | None:
    if _citation(text, known) is None:
        return None
    papers = (known.papers[key.strip()] for key in text.split(","))
    return " and ".join(re.sub(r", (\d{4}\w*)$", r" (\1)", author_year(paper)) for paper in papers)


def _code(text: str, known: _Known) -> str:
    words, target = _split(text)
    return f"`{words or target.lstrip('~')}`"


def _split(text: str) -> tuple[str, str]:
    """Words and target of ``words <target>``; no words in a bare target."""
    labelled = _LABELLED.match(text)
    return (labelled.group(1), labelled.group(2)) if labelled else ("", text)


_ROLES: dict[str, Callable[[str, _Known], str | None]] = {
    "glue:text": _glue,
    "glue": _glue,
    "numref": _numref,
    "eq": _equation,
    "ref": _reference,
    "doc": _document,
    "cite": _citation,
    "cite:p": _citation,
    "cite:t": _textual_citation,
    "term": lambda text, known: _split(text)[0] or text,
    "math": lambda text, known: f"${text}$",
    "code": _code,
    "func": _code,
    "mod": _code,
    "class": _code,
    "meth": _code,
    "attr": _code,
    "py:func": _code,
    "py:mod": _code,
    "py:class": _code,
    "download": lambda text, known: _split(text)[0] or text,
}


def _directive(block: list[str], known: _Known) -> list[str]:
    name, argument, options, body = parts(block)
    if name in BOXES:
        return _box(name, known.numbers.get(box_key(block)), argument, options, body, known)
    if name == "math":
        _, number = known.numbers.get(options.get("name") or options.get("label", ""), ("", ""))
        return ["$$", *body, *([rf"\tag{{{number}}}"] if number else []), "$$"]
    if name == "figure":
        caption = " ".join(_rendered(body, known))
        picture = f"![{' '.join(options.get('alt', '').split())}]({argument})"
        return [picture, "", f"{_label(options, known)}{caption}"]
    if name == "list-table":
        return [*_title(argument, options, known), *_list_table(body, options, known)]
    if name == "table":
        return [*_title(argument, options, known), *_rendered(body, known)]
    if name == "bibliography":
        return _references(known)
    if name in {"code-block", "code", "sourcecode"}:
        return [f"```{argument}", *body, "```"]
    return block


def _box(
    name: str,
    number: tuple[str, str] | None,
    argument: str,
    options: Mapping[str, str],
    body: list[str],
    known: _Known,
) -> list[str]:
    title = _render(argument, known)
    if number:
        title = " ".join(number) + (f": {title}" if title else "")
    title = title or name.replace("-", " ").capitalize()
    content = _rendered(body, known)
    if name in {"dropdown", "solution"} or "dropdown" in options.get("class", ""):
        folded = f"<summary>{title}</summary>"
        return ["<details>", folded, "", *content, "", "</details>"]
    return [f"> **{title}**", ">", *(f"> {line}".rstrip() for line in content)]


def _label(options: Mapping[str, str], known: _Known) -> str:
    kind, number = known.numbers.get(options.get("name", ""), ("", ""))
    return f"**{kind} {number}.** " if number else ""


def _title(argument: str, options: Mapping[str, str], known: _Known) -> list[str]:
    if not argument:
        return []
    return [f"{_label(options, known)}{_render(argument, known)}", ""]


def _list_table(body: list[str], options: Mapping[str, str], known: _Known) -> list[str]:
    rows: list[list[str]] = []
    for line in body:
        if item := re.match(r"^\s*[*-]\s+[*-](?:\s+(.*))?$", line):
            rows.append([item.group(1) or ""])
        elif rows and (item := re.match(r"^\s+[*-](?:\s+(.*))?$", line)):
            rows[-1].append(item.group(1) or "")
        elif rows and line.strip():
            rows[-1][-1] = f"{rows[-1][-1]} {line.strip()}".strip()
    if not rows:
        return []
    width = max(map(len, rows))
    if int(options.get("header-rows") or 0) < 1:
        rows.insert(0, [""] * width)
    cells = [[_cell(text, known) for text in row + [""] * (width - len(row))] for row in rows]
    laid = ["| " + " | ".join(row) + " |" for row in cells]
    return [laid[0], "|" + " --- |" * width, *laid[1:]]


def _cell(text: str, known: _Known) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", _render(text, known))


def _references(known: _Known) -> list[str]:
    cited = sorted((known.papers[key] for key in known.cited), key=author_year)
    return [reference_text(paper) for paper in cited]
