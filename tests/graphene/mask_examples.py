"""Example arguments of what takes arrays in graphene, for `tests.mask_examples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nlbook import graphene

SHEET = graphene.GrapheneSheet((2, 1))
DISK = graphene.GrapheneDisk(3.0)
FIELD = np.zeros((8, 2))
FIELDS = FIELD[np.newaxis]
WAVE = graphene.WaveLoad((1, 0), 0)
POINTS = np.array([[1.0, 2.0], [60.0, 3.0]])


def graining() -> graphene.CoarseGraining:
    sheet = graphene.GrapheneSheet((10, 6))
    return graphene.CoarseGraining.on_grid(sheet.positions, sheet.box, (5, 5))


def of_graining() -> np.ndarray:
    return np.ones((240, 2))


FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    "graphene.Bonds.extent": lambda: SHEET.bonds.extent,
    "graphene.Bonds.of_atoms": lambda: SHEET.bonds.of_atoms,
    "graphene.Bonds.find": lambda: graphene.Bonds.find,
    "graphene.Bonds.strains": lambda: SHEET.bonds.strains,
    "graphene.Bonds.vectors": lambda: SHEET.bonds.vectors,
    **{
        f"graphene.CoarseGraining.{name}": lambda name=name: getattr(graining(), name)
        for name in ("displacement", "load", "mass_density")
    },
    "graphene.Cone.__call__": graphene.Cone,
    "graphene.Paraboloid.__call__": graphene.Paraboloid,
    "graphene.DiskLoad.pattern": lambda: graphene.DiskLoad(1).pattern,
    "graphene.PatchLoad.pattern": lambda: graphene.PatchLoad(5.0, 0).pattern,
    "graphene.WaveLoad.pattern": lambda: WAVE.pattern,
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
    "graphene.AtomSamples": lambda: {
        "positions": SHEET.positions,
        "box": None,
        "displacement": FIELDS,
        "forces": FIELDS,
        "masses": np.ones(8),
    },
    "graphene.CoarseGraining.displacement": lambda: {
        "displacement": of_graining(),
        "masses": np.ones(240),
    },
    "graphene.CoarseGraining.load": lambda: {"forces": of_graining()},
    "graphene.CoarseGraining.mass_density": lambda: {"masses": np.ones(240)},
    "graphene.Cone.__call__": lambda: {"distance": np.ones(3)},
    "graphene.DiskLoad.pattern": lambda: {"points": POINTS},
    "graphene.Paraboloid.__call__": lambda: {"distance": np.ones(3)},
    "graphene.PatchLoad.pattern": lambda: {"points": POINTS, "box": (90.0, 90.0)},
    "graphene.PeriodicSamples": lambda: {
        "spacing": (5.0, 5.0),
        "displacement": np.zeros((1, 3, 3, 2)),
        "load": np.zeros((1, 3, 3, 2)),
    },
    "graphene.PointSamples": lambda: {
        "points": POINTS,
        "displacement": np.zeros((1, 2, 2)),
        "load": np.zeros((1, 2, 2)),
        "inside": np.array([True, True]),
    },
    "graphene.WaveLoad.pattern": lambda: {"points": POINTS, "box": (90.0, 90.0)},
    "graphene.atom_forces": lambda: {
        "load": WAVE,
        "positions": SHEET.positions,
        "box": SHEET.box,
        "area": 2.8,
    },
    "graphene.lammps_forces": lambda: {"sheet": SHEET, "displacement": FIELD},
    "graphene.lammps_minimum": lambda: {"sheet": SHEET, "forces": FIELD, "start": FIELD},
    "graphene.read_atom_samples": lambda: {"before": "a", "after": "b", "forces": FIELD},
    "graphene.run_dynamics": lambda: {
        "sheet": SHEET,
        "forces": FIELD,
        "seed": 1,
        "start": FIELD,
    },
}
