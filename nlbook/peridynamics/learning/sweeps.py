"""The paper's Algorithm 2: horizon and degree by training residual and validation errors.

For each degree M the horizon is the one of least E_Res on the training samples; the degree is that
of the least AvgE, the mean of E_Res and E_u on training and validation samples, each over its value
at the lowest degree [1]_. Every fit is a task of its own, on this machine or on engines, and is
resumed from a store.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400,
   section 4.3 and table 3.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number, check_unmasked
from nlbook.parallel import run_tasks
from nlbook.peridynamics.learning.alpha_search import AlphaTrials
from nlbook.peridynamics.learning.choices import (
    Constraint,
    FreeLongWaves,
    GaussNewton,
    GridQuadrature,
    LongWaves,
    QuadratureChoice,
    Solvable,
    Solver,
)
from nlbook.peridynamics.learning.fit import Asked, LearningWarning, fit_quietly, rebuilt
from nlbook.peridynamics.learning.result import LPSFit
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum, gather_samples

__all__ = ["LPSSweep", "SweepRow", "sweep_lps", "sweep_task"]

Array = NDArray[np.float64]

# Of what `sweep_task` returns.
_SCHEMA = 2
# Fits up to which a warning names each that it is said of.
_NAMED = 8


@dataclass(frozen=True, eq=False)
class SweepRow:
    """One degree, at its best horizon: a row of the paper's table 3."""

    fit: LPSFit  #: with the least training residual
    errors: Array  #: E_Res and E_u of training, then of validation samples (4,)
    average: float  #: AvgE: mean of the four, each over that of the lowest degree


@dataclass(frozen=True, eq=False)
class LPSSweep:
    """Fits over horizons and degrees."""

    horizons: Array  #: that were tried (n_horizons,), length
    degrees: NDArray[np.int64]  #: that were tried (n_degrees,)
    residuals: Array  #: E_Res of the training samples (n_degrees, n_horizons)
    converged: NDArray[np.bool_]  #: of each fit (n_degrees, n_horizons)
    rows: tuple[SweepRow, ...]  #: one a degree

    @property
    def best(self) -> SweepRow:
        """The row of least AvgE."""
        return min(self.rows, key=lambda row: row.average)


def sweep_task(
    spectra: Sequence[SampleSpectrum],
    horizon: float,
    degree: int,
    alpha: float | tuple[float, float],
    constraint: Constraint,
    long_waves: LongWaves,
    quadrature: QuadratureChoice,
    solver: Solver,
) -> dict[str, Any]:
    """One fit of a sweep, as `run_tasks` calls it; arguments as in `fit_lps`.

    Returns
    -------
    dict
        Coefficients, moduli, exponent, E_Res, whether it converged, and what is to be said of it.
    """
    fit = fit_quietly(
        list(spectra), horizon, degree, constraint, alpha, long_waves, quadrature, solver
    )
    return {
        "coefficients": np.array(fit.kernel.coefficients),
        "alpha": fit.kernel.alpha,
        "rho": fit.lame_lambda / fit.shear_modulus - 1,
        "residual": fit.residual_error,
        "starts": fit.starts,
        "lower_bound": fit.lower_bound,
        "converged": fit.converged,
        "warnings": "\n".join(fit.warnings),
        "search_alpha": fit.search.alpha,
        "search_loss": fit.search.loss,
    }


