"""Lower bounds of a symbol's stiffness over every wavevector of a lattice, by branch and bound.

For a kernel's c = mu W K/m and numbers kappa, F(k) = Gamma(k) + kappa g(k) g(k)^T as in
`nlbook.peridynamics.symbols`. What is bounded is the least eigenvalue of F(k)/w(k) over all k != 0
of the Brillouin zone |k1| <= pi/h1, |k2| <= pi/h2, beyond which the symbol repeats itself. Here
w(k) = |k|**2 for waves of two horizons and more, which see moduli, and (pi/delta)**2 for shorter.

For each unit vector v the function f = v.F v lies above the bilinear interpolation of its corners
in a cell a x b by at least -(a**2 M1 + b**2 M2)/8, M1 and M2 bounds on its second derivatives. So a
cell is closed once the least eigenvalue at its corners, less that, is close enough to the least
value seen anywhere; else it is split in four. Around k = 0 the cells are in polar coordinates,
where F/|k|**2 is smooth. By the lattice's reflections a quarter of the zone is enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.peridynamics.blocks import joined, least_eigenvalue
from nlbook.peridynamics.symbols import sums_over_ball

__all__ = ["NOTHING_MET", "Bound", "least_stiffness"]

Array = NDArray[np.float64]
# Rounding of a sum over a ball, relative to the sum of the sizes of its terms.
_ROUNDING = 1e-12
# More cells than this and the bound that is reached is told as it is: some ten seconds.
_MOST_CELLS = 400_000
_CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
_FIRST_CELLS = 8  # along each side


@dataclass(frozen=True)
class Bound:
    """A number that is below, and one that is reached."""

    lower: float  #: no value lies below, by proof; -inf where one below -rounding was met
    found: float  #: the least value met
    wavevector: tuple[float, float]  #: where, 1/length
    rounding: float = 0.0  #: what `found` may be off by; `lower` has been lowered by as much

    @property
    def positive(self) -> bool | None:
        """True or False by proof, None where rounding hides the sign or the cells ran out."""
        if self.lower > 0:
            return True
        return False if self.found < -self.rounding else None

    @property
    def within_rounding(self) -> bool:
        """Whether the sign of the least value met is that of a rounding."""
        return abs(self.found) <= self.rounding


#: before any value has been met
NOTHING_MET = Bound(math.inf, math.inf, (0.0, 0.0))


def least_stiffness(
    offsets: Array,
    c: Array,
    kappas: Sequence[float],
    spacing: tuple[float, float],
    horizon: float,
    *,
    gap: float,
) -> list[Bound]:
    """Least eigenvalues of F(k)/w(k) over all wavevectors of a lattice.

    Parameters
    ----------
    offsets : ndarray, shape (n, 2)
        Ball of a node, symmetric under the reflections of both axes.
    c : ndarray, shape (n,)
        mu W K/m, of the same symmetry.
    kappas : sequence of float
        Factors of g g^T, a bound for each.
    spacing : (float, float)
        h1, h2.
    horizon : float
        Of the kernel.
    gap : float
        A bound comes within this of the least value, or a twentieth of it; in the unit of F/w, a
        modulus. A value that is negative beyond rounding ends its search.

    Returns
    -------
    list of Bound
    """
    near, beyond = _NearZero(offsets, c, horizon), _Beyond(offsets, c, horizon, spacing)
    bounds = [NOTHING_MET for _ in kappas]
    for region in (near, beyond):
        bounds = _search(region, kappas, gap, bounds)
    return [
        bound if bound.positive is not False else beyond.lowest_of_sample(kappa, bound)
        for kappa, bound in zip(kappas, bounds, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Region:
    """A rectangle of coordinates of wavevectors, and bounds on how F bends over them."""

    offsets: Array
    c: Array
    horizon: float

    def moment(self, power: int) -> float:
        """Sum of |c| r**power."""
        return float(np.abs(self.c) @ np.hypot(*self.offsets.T) ** power)

    def weights(self, squares: Array) -> Array:
        """w(k) of |k|**2."""
        return np.minimum(squares, (math.pi / self.horizon) ** 2)


@dataclass(frozen=True, eq=False)
class _NearZero(_Region):
    """Waves longer than 2 pi horizons in polar coordinates: F/|k|**2, which is smooth there."""

    @property
    def size(self) -> Array:
        """Of |k| and of the angle, from zero."""
        return np.array([1 / self.horizon, math.pi / 2])

    def wavevectors(self, nodes: Array) -> Array:
        """Of the coordinates."""
        s, angle = nodes.T
        return np.stack([s * np.cos(angle), s * np.sin(angle)], axis=1)

    def parts(self, nodes: Array) -> tuple[Array, Array, Array]:
        """Gamma/|k|**2, g/|k| and the weight that is left, one."""
        s, angle = nodes.T
        eta = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ self.offsets.T
        half = np.sinc(s[:, np.newaxis] * eta / (2 * np.pi))
        unit = self.offsets / np.hypot(*self.offsets.T)[:, np.newaxis]
        outer = (unit[:, :, np.newaxis] * unit[:, np.newaxis, :]).reshape(-1, 4)
        gamma = ((8 * self.c * (eta * half) ** 2) @ outer).reshape(-1, 2, 2)
        whole = np.sinc(s[:, np.newaxis] * eta / np.pi)
        return gamma, (2 * self.c * eta * whole) @ self.offsets, np.ones(len(nodes))

    def bends(self) -> Array:
        """Along both coordinates, most of the bends of Gamma and g, and of the slope of g.

        Of (1 - cos x)/x**2 and sin(x)/x the curvature is at most 1/12 and 1/3, and the slope of
        the latter at most 0.4363.
        """
        r2, r3, r4 = (self.moment(power) for power in (2, 3, 4))
        across = 2 * (r2 + 0.385 * self.size[0] ** 2 * r4)
        return np.array([[16 / 12 * r4, 2 / 3 * r4, 2 * 0.4363 * r3], [16 * r2, across, 2 * r2]])

    def rounding(self, kappa: float) -> float:
        """Of an eigenvalue."""
        r2 = self.moment(2)
        return _ROUNDING * (8 * r2 + abs(kappa) * r2**2)

    def elsewhere(self, high: Array) -> NDArray[np.bool_]:
        """Cells that another region has."""
        return np.zeros(len(high), dtype=bool)


@dataclass(frozen=True, eq=False)
class _Beyond(_Region):
    """A quarter of the zone, but for the waves near zero: F itself."""

    spacing: tuple[float, float]

    @property
    def size(self) -> Array:
        """Of k1 and k2, from zero."""
        return math.pi / np.array(self.spacing)

    def wavevectors(self, nodes: Array) -> Array:
        """Of the coordinates."""
        return nodes

    def parts(self, nodes: Array) -> tuple[Array, Array, Array]:
        """Gamma, g and w."""
        gamma, g = sums_over_ball(nodes, self.offsets, self.c[:, np.newaxis])
        return gamma[:, 0], g[:, 0], self.weights((nodes**2).sum(axis=1))

    def bends(self) -> Array:
        """As of the other region."""
        size, r, x = np.abs(self.c), np.hypot(*self.offsets.T)[:, np.newaxis], self.offsets
        return np.stack(
            [16 * size @ x**2, 2 * size @ (x**2 * r), 2 * size @ (np.abs(x) * r)], axis=1
        )

    def rounding(self, kappa: float) -> float:
        """Of an eigenvalue."""
        return _ROUNDING * (32 * self.moment(0) + abs(kappa) * self.moment(1) ** 2)

    def elsewhere(self, high: Array) -> NDArray[np.bool_]:
        """Cells within the polar ones."""
        return np.asarray(np.hypot(*high.T) <= 1 / self.horizon)

    def lowest_of_sample(self, kappa: float, bound: Bound) -> Bound:
        """Where a negative value was met, the least of a sample of 65 x 65 wavevectors."""
        axes = (np.linspace(0.0, end, 65) for end in self.size)
        k = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)[1:]
        gamma, g, w = self.parts(k)
        values = _least_eigenvalue(gamma, g, kappa) / w
        at = int(np.argmin(values))
        if values[at] >= bound.found:
            return bound
        place, rounding = (float(k[at, 0]), float(k[at, 1])), self.rounding(kappa) / float(w[at])
        return Bound(-math.inf, float(values[at]), place, rounding)


def _search(
    region: _NearZero | _Beyond, kappas: Sequence[float], gap: float, before: list[Bound]
) -> list[Bound]:
    """Split the cells of a region until each is closed for every kappa that is not yet negative."""
    found = np.array([bound.found for bound in before])
    rounding = np.array([bound.rounding for bound in before])
    lower = np.array([bound.lower for bound in before])
    where = [bound.wavevector for bound in before]
    reach = np.arange(_FIRST_CELLS)
    cells = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    sides, bends, n_cells = region.size / _FIRST_CELLS, region.bends(), 0
    while len(cells) and np.any(found >= -rounding):
        n_cells += len(cells)
        corners = (cells[:, np.newaxis] + _CORNERS).reshape(-1, 2)
        keys, place = np.unique(corners @ np.array([2**32, 1]), return_inverse=True)
        place = place.reshape(-1, 4)
        nodes = np.stack([keys >> 32, keys & (2**32 - 1)], axis=1) * sides
        k = region.wavevectors(nodes)
        gamma, g, w = region.parts(nodes)
        mine = ~region.elsewhere(nodes)
        skipped = region.elsewhere((cells + 1) * sides)
        length = np.sqrt((g**2).sum(axis=1))[place].max(axis=1) + bends[:, 2] @ sides / 2
        bound = np.empty((len(kappas), len(cells)))
        for j, kappa in enumerate(kappas):
            values = _least_eigenvalue(gamma, g, kappa)
            ratio = np.where(mine & (w > 0), values / np.where(w > 0, w, 1.0), np.inf)
            at = int(np.argmin(ratio))
            if ratio[at] < found[j]:
                found[j], where[j] = ratio[at], (float(k[at, 0]), float(k[at, 1]))
                rounding[j] = region.rounding(kappa) / w[at]
            curvature = bends[:, :1] + 2 * abs(kappa) * bends[:, 1:2] * length
            curvature += 2 * max(kappa, 0.0) * bends[:, 2:] ** 2
            least = values[place].min(axis=1) - sides**2 @ curvature / 8 - region.rounding(kappa)
            # over the largest w of the cell where positive, over the least where negative
            over = np.where(least > 0, w[place].max(axis=1), w[place].min(axis=1))
            bound[j] = np.where(over > 0, least / np.where(over > 0, over, 1.0), -np.inf)
        bound[:, skipped] = np.inf
        wanted = np.maximum(gap, found / 20)[:, np.newaxis]
        done = bound >= found[:, np.newaxis] - wanted
        done |= (found < -rounding)[:, np.newaxis]
        closed = np.asarray(done.all(axis=0) | (n_cells > _MOST_CELLS))
        lower = np.minimum(lower, bound[:, closed].min(axis=1, initial=math.inf))
        cells = (2 * cells[~closed][:, np.newaxis] + _CORNERS).reshape(-1, 2)
        sides = sides / 2
    lower[found < -rounding] = -math.inf
    return [
        Bound(float(low), float(least), at, float(off))
        for low, least, at, off in zip(lower, found, where, rounding, strict=True)
    ]


def _least_eigenvalue(gamma: Array, g: Array, kappa: float) -> Array:
    """Of Gamma + kappa g g^T."""
    both = joined(gamma, g, kappa)
    return least_eigenvalue(both[..., 0, 0], both[..., 0, 1], both[..., 1, 1])
