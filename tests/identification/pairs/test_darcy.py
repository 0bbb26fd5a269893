"""Flow through layers against integrals over each layer."""

from functools import partial

import numpy as np
import pytest

from nlbook.identification import (
    DarcyMedium,
    darcy_pairs,
    darcy_response,
    solve_darcy,
)


def exact_darcy(x, waves, medium):
    """By integrals over each layer of sin(q x): F = (1 - cos q x)/q + F0, u' = -F/kappa."""
    q = 2 * np.pi * waves / medium.length
    ends = medium.layer * np.arange(round(medium.length / medium.layer) + 1)
    kappa = np.array([medium.conductivities[k % 2] for k in range(ends.size - 1)])

    def of_flux(a, b):
        return (b - a) / q - (np.sin(q * b) - np.sin(q * a)) / q**2

    resistance = medium.layer / kappa
    flux0 = -np.sum(of_flux(ends[:-1], ends[1:]) / kappa) / resistance.sum()
    drops = of_flux(ends[:-1], ends[1:]) / kappa + flux0 * resistance
    at_ends = -np.concatenate([[0.0], np.cumsum(drops)])
    k = np.minimum((x / medium.layer + 1e-12).astype(int), kappa.size - 1)
    return at_ends[k] - (of_flux(ends[k], x) + flux0 * (x - ends[k])) / kappa[k]


@pytest.mark.parametrize("waves", [1, 7, 53])
def test_finite_elements_are_exact_at_their_nodes(waves):
    medium = DarcyMedium()
    u = solve_darcy([10.0 / waves], medium)[0]
    x = medium.length / medium.n_elements * np.arange(medium.n_elements)
    exact = exact_darcy(x, waves, medium)
    # rounding, through a matrix with 1600 nodes
    np.testing.assert_allclose(u, exact - exact.mean(), atol=1e-9 * np.abs(u).max())


def test_a_uniform_medium_has_the_solution_of_its_wave():
    medium = DarcyMedium(conductivities=(2.0, 2.0))
    u = solve_darcy([2.5], medium)[0]
    q = 2 * np.pi / 2.5
    x = medium.length / medium.n_elements * np.arange(medium.n_elements)
    np.testing.assert_allclose(u, np.sin(q * x) / (2 * q**2), atol=1e-10)


def test_moving_averages_diffuse_with_the_harmonic_mean_at_every_wavelength():
    waves = np.array([1, 2, 5, 10, 20, 40])
    medium = DarcyMedium()
    pairs = darcy_response(medium.length / waves, medium)
    q = 2 * np.pi * waves / medium.length
    mode = np.exp(-1j * np.outer(q, pairs.nodes))
    symbol = np.sum(mode * pairs.f, axis=1) / np.sum(mode * pairs.u, axis=1)
    assert medium.harmonic_mean == pytest.approx(1.6)
    h = medium.length / medium.n_elements
    # between nodes the elements are straight lines, whose mean errs by (q h)**2 / 12
    np.testing.assert_allclose(symbol.real / q**2, 1.6, rtol=1.1 * (q[-1] * h) ** 2 / 12)
    np.testing.assert_allclose(symbol.real[:3] / q[:3] ** 2, 1.6, rtol=4e-5)


def test_blocks_make_staircases():
    pairs = darcy_response([5.0], average="block")
    steps = pairs.u.reshape(50, 10)
    assert np.all(np.ptp(steps, axis=1) == 0)
    moving = darcy_response([5.0])
    assert np.all(np.ptp(moving.u.reshape(50, 10), axis=1) > 0)
    # the mean over a block is the moving mean about its middle, which is the sixth of ten nodes
    np.testing.assert_allclose(steps[:, 0], moving.u.reshape(50, 10)[:, 5], atol=1e-12)


def test_averages_of_the_forcing_are_those_of_a_sine():
    pairs = darcy_response([2.5])
    q = 2 * np.pi / 2.5
    np.testing.assert_allclose(
        pairs.f[0], np.sin(q * pairs.nodes) * np.sin(0.1 * q) / (0.1 * q), atol=1e-12
    )


def test_continuous_wavelengths_keep_their_length_and_lose_their_mean():
    pairs = darcy_response([3.7], forcing="continuous")
    whole = darcy_response([3.7])
    q = 2 * np.pi / 3.7
    inner = slice(20, 480)  # away from the seam
    sine = np.sin(q * pairs.nodes) * np.sin(0.1 * q) / (0.1 * q)
    assert np.ptp((pairs.f[0] - sine)[inner]) < 1e-12
    assert abs(pairs.f.mean()) < 1e-12
    assert np.ptp((whole.f[0] - sine)[inner]) > 0.1
    np.testing.assert_allclose(whole.f[0], darcy_response([10 / 3]).f[0], atol=1e-12)


def test_wavelengths_are_uniform_above_the_shortest():
    pairs = darcy_pairs(2.5, 400, seed=1)
    mode = np.abs(np.fft.rfft(pairs.f, axis=1))[:, 1:11].argmax(axis=1) + 1
    assert mode.min() == 1
    assert mode.max() == 4
    # 10/lambda rounds to 1 for lambda above 20/3: 3.33 of 7.5; three standard errors
    assert np.mean(mode == 1) == pytest.approx(3.333 / 7.5, abs=0.075)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(DarcyMedium, layer=0.3), "length must be a whole number of pairs of layers"),
        (partial(DarcyMedium, layer=-1.0), "layer must be a finite number above 0 and below 10"),
        (partial(DarcyMedium, conductivities=(1.0, 0.0)), "conductivities must be two positive"),
        (partial(DarcyMedium, elements_per_layer=0), "elements_per_layer must be"),
        (partial(darcy_pairs, 10.0), "shortest must be a finite number above 0 and below 10"),
        (partial(darcy_response, [11.0]), "wavelengths must be positive, at most 10"),
        (partial(darcy_response, [1.0], average="mean"), "average must be"),
        (partial(darcy_response, [1.0], forcing="free"), "forcing must be"),
        (partial(darcy_response, [1.0], n_nodes=2), "n_nodes must be"),
        (partial(darcy_response, [1.0], n_nodes=500.0), "n_nodes must be an integer"),
        (
            partial(darcy_response, np.ma.masked_array([1.0, 2.0], mask=[True, False])),
            "wavelengths must have no masked entries",
        ),
        (partial(solve_darcy, []), "wavelengths must be positive"),
    ],
)
def test_media_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