def sweep_lps(
    training: Any,
    validation: Any,
    horizons: Sequence[float],
    degrees: Sequence[int],
    constraint: Constraint = Solvable(),
    *,
    alpha: float | tuple[float, float] = 1.0,
    long_waves: LongWaves = FreeLongWaves(),
    quadrature: QuadratureChoice = GridQuadrature(),
    solver: Solver = GaussNewton(),
    relative: bool = True,
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> LPSSweep:
    """Fit for all horizons and degrees, and choose by Algorithm 2.

    Parameters
    ----------
    training, validation : samples on periodic grids
        As in `fit_lps`.
    horizons : sequence of float
        delta, length.
    degrees : sequence of int
        M; the errors of the lowest are the unit of AvgE.
    constraint, alpha, long_waves, quadrature, solver
        As in `fit_lps`.
    relative
        As in `nlbook.peridynamics.gather_samples`, for what is fitted; errors are relative.
    cluster, store, progress
        As in `nlbook.parallel.run_tasks`.

    Returns
    -------
    LPSSweep

    Raises
    ------
    ValueError
        If there are no horizons or degrees, or as `fit_lps`.
    TaskErrors
        If fits failed, after all others are done.

    Warns
    -----
    LearningWarning
        What stands in the `warnings` of the fits, read or computed: the same of several fits once,
        with their horizons and degrees.
    """
    radii = [check_number("horizons", one, above=0) for one in _several("horizons", horizons)]
    orders = sorted({check_integer("degrees", one, 0) for one in _several("degrees", degrees)})
    if not radii or not orders:
        raise ValueError(
            f"horizons and degrees must be one or more each, got {horizons!r} and {degrees!r}"
        )
    for name, samples in (("training", training), ("validation", validation)):
        given = samples if isinstance(samples, list | tuple) else [samples]
        if any(isinstance(one, SampleSpectrum) for one in given):
            raise ValueError(
                f"{name} must be samples themselves, not what gather_samples keeps of them: "
                f"errors of displacements need the fields"
            )
    gather_samples(validation)  # refuses what can't be used before all fits are made
    spectra = gather_samples(training, relative=relative)
    asked = {
        "alpha": alpha, "constraint": constraint, "long_waves": long_waves,
        "quadrature": quadrature, "solver": solver,
    }  # fmt: skip
    tasks = [
        {"spectra": list(spectra), "horizon": radius, "degree": degree, **asked}
        for degree in orders
        for radius in radii
    ]
    found = run_tasks(
        sweep_task, tasks, cluster, store, schema=_SCHEMA, progress=progress,
        description="fits of solids",
    )  # fmt: skip
    _warn(tasks, found)
    shape = (len(orders), len(radii))
    residuals = np.array([float(one["residual"]) for one in found]).reshape(shape)
    converged = np.array([bool(one["converged"]) for one in found]).reshape(shape)
    rows: list[SweepRow] = []
    unit: Array | None = None
    for i, degree in enumerate(orders):
        # the first of the best: which of equals is the least may hang on rounding
        at = int(np.flatnonzero(residuals[i] <= (1 + 1e-9) * residuals[i].min())[0])
        one = found[i * len(radii) + at]
        choices = Asked(radii[at], degree, constraint, long_waves, quadrature, solver)
        fit = rebuilt(
            spectra, choices, float(one["alpha"]), np.asarray(one["coefficients"]),
            float(one["rho"]), np.asarray(one["starts"]), float(one["lower_bound"]),
            bool(one["converged"]), AlphaTrials(one["search_alpha"], one["search_loss"]),
            tuple(str(one["warnings"]).splitlines()),
        )  # fmt: skip
        errors = np.array(
            [
                fit.residual(training), fit.displacement_error(training),
                fit.residual(validation), fit.displacement_error(validation),
            ]
        )  # fmt: skip
        unit = errors if unit is None else unit
        rows.append(SweepRow(fit, errors, float(np.mean(errors / unit))))
    return LPSSweep(np.array(radii), np.array(orders), residuals, converged, tuple(rows))


def _several(name: str, values: Any) -> list[Any]:
    """A sequence as a list, refused by name if it is none."""
    check_unmasked(name, values)
    try:
        return list(values)
    except TypeError:
        raise ValueError(f"{name} must be a sequence of numbers, got {values!r}") from None


def _warn(tasks: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> None:
    """What is to be said of the fits, each thing once, with the fits that it is said of."""
    said: dict[str, list[str]] = {}
    for task, one in zip(tasks, found, strict=True):
        for words in str(one["warnings"]).splitlines():
            said.setdefault(words, []).append(f"({task['horizon']:g}, {task['degree']})")
    for words, fits in said.items():
        of = f"{len(fits)} fits" if len(fits) > _NAMED else ", ".join(fits)
        warnings.warn(f"(horizon, degree) {of}: {words}", LearningWarning, stacklevel=3)
