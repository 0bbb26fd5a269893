"""Fields on the atoms: how they are read, and what moves no bond."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array

__all__ = ["read_field", "read_fields", "read_loads", "without_rigid_motion"]

# Net force over the sum of the loads' sizes that counts as rounding.
_BALANCED = 1e-9


def read_fields(name: str, fields: ArrayLike, n_atoms: int) -> NDArray[np.float64]:
    """Read a field on the atoms, or several, as an array of shape (n_samples, n_atoms, 2)."""
    array = real_array(name, fields)
    if array.ndim not in (2, 3) or array.shape[-2:] != (n_atoms, 2):
        raise ValueError(
            f"{name} must have shape (n_samples, {n_atoms}, 2) or ({n_atoms}, 2), got {array.shape}"
        )
    return array.reshape(-1, n_atoms, 2)


def read_field(name: str, field: ArrayLike | None, n_atoms: int) -> NDArray[np.float64]:
    """Read one field on the atoms, of shape (n_atoms, 2); zero for None."""
    array = np.zeros((n_atoms, 2)) if field is None else real_array(name, field)
    if array.shape != (n_atoms, 2):
        raise ValueError(f"{name} must have shape ({n_atoms}, 2), got {array.shape}")
    return array


def read_loads(forces: ArrayLike, n_atoms: int) -> NDArray[np.float64]:
    """Read loads on the atoms as `read_fields`; a sample with a net force is refused."""
    loads = read_fields("forces", forces, n_atoms)
    if not len(loads):
        raise ValueError("forces must be of a sample or more")
    net = np.linalg.norm(loads.sum(axis=1), axis=1)
    excess = net - _BALANCED * np.abs(loads).sum(axis=(1, 2))
    if np.any(excess > 0):
        worst = int(np.argmax(excess))
        raise ValueError(
            f"forces must have no net force, as nothing holds the atoms: sample {worst} has "
            f"{net[worst]:.3g} eV/angstrom in all"
        )
    return loads


def without_rigid_motion(
    fields: NDArray[np.float64], places: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Fields (..., n_atoms, 2) less their mean; of a free body less their part in its rotation.

    `places`, shape (n_atoms, 2), are those of a body that may turn, about their mean.
    """
    rest = fields - fields.mean(axis=-2, keepdims=True)
    if places is None:
        return rest
    arm = (places - places.mean(axis=0)) @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    angle = np.einsum("...ij,ij->...", rest, arm) / np.sum(arm**2)
    return np.asarray(rest - angle[..., np.newaxis, np.newaxis] * arm)
