"""Small sets of densities for the tests of this room, and the obvious way to do what it does."""

import numpy as np

from nlbook.densities import DensitySnapshots
from nlbook.identification import (
    FitSettings,
    ForwardEuler,
    manufactured_snapshots,
)
from nlbook.kernels import PowerLawKernel

#: The paper's manufactured solution, section 6.1.
TRUE = PowerLawKernel(alpha=1.5, horizon=1.0, coefficient=0.1)
GRID = np.linspace(-1, 1, 101)


#: The data are made by steps of forward Euler, and fitted by the same.
EULER = FitSettings(evolution=ForwardEuler(0.01))


def manufactured(rule="covered", n_steps=200, grid=GRID):
    return manufactured_snapshots(TRUE, grid, dt=0.01, n_steps=n_steps, rule=rule)


def bumps(times=(0.0, 0.1, 0.3, 0.4), n=41, even=False):
    """Densities of no particular law, linear in time in between, that spread."""
    grid = np.linspace(-2, 2, n)
    width = 0.4 + 0.5 * np.asarray(times)[:, None]
    centre = 0.0 if even else 0.15
    density = np.exp(-(((grid - centre) / width) ** 2)) / width
    if not even:
        density += 0.3 * np.exp(-(((grid + 0.6) / width) ** 2)) / width
    density /= density.sum(axis=1, keepdims=True) * (grid[1] - grid[0])
    if even:
        density = (density + density[:, ::-1]) / 2
    return DensitySnapshots(grid, np.asarray(times, dtype=float), density)


def second_difference(p, j):
    """p[i+j] - 2 p[i] + p[i-j], zero beyond the ends."""
    padded = np.pad(p, [(0, 0)] * (p.ndim - 1) + [(j, j)])
    n = p.shape[-1]
    return padded[..., 2 * j : 2 * j + n] - 2 * p + padded[..., :n]


def at_steps(snapshots, dt):
    """The data at each step, one row a step."""
    n_steps = round((snapshots.times[-1] - snapshots.times[0]) / dt)
    at = np.minimum(snapshots.times[0] + dt * np.arange(n_steps + 1), snapshots.times[-1])
    return snapshots.at(at)
