"""The loss and the conditions of solvability on one grid with their slopes, for Adam.

Unknowns are the paper's: lambda, mu, D and alpha, with the kernel (r/delta)**-alpha sum D_m B_m
over its weighted volume. The slopes are written out: a graph of some forty small operations, which
automatic differentiation records anew at each step, takes about ten times as long as their sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlbook.kernels import bernstein_basis
from nlbook.peridynamics.learning.sample_spectra import SampleSpectrum
from nlbook.peridynamics.quadrature import lattice_quadrature, orbits
from nlbook.peridynamics.symbols import sums_over_ball

__all__ = ["GridTerms"]

Array = NDArray[np.float64]

# Dilatations whose g is less than this share of the largest are the zeros that H2 leaves out.
_NO_DILATATION = 1e-9


class GridTerms:
    """Data and symbols of one grid, by orbits of the ball: (i, j), (-i, j), (i, -j), (-i, -j).

    Parameters
    ----------
    one : SampleSpectrum
        What the samples of the grid ask of a symbol.
    horizon : float
        delta on the nominal spacing, length.
    degree : int
        Of the Bernstein polynomials.
    unit : float
        The stiffness in which moduli are counted.
    """

    def __init__(self, one: SampleSpectrum, horizon: float, degree: int, unit: float) -> None:
        ball = lattice_quadrature(one.grid.spacing, horizon)
        which = orbits(ball.steps)
        members = ball.weights[:, np.newaxis] * np.eye(which.max() + 1)[which]
        gamma, g = sums_over_ball(one.grid.wavevectors[1:], ball.offsets, members)
        three = np.stack([gamma[:, :, i, j] for i, j in ((0, 0), (0, 1), (1, 1))], axis=1)
        first = [int(np.flatnonzero(which == n)[0]) for n in range(which.max() + 1)]
        t = ball.distances[first] / ball.kernel_horizon
        triangles = one.triangles[1:]
        self._bernstein = bernstein_basis(degree, t)
        self._log = np.log(t)
        self._volumes = ball.distances**2 @ members
        self._gamma = np.ascontiguousarray(np.swapaxes(three, 0, 1))  # 11, 12, 22: (3, n, shells)
        self._g = np.ascontiguousarray(np.moveaxis(g, 2, 0))  # (2, n, shells)
        self._bonds = unit * (triangles @ three).reshape(-1, three.shape[2])
        self._triangles = unit * triangles
        self._targets = one.targets[1:].reshape(-1)
        self._rest = one.rest
        size = np.abs(g).sum(axis=(1, 2))
        self._dilates = np.flatnonzero(size > _NO_DILATATION * size.max())

    def volume(self, d: Array, alpha: float) -> float:
        """Weighted volume of the kernel before it is divided by it."""
        return float(self._volumes @ ((self._bernstein @ d) * np.exp(-alpha * self._log)))

    def loss(self, moduli: Array, d: Array, alpha: float) -> tuple[float, Array]:
        """Sum of squares of relative residuals, and its slopes in lambda, mu, D and alpha.

        Parameters
        ----------
        moduli : ndarray of shape (2,)
            Lambda and mu.
        d : ndarray of shape (degree + 1,)
            Coefficients of the polynomials.
        alpha : float
            Exponent.

        Returns
        -------
        loss : float
        slopes : ndarray of shape (degree + 4,)
        """
        kernel, raw, decay, volume = self._kernel(d, alpha)
        g1, g2 = self._g[0] @ kernel, self._g[1] @ kernel
        squares = np.stack([g1 * g1, g1 * g2, g2 * g2], axis=1)
        dilatation = np.matmul(self._triangles, squares[..., np.newaxis]).reshape(-1)
        bonds = self._bonds @ kernel
        excess = moduli[0] - moduli[1]
        residual = moduli[1] * bonds + excess * dilatation - self._targets
        twice = 2 * residual
        by_dilatation = twice @ dilatation
        rows = twice.reshape(self._triangles.shape[:2])[:, np.newaxis]
        q11, q12, q22 = (excess * np.matmul(rows, self._triangles)[:, 0]).T
        by_kernel = (
            moduli[1] * (twice @ self._bonds)
            + (2 * g1 * q11 + g2 * q12) @ self._g[0]
            + (g1 * q12 + 2 * g2 * q22) @ self._g[1]
        )
        by_unknowns = self._pull(by_kernel, kernel, raw, decay, volume)
        of_moduli = (by_dilatation, twice @ bonds - by_dilatation)
        return float(residual @ residual) + self._rest, np.concatenate([of_moduli, by_unknowns])

    def rooms(self, d: Array, alpha: float) -> tuple[Array, Array]:
        """Least eigenvalues of Gamma, of Phi Gamma^+ Phi^T and of Gamma - 2 Phi^T Phi.

        Parameters
        ----------
        d : ndarray of shape (degree + 1,)
            Coefficients of the polynomials.
        alpha : float
            Exponent.

        Returns
        -------
        rooms : ndarray of shape (3,)
            For a shear modulus of one.
        slopes : ndarray of shape (3, degree + 2)
            In D and alpha; where several waves have the least, those of one of them.
        """
        kernel, raw, decay, volume = self._kernel(d, alpha)
        b11, b12, b22 = (one @ kernel for one in self._gamma)
        g1, g2 = self._g[0] @ kernel, self._g[1] @ kernel
        values, slopes = np.empty(3), np.empty((3, d.size + 1))

        values[0], n, on_b = _least(b11, b12, b22)
        slopes[0] = self._pull(on_b @ self._gamma[:, n], kernel, raw, decay, volume)

        there = self._dilates
        determinant = b11[there] * b22[there] - b12[there] ** 2
        of_g = b22 * g1 * g1 - 2 * b12 * g1 * g2 + b11 * g2 * g2
        inf_sup = of_g[there] / determinant
        least = int(np.argmin(inf_sup))
        n, values[1] = int(there[least]), inf_sup[least]
        on_b = np.array([
            g2[n] ** 2 - values[1] * b22[n],
            2 * (values[1] * b12[n] - g1[n] * g2[n]),
            g1[n] ** 2 - values[1] * b11[n],
        ])  # fmt: skip
        on_g = 2 * np.array([b22[n] * g1[n] - b12[n] * g2[n], b11[n] * g2[n] - b12[n] * g1[n]])
        by_kernel = (on_b @ self._gamma[:, n] + on_g @ self._g[:, n]) / determinant[least]
        slopes[1] = self._pull(by_kernel, kernel, raw, decay, volume)

        values[2], n, on_b = _least(b11 - 2 * g1 * g1, b12 - 2 * g1 * g2, b22 - 2 * g2 * g2)
        on_g = -2 * np.array(
            [2 * g1[n] * on_b[0] + g2[n] * on_b[1], g1[n] * on_b[1] + 2 * g2[n] * on_b[2]]
        )
        by_kernel = on_b @ self._gamma[:, n] + on_g @ self._g[:, n]
        slopes[2] = self._pull(by_kernel, kernel, raw, decay, volume)
        return values, slopes

    def _kernel(self, d: Array, alpha: float) -> tuple[Array, Array, Array, float]:
        """The kernel over its weighted volume, and what its slopes need."""
        decay = np.exp(-alpha * self._log)
        raw = (self._bernstein @ d) * decay
        volume = float(self._volumes @ raw)
        return raw / volume, raw, decay, volume

    def _pull(
        self, by_kernel: Array, kernel: Array, raw: Array, decay: Array, volume: float
    ) -> Array:
        """Slopes in D and alpha from those in the kernel over its volume."""
        by_raw = (by_kernel - self._volumes * (by_kernel @ kernel)) / volume
        return np.append((by_raw * decay) @ self._bernstein, -(by_raw * raw) @ self._log)


def _least(b11: Array, b12: Array, b22: Array) -> tuple[float, int, Array]:
    """Least eigenvalue of symmetric 2x2 matrices, of which one, and its slopes in b11, b12, b22."""
    half = (b11 - b22) / 2
    root = np.hypot(half, b12)
    values = (b11 + b22) / 2 - root
    n = int(np.argmin(values))
    if root[n] == 0.0:  # a multiple of the identity: no slope of the root
        return float(values[n]), n, np.array([0.5, 0.0, 0.5])
    lean = half[n] / root[n]
    return float(values[n]), n, np.array([(1 - lean) / 2, -b12[n] / root[n], (1 + lean) / 2])
