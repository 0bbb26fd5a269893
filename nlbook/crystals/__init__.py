"""Crystal plasticity: single crystals that slip and twin, and polycrystals of them."""

from nlbook.crystals.datasets import DataSet, answer_paths, make_data_set
from nlbook.crystals.grain_choice import choose_few
from nlbook.crystals.j2 import J2Metal, fit_j2
from nlbook.crystals.law import (
    CrystalLaw,
    SlipConstants,
    TwinConstants,
    cubic,
    magnesium,
    plane_pair,
)
from nlbook.crystals.material import CrystalMaterial, recorded_paths
from nlbook.crystals.measures import (
    StressErrors,
    anisotropy,
    formula_response,
    mean_errors,
    stress_errors,
)
from nlbook.crystals.plane_grains import GrainMap, VoronoiGrains
from nlbook.crystals.pole_figures import pole_figure
from nlbook.crystals.reduced import (
    GrainDictionary,
    ReducedPolycrystal,
    TaylorPolycrystal,
    reduce_polycrystal,
)
from nlbook.crystals.response import CoarseStepsWarning, Response, StepsTooLong, StrainPath
from nlbook.crystals.step_study import step_changes
from nlbook.crystals.strain_paths import (
    PathRule,
    cavity_path,
    draw_strain_path,
    load_unload_path,
    rejected_share,
    rotated_path,
    sample_strain_paths,
    shear_path,
    uniaxial_path,
)
from nlbook.crystals.systems import (
    SlipSystems,
    fcc,
    hcp,
    miller_systems,
    tension_twin_shear,
    two_dimensional_pair,
)
from nlbook.crystals.taylor import grain_stresses, taylor_response
from nlbook.crystals.texture_files import read_texture
from nlbook.crystals.textures import Texture, random_texture
from nlbook.crystals.unit_cell import CellFields, UnitCell

__all__ = [
    "CellFields",
    "CoarseStepsWarning",
    "CrystalLaw",
    "CrystalMaterial",
    "DataSet",
    "GrainDictionary",
    "GrainMap",
    "J2Metal",
    "PathRule",
    "ReducedPolycrystal",
    "Response",
    "SlipConstants",
    "SlipSystems",
    "StepsTooLong",
    "StrainPath",
    "StressErrors",
    "TaylorPolycrystal",
    "Texture",
    "TwinConstants",
    "UnitCell",
    "VoronoiGrains",
    "anisotropy",
    "answer_paths",
    "cavity_path",
    "choose_few",
    "cubic",
    "draw_strain_path",
    "fcc",
    "fit_j2",
    "formula_response",
    "grain_stresses",
    "hcp",
    "load_unload_path",
    "magnesium",
    "make_data_set",
    "mean_errors",
    "miller_systems",
    "plane_pair",
    "pole_figure",
    "random_texture",
    "read_texture",
    "recorded_paths",
    "reduce_polycrystal",
    "rejected_share",
    "rotated_path",
    "sample_strain_paths",
    "shear_path",
    "step_changes",
    "stress_errors",
    "taylor_response",
    "tension_twin_shear",
    "two_dimensional_pair",
    "uniaxial_path",
]
