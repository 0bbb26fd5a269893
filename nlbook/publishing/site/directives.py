"""What the site's builder knows besides MyST: tables of computed values, numbered boxes.

A Sphinx extension. In a chapter::

    ```{result} A kernel that changes sign can be well-posed
    :name: result-sign
    ...
    ```

    ```{proof}
    ...
    ```

``{result}`` and ``{exercise}`` are numbered, and ``{numref}`` refers to them. ``{evidence}`` stands
in place of a proof where something was measured; ``{solution}`` is folded, and so is any of these
with ``:class: dropdown``. ``{in-short}`` answers the chapter's question. ``{computed-table}`` is
written by the stager from what `nlbook.publishing.table` showed.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from nlbook.publishing.typography import without_markup

__all__ = ["setup"]

# Kinds of box that have a number, and what it follows.
_NUMBERED = {"result": "Result", "exercise": "Exercise"}
_TITLES = {
    "proof": "Proof",
    "evidence": "Evidence",
    "solution": "Solution",
    "in-short": "",  # under a heading that says it
}


class box(nodes.General, nodes.Element):
    """A box with a title, at which it opens where it is folded."""


class result(box):
    """A numbered result."""


class exercise(box):
    """A numbered exercise."""


class box_title(nodes.Part, nodes.TextElement):
    """The title of a box."""


class card_table(nodes.table):
    """A table whose rows become cards on a narrow screen."""


class card_row(nodes.row):
    """A row of it."""


class card_cell(nodes.entry):
    """A cell of it, which says its column's heading in plain characters."""


