"""Check a built site: links, offline use, accessibility; and how it looks in a browser.

`check_site` reads the files. `check_in_browser` opens each page in Chromium, from disk, at the
widths of a laptop, a tablet and a phone, and as on paper: nothing outside is asked for, no script
fails, nothing is wider than its place, all mathematics is typeset, and axe finds nothing.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from tests.site.browser import Browser, View, find_chromium

__all__ = ["Finding", "check_in_browser", "check_site", "find_chromium", "pages_of"]

_LOADING = {
    "stylesheet",
    "preload",
    "modulepreload",
    "icon",
    "shortcut",
    "apple-touch-icon",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
    "import",
}
_MADE_BY_SPHINX = {"genindex.html", "search.html", "py-modindex.html"}
_SCREENS = ((1280, 900, "light"), (768, 1024, "light"), (390, 844, "dark"))
_HEAVY = 1_000_000  # bytes
_PAPER = (718, 1024)  # A4 within margins of a centimetre, CSS pixels
# What of a page is read to who doesn't see it, and reached without a mouse.
_AXE = """
axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(
  rule => `${rule.id} (${rule.impact}), ${rule.nodes.length} times: ` +
    rule.nodes.slice(0, 2).map(node => node.target.join(' ')).join(', ')))
"""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a page."""

    page: str  #: file of the page, relative to the site
    rule: str  #: such as offline, link, image, heading, figure, script, width, mathematics, axe
    detail: str  #: what, in words

    def __str__(self) -> str:
        return f"{self.page}: {self.rule}: {self.detail}"


def pages_of(site: Path) -> list[Path]:
    """List the pages of a site that a reader can open."""
    found = sorted(p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts)
    if not found:
        raise ValueError(f"site must hold pages, found none in {site}")
    return found


def check_site(site: Path) -> list[Finding]:
    """Read every page and style sheet of a site.

    Parameters
    ----------
    site : Path
        The folder that holds ``index.html``.

    Returns
    -------
    list of Finding
        What is wrong, empty for a good site: a script, style, font, image or frame from another
        host; a link or anchor that leads nowhere; an image without alt text; not exactly one
        main heading, or a level left out; no language; a link or button without a name; a
        figure without a caption or without a number.
    """
    site = Path(site).resolve()
    read = {path: _Page(path) for path in pages_of(site)}
    findings = []
    for path, page in read.items():
        name = path.relative_to(site).as_posix()
        checks = [_outside, _images, _language, _figures, _identifiers]
        if path.name not in _MADE_BY_SPHINX:
            checks += [_headings, _names]
        for check in checks:
            findings += [Finding(name, *found) for found in check(page)]
        findings += [Finding(name, "link", found) for found in _links(page, read, site)]
    for sheet in sorted(site.rglob("*.css")):
        name = sheet.relative_to(site).as_posix()
        text = sheet.read_text(encoding="utf-8", errors="replace")
        findings += [Finding(name, "offline", found) for found in _outside_style(text)]
    return findings


def check_in_browser(
    site: Path, chromium: str | None = None, axe: Path | None = None
) -> list[Finding]:
    """Open every page in Chromium, without a network, on three screens and as on paper.

    Parameters
    ----------
    site : Path
        The folder that holds ``index.html``.
    chromium : str, optional
        The program; by default the first that `find_chromium` finds.
    axe : Path, optional
        The script of axe-core, whose rules of accessibility every page is then held to.

    Returns
    -------
    list of Finding
        What is wrong, empty for a good site.

    Raises
    ------
    RuntimeError
        There is no Chromium, or it did not start.
    """
    site = Path(site).resolve()
    program = chromium or find_chromium()
    if program is None:
        raise RuntimeError("no Chromium here: pages were checked in their files only")
    rules = axe.read_text("utf-8") if axe else None
    findings = []
    with Browser(program) as browser:
        for path in pages_of(site):
            name = path.relative_to(site).as_posix()
            for width, height, theme in _SCREENS:
                view = browser.open(path.as_uri(), width, height, theme)
                told = [*_loaded(view), *_weight(view), *_seen(view, width)]
                if rules and width != 768:
                    browser.run(f"{rules};0")
                    told += [("axe", text) for text in browser.run(_AXE)]
                where = f"at {width} px, {theme}: "
                findings += [Finding(name, rule, where + text) for rule, text in told]
            browser.open(path.as_uri(), *_PAPER)
            browser.emulate(media="print")
            browser.run(_FOLD)
            browser.run("dispatchEvent(new Event('beforeprint'))")
            told = [("paper", f"does not show {text}") for text in browser.run(_LEFT_OUT)]
            told += _seen(browser.measure_again(), _PAPER[0])
            findings += [Finding(name, rule, f"on paper: {text}") for rule, text in told]
            browser.emulate(media="")
    return list(dict.fromkeys(findings))


