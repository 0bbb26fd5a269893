"""Lower bounds of the stiffness of the whole plane, over every wavenumber up to infinity.

The symbol of the continuum is Gamma_L + kappa g_L**2 along the wavevector and Gamma_T across (see
`nlbook.peridynamics.continuum`), so one number k is left. What is bounded is the less of the two
over w(k) = k**2 for waves of two horizons and more, (pi/delta)**2 for shorter, for all k > 0:

- up to k = 1/delta of the symbol over k**2, and from there to some k1 of the symbol itself, by
  intervals: a function lies above the line through its ends by at least -(length**2 M)/8, M a bound
  on its second derivative from integrals of |K|;
- beyond k1 by an estimate of the tail. With |J1(z)| <= C_p z**p, -1/2 <= p <= 1, and an integration
  by parts, Gamma stays within a falling power of k of its limit 16 pi integral of K r dr. Close to
  alpha = 2 and above, where there is none, the leading part D_0/r**alpha of K is taken off; from
  alpha = 2 on its Gamma rises with k for ever if D_0 > 0 and falls if D_0 < 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from nlbook.kernels import BernsteinKernel
from nlbook.peridynamics.bounds import NOTHING_MET, Bound
from nlbook.peridynamics.continuum import continuum_parts

__all__ = ["least_stiffness_of_continuum"]

Array = NDArray[np.float64]
# The largest value of sqrt(z) |J1(z)|, at z = 2.166; those of J1'(z) and of J1(z)/z are smaller.
_HUMP = 0.82504
# From this alpha on the leading part of the kernel is looked at by itself.
_SINGULAR = 1.6
_ROUNDING = 1e-11
# By 2**10 / delta the tail must have taken over.
_DOUBLINGS = 11
_MOST_INTERVALS = 20_000
# Intervals are halved until where signs are not known a polynomial has this share of its size.
_NEXT_TO_NOTHING, _MOST_HALVINGS = 1e-10, 60


def least_stiffness_of_continuum(
    a: BernsteinKernel, kappas: Sequence[float], *, gap: float
) -> list[Bound]:
    """Least eigenvalues of the continuum's symbol over w(k), over all k > 0.

    Parameters
    ----------
    a : BernsteinKernel
        Influence function scaled by mu/m(delta), alpha below 3.
    kappas : sequence of float
        Factors of g g^T, a bound for each.
    gap : float
        As in `nlbook.peridynamics.bounds.least_stiffness`.

    Returns
    -------
    list of Bound
        Wavevectors along the first axis.
    """
    radial = _Radial(a)
    start = 1 / a.horizon
    bounds = [NOTHING_MET for _ in kappas]
    bounds = _search(radial.near_zero, (0.0, start), kappas, gap, bounds)
    bounds = _search(radial.middle, (start, 8 * start), kappas, gap, bounds)
    # from where every tail is above the least value; if one never is, where it is highest; if one
    # is nowhere positive, as far as a negative value may be met
    ends = [2.0**n * start for n in range(3, _DOUBLINGS)]
    tails = [[radial.tail(k, kappa) for k in ends] for kappa in kappas]
    lasts = []
    for tail, bound in zip(tails, bounds, strict=True):
        far = [n for n, value in enumerate(tail) if value > 0.95 * bound.found]
        last = far[0] if far else int(np.argmax(tail))
        lasts.append(last if tail[last] > 0 else len(ends) - 1)
    for n, k in enumerate(ends):
        going = [j for j, last in enumerate(lasts) if n < last and bounds[j].positive is not False]
        if going:
            some = [bounds[j] for j in going]
            some = _search(radial.middle, (k, 2 * k), [kappas[j] for j in going], gap, some)
            for j, bound in zip(going, some, strict=True):
                bounds[j] = bound
    return [
        replace(bound, lower=min(bound.lower, tail[last])) if bound.positive is not False else bound
        for bound, tail, last in zip(bounds, tails, lasts, strict=True)
    ]


@dataclass(frozen=True)
class _Samples:
    """The symbol at some wavenumbers, and bounds on how it bends between them."""

    along: Array  #: Gamma along the wavevector, over k**2 near zero
    across: Array  #: and across
    g: Array  #: of the dilatation, over k near zero
    w: Array  #: what is left to divide by
    bends: tuple[float, float, float]  #: most of the second derivatives of the three
    slope: float  #: most of the first derivative of g
    sizes: Array  #: of what an eigenvalue is made of, for rounding


@dataclass(frozen=True, eq=False)
class _Radial:
    """The symbol as a function of k, bounds on its second derivatives, and its tail."""

    kernel: BernsteinKernel

    @functools.cached_property
    def moments(self) -> list[float]:
        """Integrals of |K| r**power dr, power from 2 to 5; two places are left empty."""
        return [math.nan] * 2 + [_absolute_integral(self.kernel, power) for power in range(2, 6)]

    def parts(self, k: Array) -> tuple[Array, Array, Array]:
        """Gamma along and across, and g."""
        kernel = self.kernel
        along, across, g, _ = continuum_parts(k, kernel.horizon, kernel.degree, kernel.alpha)
        coefficients = np.array(kernel.coefficients)
        return along @ coefficients, across @ coefficients, g @ coefficients

    def near_zero(self, k: Array) -> _Samples:
        """Up to one over the horizon; from (1 - cos x)/x**2 and sin(x)/x as in the plane."""
        at = np.maximum(k, 1e-6 / self.kernel.horizon)  # below, they differ by 1e-12
        along, across, g = self.parts(at)
        turn, (r3, r4, r5) = 2 * math.pi, self.moments[3:]
        bends = (16 / 12 * r5 * turn * 5 / 16, 16 / 12 * r5 * turn / 16, 2 / 3 * r5 * turn * 3 / 8)
        slope = 2 * 0.4363 * r4 * 8 / 3
        ones = np.ones_like(k)
        return _Samples(
            along / at**2, across / at**2, g / at, ones, bends, slope, 8 * turn * r3 * ones
        )

    def middle(self, k: Array) -> _Samples:
        """Beyond."""
        along, across, g = self.parts(k)
        turn, (r3, r4) = 2 * math.pi, self.moments[3:5]
        bends = (16 * r3 * turn * 3 / 8, 16 * r3 * turn / 8, 2 * r4 * 8 / 3)
        w = np.minimum(k, math.pi / self.kernel.horizon) ** 2
        return _Samples(along, across, g, w, bends, turn * r3, 16 * turn * r3 * k**2)

    def tail(self, k: float, kappa: float) -> float:
        """What the symbol over (pi/delta)**2 stays above from k on."""
        kernel = self.kernel
        lead = kernel.coefficients[0] if kernel.alpha >= _SINGULAR else 0.0
        rest, limit = kernel, 0.0
        if lead < 0 and kernel.alpha >= 2:
            return -math.inf
        if lead > 0:
            shifted = tuple(value - lead for value in kernel.coefficients)
            rest = BernsteinKernel(shifted, kernel.horizon, kernel.alpha)
            limit = lead * _rising(kernel.alpha, kernel.horizon, k)
        if any(rest.coefficients):
            mean = 16 * math.pi * float(rest.radial_integral(rest.horizon, 1.0))
            limit += mean - _strayed(rest, k)
        dilatation = (
            4
            * math.pi
            * min(
                _bessel_constant(p) * k**p * _absolute_integral(kernel, 2 + p)
                for p in _powers(kernel.alpha - 3, 0.0)
            )
        )
        limit -= max(0.0, -kappa) * dilatation**2
        return limit * (kernel.horizon / math.pi) ** 2


def _rising(alpha: float, horizon: float, k: float) -> float:
    """What Gamma of r**-alpha stays above from k on, along and across."""
    if alpha >= 2:  # it rises
        along, across, _, _ = continuum_parts([k], horizon, 0, alpha)
        return min(float(along[0, 0]), float(across[0, 0]))
    # its integrand is not negative: leave out r < z/k, and beyond use |J1'|, |J1/z| <= C z**-1/2
    best = 0.0
    for z in (4.0, 8.0, 16.0, 32.0):
        least = z / k
        if least < horizon:
            whole = (horizon ** (2 - alpha) - least ** (2 - alpha)) / (2 - alpha)
            wave = (horizon ** (1.5 - alpha) - least ** (1.5 - alpha)) / (1.5 - alpha)
            best = max(best, 16 * math.pi * (whole - 2 * _HUMP * wave / math.sqrt(k)))
    return best


def _strayed(kernel: BernsteinKernel, k: float) -> float:
    """How far Gamma, along or across, is from 16 pi integral of K r dr at and beyond k."""
    exponent = kernel.alpha - 1 if kernel.coefficients[0] else kernel.alpha - 2
    slope = _slope_of_moment(kernel)
    edge = abs(kernel.coefficients[-1]) * kernel.horizon ** (1 - kernel.alpha)
    best = math.inf
    for p in _powers(exponent, 1.0):
        constant = _bessel_constant(p) * k ** (p - 1)
        across = _absolute_integral(kernel, p)
        along = edge * kernel.horizon**p + _absolute_integral(slope, p)
        best = min(best, 32 * math.pi * constant * max(across, along))
    return best


def _powers(above: float, below: float) -> list[float]:
    """Exponents p of |J1(z)| <= C_p z**p to try: -1/2 or more, above one bound, below another."""
    least = max(above, -0.5)
    tried = [least + part * (below - least) for part in (0.02, 0.05, 0.1, 0.25, 0.5, 0.75)]
    return [-0.5, *tried] if above < -0.5 else tried


def _bessel_constant(p: float) -> float:
    """C_p: where z/2 and the hump over sqrt(z) cross."""
    crossing = (2 * _HUMP) ** (2 / 3)
    return crossing ** (1 - p) / 2


def _slope_of_moment(kernel: BernsteinKernel) -> BernsteinKernel:
    """(K r)' of a Bernstein kernel, a Bernstein kernel of the same degree and alpha."""
    values = np.array(kernel.coefficients)
    slope = (1 - kernel.alpha) * values
    slope[1:] += np.arange(1, len(values)) * np.diff(values)  # t B'
    return BernsteinKernel(tuple(slope.tolist()), kernel.horizon, kernel.alpha)


