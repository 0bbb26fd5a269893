"""Symbols of a linear peridynamic solid: one 2x2 matrix a wavevector, and its parts.

With influence function K = sum_m D_m B_m(r/delta)/r**alpha, weighted volume m = sum W K |xi|**2 and
a = mu D/m, the operator (see `nlbook.peridynamics.solid`) has at wavevector k the symbol

    L(k) = Gamma(a) + kappa g(a) g(a)^T,     kappa = (lambda - mu)/mu**2,
    Gamma = 16 sum c (1 - cos k.xi) xi xi^T/|xi|**2,    g = 2 sum c sin(k.xi) xi,   c = W K(a),

both linear in a, and mu = sum c |xi|**2 is so too. There is no division by m, which can vanish for
a kernel that changes sign, and no scale of D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.kernels import BernsteinKernel, bernstein_basis
from nlbook.peridynamics.blocks import joined, unmixed
from nlbook.peridynamics.continuum import continuum_basis
from nlbook.peridynamics.grids import PeriodicGrid
from nlbook.peridynamics.quadrature import lattice_quadrature

__all__ = ["SymbolBasis", "symbol_basis"]

Quadrature = str  # "grid" or "continuum"
# Alpha at which the quadrature of a grid, and the integrals of the continuum, cease to exist.
LIMIT_OF_ALPHA = {"grid": 3.0, "continuum": 4.0}
# Wavevectors taken at a time: a block of cosines of 8 MB for a ball of a thousand nodes.
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class SymbolBasis:
    """Symbols of the basis functions B_m(r/delta)/r**alpha at a set of wavevectors."""

    wavevectors: NDArray[np.float64]  #: (n_k, 2), 1/length
    multiplicities: NDArray[np.int64]  #: (n_k,), how many of the grid's each stands for
    gamma: NDArray[np.float64]  #: (n_k, M + 1, 2, 2), of the bonds
    g: NDArray[np.float64]  #: (n_k, M + 1, 2), of the dilatation
    mu_row: NDArray[np.float64]  #: (M + 1,), m(delta) = mu_row . D and mu = mu_row . a
    kernel_horizon: float  #: of the basis functions; on a stretched grid more than asked for
    alpha: float  #: exponent of their factor 1/r**alpha
    quadrature: str  #: "grid" or "continuum"
    folded: NDArray[np.bool_]  #: (n_k,), where symbols are diagonal: see `PeriodicGrid.folded`

    @property
    def degree(self) -> int:
        """Degree M of the Bernstein polynomials."""
        return len(self.mu_row) - 1

    def symbol(self, a: ArrayLike, kappa: float) -> NDArray[np.float64]:
        """L = Gamma(a) + kappa g(a) g(a)^T.

        Parameters
        ----------
        a : array_like, shape (M + 1,)
            mu D/m(delta).
        kappa : float
            (lambda - mu)/mu**2.

        Returns
        -------
        ndarray, shape (n_k, 2, 2)
            Modulus over length squared, symmetric.
        """
        factor = check_number("kappa", kappa)
        gamma, g = self.parts(a)
        return unmixed(joined(gamma, g, factor), self.folded)

    def parts(self, a: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gamma(a), shape (n_k, 2, 2), and g(a), shape (n_k, 2)."""
        values = real_array("a", a, ndim=1)
        if values.shape != self.mu_row.shape:
            raise ValueError(f"a must hold {len(self.mu_row)} numbers, got {len(values)}")
        gamma = np.einsum("kmij,m->kij", self.gamma, values)
        return gamma, np.einsum("kmi,m->ki", self.g, values)

    def kernel(self, a: ArrayLike) -> BernsteinKernel:
        """Influence function with coefficients D = a, so that its m(delta) is mu."""
        values = real_array("a", a, ndim=1)
        return BernsteinKernel(tuple(values.tolist()), self.kernel_horizon, self.alpha)


