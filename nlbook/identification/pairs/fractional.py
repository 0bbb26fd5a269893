"""Training pairs of the fractional Laplacian on (-1, 1), with u = 0 beyond.

    (-Laplacian)**s u = f on (-1, 1),   0 < s < 1,

section 8 of [1]_, whose kernel is the power law C_s / r**(1 + 2 s) without a horizon. With Jacobi
polynomials and the weight w = (1 - x**2)**s the operator takes w P_n to a multiple of P_n [2]_,

    (-Laplacian)**s [w P_n^(s, s)] = Gamma(2 s + n + 1) / n! P_n^(s, s),

so that the solution of a smooth forcing is a short series, exact to rounding. The paper integrates
Green's function by the trapezoidal rule on a grid, which errs by percents: G has a cusp at x = y
and u a root at the ends. That is an option, to see what it does.

The forcings are cosine series with the coefficients (7.3). The paper gives neither their period
nor whether they have a mean, and the learned exponent depends on both; by default the period is the
length 2 of the interval and the mean is there.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
.. [2] B. Dyda, A. Kuznetsov, M. Kwasnicki, Constr. Approx. 45 (2017) 427; and for Green's function
   C. Bucur, Commun. Pure Appl. Anal. 15 (2016) 657.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.identification.pairs.random_series import amplitudes, condensed, uniform_numbers
from nlbook.identification.pairs.training_pairs import TrainingPairs
from nlbook.identification.renamed import renamed_fields
from nlbook.kernels import PowerLawKernel

__all__ = [
    "FractionalSettings",
    "fractional_green",
    "fractional_kernel",
    "fractional_pairs",
    "fractional_solution",
    "green_solution",
]

Array = NDArray[np.float64]

# Polynomials beyond the phase of the fastest forcing, where coefficients fall like factorials.
_BEYOND_PHASE = 60

# Size of the last coefficients, relative to the largest, above which a series is refused.
_RESOLVED = 1e-10


@renamed_fields(reach="half_width")
@dataclass(frozen=True)
class FractionalSettings:
    """Order, grid and forcings; the defaults are the paper's where it says."""

    order: float = 0.75  #: s of the operator
    half_width: float = 0.8  #: f is kept on [-half_width, half_width], length
    spacing: float = 0.01  #: of the nodes, length
    collar: float = 4.0  #: width beyond on which u is kept: the longest horizon fitted, length
    period: float = 2.0  #: of the forcings, length
    with_mean: bool = True  #: let forcings have a constant term
    n_modes: int = 99  #: of the forcings
    decay: float = 0.1  #: coefficients are exp(-decay k**2) xi, 0 <= xi < 1

    def __post_init__(self) -> None:
        _check_order(self.order)
        for name in ("spacing", "collar", "period"):
            check_number(name, getattr(self, name), above=0)
        check_number("half_width", self.half_width, above=self.spacing, below=1)
        for name in ("half_width", "collar"):
            cells = getattr(self, name) / self.spacing
            if abs(cells - round(cells)) > 1e-6:
                raise ValueError(
                    f"{name} must be a whole number of spacings, got {getattr(self, name)!r} for "
                    f"spacing={self.spacing!r}"
                )
        check_integer("n_modes", self.n_modes, 1)
        check_number("decay", self.decay, least=0)
        if not isinstance(self.with_mean, bool):
            raise ValueError(f"with_mean must be True or False, got {self.with_mean!r}")


