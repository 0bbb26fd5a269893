"""Many steps at once, against steps one by one and against the exponential of the matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.special import ive

from nlbook.diffusion import NonlocalDiffusion
from nlbook.diffusion.evolution import combine, euler_expansion, exponential_expansion
from nlbook.kernels import BernsteinKernel, PowerLawKernel

# Rounding of a transform and of a product with some 50 columns, relative to the largest value;
# 2e-14 was seen.
ROUNDING = 1e-12


def gaussian(grid, width=0.2):
    density = np.exp(-(grid**2) / (2 * width**2)) / np.sqrt(2 * np.pi) / width
    return (density + density[::-1]) / 2


def stepped(operator, p0, dt, n_steps):
    """Forward Euler as the paper writes it."""
    matrix, states = operator.matrix(), [p0]
    for _ in range(n_steps):
        states.append(states[-1] + dt * (matrix @ states[-1]))
    return np.array(states)


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
@pytest.mark.parametrize("n", [60, 61])
@pytest.mark.parametrize("share", [0.3, 0.99, 1.0])
def test_all_snapshots_are_those_of_forward_euler(boundary, n, share):
    grid = np.linspace(-1, 1, n)
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.5), grid, boundary)
    dt = share * operator.stable_step
    found = operator.evolve(gaussian(grid), dt, 200, "all", "euler", check=False)
    expected = stepped(operator, gaussian(grid), dt, 200)
    assert np.max(np.abs(found - expected)) < ROUNDING * expected.max()


@given(
    alpha=st.floats(0.0, 2.9),
    horizon=st.floats(0.05, 2.0),
    share=st.floats(0.01, 1.0),
    n_steps=st.integers(0, 40),
)
def test_any_kernel_and_stable_step_gives_what_stepping_gives(alpha, horizon, share, n_steps):
    grid = np.linspace(-1, 1, 41)
    operator = NonlocalDiffusion(PowerLawKernel(alpha, horizon), grid)
    dt = share * operator.stable_step
    found = operator.evolve(gaussian(grid), dt, n_steps, method="euler", check=False)
    expected = stepped(operator, gaussian(grid), dt, n_steps)[-1]
    assert np.max(np.abs(found - expected)) < ROUNDING * 2


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
def test_the_exact_method_is_the_exponential_of_the_matrix(boundary):
    grid = np.linspace(-1, 1, 51)
    operator = NonlocalDiffusion(PowerLawKernel(2.5, 0.4), grid, boundary)
    times = np.array([0, 1, 7, 100])
    found = operator.evolve(gaussian(grid), 0.003, 100, times, "exact", check=False)
    for state, k in zip(found, times, strict=True):
        expected = expm(0.003 * k * operator.matrix()) @ gaussian(grid)
        assert np.max(np.abs(state - expected)) < ROUNDING * 2


def test_forward_euler_tends_to_the_exact_solution_at_first_order():
    grid = np.linspace(-1, 1, 81)
    operator = NonlocalDiffusion(PowerLawKernel(1.5, 0.8), grid)
    exact = operator.evolve(gaussian(grid), 0.1, 1, method="exact", check=False)
    errors = [
        np.max(
            np.abs(operator.evolve(gaussian(grid), 0.1 / n, n, method="euler", check=False) - exact)
        )
        for n in (20, 40, 80)
    ]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates == pytest.approx([1.0, 1.0], abs=0.05)


def test_a_million_steps_take_a_few_thousand_polynomials():
    expansion = euler_expansion(np.array([1_000_000]), 1.0, (-2.0, 0.0))
    assert expansion.degree < 10_000
    # a walk's chances: positive, and summing to one
    assert expansion.coefficients.min() >= 0
    assert expansion.coefficients.sum() == pytest.approx(1.0, rel=1e-10)


def test_blocks_join_to_all_snapshots_and_need_no_more_columns_than_half():
    grid = np.linspace(-1, 1, 60)
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.5), grid)
    dt = operator.positive_step
    everything = operator.evolve(gaussian(grid), dt, 100, "all", check=False)
    halves = np.zeros((101, 30))
    for rows, block in operator.evolve_blocks(gaussian(grid), dt, 100, size=32, half=True):
        assert block.shape == (rows.stop - rows.start, 30)
        halves[rows] = block
    assert np.max(np.abs(everything[:, :30] - halves)) < ROUNDING * 2


def test_the_kernel_s_coefficient_is_a_factor_of_time():
    grid = np.linspace(-1, 1, 60)
    one = NonlocalDiffusion(PowerLawKernel(2.2, 0.5), grid).evolve(gaussian(grid), 1e-3, 50)
    two = NonlocalDiffusion(PowerLawKernel(2.2, 0.5, 4.0), grid).evolve(gaussian(grid), 2.5e-4, 50)
    assert np.max(np.abs(one - two)) < ROUNDING * 2


def test_auto_steps_where_signs_are_kept_and_is_exact_elsewhere():
    grid = np.linspace(-1, 1, 60)
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 0.5), grid)
    for share, method in ((0.99, "euler"), (1.5, "exact")):
        dt = share * operator.positive_step
        auto = operator.evolve(gaussian(grid), dt, 20, check=False)
        named = operator.evolve(gaussian(grid), dt, 20, method=method, check=False)
        assert np.array_equal(auto, named)


def test_a_growing_wave_is_announced_and_computed():
    grid = np.linspace(0, 1, 40, endpoint=False)
    kernel = BernsteinKernel((-40.0, 0.0), horizon=0.2)
    operator = NonlocalDiffusion(kernel, grid, "periodic")
    p0 = 1 + 0.1 * np.sin(2 * np.pi * grid)
    with pytest.warns(UserWarning, match="some waves grow"):
        found = operator.evolve(p0, 0.01, 30, method="euler", check=False)
    assert np.max(np.abs(found - stepped(operator, p0, 0.01, 30)[-1])) < 1e-10 * found.max()


@pytest.mark.parametrize("argument", [0.0, 1e-12, 1e-3, 0.7, 25.0, 4e3])
def test_coefficients_of_the_exponential_are_modified_bessel_functions(argument):
    found = exponential_expansion(np.array([0.0, argument, argument]), (-2.0, 0.0)).coefficients
    order = np.arange(found.shape[1])
    expected = 2 * ive(order, argument)
    expected[0] /= 2
    # smaller ones than 1e-16 are not needed
    np.testing.assert_allclose(found[1], expected, rtol=1e-12, atol=1e-17)
    assert found[0].tolist() == [1.0] + [0.0] * (order.size - 1)
    assert found[1].sum() == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("shape", [(1, 1, 1), (300, 31, 801), (129, 2500, 37), (7, 3, 5000)])
def test_a_product_in_pieces_is_the_product(shape):
    rows, depth, columns = shape
    generator = np.random.default_rng(4)
    left, right = generator.normal(size=(rows, depth)), generator.normal(size=(depth, columns))
    out = np.full((rows, columns), np.nan)
    combine(left, right, out)
    # sums of products in another order
    np.testing.assert_allclose(out, left @ right, rtol=0, atol=1e-13 * depth)
