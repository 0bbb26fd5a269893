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

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.kernels import BernsteinKernel
from nlbook.peridynamics.bounds import Bound
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


def least_stiffness_of_continuum(a: BernsteinKernel, kappa: float, *, gap: float) -> Bound:
    """Least eigenvalue of the continuum's symbol over w(k), over all k > 0.

    Parameters
    ----------
    a : BernsteinKernel
        Influence function scaled by mu/m(delta), alpha below 3.
    kappa : float
        Factor of g g^T.
    gap : float
        As in `nlbook.peridynamics.bounds.least_stiffness`.

    Returns
    -------
    Bound
        Its wavevector along the first axis.
    """
    radial = _Radial(a, kappa)
    start = 1 / a.horizon
    nothing = Bound(math.inf, math.inf, (0.0, 0.0))
    bound = _search(radial.near_zero, (0.0, start), np.ones_like, gap, nothing)

    def weigh(k: Array) -> Array:
        return np.minimum(k, math.pi / a.horizon) ** 2

    bound = _search(radial.middle, (start, 8 * start), weigh, gap, bound)
    # from where the tail is above the least value; if it never is, where it is highest;
    # if it is nowhere positive, as far as a negative value may be met
    ends = [2.0**n * start for n in range(3, _DOUBLINGS)]
    tails = [radial.tail(k) for k in ends]
    far = [n for n, tail in enumerate(tails) if tail > 0.95 * bound.found]
    last = far[0] if far else int(np.argmax(tails))
    if not tails[last] > 0:
        last = len(ends) - 1
    for k in ends[:last]:
        if bound.positive is not False:
            bound = _search(radial.middle, (k, 2 * k), weigh, gap, bound)
    if bound.positive is False:
        return bound
    return Bound(min(bound.lower, tails[last]), bound.found, bound.wavevector)


@dataclass(frozen=True, eq=False)
class _Radial:
    """The symbol as a function of k, bounds on its second derivatives, and its tail."""

    kernel: BernsteinKernel
    kappa: float

    def moment(self, power: float) -> float:
        """Integral of |K| r**power dr."""
        return _absolute_integral(self.kernel, power)

    def parts(self, k: Array) -> tuple[Array, Array, Array]:
        """Gamma along and across, and g."""
        kernel = self.kernel
        along, across, g, _ = continuum_parts(k, kernel.horizon, kernel.degree, kernel.alpha)
        coefficients = np.array(kernel.coefficients)
        return along @ coefficients, across @ coefficients, g @ coefficients

    def near_zero(self, k: Array) -> tuple[Array, tuple[float, float], float]:
        """Values over k**2 along and across, (2, n), their bends, and the size of rounding."""
        tiny = 1e-6 / self.kernel.horizon  # below, the values differ by 1e-12 of themselves
        at = np.maximum(k, tiny)
        along, across, g = self.parts(at)
        values = np.stack([along / at**2 + self.kappa * (g / at) ** 2, across / at**2])
        r3, r4, r5 = (self.moment(p) for p in (3, 4, 5))
        # from A(x) = (1 - cos x)/x**2 and sin(x)/x, |A''| <= 1/12 and 1/3, slope of sinc 0.4363
        along_bend = 16 / 12 * r5 * 2 * math.pi * 5 / 16
        g_bend, g_slope = 2 / 3 * r5 * 2 * math.pi * 3 / 8, 2 * 0.4363 * r4 * 8 / 3
        g_most = 2 * math.pi * r3
        bend = along_bend + self._of_square(g_most, g_slope, g_bend)
        across_bend = 16 / 12 * r5 * 2 * math.pi / 16
        return values, (bend, across_bend), 16 * math.pi * r3

    def middle(self, k: Array) -> tuple[Array, tuple[float, float], float]:
        """Values along and across, (2, n), their bends, and the size of rounding."""
        along, across, g = self.parts(k)
        values = np.stack([along + self.kappa * g**2, across])
        r3, r4 = self.moment(3), self.moment(4)
        g_bend, g_slope = 2 * r4 * 8 / 3, 2 * math.pi * r3
        # |g| <= k times its slope at zero, and, by |J1| < 0.582, bounded
        reach = min(4 * math.pi * 0.582 * self.moment(2), g_slope * float(k.max()))
        bend = 16 * r3 * 2 * math.pi * 3 / 8 + self._of_square(reach, g_slope, g_bend)
        size = 32 * math.pi * r3 * float(k.max()) ** 2
        return values, (bend, 16 * r3 * 2 * math.pi / 8), size

    def _of_square(self, most: float, slope: float, bend: float) -> float:
        """Bound on how far kappa g**2 bends upwards."""
        upward = 2 * abs(self.kappa) * most * bend
        return upward + 2 * self.kappa * slope**2 if self.kappa > 0 else upward

    def tail(self, k: float) -> float:
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
                _bessel_constant(p) * k**p * self.moment(2 + p)
                for p in _powers(kernel.alpha - 3, 0.0)
            )
        )
        limit -= max(0.0, -self.kappa) * dilatation**2
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


def _absolute_integral(kernel: BernsteinKernel, power: float) -> float:
    """Integral of |K| r**power dr: exact integrals between the changes of sign."""
    if not any(kernel.coefficients):
        return 0.0
    r = kernel.horizon * np.linspace(0.0, 1.0, 4001)[1:]
    values = kernel(r)
    change = np.flatnonzero(values[:-1] * values[1:] < 0)
    left, right = r[change], r[change + 1]
    cuts = left + (right - left) * values[change] / (values[change] - values[change + 1])
    ends = np.concatenate([[0.0], cuts, [kernel.horizon]])
    return float(np.abs(np.diff(kernel.radial_integral(ends, power))).sum())


def _search(
    evaluate: Callable[[Array], tuple[Array, tuple[float, float], float]],
    interval: tuple[float, float],
    weigh: Callable[[Array], Array],
    gap: float,
    before: Bound,
) -> Bound:
    """Split the intervals from start to end until each is closed."""
    lower, found, where = before.lower, before.found, before.wavevector
    edges = np.linspace(*interval, 33)
    low, high = edges[:-1], edges[1:]
    n_intervals = 0
    while len(low) and found >= 0 and n_intervals <= _MOST_INTERVALS:
        n_intervals += len(low)
        nodes, places = np.unique(np.concatenate([low, high]), return_inverse=True)
        values, bends, size = evaluate(nodes)
        w = weigh(nodes)
        at = int(np.argmin(values.min(axis=0) / w))
        if values[:, at].min() / w[at] < found:
            found, where = float(values[:, at].min() / w[at]), (float(nodes[at]), 0.0)
        left, right = places[: len(low)], places[len(low) :]
        dips = np.multiply.outer(np.array(bends), (high - low) ** 2 / 8) + _ROUNDING * size
        least = (np.minimum(values[:, left], values[:, right]) - dips).min(axis=0)
        bound = least / np.where(least > 0, w[right], w[left])
        closed = bound >= found - max(gap, found / 20)
        lower = min(lower, float(bound[closed].min(initial=math.inf)))
        unsettled = float(bound[~closed].min(initial=math.inf))
        low, high = low[~closed], high[~closed]
        middle = (low + high) / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    if found < 0:
        lower = -math.inf
    elif len(low):
        lower = min(lower, unsettled)
    return Bound(lower, found, where)
