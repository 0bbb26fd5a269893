"""Tables of computed values: one quantity a cell, well set, and the same values to save.

A table goes into the output of a cell as text, as Markdown and as HTML, for terminals and
notebook viewers; and as data in the output's metadata, of which the site makes a numbered table
with a caption, whose rows become cards on a phone.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlbook.publishing.guard import current_run
from nlbook.publishing.typography import (
    align,
    number_text,
    pretty,
    uncertain_text,
    without_markup,
)

__all__ = ["Column", "Glued", "Interval", "Table", "Uncertain", "table"]

_NAME = re.compile(r"table-[a-z0-9-]+")
_DASH = "—"
_MOST_COLUMNS = 10


@dataclass(frozen=True)
class Column:
    """What a column holds, and how its numbers are set."""

    title: str  #: its heading, MyST; may hold a formula
    unit: str | None = None  #: unit of its numbers, MyST, shown in the heading; None for pure ones
    format: str | None = None  #: Python's format of its numbers; None for three significant digits
    #: the heading in plain characters, where a formula in it has none
    plain: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.title, str):
            raise ValueError(f"title must be text, got {self.title!r}")
        if self.format is not None:
            try:
                format(1.0, self.format)
            except ValueError:
                try:
                    format(1, self.format)
                except ValueError:
                    raise ValueError(f"format={self.format!r} must be one of numbers") from None
        if re.search(r"[\\{}$]", self.label):
            raise ValueError(
                f"column {self.title!r}: plain must be given, as its formula has no plain "
                f"characters (got as far as {self.label!r})"
            )

    @property
    def heading(self) -> str:
        """Title and unit, MyST."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def label(self) -> str:
        """Title and unit in plain characters."""
        title = without_markup(self.title) if self.plain is None else self.plain
        return f"{title} ({without_markup(self.unit)})" if self.unit else title


@dataclass(frozen=True)
class Uncertain:
    """A value and its standard error, shown to the same place."""

    value: float  #: the estimate
    error: float  #: its standard error, in the same unit

    def __post_init__(self) -> None:
        if not _number(self.error) >= 0:
            raise ValueError(f"error must not be negative, got {self.error!r}")
        _number(self.value)


@dataclass(frozen=True)
class Interval:
    """From one value to another: a confidence interval, or a range."""

    low: float  #: where it begins
    high: float  #: where it ends

    def __post_init__(self) -> None:
        if not _number(self.low) <= _number(self.high):
            raise ValueError(f"low={self.low!r} must not exceed high={self.high!r}")


@dataclass(frozen=True)
class Glued:
    """What `claim` or `show_number` of this run glued under a name, as the prose shows it."""

    name: str  #: of the claim or number

    @property
    def text(self) -> str:
        """The glued text."""
        glued = current_run().glued
        if self.name not in glued:
            raise ValueError(f"{self.name!r} must be glued before the table that shows it")
        return glued[self.name]


@dataclass(frozen=True)
class Table:
    """A table that was shown, as `save_results` takes it."""

    name: str  #: its label
    columns: tuple[Column, ...]  #: its columns
    rows: tuple[tuple[Any, ...], ...]  #: its cells, as given

    def _ipython_display_(self) -> None:
        """Nothing: it has been shown."""

    def results(self) -> tuple[dict[str, list[Any]], dict[str, str]]:
        """Columns of plain values, and their units, for `save_results`.

        `Uncertain` gives two columns, the second with ``error`` behind its name; `Interval` gives
        ``low`` and ``high``. What is not known is NaN among numbers.
        """
        values: dict[str, list[Any]] = {}
        units: dict[str, str] = {}
        for number, column in enumerate(self.columns):
            title = without_markup(column.title) if column.plain is None else column.plain
            name = re.sub(r'[,()"\n/]+', " ", title).strip() or f"column {number + 1}"
            unit = without_markup(column.unit).replace(",", " ") if column.unit else "1"
            for part, some in _parts([row[number] for row in self.rows], column).items():
                key = f"{name} {part}".strip()
                if key in values:
                    raise ValueError(
                        f"table {self.name}: columns must have different names to be saved, got "
                        f"{key!r} twice"
                    )
                values[key] = some
                if not any(isinstance(value, str) for value in some):
                    units[key] = unit
        return values, units


