"""Crystal plasticity: single crystals that slip and twin, and polycrystals of them."""

from nlbook.crystals.law import (
    CrystalLaw,
    SlipConstants,
    TwinConstants,
    cubic,
    magnesium,
    plane_pair,
)
from nlbook.crystals.plane_grains import GrainMap, VoronoiGrains
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.systems import (
    SlipSystems,
    fcc,
    hcp,
    miller_systems,
    tension_twin_shear,
    two_dimensional_pair,
)
from nlbook.crystals.taylor import grain_stresses, taylor_response
from nlbook.crystals.textures import Texture, random_texture
from nlbook.crystals.unit_cell import CellFields, UnitCell, cell_task

__all__ = [
    "CellFields",
    "CrystalLaw",
    "GrainMap",
    "Response",
    "SlipConstants",
    "SlipSystems",
    "StrainPath",
    "Texture",
    "TwinConstants",
    "UnitCell",
    "VoronoiGrains",
    "cell_task",
    "cubic",
    "fcc",
    "grain_stresses",
    "hcp",
    "magnesium",
    "miller_systems",
    "plane_pair",
    "random_texture",
    "taylor_response",
    "tension_twin_shear",
    "two_dimensional_pair",
]