_FOLD = """
for (const details of document.querySelectorAll('article details:not(.hide)')) details.open = false;
"""
# Parts of the text that are folded, hidden or cut off.
_LEFT_OUT = """
[...document.querySelectorAll('article details:not(.hide), article .toggle-hidden')]
  .filter(e => e.matches('.toggle-hidden') || !e.open)
  .concat([...document.querySelectorAll(
    'article :is(pre, div.math, .output, .pst-scrollable-table-container)')]
    .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1))
  .map(e => e.textContent.trim().slice(0, 40))
"""


def _loaded(view: View) -> Iterator[tuple[str, str]]:
    """What was wrong when a page was loaded."""
    yield from (("script", text) for text in view.errors)
    for url in view.requests:
        if urlsplit(url).scheme not in ("file", "data", "blob", "about"):
            yield "offline", f"asks for {url}"


def _weight(view: View) -> Iterator[tuple[str, str]]:
    """Whether what a page loads besides its own figures is heavy, as a server sends it."""
    files = {
        Path(unquote(parts.path))
        for parts in map(urlsplit, view.requests)
        if parts.scheme == "file" and "/_images/" not in parts.path
    }
    weight = sum(_compressed(file) for file in files)
    if weight > _HEAVY:
        yield "weight", f"loads {weight / 1e6:.2f} MB besides its figures"


@cache
def _compressed(file: Path) -> int:
    return len(zlib.compress(file.read_bytes())) if file.is_file() else 0


def _seen(view: View, width: int) -> Iterator[tuple[str, str]]:
    """What is wrong with the look of a page."""
    if view.content_width > width:
        yield "width", f"the page is {view.content_width} px wide: {view.widest}"
    yield from (("image", f"{url} is out of proportion") for url in view.distorted)
    if view.formulas != view.typeset:
        yield "mathematics", f"{view.typeset} of {view.formulas} formulas typeset"
    if view.formula_errors:
        yield "mathematics", f"MathJax refused {view.formula_errors} formulas"
    if view.formula_stops:
        yield "mathematics", f"the Tab key stops at {view.formula_stops} formulas"
    yield from (("mathematics", f"wider than its column: {text}") for text in view.wide_formulas)
    yield from (("table", f"does not fit: {text}") for text in view.wide_cells)


class _Page:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")

    @cached_property
    def anchors(self) -> set[str]:
        named = {str(tag["id"]) for tag in self.soup.find_all(id=True)}
        return named | {str(tag["name"]) for tag in self.soup.find_all("a", attrs={"name": True})}

    @property
    def main(self) -> Tag:
        """The page without the theme's bars."""
        return self.soup.find("article") or self.soup.find("main") or self.soup


def _is_outside(url: str) -> bool:
    url = url.strip()
    return url.startswith("//") or urlsplit(url).scheme in ("http", "https", "ftp", "ws", "wss")


