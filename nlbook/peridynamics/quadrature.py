"""Least-norm quadrature over the ball of a node, exact on singular polynomials.

The weights W of the nodes in the ball of radius delta around x, x itself left out, are those of
least sum W_j**2 that integrate every

    q(y) = p(y - x) / |y - x|**3,   p a polynomial of degree 2 to 5,

exactly over the ball [1]_; polynomials of lower degree make no integrable q. With the influence
function K = 1/r the integrands of a linear peridynamic solid are such q wherever the displacement
is a polynomial of degree up to three, on any point set.

On other integrands the rule converges where the horizon shrinks with the spacing. In a ball of
fixed size it does not: of all weights that are exact the least ones tend, with finer nodes and
slowly as 1/log does, to 4/3 r/delta times the area of a cell, and not to that area.

References
----------
.. [1] N. Trask, H. You, Y. Yu, M. L. Parks, Comput. Methods Appl. Mech. Eng. 343 (2019) 151.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.sparse import csgraph

from nlbook.checks import check_number, real_array
from nlbook.peridynamics.grids import check_spacings

__all__ = [
    "LatticeQuadrature",
    "distinct",
    "lattice_quadrature",
    "least_norm_weights",
    "orbit_means",
    "orbits",
]

_POWERS = tuple((a, d - a) for d in range(2, 6) for a in range(d, -1, -1))
_SINGULARITY = 3
# Relative to the integrals; exact weights leave 1e-14 on balls of two to a hundred nodes across.
_EXACT = 1e-11
# What the squares of two distances on a lattice may differ by and still count as equal.
_ON_THE_RIM = 1e-9
# Nodes that a stretch of the lattice moves apart by less than this share are one shell.
_ONE_SHELL = 0.05


def least_norm_weights(offsets: ArrayLike, horizon: float) -> NDArray[np.float64]:
    """Weights of the nodes around a point, the smallest that are exact [1]_.

    Parameters
    ----------
    offsets : array_like, shape (n, 2)
        Nodes less the point, none of them zero, all within the horizon.
    horizon : float
        Radius delta of the ball that is integrated over, in the unit of the offsets.

    Returns
    -------
    ndarray, shape (n,)
        W, in the unit of an area: the sum of W q(offset) is the integral of q over the ball for
        every q of the module's space, to 1e-12 of the integral of its absolute value.

    Raises
    ------
    ValueError
        If an offset is zero, not finite or beyond the horizon, or if these nodes can't integrate
        the space exactly (too few, or all on one side).

    References
    ----------
    .. [1] N. Trask, H. You, Y. Yu, M. L. Parks, Comput. Methods Appl. Mech. Eng. 343 (2019) 151.
    """
    nodes = real_array("offsets", offsets, ndim=2)
    radius = check_number("horizon", horizon, above=0)
    if nodes.shape[1] != 2:
        raise ValueError(f"offsets must have shape (n, 2), got {nodes.shape}")
    t = nodes / radius
    distance = np.hypot(t[:, 0], t[:, 1])
    if not np.all(distance > 0):
        raise ValueError("offsets must not be zero: the point itself has no weight")
    if not np.all(distance <= 1 + _ON_THE_RIM):
        raise ValueError(
            f"offsets must lie within the horizon {radius:g}, got one at "
            f"{radius * float(distance.max()):g}"
        )
    rows = np.stack([t[:, 0] ** a * t[:, 1] ** b / distance**_SINGULARITY for a, b in _POWERS])
    integrals = _unit_disc_integrals()
    inverse = np.linalg.pinv(rows, rcond=1e-12)
    weights = inverse @ integrals
    weights += inverse @ (integrals - rows @ weights)  # once more, to the last digits
    lacking = float(np.max(np.abs(rows @ weights - integrals), initial=0.0))
    if not nodes.size or lacking > _EXACT:
        raise ValueError(
            f"offsets must be enough nodes, on all sides, to integrate quintic polynomials over "
            f"|x|**3: these {len(nodes)} miss an integral by {lacking:.1g} of the unit disc's"
        )
    return np.asarray(radius**2 * weights)


@dataclass(frozen=True, eq=False)
class LatticeQuadrature:
    """The ball of a node of a rectangular lattice and its weights, the same for every node."""

    spacing: tuple[float, float]  #: h1, h2, length
    horizon: float  #: as asked for, on the nominal spacing sqrt(h1 h2), length
    steps: NDArray[np.int64]  #: (n, 2), the nodes of the ball in spacings
    offsets: NDArray[np.float64]  #: (n, 2), the same in lengths
    weights: NDArray[np.float64]  #: (n,), area; equal for (i, j), (-i, j), (i, -j)
    kernel_horizon: float  #: of the kernel and of the ball of integration, length

    @property
    def distances(self) -> NDArray[np.float64]:
        """Of the nodes, shape (n,); never beyond the kernel's horizon by a rounding."""
        return np.minimum(np.hypot(*self.offsets.T), self.kernel_horizon)

    @property
    def shells(self) -> NDArray[np.float64]:
        """Distances at or near which there are nodes, ascending, shape (n_shells,), length.

        Sums over the ball see a kernel there only. Nodes at one distance are a shell, and nodes
        that a stretch of the lattice moves apart by 5 % or less, as (i, j) and (j, i): a smooth
        kernel is nearly the same at both. The distance is their mean.
        """
        square = (self.steps**2).sum(axis=1)
        apart = np.abs(np.log(self.distances[:, np.newaxis] / self.distances))
        like = (square[:, np.newaxis] == square) & (apart <= _ONE_SHELL)
        like |= apart <= _ON_THE_RIM
        n, shell = csgraph.connected_components(like, directed=False)
        count = np.bincount(shell, minlength=n)
        return np.sort(np.bincount(shell, self.distances, minlength=n) / count)


