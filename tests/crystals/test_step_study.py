"""What shorter steps change, against orders that theory gives."""

import numpy as np
import pytest

from nlbook.crystals import (
    PathRule,
    StrainPath,
    magnesium,
    random_texture,
    sample_strain_paths,
    shear_path,
    step_changes,
    stress_errors,
    taylor_response,
)

LAW = magnesium(twins=None)
GRAINS = random_texture(4, 1)
PATHS = sample_strain_paths(2, 3, PathRule(n_steps=800))


@pytest.mark.parametrize(("rule", "order"), [("euler", 1.0), ("two-stage", 2.0)])
def test_changes_fall_as_the_order_says(rule, order):
    changes = step_changes(PATHS, GRAINS, LAW, rule=rule)
    found = np.log2(changes[:, :-1] / changes[:, 1:])
    # systems that begin or end to slip within a step spoil the order of a single path a little
    assert np.mean(found) == pytest.approx(order, abs=0.35)


def test_a_change_is_the_difference_of_two_answers():
    path = PATHS[0]
    coarse, fine = (
        taylor_response(path.thinned(factor), GRAINS, LAW).deviator[::step]
        for factor, step in ((8, 1), (4, 2))
    )
    weights = np.sqrt(np.r_[0.5, np.ones(99), 0.5])[:, None, None]
    expected = np.linalg.norm(weights * (coarse - fine)) / np.linalg.norm(weights * fine)
    assert step_changes([path], GRAINS, LAW)[0, 0] == pytest.approx(expected, rel=1e-12)


def test_one_way_twins_do_not_converge_and_reversible_ones_change_less():
    reversible, one_way = (
        step_changes(PATHS, GRAINS, magnesium(twins=mode))[:, -1]
        for mode in ("reversible", "one-way")
    )
    assert np.nanmedian(one_way) > 0.1
    assert np.nanmedian(reversible) < 0.25 * np.nanmedian(one_way)


def test_steps_without_a_solution_have_no_change():
    path = shear_path(40.0, n_steps=8)
    changes = step_changes([path], GRAINS, magnesium())
    assert changes.shape == (1, 3)
    assert np.isnan(changes[0, 0])


def test_steps_that_do_not_divide_are_refused():
    times = np.linspace(0.0, 2e-5, 7)
    path = StrainPath(times, np.tile(np.eye(3), (7, 1, 1)))
    with pytest.raises(ValueError, match="factor must divide the path's 6 steps, got 8"):
        step_changes([path], GRAINS, LAW)
    with pytest.raises(ValueError, match="one or more"):
        step_changes([], GRAINS, LAW)
    assert len(path.thinned(3).times) == 3


def test_a_thinned_path_refined_is_the_path_where_it_is_linear():
    path = StrainPath([0.0, 1.0], [np.eye(3), np.diag([1.1, 1.0, 0.9])]).refined(4)
    again = path.thinned(4).refined(4)
    np.testing.assert_allclose(again.stretch, path.stretch, atol=1e-15)
    assert (
        stress_errors(taylor_response(again, GRAINS, LAW), taylor_response(path, GRAINS, LAW)).total
        < 1e-12
    )
