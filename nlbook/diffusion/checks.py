"""What an evolution should keep, looked at afterwards and told in words.

A nonlocal diffusion with a kernel that is not negative keeps what is not negative so, makes no new
maximum, and, on a periodic grid or far from its ends, keeps the mass.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nlbook.checks import check_number, real_array

__all__ = ["DiffusionWarning", "Extent", "check_evolution", "warn_of_changes"]

# Rounding of a fast transform, relative to the largest value.
_ROUNDING = 1e-11
# Mass over the ends of a grid that deserves a word: well above what trimmed densities lack.
_MASS_LOST = 1e-2


class DiffusionWarning(UserWarning):
    """A result that is not what its user may take it for."""


def check_evolution(
    before: ArrayLike, after: ArrayLike, spacing: float, *, kept: bool = True
) -> list[str]:
    """Say what diffusion should have kept and did not.

    Parameters
    ----------
    before : array_like, shape (n,)
        Values at the start.
    after : array_like, shape (..., n)
        Values later.
    spacing : float
        Distance of the nodes.
    kept : bool
        Whether the boundary keeps the mass (a periodic one does); otherwise some may be lost.

    Returns
    -------
    list of str
        One sentence for each of: lost or gained mass, negative values, a new maximum. Each is
        also given as a `DiffusionWarning`.

    Raises
    ------
    ValueError
        If a value is not finite, or the two have not the same nodes.
    """
    start, later = real_array("before", before, ndim=1), real_array("after", after)
    if not start.size or later.shape[-1:] != start.shape or not later.size:
        raise ValueError(
            f"after must have the {start.size} nodes of before along its last axis, got shape "
            f"{later.shape}"
        )
    spacing = check_number("spacing", spacing, above=0)
    return warn_of_changes(
        Extent.of(start, spacing), Extent.of(later, spacing), kept=kept, stacklevel=4
    )


@dataclass(frozen=True)
class Extent:
    """What the checks look at in one state or several."""

    least_mass: float  #: integral over the grid; of several states the least
    most_mass: float  #: and the largest
    lowest: float  #: least value
    highest: float  #: largest value
    volume: float  #: length or area of the grid

    @classmethod
    def of(cls, u: ArrayLike, spacing: float, dimension: int = 1) -> Extent:
        """Of the values `u` of one state, or of several along the axes in front.

        Parameters
        ----------
        u : array_like, shape (..., n) or (..., n, n2)
            Values at the nodes.
        spacing : float
            Distance of the nodes.
        dimension : int
            Of space.
        """
        values = np.asarray(u, dtype=np.float64)
        axes = tuple(range(-dimension, 0))
        cell = spacing**dimension
        masses = cell * values.sum(axis=axes)
        volume = cell * math.prod(values.shape[-dimension:])
        return cls(*map(float, (masses.min(), masses.max(), values.min(), values.max(), volume)))


def warn_of_changes(before: Extent, after: Extent, *, kept: bool, stacklevel: int = 2) -> list[str]:
    """Say what diffusion should have kept, from the extents before and after.

    Parameters
    ----------
    before, after : Extent
        Of the start, and of all later states.
    kept : bool
        As in `check_evolution`.
    stacklevel : int
        Whom the warnings name, as in `warnings.warn`.

    Returns
    -------
    list of str
        As in `check_evolution`.
    """
    largest = max(abs(before.lowest), abs(before.highest))
    sentences = _of_mass(before, after, _ROUNDING * before.volume * largest, kept)
    if before.lowest >= 0 and after.lowest < -_ROUNDING * largest:
        sentences.append(
            f"values that were not negative fell to {after.lowest:.3g}: shorten the time step, "
            f"or look at the sign of the kernel"
        )
    highest = max(before.highest, 0.0)
    if after.highest > highest + _ROUNDING * largest:
        sentences.append(
            f"the largest value grew from {highest:.3g} to {after.highest:.3g}, against the "
            f"maximum principle: shorten the time step, or look at the sign of the kernel"
        )
    for sentence in sentences:
        warnings.warn(sentence, DiffusionWarning, stacklevel=stacklevel)
    return sentences


def _of_mass(before: Extent, after: Extent, rounding: float, kept: bool) -> list[str]:
    mass = before.most_mass
    lost, gained = mass - after.least_mass, after.most_mass - mass
    if gained > rounding or (kept and lost > rounding):
        worst = after.most_mass if gained > lost else after.least_mass
        return [f"the mass changed from {mass:.6g} to {worst:.6g}, which diffusion keeps"]
    if not kept and lost > max(rounding, _MASS_LOST * abs(mass)):
        return [
            f"{lost / mass:.1%} of the mass left over the ends of the grid: widen it if that "
            f"mass was to be kept"
        ]
    return []
