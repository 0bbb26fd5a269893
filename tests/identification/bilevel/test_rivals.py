import numpy as np
import pytest
from scipy.stats import levy_stable

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    ExactEvolution,
    FitSettings,
    Objective,
    compare_rivals,
    fit_power_law,
    fit_stable_density,
    stable_density,
)
from nlbook.kernels import PowerLawKernel

GRID = np.linspace(-8, 8, 161)


def stable_snapshots(index, start=0.2, growth=0.05):
    times = np.linspace(0.0, 4.0, 21)
    density = stable_density(GRID, index, (start + growth * times) ** (1 / index))
    density /= np.sum(density, axis=1, keepdims=True) * (GRID[1] - GRID[0])
    return DensitySnapshots(GRID, times, density)


def test_the_stable_density_is_cauchy_s_and_gauss_s_where_these_are_known():
    cauchy = 0.5 / np.pi / (0.25 + GRID**2)
    # images 32 grids away, at the ends of the grid
    np.testing.assert_allclose(stable_density(GRID, 1.0, 0.5), cauchy, rtol=1e-3)
    gauss = np.exp(-(GRID**2)) / np.sqrt(np.pi)
    np.testing.assert_allclose(stable_density(GRID, 2.0, 0.5), gauss, rtol=0, atol=1e-14)


@pytest.mark.parametrize("index", [0.8, 1.5, 1.9])
def test_scipy_s_stable_density_agrees(index):
    at = slice(80, 160, 20)
    expected = levy_stable.pdf(GRID[at], index, 0.0, scale=0.5)
    np.testing.assert_allclose(stable_density(GRID, index, 0.5)[at], expected, rtol=2e-3)


def test_a_growing_stable_law_is_found_again():
    found = fit_stable_density(stable_snapshots(1.6), 1e-5)
    assert found.index == pytest.approx(1.6, abs=5e-3)
    assert found.start == pytest.approx(0.2, rel=2e-2)
    assert found.growth == pytest.approx(0.05, rel=2e-2)
    gauss = fit_stable_density(stable_snapshots(2.0), 1e-5, index=2.0)
    assert (gauss.index, gauss.growth) == (2.0, pytest.approx(0.05, rel=1e-2))


def costs(data, settings, **options):
    fit = fit_power_law(data, settings, **options)
    return {rival.name: rival for rival in compare_rivals(Objective(data, settings), fit)}, fit


def evolved(operator, p0):
    density = operator.evolve(
        p0, 0.02, 200, snapshots=np.arange(0, 201, 10), method="exact", check=False
    )
    return DensitySnapshots(GRID, 0.2 * np.arange(21), np.maximum(density, 0.0))


SETTINGS = FitSettings(evolution=ExactEvolution(0.02), floor=1e-6, every=10)
BUMP = np.exp(-(GRID**2) / 0.5) / np.sqrt(0.5 * np.pi)


def test_diffusion_is_told_from_its_rivals():
    h = GRID[1] - GRID[0]
    local = NonlocalDiffusion(PowerLawKernel(0.0, h, 0.05 * h**-3), GRID, rule="nodes")
    found, _ = costs(evolved(local, BUMP), SETTINGS, start=(2.5, 2.0), max_evaluations=40)
    assert found["local"].parameters["diffusivity"] == pytest.approx(0.05, rel=5e-3)
    # the data are linear in time between snapshots, 0.2 apart
    assert found["local"].training_cost < 0.01 * found["static"].training_cost
    assert found["fractional"].training_cost > 10 * found["local"].training_cost


def test_a_fractional_law_is_told_from_its_rivals():
    fractional = NonlocalDiffusion(PowerLawKernel(2.2, np.inf, 0.05), GRID)
    found, fit = costs(evolved(fractional, BUMP), SETTINGS, start=(2.0, 8.0), max_evaluations=60)
    assert found["fractional"].parameters["alpha"] == pytest.approx(2.2, abs=0.01)
    assert found["fractional"].training_cost < 0.1 * found["local, D by cost"].training_cost
    assert found["truncated"].training_cost == pytest.approx(fit.training_cost, rel=1e-12)
    assert found["truncated, D by cost"].training_cost <= fit.training_cost
    assert found["local, D by cost"].training_cost <= found["local"].training_cost


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: stable_density(GRID, 2.1, 1.0), "index"),
        (lambda: stable_density(GRID, 1.5, 0.0), "scale"),
        (lambda: stable_density(GRID[1:], 1.5, 1.0), "grid"),
        (lambda: stable_density(GRID + 1.0, 1.5, 1.0), "grid"),
        (lambda: fit_stable_density(stable_snapshots(1.6), 10.0), "floor"),
        (lambda: fit_stable_density(stable_snapshots(1.6), 1e-3, split=-1.0), "split"),
    ],
)
def test_no_such_stable_law_is_refused(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
