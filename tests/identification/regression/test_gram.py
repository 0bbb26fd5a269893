import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import TrainingPairs, gather, gram_matrix, pair_moments
from nlbook.kernels import BernsteinKernel
from tests.identification.regression_data import random_pairs_arrays, slow_loss

RNG = np.random.default_rng(5)
COEFFICIENTS = RNG.normal(size=6)


def periodic(n_samples=7, n_nodes=20, seed=0):
    u, f = random_pairs_arrays(n_samples, n_nodes, 0, seed)
    return TrainingPairs(u, f, 1 / n_nodes, "periodic")


def volume(n_samples=7, n_nodes=15, collar=9, seed=0):
    u, f = random_pairs_arrays(n_samples, n_nodes, collar, seed)
    return TrainingPairs(u, f, 1 / n_nodes, "volume", collar=collar)


@pytest.mark.parametrize("make", [periodic, volume])
@pytest.mark.parametrize("rule", ["cells", "nodes", "moments", "covered"])
def test_the_loss_is_that_of_the_samples(make, rule):
    pairs = make()
    gram = gram_matrix(pairs, 0.42, 5, alpha=0.7, rule=rule)
    expected = slow_loss(pairs, gram.weights @ COEFFICIENTS)
    # second moments are sums of some hundred products
    assert gram.loss(COEFFICIENTS) == pytest.approx(expected, rel=1e-11)
    quadratic = (
        COEFFICIENTS @ gram.matrix @ COEFFICIENTS - 2 * gram.cross @ COEFFICIENTS + gram.response
    )
    assert quadratic == pytest.approx(expected, rel=1e-11)


