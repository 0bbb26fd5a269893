"""Execute the chapters that changed, several at a time, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nlbook.host import signals_ignored, usable_cores
from nlbook.publishing.book import Book
from nlbook.publishing.errors import BookError, RunFailed
from nlbook.publishing.parameters.chapter import resolve
from nlbook.publishing.running import records
from nlbook.publishing.running.costs import estimate
from nlbook.publishing.running.freshness import why_stale
from nlbook.publishing.running.locks import locked, scratch_folder

__all__ = ["compile_ahead", "execute_stale", "only_build", "stale_chapters"]

_GRACE = 120.0  # seconds that interrupted chapters have to end their kernels
ENDS_WITH = "NLBOOK_ENDS_WITH"  # the process without which a run has no purpose


@dataclass
class _Run:
    name: str
    process: subprocess.Popen[bytes]
    errors: IO[str]
    started: float


@contextlib.contextmanager
def only_build(book: Book) -> Iterator[None]:
    """Be the only build of this book until it ends.

    Parameters
    ----------
    book : Book
        The book.

    Raises
    ------
    BookError
        At once, if there is another.
    """
    folder = book.root / "_build"
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder / ".building", "another build"))
        except OSError as error:
            raise BookError(f"{folder}: cannot write there ({error.strerror})") from None
        yield


def stale_chapters(book: Book, tier: str) -> dict[str, str]:
    """Chapters whose executed notebooks are not theirs at this tier, and why.

    Parameters
    ----------
    book : Book
        The book.
    tier : {"book", "smoke", "paper"}
        The tier of the site.
    """
    stale = {}
    for name in book.chapters:
        notebook = book.executed / f"{name}.ipynb"
        reason = why_stale(notebook, book)
        if reason is None:
            record = records.read_record(notebook)
            if record is None:
                reason = "its record is missing"
            elif record["parameters"] != resolve(name, tier, book=book):
                reason = f"it was executed at tier {record['tier']}"
        if reason is not None:
            stale[name] = reason
    return stale


def execute_stale(
    book: Book, tier: str = "book", jobs: int | None = None, say: Callable[[str], None] = print
) -> list[str]:
    """Execute the stale chapters into `book.executed`.

    Parameters
    ----------
    book : Book
        The book.
    tier : {"book", "smoke", "paper"}
        Their parameters.
    jobs : int, optional
        Chapters at a time; by default half the cores, at least one. Each is told its share of
        the cores by ``NLBOOK_WORKERS``.
    say : callable
        Gets a line whenever a chapter starts or ends.

    Returns
    -------
    list of str
        The chapters that were executed.

    Raises
    ------
    RunFailed
        If some failed, naming them; the others are finished first.
    """
    stale = stale_chapters(book, tier)
    if not stale:
        return []
    cores = usable_cores()
    jobs = min(jobs or max(1, cores // 2), len(stale))
    if jobs < 1:
        raise BookError(f"jobs={jobs}: must be at least 1")
    waiting = sorted(stale, key=lambda name: -_seconds(book, name, tier))  # the longest first
    running: list[_Run] = []
    failed: list[str] = []
    finished = 0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                say(f"{name}: {stale[name]}; running it at tier {tier}")
                running.append(_start(book, name, tier, max(1, cores // jobs), len(stale) == 1))
            time.sleep(0.05)
            for run in [run for run in running if run.process.poll() is not None]:
                running.remove(run)
                finished += 1
                seconds = time.monotonic() - run.started
                if run.process.returncode:
                    failed.append(_last_line(run))
                    say(f"[{finished}/{len(stale)}] {run.name} failed after {seconds:.0f} s")
                else:
                    say(f"[{finished}/{len(stale)}] {run.name} done in {seconds:.0f} s")
                run.errors.close()
    finally:
        _end(running)
    if failed:
        raise RunFailed("; ".join(failed))
    return list(stale)


def compile_ahead(book: Book, say: Callable[[str], None] = print) -> None:
    """Run each chapter at tier smoke for what it compiles, which numba keeps, and for no more.

    It may be ended at any time; what was compiled by then is kept. A chapter that fails, since
    something it needs is not installed yet, is passed over.

    Parameters
    ----------
    book : Book
        The book.
    say : callable
        Gets a line whenever a chapter has ended.
    """
    build = book.root / "_build"
    build.mkdir(parents=True, exist_ok=True)
    with scratch_folder(build, ".compiling-") as folder:
        for name in book.chapters:
            run = _start(book, name, "smoke", usable_cores(), False, folder)
            try:
                run.process.wait()
            finally:
                seconds = time.monotonic() - run.started
                _end([run])
            verb = "failed" if run.process.returncode else "compiled"
            say(f"{name} {verb} after {seconds:.0f} s")


def _seconds(book: Book, name: str, tier: str) -> float:
    """How long the chapter took when it last ran here, or is expected to take elsewhere."""
    try:
        record = json.loads((book.executed / f"{name}.json").read_text("utf-8"))
        return float(record["wall_s"])
    except (OSError, ValueError, KeyError, TypeError):
        hours = estimate(name, resolve(name, tier, book=book), book, usable_cores()).wall_hours
        return 3600 * (hours or 0.0)


def _start(
    book: Book, name: str, tier: str, workers: int, alone: bool, out: Path | None = None
) -> _Run:
    command = [sys.executable, "-m", "nlbook", "run", name, "--tier", tier, "--overwrite"]
    command += ["-o", str(out or book.executed)] + ([] if alone else ["--quiet"])
    package = Path(__file__).resolve().parents[3]
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))
    environment = {
        **os.environ,
        "NLBOOK_BOOK": str(book.book),
        "PYTHONPATH": path,
        "PYTHONUTF8": "1",
        ENDS_WITH: str(os.getpid()),
    }
    environment.setdefault("NLBOOK_WORKERS", str(workers))
    errors = tempfile.TemporaryFile(  # noqa: SIM115 (closed when the process ends)
        "w+", encoding="utf-8", errors="replace"
    )
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=None if alone else errors,
    )
    return _Run(name, process, errors, time.monotonic())


def _last_line(run: _Run) -> str:
    run.errors.seek(0)
    lines = run.errors.read().strip().splitlines()
    return lines[-1].removeprefix("nlbook: ") if lines else f"{run.name} failed"


def _end(running: list[_Run]) -> None:
    """Interrupt what still runs, and wait until its kernels have ended."""
    with signals_ignored():  # a second Ctrl-C must not leave kernels behind
        for run in running:
            run.process.terminate()
        deadline = time.monotonic() + _GRACE
        for run in running:
            try:
                run.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                run.process.kill()
            run.errors.close()
