"""A small book in a temporary folder, and a chapter that has begun without a kernel."""

from __future__ import annotations

import pytest

from nlbook.publishing import guard
from tests.publishing.small_book import write_book


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with the chapter 01_tiny, which is the working folder's too."""
    made = write_book(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    return made


@pytest.fixture
def begun(monkeypatch):
    """Begin a run of the given tiers without a kernel; returns what was displayed since."""

    def begin(*tiers: str) -> list[tuple[dict, dict]]:
        shown: list[tuple[dict, dict]] = []

        def display(data, raw=False, metadata=None):
            shown.append((data, metadata or {}))

        monkeypatch.setattr(guard, "_run", guard.ChapterRun("01_tiny", {}, tiers))
        monkeypatch.setattr("IPython.display.display", display)
        return shown

    return begin
