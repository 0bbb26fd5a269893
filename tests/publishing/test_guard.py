"""The guard in the kernel: what it refuses, converts and sets."""

from __future__ import annotations

import shlex
import subprocess
import sys
import warnings
from types import SimpleNamespace

import jupytext
import matplotlib
import nbformat
import pytest

from nlbook import publishing
from nlbook.publishing import guard
from nlbook.publishing.errors import ParameterError
from nlbook.publishing.parameters import read_parameters, resolve
from nlbook.publishing.parameters.conversion import from_text

DECLARED = {"n_realizations": int, "step": float, "title": str | None, "scales": list[float]}
VALUES = {"n_realizations": 3, "step": 0.5, "title": None, "scales": [1.0]}


@pytest.fixture
def kernel(monkeypatch):
    """A namespace as it is when the parameters cell, and perhaps an injected one, have run."""
    space = {"__annotations__": dict(DECLARED), **VALUES, "In": [], "_i": "x"}
    shell = SimpleNamespace(user_ns=space, user_ns_hidden={"In": []})
    monkeypatch.setattr(guard, "_shell", lambda: shell)
    monkeypatch.setattr(guard, "_run", None)
    with matplotlib.rc_context(), warnings.catch_warnings():
        yield space


def test_begin_gives_the_checked_parameters(kernel):
    assert publishing.begin("01_tiny").parameters == VALUES


def test_a_misspelt_injected_name_is_refused_with_the_nearest(kernel):
    kernel["n_realisations"] = 5
    with pytest.raises(ParameterError, match="'n_realisations': did you mean 'n_realizations'"):
        publishing.begin("01_tiny")


@pytest.mark.parametrize(
    "name, value",
    [("n_realizations", 2.0), ("n_realizations", True), ("step", "fast"), ("title", 3)],
)
def test_a_wrong_type_is_refused(kernel, name, value):
    kernel[name] = value
    with pytest.raises(ParameterError, match=f"parameter {name}=.*: must be "):
        publishing.begin("01_tiny")


@pytest.mark.parametrize("quoted", [False, True])
def test_a_value_out_of_its_range_is_refused(kernel, quoted):
    declared = "int in [4, inf)"
    kernel["__annotations__"]["n_realizations"] = repr(declared) if quoted else declared
    with pytest.raises(ParameterError, match=r"n_realizations=3: must be int in \[4, inf\)"):
        publishing.begin("01_tiny")
    kernel["n_realizations"] = 4
    assert publishing.begin("01_tiny").parameters["n_realizations"] == 4


def test_a_value_out_of_the_bound_that_another_parameter_sets_is_refused(kernel):
    kernel["__annotations__"]["step"] = "float in (0, n_realizations)"
    kernel["step"] = 3
    with pytest.raises(ParameterError, match="step=3.0: must be .* where n_realizations = 3"):
        publishing.begin("01_tiny")


def test_a_value_out_of_a_bound_made_of_parameters_is_refused(kernel):
    kernel["__annotations__"]["step"] = "float in (0, n_realizations / 2)"
    kernel["step"] = 1.5
    with pytest.raises(ParameterError, match=r"step=1.5: .*n_realizations / 2\), where n_.* = 3"):
        publishing.begin("01_tiny")
    kernel["step"] = 1.4
    assert publishing.begin("01_tiny").parameters["step"] == 1.4


def test_values_are_converted_in_the_kernel_itself(kernel):
    kernel.update(step="1e-3", scales=[1, 2])
    publishing.begin("01_tiny")
    assert kernel["step"] == 0.001
    assert kernel["scales"] == [1.0, 2.0] and type(kernel["scales"][0]) is float


def test_begin_may_be_called_again_after_the_chapter_has_made_variables(kernel):
    publishing.begin("01_tiny")
    kernel["total"] = 3.0
    kernel["__annotations__"]["later"] = int
    kernel["n_realizations"] = 4
    assert publishing.begin("01_tiny").parameters == VALUES | {"n_realizations": 4}


def test_begin_before_the_parameters_is_refused(kernel):
    kernel["__annotations__"].clear()
    with pytest.raises(RuntimeError, match="run the cell of parameters first"):
        publishing.begin("01_tiny")