def table(
    name: str,
    caption: str,
    columns: Sequence[str | Column],
    rows: Sequence[Sequence[Any]],
    *,
    note: str | None = None,
) -> Table:
    """Show a table with a caption and a number.

    Parameters
    ----------
    name : str
        What the text refers to it by, such as ``table-errors``; once in the book.
    caption : str
        Its caption, in MyST; may hold computed numbers.
    columns : sequence of str or Column
        A text stands for a column without unit. The first column names the rows.
    rows : sequence of sequence
        The cells: a number (finite or infinite), a truth value, a text in MyST, `Uncertain`,
        `Interval`, `Glued`, or None for what is not known or makes no sense.
    note : str, optional
        A line below it, in MyST.

    Returns
    -------
    Table
        For `save_results`. As the last line of a cell it prints nothing.

    Raises
    ------
    ValueError
        For an empty caption, rows of other lengths than the columns, or a cell that is NaN or of
        another type.

    Examples
    --------
    ::

        table(
            "table-errors",
            "Errors of the two rules.",
            columns=["rule", Column("error", unit="%", format=".1f"), "exponent"],
            rows=[["nodes", 1.2, Uncertain(1.51, 0.02)], ["covered", 0.1, None]],
        )
    """
    from IPython.display import display

    if not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r}: must be 'table-', then small letters, digits and hyphens")
    if not caption.strip():
        raise ValueError(f"table {name}: caption must not be empty")
    made = tuple(c if isinstance(c, Column) else Column(c) for c in columns)
    if not 2 <= len(made) <= _MOST_COLUMNS:
        raise ValueError(f"table {name}: columns must be 2 to {_MOST_COLUMNS}, got {len(made)}")
    if len({column.label for column in made}) < len(made):
        raise ValueError(f"table {name}: two columns have one heading")
    given = tuple(tuple(row) for row in rows)
    for number, row in enumerate(given):
        if len(row) != len(made):
            raise ValueError(
                f"table {name}: row {number} must have {len(made)} cells, got {len(row)}"
            )
    given = tuple(
        tuple(
            _plain(cell, f"table {name}, column {column.label!r}: a cell")
            for cell, column in zip(row, made, strict=True)
        )
        for row in given
    )
    texts, numeric = _typeset(name, made, given)
    described = {
        "name": name,
        "caption": caption,
        "note": note,
        "columns": [
            {"heading": c.heading, "label": c.label, "numeric": is_number}
            for c, is_number in zip(made, numeric, strict=True)
        ],
        "rows": texts,
    }
    display(
        {
            "text/plain": _as_text(described),
            "text/markdown": _as_markdown(described),
            "text/html": _as_html(described),
        },
        raw=True,
        metadata={"nlbook": {"table": described}},
    )
    return Table(name, made, given)


def _typeset(
    name: str, columns: tuple[Column, ...], rows: tuple[tuple[Any, ...], ...]
) -> tuple[list[list[str]], list[bool]]:
    """Text of each cell, and which columns hold numbers."""
    by_column: list[list[str]] = []
    numeric = []
    for k, column in enumerate(columns):
        try:
            texts = [_cell_text(row[k], column) for row in rows]
        except ValueError as error:
            raise ValueError(f"table {name}, column {column.label!r}: {error}") from None
        kinds = [not isinstance(row[k], str) for row in rows if row[k] is not None]
        numeric.append(bool(kinds) and all(kinds))
        by_column.append(align(texts) if numeric[-1] else texts)
    return [list(row) for row in zip(*by_column, strict=True)], numeric


