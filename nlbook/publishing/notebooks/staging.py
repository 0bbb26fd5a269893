"""From executed notebooks to the notebooks that the site shows.

An executed notebook holds the outputs; the chapter holds the prose. They are joined code cell
by code cell, so that new prose appears without a new run and changed code cannot hide behind
old outputs. Sources are compared as syntax trees: a comment is prose.

The site's builder (myst-nb) reads a figure's caption and alt text from the metadata of a *cell*
and applies them to every output of that cell. They are computed, so the run can store them
only with an *output*. Each figure therefore moves to a cell of its own, whose metadata says
what its output said.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from nlbook.publishing.errors import BookError
from nlbook.publishing.notebooks.normal_form import GLUE, INJECTED, cell_id, is_injected
from nlbook.publishing.typography import pretty, without_markup

__all__ = [
    "FigureError",
    "SiteError",
    "StaleChapter",
    "claims",
    "code_cells",
    "count_numbers",
    "join",
    "promote_figures",
    "read_chapter",
    "same_code",
    "set_numbers",
    "with_outputs",
]

_HIDING = ("hide-output", "remove-output", "hide-cell", "remove-cell")
_FENCE = "~" * 12  # longer than any in a cell of a table
_BOOKKEEPING = "bookkeeping"  # a cell of claims and numbers: nlbook.css hides it


class SiteError(BookError):
    """The site cannot be built from what is there; the message says what to do."""


class StaleChapter(SiteError):
    """Stored outputs do not belong to the chapter's code."""


class FigureError(SiteError):
    """A picture without caption or alt text, or two figures of one name."""


def read_chapter(path: Path) -> NotebookNode:
    """Read a MyST chapter as a notebook whose cell ids depend on position only."""
    notebook = jupytext.read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{cell.cell_type}-{number:03d}"
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """List the author's code cells: all but papermill's."""
    return [c for c in notebook.cells if c.cell_type == "code" and not is_injected(c)]


def same_code(left: str, right: str) -> bool:
    """Compare two cells as syntax trees, or as text where one is not plain Python."""
    try:
        return ast.dump(ast.parse(left)) == ast.dump(ast.parse(right))
    except SyntaxError:
        return left.strip() == right.strip()


def join(executed: NotebookNode, chapter: NotebookNode, name: str = "chapter") -> NotebookNode:
    """Give the chapter's cells the outputs of the executed notebook.

    Parameters
    ----------
    executed : NotebookNode
        The notebook that a run wrote.
    chapter : NotebookNode
        The chapter as it is now; its prose, comments and cell tags are kept.
    name : str
        What errors call the chapter.

    Returns
    -------
    NotebookNode
        A new notebook. Papermill's injected cell is kept behind the parameters cell unless
        its values are the defaults of that cell.

    Raises
    ------
    StaleChapter
        The code differs, a cell was never executed, or the run failed.
    """
    old, new = code_cells(executed), code_cells(chapter)
    again = "run it again (nlbook build; make notebooks for the committed copies)"
    for number, (ran, now) in enumerate(zip(old, new, strict=False), start=1):
        if not same_code(ran.source, now.source):
            line = now.source.strip().splitlines()[:1]
            raise StaleChapter(
                f"{name} is stale: code cell {number} ({''.join(line)!r}) differs from the one "
                f"that made the stored outputs; {again}"
            )
    if len(old) != len(new):
        raise StaleChapter(
            f"{name} is stale: {len(new)} code cells, but the stored outputs are of {len(old)}; "
            f"{again}"
        )
    for number, ran in enumerate(old, start=1):
        if any(output.output_type == "error" for output in ran.outputs):
            raise StaleChapter(f"{name}: code cell {number} of the stored run failed; {again}")
        if ran.execution_count is None and ran.source.strip():
            raise StaleChapter(f"{name}: code cell {number} was never executed; {again}")

    joined = copy.deepcopy(chapter)
    for key in ("kernelspec", "language_info"):
        if key in executed.metadata:
            joined.metadata[key] = copy.deepcopy(executed.metadata[key])
    injected = [cell for cell in executed.cells if is_injected(cell)]
    joined.cells = with_outputs(
        joined,
        executed,
        lambda parameters: [
            _shown_injected(parameters, extra) for extra in _changed(parameters, injected)
        ],
    )
    return joined


