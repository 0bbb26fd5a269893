"""Example arguments of what takes arrays in graphene, for `tests.mask_examples`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nlbook import graphene

SHEET = graphene.GrapheneSheet((2, 1))
FUNCTIONS: Mapping[str, Callable[[], Callable[..., Any]]] = {
    "graphene.Bonds.find": lambda: graphene.Bonds.find,
    "graphene.Bonds.strains": lambda: SHEET.bonds.strains,
    "graphene.Bonds.vectors": lambda: SHEET.bonds.vectors,
    **{
        f"graphene.Tersoff.{name}": lambda name=name: getattr(graphene.TERSOFF_CARBON, name)
        for name in ("atom_energies_and_forces", "energy_and_forces")
    },
}
ATOMS = {"positions": SHEET.positions, "bonds": SHEET.bonds}
EXAMPLES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "graphene.Bonds": lambda: {"neighbours": SHEET.neighbours},
    "graphene.Bonds.strains": lambda: {"positions": SHEET.positions, "bond_length": 1.4},
    "graphene.Bonds.vectors": lambda: {"positions": SHEET.positions},
    "graphene.Tersoff.atom_energies_and_forces": lambda: {**ATOMS},
    "graphene.Tersoff.energy_and_forces": lambda: {**ATOMS},
}