def symbol_basis(
    grid: PeriodicGrid,
    horizon: float,
    degree: int,
    alpha: float,
    *,
    quadrature: Quadrature = "grid",
    wavevectors: ArrayLike | None = None,
) -> SymbolBasis:
    """Symbols of the Bernstein basis on a periodic grid.

    Parameters
    ----------
    grid : PeriodicGrid
        Its spacings give the ball, its box the wavevectors.
    horizon : float
        delta on the nominal spacing sqrt(h1 h2), length; the basis functions' own is larger by
        `grid.stretch`.
    degree : int
        M of the Bernstein polynomials.
    alpha : float
        Below 3, for "continuum" below 4.
    quadrature : "grid" or "continuum"
        Least-norm weights of the grid's nodes, or exact integrals.
    wavevectors : array_like, shape (n_k, 2), optional
        1/length, in place of the grid's own, and of the plane: none of them counts as folded.

    Returns
    -------
    SymbolBasis

    Raises
    ------
    ValueError
        If the horizon is below two spacings or alpha too large for the quadrature.
    """
    if not isinstance(grid, PeriodicGrid):
        raise ValueError(f"grid must be a PeriodicGrid, got {grid!r}")
    check_choice("quadrature", quadrature, LIMIT_OF_ALPHA)
    check_integer("degree", degree, 0)
    alpha = check_number("alpha", alpha, below=LIMIT_OF_ALPHA[quadrature])
    horizon = check_number("horizon", horizon, above=0)
    if wavevectors is None:
        k, multiplicities, folded = grid.wavevectors, grid.multiplicities, grid.folded
    else:
        k = real_array("wavevectors", wavevectors, ndim=2)
        if k.shape[1] != 2:
            raise ValueError(f"wavevectors must have shape (n, 2), got {k.shape}")
        multiplicities, folded = np.ones(len(k), dtype=np.int64), np.zeros(len(k), dtype=bool)
    if quadrature == "continuum":
        reach = horizon * grid.stretch
        with np.errstate(over="ignore", invalid="ignore"):
            gamma, g, mu_row = continuum_basis(k, reach, degree, alpha)
        _check_finite(mu_row, degree, alpha)
    else:
        ball = lattice_quadrature(grid.spacing, horizon)
        reach, r = ball.kernel_horizon, ball.distances
        with np.errstate(over="ignore", invalid="ignore"):
            basis = bernstein_basis(degree, r / reach) * r[:, np.newaxis] ** -alpha
        _check_finite(basis, degree, alpha)
        c = ball.weights[:, np.newaxis] * basis
        gamma, g = sums_over_ball(k, ball.offsets, c)
        mu_row = r**2 @ c
    gamma = unmixed(gamma, folded)
    return SymbolBasis(k, multiplicities, gamma, g, mu_row, reach, alpha, quadrature, folded)


def _check_finite(values: NDArray[np.float64], degree: int, alpha: float) -> None:
    if not np.all(np.isfinite(values)):
        raise ValueError(
            f"degree must be lower, or alpha closer to zero, for values in float64, got "
            f"{degree!r} and {alpha!r}"
        )


def sums_over_ball(
    wavevectors: NDArray[np.float64], offsets: NDArray[np.float64], c: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """16 sum c (1 - cos k.xi) xi xi^T/|xi|**2 and 2 sum c sin(k.xi) xi, for columns of c.

    Parameters
    ----------
    wavevectors : ndarray, shape (n_k, 2)
    offsets : ndarray, shape (n, 2)
        xi; with each also -xi.
    c : ndarray, shape (n, n_c)

    Returns
    -------
    gamma : ndarray, shape (n_k, n_c, 2, 2)
    g : ndarray, shape (n_k, n_c, 2)
    """
    # xi and -xi give the same: half of the ball, twice
    half = (offsets[:, 0] > 0) | ((offsets[:, 0] == 0) & (offsets[:, 1] > 0))
    xi, twice = offsets[half], 2 * c[half]
    x, y = xi.T
    square = x**2 + y**2
    columns = np.stack([x * x / square, x * y / square, y * y / square, x, y], axis=1)
    products = columns[:, :, np.newaxis] * twice[:, np.newaxis, :]  # (n, 5, n_c)
    n_k, n_c = len(wavevectors), c.shape[1]
    even = products[:, :3].reshape(len(xi), -1)
    odd = products[:, 3:].reshape(len(xi), -1)
    bonds, dilatation = np.empty((n_k, 3, n_c)), np.empty((n_k, 2, n_c))
    for start in range(0, n_k, _BLOCK):
        part = slice(start, start + _BLOCK)
        half_phase = (wavevectors[part] @ xi.T) / 2
        sine = np.sin(half_phase)
        bonds[part] = (32 * sine**2 @ even).reshape(-1, 3, n_c)  # 1 - cos, without cancellation
        sine *= np.cos(half_phase)
        dilatation[part] = (4 * sine @ odd).reshape(-1, 2, n_c)
    gamma = bonds[:, [[0, 1], [1, 2]]]  # (n_k, 2, 2, n_c)
    return np.moveaxis(gamma, 3, 1), np.moveaxis(dilatation, 2, 1)
