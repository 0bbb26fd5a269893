"""Exponents of curves whose exponents are known."""

import numpy as np
import pytest

from nlbook.dislocations.statistics.exponents import (
    extrapolation_errors,
    local_exponents,
    number_changes,
)

TIME = np.linspace(0.0, 300.0, 301)


def test_a_power_law_has_its_exponent_everywhere():
    centres, exponents, errors = local_exponents(TIME, [0.2 * TIME ** (1 / 3)])
    assert exponents == pytest.approx(np.full(5, 1 / 3), abs=1e-12)
    assert np.all(errors == 0.0)
    assert centres[-1] == pytest.approx(300 / np.sqrt(3), rel=0.01)


def test_a_saturating_curve_has_falling_exponents():
    _, exponents, _ = local_exponents(TIME, [1 - np.exp(-TIME / 50)])
    assert np.all(np.diff(exponents) < 0)


def test_errors_of_exponents_are_those_of_repeated_ensembles():
    generator = np.random.default_rng(0)
    noise = generator.normal(0.0, 0.3, (400, 20, 2))  # scale of each row, and of its exponent
    rows = np.exp(noise[..., :1]) * np.maximum(TIME, 1e-9) ** (0.5 + 0.3 * noise[..., 1:])
    found = [local_exponents(TIME, some) for some in rows]
    spread = np.std([exponents for _, exponents, _ in found], axis=0)
    stated = np.mean([errors for _, _, errors in found], axis=0)
    # 400 repeats give the spread to 4 %, and the jackknife of 20 rows is off by a few percent
    assert stated == pytest.approx(spread, rel=0.15)


def test_power_laws_predict_each_other_up_to_their_scatter():
    scale = np.array([1.0, 1.1, 0.9])
    errors = extrapolation_errors(TIME, scale[:, None] * TIME**0.5, start=30, stop=100)
    others = (3.0 - scale) / 2
    assert errors == pytest.approx(others / scale - 1, abs=1e-12)


def test_the_window_ends_with_its_last_time():
    # a jump right after the window: neither a stop between two times nor one on a time sees it
    curves = np.tile(np.where(TIME > 100, 9.0, 1.0) * TIME**0.5, (2, 1))
    for stop in (100, 100 + (TIME[1] - TIME[0]) / 2):
        errors = extrapolation_errors(TIME, curves, start=30, stop=stop)
        assert errors == pytest.approx(1 / 9 - 1, abs=1e-12)


def test_a_saturating_curve_is_overestimated():
    curves = np.array([1 - np.exp(-TIME / 50)] * 2)
    assert np.all(extrapolation_errors(TIME, curves, start=10, stop=50) > 0.5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: local_exponents(TIME, [-TIME]), "curves must be positive"),
        (lambda: local_exponents(TIME, [TIME], factor=1.0), "factor"),
        (lambda: local_exponents(TIME[:4], [TIME[:4]]), "time must resolve"),
        (lambda: local_exponents(TIME, TIME), "curves must be an array of 2 axes"),
        (lambda: local_exponents([], [[]]), "rows over time"),
        (lambda: extrapolation_errors(TIME, [TIME], start=1, stop=9), "curves"),
        (lambda: extrapolation_errors(TIME, [TIME, -3 * TIME], start=1, stop=9), "positive"),
    ],
)
def test_what_has_no_logarithm_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_the_change_of_the_number_is_that_of_the_total():
    before, after = np.array([500, 100, 640]), np.array([495, 130, 610])
    values = number_changes(before, after)
    assert values.mean() == pytest.approx(1235 / 1240 - 1, abs=1e-15)
    # the same from batches that hold unlike numbers of realizations
    batches = number_changes([600, 640], [625, 610])
    assert batches.mean() == pytest.approx(values.mean(), abs=1e-15)


def test_the_error_of_the_change_is_that_of_the_bootstrap():
    # 4000 draws tell a standard deviation to 1.1 %; three of these
    generator = np.random.default_rng(1)
    before = generator.poisson(650, 200) + 30 * generator.standard_normal(200)
    after = before * (0.99 + 0.012 * generator.standard_normal(200))
    values = number_changes(before, after)
    drawn = generator.integers(200, size=(4000, 200))
    again = after[drawn].sum(axis=1) / before[drawn].sum(axis=1) - 1
    assert values.std(ddof=1) / np.sqrt(200) == pytest.approx(again.std(), rel=0.035)


def test_a_change_of_nothing_is_refused():
    with pytest.raises(ValueError, match="before must hold something"):
        number_changes([0, 0], [2, 0])
    with pytest.raises(ValueError, match="after must not be negative"):
        number_changes([2, 1], [2, -1])