@functools.lru_cache(maxsize=512)
def _absolute_integral(kernel: BernsteinKernel, power: float) -> float:
    """An upper bound, by a ten-millionth or so, of the integral of |K| r**power dr.

    Exact where the kernel has one sign; elsewhere no value exceeds the largest coefficient.
    """
    values = np.array(kernel.coefficients)
    if not values.any():
        return 0.0
    whole = BernsteinKernel(tuple(np.abs(values).tolist()), kernel.horizon, kernel.alpha)
    most = float(whole.radial_integral(kernel.horizon, power))
    if np.all(values >= 0) or np.all(values <= 0):
        return most * (1 + _ROUNDING)
    known, undecided, largest, leading = _signs(kernel.coefficients)
    both = kernel.radial_integral(kernel.horizon * known, power)
    exponent = power + 1 - kernel.alpha
    powers = undecided ** (exponent + leading) / (exponent + leading)
    rest = kernel.horizon**exponent * float(largest @ (powers[1] - powers[0]))
    # coefficients of halves, and incomplete Beta functions, are rounded
    return float(np.abs(both[1] - both[0]).sum()) + rest + _ROUNDING * most


@functools.lru_cache(maxsize=64)
def _signs(coefficients: tuple[float, ...]) -> tuple[Array, Array, Array, int]:
    """Where a polynomial in Bernstein form has one sign, and its most where that is not known.

    With Bernstein coefficients of one sign on an interval it has it too; so [0, 1] is halved until
    they have, or intervals where they have not add next to nothing.

    Returns
    -------
    known : ndarray, shape (2, n)
        Ends of intervals.
    undecided : ndarray, shape (2, n_undecided)
        The same.
    largest : ndarray, shape (n_undecided,)
        No value of B(t)/t**leading exceeds it.
    leading : int
        Number of leading coefficients that are zero.
    """
    values = np.array(coefficients)
    rows, leading = _without_zero_at_origin(values)
    left, width, size = np.zeros(1), 1.0, float(np.abs(rows).max())
    known = []
    for _ in range(_MOST_HALVINGS):
        one_sign = np.all(rows >= 0, axis=1) | np.all(rows <= 0, axis=1)
        known.append(np.array([left[one_sign], left[one_sign] + width]))
        rows, left = rows[~one_sign], left[~one_sign]
        largest = np.abs(rows).max(axis=1, initial=0.0)
        if width * largest.sum() <= _NEXT_TO_NOTHING * size:
            break
        first, second = _halves(rows)
        rows, width = np.concatenate([first, second]), width / 2
        left = np.concatenate([left, left + width])
    largest = np.abs(rows).max(axis=1, initial=0.0)
    return np.concatenate(known, axis=1), np.array([left, left + width]), largest, leading


