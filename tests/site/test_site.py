"""The site of a small book: what it shows, and what stops it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from nlbook.publishing.notebooks.staging import FigureError, SiteError, StaleChapter
from nlbook.publishing.site import build_site, rendering, stage
from nlbook.publishing.site.placement import PlaceError, place
from nlbook.publishing.site.polish import _describe
from tests.site.browser import Browser, find_chromium

from .conftest import ROOT, animated_png, executed_notebook, figure


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def walks(small_site):
    return read(small_site / "01_walks.html")


def test_a_claimed_number_is_in_the_prose(walks):
    assert "The variance is 64.2." in walks.get_text()


def test_a_claimed_number_is_in_another_chapter(small_site):
    assert "the variance was\n64.2" in read(small_site / "02_use.html").get_text()


def test_a_figure_has_its_caption_number_and_alt_text(walks):
    drawn = walks.find("figure", id="fig-walks")
    assert drawn.img["alt"] == "Histogram of end points, bell-shaped, variance 64."
    assert drawn.figcaption.get_text().strip().startswith("Fig. 1.1")
    assert "see (1.1)" in drawn.figcaption.get_text()


def test_an_animation_has_its_caption_alt_text_and_very_bytes(small_site, walks):
    drawn = walks.find("figure", id="fig-moving")
    image = drawn.select_one(".moving img")
    assert image["alt"] == "Points that spread."
    assert drawn.figcaption.get_text().strip().startswith("Fig. 1.2 Walkers.")
    assert (small_site / image["src"]).read_bytes() == animated_png()


def test_an_animation_has_its_first_frame_to_stop_at(small_site, walks):
    drawn = walks.find("figure", id="fig-moving")
    still, moving = (drawn.select_one(f".{kind} img") for kind in ("still", "moving"))
    assert still["alt"] == moving["alt"]
    picture = Image.open(small_site / still["src"])
    assert not picture.is_animated
    assert picture.convert("RGB").getcolors() == [(64 * 40, (16, 16, 16))]
    assert drawn.select_one("label input[type=checkbox]")


def test_a_still_picture_stays_as_it_is(walks):
    assert walks.find("figure", id="fig-walks").find(class_="animation") is None


SHOWN = """(() => {
  const shown = part => getComputedStyle(document.querySelector('.animation ' + part)).display;
  return ['.moving', '.still', 'label'].filter(part => shown(part) !== 'none').join(' ');
})()"""


@pytest.mark.parametrize(
    ("media", "first", "clicked"),
    [
        ({}, ".moving label", ".still label"),
        ({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]},
         ".still label", ".moving label"),
        ({"media": "print"}, ".still", ".still"),
    ],
)  # fmt: skip
def test_an_animation_stops_at_a_click_for_less_motion_and_on_paper(
    small_site, media, first, clicked
):
    if (program := find_chromium()) is None:
        pytest.skip("no Chromium here: whether an animation stops was not checked")
    with Browser(program) as browser:
        browser.open((small_site / "01_walks.html").as_uri(), 800, 600)
        browser.emulate(**media)
        assert browser.run(SHOWN) == first
        browser.run("document.querySelector('.animation input').click()")
        assert browser.run(SHOWN) == clicked


def test_a_chapter_says_what_made_it(walks):
    text = walks.find(id="how-this-page-was-made").get_text()
    assert "0123456789ab" in text
    assert "310 MiB" in text


def test_the_notebook_and_its_record_are_downloads(small_site, walks):
    names = {link["href"].rsplit("/", 1)[1] for link in walks.select("a.reference.download")}
    assert names == {"01_walks.ipynb", "01_walks.json", "01_walks_results.zip"}


def test_what_a_run_saved_is_a_download_without_its_other_files(small_site):
    (archive,) = small_site.rglob("01_walks_results.zip")
    with zipfile.ZipFile(archive) as files:
        assert sorted(files.namelist()) == [
            "01_walks_results/contents.json",
            "01_walks_results/walks.csv",
        ]
        assert files.read("01_walks_results/walks.csv") == b"place (b)\n1.5\n"


def test_the_hub_opens_the_copy_in_the_repository(walks):
    links = [a["href"] for a in walks.select("a[href^='https://hub.example.org']")]
    assert links
    for link in links:
        assert "/hub/user-redirect/git-pull?repo=https%3A//git.example.org/science/walks" in link
        assert "lab/tree/walks/book/notebooks/01_walks.ipynb" in link
        assert "branch=main" in link


def test_claims_are_listed_with_a_citation(small_site):
    row = read(small_site / "claims.html").select("section section tbody tr")[0]
    assert [cell.get_text() for cell in row.find_all("td")] == [
        "walks.variance", "64.2", "64 within 5", "reference", "yes", "[Einstein, 1905], eq. 1",
    ]  # fmt: skip
    assert row.find("a", href=True)


def test_the_cost_of_the_run_is_listed(small_site):
    text = read(small_site / "costs.html").find("table").get_text(" ", strip=True)
    assert "own — 41 s 2" in text


def test_only_a_small_part_of_mathjax_is_kept(small_site):
    kept = {path.name for path in (small_site / "_static" / "mathjax").iterdir()}
    assert kept == {"startup.js", "core.js", "input", "output", "a11y"}
    weight = sum(p.stat().st_size for p in (small_site / "_static" / "mathjax").rglob("*.js"))
    assert weight < 1_500_000  # of 30 MB


def test_no_page_can_load_live_code_from_elsewhere(small_site):
    assert not any("THEBE" in page.read_text() for page in small_site.glob("*.html"))


def test_new_prose_is_on_the_page_with_the_old_outputs_and_no_hub_has_no_button(small_book):
    chapter = small_book.book / "01_walks.md"
    chapter.write_text(chapter.read_text().replace("How far does", "Guess how far"))
    page = read(build_site(small_book) / "01_walks.html")
    assert "Guess how far a walker get" in page.get_text()
    assert "The variance is 64.2." in page.get_text()
    assert not page.select("a[href*='hub']")


def test_a_warning_stops_the_build_and_keeps_the_last_site(small_book, tmp_path):
    last = small_book.root / "_build" / "html"
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "index.html").write_text("the last site")
    place(tmp_path / "made", last)
    chapter = small_book.book / "02_use.md"
    chapter.write_text(chapter.read_text().replace("{ref}`walks`", "{ref}`wolks`"))
    with pytest.raises(SiteError, match="02_use.ipynb.*WARNING: undefined label: 'wolks'"):
        build_site(small_book)
    assert (last / "index.html").read_text() == "the last site"
    assert not list((small_book.root / "_build").glob(".site-*"))


def test_a_number_that_no_claim_makes_is_refused(small_book):
    chapter = small_book.book / "02_use.md"
    chapter.write_text(chapter.read_text().replace("walks.variance:s", "walks.mean:s"))
    with pytest.raises(SiteError, match="walks.mean"):
        build_site(small_book)


def staged(book):
    target = book.root / "staged"
    stage(book, book.executed, target)
    return target


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_changed_code_stops_the_build(small_book):
    change(small_book.book / "02_use.md", "n_steps + 1", "n_steps + 2")
    with pytest.raises(StaleChapter, match="02_use is stale: code cell 2"):
        staged(small_book)


def test_an_output_edited_by_hand_stops_the_build(small_book):
    change(small_book.executed / "02_use.ipynb", '"17"', '"18"')
    with pytest.raises(StaleChapter, match="02_use is stale: .*by hand"):
        staged(small_book)


def test_a_changed_environment_stops_the_build(small_book):
    (small_book.root / "requirements.lock").write_text("numpy==3.0\n")
    with pytest.raises(StaleChapter, match="is stale"):
        staged(small_book)


def test_code_edited_in_source_and_outputs_alike_stops_the_build(small_book):
    change(small_book.book / "02_use.md", "n_steps + 1", "n_steps + 2")
    change(small_book.executed / "02_use.ipynb", "n_steps + 1", "n_steps + 2")
    with pytest.raises(StaleChapter, match="02_use is stale"):
        staged(small_book)


def test_a_chapter_that_was_not_executed_stops_the_build(small_book):
    path = small_book.executed / "02_use.ipynb"
    path.rename(path.with_suffix(".failed.ipynb"))
    with pytest.raises(StaleChapter, match="02_use has not been executed"):
        staged(small_book)


def test_a_picture_without_alt_text_stops_the_build(small_book):
    path = small_book.book / "01_walks.md"
    run = executed_notebook(path, [[], [], [figure(alt=" ")], [], [], []])
    nbformat.write(run, small_book.executed / "01_walks.ipynb")
    with pytest.raises(FigureError, match="01_walks.*alt is empty"):
        staged(small_book)


def test_figures_of_two_chapters_need_two_names(small_book):
    run = executed_notebook(small_book.book / "02_use.md", [[], [figure()]])
    nbformat.write(run, small_book.executed / "02_use.ipynb")
    with pytest.raises(FigureError, match="'fig-walks' is in 01_walks and in 02_use"):
        staged(small_book)


def test_a_record_of_another_run_is_not_shown(small_book):
    path = small_book.executed / "01_walks.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "run": "another"}))
    notebook = nbformat.read(staged(small_book) / "01_walks.ipynb", 4)
    assert "310 MiB" not in notebook.cells[-1].source


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (", {file: 02_use}", "", "does not name: 02_use"),
        ("02_use", "03_use", "names 03_use"),
        ("{file: costs}, ", "", "generated page 'costs'"),
        ("references", "afterword", "no afterword.md"),
    ],
)
def test_the_table_of_contents_must_match_the_book(small_book, old, new, message):
    change(small_book.root / "_toc.yml", old, new)
    with pytest.raises(SiteError, match=message):
        staged(small_book)


def test_benchmarks_are_read_from_the_recorded_tables(small_book):
    folder = small_book.recorded / "benchmarks"
    folder.mkdir(parents=True)
    rows = [{"name": "N = 700", "value": 0.31, "unit": "ns"}]
    (folder / "pairs.json").write_text(json.dumps({"title": "Pairs", "rows": rows}))
    assert "| N = 700 | 0.31 ns |" in (staged(small_book) / "benchmarks.md").read_text()


def test_a_malformed_benchmark_is_named(small_book):
    folder = small_book.recorded / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "pairs.json").write_text('{"title": "Pairs"}')
    with pytest.raises(SiteError, match="pairs.json lacks rows"):
        staged(small_book)


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ({"repository": "git@host:a/b"}, "https://host/owner/name"),
        ({"hub": "https://hub.example.org"}, "repository"),
        ({"repository": "https://g.example.org/a/b", "hub": "hub"}, "https://host"),
    ],
)
def test_addresses_are_checked(small_book, addresses, message):
    with pytest.raises(SiteError, match=message):
        build_site(small_book, **addresses)


def test_what_killed_builds_left_is_removed_and_a_build_beside_is_left_alone(
    small_book, small_site, monkeypatch
):
    build = small_book.root / "_build"
    (build / ".site-left" / "staged").mkdir(parents=True)

    def render(staged, quiet):
        assert not (build / ".site-left").exists()
        html = staged.parent / "html"
        shutil.copytree(small_site, html)
        if staged.parent.name == ".site-1":
            build_site(small_book)  # meanwhile
            assert staged.is_dir()
        return html

    monkeypatch.setattr(rendering, "render", render)
    assert (build_site(small_book) / "01_walks.html").is_file()
    assert (build / "staged" / "01_walks.ipynb").is_file()
    assert sorted(path.name for path in build.iterdir()) == ["executed", "html", "staged"]


def test_a_folder_that_is_no_site_is_refused_before_anything_is_built(small_book, monkeypatch):
    out = small_book.root / "thesis"
    out.mkdir()
    (out / "index.html").write_text("years of work")
    monkeypatch.setattr(rendering, "render", None)
    with pytest.raises(PlaceError, match="holds no site made by nlbook build"):
        build_site(small_book, out=out)
    assert (out / "index.html").read_text() == "years of work"
    assert sorted(p.name for p in (small_book.root / "_build").iterdir()) == ["executed"]


def test_neither_the_locale_nor_settings_for_other_books_change_the_site(small_book, tmp_path):
    chapter = small_book.book / "02_use.md"
    text = chapter.read_text(encoding="utf-8").replace("# Using walks", "# Füße, Δx ≤ 1")
    chapter.write_text(text, encoding="utf-8")
    plain = tmp_path / "a temporary folder"
    plain.mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(plain),
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",  # ASCII only
        "SPHINXOPTS": "--nonsense", "PYTHONWARNINGS": "error::UserWarning",
        "GIT_DIR": str(tmp_path / "nowhere"),
    }  # fmt: skip
    code = "from nlbook.publishing import book, site; site.build_site(book.find_book())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=small_book.root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = read(small_book.root / "_build" / "html" / "02_use.html")
    assert page.h1.get_text().startswith("Füße, Δx ≤ 1")


def test_a_table_of_computed_values_has_a_number_and_names_each_cell(small_site):
    page = read(small_site / "01_walks.html")
    table = page.find("table", id="table-walks")
    assert table.caption.select_one(".caption-number").get_text(strip=True) == "Table 1.1"
    cells = table.select("tbody td")
    assert [cell["data-label"] for cell in cells] == ["σ² (b²)", "expected"] * 2
    assert [cell["role"] for cell in table.select("tbody th")] == ["rowheader"] * 2
    formula = table.select("thead th")[1]
    assert formula.select_one(".said").get_text() == "σ² (b²)"  # for who listens
    unit = formula.select_one(".unit").get_text()  # in one line with its brackets
    assert unit.startswith("(") and unit.endswith(")")
    assert "Table 1.1" in page.get_text()


def test_a_description_has_no_gap_where_a_formula_was():
    page = "<head></head><article><p>It reaches up to a horizon \\(\\delta\\), and no farther.</p>"
    assert 'content="It reaches up to a horizon, and no farther."' in _describe(page)


def test_results_and_exercises_have_numbers(small_site):
    page = read(small_site / "01_walks.html")
    titles = [" ".join(t.get_text().split()) for t in page.select(".admonition-title")]
    for title in ("Result 1.1 Walkers spread", "Exercise 1.1 Twice as long", "Exercise 1.2"):
        assert title in titles
    assert {"Proof", "Evidence"} <= set(titles)
    references = [a.get_text() for a in page.select('a[href="#result-spread"]')]
    assert references == ["Result 1.1"]


def test_a_numbered_box_folds_at_its_title_where_it_is_asked_to(small_site):
    longer, folded = read(small_site / "01_walks.html").select(".admonition.exercise")
    assert (longer.name, folded.name) == ("div", "details")
    assert " ".join(folded.summary.get_text().split()) == "Exercise 1.2"
    assert folded.get_text().strip().endswith("And in three dimensions?")


def test_a_solution_is_folded(small_site):
    folded = read(small_site / "01_walks.html").find("details", class_="solution")
    assert folded.summary.get_text(strip=True) == "Solution"
    assert not folded.has_attr("open")
