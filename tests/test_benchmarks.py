"""Benchmarks call what they time as it is; nobody runs them with the tests."""

from types import SimpleNamespace

import pytest

from nlbook.identification import RegressionWarning
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import kernel_regression, peridynamic_solid
from tests.benchmarks.__main__ import TABLES, main
from tests.benchmarks.measuring import Table


@pytest.mark.filterwarnings(f"ignore::{RegressionWarning.__module__}.RegressionWarning")
def test_the_table_of_fits_times_each_of_them(monkeypatch):
    def once(call):
        call()
        return 1.0

    monkeypatch.setattr(kernel_regression, "seconds", once)
    monkeypatch.setattr(kernel_regression, "N_SAMPLES", 50)
    monkeypatch.setattr(kernel_regression, "FRACTIONAL_HORIZONS", ())
    for name in ("stated_correction", "stated_joint", "stated_continuum"):
        monkeypatch.setattr(kernel_regression, name, lambda *_: 1.0)
    monkeypatch.setattr(kernel_regression, "adam_rows", lambda *_: None)
    table = kernel_regression.fit_table()
    names = {row["name"] for row in table.rows}
    assert {"nonnegative", "two stages", "joint", "unconstrained"} <= names


def test_the_table_of_the_solid_times_each_part(monkeypatch):
    monkeypatch.setattr(peridynamic_solid, "seconds", lambda call: call() is None or 1.0)
    monkeypatch.setattr(peridynamic_solid, "SIZES", (10,))
    table = peridynamic_solid.solid_table()
    names = {row["name"] for row in table.rows}
    assert {"10 x 10 nodes: L u", "10 x 10 nodes: equilibria"} <= names


def test_help_names_the_tables_and_runs_none(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out.split("positional arguments")[1]
    words = shown.replace(",", " ").split()
    assert set(TABLES) | {"costs"} <= set(words)


def test_a_table_that_there_is_not_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["densitie"])
    assert ended.value.code == 2
    assert "no table is called 'densitie'; there are dislocation_stress," in capsys.readouterr().err


def test_only_what_is_asked_for_is_measured(monkeypatch, tmp_path, capsys):
    def measured():
        table = Table("densities", "A table", "Of nothing.")
        table.add("a row", 2.0, "s", at_most=1.0)
        return table

    monkeypatch.setitem(TABLES, "densities", measured)
    monkeypatch.setattr(benchmarks, "find_book", lambda: SimpleNamespace(recorded=tmp_path))
    monkeypatch.setattr(benchmarks, "provenance", lambda book: {"command": "a test"})
    assert main(["densities"]) == 1
    assert "LIMIT MISSED  a row: 2 s, at most 1" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "benchmarks").iterdir()] == ["densities.json"]
