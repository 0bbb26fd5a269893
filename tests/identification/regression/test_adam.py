from dataclasses import replace

import numpy as np
import pytest

from nlbook.identification import (
    Adam,
    MengeshaDu,
    Nonnegative,
    TrainingPairs,
    adam_fit,
    biharmonic_pairs,
    fit_bernstein,
    gram_matrix,
    mengesha_du_norm,
)
from nlbook.identification.regression.mengesha_du import correction
from nlbook.identification.regression.programmes import nonnegative
from tests.identification.regression_data import random_pairs_arrays

torch = pytest.importorskip("torch")

FEW = Adam(epochs=6, epochs_correction=2, most_steps=6)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pairs():
    return biharmonic_pairs(0.003, 0.5, 2000, seed=3)


def test_its_first_step_is_adams_on_the_samples():
    """One batch of all samples: each coefficient moves by the rate, down its slope."""
    data = pairs()
    gram = gram_matrix(data, 0.5, 4)
    settings = Adam(epochs=1, batch_size=2000)
    start = 0.4 / 0.5**3 * np.ones(5)
    optimum, history = adam_fit(data, gram, settings, corrected=False, start=start)
    slope = gram.matrix @ start - gram.cross
    expected = start - 5e-3 / 0.5**3 * np.sign(slope)
    np.testing.assert_allclose(optimum.coefficients, expected, rtol=1e-6)  # epsilon of Adam
    assert history.n_steps == 1


def test_the_exact_optimum_is_below_it_in_both_stages():
    data = pairs()
    gram = gram_matrix(data, 0.5, 8)
    fit = fit_bernstein(data, 0.5, 8, MengeshaDu(stages=2, solver=FEW))
    positive = np.asarray(fit.positive.coefficients)
    exact = correction(gram, positive)
    assert gram.loss(nonnegative(gram).coefficients) <= fit.stage_losses[0]
    assert gram.loss(exact.coefficients) <= fit.loss
    assert fit.loss < fit.stage_losses[0]
    assert fit.certificate.lower_bound <= fit.loss
    assert fit.history.first[-1] == pytest.approx(fit.stage_losses[0])
    assert fit.history.n_steps == 20 * (6 + 2 * fit.history.second.size)


def test_its_kernel_keeps_the_bound_that_it_is_scaled_into():
    data = pairs()
    gram = gram_matrix(data, 0.5, 8)
    optimum, history = adam_fit(data, gram, FEW)
    norm = mengesha_du_norm(gram.weights @ (optimum.coefficients - optimum.positive))
    allowed = gram.lowest_eigenpair(gram.weights @ optimum.positive)[0] / 2
    assert norm <= allowed * (1 + 1e-12)
    assert 0 < history.repair <= 1


def test_with_an_exact_slack_the_second_stage_ends_below_the_first_and_near_the_exact_one():
    """As printed it ends above: the penalty, not the loss, sets Adam's steps."""
    data = pairs()
    gram = gram_matrix(data, 0.5, 8)
    positive = nonnegative(gram).coefficients
    exact = gram.loss(correction(gram, positive).coefficients)
    working = Adam(epochs_correction=10, batch_size=10, most_steps=3, exact_slack=True, growth=1.0)
    first = gram.loss(positive)
    found = gram.loss(adam_fit(data, gram, working, positive=positive)[0].coefficients)
    literal = replace(working, exact_slack=False, growth=10.0)
    stalled = gram.loss(adam_fit(data, gram, literal, positive=positive)[0].coefficients)
    assert exact <= found < 0.9 * first
    assert found < stalled


def test_c_may_be_given_and_the_result_depends_on_the_seed_alone():
    data = pairs()
    exact = fit_bernstein(data, 0.5, 8, Nonnegative())
    fits = [fit_bernstein(data, 0.5, 8, MengeshaDu(2, exact.kernel, solver=FEW)) for _ in range(2)]
    assert fits[0].positive == exact.kernel
    assert fits[0].kernel == fits[1].kernel
    assert fits[0].history.first.size == 0


def test_more_epochs_from_where_it_ended_go_on_down():
    data = pairs()
    first = fit_bernstein(data, 0.5, 8, Nonnegative(solver=FEW))
    more = fit_bernstein(data, 0.5, 8, Nonnegative(solver=FEW), start=first)
    assert more.loss < first.loss


def test_data_that_it_cannot_take_are_refused():
    u, f = random_pairs_arrays(4, 15, 9)
    on_a_line = TrainingPairs(u, f, 1 / 15, "volume", collar=9)
    with pytest.raises(ValueError, match="^pairs must be periodic and alpha 0 for Adam"):
        fit_bernstein(on_a_line, 0.4, 3, Nonnegative(solver=Adam()))
    data = pairs()
    with pytest.raises(ValueError, match="^pairs must be TrainingPairs for Adam"):
        fit_bernstein(gram_matrix(data, 0.5, 8), 0.5, 8, Nonnegative(solver=Adam()))
    hidden = np.ma.masked_array(np.ones(9), mask=[1, *[0] * 8])
    with pytest.raises(ValueError, match="^positive must have no masked entries"):
        adam_fit(data, gram_matrix(data, 0.5, 8), FEW, positive=hidden)
    with pytest.raises(ValueError, match="^start must be 9 coefficients, got 4"):
        adam_fit(data, gram_matrix(data, 0.5, 8), FEW, start=np.ones(4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "^epochs must"),
        ({"batch_size": 1.5}, "^batch_size must"),
        ({"rate": 0.0}, "^rate must"),
        ({"epochs": True}, "^epochs must"),
        ({"growth": 0.9}, "^growth must"),
        ({"progress": 1.0}, "^progress must"),
        ({"exact_slack": 1}, "^exact_slack must"),
        ({"seed": -1}, "^seed must"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Adam(**change)
