"""What a fitted law predicts: the first density of some data, evolved under it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.compared import check_data
from nlbook.identification.bilevel.objective import trial_operator
from nlbook.identification.bilevel.settings import FitSettings
from nlbook.identification.bilevel.verdicts import FitWarning
from nlbook.kernels import RadialKernel

__all__ = ["evolved", "predicted", "times_after", "whole_steps"]

# Mass that may leave the grid in a prediction, unmentioned.
_LOST = 1e-3


def evolved(
    kernel: RadialKernel,
    coefficient: float,
    settings: FitSettings,
    snapshots: DensitySnapshots,
    times: ArrayLike | None = None,
) -> DensitySnapshots:
    """Evolve the first density of some data under a kernel.

    Parameters
    ----------
    kernel : RadialKernel
        Of the operator.
    coefficient : float
        What the kernel is multiplied by.
    settings : FitSettings
        Rule and evolution; the time step if it is by forward Euler.
    snapshots : DensitySnapshots
        Only the first density is used, and the grid.
    times : array_like, optional
        When the density is wanted, after the first of `snapshots`, ascending; also beyond the
        last. By whole steps if the evolution is by forward Euler. By default at the times of
        `snapshots`.

    Returns
    -------
    DensitySnapshots
        A `FitWarning` says so if mass has left the grid, which then is no unbounded line.

    Raises
    ------
    ValueError
        If times are none, do not ascend, lie before the first, or are not whole steps after it.
    """
    settings = check_data(snapshots, settings)
    wanted, after = times_after(snapshots, times)
    operator = trial_operator(kernel, snapshots.grid, settings.rule)
    first = snapshots.density[0]
    if settings.by_steps:
        assert settings.dt is not None  # a fit knows its own
        steps = whole_steps(after, settings.dt)
        density = operator.evolve(
            first, settings.dt * coefficient, int(steps[-1]), snapshots=steps,
            method="euler", check=False,
        )  # fmt: skip
    else:
        density = np.empty((after.size, snapshots.grid.size))
        state = first
        for row, gap in zip(density, np.diff(after, prepend=0.0).tolist(), strict=True):
            if gap > 0:
                state = operator.evolve(state, gap * coefficient, 1, method="exact", check=False)
            row[:] = state
    return predicted(snapshots, wanted, density, stacklevel=4)


def times_after(
    snapshots: DensitySnapshots, times: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times that are wanted, and how long they are after the first of the data."""
    wanted = snapshots.times if times is None else real_array("times", times)
    first = float(snapshots.times[0])
    after = wanted - first
    span = max(1.0, float(np.abs(after).max(initial=0.0)))
    if (
        wanted.ndim != 1
        or not wanted.size
        or np.any(np.diff(wanted) < 0)
        or after[0] < -1e-9 * span
    ):
        raise ValueError(
            f"times must be a row that ascends from the first of the data on, {first:g}, got "
            f"{wanted if wanted.size < 9 else wanted.shape}"
        )
    return np.asarray(wanted, np.float64), np.asarray(after, np.float64)


def whole_steps(after: NDArray[np.float64], dt: float) -> NDArray[np.int64]:
    """Steps of forward Euler after the first density; refuses what is between two."""
    exact = after / dt
    steps = np.rint(exact).astype(np.int64)
    if np.any(np.abs(exact - steps) > 1e-6 * (1 + steps)):
        raise ValueError(
            f"times must be whole steps of {dt!r} after the first, as the fit took them by forward "
            f"Euler, got {after[np.argmax(np.abs(exact - steps))]:g}"
        )
    return steps


def predicted(
    snapshots: DensitySnapshots,
    times: NDArray[np.float64],
    density: NDArray[np.float64],
    stacklevel: int = 3,
) -> DensitySnapshots:
    """Densities (n_times, n_nodes) as snapshots; says so if mass has left the grid."""
    made = DensitySnapshots(snapshots.grid, times, np.maximum(density, 0.0))
    left = 1 - made.mass[-1] / snapshots.mass[0]
    if left > _LOST:
        warnings.warn(
            f"{100 * left:.2g} % of the mass have left the grid by the time {times[-1]:g}: with "
            f"zero density beyond its ends it is too short for a prediction so far ahead",
            FitWarning,
            stacklevel=stacklevel,
        )
    return made
