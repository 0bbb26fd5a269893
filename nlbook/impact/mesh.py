"""Meshes of hexahedra: a rod with a square core, a plate, and one's own.

The nodes of an element stand as in VTK: four around one face, then the four above them, so that
node 0 lies at (-1, -1, -1) of the cube of sides 2, node 1 at (1, -1, -1), 2 at (1, 1, -1), 3 at
(-1, 1, -1), and 4 to 7 above those.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, check_unmasked, real_array

__all__ = [
    "CORNERS", "HexMesh", "Mesh", "box_mesh", "gauss_volumes", "plate_mesh", "rod_mesh",
    "round_plate_mesh",
]  # fmt: skip

#: the nodes of the cube of sides 2, shape (8, 3)
CORNERS = np.array(
    [
        [-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1],
        [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1],
    ],
    dtype=np.float64,
)  # fmt: skip


class Mesh(Protocol):
    """What a simulation asks of a mesh."""

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Places of the undeformed body, m, shape (n_nodes, dimension)."""

    @property
    def elements(self) -> NDArray[np.int64]:
        """Nodes of each element, shape (n_elements, corners)."""

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""

    @property
    def n_elements(self) -> int:
        """Number of elements."""

    @property
    def volumes(self) -> NDArray[np.float64]:
        """Of the elements, m^3."""

    @property
    def boundary(self) -> NDArray[np.int64]:
        """Numbers of the nodes of the surface."""

    @property
    def constraints(self) -> NDArray[np.bool_]:
        """Components that can't move, shape (n_nodes, dimension)."""


@dataclass(frozen=True, eq=False)
class HexMesh:
    """Nodes and the hexahedra between them."""

    #: places of the undeformed body, m, shape (n_nodes, 3)
    nodes: NDArray[np.float64]
    #: nodes of each element, shape (n_elements, 8)
    elements: NDArray[np.int64]

    def __post_init__(self) -> None:
        nodes = real_array("nodes", self.nodes, ndim=2)
        if nodes.shape[1] != 3:
            raise ValueError(f"nodes must be of shape (n, 3), got {nodes.shape}")
        check_unmasked("elements", self.elements)
        elements = np.asarray(self.elements)
        if elements.dtype.kind not in "iu" or elements.ndim != 2 or elements.shape[1] != 8:
            raise ValueError(
                f"elements must be hexahedra: integers of shape (n, 8), got {elements.dtype} of "
                f"shape {elements.shape}"
            )
        elements = np.ascontiguousarray(elements, dtype=np.int64)
        if not len(elements):
            raise ValueError("elements must be one or more")
        if elements.min() < 0 or elements.max() >= len(nodes):
            raise ValueError(f"elements must name nodes from 0 to {len(nodes) - 1}")
        unused = np.setdiff1d(np.arange(len(nodes)), elements)
        if len(unused):
            raise ValueError(f"nodes must belong to elements, node {unused[0]} does not")
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "elements", elements)
        worst = int(np.argmin(self._least_volumes))
        if not self._least_volumes[worst] > 0:
            raise ValueError(
                f"elements must not be inside out: element {worst} with nodes "
                f"{elements[worst].tolist()} is, or lists its nodes in another order"
            )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return len(self.elements)

    @cached_property
    def volumes(self) -> NDArray[np.float64]:
        """Of the elements, m^3, exact for straight edges."""
        return np.asarray(gauss_volumes(self.nodes[self.elements])[1].sum(axis=1))

    @property
    def constraints(self) -> NDArray[np.bool_]:
        """None: each node may move anywhere."""
        return np.zeros(self.nodes.shape, dtype=bool)

    @cached_property
    def _least_volumes(self) -> NDArray[np.float64]:
        return np.asarray(gauss_volumes(self.nodes[self.elements])[1].min(axis=1))

    @cached_property
    def boundary(self) -> NDArray[np.int64]:
        """Numbers of the nodes on faces that one element alone has."""
        faces = np.concatenate([self.elements[:, list(face)] for face in _FACES])
        _, place, count = np.unique(
            np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
        )
        return np.asarray(np.unique(faces[place[count == 1]]))


_FACES = (
    (0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)
)  # fmt: skip


