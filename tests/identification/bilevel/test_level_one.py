import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from nlbook.identification.bilevel.level_one import (
    inner_products,
    integrated_equations,
    interpolation_matrix,
    relative_coefficients,
    step_equations,
    summed_equations,
)
from tests.identification.data import at_steps, bumps, second_difference

DT = 0.02


def products(snapshots, **options):
    at = snapshots.times[0] + DT * np.arange(round(np.ptp(snapshots.times) / DT) + 1)
    shares = interpolation_matrix(snapshots.times, at)
    return inner_products(snapshots.density, step_equations(shares, DT, **options))


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("centred", [False, True])
def test_inner_products_are_those_of_all_steps_and_nodes(even, centred):
    snapshots = bumps(even=even)
    p = at_steps(snapshots, DT)
    change = np.diff(p, axis=0) / DT
    now = (p[1:] + p[:-1]) / 2 if centred else p[:-1]
    n = snapshots.grid.size
    columns = np.array([second_difference(now, j) for j in range(1, n + 1)])
    found = products(snapshots, centred=centred)
    # the last column stands for all distances beyond the grid, where the difference is -2 p
    np.testing.assert_array_equal(columns[-1], -2 * now)
    gram = np.einsum("ikx,jkx->ij", columns, columns)
    # correlations by fast transforms, relative to the largest entry
    np.testing.assert_allclose(found.gram, gram, rtol=0, atol=1e-12 * gram.max())
    response = np.einsum("ikx,kx->i", columns, change)
    np.testing.assert_allclose(
        found.response, response, rtol=0, atol=1e-12 * np.abs(response).max()
    )
    assert found.square == pytest.approx(np.sum(change**2), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 10.0), min_size=1, max_size=60),
    beyond=st.floats(0.0, 5.0),
)
def test_the_coefficient_is_that_of_least_squares_on_stacked_columns(weights, beyond):
    snapshots = bumps()
    p = at_steps(snapshots, DT)
    right = np.diff(p, axis=0).ravel() / DT
    left = sum(w * second_difference(p[:-1], j) for j, w in enumerate(weights, 1))
    left = (left - 2 * beyond * p[:-1]).ravel()
    found = products(snapshots)
    padded = found.pad_weights(np.array(weights), sum(weights) + beyond)
    expected = np.linalg.lstsq(left[:, None], right, rcond=None)[0][0]
    # <L p, dp/dt> may nearly cancel; what matters is the error against |dp/dt| / |L p|
    scale = np.linalg.norm(right) / np.linalg.norm(left)
    assert found.coefficients(padded)[0] == pytest.approx(expected, abs=1e-10 * scale)


def test_several_columns_are_fitted_together():
    snapshots = bumps()
    p = at_steps(snapshots, DT)
    sets = np.zeros((3, snapshots.grid.size))
    sets[0, :5], sets[1, 3:12], sets[2, 0] = 1.0, 1e3, 1e-4  # of very different size
    columns = [
        sum(w * second_difference(p[:-1], j) for j, w in enumerate(row, 1) if w).ravel()
        for row in sets
    ]
    expected = np.linalg.lstsq(np.array(columns).T, np.diff(p, axis=0).ravel() / DT, rcond=None)[0]
    # the columns' condition number, about 1e2 when scaled, squared by the normal equations
    np.testing.assert_allclose(products(snapshots).coefficients(sets), expected, rtol=1e-9)


def test_products_of_two_stretches_of_time_add_up():
    snapshots = bumps()
    at = snapshots.times[0] + DT * np.arange(21)
    shares = interpolation_matrix(snapshots.times, at)
    equations = step_equations(shares, DT)
    whole = inner_products(snapshots.density, equations)
    parts = [inner_products(snapshots.density, equations[s]) for s in (slice(7), slice(7, None))]
    both = parts[0] + parts[1]
    np.testing.assert_allclose(both.gram, whole.gram, rtol=0, atol=1e-12 * whole.gram.max())
    np.testing.assert_allclose(both.response, whole.response, rtol=0, atol=1e-10)


def test_interpolation_is_that_of_the_snapshots():
    snapshots = bumps(times=(0.0, 0.1, 0.15, 0.4))
    at = np.linspace(0.0, 0.4, 33)
    shares = interpolation_matrix(snapshots.times, at)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(shares @ snapshots.density, snapshots.at(at), rtol=1e-13)


def test_relative_residuals_are_those_of_a_weighted_system():
    generator = np.random.default_rng(5)
    columns, change = generator.standard_normal((3, 4, 50)), generator.standard_normal((4, 50))
    weight = generator.uniform(0.0, 5.0, (4, 50))
    system = (columns * weight).reshape(3, -1).T
    right = (change * weight).ravel()
    expected = np.linalg.lstsq(system, right, rcond=None)[0]
    found = relative_coefficients(columns, change, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    positive = relative_coefficients(columns, change, weight, positive=True)
    np.testing.assert_allclose(positive, nnls(system, right)[0], rtol=1e-9, atol=1e-12)


def test_summed_equations_are_those_from_the_first_step():
    snapshots = bumps()
    p = at_steps(snapshots, DT)
    at = snapshots.times[0] + DT * np.arange(len(p))
    equations = summed_equations(interpolation_matrix(snapshots.times, at), DT)
    before = DT * np.cumsum(p[:-1], axis=0)
    np.testing.assert_allclose(equations.applied @ snapshots.density, before, rtol=1e-12)
    np.testing.assert_allclose(equations.change @ snapshots.density, p[1:] - p[0], atol=1e-14)


@pytest.mark.parametrize(("n_times", "degree"), [(2, 1), (3, 2), (4, 3), (9, 3)])
def test_the_integral_in_time_is_exact_for_polynomials(n_times, degree):
    times = 5.0 + np.cumsum(np.linspace(0.3, 1.0, n_times))
    since = times - times[0]
    equations = integrated_equations(times)
    for power in range(degree + 1):
        exact = since[1:] ** (power + 1) / (power + 1)
        np.testing.assert_allclose(equations.applied @ since**power, exact, rtol=1e-12)
        change = since[1:] ** power - since[0] ** power
        np.testing.assert_allclose(equations.change @ since**power, change, atol=1e-12)
