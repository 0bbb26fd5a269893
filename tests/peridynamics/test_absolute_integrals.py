"""Upper bounds of integrals of |K|, on which proofs of stability rest, against fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nlbook.kernels import BernsteinKernel
from nlbook.peridynamics.continuum_bounds import _absolute_integral

# between two of 4001 samples on [0, 1], so that no change of sign is seen at them
CLOSE = [Fraction(12001, 40000), Fraction(12003, 40000)]


def powers_of(roots):
    """Coefficients of the product of t - root, of the constant first."""
    found = [Fraction(1)]
    for root in roots:
        up, down = [Fraction(0), *found], [*found, Fraction(0)]
        found = [a - root * b for a, b in zip(up, down, strict=True)]
    return found


def kernel_of(powers):
    """The same polynomial by its Bernstein coefficients, horizon 1."""
    degree = len(powers) - 1
    shares = [c / math.comb(degree, i) for i, c in enumerate(powers)]
    values = (sum(math.comb(m, i) * shares[i] for i in range(m + 1)) for m in range(degree + 1))
    return BernsteinKernel(tuple(float(value) for value in values), 1.0)


def exactly(roots, power):
    """Integral of |polynomial| t**power over [0, 1], piece by piece."""
    powers, total = powers_of(roots), Fraction(0)
    ends = sorted({Fraction(0), Fraction(1), *(root for root in roots if 0 < root < 1)})
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        total += abs(
            sum(
                c * (high ** (i + power + 1) - low ** (i + power + 1)) / (i + power + 1)
                for i, c in enumerate(powers)
            )
        )
    return float(total)


CASES = {
    "no zero": [Fraction(-1), Fraction(3)],
    "a zero on a sample": [Fraction(1, 2)],
    "two zeros on samples": [Fraction(1, 4), Fraction(3, 4)],
    "a double zero on a sample": [Fraction(1, 2), Fraction(1, 2)],
    "a double zero between samples": [Fraction(1, 3)] * 2,
    "a triple zero on a sample": [Fraction(2, 5)] * 3,
    "two close zeros": CLOSE,
    "close zeros and others": [*CLOSE, Fraction(1, 8), Fraction(1, 2), Fraction(7, 8)],
    "zeros at both ends": [Fraction(0), Fraction(0), Fraction(1, 3), Fraction(1)],
    "twelve zeros": [Fraction(2 * n + 1, 24) for n in range(12)],
    "twenty zeros on samples": [Fraction(n, 20) for n in range(20)],
}


@pytest.mark.parametrize("power", [2, 5])
@pytest.mark.parametrize("case", CASES)
def test_the_bound_is_above_the_integral_and_close(case, power):
    roots = CASES[case]
    found = _absolute_integral(kernel_of(powers_of(roots)), power)
    exact = exactly(roots, power)
    # coefficients in float64 are a kernel that is off by a rounding of its largest value
    size = float(sum(abs(c) / (i + power + 1) for i, c in enumerate(powers_of(roots))))
    assert found >= exact - 1e-15 * size
    # 1e-7 of the integral is what is left undecided; 1e-11 of that of the coefficients is rounding
    assert found <= (1 + 2e-7) * exact + 1e-10 * size


def test_units_scale_it():
    small = BernsteinKernel((1.0, -2.0, 3.0, -0.5), 1.0, 1.5)
    large = BernsteinKernel((1.0, -2.0, 3.0, -0.5), 20.0, 1.5)
    ratio = _absolute_integral(large, 3.0) / _absolute_integral(small, 3.0)
    assert ratio == pytest.approx(20.0**2.5, rel=1e-12)


def test_leading_zeros_tame_a_singular_factor():
    """Of B(t)/r**2.9 with B of order t**2, |K| has an integral."""
    singular = BernsteinKernel((0.0, 0.0, 1.0, -1.0), 1.0, 2.9)
    found = _absolute_integral(singular, 1.0)
    # 3 t**2 (1 - t) - t**3 = t**2 (3 - 4 t): changes sign at 3/4
    t = np.linspace(0, 1, 2_000_001)[1:]
    plain = np.mean(np.abs(3 - 4 * t) * t**0.1)
    assert found == pytest.approx(plain, rel=1e-6)


def test_no_kernel_has_no_integral():
    assert _absolute_integral(BernsteinKernel((0.0, 0.0), 1.0), 2.0) == 0.0
