"""What this machine and environment offer a chapter, for ``nlbook doctor``."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from nlbook.publishing.book import Book, find_book
from nlbook.publishing.errors import BookError
from nlbook.publishing.running import records

__all__ = ["findings"]

_PATIENCE = 600  # seconds that a program may take to answer on a machine that does much else
_THREADS = ("NLBOOK_WORKERS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def findings() -> Iterator[tuple[str, str]]:
    """Yield what is found, topic by topic.

    Yields
    ------
    topic : str
        A word, such as ``cores``.
    text : str
        What was found.
    """
    machine = records.machine()
    yield "system", f"{machine['system']}, {machine['cpu_model']}"
    yield "Python", f"{sys.version.split()[0]}, {sys.executable}"
    yield "packages", ", ".join(f"{k} {v}" for k, v in records.versions().items())
    yield "cores", f"{machine['cores']} usable; a chapter uses {machine['threads']}"
    given = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    yield "threads", ", ".join(given) or "no limits set"
    try:
        book = find_book()
    except BookError as error:
        yield "book", str(error)
    else:
        yield "book", f"{book.book}, {len(book.chapters)} chapters"
        yield "lock", _against_lock(book)
    yield "GPU", _gpu()
    yield "torch", _torch()
    yield "LAMMPS", _lammps()


def _against_lock(book: Book) -> str:
    different = []
    for file in book.locks:
        for line in file.read_text("utf-8").splitlines():
            try:
                locked = Requirement(line)
            except InvalidRequirement:  # a comment or an empty line
                continue
            if locked.marker is not None and not locked.marker.evaluate():
                continue  # for another system or Python
            name, pinned = locked.name, str(locked.specifier).removeprefix("==")
            try:
                installed = metadata.version(name)
            except metadata.PackageNotFoundError:
                installed = "none"
            if installed != pinned:
                different.append(f"{name} {installed} instead of {pinned}")
    if not different:
        return "every package is at its locked version"
    shown = "; ".join(different[:5]) + (f"; {len(different) - 5} more" * (len(different) > 5))
    return f"differs from the tested environment: {shown}"


def _gpu() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return "none found (no nvidia-smi)"
    query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    return "; ".join(_output_of([command, *query]).splitlines()) or "nvidia-smi finds none"


def _torch() -> str:
    if importlib.util.find_spec("torch") is None:
        return "not installed (an extra: nlbook[training])"
    code = "import torch; print(torch.__version__, 'with CUDA' * torch.cuda.is_available())"
    return _output_of([sys.executable, "-c", code]).strip() or "installed, but does not import"


def _lammps() -> str:
    try:
        return metadata.version("lammps")
    except metadata.PackageNotFoundError:
        return "not installed (an extra: nlbook[md])"


def _output_of(command: list[str]) -> str:
    try:
        run = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout
