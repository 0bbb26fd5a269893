import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from nlbook.identification import bernstein_symbol, symbol_bound
from nlbook.identification.regression.symbol_bounds import _symbol, legendre_in_bernstein, restrict
from nlbook.kernels import BernsteinKernel, bernstein_basis


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("k", [0.5, 17.0, 300.0])
def test_the_symbol_is_the_integral(alpha, k):
    c = np.array([1.0, -0.3, 0.5, 0.2])
    kernel = BernsteinKernel(tuple(c), 0.3, alpha)

    def integrand(r):
        return 4 * float(kernel(r)) * np.sin(k * r / 2) ** 2

    cuts = np.linspace(1e-12, 0.3, 60)
    expected = sum(quad(integrand, a, b)[0] for a, b in zip(cuts[:-1], cuts[1:], strict=True))
    found = bernstein_symbol(0.3, 3, [k], alpha)[0] @ c * k**2
    assert found == pytest.approx(expected, rel=1e-8)  # that of quad near r = 0


def test_the_symbol_of_long_waves_is_the_second_moment():
    kernel = BernsteinKernel((1.0, -0.3, 0.5), 0.3, 1.2)
    found = bernstein_symbol(0.3, 2, [0.0], 1.2)[0] @ kernel.coefficients
    assert found == pytest.approx(float(kernel.radial_integral(0.3, 2)), rel=1e-13)


@given(
    coefficients=st.lists(st.floats(-1, 1), min_size=1, max_size=9),
    alpha=st.sampled_from([0.0, 0.5, 1.0, 1.7, 2.5]),
    horizon=st.floats(0.05, 3.0),
)
@settings(max_examples=10, deadline=None)
def test_no_wave_falls_below_the_bound(coefficients, alpha, horizon):
    coefficients[0] += 1.0
    kernel = BernsteinKernel(tuple(coefficients), horizon, alpha)
    bound = symbol_bound(kernel, 2 * np.pi)
    k = np.concatenate([np.linspace(1e-3, 60, 501), np.geomspace(60, 5000 / horizon, 300)])
    symbol = bernstein_symbol(horizon, kernel.degree, k, alpha) @ coefficients * k**2
    assert bound.value <= np.min(symbol / np.minimum(k, 2 * np.pi) ** 2) * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("alpha", [0.0, 1.5, 2.5])
def test_the_bound_of_a_positive_kernel_is_close(alpha):
    bound = symbol_bound(BernsteinKernel((1.0, 0.6, 0.3), 0.3, alpha), 2 * np.pi)
    assert bound.value > 0
    assert bound.value >= 0.95 * bound.smallest  # a fiftieth is let go between points


def test_a_negative_symbol_is_found_and_located():
    bound = symbol_bound(BernsteinKernel((-2.0, 0.0, 0.0, 2.0), 0.3), 2 * np.pi)
    assert bound.value < 0
    k = np.linspace(0.1, 300, 3001)
    symbol = bernstein_symbol(0.3, 3, k) @ [-2.0, 0.0, 0.0, 2.0] * k**2
    assert symbol[np.argmin(np.abs(k - bound.at))] < 0


def test_pieces_and_legendre_polynomials_in_bernstein_form():
    t = np.linspace(0, 1, 33)
    basis = legendre_in_bernstein(20)
    values = bernstein_basis(20, t) @ basis
    legendre = np.polynomial.legendre.legvander(2 * t - 1, 20) * np.sqrt(2 * np.arange(21) + 1)
    np.testing.assert_allclose(values, legendre, atol=1e-8)  # coefficients are up to 1e6
    inner = bernstein_basis(20, t) @ restrict(basis, 0.25, 0.5)
    outer = bernstein_basis(20, 0.25 + 0.25 * t) @ basis
    np.testing.assert_allclose(inner, outer, atol=1e-8)


def series(alpha, degree, phase):
    """s/k**2 for each B_m / t**alpha by the cosine's series, 40 digits after all cancel.

    2 sum over n of (-1)**(n - 1) phase**(2 n - 2) / (2 n)! int_0^1 t**(2 n - alpha) B_m(t) dt.
    """
    found = []
    with localcontext() as context:
        context.prec = 40 + int(phase / 2.3)  # terms are up to exp(phase)
        for m in range(degree + 1):
            total, factor, n = Decimal(0), Decimal(1) / 2, 1
            while True:
                term = factor * math.comb(degree, m) * math.factorial(degree - m)
                for i in range(degree - m + 1):
                    term /= m + i + 1 + 2 * n - Decimal(alpha)
                total += term
                if n > phase / 2 and abs(term) < abs(total) * Decimal(10) ** -25:
                    break
                n += 1
                factor *= -(Decimal(phase) ** 2) / ((2 * n - 1) * (2 * n))
            found.append(2 * total)
    return found


@pytest.mark.parametrize("alpha", [0.0, 1.5, 1.999, 2.001, 2.5, 2.9, 2.99, 2.9999, 3 - 1e-8])
@pytest.mark.parametrize("degree", [0, 3, 20])
def test_rounding_of_the_symbol_is_within_what_is_allowed_for_it(alpha, degree):
    for phase in (0.5, 7.3, 140.0):
        values, sizes, share = _symbol(1.0, degree, np.array([phase]), alpha)
        exact = series(alpha, degree, phase)
        off = [float(Decimal(v) - e) for v, e in zip(values[0].tolist(), exact, strict=True)]
        assert np.max(np.abs(off) / sizes[0]) < share
        # points times eps, and what the sine's argument adds: (60 + 4 * 150) eps at least
        assert share < 2e-12
        # no worse near alpha = 3, where the rule for t**(2 - alpha) is off by up to 2e-3
        assert np.max(np.abs(off) / np.array(exact, dtype=np.float64)) < 1e-12


def test_rounding_is_allowed_for_at_the_largest_phase_too():
    values, sizes, share = _symbol(1.0, 3, np.array([2390.0]), 2.1)
    exact = series(2.1, 3, 2390.0)
    off = [float(Decimal(v) - e) for v, e in zip(values[0].tolist(), exact, strict=True)]
    assert np.max(np.abs(off) / sizes[0]) < share


def test_what_has_no_bound_is_refused():
    with pytest.raises(ValueError, match="^lowest must"):
        symbol_bound(BernsteinKernel((1.0,), 0.3), 0.0)
    with pytest.raises(ValueError, match="^alpha must"):
        symbol_bound(BernsteinKernel((1.0,), 0.3, 3.0), 1.0)
