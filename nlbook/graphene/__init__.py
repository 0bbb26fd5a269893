"""Graphene from its atoms: the sheet, its potential, and how it answers to loads."""

from nlbook.graphene.bonds import Bonds
from nlbook.graphene.ideal import Response, ideal_samples
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
from nlbook.graphene.samples import PeriodicSamples, PointSamples
from nlbook.graphene.sheet import (
    THICKNESS,
    TPA,
    GrapheneDisk,
    GrapheneSheet,
    relaxed_bond_length,
)
from nlbook.graphene.tersoff import LINDSAY_BROIDO, TERSOFF_CARBON, Tersoff

__all__ = [
    "LINDSAY_BROIDO",
    "TERSOFF_CARBON",
    "THICKNESS",
    "TPA",
    "Bonds",
    "DiskLoad",
    "GrapheneDisk",
    "GrapheneSheet",
    "Load",
    "PatchLoad",
    "PeriodicSamples",
    "PointSamples",
    "Response",
    "Tersoff",
    "WaveLoad",
    "atom_forces",
    "disk_loads",
    "ideal_samples",
    "relaxed_bond_length",
    "training_loads",
    "validation_loads",
]
