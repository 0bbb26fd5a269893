"""Solutions of learned equations against those of the room of operators, and exact ones."""

import numpy as np
import pytest

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    Continuum,
    FractionalSettings,
    TrainingPairs,
    apply_weights,
    biharmonic_pairs,
    fit_bernstein,
    fractional_kernel,
    fractional_solution,
    kernel_weights,
    ring_symbol,
    solution_errors,
    solve_pairs,
    wave_pairs,
)
from nlbook.kernels import BernsteinKernel, PowerLawKernel

KERNEL = BernsteinKernel((3.0, 1.0, 2.0), 0.3)


def test_the_symbol_of_a_ring_is_that_of_the_operator():
    for n in (20, 21):
        x = np.arange(n) / n
        for horizon in (0.3, 1.7):  # the second goes round the ring
            kernel = BernsteinKernel(KERNEL.coefficients, horizon)
            operator = NonlocalDiffusion(kernel, x, "periodic", rule="nodes")
            expected = -operator.symbol(2 * np.pi * np.arange(n // 2 + 1))
            found = ring_symbol(operator.weights, n)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * expected.max())


def test_solutions_on_a_ring_are_those_of_the_operator():
    operator = NonlocalDiffusion(KERNEL, np.arange(40) / 40, "periodic", rule="nodes")
    f = np.random.default_rng(0).standard_normal((3, 40))
    pairs = TrainingPairs(f, f, 1 / 40, "periodic")
    for row, source in zip(solve_pairs(operator.weights, pairs), f, strict=True):
        np.testing.assert_allclose(row, operator.solve(source - source.mean()), atol=1e-12)


def test_solutions_take_their_values_on_the_collar():
    spacing, collar, n = 0.05, 8, 30
    u = np.random.default_rng(1).standard_normal((2, n + 2 * collar))
    grid = spacing * np.arange(n + 2 * collar)
    operator = NonlocalDiffusion(KERNEL, grid, rule="nodes")
    assert operator.weights.size == 6
    f = -operator.apply(u)[:, collar:-collar]
    pairs = TrainingPairs(u, f, spacing, "volume", collar=collar)
    # rounding, times the condition of a 30 x 30 matrix of order 100
    np.testing.assert_allclose(
        solve_pairs(operator.weights, pairs), u[:, collar:-collar], atol=1e-11
    )
    assert solution_errors(operator.weights, pairs).max() < 1e-11


def test_weights_make_what_the_operator_makes():
    generator = np.random.default_rng(2)
    for boundary, collar in (("periodic", 0), ("volume", 8), ("volume", 3)):
        u = generator.standard_normal((2, 24 + 2 * collar))
        pairs = TrainingPairs(u, u[:, :24], 0.05, boundary, collar=collar)
        wide = np.pad(u, [(0, 0), (8, 8)]) if boundary == "volume" else u
        grid = 0.05 * np.arange(wide.shape[1])
        operator = NonlocalDiffusion(KERNEL, grid, boundary, rule="nodes")
        whole = -operator.apply(wide)
        expected = whole if boundary == "periodic" else whole[:, 8 + collar :][:, :24]
        np.testing.assert_allclose(apply_weights(operator.weights, pairs), expected, atol=1e-12)


def test_kernels_have_the_weights_of_their_rule():
    power = PowerLawKernel(1.5, 0.31, 2.0)
    r = np.minimum(0.05 * np.arange(1, 7), 0.3)
    np.testing.assert_allclose(kernel_weights(power, 0.05, "nodes"), 0.05 * power(r), rtol=1e-12)
    halved = 0.05 * KERNEL(r) * np.array([1, 1, 1, 1, 1, 0.5])  # the last cell is half covered
    np.testing.assert_allclose(kernel_weights(KERNEL, 0.05), halved, rtol=1e-12)


def test_beyond_a_short_collar_u_is_zero():
    spacing, n = 0.05, 30
    u = np.zeros((1, n + 4))
    u[0, 2:-2] = np.random.default_rng(1).standard_normal(n)
    operator = NonlocalDiffusion(KERNEL, spacing * np.arange(n), rule="nodes")
    pairs = TrainingPairs(u, -operator.apply(u[:, 2:-2]), spacing, "volume", collar=2)
    assert solution_errors(operator.weights, pairs).max() < 1e-11


def test_a_truncated_fractional_operator_approaches_the_whole():
    order, spacing = FractionalSettings().order, 0.02
    x = spacing * np.arange(-49, 50)
    errors = []
    for horizon in (1.0, 4.0, 16.0):
        kernel = fractional_kernel(order, horizon)
        collar = round(horizon / spacing)
        u = np.zeros((1, x.size + 2 * collar))
        u[0, collar:-collar] = fractional_solution(1.0, x, order)
        pairs = TrainingPairs(u, np.ones((1, x.size)), spacing, "volume", collar=collar)
        weights = NonlocalDiffusion(kernel, x, exceed_grid=True).weights
        errors.append(solution_errors(weights, pairs)[0])
    # what is cut off acts as a loss of C / (s delta**(2 s)): eight times less each time
    assert errors[0] > 0.2
    assert errors[2] < 0.02
    assert errors[0] > errors[1] > errors[2]


def test_a_wave_is_damped_by_the_ratio_of_symbols():
    pairs = wave_pairs(lambda k: k**2, [1, 3], n_nodes=50)
    weights = NonlocalDiffusion(KERNEL, pairs.nodes, "periodic", rule="nodes").weights
    symbol = ring_symbol(weights, 50)[[1, 3]]
    expected = np.abs((2 * np.pi * np.array([1, 3])) ** 2 / symbol - 1)
    np.testing.assert_allclose(solution_errors(weights, pairs), expected, rtol=1e-10)


def test_singular_operators_and_empty_solutions_are_refused():
    pairs = wave_pairs(lambda k: k**2, [1], n_nodes=8)
    with pytest.raises(ValueError, match="node_weights must give a regular operator"):
        solve_pairs([1.0, 0.0, -1.0, 0.0], pairs)  # nothing left at the second mode
    with pytest.raises(ValueError, match="node_weights must be finite"):
        solve_pairs([np.nan], pairs)
    zero = TrainingPairs(
        np.vstack([pairs.u, 0 * pairs.u]), np.vstack([pairs.f, pairs.f]), 1 / 8, "periodic"
    )
    with pytest.raises(ValueError, match="pairs must have solutions that are not zero"):
        solution_errors([1.0], zero)


def test_a_fit_predicts_solutions_by_its_own_quadrature():
    pairs = biharmonic_pairs(0.03, 0.25, 20)
    fit = fit_bernstein(pairs, 0.25, 6, Continuum())
    weights = kernel_weights(fit.kernel, pairs.spacing, fit.gram.rule)
    np.testing.assert_array_equal(fit.predict(pairs), solve_pairs(weights, pairs))
    assert "no interval" in fit.uncertainty()
    assert fit.warnings == ()
