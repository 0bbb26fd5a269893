"""Prose with values instead of roles."""

from __future__ import annotations

import re

import nbformat
import pytest

from nlbook.publishing.book import find_book
from nlbook.publishing.notebooks.prose import NOTE, render_prose
from nlbook.publishing.notebooks.staging import read_chapter

BIB = r"""
@article{dyda2017,
  author = {Dyda, Bart{\l}omiej and Kuznetsov, Alexey and Kwa{\'s}nicki, Mateusz},
  title = {Eigenvalues of the {L}aplace operator},
  journal = {Constructive Approximation},
  volume = {45},
  pages = {427--448},
  year = {2017},
}

@book{silverman1986,
  author = {Silverman, Bernard W.},
  title = {Density estimation},
  publisher = {Chapman and Hall},
  year = {1986},
}
"""


def glued(name, text):
    data = {"application/papermill.record/text/plain": repr(text)}
    return nbformat.v4.new_output("display_data", data, metadata={"scrapbook": {"name": name}})


def figure(name, caption):
    metadata = {"nlbook": {"figure": {"name": name, "caption": caption, "alt": "A line."}}}
    return nbformat.v4.new_output("display_data", {"image/png": "aGk="}, metadata=metadata)


def table(name, caption):
    metadata = {"nlbook": {"table": {"name": name, "caption": caption}}}
    return nbformat.v4.new_output("display_data", {"text/plain": "7"}, metadata=metadata)


@pytest.fixture
def rendered(book):
    """Render prose that stands below a title, a cell with two numbers, and two figures."""
    (book.book / "references.bib").write_text(BIB)
    (book.book / "more.md").write_text("(far)=\n# More of it\n")
    (book.book / "02_next.md").write_text(
        "# The next\n\n(there)=\n## A section\n\n(text)=\nOf no title.\n"
    )

    def render(*texts):
        code = nbformat.v4.new_code_cell(
            "compute()",
            outputs=[
                glued("tiny.total", "1.50"),
                glued("tiny.word", "left"),
                glued("tiny.change", "-0.61 of 1e-10"),
                figure("fig-a", "Total {glue:text}`tiny.total` of {cite}`silverman1986`."),
                figure("fig-b", "Another."),
            ],
        )
        cells = [nbformat.v4.new_markdown_cell("# A tiny chapter"), code]
        cells += [nbformat.v4.new_markdown_cell(text) for text in texts]
        notebook = render_prose(nbformat.v4.new_notebook(cells=cells), "01_tiny", book)
        nbformat.validate(notebook)
        assert notebook.cells[0].source == f"# A tiny chapter\n\n{NOTE}"
        assert notebook.cells[1].source == "compute()"
        sources = [cell.source for cell in notebook.cells]
        return sources[4] if len(texts) == 1 else sources[4:] if texts else sources

    return render


def test_each_figure_gets_its_caption_and_number_behind_its_cell(rendered):
    assert rendered()[2:] == [
        "**Fig. 1.1.** Total 1.50 of (Silverman, 1986).",
        "**Fig. 1.2.** Another.",
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is {glue:text}`tiny.total`.", "It is 1.50."),
        ("{glue:text}`tiny.total:s` to the\n{glue:text}`tiny.word`", "1.50 to the\nleft"),
        ("| a | {glue:text}`tiny.total` |", "| a | 1.50 |"),
        ("By {glue:text}`tiny.change`", "By −0.61 of 1\u202f×\u202f10⁻¹⁰"),
        ("See {numref}`fig-b`.", "See Fig. 1.2."),
        ("See {numref}`picture %s <fig-b>`.", "See picture 1.2."),
        ("{doc}`02_next`, {doc}`it <02_next>`", "[The next](02_next.ipynb), [it](02_next.ipynb)"),
        ("{doc}`more`, {doc}`costs`", "*More of it*, *What each chapter costs*"),
        ("{ref}`there`, {ref}`that <there>`", "[A section](02_next.ipynb), [that](02_next.ipynb)"),
        ("{ref}`this <text>` {ref}`text`", "[this](02_next.ipynb) {ref}`text`"),
        ("as {cite}`dyda2017,silverman1986` say", "as (Dyda et al., 2017; Silverman, 1986) say"),
        ("{func}`~nlbook.kernels.f` {mod}`a.b`", "`nlbook.kernels.f` `a.b`"),
        ("{math}`x^2` and $y$", "$x^2$ and $y$"),
        ("```bash\n{doc}`more`\n```", "```bash\n{doc}`more`\n```"),
        ("{unknown}`x` {glue:text}`not.there`", "{unknown}`x` {glue:text}`not.there`"),
        ("(here)=\n## Here", '<a id="here"></a>\n## Here'),
    ],
)  # fmt: skip
def test_roles_become_what_they_name(rendered, text, expected):
    assert rendered(text) == expected


