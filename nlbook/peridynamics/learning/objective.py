"""The loss of a peridynamic solid and its conditions of solvability, as functions of few unknowns.

With a = mu D/m(delta) the symbol is Gamma(a) + rho g(a) g(a)^T/mu(a), rho = (lambda - mu)/mu, and
Gamma, g and mu are linear in a. On a second grid m(delta) is another sum, nu(a) in place of mu(a),
and the symbol of the same kernel and moduli there is

    L = (mu/nu) (Gamma + rho g g^T/nu).

The conditions Gamma >= coercivity nu q I and Gamma - 2 g g^T/nu >= reserve nu q I are linear matrix
inequalities in a, the second by Schur's complement:

    [ Gamma - reserve nu q I   sqrt2 g ]
    [ sqrt2 g^T                nu      ]  >= 0.

With rho >= -2 it follows that L >= 0. Only what symbols see of a can be learned: the unknowns y are
coordinates in which the symbols at all wavevectors together are orthonormal, a = T y. So they are
of order one whatever the units, and a direction that no symbol sees is left out, not amplified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.interior_point import MatrixBound
from nlbook.peridynamics.blocks import least_eigenvalue, squares_of_nodes
from nlbook.peridynamics.learning.choices import ExactIntegrals, QuadratureChoice, Solvable
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum
from nlbook.peridynamics.symbols import SymbolBasis, symbol_basis

__all__ = ["Objective", "StabilitySet", "objective_of"]

Array = NDArray[np.float64]

# Directions of a that symbols see this much less than the best seen are left out as rounding.
_SEEN = 1e-9

# By how much of mu q the conditions are tightened, so that what rounding and a solver's tolerance
# leave of them still holds exactly.
TIGHTENED = 1e-7


@dataclass(frozen=True, eq=False)
class GridTerm:
    """Samples of one grid and the symbols of the basis there."""

    triangles: Array  #: R (n_k, 3, 3)
    targets: Array  #: t (n_k, 3)
    gamma: Array  #: 11, 12 and 22 of Gamma (n_k, 3, n), for each unknown
    g: Array  #: (n_k, 2, n)
    volume: Array  #: nu = volume . y (n,)
    mixed: Array  #: 1, and 0 where symbols are diagonal: `PeriodicGrid.folded` (n_k,)

    def squares(self, g: Array) -> Array:
        """11, 12 and 22 of g g^T, (n_k, 3)."""
        squares = _square(g, g)
        squares[:, 1] *= self.mixed
        return squares

    def symbols(self, y: Array, rho: float, mu: float) -> Array:
        """L_11, L_12, L_22 at each wavevector, (n_k, 3)."""
        g, nu = self.g @ y, float(self.volume @ y)
        return np.asarray((self.gamma @ y + rho / nu * self.squares(g)) * (mu / nu))

    def jacobian(self, y: Array, rho: float, mu: float, mu_row: Array) -> tuple[Array, Array]:
        """Symbols (n_k, 3) and their derivatives by y and rho (n_k, 3, n + 1)."""
        g, nu = self.g @ y, float(self.volume @ y)
        squares, share = self.squares(g), mu / nu
        bonds = self.gamma @ y + rho / nu * squares
        out = np.empty((*bonds.shape, y.size + 1))
        out[..., :-1] = self.gamma
        g1, g2 = g[:, :1], g[:, 1:]
        slopes1, slopes2 = self.g[:, 0], self.g[:, 1]
        factor = 2 * rho / nu
        out[:, 0, :-1] += factor * g1 * slopes1
        out[:, 1, :-1] += factor / 2 * self.mixed[:, np.newaxis] * (g1 * slopes2 + g2 * slopes1)
        out[:, 2, :-1] += factor * g2 * slopes2
        out[..., :-1] -= (rho / nu**2) * squares[..., np.newaxis] * self.volume
        out[..., :-1] *= share
        out[..., :-1] += bonds[..., np.newaxis] * (mu_row - share * self.volume) / nu
        out[..., -1] = share / nu * squares
        return share * bonds, out


@dataclass(frozen=True, eq=False)
class StabilitySet:
    """Wavevectors at which the conditions are asked for; Gamma over q and g over its root."""

    gamma: Array  #: 11, 12 and 22 (n_c, 3, n)
    g: Array  #: (n_c, 2, n)
    volume: Array  #: of the grid that each belongs to (n_c, n)
    coercivity: float  #: least eigenvalue of Gamma over nu q
    reserve: float  #: least eigenvalue of Gamma - 2 g g^T/nu over nu q
    volume_rows: Array  #: r with r.y >= 0, which keep the volumes on several grids alike (k, n)

    def margins(self, y: Array) -> tuple[Array, Array]:
        """Least eigenvalues of both conditions over nu q, less what is asked of them, (n_c,)."""
        nu = self.volume @ y
        if not np.all(nu > 0):
            none = np.full(nu.shape, -np.inf)
            return none, none
        bonds, g = (self.gamma @ y) / nu[:, np.newaxis], (self.g @ y) / nu[:, np.newaxis]
        coercive, schur = (least_eigenvalue(*part.T) for part in (bonds, bonds - 2 * _square(g, g)))
        return coercive - self.coercivity, schur - self.reserve

    def bounds(self, chosen: NDArray[np.intp], inner: Array, origin: Array) -> list[MatrixBound]:
        """Both conditions at some wavevectors, for unknowns w with y = origin + inner w."""
        if not chosen.size:
            return []
        gamma = np.concatenate(
            [self.gamma[chosen] @ inner, self.gamma[chosen] @ origin[:, None]], 2
        )
        g = np.sqrt(2) * np.concatenate(
            [self.g[chosen] @ inner, self.g[chosen] @ origin[:, None]], 2
        )
        nu = np.column_stack([self.volume[chosen] @ inner, self.volume[chosen] @ origin])
        one = np.eye(2)[..., np.newaxis] * nu[:, np.newaxis, np.newaxis]
        bonds = gamma[:, [[0, 1], [1, 2]]]
        coercive = bonds - (self.coercivity + TIGHTENED) * one
        schur = np.zeros((len(chosen), 3, 3, nu.shape[1]))
        schur[:, :2, :2] = bonds - (self.reserve + TIGHTENED) * one
        schur[:, :2, 2] = schur[:, 2, :2] = g
        schur[:, 2, 2] = nu
        return [MatrixBound(both[..., :-1], both[..., -1]) for both in (coercive, schur)]


@dataclass(frozen=True, eq=False)
class Objective:
    """Mean square relative residual of all samples, in unknowns x = (y, rho)."""

    terms: tuple[GridTerm, ...]  #: one a grid
    mu_row: Array  #: mu = mu_row . y (n,)
    turn: Array  #: T (M + 1, n): a = T y
    unknowns: Array  #: (n, M + 1), from a to the y with the same symbols
    rest: float  #: mean square relative residual that no symbol removes
    stability: StabilitySet  #: where the conditions of solvability are asked for
    bases: tuple[SymbolBasis, ...]  #: on each grid, at its own wavevectors
    long_waves: Array  #: A, B, C of Gamma and G1, G2 of g as k -> 0 on the first grid (5, n)
    stiffness: float  #: of the data, a modulus

    @property
    def n_unknowns(self) -> int:
        """Number of y and rho."""
        return int(self.mu_row.size) + 1

    def loss(self, x: Array) -> float:
        """The square of E_Res."""
        y, rho = x[:-1], float(x[-1])
        mu = float(self.mu_row @ y)
        total = self.rest
        for term in self.terms:
            total += float(np.sum(_residual(term, term.symbols(y, rho, mu)) ** 2))
        return total

    def residual(self, x: Array) -> tuple[Array, Array]:
        """Residuals, whose squares and `rest` are the loss, (rows,), and their jacobian."""
        y, rho = x[:-1], float(x[-1])
        mu = float(self.mu_row @ y)
        parts = []
        for term in self.terms:
            symbols, slopes = term.jacobian(y, rho, mu, self.mu_row)
            parts.append((_residual(term, symbols).ravel(), (term.triangles @ slopes)))
        both = [np.concatenate([p[0] for p in parts])]
        both.append(np.concatenate([p[1].reshape(-1, x.size) for p in parts]))
        return both[0], both[1]

    def gradient(self, x: Array) -> tuple[float, Array]:
        """Loss and its gradient (n + 1,)."""
        residual, jacobian = self.residual(x)
        return float(residual @ residual) + self.rest, 2 * residual @ jacobian

    def feasible(self, x: Array) -> bool:
        """Whether all conditions hold, to the last digit."""
        coercive, schur = self.stability.margins(x[:-1])
        alike = np.min(self.stability.volume_rows @ x[:-1], initial=0.0) >= 0
        return bool(x[-1] >= -2 and coercive.min() >= 0 and schur.min() >= 0 and alike)


def objective_of(
    spectra: Sequence[SampleSpectrum],
    horizon: float,
    degree: int,
    alpha: float,
    quadrature: QuadratureChoice,
    condition: Solvable,
    *,
    whole: bool = False,
) -> Objective:
    """Symbols of the basis at the wavevectors of the data and of the conditions.

    Parameters
    ----------
    spectra : sequence of SampleSpectrum
        Data, one a grid.
    horizon : float
        delta on the nominal spacing, length.
    degree : int
        M.
    alpha : float
        Exponent of 1/r**alpha.
    quadrature : GridQuadrature or ExactIntegrals
        What the integrals are.
    condition : Solvable
        How finely the conditions are asked for.
    whole : bool
        Keep each coefficient as an unknown, scaled only, also where symbols don't see them apart.
    """
    kind = "continuum" if isinstance(quadrature, ExactIntegrals) else "grid"
    bases = tuple(
        symbol_basis(one.grid, horizon, degree, alpha, quadrature=kind) for one in spectra
    )
    reach = bases[0].kernel_horizon
    for other in bases[1:]:
        if abs(other.kernel_horizon / reach - 1) > 1e-9:
            raise ValueError(
                f"grids must stretch the horizon alike, got kernels that end at {reach:.6g} and "
                f"{other.kernel_horizon:.6g}: one box, nodes closer by whole numbers"
            )
    found = []
    for one in spectra[:1] if kind == "continuum" else spectra:
        k = _conditions(one, reach, quadrature, condition)
        q = squares_of_nodes(k, one.grid.nominal_spacing)
        fine = symbol_basis(one.grid, horizon, degree, alpha, quadrature=kind, wavevectors=k)
        found.append(
            (_three(fine) / q[:, None, None], _two(fine) / np.sqrt(q)[:, None, None], fine)
        )
    stacked = np.concatenate(
        [
            np.concatenate([(gamma * [[1], [np.sqrt(2)], [1]]).reshape(-1, degree + 1)
                            for gamma, _, _ in found]),
            np.concatenate([g.reshape(-1, degree + 1) for _, g, _ in found]),
            np.stack([fine.mu_row for _, _, fine in found]),
        ]
    )  # fmt: skip
    norms = np.linalg.norm(stacked, axis=0)
    _, singular, right = np.linalg.svd(np.linalg.qr(stacked / norms, mode="r"), full_matrices=False)
    seen = singular > _SEEN * singular[0]
    stiffness = max(one.stiffness for one in spectra)
    size = np.sqrt(len(stacked)) * stiffness
    turn = size * (right[seen] / singular[seen, None]).T / norms[:, None]
    unknowns = singular[seen, None] * right[seen] * norms / size
    if whole:
        turn, unknowns = size * np.diag(1 / norms), np.diag(norms) / size
    terms = tuple(
        GridTerm(
            one.triangles[1:], one.targets[1:],
            (_three(basis) @ turn)[1:], (_two(basis) @ turn)[1:], basis.mu_row @ turn,
            np.where(basis.folded[1:], 0.0, 1.0),
        )
        for one, basis in zip(spectra, bases, strict=True)
    )  # fmt: skip
    mu_row = terms[0].volume
    volume_rows = [
        row
        for term in terms[1:]
        for row in (
            condition.volume_ratio * mu_row - term.volume,
            condition.volume_ratio * term.volume - mu_row,
        )
    ]
    stability = StabilitySet(
        np.concatenate([gamma @ turn for gamma, _, _ in found]),
        np.concatenate([g @ turn for _, g, _ in found]),
        np.concatenate([np.tile(fine.mu_row @ turn, (len(g), 1)) for _, g, fine in found]),
        condition.coercivity,
        condition.reserve,
        np.reshape(volume_rows if kind == "grid" else [], (-1, mu_row.size)),
    )
    return Objective(
        terms, mu_row, turn, unknowns, sum(one.rest for one in spectra), stability, bases,
        _long_waves(spectra[0], horizon, degree, alpha, kind) @ turn, stiffness,
    )  # fmt: skip


def _conditions(
    one: SampleSpectrum, reach: float, quadrature: QuadratureChoice, condition: Solvable
) -> Array:
    """Wavevectors of the conditions: a quarter of the grid's, finer; or a line of wavenumbers."""
    if isinstance(quadrature, ExactIntegrals):
        line = np.linspace(0, quadrature.largest_wavenumber / reach, quadrature.n_wavenumbers + 1)
        return np.column_stack([line[1:], np.zeros(line.size - 1)])
    axes = []
    for n, h in zip(one.grid.shape, one.grid.spacing, strict=True):
        steps = np.arange(n * condition.refinement // 2 + 1)
        axis = 2 * np.pi * steps / (n * h * condition.refinement)
        axes.append(np.unique(np.append(axis, np.pi / h)))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)[1:]


