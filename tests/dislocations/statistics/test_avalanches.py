"""Avalanches of series drawn by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.dislocations.statistics.avalanches import (
    avalanche_threshold,
    find_avalanches,
    logarithmic_histogram,
)

TIME = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0])
ACTIVITY = np.array([0.0, 2.0, 2.0, 0.0, 0.0, 4.0, 0.0])


def test_sizes_and_durations_of_a_trapezoid_and_a_triangle():
    found = find_avalanches(TIME, ACTIVITY, 1.0)
    assert found.start == pytest.approx([0.5, 4.5])
    assert found.duration == pytest.approx([2.0, 6.75 - 4.5])
    assert found.size == pytest.approx([0.25 + 1 + 0.25, 0.5 * 2.25 * 3])
    assert found.peak == pytest.approx([2.0, 4.0])
    assert not found.cut.any()


def test_a_higher_threshold_splits_an_avalanche():
    activity = [0.0, 3.0, 1.5, 3.0, 0.0]
    assert find_avalanches(range(5), activity, 1.0).size.size == 1
    assert find_avalanches(range(5), activity, 2.0).size.size == 2


def test_what_touches_the_threshold_does_not_exceed_it():
    assert find_avalanches(range(3), [0.0, 1.0, 0.0], 1.0).size.size == 0
    split = find_avalanches(range(5), [0.0, 2.0, 1.0, 2.0, 0.0], 1.0)
    assert split.size == pytest.approx([0.75, 0.75])


def test_excursions_cut_by_the_ends_are_dropped_or_marked():
    activity = np.array([2.0, 0.0, 2.0, 0.0, 0.0, 2.0, 3.0])
    assert find_avalanches(TIME, activity, 1.0).start == pytest.approx([1.5])
    kept = find_avalanches(TIME, activity, 1.0, keep_cut=True)
    assert kept.cut.tolist() == [True, False, True]
    assert kept.start == pytest.approx([0.0, 1.5, 5.0])
    assert kept.duration == pytest.approx([0.5, 1.0, 2.0])
    assert kept.size == pytest.approx([0.25, 0.5, 0.5 + 1.5])
    whole = find_avalanches(TIME, activity + 5, 1.0, keep_cut=True)
    assert (whole.cut.tolist(), whole.duration.tolist()) == ([True], [7.0])


def test_a_quiet_series_has_no_avalanche():
    found = find_avalanches(TIME, 0 * TIME, 1.0)
    assert found.size.shape == found.duration.shape == found.peak.shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=40), st.floats(-2, 2))
def test_sizes_add_up_to_the_integral_above_the_threshold(values, threshold):
    time = np.arange(len(values), dtype=float)
    found = find_avalanches(time, values, threshold, keep_cut=True)
    fine = np.linspace(0, time[-1], 20 * 40 * (len(values) - 1) + 1)
    excess = np.maximum(np.interp(fine, time, values) - threshold, 0)
    assert found.size.sum() == pytest.approx(np.trapezoid(excess, fine), abs=1e-4 * len(values))


def test_the_threshold_is_a_multiple_of_the_quiet_level():
    activity = np.array([1.0, 1.1, 0.9, 1.0, 30.0, 1.0, 25.0])
    assert avalanche_threshold(activity, 1.5) == pytest.approx(1.5)


def test_histograms_count_everything_once():
    sizes = 10.0 ** np.random.default_rng(1).uniform(-2.3, 1.7, 1000)
    edges, counts, density = logarithmic_histogram(sizes, per_decade=4)
    assert counts.sum() == 1000
    assert np.array_equal(counts, np.histogram(sizes, edges)[0])
    assert np.sum(density * np.diff(edges)) == pytest.approx(1)
    assert np.log10(edges) * 4 == pytest.approx(np.round(np.log10(edges) * 4))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: find_avalanches(TIME, ACTIVITY[1:], 1.0), "one shape"),
        (lambda: find_avalanches(TIME[::-1], ACTIVITY, 1.0), "time must ascend"),
        (lambda: find_avalanches(TIME, ACTIVITY * np.nan, 1.0), "activity must be finite"),
        (lambda: find_avalanches(TIME, ACTIVITY, np.nan), "threshold"),
        (lambda: avalanche_threshold([]), "activity"),
        (lambda: avalanche_threshold([0.0, 0.0, 1.0]), "positive median"),
        (lambda: avalanche_threshold([1.0], 1.0), "multiple"),
        (lambda: logarithmic_histogram([1.0, 0.0]), "values"),
        (lambda: logarithmic_histogram([1.0], per_decade=0), "per_decade"),
    ],
)
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
