"""Pages that are written by code: claims, costs, benchmarks, and each chapter's provenance.

Everything here is a function from plain records to MyST text, so that it can be read in a test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Cost",
    "benchmarks_page",
    "cell",
    "claims_page",
    "costs_page",
    "duration",
    "markdown_table",
    "memory",
    "provenance",
    "source",
    "title_note",
]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """What one chapter costs at one tier; None where nobody has measured it."""

    chapter: str  #: stem of the chapter's file
    tier: str  #: smoke, book, paper, or "own" for other parameters
    wall_s: float | None = None  #: elapsed time, seconds
    cores: float | None = None  #: cores that the time is for
    core_hours: float | None = None  #: work, core-hours
    memory_mib: float | None = None  #: peak of the run, MiB
    tasks: int | None = None  #: independent tasks in it
    basis: str = "measured"  #: measured, or how it was estimated


def claims_page(
    chapters: Mapping[str, Sequence[Row]],
    titles: Mapping[str, str] | None = None,
    keys: Iterable[str] = (),
    numbers: Mapping[str, int] | None = None,
) -> str:
    """Write the table of claims, and what of the computed numbers it covers.

    Parameters
    ----------
    chapters : mapping of str to sequence of mapping
        For each chapter's stem the rows that its claims stored.
    titles : mapping of str to str, optional
        Titles of the chapters.
    keys : iterable of str
        Keys of the bibliography, which become citations where a source begins with one.
    numbers : mapping of str to int, optional
        For each chapter's stem how many numbers it shows without a claim.

    Returns
    -------
    str
        The page, in MyST.
    """
    known = set(keys)
    lines = [
        "# Claims",
        "",
        "A number in a chapter's text was *computed* by the run that the page shows: a cell put "
        "it there, and nobody typed it. Some of them are also *claimed*: the cell holds the number "
        "against a bound, and a claim that fails stops the run, so that no page can show one. A "
        "number that is computed and not claimed is what the code gave; nothing but the tests of "
        "the code stands behind it.",
        "",
        "Claims are of three kinds. An *invariant* is a law that holds for all parameters: it is "
        "checked in every run. A *reference* depends on the run: it is checked when the run's "
        "parameters are those of a tier that the claim names, and is shown as not tested "
        "otherwise. A *recorded* number comes from a result in `book/recorded` and not from the "
        "run: it is checked in every run, whatever its parameters, and says nothing about them.",
        "",
        *_counts(chapters, titles or {}, numbers or {}),
    ]
    for stem, some in chapters.items():
        lines += ["", f"## {(titles or {}).get(stem, stem)}", ""]
        if not some:
            lines += [f"{{doc}}`{stem}` makes no claims yet."]
            continue
        lines += [f"From {{doc}}`{stem}`.", ""]
        table = [
            (
                f"`{row['name']}`",
                f"{row.get('text', '')} {row.get('unit') or ''}".strip(),
                cell(str(row.get("bounds") or "")),
                str(row.get("kind", "")),
                _verdict(row),
                source(str(row.get("source") or ""), known),
            )
            for row in some
        ]
        lines += markdown_table(("claim", "value", "must be", "kind", "holds", "source"), table)
    return "\n".join(lines) + "\n"


def _counts(
    chapters: Mapping[str, Sequence[Row]], titles: Mapping[str, str], numbers: Mapping[str, int]
) -> list[str]:
    """How many numbers are computed, claimed and tested: a row a chapter, and their sum."""

    def row(title: str, some: Sequence[Row], shown: int) -> tuple[str, ...]:
        kinds = [str(claim.get("kind", "")) for claim in some]
        counts = [kinds.count(kind) for kind in ("invariant", "reference", "recorded")]
        tested = sum(bool(claim.get("tested", True)) for claim in some)
        return (title, *map(str, (len(some) + shown, len(some), *counts, tested)))

    table = [row(f"{{doc}}`{stem}`", some, numbers.get(stem, 0)) for stem, some in chapters.items()]
    everything = [claim for some in chapters.values() for claim in some]
    table.append(row("all", everything, sum(numbers.get(stem, 0) for stem in chapters)))
    heading = ("", "computed", "claimed", "invariants", "references", "recorded", "tested here")
    return markdown_table(heading, table)


def source(text: str, keys: Iterable[str] = ()) -> str:
    """Turn the key that begins a claim's source into a citation."""
    match = re.match(r"[A-Za-z]\w*", text)
    if match and match.group() in set(keys):
        return f"{{cite}}`{match.group()}`{cell(text[match.end() :])}"
    return cell(text)