class _Box(SphinxDirective):
    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = {
        "name": directives.unchanged,
        "label": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        if "label" in self.options:
            self.options["name"] = self.options.pop("label")
        classes = self.options.get("class", [])
        fold = self.name == "solution" or "dropdown" in classes
        kind = {"result": result, "exercise": exercise}.get(self.name, box)
        classes = ["admonition", self.name, *(c for c in classes if c != "dropdown")]
        made = kind("", classes=classes, fold=fold)
        made.document = self.state.document
        self.set_source_info(made)
        if "name" not in self.options:
            made["ids"].append(f"{self.name}-{self.env.new_serialno(self.name)}")
        self.add_name(made)
        title = box_title()
        if self.arguments:
            title += self.state.inline_text(self.arguments[0], self.lineno)[0]
        elif self.name == "result":
            raise self.error("a result needs a title")
        elif self.name not in _NUMBERED:
            title += nodes.Text(_TITLES[self.name])
        if title.children or self.name in _NUMBERED:
            made += title
        self.state.nested_parse(self.content, self.content_offset, made)
        return [made]


class _ComputedTable(SphinxDirective):
    has_content = True
    option_spec = {"name": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        described = json.loads("\n".join(self.content))
        columns = described["columns"]
        table = card_table(classes=["computed", "colwidths-auto"])
        self.set_source_info(table)
        self.add_name(table)
        table += nodes.title("", "", *self._inline(described["caption"]))
        group = nodes.tgroup(cols=len(columns))
        table += group
        for number, _ in enumerate(columns):
            group += nodes.colspec(colwidth=1, **({"stub": 1} if number == 0 else {}))
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        head += self._row([c["heading"] for c in columns], columns, in_head=True)
        for texts in described["rows"]:
            body += self._row(texts, columns)
        whole = nodes.container(classes=["computed-table"])
        whole += table
        if described.get("note"):
            whole += nodes.paragraph("", "", *self._inline(described["note"]), classes=["note"])
        return [whole]

    def _row(
        self, texts: list[str], columns: list[dict[str, Any]], in_head: bool = False
    ) -> card_row:
        row = card_row()
        for text, column in zip(texts, columns, strict=True):
            cell = card_cell(label=column["label"])
            if "$" in text:  # what a heading of a formula alone is called
                cell["said"] = column["label"] if in_head else without_markup(text)
            cell["classes"] = ["number"] if column["numeric"] else []
            words = nodes.paragraph()
            unit = re.fullmatch(r"(.*\S )(\([^()]*\))", text) if in_head else None
            if unit:  # which stays in one line
                words += self._inline(unit.group(1))
                words += nodes.inline("", "", *self._inline(unit.group(2)), classes=["unit"])
            else:
                words += self._inline(text)
            cell += words
            row += cell
        return row

    def _inline(self, text: str) -> list[nodes.Node]:
        parsed: list[nodes.Node] = self.state.inline_text(text, self.lineno)[0]
        return parsed


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    for name in ("result", "exercise", *_TITLES):
        app.add_directive(name, _Box)
    app.add_directive("computed-table", _ComputedTable)
    for numbered_node in (result, exercise):
        app.add_enumerable_node(
            numbered_node, numbered_node.__name__, _title_of, html=(_open_box, _close_box)
        )
    app.add_enumerable_node(card_table, "table", _title_of, html=(_like_a_table, _close_table))
    app.add_node(box, html=(_open_box, _close_box))
    app.add_node(box_title, html=(_open_title, _close_title))
    app.add_node(card_row, html=(_open_row, _close_row))
    app.add_node(card_cell, html=(_open_cell, _close_cell))
    app.connect("config-inited", _name_the_numbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _name_the_numbers(app: Any, config: Any) -> None:
    config.mathjax_path = "mathjax/startup.js"  # which loads what mathjax3_config names
    for kind, word in _NUMBERED.items():
        config.numfig_format.setdefault(kind, f"{word} %s")


def _title_of(node: nodes.Element) -> str:
    title = next(node.findall(lambda n: isinstance(n, box_title | nodes.title)), None)
    text = title.astext() if title is not None else ""
    return text or type(node).__name__.capitalize()  # Sphinx counts what has a title alone


def _open_box(self: Any, node: nodes.Element) -> None:
    self.body.append(self.starttag(node, "details" if node["fold"] else "div"))


def _close_box(self: Any, node: nodes.Element) -> None:
    self.body.append("</details>\n" if node["fold"] else "</div>\n")


def _open_title(self: Any, node: nodes.Element) -> None:
    tag = "summary" if node.parent["fold"] else "p"
    self.body.append(self.starttag(node, tag, "", CLASS="admonition-title"))
    self.add_fignumber(node.parent)


def _close_title(self: Any, node: nodes.Element) -> None:
    self.body.append("</summary>\n" if node.parent["fold"] else "</p>\n")


def _like_a_table(self: Any, node: nodes.Element) -> None:
    self.visit_table(node)


def _close_table(self: Any, node: nodes.Element) -> None:
    self.depart_table(node)


def _open_row(self: Any, node: nodes.Element) -> None:
    self.visit_row(node)
    self.body[-1] = self.body[-1].replace("<tr", '<tr role="row"', 1)


def _close_row(self: Any, node: nodes.Element) -> None:
    self.depart_row(node)


def _open_cell(self: Any, node: nodes.Element) -> None:
    """A cell says what it is whatever its display: a card's rows are no table to a browser."""
    self.visit_entry(node)
    of_head = isinstance(node.parent.parent, nodes.thead)
    tag = self.body[-1].lstrip()
    if of_head and not node.astext():  # a heading without a word is none
        tag, self.context[-1] = f"<td{tag[3:]}", "</td>\n"
    role = (
        "columnheader"
        if of_head and tag.startswith("<th")
        else "rowheader"
        if tag.startswith("<th")
        else "cell"
    )
    label = "" if of_head else f' data-label="{html.escape(node["label"])}"'
    self.body[-1] = f'{tag[:3]} role="{role}"{label}{tag[3:]}'


def _close_cell(self: Any, node: nodes.Element) -> None:
    if "said" in node and self.context[-1].startswith("</th"):  # for who listens, no formula
        start = max(k for k, part in enumerate(self.body) if part.startswith("<th "))
        for k in range(start, len(self.body)):
            self.body[k] = self.body[k].replace("<p>", '<p aria-hidden="true">')
        self.body.append(f'<span class="said">{html.escape(node["said"])}</span>')
    self.depart_entry(node)
