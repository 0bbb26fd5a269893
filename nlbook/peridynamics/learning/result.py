"""What a fit returns: an influence function, moduli, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import real_array
from nlbook.kernels import BernsteinKernel
from nlbook.peridynamics.blocks import joined, unmixed
from nlbook.peridynamics.certificates import (
    PointsCertificate,
    WaveCertificate,
    certify_continuum,
    certify_grid,
    certify_lattice,
    certify_points,
)
from nlbook.peridynamics.grids import PeriodicGrid, PointSet
from nlbook.peridynamics.learning.adam import AdamHistory
from nlbook.peridynamics.learning.alpha_search import AlphaTrials
from nlbook.peridynamics.learning.choices import (
    Constraint,
    ExactIntegrals,
    LongWaves,
    QuadratureChoice,
    Solver,
)
from nlbook.peridynamics.learning.objective import Objective
from nlbook.peridynamics.learning.sample_spectra import gather_samples
from nlbook.peridynamics.samples import GridSamples, SetSamples, read_samples
from nlbook.peridynamics.solid import LinearPeridynamicSolid
from nlbook.peridynamics.solvability import DiscreteModuli
from nlbook.peridynamics.symbols import symbol_basis

__all__ = ["LPSFit", "LongWaveModuli"]

Array = NDArray[np.float64]
Certificate = WaveCertificate | PointsCertificate


#: what waves much longer than the horizon see, on the grid of the data
LongWaveModuli = DiscreteModuli


@dataclass(frozen=True, eq=False)
class LPSFit:
    """A learned linear peridynamic solid, and what is known of it."""

    #: influence function, scaled so that m(delta) is mu on the first grid of the data
    kernel: BernsteinKernel
    #: lambda of plane stress, in the unit of the loads times length squared
    lame_lambda: float
    #: mu, in the same unit
    shear_modulus: float
    #: what was asked for as horizon, on the nominal spacing; the kernel's own is stretched
    horizon: float
    #: mean over samples of the relative mean square of L u - b; its root is E_Res
    loss: float
    #: least of it for residuals linearised at the fit, under the conditions: how far from
    #: stationary the fit may be. No bound holds over all solids; minus infinity after Adam
    lower_bound: float
    #: share of the loss that no symmetric symbol on the grid removes, as a mean square
    rest: float
    #: loss at the end of each start (n_starts,)
    starts: Array
    #: whether the fit is stationary, to the tolerance of its solver
    converged: bool
    #: least eigenvalues over all wavevectors of the conditions: of Gamma/(mu q), and of
    #: Gamma/(mu q) - 2 g g^T/(mu**2 q); neither may be negative
    margins: tuple[float, float]
    #: of waves much longer than the horizon
    long_wave_moduli: LongWaveModuli
    #: what was asked of the influence function
    constraint: Constraint
    #: what was asked of long waves
    long_waves: LongWaves
    #: what the integrals are
    quadrature: QuadratureChoice
    #: how the loss was sought to be least
    solver: Solver
    #: where the answer is not what it seems, in words
    warnings: tuple[str, ...]
    #: exponents that were tried; none if alpha was given
    search: AlphaTrials = field(repr=False)
    #: how Adam came there; otherwise None
    history: AdamHistory | None = field(repr=False)
    #: the loss and its conditions, as functions of few unknowns
    objective: Objective = field(repr=False)
    #: the grid of the data, the first of several
    grid: PeriodicGrid

    @property
    def residual_error(self) -> float:
        """E_Res on the data, the root of the loss."""
        return float(np.sqrt(self.loss))

    @property
    def poisson_ratio(self) -> float:
        """nu = lambda / (lambda + 2 mu)."""
        return self.lame_lambda / (self.lame_lambda + 2 * self.shear_modulus)

    @property
    def youngs_modulus(self) -> float:
        """E = 2 mu (1 + nu)."""
        return 2 * self.shear_modulus * (1 + self.poisson_ratio)

    def symbol(self, wavevectors: ArrayLike, grid: PeriodicGrid | None = None) -> Array:
        """Load over displacement of waves, by the fit's own quadrature.

        Parameters
        ----------
        wavevectors : array_like, shape (n, 2)
            1/length.
        grid : PeriodicGrid, optional
            Whose nodes the sums are over; by default that of the data. Exact integrals are those
            of the fitted kernel on every grid.

        Returns
        -------
        ndarray, shape (n, 2, 2)
            Modulus over length squared.
        """
        where = self.grid if grid is None else grid
        if not isinstance(where, PeriodicGrid):
            raise ValueError(f"grid must be a PeriodicGrid, got {where!r}")
        exact = isinstance(self.quadrature, ExactIntegrals)
        basis = symbol_basis(
            self.grid if exact else where,
            self.horizon,
            self.kernel.degree,
            self.kernel.alpha,
            quadrature="continuum" if exact else "grid",
            wavevectors=wavevectors,
        )
        if not exact and abs(basis.kernel_horizon / self.kernel.horizon - 1) > 1e-9:
            raise ValueError(
                f"grid must stretch the horizon as that of the data does, to "
                f"{self.kernel.horizon:.6g}, got spacings {where.spacing}"
            )
        gamma, g = basis.parts(np.asarray(self.kernel.coefficients))
        volume = float(basis.mu_row @ np.asarray(self.kernel.coefficients))
        if not volume > 0:
            raise ValueError(
                f"grid must leave the weighted volume of the kernel positive, got {volume:g} of "
                f"{self.shear_modulus:g} with spacings {where.spacing}: the kernel doesn't carry "
                f"over to them"
            )
        rho = self.lame_lambda / self.shear_modulus - 1
        return joined(gamma, g, rho / volume) * (self.shear_modulus / volume)

    def grid_symbol(self, grid: PeriodicGrid | None = None) -> Array:
        """The symbol at the wavevectors of a grid, as its nodes see it.

        Parameters
        ----------
        grid : PeriodicGrid, optional
            By default that of the data.

        Returns
        -------
        ndarray, shape (n_k, 2, 2)
            At `PeriodicGrid.wavevectors`; diagonal for waves of half a wavelength a node, see
            `PeriodicGrid.folded`. Modulus over length squared.
        """
        where = self.grid if grid is None else grid
        if not isinstance(where, PeriodicGrid):
            raise ValueError(f"grid must be a PeriodicGrid, got {where!r}")
        return unmixed(self.symbol(where.wavevectors, where), where.folded)

    def predict(self, load: ArrayLike, grid: PeriodicGrid | None = None) -> Array:
        """Displacements of zero mean under loads, on a periodic grid.

        Parameters
        ----------
        load : array_like, shape (n_samples, n1, n2, 2)
            b; its mean is left out, as nothing balances it.
        grid : PeriodicGrid, optional
            Of the nodes; by default that of the data.

        Returns
        -------
        ndarray, shape (n_samples, n1, n2, 2)
            u with L u = b.

        Raises
        ------
        ValueError
            If shapes don't agree, or the solid can't be solved for on this grid.
        """
        where = self.grid if grid is None else grid
        if not isinstance(where, PeriodicGrid):
            raise ValueError(f"grid must be a PeriodicGrid, got {where!r}")
        b = where.fields("load", real_array("load", load, ndim=4))
        symbols = self.grid_symbol(where)[1:]
        least = np.linalg.eigvalsh(symbols)[:, 0]
        if not least.min() > 0:
            k = where.wavevectors[1 + int(np.argmin(least))]
            raise ValueError(
                f"grid must be one on which the solid is stable, got spacings {where.spacing}: "
                f"the wave ({k[0]:.4g}, {k[1]:.4g}) has a stiffness of {least.min():.3g}"
            )
        waves = np.fft.rfft2(b, axes=(1, 2))
        flat = waves.reshape(len(b), len(symbols) + 1, 2)
        answer = np.zeros_like(flat)
        answer[:, 1:] = np.einsum("kij,skj->ski", np.linalg.inv(symbols), flat[:, 1:])
        return np.asarray(np.fft.irfft2(answer.reshape(waves.shape), s=where.shape, axes=(1, 2)))

    def solid(self, grid: PeriodicGrid | PointSet) -> LinearPeridynamicSolid:
        """The solid on a grid or a set of points, by sums over its nodes.

        After exact integrals, on a lattice, the sums are by the kernel's own moments; else by
        least-norm weights: see `nlbook.peridynamics.coefficients`.

        Parameters
        ----------
        grid : PeriodicGrid or PointSet
            Of the nodes. A kernel learned by sums over one spacing need not be stable, or right,
            on another.

        Returns
        -------
        LinearPeridynamicSolid
        """
        exact = isinstance(self.quadrature, ExactIntegrals) and grid.spacing is not None
        return LinearPeridynamicSolid(
            self.kernel,
            self.lame_lambda,
            self.shear_modulus,
            grid,
            "moments" if exact else "least norm",
        )

    def certificates(self, *grids: PeriodicGrid | PointSet) -> tuple[Certificate, ...]:
        """Where the solid is stable, by `nlbook.peridynamics.certificates`; `.words()` says it.

        Parameters
        ----------
        grids : PeriodicGrid or PointSet
            Others than that of the data, each by sums over its own nodes.

        Returns
        -------
        tuple of WaveCertificate or PointsCertificate
            Of the data's grid, of every grid with its spacings, of the continuum (by exact
            integrals), and of the others in their order.

        Raises
        ------
        ValueError
            If alpha is 3 or more, for which sums over nodes don't exist.
        """
        solid = self.solid(self.grid)
        found: list[Certificate] = [
            certify_grid(solid),
            certify_lattice(solid),
            certify_continuum(self.kernel, self.lame_lambda, self.shear_modulus),
        ]
        for grid in grids:
            other = self.solid(grid)
            found.append(
                certify_points(other) if isinstance(grid, PointSet) else certify_grid(other)
            )
        return tuple(found)

    def residual(self, samples: Any) -> float:
        """E_Res: root of the mean over samples of |L u - b|**2 / |b|**2.

        Parameters
        ----------
        samples : samples on a periodic grid, or several
            As in `fit_lps`, on any grid.

        Returns
        -------
        float
        """
        spectra = gather_samples(samples)
        return float(np.sqrt(sum(one.loss(self.grid_symbol(one.grid)) for one in spectra)))

    def absolute_residual(self, samples: Any) -> float:
        """Root of the mean over samples of |L u - b|**2, for points whose load vanishes.

        Parameters
        ----------
        samples : samples on a set of points
            As `nlbook.peridynamics.read_samples` reads them.

        Returns
        -------
        float
            In the unit of the load; |.|**2 is the sum over the points inside.
        """
        read = read_samples(samples)
        if not isinstance(read, SetSamples):
            raise ValueError("samples must lie on a set of points, got those of a periodic grid")
        off = (self.solid(read.grid).apply(read.displacement) - read.load)[:, read.inside]
        return float(np.sqrt(np.mean(np.sum(off**2, axis=(1, 2)))))

    def displacement_error(self, samples: Any) -> float:
        """E_u: root of the mean over samples of |u - L^-1 b|**2 / |u|**2.

        Parameters
        ----------
        samples : samples on a periodic grid or a set of points, or several
            On a periodic grid the mean of u, which b does not tell, is left out. On points u is
            given where the equation is not asked for, sums over the nodes take the place of exact
            integrals, and the points inside count.

        Returns
        -------
        float
        """
        shares = []
        given = samples if isinstance(samples, list | tuple) else [samples]
        if not given:
            raise ValueError("samples must be one set or more, got none")
        for one in given:
            read = read_samples(one)
            if isinstance(read, GridSamples):
                u = read.displacement - read.displacement.mean(axis=(1, 2), keepdims=True)
                off = u - self.predict(read.load, read.grid)
            else:
                solved = self.solid(read.grid).solve(read.load, read.displacement)
                u = read.displacement[:, read.inside]
                off = u - solved[:, read.inside]
            every = tuple(range(1, u.ndim))
            sizes = np.sum(u**2, axis=every)
            if not np.all(sizes > 0):
                raise ValueError(
                    f"displacement must vary in every sample, got none in {int(np.argmin(sizes))}"
                )
            shares.append(np.sum(off**2, axis=every) / sizes)
        return float(np.sqrt(np.mean(np.concatenate(shares))))

    def uncertainty(self) -> str:
        """Why the fit has no intervals, and what there is instead."""
        return (
            "a learned solid has no intervals here: what is left of the residual is mostly the "
            "form of the model and the sums over the nodes, not noise, and conditions hold the "
            "kernel off its minimum; fit halves of the samples, or samples of other loads, to see "
            "what moves, and compare symbols, which the data determine, not coefficients, which "
            "they may not"
        )
