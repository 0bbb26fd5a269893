"""A body for ParaView, and a mesh from elsewhere.

VTK's files of XML are written as they are, without a library: nodes where they are now, with their
displacements and velocities; elements with von Mises' stress, the pressure, the volume ratio and
what the material shows. A file of the series (``.pvd``) says which file is of which time. Meshes of
other programs are read by meshio, where it is installed.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlbook.impact.mesh import HexMesh
from nlbook.impact.solver import Simulation

__all__ = ["VTKSeries", "element_fields", "read_mesh", "write_vtu"]

_TYPES = {"f": "Float64", "i": "Int64", "u": "UInt8"}
_HEXAHEDRON, _QUADRANGLE = 12, 9  # VTK's numbers of cells


def element_fields(simulation: Simulation) -> dict[str, NDArray[np.float64]]:
    """What is worth a picture of each element, means over its points, shape (n_elements,).

    Returns
    -------
    dict
        ``von_mises_stress`` and ``pressure``, Pa; ``volume_ratio``, det F; ``largest_strain``, the
        largest principal value of log U without its sign; and the material's observables.
    """
    stress, f = simulation.stress, simulation.deformation
    mean = np.trace(stress, axis1=-2, axis2=-1) / 3
    squares = np.sum(stress**2, axis=(-2, -1)) - 3 * mean**2
    stretches = np.linalg.svd(f, compute_uv=False)
    fields = {
        "von_mises_stress": np.sqrt(1.5 * np.maximum(squares, 0.0)),
        "pressure": -mean,
        "volume_ratio": np.linalg.det(f),
        "largest_strain": np.abs(np.log(stretches)).max(axis=-1),
        **simulation.observables,
    }
    return {name: v if v.ndim == 1 else v.mean(axis=1) for name, v in fields.items()}


def write_vtu(simulation: Simulation, file: str | os.PathLike[str]) -> None:
    """Write a body as it is now.

    Parameters
    ----------
    simulation : Simulation
        Of hexahedra, or of rings, whose half plane is written as x and y.
    file : path
        With the ending ``.vtu``, by which ParaView knows it.
    """
    if Path(file).suffix != ".vtu":
        raise ValueError(f"file must end in .vtu, got {os.fspath(file)!r}")
    mesh, x = simulation.mesh, simulation.x
    corners = mesh.elements.shape[1]
    kind = _HEXAHEDRON if corners == 8 else _QUADRANGLE
    n = mesh.n_elements
    nodes = {"displacement": _three(x - mesh.nodes), "velocity": _three(simulation.v)}
    text = [
        '<?xml version="1.0"?>',
        '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian"'
        ' header_type="UInt64">',
        f'<UnstructuredGrid><Piece NumberOfPoints="{len(x)}" NumberOfCells="{n}">',
        "<Points>", _array("places", _three(x)), "</Points>",
        "<Cells>",
        _array("connectivity", mesh.elements),
        _array("offsets", corners * np.arange(1, n + 1)),
        _array("types", np.full(n, kind, dtype=np.uint8)),
        "</Cells>",
        "<PointData>", *[_array(*pair) for pair in nodes.items()], "</PointData>",
        "<CellData>", *[_array(*pair) for pair in element_fields(simulation).items()],
        "</CellData>",
        "</Piece></UnstructuredGrid></VTKFile>",
    ]  # fmt: skip
    _write(file, text)


def _three(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.pad(values, ((0, 0), (0, 3 - values.shape[1])))


def _array(name: str, values: NDArray) -> str:
    """An array of XML, its bytes in base 64 after their number."""
    data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
    coded = base64.b64encode(np.array(len(data), dtype="<u8").tobytes() + data).decode()
    several = values.ndim > 1 and name != "connectivity"
    width = f' NumberOfComponents="{values.shape[1]}"' if several else ""
    kind = _TYPES[values.dtype.kind]
    return f'<DataArray type="{kind}" Name="{name}"{width} format="binary">{coded}</DataArray>'


def _write(file: str | os.PathLike[str], text: list[str]) -> None:
    """Aside first, then renamed: a file that is there is whole."""
    aside = Path(f"{os.fspath(file)}.part")
    aside.write_text("\n".join(text) + "\n", encoding="utf-8")
    aside.replace(file)


class VTKSeries:
    """A file of each time, and one that lists them, which ParaView opens as a film.

    Parameters
    ----------
    file : path
        The list, with the ending ``.pvd``; the others lie beside it. A list that is there is
        written anew.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(file)
        if self.file.suffix != ".pvd":
            raise ValueError(f"file must end in .pvd, got {os.fspath(file)!r}")
        self._entries: list[str] = []

    def add(self, simulation: Simulation) -> None:
        """Write the body as it is now, and the list with it."""
        name = f"{self.file.stem}_{len(self._entries):04d}.vtu"
        write_vtu(simulation, self.file.with_name(name))
        self._entries.append(f'<DataSet timestep="{simulation.time!r}" part="0" file="{name}"/>')
        head = '<VTKFile type="Collection" version="1.0" byte_order="LittleEndian"><Collection>'
        _write(
            self.file, ['<?xml version="1.0"?>', head, *self._entries, "</Collection></VTKFile>"]
        )


def read_mesh(file: str | os.PathLike[str], *, scale: float = 1.0) -> HexMesh:
    """Read the hexahedra of a mesh of another program: Abaqus, Gmsh, Nastran, VTK and others.

    Parameters
    ----------
    file : path
        Of any format that meshio reads.
    scale : float
        Metres in a unit of the file.

    Raises
    ------
    ImportError
        If meshio is not installed.
    ValueError
        If the file holds no hexahedra of eight nodes, or other elements of a volume beside them.
    """
    import meshio

    mesh = meshio.read(file)
    cells = [block.data for block in mesh.cells if block.type == "hexahedron"]
    other = {block.type for block in mesh.cells if _is_solid(block.type)} - {"hexahedron"}
    if not cells or other:
        found = ", ".join(sorted({block.type for block in mesh.cells})) or "none"
        raise ValueError(f"file must hold hexahedra of eight nodes alone, got elements: {found}")
    elements = np.concatenate(cells)
    used, numbers = np.unique(elements, return_inverse=True)
    return HexMesh(scale * np.asarray(mesh.points)[used, :3], numbers.reshape(elements.shape))


def _is_solid(kind: str) -> bool:
    return kind.startswith(("tetra", "wedge", "pyramid", "hexahedron"))
