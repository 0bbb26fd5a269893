"""Lists of near pairs against all pairs, and how long they hold."""

import numpy as np
import pytest

from nlbook.dislocations.glide.neighbours import MeetingPairs, NearPairs, meeting_pairs_loop

LENGTH = 100.0


def crowd(count=80, seed=0):
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(0.0, LENGTH, (2, count))
    return x, np.sort(y), generator.choice([-1.0, 0.0, 1.0], count)


def nearest(a):
    d = a[:, None] - a
    return d - LENGTH * np.round(d / LENGTH)


def brute_force(x, y, sign, distance):
    """Pairs of the living nearer than a distance."""
    near = np.hypot(nearest(x), nearest(y)) < distance
    near &= np.abs(sign[:, None] * sign) > 0
    i, j = np.nonzero(np.triu(near, 1))
    return {(int(a), int(b)) for a, b in zip(i, j, strict=True)}


def as_set(pairs):
    return {(int(min(pair)), int(max(pair))) for pair in pairs}


@pytest.mark.parametrize("distance", [0.5, 5.0, 20.0, 30.0])
def test_all_near_pairs_are_listed(distance):
    x, y, sign = crowd()
    near = NearPairs(y, sign, LENGTH)
    near.update(x, distance)
    assert as_set(near.pairs) >= brute_force(x, y, sign, distance)
    i, j = near.pairs.T
    assert len(as_set(near.pairs)) == len(near.pairs) <= near.entries.size
    d = y[j] - y[i]
    assert near.dy == pytest.approx(d - LENGTH * np.round(d / LENGTH))


def test_a_list_holds_until_somebody_has_moved_too_far():
    x, y, sign = crowd()
    near = NearPairs(y, sign, LENGTH)
    near.update(x, 10.0)
    before = near.pairs
    generator = np.random.default_rng(1)
    kept = 0
    for _ in range(30):
        x = x + generator.uniform(-0.5, 0.5, x.size)
        near.update(x, 10.0)
        assert as_set(near.pairs) >= brute_force(x, y, sign, 10.0)
        kept += near.pairs is before
    assert 2 <= kept < 30


def test_the_distance_is_bounded_by_half_the_box():
    x, y, sign = crowd()
    near = NearPairs(y, sign, LENGTH)
    near.update(x, 1e6)
    assert as_set(near.pairs) == brute_force(x, y, sign, 45.0)


def meeting(x, y, sign, distance=4.0):
    pairs, dy = np.empty((x.size**2, 2), dtype=np.int64), np.empty(x.size**2)
    found = meeting_pairs_loop(y, sign, LENGTH, 2.0, pairs, dy)
    return MeetingPairs(pairs[:found], dy[:found], sign, LENGTH, distance)


def test_meeting_pairs_are_opposite_and_near_in_y():
    x, y, sign = crowd(300)
    listed = as_set(meeting(x, y, sign)._all[0])
    near = (np.abs(nearest(y)) < 2.0) & (sign[:, None] * sign < 0)
    i, j = np.nonzero(np.triu(near, 1))
    assert listed == {(int(a), int(b)) for a, b in zip(i, j, strict=True)}


def test_pairs_that_may_meet_stay_listed_while_they_move():
    x, y, sign = crowd(300)
    list_ = meeting(x, y, sign)
    everything = list_._all[0]
    generator = np.random.default_rng(2)
    sizes = []
    for _ in range(20):
        list_.update(x)
        i, j = everything.T
        d = x[i] - x[j]
        near = np.abs(d - LENGTH * np.round(d / LENGTH)) < 4.0
        assert as_set(list_.pairs) >= as_set(everything[near])
        sizes.append(len(list_.pairs))
        x = x + generator.uniform(-1.0, 1.0, x.size)
    assert max(sizes) < 0.6 * len(everything)


def test_a_long_step_looks_at_all_pairs():
    x, y, sign = crowd(300)
    list_ = meeting(x, y, sign)
    list_.update(x)
    slow, fast = np.full(x.size, 0.1), np.full(x.size, 50.0)
    assert list_.along(slow, x + 0.1, slow, 1.0)[0] is list_.pairs
    assert list_.along(slow, x + 20.0, slow, 1.0)[0] is list_._all[0]
    assert list_.along(fast, x + 0.1, slow, 1.0)[0] is list_._all[0]  # it bows out