def test_begin_outside_a_notebook_is_refused():
    with pytest.raises(RuntimeError, match="belongs in a notebook"):
        publishing.begin("01_tiny")


def test_warnings_become_errors_but_announced_deprecations_do_not(kernel):
    publishing.begin("01_tiny")
    warnings.warn("going away", DeprecationWarning, stacklevel=1)
    with pytest.raises(RuntimeWarning):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)


def test_the_tier_is_recognised_and_none_without_a_book(
    kernel, book, tmp_path_factory, monkeypatch
):
    values = {"n_realizations": 2, "verbose": False, "seed": 7, "scales": [1.0, 2.0]}
    kernel.update(values)
    kernel["__annotations__"].update(verbose=bool, seed=int)
    assert publishing.begin("01_tiny").tier == "smoke"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert publishing.begin("01_tiny").tier is None


def papermill(book, *arguments):
    source = book.root / "stock.ipynb"
    jupytext.write(jupytext.read(book.chapter("01_tiny")), source)
    return subprocess.run(
        [sys.executable, "-m", "papermill", source, book.root / "out.ipynb", *arguments],
        capture_output=True,
        text=True,
    )


def test_a_run_knows_the_command_that_computes_the_same(book, monkeypatch):
    monkeypatch.chdir(book.root)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    values = resolve("01_tiny", "smoke", book=book)
    compared = guard._compared("01_tiny", values)
    assert guard.ChapterRun("01_tiny", values, *compared).command == (
        "nlbook run 01_tiny --tier smoke"
    )
    values |= {"title": "of a walk", "scales": [0.5, 2.0]}
    command = guard.ChapterRun("01_tiny", values, *guard._compared("01_tiny", values)).command
    assert command == (
        "nlbook run 01_tiny -p n_realizations=2 -p 'title=of a walk' -p 'scales=[0.5, 2.0]'"
    )
    given = [word for word in shlex.split(command)[3:] if word != "-p"]
    declared = {name: p.declaration for name, p in read_parameters("01_tiny", book).items()}
    read = {n: from_text(n, v, declared[n]) for n, _, v in (word.partition("=") for word in given)}
    assert resolve("01_tiny", given=read, book=book) == values


def test_stock_papermill_runs_with_other_parameters(book):
    run = papermill(book, "-p", "n_realizations", "2", "-y", "{step: 1e-3}")
    assert run.returncode == 0, run.stderr
    cells = nbformat.read(book.root / "out.ipynb", 4).cells
    results = [o for c in cells for o in c.get("outputs", []) if o.output_type == "execute_result"]
    assert results[0].data["text/plain"] == "0.002"


@pytest.mark.parametrize("head", ["", "from __future__ import annotations\n"])
def test_stock_papermill_stops_on_a_value_out_of_its_range(book, head):
    chapter = book.chapter("01_tiny")
    text = chapter.read_text().replace("step: float =", 'step: "float in (0, 1] | None" =')
    chapter.write_text(text.replace("n_realizations: int", f"{head}n_realizations: int"))
    run = papermill(book, "-p", "step", "0.25")
    assert run.returncode == 0, run.stderr
    run = papermill(book, "-p", "step", "1.5")
    assert run.returncode != 0
    assert "parameter step=1.5: must be float in (0, 1] | None" in run.stderr


def test_stock_papermill_stops_on_a_value_out_of_a_bound_made_of_parameters(book):
    chapter = book.chapter("01_tiny")
    text = chapter.read_text()
    chapter.write_text(text.replace("step: float =", 'step: "float in (0, n_realizations / 2)" ='))
    run = papermill(book, "-p", "n_realizations", "2", "-p", "step", "1.0")
    assert run.returncode != 0
    assert "step=1.0: must be float in (0, n_realizations / 2), where n_real" in run.stderr


def test_stock_papermill_stops_on_a_misspelt_name(book):
    run = papermill(book, "-p", "n_realisations", "3")
    assert run.returncode != 0
    assert "did you mean 'n_realizations'" in run.stderr
