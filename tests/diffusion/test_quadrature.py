import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from nlbook.diffusion import DiffusionWarning, line_weights, periodic_weights, weight_derivatives
from nlbook.kernels import BernsteinKernel, PowerLawKernel
from tests.diffusion.exact import continuum_symbol, grid_symbol, observed_orders

# The paper's three cases (80/20): alpha, delta; all on a spacing of 0.05.
CASES = {1: (2.99, 20.62), 2: (2.40, 33.70), 3: (2.54, 34.03)}


def second_moment(weights, spacing):
    return 2 * np.sum(weights * (spacing * np.arange(1, weights.size + 1)) ** 2)


def test_the_nodes_rule_is_the_paper_s_sum():
    weights = line_weights(PowerLawKernel(1.5, 1.0, 0.1), 0.02, "nodes").values
    assert weights.size == 50  # the node at the horizon included, in spite of rounding
    j = np.arange(1, 51)
    np.testing.assert_allclose(weights, 0.02 * 0.1 * (0.02 * j) ** -1.5, rtol=1e-13)


# 1 % of a cell to either side of node 20: the horizon counts in whole cells
@pytest.mark.parametrize(("horizon", "count"), [(0.9995, 19), (1.0, 20), (1.0495, 20)])
def test_the_horizon_of_the_nodes_rule_counts_in_whole_cells(horizon, count):
    assert line_weights(PowerLawKernel(2.0, horizon), 0.05, "nodes").values.size == count


@pytest.mark.parametrize(("case", "fraction"), [(1, 0.064), (2, 0.987), (3, 0.963)])
def test_the_paper_s_sum_carries_the_stated_part_of_the_variance_rate(case, fraction):
    alpha, horizon = CASES[case]
    kernel = PowerLawKernel(alpha, horizon)
    weights = line_weights(kernel, 0.05, "nodes").values
    # given to three digits in the notes
    assert second_moment(weights, 0.05) / kernel.moment(2) == pytest.approx(fraction, abs=5e-4)


@given(alpha=st.floats(-1.0, 2.99), cells=st.floats(0.1, 60.0), spacing=st.floats(0.01, 10.0))
def test_the_covered_rule_carries_the_whole_second_moment(alpha, cells, spacing):
    kernel = PowerLawKernel(alpha, cells * spacing)
    weights = line_weights(kernel, spacing).values
    assert weights.min() > 0
    assert second_moment(weights, spacing) == pytest.approx(kernel.moment(2), rel=1e-12)


@pytest.mark.parametrize(
    "kernel",
    [PowerLawKernel(2.4, 0.33, 0.7), BernsteinKernel((1.0, -2.0, 0.5), 0.33, alpha=1.5)],
)
def test_covered_weights_are_integrals_of_the_kernel_with_hats(kernel):
    spacing = 0.1
    weights = line_weights(kernel, spacing).values
    assert weights.size == 4
    for j, weight in enumerate(weights, 1):

        def integrand(r, j=j):
            hat = max(0.0, 1 - abs(r / spacing - j)) if r > spacing or j > 1 else 1.0
            return float(kernel(r)) * r**2 * hat

        pieces = [(max(k * spacing, 1e-300), min((k + 1) * spacing, 0.33)) for k in range(4)]
        expected = sum(quad(integrand, *ends, epsabs=0, epsrel=1e-11)[0] for ends in pieces)
        # quad's own error on the singular first piece
        assert weight * (j * spacing) ** 2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("horizon", [1.0, 1.0371])
@pytest.mark.parametrize("alpha", [0.5, 1.5, 2.4, 2.9, 2.99])
def test_the_covered_rule_converges_at_second_order_for_all_alpha_below_three(alpha, horizon):
    exact = continuum_symbol(alpha, horizon, 3.0)
    errors = [
        grid_symbol(line_weights(PowerLawKernel(alpha, horizon), h).values, h, 3.0) - exact
        for h in (0.05, 0.025, 0.0125, 0.00625)
    ]
    # the core's share, of order 5 - alpha, is still seen on these grids: up to 2.25 at alpha 2.4
    assert np.all(observed_orders(errors) > 1.95)
    assert np.all(observed_orders(errors) < 2.3)


