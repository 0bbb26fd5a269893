"""The book's machinery.

A chapter calls `begin`, `claim`, `show_number`, `table`, `recorded`, `save_results`,
`results_folder` and `figures`; these are imported at once. What runs
chapters and builds the site is imported when it is called for, so that a change to it leaves the
executed chapters fresh.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nlbook.publishing import figures
from nlbook.publishing.book import recorded
from nlbook.publishing.claims import claim, show_number
from nlbook.publishing.guard import begin
from nlbook.publishing.results import results_folder, save_results
from nlbook.publishing.tables import Column, Glued, Interval, Table, Uncertain, table

if TYPE_CHECKING:
    from nlbook.publishing.running.runner import run_chapter

__all__ = [
    "Column",
    "Glued",
    "Interval",
    "Table",
    "Uncertain",
    "begin",
    "claim",
    "figures",
    "recorded",
    "results_folder",
    "run_chapter",
    "save_results",
    "show_number",
    "table",
]


def __getattr__(name: str) -> Any:
    if name == "run_chapter":
        return import_module("nlbook.publishing.running.runner").run_chapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