def lattice_quadrature(spacing: tuple[float, float], horizon: float) -> LatticeQuadrature:
    """Ball and weights of a rectangular lattice.

    The ball holds the nodes (i, j) != (0, 0) with i**2 + j**2 <= (horizon/h)**2, h = sqrt(h1 h2),
    so that nodes at exactly the horizon count whatever the rounding, and lattices of like ratio
    have like balls. Where h1 and h2 differ, the ball of integration and the kernel's own horizon
    are horizon * max(h1, h2)/h, so that no node lies outside of them.

    Parameters
    ----------
    spacing : (float, float)
        h1, h2, length.
    horizon : float
        delta on the nominal spacing, length; at least 2 h.

    Returns
    -------
    LatticeQuadrature
        Its arrays are shared and must not be written.

    Raises
    ------
    ValueError
        If a spacing is not positive, or the horizon below 2 h.
    """
    # a key of the cache must not be a number that is equal to one and none, as True is
    return _lattice_quadrature(check_spacings(spacing), check_number("horizon", horizon, above=0))


@functools.lru_cache(maxsize=64)
def _lattice_quadrature(spacing: tuple[float, float], radius: float) -> LatticeQuadrature:
    h1, h2 = spacing
    h = math.sqrt(h1 * h2)
    if radius < 2 * h * (1 - _ON_THE_RIM):
        raise ValueError(
            f"horizon must be at least twice the spacing {h:.6g}, got {radius:g}: a smaller ball "
            f"has too few nodes for the quadrature"
        )
    largest = (radius / h) ** 2 * (1 + _ON_THE_RIM)
    reach = np.arange(-math.isqrt(int(largest)), math.isqrt(int(largest)) + 1)
    steps = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    squares = (steps**2).sum(axis=1)
    steps = steps[(squares > 0) & (squares <= largest)]
    offsets = steps * np.array([h1, h2])
    kernel_horizon = radius * max(h1, h2) / h
    weights = orbit_means(steps, least_norm_weights(offsets, kernel_horizon))
    for array in (steps, offsets, weights):
        array.setflags(write=False)
    return LatticeQuadrature((h1, h2), radius, steps, offsets, weights, kernel_horizon)


def distinct(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances that differ by more than rounding, ascending; the first of each group."""
    ascending = np.sort(distances)
    new = np.diff(ascending, prepend=-np.inf) > _ON_THE_RIM * ascending
    return np.asarray(ascending[new])


def _unit_disc_integrals() -> NDArray[np.float64]:
    """Integrals of x**a y**b / r**3 over the unit disc."""
    values = np.zeros(len(_POWERS))
    for i, (a, b) in enumerate(_POWERS):
        if a % 2 == 0 and b % 2 == 0:
            angular = 2 * special.beta((a + 1) / 2, (b + 1) / 2)
            values[i] = angular / (a + b + 2 - _SINGULARITY)
    return values


def orbits(steps: NDArray[np.int64]) -> NDArray[np.intp]:
    """Number of the orbit of each node of a ball, (n,): (i, j), (-i, j), (i, -j), (-i, -j)."""
    _, orbit = np.unique(np.abs(steps), axis=0, return_inverse=True)
    return np.asarray(orbit.ravel())


def orbit_means(steps: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the reflections of the lattice, under which exact weights don't change: (n,)."""
    orbit = orbits(steps)
    return np.asarray((np.bincount(orbit, values) / np.bincount(orbit))[orbit])
