"""Sources of a kernel density: single samples, or what a narrow cell holds taken together.

A cell is known by its mass, mean and variance, and the bandwidth in it by its value and its first
two derivatives. For a kernel of width w, leaving out the higher moments of a cell of width D costs
(D A/w)**3/60 at most of the cell's part of the density, A = u + w' u**2 at u widths from it, and
less where many cells add up. So cells that face a gap, where u is large, are cut into finer ones
(`nlbook.densities.estimator`). A cell with a single sample costs nothing, so the far tails of an
estimate, which single samples make, are those of the direct sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlbook.densities.samples import cell_loop, collect_loop

__all__ = ["Cells", "Sources", "single_samples"]

# Cells to a bandwidth of the pilot. With 16, estimates are within 2e-5 of the direct sum up to
# three bandwidths w_i beyond the samples and 6e-4 up to ten, where the pilot's is many times the
# width of what it sees; with 32 within 1e-6 and 1e-4.
_CELLS = 32

# Cells that are held in a table, empty ones too; beyond so many times the samples they are sorted.
_CELLS_A_SAMPLE = 4
_LEAST_TABLE = 1 << 16


class Sources(NamedTuple):
    """Sources in ascending order."""

    #: mean of what the source holds (n,)
    position: NDArray[np.float64]
    #: its samples, or their weight (n,)
    mass: NDArray[np.float64]
    #: within the source (n,)
    variance: NDArray[np.float64]


def single_samples(samples: NDArray[np.float64], weights: NDArray[np.float64]) -> Sources:
    """Each sample a source, but for those whose weight has vanished beside the largest."""
    order = np.argsort(samples, kind="stable")
    order = order[weights[order] > 0]
    return Sources(samples[order], weights[order], np.zeros(order.size))


class Cells:
    """Samples in cells of a small part of the bandwidth.

    Parameters
    ----------
    samples, weights : ndarray, shape (n,)
        What is put into cells.
    bandwidth : float
        Of the pilot.
    """

    def __init__(
        self, samples: NDArray[np.float64], weights: NDArray[np.float64], bandwidth: float
    ) -> None:
        self._samples, self._weights = samples, weights
        #: width of a cell
        self.width = bandwidth / _CELLS
        start = float(samples.min())
        n_cells = (float(samples.max()) - start) / self.width + 1.0
        if n_cells <= max(_LEAST_TABLE, _CELLS_A_SAMPLE * samples.size):
            self._cell = np.empty(samples.size, dtype=np.int32)
            cell_loop(samples, start, 1.0 / self.width, self._cell)
            number = np.arange(int(n_cells) + 1, dtype=np.float64)
        else:
            number, place = np.unique(np.floor((samples - start) / self.width), return_inverse=True)
            self._cell = place.astype(np.int32)
        self._centre = start + (number + 0.5) * self.width
        #: the filled cells
        self.sources, self._filled = _collect(samples, weights, self._cell, self._centre)

    def split(self, parts: NDArray[np.int64]) -> tuple[Sources, NDArray[np.intp]]:
        """Sources when each of `sources` is cut into so many cells, and where each came from.

        Parameters
        ----------
        parts : ndarray of int, shape (n_sources,)
            1 or more.

        Returns
        -------
        Sources, ndarray of int, shape (n,)
            In ascending order; the index of the source of which each is a part.
        """
        of_cell = np.ones(self._centre.size, dtype=np.int64)
        of_cell[self._filled] = parts
        chosen = np.flatnonzero((of_cell > 1)[self._cell])
        samples, cell = self._samples[chosen], self._cell[chosen]
        n_parts = of_cell[cell]
        first = (np.cumsum(of_cell) - of_cell)[cell]
        low = self._centre[cell] - 0.5 * self.width
        within = np.floor((samples - low) * (n_parts / self.width)).astype(np.int64)
        within = np.clip(within, 0, n_parts - 1)
        _, at, part = np.unique(first + within, return_index=True, return_inverse=True)
        centre = low[at] + (within[at] + 0.5) * (self.width / n_parts[at])
        finer, filled = _collect(samples, self._weights[chosen], part.astype(np.int32), centre)
        number = np.empty(self._centre.size, dtype=np.intp)
        number[self._filled] = np.arange(self._filled.size)
        kept = np.flatnonzero(parts == 1)
        origin = np.concatenate([kept, number[cell[at[filled]]]])
        order = np.argsort(origin, kind="stable")  # parts of one source are in order already
        merged = (
            np.concatenate([old[kept], new])[order]
            for old, new in zip(self.sources, finer, strict=True)
        )
        return Sources(*merged), origin[order]


def _collect(
    samples: NDArray[np.float64],
    weights: NDArray[np.float64],
    cell: NDArray[np.int32],
    centre: NDArray[np.float64],
) -> tuple[Sources, NDArray[np.intp]]:
    """The filled cells as sources, and which they are."""
    table = np.zeros((centre.size, 3))
    collect_loop(samples, weights, cell, centre, table)
    filled = np.flatnonzero(table[:, 0])
    mass, first, second = table[filled].T
    mean = first / mass
    variance = np.maximum(second / mass - mean**2, 0.0)
    return Sources(centre[filled] + mean, np.ascontiguousarray(mass), variance), filled
