"""Meshes: their volumes, and what is refused."""

import numpy as np
import pytest

from nlbook.impact import HexMesh, box_mesh, plate_mesh, rod_mesh, round_plate_mesh
from nlbook.impact.mesh import gauss_volumes
from tests.impact.plain import distorted_mesh

UNIT = [0.0, 1.0]


def test_a_rod_has_the_volume_of_a_cylinder_with_straight_edges():
    """A polygon of n sides has the area n/2 sin(2 pi / n) of the unit circle's pi."""
    for refinement in (1, 2):
        mesh = rod_mesh(5.0, 0.5, layers=10, core=4, rings=4, refinement=refinement)
        sides = 16 * refinement
        assert mesh.n_elements == 10 * 80 * refinement**3
        area = 0.25 * sides / 2 * np.sin(2 * np.pi / sides)
        assert mesh.volumes.sum() == pytest.approx(5.0 * area, rel=1e-13)


@pytest.mark.parametrize(("core", "rings"), [(1, 1), (2, 1), (4, 2), (4, 4), (8, 4)])
def test_the_elements_of_a_rod_are_fit_for_use(core, rings):
    mesh = rod_mesh(1.0, 0.5, layers=2, core=core, rings=rings)
    _, parts = gauss_volumes(mesh.nodes[mesh.elements])
    assert parts.min() > 0.3 * parts.max() / 4
    rim = np.hypot(*mesh.nodes[:, :2].T)
    assert rim.max() == pytest.approx(0.5, rel=1e-14)


def test_the_boundary_of_a_box_is_its_faces():
    mesh = box_mesh(*[np.linspace(0.0, 1.0, 5)] * 3)
    on = np.any((mesh.nodes == 0) | (mesh.nodes == 1), axis=1)
    assert np.array_equal(mesh.boundary, np.flatnonzero(on))


def test_gradients_of_gauss_points_are_exact_for_affine_fields():
    mesh = distorted_mesh(2)
    corners = mesh.nodes[mesh.elements]
    gradients, volumes = gauss_volumes(corners)
    a = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0], [0.2, 0.1, 4.0]])
    found = np.einsum("eni,epnj->epij", corners @ a.T, gradients)
    assert np.max(np.abs(found - a)) < 1e-13
    assert volumes.sum() == pytest.approx(1.0, rel=1e-14)


def test_a_plate_is_finer_at_its_centre():
    mesh = plate_mesh(20.0, 1.0, across=10, through=2, grading=3.0)
    assert mesh.volumes.sum() == pytest.approx(400.0, rel=1e-13)
    line = np.unique(np.round(mesh.nodes[:, 0], 12))
    assert line[-1] == 10.0
    sizes = np.diff(line[line >= 0])
    assert sizes[-1] / sizes[0] == pytest.approx(
        2.8 / 1.2, rel=1e-12
    )  # the means of those elements
    assert mesh.nodes[:, 2].max() == 0.0


def test_a_round_plate_has_nodes_under_the_rim_of_the_cylinder():
    mesh = round_plate_mesh(10e-3, 1e-3)
    assert mesh.n_elements == 8 * (12**2 + 4 * 12 * 27)
    area = 48 / 2 * np.sin(2 * np.pi / 48) * 1e-4
    assert mesh.volumes.sum() == pytest.approx(1e-3 * area, rel=1e-12)
    radius = np.hypot(*mesh.nodes[:, :2].T)
    for rim in (2e-3, 10e-3):
        assert np.sum(np.abs(radius - rim) < 1e-12) == 9 * 48
    sizes = np.diff(np.unique(np.round(radius[radius > 1.9999e-3], 9)))
    assert sizes[1:] / sizes[:-1] == pytest.approx(np.full(20, sizes[1] / sizes[0]), rel=1e-4)
    assert sizes[1] > sizes[0]


@pytest.mark.parametrize(
    ("nodes", "elements", "message"),
    [
        (np.zeros((8, 2)), np.arange(8)[None], r"nodes must be of shape \(n, 3\)"),
        (np.zeros((4, 3)), np.arange(4)[None], "elements must be hexahedra"),
        (np.zeros((8, 3)), np.arange(8.0)[None], "elements must be hexahedra"),
        (np.zeros((8, 3)), np.arange(1, 9)[None], "elements must name nodes from 0 to 7"),
        (np.zeros((8, 3)), np.arange(8)[None], "elements must not be inside out: element 0"),
    ],
)
def test_meshes_that_are_none_are_refused(nodes, elements, message):
    with pytest.raises(ValueError, match=message):
        HexMesh(nodes, elements)


def test_other_mistakes_are_refused():
    good = box_mesh(UNIT, UNIT, UNIT)
    with pytest.raises(ValueError, match="element 0 with nodes .* is, or lists"):
        HexMesh(good.nodes, good.elements[:, [4, 5, 6, 7, 0, 1, 2, 3]])
    with pytest.raises(ValueError, match="node 8 does not"):
        HexMesh(np.vstack([good.nodes, [[2.0, 2.0, 2.0]]]), good.elements)
    with pytest.raises(ValueError, match="y must be two or more ascending"):
        box_mesh(UNIT, [0.0, 0.0], UNIT)
    with pytest.raises(ValueError, match="layers must be an integer of at least 1"):
        rod_mesh(1.0, 1.0, layers=0)