def _outside(page: _Page) -> Iterator[tuple[str, str]]:
    for tag in page.soup.find_all(True):
        if tag.name == "a":
            continue
        urls = [str(tag.get(key) or "") for key in ("src", "data", "poster")]
        pictures = str(tag.get("srcset") or "").split(",")
        urls += [picture.split()[0] for picture in pictures if picture.split()]
        relations = {str(r).lower() for r in tag.get("rel") or []}
        if tag.name == "link" and relations & _LOADING:
            urls.append(str(tag.get("href") or ""))
        for url in urls:
            if _is_outside(url):
                yield "offline", f"<{tag.name}> from {url}"
        if tag.get("style"):
            yield from (("offline", found) for found in _outside_style(str(tag["style"])))
    for style in page.soup.find_all("style"):
        yield from (("offline", found) for found in _outside_style(style.get_text()))


def _outside_style(text: str) -> Iterator[str]:
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for match in re.finditer(r"@import\s+[\"']([^\"']+)|url\(\s*[\"']?([^)\"']+)", plain):
        url = match.group(1) or match.group(2)
        if _is_outside(url):
            yield f"style from {url}"


def _images(page: _Page) -> Iterator[tuple[str, str]]:
    for image in page.soup.find_all("img"):
        decorative = image.find_parent(class_="navbar-brand") is not None
        if not str(image.get("alt") or "").strip() and not decorative:
            yield "image", f"no alt text: {str(image.get('src'))[:80]}"
    for drawing in page.main.find_all("svg"):
        if drawing.get("aria-hidden") != "true" and not (
            drawing.get("aria-label") or drawing.find("title")
        ):
            yield "image", "a drawing without a title"


def _language(page: _Page) -> Iterator[tuple[str, str]]:
    html = page.soup.find("html")
    if not isinstance(html, Tag) or not html.get("lang"):
        yield "language", "the page does not say its language"
    if not (page.soup.title and page.soup.title.get_text(strip=True)):
        yield "heading", "the page has no title"


def _headings(page: _Page) -> Iterator[tuple[str, str]]:
    levels = [int(tag.name[1]) for tag in page.main.find_all(re.compile(r"^h[1-6]$"))]
    if levels.count(1) != 1:
        yield "heading", f"{levels.count(1)} main headings"
    for before, after in zip(levels, levels[1:], strict=False):
        if after > before + 1:
            yield "heading", f"level {after} follows level {before}"


def _names(page: _Page) -> Iterator[tuple[str, str]]:
    for tag in page.soup.find_all(["a", "button"]):
        if tag.name == "a" and not tag.get("href"):
            continue
        words = tag.get_text(strip=True) or tag.get("aria-label") or tag.get("title")
        pictures = any(str(i.get("alt") or "").strip() for i in tag.find_all("img"))
        if not words and not pictures:
            yield "name", f"a {tag.name} without a name: {str(tag)[:100]}"


def _figures(page: _Page) -> Iterator[tuple[str, str]]:
    for figure in page.main.find_all("figure"):
        caption = figure.find("figcaption")
        if not isinstance(caption, Tag) or not caption.get_text(strip=True):
            yield "figure", f"{figure.get('id')} has no caption"
        elif caption.find(class_="caption-number") is None:
            yield "figure", f"{figure.get('id')} has no number"


def _identifiers(page: _Page) -> Iterator[tuple[str, str]]:
    counts = Counter(str(tag["id"]) for tag in page.main.find_all(id=True))
    for identifier, count in counts.items():
        if count > 1:
            yield "link", f"the anchor #{identifier} is there {count} times"


def _links(page: _Page, read: dict[Path, _Page], site: Path) -> Iterator[str]:
    for tag in page.soup.find_all("a", href=True):
        href = str(tag["href"])
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            if parts.scheme == "file" or parts.hostname in ("localhost", "127.0.0.1"):
                yield f"{href} leads to the machine that built the site"
            continue
        target = page.path
        if parts.path:
            target = (page.path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target = target / "index.html"
        if not target.is_relative_to(site) or not target.is_file():
            yield f"{href} leads nowhere"
            continue
        anchors = read[target].anchors if target in read else {unquote(parts.fragment)}
        if parts.fragment and unquote(parts.fragment) not in anchors:
            yield f"{href}: the page has no such anchor"
