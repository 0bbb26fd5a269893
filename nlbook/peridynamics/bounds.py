"""Lower bounds of a symbol's stiffness over every wavevector of a lattice, by branch and bound.

For a kernel's c = mu W K/m and a number kappa, F(k) = Gamma(k) + kappa g(k) g(k)^T as in
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
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.peridynamics.symbols import sums_over_ball

__all__ = ["Bound", "least_stiffness"]

Array = NDArray[np.float64]
# Rounding of a sum over a ball, relative to the sum of the sizes of its terms.
_ROUNDING = 1e-12
# More cells than this and the bound that is reached is told as it is: half a minute.
_MOST_CELLS = 400_000


@dataclass(frozen=True)
class Bound:
    """A number that is below, and one that is reached."""

    lower: float  #: no value lies below, by proof; -inf where a negative one was met
    found: float  #: the least value met
    wavevector: tuple[float, float]  #: where, 1/length

    @property
    def positive(self) -> bool | None:
        """True or False by proof, None where the cells ran out before either."""
        if self.lower > 0:
            return True
        return False if self.found < 0 else None


def least_stiffness(
    offsets: Array,
    c: Array,
    kappa: float,
    spacing: tuple[float, float],
    horizon: float,
    *,
    gap: float,
) -> Bound:
    """Least eigenvalue of F(k)/w(k) over all wavevectors of a lattice.

    Parameters
    ----------
    offsets : ndarray, shape (n, 2)
        Ball of a node, symmetric under the reflections of both axes.
    c : ndarray, shape (n,)
        mu W K/m, of the same symmetry.
    kappa : float
    spacing : (float, float)
        h1, h2.
    horizon : float
        Of the kernel.
    gap : float
        The bound comes within this of the least value, or a twentieth of it; in the unit of
        F/w, a modulus. A negative value ends the search.

    Returns
    -------
    Bound
    """
    zone = _Zone(offsets, c, kappa, spacing, horizon)
    inner = _search(zone.near_zero, (zone.radius, math.pi / 2), zone.polar, gap, None)
    whole = _search(zone.beyond, zone.edge, lambda k1, k2: (k1, k2), gap, inner)
    return whole if whole.positive is not False else zone.lowest_of_sample(whole)


@dataclass(frozen=True, eq=False)
class _Zone:
    """F and bounds on its second derivatives, in cells near k = 0 and beyond."""

    offsets: Array
    c: Array
    kappa: float
    spacing: tuple[float, float]
    horizon: float

    @property
    def radius(self) -> float:
        """Of the polar cells: one over the horizon, well within the zone."""
        return 1 / self.horizon

    def weights(self, squares: Array) -> Array:
        """w(k) of |k|**2."""
        return np.minimum(squares, (math.pi / self.horizon) ** 2)

    @property
    def edge(self) -> tuple[float, float]:
        """Corner of the quarter of the zone."""
        return (math.pi / self.spacing[0], math.pi / self.spacing[1])

    @staticmethod
    def polar(s: Array, angle: Array) -> tuple[Array, Array]:
        """Wavevectors of polar coordinates."""
        return s * np.cos(angle), s * np.sin(angle)

    def moments(self, power: int) -> float:
        """Sum of |c| r**power."""
        return float(np.abs(self.c) @ np.hypot(*self.offsets.T) ** power)

    def near_zero(self, low: Array, high: Array) -> tuple[Array, Array]:
        """F/|k|**2 in polar cells: a lower bound of each, and the values at its corners."""
        s, angle = _corners(low, high)
        c, r2, r3, r4 = self.c, *(self.moments(p) for p in (2, 3, 4))
        # (1 - cos x)/x**2 and sin(x)/x, whose curvatures are at most 1/12 and 1/3
        eta = np.einsum("kqi,ni->kqn", np.stack([np.cos(angle), np.sin(angle)], -1), self.offsets)
        half = np.sinc(s[..., np.newaxis] * eta / (2 * np.pi))
        xi = self.offsets
        unit = xi / np.hypot(*xi.T)[:, np.newaxis]
        gamma = np.einsum("kqn,ni,nj->kqij", 8 * c * (eta * half) ** 2, unit, unit, optimize=True)
        g = 2 * (c * eta * np.sinc(s[..., np.newaxis] * eta / np.pi)) @ xi
        values = _least_eigenvalue(gamma, g, self.kappa)
        top = high[:, 0]
        bends = (
            (16 / 12 * r4, 2 / 3 * r4, 2 * 0.4363 * r3),
            (16 * r2, 2 * (r2 + 0.385 * top**2 * r4), 2 * r2),
        )
        dips = self._dips(low, high, g, bends) + _ROUNDING * (8 * r2 + abs(self.kappa) * r2**2)
        return values.min(axis=1) - dips, values

    def beyond(self, low: Array, high: Array) -> tuple[Array, Array]:
        """F/w in cells of wavevectors: a lower bound of each, and the values at its corners."""
        k1, k2 = _corners(low, high)
        k = np.stack([k1, k2], axis=-1)
        gamma, g = sums_over_ball(k.reshape(-1, 2), self.offsets, self.c[:, np.newaxis])
        gamma, g = gamma[:, 0].reshape(*k.shape, 2), g[:, 0].reshape(k.shape)
        values = _least_eigenvalue(gamma, g, self.kappa)
        size, r = np.abs(self.c), np.hypot(*self.offsets.T)
        bends = tuple(
            (
                16 * float(size @ x**2),
                2 * float(size @ (x**2 * r)),
                2 * float(size @ (np.abs(x) * r)),
            )
            for x in self.offsets.T
        )
        rounding = _ROUNDING * (32 * self.moments(0) + abs(self.kappa) * self.moments(1) ** 2)
        dips = self._dips(low, high, g, bends) + rounding
        squares = (k**2).sum(axis=-1)
        w = self.weights(squares)
        bound = values.min(axis=1) - dips
        # over the largest w of the cell where positive, over the least where negative
        over = np.where(bound > 0, w.max(axis=1), w.min(axis=1))
        bound = np.where(over > 0, bound / np.where(over > 0, over, 1.0), -np.inf)
        bound = np.where(np.hypot(*high.T) <= self.radius, np.inf, bound)  # the polar cells have it
        seen = squares >= self.radius**2
        ratio = np.where(seen, values / np.where(seen, w, 1.0), np.inf)
        return bound, ratio

    def _dips(
        self, low: Array, high: Array, g: Array, bends: tuple[tuple[float | Array, ...], ...]
    ) -> Array:
        """How far F may lie below the interpolation of the corners of each cell.

        `bends` holds, for both coordinates, bounds on the second derivatives of Gamma and of g,
        and on the first of g.
        """
        sides = high - low
        largest = np.sqrt((g**2).sum(axis=-1)).max(axis=1)
        for i, (_, _, slope) in enumerate(bends):
            largest = largest + slope * sides[:, i] / 2
        total: Array = np.zeros(len(low))
        for i, (bonds, dilatation, slope) in enumerate(bends):
            curvature = bonds + 2 * abs(self.kappa) * largest * dilatation
            if self.kappa > 0:
                curvature = curvature + 2 * self.kappa * np.square(slope)
            total = total + sides[:, i] ** 2 * curvature / 8
        return total

    def lowest_of_sample(self, bound: Bound) -> Bound:
        """Where a negative value was met, the least of a sample of 65 x 65 wavevectors."""
        axes = (np.linspace(0.0, end, 65) for end in self.edge)
        k = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)[1:]
        gamma, g = sums_over_ball(k, self.offsets, self.c[:, np.newaxis])
        values = _least_eigenvalue(gamma[:, 0], g[:, 0], self.kappa)
        values /= self.weights((k**2).sum(axis=1))
        at = int(np.argmin(values))
        if values[at] >= bound.found:
            return bound
        return Bound(-math.inf, float(values[at]), (float(k[at, 0]), float(k[at, 1])))


Evaluate = Callable[[Array, Array], tuple[Array, Array]]


def _search(
    evaluate: Evaluate,
    size: tuple[float, float],
    place: Callable[[Array, Array], tuple[Array, Array]],
    gap: float,
    before: Bound | None,
) -> Bound:
    """Split the cells of a rectangle from the origin until each is closed."""
    found = before.found if before else math.inf
    lower = before.lower if before else math.inf
    where = before.wavevector if before else (0.0, 0.0)
    low, high = _start(size)
    n_cells = 0
    while len(low) and found >= 0 and n_cells <= _MOST_CELLS:
        n_cells += len(low)
        bound, values = evaluate(low, high)
        at = np.unravel_index(int(np.argmin(values)), values.shape)
        if values[at] < found:
            found = float(values[at])
            corners = _corners(low, high)
            k1, k2 = place(corners[0][at], corners[1][at])
            where = (float(k1), float(k2))
        closed = bound >= found - max(gap, found / 20)
        lower = min(lower, float(bound[closed].min(initial=math.inf)))
        low, high = _split(low[~closed], high[~closed])
        unsettled = float(bound[~closed].min(initial=math.inf))
    if found < 0:
        lower = -math.inf
    elif len(low):
        lower = min(lower, unsettled)
    return Bound(lower, found, where)


def _start(size: tuple[float, float]) -> tuple[Array, Array]:
    """A rectangle from the origin in 8 x 8 cells."""
    edges = [np.linspace(0.0, end, 9) for end in size]
    low = np.stack(np.meshgrid(edges[0][:-1], edges[1][:-1], indexing="ij"), -1).reshape(-1, 2)
    high = np.stack(np.meshgrid(edges[0][1:], edges[1][1:], indexing="ij"), -1).reshape(-1, 2)
    return low, high


def _split(low: Array, high: Array) -> tuple[Array, Array]:
    middle = (low + high) / 2
    lows, highs = [], []
    for first in (0, 1):
        for second in (0, 1):
            pick = np.array([first, second], dtype=bool)
            lows.append(np.where(pick, middle, low))
            highs.append(np.where(pick, high, middle))
    return np.concatenate(lows), np.concatenate(highs)


def _corners(low: Array, high: Array) -> tuple[Array, Array]:
    """Both coordinates of the four corners of each cell, shape (n, 4)."""
    first = np.stack([low[:, 0], low[:, 0], high[:, 0], high[:, 0]], axis=1)
    second = np.stack([low[:, 1], high[:, 1], low[:, 1], high[:, 1]], axis=1)
    return first, second


def _least_eigenvalue(gamma: Array, g: Array, kappa: float) -> Array:
    """Of Gamma + kappa g g^T."""
    a = gamma[..., 0, 0] + kappa * g[..., 0] ** 2
    b = gamma[..., 0, 1] + kappa * g[..., 0] * g[..., 1]
    d = gamma[..., 1, 1] + kappa * g[..., 1] ** 2
    return np.asarray((a + d) / 2 - np.hypot((a - d) / 2, b))
