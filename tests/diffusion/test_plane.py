import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import j0

from nlbook.diffusion import DiffusionWarning, plane_weights
from nlbook.kernels import BernsteinKernel, PowerLawKernel
from tests.diffusion.exact import observed_orders


def plane_symbol(alpha, horizon, wavenumber):
    """-2 pi int_0^horizon (1 - J_0(kr)) r**(1 - alpha) dr, in s = r**(4 - alpha)."""
    power = 4 - alpha

    def integrand(s):
        r = s ** (1 / power)
        return (1 - j0(wavenumber * r)) / r**2 if r > 1e-3 else wavenumber**2 / 4

    found, _ = quad(integrand, 0, horizon**power, epsabs=0, epsrel=1e-9, limit=200)
    return -2 * math.pi / power * found


def weighted_symbol(weights, spacing, wavenumber, angle):
    a = spacing * (np.arange(weights.shape[0]) - weights.shape[0] // 2)
    phase = wavenumber * (np.cos(angle) * a[:, np.newaxis] + np.sin(angle) * a)
    return -np.sum(weights * (1 - np.cos(phase)))


def second_moment(weights, spacing):
    a = spacing * (np.arange(weights.shape[0]) - weights.shape[0] // 2)
    return np.sum(weights * (a[:, np.newaxis] ** 2 + a**2))


@given(alpha=st.floats(-1, 3.9), cells=st.floats(0.1, 9.0))
def test_the_covered_rule_carries_the_whole_second_moment_and_is_positive(alpha, cells):
    kernel = PowerLawKernel(alpha, 0.2 * cells)
    weights = plane_weights(kernel, 0.2)
    assert weights.min() >= 0
    assert second_moment(weights, 0.2) == pytest.approx(kernel.moment(2, 2), rel=1e-11)


def test_a_kernel_that_changes_sign_keeps_its_moment():
    kernel = BernsteinKernel((3.0, -1.0, 0.5), 0.77, alpha=1.2)
    assert second_moment(plane_weights(kernel, 0.1), 0.1) == pytest.approx(
        kernel.moment(2, 2), rel=1e-11
    )


@pytest.mark.parametrize("rule", ["covered", "nodes"])
def test_weights_have_the_symmetry_of_the_square(rule):
    weights = plane_weights(PowerLawKernel(2.2, 0.53), 0.1, rule)
    assert np.array_equal(weights, weights.T)
    assert np.array_equal(weights, weights[::-1])
    assert np.array_equal(weights, weights[:, ::-1])
    assert weights[weights.shape[0] // 2, weights.shape[0] // 2] == 0.0


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 4])
@pytest.mark.parametrize("alpha", [1.0, 2.4, 3.5, 3.9])
def test_the_covered_rule_converges_at_second_order_for_all_alpha_below_four(alpha, angle):
    exact = plane_symbol(alpha, 0.5, 9.0)
    errors = [
        weighted_symbol(plane_weights(PowerLawKernel(alpha, 0.5), h), h, 9.0, angle) - exact
        for h in (0.05, 0.025, 0.0125)
    ]
    # the core adds a term of order 6 - alpha: up to 2.45 at alpha = 3.5
    assert np.all(observed_orders(errors) > 1.95)
    assert np.all(observed_orders(errors) < 2.5)


def test_weights_are_continuous_in_the_horizon():
    jumps = []
    for horizon in np.linspace(0.11, 0.61, 51):  # cuts cells everywhere
        pair = [plane_weights(PowerLawKernel(2.2, d), 0.1) for d in (horizon, horizon + 1e-7)]
        size = min(len(weights) for weights in pair) // 2
        inner = [w[tuple([slice(len(w) // 2 - size, len(w) // 2 + size + 1)] * 2)] for w in pair]
        jumps.append(np.max(np.abs(inner[0] - inner[1])))
    # at most K(0.1) * 0.1 per length of horizon, times 1e-7
    assert max(jumps) < 1e-7 * 0.1**-2.2 * 0.2


def test_the_nodes_rule_is_the_kernel_at_the_nodes():
    weights = plane_weights(PowerLawKernel(2.2, 0.3, 0.5), 0.1, "nodes")
    assert weights.shape == (7, 7)
    assert weights[3, 6] == pytest.approx(0.01 * 0.5 * 0.3**-2.2, rel=1e-12)
    assert weights[5, 5] == pytest.approx(0.01 * 0.5 * (0.2 * math.sqrt(2)) ** -2.2, rel=1e-12)
    assert weights[6, 6] == weights[6, 5] == 0.0


def test_singular_kernels_are_refused_or_announced():
    with pytest.raises(ValueError, match="alpha must be below 4 .* got 4.0"):
        plane_weights(PowerLawKernel(4.0, 1.0), 0.1)
    with pytest.warns(DiffusionWarning, match="alpha = 4 is 4 or above"):
        plane_weights(PowerLawKernel(4.0, 1.0), 0.1, "nodes")
    with pytest.raises(ValueError, match="horizon must be finite in the plane"):
        plane_weights(PowerLawKernel(2.5, math.inf), 0.1)
    with pytest.raises(ValueError, match="horizon must reach a neighbour"):
        plane_weights(PowerLawKernel(2.5, 0.05), 0.1, "nodes")
