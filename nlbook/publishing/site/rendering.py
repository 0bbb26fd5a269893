"""Run jupyter-book on staged pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from nlbook.publishing.notebooks.staging import SiteError

__all__ = ["render", "render_loosely"]

_COMPLAINT = re.compile(r"WARNING|ERROR|Exception|Error: |^Message: |^Arguments: ")
# What a user has set for other books: it would change the pages, or end the build.
_MEDDLING = (
    "SPHINXOPTS",
    "SPHINXBUILD",
    "SPHINX_APIDOC_OPTIONS",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
)


def render(staged: Path, quiet: bool) -> Path:
    """Run jupyter-book in a process of its own, every page anew, warnings as errors."""
    html, told = _run(staged, quiet, "-n", "-W", "--keep-going")
    if html is None:
        raise SiteError("the site did not build:\n" + _complaints(told, staged))
    return html


def render_loosely(staged: Path) -> tuple[Path, list[str]]:
    """Run jupyter-book where not all pages are there; also returns what it complains of."""
    html, told = _run(staged, True)
    complaints = _complaints(told, staged)
    if html is None:
        raise SiteError("the page did not build:\n" + complaints)
    return html, complaints.splitlines() if _COMPLAINT.search(told) else []


def _run(staged: Path, quiet: bool, *strictness: str) -> tuple[Path | None, str]:
    """The folder of the pages, if they were built, and what was told."""
    main = "from jupyter_book.cli.main import main; main()"
    options = ["build", "--all", *strictness, str(staged)]
    package = str(Path(__file__).resolve().parents[3])  # autodoc must see this very package
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",  # whatever the locale
    }
    for name in _MEDDLING:
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", main, *options],  # not what lies in the working folder
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        encoding="utf-8",
        errors="replace",
    )
    html = staged / "_build" / "html"
    built = done.returncode == 0 and (html / "index.html").is_file()
    return (html if built else None), done.stdout or ""


def _complaints(text: str, staged: Path) -> str:
    """Pick the lines that say what is wrong."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace(f"{staged}{os.sep}", "")
    lines = [line for line in plain.splitlines() if _COMPLAINT.search(line)]
    return "\n".join(dict.fromkeys(lines)) or "\n".join(plain.splitlines()[-25:])
