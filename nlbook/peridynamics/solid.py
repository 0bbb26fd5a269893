"""A linear peridynamic solid of the plane: the operator, its matrix, its symbol, its equilibria.

With an influence function K(r) of horizon delta, the operator acts as::

    L u(x) = - 2 (lambda - mu)/m sum over y of W K(|xi|) xi (theta(x) + theta(y))
             - 16 mu/m sum over y of W K(|xi|) xi xi^T/|xi|**2 (u(y) - u(x)),
    theta(x) = 2/m sum over y of W K(|xi|) xi . (u(y) - u(x)),
    m = sum over y of W K(|xi|) |xi|**2,

xi = y - x, y the nodes of the ball of x and W their quadrature weights [1]_. L u = b with b the
load on the body. The factor 2 makes the two uses of the dilatation theta adjoint; with 16 a slowly
varying u sees::

    L u -> -(mu laplace u + (lambda + mu) grad div u),

plane stress if E = 2 mu (1 + nu) and nu = lambda/(lambda + 2 mu). L of a periodic grid is symmetric
and not negative where the kernel is not.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, sparse
from scipy.sparse import linalg

from nlbook.checks import check_choice, check_number, real_array
from nlbook.kernels import RadialKernel, check_kernel
from nlbook.peridynamics.assembly import assemble
from nlbook.peridynamics.blocks import joined
from nlbook.peridynamics.bonds import Bonds, find_bonds, nominal_horizon
from nlbook.peridynamics.coefficients import (
    SolidQuadrature,
    bond_coefficients,
    lattice_coefficients,
)
from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.quadrature import LatticeQuadrature, lattice_quadrature
from nlbook.peridynamics.symbols import sums_over_ball

__all__ = ["LinearPeridynamicSolid", "check_solid"]

# An eigenvalue smaller than this, relative to the largest, is rounding.
_VANISHING = 1e-12
# The mean of a load, relative to its root mean square, that counts as a net force.
_NET = 1e-8


@dataclass(frozen=True, eq=False)
class LinearPeridynamicSolid:
    """The operator L of the module on a periodic grid or a set of points.

    Examples
    --------
    >>> from nlbook.kernels import PowerLawKernel
    >>> grid = PeriodicGrid((20, 20), (5.0, 5.0))
    >>> solid = LinearPeridynamicSolid(PowerLawKernel(1.0, 12.5), 0.1010, 0.4545, grid)
    >>> x1 = grid.nodes[..., 0]
    >>> wave = np.stack([np.cos(2 * np.pi * x1 / 100), np.zeros_like(x1)], axis=-1)
    >>> float(solid.apply(wave)[0, 0, 0])  # close to (lambda + 2 mu) k**2 = 0.003987
    0.0039...
    """

    kernel: RadialKernel  #: influence function K; only its shape matters, not its scale
    lame_lambda: float  #: lambda, modulus
    shear_modulus: float  #: mu, modulus, positive
    grid: PeriodicGrid | PointSet  #: where it lives; a kernel's horizon, see `lattice_quadrature`
    quadrature: SolidQuadrature = "least norm"  #: or "moments", see `peridynamics.coefficients`

    def __post_init__(self) -> None:
        check_kernel(self.kernel)
        check_number("horizon", self.kernel.horizon, above=0)
        # in double precision, whatever the type of what is given
        for name, above in (("lame_lambda", None), ("shear_modulus", 0)):
            value = check_number(name, getattr(self, name), above=above)
            object.__setattr__(self, name, value)
        if not isinstance(self.grid, (PeriodicGrid, PointSet)):
            raise ValueError(f"grid must be a PeriodicGrid or a PointSet, got {self.grid!r}")
        check_choice("quadrature", self.quadrature, ("least norm", "moments"))
        if self.quadrature == "moments" and self.grid.spacing is None:
            raise ValueError("quadrature must be 'least norm' on scattered points, got 'moments'")
        self.kernel.radial_integral(self.kernel.horizon, 2.0)  # refuses alpha from 3 on
        if self.grid.spacing is not None:
            _ = self._lattice_coefficients
        else:
            _ = self._bond_coefficients

    @property
    def horizon(self) -> float:
        """As asked for on this grid: the kernel's own, less the stretch of the grid."""
        return nominal_horizon(self.kernel.horizon, self.grid)

    @property
    def youngs_modulus(self) -> float:
        """E = 2 mu (1 + nu) of the given moduli."""
        return 2 * self.shear_modulus * (1 + self.poisson_ratio)

    @property
    def poisson_ratio(self) -> float:
        """Plane-stress ratio nu = lambda/(lambda + 2 mu) of the given moduli."""
        return self.lame_lambda / (self.lame_lambda + 2 * self.shear_modulus)

    @property
    def n_cut(self) -> int:
        """Nodes of a lattice whose ball lacks points, so that their weights are their own."""
        return self._bonds.n_cut

    def apply(self, displacement: ArrayLike) -> NDArray[np.float64]:
        """L u.

        Parameters
        ----------
        displacement : array_like, shape (..., n1, n2, 2) or (..., n, 2)
            u at all nodes, length.

        Returns
        -------
        ndarray, of the same shape
            Modulus over length; zero at points that are not inside.

        Raises
        ------
        ValueError
            If the shape is not that of the grid, or a value is not finite.
        """
        u = self.grid.fields("displacement", displacement)
        if isinstance(self.grid, PeriodicGrid):
            return self._multiply(u, self._own_symbol)
        flat = u.reshape(-1, 2 * self.grid.n_nodes).T
        bonds, spread, dilatation = self._factors
        out = np.zeros_like(flat)
        out[self._inside_rows] = bonds @ flat + spread @ (dilatation @ flat)
        return np.ascontiguousarray(out.T).reshape(u.shape)

    def matrix(self) -> sparse.csr_array:
        """L as a sparse matrix, u flattened with its two components together.

        Returns
        -------
        csr_array, shape (2 n_nodes, 2 n_nodes) or (2 n_inside, 2 n_nodes)
            Rows of the points inside only.
        """
        bonds, spread, dilatation = self._factors
        return sparse.csr_array(bonds + spread @ dilatation)

    def dilatation_matrix(self) -> sparse.csr_array:
        """Theta as a sparse matrix, a row for each node that the equation takes it of.

        Returns
        -------
        csr_array, shape (n_owners, 2 n_nodes)
            On a periodic grid a row for every node.
        """
        return self._factors[2]

    def bond_matrix(self) -> sparse.csr_array:
        """The second term of L alone, of the same shape as `matrix`: mu times Gamma."""
        return self._factors[0]

    def symbol(self, wavevectors: ArrayLike | None = None) -> NDArray[np.float64]:
        """L at wavevectors: 2x2 matrices by which L multiplies plane waves.

        Parameters
        ----------
        wavevectors : array_like, shape (n_k, 2), optional
            1/length; by default those of the periodic grid, `PeriodicGrid.wavevectors`.

        Returns
        -------
        ndarray, shape (n_k, 2, 2)
            Symmetric, modulus over length squared.

        Raises
        ------
        ValueError
            If the points are no lattice, or a wavevector is not finite.
        """
        gamma, g = self.symbol_parts(wavevectors)
        kappa = (self.lame_lambda - self.shear_modulus) / self.shear_modulus**2
        return joined(gamma, g, kappa)

    def symbol_parts(
        self, wavevectors: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gamma, shape (n_k, 2, 2), and g, shape (n_k, 2): see `nlbook.peridynamics.symbols`.

        Parameters
        ----------
        wavevectors
            As in `symbol`.

        Raises
        ------
        ValueError
            As `symbol`.
        """
        offsets, c = self.lattice_coefficients()
        if wavevectors is not None:
            k = real_array("wavevectors", wavevectors, ndim=2)
            if k.shape[1] != 2:
                raise ValueError(f"wavevectors must have shape (n, 2), got {k.shape}")
        elif isinstance(self.grid, PeriodicGrid):
            k = self.grid.wavevectors
        else:
            raise ValueError("wavevectors must be given for points that make no periodic grid")
        gamma, g = sums_over_ball(k, offsets, c[:, np.newaxis])
        return gamma[:, 0], g[:, 0]

    def lattice_coefficients(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ball of a node of a lattice: offsets xi, shape (n, 2), and c = mu W K/m, shape (n,).

        Raises
        ------
        ValueError
            If the points are no lattice.
        """
        if self.grid.spacing is None:
            raise ValueError("grid must be a lattice: of scattered points each has its own ball")
        ball, c = self._lattice_coefficients
        return ball.offsets, c

    def solve(self, load: ArrayLike, displacement: ArrayLike | None = None) -> NDArray[np.float64]:
        """Displacement u in equilibrium: L u = b.

        Parameters
        ----------
        load : array_like, shape (..., n1, n2, 2) or (..., n, 2)
            b, modulus over length; on a set of points only the values inside are read.
        displacement : array_like, shape (..., n, 2), optional
            u at the points that are not inside, length; zero by default. On a periodic grid there
            are none.

        Returns
        -------
        ndarray, of the shape of `load`
            u, on a periodic grid with mean zero.

        Raises
        ------
        ValueError
            If the system is singular, a periodic load has a net force (a mean beyond 1e-8 of its
            root mean square), shapes don't fit, or a value is not finite.
        """
        b = self.grid.fields("load", load)
        if isinstance(self.grid, PeriodicGrid):
            if displacement is not None:
                raise ValueError("displacement can't be given on a periodic grid, which has no rim")
            return self._solve_periodic(b)
        given = np.zeros_like(b) if displacement is None else displacement
        u = self.grid.fields("displacement", given)
        if u.shape != b.shape:
            raise ValueError(f"displacement must have the shape {b.shape} of load, got {u.shape}")
        return self._solve_points(b, u)

    def _solve_periodic(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        flat, n = b.reshape(-1, self.grid.n_nodes, 2), self.grid.n_nodes
        net = np.abs(np.ones(n) @ flat).max(axis=-1) / n
        size = np.sqrt(np.einsum("snc,snc->s", flat, flat) / n)
        if np.any(net > _NET * size):
            raise ValueError(
                f"load must have no net force on a periodic grid, got a mean of {net.max():.3g}; "
                f"take its mean off if that is meant"
            )
        return self._multiply(b, self._inverse_symbol)

    def _solve_points(self, b: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
        assert isinstance(self.grid, PointSet)
        shape, size = b.shape, 2 * self.grid.n_nodes
        rows = self._inside_rows
        known = u.reshape(-1, size).T.copy()
        known[rows] = 0.0
        bonds, spread, dilatation = self._factors
        right = b.reshape(-1, size).T[rows] - bonds @ known - spread @ (dilatation @ known)
        known[rows] = self._factorisation.solve(np.ascontiguousarray(right))
        return np.ascontiguousarray(known.T).reshape(shape)

    def _multiply(
        self, fields: NDArray[np.float64], symbol: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Plane waves of each field times their 2x2 matrices."""
        assert isinstance(self.grid, PeriodicGrid)
        n1, n2 = self.grid.shape
        waves = fft.rfft2(np.moveaxis(fields, -1, 0), axes=(-2, -1))
        a11, a12, a22 = symbol
        first = a11 * waves[0] + a12 * waves[1]
        second = a12 * waves[0] + a22 * waves[1]
        out = np.empty_like(fields)
        out[..., 0] = fft.irfft2(first, s=(n1, n2), axes=(-2, -1), overwrite_x=True)
        out[..., 1] = fft.irfft2(second, s=(n1, n2), axes=(-2, -1), overwrite_x=True)
        return out

    @functools.cached_property
    def _lattice_coefficients(self) -> tuple[LatticeQuadrature, NDArray[np.float64]]:
        """The ball of a node and c = mu W K/m of its nodes."""
        assert self.grid.spacing is not None
        ball = lattice_quadrature(self.grid.spacing, self.horizon)
        return ball, lattice_coefficients(self.kernel, ball, self.shear_modulus, self.quadrature)

    @functools.cached_property
    def _bonds(self) -> Bonds:
        return find_bonds(self.grid, self.kernel.horizon)

    @functools.cached_property
    def _bond_coefficients(self) -> NDArray[np.float64]:
        """mu W K/m of every bond, m of its owner."""
        if self.quadrature == "least norm":
            return bond_coefficients(self.kernel, self._bonds, self.shear_modulus)
        if self.n_cut:
            raise ValueError(
                f"points must fill every ball for quadrature by moments; {self.n_cut} lack some"
            )
        return np.tile(self._lattice_coefficients[1], len(self._bonds.owners))

    @functools.cached_property
    def _inside_rows(self) -> NDArray[np.int64]:
        inside = (
            np.flatnonzero(self.grid.inside)
            if isinstance(self.grid, PointSet)
            else np.arange(self.grid.n_nodes)
        )
        return np.asarray(2 * inside[:, np.newaxis] + np.arange(2)).ravel()

    @functools.cached_property
    def _factors(self) -> tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]:
        """Bond part, spread and dilatation, with L = bond part + spread @ dilatation."""
        return assemble(
            self._bonds,
            self._bond_coefficients,
            self._inside_rows[::2] // 2,
            self.grid.n_nodes,
            self.lame_lambda,
            self.shear_modulus,
        )

    @functools.cached_property
    def _own_symbol(self) -> NDArray[np.float64]:
        return self._as_planes(self.symbol())

    @functools.cached_property
    def _inverse_symbol(self) -> NDArray[np.float64]:
        """Inverses, zero at the zero wavevector; refused where one doesn't exist."""
        assert isinstance(self.grid, PeriodicGrid)
        symbols = self.symbol()
        sizes = np.abs(np.linalg.eigvalsh(symbols))
        lowest = sizes.min(axis=1)
        lowest[0] = np.inf
        worst = int(np.argmin(lowest))
        if lowest[worst] <= _VANISHING * sizes.max():
            k1, k2 = self.grid.wavevectors[worst]
            raise ValueError(
                f"kernel must leave no wave without stiffness: on this grid the symbol is singular "
                f"at the wavevector ({k1:.6g}, {k2:.6g})"
            )
        symbols[0] = np.eye(2)
        inverse = np.asarray(np.linalg.inv(symbols), dtype=np.float64)
        inverse[0] = 0.0
        return self._as_planes(inverse)

    def _as_planes(self, symbols: NDArray[np.float64]) -> NDArray[np.float64]:
        """Entries 11, 12, 22 on the wavevectors of a transform, shape (3, n1, n2 // 2 + 1)."""
        assert isinstance(self.grid, PeriodicGrid)
        planes = np.stack([symbols[:, 0, 0], symbols[:, 0, 1], symbols[:, 1, 1]])
        return planes.reshape(3, self.grid.shape[0], -1)

    @functools.cached_property
    def _factorisation(self) -> Any:
        square = sparse.csc_array(self.matrix()[:, self._inside_rows])
        said = (
            "kernel must leave no displacement of the points inside without stiffness: the system "
            "is singular"
        )
        try:
            factorisation = linalg.splu(square)
        except RuntimeError as error:  # exactly singular
            raise ValueError(said) from error
        inverse = linalg.LinearOperator(
            square.shape,
            matvec=factorisation.solve,
            rmatvec=lambda x: factorisation.solve(x, "T"),
            dtype=np.float64,
        )
        if linalg.onenormest(inverse) * abs(square).sum(axis=0).max() * _VANISHING >= 1:
            raise ValueError(said)
        return factorisation


def check_solid(solid: Any) -> None:
    """Refuse what is no solid, by name."""
    if not isinstance(solid, LinearPeridynamicSolid):
        raise ValueError(f"solid must be a LinearPeridynamicSolid, got {solid!r}")
