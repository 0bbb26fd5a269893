import dataclasses

import numpy as np
import pytest

from nlbook.densities import DensitySnapshots
from nlbook.identification import (
    ExactEvolution,
    FitSettings,
    ForwardEuler,
    fit_power_law,
    manufactured_snapshots,
    predict,
)
from tests.identification.data import EULER, TRUE, bumps, manufactured

START = (2.0, 0.5)  # the paper's, section 6.1
BOUNDS = ((0.0, 2.999), (0.02, 2.0))


def test_the_covered_rule_recovers_all_three_on_the_data_s_own_grid():
    fit = fit_power_law(manufactured(), EULER, start=START, bounds=BOUNDS, tolerance=1e-7)
    assert fit.converged
    assert fit.alpha == pytest.approx(1.5, rel=1e-4)
    assert fit.horizon == pytest.approx(1.0, rel=1e-4)
    assert fit.coefficient == pytest.approx(0.1, rel=1e-4)
    # the cost grows linearly from zero, at some 0.3 for each unit of alpha
    assert fit.training_cost < 1e-5
    assert fit.testing_cost < 1e-5
    assert fit.final_error < 1e-5


def test_the_nodes_rule_recovers_alpha_and_d_and_finds_delta_s_plateau():
    fit = fit_power_law(
        manufactured("nodes"), dataclasses.replace(EULER, rule="nodes"), start=START, tolerance=1e-7
    )
    assert fit.alpha == pytest.approx(1.5, rel=1e-4)
    assert fit.coefficient == pytest.approx(0.1, rel=1e-4)
    assert 1.0 <= fit.horizon < 1.02  # one cell, on which the operator is the same


def test_scipy_s_tolerance_is_enough_for_four_digits():
    fit = fit_power_law(manufactured(), EULER, start=START, bounds=BOUNDS)
    assert fit.alpha == pytest.approx(1.5, rel=1e-4)
    assert fit.horizon == pytest.approx(1.0, rel=1e-4)
    assert fit.coefficient == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("start", [(1.0, 0.5), (2.5, 1.5), (2.5, 0.5), (1.0, 1.5)])
def test_other_starts_lead_to_the_same_fit(start):
    fit = fit_power_law(manufactured(), EULER, start=start, bounds=BOUNDS, tolerance=1e-7)
    assert (fit.alpha, fit.horizon) == (pytest.approx(1.5, rel=1e-4), pytest.approx(1, rel=1e-4))


def test_data_of_a_grid_four_times_finer_are_recovered_at_second_order():
    errors = []
    for spacing in (0.08, 0.04):
        n = round(4 / spacing)
        grid = spacing * np.arange(-n, n + 1)
        fine = spacing / 4 * np.arange(-4 * n, 4 * n + 1)
        data = manufactured_snapshots(
            TRUE, grid, 0.01, 200, refine=4, method="exact",
            start=np.exp(-(fine**2) / 0.08) / np.sqrt(0.08 * np.pi),
        )  # fmt: skip
        settings = FitSettings(floor=1e-8)
        bounds = ((0.0, 2.99), (spacing, 2.0))
        fit = fit_power_law(data, settings, start=START, bounds=bounds, tolerance=1e-6)
        errors.append([fit.alpha / 1.5 - 1, fit.horizon - 1, fit.coefficient / 0.1 - 1])
    # spacings a quarter and an eighth of the density's first width: the observed order is 1.9
    rate = np.log2(np.abs(errors[0]) / np.abs(errors[1]))
    assert np.all(rate > 1.7)
    assert np.all(np.abs(errors[1]) < 5e-3)


def test_the_path_ends_at_the_fit():
    fit = fit_power_law(manufactured(), EULER, start=START, bounds=BOUNDS)
    assert fit.path.shape == (fit.n_evaluations, 4)
    assert fit.iterations.shape == (fit.n_iterations, 5)
    best = np.asarray(fit.path)[np.argmin(fit.path.cost)]
    np.testing.assert_array_equal(best, [fit.alpha, fit.horizon, fit.coefficient, best[3]])
    np.testing.assert_array_equal(np.asarray(fit.iterations)[-1, :4], best)
    assert fit.iterations.testing_cost[-1] == fit.testing_cost
    assert np.all(np.diff(fit.iterations.training_cost) <= 0)


