"""Solutions of the fractional Laplacian against closed forms and integrals."""

from functools import partial

import numpy as np
import pytest
from scipy import integrate
from scipy.special import gamma

from nlbook.identification import (
    FractionalSettings,
    fractional_green,
    fractional_kernel,
    fractional_pairs,
    fractional_solution,
    green_solution,
)


@pytest.mark.parametrize("order", [0.3, 0.5, 0.75])
def test_a_constant_forcing_has_its_closed_form(order):
    x = np.linspace(-1.2, 1.2, 25)
    scale = 4**-order * gamma(0.5) / (gamma(1 + order) * gamma(0.5 + order))
    exact = scale * np.maximum(1 - x**2, 0) ** order
    np.testing.assert_allclose(fractional_solution(1.0, x, order), exact, atol=1e-14)


def test_a_linear_forcing_has_its_closed_form():
    x, s = np.linspace(-1, 1, 21), 0.75
    # (-Laplacian)**s of x (1 - x**2)**s is Gamma(2 s + 2) x
    exact = x * (1 - x**2) ** s / gamma(2 * s + 2)
    np.testing.assert_allclose(fractional_solution(lambda y: y, x, s), exact, atol=1e-14)


def test_the_solution_obeys_the_equation_at_a_point():
    s, x = 0.75, 0.3
    forcing = partial(np.cos, dtype=np.float64)

    def u(y):
        return float(fractional_solution(forcing, [y], s, n_terms=16)[0])

    constant = fractional_kernel(s).coefficient
    # C_s integral of (2 u(x) - u(x + r) - u(x - r)) / r**(1 + 2 s); u = 0 for r > 1.3
    inner = sum(
        integrate.quad(
            lambda r: (2 * u(x) - u(x + r) - u(x - r)) / r ** (1 + 2 * s), a, b, epsabs=1e-9
        )[0]
        for a, b in ((1e-3, 0.1), (0.1, 0.7), (0.7, 1.3))
    )
    near = -(1e-3 ** (2 - 2 * s)) / (2 - 2 * s) * (u(x + 1e-3) + u(x - 1e-3) - 2 * u(x)) / 1e-6
    far = 2 * u(x) * 1.3 ** (-2 * s) / (2 * s)
    assert constant * (inner + near + far) == pytest.approx(np.cos(x), rel=1e-6)


def test_the_solution_is_the_integral_of_green_s_function():
    s, x = 0.75, 0.4
    exact = float(fractional_solution(np.exp, [x], s)[0])
    by_green = sum(
        integrate.quad(lambda y: float(fractional_green(x, y, s)) * np.exp(y), *ends, epsabs=1e-11)[
            0
        ]
        for ends in ((-1, x), (x, 1))
    )
    assert by_green == pytest.approx(exact, rel=1e-7)


def test_green_s_function_is_symmetric_and_finite_on_the_diagonal():
    x = np.linspace(-1, 1, 9)
    green = fractional_green(x[:, np.newaxis], x, 0.75)
    np.testing.assert_allclose(green, green.T, atol=1e-14)
    assert np.all(green[0] == 0)
    near = fractional_green(0.3, 0.3 + 1e-9, 0.75)
    # |x - y|**(2 s - 1) beside it: 3e-5 of 1e-9
    assert float(fractional_green(0.3, 0.3, 0.75)) == pytest.approx(float(near), rel=2e-4)


def test_the_trapezoidal_rule_errs_by_percents_near_the_ends():
    def forcing(x):
        return np.cos(np.pi * x)

    x = np.linspace(-0.99, 0.99, 199)
    exact = fractional_solution(forcing, x, 0.75)
    errors = [
        np.abs(green_solution(forcing, x, 0.75, spacing=h) - exact).max() for h in (0.01, 0.005)
    ]
    assert 1e-4 < errors[0] < 0.01
    assert errors[1] < errors[0]


