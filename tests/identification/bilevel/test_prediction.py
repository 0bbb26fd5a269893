"""Every fit predicts, says why it has no intervals, and says in words what it is not."""

import warnings

import numpy as np
import pytest

from nlbook.densities import DensitySnapshots
from nlbook.identification import (
    FitSettings,
    FitWarning,
    ForwardEuler,
    Objective,
    OneSidedFit,
    compare_rivals,
    cumulant_estimate,
    fit_factor,
    fit_one_sided,
    fit_power_law,
    fit_stable_density,
    manufactured_snapshots,
    predict,
    stable_density,
)
from nlbook.kernels import PowerLawKernel

GRID = np.linspace(-6, 6, 121)
TRUE = PowerLawKernel(1.5, 1.0, 0.1)
WIDE = np.exp(-(GRID**2) / 0.5) / np.sqrt(0.5 * np.pi)
SETTINGS = FitSettings(floor=1e-6)
SEARCH = {"start": (1.6, 0.9), "bounds": ((0.0, 2.9), (0.1, 4.0))}


@pytest.fixture(scope="module")
def data():
    return manufactured_snapshots(TRUE, GRID, 0.1, 10, start=WIDE, method="exact")


@pytest.fixture(scope="module")
def fits(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        one = fit_power_law(data, SETTINGS, **SEARCH)
        found = {
            "power law": one,
            "factor": fit_factor(data, 1, SETTINGS, **SEARCH),
            "one-sided": fit_one_sided(data, SETTINGS, **SEARCH),
            "cumulants": cumulant_estimate(data),
            "stable": fit_stable_density(data, 1e-6),
        }
        rivals = compare_rivals(Objective(data, SETTINGS), one)
    return found | {rival.name: rival for rival in rivals}


KINDS = ["power law", "factor", "one-sided", "cumulants", "stable", "local", "fractional"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fit_predicts_and_says_what_it_does_not_know(data, fits, kind):
    fit = fits[kind]
    made = fit.predict(data, [0.0, 0.25, 3.0])
    np.testing.assert_array_equal(made.times, [0.0, 0.25, 3.0])
    np.testing.assert_allclose(made.mass, 1.0, atol=0.05)
    np.testing.assert_array_equal(fit.predict(data).times, data.times)
    assert "no interval" in fit.uncertainty()
    assert isinstance(fit.warnings, tuple)


@pytest.mark.parametrize("kind", ["power law", "factor", "local", "fractional", "truncated"])
def test_a_prediction_errs_as_the_fit_says(data, fits, kind):
    last, true = fits[kind].predict(data).density[-1], data.density[-1]
    error = np.linalg.norm(last - true) / np.linalg.norm(true)
    # of evolution without error, in one step or in ten
    assert error == pytest.approx(fits[kind].final_error, rel=1e-6, abs=1e-12)


def test_two_equal_sides_predict_what_one_kernel_does(data, fits):
    # mass near the ends of the grid goes round a ring here and is lost there
    expected = fits["power law"].predict(data).density
    np.testing.assert_allclose(fits["one-sided"].predict(data).density, expected, atol=2e-4)


def test_a_stable_law_predicts_its_own_density(data, fits):
    fit = fits["stable"]
    first = stable_density(GRID, fit.index, fit.start ** (1 / fit.index))
    np.testing.assert_allclose(fit.predict(data).density[0], first, rtol=1e-12)


def test_cumulants_that_no_power_law_has_are_told(data):
    still = DensitySnapshots(GRID, data.times, np.tile(WIDE, (data.times.size, 1)))
    estimate = cumulant_estimate(still)
    assert "no power law has cumulants that grow at" in estimate.warnings[0]
    with pytest.raises(ValueError, match="^kernel must be known for a prediction"):
        estimate.predict(data)


def test_mass_that_leaves_is_told_where_the_prediction_was_asked_for(data, fits):
    for ask in (
        lambda: fits["power law"].predict(data, [200.0]),
        lambda: fits["stable"].predict(data, [200.0]),
    ):
        with pytest.warns(FitWarning, match="have left the grid") as caught:
            ask()
        assert caught[0].filename == __file__


def test_columns_have_names_and_are_the_table_of_before(data, fits):
    fit = fits["power law"]
    table = np.asarray(fit.path)
    assert table.shape == fit.path.shape == (fit.n_evaluations, 4)
    np.testing.assert_array_equal(table[:, 3], fit.path.cost)
    with pytest.warns(DeprecationWarning, match="take alpha, horizon, coefficient, cost by name"):
        np.testing.assert_array_equal(fit.path[:, 0], fit.path.alpha)
    with pytest.warns(DeprecationWarning, match="^remarks are deprecated"):
        assert fit.remarks == fit.warnings
    np.testing.assert_array_equal(predict(fit, data).density, fit.predict(data).density)


@pytest.mark.parametrize("n", [61, 241, 151])
def test_a_local_law_predicts_with_its_diffusivity_on_any_grid(fits, n):
    local = fits["local"]
    grid = np.linspace(-6, 6, n)
    start = np.exp(-(grid**2)) / np.sqrt(np.pi)
    made = local.predict(DensitySnapshots(grid, np.zeros(1), start[None]), [2.0])
    variance = np.sum(grid**2 * made.density[-1]) * (grid[1] - grid[0])
    # second differences have the second moment exactly; 1e-6 of it is beyond the ends
    assert variance == pytest.approx(0.5 + 2 * local.coefficient * 2.0, rel=1e-5)


def test_a_one_sided_fit_refuses_a_grid_on_which_its_steps_grow():
    fit = OneSidedFit(
        alpha=2.2, horizon=1.0, right=0.5, left=0.5, drift=0.0, training_cost=0.0,
        testing_cost=0.0, n_evaluations=1, converged=True, warnings=(),
        settings=FitSettings(evolution=ForwardEuler(0.01)),
    )  # fmt: skip
    grid = np.linspace(-6, 6, 481)
    start = np.exp(-(grid**2)) / np.sqrt(np.pi)
    with pytest.raises(ValueError, match=r"^dt=0.01 of the fit must be stable on this grid"):
        fit.predict(DensitySnapshots(grid, np.zeros(1), start[None]), [2.0])


def test_columns_still_do_what_arrays_did_and_warn(fits):
    path = fits["power law"].iterations
    array = np.asarray(path)
    with pytest.warns(DeprecationWarning, match="by name"):
        assert path.size == array.size
    with pytest.warns(DeprecationWarning, match="by name"):
        np.testing.assert_array_equal(path.T, array.T)
    with pytest.raises(AttributeError):
        path.no_such_thing  # noqa: B018
