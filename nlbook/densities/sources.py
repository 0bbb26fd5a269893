"""Sources of a kernel density: single samples, or what a narrow cell holds taken together.

A cell of many samples is known by its mass, mean and variance. With a kernel of width w, leaving
out the higher moments of a cell of width D costs (D/w)**3 of its part of the density, and less
when many cells add up. Where samples are few each stays a source of its own, so that the tails of
an estimate, which single samples make, are those of the direct sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.densities.kernels import collect_kernel, emit_kernel

__all__ = ["Sources", "cells_of_samples", "single_samples", "source_bins"]

# Cells to a bandwidth of the pilot, and the samples from which on a cell is taken as one:
# 16 for both leaves 2e-5 of the direct sum, of 20 000 and of a million heavy-tailed samples.
_CELLS = 16
_FEW = 16

# Cells that are held in a table, empty ones too; beyond so many times the samples they are sorted.
_CELLS_A_SAMPLE = 4
_LEAST_TABLE = 1 << 16


class Sources(NamedTuple):
    """Sources in the order of their keys."""

    position: NDArray[np.float64]  # (n,), mean of what the source holds
    mass: NDArray[np.float64]  # (n,), its samples or their weight
    variance: NDArray[np.float64]  # (n,), within the source
    key: NDArray[np.float64]  # (n,), ascending, within `slack` of the position
    slack: float


def single_samples(samples: NDArray[np.float64], weights: NDArray[np.float64]) -> Sources:
    """Each sample a source."""
    order = np.argsort(samples, kind="stable")
    position = samples[order]
    return Sources(position, weights[order].copy(), np.zeros(position.size), position, 0.0)


def source_bins(counts: NDArray[np.float64], centres: NDArray[np.float64]) -> Sources:
    """Each filled bin of a fine histogram a source at its centre."""
    filled = np.flatnonzero(counts)
    position = np.ascontiguousarray(centres[filled])
    return Sources(
        position, np.ascontiguousarray(counts[filled]), np.zeros(filled.size), position, 0.0
    )


def cells_of_samples(
    samples: NDArray[np.float64], weights: NDArray[np.float64], bandwidth: float
) -> Sources:
    """Cells of a sixteenth of the bandwidth, and single samples where there are few."""
    width = bandwidth / _CELLS
    start = float(samples.min())
    n_cells = (float(samples.max()) - start) / width + 1.0
    if n_cells <= max(_LEAST_TABLE, _CELLS_A_SAMPLE * samples.size):
        cell = ((samples - start) * (1.0 / width)).astype(np.int32)
        number = np.arange(int(n_cells) + 1, dtype=np.float64)
    else:
        number, place_of = np.unique(np.floor((samples - start) / width), return_inverse=True)
        cell = place_of.astype(np.int32)
    centre = start + (number + 0.5) * width
    table = np.zeros((centre.size, 4))
    collect_kernel(samples, weights, cell, centre, table)

    few = table[:, 0] < _FEW
    slots = np.where(few, table[:, 0], 1.0).astype(np.int64)
    end = np.cumsum(slots)
    place = end - slots
    position, mass, variance = np.empty(end[-1]), np.empty(end[-1]), np.zeros(end[-1])
    whole = np.flatnonzero(~few)
    at, moments = place[whole], table[whole, 1:]
    mean = moments[:, 1] / moments[:, 0]
    position[at] = centre[whole] + mean
    mass[at] = moments[:, 0]
    variance[at] = np.maximum(moments[:, 2] / moments[:, 0] - mean**2, 0.0)
    key = np.repeat(centre, slots)
    emit_kernel(samples, weights, cell, table, float(_FEW), place, position, mass)
    return Sources(position, mass, variance, key, width)
