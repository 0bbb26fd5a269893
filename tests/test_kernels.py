import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import roots_jacobi

from nlbook.kernels import BernsteinKernel, PowerLawKernel, bernstein_basis

MASKED = np.ma.masked_greater([0.5, 1.0], 0.7)
SPHERE = {1: 2.0, 2: 2 * math.pi, 3: 4 * math.pi}


def ball_integral(values, horizon, exponent, dimension):
    """Integral over the ball of values(r) r**exponent, exact for polynomials up to degree 39."""
    at, weights = roots_jacobi(20, 0.0, exponent)
    r = horizon * (1 + at) / 2
    scale = (horizon / 2) ** (exponent + 1)
    return SPHERE[dimension] * scale * sum(w * values(x) for w, x in zip(weights, r, strict=True))


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize(("alpha", "order"), [(1.5, 2), (2.4, 2), (2.99, 2), (2.4, 4), (0.0, 1)])
def test_moments_of_a_power_law_are_the_integrals_over_the_ball(alpha, order, dimension):
    kernel = PowerLawKernel(alpha, horizon=1.7, coefficient=0.3)
    expected = ball_integral(lambda r: 0.3, 1.7, order + dimension - 1 - alpha, dimension)
    assert kernel.moment(order, dimension) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.0, 1.5, 2.7])
@given(coefficients=st.lists(st.floats(-2, 2), min_size=1, max_size=8))
def test_moments_of_a_bernstein_kernel_are_the_integrals_over_the_ball(
    alpha, dimension, coefficients
):
    kernel = BernsteinKernel(coefficients, horizon=0.6, alpha=alpha)

    def polynomial(r):
        return float(bernstein_basis(kernel.degree, r / 0.6) @ np.array(coefficients))

    expected = ball_integral(polynomial, 0.6, 2 + dimension - 1 - alpha, dimension)
    # a sum of terms of both signs: its rounding is that of the largest
    assert kernel.moment(2, dimension) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "kernel",
    [PowerLawKernel(2.4, 2.0, 0.7), BernsteinKernel((1.0, -2.0, 0.5), 2.0, alpha=1.5)],
)
def test_a_partial_integral_stops_at_its_radius_and_at_the_horizon(kernel):
    found = kernel.radial_integral([0.0, 0.5, 2.0, 3.0], 4.0)
    expected, _ = quad(lambda r: float(kernel(r)) * r**4, 1e-12, 0.5, epsrel=1e-12)
    assert found[0] == 0.0
    assert found[1] == pytest.approx(expected, rel=1e-9)
    assert found[2] == found[3] == pytest.approx(kernel.moment(4) / 2, rel=1e-13)


def test_a_kernel_is_zero_beyond_its_horizon_and_not_at_it():
    assert PowerLawKernel(2.0, 2.0)([1.0, 2.0, 2.0001]).tolist() == [1.0, 0.25, 0.0]
    assert BernsteinKernel((0.0, 1.0), 2.0)([1.0, 2.0, 2.0001]).tolist() == [0.5, 1.0, 0.0]


@given(degree=st.integers(0, 20), fraction=st.floats(0, 1))
def test_bernstein_polynomials_sum_to_one_and_are_not_negative(degree, fraction):
    values = bernstein_basis(degree, fraction)
    assert values.shape == (degree + 1,)
    assert values.min() >= 0
    assert values.sum() == pytest.approx(1.0, rel=1e-12)


def test_a_bernstein_kernel_of_equal_coefficients_is_a_power_law():
    r = np.linspace(0.01, 1.5, 50)
    bernstein = BernsteinKernel([0.4] * 6, 1.2, alpha=1.6)
    power = PowerLawKernel(1.6, 1.2, 0.4)
    np.testing.assert_allclose(bernstein(r), power(r), rtol=1e-12)
    assert bernstein.moment(2) == pytest.approx(power.moment(2), rel=1e-12)


@pytest.mark.parametrize(("alpha", "order", "dimension"), [(3.0, 2, 1), (4.0, 2, 2), (1.0, 0, 1)])
def test_a_divergent_moment_is_refused_with_its_bound(alpha, order, dimension):
    bound = order + dimension
    for kernel in (PowerLawKernel(alpha, 1.0), BernsteinKernel([1.0, 1.0], 1.0, alpha)):
        with pytest.raises(ValueError, match=f"alpha must be below {bound} .*got {alpha}"):
            kernel.moment(order, dimension)


def test_coefficients_that_are_zero_allow_a_stronger_singularity():
    kernel = BernsteinKernel([0.0, 1.0], 1.0, alpha=3.5)  # r / r**3.5
    assert kernel.moment(2) == pytest.approx(2 / 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PowerLawKernel(2.0, 0.0), "horizon must be a finite number above 0, got 0.0"),
        (lambda: PowerLawKernel(math.nan, 1.0), "alpha must be a finite number, got nan"),
        (
            lambda: PowerLawKernel(2.0, 1.0, math.inf),
            "coefficient must be a finite number, got inf",
        ),
        (lambda: PowerLawKernel(2.0, math.inf).moment(2), "horizon must be finite for a moment"),
        (lambda: PowerLawKernel(2.0, 1.0)([0.5, 0.0]), "r must be positive, got 0.0"),
        (
            lambda: PowerLawKernel(2.0, 1.0).moment(2, 0),
            "dimension must be an integer of at least 1, got 0",
        ),
        (lambda: PowerLawKernel(1.0, 1.0).radial_integral(-1.0, 2), "radius must not be negative"),
        (lambda: BernsteinKernel([], 1.0), "coefficients must be one or more, got none"),
        (
            lambda: BernsteinKernel([1.0], math.inf),
            "horizon must be a finite number above 0, got inf",
        ),
        (lambda: bernstein_basis(2.5, 0.5), "degree must be an integer of at least 0, got 2.5"),
        (lambda: bernstein_basis(2, [np.nan]), "fraction must be finite, got nan"),
        (lambda: bernstein_basis(2, MASKED), "fraction must have no masked entries"),
        (lambda: PowerLawKernel(2.0, 1.0)(MASKED), "r must have no masked entries"),
        (lambda: PowerLawKernel(1.0, 1.0).radial_integral(MASKED, 2), "radius must have no mas"),
        (lambda: BernsteinKernel(MASKED, 1.0), "coefficients must have no masked entries"),
        (lambda: PowerLawKernel("2", 1.0), "alpha must be a finite number, got '2'"),
        (lambda: PowerLawKernel(2.0, -math.inf), "horizon must be a finite number above 0"),
        (lambda: bernstein_basis(-1, 0.5), "degree must be an integer of at least 0, got -1"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
