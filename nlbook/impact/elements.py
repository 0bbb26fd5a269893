"""How elements are integrated: the choices, and a mesh as their loops read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number
from nlbook.impact.blocks import LANES, to_blocks
from nlbook.impact.dilatation_loops import (
    DILATATION_MOTION,
    dilatation_force,
    dilatation_motion,
)
from nlbook.impact.hexahedron_loops import MOTION, force_loop, motion_loop
from nlbook.impact.mesh import Mesh, gauss_volumes

__all__ = ["ElementArrays", "Elements", "MeanDilatation", "OnePoint", "force_slots"]


@dataclass(frozen=True, eq=False)
class ElementArrays:
    """A mesh as the loops of its elements read it."""

    #: first entry in the places of each node of each element, shape (n_blocks, nodes, LANES)
    nodes: NDArray[np.int64]
    #: undeformed elements, shape (n_blocks, rows, LANES)
    reference: NDArray[np.float64]
    #: points of an element
    n_points: int
    #: rows of an element's motion
    n_motion: int
    #: volume whose mass each node of an element gets, m^3, shape (n_elements, nodes)
    shares: NDArray[np.float64]
    #: F and the motion from places and velocities
    motion: Callable[..., Any]
    #: forces from the stress
    force: Callable[..., Any]
    #: hourglass coefficient, linear and quadratic bulk viscosity
    viscosity: tuple[float, float, float]


class Elements(Protocol):
    """A way to integrate elements."""

    def arrays(self, mesh: Mesh) -> ElementArrays:
        """A mesh as the loops read it."""


@dataclass(frozen=True)
class OnePoint:
    """Hexahedra with one point; what it does not see is damped. See the loops for equations."""

    #: kappa of the hourglass force, over density, wave speed and volume^(2/3)
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
        _check_bricks(mesh)
        gradients, parts = gauss_volumes(mesh.nodes[mesh.elements])
        volumes = parts.sum(axis=1)
        mean = np.einsum("ep,epni->ein", parts, gradients) / volumes[:, None, None]
        moments = np.einsum("ein,ejn->eij", mean, mean).reshape(-1, 9)[:, [0, 4, 8, 1, 2, 5]]
        sizes = volumes[:, np.newaxis] ** np.array([1.0, 2.0 / 3.0, -1.0 / 3.0])
        reference = to_blocks(np.concatenate([mean.reshape(-1, 24), moments, sizes], axis=1))
        reference[-1, -3:, (len(mesh.elements) - 1) % LANES + 1 :] = 0.0
        return ElementArrays(
            to_blocks(3 * mesh.elements),
            reference,
            1,
            MOTION,
            np.repeat(volumes[:, np.newaxis] / 8.0, 8, axis=1),
            motion_loop,
            force_loop,
            (self.hourglass, self.linear_viscosity, self.quadratic_viscosity),
        )


@dataclass(frozen=True)
class MeanDilatation:
    """Hexahedra with eight points that share one change of volume: the B-bar element.

    Five times the work of `OnePoint`, and nothing to damp; see the loops for equations.
    """

    #: linear bulk viscosity
    linear_viscosity: float = 0.06
    #: quadratic bulk viscosity
    quadratic_viscosity: float = 1.2

    def __post_init__(self) -> None:
        check_number("linear_viscosity", self.linear_viscosity, least=0.0)
        check_number("quadratic_viscosity", self.quadratic_viscosity, least=0.0)

    def arrays(self, mesh: Mesh) -> ElementArrays:
        """A mesh as the loops read it."""
        _check_bricks(mesh)
        gradients, parts = gauss_volumes(mesh.nodes[mesh.elements])
        volumes = parts.sum(axis=1)
        by_direction = gradients.swapaxes(2, 3).reshape(len(parts), -1)
        rows = [by_direction, parts, 1.0 / volumes[:, np.newaxis], volumes[:, np.newaxis]]
        reference = to_blocks(np.concatenate(rows, axis=1))
        reference[-1, -1, (len(mesh.elements) - 1) % LANES + 1 :] = 0.0
        return ElementArrays(
            to_blocks(3 * mesh.elements),
            reference,
            8,
            DILATATION_MOTION,
            np.repeat(volumes[:, np.newaxis] / 8.0, 8, axis=1),
            dilatation_motion,
            dilatation_force,
            (0.0, self.linear_viscosity, self.quadratic_viscosity),
        )


def _check_bricks(mesh: Mesh) -> None:
    if mesh.elements.shape[1] != 8:
        raise ValueError("mesh must be of hexahedra for these elements, see HexMesh")


def force_slots(
    elements: NDArray[np.int64], n_nodes: int, dimension: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each node finds the forces of its elements.

    Returns
    -------
    slots : ndarray of int
        Places of first components among the forces of blocks, those of a node together, in the
        order of their elements; the other components follow LANES entries apart.
    starts : ndarray of int, shape (n_nodes + 1,)
        Where each node's begin.
    """
    n, corners = elements.shape
    number = np.arange(n)[:, np.newaxis]
    place = (number // LANES * corners + np.arange(corners)) * dimension * LANES + number % LANES
    order = np.argsort(elements.ravel(), kind="stable")
    counts = np.bincount(elements.ravel(), minlength=n_nodes)
    return place.ravel()[order], np.concatenate([[0], np.cumsum(counts)])
