"""What a fit compares, read and refused: densities, their steps in time, their floors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.densities import DensitySnapshots
from nlbook.identification.bilevel.settings import FitSettings

__all__ = ["check_data", "check_mass", "floors", "number_of_steps", "places"]

# Mass that a density may have too much or, at first, too little: estimates are normalised.
_MASS_TOLERANCE = 1e-2


def check_data(snapshots: Any, settings: Any) -> FitSettings:
    """Refuse what are no snapshots or no settings; the settings, or the default ones."""
    if not isinstance(snapshots, DensitySnapshots):
        raise ValueError(
            f"snapshots must be DensitySnapshots (see density_snapshots), got "
            f"{type(snapshots).__name__}"
        )
    if settings is None:
        return FitSettings()
    if not isinstance(settings, FitSettings):
        raise ValueError(f"settings must be FitSettings, got {type(settings).__name__}")
    return settings


def check_mass(snapshots: DensitySnapshots) -> None:
    """Refuse densities at one time, or whose mass isn't one at first and one or less later."""
    if snapshots.times.size < 2:
        raise ValueError(f"snapshots must be at two times or more, got {snapshots.times.size}")
    mass = snapshots.mass
    low, high = 1 - _MASS_TOLERANCE, 1 + _MASS_TOLERANCE
    if not low < mass[0] < high:
        raise ValueError(
            f"density must integrate to one at the first time, got {mass[0]:.6g}: divide by it"
        )
    if mass.max() > high or not mass.min() > 0:
        wrong = mass.max() if mass.max() > high else mass.min()
        raise ValueError(f"density must integrate to one or, later, less, got {wrong:.6g}")


def number_of_steps(times: NDArray[np.float64], dt: float) -> int:
    """Steps in all; a dt that doesn't divide the whole time is refused."""
    steps = (times - times[0]) / dt
    n_steps = round(float(steps[-1]))
    if n_steps < 1 or abs(steps[-1] - n_steps) > 1e-6 * n_steps:
        raise ValueError(
            f"dt must divide the time of the snapshots, {times[-1] - times[0]:g}, got {dt!r}"
        )
    return n_steps


def places(
    times: NDArray[np.float64], dt: float, n_steps: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Snapshot before each step, and the share of the next one."""
    at = times[0] + dt * np.arange(n_steps + 1)
    before = np.clip(np.searchsorted(times, at + 1e-6 * dt, side="right") - 1, 0, times.size - 2)
    share = (at - times[before]) / np.diff(times)[before]
    share[np.abs(share) < 1e-9] = 0.0
    share[np.abs(share - 1) < 1e-9] = 1.0
    return before.astype(np.int64), share


def floors(snapshots: DensitySnapshots, floor: float | None) -> NDArray[np.float64]:
    """Density at each time below which is not compared; one sample in a cell by default."""
    n_times = snapshots.times.size
    if floor is not None:
        return np.full(n_times, float(floor))
    if snapshots.n_samples is not None:
        return np.asarray(1.0 / (snapshots.spacing * snapshots.n_samples))
    empty = np.count_nonzero(snapshots.density[1:] == 0.0)
    if empty:
        raise ValueError(
            f"floor must be given: the density is zero at {empty} nodes and times after the "
            f"first, and has no logarithm there"
        )
    return np.zeros(n_times)
