"""Seeds of independent tasks: the k-th child of a seed, whatever the number of children.

A seed is a plain non-negative integer, or a tuple (entropy, k, ...) that names the k-th child of
`entropy`, and so on down. It is data: it can be printed, stored and given on the command line.
The stream of random numbers that belongs to it is that of `numpy.random.SeedSequence` with the
spawn key (k, ...), the same as `SeedSequence(entropy).spawn(n)[k]` for any n > k.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from nlbook.checks import check_integer

__all__ = ["seed_sequence", "task_seed"]


def task_seed(seed: int | Sequence[int], k: int) -> tuple[int, ...]:
    """Name the k-th child of a seed.

    Parameters
    ----------
    seed : int or sequence of int
        The parent: an integer, or what this function returned.
    k : int
        Number of the child, from 0.

    Returns
    -------
    tuple of int
        (entropy, ..., k).

    Raises
    ------
    ValueError
        If a number is negative or not an integer.
    """
    return (*_path(seed), check_integer("k", k, 0))


def seed_sequence(seed: int | Sequence[int] | np.random.SeedSequence) -> np.random.SeedSequence:
    """Turn a seed into NumPy's source of randomness, for `numpy.random.default_rng`.

    Parameters
    ----------
    seed : int, sequence of int, or SeedSequence
        An integer; (entropy, k, ...) as made by `task_seed`; a SeedSequence is returned as it is.

    Returns
    -------
    numpy.random.SeedSequence

    Raises
    ------
    ValueError
        If a number is negative or not an integer.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    entropy, *children = _path(seed)
    return np.random.SeedSequence(entropy, spawn_key=tuple(children))


def _path(seed: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seed, Integral):
        return (check_integer("seed", seed, 0),)
    if isinstance(seed, (list, tuple)) and len(seed) > 0:
        return tuple(check_integer("seed", number, 0) for number in seed)
    raise ValueError(
        f"seed must be a non-negative integer or a sequence (entropy, k, ...) of them, got {seed!r}"
    )
