"""Textures against scipy's rotations, and what is refused."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nlbook.crystals import Texture, random_texture


def test_euler_angles_are_bunges():
    angles = np.random.default_rng(1).uniform(0, 180, size=(5, 3))
    expected = Rotation.from_euler("ZXZ", angles, degrees=True).as_matrix()
    assert np.max(np.abs(Texture.from_euler(angles).rotations - expected)) < 1e-14


def test_radians_are_taken_as_such():
    assert np.allclose(
        Texture.from_euler([[0.1, 0.2, 0.3]], degrees=False).rotations,
        Texture.from_euler(np.degrees([[0.1, 0.2, 0.3]])).rotations,
    )


def test_quaternions_have_their_scalar_first():
    quaternions = np.random.default_rng(2).normal(size=(5, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    expected = Rotation.from_quat(quaternions[:, [1, 2, 3, 0]]).as_matrix()
    assert np.max(np.abs(Texture.from_quaternions(quaternions).rotations - expected)) < 1e-14


def test_grains_of_the_plane_turn_about_z():
    assert np.allclose(Texture.from_angles([np.pi / 2]).rotations[0] @ [1, 0, 0], [0, 1, 0])


def test_random_grains_are_even_over_all_rotations():
    """Of even rotations E R = 0 and E R_ij^2 = 1/3; of 20 000 each mean errs by 0.004."""
    rotations = random_texture(20_000, 3).rotations
    assert np.max(np.abs(rotations.mean(axis=0))) < 5 * np.sqrt(1 / 3 / 20_000)
    assert np.max(np.abs((rotations**2).mean(axis=0) - 1 / 3)) < 5 * np.sqrt(0.09 / 20_000)


def test_a_seed_gives_its_grains_again():
    assert np.array_equal(random_texture(4, 7).rotations, random_texture(4, 7).rotations)


def test_turning_the_sample_turns_each_grain():
    turn = Rotation.from_rotvec([0.1, 0.2, 0.3]).as_matrix()
    texture = random_texture(3, 1)
    assert np.allclose(texture.rotated(turn).rotations, turn @ texture.rotations)


EYE = np.eye(3)[np.newaxis]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Texture(1.1 * EYE), "must be rotations"),
        (lambda: Texture(-EYE), "reflection"),
        (lambda: Texture(EYE[0]), "rotations must be an array of 3 axes"),
        (lambda: Texture(EYE, [0.9]), "weights must sum to one"),
        (lambda: Texture(np.repeat(EYE, 2, 0), [1.5, -0.5]), "must not be negative"),
        (lambda: Texture(EYE, [0.5, 0.5]), "one for each of 1 grains"),
        (lambda: Texture(np.nan * EYE), "rotations must be finite"),
        (lambda: Texture.from_euler([[0.0, 1.0]]), "angles must have shape"),
        (lambda: Texture.from_quaternions([[1.0, 1.0, 0.0, 0.0]]), "unit length"),
        (lambda: random_texture(0, 1), "n_grains must be an integer of at least 1"),
    ],
)
def test_what_is_no_texture_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