def fractional_pairs(
    n_samples: int = 50_000,
    seed: int | Sequence[int] | np.random.SeedSequence = 0,
    settings: FractionalSettings | None = None,
    *,
    solver: Literal["exact", "green"] = "exact",
    condense: bool = False,
    first: int = 0,
) -> TrainingPairs:
    """Pairs of random forcings and their solutions.

    Parameters
    ----------
    n_samples : int
        Number of pairs. Whole, at the default collar, they take 8 kB each: see
        `nlbook.identification.iter_blocks`.
    seed : int, sequence of int or SeedSequence
        Of the coefficients.
    settings : FractionalSettings, optional
        Order, grid and forcings.
    solver : "exact" or "green"
        Series of polynomials, or the paper's trapezoidal rule on Green's function.
    condense : bool
        Return as few samples as there are forcings that they are sums of, with the same mean of
        all squares, and so with the same loss for every kernel.
    first : int
        Number of the first sample: samples of 0 .. n are the same drawn at once or in parts.

    Returns
    -------
    TrainingPairs
        With boundary "volume", u being known beyond the nodes of f.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    chosen = settings or FractionalSettings()
    check_choice("solver", solver, ("exact", "green"))
    scale, u, f = _basis(chosen, solver)
    coefficients = scale * uniform_numbers(seed, first, n_samples, scale.size)
    kept = condensed(coefficients) if condense else coefficients
    half, collar = _cells(chosen)
    return TrainingPairs(
        kept @ u, kept @ f, chosen.spacing, "volume", collar=collar,
        start=-half * chosen.spacing, name=f"fractional Laplacian, {solver}",
    )  # fmt: skip


def fractional_solution(
    forcing: float | Callable[[Array], Array], x: ArrayLike, order: float, *, n_terms: int = 100
) -> Array:
    """Solution of (-Laplacian)**s u = f on (-1, 1), with u = 0 beyond.

    Parameters
    ----------
    forcing : float or callable
        A constant, or a smooth function from places, shape (n,), to values, shape (..., n).
    x : array_like, shape (m,)
        Places anywhere.
    order : float
        s, between 0 and 1.
    n_terms : int
        Polynomials in the series.

    Returns
    -------
    ndarray, shape (..., m)

    Raises
    ------
    ValueError
        If the series is too short for the forcing, or an argument out of range.

    Examples
    --------
    >>> float(fractional_solution(1.0, [0.0], order=0.75)[0].round(6))  # 1 / Gamma(2 s + 1)
    0.752253
    """
    _check_order(order)
    n_terms = check_integer("n_terms", n_terms, 8)
    places = real_array("x", x)
    points, weights = special.roots_jacobi(2 * n_terms, order, order)
    if callable(forcing):
        values = real_array("forcing", forcing(points))
        if values.shape[-1:] != points.shape:
            raise ValueError(
                f"forcing must return an array of shape (..., n) for places of shape (n,), got "
                f"{values.shape} for {points.shape}"
            )
    else:
        values = np.full(points.size, check_number("forcing", forcing))
    n = np.arange(n_terms)
    weighted = special.eval_jacobi(n[:, np.newaxis], order, order, points) * weights
    norms = np.sum(
        weighted * special.eval_jacobi(n[:, np.newaxis], order, order, points), axis=1
    )  # by the same rule, which is exact for them
    coefficients = values @ weighted.T / np.sqrt(norms)
    last = np.abs(coefficients[..., -4:]).max()  # of either parity
    if not last <= _RESOLVED * np.abs(coefficients).max():
        raise ValueError(f"n_terms must be larger for this forcing, got {n_terms!r}")
    factor = np.exp(special.gammaln(n + 1) - special.gammaln(2 * order + n + 1)) / np.sqrt(norms)
    inside = np.abs(places) < 1
    t = np.where(inside, places, 0.0)
    basis = special.eval_jacobi(n[:, np.newaxis], order, order, t) * (1 - t**2) ** order
    return np.asarray(np.where(inside, (coefficients * factor) @ basis, 0.0))


def fractional_kernel(order: float, horizon: float = math.inf) -> PowerLawKernel:
    """Kernel C_s / r**(1 + 2 s) of the fractional Laplacian in one dimension, truncated or not.

    Parameters
    ----------
    order : float
        s, between 0 and 1.
    horizon : float
        Radius beyond which it is cut off, length.

    Returns
    -------
    PowerLawKernel
        With C_s = 4**s s Gamma(1/2 + s) / (sqrt(pi) Gamma(1 - s)).

    Raises
    ------
    ValueError
        If the order is out of range.
    """
    _check_order(order)
    constant = 4**order * order * math.gamma(0.5 + order)
    return PowerLawKernel(
        1 + 2 * order, horizon, constant / (math.sqrt(math.pi) * math.gamma(1 - order))
    )


def fractional_green(x: ArrayLike, y: ArrayLike, order: float) -> Array:
    """Green's function of the fractional Laplacian on (-1, 1).

    Parameters
    ----------
    x, y : array_like
        Places in [-1, 1], of shapes that broadcast.
    order : float
        s, between 1/2 and 1, where the function is finite at x = y.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    check_number("order", order, above=0.5, below=1)
    a, b = np.broadcast_arrays(real_array("x", x), real_array("y", y))
    if not (np.all(np.abs(a) <= 1) and np.all(np.abs(b) <= 1)):
        raise ValueError("x and y must lie in [-1, 1]")
    product = np.maximum((1 - a**2) * (1 - b**2), 0.0)
    distance = np.abs(a - b)
    apart = np.where(distance > 0, distance, 1.0)
    ratio = product / apart**2
    # the integral of t**(s - 1) / sqrt(1 + t) from 0 to the ratio
    integral = ratio**order / order * special.hyp2f1(0.5, order, order + 1, -ratio)
    scale = 1 / (4**order * math.gamma(order) ** 2)
    together = product ** (order - 0.5) / (order - 0.5)
    return np.asarray(scale * np.where(distance > 0, apart ** (2 * order - 1) * integral, together))


