"""Run jupyter-book on staged pages, and finish what it made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from nlbook.publishing.animation import first_frame, is_animated
from nlbook.publishing.staging import SiteError

__all__ = [
    "finish",
    "offer_stills",
    "prune",
    "render",
    "render_loosely",
]

_COMPLAINT = re.compile(r"WARNING|ERROR|Exception|Error: |^Message: |^Arguments: ")
# Left by the theme: a loader of live code from another host, which no page offers, and hints to
# load fonts early, which a browser refuses for pages opened from disk.
_UNWANTED = re.compile(
    r"<script>const THEBE_JS_URL.*?</script>|<script[^>]*sphinx-thebe\.js[^>]*></script>"
    r'|<script type="text/x-thebe-config">.*?</script>|<script>kernelName = .*?</script>'
    r'|<link[^>]*sphinx-thebe\.css[^>]*>|<link rel="preload"[^>]*>',
    re.DOTALL,
)
_PICTURE = re.compile(
    r'(?:<a class="[^"]*image-reference"[^>]*>\s*)?'
    r'<img\b[^>]*\ssrc="([^"]*_images/[^"]+\.png)"[^>]*>(?:\s*</a>)?'
)
# Style sheets show one of the two pictures: see nlbook.css.
_STOPPABLE = """\
<div class="animation">
<div class="moving">{moving}</div>
<div class="still">{still}</div>
<label><input type="checkbox"/> <span class="stop">Stop the animation</span>\
<span class="play">Play the animation</span></label>
</div>"""
# What a user has set for other books: it would change the pages, or end the build.
_MEDDLING = (
    "SPHINXOPTS",
    "SPHINXBUILD",
    "SPHINX_APIDOC_OPTIONS",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
)
_MATHJAX = {"tex-chtml.js", "output", "input", "a11y", "ui"}  # what the pages load of it


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
    package = str(Path(__file__).resolve().parents[2])  # autodoc must see this very package
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",  # whatever the locale
    }
    for name in _MEDDLING:
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", main, *options],
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


def finish(html: Path) -> None:
    """Drop what no page needs, and make animations stop."""
    prune(html)
    offer_stills(html)


def prune(html: Path) -> None:
    """Drop what no page needs: most of MathJax, live code, and the builder's own records."""
    mathjax = html / "_static" / "mathjax"
    if mathjax.is_dir():
        for path in mathjax.iterdir():
            if path.name not in _MATHJAX:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(mathjax / "output" / "svg", ignore_errors=True)
    for path in html.rglob("*.html"):
        path.write_text(_UNWANTED.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (html / "_static").glob("sphinx-thebe.*"):
        path.unlink()
    (html / ".buildinfo").unlink(missing_ok=True)


def offer_stills(html: Path) -> None:
    """Give each animated picture its first frame beside it, and a box to change between them."""
    stills: dict[Path, bool] = {}

    def stoppable(match: re.Match[str]) -> str:
        moving, source = match.group(0, 1)
        picture = page.parent / source
        still = picture.with_name(f"{picture.stem}-still.png")
        if picture not in stills:
            stills[picture] = is_animated(picture)
            if stills[picture]:
                still.write_bytes(first_frame(picture))
        if not stills[picture]:
            return moving
        unmoved = moving.replace(picture.name, still.name)
        return _STOPPABLE.format(moving=moving, still=unmoved)

    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "_images/" in text:
            page.write_text(_PICTURE.sub(stoppable, text), encoding="utf-8")


def _complaints(text: str, staged: Path) -> str:
    """Pick the lines that say what is wrong."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace(f"{staged}{os.sep}", "")
    lines = [line for line in plain.splitlines() if _COMPLAINT.search(line)]
    return "\n".join(dict.fromkeys(lines)) or "\n".join(plain.splitlines()[-25:])
