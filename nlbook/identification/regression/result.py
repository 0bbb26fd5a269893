"""What a regression returns: a kernel of Bernstein form, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.identification.columns import Columns
from nlbook.identification.pairs.training_pairs import PairSpectrum, TrainingPairs
from nlbook.identification.regression.adam import AdamHistory
from nlbook.identification.regression.bands import KernelBand, kernel_band
from nlbook.identification.regression.certificates import Certificate
from nlbook.identification.regression.choices import Constraint
from nlbook.identification.regression.continuum import losses_beyond_grid
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.regression.node_weights import grid_symbol
from nlbook.identification.regression.solutions import kernel_weights, solve_pairs
from nlbook.kernels import BernsteinKernel

__all__ = ["AlphaSearch", "BernsteinFit", "undetermined"]

Array = NDArray[np.float64]

# Directions weaker than this, of the strongest, are not determined in double precision.
_DETERMINED = 1e-12


@dataclass(frozen=True, eq=False)
class AlphaSearch(Columns):
    """Exponents that were tried, ascending, and what came of them."""

    alpha: Array  #: (n,)
    loss: Array  #: of the best kernel with it (n,), units of f squared


@dataclass(frozen=True, eq=False)
class BernsteinFit:
    """A learned kernel, and what is known of it."""

    #: C + D, or c
    kernel: BernsteinKernel
    #: C, where the kernel is split or not negative; otherwise None
    positive: BernsteinKernel | None
    #: mean over samples of the mean square residual over nodes, units of f squared
    loss: float
    #: the same of C alone and of the whole kernel, where it is split; otherwise of the kernel
    stage_losses: tuple[float, ...]
    #: constraints that hold with equality: numbers of the coefficients of C that are zero,
    #: whether N is as large as it may be, and modes whose symbol is the smallest allowed
    active: dict[str, tuple[int, ...]]
    #: what is proved of it
    certificate: Certificate
    #: strengths with which the data see the directions of scaled coefficients, over the largest
    conditioning: Array
    #: what was asked
    constraint: Constraint
    #: whether `loss` (of a continuum fit, what it minimises) is the least possible within 1e-4,
    #: as the certificate's lower bound proves, or within rounding; hardly ever of Adam's kernel,
    #: nor of least squares whose weakest directions are left out as rounding
    converged: bool
    #: ways in which the programme was written down for a solver until that was proved: one if
    #: nothing had to be tried again, none if linear algebra was enough
    attempts: int
    #: where the answer is not what it seems, in words
    warnings: tuple[str, ...]
    #: how Adam came there; otherwise None
    history: AdamHistory | None
    #: exponents that were tried; none if alpha was given
    search: AlphaSearch
    #: the least squares
    gram: GramMatrix
    #: modes of the data, where they are periodic
    data: PairSpectrum | None

    def predict(self, pairs: TrainingPairs) -> Array:
        """Solutions u of -L u = f for the right-hand sides of some pairs, by the fit's quadrature.

        Parameters
        ----------
        pairs : TrainingPairs
            Give f, and u on the collar where they are not periodic.

        Returns
        -------
        ndarray, shape (n_samples, n_nodes)
            As `nlbook.identification.solve_pairs` has them.
        """
        return solve_pairs(kernel_weights(self.kernel, pairs.spacing, self.gram.rule), pairs)

    def uncertainty(self) -> str:
        """Why the fit has no intervals, and what there is instead."""
        return (
            "a kernel has no interval here: the loss has no model of noise, and constraints hold "
            "the kernel off its minimum; band() shows the kernels that do as well on these very "
            "data"
        )

    def band(
        self, tolerance: float = 1e-6, *, size: float = 1.0, n_points: int = 200
    ) -> KernelBand:
        """Kernels that the data cannot tell from this one; see `nlbook.identification.kernel_band`.

        It is no interval of confidence: noise in the data moves the kernel itself, and the band
        with it. A warning says so where the data look noisy.

        Parameters
        ----------
        tolerance : float
            Rise of the loss that is let pass, as a share of the mean square of f.
        size : float
            Largest change, as a share of the kernel.
        n_points : int
            Distances.

        Returns
        -------
        KernelBand
        """
        return kernel_band(
            self.gram, self.kernel, tolerance=tolerance, size=size, n_points=n_points
        )

    def symbol(self, wavenumbers: ArrayLike, refinement: int = 1) -> Array:
        """Factor by which -L multiplies cos(k x), by the fit's own quadrature.

        Parameters
        ----------
        wavenumbers : array_like
            k, radians / length, in any shape.
        refinement : int
            How many times closer than those of the data the nodes are.

        Returns
        -------
        ndarray
            1/time. The solution of -L u = cos(k x) is cos(k x) over it.
        """
        spacing = self.gram.spacing / refinement
        return grid_symbol(self.kernel, wavenumbers, spacing, self.gram.rule)

    def losses_beyond_grid(self, refinements: tuple[int, ...] = (1, 2, 4)) -> tuple[float, ...]:
        """Loss on finer grids, and last that of the integral itself, for periodic data.

        Parameters
        ----------
        refinements : tuple of int
            How many times closer the nodes are.

        Returns
        -------
        tuple of float

        Raises
        ------
        ValueError
            If the data are not periodic: what u is between the nodes is not known.
        """
        if self.data is None:
            raise ValueError("pairs must be periodic for losses beyond their grid")
        coefficients = np.asarray(self.kernel.coefficients)
        return losses_beyond_grid(self.data, self.gram, coefficients, refinements)


def undetermined(strengths: Array, gram: GramMatrix) -> list[str]:
    """Say so if the data do not determine all coefficients; strengths as in `BernsteinFit`."""
    seen = int(np.sum(strengths > _DETERMINED * strengths[0]))
    if seen > gram.degree:
        return []
    return [
        f"degree {gram.degree} has {gram.degree + 1} coefficients, of which the data determine "
        f"{seen} combinations; the rest is chosen as small as possible and means nothing: lower "
        f"the degree, ask for constraint=Continuum(), or give data of higher frequencies"
    ]
