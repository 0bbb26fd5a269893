"""A kernel whose operator is coercive on the whole line, and whose loss does not hang on the grid.

Positivity of the symbol on the grid of the data says nothing about other grids. For
K(r) = p(r/delta), with p a polynomial, the symbol at any real wavenumber k is

    s(k) = 2 int_0^delta K(r) (1 - cos k r) dr,

linear in p. The fit minimises the mean of the losses on the grid, on grids two and four times
finer, and with s itself, subject to

- s(k) >= margin min(k**2, k_1**2) at closely spaced k up to k_max, with an allowance for what s
  may fall in between, as in `nlbook.identification.symbol_bound`;
- int K r**2 dr >= margin, the limit of s/k**2 at k = 0;
- 2 int K dr - (2 / k_max) (|K(delta)| + TV(K)) >= margin k_1**2, which holds s up beyond k_max;
- int |K| r**2 dr <= limit, which makes the allowances finite;
- the symbol of the quadrature, too, is at least margin k_1**2 on grids from that of the data on
  with h = delta/J, as long as J is small: with few nodes in the horizon the quadrature may miss a
  negative part of K, or hit nothing else.

k_1 is 2 pi over the period; margin and limit are shares of s_1 / k_1**2, with s_1 the symbol that
the data ask for at k_1. All bounds are convex, total variation and the integral of |K| being
replaced by bounds from above, by Bernstein coefficients on pieces of (0, 1).

To the mean of the losses a ridge is added: 1e-12 of the mean square of f, times the sum of squares
of p's coefficients in orthonormal polynomials, in units of s_1/k_1**2. It decides among kernels
that the data cannot tell apart. Where a loss falls to 1e-10 of the mean square of f, the ridge is a
good part of what is minimised, and so of what the lower bound speaks of.

A plain bound on the total variation alone would be the wrong one: the kernels that high-order
equations ask for have a spike at r = 0. Here it counts only over k_max.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nlbook.convex import AbsoluteBound, BoundedLeastSquares, SolverFailure
from nlbook.diffusion.quadrature import stencil_symbol
from nlbook.identification.pairs.training_pairs import PairSpectrum
from nlbook.identification.regression.certificates import Optimum
from nlbook.identification.regression.choices import Continuum
from nlbook.identification.regression.gram import GramMatrix, gram_matrix
from nlbook.identification.regression.node_weights import basis_weights
from nlbook.identification.regression.programmes import nonnegative
from nlbook.identification.regression.symbol_bounds import (
    SymbolBound,
    bernstein_symbol,
    legendre_in_bernstein,
    piece_moments,
    restrict,
    symbol_bound,
)
from nlbook.interior_point import WHITENED
from nlbook.kernels import BernsteinKernel

__all__ = [
    "ContinuumFit",
    "continuum_fit",
    "continuum_programme",
    "losses_beyond_grid",
]

Array = NDArray[np.float64]

# Of the margin, what may be lost between the wavenumbers of the constraints.
_ALLOWANCE = 0.25

# Wavenumbers on which the symbol of a grid is held, beyond two in each half-wave.
_SAMPLES = 24

# Wavenumbers with which to begin, and rounds of adding those at which the symbol came out too low.
_FEW, _MOST_ROUNDS = 60, 12

# Bounds of the symbol may be missed by this share: the kernel is certified afterwards.
_MISSED = 1e-6

# Size of the kernel that counts as much as the whole mean square of f: it decides among kernels
# that the data cannot tell apart.
_LARGE = 1e6

# Above this, Bernstein coefficients of Legendre polynomials exceed what rounding allows.
_LARGEST_DEGREE = 30


@dataclass(frozen=True, eq=False)
class ContinuumFit:
    """A certified kernel, and how far it is from the best of its kind."""

    optimum: Optimum  #: coefficients, and the lower bound of what was minimised
    objective: float  #: mean of the losses, units of f squared
    bound: SymbolBound  #: of the symbol over all real wavenumbers


def continuum_fit(
    data: PairSpectrum,
    gram: GramMatrix,
    asked: Continuum | None = None,
    expected: float | None = None,
) -> ContinuumFit:
    """Fit a kernel that is certified for all real wavenumbers.

    Parameters
    ----------
    data : PairSpectrum
        Of periodic pairs.
    gram : GramMatrix
        Of the same data, with alpha = 0; its horizon, degree and rule are used.
    asked : Continuum, optional
        Margins.
    expected : float, optional
        Norm of the residual, if something is known of it: the solver's scale.

    Returns
    -------
    ContinuumFit

    Raises
    ------
    ValueError
        If the margins leave no kernel, alpha is not zero, or the degree is beyond what
        Bernstein coefficients allow.
    """
    asked = asked or Continuum()
    whole, scale, basis = continuum_programme(data, gram, asked)
    second, tail = whole.absolute
    lowest, delta = gram.lowest, gram.horizon
    size = float(np.linalg.norm(gram.target))
    high = (1 + _ALLOWANCE) * asked.margin
    every = whole.rows
    held = np.zeros(len(every), dtype=bool)
    held[:: max(1, len(every) // _FEW)] = True
    programme = replace(
        whole,
        rows=every[held],
        least=np.full(int(held.sum()), high * (1 - _MISSED)),
        absolute=(second,),
    )
    grids = _coarse_grids(gram, asked)
    close = np.vstack([_grid_rows(gram, h, fine=True) @ basis for h in grids])
    attempts = 1

    def within(x: Array) -> Array:
        """Scaled down to fulfil the bound of int |K| r**2, which solvers meet to 1e-8 or so."""
        return x / max(1.0, float(np.sum(np.abs(second.matrix @ x))) / second.level)

    try:
        # few bounds hold with equality: begin with some, and add those that are missed
        for _ in range(_MOST_ROUNDS):
            near = programme.approach(
                lambda x, now=programme: (  # type: ignore[misc]
                    now.loss(within(x)) if now.excess(within(x)) < _MISSED else math.inf
                ),
                # no larger x does as well, for its size alone
                lambda x, now=programme: (  # type: ignore[misc]
                    math.sqrt(now.loss(within(x))) * _LARGE / size
                ),
                asked.solver.name,
                formulations=WHITENED,
                smallest=1e-6 * size,
                expected=expected,
                floor=gram.floor,
                rounding=gram.rounding,
            )
            x, attempts = within(near.solution.x), max(attempts, near.attempts)
            low, lost = close @ x < asked.margin / 2, every @ x < high * (1 - 2 * _MISSED)
            missed = np.concatenate([every[lost & ~held], close[low]])
            wild = len(programme.absolute) == 1 and _missed(tail, x)
            if not len(missed) and not wild:
                break
            held |= lost
            expected = math.sqrt(programme.loss(x))
            rows = np.vstack([programme.rows, missed])
            programme = replace(
                programme,
                rows=rows,
                least=np.full(len(rows), high * (1 - _MISSED)),
                absolute=(second, tail) if wild else programme.absolute,
            )
    except ValueError as error:
        raise ValueError(
            f"margin {asked.margin:g} and limit {asked.limit:g} leave no kernel of degree "
            f"{gram.degree} and horizon {delta:g}: lower the margin or raise the limit"
        ) from error
    coefficients = scale * basis @ x
    bound = symbol_bound(BernsteinKernel(tuple(coefficients.tolist()), delta), lowest)
    if not bound.value > 0:
        raise SolverFailure(
            f"{asked.solver.name} ended at a kernel whose symbol is not proved positive, at least "
            f"{bound.value:.3g}: widen the margin"
        )
    objective = programme.loss(x) + gram.floor
    optimum = Optimum(coefficients, None, near.lower_bound + gram.floor, attempts=attempts)
    return ContinuumFit(optimum, objective, bound)


def continuum_programme(
    data: PairSpectrum, gram: GramMatrix, asked: Continuum
) -> tuple[BoundedLeastSquares, float, Array]:
    """What a continuum fit minimises, and all bounds on it.

    Parameters
    ----------
    data : PairSpectrum
        Of periodic pairs.
    gram : GramMatrix
        Of the same data, with alpha = 0.
    asked : Continuum
        Margins.

    Returns
    -------
    programme : BoundedLeastSquares
        Its absolute bounds are those of int |K| r**2, and of the tail.
    scale : float
        Of x, in units of kernels.
    basis : ndarray, shape (M + 1, M + 1)
        Coefficients of the kernel are scale basis x.

    Raises
    ------
    ValueError
        If alpha is not zero, or the degree too high, or the data ask for no coercive operator.
    """
    if gram.alpha != 0:
        raise ValueError(f"alpha must be 0 for a continuum fit, got {gram.alpha!r}")
    if gram.degree > _LARGEST_DEGREE:
        raise ValueError(
            f"degree must be at most {_LARGEST_DEGREE} for a continuum fit, got {gram.degree!r}"
        )
    first, lowest, delta = gram.first_symbol, gram.lowest, gram.horizon
    if not first > 0:
        raise ValueError(
            f"pairs must ask for a positive symbol at their longest waves, got {first!r}: no "
            f"coercive operator makes f from u"
        )
    basis = legendre_in_bernstein(gram.degree)  # columns, of norm 1 on (0, 1)
    scale = first / lowest**2 / delta**3
    factors = [gram_matrix(data, delta, gram.degree, rule=gram.rule, refinement=n).factor
               for n in asked.refinements]  # fmt: skip
    factors.append(_exact_factor(gram))
    share = 1 / math.sqrt(len(factors))
    size = float(np.linalg.norm(gram.target))
    line, second, tail = _constraints(gram, asked, basis)
    grids = _coarse_grids(gram, asked)
    rows = np.vstack([line, *(_grid_rows(gram, h) @ basis for h in grids)])
    ridge = size / _LARGE * np.eye(gram.degree + 1)
    programme = BoundedLeastSquares(
        matrix=np.vstack([share * scale * np.vstack(factors) @ basis, ridge]),
        target=np.append(np.tile(share * gram.target, len(factors)), np.zeros(len(ridge))),
        rows=rows,
        least=np.full(len(rows), (1 + _ALLOWANCE) * asked.margin),
        absolute=(second, tail),
        start=np.asarray(np.linalg.solve(basis, nonnegative(gram).coefficients / scale)),
    )
    return programme, scale, basis


def _missed(bound: AbsoluteBound, x: Array) -> bool:
    """Whether a bound of absolute values is violated."""
    size = float(np.sum(np.abs(bound.matrix @ x)))
    return size > float(bound.slope @ x) + bound.level


def losses_beyond_grid(
    data: PairSpectrum,
    gram: GramMatrix,
    coefficients: Array,
    refinements: tuple[int, ...] = (1, 2, 4),
) -> tuple[float, ...]:
    """Loss of a kernel on finer grids, and with the exact symbol, for the same functions.

    Parameters
    ----------
    data : PairSpectrum
        Of periodic pairs.
    gram : GramMatrix
        Of the same data; its horizon, degree, alpha and rule are used.
    coefficients : ndarray, shape (M + 1,)
        Of the kernel.
    refinements : tuple of int
        How many times closer the nodes are.

    Returns
    -------
    tuple of float
        One loss for each refinement, then that of the integral itself; units of f squared.
    """
    losses = [
        gram_matrix(
            data, gram.horizon, gram.degree, alpha=gram.alpha, rule=gram.rule, refinement=n
        ).loss(coefficients)
        for n in refinements
    ]
    residual = _exact_factor(gram) @ coefficients - gram.target
    return (*losses, float(residual @ residual) + gram.floor)


def _exact_factor(gram: GramMatrix) -> Array:
    """Factor of the Gram matrix with the symbol of the integral itself."""
    k = gram.wavenumbers
    symbols = bernstein_symbol(gram.horizon, gram.degree, k, gram.alpha)
    return np.asarray((gram.amplitudes * k**2)[:, np.newaxis] * symbols)


def _constraints(
    gram: GramMatrix, asked: Continuum, basis: Array
) -> tuple[Array, AbsoluteBound, AbsoluteBound]:
    """Bounds on p in units of s_1 / k_1**2: rows of symbols, of int |K| r**2, and of the tail."""
    delta, lowest, degree = gram.horizon, gram.lowest, gram.degree
    margin, limit = asked.margin, asked.limit
    spare = _ALLOWANCE * margin
    step = lowest * math.sqrt(4 * spare / limit)
    k_max = max(asked.largest_wavenumber / delta, 3 * lowest)
    k = lowest + step * np.arange(math.ceil((k_max - lowest) / step) + 1)
    k_max = float(k[-1])
    # |K| r**4 is at most delta**2 |K| r**2
    n_low = max(4, math.ceil(lowest * delta * math.sqrt(limit / 48 / spare)))
    k_low = np.linspace(0.0, lowest, n_low + 1)
    low = bernstein_symbol(delta, degree, k_low) / delta**3
    high = bernstein_symbol(delta, degree, k) / delta**3 * (k[:, np.newaxis] / lowest) ** 2
    rows = np.vstack([low, high]) @ basis
    edges = np.linspace(0.0, 1.0, asked.n_pieces + 1)
    pairs = list(zip(edges[:-1], edges[1:], strict=True))
    control = [restrict(basis, a, b) for a, b in pairs]
    moments = [piece_moments(degree, a, b, 2.0)[:, np.newaxis] for a, b in pairs]
    second = np.vstack([m * c for m, c in zip(moments, control, strict=True)])
    varying = np.vstack([np.diff(c, axis=0) for c in control] + [control[-1][-1:]])
    integral = piece_moments(degree, 0.0, 1.0, 0.0) @ basis
    tail = AbsoluteBound(
        2 / (k_max * delta**3 * lowest**2) * varying,
        2 / (delta * lowest) ** 2 * integral,
        -margin,
    )
    return rows, AbsoluteBound(second, np.zeros(degree + 1), limit), tail


def _coarse_grids(gram: GramMatrix, asked: Continuum) -> list[float]:
    """Spacings of the grids whose own symbol is held positive: of the data, and delta/J."""
    cells, most = gram.horizon / gram.spacing, asked.most_cells
    whole = np.arange(math.ceil(cells - 1e-9), most + 1)
    return [gram.spacing, *(gram.horizon / whole).tolist()]


def _grid_rows(gram: GramMatrix, spacing: float, *, fine: bool = False) -> Array:
    """Symbols of the quadrature over k_1**2, of p for each function of the basis, on one grid.

    They are trigonometric polynomials of degree J in k h, sampled twice in each half-wave and
    more; or finely, to see whether that was enough.
    """
    weights = basis_weights(gram.horizon, gram.degree, spacing, rule=gram.rule)
    n = len(weights)
    n_samples = 16 * n + 200 if fine else 2 * n + _SAMPLES
    angle = np.linspace(min(gram.lowest * spacing, np.pi), np.pi, n_samples)
    return np.asarray(stencil_symbol(weights, angle) / (gram.horizon**3 * gram.lowest**2))
