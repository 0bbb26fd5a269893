"""Many fits at once: in threads, on the engines of a cluster, or one fit on the ranks of MPI.

Tables of starting guesses, of splits, of masks or of resampled data are fits that know nothing of
one another. A single fit can be shared among MPI ranks as in the paper: at Level 1 each takes some
of the steps, at Level 2 each compares some of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.power_law import (
    PowerLawFit,
    SearchProgress,
    SearchTrials,
    fit_power_law,
    silent_fit,
)
from nlbook.identification.bilevel.search import Bounds, Searches
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.parallel import run_tasks

__all__ = [
    "FitProblem",
    "fit_each",
    "fit_of_result",
    "fit_on_ranks",
    "fit_task",
    "result_of_fit",
]

# Raised when fits change, so that stored ones are left aside.
_SCHEMA = 3

_NUMBERS = (
    "alpha",
    "horizon",
    "coefficient",
    "variance_rate",
    "training_cost",
    "testing_cost",
    "final_error",
    "compared",
)


@dataclass(frozen=True)
class FitProblem:
    """The arguments of a `fit_power_law`."""

    snapshots: DensitySnapshots  #: the data
    settings: FitSettings = FitSettings()  #: what is compared
    bounds: Bounds | None = None  #: of alpha and delta
    start: tuple[float, float] | None = None  #: first alpha and delta
    tolerance: float = 1e-4  #: of the search
    max_evaluations: int = 1000  #: of the objective


def fit_each(
    problems: Sequence[FitProblem],
    *,
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> list[PowerLawFit]:
    """Fit a truncated power law to each of several problems.

    Parameters
    ----------
    problems : sequence of FitProblem
        Equal ones are fitted once each.
    cluster, store, workers, progress
        As in `nlbook.parallel.run_tasks`.

    Returns
    -------
    list of PowerLawFit
        In the order of the problems; the same to the bit whatever the number of workers. What is
        to be said of a fit stands in its `warnings`; nothing is warned of here.

    Raises
    ------
    TaskErrors
        If fits failed, after the others are done.
    """
    tasks = [vars(problem) for problem in problems]
    results = run_tasks(
        fit_task,
        tasks,
        cluster=cluster,
        store=store,
        schema=_SCHEMA,
        workers=workers,
        progress=progress,
        description="fits",
    )
    return [
        fit_of_result(result, problem) for result, problem in zip(results, problems, strict=True)
    ]


def fit_on_ranks(communicator: Any, problem: FitProblem) -> PowerLawFit:
    """One fit by all ranks of MPI; for `nlbook.parallel.run_on_ranks`.

    Parameters
    ----------
    communicator : mpi4py.MPI.Intracomm
        The ranks.
    problem : FitProblem
        The same on all of them.

    Returns
    -------
    PowerLawFit
        The same to the bit on all ranks. Sums are taken in another order than on one rank, so
        that costs differ by rounding from those of one.
    """
    return fit_power_law(**vars(problem), communicator=communicator)


def fit_task(**problem: Any) -> dict[str, NDArray[Any]]:
    """A fit as a task: what `FitProblem` holds in, the numbers and paths of the fit out."""
    return result_of_fit(silent_fit(**problem))


def result_of_fit(fit: PowerLawFit) -> dict[str, NDArray[Any]]:
    """The numbers and paths of a fit, as a task returns them."""
    return {
        "numbers": np.array([getattr(fit, name) for name in _NUMBERS]),
        "path": np.asarray(fit.path),
        "iterations": np.asarray(fit.iterations),
        "converged": np.array(fit.converged),
        "bounds": np.array(fit.bounds),
        "searches": np.asarray(fit.searches),
        "warnings": np.array(fit.warnings, dtype=np.str_),
        "dt": np.array(fit.settings.dt),
    }


def fit_of_result(result: dict[str, NDArray[Any]], problem: FitProblem) -> PowerLawFit:
    """The fit of a problem, from what its task returned."""
    numbers = dict(zip(_NUMBERS, result["numbers"].tolist(), strict=True))
    (a, b), (c, d) = result["bounds"].tolist()
    return PowerLawFit(
        **numbers,
        n_iterations=len(result["iterations"]),
        n_evaluations=len(result["path"]),
        converged=bool(result["converged"]),
        path=SearchTrials(*result["path"].T),
        iterations=SearchProgress(*result["iterations"].T),
        searches=Searches(*result["searches"].T),
        warnings=tuple(str(word) for word in result["warnings"]),
        settings=problem.settings.with_step(float(result["dt"])),
        bounds=((a, b), (c, d)),
    )
