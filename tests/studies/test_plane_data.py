"""The record of the unit cell against its first path, computed again."""

import json
from pathlib import Path

import numpy as np
import pytest

import plane_data
from nlbook.crystals import DataSet, draw_strain_path
from nlbook.parallel import task_seed

RECORDED = Path(__file__).resolve().parents[2] / "book/recorded/crystals"


def test_the_first_recorded_path_is_what_is_computed_again():
    recorded = DataSet.load(RECORDED / "plane.npz")
    again = plane_data.data_set(1)
    largest = np.abs(again.stress).max()
    # the cell's balance holds to 1e-5
    assert recorded.stress[:1] == pytest.approx(again.stress, rel=1e-4, abs=1e-4 * largest)


def test_recorded_paths_are_those_of_their_seeds():
    recorded = DataSet.load(RECORDED / "plane.npz")
    for k in (0, len(recorded) - 1):
        path = draw_strain_path(task_seed(plane_data.SEED, k), plane_data.RULE)[0]
        assert recorded.stretch[k] == pytest.approx(path.stretch, abs=2e-7)


def test_the_record_says_where_it_comes_from():
    provenance = json.loads((RECORDED / "plane.json").read_text())
    assert provenance["dirty"] is False and len(provenance["commit"]) == 40
    n_kept = provenance.get("n_sample", provenance["n_paths"])
    assert n_kept == len(DataSet.load(RECORDED / "plane.npz")) <= provenance["n_paths"]


def test_a_small_record_is_made(tmp_path):
    plane_data.record(tmp_path, n_paths=2, n_sample=1, shape=(4, 4), store=tmp_path / "store")
    assert len(DataSet.load(tmp_path / "plane.npz")) == 1
    provenance = json.loads((tmp_path / "plane.json").read_text())
    assert provenance["n_paths"] == 2 and provenance["n_sample"] == 1
    formula = provenance["formula"]
    # the formula has no deviator; and the mean stress of a cell has a history of its own
    assert formula["deviatoric"] == pytest.approx(1.0) and formula["pressure"] > 1e-6
