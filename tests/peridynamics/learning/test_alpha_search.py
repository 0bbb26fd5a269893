"""Which of exponents that fit alike is taken, whatever the rounding."""

import numpy as np
import pytest

from nlbook.peridynamics import AlphaTrials
from nlbook.peridynamics.learning.alpha_search import SAME, seek_alpha


@pytest.mark.parametrize("slope", [-1, 1])
def test_of_exponents_that_fit_equally_well_the_smallest_is_taken(slope):
    trials, words = seek_alpha(lambda alpha: 1 + 0.4 * SAME * slope * alpha, (0.0, 2.0))
    assert trials.best == 0.0
    assert "the smallest is taken" in words[0]


def test_the_best_of_others_is_found():
    trials, words = seek_alpha(lambda alpha: 1 + (alpha - 1.3) ** 2, (0.0, 2.0))
    assert trials.best == pytest.approx(1.3, abs=0.01)
    assert words == []


def test_an_end_of_the_interval_is_told():
    trials, words = seek_alpha(lambda alpha: 1 + alpha, (0.0, 2.0))
    assert trials.best == 0.0
    assert words[0].startswith("alpha ended at 0, at the end of the interval")


def test_no_trials_have_no_best():
    with pytest.raises(ValueError, match="^search must hold trials"):
        _ = AlphaTrials(np.empty(0), np.empty(0)).best
