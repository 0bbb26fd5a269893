"""Pole figures: where axes of the crystals point in the sample, seen along its third axis.

An axis and its opposite are one pole. A pole (x, y, z) with z >= 0 is drawn at
(x, y) / sqrt(1 + z), Lambert's projection of equal areas: within the unit circle, as dense where
poles are as many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.crystals.textures import Texture

__all__ = ["pole_figure"]


def pole_figure(texture: Texture, axes: ArrayLike) -> NDArray[np.float64]:
    """Places of poles in a pole figure.

    Parameters
    ----------
    texture : Texture
        The grains.
    axes : array_like, shape (n_axes, 3)
        Axes in the crystal's frame, of any length.

    Returns
    -------
    ndarray, shape (n_grains, n_axes, 2)
        Within the unit circle; the sample's first axis is to the right, its second up.

    Raises
    ------
    ValueError
        If axes are not three numbers each, or one is zero.
    """
    array = real_array("axes", axes, ndim=2)
    length = np.linalg.norm(array, axis=1, keepdims=True)
    if array.shape[1] != 3 or not len(array) or not np.all(length > 0):
        raise ValueError(f"axes must have shape (n, 3), none zero, got shape {array.shape}")
    poles = np.einsum("gij,aj->gai", texture.rotations, array / length)
    poles = np.where(poles[..., 2:] < 0, -poles, poles)
    return np.asarray(poles[..., :2] / np.sqrt(1 + poles[..., 2:]))