def test_the_variance_grows_at_the_reported_rate():
    grid = np.linspace(-6, 6, 601)  # no mass reaches its ends
    spread = np.exp(-(grid**2) / 0.08) / np.sqrt(0.08 * np.pi)
    data = manufactured_snapshots(TRUE, grid, 0.01, 100, start=spread, every=10)
    settings = dataclasses.replace(EULER, floor=1e-6)
    fit = fit_power_law(data, settings, start=START, bounds=((0, 2.99), (0.02, 2.0)))
    variance = (data.density @ grid**2) * data.spacing
    rate = (variance[-1] - variance[0]) / (data.times[-1] - data.times[0])
    # the search stops within 1e-4 of alpha and delta
    assert fit.variance_rate == pytest.approx(rate, rel=2e-3)
    assert fit.variance_rate == pytest.approx(fit.continuum_variance_rate, rel=1e-10)
    assert fit.variance_rate == pytest.approx(TRUE.moment(2), rel=2e-3)


def test_a_prediction_is_the_evolution_that_was_fitted():
    data = manufactured()
    fit = fit_power_law(data, EULER, start=START, bounds=BOUNDS, max_evaluations=20)
    last = predict(fit, data).density[-1]
    error = np.linalg.norm(last - data.density[-1]) / np.linalg.norm(data.density[-1])
    assert error == pytest.approx(fit.final_error, rel=1e-10)
    later = predict(fit, data, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(later.times, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(later.density[1], last, rtol=1e-10)


def test_rivals_of_the_continuum_have_no_variance_rate_at_alpha_three():
    fit = fit_power_law(
        manufactured("nodes"),
        dataclasses.replace(EULER, rule="nodes"),
        start=START,
        max_evaluations=3,
    )
    assert dataclasses.replace(fit, alpha=3.1).continuum_variance_rate == np.inf


def backwards():
    data = bumps()
    return DensitySnapshots(data.grid, data.times, data.density[::-1].copy())


def standing():
    data = bumps()
    return DensitySnapshots(data.grid, data.times, np.tile(data.density[0], (data.times.size, 1)))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "times must be a row that ascends from the first of the data on, 0, got"),
        (0.5, "times must be a row that ascends"),
        ([0.4, 0.2], "times must be a row that ascends"),
        ([-0.5, 0.4], "times must be a row that ascends"),
        ([0.011, 0.4], r"times must be whole steps of 0.01 after the first.*, got 0.011"),
    ],
)
def test_a_prediction_is_made_at_whole_steps(times, message):
    data = manufactured("nodes")
    fit = fit_power_law(
        data, dataclasses.replace(EULER, rule="nodes"), start=START, max_evaluations=3
    )
    with pytest.raises(ValueError, match=message):
        predict(fit, data, times)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (backwards, {}, "densities must spread: least squares gives the coefficient -"),
        (
            bumps,
            {"bounds": ((0.0, 2.9), (0.1, 5.0))},
            r"bounds of the horizon must ascend within 0.1 .. 4, one cell to the length of the gri",
        ),
        (
            bumps,
            {"bounds": ((0.0, 3.1), (0.1, 4.0))},
            "bounds of alpha must ascend within 0 .. 2.9999, got 0.0, 3.1",
        ),
        (bumps, {"bounds": "wide"}, "bounds must be real numbers, got dtype <U4"),
        (bumps, {"bounds": (("0", "2"), (0.1, 4.0))}, "bounds must be real numbers, got dtype <U"),
        (bumps, {"bounds": [0.1, 4.0]}, r"bounds must be \(\(low, high\), \(low, high\)\), got"),
        (
            bumps,
            {"bounds": [[0.0, 2.0]]},
            r"bounds must be .*, got \[\[0.0, 2.0\]\]",
        ),
        (bumps, {"bounds": ((0.0, 2.0), (np.nan, 4.0))}, "bounds of the horizon must ascend"),
        (bumps, {"start": "ab"}, "start must be real numbers, got dtype <U2"),
        (bumps, {"start": (3.5, 1.0)}, "start must have its alpha within the bounds 0 .. 2.9999"),
        (bumps, {"start": (2.0, 1.0, 1.0)}, "start must be alpha and the horizon, got"),
        (bumps, {"max_evaluations": 0}, "max_evaluations must be an integer of at least 1, got 0"),
        (standing, {}, "densities must spread: those of all times are the same"),
        (bumps, {"start": (2.0, 9.0)}, "start must have its horizon within the bounds 0.1 .. 4"),
    ],
)
def test_a_fit_that_cannot_be_is_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(data(), FitSettings(evolution=ForwardEuler(0.02), floor=1e-3), **options)


def test_a_step_that_is_too_long_is_refused_with_its_bound():
    data = bumps(times=(0.0, 2.0, 4.0))
    with pytest.raises(ValueError, match=r"dt must not exceed 0\.\d+ for forward Euler to be sta"):
        fit_power_law(data, FitSettings(evolution=ForwardEuler(2.0), floor=1e-3), start=(2.9, 0.2))
    fit_power_law(
        data, FitSettings(evolution=ExactEvolution(2.0), floor=1e-3, split=0.5), start=(2.9, 0.2),
        max_evaluations=3,
    )  # fmt: skip
