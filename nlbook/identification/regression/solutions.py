"""What a learned operator is for: solving -L u = f for forcings that it was not trained on.

A loss compares -L u with f. A user wants u, and asks how far the solution of the learned equation
is from the true one. On a ring that is a division by the symbol, mode by mode; otherwise u is given
on the collar, and a Toeplitz matrix is solved on the nodes of f. The operator is known by its node
weights,

    -L u(x_i) = sum_j w_j (2 u_i - u_{i+j} - u_{i-j}).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from nlbook.checks import check_integer, real_array
from nlbook.diffusion.convolution import Convolution
from nlbook.diffusion.quadrature import stencil_symbol
from nlbook.identification.pairs.training_pairs import TrainingPairs
from nlbook.identification.regression.node_weights import QuadratureRule, basis_weights
from nlbook.kernels import BernsteinKernel, PowerLawKernel

__all__ = ["apply_weights", "kernel_weights", "ring_symbol", "solution_errors", "solve_pairs"]

Array = NDArray[np.float64]

# Smallest symbol, relative to the largest, at which a ring's equation counts as solvable.
_REGULAR = 1e-13


def kernel_weights(
    kernel: BernsteinKernel | PowerLawKernel, spacing: float, rule: QuadratureRule = "cells"
) -> Array:
    """Node weights w_j of a kernel, by a rule of `nlbook.identification.basis_weights`.

    Parameters
    ----------
    kernel : BernsteinKernel or PowerLawKernel
        With a finite horizon.
    spacing : float
        Of the nodes, length.
    rule : "cells", "nodes", "moments" or "covered"
        Quadrature.

    Returns
    -------
    ndarray, shape (J,)
        1/time.

    Raises
    ------
    ValueError
        If the horizon is not finite, or reaches no neighbour.
    """
    if isinstance(kernel, PowerLawKernel):
        kernel = BernsteinKernel((kernel.coefficient,), kernel.horizon, kernel.alpha)
    basis = basis_weights(kernel.horizon, kernel.degree, spacing, alpha=kernel.alpha, rule=rule)
    return np.asarray(basis @ np.asarray(kernel.coefficients))


def _read_weights(node_weights: ArrayLike) -> Array:
    w = real_array("node_weights", node_weights, ndim=1)
    if not w.size:
        raise ValueError("node_weights must be one or more numbers, got none")
    return w


def apply_weights(node_weights: ArrayLike, pairs: TrainingPairs) -> Array:
    """-L u at the nodes of f.

    Parameters
    ----------
    node_weights : array_like, shape (J,)
        w_j, 1/time, for the spacing of the pairs.
    pairs : TrainingPairs
        Give u; beyond their collar it is taken to be zero.

    Returns
    -------
    ndarray, shape (n_samples, n_nodes)
    """
    w = _read_weights(node_weights)
    n = pairs.n_nodes
    if pairs.boundary == "periodic":
        modes = np.fft.rfft(pairs.u, axis=1) * ring_symbol(w, n)
        return np.asarray(np.fft.irfft(modes, n, axis=1))
    return _on_a_line(w, pairs.u, pairs.collar)


def _on_a_line(w: Array, u: Array, collar: int) -> Array:
    """-L u at all nodes but those of the collar, with u = 0 beyond."""
    operator = Convolution(w[: u.shape[1] - 1], 2 * float(w.sum()), u.shape[1], periodic=False)
    return -operator(u)[:, collar : u.shape[1] - collar]


def ring_symbol(node_weights: ArrayLike, n_nodes: int) -> Array:
    """Eigenvalues of -L on a ring, by mode; a horizon beyond the ring goes round.

    Parameters
    ----------
    node_weights : array_like, shape (J,)
        w_j, 1/time.
    n_nodes : int
        Of the ring.

    Returns
    -------
    ndarray, shape (n_nodes // 2 + 1,)
        4 sum_j w_j sin(pi m j / n_nodes)**2 for m = 0, 1, ...
    """
    w = _read_weights(node_weights)
    n_nodes = check_integer("n_nodes", n_nodes, 1)
    return stencil_symbol(w, 2 * np.pi / n_nodes * np.arange(n_nodes // 2 + 1))


def solve_pairs(node_weights: ArrayLike, pairs: TrainingPairs) -> Array:
    """Solutions of -L u = f at the nodes of f.

    Parameters
    ----------
    node_weights : array_like, shape (J,)
        w_j, 1/time, for the spacing of the pairs.
    pairs : TrainingPairs
        Give f; and u on the collar, beyond which it is taken to be zero.

    Returns
    -------
    ndarray, shape (n_samples, n_nodes)
        On a ring with mean zero; the mean of f is left out, for which there is no solution.

    Raises
    ------
    ValueError
        If the operator is singular, or the weights are not finite.
    """
    w = _read_weights(node_weights)
    n = pairs.n_nodes
    if pairs.boundary == "periodic":
        symbol = ring_symbol(w, n)
        if not np.min(np.abs(symbol[1:])) > _REGULAR * np.max(np.abs(symbol)):
            raise ValueError("node_weights must give a regular operator, got a zero of the symbol")
        modes = np.fft.rfft(pairs.f, axis=1)
        modes[:, 0] = 0.0
        modes[:, 1:] /= symbol[1:]
        return np.asarray(np.fft.irfft(modes, n, axis=1))
    row = np.zeros(n)
    row[0] = 2 * w.sum()
    row[1 : w.size + 1] = -w[: n - 1]
    known = pairs.u.copy()
    known[:, pairs.collar : pairs.collar + n] = 0.0
    load = pairs.f - _on_a_line(w, known, pairs.collar)  # what the collar contributes
    try:
        return np.asarray(linalg.solve(linalg.toeplitz(row), load.T, assume_a="sym").T)
    except linalg.LinAlgError as error:
        raise ValueError(f"node_weights must give a regular operator: {error}") from error


def solution_errors(node_weights: ArrayLike, pairs: TrainingPairs) -> Array:
    """Relative l2 errors of the solutions, one for each pair.

    Parameters
    ----------
    node_weights : array_like, shape (J,)
        w_j, 1/time, for the spacing of the pairs.
    pairs : TrainingPairs
        With the true solutions, not zero.

    Returns
    -------
    ndarray, shape (n_samples,)
        On a ring of what varies: means are left out.

    Raises
    ------
    ValueError
        If the operator is singular, or a true solution is zero.
    """
    true = pairs.u[:, pairs.collar : pairs.collar + pairs.n_nodes]
    if pairs.boundary == "periodic":
        true = true - true.mean(axis=1, keepdims=True)
    size = np.linalg.norm(true, axis=1)
    if not np.all(size > 0):
        raise ValueError("pairs must have solutions that are not zero, for relative errors")
    return np.asarray(np.linalg.norm(solve_pairs(node_weights, pairs) - true, axis=1) / size)
