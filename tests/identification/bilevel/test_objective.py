import dataclasses

import numpy as np
import pytest

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    ExactEvolution,
    FitSettings,
    ForwardEuler,
    Objective,
)
from nlbook.kernels import PowerLawKernel
from tests.identification.data import at_steps, bumps

#: What the slow version does: the paper's steps.
SETTINGS = FitSettings(evolution=ForwardEuler(0.02), floor=1e-3, level_one="steps")


def slow(snapshots, alpha, horizon, settings, start=0, first=0, last=None):
    """Levels 1 and 2 as the paper writes them: a stacked system, step after step, one mean."""
    p = at_steps(snapshots, settings.dt)
    n_training = round(settings.split * (len(p) - 1))
    last = n_training if last is None else last
    matrix = NonlocalDiffusion(
        PowerLawKernel(alpha, horizon), snapshots.grid, rule=settings.rule
    ).matrix()
    columns = (p[:n_training] @ matrix).ravel()
    change = (np.diff(p[: n_training + 1], axis=0) / settings.dt).ravel()
    coefficient = columns @ change / (columns @ columns)
    state, errors = p[start], []
    for k in range(start + 1, last + 1):
        state = state + settings.dt * coefficient * (matrix @ state)
        if k > first and (k - first) % settings.every == 0:
            kept = p[k] > settings.floor
            errors.append(np.abs(np.log(p[k][kept]) - np.log(state[kept])))
    return coefficient, np.mean(np.concatenate(errors)), state


@pytest.mark.parametrize("rule", ["covered", "nodes"])
@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("every", [1, 3])
def test_an_evaluation_is_that_of_plain_stepping(rule, even, every):
    snapshots = bumps(even=even)
    settings = dataclasses.replace(SETTINGS, rule=rule, every=every)
    trial = Objective(snapshots, settings).evaluate(1.7, 0.83)
    coefficient, cost, _ = slow(snapshots, 1.7, 0.83, settings)
    assert trial.coefficient == pytest.approx(coefficient, rel=1e-11)
    # the fast evolution is 1e-14 of the largest density from stepping, the floor 1e-3 of it
    assert trial.cost == pytest.approx(cost, rel=1e-9)


def test_a_grid_without_a_middle_node_is_halved_as_well():
    snapshots = bumps(even=True, n=40)
    trial = Objective(snapshots, SETTINGS).evaluate(1.7, 0.83)
    assert trial.cost == pytest.approx(slow(snapshots, 1.7, 0.83, SETTINGS)[1], rel=1e-9)


@pytest.mark.parametrize(("testing", "start"), [("restarted", 16), ("continued", 0)])
def test_a_test_starts_at_the_split_or_goes_on(testing, start):
    snapshots = bumps()
    settings = dataclasses.replace(SETTINGS, testing=testing)
    objective = Objective(snapshots, settings)
    operator = objective.operator(PowerLawKernel(1.7, 0.83))
    trial = objective.evaluate(1.7, 0.83)
    _, cost, _ = slow(snapshots, 1.7, 0.83, settings, start, 16, 20)
    assert objective.testing_cost(operator, trial.coefficient) == pytest.approx(cost, rel=1e-9)


def test_the_final_error_is_that_of_the_whole_evolution():
    snapshots = bumps()
    objective = Objective(snapshots, SETTINGS)
    operator = objective.operator(PowerLawKernel(1.7, 0.83))
    _, _, state = slow(snapshots, 1.7, 0.83, SETTINGS, last=20)
    data = snapshots.density[-1]
    expected = np.linalg.norm(state - data) / np.linalg.norm(data)
    found = objective.final_error(operator, objective.coefficient(operator))
    assert found == pytest.approx(expected, rel=1e-10)


def test_without_a_test_its_cost_is_not_a_number():
    objective = Objective(bumps(), dataclasses.replace(SETTINGS, split=1.0))
    operator = objective.operator(PowerLawKernel(1.7, 0.83, 0.1))
    assert np.isnan(objective.testing_cost(operator))


