"""Example arguments of what takes arrays in graphene, for `tests.mask_examples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import graphene

SHEET = graphene.GrapheneSheet((2, 1))
DISK = graphene.GrapheneDisk(3.0)
FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    "graphene.Bonds.extent": lambda: SHEET.bonds.extent,
    "graphene.Bonds.of_atoms": lambda: SHEET.bonds.of_atoms,
    "graphene.Bonds.find": lambda: graphene.Bonds.find,
    "graphene.Bonds.strains": lambda: SHEET.bonds.strains,
    "graphene.Bonds.vectors": lambda: SHEET.bonds.vectors,
    **{
        f"graphene.Tersoff.{name}": lambda name=name: getattr(graphene.TERSOFF_CARBON, name)
        for name in ("atom_energies_and_forces", "energy_and_forces", "stiffness")
    },
    "graphene.HarmonicDisk.solve": lambda: graphene.HarmonicDisk(DISK).solve,
    "graphene.HarmonicDisk.without_rigid_motion": lambda: (
        graphene.HarmonicDisk(DISK).without_rigid_motion
    ),
    "graphene.HarmonicSheet.solve": lambda: graphene.HarmonicSheet(SHEET).solve,
    "graphene.HarmonicSheet.without_rigid_motion": lambda: (
        graphene.HarmonicSheet(SHEET).without_rigid_motion
    ),
    "graphene.LatticeResponse.dynamical_matrix": lambda: (
        graphene.LatticeResponse().dynamical_matrix
    ),
    "graphene.LatticeResponse.symbol": lambda: graphene.LatticeResponse().symbol,
}
ATOMS = {"positions": SHEET.positions, "bonds": SHEET.bonds}
EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "graphene.Bonds": lambda: {"neighbours": SHEET.neighbours},
    "graphene.Bonds.strains": lambda: {"positions": SHEET.positions, "bond_length": 1.4},
    "graphene.Bonds.vectors": lambda: {"positions": SHEET.positions},
    "graphene.HarmonicDisk": lambda: {"disk": DISK, "displacement": np.zeros((24, 2))},
    "graphene.HarmonicDisk.solve": lambda: {"forces": np.zeros((24, 2))},
    "graphene.HarmonicDisk.without_rigid_motion": lambda: {"fields": np.zeros((24, 2))},
    "graphene.HarmonicSheet.solve": lambda: {"forces": np.zeros((8, 2))},
    "graphene.HarmonicSheet.without_rigid_motion": lambda: {"fields": np.zeros((8, 2))},
    "graphene.LatticeResponse.dynamical_matrix": lambda: {"wavevectors": np.ones((2, 2))},
    "graphene.LatticeResponse.symbol": lambda: {"wavevectors": np.ones((2, 2))},
    "graphene.Bonds.extent": lambda: {"positions": SHEET.positions},
    "graphene.Bonds.of_atoms": lambda: {"positions": SHEET.positions},
    "graphene.equilibrate": lambda: {
        "body": SHEET,
        "forces": np.zeros((8, 2)),
        "start": np.zeros((8, 2)),
    },
    "graphene.stiffness_matrix": lambda: {**ATOMS},
    "graphene.Tersoff.stiffness": lambda: {**ATOMS},
    "graphene.Tersoff.atom_energies_and_forces": lambda: {**ATOMS},
    "graphene.Tersoff.energy_and_forces": lambda: {**ATOMS},
}
