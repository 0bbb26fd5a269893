import math

import numpy as np
import pytest

from nlbook.diffusion import DiffusionWarning, NonlocalDiffusion, steady
from nlbook.kernels import BernsteinKernel, PowerLawKernel
from tests.diffusion.exact import observed_orders

GRID = np.linspace(-1, 1, 201)


def fractional(s):
    """The kernel of -(-Laplace)**s in one dimension."""
    strength = 4**s * math.gamma(0.5 + s) / (math.sqrt(math.pi) * abs(math.gamma(-s)))
    return PowerLawKernel(1 + 2 * s, math.inf, strength)


@pytest.mark.parametrize("s", [0.25, 0.5, 0.75])
def test_the_steady_state_of_the_fractional_laplacian_is_the_known_one(s):
    factor = 4**-s * math.gamma(0.5) / (math.gamma(1 + s) * math.gamma(0.5 + s))
    errors = []
    for n in (101, 201, 401):
        x = np.linspace(-1, 1, n)[1:-1]  # zero at the ends and beyond
        u = NonlocalDiffusion(fractional(s), x).solve(np.ones(n - 2))
        errors.append(u[n // 2 - 1] / factor - 1)
    assert abs(errors[-1]) < 5e-3
    # (1 - x**2)**s is not smooth at the ends: first order, at the middle too
    assert observed_orders(errors) == pytest.approx([1.0, 1.0], abs=0.2)


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
def test_a_solution_applied_gives_back_the_source(boundary):
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.4), GRID, boundary)
    f = np.sin(3 * GRID) + GRID
    f -= f.mean()
    residual = operator.apply(operator.solve(f)) + f
    assert np.max(np.abs(residual)) < 1e-11 * np.max(np.abs(f))


def test_an_evolution_with_a_source_ends_at_the_steady_state():
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.4), GRID)
    f, u = np.cos(GRID), np.zeros(201)
    steady_state = operator.solve(f)
    gap = operator.evolve(u - steady_state, 1.0, 20, method="exact", check=False)
    assert np.max(np.abs(gap)) < 1e-8 * np.max(steady_state)


@pytest.mark.parametrize("n", [199, 200, 211])  # transforms of primes are taken longer
def test_conjugate_gradients_and_levinson_agree(monkeypatch, n):
    grid = np.linspace(-1, 1, n)
    operator = NonlocalDiffusion(PowerLawKernel(2.5, 0.7), grid)
    f = np.exp(grid)
    direct = operator.solve(f)
    monkeypatch.setattr(steady, "_LEVINSON_UP_TO", 10)
    assert np.max(np.abs(operator.solve(f) - direct)) < 1e-10 * direct.max()


def test_a_kernel_of_both_signs_is_solved_and_a_mixed_spectrum_announced():
    positive = NonlocalDiffusion(BernsteinKernel((4.0, -0.2), 0.4), GRID)
    f = np.cos(GRID)
    assert np.max(np.abs(positive.apply(positive.solve(f)) + f)) < 1e-9
    mixed = NonlocalDiffusion(BernsteinKernel((2.0, -4.0), 0.4), GRID)
    with pytest.warns(DiffusionWarning, match="eigenvalues of both signs"):
        u = mixed.solve(f)
    assert np.max(np.abs(mixed.apply(u) + f)) < 1e-9 * max(1.0, np.abs(u).max())


def test_a_source_that_adds_mass_to_a_ring_is_refused():
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.4), GRID, "periodic")
    with pytest.raises(ValueError, match="f must sum to zero on a periodic grid.*got 201"):
        operator.solve(np.ones(201))


def test_a_source_of_two_rows_is_refused_and_one_of_zeros_has_the_solution_zero():
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.4), GRID)
    with pytest.raises(ValueError, match="f must be one row of 201 values"):
        operator.solve(np.ones((2, 201)))
    assert not np.any(operator.solve(np.zeros(201)))
