"""Results for later use: what is written, how it reads back, and where it goes."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.publishing import guard, recorded, results, results_folder, save_results
from nlbook.publishing.errors import BookError
from nlbook.publishing.results import read_contents


@pytest.fixture
def folder(begun, tmp_path, monkeypatch):
    """The folder of results of a run that has begun."""
    monkeypatch.setenv("NLBOOK_RESULTS", str(tmp_path / "kept"))
    begun()
    return tmp_path / "kept"


def save(name, columns, **options):
    """Save, and return the file."""
    assert save_results(name, columns, **options) is None  # it would be the output of a cell
    return results_folder() / read_contents(results_folder())[name]["file"]


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_columns_of_one_length_become_a_table_with_units_in_its_header(folder):
    path = save(
        "creep_number",
        {"time": np.array([0.0, 0.1]), "number": [3, 2], "case": ["Case 1", "of, two"]},
        units={"time": "t0", "number": "1"},
        description="Mean number of dislocations.",
    )
    assert path == folder / "creep_number.csv"
    assert rows(path) == [
        ["time (t0)", "number (1)", "case"],
        ["0.0", "3", "Case 1"],
        ["0.1", "2", "of, two"],
    ]
    assert read_contents(folder) == {
        "creep_number": {
            "file": "creep_number.csv",
            "columns": {
                "time": {"unit": "t0", "shape": [2], "type": "float"},
                "number": {"unit": "1", "shape": [2], "type": "int"},
                "case": {"unit": None, "shape": [2], "type": "str"},
            },
            "description": "Mean number of dislocations.",
        }
    }


def test_single_numbers_become_one_row(folder):
    path = save("fit", {"alpha": 2.5, "converged": np.True_}, units={"alpha": "1"})
    assert rows(path) == [["alpha (1)", "converged"], ["2.5", "1"]]


def test_arrays_of_other_shapes_become_an_npz_with_the_units_inside(folder):
    columns = {"x": np.arange(3.0), "density": np.ones((2, 3)), "file": np.array(["a", "b"])}
    path = save(
        "densities", columns, units={"x": "b", "density": "1/b"}, description="Two densities."
    )
    assert path == folder / "densities.npz"
    with np.load(path, allow_pickle=False) as stored:
        assert set(stored) == {"x", "density", "file", "units", "description"}
        assert all(np.array_equal(stored[key], columns[key]) for key in columns)
        assert json.loads(str(stored["units"])) == {"x": "b", "density": "1/b"}
        assert str(stored["description"]) == "Two densities."


def test_complex_numbers_go_into_an_npz(folder):
    path = save("symbol", {"symbol": np.array([1 + 2j])}, units={"symbol": "1"})
    with np.load(path, allow_pickle=False) as stored:
        assert stored["symbol"][0] == 1 + 2j


def test_equal_results_are_equal_bytes(folder, begun):
    arrays = {"a": np.ones((2, 2))}
    first = save("a", arrays, units={"a": "1"}).read_bytes()
    begun()
    assert save("a", arrays, units={"a": "1"}).read_bytes() == first


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_every_double_survives_its_text(values):
    text = results._csv({"x": np.array(values)}, {"x": "1"}).decode().splitlines()[1:]
    for value, line in zip(values, text, strict=True):
        assert float(line) == value or (math.isnan(value) and line == "nan")


def test_a_table_is_read_by_numpy(folder):
    path = save("a", {"x": [1.5, np.nan], "y": [1e-300, np.inf]}, units={"x": "b", "y": "1"})
    read = np.genfromtxt(path, delimiter=",", names=True)
    assert np.array_equal(read["y_1"], [1e-300, np.inf])
    assert read["x_b"][0] == 1.5 and np.isnan(read["x_b"][1])


@pytest.mark.parametrize(
    "columns, units, message",
    [
        ({}, {}, "at least one array"),
        ({"a": [1.0]}, {}, "units of a are missing"),
        ({"a": [1.0], "b": [1.0]}, {"a": "b", "b": " "}, "units of b are missing"),
        ({"a": [1.0]}, {"a": "1", "b": "1"}, "there is no column 'b'"),
        ({"a,b": [1.0]}, {"a,b": "1"}, "a name must be text without comma"),
        ({"units": [1.0]}, {"units": "1"}, "none of units, description"),
        ({"a": [1.0]}, {"a": "b,c"}, "holds a comma"),
        ({"a": [[1.0], [1.0, 2.0]]}, {"a": "1"}, "'a' must be an array"),
        ({"a": [object()]}, {"a": "1"}, "must be numbers, truth values or text"),
        ({"a": np.ma.array([1.0, 2.0], mask=[0, 1])}, {"a": "1"}, "must have no masked entries"),
        ({"a": [np.ma.array([1.0], mask=[1])]}, {"a": "1"}, "must have no masked entries"),
    ],
)
def test_what_no_reader_could_use_is_refused(folder, columns, units, message):
    with pytest.raises(ValueError, match=message):
        save_results("a", columns, units=units)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a b", ".a", "a.", "1a", "ä", None])
def test_a_name_that_is_no_name_of_a_file_is_refused(folder, name):
    with pytest.raises(ValueError, match="a name must start with a letter"):
        save_results(name, {"a": [1.0]}, units={"a": "1"})


def test_a_name_is_saved_once_a_run(folder, begun):
    save_results("rates", {"a": [1.0]}, units={"a": "1"})
    for name in ("rates", "Rates"):  # one file on some systems
        with pytest.raises(ValueError, match="are saved already"):
            save_results(name, {"a": [2.0]}, units={"a": "1"})
    begun()
    save_results("rates", {"a": [2.0]}, units={"a": "1"})


def test_a_cell_that_is_executed_again_by_hand_saves_again(folder, monkeypatch):
    counts = iter([1, 1, 2, 2, 3])
    monkeypatch.setattr(results, "_execution_count", lambda: next(counts))

    def cell():
        save_results("rates", {"a": [1.0]}, units={"a": "1"})

    cell()  # in cell 1
    with pytest.raises(ValueError, match="are saved already"):
        cell()  # once more in cell 1: a loop that overwrites
    cell()  # in cell 2: the same code, executed again


def test_before_begin_nothing_is_saved(monkeypatch):
    monkeypatch.setattr(guard, "_run", None)
    with pytest.raises(RuntimeError, match="call publishing.begin"):
        results_folder()


@pytest.fixture
def untold(begun, monkeypatch, tmp_path):
    """A run that has begun in an empty folder, whose results have no place yet."""
    monkeypatch.delenv("NLBOOK_RESULTS", raising=False)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    begun()
    return tmp_path / "here"


def test_without_word_results_lie_in_the_working_folder_and_that_is_said(untold, begun, capsys):
    assert results_folder() == untold / "01_tiny.results"
    assert results_folder().is_dir()
    assert capsys.readouterr().err == f"results are written to {untold}/01_tiny.results\n"
    save_results("a", {"a": [1.0]}, units={"a": "1"})
    begun()
    results_folder()
    assert capsys.readouterr().err.endswith(", in place of those of an earlier run\n")


def test_nothing_is_written_among_the_chapters(untold, book, monkeypatch):
    book.copies.mkdir()
    monkeypatch.chdir(book.copies)
    assert results_folder() == book.root / "_build" / "results" / "01_tiny.results"
    assert os.listdir(book.copies) == []


def test_where_the_working_folder_cannot_be_written_a_temporary_one_serves(
    untold, capsys, monkeypatch
):
    (untold / "01_tiny.results").write_text("")  # no folder can be made of that name
    folder = results_folder()
    assert folder.name == "01_tiny.results" and folder.is_dir()
    assert not folder.is_relative_to(untold)
    assert "as the working folder cannot be written" in capsys.readouterr().err


def test_a_folder_of_ones_own_takes_the_place_of_a_record(tmp_path, monkeypatch):
    own = tmp_path / "caller" / "mine"
    own.mkdir(parents=True)
    monkeypatch.setenv("NLBOOK_FOLDER", str(own.parent))
    assert recorded("dislocation_creep", "mine") == own
    assert recorded("dislocation_creep", own) == own
    with pytest.raises(BookError, match="there is no folder .*caller/yours in place of the rec"):
        recorded("dislocation_creep", "yours")
    monkeypatch.delenv("NLBOOK_FOLDER")
    monkeypatch.chdir(own.parent)
    assert recorded("dislocation_creep", Path("mine")) == own
