import numpy as np
import pytest

from nlbook.densities import DensitySnapshots
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    FitSettings,
    ForwardEuler,
    fit_one_sided,
    fit_power_law,
)
from nlbook.kernels import PowerLawKernel
from tests.identification.data import TRUE, manufactured_snapshots

GRID = np.linspace(-6, 6, 201)
H = GRID[1] - GRID[0]
SETTINGS = FitSettings(evolution=ForwardEuler(0.01), floor=1e-6, every=10)


def poisson_like(right, left, drift, alpha=1.5, delta=1.0, n_steps=100, dt=0.01):
    """The equation of the module, step by step, with matrices."""
    n = GRID.size
    weights = NonlocalDiffusion(PowerLawKernel(alpha, delta), GRID).weights
    reach = weights.size
    shift = [np.eye(n, k=j) for j in range(-reach, reach + 1)]  # shift[j + reach] u: u[i + j]
    slope = (shift[reach + 1] - shift[reach - 1]) / (2 * H)
    matrix = -drift * slope
    for j in range(1, reach + 1):
        weight = weights[j - 1]
        unit = shift[reach]
        matrix += right * weight * (shift[reach - j] - unit + j * H * slope)
        matrix += left * weight * (shift[reach + j] - unit - j * H * slope)
    p = np.exp(-(GRID**2) / 0.5) / np.sqrt(0.5 * np.pi)
    rows = [p]
    for _ in range(n_steps):
        p = p + dt * matrix @ p
        rows.append(p)
    density = np.maximum(np.array(rows), 0.0)
    return DensitySnapshots(GRID, dt * np.arange(n_steps + 1), density)


def test_both_sides_and_the_drift_are_recovered():
    data = poisson_like(0.15, 0.05, 0.2)
    bounds = ((0.0, 2.9), (0.1, 4.0))
    found = fit_one_sided(data, SETTINGS, bounds=bounds, start=(1.8, 0.8), tolerance=1e-6)
    # mass near the ends of the grid, some 1e-9, goes round a ring here and is lost there
    assert found.alpha == pytest.approx(1.5, abs=1e-4)
    assert found.right == pytest.approx(0.15, rel=1e-3)
    assert found.left == pytest.approx(0.05, rel=1e-3)
    assert found.drift == pytest.approx(0.2, rel=1e-4)
    assert found.skewness == pytest.approx(0.5, rel=1e-3)
    assert found.training_cost < 1e-4


def test_a_radial_kernel_has_equal_sides_and_no_drift():
    start = np.exp(-(GRID**2) / 0.5) / np.sqrt(0.5 * np.pi)
    data = manufactured_snapshots(TRUE, GRID, 0.01, 100, start=start)
    bounds = ((0.0, 2.9), (0.1, 4.0))
    found = fit_one_sided(data, SETTINGS, bounds=bounds, start=(1.8, 0.8), tolerance=1e-6)
    radial = fit_power_law(data, SETTINGS, bounds=bounds, start=(1.8, 0.8), tolerance=1e-6)
    assert found.right == pytest.approx(found.left, rel=1e-6)
    assert found.drift == pytest.approx(0.0, abs=1e-9)
    assert found.alpha == pytest.approx(radial.alpha, abs=1e-4)
    assert found.right == pytest.approx(radial.coefficient, rel=1e-3)
    same = fit_one_sided(
        data, SETTINGS, symmetric=True, bounds=bounds, start=(1.8, 0.8), tolerance=1e-6
    )
    assert same.right == same.left == pytest.approx(0.1, rel=1e-3)
