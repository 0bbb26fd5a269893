"""Slip and twin systems against what textbooks say of them."""

import numpy as np
import pytest

from nlbook.crystals import (
    SlipSystems,
    fcc,
    hcp,
    miller_systems,
    tension_twin_shear,
    two_dimensional_pair,
)


def test_a_hexagonal_crystal_has_three_three_six_and_six_systems():
    assert np.bincount(hcp().family).tolist() == [3, 3, 6, 6]
    assert (hcp().n_slip, hcp().n_twin) == (12, 6)


@pytest.mark.parametrize(
    ("families", "rank"),
    [
        (["basal"], 2),
        (["prismatic"], 2),
        (["basal", "prismatic"], 4),
        (["pyramidal"], 5),
        (["tension twin"], 5),
    ],
)
def test_families_make_as_many_strains_as_textbooks_say(families, rank):
    assert hcp().rank(families) == rank


def test_basal_and_prismatic_slip_leave_the_c_axis_as_long_as_it_is():
    symmetric = hcp().symmetric_schmid_tensors[:6]
    assert np.max(np.abs(symmetric[:, 2, 2])) < 1e-15


def test_the_twins_shear_is_that_of_the_axial_ratio():
    assert tension_twin_shear(1.624) == pytest.approx(0.1289, abs=5e-5)


def test_a_twin_makes_its_crystal_again():
    """What the shear leaves of the cell is the cell of the twinned lattice: same metric."""
    ratio, systems = 1.624, hcp()
    s, m = systems.directions[12], systems.normals[12]
    shear = np.eye(3) + tension_twin_shear(ratio) * np.outer(s, m)
    a1, a2, c = np.array([1.0, 0, 0]), np.array([-0.5, np.sqrt(0.75), 0]), np.array([0, 0, ratio])
    along = -2 * a1 - a2 + c  # [-1 0 1 1], the direction of the shear
    assert abs(along @ m) < 1e-12
    assert np.max(np.abs(np.cross(along, s))) < 1e-12
    other = -2 * a1 - a2 - c  # its mirror image in the basal plane, which the shear moves
    turned = shear @ other
    # it keeps its length: this direction lies in the second undistorted plane
    assert np.linalg.norm(turned) == pytest.approx(np.linalg.norm(other), abs=1e-12)


def test_tension_along_c_has_the_schmid_factors_of_textbooks():
    factors = hcp().schmid_factors([0.0, 0.0, 1.0])
    assert np.abs(factors[:6]).max() < 1e-15
    assert np.abs(factors[6:12]) == pytest.approx(0.4465, abs=5e-5)
    assert factors[12:] == pytest.approx(0.499, abs=5e-4)  # of one sign: they stretch c


def test_a_cubic_crystal_has_twelve_octahedral_systems():
    systems = fcc()
    assert len(systems.family) == 12
    assert systems.rank() == 5
    assert np.abs(systems.schmid_factors([1, 0, 0])).max() == pytest.approx(1 / np.sqrt(6))


def test_both_systems_of_the_plane_share_one_symmetric_schmid_tensor():
    symmetric = two_dimensional_pair().symmetric_schmid_tensors
    assert np.array_equal(symmetric[0], symmetric[1])


def test_slip_in_a_twin_is_that_of_a_lattice_turned_by_half_a_turn():
    systems = hcp()
    normal = systems.normals[12]
    turned = systems.twinned_schmid_tensors[0, 0]
    s, m = systems.directions[0], systems.normals[0]
    half = 2 * np.outer(normal, normal) - np.eye(3)
    assert np.max(np.abs(turned - np.outer(half @ s, half @ m))) < 1e-15


def test_own_systems_come_from_indices():
    own = miller_systems({"cube": [((1, 0, 0), (0, 1, 0)), ((0, 0, 2), (0, 1, 0))]})
    assert np.array_equal(own.directions, [[1, 0, 0], [0, 0, 1]])


X, Y = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((X, X + Y, [0], ("a",), (False,)), "lie in their planes"),
        ((0 * X, Y, [0], ("a",), (False,)), "must not be zero"),
        ((X, Y, [1], ("a",), (False,)), "family must count"),
        ((X, np.full((1, 3), np.nan), [0], ("a",), (False,)), "normals must be finite"),
        ((X, Y, [0], ("a",), ()), "twins must have"),
        ((np.r_[X, X], np.r_[Y, Y], [0, 1], ("a", "b"), (True, False)), "twins after slip"),
    ],
)
def test_systems_that_make_no_sense_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        SlipSystems(*arguments)


def test_indices_of_the_wrong_number_are_refused():
    with pytest.raises(ValueError, match="indices of basal must be 4"):
        miller_systems({"basal": [((1, 0, 0), (0, 0, 1))]}, c_over_a=1.6)
    with pytest.raises(ValueError, match="third of minus the sum"):
        miller_systems({"basal": [((1, 0, 0, 0), (0, 0, 0, 1))]}, c_over_a=1.6)
