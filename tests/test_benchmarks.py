"""Benchmarks call what they time as it is; nobody runs them with the tests."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.identification import RegressionWarning
from nlbook.impact import rod_mesh, round_plate_mesh
from nlbook.peridynamics import Solvable, dense_constants, solvability_constants
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import impact, kernel_regression, peridynamic_solid, peridynamics
from tests.benchmarks.__main__ import TABLES, main
from tests.benchmarks.measuring import Table, one_blas_thread
from tests.peridynamics.learning.data import lattice_samples


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


def test_the_table_of_impacts_times_each_material_on_both(monkeypatch):
    rod = rod_mesh(5e-3, 0.5e-3, layers=2, core=2, rings=1)
    plate = round_plate_mesh(1e-2, 1e-3, through=1, core=2, inner_rings=1, outer_rings=2)
    for name, mesh in (("taylor_anvil", rod), ("plate_impact", plate)):
        monkeypatch.setattr(impact, name, partial(getattr(impact, name), mesh=mesh))
    monkeypatch.setattr(impact, "run_memory", lambda *_: 1.0)
    monkeypatch.setattr(impact, "akantu_cube", lambda: 1.0)
    monkeypatch.setattr(impact, "SIDE", 3)
    monkeypatch.setattr(impact, "STEPS", 2)
    names = {row["name"] for row in impact.impact_table(1e-9).rows}
    parts = {f"{body}, {of}" for body in ("rod", "plate") for of in ("J2", "8 grains", "32 grains")}
    assert parts | {"plate, J2, two threads", "cube, one point, an element and step"} <= names


def test_the_matrices_of_the_rivals_give_the_same_numbers():
    of = peridynamic_solid.solid(10)
    theirs, dense = peridynamic_solid.constants_by_matrices(of), dense_constants(of)
    assert vars(theirs) == pytest.approx(vars(dense), rel=1e-9)
    assert vars(theirs) == pytest.approx(vars(solvability_constants(of)), rel=1e-9)
    samples = lattice_samples((10, 10), (10.0, 10.0), most=2)
    found = peridynamics.fitted(samples, 20.0, 1, Solvable(refinement=1))
    objective, a = found.objective, np.array(found.kernel.coefficients)
    rho = found.lame_lambda / found.shear_modulus - 1
    matrices = peridynamics.Matrices(samples, 20.0, 1, found.kernel.alpha)
    x = np.append(objective.unknowns @ a, rho)
    loss, slope, _, _ = peridynamics.by_symbol(objective, x)
    constants = dense_constants(found.solid(found.grid))
    for _ in range(2):  # the second from the eigenvectors of the first
        other, slopes, rooms, of_rooms = matrices(a, rho)
        assert other == pytest.approx(loss, rel=1e-9)
        np.testing.assert_allclose(slopes[:-1] @ objective.turn, slope[:-1], atol=1e-8 * loss)
        assert slopes[-1] == pytest.approx(slope[-1], rel=1e-6)
        expected = [constants.coercivity, constants.cauchy_schwarz]
        np.testing.assert_allclose(rooms, expected, rtol=1e-7)
        # an eigenvalue over mu does not change with the scale of the kernel
        np.testing.assert_allclose(of_rooms @ a, 0.0, atol=1e-7 * np.abs(rooms).max())


def test_one_thread_of_blas_is_given_back():
    product = np.ones((50, 50)) @ np.ones((50, 50))
    with one_blas_thread(), one_blas_thread():
        assert np.all(np.ones((50, 50)) @ np.ones((50, 50)) == product)


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
