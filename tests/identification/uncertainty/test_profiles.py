import numpy as np
import pytest

from nlbook.identification import (
    ExactEvolution,
    FitSettings,
    Objective,
    profile_cost,
    profile_rate,
)
from tests.identification.data import EULER, bumps, manufactured

SETTINGS = FitSettings(evolution=ExactEvolution(0.02), floor=1e-3)


def test_a_profile_is_made_of_evaluations_whatever_the_workers():
    alpha, horizon = (1.0, 1.7), (0.4, 0.83, 2.0)
    one, two = (
        profile_cost(bumps(), SETTINGS, alpha, horizon, workers=workers) for workers in (1, 2)
    )
    np.testing.assert_array_equal(one.cost, two.cost)
    objective = Objective(bumps(), SETTINGS)
    trials = [[objective.evaluate(a, d) for d in horizon] for a in alpha]
    np.testing.assert_array_equal(one.cost, [[t.cost for t in row] for row in trials])
    np.testing.assert_array_equal(one.coefficient, [[t.coefficient for t in row] for row in trials])


def test_the_least_cost_of_manufactured_data_is_at_their_kernel():
    found = profile_cost(manufactured(), EULER, (1.4, 1.5, 1.6), (0.8, 1.0, 1.2))
    assert found.cost[1, 1] < 1e-12
    assert found.coefficient[1, 1] == pytest.approx(0.1, rel=1e-10)
    # delta 0.2 off costs 0.03, alpha 0.1 off more than twice that
    assert found.within(1e9) == ((1.5, 1.5), (1.0, 1.0))


def test_along_the_rate_level_one_is_one_point():
    data = manufactured()
    objective = Objective(data)
    trial = objective.evaluate(1.7, 0.9)
    rates = profile_rate(data, None, (1.7,), (0.1, 0.13), 0.9)
    again = profile_rate(data, None, (1.7,), rates.least_squares, 0.9)
    assert again.cost[0, 0] == pytest.approx(trial.cost, rel=1e-12)
    assert rates.cost.shape == (1, 2)
    assert np.all(rates.cost > 0)
