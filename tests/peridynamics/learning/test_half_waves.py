"""Waves of half a wavelength a node, which nodes can't tell from their mirror images."""

import itertools
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from nlbook.peridynamics import (
    ExactIntegrals,
    LearningWarning,
    PeriodicGrid,
    continuum_symbol,
    fit_lps,
    symbol_basis,
)
from tests.peridynamics.learning.data import lattice_samples


def fit(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments, **named)


FIT = fit(lattice_samples((8, 8), (5.0, 5.0), most=3), 12.5, 2, quadrature=ExactIntegrals())
SHAPES = [(8, 8), (8, 7), (7, 8), (7, 7), (4, 6), (2, 2)]


def random_fields(shape, n=3):
    fields = np.random.default_rng(5).normal(size=(n, *shape, 2))
    return fields - fields.mean(axis=(1, 2), keepdims=True)


def operator_of_waves(fields, spacing):
    """L of the smoothest waves through nodal fields, at the nodes: wave by wave in the plane.

    A wave of half a wavelength a node is in equal parts one to either side.
    """
    _, n1, n2, _ = fields.shape
    nodes = PeriodicGrid((n1, n2), (spacing, spacing)).nodes
    waves = np.fft.fft2(fields, axes=(1, 2)) / (n1 * n2)
    out = np.zeros(fields.shape, dtype=complex)
    for i, j in itertools.product(range(n1), range(n2)):
        sides = [
            [n / 2, -n / 2] if 2 * m == n else [m if 2 * m < n else m - n]
            for m, n in ((i, n1), (j, n2))
        ]
        both = list(itertools.product(*sides))
        for a, b in both:
            k = 2 * np.pi / spacing * np.array([a / n1, b / n2])
            (symbol,) = continuum_symbol(FIT.kernel, FIT.lame_lambda, FIT.shear_modulus, [k])
            moved = np.einsum("ij,sj->si", symbol, waves[:, i, j]) / len(both)
            out += moved[:, np.newaxis, np.newaxis] * np.exp(1j * nodes @ k)[..., np.newaxis]
    assert np.abs(out.imag).max() < 1e-13 * np.abs(out).max()
    return out.real


def mirrored(fields, axis):
    """The image in the plane through node zero, across one axis."""
    out = np.roll(np.flip(fields, axis=1 + axis), 1, axis=1 + axis)
    out[..., axis] *= -1
    return out


@pytest.mark.parametrize("shape", SHAPES)
def test_a_prediction_is_in_equilibrium_wave_by_wave(shape):
    load, grid = random_fields(shape), PeriodicGrid(shape, (5.0, 5.0))
    back = operator_of_waves(FIT.predict(load, grid), 5.0)
    np.testing.assert_allclose(back, load, atol=1e-12 * np.abs(load).max())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_answer_to_a_mirrored_load_is_the_mirrored_answer(shape, axis):
    load, grid = random_fields(shape), PeriodicGrid(shape, (5.0, 5.0))
    answer = FIT.predict(load, grid)
    image = FIT.predict(mirrored(load, axis), grid)
    np.testing.assert_allclose(image, mirrored(answer, axis), atol=1e-12 * np.abs(answer).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_residuals_are_those_of_the_waves(shape):
    u, load = random_fields(shape), random_fields(shape)[::-1]
    samples = SimpleNamespace(spacing=(5.0, 5.0), displacement=u, load=load)
    off = np.sum((operator_of_waves(u, 5.0) - load) ** 2, axis=(1, 2, 3))
    slow = np.sqrt(np.mean(off / np.sum(load**2, axis=(1, 2, 3))))
    assert FIT.residual(samples) == pytest.approx(slow, rel=1e-11)


def test_what_is_fitted_is_what_is_told():
    """On fields with waves of every length."""
    rough, u = lattice_samples((8, 8), (5.0, 5.0), most=3), random_fields((8, 8), 30)
    rough.displacement = rough.displacement + 0.05 * u
    found = fit(rough, 12.5, 2, quadrature=ExactIntegrals())
    assert found.loss == pytest.approx(found.residual(rough) ** 2, rel=1e-10)


def test_folded_waves_are_told():
    grid = PeriodicGrid((4, 6), (1.0, 2.0))
    k = np.abs(grid.wavevectors)
    expected = np.isclose(k[:, 0], np.pi) | np.isclose(k[:, 1], np.pi / 2)
    np.testing.assert_array_equal(grid.folded, expected)
    assert not PeriodicGrid((5, 7), (1.0, 2.0)).folded.any()
    for kind in ("grid", "continuum"):
        basis = symbol_basis(grid, 4.0, 1, 1.0, quadrature=kind)
        symbols = basis.symbol([1.0, 2.0], 0.3)
        assert np.all(symbols[grid.folded][:, [0, 1], [1, 0]] == 0)
        other = symbol_basis(grid, 4.0, 1, 1.0, quadrature=kind, wavevectors=grid.wavevectors)
        plain = other.symbol([1.0, 2.0], 0.3)
        np.testing.assert_array_equal(plain[~grid.folded], symbols[~grid.folded])
        if kind == "grid":  # sums over nodes can't tell them apart either
            np.testing.assert_allclose(plain, symbols, atol=1e-13 * np.abs(plain).max())
