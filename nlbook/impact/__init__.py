"""Impact: bodies that move under their own stress and what they meet, with any material."""

from nlbook.impact.axisymmetric import RingMesh, Rings, ring_rod
from nlbook.impact.contact import Corrector, Penalty, RigidCylinder, RigidWall
from nlbook.impact.elements import MeanDilatation, OnePoint
from nlbook.impact.fitting import StressHistory, fit_law
from nlbook.impact.materials import (
    J2,
    Elastic,
    JohnsonCook,
    Material,
    MaterialPath,
    stress_along,
)
from nlbook.impact.mesh import HexMesh, Mesh, box_mesh, plate_mesh, rod_mesh, round_plate_mesh
from nlbook.impact.output import VTKSeries, element_fields, read_mesh, write_vtu
from nlbook.impact.passes import ImpactError
from nlbook.impact.problems import RodShape, plate_impact, rod_shape, taylor_anvil
from nlbook.impact.sections import CrossSection, cross_section, surface_faces
from nlbook.impact.solver import History, Simulation

__all__ = [
    "J2",
    "Corrector",
    "CrossSection",
    "Elastic",
    "HexMesh",
    "History",
    "ImpactError",
    "JohnsonCook",
    "Material",
    "MaterialPath",
    "MeanDilatation",
    "Mesh",
    "OnePoint",
    "Penalty",
    "RigidCylinder",
    "RigidWall",
    "RingMesh",
    "Rings",
    "RodShape",
    "Simulation",
    "StressHistory",
    "VTKSeries",
    "box_mesh",
    "cross_section",
    "element_fields",
    "fit_law",
    "plate_impact",
    "plate_mesh",
    "read_mesh",
    "ring_rod",
    "rod_mesh",
    "rod_shape",
    "round_plate_mesh",
    "stress_along",
    "surface_faces",
    "taylor_anvil",
    "write_vtu",
]
