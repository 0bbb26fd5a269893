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


@pytest.mark.parametrize("text", ["", "1 2\n", "1 2 3\n1 2 3 4\n", "phi1 Phi phi2\na b c\n"])
def test_what_holds_no_texture_is_refused(tmp_path, text):
    (tmp_path / "ori.txt").write_text(text)
    with pytest.raises(ValueError, match=r"ori\.txt"):
        read_texture(tmp_path / "ori.txt")