# Without the core the error is of order 3 - alpha; the last node's whole cell adds first order.
@pytest.mark.parametrize(("alpha", "order"), [(1.0, 1.0), (2.4, 0.6), (2.9, 0.1), (2.99, 0.01)])
def test_the_paper_s_sum_converges_at_order_three_less_alpha(alpha, order):
    exact = continuum_symbol(alpha, 1.0, 3.0)
    errors = [
        grid_symbol(line_weights(PowerLawKernel(alpha, 1.0), h, "nodes").values, h, 3.0) - exact
        for h in (0.00625, 0.003125, 0.0015625)
    ]
    assert observed_orders(errors) == pytest.approx([order, order], abs=0.02)


def test_a_bernstein_kernel_converges_at_second_order():
    kernel = BernsteinKernel((4.0, -3.0, 1.0, 2.0), 0.7, alpha=0.5)
    exact = (
        -4
        * quad(
            lambda r: float(kernel(r)) * math.sin(5 * r / 2) ** 2,
            0,
            0.7,
            epsabs=1e-14,
            epsrel=1e-13,
        )[0]
    )
    errors = [
        grid_symbol(line_weights(kernel, h).values, h, 5.0) - exact for h in (0.02, 0.01, 0.005)
    ]
    assert observed_orders(errors) == pytest.approx([2.0, 2.0], abs=0.1)


def test_covered_weights_have_a_continuous_derivative_in_the_horizon():
    def derivative(horizon, side, step=1e-5):
        ends = [
            line_weights(PowerLawKernel(2.4, d), 0.1, n_weights=12).values
            for d in (horizon, horizon + side * step)
        ]
        return (ends[1] - ends[0]) / (side * step)

    for horizon in (0.7, 0.95, 1.0):  # on nodes and between
        left, right = derivative(horizon, -1), derivative(horizon, 1)
        # a hat's slope times the step: K / h times 1e-5
        assert np.max(np.abs(left - right)) < 2e-5 * horizon**-2.4 / 0.1
    nodes = [line_weights(PowerLawKernel(2.4, d), 0.1, "nodes", 12).values for d in (0.999, 1.001)]
    assert nodes[0][9] == 0.0 < nodes[1][9]  # the paper's jump


@pytest.mark.parametrize(("alpha", "horizon"), [(2.4, 1.03), (2.95, 0.57), (0.5, 2.0), (1.5, 0.04)])
def test_derivatives_of_weights_are_differences_of_weights(alpha, horizon):
    def weights(a, d):
        return line_weights(PowerLawKernel(a, d, 0.7), 0.1, n_weights=25).values

    in_alpha, in_horizon = weight_derivatives(PowerLawKernel(alpha, horizon, 0.7), 0.1, 25)
    step = 1e-6  # central differences: errors of step**2, and of rounding over step
    found = (weights(alpha + step, horizon) - weights(alpha - step, horizon)) / (2 * step)
    assert np.max(np.abs(found - in_alpha)) < 1e-7 * np.max(np.abs(in_alpha))
    found = (weights(alpha, horizon + step) - weights(alpha, horizon - step)) / (2 * step)
    # a horizon on a node has a kink in the second derivative: an error of first order in step
    assert np.max(np.abs(found - in_horizon)) < 1e-4 * np.max(np.abs(in_horizon))


@pytest.mark.parametrize("rule", ["covered", "nodes"])
@pytest.mark.parametrize("alpha", [1.05, 1.5, 2.0, 2.9])
def test_without_a_horizon_the_weights_are_the_limit_of_long_ones(alpha, rule):
    endless = line_weights(PowerLawKernel(alpha, math.inf), 0.1, rule, n_weights=20)
    long = line_weights(PowerLawKernel(alpha, 1e4), 0.1, rule)
    np.testing.assert_allclose(endless.values, long.values[:20], rtol=1e-14)
    # what a horizon of 1e4 leaves out, to the first order in h/r
    beyond = 1e4 ** (1 - alpha) / (alpha - 1)
    assert endless.total - long.total == pytest.approx(beyond, rel=2e-5, abs=1e-12 * long.total)


