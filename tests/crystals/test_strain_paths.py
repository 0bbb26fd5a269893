"""Random strain paths obey their rule, and the special ones their formulas."""

import numpy as np
import pytest

from nlbook.crystals import (
    PathRule,
    cavity_path,
    draw_strain_path,
    load_unload_path,
    rejected_share,
    rotated_path,
    sample_strain_paths,
    shear_path,
    uniaxial_path,
)
from nlbook.parallel import task_seed

FIXED = PathRule(intervals="fixed", n_steps=100, duration=3.0)


def components(path):
    return path.stretch[:, *np.triu_indices(path.stretch.shape[1])]


def log_stretch(path):
    values, vectors = np.linalg.eigh(path.stretch)
    return (vectors * np.log(values)[:, None, :]) @ np.swapaxes(vectors, 1, 2)


def test_a_fixed_walk_moves_each_component_by_the_same_at_every_tenth():
    for path in sample_strain_paths(5, 3, FIXED):
        moves = np.diff(components(path)[::10], axis=0)
        assert np.abs(np.abs(moves) - 0.1 * np.sqrt(0.1)).max() < 1e-12
        assert np.array_equal(path.stretch[0], np.eye(3))
        assert path.times[-1] == 3.0


def test_components_have_signs_of_their_own():
    path = sample_strain_paths(1, 3, FIXED)[0]
    moves = np.sign(np.diff(components(path)[::10], axis=0))
    assert len({tuple(column) for column in moves.T}) > 3


@pytest.mark.parametrize("rule", [FIXED, PathRule(n_steps=20)])
def test_the_standard_deviation_at_the_end_is_the_largest_strain(rule):
    ends = np.array([path.stretch[-1] - np.eye(3) for path in sample_strain_paths(400, 5, rule)])
    found = np.sqrt(np.mean(ends**2, axis=0))
    # 2400 independent numbers of kurtosis up to 3: sqrt(1/1200) of scatter, four times over
    assert np.sqrt(np.mean(found[np.triu_indices(3)] ** 2)) == pytest.approx(0.1, rel=0.12)


def test_monotone_slopes_keep_a_path_within_its_knots():
    path = draw_strain_path(8, PathRule(intervals="fixed", n_steps=1000))[0]
    knots = components(path)[::100]
    for k in range(10):
        inside = components(path)[100 * k : 100 * (k + 1)]
        ends = np.sort(knots[k : k + 2], axis=0)
        assert np.all(inside >= ends[0] - 1e-12) and np.all(inside <= ends[1] + 1e-12)


def test_parabolic_slopes_pass_the_same_knots_and_leave_their_range():
    fixed = draw_strain_path(8, PathRule(intervals="fixed", n_steps=100, slopes="parabola"))[0]
    assert components(fixed)[::10] == pytest.approx(
        components(draw_strain_path(8, FIXED)[0])[::10], abs=1e-12
    )
    # steps of one size and one length turn at their knots; random lengths don't
    monotone, parabola = (
        components(draw_strain_path(8, PathRule(n_steps=2000, slopes=slopes))[0])
        for slopes in ("monotone", "parabola")
    )
    assert np.max(parabola.max(axis=0) - monotone.max(axis=0)) > 1e-4
    assert np.min(parabola.max(axis=0) - monotone.max(axis=0)) > -1e-4  # a knot between two times


def test_random_intervals_are_no_shorter_than_said():
    # with monotone slopes, a component that turns has its extreme at a knot
    rule = PathRule(n_steps=20_000, shortest=0.5)
    for path in sample_strain_paths(5, 4, rule):
        turns = np.diff(np.sign(np.diff(components(path), axis=0)), axis=0) != 0
        places = np.concatenate([[0], np.flatnonzero(turns.any(axis=1)) + 1, [20_000]])
        gaps = np.diff(places)
        gaps = gaps[gaps > 3]  # the same knot, seen by several components
        assert len(gaps) >= 5 and gaps.min() >= 0.5 / 10 * 20_000 - 4


def test_the_logarithmic_walk_keeps_the_volume_and_needs_no_rejection():
    rule = PathRule(measure="logarithm", largest_strain=1.0, n_steps=50)
    assert rejected_share(20, 1, rule) == 0.0
    for path in sample_strain_paths(20, 1, rule):
        assert path.volume_ratio == pytest.approx(np.ones(51), abs=1e-9)


@pytest.mark.parametrize(("dimension", "n_components"), [(2, 2), (3, 5)])
def test_the_logarithmic_walk_moves_all_its_components_alike(dimension, n_components):
    rule = PathRule(measure="logarithm", intervals="fixed", n_steps=100, dimension=dimension)
    moves = np.diff(log_stretch(draw_strain_path(2, rule)[0])[::10], axis=0)
    sizes = np.sum(moves**2, axis=(1, 2))
    assert sizes == pytest.approx(np.full(10, n_components * 0.1**2 * 0.1), rel=1e-9)


