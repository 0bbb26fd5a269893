"""Impact: bodies that move under their own stress and what they meet, with any material."""

from nlbook.impact.contact import Corrector, Penalty, RigidCylinder, RigidWall
from nlbook.impact.elements import MeanDilatation, OnePoint
from nlbook.impact.materials import (
    J2,
    Elastic,
    JohnsonCook,
    Material,
    MaterialPath,
    stress_along,
)
from nlbook.impact.mesh import HexMesh, box_mesh, plate_mesh, rod_mesh
from nlbook.impact.passes import ImpactError
from nlbook.impact.problems import RodShape, plate_impact, rod_shape, taylor_anvil
from nlbook.impact.solver import History, Simulation

__all__ = [
    "J2",
    "Corrector",
    "Elastic",
    "HexMesh",
    "History",
    "ImpactError",
    "JohnsonCook",
    "Material",
    "MaterialPath",
    "MeanDilatation",
    "OnePoint",
    "Penalty",
    "RigidCylinder",
    "RigidWall",
    "RodShape",
    "Simulation",
    "box_mesh",
    "plate_impact",
    "plate_mesh",
    "rod_mesh",
    "rod_shape",
    "stress_along",
    "taylor_anvil",
]