def _plain(value: Any, called: str = "a number") -> Any:
    """A number or truth value of NumPy as Python's; all else as it is."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        from nlbook.checks import check_unmasked

        check_unmasked(called, value)
        return value.item()
    return value


def _cell_text(value: Any, column: Column) -> str:
    match value:
        case None:
            return _DASH
        case bool():
            return "yes" if value else "no"
        case str():
            return " ".join(value.split()) or _DASH
        case Glued():
            return pretty(value.text)
        case Uncertain():
            return uncertain_text(value.value, value.error, column.format)
        case Interval():
            ends = (number_text(_number(end), column.format or "") for end in _ends(value))
            return "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}".join(ends)
        case int() | float():
            return number_text(_number(value), column.format or "")
    raise ValueError(f"{value!r} must be a number, text, None, Uncertain, Interval or Glued")


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _number(value: Any) -> float:
    """A Python number; NaN is none."""
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} must be a real number")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("a number must not be NaN; None stands for what is not known")
    return value


def _parts(cells: list[Any], column: Column) -> dict[str, list[Any]]:
    """Cells of a column as columns of plain values."""
    if any(isinstance(cell, str | Glued | bool) for cell in cells):  # as it is read
        return {"": [_said(cell, column) for cell in cells]}
    parts: dict[str, list[Any]] = {}
    known = [cell for cell in cells if cell is not None]
    if not known or any(not isinstance(cell, Interval) for cell in known):
        parts[""] = [_value(cell) for cell in cells]
    if any(isinstance(cell, Uncertain) for cell in cells):
        parts["error"] = [c.error if isinstance(c, Uncertain) else math.nan for c in cells]
    if any(isinstance(cell, Interval) for cell in cells):
        ends = [_ends(c) if isinstance(c, Interval) else (math.nan, math.nan) for c in cells]
        parts["low"], parts["high"] = ([end[k] for end in ends] for k in (0, 1))
    return parts


def _value(cell: Any) -> float:
    if isinstance(cell, Uncertain):
        return cell.value
    return math.nan if cell is None or isinstance(cell, Interval) else _number(cell)


def _said(cell: Any, column: Column) -> str:
    return "" if cell is None else without_markup(_cell_text(cell, column))


def _as_text(described: dict[str, Any]) -> str:
    """Columns of characters of one width."""
    rows = [[column["label"] for column in described["columns"]]]
    rows += [[without_markup(text) for text in row] for row in described["rows"]]
    widths = [max(_width(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [without_markup(described["caption"]), ""]
    for row in rows:
        cells = []
        for text, width, column in zip(row, widths, described["columns"], strict=True):
            space = " " * (width - _width(text))
            cells.append(space + text if column["numeric"] else text + space)
        lines.append("  ".join(cells).rstrip())
        if len(lines) == 3:
            lines.append("  ".join("-" * width for width in widths))
    if described["note"]:
        lines += ["", without_markup(described["note"])]
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(not unicodedata.combining(character) for character in text)


def _as_markdown(described: dict[str, Any]) -> str:
    def line(texts: Sequence[str]) -> str:
        return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", t) for t in texts) + " |"

    marks = ["---:" if column["numeric"] else ":---" for column in described["columns"]]
    heads = [column["heading"] for column in described["columns"]]
    lines = [line(heads), line(marks), *map(line, described["rows"])]
    if described["note"]:
        lines += ["", described["note"]]
    return "\n".join(lines)


def _as_html(described: dict[str, Any]) -> str:
    """A table that needs no style sheet."""

    def cell(tag: str, text: str, column: dict[str, Any]) -> str:
        side = "right" if column["numeric"] else "left"
        return (
            f'<{tag} style="text-align: {side}">{html.escape(text, quote=False)}</{tag.split()[0]}>'
        )

    columns = described["columns"]
    head = "".join(cell('th scope="col"', c["label"], c) for c in columns)
    lines = ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row in described["rows"]:
        tags = ['th scope="row"'] + ["td"] * (len(row) - 1)
        cells = "".join(
            cell(tag, without_markup(text), column)
            for tag, text, column in zip(tags, row, columns, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    lines += ["</tbody>", "</table>"]
    if described["note"]:
        lines.append(f"<p>{html.escape(without_markup(described['note']), quote=False)}</p>")
    return "\n".join(lines)