def gauss_volumes(
    corners: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradients of the shape functions and volumes at the 2 x 2 x 2 points of Gauss.

    Parameters
    ----------
    corners : ndarray, shape (n, 8, 3)
        Nodes of each element.

    Returns
    -------
    gradients : ndarray, shape (n, 8 points, 8 nodes, 3)
        By place, 1/m.
    volumes : ndarray, shape (n, 8 points)
        Which share the element's; negative where it is inside out.
    """
    points = CORNERS / np.sqrt(3.0)
    factors = 1.0 + points[:, np.newaxis] * CORNERS  # by point, node, direction
    slopes = np.stack(
        [CORNERS[:, d] * np.prod(np.delete(factors, d, axis=2), axis=2) / 8.0 for d in range(3)],
        axis=2,
    )
    jacobian = np.einsum("eni,pnj->epij", corners, slopes)
    volumes = np.linalg.det(jacobian)
    safe = np.where((volumes == 0)[..., np.newaxis, np.newaxis], np.eye(3), jacobian)
    return np.einsum("pnj,epji->epni", slopes, np.linalg.inv(safe)), volumes


def box_mesh(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> HexMesh:
    """Bricks between planes.

    Parameters
    ----------
    x, y, z : array_like, shape (n,)
        Places of the planes, ascending, m; two or more of each.
    """
    planes = [
        real_array(name, values, ndim=1) for name, values in zip("xyz", (x, y, z), strict=True)
    ]
    for name, values in zip("xyz", planes, strict=True):
        if len(values) < 2 or np.any(np.diff(values) <= 0):
            raise ValueError(f"{name} must be two or more ascending numbers")
    grid = np.stack(np.meshgrid(*planes, indexing="ij"), axis=-1)
    number = np.arange(grid[..., 0].size).reshape(grid.shape[:3])
    return HexMesh(grid.reshape(-1, 3), _bricks(number))


def _bricks(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Elements of a grid of numbered nodes, those along the last axis next to each other."""
    n = [size - 1 for size in number.shape]
    steps = (np.array([1, 1, 1]) + CORNERS.astype(int)) // 2
    corners = [number[i : i + n[0], j : j + n[1], k : k + n[2]] for i, j, k in steps.tolist()]
    return np.stack(corners, axis=-1).reshape(-1, 8)


def rod_mesh(
    length: float,
    radius: float,
    *,
    layers: int = 40,
    core: int = 4,
    rings: int = 4,
    refinement: int = 1,
) -> HexMesh:
    """A round rod that stands on the plane z = 0, its axis along z.

    A square core, bulged half way to a circle, is surrounded by four blocks that end on the circle.

    Parameters
    ----------
    length, radius : float
        m.
    layers : int
        Of elements along the rod.
    core : int
        Elements along a side of the core.
    rings : int
        Of elements around it.
    refinement : int
        All of the three numbers are multiplied by this.

    Returns
    -------
    HexMesh
        Of layers (core^2 + 4 core rings) elements.
    """
    check_number("length", length, above=0.0)
    check_number("radius", radius, above=0.0)
    check_integer("refinement", refinement, 1)
    layers = check_integer("layers", layers, 1) * refinement
    core = check_integer("core", core, 1) * refinement
    rings = check_integer("rings", rings, 0) * refinement
    inner = 1.0 if rings == 0 else min(core / (core + 1.6 * rings), 0.75)
    places, squares = _disk(core, inner, 1.0, rings, np.empty(0))
    return _stacked(radius * places, squares, np.linspace(0.0, length, layers + 1))


def round_plate_mesh(
    radius: float,
    thickness: float,
    *,
    inner_radius: float = 2e-3,
    through: int = 8,
    core: int = 12,
    inner_rings: int = 6,
    outer_rings: int = 21,
    refinement: int = 1,
) -> HexMesh:
    """A round plate whose upper face lies in the plane z = 0, its centre at the origin.

    As `rod_mesh`, with elements alike within an inner radius, on which nodes lie, and beyond it
    growing outwards by the same factor.

    Parameters
    ----------
    radius, thickness : float
        m.
    inner_radius : float
        As of the cylinder that hits the plate, m.
    through, core, inner_rings, outer_rings : int
        Elements through the plate, along a side of its core, around that within the inner radius,
        and beyond.
    refinement : int
        All four numbers are multiplied by this.

    Returns
    -------
    HexMesh
        Of through (core^2 + 4 core rings) elements.
    """
    check_number("radius", radius, above=0.0)
    check_number("thickness", thickness, above=0.0)
    check_number("inner_radius", inner_radius, above=0.0, below=radius)
    check_integer("refinement", refinement, 1)
    through = check_integer("through", through, 1) * refinement
    core = check_integer("core", core, 1) * refinement
    inner_rings = check_integer("inner_rings", inner_rings, 1) * refinement
    outer_rings = check_integer("outer_rings", outer_rings, 1) * refinement
    corner = inner_radius * min(core / (core + 1.6 * inner_rings), 0.75)
    first = (inner_radius - corner) / inner_rings
    sizes = first * _growth(outer_rings, (radius - inner_radius) / first) ** np.arange(outer_rings)
    beyond = inner_radius + np.cumsum(sizes * (radius - inner_radius) / sizes.sum())
    beyond[-1] = radius
    places, squares = _disk(core, corner, inner_radius, inner_rings, beyond)
    return _stacked(places, squares, np.linspace(-thickness, 0.0, through + 1))


def _growth(n: int, total: float) -> float:
    """The factor for which 1 + q + ... + q^(n - 1) is a total, at least one: by bisection."""
    low, high = 1.0, 2.0
    while high**n < total:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.sum(middle ** np.arange(n)) < total else (low, middle)
    return low


def _stacked(
    places: NDArray[np.float64], squares: NDArray[np.int64], z: NDArray[np.float64]
) -> HexMesh:
    """Hexahedra of quadrangles between planes of constant z."""
    nodes = np.empty((len(z), len(places), 3))
    nodes[..., :2], nodes[..., 2] = places, z[:, np.newaxis]
    floor = squares + len(places) * np.arange(len(z) - 1)[:, np.newaxis, np.newaxis]
    elements = np.concatenate([floor, floor + len(places)], axis=2)
    return HexMesh(nodes.reshape(-1, 3), elements.reshape(-1, 8))


def _disk(
    core: int, corner: float, radius: float, rings: int, beyond: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Nodes of a disk, and its quadrangles.

    Around a core whose corners have a radius of their own, rings become round up to a radius, and
    further ones have radii of their own.
    """
    side = np.linspace(-1.0, 1.0, core + 1)
    u, v = np.meshgrid(side, side, indexing="ij")
    square = np.stack([u, v], axis=-1) / np.sqrt(2.0)
    circle = np.stack([u * np.sqrt(1 - v**2 / 2), v * np.sqrt(1 - u**2 / 2)], axis=-1)
    inner = corner * (0.5 * (square + circle) if rings else circle)
    number = np.arange((core + 1) ** 2).reshape(core + 1, core + 1)
    places = [inner.reshape(-1, 2)]
    quads = [np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], -1)]
    edge = np.concatenate(  # around the core, anticlockwise from its corner at (-1, -1)
        [number[:-1, 0], number[-1, :-1], number[:0:-1, -1], number[0, :0:-1]]
    )
    angle = -0.75 * np.pi + 2 * np.pi * np.arange(len(edge)) / len(edge)
    rim = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    side_nodes, below = places[0][edge], edge
    circles = [side_nodes + (radius * rim - side_nodes) * k / rings for k in range(1, rings + 1)]
    for here in [*circles, *(far * rim for far in beyond)]:
        above = sum(map(len, places)) + np.arange(len(edge))
        places.append(here)
        quads.append(np.stack([below, above, np.roll(above, -1), np.roll(below, -1)], axis=-1))
        below = above
    return np.concatenate(places), np.concatenate([quad.reshape(-1, 4) for quad in quads])


def plate_mesh(
    width: float,
    thickness: float,
    *,
    across: int = 38,
    through: int = 8,
    grading: float = 1.0,
    refinement: int = 1,
) -> HexMesh:
    """A square plate whose upper face lies in the plane z = 0, its centre at the origin.

    Parameters
    ----------
    width, thickness : float
        m.
    across, through : int
        Elements along a side, and through the plate; both multiplied by `refinement`.
    grading : float
        Size of an element at the rim to that at the centre.
    refinement : int
        See above.
    """
    check_number("width", width, above=0.0)
    check_number("thickness", thickness, above=0.0)
    check_number("grading", grading, least=1.0)
    check_integer("refinement", refinement, 1)
    across = check_integer("across", across, 2) * refinement
    through = check_integer("through", through, 1) * refinement
    s = np.linspace(-1.0, 1.0, across + 1)
    # sizes grow evenly with |s|: from 1 at the centre to the grading at the rim
    line = 0.5 * width * s * (2.0 + (grading - 1.0) * np.abs(s)) / (1.0 + grading)
    return box_mesh(line, line, np.linspace(-thickness, 0.0, through + 1))
