"""Data sets: path by path what the material answers, made once."""

from dataclasses import dataclass

import numpy as np
import pytest

from nlbook.crystals import (
    DataSet,
    PathRule,
    Response,
    StepsTooLong,
    TaylorPolycrystal,
    answer_paths,
    magnesium,
    make_data_set,
    random_texture,
    sample_strain_paths,
    taylor_response,
)
from nlbook.parallel import TaskErrors

# few steps, so that tests are short
pytestmark = pytest.mark.filterwarnings("ignore::nlbook.crystals.CoarseStepsWarning")

TIMES = np.array([0.0, 1.0, 2.0])
RULE = PathRule(n_steps=20)
MATERIAL = TaylorPolycrystal(random_texture(4, 1), magnesium(twins=None))


@pytest.fixture(scope="module")
def data():
    return make_data_set(MATERIAL, 5, 3, RULE, progress=False)


def test_a_row_is_the_answer_to_its_path_in_shorter_steps(data):
    fine = sample_strain_paths(5, 3, PathRule(n_steps=80))
    for k, path in enumerate(fine):
        answer = taylor_response(path, MATERIAL.texture, MATERIAL.law)
        assert np.array_equal(data.stress[k], answer.stress[::4])
        assert np.array_equal(data.stretch[k], path.stretch[::4])
    assert data.times == pytest.approx(fine[0].times[::4])
    assert data.substeps.tolist() == [4] * 5 and data.n_rejected.tolist() == [0] * 5


def test_paths_and_responses_are_the_rows(data):
    assert len(data) == len(data.paths) == len(data.responses) == 5
    assert np.array_equal(data.responses[2].stress, data.stress[2])
    assert np.array_equal(data.paths[2].stretch, data.stretch[2])


def test_a_run_goes_on_where_it_ended(tmp_path, monkeypatch, data):
    store = tmp_path / "store"
    make_data_set(MATERIAL, 3, 3, RULE, store=store, progress=False)
    called = []

    def counted(path, texture, law):
        called.append(path)
        return taylor_response(path, texture, law)

    monkeypatch.setattr("nlbook.crystals.reduced.taylor_response", counted)
    again = make_data_set(MATERIAL, 5, 3, RULE, store=store, progress=False)
    assert len(called) == 2
    assert np.array_equal(again.stress, data.stress)


@dataclass(frozen=True)
class Brittle:
    """Refuses steps longer than it says."""

    longest: float

    def response(self, path):
        if np.diff(path.times).max() > self.longest:
            raise StepsTooLong("strain_path must have shorter steps")
        return Response(path.times, path.stretch, 2.0 * path.stretch)


def test_steps_that_are_too_long_are_halved_and_told():
    data = make_data_set(Brittle(2e-5 / 150), 2, 3, RULE, substeps=1, progress=False)
    assert data.substeps.tolist() == [8, 8]
    assert np.array_equal(data.stress, 2.0 * data.stretch)


@dataclass(frozen=True)
class Wrong:
    """Refuses each path for another reason than its steps."""

    def response(self, path):
        raise ValueError(f"strain_path must be of two dimensions, {len(path.times)} times")


def test_other_errors_are_not_met_with_shorter_steps():
    with pytest.raises(TaskErrors, match="dimensions, 21 times"):
        make_data_set(Wrong(), 1, 3, RULE, substeps=1, progress=False)


def test_paths_of_ones_own_are_answered_as_each_alone_and_are_kept(tmp_path):
    paths = sample_strain_paths(3, 8, PathRule(n_steps=100))
    found = answer_paths(MATERIAL, paths, store=tmp_path / "store", workers=2, progress=False)
    for path, response in zip(paths, found, strict=True):
        alone = MATERIAL.response(path)
        for name in ("times", "stress", "activity", "stored", "dissipated", "step_error"):
            assert np.array_equal(getattr(response, name), getattr(alone, name))
    again = answer_paths(MATERIAL, paths[:2], store=tmp_path / "store", progress=False)
    assert all(np.array_equal(a.stress, b.stress) for a, b in zip(again, found, strict=False))


def test_steps_are_not_halved_for_ever():
    with pytest.raises(Exception, match="shorter steps"):
        make_data_set(Brittle(1e-9), 1, 3, RULE, substeps=1, progress=False)


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_file_holds_32_bits_of_all(tmp_path, dimension):
    rule = PathRule(n_steps=20, dimension=dimension)
    data = make_data_set(Brittle(1.0), 3, 3, rule, progress=False)
    data.save(tmp_path / "data.npz")
    again = DataSet.load(tmp_path / "data.npz")
    assert again.stress == pytest.approx(data.stress, rel=1e-7)
    assert again.stretch == pytest.approx(data.stretch, rel=1e-7, abs=1e-9)
    assert np.array_equal(again.times, data.times)
    assert np.array_equal(again.substeps, data.substeps)
    assert again.stress.dtype == np.float64


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", times=np.zeros(2))
    with pytest.raises(ValueError, match="written by save"):
        DataSet.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("options", "named"),
    [({"n_paths": 0}, "n_paths"), ({"substeps": 0}, "substeps"), ({"seed": -1}, "seed")],
)
def test_bad_arguments_are_refused_by_name(options, named):
    given = {"n_paths": 1, "seed": 3, "rule": RULE, "progress": False} | options
    with pytest.raises(ValueError, match=named):
        make_data_set(MATERIAL, **given)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"times": TIMES[1:]}, "stretch and stress"),
        ({"stress": np.zeros((1, 3, 2, 3))}, "stretch and stress"),
        ({"stretch": np.full((1, 3, 2, 2), np.inf)}, "stretch"),
        ({"n_rejected": [0.5]}, "n_rejected"),
        ({"substeps": [1, 1]}, "substeps"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, named):
    given = {
        "times": TIMES, "stretch": np.tile(np.eye(2), (1, 3, 1, 1)),
        "stress": np.zeros((1, 3, 2, 2)), "n_rejected": [0], "substeps": [1],
    }  # fmt: skip
    with pytest.raises(ValueError, match=named):
        DataSet(**(given | change))