def costs_page(costs: Sequence[Cost], machine: str = "") -> str:
    """Write the table of what each chapter costs, a row for each chapter and tier."""
    lines = [
        "# What each chapter costs",
        "",
        "Each chapter runs at three sizes. *book* is what these pages show and fits a laptop of "
        "two cores; *smoke* is what the tests run; *paper* is the size of the paper's own study. "
        "`nlbook run CHAPTER --tier paper --dry-run` prints the cost for the machine that it is "
        "called on.",
        "",
    ]
    table = [
        (
            f"{{doc}}`{c.chapter}`",
            c.tier,
            _or_dash(c.tasks, "d"),
            duration(c.wall_s),
            _or_dash(c.cores, "g"),
            _or_dash(c.core_hours, ".3g"),
            memory(c.memory_mib),
            cell(c.basis),
        )
        for c in costs
    ]
    heading = ("chapter", "tier", "tasks", "time", "cores", "core-hours", "memory", "known from")
    lines += markdown_table(heading, table)
    if machine:
        lines += ["", f"Measured on: {cell(machine)}."]
    lines += ["", "A dash: not measured yet."]
    return "\n".join(lines) + "\n"


def benchmarks_page(tables: Sequence[Row]) -> str:
    """Write the page of benchmarks from recorded tables.

    Parameters
    ----------
    tables : sequence of mapping
        Each has ``title`` and ``rows``, and may have ``machine``, ``threads`` (a number, or
        words), ``command``, ``commit``, ``date`` and ``note``. A row has ``name``, ``value`` and
        ``unit``, and may have ``ratio`` (how many times faster), ``against`` (than what),
        ``threads`` and ``conditions`` (where they differ from the table's) and ``limit`` (the
        bound that the benchmark enforces, as text).

    Returns
    -------
    str
        The page, in MyST.
    """
    lines = [
        "# Benchmarks",
        "",
        "`make bench` measures the package's kernels in one run, side by side with the plain "
        "method and with the library that one would use instead. *Ratio* is how many times "
        "faster this package is than the method it is held *against*: above 1 this package is "
        "faster, below 1 the other. A table of a program that `make bench` could not find is as "
        "it was last recorded, and says where and when.",
    ]
    if not tables:
        lines += ["", "None has been recorded in this copy of the book."]
    for table in tables:
        conditions = [_conditions(row) for row in table["rows"]]
        heading = ["measured", "value", "ratio", "against", "limit"]
        if any(conditions):
            heading.insert(4, "conditions")
        lines += ["", f"## {cell(str(table['title']))}", ""]
        if table.get("note"):
            lines += [str(table["note"]), ""]
        rows = []
        for row, told in zip(table["rows"], conditions, strict=True):
            texts = [
                cell(str(row["name"])),
                f"{_number(row['value'])} {cell(str(row.get('unit') or ''))}".strip(),
                _or_dash(row.get("ratio"), ".3g"),
                cell(str(row.get("against") or "—")),
                cell(str(row.get("limit") or "—")),
            ]
            if any(conditions):
                texts.insert(4, cell(told or "—"))
            rows.append(tuple(texts))
        lines += markdown_table(heading, rows)
        known = [
            f"{word} {cell(str(table[key]))}"
            for key, word in (
                ("machine", "on"),
                ("threads", "threads:"),
                ("date", "at"),
                ("commit", "commit"),
                ("command", "by"),
            )
            if table.get(key)
        ]
        if known:
            lines += ["", f"Measured {', '.join(known)}."]
    return "\n".join(lines) + "\n"


def _conditions(row: Row) -> str:
    threads = row.get("threads")
    counted = _count(threads, "thread") if isinstance(threads, int) else str(threads or "")
    return "; ".join(filter(None, (counted, str(row.get("conditions") or ""))))


