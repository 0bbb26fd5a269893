"""What an evolution should keep, looked at afterwards and told in words.

A nonlocal diffusion with a kernel that is not negative keeps what is not negative so, makes no new
maximum, and, on a periodic grid or far from its ends, keeps the mass.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DiffusionWarning", "check_evolution"]

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
    """
    start = np.asarray(before, dtype=np.float64)
    later = np.atleast_2d(np.asarray(after, dtype=np.float64))
    largest = float(np.max(np.abs(start)))
    found = []
    mass, masses = spacing * float(start.sum()), spacing * later.sum(axis=-1)
    found += _mass_sentences(mass, masses, spacing * start.size * largest, kept)
    if np.min(start) >= 0 and np.min(later) < -_ROUNDING * largest:
        found.append(
            f"values that were not negative fell to {np.min(later):.3g}: shorten the time step, "
            f"or look at the sign of the kernel"
        )
    highest = max(float(np.max(start)), 0.0)
    if np.max(later) > highest + _ROUNDING * largest:
        found.append(
            f"the largest value grew from {highest:.3g} to {np.max(later):.3g}, against the "
            f"maximum principle: shorten the time step, or look at the sign of the kernel"
        )
    for sentence in found:
        warnings.warn(sentence, DiffusionWarning, stacklevel=3)
    return found


def _mass_sentences(
    mass: float, masses: NDArray[np.float64], scale: float, kept: bool
) -> list[str]:
    worst = masses[int(np.argmax(np.abs(masses - mass)))]
    change = float(worst - mass)
    if abs(change) <= _ROUNDING * scale:
        return []
    if kept or change > 0:
        return [f"the mass changed from {mass:.6g} to {worst:.6g}, which diffusion keeps"]
    if -change > _MASS_LOST * abs(mass):
        return [
            f"{-change / mass:.1%} of the mass left over the ends of the grid: widen it if that "
            f"mass was to be kept"
        ]
    return []
