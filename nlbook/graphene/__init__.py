"""Graphene from its atoms: the sheet, its potential, and how it answers to loads."""

from nlbook.graphene.atom_files import AtomFile, read_atom_samples, read_atoms
from nlbook.graphene.atom_samples import AtomSamples
from nlbook.graphene.bonds import Bonds
from nlbook.graphene.coarse_graining import (
    CARBON_MASS as CARBON_MASS,
)
from nlbook.graphene.coarse_graining import (
    CoarseGraining,
    Cone,
    Paraboloid,
    Smoothing,
    WrappedBoxWarning,
    nodes_that_fit,
)
from nlbook.graphene.datasets import AtomRuns, atom_runs, generate_samples
from nlbook.graphene.equilibrium import Equilibria, equilibrate
from nlbook.graphene.harmonic import HarmonicDisk, HarmonicSheet, stiffness_matrix
from nlbook.graphene.ideal import Response, ideal_samples
from nlbook.graphene.lammps_engine import lammps_forces, lammps_minimum
from nlbook.graphene.loads import (
    DiskLoad,
    Load,
    PatchLoad,
    WaveLoad,
    atom_forces,
    disk_loads,
    training_loads,
    validation_loads,
)
from nlbook.graphene.molecular_dynamics import Dynamics, DynamicsRun, run_dynamics
from nlbook.graphene.records import (
    GrapheneRecord,
    RecordedSet,
    read_graphene_record,
    recorded_arrays,
)
from nlbook.graphene.response import ElasticModuli, LatticeResponse
from nlbook.graphene.samples import PeriodicSamples, PointSamples
from nlbook.graphene.sheet import (
    THICKNESS as THICKNESS,
)
from nlbook.graphene.sheet import (
    TPA as TPA,
)
from nlbook.graphene.sheet import (
    GrapheneDisk,
    GrapheneSheet,
    relaxed_bond_length,
)
from nlbook.graphene.tersoff import LINDSAY_BROIDO as LINDSAY_BROIDO
from nlbook.graphene.tersoff import TERSOFF_CARBON as TERSOFF_CARBON
from nlbook.graphene.tersoff import Tersoff

__all__ = [
    "AtomFile",
    "AtomRuns",
    "AtomSamples",
    "Bonds",
    "CoarseGraining",
    "Cone",
    "DiskLoad",
    "Dynamics",
    "DynamicsRun",
    "ElasticModuli",
    "Equilibria",
    "GrapheneDisk",
    "GrapheneRecord",
    "GrapheneSheet",
    "HarmonicDisk",
    "HarmonicSheet",
    "LatticeResponse",
    "Load",
    "Paraboloid",
    "PatchLoad",
    "PeriodicSamples",
    "PointSamples",
    "RecordedSet",
    "Response",
    "Smoothing",
    "Tersoff",
    "WaveLoad",
    "WrappedBoxWarning",
    "atom_forces",
    "atom_runs",
    "disk_loads",
    "equilibrate",
    "generate_samples",
    "ideal_samples",
    "lammps_forces",
    "lammps_minimum",
    "nodes_that_fit",
    "read_atom_samples",
    "read_atoms",
    "read_graphene_record",
    "recorded_arrays",
    "relaxed_bond_length",
    "run_dynamics",
    "stiffness_matrix",
    "training_loads",
    "validation_loads",
]
