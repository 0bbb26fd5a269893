"""The impact problems of the paper: a rod on a rigid wall, a plate under a rigid cylinder [1]_.

References
----------
.. [1] B. Liu, N. Kovachki, Z. Li, K. Azizzadenesheli, A. Anandkumar, A. M. Stuart and
   K. Bhattacharya, J. Mech. Phys. Solids 158 (2022) 104668, section 4.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nlbook.checks import check_number
from nlbook.impact.contact import RigidCylinder, RigidWall
from nlbook.impact.materials import Material
from nlbook.impact.mesh import HexMesh, Mesh, rod_mesh, round_plate_mesh
from nlbook.impact.sections import surface_faces
from nlbook.impact.solver import Simulation

__all__ = ["RodShape", "plate_impact", "rod_shape", "taylor_anvil"]


class RodShape(NamedTuple):
    """What is measured of a rod."""

    #: from foot to top, m: the mean of each, since a rod rebounds
    length: float
    #: largest distance of a node of the foot from the axis, m
    foot_radius: float
    #: largest of an element; NaN of a material that has none
    plastic_strain: float


def taylor_anvil(
    material: Material,
    *,
    length: float = 5e-3,
    radius: float = 0.5e-3,
    speed: float = 200.0,
    until: float = 1e-6,
    mesh: Mesh | None = None,
    friction: float = 0.0,
    **options: Any,
) -> Simulation:
    """Let a rod fly against a rigid wall, the plane z = 0.

    Parameters
    ----------
    material : Material
        Of the rod.
    length, radius : float
        m; those of the paper by default.
    speed : float
        Of the impact, m/s.
    until : float
        When to stop, s; at zero the rod is only set up.
    mesh : Mesh, optional
        In place of `rod_mesh` with its defaults, of 3200 elements; `ring_rod` makes one of rings.
    friction : float
        Coefficient of the wall.
    **options
        Of `Simulation`.

    Returns
    -------
    Simulation
    """
    check_number("speed", speed, least=0.0)
    body = rod_mesh(length, radius) if mesh is None else mesh
    up = np.eye(body.nodes.shape[1])[-1]
    wall = RigidWall(tuple((0.0 * up).tolist()), tuple(up.tolist()), friction)
    simulation = Simulation(body, material, velocity=-speed * up, contacts=[wall], **options)
    return simulation.run(until)


def rod_shape(simulation: Simulation) -> RodShape:
    """Measure a rod that stood along z, with its foot at its lower end."""
    nodes, x = simulation.mesh.nodes, simulation.x
    height = nodes[:, -1] - nodes[:, -1].min()
    near = 1e-6 * height.max()
    foot, top = height < near, height > height.max() - near
    seen = simulation.observables.get("plastic_strain")
    return RodShape(
        float(x[top, -1].mean() - x[foot, -1].mean()),
        float(np.linalg.norm(x[foot, :-1], axis=1).max()),
        float("nan") if seen is None else float(seen.max()),
    )


def plate_impact(
    material: Material,
    *,
    thickness: float = 1e-3,
    plate_radius: float = 10e-3,
    radius: float = 2e-3,
    speed: float = 200.0,
    until: float = 1e-6,
    mesh: HexMesh | None = None,
    friction: float = 0.0,
    **options: Any,
) -> Simulation:
    """Let a rigid cylinder, too heavy to be slowed, fly against a plate.

    The plate is simply supported: the rim of its lower face stays at its height.

    Parameters
    ----------
    material : Material
        Of the plate.
    thickness, plate_radius : float
        Of the plate, m. The paper's is 1 mm thick and "large".
    radius, speed : float
        Of the cylinder, m and m/s.
    until : float
        When to stop, s; at zero the plate is only set up.
    mesh : HexMesh, optional
        In place of `round_plate_mesh` with its defaults, of 11,520 elements; see `plate_mesh` too.
    friction : float
        Coefficient of the cylinder's end.
    **options
        Of `Simulation`.

    Returns
    -------
    Simulation
    """
    body = mesh
    if body is None:
        body = round_plate_mesh(plate_radius, thickness, inner_radius=radius)
    nodes = body.nodes
    if nodes.shape[1] != 3:
        raise ValueError("mesh must be of hexahedra, see HexMesh")
    faces, _ = surface_faces(body)
    corners = nodes[faces]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    upright = faces[np.abs(across[:, 2]) < 0.5 * np.linalg.norm(across, axis=1)]
    lowest = nodes[:, 2] < nodes[:, 2].min() + 1e-6 * np.ptp(nodes[:, 2])
    supports = np.zeros(nodes.shape, dtype=bool)
    supports[upright, 2] = lowest[upright]
    top = float(nodes[:, 2].max())
    cylinder = RigidCylinder(radius, speed, face=top, friction=friction)
    simulation = Simulation(body, material, contacts=[cylinder], supports=supports, **options)
    return simulation.run(until)
