"""A polycrystal as a material of `nlbook.impact`: Taylor's average in each of its points.

With Cbar = F^T F J^(-2/3) the grains move as in `nlbook.crystals.local_update`, and, as their
elastic law is isotropic, the Kirchhoff stress is

    tau = G dev(F A F^T) J^(-2/3) + 2 lambda_e (J - 1) J I,    A = sum of weight B B^T.

All that a point remembers, the B of its grains and their slips, is of the undeformed frame. Each
point has the same grains at the start, unrotated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, get_args

import numpy as np

from nlbook.checks import check_choice, check_number
from nlbook.crystals.lanes.point_loops import begin_points_loop, points_loop
from nlbook.crystals.lanes.rows import LANES as GRAINS
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.local_update import kept_size, law_arrays
from nlbook.crystals.response import StrainPath
from nlbook.crystals.taylor import Rule
from nlbook.crystals.textures import Texture
from nlbook.impact import History
from nlbook.impact.blocks import LANES, Blocks, six_of, tensors_of

__all__ = ["CrystalMaterial", "Polycrystal", "recorded_paths"]

_OWN = 7  # numbers of a point before those of its grains: Cbar, and the length of the last step
_PASCAL = 1e9  # of a GPa


class Polycrystal(Protocol):
    """Grains and their law: `TaylorPolycrystal`, `ReducedPolycrystal`."""

    @property
    def texture(self) -> Texture:
        """The grains and their weights."""

    @property
    def law(self) -> CrystalLaw:
        """Of all grains."""


@dataclass(frozen=True, eq=False)
class CrystalMaterial:
    """A polycrystal whose grains are all stretched as the element is."""

    #: grains and their law
    polycrystal: Polycrystal
    #: kg/m^3; the paper prints 1e4, and magnesium has 1740
    density: float
    #: how a step is taken: of first order, or of second in twice the time; in an impact either
    #: errs by less than the body's own steps, 3 % of the deviator at the paper's density
    rule: Rule = "euler"
    #: of the elastic strain that solves a step
    tolerance: float = 1e-7

    def __post_init__(self) -> None:
        check_number("density", self.density, above=0.0)
        check_choice("rule", self.rule, get_args(Rule))
        check_number("tolerance", self.tolerance, above=0.0, below=1e-3)

    @property
    def wave_modulus(self) -> float:
        """2 lambda_e + 4/3 G, Pa."""
        law = self.polycrystal.law
        return _PASCAL * (2.0 * law.lambda_e + 4.0 / 3.0 * law.shear_modulus)

    @cached_property
    def _constants(self) -> Mapping[str, Any]:
        """The law and the grains as the loops read them, the last batch filled by the last one."""
        texture = self.polycrystal.texture
        n_batches = -(-texture.n_grains // GRAINS)
        place = np.arange(n_batches * GRAINS)
        grain = np.minimum(place, texture.n_grains - 1)
        schmid, law = law_arrays(self.polycrystal.law)
        return {
            "schmid": schmid,
            "law": law,
            "rotations": np.ascontiguousarray(texture.rotations[grain]),
            "weights": np.where(place < texture.n_grains, texture.weights[grain], 0.0),
            "shape": (n_batches, kept_size(self.polycrystal.law) * GRAINS),
        }

    def new_state(self, n_blocks: int) -> Blocks:
        """Cbar = I and unstrained grains, shape (n_blocks, LANES, numbers of a point)."""
        own = self._constants
        kept = np.zeros(own["shape"])
        begin_points_loop(kept, own["rotations"], own["schmid"], own["law"])
        state = np.empty((n_blocks, LANES, _OWN + kept.size))
        state[..., :_OWN] = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
        state[..., _OWN:] = kept.ravel()
        return state

    def update(self, deformation: Blocks, state: Blocks, stress: Blocks, dt: float) -> None:
        """See `nlbook.impact.Material`."""
        own, law = self._constants, self.polycrystal.law
        f = np.ascontiguousarray(deformation.swapaxes(1, 2)).reshape(-1, 3, 3)
        volume = np.linalg.det(f)
        scale = np.cbrt(volume) ** -2
        square = scale[:, np.newaxis] * six_of(f.swapaxes(1, 2) @ f)
        points = state.reshape(len(f), -1)
        before, last = points[:, :6].copy(), points[0, 6]
        average = np.empty((len(f), 6))
        points_loop(
            square, before, points[:, _OWN:].reshape(len(f), *own["shape"]), dt,
            dt / last if last > 0.0 else 0.0, own["rotations"], own["schmid"], own["law"],
            self.tolerance, 1 if self.rule == "euler" or dt == 0.0 else 2, own["weights"], average,
        )  # fmt: skip
        points[:, :6], points[:, 6] = square, dt
        pushed = f @ tensors_of(average) @ f.swapaxes(1, 2)
        tau = law.shear_modulus * scale[:, np.newaxis] * six_of(pushed)
        mean = tau[:, :3].mean(axis=1) - 2.0 * law.lambda_e * (volume - 1.0) * volume
        tau[:, :3] -= mean[:, np.newaxis]
        stress[:] = _PASCAL * tau.reshape(len(stress), LANES, 6).swapaxes(1, 2)

    def observables(self, state: Blocks) -> dict[str, Blocks]:
        """Slip on all systems, and twin fraction, means over the grains."""
        own, systems = self._constants, self.polycrystal.law.systems
        n_batches, size = own["shape"]
        rows = state[..., _OWN:].reshape(*state.shape[:2], n_batches, size // GRAINS, GRAINS)
        weights = own["weights"].reshape(n_batches, GRAINS)
        first = kept_size(self.polycrystal.law) - 3 * systems.n_slip - 5 * systems.n_twin
        slips = rows[..., first + 1 : first + 3 * systems.n_slip : 3, :].sum(axis=-2)
        seen = {"slip": np.einsum("xpbg,bg->xp", slips, weights)}
        if systems.n_twin:
            start = first + 3 * systems.n_slip + 1
            twins = rows[..., start::5, :].sum(axis=-2)
            seen["twin_fraction"] = np.einsum("xpbg,bg->xp", twins, weights)
        return seen


def recorded_paths(history: History) -> list[StrainPath]:
    """Strain paths of the elements that a run has recorded, to learn from or to answer along.

    Parameters
    ----------
    history : History
        Of a simulation with ``record``; in three dimensions, or of rings with axes r, t and z.

    Returns
    -------
    list of StrainPath
        U of each element at the end of each step; of F = R U, the rotation R is left out.
    """
    f = history.deformation.swapaxes(0, 1)
    values, vectors = np.linalg.eigh(f.swapaxes(-1, -2) @ f)
    stretch = (vectors * np.sqrt(values)[..., np.newaxis, :]) @ vectors.swapaxes(-1, -2)
    return [StrainPath(history.time, one) for one in stretch]
