"""What `fit_lps` refuses, by name."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.peridynamics import ExactLongWaves, LearningWarning, fit_lps
from tests.peridynamics.learning.data import LAMBDA, MU, POISSON_RATIO, lattice_samples

SAMPLES = lattice_samples()
EXACT = ExactLongWaves(LAMBDA, MU)


def fit(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments, **named)


BAD = {
    "horizon": {"horizon": 9.0},
    "alpha": {"alpha": 3.0},
    "degree": {"degree": -1},
    "constraint": {"constraint": "solvable"},
    "long_waves": {"long_waves": None},
    "quadrature": {"quadrature": "grid"},
    "solver": {"solver": "adam"},
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused_by_name(name):
    asked = {"horizon": 12.5, "degree": 2} | BAD[name]
    with pytest.raises(ValueError, match=f"^{name} must"):
        fit_lps(SAMPLES, asked.pop("horizon"), asked.pop("degree"), **asked)


@pytest.mark.parametrize("alpha", [(1.0, 0.5), (1.0,), (0.0, 3.0)])
def test_an_interval_of_alpha_that_makes_no_sense_is_refused(alpha):
    with pytest.raises(ValueError, match="^alpha must"):
        fit_lps(SAMPLES, 12.5, 2, alpha=alpha)


def test_data_that_make_no_sense_are_refused():
    for name, value in (
        ("load", SAMPLES.load[:, :10]),
        ("load", np.full_like(SAMPLES.load, np.nan)),
        ("load", np.zeros_like(SAMPLES.load)),
        ("displacement", np.ones_like(SAMPLES.load)),
        ("displacement", np.ma.masked_less(SAMPLES.displacement, 0.0)),
    ):
        bad = SimpleNamespace(**(vars(SAMPLES) | {name: value}))
        with pytest.raises(ValueError, match=f"{name}"):
            fit_lps(bad, 12.5, 2)
    with pytest.raises(ValueError, match="^samples must"):
        fit_lps([], 12.5, 2)


def test_moduli_out_of_reach_of_the_degree_are_refused():
    with pytest.raises(ValueError, match="^degree must be higher"):
        fit_lps(SAMPLES, 20.0, 0, alpha=0.0, long_waves=EXACT)
    # but K = 1/r has the right moduli on every grid
    alone = fit(SAMPLES, 20.0, 0, alpha=1.0, long_waves=EXACT)
    assert alone.poisson_ratio == pytest.approx(POISSON_RATIO)
    with pytest.raises(ValueError, match="^lame_lambda must exceed"):
        ExactLongWaves(-1.0, 0.5)


def test_grids_that_stretch_the_horizon_differently_are_refused():
    with pytest.raises(ValueError, match="^grids must stretch"):
        fit_lps([SAMPLES, lattice_samples(spacing=(4.9, 5.1))], 20.0, 2)
