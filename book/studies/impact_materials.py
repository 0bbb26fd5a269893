"""Materials of chapter 7: polycrystals, few grains, and textbook laws with their best constants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.crystals import (
    DataSet,
    ReducedPolycrystal,
    TaylorPolycrystal,
    magnesium,
    random_texture,
)
from nlbook.crystals.material import CrystalMaterial, Polycrystal
from nlbook.impact import (
    J2,
    HexMesh,
    JohnsonCook,
    Material,
    StressHistory,
    fit_law,
    plate_impact,
    rod_mesh,
    round_plate_mesh,
    taylor_anvil,
)

#: kg/m^3: what the paper prints, and magnesium's.
DENSITIES = (10000.0, 1740.0)
#: Number and seed of random grains; the polycrystal of chapter 6, and two sets of 32.
TEXTURES = {"taylor_128": (128, 1), "taylor_32": (32, 1), "others_32": (32, 2)}
FEW = (8, 16)
#: Which stand for the same material, from the finest on.
MATERIALS = (*TEXTURES, *(f"few_{n}" for n in FEW), "johnson_cook", "j2")
_SLIP = magnesium(twins=None)
_ELASTIC = {"shear_modulus": _SLIP.shear_modulus * 1e9, "bulk_modulus": 2e9 * _SLIP.lambda_e}
#: First guesses: about what 0.1 of strain at 1e5 /s asks for.
STARTS: Mapping[str, J2 | JohnsonCook] = {
    "j2": J2(1e4, **_ELASTIC, yield_stress=50e6, hardening=100e6, saturation=250e6,
             saturation_strain=0.02, reference_rate=1e6),
    "johnson_cook": JohnsonCook(1e4, **_ELASTIC, yield_stress=50e6, hardening=300e6,
                                hardening_exponent=0.4, rate_sensitivity=0.02, reference_rate=1e3),
}  # fmt: skip
N_RANDOM = 10  # of the recorded random paths, on which fits are judged too


def crystal(grains: Polycrystal, density: float) -> CrystalMaterial:
    """Steps of second order: those of first order err by 1 to 3 % of the deviator here."""
    return CrystalMaterial(grains, density, rule="two-stage")


def polycrystal(name: str) -> TaylorPolycrystal:
    """One of `TEXTURES`."""
    return TaylorPolycrystal(random_texture(*TEXTURES[name]), _SLIP)


@cache
def few(folder: Path, n: int) -> ReducedPolycrystal:
    """Few grains that stand for 128, as a record holds them."""
    return ReducedPolycrystal.load(folder / f"grains_{n}.json")


def material(name: str, density: float, folder: Path) -> Material:
    """One of `MATERIALS`; grains and constants that were chosen or fitted lie in the folder."""
    if name in TEXTURES:
        return crystal(polycrystal(name), density)
    if name.startswith("few_"):
        return crystal(few(folder, int(name.removeprefix("few_"))), density)
    constants = json.loads((folder / "fits.json").read_text(encoding="utf-8"))[name]["constants"]
    return replace(STARTS[name], **constants, density=density)


def trunk_paths(grains: TaylorPolycrystal) -> dict[str, StressHistory]:
    """What grains answer along the paths of elements of both problems, at both densities.

    The elements are those of a body of the first guess, on meshes of an eighth of the paper's
    elements, so that no law is fitted to the runs that it is then held against.
    """
    rod = rod_mesh(5e-3, 0.5e-3, layers=20, core=2, rings=2)
    plate = round_plate_mesh(10e-3, 1e-3, through=4, core=6, inner_rings=3, outer_rings=10)
    found = {}
    for density in DENSITIES:
        law = replace(STARTS["j2"], density=density)
        runs = {
            "anvil": taylor_anvil(law, mesh=rod, until=1e-6, record=range(0, 120, 5)),
            "plate": plate_impact(law, mesh=plate, until=1e-6, record=nearest(plate, 480)[::20]),
        }
        for problem, run in runs.items():
            history = run.history
            found[f"{problem}_{density:.0f}"] = StressHistory.of(
                crystal(grains, density), history.time, history.deformation
            )
    return found


def nearest(mesh: HexMesh, n: int) -> list[int]:
    """The elements nearest to the axis of z, nearest first."""
    middle = mesh.nodes[mesh.elements].mean(axis=1)
    return np.argsort(np.hypot(*middle.T[:2]), kind="stable")[:n].tolist()


def random_paths(file: Path) -> list[StressHistory]:
    """Recorded random paths of 10 % strain, and what 128 grains answer."""
    data = DataSet.load(file)
    volume = np.linalg.det(data.stretch)[..., np.newaxis, np.newaxis]
    kirchhoff = 1e9 * data.stress * volume
    pairs = zip(data.stretch[:N_RANDOM], kirchhoff, strict=False)
    return [StressHistory(data.times, stretch, tau) for stretch, tau in pairs]


def fits(random: Path) -> dict[str, Any]:
    """Constants of the laws of textbooks, and what they err."""
    trunk = trunk_paths(polycrystal("taylor_128"))
    unlike = random_paths(random)
    found: dict[str, Any] = {}
    for name, start in STARTS.items():
        law = fit_law(list(trunk.values()), start)
        began = asdict(start)
        errors = {key: StressHistory.of(law, one.times, one.deformation).error(one)
                  for key, one in trunk.items()}  # fmt: skip
        errors["random"] = float(
            np.mean(
                [StressHistory.of(law, one.times, one.deformation).error(one) for one in unlike]
            )
        )
        found[name] = {
            "constants": {
                key: float(f"{value:.4g}") for key, value in asdict(law).items()
                if value != began[key]
            },
            "errors": {key: float(f"{value:.4g}") for key, value in errors.items()},
        }  # fmt: skip
    return found
