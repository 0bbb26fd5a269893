"""Timing, limits, and the tables that the book shows."""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def seconds(
    call: Callable[[], Any],
    *,
    least: float = 0.5,
    most_runs: int = 200,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Shortest of several runs of `call`, after one that warms up; the machine's noise adds.

    For work of one thread the clock `time.thread_time` leaves out the time given to others.
    """
    call()
    best, spent, runs = float("inf"), 0.0, 0
    while runs < 3 or (spent < least and runs < most_runs):
        start = clock()
        call()
        elapsed = clock() - start
        best, spent, runs = min(best, elapsed), spent + elapsed, runs + 1
    return best


# What copies of OpenBLAS call it, those of numpy and scipy and others.
_THREADS = tuple(
    f"{prefix}openblas_{{}}_num_threads{suffix}"
    for prefix in ("", "scipy_")
    for suffix in ("", "64_")
)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Dense products and factorisations by one thread, as everything that they stand beside.

    Other BLAS than OpenBLAS are left as they are, and OpenBLAS that is not loaded yet.
    """
    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        loaded = {line.split()[-1] for line in maps if "openblas" in line}
    before = []
    for library in map(ctypes.CDLL, sorted(loaded)):
        for name in _THREADS:
            if hasattr(library, name.format("set")):
                setter = getattr(library, name.format("set"))
                before.append((setter, getattr(library, name.format("get"))()))
                setter(1)
                break
    try:
        yield
    finally:
        for setter, n_threads in before:
            setter(n_threads)


@dataclass
class Table:
    """Rows of one benchmark, and the limits that they missed."""

    name: str
    title: str
    note: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    threads: int | str | None = None  # of all rows that say nothing else
    absent: list[str] = field(default_factory=list)  # rivals that are not installed here

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        ratio: float | None = None,
        against: str | None = None,
        ratio_at_least: float | None = None,
        threads: int | str | None = None,
        conditions: str | None = None,
    ) -> None:
        """Enter a row; print it; remember a limit that it misses."""
        limits = []
        if at_most is not None:
            limits.append(f"at most {at_most:g} {unit}")
            if value > at_most:
                self.missed.append(f"{name}: {value:.3g} {unit}, at most {at_most:g}")
        if ratio_at_least is not None and ratio is not None:
            limits.append(f"{ratio_at_least:g} times")
            if ratio < ratio_at_least:
                self.missed.append(f"{name}: {ratio:.3g} times, at least {ratio_at_least:g}")
        self.rows.append(
            {
                "name": name,
                "value": float(f"{value:.3g}"),
                "unit": unit,
                "ratio": None if ratio is None else float(f"{ratio:.3g}"),
                "against": against,
                "limit": ", ".join(limits) or None,
            }
            | {k: v for k, v in (("threads", threads), ("conditions", conditions)) if v is not None}
        )
        beside = "" if ratio is None else f"   {ratio:.3g} times faster than {against}"
        print(f"{name:58} {value:10.3g} {unit}{beside}", flush=True)

    def keep_rows_of(self, rival: str) -> None:
        """Keep the rows of a rival that is not installed here, as they were last recorded."""
        self.absent.append(rival)

    def write(self, folder: Path, where: dict[str, Any]) -> None:
        """Write the table as the site reads it."""
        path = folder / f"{self.name}.json"
        for rival in self.absent:
            self.rows += recorded_rows(path, rival)
        write_json(
            path,
            {
                "title": self.title,
                "note": self.note,
                **where,
                **({} if self.threads is None else {"threads": self.threads}),
                "rows": self.rows,
            },
        )


def recorded_rows(path: Path, rival: str) -> list[dict[str, Any]]:
    """Rows of a recorded table that are about a rival, each with where and when it was measured."""
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    told = f"recorded on {table.get('machine')}, at {table.get('date')}"
    rows = []
    for row in table["rows"]:
        if rival in row["name"] or rival in (row.get("against") or ""):
            known = row.get("conditions") or ""
            again = known if "recorded on" in known else "; ".join(filter(None, (known, told)))
            rows.append({**row, "conditions": again})
    return rows


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write aside, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    aside.replace(path)
