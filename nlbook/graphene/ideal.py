"""Samples straight from the lattice's symbol: no atoms, no noise, no anharmonicity.

A wave on an infinite lattice answers to a load of the same wavevector k by u = S(k)^-1 b. A
smoothing filter multiplies both by the same factor, so their relation is that of the lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_integer
from nlbook.graphene.loads import Load, training_loads
from nlbook.graphene.points import node_grid, read_sides
from nlbook.graphene.samples import PeriodicSamples

__all__ = ["Response", "ideal_samples"]


class Response(Protocol):
    """What answers to waves, such as `LatticeResponse`."""

    def symbol(self, wavevectors: ArrayLike) -> NDArray[np.float64]:
        """Load over displacement at wavevectors (n, 2) in 1/angstrom: (n, 2, 2), TPa/angstrom^2."""


def ideal_samples(
    response: Response,
    box: tuple[float, float],
    loads: Sequence[Load] | None = None,
    nodes: tuple[int, int] = (20, 20),
) -> PeriodicSamples:
    """Exact harmonic answers of the lattice to loads, on the nodes of a periodic grid.

    Parameters
    ----------
    response : Response
        What has a symbol.
    box : tuple of two floats
        Sides of the periodic box, angstrom.
    loads : sequence of Load, optional
        By default the 70 training loads. Of one with waves shorter than two spacings, such as a
        patch, the grid sees what it can hold: the load is its values on the nodes.
    nodes : tuple of two ints
        Nodes along x1 and x2.

    Returns
    -------
    PeriodicSamples

    Raises
    ------
    ValueError
        If there are no loads, or an argument is out of its range.
    """
    n1, n2 = (check_integer("nodes", n, 3) for n in nodes)
    sides = read_sides("box", box)
    spacing = (float(sides[0]) / n1, float(sides[1]) / n2)
    places = node_grid(spacing[0] * np.arange(n1), spacing[1] * np.arange(n2))
    chosen = training_loads() if loads is None else loads
    if not chosen:
        raise ValueError("loads must be one or more")
    field = np.array([load.amplitude * load.pattern(places, box) for load in chosen])
    field -= field.mean(axis=1, keepdims=True)
    waves = 2 * np.pi * node_grid(np.fft.fftfreq(n1, spacing[0]), np.fft.fftfreq(n2, spacing[1]))
    inverse = np.zeros((n1 * n2, 2, 2))
    inverse[1:] = np.linalg.inv(response.symbol(waves[1:]))
    load = field.reshape(-1, n1, n2, 2)
    coefficients = np.fft.fft2(load, axes=(1, 2)).reshape(-1, n1 * n2, 2)
    answers = np.einsum("kij,skj->ski", inverse, coefficients).reshape(load.shape)
    return PeriodicSamples(spacing, np.fft.ifft2(answers, axes=(1, 2)).real, load)
