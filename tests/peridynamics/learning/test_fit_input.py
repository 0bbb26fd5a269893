"""What `fit_lps` refuses, by name."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.peridynamics import (
    Adam,
    ExactIntegrals,
    ExactLongWaves,
    GaussNewton,
    GridQuadrature,
    LearningWarning,
    fit_lps,
)
from tests.peridynamics.learning.data import LAMBDA, MU, POISSON_RATIO, lattice_samples

SAMPLES = lattice_samples()
EXACT = ExactLongWaves(LAMBDA, MU)


def fit(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments, **named)


NEVER_NUMBERS = [np.nan, np.inf, None, "x", True, 1 + 2j, np.ma.masked, [1.0], np.ones(2)]
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


@pytest.mark.parametrize("solver", [GaussNewton(starts=1), Adam(epochs=2)])
@pytest.mark.parametrize("value", NEVER_NUMBERS, ids=repr)
@pytest.mark.parametrize("name", ["horizon", "degree", "alpha"])
def test_what_is_no_number_is_refused_whatever_the_solver(name, value, solver):
    asked = {"horizon": 12.5, "degree": 2, "solver": solver, name: value}
    with pytest.raises(ValueError, match=f"^{name} must"):
        fit_lps(SAMPLES, asked.pop("horizon"), asked.pop("degree"), **asked)


def test_adam_takes_no_start():
    start = fit(SAMPLES, 12.5, 1)
    with pytest.raises(ValueError, match="^start must be None for Adam"):
        fit_lps(SAMPLES, 12.5, 1, start=start, solver=Adam(epochs=2))


def test_a_fit_refuses_what_it_can_not_be_held_against():
    found = fit(SAMPLES, 12.5, 1)
    still = SimpleNamespace(**(vars(SAMPLES) | {"displacement": np.ones_like(SAMPLES.load)}))
    with pytest.raises(ValueError, match="^displacement must vary"):
        found.displacement_error(still)
    with pytest.raises(ValueError, match="^samples must be one set"):
        found.displacement_error([])
    for call in (found.grid_symbol, lambda grid: found.predict(SAMPLES.load, grid)):
        with pytest.raises(ValueError, match="^grid must be a PeriodicGrid"):
            call((20, 20))
    assert found.predict(SAMPLES.load[:0]).shape == (0, 20, 20, 2)


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


def test_loads_that_pull_displacements_back_have_no_solid():
    """As where a load was taken for the force that answers it."""
    turned = SimpleNamespace(**(vars(SAMPLES) | {"load": -SAMPLES.load}))
    found = fit(turned, 12.5, 2)
    assert any("of what loads over displacements show" in words for words in found.warnings)


@pytest.mark.parametrize("n_samples", [1, 2])
def test_a_fit_of_too_few_samples_is_admissible_and_told(n_samples):
    """Programmes of no loss are hardly solved; what they gave broke the conditions."""
    fields = lattice_samples((8, 8), (5.0, 5.0), most=3)
    few = SimpleNamespace(
        spacing=(5.0, 5.0),
        displacement=fields.displacement[:n_samples],
        load=fields.load[:n_samples],
    )
    found = fit(few, 12.5, 2)
    assert found.loss < 1e-20
    assert min(found.margins) >= 0
    assert any("don't determine the solid" in words for words in found.warnings)


@pytest.mark.parametrize("asked", [{"degree": 1100}, {"alpha": -500.0}])
@pytest.mark.parametrize("quadrature", [GridQuadrature(), ExactIntegrals()])
def test_a_basis_beyond_float64_is_refused(asked, quadrature):
    if "alpha" in asked and isinstance(quadrature, ExactIntegrals):
        asked = {"degree": 1100}
    with pytest.raises(ValueError, match="^degree must be lower, or alpha closer to zero"):
        fit_lps(SAMPLES, 12.5, **({"degree": 2} | asked), quadrature=quadrature)
