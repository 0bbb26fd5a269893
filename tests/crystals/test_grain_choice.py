"""The choice of a few against brute force and against SciPy's nonnegative least squares."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls

from nlbook.crystals import choose_few, grain_choice


def columns(n, seed, n_rows=30):
    """Differences from a target, as of grains: scattered about it, in few directions."""
    return np.random.default_rng(seed).normal(size=(n, n_rows)) + 0.1


def best_on(rows, chosen):
    """Least |w D|^2 for w >= 0 of sum one, by a heavy row."""
    heavy = 1e5
    matrix = np.vstack([rows[list(chosen)].T, np.full(len(chosen), heavy)])
    weights, _ = nnls(matrix, np.append(np.zeros(rows.shape[1]), heavy))
    weights /= weights.sum()
    return float(np.sum((weights @ rows[list(chosen)]) ** 2)), weights


def missed(rows, chosen, weights):
    return float(np.sum((weights @ rows[chosen]) ** 2))


@pytest.mark.parametrize("seed", range(6))
def test_restarts_find_the_best_of_all_sets(seed):
    rows = columns(12, seed)
    least = min(best_on(rows, chosen)[0] for chosen in combinations(range(12), 4))
    found = missed(rows, *choose_few(rows @ rows.T, 4, n_restarts=30))
    assert found == pytest.approx(least, rel=1e-6)


def test_weights_are_those_of_nonnegative_least_squares():
    rows = columns(80, 3)
    chosen, weights = choose_few(rows @ rows.T, 8)
    value, other = best_on(rows, chosen)
    assert weights == pytest.approx(other, abs=1e-5)
    assert missed(rows, chosen, weights) == pytest.approx(value, rel=1e-6)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14) and weights.min() > 0


def test_with_room_for_all_it_ends_where_nonnegative_least_squares_does():
    rows = columns(40, 5)
    chosen, weights = choose_few(rows @ rows.T, 40)
    value, other = best_on(rows, range(40))
    assert missed(rows, chosen, weights) == pytest.approx(value, rel=1e-6)
    assert np.flatnonzero(other > 1e-6).tolist() == chosen.tolist()


def test_no_swap_by_hand_is_better():
    rows = columns(30, 7)
    chosen, weights = choose_few(rows @ rows.T, 5)
    found = missed(rows, chosen, weights)
    for place in range(5):
        for other in set(range(30)) - set(chosen.tolist()):
            swapped = chosen.copy()
            swapped[place] = other
            assert best_on(rows, swapped)[0] > found * (1 - 1e-6)


def test_no_more_are_chosen_than_help():
    rows = columns(50, 9)
    rows[20] = 0.0  # is the target
    chosen, weights = choose_few(rows @ rows.T, 3, n_restarts=5)
    assert chosen.tolist() == [20] and weights.tolist() == [1.0]


def test_equal_columns_are_not_chosen_twice():
    rows = np.repeat(columns(4, 2), 3, axis=0)
    chosen, weights = choose_few(rows @ rows.T, 6, n_restarts=20)
    assert len(np.unique(chosen // 3)) == len(chosen) <= 4
    assert np.all(np.isfinite(weights))


def test_one_is_the_nearest():
    rows = columns(20, 4)
    chosen, weights = choose_few(rows @ rows.T, 1, n_restarts=3)
    assert chosen.tolist() == [int(np.argmin(np.sum(rows**2, axis=1)))]
    assert weights.tolist() == [1.0]


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1e12, 1e30])
def test_the_unit_of_the_entries_changes_nothing(factor):
    rows = columns(40, 6)
    chosen, weights = choose_few(rows @ rows.T, 6, n_restarts=5)
    again, same = choose_few(factor * (rows @ rows.T), 6, n_restarts=5)
    assert again.tolist() == chosen.tolist()
    assert same == pytest.approx(weights, rel=1e-9)


def test_one_column_that_is_far_off_spoils_nothing():
    rows = columns(40, 6)
    chosen, weights = choose_few(rows @ rows.T, 6)
    rows = np.vstack([rows, 1e8 * np.ones(rows.shape[1])])
    again, same = choose_few(rows @ rows.T, 6)
    # the unit, a median, is another by some hundredths; weights follow to rounding
    assert again.tolist() == chosen.tolist() and same == pytest.approx(weights, rel=1e-6)


@pytest.mark.parametrize("noise", [1e-4, 1e-7])
@pytest.mark.parametrize("seed", range(5))
def test_swaps_end_where_columns_are_nearly_dependent(monkeypatch, noise, seed):
    # what a swap is foretold to gain is then rounding, and two sets may take turns for ever
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(30, 4)) @ generator.normal(size=(4, 20))
    rows = rows + noise * generator.normal(size=(30, 20))
    asked, search = [], grain_choice._Search.best_addition

    def counted(*arguments):
        asked.append(1)
        assert len(asked) < 3000, "swaps do not end"
        return search(*arguments)

    monkeypatch.setattr(grain_choice._Search, "best_addition", counted)
    chosen, weights = choose_few(rows @ rows.T, 6)
    assert len(set(chosen.tolist())) == len(chosen) <= 6
    assert weights.min() > 0 and weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("gram", "n_chosen", "options", "named"),
    [
        (np.ones((2, 3)), 1, {}, "gram"),
        ([[1.0, 2.0], [0.0, 1.0]], 1, {}, "symmetric"),
        ([[1e-20, 2e-20], [0.0, 1e-20]], 1, {}, "symmetric"),
        (-np.eye(2), 1, {}, "gram"),
        (np.full((2, 2), np.nan), 1, {}, "gram"),
        (np.eye(2), 0, {}, "n_chosen"),
        (np.eye(2), 3, {}, "n_chosen"),
        (np.eye(2), 1, {"n_restarts": -1}, "n_restarts"),
    ],
)
def test_bad_arguments_are_refused_by_name(gram, n_chosen, options, named):
    with pytest.raises(ValueError, match=named):
        choose_few(gram, n_chosen, **options)
