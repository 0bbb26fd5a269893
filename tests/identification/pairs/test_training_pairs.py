"""Training pairs, their spectra, and what all generators of them share."""

from functools import partial

import numpy as np
import pytest

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import (
    CosineKernel,
    FractionalSettings,
    PairSpectrum,
    TrainingPairs,
    biharmonic_pairs,
    darcy_pairs,
    fractional_pairs,
    iter_blocks,
    linear_kernel,
    manufactured_pairs,
    spectrum,
)
from nlbook.kernels import PowerLawKernel

MIXED = partial(manufactured_pairs, CosineKernel(0.5), frequencies="mixed", seed=3)
GENERATORS = {
    "low": partial(manufactured_pairs, linear_kernel(0.2), seed=1),
    "mixed": MIXED,
    "biharmonic": partial(biharmonic_pairs, 0.003, 0.5, seed=2),
    "darcy": partial(darcy_pairs, 0.5, seed=4),
    "fractional": partial(fractional_pairs, seed=5, settings=FractionalSettings(collar=0.5)),
}


# What pairs are


def wave(n=8):
    return np.sin(2 * np.pi * np.arange(n) / n)[np.newaxis]


def test_pairs_know_their_nodes():
    pairs = TrainingPairs(
        np.ones((2, 9)) * np.arange(9), np.zeros((2, 5)), 0.5, "volume", collar=2, start=-1.0
    )
    assert (pairs.n_samples, pairs.n_nodes) == (2, 5)
    np.testing.assert_array_equal(pairs.nodes, [-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_array_equal(pairs.all_nodes, np.arange(-2.0, 2.5, 0.5))
    with pytest.raises(ValueError, match="boundary must be 'periodic' for a period"):
        _ = pairs.period


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u": np.ones((1, 8))}, "u must vary, got constant samples alone"),
        ({"u": wave() * np.nan}, r"u must be finite, got nan at \[0, 0\]"),
        ({"f": np.full((1, 8), np.inf)}, "f must be finite"),
        ({"u": wave(7)}, r"u must have the shape \(1, 8\)"),
        ({"f": wave()[0]}, "f must have the shape"),
        ({"f": np.zeros((0, 8)), "u": np.zeros((0, 8))}, "f must have the shape"),
        ({"boundary": "volume"}, "collar must be positive for boundary='volume'"),
        ({"boundary": "volume", "collar": 2}, r"u must have the shape \(1, 12\)"),
        ({"collar": 2}, "collar must be 0 on a periodic grid"),
        ({"collar": -1}, "collar must be an integer of at least 0"),
        ({"boundary": "free"}, "boundary must be 'periodic' or 'volume'"),
        ({"spacing": 0.0}, "spacing must be a finite number above 0"),
        ({"start": np.nan}, "start must be a finite number"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(change, message):
    good = {"u": wave(), "f": wave(), "spacing": 0.1, "boundary": "periodic"}
    TrainingPairs(**good)
    with pytest.raises(ValueError, match=message):
        TrainingPairs(**(good | change))


# Spectra


@pytest.mark.parametrize("n", [9, 10])
def test_the_spectrum_gives_the_loss_of_any_operator(n):
    generator = np.random.default_rng(1)
    pairs = TrainingPairs(*generator.standard_normal((2, 20, n)), 0.1, "periodic")
    kernel = PowerLawKernel(0.5, 0.3, 2.0)
    operator = NonlocalDiffusion(kernel, 0.1 * np.arange(n), "periodic")
    found = spectrum(pairs)
    residual = -operator.apply(pairs.u) - pairs.f
    loss = found.loss(-operator.symbol(found.wavenumbers))
    assert loss == pytest.approx(np.mean(residual**2), rel=1e-12)  # sums of 200 terms
    assert found.power.sum() == pytest.approx(np.mean(pairs.u**2), rel=1e-12)
    assert found.spacing == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["low", "mixed", "biharmonic", "darcy"])
def test_the_spectrum_of_blocks_is_that_of_all(name):
    whole = spectrum(GENERATORS[name](n_samples=70))
    parts = spectrum(iter_blocks(GENERATORS[name], 70, block_size=30))
    assert parts.n_samples == whole.n_samples == 70
    for field in ("power", "cross", "response"):
        expected = getattr(whole, field)
        # rounding of each mode is relative to the largest of the transform
        np.testing.assert_allclose(
            getattr(parts, field), expected, rtol=1e-12, atol=1e-14 * expected.max()
        )


def test_a_spectrum_needs_periodic_pairs_on_one_grid():
    volume = TrainingPairs(wave(), np.zeros((1, 4)), 0.1, "volume", collar=2)
    with pytest.raises(ValueError, match="pairs must be periodic for a spectrum"):
        spectrum(volume)
    with pytest.raises(ValueError, match="pairs must share a grid"):
        spectrum(TrainingPairs(wave(n), wave(n), 0.1, "periodic") for n in (8, 9))
    with pytest.raises(ValueError, match="pairs must hold at least one block"):
        spectrum([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"power": np.ones(4)}, "power must be 5 numbers for 8 nodes"),
        ({"cross": np.full(5, np.nan)}, "cross must be finite"),
        ({"power": np.eye(5)[0]}, "power must be positive at a mode that is not constant"),
        ({"period": -1.0}, "period must be a finite number above 0"),
    ],
)
def test_a_spectrum_that_makes_no_sense_is_refused(change, message):
    fields = {name: np.ones(5) for name in ("wavenumbers", "power", "cross", "response")}
    good = fields | {"period": 1.0, "n_nodes": 8, "n_samples": 1}
    PairSpectrum(**good)
    with pytest.raises(ValueError, match=message):
        PairSpectrum(**(good | change))


