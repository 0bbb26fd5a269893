"""A chapter's second page: the sections that a first reading leaves out.

A markdown cell that begins with a heading (a label may stand above it) and has the tag
``details-page`` sends its section, up to the next heading of the same or a higher level, to a
page of its own, ``NN_name_details``. The chapter stays one notebook, run in one go.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

from nlbook.publishing.errors import BookError
from nlbook.publishing.notebooks.myst import FENCE

__all__ = ["SUFFIX", "TAG", "cut", "sides"]

#: The tag of a section's first cell.
TAG = "details-page"
#: What the second page's name ends with.
SUFFIX = "_details"

_HEADING = re.compile(r"^(#{1,6})\s+\S")
_LABEL = re.compile(r"^\([\w.:-]+\)=\s*$")
_GLUED = re.compile(r"\{glue(?::\w+)?\}`([^`:]+)(?::[^`]*)?`")


def sides(cells: Iterable[NotebookNode]) -> list[tuple[NotebookNode, bool]]:
    """The cells in order, and of each whether it belongs to the second page.

    A markdown cell in which a section ends is cut in two; the given cells are left as they are.

    Raises
    ------
    BookError
        A cell with the tag does not begin with a heading of level 2 or lower.
    """
    placed: list[tuple[NotebookNode, bool]] = []
    level = 0  # of the section of the second page that goes on; 0 for none
    for cell in cells:
        if cell.cell_type != "markdown":
            placed.append((cell, level > 0))
            continue
        lines = cell.source.splitlines()
        headings = list(_headings(lines))
        begins = TAG in cell.metadata.get("tags", [])
        if begins:
            if not headings or headings[0][0] != 0 or headings[0][1] < 2:
                said = next((line for line in lines if line.strip()), "")
                raise BookError(
                    f"a cell tagged {TAG} must begin with a heading of a section, got {said!r}"
                )
            if not 0 < level < headings[0][1]:
                level = headings[0][1]
            headings = headings[1:]
        end = next((line for line, depth in headings if depth <= level), None)
        if end is None:
            placed.append((cell, level > 0))
            continue
        for part, side in ((lines[:end], True), (lines[end:], False)):
            if any(line.strip() for line in part):
                piece = copy.deepcopy(cell)
                piece.source = "\n".join(part).strip("\n")
                piece["id"] = f"{cell.get('id', 'cell')}-{'d' if side else 'r'}"
                placed.append((piece, side))
        level = 0
    return placed


def cut(notebook: NotebookNode, name: str, title: str) -> NotebookNode | None:
    """Take the second page out of a chapter as the site shows it, in place.

    Parameters
    ----------
    notebook : NotebookNode
        The chapter, joined to its outputs, its figures and tables in cells of their own.
    name, title : str
        Of the chapter.

    Returns
    -------
    NotebookNode or None
        The second page; None where no cell has the tag.
    """
    parts = sides(notebook.cells)
    second = [cell for cell, is_second in parts if is_second]
    if not second:
        return None
    notebook.cells = [cell for cell, is_second in parts if not is_second]
    first_glued, second_glued = _glued(notebook.cells), _glued(second)
    for cells, here, there in (
        (notebook.cells, first_glued, second_glued),
        (second, second_glued, first_glued),
    ):
        wanted = {glued for cell in cells for glued in _GLUED.findall(_text(cell))}
        if borrowed := [there[key] for key in sorted(wanted & there.keys() - here.keys())]:
            cells.append(_borrowing(borrowed))
    level = 0  # of the section of the second page that goes on
    for cell, is_second in parts:
        if not is_second:
            level = 0
        elif cell.cell_type == "markdown":
            if TAG in cell.metadata.get("tags", []):
                depth = next(depth for _, depth in _headings(cell.source.splitlines()))
                level = level if 0 < level < depth else depth
            cell.source = _lifted(cell.source, level - 2)
    page = copy.copy(notebook)
    page.metadata = copy.deepcopy(notebook.metadata)
    page.cells = [_head(name, title), *second]
    if any("{cite" in _text(cell) for cell in second):
        text = "## References\n\n```{bibliography}\n:filter: docname in docnames\n```"
        page.cells.append(nbformat.v4.new_markdown_cell(text, id="references"))
    return page


def _head(name: str, title: str) -> NotebookNode:
    text = (
        f"({name.replace('_', '-')}-details)=\n"
        f"# {title}: details\n\n"
        f"The second page of {{doc}}`{name}`: what a first reading leaves out, from the same run, "
        f"whose record is under {{ref}}`How this page was made <made-{name}>`."
    )
    return nbformat.v4.new_markdown_cell(text, id="details-title")


def _headings(lines: list[str]) -> Iterable[tuple[int, int]]:
    """Where each section begins, its labels included, and its level."""
    fence = ""
    start: int | None = None
    for number, line in enumerate(lines):
        marked = FENCE.match(line)
        if fence:
            if marked and not marked.group(3) and marked.group(2).startswith(fence):
                fence = ""
            continue
        if marked:
            fence, start = marked.group(2), None
        elif _LABEL.match(line):
            start = number if start is None else start
        elif heading := _HEADING.match(line):
            first = number if start is None else start
            yield (
                (0 if not any(one.strip() for one in lines[:first]) else first),
                len(heading.group(1)),
            )
            start = None
        elif line.strip():
            start = None


def _lifted(source: str, rise: int) -> str:
    """A text whose headings are `rise` levels higher."""
    lines = source.splitlines()
    fence = ""
    for number, line in enumerate(lines):
        marked = FENCE.match(line)
        if fence:
            if marked and not marked.group(3) and marked.group(2).startswith(fence):
                fence = ""
        elif marked:
            fence = marked.group(2)
        elif rise > 0 and _HEADING.match(line):
            lines[number] = line[rise:]
    return "\n".join(lines)


def _text(cell: NotebookNode) -> str:
    """What of a cell is MyST: its prose, or the caption of the figure that it shows."""
    if cell.cell_type == "markdown":
        return str(cell.source)
    return str(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", ""))


def _glued(cells: Iterable[NotebookNode]) -> dict[str, NotebookNode]:
    return {
        output.metadata.scrapbook.name: output
        for cell in cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }


def _borrowing(outputs: list[NotebookNode]) -> NotebookNode:
    """A cell that nobody sees, with numbers that the other page computed."""
    cell = nbformat.v4.new_code_cell("", id="borrowed", metadata={"tags": ["remove-cell"]})
    for output in outputs:
        kept = copy.deepcopy(output)
        kept.metadata.pop("nlbook", None)
        cell.outputs.append(kept)
    return cell
