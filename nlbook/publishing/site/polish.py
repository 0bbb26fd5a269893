"""What is done to the pages that the builder wrote: less to load, and more for who doesn't see.

The theme brings 1.7 MB of icons for the dozen that it shows (`nlbook.css` draws those), a
loader of live code, and roles that browsers do not know. Each change here is to text of the
theme's own; a test reads the finished pages.
"""

from __future__ import annotations

import html as entities
import re
import shutil
from pathlib import Path

from nlbook.publishing.animation import first_frame, is_animated

__all__ = ["polish"]

# Left by the theme: a loader of live code from another host, which no page offers, hints to load
# fonts early, which a browser refuses for pages opened from disk, and icons.
_UNWANTED = re.compile(
    r"<script>const THEBE_JS_URL.*?</script>|<script[^>]*sphinx-thebe\.js[^>]*></script>"
    r'|<script type="text/x-thebe-config">.*?</script>|<script>kernelName = .*?</script>'
    r'|<link[^>]*sphinx-thebe\.css[^>]*>|<link rel="preload"[^>]*>'
    r"|<link[^>]*vendor/fontawesome[^>]*>|<script[^>]*vendor/fontawesome[^>]*></script>",
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
# What the pages load of MathJax: files, or folders.
_MATHJAX = re.compile(
    r"(startup|core|input/tex|output/chtml|a11y/assistive-mml)\.js"
    r"|input/tex/extensions/.*|output/chtml/fonts/.*"
)
_REPLACED = (
    # roles that are no longer, or belong to other elements
    (r' role="doc-(?:biblioentry|backlink|noteref)"', ""),
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    # a heading without a word is none
    (r'<th class="head(?P<more>[^"]*)">(?:<p></p>)?</th>', r'<td class="head\g<more>"></td>'),
    # what stands beside the text is found by its name
    (
        r'<div class="bd-sidebar-primary bd-sidebar"',
        '<div role="region" aria-label="Site" class="bd-sidebar-primary bd-sidebar"',
    ),
    (
        r'<summary>(?=\s*<span class="toctree-toggle")',
        '<summary aria-label="Pages below this one">',
    ),
    (r"<img (?![^>]*\bloading=)", '<img loading="lazy" '),
)
_DESCRIPTION = 200  # characters of a page's description, at most


def polish(html: Path) -> None:
    """Finish the pages of a folder, in place."""
    _drop_files(html)
    stills: dict[Path, bool] = {}
    for page in html.rglob("*.html"):
        text = _UNWANTED.sub("", page.read_text(encoding="utf-8"))
        for pattern, replacement in _REPLACED:
            text = re.sub(pattern, replacement, text)
        text = _describe(text)
        if "_images/" in text:
            text = _offer_stills(text, page, stills)
        page.write_text(text, encoding="utf-8")


def _drop_files(html: Path) -> None:
    static = html / "_static"
    mathjax = static / "mathjax"
    if mathjax.is_dir():
        for path in sorted(mathjax.rglob("*"), reverse=True):  # what a folder holds before it
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif not _MATHJAX.fullmatch(path.relative_to(mathjax).as_posix()):
                path.unlink()
    for path in static.glob("sphinx-thebe.*"):
        path.unlink()
    shutil.rmtree(static / "vendor", ignore_errors=True)
    (html / ".buildinfo").unlink(missing_ok=True)


def _describe(text: str) -> str:
    """Say in the head of a page what its first paragraph says."""
    article = text[text.find("<article") :]
    for paragraph in re.finditer(r"<p>(.*?)</p>", article, re.DOTALL):
        if "download" in paragraph.group(1) or "sd-" in paragraph.group(1):
            continue
        plain = re.sub(r"<[^>]+>|\\\(.*?\\\)", "", paragraph.group(1))
        words = entities.unescape(" ".join(plain.split()))
        words = re.sub(r" +([,.;:?!])", r"\1", words)  # behind a formula
        if len(words) < 40:
            continue
        if len(words) > _DESCRIPTION:
            words = words[:_DESCRIPTION].rpartition(" ")[0].rstrip(",;:") + " …"
        tag = f'<meta name="description" content="{entities.escape(words)}"/>\n'
        return text.replace("</head>", f"{tag}</head>", 1)
    return text


def _offer_stills(text: str, page: Path, stills: dict[Path, bool]) -> str:
    """Give each animated picture its first frame beside it, and a box to change between them."""

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

    return _PICTURE.sub(stoppable, text)
