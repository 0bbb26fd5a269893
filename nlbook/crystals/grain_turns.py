"""Chosen grains are turned, and weighed again, by Newton's method.

With r = sum_j w_j r_j, r_j the relative differences of grain j along all paths, q = |r|^2 is made
small over the rotations of the grains and their weights. Grain j is turned by a rotation vector v_j
of its own, so that all second derivatives of r between two grains vanish, and those of one grain

    d2q / dv_j dv_j = 2 w_j^2 (dr_j . dr_j) + 2 w_j (r . d2r_j)

take ten histories of it, by differences. The second term, which Gauss and Newton leave out, is as
large as the first here: r stays, and few grains turn far. The matrix need not be positive: a step
goes along its eigenvectors, by the size of the eigenvalues, such that no grain turns further than
a radius, which grows where q falls and shrinks where it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.crystals.grain_choice import choose_few
from nlbook.crystals.grain_differences import grain_differences, gram_matrix, over_answers
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.response import Response, StepsTooLong
from nlbook.crystals.textures import Texture

__all__ = ["turned_grains"]

_TURN = 5e-3  # of a difference, rad
_PAIRS = ((0, 1), (0, 2), (1, 2))
_FIRST, _FURTHEST = 0.2, 0.6  # radius of the steps, rad
_GROWN, _SHRUNK = 1.7, 1 / 3
_TRIALS = 5  # of a step, each nearer than the one before
_LEAST = 1e-3  # eigenvalue of the scaled matrix below which a direction is flat
_ENOUGH = 2e-3  # relative gain of a step below which turning ends


class _Expansion(NamedTuple):
    """q to second order: by the turns of all grains, three each, then by their weights."""

    value: float
    #: half of its derivatives, shape (4 n,)
    slope: NDArray[np.float64]
    #: half of its second derivatives, shape (4 n, 4 n)
    matrix: NDArray[np.float64]
    #: what the first derivatives of r alone make of the diagonal, shape (4 n,)
    size: NDArray[np.float64]


def turned_grains(
    grains: Texture,
    error: float,
    answers: Sequence[Response],
    law: CrystalLaw,
    n_turns: int,
    workers: int | None,
) -> tuple[Texture, float]:
    """Turn grains, and weigh them again, while they come nearer to answers.

    Grains for which the steps of an answer are too long, as they may be with twins, are as good as
    none: no grain is turned to there.

    Parameters
    ----------
    grains : Texture
        To start from.
    error : float
        Theirs.
    answers : sequence of Response
        What is to be met, each relative to its own deviator.
    law : CrystalLaw
        Of all grains.
    n_turns : int
        At most so many steps of Newton's method.
    workers : int, optional
        Threads.

    Returns
    -------
    grains : Texture
        Fewer, where one is of no use any more.
    error : float
        q, mean square of the relative differences of their weighted mean.
    """
    radius = _FIRST
    for _ in range(n_turns):
        try:
            expansion = _expansion(grains, answers, law, workers)
        except StepsTooLong:
            break
        before = error
        for _ in range(_TRIALS):
            moved = Texture(_rotations(_step(expansion, radius)) @ grains.rotations)
            found, reached = _weighed(moved, answers, law, workers)
            if reached < error:
                grains, error = found, reached
                radius = min(_GROWN * radius, _FURTHEST)
                break
            radius *= _SHRUNK
        if error > (1 - _ENOUGH) * before:
            break
    return grains, error


def _weighed(
    grains: Texture, answers: Sequence[Response], law: CrystalLaw, workers: int | None
) -> tuple[Texture, float]:
    """The grains with their best weights, and q; which is infinite where steps are too long."""
    try:
        gram = gram_matrix(grains, answers, law, workers)
    except StepsTooLong:
        return grains, np.inf
    chosen, weights = choose_few(gram, grains.n_grains)
    error = float(weights @ gram[np.ix_(chosen, chosen)] @ weights)
    return Texture(grains.rotations[chosen], weights), error


def _expansion(
    grains: Texture, answers: Sequence[Response], law: CrystalLaw, workers: int | None
) -> _Expansion:
    n, weights = grains.n_grains, np.asarray(grains.weights)
    axes = _TURN * np.eye(3)
    vectors = [np.zeros(3), *axes, *-axes, *(axes[i] + axes[j] for i, j in _PAIRS)]
    turned = [_rotations(np.tile(vector, (n, 1))) @ grains.rotations for vector in vectors]
    all_of_them = Texture(np.concatenate(turned))

    def one(answer: Response) -> tuple[NDArray[np.float64], ...]:
        rows = grain_differences(answer, all_of_them, law).reshape(len(vectors), n, -1)
        first = np.moveaxis(rows[1:4] - rows[4:7], 0, 1) / (2 * _TURN)
        rest = weights @ rows[0]
        slopes = np.concatenate([(weights[:, np.newaxis, np.newaxis] * first).reshape(3 * n, -1),
                                 rows[0]])  # fmt: skip
        # r . r_j of all histories, of which second differences make r . d2r_j
        return slopes @ slopes.T, slopes @ rest, np.array(rest @ rest), rows @ rest

    parts = zip(*over_answers(one, answers, workers), strict=True)
    matrix, slope, value, along = (sum(part) / len(answers) for part in parts)
    size = np.diag(matrix).copy()
    for k in range(n):
        own = slice(3 * k, 3 * k + 3)
        matrix[own, own] += weights[k] * _second(along[:, k])
        matrix[own, 3 * n + k] += (along[1:4, k] - along[4:7, k]) / (2 * _TURN)
        matrix[3 * n + k, own] = matrix[own, 3 * n + k]
    return _Expansion(float(value), slope, matrix, size)


def _second(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second derivatives of what is known at the ten turns of a grain, shape (3, 3)."""
    middle, plus, minus, both = along[0], along[1:4], along[4:7], along[7:]
    second = np.diag(plus - 2 * middle + minus)
    for (i, j), value in zip(_PAIRS, both, strict=True):
        second[i, j] = second[j, i] = value - plus[i] - plus[j] + middle
    return np.asarray(second / _TURN**2)


def _step(expansion: _Expansion, radius: float) -> NDArray[np.float64]:
    """Turns of all grains, shape (n, 3), none further than a radius."""
    n = len(expansion.slope) // 4
    # weights may change such that their sum does not
    whole = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]
    basis = np.zeros((4 * n, 4 * n - 1))
    basis[: 3 * n, : 3 * n], basis[3 * n :, 3 * n :] = np.eye(3 * n), whole
    sizes = basis.T**2 @ expansion.size
    scale = np.sqrt(np.maximum(sizes, 1e-4 * sizes[: 3 * n].max()))
    scaled = basis.T @ expansion.matrix @ basis / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    slope = vectors.T @ (basis.T @ expansion.slope / scale)
    stiffness = np.maximum(np.abs(values), _LEAST)
    damping = 0.0
    while True:
        step = basis @ (vectors @ (-slope / (stiffness + damping)) / scale)
        turns = step[: 3 * n].reshape(n, 3)
        if np.linalg.norm(turns, axis=1).max() <= radius:
            return np.asarray(turns)
        damping = max(2 * damping, _LEAST)


def _rotations(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations about vectors, by their lengths in rad."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())
