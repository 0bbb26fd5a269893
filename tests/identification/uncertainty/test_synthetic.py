import numpy as np
import pytest

from nlbook.identification.uncertainty.synthetic import LearnedLikelihood, sample_laws

SCATTER = np.array([[0.04, 0.01], [0.01, 0.02]])
SLOPES = np.array([[0.3, -0.4], [0.2, 1.0]])


def fits(generator, laws):
    """A bent map with scatter that grows along the first number of the law."""
    mean = laws @ SLOPES.T + 0.1 * laws[:, :1] ** 2
    noise = generator.standard_normal(laws.shape) @ np.linalg.cholesky(SCATTER).T
    return mean + np.exp(0.3 * laws[:, :1]) * noise


def test_the_map_and_its_scatter_are_learned():
    generator = np.random.default_rng(1)
    laws = generator.uniform(-1, 1, (4000, 2))
    learned = LearnedLikelihood(laws, fits(generator, laws), np.zeros(2))
    at = np.array([[0.2, -0.1]])
    exact = at @ SLOPES.T + 0.1 * at[:, :1] ** 2
    # a fit scatters by 0.2 and 0.14; ten numbers from some 2000 laws
    np.testing.assert_allclose(learned.mean(at), exact, atol=0.02)
    np.testing.assert_allclose(learned.covariances(at)[0], np.exp(0.12) * SCATTER, rtol=0.25)
    bent = SLOPES + np.array([[0.2 * 0.2, 0.0], [0.2 * 0.2, 0.0]])
    np.testing.assert_allclose(learned.response(at[0]), bent, atol=0.06)


def test_quantiles_hold_the_law_as_often_as_they_say():
    held = 0
    law = np.array([[0.1, 0.2]])
    for number in range(60):
        generator = np.random.default_rng([2, number])
        laws = generator.uniform(-3, 3, (80, 2))
        fitted, target = fits(generator, laws), fits(generator, law)[0]
        found = sample_laws(
            LearnedLikelihood(laws, fitted, target), np.full(2, -3.0), np.full(2, 3.0), generator
        )
        low, high = np.quantile(found[:, 1], [0.05, 0.95])
        held += low <= law[0, 1] <= high
    assert held >= 48  # of 60; at 90 % fewer come in one of 400 tries


def test_what_the_fit_does_not_feel_fills_the_range():
    generator = np.random.default_rng(3)
    laws = generator.uniform(-1, 1, (200, 2))
    fitted = np.column_stack([laws[:, 1], laws[:, 1]]) + 0.1 * generator.standard_normal((200, 2))
    found = sample_laws(
        LearnedLikelihood(laws, fitted, np.zeros(2)), np.full(2, -1.0), np.ones(2), generator
    )
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    assert high[0] - low[0] > 1.5
    assert high[1] - low[1] < 0.6


def test_further_scatter_widens_what_is_left():
    generator = np.random.default_rng(4)
    laws = generator.uniform(-1, 1, (200, 2))
    fitted = laws + 0.05 * generator.standard_normal((200, 2))
    widths = [
        np.std(
            sample_laws(
                LearnedLikelihood(laws, fitted, np.zeros(2), extra), np.full(2, -1.0), np.ones(2),
                np.random.default_rng(5),
            ),
            axis=0,
        )
        for extra in (None, 0.05**2 * np.eye(2))
    ]  # fmt: skip
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(2), rel=0.15)
