"""Pairs on a ring against the operators they are of."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    CosineKernel,
    SeriesSettings,
    biharmonic_pairs,
    biharmonic_symbol,
    kernel_symbol,
    linear_kernel,
    manufactured_pairs,
    spectrum,
    wave_pairs,
)
from nlbook.identification.pairs.random_series import amplitudes, condensed, uniform_numbers


@pytest.mark.parametrize("name", ["low", "mixed"])
def test_f_is_what_the_kernel_makes_of_u(name):
    kernel = {"low": linear_kernel(0.2), "mixed": CosineKernel(0.5)}[name]
    generator = partial(manufactured_pairs, kernel, seed=1, frequencies=name)
    errors = []
    for n in (400, 800):
        pairs = generator(n_samples=6, settings=SeriesSettings(n_nodes=n))
        operator = NonlocalDiffusion(kernel, pairs.nodes, "periodic", rule="covered")
        errors.append(np.abs(-operator.apply(pairs.u) - pairs.f).max() / np.abs(pairs.f).max())
    assert errors[1] < 1e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.1)  # order of the rule


def test_f_at_a_point_is_the_integral_over_the_kernel():
    kernel = CosineKernel(0.5)
    numbers = np.random.default_rng(8).random(6)

    def u(x):
        return sum(c * np.cos(2 * np.pi * k * x) for k, c in enumerate(numbers))

    symbol = kernel_symbol(kernel, 2 * np.pi * np.arange(6))
    x = 0.137
    expected = sum(symbol * numbers * np.cos(2 * np.pi * np.arange(6) * x))
    both = integrate.quad(
        lambda r: float(kernel(r)) * (2 * u(x) - u(x + r) - u(x - r)), 0, 0.5, epsabs=1e-10
    )[0]
    assert both == pytest.approx(expected, rel=1e-9)


def test_coefficients_are_uniform_and_fall_with_the_mode():
    found = spectrum(manufactured_pairs(linear_kernel(0.2), 20_000, seed=9))
    k = np.arange(1, 5)
    expected = np.exp(-0.2 * k**2) / 6  # mean square of the cosine times that of xi
    # 20,000 squares of a uniform number: standard error 0.0063 of their mean
    np.testing.assert_allclose(found.power[1:5], expected, rtol=0.03)
    assert found.power[0] == pytest.approx(1 / 3, rel=0.03)
    assert found.power[30:].max() < 1e-25


def test_mixed_samples_hold_the_high_waves():
    pairs = manufactured_pairs(linear_kernel(0.2), 8000, seed=9, frequencies="mixed")
    modes = np.fft.rfft(pairs.u, axis=1) / pairs.n_nodes
    high = modes[1::2]
    assert np.abs(high[:, [*range(5), *range(16, 51)]]).max() < 1e-15
    waves = (np.abs(high) > 1e-12).sum(axis=1)
    assert set(waves) <= {0, 1, 2}
    # sines and cosines of 11 waves: each in one sample of 11, with mean square 1/3 / 2
    np.testing.assert_allclose(np.mean(2 * high.imag[:, 5:16] ** 2, axis=0), 1 / 66, rtol=0.25)
    np.testing.assert_allclose(np.mean(2 * high.real[:, 5:16] ** 2, axis=0), 1 / 66, rtol=0.25)
    low = manufactured_pairs(linear_kernel(0.2), 8000, seed=9)
    assert np.abs(low.u[1::2] - pairs.u[1::2]).max() > 0.1


@settings(deadline=None, max_examples=30)
@given(
    horizon=st.floats(0.05, 3.0), n_nodes=st.integers(60, 90), period=st.floats(0.5, 4.0),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_pairs_of_any_ring_obey_their_symbol(horizon, n_nodes, period, seed):
    chosen = SeriesSettings(n_nodes=n_nodes, period=period)  # no mode above 26 is excited
    kernel = CosineKernel(horizon)
    pairs = manufactured_pairs(kernel, 3, seed, chosen)
    u, f = (np.fft.rfft(values, axis=1)[:, :20] for values in (pairs.u, pairs.f))
    symbol = kernel_symbol(kernel, 2 * np.pi * np.arange(20) / period)
    np.testing.assert_allclose(f, symbol * u, rtol=0, atol=1e-12 * np.abs(f).max() + 1e-10)


def test_the_biharmonic_pairs_solve_the_equation():
    c, delta = 0.003, 0.5
    pairs = biharmonic_pairs(c, delta, 5, seed=3, settings=SeriesSettings(n_nodes=256))
    k = 2 * np.pi * np.fft.rfftfreq(256, pairs.spacing)
    modes = np.fft.rfft(pairs.u, axis=1)
    second, fourth = (np.fft.irfft(factor * modes, axis=1) for factor in (-(k**2), k**4))
    left = second - c * delta**2 * fourth  # (7.1); the pairs hold minus its right-hand side
    np.testing.assert_allclose(left, -pairs.f, atol=1e-9)  # k**4 lifts rounding of u by 4e11 c/4


def test_the_test_forcing_of_the_paper_has_a_sine_as_its_solution():
    c, delta = 0.01, 0.25
    pairs = wave_pairs(partial(biharmonic_symbol, c=c, horizon=delta), [1])
    sine = np.sin(2 * np.pi * pairs.nodes)
    forcing = -4 * np.pi**2 * sine - 16 * c * delta**2 * np.pi**4 * sine  # (7.4)
    np.testing.assert_allclose(pairs.u[0], sine, atol=1e-15)
    np.testing.assert_allclose(pairs.f[0], -forcing, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(biharmonic_pairs, -0.1, 0.5), "c must be a finite number at least 0"),
        (partial(biharmonic_pairs, 0.1, 0.0, 5), "horizon must be a finite number above 0"),
        (partial(wave_pairs, linear_kernel(0.1), [50]), "numbers must be whole"),
        (partial(wave_pairs, lambda k: np.nan * k, [1]), "the symbol must be finite"),
        (partial(wave_pairs, linear_kernel(0.1), [1], period=0.0), "period must be a finite"),
        (
            partial(manufactured_pairs, linear_kernel(0.1), 3, settings=SeriesSettings(n_nodes=14)),
            r"n_nodes must exceed 16, two for each of the waves, got 14",
        ),
        (
            partial(
                manufactured_pairs,
                linear_kernel(0.1),
                3,
                settings=SeriesSettings(n_nodes=30),
                frequencies="mixed",
            ),
            "n_nodes must exceed 30",
        ),
        (partial(manufactured_pairs, linear_kernel(0.1), frequencies="high"), "frequencies must"),
        (partial(SeriesSettings, decay=-1.0), "decay must be a finite number at least 0"),
        (partial(SeriesSettings, n_nodes=2), "n_nodes must be an integer of at least 3"),
        (partial(SeriesSettings, period=np.inf), "period must be a finite"),
        (partial(SeriesSettings, n_nodes=100.0), "n_nodes must be an integer"),
        (partial(biharmonic_pairs, 0.1, 0.2, 3.0), "n_samples must be an integer"),
        (
            partial(wave_pairs, linear_kernel(0.1), np.ma.masked_array([1, 2], mask=[1, 0])),
            "numbers must have no masked entries",
        ),
        (partial(amplitudes, [2, 1], 0.1), "modes must be whole, ascending"),
        (partial(condensed, np.ma.masked_array(np.eye(2), mask=np.eye(2))), "coefficients must"),
        (partial(condensed, [[np.nan]]), "coefficients must be finite"),
        (partial(uniform_numbers, 0, 0, 3, 1.0), "width must be an integer"),
    ],
)
def test_series_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
