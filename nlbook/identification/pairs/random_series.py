"""Random coefficients of cosine series, the same however they are asked for in blocks.

The paper's training data are cosine series with coefficients exp(-decay k**2) xi, xi uniform on
[0, 1], equations (5.1) and (7.3) of [1]_. Sample i takes its numbers from one stream at a place
that i alone determines. So a stream of blocks, or the second half of the samples drawn by another
process, holds what one call would have returned.

A fit by least squares knows samples by their second moments alone. `condensed` replaces any number
of samples of K coefficients by K of them with the same second moments: all losses stay the same,
to rounding.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer, check_number, real_array
from nlbook.parallel import seed_sequence

__all__ = ["amplitudes", "condensed", "uniform_numbers"]

Array = NDArray[np.float64]

# Modes whose amplitude is below this are left out: their squares vanish beside all others'.
_NEGLIGIBLE = 1e-30


def amplitudes(modes: ArrayLike, decay: float) -> Array:
    """Upper ends exp(-decay k**2) of the coefficients, up to the last that is not negligible.

    Parameters
    ----------
    modes : array_like of int, shape (n,)
        Ascending numbers k of the modes.
    decay : float
        alpha of the paper, not negative.

    Returns
    -------
    ndarray, shape (n or fewer,)
        Those above 1e-30.

    Raises
    ------
    ValueError
        If `decay` is negative or not finite, or modes are not whole and ascending.
    """
    decay = check_number("decay", decay, least=0)
    numbers = real_array("modes", modes, ndim=1)
    rising = np.diff(numbers, prepend=-1.0) > 0
    if not np.all((numbers >= 0) & (numbers == np.round(numbers)) & rising):
        raise ValueError(f"modes must be whole, ascending and not negative, got {modes!r}")
    values = np.exp(-decay * numbers**2)
    return np.asarray(values[values > _NEGLIGIBLE])


def uniform_numbers(
    seed: int | Sequence[int] | np.random.SeedSequence, first: int, n_samples: int, width: int
) -> Array:
    """Numbers uniform on [0, 1), `width` a sample, of the samples from `first` on.

    Parameters
    ----------
    seed : int, sequence of int or SeedSequence
        Of the stream.
    first : int
        Number of the first sample.
    n_samples : int
        How many samples.
    width : int
        Numbers a sample.

    Returns
    -------
    ndarray, shape (n_samples, width)

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    n_samples = check_integer("n_samples", n_samples, 1)
    first, width = check_integer("first", first, 0), check_integer("width", width, 1)
    bits = np.random.PCG64(seed_sequence(seed))
    bits.advance(first * width)  # a double takes one step of the generator
    return np.random.Generator(bits).random((n_samples, width))


def condensed(coefficients: ArrayLike) -> Array:
    """At most K samples with the second moments of all.

    Parameters
    ----------
    coefficients : array_like, shape (n, K)
        One sample a row.

    Returns
    -------
    ndarray, shape (min(n, K), K)
        R with mean of R**T R over rows equal to that over the samples: quadratic means over
        samples agree for whatever is linear in the coefficients.

    Raises
    ------
    ValueError
        If the coefficients are no array of two axes of finite numbers, or there are none.
    """
    values = real_array("coefficients", coefficients, ndim=2)
    if not values.size:
        raise ValueError(f"coefficients must not be empty, got shape {values.shape}")
    triangle: Array = np.asarray(np.linalg.qr(values, mode="r"))
    return np.asarray(triangle * math.sqrt(triangle.shape[0] / values.shape[0]))