# What all generators share


@pytest.mark.parametrize("name", GENERATORS)
def test_blocks_hold_the_samples_of_one_call(name):
    whole = GENERATORS[name](n_samples=25)
    parts = list(iter_blocks(GENERATORS[name], 25, block_size=7))
    assert [part.n_samples for part in parts] == [7, 7, 7, 4]
    for field in ("u", "f"):
        # the numbers drawn are the same to the bit; products of matrices round by their shape
        np.testing.assert_allclose(
            np.concatenate([getattr(part, field) for part in parts]),
            getattr(whole, field),
            rtol=1e-12,
            atol=1e-13 * np.abs(getattr(whole, field)).max(),
        )


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_decides_the_samples(name):
    generator = GENERATORS[name]
    one, same = generator(n_samples=3), generator(n_samples=3)
    np.testing.assert_array_equal(one.u, same.u)
    assert not np.allclose(one.f, generator(n_samples=3, seed=77).f)


@pytest.mark.parametrize("name", ["low", "mixed", "biharmonic", "fractional"])
def test_condensed_samples_have_the_squares_of_all(name):
    every, few = GENERATORS[name](n_samples=400), GENERATORS[name](n_samples=400, condense=True)
    assert few.n_samples < 45  # modes
    inner = every.u[:, every.collar : every.u.shape[1] - every.collar]
    inner_few = few.u[:, few.collar : few.u.shape[1] - few.collar]
    for one, other in ((inner, inner_few), (every.f, few.f)):
        np.testing.assert_allclose(
            one.T @ one / len(one), other.T @ other / len(other),
            rtol=0, atol=1e-13 * np.max(one**2),
        )  # fmt: skip
    np.testing.assert_allclose(
        inner.T @ every.f / len(inner), inner_few.T @ few.f / len(inner_few),
        rtol=0, atol=1e-13 * np.max(np.abs(inner)) * np.max(np.abs(every.f)),
    )  # fmt: skip


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("bad", [{"n_samples": 0}, {"n_samples": 2, "first": -1}])
def test_samples_are_counted_from_zero(name, bad):
    with pytest.raises(ValueError, match=r"n_samples|first"):
        GENERATORS[name](**bad)


def test_blocks_are_counted_from_one():
    with pytest.raises(ValueError, match="block_size must be an integer of at least 1"):
        next(iter_blocks(GENERATORS["low"], 10, 0))
