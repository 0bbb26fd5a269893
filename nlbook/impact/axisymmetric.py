"""Bodies of revolution: rings in place of bricks, for what turns into itself about the axis z."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number, check_unmasked, real_array
from nlbook.impact.axisymmetric_loops import (
    RING_MOTION,
    RING_REFERENCE,
    ring_force_loop,
    ring_motion_loop,
)
from nlbook.impact.blocks import LANES, to_blocks
from nlbook.impact.elements import ElementArrays
from nlbook.impact.mesh import Mesh

__all__ = ["RingMesh", "Rings", "ring_rod"]

_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


@dataclass(frozen=True, eq=False)
class RingMesh:
    """Quadrangles in the half plane of r and z, each of which stands for a ring."""

    #: r and z of the undeformed body, m, shape (n_nodes, 2)
    nodes: NDArray[np.float64]
    #: nodes of each quadrangle, anticlockwise, shape (n_elements, 4)
    elements: NDArray[np.int64]

    def __post_init__(self) -> None:
        nodes = real_array("nodes", self.nodes, ndim=2)
        if nodes.shape[1] != 2 or np.any(nodes[:, 0] < 0):
            raise ValueError("nodes must be of shape (n, 2), r and z, with no negative r")
        check_unmasked("elements", self.elements)
        elements = np.asarray(self.elements)
        if elements.dtype.kind not in "iu" or elements.ndim != 2 or elements.shape[1] != 4:
            raise ValueError(
                f"elements must be quadrangles: integers of shape (n, 4), got {elements.dtype} of "
                f"shape {elements.shape}"
            )
        elements = np.ascontiguousarray(elements, dtype=np.int64)
        if not np.array_equal(np.unique(elements), np.arange(len(nodes))):
            raise ValueError(
                f"elements must use all nodes from 0 to {len(nodes) - 1}, and no other"
            )
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "elements", elements)
        areas = _gauss_areas(nodes[elements])[1].min(axis=1)
        worst = int(np.argmin(areas))
        if not areas[worst] > 0:
            raise ValueError(
                f"elements must not be inside out: element {worst} with nodes "
                f"{elements[worst].tolist()} is, or lists its nodes clockwise"
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
        """Of the rings, m^3."""
        shapes = _gauss_areas(self.nodes[self.elements])
        return np.asarray(2 * np.pi * np.sum(shapes[1] * shapes[2], axis=1))

    @cached_property
    def boundary(self) -> NDArray[np.int64]:
        """Numbers of the nodes on edges that one element alone has."""
        edges = np.concatenate([np.roll(self.elements, -k, axis=1)[:, :2] for k in range(4)])
        _, place, count = np.unique(
            np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True
        )
        return np.asarray(np.unique(edges[place[count == 1]]))

    @property
    def constraints(self) -> NDArray[np.bool_]:
        """Nodes of the axis stay on it."""
        return np.stack([self.nodes[:, 0] == 0.0, np.zeros(self.n_nodes, bool)], axis=1)


def _gauss_areas(
    corners: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Gradients (n, 4 points, 4 nodes, 2), areas (n, 4), radii (n, 4) and shapes (4, 4)."""
    points = _SIGNS / np.sqrt(3.0)
    factors = 1.0 + points[:, np.newaxis] * _SIGNS
    slopes = np.stack(
        [_SIGNS[:, 0] * factors[..., 1] / 4, _SIGNS[:, 1] * factors[..., 0] / 4], axis=-1
    )
    shapes = factors.prod(axis=-1) / 4
    jacobian = np.einsum("eni,pnj->epij", corners, slopes)
    areas = np.linalg.det(jacobian)
    safe = np.where((areas == 0)[..., np.newaxis, np.newaxis], np.eye(2), jacobian)
    gradients = np.einsum("pnj,epji->epni", slopes, np.linalg.inv(safe))
    return gradients, areas, np.einsum("pn,en->ep", shapes, corners[..., 0]), shapes


@dataclass(frozen=True)
class Rings:
    """Rings with one point; what it does not see is damped. See the loops for equations."""

    #: kappa of the hourglass force
    hourglass: float = 0.05
    #: linear bulk viscosity
    linear_viscosity: float = 0.06
    #: quadratic bulk viscosity
    quadratic_viscosity: float = 1.2

    def __post_init__(self) -> None:
        check_number("hourglass", self.hourglass, least=0.0, most=0.2)
        check_number("linear_viscosity", self.linear_viscosity, least=0.0)
        check_number("quadratic_viscosity", self.quadratic_viscosity, least=0.0)

    def arrays(self, mesh: Mesh) -> ElementArrays:
        """A mesh as the loops read it."""
        if mesh.elements.shape[1] != 4:
            raise ValueError("mesh must be of rings for these elements, see RingMesh")
        gradients, areas, radii, shapes = _gauss_areas(mesh.nodes[mesh.elements])
        rings = 2 * np.pi * areas * radii
        volumes = rings.sum(axis=1)[:, np.newaxis]
        mean = np.einsum("ep,epni->ein", rings, gradients).reshape(-1, 8) / volumes
        hoop = 2 * np.pi * np.einsum("ep,pn->en", areas, shapes) / volumes
        masses = np.einsum("ep,pn->en", rings, shapes)
        size = np.sqrt(areas.sum(axis=1))[:, np.newaxis]
        rows = [mean, hoop, volumes / masses, volumes, volumes / size, 1.0 / size]
        reference = to_blocks(np.concatenate(rows, axis=1))
        reference[-1, -3:, (len(mesh.elements) - 1) % LANES + 1 :] = 0.0
        assert reference.shape[1] == RING_REFERENCE
        return ElementArrays(
            to_blocks(2 * mesh.elements),
            reference,
            1,
            RING_MOTION,
            masses,
            ring_motion_loop,
            ring_force_loop,
            (self.hourglass, self.linear_viscosity, self.quadratic_viscosity),
        )


def ring_rod(length: float, radius: float, *, layers: int = 40, rings: int = 8) -> RingMesh:
    """A rod that stands on the plane z = 0, of layers times rings quadrangles.

    Parameters
    ----------
    length, radius : float
        m.
    layers, rings : int
        Along the axis, and from it to the surface.
    """
    check_number("length", length, above=0.0)
    check_number("radius", radius, above=0.0)
    check_integer("layers", layers, 1)
    check_integer("rings", rings, 1)
    r, z = np.linspace(0.0, radius, rings + 1), np.linspace(0.0, length, layers + 1)
    nodes = np.stack(np.meshgrid(r, z, indexing="ij"), axis=-1).reshape(-1, 2)
    number = np.arange(len(nodes)).reshape(rings + 1, layers + 1)
    quads = [number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]]
    return RingMesh(nodes, np.stack(quads, axis=-1).reshape(-1, 4))
