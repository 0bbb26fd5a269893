"""Graphene from its atoms: the sheet, its potential, and how it answers to loads."""

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
    "GrapheneDisk",
    "GrapheneSheet",
    "Tersoff",
    "relaxed_bond_length",
]