def test_the_default_floor_is_one_sample_in_a_cell():
    snapshots = bumps()
    number = np.array([1000.0, 1000.0, 900.0, 800.0])
    counted = dataclasses.replace(snapshots, n_samples=number)
    floor = 1 / (number * snapshots.spacing)
    above = snapshots.density[1:4] > floor[1:, None]  # all snapshots but the first train
    settings = dataclasses.replace(SETTINGS, floor=None)
    assert Objective(counted, settings).compared == pytest.approx(above.mean())
    assert Objective(snapshots, settings).compared == 1.0  # all are positive


def test_where_euler_is_unstable_the_cost_is_infinite_and_the_bound_is_named():
    snapshots = bumps(times=(0.0, 2.0, 4.0))
    objective = Objective(snapshots, FitSettings(evolution=ForwardEuler(2.0), floor=1e-3))
    assert objective.evaluate(2.9, 0.2).cost == np.inf
    operator = objective.operator(PowerLawKernel(2.9, 0.2))
    coefficient = objective.coefficient(operator)
    bound = operator.stable_step / coefficient
    assert f"dt must not exceed {bound:.6g} for forward Euler" in objective.problem(
        operator, coefficient
    )
    exact = Objective(snapshots, FitSettings(evolution=ExactEvolution(2.0), floor=1e-3))
    assert np.isfinite(exact.evaluate(2.9, 0.2).cost)


def scaled(factor):
    snapshots = bumps()
    return dataclasses.replace(snapshots, density=snapshots.density * factor)


@pytest.mark.parametrize(
    ("snapshots", "settings", "message"),
    [
        (lambda: scaled(1.2), SETTINGS, "density must integrate to one at the first time, got 1.2"),
        (
            lambda: scaled(np.array([[1.0], [1.0], [1.0], [1.1]])),
            SETTINGS,
            "density must integrate to one or, later, less, got 1.1",
        ),
        (
            lambda: scaled(np.array([[1.0], [1.0], [0.0], [1.0]])),
            SETTINGS,
            "density must integrate to one or, later, less, got 0",
        ),
        (
            bumps,
            FitSettings(evolution=ExactEvolution(0.03)),
            "dt must divide the time of the snapshots, 0.4, got 0.03",
        ),
        (
            bumps,
            FitSettings(evolution=ExactEvolution(0.02), floor=2.0),
            "floor must leave 10 nodes or more to compare",
        ),
        (
            lambda: scaled(np.linspace(-2, 2, 41) < 1.9),
            FitSettings(evolution=ExactEvolution(0.02)),
            "floor must be given: the density is zero at 6 nodes and times",
        ),
        (
            bumps,
            FitSettings(evolution=ExactEvolution(0.02), split=0.01),
            "split must leave 1 steps or more to train",
        ),
        (
            lambda: DensitySnapshots(bumps().grid, np.array([0.0]), bumps().density[:1]),
            SETTINGS,
            "snapshots must be at two times or more, got 1",
        ),
    ],
)
def test_densities_that_cannot_be_used_are_refused(snapshots, settings, message):
    with pytest.raises(ValueError, match=message):
        Objective(snapshots(), settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rule", "midpoint"),
        ("dt", 0.0),
        ("split", 0.0),
        ("split", 1.1),
        ("every", 0),
        ("every", 1.5),
        ("floor", -1e-9),
        ("testing", "later"),
        ("method", "auto"),
    ],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"^{field} must"):
        FitSettings(**{field: value})


def test_densities_that_no_snapshots_can_be_are_refused_before():
    snapshots = bumps()
    with pytest.raises(ValueError, match="density must be"):
        dataclasses.replace(snapshots, density=-snapshots.density)
    with pytest.raises(ValueError, match="grid must be uniform"):
        dataclasses.replace(snapshots, grid=snapshots.grid**3)
