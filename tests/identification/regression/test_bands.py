import warnings

import numpy as np
import pytest

from nlbook.identification import (
    Nonnegative,
    RegressionWarning,
    TrainingPairs,
    fit_bernstein,
    gram_matrix,
    kernel_band,
)
from nlbook.kernels import BernsteinKernel, bernstein_basis
from tests.identification.regression_data import biharmonic, biharmonic_gram


def test_kernels_on_the_edge_of_the_band_do_as_well():
    data = biharmonic()
    fit = fit_bernstein(data, 0.5, 4)
    tolerance = 1e-4
    band = fit.band(tolerance, size=1e9, n_points=50)  # what the data see is all that holds
    assert np.all(band.lower < band.kernel)
    assert np.all(band.kernel < band.upper)
    # the farthest kernel at each distance, by the inverse of the Gram matrix
    gram = fit.gram
    inverse = np.linalg.inv(gram.matrix)
    values = bernstein_basis(4, band.distance / 0.5)
    half = np.sqrt(tolerance * gram.response * np.einsum("ij,jk,ik->i", values, inverse, values))
    # the condition of the Gram matrix is 1e7
    np.testing.assert_allclose(band.upper - band.kernel, half, rtol=1e-5)
    farthest = inverse @ values[20] * tolerance * gram.response / half[20]
    coefficients = np.asarray(fit.kernel.coefficients) + farthest
    rise = gram.loss(coefficients) - fit.loss
    assert rise == pytest.approx(tolerance * gram.response, rel=1e-5)


def test_what_the_data_do_not_see_is_held_by_size():
    gram = biharmonic_gram()
    kernel = fit_bernstein(biharmonic(), 0.5, 20, Nonnegative()).kernel
    narrow, wide = (kernel_band(gram, kernel, size=size) for size in (0.1, 1.0))
    assert np.all(wide.upper - wide.lower > narrow.upper - narrow.lower)
    assert narrow.seen(1e-4) == wide.seen(1e-4) < 21
    # the operator sees K(r) r**2: near r = 0 least is known
    spread = wide.upper - wide.lower
    assert np.argmax(spread) == 0


def gaussian_pairs(noise, seed):
    """Fifty smooth samples of a Gaussian kernel on 200 nodes, with noise in f."""
    rng = np.random.default_rng(seed)
    n, spacing, horizon = 200, 0.01, 0.4
    k = 2 * np.pi * np.fft.rfftfreq(n, spacing)
    r = np.linspace(0, horizon, 4001)
    symbol = [2 * np.trapezoid(gaussian(r) * (1 - np.cos(q * r)), r) for q in k]
    modes = np.fft.rfft(rng.normal(size=(50, n))) * np.exp(-0.08 * np.arange(k.size))
    u, f = np.fft.irfft(modes, n), np.fft.irfft(modes * symbol, n)
    return TrainingPairs(u, f + noise * f.std() * rng.normal(size=f.shape), spacing, "periodic")


def gaussian(r):
    return 40 * np.exp(-(r**2) / 0.02)


def test_a_band_says_that_it_is_no_interval_of_confidence():
    """Of noisy data it holds the truth at a seventh of all distances; of clean ones it is silent.

    Clean data of the integral, a fit by quadrature: what no kernel explains is rounding.
    """
    held = []
    for seed in range(5):
        fit = fit_bernstein(gaussian_pairs(0.5, seed), 0.4, 4)
        with pytest.warns(RegressionWarning, match="no interval in which to expect the truth"):
            band = fit.band()
        assert band.unexplained == fit.gram.floor > band.rise
        assert "no interval of confidence" in band.note
        assert band.noise_is_seen
        far = band.distance > 0.05
        truth = gaussian(band.distance[far])
        held.append(np.mean((band.lower[far] <= truth) & (truth <= band.upper[far])))
    assert np.mean(held) < 0.5  # which is why it warns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        band = fit_bernstein(gaussian_pairs(0.0, 0), 0.4, 4).band()
    assert band.noise_is_seen is False
    assert "the data show no noise" in band.note


@pytest.mark.parametrize("n_nodes", [30, 31])
def test_a_band_of_data_too_few_to_show_noise_says_so(n_nodes):
    """30 node weights fit 30 numbers of f, noise with them; one number more shows it."""
    rng = np.random.default_rng(4)
    u, f = rng.normal(size=(1, n_nodes + 60)), rng.normal(size=(1, n_nodes))
    gram = gram_matrix(TrainingPairs(u, f, 0.01, "volume", collar=30), 0.3, 2, rule="nodes")
    assert gram.weights.shape[0] == 30
    assert (gram.floor > gram.rounding) == (n_nodes == 31)
    kernel = BernsteinKernel((1.0, 1.0, 1.0), 0.3)
    told = "can't be known" if n_nodes == 30 else "no interval in which to expect the truth"
    with pytest.warns(RegressionWarning, match=told):
        band = kernel_band(gram, kernel)
    assert band.noise_is_seen is (None if n_nodes == 30 else True)
    assert ("too few data to show noise" in band.note) == (n_nodes == 30)


def test_a_band_of_another_kernel_is_refused():
    gram = biharmonic_gram()
    with pytest.raises(ValueError, match="^kernel must have horizon 0.5, degree 20"):
        kernel_band(gram, BernsteinKernel((1.0, 2.0), 0.5))
    kernel = BernsteinKernel((1.0,) * 21, 0.5)
    for name, value in (("tolerance", 0.0), ("size", np.inf), ("n_points", 1.5)):
        with pytest.raises(ValueError, match=f"^{name} must"):
            kernel_band(gram, kernel, **{name: value})
