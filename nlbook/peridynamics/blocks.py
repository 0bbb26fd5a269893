"""Symmetric 2x2 blocks: one a wavevector, of which symbols and their conditions are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["joined", "least_eigenvalue", "squares_of_nodes", "unmixed"]

Array = NDArray[np.float64]


def joined(gamma: Array, g: Array, kappa: float) -> Array:
    """Gamma + kappa g g^T.

    Parameters
    ----------
    gamma : ndarray, shape (..., 2, 2)
        Of the bonds.
    g : ndarray, shape (..., 2)
        Of the dilatation.
    kappa : float

    Returns
    -------
    ndarray, shape (..., 2, 2)
    """
    return np.asarray(gamma + kappa * (g[..., :, np.newaxis] * g[..., np.newaxis, :]))


def unmixed(blocks: Array, folded: NDArray[np.bool_]) -> Array:
    """The same, diagonal where waves are folded: see `nlbook.peridynamics.PeriodicGrid.folded`.

    Parameters
    ----------
    blocks : ndarray, shape (n_k, ..., 2, 2)
    folded : ndarray of bool, shape (n_k,)

    Returns
    -------
    ndarray, shape (n_k, ..., 2, 2)
        A copy.
    """
    out = blocks.copy()
    out[folded, ..., 0, 1] = out[folded, ..., 1, 0] = 0.0
    return out


def least_eigenvalue(b11: Array, b12: Array, b22: Array) -> Array:
    """Smaller eigenvalue of each symmetric 2x2 matrix, of the shape of its entries."""
    return np.asarray((b11 + b22) / 2 - np.hypot((b11 - b22) / 2, b12))


def squares_of_nodes(wavevectors: Array, nominal_spacing: float) -> Array:
    """q(k) = min(k . k, 4/h**2): what a chain of nodes has of its stiffness at most.

    Parameters
    ----------
    wavevectors : ndarray, shape (n_k, 2)
        1/length.
    nominal_spacing : float
        h, length.

    Returns
    -------
    ndarray, shape (n_k,)
        1/length**2.
    """
    return np.asarray(np.minimum(np.sum(wavevectors**2, axis=1), 4 / nominal_spacing**2))
