"""The checks of a built site find what they look for."""

import hashlib
import random

import pytest

from tests.site import checks

from .conftest import AXE, NO_AXE, png

PAGE = """<!doctype html><html lang="en"><head><title>A page</title>{head}</head>
<body><article><h1 id="top">A page</h1>{body}</article></body></html>"""


@pytest.fixture
def site(tmp_path):
    def write(body="", head="", page=PAGE):
        (tmp_path / "index.html").write_text(page.replace("{head}", head).replace("{body}", body))
        return tmp_path

    return write


def found(site):
    return [(finding.rule, finding.detail) for finding in checks.check_site(site)]


def test_a_good_page_has_no_findings(site):
    body = '<h2>More</h2><a href="#top">top</a> <a href="https://doi.org/1">outside</a>'
    assert found(site(body)) == []


@pytest.mark.parametrize(
    "head",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        '<script src="//cdn.example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example.org/a.css">',
        '<link rel="preconnect" href="https://fonts.example.org">',
        '<style>@import "https://cdn.example.org/a.css";</style>',
        "<style>a { background: url(https://cdn.example.org/a.png) }</style>",
    ],
)
def test_what_a_page_loads_from_another_host_is_found(site, head):
    assert [rule for rule, _ in found(site(head=head))] == ["offline"]


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="x" src="https://example.org/a.png">',
        '<iframe title="x" src="https://example.org"></iframe>',
        "<p style=\"background: url('https://example.org/a.png')\">x</p>",
    ],
)
def test_what_a_body_loads_from_another_host_is_found(site, body):
    assert [rule for rule, _ in found(site(body))] == ["offline"]


def test_a_style_sheet_that_loads_a_font_from_another_host_is_found(site):
    folder = site()
    (folder / "a.css").write_text(
        "/* url(https://in.a.comment) */ @font-face { src: url('https://fonts.example.org/a') }"
    )
    assert found(folder) == [("offline", "style from https://fonts.example.org/a")]


@pytest.mark.parametrize(
    ("body", "rule", "words"),
    [
        ('<img src="a.png">', "image", "no alt"),
        ('<img src="a.png" alt=" ">', "image", "no alt"),
        ("<svg></svg>", "image", "title"),
        ('<a href="nowhere.html">x</a>', "link", "nowhere"),
        ('<a href="index.html#nowhere">x</a>', "link", "anchor"),
        ('<a href="../../outside.html">x</a>', "link", "nowhere"),
        ('<a href="file:///home/me/a">x</a>', "link", "machine"),
        ('<p id="a"></p><p id="a"></p>', "link", "2 times"),
        ("<h1>Two</h1>", "heading", "2 main"),
        ("<h3>Deep</h3>", "heading", "follows level 1"),
        ('<a href="#top"></a>', "name", "without a name"),
        ("<button></button>", "name", "without a name"),
        ('<figure id="f"></figure>', "figure", "no caption"),
        ("<figure id='f'><figcaption>x</figcaption></figure>", "figure", "no number"),
    ],
)
def test_a_fault_is_found(site, body, rule, words):
    ((found_rule, detail),) = found(site(body))
    assert (found_rule, words in detail) == (rule, True)


def test_a_page_without_language_is_found(site):
    assert found(site(page=PAGE.replace(' lang="en"', ""))) == [
        ("language", "the page does not say its language")
    ]


def test_an_empty_folder_is_no_site(tmp_path):
    with pytest.raises(ValueError, match="found none"):
        checks.check_site(tmp_path)


def test_the_small_site_has_no_findings(small_site):
    assert list(map(str, checks.check_site(small_site))) == []


def in_browser(folder):
    if checks.find_chromium() is None:
        pytest.skip("no Chromium here: pages were checked in their files only")
    return {finding.rule for finding in checks.check_in_browser(folder)}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<div style="width: 2000px">wide</div>', "width"),
        ("<script>nothing.there</script>", "script"),
        ("<script>console.error('no')</script>", "script"),
        ("<script>fetch('http://192.0.2.1/a').catch(() => 0)</script>", "offline"),
        ('<span class="math">x</span>', "mathematics"),
        (f'<img alt="x" src="data:image/png;base64,{png()}" width="99" height="300">', "image"),
        (
            '<p style="overflow: auto"><mjx-container class="wide">x</mjx-container></p>',
            "mathematics",
        ),
        ('<mjx-container tabindex="0">x</mjx-container>', "mathematics"),
        ('<table class="computed"><tr><td class="wide">x</td></tr></table>', "table"),
    ],
)
def test_the_browser_finds(site, body, rule):
    style = "<style>.wide { display: block; width: 3000px; }</style>"
    assert rule in in_browser(site(body, style))


def test_the_browser_finds_what_paper_leaves_out(site):
    body = "<details><summary>Solution</summary>Seven.</details>"
    assert "paper" in in_browser(site(body))
    unfold = "document.querySelector('details').open = true"
    script = f'<script>addEventListener("beforeprint", () => {{ {unfold}; }})</script>'
    assert "paper" not in in_browser(site(body + script))
    assert "paper" in in_browser(site("<pre style='overflow: auto'>" + 999 * "x" + "</pre>"))


def test_the_browser_finds_a_heavy_page(site):
    folder = site('<script src="heavy.js"></script>')
    (folder / "heavy.js").write_bytes(b"//" + random.Random(0).randbytes(500_000).hex().encode())
    assert "weight" not in in_browser(folder)  # half a megabyte, compressed
    (folder / "heavy.js").write_bytes(b"//" + random.Random(0).randbytes(10**6).hex().encode())
    checks._compressed.cache_clear()
    assert "weight" in in_browser(folder)


@pytest.mark.parametrize(("colour", "legible"), [("#999", False), ("#555", True)])
def test_the_browser_finds_what_axe_does(site, colour, legible):
    if checks.find_chromium() is None:
        pytest.skip("no Chromium here: pages were checked in their files only")
    if not AXE.exists():
        pytest.skip(NO_AXE)
    folder = site(f'<p style="background: #fff; color: {colour}">pale</p>')
    findings = map(str, checks.check_in_browser(folder, axe=AXE))
    assert any("color-contrast" in text for text in findings) is not legible


def test_without_chromium_the_check_says_so(site, monkeypatch):
    monkeypatch.setattr(checks, "find_chromium", lambda: None)
    with pytest.raises(RuntimeError, match="no Chromium here"):
        checks.check_in_browser(site())


def test_the_small_site_is_right_in_the_browser(small_site):
    if checks.find_chromium() is None:
        pytest.skip("no Chromium here: pages were checked in their files only")
    assert list(map(str, checks.check_in_browser(small_site))) == []


def test_axe_is_the_published_one():
    """4.12.1 of https://github.com/dequelabs/axe-core, as `make` installs it."""
    if not AXE.exists():
        pytest.skip(NO_AXE)
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == (
        "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"
    )
