"""Files for ParaView, meshes from elsewhere, cuts and surfaces."""

import base64
import sys
import types
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from nlbook.impact import (
    J2,
    MeanDilatation,
    VTKSeries,
    box_mesh,
    cross_section,
    element_fields,
    read_mesh,
    ring_rod,
    rod_mesh,
    surface_faces,
    taylor_anvil,
    write_vtu,
)

COPPER = J2(8930.0, 117e9 / 2.7, 117e9 / 0.9, 400e6, 100e6)
ROD = rod_mesh(5e-3, 1e-3, layers=5, core=2, rings=1)
TYPES = {"Float64": "<f8", "Int64": "<i8", "UInt8": "u1"}


def rod(mesh=ROD, **options):
    return taylor_anvil(COPPER, until=4e-7, mesh=mesh, **options)


def arrays(file):
    """What is in a file, by name, read by the format's own rules."""
    found = {}
    for node in xml.parse(file).getroot().iter("DataArray"):
        raw = base64.b64decode(node.text)
        size = int(np.frombuffer(raw[:8], "<u8")[0])
        assert size == len(raw) - 8
        values = np.frombuffer(raw[8:], TYPES[node.get("type")])
        width = int(node.get("NumberOfComponents", 1))
        found[node.get("Name")] = values.reshape(-1, width) if width > 1 else values
    return found


@pytest.mark.parametrize("elements", [None, MeanDilatation()])
def test_a_file_holds_the_body(tmp_path, elements):
    body = rod(elements=elements)
    write_vtu(body, tmp_path / "rod.vtu")
    found = arrays(tmp_path / "rod.vtu")
    assert np.array_equal(found["places"], body.x)
    assert np.array_equal(found["displacement"], body.x - ROD.nodes)
    assert np.array_equal(found["connectivity"], ROD.elements.ravel())
    assert np.array_equal(found["offsets"], 8 * np.arange(1, ROD.n_elements + 1))
    assert np.all(found["types"] == 12)
    for name, values in element_fields(body).items():
        assert np.array_equal(found[name], values)
        assert values.shape == (ROD.n_elements,)
    assert found["plastic_strain"].max() > 0


def test_a_body_of_rings_is_written_in_its_half_plane(tmp_path):
    mesh = ring_rod(5e-3, 1e-3, layers=5, rings=2)
    write_vtu(rod(mesh), tmp_path / "rings.vtu")
    found = arrays(tmp_path / "rings.vtu")
    assert np.all(found["types"] == 9)
    assert np.all(found["places"][:, 2] == 0)


def test_a_series_lists_its_times(tmp_path):
    series = VTKSeries(tmp_path / "film.pvd")
    body = rod()
    series.add(body)
    series.add(body.run(6e-7))
    entries = list(xml.parse(tmp_path / "film.pvd").getroot().iter("DataSet"))
    assert [float(entry.get("timestep")) for entry in entries] == [4e-7, 6e-7]
    for entry in entries:
        assert len(arrays(tmp_path / entry.get("file"))["places"]) == ROD.n_nodes
    assert list(tmp_path.glob("*.part")) == []


def test_von_mises_stress_is_that_of_a_yielding_body():
    body = rod()
    fields = element_fields(body)
    moving = fields["plastic_strain"] > 0.01
    law = 400e6 + 100e6 * fields["plastic_strain"]
    flowing = fields["von_mises_stress"] * fields["volume_ratio"]  # the law is of Kirchhoff's
    assert moving.any()
    assert np.all(flowing[moving] <= law[moving] * (1 + 1e-12))
    assert np.any(flowing[moving] > 0.999 * law[moving])


def test_endings_are_checked(tmp_path):
    with pytest.raises(ValueError, match="file must end in .vtu"):
        write_vtu(rod(), tmp_path / "rod.vtk")
    with pytest.raises(ValueError, match="file must end in .pvd"):
        VTKSeries(tmp_path / "rod.vtu")


def test_a_cut_through_a_rod_has_its_area():
    section = cross_section(ROD, ROD.nodes)
    assert len(section.polygons) == len(section.elements) == 5 * 4
    areas = [
        0.5 * abs(np.sum(p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)))
        for p in section.polygons
    ]
    assert sum(areas) == pytest.approx(2e-3 * 5e-3, rel=1e-12)


@pytest.mark.parametrize("offset", [0.5, 0.37, 0.0])
def test_a_cut_of_bricks_is_their_rectangles(offset):
    mesh = box_mesh([0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 1.0, 3.0])
    section = cross_section(mesh, mesh.nodes, normal=2, offset=offset)
    assert len(section.polygons) == 4
    assert sorted(np.ptp(p, axis=0).prod() for p in section.polygons) == pytest.approx(
        [0.125, 0.125, 0.375, 0.375]
    )


def test_a_surface_is_closed_and_faces_outwards():
    faces, elements = surface_faces(ROD)
    corners = ROD.nodes[faces]
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]) / 2
    assert np.max(np.abs(normal.sum(axis=0))) < 1e-20
    volume = np.sum(normal * corners.mean(axis=1)) / 3  # the theorem of Gauss
    assert volume == pytest.approx(ROD.volumes.sum(), rel=1e-12)
    assert np.all(np.any(ROD.elements[elements][:, :, None] == faces[:, None], axis=1))


def meshio_of(monkeypatch, points, cells):
    """A stand-in for meshio, which need not be installed, that has read these."""
    blocks = [types.SimpleNamespace(type=kind, data=np.array(data)) for kind, data in cells]
    fake = types.ModuleType("meshio")
    fake.read = lambda file: types.SimpleNamespace(points=points, cells=blocks)
    monkeypatch.setitem(sys.modules, "meshio", fake)


def test_a_mesh_of_another_program_is_read(monkeypatch):
    points = np.vstack([[[9.0, 9.0, 9.0]], 1e3 * ROD.nodes])  # in mm, with a node of no element
    quads = ("quad", ROD.elements[:3, :4] + 1)
    meshio_of(monkeypatch, points, [quads, ("hexahedron", ROD.elements + 1)])
    mesh = read_mesh("rod.inp", scale=1e-3)
    assert np.allclose(mesh.nodes, ROD.nodes, rtol=1e-15)
    assert np.array_equal(mesh.elements, ROD.elements)


@pytest.mark.parametrize("kinds", [["tetra"], ["hexahedron", "wedge"], ["hexahedron20"], []])
def test_a_mesh_of_other_elements_is_refused(monkeypatch, kinds):
    meshio_of(monkeypatch, ROD.nodes, [(kind, ROD.elements) for kind in kinds])
    with pytest.raises(ValueError, match="file must hold hexahedra of eight nodes alone"):
        read_mesh("rod.msh")


def test_meshio_itself_reads_a_file(tmp_path):
    meshio = pytest.importorskip("meshio")
    meshio.write_points_cells(tmp_path / "rod.vtu", ROD.nodes, [("hexahedron", ROD.elements)])
    assert np.array_equal(read_mesh(tmp_path / "rod.vtu").elements, ROD.elements)


def test_meshio_reads_what_we_write(tmp_path):
    meshio = pytest.importorskip("meshio")
    body = rod()
    write_vtu(body, tmp_path / "rod.vtu")
    mesh = meshio.read(tmp_path / "rod.vtu")
    assert np.array_equal(mesh.points, body.x)
    assert np.array_equal(mesh.cell_data["pressure"][0], element_fields(body)["pressure"])
