import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.parallel import seed_sequence, task_seed

naturals = st.integers(min_value=0, max_value=2**70)


@settings(deadline=None)
@given(seed=naturals, k=st.integers(0, 20))
def test_a_child_is_numpy_s_spawned_child(seed, k):
    spawned = np.random.SeedSequence(seed).spawn(21)[k]
    child = seed_sequence(task_seed(seed, k))
    assert np.array_equal(child.generate_state(8), spawned.generate_state(8))


def test_children_of_children_are_numpy_s():
    spawned = np.random.SeedSequence(5).spawn(4)[3].spawn(2)[1]
    child = seed_sequence(task_seed(task_seed(5, 3), 1))
    assert np.array_equal(child.generate_state(8), spawned.generate_state(8))


def test_a_seed_that_went_through_json_or_numpy_is_the_same():
    expected = seed_sequence((5, 3)).generate_state(4)
    for seed in ([5, 3], (np.int64(5), np.uint8(3))):
        assert np.array_equal(seed_sequence(seed).generate_state(4), expected)


def test_an_integer_seed_is_numpy_s():
    expected = np.random.default_rng(np.random.SeedSequence(11)).normal()
    assert np.random.default_rng(seed_sequence(11)).normal() == expected


def test_a_seed_sequence_is_passed_on():
    sequence = np.random.SeedSequence(1)
    assert seed_sequence(sequence) is sequence


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None, (), (1, -2), (1, 2.0)])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be"):
        seed_sequence(seed)


@pytest.mark.parametrize("k", [-1, 1.5, True, None])
def test_a_child_has_a_natural_number(k):
    with pytest.raises(ValueError, match="k must be"):
        task_seed(1, k)
