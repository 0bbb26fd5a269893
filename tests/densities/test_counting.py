"""Sums of histograms by sign and age."""

import numpy as np
import pytest

from nlbook.densities import shift_counts

EDGES = np.linspace(-3.0, 3.0, 13)


@pytest.fixture
def crowd():
    generator = np.random.default_rng(2)
    shift = np.round(generator.normal(size=400), 2) + 0.005
    return shift, generator.choice([-1, 1], 400), generator.random(400) < 0.2


def counts_of(shift, sign, newborn):
    bins = np.searchsorted(EDGES, shift, side="right")
    counts = np.zeros((2, 2, EDGES.size + 1), dtype=np.int32)
    np.add.at(counts, ((sign > 0).astype(int), newborn.astype(int), bins), 1)
    return counts


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("newborn", ["left_out", "counted"])
def test_counts_are_those_of_the_shifts_that_are_asked_for(crowd, signed, newborn):
    shift, sign, young = crowd
    chosen = ~young if newborn == "left_out" else np.full(young.size, True)
    wanted = (sign * shift if signed else shift)[chosen]
    outer = np.concatenate([[-np.inf], EDGES, [np.inf]])
    found = shift_counts(counts_of(*crowd), newborn=newborn, signed=signed)
    assert np.array_equal(found, np.histogram(wanted, outer)[0])


def test_leading_axes_are_kept(crowd):
    counts = np.broadcast_to(counts_of(*crowd), (5, 3, 2, 2, EDGES.size + 1))
    assert shift_counts(counts).shape == (5, 3, EDGES.size + 1)


@pytest.mark.parametrize(
    ("counts", "newborn", "said"),
    [
        (np.zeros((2, 2, 5), int), "dropped", "newborn must be 'left_out' or 'counted'"),
        (np.zeros((3, 2, 5), int), "left_out", "counts must have shape"),
        (np.zeros((2, 2, 5)), "left_out", "counts must be whole numbers"),
        (np.full((2, 2, 5), -1), "left_out", "counts must be whole numbers that are not negative"),
    ],
)
def test_bad_counts_are_refused_by_name(counts, newborn, said):
    with pytest.raises(ValueError, match=said):
        shift_counts(counts, newborn=newborn)


def test_counts_that_hide_something_are_refused():
    with pytest.raises(ValueError, match="counts must have no masked entries"):
        shift_counts(np.ma.masked_equal(np.ones((2, 2, 4), int), 1))
