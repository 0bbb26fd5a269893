"""How far two densities are apart, and where."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array

__all__ = ["errors_by_decade", "relative_l2"]


def relative_l2(density: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Size of p - q over that of q, in the l2 norm over nodes.

    Parameters
    ----------
    density, reference : array_like, shape (..., n_nodes)
        p and q on the same uniform grid.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If a shape differs, a value is not finite, or the reference vanishes.
    """
    p, q = real_array("density", density), real_array("reference", reference)
    if p.shape[-1:] != q.shape[-1:] or p.ndim < 1:
        raise ValueError(f"density must have the nodes of reference {q.shape}, got {p.shape}")
    largest = np.max(np.abs(q), axis=-1, initial=0.0, keepdims=True)
    if not np.all(largest > 0):
        raise ValueError("reference must not vanish")
    size = np.sqrt(np.sum((q / largest) ** 2, axis=-1))
    return np.asarray(np.sqrt(np.sum((p / largest - q / largest) ** 2, axis=-1)) / size)


def errors_by_decade(
    density: ArrayLike, reference: ArrayLike, decades: ArrayLike
) -> NDArray[np.float64]:
    """Root mean square of log10(p/q) over the nodes where q lies in each decade.

    Parameters
    ----------
    density, reference : array_like, shape (..., n_nodes), (n_nodes,)
        p and q. Where p vanishes the error is infinite.
    decades : array_like of int, shape (n,)
        Decade d holds the nodes with 10**d <= q < 10**(d + 1).

    Returns
    -------
    ndarray, shape (..., n)
        NaN for a decade without nodes.

    Raises
    ------
    ValueError
        If shapes differ, or the reference is not positive.
    """
    p, q = real_array("density", density), real_array("reference", reference)
    if q.ndim != 1 or p.shape[-1:] != q.shape:
        raise ValueError(f"density must have the nodes of reference {q.shape}, got {p.shape}")
    if not np.all(q > 0) or np.any(p < 0):
        raise ValueError("reference must be positive, and density not negative")
    with np.errstate(divide="ignore"):
        ratio = np.log10(p) - np.log10(q)
    place = np.floor(np.log10(q))
    wanted = real_array("decades", decades).ravel()
    if np.any(wanted != np.floor(wanted)):
        raise ValueError(f"decades must be whole numbers, got {decades!r}")
    found = np.full((*p.shape[:-1], wanted.size), np.nan)
    for i, decade in enumerate(wanted):
        inside = place == decade
        if inside.any():
            found[..., i] = np.sqrt(np.mean(ratio[..., inside] ** 2, axis=-1))
    return found
