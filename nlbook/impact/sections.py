"""What a picture of a body needs: polygons of a cut through it, and the faces of its surface."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.impact.mesh import HexMesh

__all__ = ["CrossSection", "cross_section", "surface_faces"]

# edges of a hexahedron, and its faces with outward normals, by its nodes
_EDGES = np.array(
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]]
)
_FACES = np.array(
    [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
)


class CrossSection(NamedTuple):
    """Where a plane cuts a body."""

    #: of each element that is cut, shape (n_corners, 2), along two axes of the plane
    polygons: list[NDArray[np.float64]]
    #: their numbers, shape (n_polygons,): by these a field is coloured
    elements: NDArray[np.int64]


def cross_section(
    mesh: HexMesh, x: ArrayLike, *, normal: int = 1, offset: float = 0.0
) -> CrossSection:
    """Cut a deformed mesh by a plane.

    Parameters
    ----------
    mesh : HexMesh
        Its elements.
    x : array_like, shape (n_nodes, 3)
        Places of its nodes.
    normal : {0, 1, 2}
        Axis that is normal to the plane; the polygons have the other two, in their order.
    offset : float
        Where on that axis the plane lies. An element that touches it with a face only is cut where
        it lies on the plane's upper side.

    Returns
    -------
    CrossSection
    """
    places = real_array("x", x, ndim=2)
    if places.shape != mesh.nodes.shape:
        raise ValueError(f"x must be of shape {mesh.nodes.shape}, got {places.shape}")
    if normal not in (0, 1, 2):
        raise ValueError(f"normal must be 0, 1 or 2, got {normal!r}")
    # a node on the plane counts as below it by nothing: so each face on it has one element
    height = places[mesh.elements, normal] - offset
    small = 1e-9 * np.ptp(places[:, normal])
    height = np.where(np.abs(height) <= small, -0.0, height)
    above = height > 0
    cut = np.flatnonzero(above.any(axis=1) & ~above.all(axis=1))
    axes = [axis for axis in range(3) if axis != normal]
    polygons, numbers = [], []
    for number in cut.tolist():
        up, down = _EDGES[:, 0], _EDGES[:, 1]
        crossed = above[number, up] != above[number, down]
        start, stop = (places[mesh.elements[number, ends[crossed]]] for ends in (up, down))
        first, last = height[number, up[crossed]], height[number, down[crossed]]
        share = first / (first - last)
        corners = (start + share[:, np.newaxis] * (stop - start))[:, axes]
        middle = corners.mean(axis=0)
        angle = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
        polygons.append(corners[np.argsort(angle)])
        numbers.append(number)
    return CrossSection(polygons, np.array(numbers, dtype=np.int64))


def surface_faces(mesh: HexMesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces that one element alone has.

    Returns
    -------
    faces : ndarray of int, shape (n_faces, 4)
        Their nodes, anticlockwise from outside.
    elements : ndarray of int, shape (n_faces,)
        Whose they are.
    """
    faces = mesh.elements[:, _FACES].reshape(-1, 4)
    _, place, count = np.unique(
        np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
    )
    outer = np.sort(place[count == 1])
    return faces[outer], outer // len(_FACES)
