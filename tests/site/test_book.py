"""This book's own site, built from the committed copies."""

import ast
import importlib
import inspect
import io
import re
import shlex
import shutil
import subprocess
import textwrap
import tokenize
import zlib
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from bs4 import BeautifulSoup

from nlbook.publishing.book import find_book
from nlbook.publishing.notebooks import reading
from nlbook.publishing.site import reference
from tests.site import checks

from .conftest import AXE, NO_AXE, ROOT


def test_the_site_has_no_findings_in_its_files(built_site):
    assert list(map(str, checks.check_site(built_site))) == []


def test_the_site_is_right_on_a_laptop_and_a_phone(built_site):
    if checks.find_chromium() is None:
        pytest.skip("no Chromium here: pages were checked in their files only")
    axe = AXE if AXE.exists() else None
    assert list(map(str, checks.check_in_browser(built_site, axe=axe))) == []
    if axe is None:
        pytest.skip(NO_AXE)


def test_no_page_is_as_long_as_two(built_site):
    """A megabyte of HTML is some 150 screens; the pictures count for themselves."""
    sizes = {page.name: page.stat().st_size for page in built_site.glob("*.html")}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}


def test_every_chapter_is_a_page_with_its_copy_to_download(built_site):
    for name in find_book(ROOT).chapters:
        page = BeautifulSoup((built_site / f"{name}.html").read_text(), "html.parser")
        names = [a["href"].rsplit("/", 1)[1] for a in page.select("a.reference.download")]
        assert f"{name}.ipynb" in names


def numbers_in_copy(copy):
    """What a copy calls each figure and table that its cells show."""
    numbers, waiting = {}, []
    for cell in copy.cells:
        for output in cell.get("outputs", []):
            told = output.metadata.get("nlbook", {})
            waiting += [told[kind]["name"] for kind in ("figure", "table") if kind in told]
        if waiting and cell.cell_type == "markdown":
            numbers[waiting.pop(0)] = re.match(r"\*\*(.+?)\.\*\*", cell.source).group(1)
    assert waiting == []
    return numbers


def test_copies_number_their_figures_and_tables_as_the_site_does(built_site):
    for name in find_book(ROOT).chapters:
        shown = {}
        for path in (built_site / f"{name}.html", built_site / f"{name}_details.html"):
            page = BeautifulSoup(path.read_text() if path.exists() else "", "html.parser")
            for number in page.select(".caption-number"):
                if holder := number.find_parent(["figure", "table"]):
                    shown[holder["id"]] = number.get_text(strip=True)
        copy = nbformat.read(find_book(ROOT).copies / f"{name}.ipynb", 4)
        copied = numbers_in_copy(copy)
        assert copied == {label: shown.get(label) for label in copied}, name
        figures = {label for label, number in shown.items() if number.startswith("Fig.")}
        assert figures <= set(copied), name


def documented(site):
    """Names of Python objects in Sphinx's inventory."""
    data = (site / "objects.inv").read_bytes()
    body = zlib.decompress(data.split(b"zlib.\n", 1)[1]).decode()
    return {line.split()[0] for line in body.splitlines() if " py:" in line}


def test_the_reference_documents_every_public_name(built_site):
    pages = documented(built_site)
    missing = []
    for module, names in reference.public_names().items():
        for name in names:
            known = {f"{where}.{name}" for where in holders(module)} & pages
            if not known and name != "__version__":
                missing.append(f"{module}.{name}")
    assert missing == []


def test_every_public_name_is_there_and_says_what_it_is():
    silent = []
    for module, names in reference.public_names().items():
        loaded = importlib.import_module(module)
        for name in names:
            value = getattr(loaded, name)
            if (inspect.isclass(value) or inspect.isroutine(value)) and not (
                value.__doc__ or ""
            ).strip():
                silent.append(f"{module}.{name}")
    assert silent == []


def commented_fields():
    """Comment of every public field by its dotted name, as the source has it.

    Read from the tokens alone: what follows ``#:`` on the field's line, or on the lines above it.
    """
    for module, names in reference.public_names().items():
        loaded = importlib.import_module(module)
        for name in names:
            cls = getattr(loaded, name)
            if not inspect.isclass(cls) or cls.__module__.split(".")[0] != "nlbook":
                continue
            for field in inspect.get_annotations(cls):
                if not field.startswith("_"):
                    yield module, cls, field


def comment_of(cls, field):
    lines, first = inspect.getsourcelines(cls)
    tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent("".join(lines))).readline)
        if token.type == tokenize.COMMENT and token.string.startswith("#:")
    }
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and statement.target.id == field:
            if statement.end_lineno in comments:
                return comments[statement.end_lineno].string[2:]
            above = statement.lineno - 1
            words = []
            while above in comments and comments[above].line.lstrip().startswith("#:"):
                words.insert(0, comments[above].string[2:])
                above -= 1
            return " ".join(words)
    raise AssertionError(f"{cls.__name__} has no field {field} in its source")


