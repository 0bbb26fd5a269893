"""Algorithm 2 against fits one by one, and what it keeps for a second run."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.parallel import TaskErrors
from nlbook.peridynamics import LearningWarning, fit_lps, gather_samples, sweep_lps
from nlbook.peridynamics.learning import sweeps as module
from nlbook.peridynamics.learning.fit import fit_quietly
from tests.peridynamics.learning.data import lattice_samples

TRAINING = lattice_samples((10, 10), (5.0, 5.0), most=3)
VALIDATION = lattice_samples((10, 10), (5.0, 5.0), most=2)
HORIZONS, DEGREES = [10.0, 12.5, 15.0], [0, 2, 4]


def fit(*arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments)


def sweep(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return sweep_lps(*arguments, **named)


def test_the_choice_is_that_of_the_algorithm():
    swept = sweep(TRAINING, VALIDATION, HORIZONS, DEGREES, progress=False)
    every = {(m, h): fit(TRAINING, h, m) for m in DEGREES for h in HORIZONS}
    rows, unit = [], None
    for m in DEGREES:
        horizon = min(HORIZONS, key=lambda h: every[m, h].residual_error)
        best = every[m, horizon]
        errors = np.array([e(s) for s in (TRAINING, VALIDATION)
                           for e in (best.residual, best.displacement_error)])  # fmt: skip
        unit = errors if unit is None else unit
        rows.append((horizon, errors, np.mean(errors / unit)))
    for row, (horizon, errors, average), m in zip(swept.rows, rows, DEGREES, strict=True):
        assert row.fit.horizon == horizon
        assert row.fit.kernel.degree == m
        np.testing.assert_allclose(row.errors, errors, rtol=1e-5)
        assert row.average == pytest.approx(average, rel=1e-5)
    assert swept.best.average == min(row.average for row in swept.rows)
    assert swept.rows[0].average == 1
    assert swept.converged.all()


def test_a_second_run_computes_nothing_again(tmp_path, monkeypatch):
    first = sweep(TRAINING, VALIDATION, [12.5], [0, 2], store=tmp_path, progress=False)

    def refused(*arguments, **named):
        raise AssertionError("computed again")

    monkeypatch.setattr(module, "fit_quietly", refused)
    again = sweep(TRAINING, VALIDATION, [12.5], [0, 2], store=tmp_path, progress=False)
    np.testing.assert_array_equal(again.residuals, first.residuals)
    assert again.rows[1].fit.kernel == first.rows[1].fit.kernel
    assert again.rows[1].fit.warnings == first.rows[1].fit.warnings


def test_other_samples_are_computed_anew(tmp_path, monkeypatch):
    """Also where only one number of one field differs."""
    sweep(TRAINING, VALIDATION, [12.5], [2], store=tmp_path, progress=False)
    calls = []

    def counted(*arguments, **named):
        calls.append(arguments)
        return fit_quietly(*arguments, **named)

    monkeypatch.setattr(module, "fit_quietly", counted)
    other = SimpleNamespace(**vars(TRAINING))
    other.load = TRAINING.load.copy()
    other.load[3, 1, 2, 0] += 1e-3
    found = sweep(other, VALIDATION, [12.5], [2], store=tmp_path, progress=False)
    assert len(calls) == 1
    direct = fit(other, 12.5, 2)
    assert found.residuals[0, 0] == pytest.approx(direct.residual_error, rel=1e-12)
    sweep(TRAINING, VALIDATION, [12.5], [2], store=tmp_path, relative=False, progress=False)
    assert len(calls) == 2
    # what is only held against is no part of a fit
    sweep(TRAINING, other, [12.5], [2], store=tmp_path, progress=False)
    assert len(calls) == 2


@pytest.mark.parametrize("stored", [False, True])
def test_what_is_to_be_said_of_fits_is_said_once(tmp_path, stored):
    asked = {"progress": False, "store": tmp_path if stored else None}
    for _ in range(2):  # computed, then read
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            swept = sweep_lps(TRAINING, VALIDATION, [12.5, 10.0], [0, 4], **asked)
        said = [str(one.message) for one in caught if one.category is LearningWarning]
        assert len(set(said)) == len(said)
        assert all(one.filename == __file__ for one in caught)
        for degree in (0, 4):
            for horizon in (12.5, 10.0):
                for words in fit(TRAINING, horizon, degree).warnings:
                    mine = [one for one in said if one.endswith(words)]
                    assert len(mine) == 1
                    assert f"({horizon:g}, {degree})" in mine[0]
        assert any("shells" in words for words in swept.rows[1].fit.warnings)


def test_a_search_of_alpha_is_kept(tmp_path):
    asked = {"alpha": (0.0, 1.0), "store": tmp_path, "progress": False}
    for _ in range(2):
        found = sweep(TRAINING, VALIDATION, [12.5], [1], **asked).rows[0].fit
        direct = fit_lps_of(alpha=(0.0, 1.0))
        np.testing.assert_allclose(found.search.alpha, direct.search.alpha, rtol=1e-12)
        np.testing.assert_allclose(found.search.loss, direct.search.loss, rtol=1e-12)
        assert found.warnings == direct.warnings


def fit_lps_of(**named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(TRAINING, 12.5, 1, **named)


def test_a_rebuilt_fit_is_the_fit():
    swept = sweep(TRAINING, VALIDATION, [12.5], [2], progress=False).rows[0].fit
    direct = fit(TRAINING, 12.5, 2)
    assert swept.kernel == direct.kernel
    assert swept.loss == pytest.approx(direct.loss, rel=1e-12)
    assert swept.lame_lambda == pytest.approx(direct.lame_lambda, rel=1e-12)
    assert swept.margins == pytest.approx(direct.margins)
    assert (swept.lower_bound, swept.converged) == (direct.lower_bound, direct.converged)
    np.testing.assert_allclose(swept.starts, direct.starts, rtol=1e-12)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="^horizons must"):
        sweep_lps(TRAINING, VALIDATION, [-1.0], [2], progress=False)
    with pytest.raises(ValueError, match="^horizons and degrees must"):
        sweep_lps(TRAINING, VALIDATION, [], [2], progress=False)
    with pytest.raises(ValueError, match="^training must be samples themselves"):
        sweep_lps(gather_samples(TRAINING), VALIDATION, [12.5], [2], progress=False)
    with pytest.raises(ValueError, match="^samples must have spacing"):
        sweep_lps(TRAINING, np.ones(3), [12.5], [2], progress=False)
    with pytest.raises(TaskErrors, match="at least twice the spacing"):
        sweep_lps(TRAINING, VALIDATION, [7.0], [2], progress=False)