def _long_waves(one: SampleSpectrum, horizon: float, degree: int, alpha: float, kind: str) -> Array:
    """Rows A, B, C, G1, G2: as k -> 0, Gamma = (A k1**2 + B k2**2, 2 B k1 k2, ...), g = G k."""
    k = 1e-6 / horizon  # relative errors are (k delta)**2
    near = symbol_basis(
        one.grid, horizon, degree, alpha, quadrature=kind, wavevectors=np.diag([k, k])
    )
    gamma, g = _three(near) / k**2, _two(near) / k
    return np.stack([gamma[0, 0], (gamma[0, 2] + gamma[1, 0]) / 2, gamma[1, 2], g[0, 0], g[1, 1]])


def _three(basis: SymbolBasis) -> Array:
    """11, 12 and 22 of Gamma, (n_k, 3, M + 1)."""
    return np.stack([basis.gamma[:, :, i, j] for i, j in ((0, 0), (0, 1), (1, 1))], axis=1)


def _two(basis: SymbolBasis) -> Array:
    return np.ascontiguousarray(np.swapaxes(basis.g, 1, 2))


def _square(g: Array, h: Array) -> Array:
    """11, 12 and 22 of the symmetric part of g h^T."""
    mixed = (g[:, 0] * h[:, 1] + g[:, 1] * h[:, 0]) / 2
    return np.stack([g[:, 0] * h[:, 0], mixed, g[:, 1] * h[:, 1]], axis=1)


def _residual(term: GridTerm, symbols: Array) -> Array:
    return np.asarray((term.triangles @ symbols[..., np.newaxis])[..., 0] - term.targets)