def title_note(stem: str, metadata: Row, record: Row, downloads: Mapping[str, str]) -> str:
    """Write the line under a chapter's title: its tier, its cost, and its downloads."""
    words = [f"Computed {_at_tier(metadata)}"]
    if record.get("wall_s") is not None:
        words.append(f"in {duration(record['wall_s'])}")
        if record.get("threads"):
            words.append(f"on {_count(int(record['threads']), 'core')}")
    links = [f"{{download}}`{text} <{path}>`" for text, path in downloads.items()]
    parts = [" ".join(words) + ".", "Download: " + " · ".join(links) + "." if links else ""]
    parts.append(f"{{ref}}`How this page was made <made-{stem}>`.")
    return " ".join(part for part in parts if part)


def provenance(
    stem: str, metadata: Row, record: Row, claimed: int | None = None, computed: int | None = None
) -> str:
    """Write the note at the foot of a chapter: what made the numbers on it, and how many."""
    environment = record.get("environment") or {}
    versions = environment.get("versions") or {}
    parameters = metadata.get("parameters") or {}
    commit, dirty = record.get("commit"), record.get("dirty")
    rows = [
        ("tier", str(metadata.get("tier") or "none: parameters of one's own")),
        ("parameters", ", ".join(f"{k} = {v!r}" for k, v in parameters.items())),
        ("numbers", "" if computed is None else f"{computed} computed, {claimed} of them claimed"),
        ("seed", str(metadata["seed"]) if metadata.get("seed") is not None else ""),
        ("key", f"`{str(metadata.get('key') or '')[:16]}`" if metadata.get("key") else ""),
        ("commit", f"`{str(commit)[:12]}`{', with changes' if dirty else ''}" if commit else ""),
        ("started", str(record.get("started") or "")),
        ("time", duration(record.get("wall_s")) if record.get("wall_s") is not None else ""),
        ("peak memory", memory(record.get("peak_memory_mib")) if record else ""),
        ("processor", _processor(record)),
        ("command", f"`{record['command']}`" if record.get("command") else ""),
        ("Python", str(environment.get("python") or "")),
        ("packages", ", ".join(f"{k} {v}" for k, v in versions.items())),
    ]
    table = [(name, value if "`" in value else cell(value)) for name, value in rows if value]
    made = "the chapter's committed copy" if not record else "a run of this chapter"
    return "\n".join(
        [
            f"(made-{stem})=",
            "## How this page was made",
            "",
            f"Every output above is stored from {made}. The key is a digest of the chapter's "
            "code, its parameters, the modules that it calls, its data and the locked "
            "environment; a page whose key does not match them is not built.",
            "",
            *markdown_table(("", "of this run"), table),
        ]
    )


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out a Markdown table; cells must not hold a bare bar (see `cell`)."""
    lines = ["| " + " | ".join(heading) + " |", "|" + " --- |" * len(heading)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def cell(text: str) -> str:
    """Make plain text safe in a cell of a MyST table."""
    return re.sub(r"([\\|`*_{}\[\]<>$#])", r"\\\1", " ".join(text.split()))


def duration(seconds: float | None) -> str:
    """Write a time as a person would: ``41 s``, ``3.2 min``, ``5.1 h``."""
    if seconds is None or not math.isfinite(seconds):
        return "—"
    if seconds < 0.95:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def memory(mib: float | None) -> str:
    """Write an amount of memory: ``310 MiB``, ``2.4 GiB``."""
    if mib is None or not math.isfinite(mib):
        return "—"
    return f"{mib:.0f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def _at_tier(metadata: Row) -> str:
    tier = metadata.get("tier")
    return f"at tier *{tier}*" if tier else "with parameters of its own"


def _verdict(row: Row) -> str:
    if not row.get("tested", True):
        return "not tested here"
    return "yes" if row.get("holds", False) else "**no**"


def _processor(record: Row) -> str:
    model = str(record.get("cpu_model") or "")
    counts = [
        _count(int(record[key]), word)
        for key, word in (("cores", "core"), ("threads", "thread"))
        if isinstance(record.get(key), int | float)
    ]
    return ", ".join([model, *counts] if model else counts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cell(str(value))
    return f"{value:.6g}"


def _or_dash(value: Any, spec: str) -> str:
    return "—" if value is None else format(value, spec)
