"""A part of book/recorded/kernel_regression, computed again."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from nlbook.identification import (
    AdamSettings,
    biharmonic_pairs,
    fit_bernstein,
    gather,
    gram_matrix,
)

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "book" / "recorded" / "kernel_regression"


@pytest.fixture(scope="module")
def kept():
    return json.loads((RECORD / "adam.json").read_text())


@pytest.fixture(scope="module")
def printed():
    return json.loads((RECORD / "you2021_tables.json").read_text())


def test_every_cell_is_there_once_with_the_settings_of_the_program(kept, printed, monkeypatch):
    pytest.importorskip("torch")
    path = ROOT / "book" / "studies" / "kernel_regression.py"
    spec = importlib.util.spec_from_file_location("kernel_regression_study", path)
    study = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, study)  # where its dataclasses look
    spec.loader.exec_module(study)
    assert sorted((row["i"], row["j"]) for row in kept["cells"]) == [
        (i, j) for i in range(len(printed["c"])) for j in range(len(printed["horizon"]))
    ]
    assert kept["settings"] == {
        name: getattr(study.SETTINGS, name) for name in study.SETTINGS.__dataclass_fields__
    }
    assert (kept["degree"], kept["n_samples"], kept["seed"]) == (20, 50_000, 2021)


@pytest.mark.parametrize("number", [0, 13, 26, 39])
def test_recorded_kernels_have_the_recorded_losses(kept, printed, number):
    row = kept["cells"][number]
    c, delta = printed["c"][row["i"]], printed["horizon"][row["j"]]
    data = gather(biharmonic_pairs(c, delta, kept["n_samples"], kept["seed"], condense=True))
    gram = gram_matrix(data, delta, kept["degree"])
    for part in ("positive", "kernel"):
        loss = row["loss_positive" if part == "positive" else "loss_full"]
        # ten digits of the coefficients are kept, and they cancel to a thousandth
        assert gram.loss(np.array(row[part])) == pytest.approx(loss, rel=1e-5)
    assert min(row["positive"]) >= 0
    assert fit_bernstein(data, delta, kept["degree"], "nonnegative").loss < row["loss_positive"]


def test_the_first_epochs_of_a_cell_are_those_of_the_package(kept, printed):
    pytest.importorskip("torch")
    row = next(row for row in kept["cells"] if (row["i"], row["j"]) == (4, 2))
    c, delta = printed["c"][4], printed["horizon"][2]
    pairs = biharmonic_pairs(c, delta, kept["n_samples"], kept["seed"])
    fit = fit_bernstein(
        pairs, delta, kept["degree"], "nonnegative", "adam", settings=AdamSettings(epochs=2)
    )
    # a thousand steps from the same numbers, added up in another order; six digits are kept
    np.testing.assert_allclose(fit.history.first, row["history"][:2], rtol=1e-4)


def test_the_tables_are_those_of_the_paper(printed):
    # a few entries, read from the page once more
    assert printed["loss_positive"][4][2] == 1.11e-2
    assert printed["loss_full"][9][3] == 1.23e-1
    assert printed["error_positive_percent"][0][0] == 0.49
    assert printed["error_full_percent"][8][1] == 2.97
    assert printed["fractional"]["error_percent"][2][3] == 7.2
    assert printed["fractional"]["truncated_percent"] == [319, 182, 98, 48, 23, 15]