@pytest.mark.parametrize("rule", ["covered", "nodes"])
@pytest.mark.parametrize("n", [5, 6, 40])
def test_weights_on_a_ring_are_sums_over_images(n, rule):
    kernel = PowerLawKernel(1.5, 1.37)
    weights = line_weights(kernel, 0.1, rule).values
    expected = np.zeros(n)
    for j, weight in enumerate(weights, 1):
        expected[j % n] += weight
        expected[-j % n] += weight
    expected[0] = 0.0
    np.testing.assert_allclose(periodic_weights(kernel, 0.1, n, rule), expected, rtol=1e-13)


@pytest.mark.parametrize("n", [5, 70])
def test_weights_on_a_ring_without_a_horizon_are_the_limit_of_long_ones(n):
    found = periodic_weights(PowerLawKernel(2.5, math.inf), 0.1, n)
    expected = periodic_weights(PowerLawKernel(2.5, 2e3), 0.1, n)
    # beyond 2000 lies 2000**-1.5 / 1.5 on each side, shared by n nodes
    assert np.max(np.abs(found - expected)) < 2.1 * 2e3**-1.5 / 1.5 / n
    total = 2 * line_weights(PowerLawKernel(2.5, math.inf), 0.1, n_weights=1).total
    images = 2 * sum(
        line_weights(PowerLawKernel(2.5, math.inf), 0.1, n_weights=4000 * n).values[n - 1 :: n]
    )
    images += 2 * (n * 0.1) ** -2.5 * 0.1 * 4000**-1.5 / 1.5  # those beyond, by the integral
    assert found.sum() == pytest.approx(total - images, rel=1e-9)


@pytest.mark.parametrize("alpha", [3.0, 3.7])
def test_alpha_of_three_is_allowed_on_nodes_with_a_warning_and_refused_by_the_covered_rule(alpha):
    with pytest.warns(DiffusionWarning, match="belong to the spacing 0.05 alone"):
        line_weights(PowerLawKernel(alpha, 1.0), 0.05, "nodes")
    with pytest.raises(ValueError, match="alpha must be below 3 .* got 3"):
        line_weights(PowerLawKernel(alpha, 1.0), 0.05)


@pytest.mark.parametrize("n_nodes", [0, 2.5, True])
def test_a_ring_has_a_whole_number_of_nodes(n_nodes):
    with pytest.raises(ValueError, match="n_nodes must be an integer of at least 1"):
        periodic_weights(PowerLawKernel(2.2, 1.0, 0.1), 0.1, n_nodes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((PowerLawKernel(2.0, 0.04), 0.05, "nodes"), "horizon must reach a neighbour: it is 0.04"),
        ((PowerLawKernel(2.0, 1.0), 0.0), "spacing must be a finite number above 0, got 0.0"),
        ((PowerLawKernel(2.0, 1.0), 0.1, "cells"), "rule must be 'covered' or 'nodes', got 'cel"),
        ((PowerLawKernel(2.0, math.inf), 0.1), "n_weights must be given for a kernel without"),
        ((PowerLawKernel(2.0, 1.0), 0.1, "nodes", 2.0), "n_weights must be an integer of at lea"),
        ((lambda r: r, 0.1), "kernel must be a PowerLawKernel, a BernsteinKernel or have"),
        ((PowerLawKernel(1.0, math.inf), 0.1, "nodes", 9), "alpha must exceed 1 .* got 1.0"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        line_weights(*arguments)


def test_a_derivative_in_a_horizon_needs_one():
    with pytest.raises(ValueError, match="horizon must be finite for a derivative in it"):
        weight_derivatives(PowerLawKernel(2.5, math.inf), 0.1)
