"""How far one response is from another, and how far a material is from isotropy.

The mean stress of the law is a formula, and in the paper's loads it is nearly all of the stress: so
an error of the whole stress says little about the crystals, and that of the deviator is told apart.
`formula_response`, which knows no plasticity, is the first row of every table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.strain_paths import rotated_path
from nlbook.crystals.textures import random_texture

__all__ = [
    "StressErrors",
    "anisotropy",
    "formula_response",
    "mean_errors",
    "stress_errors",
    "time_weights",
]

# A part of the stress below this share of the whole is rounding, and has no relative error.
_NO_PART = 1e-9


@dataclass(frozen=True)
class StressErrors:
    """Relative errors, in the L2 norm over time; NaN for a part that the reference has not."""

    #: of the Cauchy stress
    total: float
    #: of the pressure
    pressure: float
    #: of the deviator
    deviatoric: float


def stress_errors(response: Response, reference: Response) -> StressErrors:
    """Relative L2 errors of a response, by the trapezoidal rule over its times.

    Parameters
    ----------
    response, reference : Response
        At the same times and stretches.

    Returns
    -------
    StressErrors

    Raises
    ------
    ValueError
        If they do not answer the same path, or the reference has no stress.
    """
    if (
        response.stress.shape != reference.stress.shape
        or not np.allclose(response.times, reference.times, rtol=1e-9, atol=0.0)
        or not np.allclose(response.stretch, reference.stretch, rtol=0.0, atol=1e-9)
    ):
        raise ValueError("response must answer the strain path that reference answers")
    weights = time_weights(reference.times)

    def norm(values: NDArray[np.float64]) -> float:
        flat = values.reshape(len(weights), -1)
        return float(np.sqrt(weights @ np.sum(flat * flat, axis=1)))

    whole = norm(reference.stress)
    if whole == 0.0:
        raise ValueError("reference must have a stress, got zero at all times")
    errors = []
    for part in ("stress", "pressure", "deviator"):
        ours, theirs = getattr(response, part), getattr(reference, part)
        size = norm(theirs)
        errors.append(norm(ours - theirs) / size if size > _NO_PART * whole else np.nan)
    return StressErrors(*errors)


def mean_errors(responses: Sequence[Response], references: Sequence[Response]) -> StressErrors:
    """Mean over paths of their relative errors; a part's over the paths that have it."""
    if len(responses) != len(references) or not len(responses):
        raise ValueError(
            f"responses must be as many as references, and some, got {len(responses)} and "
            f"{len(references)}"
        )
    rows = np.array(
        [
            (one.total, one.pressure, one.deviatoric)
            for one in map(stress_errors, responses, references)
        ]
    )
    there = ~np.isnan(rows)
    sums = np.where(there, rows, 0.0).sum(axis=0)
    counts = there.sum(axis=0)
    return StressErrors(*np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).tolist())


def formula_response(path: StrainPath, law: CrystalLaw) -> Response:
    """2 lambda_e (det U - 1) I: the mean stress of the law, and no deviator."""
    pull = 2.0 * law.lambda_e * (path.volume_ratio - 1.0)
    eye = np.eye(path.stretch.shape[1])
    return Response(path.times, path.stretch, pull[:, np.newaxis, np.newaxis] * eye)


def anisotropy(
    material: Callable[[StrainPath], Response],
    paths: Sequence[StrainPath],
    *,
    n_rotations: int = 4,
    seed: Any = 0,
) -> NDArray[np.float64]:
    """How far a rotated load rotates the answer: zero for an isotropic material.

    Parameters
    ----------
    material : callable
        Answers a strain path of three dimensions.
    paths : sequence of StrainPath
        Loads.
    n_rotations : int
        Rotations R of each load, random and the same for all.
    seed : int or numpy.random.SeedSequence
        Of the rotations.

    Returns
    -------
    ndarray, shape (n_paths, n_rotations)
        Relative L2 difference of the deviators, of R^T sigma(R U R^T) R from sigma(U).
    """
    check_integer("n_rotations", n_rotations, 1)
    if not len(paths):
        raise ValueError("paths must be one or more")
    turns = random_texture(n_rotations, seed).rotations
    found = np.empty((len(paths), n_rotations))
    for i, path in enumerate(paths):
        straight = material(path)
        for j, turn in enumerate(turns):
            answer = material(rotated_path(path, turn))
            back = Response(path.times, path.stretch, turn.T @ answer.stress @ turn)
            found[i, j] = stress_errors(back, straight).deviatoric
    return found


def time_weights(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the trapezoidal rule, shape (n_times,), in the unit of the times."""
    steps = np.diff(times)
    return np.asarray(0.5 * (np.append(steps, 0.0) + np.insert(steps, 0, 0.0)))