def green_solution(
    forcing: Callable[[Array], Array], x: ArrayLike, order: float, *, spacing: float
) -> Array:
    """The paper's solution: the trapezoidal rule on Green's function.

    Parameters
    ----------
    forcing : callable
        From places, shape (n,), to values, shape (..., n).
    x : array_like, shape (m,)
        Places anywhere; u = 0 beyond (-1, 1).
    order : float
        s, between 1/2 and 1.
    spacing : float
        Of the rule's nodes on [-1, 1], length; they are a whole number.

    Returns
    -------
    ndarray, shape (..., m)

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    spacing = check_number("spacing", spacing, above=0, most=1)
    nodes = np.linspace(-1.0, 1.0, round(2 / spacing) + 1)
    weights = np.full(nodes.size, nodes[1] - nodes[0])
    weights[[0, -1]] /= 2
    places = real_array("x", x, ndim=1)
    inside = np.abs(places) < 1
    green = fractional_green(np.where(inside, places, 0.0)[:, np.newaxis], nodes, order)
    loads = real_array("forcing", forcing(nodes)) * weights
    return np.asarray(np.where(inside, loads @ green.T, 0.0))


def _check_order(order: float) -> None:
    check_number("order", order, above=0, below=1)


def _cells(settings: FractionalSettings) -> tuple[int, int]:
    """Cells from the middle to the last node of f, and of the collar."""
    spacing = settings.spacing
    return round(settings.half_width / spacing), round(settings.collar / spacing)


@lru_cache(maxsize=4)
def _basis(settings: FractionalSettings, solver: str) -> tuple[Array, Array, Array]:
    """Upper ends of the coefficients; solution and forcing of each mode, at the nodes."""
    modes = np.arange(0 if settings.with_mean else 1, settings.n_modes + 1)
    scale = amplitudes(modes, settings.decay)
    wavenumbers = 2 * np.pi / settings.period * modes[: scale.size]

    def forcing(x: Array) -> Array:
        return np.asarray(np.cos(np.multiply.outer(wavenumbers, x)), dtype=np.float64)

    half, collar = _cells(settings)
    x = np.asarray(settings.spacing * np.arange(-half - collar, half + collar + 1), np.float64)
    if solver == "exact":
        n_terms = math.ceil(float(wavenumbers[-1])) + _BEYOND_PHASE
        u = fractional_solution(forcing, x, settings.order, n_terms=n_terms)
    else:
        u = green_solution(forcing, x, settings.order, spacing=settings.spacing)
    return scale, u, forcing(x[collar : x.size - collar])
