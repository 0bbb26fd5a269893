"""Steady states: -A u = f for a symmetric Toeplitz or circulant matrix A."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, linalg
from scipy.sparse.linalg import LinearOperator, cg

from nlbook.diffusion.checks import DiffusionWarning

__all__ = ["solve_periodic", "solve_volume"]

# Up to here Levinson's recursion, whose work grows as n**2, is faster than conjugate gradients:
# 1.4 ms beside 1.0 to 1.7 at 1201 nodes, 2.5 beside 1.2 to 2.1 at 1601.
_LEVINSON_UP_TO = 1200

# Relative residual at which conjugate gradients stop.
_TOLERANCE = 1e-13

# Sum of a source on a ring, relative to the sum of its magnitudes, that counts as zero.
_BALANCED = 1e-10


def solve_volume(
    row: NDArray[np.float64],
    apply: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    f: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Solve for the Toeplitz matrix with this first row, which `apply` multiplies by.

    Raises
    ------
    ValueError
        If the matrix is singular.
    """
    if not np.any(f):
        return np.zeros_like(f)
    definite = np.all(row[1:] >= 0) and row[0] < 0
    if definite and f.size > _LEVINSON_UP_TO:
        return _conjugate_gradients(row, apply, f)
    try:
        if definite:
            return np.asarray(linalg.solve_toeplitz(-row, f))
        matrix = linalg.toeplitz(-row)
        try:
            return np.asarray(linalg.cho_solve(linalg.cho_factor(matrix), f))
        except linalg.LinAlgError:
            warnings.warn(
                "the operator has eigenvalues of both signs, so that this steady state is not "
                "where an evolution ends",
                DiffusionWarning,
                stacklevel=3,
            )
            return np.asarray(linalg.solve(matrix, f, assume_a="sym"))
    except linalg.LinAlgError as error:
        raise ValueError(f"kernel must give a regular operator: {error}") from error


def solve_periodic(row: NDArray[np.float64], f: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve for the circulant matrix with this first row; the solution sums to zero.

    Raises
    ------
    ValueError
        If the source does not sum to zero, or the operator annihilates a wave.
    """
    if abs(f.sum()) > _BALANCED * np.abs(f).sum():
        raise ValueError(
            f"f must sum to zero on a periodic grid, where the operator keeps the mass, got "
            f"{float(f.sum())!r}"
        )
    eigenvalues = -fft.rfft(row).real[1:]
    if np.min(np.abs(eigenvalues)) <= 1e-14 * np.max(np.abs(eigenvalues)):
        raise ValueError("kernel must give a regular operator: it annihilates a wave of the grid")
    modes = fft.rfft(f)
    modes[0] = 0.0
    modes[1:] /= eigenvalues
    return np.asarray(fft.irfft(modes, f.size))


def _conjugate_gradients(
    row: NDArray[np.float64],
    apply: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    f: NDArray[np.float64],
) -> NDArray[np.float64]:
    """With T. Chan's circulant as the preconditioner; it keeps the number of iterations low.

    It is that of a grid enlarged to a length whose transforms are fast: those of a prime number of
    nodes take three times as long as all the rest.
    """
    n = row.size
    size = fft.next_fast_len(n, real=True)
    j = np.arange(1, size)
    line = np.append(row, np.zeros(size - n))
    circulant = line.copy()
    circulant[1:] = ((size - j) * line[1:] + j * line[:0:-1]) / size
    eigenvalues = -fft.rfft(circulant).real
    operator = LinearOperator((n, n), matvec=lambda u: -apply(u.ravel()), dtype=np.float64)
    preconditioner = LinearOperator(
        (n, n),
        matvec=lambda u: fft.irfft(fft.rfft(u.ravel(), size) / eigenvalues, size)[:n],
        dtype=np.float64,
    )
    u, failed = cg(operator, f, rtol=_TOLERANCE, atol=0.0, M=preconditioner)
    if failed:
        warnings.warn(
            f"conjugate gradients stopped after {failed} iterations short of their tolerance",
            DiffusionWarning,
            stacklevel=4,
        )
    return np.asarray(u)
