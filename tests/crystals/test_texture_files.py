"""Textures read from files as other programs write them."""

import numpy as np
import pytest

from nlbook.crystals import Texture, read_texture

ANGLES = [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]


@pytest.mark.parametrize(
    "text",
    [
        "% phi1 Phi phi2\n10 20 30\n40 50 60\n",
        "phi1 Phi phi2 weight\n10 20 30 2\n40 50 60 2\n",
        "a texture\nof two\n1 1 1\nB 2\n10 20 30 0.5\n40 50 60 0.5\n",
        "10, 20, 30\n40, 50, 60\n",
    ],
)
def test_columns_of_angles_are_read(tmp_path, text):
    (tmp_path / "ori.txt").write_text(text)
    texture = read_texture(tmp_path / "ori.txt")
    assert np.allclose(texture.rotations, Texture.from_euler(ANGLES).rotations)
    assert np.allclose(texture.weights, 0.5)


def test_a_material_of_damask_is_read(tmp_path):
    text = "material:\n- constituents:\n  - {O: [1.0, 0.0, 0.0, 0.0], v: 0.25, phase: Mg}\n"
    text += "- constituents:\n  - {O: [0.0, 0.0, 0.0, 1.0], v: 0.75, phase: Mg}\n"
    (tmp_path / "material.yaml").write_text(text)
    texture = read_texture(tmp_path / "material.yaml")
    assert np.allclose(texture.rotations, [np.eye(3), np.diag([-1.0, -1.0, 1.0])])
    assert np.allclose(texture.weights, [0.25, 0.75])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold orientations, and holds none"),
        ("% a comment\n", "must hold orientations, and holds none"),
        ("1 2\n", "line 1 must hold 3 or 4 numbers, got '1 2'"),
        ("1 2 3\n1 2 3 4\n", "line 2 must hold 3 numbers, got '1 2 3 4'"),
        ("phi1 Phi phi2\na b c\n", "line 2 must hold 3 or 4 numbers, got 'a b c'"),
        ("10 2o 30\n40 50 60\n", "line 1 must hold 3 or 4 numbers, got '10 2o 30'"),
        ("my texture\n10 20 30\n", "line 1 must hold 3 or 4 numbers, got 'my texture'"),
        ("10 20 nan\n", "line 1 must hold 3 or 4 numbers, got '10 20 nan'"),
        ("10 20 30\nphi1 Phi phi2\n40 50 60\n", "line 2 must hold no names"),
        ("t\nu\nv\nB 3\n10 20 30 1\n", "must hold the 3 grains of its line 4, holds 1"),
        ("t\nu\nv\nB x\n10 20 30 1\n", "line 4 must hold B and a number of grains"),
        ("10 20 30 0\n", "weights that are not negative, and not all zero"),
        ("10 20 30 2\n10 20 30 -1\n", "weights that are not negative"),
    ],
)
def test_a_line_that_is_no_orientation_is_refused_with_its_number_and_text(tmp_path, text, said):
    (tmp_path / "ori.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"ori\.txt.* {said}"):
        read_texture(tmp_path / "ori.txt")


@pytest.mark.parametrize("constituent", ["{v: 1.0}", "{O: [1, 0, 0, 0], v: half}", "3"])
def test_a_material_without_orientations_is_refused(tmp_path, constituent):
    (tmp_path / "material.yaml").write_text(f"material:\n- constituents: [{constituent}]\n")
    with pytest.raises(ValueError, match=r"material\.yaml must list material, constituents"):
        read_texture(tmp_path / "material.yaml")