def with_outputs(
    chapter: NotebookNode,
    executed: NotebookNode,
    injected: Callable[[NotebookNode], list[NotebookNode]],
) -> list[NotebookNode]:
    """The cells of a chapter, with the outputs of an executed notebook of the same code.

    Parameters
    ----------
    chapter, executed : NotebookNode
        The cells of the first are given the outputs of the second.
    injected : callable
        What stands behind the parameters cell, which it is given.

    Returns
    -------
    list of NotebookNode
    """
    cells: list[NotebookNode] = []
    stored = iter(code_cells(executed))
    for cell in chapter.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        ran = next(stored)
        cell.outputs = copy.deepcopy(ran.outputs)
        cell.execution_count = ran.execution_count
        if "parameters" in cell.metadata.get("tags", []):
            cells.extend(injected(cell))
    return cells


def promote_figures(notebook: NotebookNode, name: str = "chapter") -> list[str]:
    """Move each figure and table of a notebook, in place, to a cell of its own.

    That of a figure says its caption and alt text; that of a table is Markdown, with a directive
    of `nlbook.publishing.site.directives`, folded where its cell hides its outputs.

    Returns
    -------
    list of str
        The names of the figures and tables, in order.

    Raises
    ------
    FigureError
        An image without name, caption or alt text, or two figures or tables of one name.
    """
    names: list[str] = []
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        outputs, cell.outputs = cell.outputs, []
        current: NotebookNode | None = cell
        for output in outputs:
            where = f"{name}, code cell {cell.id}"
            table = output.get("metadata", {}).get("nlbook", {}).get("table")
            figure = None if table else _figure(output, where)
            if table is None and figure is None:
                if current is None:
                    current = _panel(f"{cell.id}-{len(cells)}", "# continued", cell, {})
                    if _BOOKKEEPING in cell.metadata.get("tags", []):
                        current.metadata["tags"].append(_BOOKKEEPING)
                    cells.append(current)
                current.outputs.append(output)
                continue
            shown = str((table or figure or {})["name"])
            if shown in names:
                raise FigureError(f"{name}: two figures or tables are called {shown!r}")
            names.append(shown)
            current = None
            if table is not None:
                if not _hidden(cell):
                    cells.append(_table_cell(table, cell))
                continue
            assert figure is not None
            panel = _panel(cell_id(shown), f"# {shown}", cell, _mystnb(figure, output))
            panel.outputs = [output]
            cells.append(panel)
    notebook.cells = cells
    return names


def set_numbers(notebook: NotebookNode) -> None:
    """Set the glued texts of a notebook, in place, as tables set theirs: minus signs, powers."""
    for output in _outputs(notebook):
        data = output.get("data", {})
        if GLUE in data:
            data[GLUE] = repr(pretty(str(ast.literal_eval(data[GLUE]))))


def claims(notebook: NotebookNode) -> list[dict[str, Any]]:
    """List the rows that the claims of a notebook stored, in order."""
    told = (output.get("metadata", {}).get("nlbook", {}) for output in _outputs(notebook))
    return [dict(some["claim"]) for some in told if some.get("claim")]


def count_numbers(notebook: NotebookNode) -> int:
    """Count the numbers that a notebook shows without a claim."""
    told = (output.get("metadata", {}).get("nlbook", {}) for output in _outputs(notebook))
    return sum(bool(some.get("number")) for some in told)


