"""What shorter steps change: whether a law converges in time, and in which order.

A law that converges in the order p changes 2^p times less each time its steps are halved, and errs
by 2^p / (2^p - 1) times the next change. One that does not converge changes as much as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.measures import time_weights
from nlbook.crystals.response import StepsTooLong, StrainPath
from nlbook.crystals.taylor import Rule, unwarned_response
from nlbook.crystals.textures import Texture
from nlbook.host import worker_threads

__all__ = ["step_changes"]


def step_changes(
    strain_paths: Sequence[StrainPath],
    texture: Texture,
    law: CrystalLaw,
    *,
    n_halvings: int = 3,
    rule: Rule = "two-stage",
    workers: int | None = None,
) -> NDArray[np.float64]:
    """How much a polycrystal's stress changes each time all steps are halved.

    Parameters
    ----------
    strain_paths : sequence of StrainPath
        With the shortest steps, a multiple of 2^n_halvings of them.
    texture : Texture
        The grains.
    law : CrystalLaw
        Of all grains.
    n_halvings : int
        Of steps that are 2^n_halvings times as long as those of the paths.
    rule : {"two-stage", "euler"}
        How a step is taken.
    workers : int, optional
        Threads; by default NLBOOK_WORKERS or the usable cores.

    Returns
    -------
    ndarray, shape (n_paths, n_halvings)
        Relative L2 differences of the deviators, at the times of the longest steps, from those of
        half the step; the longest steps first. NaN where a step had no solution.

    Raises
    ------
    ValueError
        If there is no path, or its steps are no multiple of 2^n_halvings.
    """
    check_integer("n_halvings", n_halvings, 1)
    if not len(strain_paths):
        raise ValueError("strain_paths must be one or more")
    factors = [2**k for k in range(n_halvings, -1, -1)]

    def changes_along(path: StrainPath) -> list[float]:
        times = path.times[:: factors[0]]
        weights = np.sqrt(time_weights(times))[:, np.newaxis, np.newaxis]
        answers = []
        for factor in factors:
            coarse = path.thinned(factor)
            try:
                deviator = unwarned_response(coarse, texture, law, rule).deviator
            except StepsTooLong:
                deviator = np.full((len(coarse.times), 3, 3), np.nan)
            answers.append(weights * deviator[:: factors[0] // factor])
        return [
            float(np.linalg.norm(coarse - fine) / np.linalg.norm(fine))
            for coarse, fine in zip(answers[:-1], answers[1:], strict=True)
        ]

    n_threads = worker_threads() if workers is None else check_integer("workers", workers, 1)
    with ThreadPoolExecutor(n_threads) as pool:
        return np.array(list(pool.map(changes_along, strain_paths)))
