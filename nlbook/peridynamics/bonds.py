"""The bonds of a solid: which nodes are in the ball of which, and with what weight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.quadrature import (
    LatticeQuadrature,
    lattice_quadrature,
    least_norm_weights,
)

__all__ = ["Bonds", "find_bonds", "nominal_horizon"]

# A point at the horizon counts whatever the rounding, on scattered points too.
_ON_THE_RIM = 1e-9


@dataclass(frozen=True, eq=False)
class Bonds:
    """Bonds from each node that needs its dilatation: those inside, and what is in their balls."""

    owners: NDArray[np.int64]  #: (n_owners,), the nodes that need their dilatation, ascending
    owner: NDArray[np.int64]  #: (n_bonds,), of each bond, as a place in `owners`
    neighbour: NDArray[np.int64]  #: (n_bonds,), node at its other end
    offsets: NDArray[np.float64]  #: (n_bonds, 2), xi from owner to neighbour, length
    weights: NDArray[np.float64]  #: (n_bonds,), W of the neighbour in the owner's ball, area
    n_cut: int  #: owners on a lattice whose ball lacks nodes, so that their weights are their own


def nominal_horizon(kernel_horizon: float, grid: PeriodicGrid | PointSet) -> float:
    """The horizon that, asked for on this grid, gives a kernel of this horizon."""
    if grid.spacing is None:
        return kernel_horizon
    return kernel_horizon * math.sqrt(grid.spacing[0] * grid.spacing[1]) / max(grid.spacing)


def find_bonds(grid: PeriodicGrid | PointSet, kernel_horizon: float) -> Bonds:
    """All bonds that the operator needs.

    Parameters
    ----------
    grid : PeriodicGrid or PointSet
    kernel_horizon : float
        Of the kernel; on a stretched lattice the ball counts nodes to `nominal_horizon`.

    Raises
    ------
    ValueError
        If the horizon is below two spacings, or a ball lacks the nodes for the quadrature.
    """
    if isinstance(grid, PeriodicGrid):
        assert grid.spacing is not None
        ball = lattice_quadrature(grid.spacing, nominal_horizon(kernel_horizon, grid))
        return _periodic(grid, ball)
    if grid.spacing is not None:
        ball = lattice_quadrature(grid.spacing, nominal_horizon(kernel_horizon, grid))
        return _on_lattice(grid, ball)
    return _scattered(grid, kernel_horizon)


def _periodic(grid: PeriodicGrid, ball: LatticeQuadrature) -> Bonds:
    n1, n2 = grid.shape
    i, j = np.meshgrid(np.arange(n1), np.arange(n2), indexing="ij")
    first = (i.ravel()[:, np.newaxis] + ball.steps[:, 0]) % n1
    second = (j.ravel()[:, np.newaxis] + ball.steps[:, 1]) % n2
    n, size = grid.n_nodes, len(ball.steps)
    return Bonds(
        owners=np.arange(n),
        owner=np.repeat(np.arange(n), size),
        neighbour=(first * n2 + second).ravel(),
        offsets=np.tile(ball.offsets, (n, 1)),
        weights=np.tile(ball.weights, n),
        n_cut=0,
    )


def _on_lattice(grid: PointSet, ball: LatticeQuadrature) -> Bonds:
    """Balls by place on the lattice; one that lacks nodes has the least weights of those left."""
    reach = int(np.abs(ball.steps).max())
    places = grid.steps - grid.steps.min(axis=0) + reach
    table = np.full(places.max(axis=0) + reach + 1, -1)
    table[tuple(places.T)] = np.arange(grid.n_nodes)

    def around(nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        at = places[nodes][:, np.newaxis, :] + ball.steps
        return np.asarray(table[at[..., 0], at[..., 1]])

    inside = np.flatnonzero(grid.inside)
    owners = np.union1d(inside, np.setdiff1d(around(inside), [-1]))
    neighbours = around(owners)
    there = neighbours >= 0
    weights = np.tile(ball.weights, (len(owners), 1))
    cut = np.flatnonzero(~there.all(axis=1))
    patterns, which = np.unique(there[cut], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = cut[which.ravel() == number]
        own = _weights_or_complaint(
            ball.offsets[pattern], ball.kernel_horizon, grid.points[owners[rows[0]]]
        )
        weights[np.ix_(rows, pattern)] = own
    owner, step = np.nonzero(there)
    return Bonds(
        owners,
        owner,
        neighbours[there],
        ball.offsets[step],
        weights[there],
        n_cut=len(cut),
    )


def _scattered(grid: PointSet, horizon: float) -> Bonds:
    radius = horizon * (1 + _ON_THE_RIM)
    tree = cKDTree(grid.points)
    inside = np.flatnonzero(grid.inside)
    balls = tree.query_ball_point(grid.points[inside], radius)
    owners = np.unique(np.concatenate([np.asarray(ball, dtype=np.int64) for ball in balls]))
    owner, neighbour, offsets, weights = [], [], [], []
    for place, node in enumerate(owners):
        near = np.asarray(sorted(tree.query_ball_point(grid.points[node], radius)))
        near = near[near != node]
        xi = grid.points[near] - grid.points[node]
        weights.append(_weights_or_complaint(xi, horizon, grid.points[node]))
        owner.append(np.full(len(near), place))
        neighbour.append(near)
        offsets.append(xi)
    return Bonds(
        owners,
        np.concatenate(owner),
        np.concatenate(neighbour),
        np.concatenate(offsets),
        np.concatenate(weights),
        n_cut=0,
    )


def _weights_or_complaint(
    offsets: NDArray[np.float64], horizon: float, place: NDArray[np.float64]
) -> NDArray[np.float64]:
    try:
        return least_norm_weights(offsets, horizon)
    except ValueError as error:
        raise ValueError(
            f"points must surround each point where the equation is asked for to twice the horizon "
            f"{horizon:g}; the ball of ({place[0]:g}, {place[1]:g}) has too few: {error}"
        ) from error
