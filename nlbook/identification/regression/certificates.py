"""What is proved of a learned kernel: that it is nearly the best, and its operator coercive.

A positive kernel 2 rho with coercivity constant kappa stays coercive when 2 h of any sign is
added, if

    N = (1/2) |2 h|_L1 + (1/2) |2 H|_Linf <= 1 / (2 kappa),   H(x) = int h(|y - x|) dy

(Mengesha and Du, see [1]_, (3.10)). On the nodes |2 h|_L1 = 2 sum |w_j| and, wherever the kernel's
support lies within the data, 2 H = 2 sum w_j. Then -L of 2 h is at least -2 N, so that the
condition is sufficient for the discrete operator as well. The necessary and sufficient one is that
its smallest eigenvalue, on a ring its smallest symbol over modes that are not constant, be
positive.

References
----------
.. [1] H. You, Y. Yu, N. Trask, M. Gulian, M. D'Elia, Comput. Methods Appl. Mech. Eng. 374 (2021)
   113553.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import real_array
from nlbook.identification.regression.gram import GramMatrix
from nlbook.identification.renamed import renamed_fields

__all__ = [
    "Certificate",
    "Optimum",
    "RegressionWarning",
    "certify",
    "coercivity",
    "mengesha_du_norm",
]

Array = NDArray[np.float64]


class RegressionWarning(UserWarning):
    """A fit, or a band, that is not what it seems."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Coefficients that fulfil the constraints, and a bound on the loss of all that do."""

    #: of the whole kernel (M + 1,)
    coefficients: Array
    #: C (M + 1,), where the kernel is split
    positive: Array | None
    #: no kernel that fulfils the constraints has a smaller loss
    lower_bound: float
    #: largest norm of scaled coefficients that the bound speaks of; infinite if it holds for all
    largest_norm: float = float("inf")
    #: ways in which the programme was written down for a solver until its bound was met; 0 if
    #: linear algebra was enough
    attempts: int = 0


@renamed_fields(reach="largest_norm")
@dataclass(frozen=True)
class Certificate:
    """A feasible kernel's loss, a bound that no kernel beats, and what keeps it well-posed."""

    #: loss of the kernel, which fulfils the constraints, units of f squared; of a continuum fit
    #: what it minimises: the mean of losses on several grids, and its ridge
    loss: float
    #: no kernel that fulfils the constraints has a smaller `loss`; nan where none was computed
    lower_bound: float
    #: largest norm of scaled coefficients that the bound speaks of; infinite if it holds for all
    largest_norm: float
    #: smallest eigenvalue of -L on the grid, constants apart, 1/time
    smallest_symbol: float
    #: N of the part that may be negative, 1/time; nan where the kernel is not split
    norm: float
    #: 1 / (2 kappa) of the positive part, 1/time; nan where the kernel is not split
    allowed: float
    #: what rounding may add to or take from a loss, units of f squared
    rounding: float
    #: lower bound of symbol(k) / min(k**2, k_1**2) over all real k; nan where none was computed
    continuum: float = float("nan")

    @property
    def gap(self) -> float:
        """Loss less its lower bound, relative to the loss; zero where both are rounding."""
        if self.loss <= self.rounding:
            return 0.0
        return (self.loss - self.lower_bound) / self.loss


def mengesha_du_norm(node_weights: Array) -> float:
    """N of a kernel from its node weights: sum of their sizes, and the size of their sum.

    Parameters
    ----------
    node_weights : ndarray, shape (J,)
        w_j, 1/time.

    Returns
    -------
    float
        1/time.
    """
    w = real_array("node_weights", node_weights, ndim=1)
    return float(np.sum(np.abs(w)) + abs(np.sum(w)))


def coercivity(gram: GramMatrix, coefficients: Array) -> float:
    """Smallest eigenvalue 1/kappa of -L on the grid of the data, constants apart: (4.3).

    Parameters
    ----------
    gram : GramMatrix
        Holds the grid and the quadrature.
    coefficients : ndarray, shape (M + 1,)
        Of the kernel.

    Returns
    -------
    float
        1/time; not positive if the operator is singular or indefinite.
    """
    c = real_array("coefficients", coefficients, ndim=1)
    return gram.lowest_eigenpair(gram.weights @ c)[0]


def certify(
    gram: GramMatrix,
    best: Optimum,
    *,
    continuum: float = float("nan"),
    objective: float | None = None,
) -> Certificate:
    """Write a certificate for a kernel.

    Parameters
    ----------
    gram : GramMatrix
        The data.
    best : Optimum
        Coefficients and their lower bound.
    continuum : float
        As in `Certificate`.
    objective : float, optional
        What was minimised, if not the loss on the grid.

    Returns
    -------
    Certificate
    """
    norm = allowed = float("nan")
    if best.positive is not None:
        norm = mengesha_du_norm(gram.weights @ (best.coefficients - best.positive))
        allowed = coercivity(gram, best.positive) / 2
    # of the products that a residual is the sum of, where coefficients cancel more than usual
    cancelled = float(np.linalg.norm(np.abs(gram.factor) @ np.abs(best.coefficients)))
    off = float(np.finfo(np.float64).eps) * cancelled
    own = gram.loss(best.coefficients)
    rounding = max(gram.rounding, 2 * np.sqrt(own) * off + off**2)
    return Certificate(
        loss=own if objective is None else objective,
        lower_bound=max(best.lower_bound - rounding, 0.0),
        largest_norm=best.largest_norm,
        rounding=rounding,
        smallest_symbol=coercivity(gram, best.coefficients),
        norm=norm,
        allowed=allowed,
        continuum=continuum,
    )
