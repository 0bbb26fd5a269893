"""Joining stored outputs to prose, and figures moved to cells of their own."""

import nbformat
import pytest

from nlbook.publishing.notebooks import normal_form, staging

from .conftest import (
    WALKS,
    claim,
    executed_notebook,
    figure,
    result,
    table_output,
    write_small_book,
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return write_small_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def chapter(book):
    return staging.read_chapter(book.book / "01_walks.md")


@pytest.fixture
def executed(book):
    return nbformat.read(book.executed / "01_walks.ipynb", 4)


def edited(tmp_path, old, new):
    assert old in WALKS
    path = tmp_path / "01_walks.md"
    path.write_text(WALKS.replace(old, new))
    return staging.read_chapter(path)


def test_new_prose_gets_the_stored_outputs(tmp_path, executed):
    joined = staging.join(executed, edited(tmp_path, "How far", "Guess how far"))
    assert any("Guess how far" in cell.source for cell in joined.cells)
    assert len(staging.claims(joined)) == 1


def test_a_changed_comment_keeps_the_outputs_and_is_shown(tmp_path, executed):
    joined = staging.join(executed, edited(tmp_path, "# walkers", "# how many walk"))
    assert "# how many walk" in staging.code_cells(joined)[0].source


def test_new_cell_tags_are_taken_without_a_run(tmp_path, executed):
    joined = staging.join(executed, edited(tmp_path, "[hide-input]", "[hide-output]"))
    assert staging.code_cells(joined)[2].metadata.tags == ["hide-output"]


def test_changed_code_is_refused_by_the_number_of_its_cell(tmp_path, executed):
    with pytest.raises(staging.StaleChapter, match="code cell 4 .*walks.variance"):
        staging.join(executed, edited(tmp_path, "64.2", "64.3"))


def test_a_new_cell_is_refused(tmp_path, executed):
    more = "```{code-cell} ipython3\n1 + 1\n```\n\n```{bibliography}"
    with pytest.raises(staging.StaleChapter, match="7 code cells, .* of 6"):
        staging.join(executed, edited(tmp_path, "```{bibliography}", more))


def test_a_cell_that_was_never_executed_is_refused(chapter, executed):
    staging.code_cells(executed)[1].execution_count = None
    with pytest.raises(staging.StaleChapter, match="code cell 2 was never executed"):
        staging.join(executed, chapter)


def test_a_failed_run_is_refused(chapter, executed):
    error = nbformat.v4.new_output("error", ename="ClaimFailed", evalue="", traceback=[])
    staging.code_cells(executed)[3].outputs = [error]
    with pytest.raises(staging.StaleChapter, match="code cell 4 of the stored run failed"):
        staging.join(executed, chapter)


def test_of_injected_values_only_those_that_differ_are_shown(chapter, executed):
    joined = staging.join(executed, chapter)
    (shown,) = [cell for cell in joined.cells if normal_form.is_injected(cell)]
    assert "n_walkers = 40" in shown.source
    assert "seed" not in shown.source


def test_injected_defaults_are_left_out(book, chapter):
    outputs = [[], [], [figure()], [claim()], [], []]
    executed = executed_notebook(
        book.book / "01_walks.md", outputs, given={"n_walkers": 4000, "seed": 1}
    )
    assert not any(normal_form.is_injected(cell) for cell in staging.join(executed, chapter).cells)


def one_cell(*outputs, tags=()):
    cell = nbformat.v4.new_code_cell("draw()", id="code-001", metadata={"tags": list(tags)})
    cell.outputs = list(outputs)
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_figure_gets_a_cell_that_says_its_caption_and_alt_text():
    notebook = one_cell(figure(caption="Ends.", alt="Bell-shaped,\nvariance 64."))
    assert staging.promote_figures(notebook) == ["fig-walks"]
    drawn, panel = notebook.cells
    assert drawn.outputs == []
    assert panel.metadata.mystnb == {
        "figure": {"name": "fig-walks", "caption": "Ends."},
        "image": {"alt": "Bell-shaped, variance 64.", "width": "32px"},
    }
    assert panel.source  # a cell without source is dropped with its outputs


def test_outputs_around_a_figure_keep_their_order():
    notebook = one_cell(result("a"), figure(), result("b"), figure("fig-more"))
    staging.promote_figures(notebook)
    shown = [output.data["text/plain"] for cell in notebook.cells for output in cell.outputs]
    assert [text[0] for text in shown] == ["a", "H", "b", "H"]
    assert len(notebook.cells) == 4


def test_a_hidden_cell_hides_its_figure_too():
    notebook = one_cell(figure(), tags=["remove-output"])
    staging.promote_figures(notebook)
    assert "remove-output" in notebook.cells[1].metadata.tags


def test_an_image_without_caption_and_alt_text_is_refused():
    bare = figure()
    del bare.metadata["nlbook"]
    with pytest.raises(staging.FigureError, match="without caption and alt text"):
        staging.promote_figures(one_cell(bare), "01_walks")


@pytest.mark.parametrize("key", ["name", "caption", "alt"])
def test_an_empty_part_of_a_figure_is_refused_by_name(key):
    with pytest.raises(staging.FigureError, match=key):
        staging.promote_figures(one_cell(figure(**{key: "  "})))


def test_two_figures_of_one_name_are_refused():
    with pytest.raises(staging.FigureError, match="two figures"):
        staging.promote_figures(one_cell(figure(), figure()))


def test_a_table_becomes_a_numbered_table(book):
    notebook = one_cell(table_output(), result("3"))
    assert staging.promote_figures(notebook) == ["table-walks"]
    kept, table, more = notebook.cells
    assert kept.outputs == [] and [o.data["text/plain"] for o in more.outputs] == ["3"]
    first, name, *_ = table.source.splitlines()
    assert table.cell_type == "markdown" and first.endswith("{computed-table}")
    assert name == ":name: table-walks"


@pytest.mark.parametrize(
    "tag, shown", [("hide-output", "folded"), ("remove-output", "absent"), ("bookkeeping", "open")]
)
def test_a_table_is_shown_as_its_cell_asks(tag, shown):
    notebook = one_cell(table_output(), tags=[tag])
    staging.promote_figures(notebook)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "{numref}" not in text.partition("\n")[0]  # no link inside of what is pressed
    found = "absent" if not text else "folded" if "{dropdown}" in text else "open"
    assert found == shown


def test_a_folded_table_has_a_title_of_one_line():
    shown = table_output()
    shown.metadata["nlbook"]["table"]["caption"] = "Variances\nof *walks*."
    notebook = one_cell(shown, tags=["hide-output"])
    staging.promote_figures(notebook)
    title, begun, *_ = notebook.cells[1].source.splitlines()
    assert title.endswith("{dropdown} Table of 2 rows: Variances of walks.")
    assert begun.endswith("{computed-table}")


def test_figures_and_tables_of_long_names_have_ids_of_their_own():
    names = [f"table-{'x' * 70}-{k}" for k in (1, 2)]
    shown = [table_output(), table_output()]
    for output, name in zip(shown, names, strict=True):
        output.metadata["nlbook"]["table"]["name"] = name
    notebook = one_cell(*shown)
    assert staging.promote_figures(notebook) == names
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids) and max(map(len, ids)) <= 64
    nbformat.validate(notebook)


def test_glued_numbers_are_set_as_those_of_tables():
    glued = nbformat.v4.new_output(
        "display_data",
        {normal_form.GLUE: "'-0.61 to 1e-10'"},
        metadata={"scrapbook": {"name": "walks.change"}},
    )
    notebook = one_cell(glued)
    staging.set_numbers(notebook)
    assert notebook.cells[0].outputs[0].data == {
        normal_form.GLUE: "'−0.61 to 1\\u202f×\\u202f10⁻¹⁰'"
    }


def test_what_bookkeeping_prints_behind_a_figure_stays_hidden():
    notebook = one_cell(figure(), claim(), tags=["bookkeeping"])
    staging.promote_figures(notebook)
    _, picture, rest = notebook.cells
    assert "bookkeeping" not in picture.metadata.tags
    assert "bookkeeping" in rest.metadata.tags