def test_half_strain_is_rejected_often_and_a_tenth_is_not():
    assert rejected_share(200, 7, PathRule()) == 0.0
    shares = [rejected_share(200, 7, PathRule(largest_strain=0.5, dimension=d)) for d in (2, 3)]
    assert 0.1 < shares[0] < 0.5 < shares[1] < 0.9


def test_accepted_paths_keep_their_least_eigenvalue():
    rule = PathRule(largest_strain=0.5, least_stretch=0.3)
    for path in sample_strain_paths(20, 7, rule):
        assert np.linalg.eigvalsh(path.stretch).min() > 0.3 - 1e-3  # between two looks


def test_a_path_is_the_same_at_any_number_of_steps():
    coarse = PathRule(largest_strain=0.5, n_steps=50)
    fine = PathRule(largest_strain=0.5, n_steps=400)
    for k in range(10):
        (one, rejected), (other, again) = (
            draw_strain_path(task_seed(9, k), rule) for rule in (coarse, fine)
        )
        assert one.stretch == pytest.approx(other.stretch[::8], abs=1e-13)
        assert rejected == again


def test_a_path_depends_on_its_own_number_alone():
    many, few = sample_strain_paths(4, 6), sample_strain_paths(2, 6)
    assert np.array_equal(many[1].stretch, few[1].stretch)
    assert not np.array_equal(many[0].stretch, many[1].stretch)


def test_a_hopeless_rule_is_said_to_be_so(monkeypatch):
    monkeypatch.setattr("nlbook.crystals.strain_paths._MOST_DRAWS", 20)
    with pytest.raises(ValueError, match="largest_strain must be less"):
        draw_strain_path(1, PathRule(largest_strain=50.0))


@pytest.mark.parametrize("dimension", [2, 3])
def test_special_paths_are_their_formulas(dimension):
    options = {"duration": 2.0, "n_steps": 4, "dimension": dimension}
    f = np.array([1.0, 1.05, 1.1, 1.15, 1.2])
    path = uniaxial_path(0.2, **options)
    assert path.stretch[:, 0, 0] == pytest.approx(f)
    assert path.volume_ratio == pytest.approx(np.ones(5))
    assert path.times == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    path = load_unload_path(0.2, **options)
    assert path.stretch[:, 0, 0] == pytest.approx([1.0, 1.05, 1.1, 1.05, 1.0])
    path = cavity_path(0.2, **options)
    assert path.stretch[:, 1, 1] == pytest.approx(
        np.sqrt(1 + 0.2 * np.array([0, 1, 4, 9, 16]) / 16)
    )
    assert path.volume_ratio == pytest.approx(np.ones(5))


def test_the_stretch_of_shear_is_the_root_of_the_right_tensor():
    path = shear_path(0.8, n_steps=2)
    right = np.array([[1.0, 0.8, 0.0], [0.8, 1.64, 0.0], [0.0, 0.0, 1.0]])  # F^T F
    assert path.stretch[-1] @ path.stretch[-1] == pytest.approx(right, abs=1e-14)


def test_a_rotated_path_has_the_same_eigenvalues():
    turn = np.array([[0.0, -1.0, 0.0], [0.6, 0.0, -0.8], [0.8, 0.0, 0.6]])
    path = sample_strain_paths(1, 2)[0]
    other = rotated_path(path, turn)
    assert np.linalg.eigvalsh(other.stretch) == pytest.approx(np.linalg.eigvalsh(path.stretch))
    assert other.stretch[-1] == pytest.approx(turn @ path.stretch[-1] @ turn.T)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("largest_strain", 0.0),
        ("duration", -1.0),
        ("n_steps", 0),
        ("n_intervals", 2.5),
        ("intervals", "even"),
        ("shortest", 1.5),
        ("measure", "strain"),
        ("slopes", "none"),
        ("least_stretch", 1.0),
        ("dimension", 4),
    ],
)
def test_a_rule_refuses_what_is_none(field, value):
    with pytest.raises(ValueError, match=field):
        PathRule(**{field: value})


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: sample_strain_paths(0, 1), "n_paths"),
        (lambda: draw_strain_path(-1), "seed"),
        (lambda: uniaxial_path(-1.0), "strain"),
        (lambda: load_unload_path(-2.0), "strain"),
        (lambda: cavity_path(-1.5), "strain"),
        (lambda: shear_path(np.nan), "strain"),
        (lambda: uniaxial_path(0.1, duration=0.0), "duration"),
        (lambda: shear_path(0.1, n_steps=0), "n_steps"),
        (lambda: uniaxial_path(0.1, dimension=1), "dimension"),
        (lambda: rotated_path(uniaxial_path(0.1), np.eye(2)), "rotation"),
        (lambda: rotated_path(uniaxial_path(0.1), -np.eye(3)), "rotation"),
        (lambda: rotated_path(uniaxial_path(0.1), 2 * np.eye(3)), "rotation"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
