"""The least squares of a Bernstein kernel: the data in one pass, then every degree and horizon.

With K(r) = sum over m of c_m B_{m,M}(r/delta) / r**alpha, quadrature at the nodes of a grid gives

    -L u(x_i) = sum_j w_j (2 u_i - u_{i+j} - u_{i-j}),   w_j = sum over m of W_jm c_m,

linear in c, so that the mean square of -L u - f over samples and nodes, the loss of [1]_, is a
quadratic. All that it takes from the data are second moments, gathered in one pass and added over
blocks or engines: on a periodic grid those of each Fourier mode (`PairSpectrum`), otherwise those
of the values at the nodes (`PairMoments`). They serve every degree, horizon and exponent.

The Gram matrix of degree 20 is singular to rounding. It is kept as a factor, whose condition is
the square root of that of the matrix: loss = |factor c - target|**2 + floor. On a periodic grid
the rows of the factor are modes; the floor is what no operator of this form can explain.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553, equations (4.1) and (4.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nlbook.checks import check_integer, real_array
from nlbook.identification.pairs.training_pairs import PairSpectrum
from nlbook.identification.regression.moments import PairMoments, PairSource, gather
from nlbook.identification.regression.node_weights import QuadratureRule, basis_weights

__all__ = ["GramMatrix", "gram_matrix"]

Array = NDArray[np.float64]

# Coefficients may be 1e3 times what they sum to, so that a loss is known to this share of the mean
# square of f.
_ROUNDING = 1e-13

# Modes with less than this share of the largest power say nothing of the long waves.
_FAINT = 1e-8


@dataclass(frozen=True, eq=False)
class GramMatrix:
    """The least squares of the coefficients: loss(c) = |factor c - target|**2 + floor."""

    #: factor in the node weights (rows, J); times `weights` it is the factor in c
    differences: Array
    #: W, node weights of each function of the basis (J, M + 1), length**(1 - alpha)
    weights: Array
    #: (rows,), units of f
    target: Array
    #: loss that no kernel avoids, units of f squared
    floor: float
    #: delta, length
    horizon: float
    #: M
    degree: int
    #: exponent of the factor 1 / r**alpha
    alpha: float
    #: of quadrature
    rule: QuadratureRule
    #: "periodic" or "volume"
    boundary: str
    #: of the nodes, length
    spacing: float
    #: nodes of f
    n_nodes: int
    #: on a periodic grid the modes of the rows (rows,), radians / length; otherwise empty
    wavenumbers: Array
    #: on a periodic grid the weight of each row (rows,): root of the power; otherwise empty
    amplitudes: Array
    #: numbers of f beyond those that some operator of this form fits whatever they are; with none
    #: the floor is zero, and noise in f can't be told
    n_left: int

    @cached_property
    def factor(self) -> Array:
        """Factor of the Gram matrix, (rows, M + 1)."""
        return self.differences @ self.weights

    @property
    def matrix(self) -> Array:
        """Gram matrix: means over samples and nodes of products of the columns, (M + 1, M + 1)."""
        return self.factor.T @ self.factor

    @property
    def cross(self) -> Array:
        """Means of the products of the columns with f, (M + 1,)."""
        return self.factor.T @ self.target

    @property
    def response(self) -> float:
        """Mean square of f."""
        return float(self.target @ self.target) + self.floor

    @property
    def rounding(self) -> float:
        """What rounding may add to or take from a loss, units of f squared."""
        return _ROUNDING * self.response

    @property
    def size(self) -> float:
        """Root of the mean square of f, to the nearest power of two; 1 if f is zero."""
        return 2.0 ** round(math.log2(self.response) / 2) if self.response > 0 else 1.0

    def in_units_of(self, size: float) -> GramMatrix:
        """The same least squares with u and f divided by a number; kernels stay what they are."""
        return replace(
            self,
            differences=self.differences / size,
            target=self.target / size,
            floor=self.floor / size**2,
            amplitudes=self.amplitudes / size,
        )

    @property
    def length(self) -> float:
        """Of the ring, or of the part of the line on which u is not given."""
        return self.n_nodes * self.spacing

    @property
    def lowest(self) -> float:
        """Smallest wavenumber that matters: 2 pi / length on a ring, pi / length between ends."""
        return (2 if self.boundary == "periodic" else 1) * math.pi / self.length

    @property
    def first_symbol(self) -> float:
        """Symbol that the data ask for at their longest waves, 1/time; nan where not periodic.

        It is scaled as k**2 to `lowest` if the longest waves in the data are shorter.
        """
        if self.boundary != "periodic":
            return math.nan
        counts = self.amplitudes**2 > _FAINT * np.max(self.amplitudes**2)
        at = int(np.flatnonzero(counts)[0])
        symbol = self.target[at] / self.amplitudes[at]
        return float(symbol * (self.lowest / self.wavenumbers[at]) ** 2)

    def with_alpha(self, alpha: float) -> GramMatrix:
        """The same data and horizon for another exponent of 1 / r**alpha."""
        weights = basis_weights(
            self.horizon, self.degree, self.spacing, alpha=alpha, rule=self.rule
        )
        return replace(self, weights=weights, alpha=alpha)

    def loss(self, coefficients: Array) -> float:
        """Mean over samples of the mean square residual over nodes, units of f squared."""
        c = real_array("coefficients", coefficients, ndim=1)
        return float(np.sum((self.factor @ c - self.target) ** 2)) + self.floor

    @cached_property
    def mode_rows(self) -> Array:
        """Symbol of each node weight at each mode that is not constant, (n_nodes // 2, J)."""
        j = np.arange(1, self.weights.shape[0] + 1)
        modes = np.arange(1, self.n_nodes // 2 + 1)
        return 4 * np.sin(np.pi / self.n_nodes * np.outer(modes, j)) ** 2

    def lowest_eigenpair(self, node_weights: Array) -> tuple[float, Array]:
        """Smallest eigenvalue of -L, constants apart, and its derivative in the node weights.

        On a ring that is the smallest symbol over modes that are not constant; otherwise the
        eigenvalue (4.3) of the matrix on the nodes with u = 0 on the collar. One over it is kappa.

        Parameters
        ----------
        node_weights : ndarray, shape (J,)
            w_j.

        Returns
        -------
        value : float
            1/time.
        row : ndarray, shape (J,)
            Its product with other node weights bounds their smallest eigenvalue from above.
        """
        node_weights = real_array("node_weights", node_weights, ndim=1)
        if self.boundary == "periodic":
            symbols = self.mode_rows @ node_weights
            at = int(np.argmin(symbols))
            return float(symbols[at]), self.mode_rows[at]
        first = np.zeros(self.n_nodes)
        near = node_weights[: self.n_nodes - 1]
        first[0] = 2 * np.sum(node_weights)
        first[1 : near.size + 1] = -near
        values, vectors = linalg.eigh(linalg.toeplitz(first), subset_by_index=(0, 0))
        v = vectors[:, 0]
        products = np.correlate(v, v, mode="full")[v.size :]
        row = np.full(node_weights.size, 2.0)
        row[: near.size] -= 2 * products[: near.size]
        return float(values[0]), row


def gram_matrix(
    pairs: PairSource,
    horizon: float,
    degree: int,
    *,
    alpha: float = 0.0,
    rule: QuadratureRule = "cells",
    refinement: int = 1,
) -> GramMatrix:
    """Least squares of the coefficients of a Bernstein kernel.

    Parameters
    ----------
    pairs : TrainingPairs or iterable of them, PairSpectrum or PairMoments
        Those already gathered serve many degrees and horizons.
    horizon : float
        delta, length; on a periodic grid it may exceed the period, and images are summed.
    degree : int
        M.
    alpha : float
        Exponent of the factor 1 / r**alpha.
    rule : "cells", "nodes", "moments" or "covered"
        See `nlbook.identification.basis_weights`.
    refinement : int
        On a periodic grid: nodes that many times closer, of which the data know the same modes.

    Returns
    -------
    GramMatrix

    Raises
    ------
    ValueError
        If the collar is narrower than the horizon, or another argument is out of range.
    """
    data = gather(pairs)
    refinement = check_integer("refinement", refinement, 1)
    if isinstance(data, PairMoments) and refinement != 1:
        raise ValueError("refinement must be 1 where pairs are not periodic")
    spacing = data.spacing / refinement
    weights = basis_weights(horizon, degree, spacing, alpha=alpha, rule=rule)
    if isinstance(data, PairSpectrum):
        modes = np.flatnonzero(data.power[1:] > 0) + 1
        k, amplitudes = data.wavenumbers[modes], np.sqrt(data.power[modes])
        half = k[:, np.newaxis] * spacing / 2 * np.arange(1, weights.shape[0] + 1)
        differences = amplitudes[:, np.newaxis] * 4 * np.sin(half) ** 2
        target = data.cross[modes] / amplitudes
        floor = max(float(np.sum(data.response)) - float(target @ target), 0.0)
        return GramMatrix(
            differences, weights, target, floor, horizon, degree, alpha, rule, "periodic", spacing,
            data.n_nodes * refinement, k, amplitudes, data.n_samples * data.n_nodes - k.size,
        )  # fmt: skip
    n_weights = weights.shape[0]
    if n_weights > data.collar:
        raise ValueError(
            f"collar must be at least {n_weights} nodes for a horizon of {horizon:g}, got "
            f"{data.collar}: u is needed wherever the kernel reaches"
        )
    u, f = data.samples
    middle = slice(data.collar, data.collar + data.n_nodes)
    columns = np.empty((f.size, n_weights + 1))
    for j in range(1, n_weights + 1):
        left, right = (slice(middle.start + s, middle.stop + s) for s in (-j, j))
        columns[:, j - 1] = (2 * u[:, middle] - u[:, left] - u[:, right]).ravel()
    columns[:, -1] = f.ravel()
    triangle = linalg.qr(columns / math.sqrt(data.n_nodes), mode="r", overwrite_a=True)[0]
    triangle = triangle[: n_weights + 1]
    floor = float(np.sum(triangle[n_weights:, -1] ** 2))
    return GramMatrix(
        triangle[:n_weights, :-1], weights, triangle[:n_weights, -1], floor, horizon, degree,
        alpha, rule, "volume", spacing, data.n_nodes, np.empty(0), np.empty(0),
        max(data.n_samples * data.n_nodes - n_weights, 0),
    )  # fmt: skip
