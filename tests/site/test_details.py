"""A chapter's second page: which sections go to it, and that both pages still hold together."""

import nbformat
import pytest
from bs4 import BeautifulSoup

from nlbook.publishing.errors import BookError
from nlbook.publishing.notebooks import details
from nlbook.publishing.notebooks.prose import render_prose
from nlbook.publishing.site.placement import PlaceError
from nlbook.publishing.site.preview import preview


def text(source, *, second=False):
    tags = {"tags": [details.TAG]} if second else {}
    return nbformat.v4.new_markdown_cell(source, metadata=tags)


def sorted_out(*cells):
    """Sources on the first page and on the second."""
    parts = details.sides(cells)
    return tuple([cell.source for cell, side in parts if side is which] for which in (False, True))


def test_a_section_goes_with_all_that_is_below_it():
    code = nbformat.v4.new_code_cell("run()")
    first, second = sorted_out(
        text("# Title\n\n## One"), text("## Two", second=True), code, text("### Deeper"),
        text("More.\n\n(three)=\n## Three\n\nText."),
    )  # fmt: skip
    assert first == ["# Title\n\n## One", "(three)=\n## Three\n\nText."]
    assert second == ["## Two", "run()", "### Deeper", "More."]


def test_a_section_may_end_in_the_cell_that_begins_it():
    first, second = sorted_out(text("(a)=\n\n### A\n\nText.\n\n#### B\n\n## C", second=True))
    assert first == ["## C"]
    assert second == ["(a)=\n\n### A\n\nText.\n\n#### B"]


def test_a_section_inside_a_section_ends_with_the_outer_one():
    first, second = sorted_out(
        text("## A", second=True), text("### B", second=True), text("### C"), text("## D")
    )
    assert first == ["## D"] and second == ["## A", "### B", "### C"]


def test_a_section_inside_a_section_stays_below_it():
    parts = text("# T"), text("### A", second=True), text("#### B", second=True), text("## C")
    again = text("### D", second=True), text("#### E")
    notebook = nbformat.v4.new_notebook(cells=[*parts, *again])
    page = details.cut(notebook, "01_walks", "T")
    assert [cell.source for cell in notebook.cells] == ["# T", "## C"]
    assert [cell.source for cell in page.cells[1:]] == ["## A", "### B", "## D", "### E"]


def test_what_looks_like_a_heading_in_a_code_block_is_none():
    source = "## A\n\n```bash\n# a comment\n```\n\nEnd."
    assert sorted_out(text(source, second=True)) == ([], [source])


@pytest.mark.parametrize("source", ["Text.\n\n## A", "# A", "No heading."])
def test_a_cell_that_begins_no_section_is_refused(source):
    with pytest.raises(BookError, match="must begin with a heading of a section"):
        details.sides([text(source, second=True)])


def read(site, name):
    return BeautifulSoup((site / f"{name}.html").read_text(), "html.parser")


def test_both_pages_lead_to_each_other(small_site):
    first, second = read(small_site, "01_walks"), read(small_site, "01_walks_details")
    assert second.h1.get_text().startswith("Random walks: details")
    assert second.article.select('a[href="01_walks.html"]')
    assert first.article.select('a[href="01_walks_details.html"]')
    assert first.nav and first.select('nav a[href="01_walks_details.html"]')


def test_numbers_go_on_from_the_first_page_to_the_second(small_site):
    first, second = read(small_site, "01_walks"), read(small_site, "01_walks_details")
    assert [f.get_text(strip=True) for f in first.select("figcaption .caption-number")] == [
        "Fig. 1.1", "Fig. 1.2",
    ]  # fmt: skip
    assert "Fig. 1.3" in second.figcaption.get_text()
    assert "(1.2)" in second.select_one("span.eqno").get_text()
    assert first.article.select_one('a[href="01_walks_details.html#equation-eq-slow"]').text == (
        "(1.2)"
    )


def test_a_number_is_shown_on_the_page_that_did_not_compute_it(small_site):
    first, second = read(small_site, "01_walks"), read(small_site, "01_walks_details")
    assert "Slow walks get as far as 3.0" in " ".join(first.article.get_text().split())
    assert "Against 64.2" in second.article.get_text()


def test_the_sections_of_the_second_page_begin_at_its_second_level(small_site):
    levels = [(tag.name, tag.contents[0]) for tag in read(small_site, "01_walks_details")
              .article.find_all(["h2", "h3", "h4"])]  # fmt: skip
    assert levels == [("h2", "Slow walks"), ("h3", "Slower"), ("h2", "References")]


def test_a_copy_numbers_as_the_two_pages_do(small_book):
    notebook = nbformat.read(small_book.executed / "01_walks.ipynb", 4)
    laid = render_prose(notebook, "01_walks", small_book)
    prose = "\n".join(cell.source for cell in laid.cells if cell.cell_type == "markdown")
    assert prose.index("Against 64.2, and Fig. 1.3.") < prose.index("## In short")
    assert r"\tag{1.2}" in prose
    assert "**Table 1.1.** Variances" in prose and "> **Result 1.1: Walkers *spread*" in prose
    assert "<summary>Exercise 1.2</summary>" in prose and "<summary>Solution</summary>" in prose


def test_looking_at_a_chapter_replaces_no_files_of_others(small_book, tmp_path):
    mine = tmp_path / "mine" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("Mine.")
    with pytest.raises(PlaceError, match="is not empty"):
        preview(small_book, "01_walks", small_book.executed, mine.parent)
    assert mine.read_text() == "Mine."


def test_a_chapter_can_be_looked_at_alone(small_book):
    page, complaints = preview(small_book, "01_walks", small_book.executed)
    assert complaints == []
    shown = BeautifulSoup(page.read_text(), "html.parser")
    assert "Slow walks get as far as 3.0" in " ".join(shown.article.get_text().split())
    assert page.with_name("01_walks_details.html").is_file()
