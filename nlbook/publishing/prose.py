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
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book

__all__ = ["NOTE", "render_prose"]

#: What a notebook with rendered prose says of it, under its title.
NOTE = (
    "*The numbers in this text are those of the outputs stored here. Executing the cells again "
    "changes the outputs, not the text; `nlbook run` renders both.*"
)
_GLUE = "application/papermill.record/text/plain"
_ROLE = re.compile(r"\{([A-Za-z][\w:+-]*)\}(`+)(.+?)(?<!`)\2(?!`)", re.DOTALL)
_LABELLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,}|:{3,})\s*(.*?)\s*$")
_TARGET = re.compile(r"^\(([\w.:-]+)\)=\s*$")
_EQUATION_END = re.compile(r"^(.*?)\$\$\s*\(([\w.:-]+)\)\s*$")
_HEADING = re.compile(r"^#+\s+(.*?)\s*$")
_BOXES = {
    "admonition", "attention", "caution", "danger", "dropdown", "error", "exercise", "hint",
    "important", "note", "seealso", "solution", "theorem", "tip", "warning",
}  # fmt: skip
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303"}
_LETTERS = {"l": "ł", "L": "Ł", "o": "ø", "O": "Ø", "ss": "ß", "i": "ı"}


@dataclass
class _Known:
    """What the roles of a chapter may name."""

    values: dict[str, str] = field(default_factory=dict)  # of glued names
    numbers: dict[str, tuple[str, str]] = field(default_factory=dict)  # label: kind, number
    captions: dict[str, str] = field(default_factory=dict)  # of figures that are outputs
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
            if not noted and (found := re.search(r"^# .*$", cell.source, re.MULTILINE)):
                noted = True
                before, after = cell.source[: found.end()], cell.source[found.end() :]
                cell.source = f"{before}\n\n{NOTE}{after}"
        for figure in _figures(cell):
            kind, number = known.numbers[figure]
            text = _render(known.captions[figure], known)
            identifier = re.sub(r"[^\w-]", "-", f"caption-{figure}")[:64]
            source = f"**{kind} {number}.** {text}"
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
        known.papers |= _bibliography(file)
    counts: dict[str, int] = {}
    first = name.partition("_")[0]
    prefix = f"{int(first)}." if first.isdigit() else ""

    def number(kind: str, label: str) -> None:
        counts[kind] = counts.get(kind, 0) + 1
        known.numbers[label] = (kind, f"{prefix}{counts[kind]}")

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for kind, label in _numbered(cell.source.splitlines()):
                number(kind, label)
        for output in cell.get("outputs", []):
            metadata = output.get("metadata", {})
            glued = metadata.get("scrapbook", {}).get("name")
            if glued and _GLUE in output.get("data", {}):
                known.values[glued] = str(ast.literal_eval(output["data"][_GLUE]))
            if "figure" in metadata.get("nlbook", {}):
                figure = metadata["nlbook"]["figure"]
                number("Fig.", figure["name"])
                known.captions[figure["name"]] = figure["caption"]
    return known


