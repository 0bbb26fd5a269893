"""A part of book/recorded/bilevel_fit, computed again."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from nlbook.dislocations.recording import read_record
from nlbook.identification import Objective, fit_power_law

ROOT = Path(__file__).resolve().parents[2]
ENSEMBLE = ROOT / "book" / "recorded" / "dislocation_creep"
FITS = ROOT / "book" / "recorded" / "bilevel_fit"


@pytest.fixture(scope="module")
def study():
    """The program that made the record."""
    path = ROOT / "book" / "studies" / "bilevel_fit.py"
    spec = importlib.util.spec_from_file_location("bilevel_fit_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept():
    return json.loads((FITS / "fits.json").read_text())


@pytest.fixture(scope="module")
def snapshots(study):
    return study.snapshots(read_record(ENSEMBLE, 1), 1)


def test_the_fits_are_of_the_recorded_ensemble(study):
    provenance = json.loads((FITS / "provenance.json").read_text())
    assert provenance["counts_sha256"] == study.digest(ENSEMBLE)
    assert set(provenance["parts"]) == {f"{part}_{k}" for part in study.PARTS for k in (1, 2, 3)}


def test_the_first_row_of_choices_is_found_again(study, kept, snapshots):
    row = kept["choices_1"]["rows"][0]
    fit = fit_power_law(snapshots, study.QUICK)
    # the search stops within 1e-4; on another processor costs differ by rounding, and the
    # staircase in delta may stop it on another step of the same height
    assert fit.alpha == pytest.approx(row["alpha"], abs=5e-3)
    assert fit.training_cost == pytest.approx(row["training_cost"], rel=2e-2)
    assert fit.coefficient == pytest.approx(row["coefficient"], rel=2e-2)


def test_points_of_the_profile_are_found_again(study, kept, snapshots):
    part = kept["profiles_1"]
    objective = Objective(snapshots, study.QUICK)
    for i, j in ((10, 5), (25, 20), (31, 32)):
        trial = objective.evaluate(part["alpha"][i], part["horizon"][j])
        assert trial.cost == pytest.approx(part["cost"][i][j], rel=1e-5)  # six digits are kept
        assert trial.coefficient == pytest.approx(part["coefficient"][i][j], rel=1e-5)


def test_intervals_are_those_of_the_kept_draws(kept):
    for case in (1, 2, 3):
        for row in kept[f"intervals_{case}"]["rows"]:
            draws = np.array(row["draws"])
            assert np.all(np.isfinite(draws))
            low, high = row["alpha"]
            assert draws[:, 0].min() - 1e-4 <= low < high <= draws[:, 0].max() + 1e-4
