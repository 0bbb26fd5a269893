"""A part of book/recorded/kernel_regression, computed again."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from nlbook.identification import (
    Adam,
    FractionalSettings,
    Nonnegative,
    biharmonic_pairs,
    coercivity,
    fit_bernstein,
    fractional_pairs,
    gather,
    gram_matrix,
    mengesha_du_norm,
)

ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / "book" / "recorded" / "kernel_regression"


@pytest.fixture(scope="module")
def kept():
    return json.loads((RECORD / "adam.json").read_text())


@pytest.fixture(scope="module")
def printed():
    return json.loads((RECORD / "you2021_tables.json").read_text())


@pytest.fixture(scope="module")
def study():
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "book" / "studies")
        yield importlib.import_module("kernel_regression")


def test_every_cell_is_there_once_with_the_settings_of_the_program(kept, printed, study):
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
    assert fit_bernstein(data, delta, kept["degree"], Nonnegative()).loss < row["loss_positive"]


def test_the_first_epochs_of_a_cell_are_those_of_the_package(kept, printed):
    pytest.importorskip("torch")
    row = next(row for row in kept["cells"] if (row["i"], row["j"]) == (4, 2))
    c, delta = printed["c"][4], printed["horizon"][2]
    pairs = biharmonic_pairs(c, delta, kept["n_samples"], kept["seed"])
    fit = fit_bernstein(pairs, delta, kept["degree"], Nonnegative(solver=Adam(epochs=2)))
    # a thousand steps from the same numbers, added up in another order; six digits are kept
    np.testing.assert_allclose(fit.history.first, row["history"][:2], rtol=1e-4)


def test_the_second_stage_is_recorded_for_each_change_from_the_same_c(kept, study):
    second = json.loads((RECORD / "second_stage.json").read_text())
    assert [tuple(key) for key in second["cells"]] == [
        (row["i"], row["j"]) for row in kept["cells"]
    ]
    np.testing.assert_allclose(
        second["loss_positive"], [row["loss_positive"] for row in kept["cells"]], rtol=1e-5
    )
    assert list(second["changes"]) == list(study.CHANGES)
    for name, change in study.CHANGES.items():
        recorded = second["changes"][name]
        assert {field: recorded[field] for field in asdict(change)} == asdict(change)
        assert change.epochs * change.most_steps == 100  # each has the same number of epochs


@pytest.mark.parametrize("number", [3, 22, 36])
def test_recorded_kernels_of_the_mended_stage_have_their_losses_and_keep_their_bound(
    kept, printed, number
):
    second = json.loads((RECORD / "second_stage.json").read_text())
    mended, row = second["changes"]["both"], kept["cells"][number]
    c, delta = printed["c"][row["i"]], printed["horizon"][row["j"]]
    data = gather(biharmonic_pairs(c, delta, kept["n_samples"], kept["seed"], condense=True))
    gram = gram_matrix(data, delta, kept["degree"])
    positive, kernel = np.array(row["positive"]), np.array(mended["kernels"][number])
    # ten digits of the coefficients are kept, and they cancel to a thousandth
    assert gram.loss(kernel) == pytest.approx(mended["loss_full"][number], rel=1e-5)
    assert gram.loss(kernel) < row["loss_positive"]
    allowed = coercivity(gram, positive) / 2
    # scaled into its bound before rounding: ten digits, a thousandth of which is left
    assert mengesha_du_norm(gram.weights @ (kernel - positive)) <= allowed * (1 + 1e-7)


def test_a_row_of_the_scan_is_what_the_program_computes(printed, study):
    scan = json.loads((RECORD / "fractional.json").read_text())
    assert len(scan["rows"]) == 2 * len(study.PERIODS) * 2 * 2
    row = next(
        row
        for row in scan["rows"]
        if (row["with_mean"], row["period"], row["solver"], row["rule"])
        == (True, 2.0, "exact", "moments")
    )
    settings = FractionalSettings(order=scan["order"], period=2.0)
    pairs = fractional_pairs(scan["n_samples"], scan["seed"], settings, condense=True)
    part = {"horizon": printed["fractional"]["horizon"][-2:], "degree": [0]}
    errors, exponents = study.fractional_errors(
        gather(pairs), part, "moments", scan["order"], settings
    )
    # the search for the exponent ends within 1e-3 of it
    np.testing.assert_allclose(np.ravel(exponents), [a[0] for a in row["alpha"][-2:]], atol=3e-3)
    np.testing.assert_allclose(
        np.ravel(errors), [e[0] for e in row["error_percent"][-2:]], rtol=0.05
    )


def test_the_tables_are_those_of_the_paper(printed):
    # a few entries, read from the page once more
    assert printed["loss_positive"][4][2] == 1.11e-2
    assert printed["loss_full"][9][3] == 1.23e-1
    assert printed["error_positive_percent"][0][0] == 0.49
    assert printed["error_full_percent"][8][1] == 2.97
    assert printed["fractional"]["error_percent"][2][3] == 7.2
    assert printed["fractional"]["truncated_percent"] == [319, 182, 98, 48, 23, 15]