def _figures(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", []):
        figure = output.get("metadata", {}).get("nlbook", {}).get("figure")
        if figure:
            yield figure["name"]


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
            waiting = []
    return title, sections


def _numbered(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Kind and label of what has a number in a markdown cell, in order."""
    for kind, block in _blocks(lines):
        if kind == "text":
            for line in block:
                if found := _EQUATION_END.match(line):
                    yield "equation", found.group(2)
            continue
        directive, argument, options, body = _parts(block)
        label = options.get("name") or options.get("label")
        if directive == "math" and label:
            yield "equation", label
        elif directive == "figure" and label:
            yield "Fig.", label
        elif directive in {"list-table", "table", "csv-table"} and label and argument:
            yield "Table", label
        elif directive in _BOXES:
            yield from _numbered(body)


def _render(text: str, known: _Known) -> str:
    return "\n".join(_rendered(text.splitlines(), known))


def _rendered(lines: list[str], known: _Known) -> list[str]:
    out: list[str] = []
    for kind, block in _blocks(lines):
        if kind == "text":
            out += _text(block, known)
        else:
            out += _directive(block, known)
    return out


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Runs of plain lines, and each directive with its fences; other fences are plain."""
    plain: list[str] = []
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened is None:
            plain.append(lines[number])
            number += 1
            continue
        end = number + 1
        fence = opened.group(2)
        while end < len(lines) and not (
            len(lines[end].strip()) >= len(fence) and set(lines[end].strip()) == {fence[0]}
        ):
            end += 1
        block = lines[number : end + 1]
        if opened.group(3).startswith("{"):
            if plain:
                yield "text", plain
                plain = []
            yield "directive", block
        else:
            plain += block
        number = end + 1
    if plain:
        yield "text", plain


def _parts(block: list[str]) -> tuple[str, str, dict[str, str], list[str]]:
    """Name, argument, options and body of a directive."""
    opened = _FENCE.match(block[0])
    assert opened is not None
    name, _, argument = opened.group(3).removeprefix("{").partition("}")
    closed = len(block) > 1 and set(block[-1].strip()) == {opened.group(2)[0]}
    body = block[1:-1] if closed else block[1:]
    options = {}
    while body and (option := re.match(r"^\s*:([\w-]+):\s*(.*)$", body[0])):
        options[option.group(1)] = option.group(2).strip()
        body = body[1:]
    while body and not body[0].strip():
        body = body[1:]
    return name, argument.strip(), options, body


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
        opened = _FENCE.match(line)
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
        elif found := _EQUATION_END.match(line):
            _, number = known.numbers.get(found.group(2), ("", ""))
            tag = rf"\tag{{{number}}}" if number else ""
            prose.append(f"{found.group(1)}{tag}$$" if found.group(1) else f"{tag}\n$$".lstrip())
        else:
            prose.append(line)
    flush()
    return out


def _role(match: re.Match[str], known: _Known) -> str:
    kind, text = match.group(1), " ".join(match.group(3).split())
    render = _ROLES.get(kind)
    found = render(text, known) if render else None
    return match.group(0) if found is None else found


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
    return "(" + "; ".join(_author_year(known.papers[key]) for key in keys) + ")"


def _code(text: str, known: _Known) -> str:
    words, target = _split(text)
    return f"`{words or target.lstrip('~')}`"


def _split(text: str) -> tuple[str, str]:
    """Words and target of ``words <target>``; no words in a bare target."""
    found = _LABELLED.match(text)
    return (found.group(1), found.group(2)) if found else ("", text)


_ROLES: dict[str, Callable[[str, _Known], str | None]] = {
    "glue:text": _glue,
    "glue": _glue,
    "numref": _numref,
    "eq": _equation,
    "ref": _reference,
    "doc": _document,
    "cite": _citation,
    "cite:p": _citation,
    "cite:t": _citation,
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
    name, argument, options, body = _parts(block)
    if name in _BOXES:
        return _box(name, argument, options, body, known)
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
    name: str, argument: str, options: Mapping[str, str], body: list[str], known: _Known
) -> list[str]:
    title = _render(argument, known) or name.capitalize()
    content = _rendered(body, known)
    if name == "dropdown" or "dropdown" in options.get("class", ""):
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
    lines = []
    for key in sorted(known.cited, key=lambda key: _author_year(known.papers[key])):
        paper = known.papers[key]
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
        lines.append(f"- {names}. *{paper.get('title', key)}*.{end} {paper.get('year', '')}.")
    return lines


def _author_year(paper: Mapping[str, str]) -> str:
    names = _people(paper)
    if len(names) > 2:
        who = f"{names[0]} et al."
    else:
        who = " and ".join(names) or paper.get("title", "")
    return f"{who}, {paper['year']}" if paper.get("year") else who


def _people(paper: Mapping[str, str], full: bool = False) -> list[str]:
    text = paper.get("author") or paper.get("editor") or ""
    found = []
    for person in re.split(r"\s+and\s+", text) if text else []:
        last, comma, first = person.partition(",")
        if not comma:
            first, _, last = person.rpartition(" ")
        found.append(f"{first.strip()} {last.strip()}".strip() if full else last.strip())
    return found


def _bibliography(file: Path) -> dict[str, dict[str, str]]:
    """Fields of each entry, with the marks of TeX taken out."""
    found: dict[str, dict[str, str]] = {}
    for entry in re.split(r"^\s*@", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head = re.match(r"\w+\s*\{\s*([^,\s]+)\s*,", entry)
        if head is None:
            continue
        fields = re.findall(
            r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"]\s*,?\s*$", entry[head.end() :], re.MULTILINE
        )
        found[head.group(1)] = {key.lower(): _untex(value) for key, value in fields}
    return found


def _untex(text: str) -> str:
    def accented(match: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", match.group(2) + _ACCENTS[match.group(1)])

    text = re.sub(r"\{?\\(['`^\"~])\{?([A-Za-z])\}?\}?", accented, text)
    text = re.sub(r"\{?\\(ss|[lLoOi])\b\}?\s?", lambda m: _LETTERS[m.group(1)], text)
    return re.sub(r"(?<!\\)[{}]", "", text).replace("\\&", "&")
