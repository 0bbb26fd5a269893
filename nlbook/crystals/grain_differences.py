"""How far single grains are from a polycrystal's answers, in relative deviators along paths.

Under Taylor's assumption what a grain does depends on its own orientation alone. So the deviator of
a set of grains is linear in their weights, and its derivatives by the turns of a grain are those of
that grain's stress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.measures import time_weights
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.taylor import grain_stresses
from nlbook.crystals.textures import Texture
from nlbook.host import worker_threads

__all__ = ["grain_differences", "gram_matrix", "over_answers"]

_NO_STRESS = 1e-9  # over the shear modulus, below which a deviator is rounding


def gram_matrix(
    grains: Texture, answers: Sequence[Response], law: CrystalLaw, workers: int | None
) -> NDArray[np.float64]:
    """Mean over answers of the inner products of the grains' relative differences from them."""
    gram = np.zeros((grains.n_grains, grains.n_grains))

    def one(answer: Response) -> NDArray[np.float64]:
        rows = grain_differences(answer, grains, law)
        return np.asarray(rows @ rows.T)

    for part in over_answers(one, answers, workers):
        gram += part / len(answers)
    return gram


def grain_differences(answer: Response, grains: Texture, law: CrystalLaw) -> NDArray[np.float64]:
    """Relative differences of each grain's deviator from the answer's, shape (n, 6 n_times).

    Their inner products are those of the L2 norm over time, of Cauchy stress.
    """
    weights, volume = np.sqrt(time_weights(answer.times)), answer.volume_ratio
    mean = _rows(answer.deviator, weights)
    size = np.linalg.norm(mean)
    if size <= _NO_STRESS * law.shear_modulus * np.sqrt(answer.times[-1] - answer.times[0]):
        raise ValueError("paths must strain the polycrystal: one has no deviator of stress")
    each = grain_stresses(StrainPath(answer.times, answer.stretch), grains, law)
    return np.asarray((_rows(each, weights / volume) - mean) / size)


def over_answers(
    function: Callable[[Response], Any], answers: Sequence[Response], workers: int | None
) -> Iterator[Any]:
    """What a function makes of each answer, in their order, by threads."""
    with ThreadPoolExecutor(workers or worker_threads()) as pool:
        yield from pool.map(function, answers)


def _rows(deviator: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six components of symmetric tensors times a factor a time, one row a grain."""
    six = deviator[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    six = six * scale[:, np.newaxis] * np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    return np.asarray(six.reshape(*six.shape[:-2], -1))
