import decimal
import itertools
import math

import numpy as np
import pytest

from nlbook.diffusion import line_weights
from nlbook.identification import basis_weights
from nlbook.kernels import BernsteinKernel

COEFFICIENTS = np.array([1.0, -0.4, 0.7, 2.0])


@pytest.mark.parametrize("horizon", [0.5, 0.53, 0.5499])
def test_cells_cover_the_horizon_from_half_a_cell_on(horizon):
    weights = basis_weights(horizon, 3, 0.1)
    assert weights.sum() == pytest.approx(horizon - 0.05, rel=1e-13)  # the basis sums to one


def test_a_node_at_the_horizon_counts_half():
    weights = basis_weights(0.5, 3, 0.1)
    kernel = BernsteinKernel(tuple(COEFFICIENTS), 0.5)
    expected = 0.1 * kernel([0.1, 0.2, 0.3, 0.4, 0.5]) * [1, 1, 1, 1, 0.5]
    np.testing.assert_allclose(weights @ COEFFICIENTS, expected, rtol=1e-12)


@pytest.mark.parametrize("rule", ["nodes", "covered"])
def test_rules_of_the_operator_are_the_operators(rule):
    weights = basis_weights(0.53, 3, 0.1, alpha=1.2, rule=rule)
    kernel = BernsteinKernel(tuple(COEFFICIENTS), 0.53, alpha=1.2)
    np.testing.assert_allclose(
        weights @ COEFFICIENTS, line_weights(kernel, 0.1, rule).values, rtol=1e-12
    )


@pytest.mark.parametrize("alpha", [0.0, 1.5, 2.7])
@pytest.mark.parametrize("horizon", [0.5, 0.53, 0.06])
def test_cell_moments_keep_the_second_moment(alpha, horizon):
    weights = basis_weights(horizon, 3, 0.1, alpha=alpha, rule="moments") @ COEFFICIENTS
    kernel = BernsteinKernel(tuple(COEFFICIENTS), horizon, alpha)
    r = 0.1 * np.arange(1, weights.size + 1)
    assert weights @ r**2 == pytest.approx(float(kernel.radial_integral(horizon, 2)), rel=1e-12)


def test_cells_converge_at_second_order():
    kernel = BernsteinKernel(tuple(COEFFICIENTS), 0.52)
    errors = []
    for spacing in (0.02, 0.01, 0.005):  # whole cells: the trapezoidal rule
        weights = basis_weights(0.52, 3, spacing) @ COEFFICIENTS
        r = spacing * np.arange(1, weights.size + 1)
        errors.append(abs(weights @ r**2 - float(kernel.radial_integral(0.52, 2))))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.05)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0.0}, "^horizon must be a finite number above 0"),
        ({"horizon": 0.04}, "^horizon must reach a neighbour"),
        ({"spacing": np.inf}, "^spacing must"),
        ({"degree": -1}, "^degree must"),
        ({"degree": 1.5}, "^degree must"),
        ({"degree": math.nan}, "^degree must"),
        ({"degree": 101}, "^degree must be an integer from 0 to 100"),
        ({"alpha": np.nan}, "^alpha must"),
        ({"alpha": 3.0, "rule": "moments"}, "^alpha must"),
        ({"rule": "simpson"}, "^rule must"),
    ],
)
def test_what_makes_no_weights_is_refused(change, message):
    arguments = {"horizon": 0.5, "degree": 3, "spacing": 0.1} | change
    with pytest.raises(ValueError, match=message):
        basis_weights(**arguments)


def from_zero(degree, alpha, end):
    """Integrals of t**(2 - alpha) B_m from 0 to `end`, by powers of t with exact coefficients.

    40 digits: at degree 20 terms are up to 1e9 times their sum.
    """
    with decimal.localcontext(decimal.Context(prec=40)):
        t, power = decimal.Decimal(end), 3 - decimal.Decimal(alpha)
        return [
            math.comb(degree, m) * sum(
                (-1) ** k * math.comb(degree - m, k) * t ** (m + k + power) / (m + k + power)
                for k in range(degree - m + 1)
            )
            for m in range(degree + 1)
        ]  # fmt: skip


@pytest.mark.parametrize("degree", [3, 20])
@pytest.mark.parametrize("alpha", [0.0, 2.0, 2.2, 2.5, 2.9, 2.99, 2.999, 2.999999])
def test_cell_moments_keep_their_digits_near_three(alpha, degree):
    ends = [0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.8125, 0.9375, 1.0]  # h = 1/8, exactly
    whole = [from_zero(degree, alpha, end) for end in ends]
    parts = [whole[0]] + [
        [b - a for a, b in zip(*pair, strict=True)] for pair in itertools.pairwise(whole)
    ]
    exact = np.array(parts, dtype=np.float64) / np.arange(1, 9)[:, np.newaxis] ** 2 * 64
    weights = basis_weights(1.0, degree, 0.125, alpha=alpha, rule="moments")
    off = np.abs(weights - exact).max(axis=0) / exact.max(axis=0)
    assert off.max() < 3e-14  # as is promised; a rule of r**(2 - alpha) errs by 2e-9 at 2.999


@pytest.mark.parametrize("alpha", [2.2, 2.9, 2.999, 2.999999])
def test_hats_near_three_make_the_same_second_moment(alpha):
    weights = basis_weights(1.0, 20, 0.125, alpha=alpha, rule="covered")
    moments = (0.125 * np.arange(1, 9)) ** 2 @ weights
    exact = np.array(from_zero(20, alpha, 1.0), dtype=np.float64)
    np.testing.assert_allclose(moments, exact, rtol=3e-14)
