"""A lower bound of a kernel's symbol over all real wavenumbers.

For K(r) = P(t) / r**alpha, t = r/delta, with a Bernstein polynomial P,

    s(k) = 2 int_0^delta K(r) (1 - cos k r) dr

positive for all real k, makes the operator coercive on a ring of any period and on the line. (The
symbol of a quadrature is another function: nothing here speaks of that.) The bound is of
s(k) / min(k**2, k_1**2), with k_1 the smallest wavenumber that matters, and has three parts:

- up to k_1, s/k**2 at points, less what it can fall between them: its second derivative is at most
  (1/6) int |K| r**4 dr in size;
- from k_1 to k_max, s at points, with |s''| <= 2 int |K| r**2 dr;
- beyond k_max, what is left out below some radius a being positive if P is there,

      s(k) >= 2 int_a^delta K dr - (2/k) (|K(delta)| + |K(a)| + TV of K on (a, delta)),

  where for alpha = 0 one may take a = 0, and |K(0)| falls away with sin 0.

Integrals of |K| and the total variation are bounded from above by the coefficients of P in
Bernstein form on each of many pieces: a polynomial lies between its control points, and varies no
no more than they do.

Rounding is taken off too. With positive coefficients all terms of the quadrature are positive, so
that with the sizes of the coefficients it bounds the sum of all terms, and rounding is at most the
share

    rho = n eps + 4 phi eps + 8 (M + 1) eps + tau

of that: n terms are added; the sine's argument, up to phi/2 = k delta/2, and the points are known
to a few eps, which moves the square of a sine, of mean 1/2, by up to 4 phi eps; 8 (M + 1) eps is
for powers and products. tau is what is wrong with the rule itself, and is measured: the largest
relative error with which it integrates the Bernstein polynomials of degree 40, whose integrals with
a power are products of fractions, and of which a positive function is a positive combination. For
alpha > 2 a rule for the weight t**(2 - alpha) would be off by eps / (3 - alpha)**2 and more. So one
for t**(3 - alpha) is used, on B_m(t)/t, and on (1 - B_0 waves)/t after the integral of the power
alone; what cancels then counts among the terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_integer, check_number, real_array
from nlbook.kernels import BernsteinKernel, bernstein_basis

__all__ = ["SymbolBound", "bernstein_symbol", "symbol_bound"]

Array = NDArray[np.float64]

# Gauss points in a piece: so many, one more for each degree, and so many for each radian.
_POINTS, _PER_RADIAN = 40, 0.6

# Phases are rounded up to a multiple of this, so that points are computed once for several.
_PHASES = 50

# Pieces of (0, 1) on which the polynomial is written in Bernstein form.
_PIECES = 64

# First k_max delta, and the last to which it is doubled while the tail is what limits the bound.
_FIRST_PHASE, _LAST_PHASE = 150.0, 2400.0

# Points at first; part of the smallest value found that may be lost between points; and how often
# intervals are halved to lose no more, as long as there are not more than so many.
_FIRST_POINTS, _ALLOWANCE, _MOST_HALVINGS, _MOST_POINTS = 400, 0.02, 16, 10_000

# Degree of the polynomials by which rules are measured.
_MEASURED = 40

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class SymbolBound:
    """Lower bound of s(k) / min(k**2, k_1**2) for all real k > 0, length**2 / time."""

    #: the bound; the operator is coercive on the whole line if it is positive
    value: float
    #: smallest value found at a point
    smallest: float
    #: where, radians / length
    at: float
    #: bound of the long waves, of those between, and of the tail
    parts: tuple[float, float, float]
    #: wavenumber from which on the tail's bound is used, radians / length
    k_max: float


def bernstein_symbol(
    horizon: float, degree: int, wavenumbers: ArrayLike, alpha: float = 0.0
) -> Array:
    """Symbol of each function of a Bernstein basis over k**2, for the operator on the line.

    Parameters
    ----------
    horizon : float
        delta, length.
    degree : int
        M.
    wavenumbers : array_like, shape (n,)
        k, radians / length; at 0 the limit, int K r**2 dr.
    alpha : float
        Exponent of 1 / r**alpha, below 3.

    Returns
    -------
    ndarray, shape (n, degree + 1)
        s(k)/k**2 for K = B_m(r/horizon) / r**alpha, length**(3 - alpha).
    """
    horizon = check_number("horizon", horizon, above=0.0)
    degree = check_integer("degree", degree, 0)
    alpha = check_number("alpha", alpha, below=3.0)
    k = real_array("wavenumbers", wavenumbers, ndim=1)
    return _symbol(horizon, degree, k, alpha)[0]


def _symbol(horizon: float, degree: int, k: Array, alpha: float) -> tuple[Array, Array, float]:
    """Symbols over k**2, the sizes of their terms, and what share of those rounding may be."""
    phase = np.abs(k) * horizon
    largest = math.ceil(float(np.max(phase, initial=0.0)) / _PHASES) * _PHASES
    rule = _rule(largest, degree, alpha)
    half = np.multiply.outer(phase, rule.points / 2)
    waves = np.divide(np.sin(half), half, out=np.ones(half.shape), where=half > 0) ** 2
    values = waves @ (rule.weights[:, np.newaxis] * bernstein_basis(degree, rule.points))
    sizes = values.copy()
    values[:, 0] += rule.alone - rule.cancelled
    sizes[:, 0] += rule.alone + rule.cancelled
    unit = horizon ** (3 - alpha)
    steps = rule.points.size + 4 * largest + 8 * (degree + 1)
    return unit * values, unit * sizes, steps * _EPS + rule.defect


def symbol_bound(kernel: BernsteinKernel, lowest: float) -> SymbolBound:
    """Bound the symbol of a Bernstein kernel from below, for all real wavenumbers.

    Parameters
    ----------
    kernel : BernsteinKernel
        With alpha below 3.
    lowest : float
        k_1, radians / length: 2 pi / period on a ring, pi / length between ends.

    Returns
    -------
    SymbolBound
        Not positive where nothing is proved.

    Raises
    ------
    ValueError
        If `lowest` is not positive, or alpha not below 3.
    """
    lowest = check_number("lowest", lowest, above=0.0)
    check_number("alpha", kernel.alpha, below=3.0)
    pieces = _Pieces(kernel)
    second, fourth = pieces.absolute_moment(2), pieces.absolute_moment(4)
    phase = _FIRST_PHASE
    k_max = max(phase / kernel.horizon, 3 * lowest)
    start = np.linspace(lowest, k_max, _FIRST_POINTS)
    smallest = float(np.min(_over_floor(kernel, start, lowest)))
    tail = pieces.tail(k_max) / lowest**2
    while tail < smallest and phase < _LAST_PHASE:
        phase, k_max = 2 * phase, 2 * k_max
        tail = pieces.tail(k_max) / lowest**2
    low = _subdivided(lambda k: _over_floor(kernel, k, lowest), (0.0, lowest), fourth / 48, second)
    middle = _subdivided(
        lambda k: _over_floor(kernel, k, lowest),
        (lowest, k_max),
        second / (4 * lowest**2),
        second,
    )
    worst = min(low, middle, key=lambda part: part.smallest)
    return SymbolBound(
        value=min(low.bound, middle.bound, float(tail)),
        smallest=worst.smallest,
        at=worst.at,
        parts=(low.bound, middle.bound, float(tail)),
        k_max=float(k_max),
    )


@dataclass(frozen=True)
class _Part:
    """Lower bound of a function on an interval, its smallest value found, and where."""

    bound: float
    smallest: float
    at: float


def _subdivided(
    function: Callable[[Array], Array],
    interval: tuple[float, float],
    fall: float,
    second: float,
) -> _Part:
    """Halve intervals until none falls much below the smallest value found at their ends.

    Between neighbours a distance d apart the function is above the smaller by at least -fall d**2.
    """
    ends = np.linspace(*interval, _FIRST_POINTS)
    values = function(ends)
    left, right, width = values[:-1], values[1:], np.diff(ends)
    at, smallest = float(ends[np.argmin(values)]), float(np.min(values))
    begin, bound = ends[:-1], math.inf
    for _ in range(_MOST_HALVINGS):
        least = np.minimum(left, right) - fall * width**2
        wanted = smallest - _ALLOWANCE * max(smallest, 1e-3 * second)
        open_ = least < wanted
        bound = min(bound, float(np.min(least[~open_], initial=math.inf)))
        if not np.any(open_) or np.sum(open_) > _MOST_POINTS:
            break
        begin, left, right, width = begin[open_], left[open_], right[open_], width[open_] / 2
        middle = begin + width
        values = function(middle)
        if np.min(values) < smallest:
            at, smallest = float(middle[np.argmin(values)]), float(np.min(values))
        begin = np.concatenate([begin, middle])
        left, right = np.concatenate([left, values]), np.concatenate([values, right])
        width = np.concatenate([width, width])
    rest = np.minimum(left, right) - fall * width**2
    return _Part(min(bound, float(np.min(rest))), smallest, at)


def _over_floor(kernel: BernsteinKernel, k: Array, lowest: float) -> Array:
    """s(k) / min(k**2, k_1**2), less what rounding may have added."""
    values = np.empty(k.size)
    for part in np.array_split(np.arange(k.size), max(1, k.size // 2000)):
        basis, terms, share = _symbol(kernel.horizon, kernel.degree, k[part], kernel.alpha)
        c = np.asarray(kernel.coefficients)
        values[part] = basis @ c - share * (terms @ np.abs(c))
    return values * np.maximum(k / lowest, 1.0) ** 2


class _Pieces:
    """The polynomial in Bernstein form on many pieces of (0, 1)."""

    def __init__(self, kernel: BernsteinKernel, n_pieces: int = _PIECES) -> None:
        self.kernel = kernel
        self.edges = np.linspace(0.0, 1.0, n_pieces + 1)
        coefficients = np.asarray(kernel.coefficients)
        # of the pieces' integrals, each with 40 + M points, and of their sum
        self.rounding = (_POINTS + 16 * (kernel.degree + 1) + n_pieces) * _EPS
        points, weights = _gauss(_POINTS + kernel.degree, 2.0)
        self.rounding += _defect(points, weights, 0.0)
        self.control = [
            restrict(coefficients, a, b)
            for a, b in zip(self.edges[:-1], self.edges[1:], strict=True)
        ]

    def absolute_moment(self, order: int) -> float:
        """Bound of the integral of |K| r**order from above, order above alpha - 1."""
        power = order - self.kernel.alpha
        total = sum(
            float(np.abs(control) @ piece_moments(self.kernel.degree, a, b, power))
            for control, a, b in zip(self.control, self.edges[:-1], self.edges[1:], strict=True)
        )
        return float(self.kernel.horizon ** (power + 1)) * total * (1 + self.rounding)

    def tail(self, k_max: float) -> float:
        """Bound of s(k) from below for all k >= k_max, 1/time; the best over radii a."""
        kernel, best = self.kernel, -math.inf
        degree, alpha, delta = kernel.degree, kernel.alpha, kernel.horizon
        integral, variation = 0.0, abs(self.control[-1][-1])
        for index in range(len(self.control) - 1, -1, -1):
            control, a, b = self.control[index], self.edges[index], self.edges[index + 1]
            if index == 0 and alpha != 0:
                break
            moments = piece_moments(degree, a, b, -alpha)
            integral += float(control @ moments - self.rounding * np.abs(control) @ moments)
            high = a**-alpha if alpha else 1.0
            variation += float(np.abs(np.diff(control)).sum()) * max(high, b**-alpha)
            variation += float(np.abs(control).max()) * abs(high - b**-alpha)
            positive_below = all(float(c.min()) >= 0 for c in self.control[:index])
            if positive_below:
                at_a = abs(control[0]) * high if index else 0.0
                size = 2 * (1 + self.rounding) * (variation + at_a) / k_max * delta**-alpha
                best = max(best, 2 * integral * delta ** (1 - alpha) - size)
        return best


def restrict(coefficients: Array, a: float, b: float) -> Array:
    """Bernstein coefficients on (a, b) of polynomials given on (0, 1), by de Casteljau's scheme.

    The first axis numbers the coefficients. All steps are averages, so that rounding stays small.
    """
    left = _split(np.asarray(coefficients, dtype=np.float64), b)[0]
    return _split(left, a / b)[1]


def _split(coefficients: Array, t: float) -> tuple[Array, Array]:
    left, right = [coefficients[0]], [coefficients[-1]]
    now = coefficients
    while len(now) > 1:
        now = (1 - t) * now[:-1] + t * now[1:]
        left.append(now[0])
        right.append(now[-1])
    return np.array(left), np.array(right[::-1])


def piece_moments(degree: int, a: float, b: float, power: float) -> Array:
    """Integrals over (a, b) of t**power times each Bernstein polynomial on (a, b)."""
    if a == 0 and power != 0:
        return np.asarray(b ** (power + 1) * _moments(degree, power + 1))
    t, weights = _gauss(_POINTS + degree, 2.0)
    weight = (b - a) * weights * (a + (b - a) * t) ** power
    return np.asarray(weight @ bernstein_basis(degree, t))


def legendre_in_bernstein(degree: int) -> Array:
    """Bernstein coefficients of the Legendre polynomials on (0, 1), of norm 1; (M + 1, M + 1)."""
    columns = np.empty((degree + 1, degree + 1))
    for n in range(degree + 1):
        k = np.arange(n + 1)
        values = (-1.0) ** (n - k) * special.binom(n, k) * math.sqrt(2 * n + 1)
        for m in range(n, degree):  # the same polynomial in degree m + 1
            share = np.arange(m + 2) / (m + 1)
            values = share * np.append(0.0, values) + (1 - share) * np.append(values, 0.0)
        columns[:, n] = values
    return columns


def _moments(degree: int, above: float) -> Array:
    """Integrals over (0, 1) of t**(above - 1) times each Bernstein polynomial, products alone."""
    i = np.arange(1, degree + 1)
    first = float(np.prod(i / (i - 1 + above))) / (degree + above)
    return first * np.append(1.0, np.cumprod((i - 1 + above) / i))


def _defect(points: Array, weights: Array, power: float) -> float:
    """Largest relative error of a rule for t**power with Bernstein polynomials, with its own."""
    exact = _moments(_MEASURED, power + 1)
    off = weights @ bernstein_basis(_MEASURED, points) / exact - 1
    return float(np.max(np.abs(off))) + 4 * _MEASURED * _EPS


@dataclass(frozen=True, eq=False)
class _Rule:
    """Points and weights for t**(2 - alpha) times waves and a polynomial; for alpha > 2 less 1."""

    points: Array
    weights: Array
    alone: float  # integral of the power up to where the first piece ends
    cancelled: float  # the same by the weights, which are for functions that vanish at zero
    defect: float  # largest relative error of its parts


@lru_cache(maxsize=64)
def _rule(phase: float, degree: int, alpha: float) -> _Rule:
    """A rule for waves of up to this phase and a polynomial of this degree.

    Pieces grow fourfold in length from the first, which has the power in its weight.
    """
    edges = [1.0]
    while edges[-1] * phase > _POINTS:
        edges.append(edges[-1] / 4)
    points, weights, defects = [], [], []
    alone = cancelled = 0.0
    for low, high in zip([*edges[1:], 0.0], edges, strict=True):
        n_points = _POINTS + degree + math.ceil(_PER_RADIAN * phase * (high - low))
        if low > 0:
            t, weight = _gauss(n_points, 2.0)
            defects.append(_defect(t, weight, 0.0))
            points.append(low + (high - low) * t)
            weights.append((high - low) * weight * points[-1] ** (2 - alpha))
            continue
        singular = alpha > 2
        t, weight = _gauss(n_points, alpha - 1 if singular else alpha)
        defects.append(_defect(t, weight, 3 - alpha if singular else 2 - alpha))
        points.append(high * t)
        weights.append(high ** (3 - alpha) * (weight / t if singular else weight))
        if singular:
            alone, cancelled = high ** (3 - alpha) / (3 - alpha), float(np.sum(weights[-1]))
    return _Rule(np.concatenate(points), np.concatenate(weights), alone, cancelled, max(defects))


@lru_cache(maxsize=32)
def _gauss(n_points: int, alpha: float) -> tuple[Array, Array]:
    """Points and weights on (0, 1) for the weight t**(2 - alpha)."""
    power = 2 - alpha
    if power == round(power) and power >= 0:  # a polynomial
        points, weights = np.polynomial.legendre.leggauss(n_points)
        t = (1 + points) / 2
        return t, weights / 2 * t**power
    points, weights = special.roots_jacobi(n_points, 0.0, power)
    return (1 + points) / 2, weights / 2 ** (power + 1)
