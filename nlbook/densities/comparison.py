"""How far two densities are apart, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_unmasked, real_array
from nlbook.densities.reading import read_grid

__all__ = ["counts_by_distance", "errors_by_decade", "mass_by_distance", "relative_l2"]


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
    errors = np.full((*p.shape[:-1], wanted.size), np.nan)
    for i, decade in enumerate(wanted):
        inside = place == decade
        if inside.any():
            errors[..., i] = np.sqrt(np.mean(ratio[..., inside] ** 2, axis=-1))
    return errors


def mass_by_distance(density: ArrayLike, grid: ArrayLike, marks: ArrayLike) -> NDArray[np.float64]:
    """Integral of a density over a < |x| < b, for each two neighbouring marks a and b.

    Parameters
    ----------
    density : array_like, shape (..., n_nodes)
        Linear between the nodes, zero beyond them.
    grid : array_like, shape (n_nodes,)
        Ascending nodes.
    marks : array_like, shape (n + 1,)
        Ascending distances, not negative.

    Returns
    -------
    ndarray, shape (..., n)

    Raises
    ------
    ValueError
        If shapes differ, or nodes or marks do not ascend.
    """
    p, x, at = real_array("density", density), read_grid(grid), _distances(marks)
    if p.ndim < 1 or p.shape[-1] != x.size or x.size < 2:
        raise ValueError(f"density must have the {x.size} nodes of grid, got shape {p.shape}")
    steps = 0.5 * np.diff(x) * (p[..., 1:] + p[..., :-1])
    below = np.concatenate([np.zeros((*p.shape[:-1], 1)), np.cumsum(steps, axis=-1)], axis=-1)

    def up_to(places: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = np.clip(places, x[0], x[-1])
        k = np.clip(np.searchsorted(x, inside) - 1, 0, x.size - 2)
        offset = inside - x[k]
        slope = (p[..., k + 1] - p[..., k]) / (x[k + 1] - x[k])
        return np.asarray(below[..., k] + offset * (p[..., k] + 0.5 * offset * slope))

    return np.diff(up_to(at), axis=-1) - np.diff(up_to(-at), axis=-1)


def counts_by_distance(counts: ArrayLike, edges: ArrayLike, marks: ArrayLike) -> NDArray[Any]:
    """Counts at a <= |x| < b, for each two neighbouring marks a and b.

    Parameters
    ----------
    counts : array_like, shape (..., n_bins)
        In fine bins; each counts at its middle.
    edges : array_like
        Of the bins, or of all but the outer two, which hold what lies beyond and are left out.
    marks : array_like, shape (n + 1,)
        Ascending distances, not negative.

    Returns
    -------
    ndarray, shape (..., n)
        Of the type of `counts`.

    Raises
    ------
    ValueError
        If the number of bins is another, or edges or marks do not ascend.
    """
    check_unmasked("counts", counts)
    check_unmasked("edges", edges)
    array, ends, at = np.asarray(counts), read_grid(edges), _distances(marks)
    if array.ndim < 1 or array.shape[-1] not in (ends.size - 1, ends.size + 1):
        raise ValueError(
            f"counts must have {ends.size - 1} bins, or {ends.size + 1} with the outer ones, got "
            f"shape {array.shape}"
        )
    inner = array[..., 1:-1] if array.shape[-1] == ends.size + 1 else array
    place = np.searchsorted(at, np.abs(0.5 * ends[1:] + 0.5 * ends[:-1]), side="right") - 1
    rows = [inner[..., place == k].sum(axis=-1) for k in range(at.size - 1)]
    return np.stack(rows, axis=-1)


def _distances(marks: ArrayLike) -> NDArray[np.float64]:
    at = real_array("marks", marks, ndim=1)
    if at.size < 2 or at[0] < 0 or not np.all(np.diff(at) > 0):
        raise ValueError("marks must be two or more distances that ascend from zero or above")
    return at