def test_equations_keep_the_numbers_of_the_site(rendered):
    first = "$$\na = b\n$$ (eq-one)"
    second = "$$ c = d $$ (eq-two)"
    third = "```{math}\n:label: eq-three\ne = f\n```"
    assert rendered(first, second, third, "By {eq}`eq-three` and {eq}`eq-one`.") == [
        "$$\na = b\n\\tag{1.1}\n$$",
        "$$ c = d \\tag{1.2}$$",
        "$$\ne = f\n\\tag{1.3}\n$$",
        "By (1.3) and (1.1).",
    ]


def test_boxes_become_quotations_and_folded_ones_details(rendered):
    table = "| a |\n| --- |\n| {glue:text}`tiny.total` |"
    box = f"```{{admonition}} On {{glue:text}}`tiny.word`\nIt is\n\n{table}\n```"
    assert rendered(box).splitlines() == [
        "> **On left**", ">", "> It is", ">", "> | a |", "> | --- |", "> | 1.50 |",
    ]  # fmt: skip
    folded = "```{admonition} Solution\n:class: dropdown\n\nThat is {numref}`fig-a`.\n```"
    assert rendered(folded).splitlines() == [
        "<details>", "<summary>Solution</summary>", "", "That is Fig. 1.1.", "", "</details>",
    ]  # fmt: skip
    assert rendered(":::{note}\nSo.\n:::").splitlines() == ["> **Note**", ">", "> So."]


def test_a_fence_within_a_box_stays_whole(rendered):
    box = "````{admonition} How\n```bash\nnlbook list\n```\n````"
    assert rendered(box).splitlines() == [
        "> **How**", ">", "> ```bash", "> nlbook list", "> ```",
    ]  # fmt: skip


def test_tables_of_lists_become_tables_with_their_number(rendered):
    table = """\
```{list-table} Of the {glue:text}`tiny.word`
:header-rows: 1
:name: table-tiny

* - quantity
  - here
* - total, $|x|$
  - {glue:text}`tiny.total`
    and more
```"""
    assert rendered(table, "See {numref}`table-tiny`.") == [
        "**Table 1.1.** Of the left\n\n"
        "| quantity | here |\n| --- | --- |\n| total, $\\|x\\|$ | 1.50 and more |",
        "See Table 1.1.",
    ]


def test_the_bibliography_holds_what_was_cited(rendered):
    texts = rendered("{cite}`dyda2017`", "```{bibliography}\n:filter: docname in docnames\n```")
    assert texts[1].splitlines() == [
        "- Bartłomiej Dyda, Alexey Kuznetsov, Mateusz Kwaśnicki. *Eigenvalues of the Laplace "
        "operator*. Constructive Approximation, 45, 427–448, 2017.",
        "- Bernard W. Silverman. *Density estimation*. Chapman and Hall, 1986.",
    ]


@pytest.mark.parametrize("name", list(find_book(__file__).chapters))
def test_nothing_of_a_chapter_is_left_that_only_the_site_could_show(name):
    book = find_book(__file__)
    chapter = read_chapter(book.chapter(name))
    roles = set(re.findall(r"\{glue:text\}`([^`:]+)", "".join(c.source for c in chapter.cells)))
    code = next(cell for cell in chapter.cells if cell.cell_type == "code")
    code.outputs = [glued(role, "7") for role in roles]
    numbered = set(re.findall(r'"((?:fig|anim)[\w-]*)"', "".join(c.source for c in chapter.cells)))
    code.outputs += [figure(label, "A caption.") for label in sorted(numbered)]
    tables = set(re.findall(r'"(table-[\w-]*)"', "".join(c.source for c in chapter.cells)))
    code.outputs += [table(label, "A caption.") for label in sorted(tables)]
    prose = [c.source for c in render_prose(chapter, name, book).cells if c.cell_type == "markdown"]
    text = re.sub(r"```\w*\n.*?```", "", "\n".join(prose), flags=re.DOTALL)
    assert re.findall(r"\{[a-z:]+\}`[^`]*`", text) == []
    assert re.findall(r"^[`:~]{3,}\{.*", text, re.MULTILINE) == []
    assert re.findall(r"^\([\w-]+\)=", text, re.MULTILINE) == []
