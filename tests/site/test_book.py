"""This book's own site, built from the committed copies."""

import importlib
import inspect
import re
import shlex
import zlib

import pytest
from bs4 import BeautifulSoup

from nlbook.publishing import checks, reference
from nlbook.publishing.book import find_book

from .conftest import ROOT


def test_the_site_has_no_findings_in_its_files(built_site):
    assert list(map(str, checks.check_site(built_site))) == []


def test_the_site_is_right_on_a_laptop_and_a_phone(built_site):
    if checks.find_chromium() is None:
        pytest.skip("no Chromium here: pages were checked in their files only")
    assert list(map(str, checks.check_in_browser(built_site))) == []


def test_every_chapter_is_a_page_with_its_copy_to_download(built_site):
    for name in find_book(ROOT).chapters:
        page = BeautifulSoup((built_site / f"{name}.html").read_text(), "html.parser")
        names = [a["href"].rsplit("/", 1)[1] for a in page.select("a.reference.download")]
        assert f"{name}.ipynb" in names


def documented(site):
    """Names of Python objects in Sphinx's inventory."""
    data = (site / "objects.inv").read_bytes()
    body = zlib.decompress(data.split(b"zlib.\n", 1)[1]).decode()
    return {line.split()[0] for line in body.splitlines() if " py:" in line}


def test_the_reference_documents_every_public_name(built_site):
    pages = documented(built_site)
    missing = []
    for module, names in reference.public_names().items():
        parent = module.rpartition(".")[0]
        for name in names:
            known = {f"{module}.{name}", f"{parent}.{name}"} & pages
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