def _without_zero_at_origin(values: Array) -> tuple[Array, int]:
    """Coefficients of B(t)/t**j, shape (1, n), and j, the number of leading zeros."""
    degree, j = len(values) - 1, int(np.flatnonzero(values)[0])
    i = np.arange(degree - j + 1)
    share = special.binom(degree, i + j) / special.binom(degree - j, i)
    return np.asarray(values[j:] * share)[np.newaxis], j


def _halves(rows: Array) -> tuple[Array, Array]:
    """Bernstein coefficients on both halves of intervals, by de Casteljau's averages."""
    n = rows.shape[1]
    first, second, now = np.empty_like(rows), np.empty_like(rows), rows
    for m in range(n):
        first[:, m], second[:, n - 1 - m] = now[:, 0], now[:, -1]
        now = (now[:, 1:] + now[:, :-1]) / 2
    return first, second


def _search(
    evaluate: Callable[[Array], _Samples],
    interval: tuple[float, float],
    kappas: Sequence[float],
    gap: float,
    before: list[Bound],
) -> list[Bound]:
    """Split the intervals until each is closed for every kappa that is not yet negative."""
    found = np.array([bound.found for bound in before])
    rounding = np.array([bound.rounding for bound in before])
    lower = np.array([bound.lower for bound in before])
    where = [bound.wavevector for bound in before]
    edges = np.linspace(*interval, 33)
    low, high = edges[:-1], edges[1:]
    n_intervals = 0
    while len(low) and np.any(found >= -rounding):
        n_intervals += len(low)
        nodes, places = np.unique(np.concatenate([low, high]), return_inverse=True)
        left, right = places[: len(low)], places[len(low) :]
        at_nodes, sides = evaluate(nodes), high - low
        w, (along_bend, across_bend, g_bend) = at_nodes.w, at_nodes.bends
        g = np.abs(at_nodes.g)
        largest = np.maximum(g[left], g[right]) + at_nodes.slope * sides / 2
        bound = np.empty((len(kappas), len(low)))
        for j, kappa in enumerate(kappas):
            along = at_nodes.along + kappa * at_nodes.g**2
            values = np.minimum(along, at_nodes.across)
            at = int(np.argmin(values / w))
            if values[at] / w[at] < found[j]:
                found[j], where[j] = values[at] / w[at], (float(nodes[at]), 0.0)
                size = at_nodes.sizes[at] + abs(kappa) * g[at] ** 2
                rounding[j] = _ROUNDING * size / w[at]
            bend = along_bend + 2 * abs(kappa) * largest * g_bend
            bend = bend + 2 * max(kappa, 0.0) * at_nodes.slope**2
            dips = [sides**2 * bend / 8, sides**2 * across_bend / 8]
            least = np.minimum(
                np.minimum(along[left], along[right]) - dips[0],
                np.minimum(at_nodes.across[left], at_nodes.across[right]) - dips[1],
            )
            sizes = np.maximum(at_nodes.sizes[left], at_nodes.sizes[right])
            least -= _ROUNDING * (sizes + abs(kappa) * largest**2)
            bound[j] = least / np.where(least > 0, w[right], w[left])
        wanted = np.maximum(gap, found / 20)[:, np.newaxis]
        done = bound >= found[:, np.newaxis] - wanted
        done |= (found < -rounding)[:, np.newaxis]
        closed = np.asarray(done.all(axis=0) | (n_intervals > _MOST_INTERVALS))
        lower = np.minimum(lower, bound[:, closed].min(axis=1, initial=math.inf))
        low, high = low[~closed], high[~closed]
        middle = (low + high) / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    lower[found < -rounding] = -math.inf
    return [
        Bound(float(low), float(least), at, float(off))
        for low, least, at, off in zip(lower, found, where, rounding, strict=True)
    ]
