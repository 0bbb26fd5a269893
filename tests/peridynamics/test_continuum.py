"""Exact symbols against adaptive quadrature in the plane, a series, and their limits."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, special

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    PeriodicGrid,
    continuum_basis,
    continuum_parts,
    continuum_symbol,
    symbol_basis,
)

LAME, MU = -0.1959, 0.7978


def by_polar_quadrature(k, horizon, degree, m, alpha):
    """Gamma along and across k and g along it, by quadrature in angle and radius.

    In s = r**(4 - alpha) the radial integrands have no singularity.
    """
    power = 4 - alpha
    angles = np.linspace(0, 2 * np.pi, 201)[:-1]  # exact to rounding for a periodic integrand
    cosine = np.cos(angles)

    def radial(integrand):
        def of_s(s):
            r = s ** (1 / power)
            t = r / horizon
            basis = special.binom(degree, m) * t**m * (1 - t) ** (degree - m)
            return basis * 2 * np.pi * np.mean(integrand(r)) / power

        found, _ = integrate.quad(of_s, 0, horizon**power, epsabs=1e-13, epsrel=1e-11, limit=400)
        return found

    def bonds(r):
        return 16 * 2 * np.sin(k * r * cosine / 2) ** 2 / r**2

    return (
        radial(lambda r: bonds(r) * cosine**2),
        radial(lambda r: bonds(r) * (1 - cosine**2)),
        radial(lambda r: 2 * np.sin(k * r * cosine) * cosine / r),
    )


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 1.0, 2.5, 2.99])
@pytest.mark.parametrize(("degree", "m"), [(0, 0), (5, 0), (5, 3), (20, 11)])
def test_the_parts_are_their_integrals_over_the_plane(alpha, degree, m):
    wavenumbers = [1e-2, 2.0, 10.0, 50.0]
    gamma_l, gamma_t, g_l, moments = continuum_parts(wavenumbers, 1.0, degree, alpha)
    for i, k in enumerate(wavenumbers):
        slow = by_polar_quadrature(k, 1.0, degree, m, alpha)
        scale = moments[m] * np.array([k**2, k**2, k])
        found = np.array([gamma_l[i, m], gamma_t[i, m], g_l[i, m]])
        assert np.all(np.abs(found - slow) < 1e-9 * scale)


# above 3 the first nodes of the rule are known to fewer digits
@pytest.mark.parametrize(("alpha", "digits"), [(0.0, 13), (1.0, 13), (2.75, 13), (3.5, 12)])
def test_the_power_law_is_its_series(alpha, digits):
    """The integrals term by term, summed in fractions so that nothing cancels."""
    z, power = 9, 4 - Fraction(alpha)
    odd = even = Fraction(0)
    for n in range(60):
        term = Fraction(-z * z, 4) ** n / (math.factorial(n) * math.factorial(n + 1))
        odd += term * z / 2 / (power + 2 * n)  # t**(2 - alpha) J1(z t)
        if n:
            even -= term / (power - 2 + 2 * n)  # t**(1 - alpha) (1 - 2 J1(z t)/(z t))
    _, gamma_t, g_l, _ = continuum_parts([z], 1.0, 0, alpha)
    assert g_l[0, 0] == pytest.approx(4 * math.pi * float(odd), rel=10**-digits)
    assert gamma_t[0, 0] == pytest.approx(16 * math.pi * float(even), rel=10**-digits)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.9, 3.9])
def test_long_waves_see_the_moduli_whatever_the_kernel(alpha):
    kernel = BernsteinKernel((1.0, -0.5, 2.0, 0.7), 20.0, alpha)
    k = 1e-5
    symbol = continuum_symbol(kernel, LAME, MU, [[k, 0.0]])[0] / k**2
    local = np.diag([LAME + 2 * MU, MU])
    assert np.max(np.abs(symbol - local)) < 10 * (20 * k) ** 2


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.9])
def test_short_waves_see_the_stiffness_of_a_point_held_by_its_bonds(alpha):
    kernel = PowerLawKernel(alpha, 1.0)
    volume = 2 * math.pi / (4 - alpha)
    held = 16 * math.pi / (2 - alpha) * MU / volume
    k = 4000.0
    symbol = continuum_symbol(kernel, LAME, MU, [[k, 0.0]])[0]
    assert np.max(np.abs(symbol / held - np.eye(2))) < 10 * k ** (alpha - 2)


@pytest.mark.parametrize("alpha", [2.2, 2.5, 3.0, 3.5])
def test_a_singular_kernel_grows_with_the_wavenumber_as_its_power_says(alpha):
    symbols = continuum_symbol(PowerLawKernel(alpha, 1.0), LAME, MU, [[1e3, 0.0], [2e3, 0.0]])
    growth = np.log2(symbols[1, 1, 1] / symbols[0, 1, 1])
    assert growth == pytest.approx(alpha - 2, abs=0.15 if alpha < 2.4 else 0.02)


def test_the_symbol_is_isotropic():
    kernel = BernsteinKernel((1.0, -0.5, 2.0), 20.0, 1.0)
    cosine, sine = math.cos(0.7), math.sin(0.7)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    along, turned = continuum_symbol(kernel, LAME, MU, [[0.3, 0.0], [0.3 * cosine, 0.3 * sine]])
    assert np.max(np.abs(turn @ along @ turn.T - turned)) < 1e-14
    assert along[0, 1] == 0


def test_the_basis_of_a_stretched_grid_has_the_stretched_horizon():
    grid = PeriodicGrid((4, 4), (4.9, 5.1))
    basis = symbol_basis(grid, 12.5, 2, 1.0, quadrature="continuum", wavevectors=grid.wavevectors)
    gamma, g, moments = continuum_basis(grid.wavevectors, basis.kernel_horizon, 2, 1.0)
    assert basis.kernel_horizon == pytest.approx(12.5 * math.sqrt(5.1 / 4.9), rel=1e-14)
    assert np.array_equal(basis.gamma, gamma)
    assert np.array_equal(basis.g, g)
    assert np.array_equal(basis.mu_row, moments)


def test_the_quadrature_of_a_grid_tends_to_the_integrals_with_its_horizon():
    """K = 1/r, so that the moduli agree; waves of four horizons and more."""
    errors = []
    for ratio in (4.0, 8.0):
        grid = PeriodicGrid((4, 4), (1.0, 1.0))
        k = np.array([[1.5, 0.4]]) / ratio
        both = [
            symbol_basis(grid, ratio, 0, 1.0, quadrature=rule, wavevectors=k)
            for rule in ("grid", "continuum")
        ]
        found, exact = (basis.symbol([1 / basis.mu_row[0]], 0.0)[0] for basis in both)
        errors.append(np.max(np.abs(found - exact)) / np.max(np.abs(exact)))
    assert max(errors) < 0.01


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([-1.0], 1.0, 0, 1.0), "wavenumbers must not be negative"),
        (([np.nan], 1.0, 0, 1.0), "wavenumbers must be finite"),
        (([1.0], 0.0, 0, 1.0), "horizon must be a finite number above 0"),
        (([1.0], 1.0, -1, 1.0), "degree must be an integer"),
        (([1.0], 1.0, 0, 4.0), "alpha must be a finite number below 4"),
    ],
)
def test_integrals_that_do_not_exist_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        continuum_parts(*arguments)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (PowerLawKernel(1.0, math.inf), "horizon must be a finite number"),
        (PowerLawKernel(1.0, 1.0, 0.0), "weighted volume"),
        (np.cos, "kernel must be a PowerLawKernel or a BernsteinKernel"),
    ],
)
def test_kernels_without_exact_integrals_are_refused(kernel, said):
    with pytest.raises(ValueError, match=said):
        continuum_symbol(kernel, LAME, MU, [[1.0, 0.0]])
