"""The matrices of a linear peridynamic solid, from its bonds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nlbook.peridynamics.bonds import Bonds

__all__ = ["assemble"]


def assemble(
    bonds: Bonds,
    c: NDArray[np.float64],
    inside: NDArray[np.int64],
    n_nodes: int,
    lame: float,
    mu: float,
) -> tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]:
    """The three matrices of L = bond part + spread @ dilatation.

    Parameters
    ----------
    bonds : Bonds
    c : ndarray, shape (n_bonds,)
        mu W K/m of every bond, modulus over area.
    inside : ndarray, shape (n_inside,)
        Nodes where the equation is asked for.
    n_nodes : int
    lame, mu : float
        Moduli.

    Returns
    -------
    bond part : csr_array, shape (2 n_inside, 2 n_nodes)
    spread : csr_array, shape (2 n_inside, n_owners)
    dilatation : csr_array, shape (n_owners, 2 n_nodes)
    """
    n_owners = len(bonds.owners)
    xi, owner, node = bonds.offsets, bonds.owner, bonds.owners[bonds.owner]
    # theta = 2/mu sum c xi . (u(y) - u(x))
    rows = np.repeat(owner, 2)
    values = ((2 / mu) * c[:, np.newaxis] * xi).ravel()
    dilatation = _differences(rows, values, bonds.neighbour, node, (n_owners, 2 * n_nodes))
    place = np.full(n_nodes, -1)
    place[inside] = np.arange(len(inside))
    mine = place[node] >= 0
    row, xi, c = place[node[mine]], xi[mine], c[mine]
    # -2 (lambda - mu)/mu sum c xi (theta(x) + theta(y))
    owner_of = np.full(n_nodes, -1)
    owner_of[bonds.owners] = np.arange(n_owners)
    two_rows = (2 * row[:, np.newaxis] + np.arange(2)).ravel()
    push = (-2 * (lame - mu) / mu * c[:, np.newaxis] * xi).ravel()
    columns = [np.repeat(owner[mine], 2), np.repeat(owner_of[bonds.neighbour[mine]], 2)]
    spread = sparse.coo_array(
        (np.tile(push, 2), (np.tile(two_rows, 2), np.concatenate(columns))),
        shape=(2 * len(inside), n_owners),
    ).tocsr()
    # -16 sum c xi xi^T/|xi|**2 (u(y) - u(x))
    unit = xi / np.hypot(*xi.T)[:, np.newaxis]
    blocks = -16 * c[:, np.newaxis, np.newaxis] * unit[:, :, np.newaxis] * unit[:, np.newaxis, :]
    bond_part = _differences(
        np.repeat(two_rows, 2),
        blocks.ravel(),
        np.repeat(bonds.neighbour[mine], 2),
        np.repeat(node[mine], 2),
        (2 * len(inside), 2 * n_nodes),
    )
    return bond_part, spread, dilatation


def _differences(
    rows: NDArray[np.int64],
    values: NDArray[np.float64],
    neighbour: NDArray[np.int64],
    node: NDArray[np.int64],
    shape: tuple[int, int],
) -> sparse.csr_array:
    """Sum of values times (u(neighbour) - u(node)): two values, one a component, for each pair."""
    to = (2 * neighbour[:, np.newaxis] + np.arange(2)).ravel()
    back = (2 * node[:, np.newaxis] + np.arange(2)).ravel()
    entries = np.concatenate([values, -values])
    places = (np.tile(rows, 2), np.concatenate([to, back]))
    return sparse.coo_array((entries, places), shape=shape).tocsr()