def _outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _changed(parameters: NotebookNode, injected: list[NotebookNode]) -> list[NotebookNode]:
    """Leave out an injected cell that says nothing new."""
    defaults = _assigned(parameters.source)
    return [cell for cell in injected if _assigned(cell.source) != defaults]


def _assigned(source: str) -> dict[str, str]:
    """Map each name that a cell assigns to the text of its value."""
    values = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            values[ast.unparse(node.target)] = ast.unparse(node.value)
        elif isinstance(node, ast.Assign):
            values[ast.unparse(node.targets[0])] = ast.unparse(node.value)
    return values


def _shown_injected(parameters: NotebookNode, cell: NotebookNode) -> NotebookNode:
    """Show of an injected cell only what differs from the parameters cell above it."""
    defaults = _assigned(parameters.source)
    lines = ["# Values of this run that differ from those above"]
    lines += [f"{k} = {v}" for k, v in _assigned(cell.source).items() if defaults.get(k) != v]
    shown = nbformat.v4.new_code_cell("\n".join(lines), id="code-injected")
    shown.metadata["tags"] = [INJECTED]
    shown.execution_count = cell.execution_count
    return shown


def _figure(output: NotebookNode, where: str) -> dict[str, str] | None:
    """Read a figure's name, caption and alt text, and insist on them for every image."""
    metadata = output.get("metadata", {})
    figure = metadata.get("nlbook", {}).get("figure")
    pictures = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    if figure is None:
        if pictures:
            raise FigureError(
                f"{where}: an image without caption and alt text; show it by "
                "publishing.figures.show(fig, name=..., caption=..., alt=...)"
            )
        return None
    for key in ("name", "caption", "alt"):
        if not str(figure.get(key) or "").strip():
            raise FigureError(f"{where}: a figure whose {key} is empty")
    if not pictures:
        raise FigureError(f"{where}: figure {figure['name']!r} holds no image")
    return dict(figure)


def _hidden(cell: NotebookNode) -> bool:
    return bool({"remove-output", "remove-cell"} & set(cell.metadata.get("tags", [])))


def _table_cell(table: dict[str, Any], parent: NotebookNode) -> NotebookNode:
    """A Markdown cell with the directive of a table."""
    lines = [f"{_FENCE}{{computed-table}}", f":name: {table['name']}", json.dumps(table), _FENCE]
    if {"hide-output", "hide-cell"} & set(parent.metadata.get("tags", [])):
        count = len(table["rows"])
        caption = re.sub(r"\s*\n\s*", " ", without_markup(table["caption"]))  # a title is one line
        words = re.sub(r"([\\`*_{}\[\]<>$#])", r"\\\1", caption)
        # no link: a title that unfolds can't hold what is itself pressed
        title = f"Table of {count} {'row' if count == 1 else 'rows'}: {words}"
        lines = [f"{_FENCE}~{{dropdown}} {title}", *lines, f"{_FENCE}~"]
    return nbformat.v4.new_markdown_cell("\n".join(lines), id=cell_id(table["name"]))


def _mystnb(figure: dict[str, str], output: NotebookNode) -> dict[str, Any]:
    image: dict[str, Any] = {"alt": " ".join(figure["alt"].split())}
    width = output.metadata.get("image/png", {}).get("width")
    if width:
        image["width"] = f"{round(float(width))}px"
    return {"figure": {"name": figure["name"], "caption": figure["caption"]}, "image": image}


def _panel(
    identifier: str, source: str, parent: NotebookNode, mystnb: dict[str, Any]
) -> NotebookNode:
    """Make a cell that shows outputs of `parent` without a source."""
    hiding = [tag for tag in parent.metadata.get("tags", []) if tag in _HIDING]
    metadata: dict[str, Any] = {"tags": ["remove-input", *hiding]}
    if mystnb:
        metadata["mystnb"] = mystnb
    cell = nbformat.v4.new_code_cell(source, id=identifier, metadata=metadata)
    cell.execution_count = parent.execution_count
    return cell
