import numpy as np
import pytest

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    FitSettings,
    ForwardEuler,
    fit_factor,
    fit_power_law,
)
from nlbook.kernels import BernsteinKernel
from tests.identification.data import EULER, manufactured

BOUNDS = ((0.0, 2.99), (0.02, 2.0))
START = (2.0, 0.5)


def test_degree_zero_is_the_power_law():
    data = manufactured(n_steps=60)
    one = fit_power_law(data, EULER, bounds=BOUNDS, start=START)
    found = fit_factor(data, 0, EULER, bounds=BOUNDS, start=START)
    assert found.n_evaluations == one.n_evaluations
    assert found.kernel.alpha == pytest.approx(one.alpha, abs=1e-7)
    assert found.kernel.coefficients[0] == pytest.approx(one.coefficient, rel=1e-7)
    assert found.testing_cost == pytest.approx(one.testing_cost, rel=1e-5)
    assert found.variance_rate == pytest.approx(one.variance_rate, rel=1e-7)


@pytest.mark.parametrize("relative", [False, True])
def test_a_factor_is_recovered_from_its_own_data(relative):
    true = BernsteinKernel((0.1, 0.02, 0.05), horizon=0.8, alpha=1.3)
    grid = np.linspace(-2, 2, 201)
    p0 = np.exp(-(grid**2) / 0.02) / np.sqrt(0.02 * np.pi)
    density = NonlocalDiffusion(true, grid).evolve(
        p0, 0.01, 100, snapshots="all", method="euler", check=False
    )
    data = DensitySnapshots(grid, 0.01 * np.arange(101), np.maximum(density, 0.0))
    found = fit_factor(
        data,
        2,
        FitSettings(evolution=ForwardEuler(0.01), floor=1e-6),
        bounds=BOUNDS,
        start=(1.5, 0.7),
        tolerance=1e-7,
        relative=relative,
    )
    assert found.training_cost < 1e-5
    # five parameters: the cost's valley is narrow in some directions and long in others
    assert found.kernel.horizon == pytest.approx(0.8, rel=1e-3)
    assert found.kernel.alpha == pytest.approx(1.3, abs=1e-2)
    np.testing.assert_allclose(found.kernel.coefficients, (0.1, 0.02, 0.05), rtol=0.05)


def test_coefficients_are_not_negative():
    found = fit_factor(manufactured(n_steps=60), 3, bounds=BOUNDS, start=START, max_evaluations=10)
    assert min(found.kernel.coefficients) >= 0


def test_a_degree_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="^degree must"):
        fit_factor(manufactured(n_steps=60), -1)


def test_a_factor_that_changes_sign_is_recovered_where_it_may():
    true = BernsteinKernel((0.1, 0.02, -0.03), horizon=0.8, alpha=1.3)
    grid = np.linspace(-2, 2, 201)
    # tails that fall slowly, so that no density turns negative
    p0 = 1 / (0.09 + grid**2)
    p0 /= 0.02 * p0.sum()
    density = NonlocalDiffusion(true, grid).evolve(
        p0, 0.01, 100, snapshots="all", method="euler", check=False
    )
    data = DensitySnapshots(grid, 0.01 * np.arange(101), density)
    # at the true alpha and delta: which coefficients does Level 1 choose?
    options = {"bounds": BOUNDS, "start": (1.3, 0.8), "max_evaluations": 3, "relative": True}
    free = fit_factor(
        data, 2, FitSettings(evolution=ForwardEuler(0.01), floor=1e-6), positive=False, **options
    )
    kept = fit_factor(data, 2, FitSettings(evolution=ForwardEuler(0.01), floor=1e-6), **options)
    assert min(kept.kernel.coefficients) >= 0
    assert free.training_cost < 1e-2 * kept.training_cost
    # rates of change are differences over a step of 0.01
    np.testing.assert_allclose(free.kernel.coefficients, true.coefficients, rtol=1e-3)
    waves = np.linspace(0, np.pi / 0.02, 500)
    assert np.all(NonlocalDiffusion(free.kernel, grid).symbol(waves) <= 1e-9)
