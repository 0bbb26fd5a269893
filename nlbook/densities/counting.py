"""Histograms of shifts by sign and age, summed to those whose density is wanted."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_unmasked

__all__ = ["Newborn", "shift_counts"]

Newborn = Literal["counted", "left_out"]
"""Those born while watched: counted, their shift starting at birth, or left out."""


def shift_counts(
    counts: ArrayLike, *, newborn: Newborn = "left_out", signed: bool = False
) -> NDArray[np.int64]:
    """Counts of shifts X of both signs, or of b X, b = -1 or +1.

    Parameters
    ----------
    counts : array_like, shape (..., 2, 2, n_bins)
        Of negative and positive sign; there from the start, and newborn; in bins that lie
        symmetrically about zero.
    newborn : {"left_out", "counted"}
        What becomes of the newborn.
    signed : bool
        Count b X instead of X: bins of the negative are taken in reverse.

    Returns
    -------
    ndarray of int64, shape (..., n_bins)

    Raises
    ------
    ValueError
        If the shape is another, a count is negative or not whole, or `newborn` is neither.
    """
    check_choice("newborn", newborn, ("left_out", "counted"))
    check_unmasked("counts", counts)
    array = np.asarray(counts)
    if array.ndim < 3 or array.shape[-3:-1] != (2, 2):
        raise ValueError(f"counts must have shape (..., 2, 2, n_bins), got {array.shape}")
    if array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        raise ValueError("counts must be whole numbers that are not negative")
    old = array[..., 0, :]
    both = old.astype(np.int64) if newborn == "left_out" else array.sum(axis=-2, dtype=np.int64)
    negative = both[..., 0, ::-1] if signed else both[..., 0, :]
    return np.asarray(negative + both[..., 1, :])
