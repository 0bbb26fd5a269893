"""Intervals of a fit: the whole of it done again with batches of realizations drawn anew.

Shifts of one realization are correlated, so batches of realizations are drawn with replacement
(`nlbook.densities.bootstrap_snapshots`). Batches are recorded at few times, so that fits of draws
compare at those times only. That shifts a fit a little; `BatchFits.whole` is the fit of all
batches at the same times, to be set beside the full one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.densities import (
    DensitySnapshots,
    bootstrap_interval,
    bootstrap_snapshots,
    density_snapshots,
)
from nlbook.identification.bilevel.fits import FitProblem, fit_each
from nlbook.identification.bilevel.power_law import PowerLawFit
from nlbook.identification.bilevel.search import Bounds
from nlbook.identification.bilevel.settings import FitSettings, common_step

__all__ = ["BatchFits", "bootstrap_power_law", "settings_at", "steps_between"]


@dataclass(frozen=True)
class BatchFits:
    """Fits of ensembles that were drawn from batches."""

    #: fit of all batches once
    whole: PowerLawFit
    #: fits of the draws
    draws: tuple[PowerLawFit, ...]
    #: batches that were drawn from
    n_batches: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of the fit of all batches."""
        return self.whole.warnings

    def predict(
        self, snapshots: DensitySnapshots, times: ArrayLike | None = None
    ) -> DensitySnapshots:
        """Evolve under the fit of all batches; see `PowerLawFit.predict`."""
        return self.whole.predict(snapshots, times)

    def uncertainty(self) -> dict[str, tuple[float, float]]:
        """Intervals of 95 % of what is fitted, by name."""
        names = ("alpha", "horizon", "coefficient", "variance_rate")
        return {name: self.interval(name) for name in names}

    def values(self, name: str) -> NDArray[np.float64]:
        """A field of `PowerLawFit` in all draws, (n_resamples,)."""
        return np.array([getattr(fit, name) for fit in self.draws])

    def interval(self, name: str, *, level: float = 0.95) -> tuple[float, float]:
        """Interval of a field of `PowerLawFit`; see `nlbook.densities.bootstrap_interval`."""
        low, high = bootstrap_interval(self.values(name), self.n_batches, level=level)
        return float(low), float(high)


def bootstrap_power_law(
    batch_counts: ArrayLike,
    edges: ArrayLike,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    n_resamples: int,
    seed: int | np.random.SeedSequence | np.random.Generator,
    settings: FitSettings | None = None,
    bounds: Bounds | None = None,
    start: tuple[float, float] | None = None,
    tolerance: float = 1e-3,
    cluster: Any = None,
    workers: int | None = None,
    **densities: Any,
) -> BatchFits:
    """Fit ensembles that are made by drawing batches with replacement.

    Parameters
    ----------
    batch_counts : array_like, shape (n_batches, n_times, n_bins)
        Counts of each batch in fine bins.
    edges, times, grid, n_resamples, seed
        As in `nlbook.densities.bootstrap_snapshots`.
    settings : FitSettings, optional
        Its `every` is replaced by the steps between two of `times`.
    bounds, start, tolerance
        As in `fit_power_law`; the fit to all data makes a good start. A tolerance of 1e-3 is well
        below the scatter of draws.
    cluster, workers
        As in `nlbook.parallel.run_tasks`.
    **densities
        Further arguments of `nlbook.densities.density_snapshots`.

    Returns
    -------
    BatchFits

    Raises
    ------
    ValueError
        As `fit_power_law` and `nlbook.densities.bootstrap_snapshots`; or if times are not equally
        far apart.
    """
    counts = real_array("batch_counts", batch_counts, ndim=3)
    at = real_array("times", times, ndim=1)
    chosen = settings_at(at, settings)
    whole = density_snapshots(counts.sum(axis=0), edges, at, grid=grid, **densities)
    drawn = bootstrap_snapshots(
        counts, edges, at, grid=grid, n_resamples=n_resamples, seed=seed, **densities
    )

    def problem(snapshots: DensitySnapshots) -> FitProblem:
        return FitProblem(snapshots, chosen, bounds, start, tolerance)

    fits = fit_each([problem(s) for s in (whole, *drawn)], cluster=cluster, workers=workers)
    n_batches = int(np.count_nonzero(counts.reshape(len(counts), -1).any(axis=1)))
    return BatchFits(fits[0], tuple(fits[1:]), n_batches)


def settings_at(times: NDArray[np.float64], settings: FitSettings | None) -> FitSettings:
    """Settings that compare at some equally distant times only, whatever the time step."""
    chosen = settings or FitSettings()
    dt = common_step(times, chosen) if chosen.dt is None else chosen.dt
    return dataclasses.replace(chosen, every=steps_between(times, dt))


def steps_between(times: NDArray[np.float64], dt: float) -> int:
    """Time steps between two of some equally distant times.

    Raises
    ------
    ValueError
        If they are not equally distant, or not by whole steps.
    """
    steps = np.diff(times) / dt
    number = round(float(steps.mean())) if steps.size else 0
    if number < 1 or np.max(np.abs(steps - number)) > 1e-6 * number:
        raise ValueError(f"times must be equally far apart, by whole steps of {dt!r}, got {times}")
    return number
