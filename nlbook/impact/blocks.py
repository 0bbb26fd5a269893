"""Points of a mesh in blocks, so that a loop over the points of a block becomes vector code.

A quantity with several numbers a point, such as the nine of a deformation gradient, is an array of
shape (n_blocks, n_numbers, LANES): a row for each number, along which a loop's innermost level
runs. What is left of the last block repeats the last point.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANES", "Blocks", "count_blocks", "from_blocks", "six_of", "tensors_of", "to_blocks"]

#: points of a block
LANES = 8
#: numbers of points in blocks, shape (n_blocks, ..., LANES)
Blocks: TypeAlias = NDArray[np.float64]


def count_blocks(n_points: int) -> int:
    """Number of blocks that hold so many points."""
    return -(-n_points // LANES)


def to_blocks(values: NDArray) -> NDArray:
    """Blocks of an array of shape (n_points, ...), the last of them filled by the last point.

    Returns
    -------
    ndarray, shape (n_blocks, numbers a point, LANES)
    """
    n = len(values)
    place = np.minimum(np.arange(count_blocks(n) * LANES), n - 1)
    rows = values.reshape(n, -1)[place].reshape(-1, LANES, values[0].size)
    return np.ascontiguousarray(rows.swapaxes(1, 2))


def from_blocks(blocks: NDArray, n_points: int) -> NDArray:
    """Undo `to_blocks`: shape (n_points, numbers a point)."""
    # a copy always: what is read must not change as the blocks do
    return np.array(blocks.swapaxes(1, 2).reshape(-1, blocks.shape[1])[:n_points])


def tensors_of(six: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of shape (..., 3, 3) from their 11, 22, 33, 12, 13 and 23."""
    nine = six[..., [0, 3, 4, 3, 1, 5, 4, 5, 2]]
    return np.ascontiguousarray(nine.reshape(*six.shape[:-1], 3, 3))


def six_of(tensors: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 33, 12, 13 and 23 of symmetric tensors of shape (..., 3, 3)."""
    flat = tensors.reshape(*tensors.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 8, 1, 2, 5]])
