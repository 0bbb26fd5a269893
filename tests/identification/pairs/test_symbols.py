"""Symbols and manufactured kernels against closed forms."""

from functools import partial

import numpy as np
import pytest
from scipy import integrate

from nlbook.identification import (
    CosineKernel,
    kernel_symbol,
    linear_kernel,
)
from nlbook.kernels import PowerLawKernel


@pytest.mark.parametrize("kernel", [linear_kernel(0.4), CosineKernel(0.4)])
def test_manufactured_kernels_diffuse_with_coefficient_one(kernel):
    # 21.46046 would give 1 for the cosine; the paper has 21.4615
    assert kernel.moment(2) / 2 == pytest.approx(1.0, rel=6e-5)


def test_the_cosine_kernel_turns_negative_near_its_end():
    kernel = CosineKernel(2.0)
    np.testing.assert_allclose(kernel([1e-9, 1.0]), 21.4615 / 8 * np.cos([0.0, 0.3 * np.pi]))
    assert kernel(1.66) > 0 > kernel(1.68)
    assert kernel(2.01) == 0


@pytest.mark.parametrize("power", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("radius", [0.1, 0.7, 5.0])
def test_the_cosine_kernel_integrates_as_by_quadrature(power, radius):
    kernel = CosineKernel(0.7)
    slow = integrate.quad(lambda r: float(kernel(r)) * r**power, 0, min(radius, 0.7))[0]
    assert float(kernel.radial_integral(radius, power)) == pytest.approx(slow, rel=1e-9)


@pytest.mark.parametrize("k", [0.5, 2 * np.pi, 200 * np.pi])
def test_the_symbol_of_the_linear_kernel_is_known(k):
    d = 0.45
    # 2 integral 4 r / d**4 (1 - cos k r) dr; for small k d cancellation costs some digits
    exact = 8 / d**4 * (d**2 / 2 - d * np.sin(k * d) / k - (np.cos(k * d) - 1) / k**2)
    assert float(kernel_symbol(linear_kernel(d), k)) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("k", [1.0, 2 * np.pi, 200 * np.pi])
def test_the_symbol_of_the_cosine_kernel_is_known(k):
    d, a = 0.45, 3 * np.pi / (5 * 0.45)
    sums = sum(np.sin((k + sign * a) * d) / (k + sign * a) for sign in (1, -1)) / 2
    exact = 2 * 21.4615 / d**3 * (np.sin(a * d) / a - sums)
    assert float(kernel_symbol(CosineKernel(d), k)) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(CosineKernel, -1.0), "horizon must be a finite number above 0"),
        (partial(CosineKernel, 1.0, np.nan), "amplitude must be a finite number"),
        (partial(CosineKernel(1.0), [0.0]), "r must be positive"),
        (
            partial(CosineKernel(1.0).radial_integral, 1.0, -1.0),
            "power must be a finite number above -1",
        ),
        (partial(CosineKernel(1.0).moment, 2, 0), "dimension must be an integer of at least 1"),
        (partial(kernel_symbol, PowerLawKernel(1.5, np.inf), 1.0), "horizon must be finite"),
    ],
)
def test_kernels_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