@pytest.mark.parametrize("solver", ["exact", "green"])
def test_fractional_pairs_are_solutions_of_their_forcings(solver):
    chosen = FractionalSettings(collar=0.5)
    pairs = fractional_pairs(4, seed=2, settings=chosen, solver=solver)
    assert (pairs.n_nodes, pairs.collar) == (161, 50)
    assert pairs.nodes[[0, -1]].tolist() == pytest.approx([-0.8, 0.8])
    assert pairs.all_nodes[0] == pytest.approx(-1.3)
    assert np.all(pairs.u[:, np.abs(pairs.all_nodes) >= 1] == 0)
    # find the forcing's coefficients from its values, and solve again
    k = np.pi * np.arange(24)
    design = np.cos(np.outer(pairs.nodes, k))
    coefficients = np.linalg.lstsq(design, pairs.f[0], rcond=1e-10)[0]
    again = fractional_solution(
        lambda x: coefficients @ np.cos(np.outer(k, x)), pairs.all_nodes, 0.75, n_terms=160
    )
    # what f on [-0.8, 0.8] leaves open of f beyond, and the trapezoidal rule
    tolerance = {"exact": 1e-5, "green": 1e-2}[solver]
    np.testing.assert_allclose(pairs.u[0], again, atol=tolerance * np.abs(again).max())


def test_forcings_have_the_period_and_the_mean_that_are_asked_for():
    short = fractional_pairs(
        3000, 1, FractionalSettings(collar=0.1, period=1.6 / 3, with_mean=False), condense=True
    )
    # [-0.8, 0.8) holds three periods: means vanish
    assert np.abs(short.f[:, :-1].mean(axis=1)).max() < 1e-12
    with_mean = fractional_pairs(3000, 1, FractionalSettings(collar=0.1, period=1.6 / 3))
    assert with_mean.f[:, :-1].mean() == pytest.approx(0.5, abs=0.02)  # of xi, 3000 of them


def test_the_truncated_kernel_is_that_of_the_fractional_laplacian():
    s, k = 0.75, 2.0
    kernel = fractional_kernel(s, 50.0)
    # its symbol without a horizon is |k|**(2 s); what is cut off is a tail of 2 C / (2 s R**(2 s))
    fast = integrate.quad(
        lambda r: 2 * kernel.coefficient * r ** (-1 - 2 * s) * (1 - np.cos(k * r)), 0, 50, limit=500
    )[0]
    tail = 2 * kernel.coefficient / (2 * s * 50 ** (2 * s))
    assert fast + tail == pytest.approx(k ** (2 * s), rel=1e-3)
    assert kernel.alpha == 2.5


HIDDEN = np.ma.masked_array([0.0, 0.5], mask=[True, False])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            partial(fractional_solution, 1.0, [0.0], 1.0),
            "order must be a finite number above 0 and below 1",
        ),
        (partial(fractional_solution, np.sign, [0.0], 0.75), "n_terms must be larger"),
        (
            partial(fractional_solution, 1.0, [0.0], 0.75, n_terms=2),
            "n_terms must be an integer of at least 8",
        ),
        (partial(fractional_green, 0.0, 0.0, 0.4), "order must be a finite number above 0.5"),
        (partial(fractional_green, 1.1, 0.0, 0.75), "x and y must lie"),
        (partial(green_solution, np.cos, [0.0], 0.75, spacing=0.0), "spacing must be a finite"),
        (partial(fractional_pairs, 2, solver="fem"), "solver must be"),
        (
            partial(FractionalSettings, half_width=1.0),
            "half_width must be a finite number above 0.01 and below 1",
        ),
        (partial(FractionalSettings, collar=0.125), "collar must be a whole number of spacings"),
        (partial(FractionalSettings, order=0.0), "order must be"),
        (partial(FractionalSettings, n_modes=0), "n_modes must be"),
        (partial(FractionalSettings, period=-1.0), "period must be a finite number above 0"),
        (partial(FractionalSettings, period=True), "period must be"),
        (partial(FractionalSettings, with_mean=1), "with_mean must be True or False"),
        (partial(fractional_pairs, 2.0), "n_samples must be an integer"),
        (partial(fractional_solution, 1.0, HIDDEN, 0.75), "x must have no masked entries"),
        (partial(fractional_green, HIDDEN, 0.0, 0.75), "x must have no masked entries"),
        (partial(green_solution, np.cos, HIDDEN, 0.75, spacing=0.1), "x must have no masked"),
        (partial(fractional_solution, lambda x: 1.0, [0.0], 0.75), "forcing must return an array"),
    ],
)
def test_fractional_problems_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