@given(horizon=st.floats(0.06, 3.3), n_nodes=st.integers(8, 25), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_horizons_longer_than_a_period_sum_the_images(horizon, n_nodes, seed):
    pairs = periodic(n_nodes=n_nodes, seed=seed)
    horizon = max(horizon, 1.01 / n_nodes)
    gram = gram_matrix(pairs, horizon, 5)
    expected = slow_loss(pairs, gram.weights @ COEFFICIENTS)
    assert gram.loss(COEFFICIENTS) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("make", [periodic, volume])
def test_blocks_in_a_stream_are_the_samples_at_once(make):
    whole = make(n_samples=9)
    blocks = (
        TrainingPairs(whole.u[k : k + 4], whole.f[k : k + 4], whole.spacing, whole.boundary,
                      collar=whole.collar)
        for k in range(0, 9, 4)
    )  # fmt: skip
    streamed = gram_matrix(blocks, 0.42, 5).loss(COEFFICIENTS)
    assert streamed == pytest.approx(gram_matrix(whole, 0.42, 5).loss(COEFFICIENTS), rel=1e-12)


def test_moments_of_engines_add_up():
    one, two = volume(n_samples=3, seed=1), volume(n_samples=5, seed=2)
    both = TrainingPairs(
        np.vstack([one.u, two.u]), np.vstack([one.f, two.f]), one.spacing, "volume",
        collar=one.collar,
    )  # fmt: skip
    total = pair_moments(one) + pair_moments(two)
    np.testing.assert_allclose(total.products, pair_moments(both).products, rtol=1e-12, atol=1e-12)
    added = gather(pair_moments(block) for block in (one, two))
    np.testing.assert_array_equal(added.products, total.products)
    with pytest.raises(ValueError, match="^collar must"):
        total + pair_moments(volume(collar=8))


def test_spectra_of_engines_add_up():
    one, two = periodic(n_samples=3, seed=1), periodic(n_samples=5, seed=2)
    both = TrainingPairs(
        np.vstack([one.u, two.u]), np.vstack([one.f, two.f]), one.spacing, "periodic"
    )
    added = gather(gather(block) for block in (one, two))
    for name in ("power", "cross", "response"):
        expected = getattr(gather(both), name)
        np.testing.assert_allclose(getattr(added, name), expected, rtol=1e-12, atol=1e-14)
    assert added.n_samples == 8
    with pytest.raises(ValueError, match="^pairs must share a grid"):
        gather([gather(one), gather(periodic(n_nodes=21))])


def test_moments_gathered_once_serve_every_degree_and_exponent():
    pairs = volume()
    data = gather(pairs)
    for degree, alpha in ((2, 0.0), (5, 1.5)):
        ours = gram_matrix(data, 0.42, degree, alpha=alpha)
        again = gram_matrix(data, 0.42, degree).with_alpha(alpha)
        expected = slow_loss(pairs, ours.weights @ COEFFICIENTS[: degree + 1])
        assert ours.loss(COEFFICIENTS[: degree + 1]) == pytest.approx(expected, rel=1e-11)
        assert again.loss(COEFFICIENTS[: degree + 1]) == pytest.approx(expected, rel=1e-11)


def test_a_finer_grid_holds_the_same_functions():
    pairs = periodic()
    fine = np.arange(60) / 60
    u_hat, f_hat = (np.fft.rfft(v, axis=1) for v in (pairs.u, pairs.f))
    u, f = (np.fft.irfft(np.pad(v, [(0, 0), (0, 20)]), 60, axis=1) * 3 for v in (u_hat, f_hat))
    np.testing.assert_allclose(u[:, ::3], pairs.u, atol=1e-12)
    expected = gram_matrix(TrainingPairs(u, f, fine[1], "periodic"), 0.42, 5)
    ours = gram_matrix(pairs, 0.42, 5, refinement=3)
    assert ours.loss(COEFFICIENTS) == pytest.approx(expected.loss(COEFFICIENTS), rel=1e-9)


def test_the_smallest_eigenvalue_on_the_line_is_that_of_the_operator():
    pairs = volume()
    gram = gram_matrix(pairs, 0.42, 5, alpha=1.2, rule="covered")
    kernel = BernsteinKernel(tuple(np.abs(COEFFICIENTS)), 0.42, alpha=1.2)
    matrix = -NonlocalDiffusion(kernel, pairs.nodes).matrix()
    values = np.linalg.eigvalsh(matrix)
    weights = gram.weights @ np.abs(COEFFICIENTS)
    value, row = gram.lowest_eigenpair(weights)
    assert value == pytest.approx(values[0], rel=1e-11)
    assert row @ weights == pytest.approx(value, rel=1e-11)
    other = np.abs(RNG.normal(size=weights.size))
    assert row @ other >= gram.lowest_eigenpair(other)[0] - 1e-12


def test_the_smallest_symbol_on_a_ring_leaves_constants_out():
    gram = gram_matrix(periodic(), 0.42, 5, rule="covered")
    kernel = BernsteinKernel(tuple(np.abs(COEFFICIENTS)), 0.42)
    operator = NonlocalDiffusion(kernel, np.arange(20) / 20, "periodic")
    values = np.sort(np.linalg.eigvalsh(-operator.matrix()))
    found = gram.lowest_eigenpair(gram.weights @ np.abs(COEFFICIENTS))[0]
    assert found == pytest.approx(values[1], rel=1e-11)


def test_what_the_data_ask_for_at_long_waves_is_known():
    x = np.arange(20) / 20
    u = np.sin(4 * np.pi * x)[np.newaxis]  # the second mode alone
    gram = gram_matrix(TrainingPairs(u, 160.0 * u, 1 / 20, "periodic"), 0.42, 5)
    assert gram.first_symbol == pytest.approx(40.0)


def test_a_collar_narrower_than_the_horizon_is_refused():
    with pytest.raises(ValueError, match="^collar must be at least 10 nodes"):
        gram_matrix(volume(), 0.7, 5)


@pytest.mark.parametrize(
    ("pairs", "change", "message"),
    [
        (periodic(), {"refinement": 0}, "^refinement must"),
        (volume(), {"refinement": 2}, "^refinement must be 1"),
        ([], {}, "^pairs must"),
        ([3], {}, "^pairs must"),
    ],
)
def test_what_makes_no_gram_matrix_is_refused(pairs, change, message):
    with pytest.raises(ValueError, match=message):
        gram_matrix(pairs, 0.42, 5, **change)


def test_moments_of_periodic_pairs_are_refused():
    with pytest.raises(ValueError, match="^pairs must have boundary"):
        pair_moments(periodic())
    with pytest.raises(ValueError, match="^pairs must hold"):
        pair_moments([])