def plain(text):
    """Words alone: pages have other quotes and dashes, and no marks of code."""
    return " ".join(re.findall(r"\w+", text.replace("_", " ")))


def test_every_field_has_a_comment_of_its_own():
    silent = {
        f"{cls.__module__}.{cls.__qualname__}.{field}"
        for _, cls, field in commented_fields()
        if not comment_of(cls, field).strip()
    }
    assert silent == set()


def compare_fields(site):
    """Fields whose page does not say what their source says."""
    described = {}
    for page in site.glob("api_*.html"):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        for term in soup.select("dl.py.attribute > dt[id]"):
            described[term["id"]] = term.find_next_sibling("dd").get_text(" ")
    compared, wrong = 0, []
    for module, cls, field in commented_fields():
        names = {f"{where}.{cls.__name__}.{field}" for where in holders(module)}
        shown = [described[name] for name in names if name in described]
        expected = plain(comment_of(cls, field))
        if [plain(text.partition(":")[2]) for text in shown] != [expected]:
            wrong.append((f"{module}.{cls.__name__}.{field}", expected, shown))
        compared += 1
    return compared, wrong


def holders(module):
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(2, len(parts) + 1)]


def test_the_page_of_every_field_says_what_its_source_says(built_site):
    compared, wrong = compare_fields(built_site)
    assert wrong == []
    assert compared > 400  # half of what there was when this was written


def test_a_search_finds_the_chapters_before_the_reference(built_site):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: the search was not tried")
    script = Path(__file__).with_name("search.js")
    words = ["horizon", "dislocation", "kernel"]
    run = subprocess.run(
        [node, script, built_site, *words], capture_output=True, text=True, check=True
    )
    for word, line in zip(words, run.stdout.splitlines(), strict=True):
        found = line.split()
        chapters = [bool(re.match(r"\d\d_", page)) for page in found]
        assert chapters[0] and not chapters[-1], word  # it found both
        assert chapters == sorted(chapters, reverse=True), word


def test_every_entry_of_the_bibliography_is_on_its_page(built_site):
    page = BeautifulSoup((built_site / "references.html").read_text(), "html.parser")
    shown = " ".join(page.get_text().lower().split())
    entries = (ROOT / "book" / "references.bib").read_text()
    titles = re.findall(r"^\s*title = \{(.+)\},$", entries, re.MULTILINE)
    assert len(titles) == entries.count("@")
    assert [t for t in titles if re.sub(r"[{}]", "", t).lower() not in shown] == []


def commands():
    """Every `nlbook` command that a page of the book shows."""
    for page in sorted((ROOT / "book").glob("*.md")):
        for block in re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if found := re.search(r"\bnlbook (?!notebooks$)(\w+.*)", line.partition("#")[0]):
                    yield pytest.param(found.group(1).strip(), id=f"{page.stem}: {found.group(1)}")


@pytest.mark.parametrize("command", list(commands()))
def test_a_command_on_a_page_is_one_that_the_program_understands(command):
    from nlbook.cli import _parser

    assert _parser().parse_args(shlex.split(command)).command


def test_the_words_of_the_map_stay_in_their_boxes():
    """Whatever the font: each text has a length of its own, which fits between the edges."""
    drawing = ElementTree.parse(ROOT / "book" / "_static" / "map.svg")
    boxes = [
        {key: float(box.get(key)) for key in ("x", "y", "width", "height")}
        for box in drawing.iterfind(".//{*}rect")
        if box.get("x")
    ]
    inside = 0
    for text in drawing.iterfind(".//{*}text"):
        length, x, y = (float(text.get(key)) for key in ("textLength", "x", "y"))
        assert text.get("lengthAdjust") == "spacingAndGlyphs"
        start = x - length / 2 if text.get("text-anchor") == "middle" else x
        assert start >= 8 and start + length <= 568
        for box in boxes:
            if box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"]:
                assert start >= box["x"] + 6, text.text
                assert start + length <= box["x"] + box["width"] - 6, text.text
                inside += 1
    assert inside == 25  # twelve boxes of two lines, and the wide one


def test_the_first_page_leads_to_all_five_papers(built_site):
    page = BeautifulSoup((built_site / "index.html").read_text(), "html.parser")
    outside = [a["href"] for a in page.article.select("a.external")]
    assert sum("doi.org" in href or "arxiv.org" in href for href in outside) == 5


def test_pages_say_what_they_are_and_pictures_wait(built_site):
    for page in built_site.glob("*.html"):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        assert soup.find("link", rel="icon"), page.name
        assert all(image.get("loading") == "lazy" for image in soup.select("article img"))
    for name in find_book(ROOT).chapters:
        soup = BeautifulSoup((built_site / f"{name}.html").read_text(), "html.parser")
        assert len(soup.find("meta", attrs={"name": "description"})["content"]) > 40


@pytest.mark.parametrize("name", sorted(find_book(ROOT).chapters))
def test_a_first_page_is_read_in_its_time(name):
    first, _ = reading.measure(find_book(ROOT).chapter(name))
    assert first.minutes <= reading.BUDGET
