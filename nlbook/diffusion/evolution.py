"""Many steps of a linear evolution at once, by Chebyshev polynomials of the operator.

Both the forward Euler step and the exact solution are functions of one symmetric operator A whose
spectrum lies in [low, high],

    p_k = (1 + dt A)**k p_0   and   p(t) = exp(t A) p_0.

With the middle c and half-width b of the spectrum and Y = (A - c) / b, each is a sum

    p_k = sum_d C[k, d] T_d(Y) p_0

over Chebyshev polynomials. The vectors T_d(Y) p_0 do not depend on k: they are computed once, by
the recurrence T_{d+1} = 2 Y T_d - T_{d-1}, one application of the operator each. All snapshots
are then one matrix product. The coefficients are known in closed form:

- A step multiplies by (1 + dt c) + dt b Y, and Y T_d = (T_{d+1} + T_{d-1}) / 2. So C[k] follows
  from C[k-1] by a recurrence, which for a spectrum in [-2/dt, 0] is that of a lazy random walk:
  C[k, d] is the chance to be d steps from the start. All terms are positive and sum to one, so
  nothing is lost to rounding, and the series ends where the walk has not been: after about
  8 sqrt(k dt |low| / 2) terms instead of k.
- exp(t A): C[d] = 2 exp(t c) I_d(t b) (half of it for d = 0), modified Bessel functions [1]_.

References
----------
.. [1] H. Tal-Ezer, SIAM J. Numer. Anal. 23 (1986) 11.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.diffusion.checks import DiffusionWarning
from nlbook.diffusion.nodes import bessel_loop, euler_loop

__all__ = [
    "Expansion",
    "Method",
    "chebyshev_vectors",
    "combine",
    "euler_expansion",
    "exponential_expansion",
    "plan",
    "stable_step",
]

#: Names of the methods of evolution.
Method = Literal["auto", "euler", "exact"]

# What an expansion leaves out, relative to the largest value of the start: below rounding.
_TOLERANCE = 1e-16

# Multiplications in a piece of a product: OpenBLAS took one thread up to about 800,000.
_PIECE = 300_000


@dataclass(frozen=True)
class Expansion:
    """Coefficients C[k, d] of snapshots in Chebyshev polynomials of the operator."""

    coefficients: NDArray[np.float64]  #: (snapshots, degree + 1)
    spectrum: tuple[float, float]  #: interval of eigenvalues, 1/time

    @property
    def degree(self) -> int:
        """Highest polynomial."""
        return self.coefficients.shape[1] - 1

    def blocks(self, size: int) -> Iterator[tuple[slice, int]]:
        """Consecutive snapshots, and the number of polynomials that they need."""
        for start in range(0, len(self.coefficients), size):
            stop = min(start + size, len(self.coefficients))
            # the last row reaches farthest, the others at most one farther
            rest = np.cumsum(np.abs(self.coefficients[stop - 1, ::-1]))
            unseen = int(np.count_nonzero(rest <= _TOLERANCE * max(1.0, float(rest[-1]))))
            yield slice(start, stop), min(rest.size, rest.size - unseen + 1)


def plan(
    spectrum: tuple[float, float],
    positive_step: float,
    *,
    dt: float,
    n_steps: int,
    method: Method = "auto",
    steps: ArrayLike | None = None,
) -> Expansion:
    """Check what an evolution is asked for, and expand it.

    Parameters
    ----------
    spectrum : tuple of float
        Interval that holds the eigenvalues of A.
    positive_step : float
        Longest step of forward Euler that keeps signs.
    dt, n_steps, method
        As in `NonlocalDiffusion.evolve`.
    steps : array_like of int, optional
        Ascending numbers of steps, at most `n_steps`; all, the start included, by default.

    Raises
    ------
    ValueError
        If dt is not stable for Euler (the bound is named), or an argument is out of range.
    """
    check_choice("method", method, ("auto", "euler", "exact"))
    check_number("dt", dt, above=0)
    at = _step_numbers(n_steps, steps)
    low, high = spectrum
    if high > 1e-12 * -low:
        warnings.warn(
            f"the operator may have positive eigenvalues, up to {high:.3g} per unit of time: "
            f"some waves grow",
            DiffusionWarning,
            stacklevel=4,
        )
    if method == "exact" or (method == "auto" and dt > positive_step):
        return exponential_expansion(dt * at.astype(np.float64), spectrum)
    if dt > stable_step(spectrum):
        raise ValueError(
            f"dt must not exceed {stable_step(spectrum):.6g}, which is 2 over the largest "
            f"eigenvalue, for forward Euler to be stable, got {dt!r}; method='exact' has no bound"
        )
    return euler_expansion(at, dt, spectrum)


def stable_step(spectrum: tuple[float, float]) -> float:
    """Longest stable time step of forward Euler, 2 / largest eigenvalue."""
    return 2 / -spectrum[0] if spectrum[0] < 0 else math.inf


def _step_numbers(n_steps: int, steps: ArrayLike | None) -> NDArray[np.int64]:
    check_integer("n_steps", n_steps, 0)
    if steps is None:
        return np.arange(n_steps + 1)
    at = real_array("snapshots", steps)
    whole = at.astype(np.int64)
    if at.ndim != 1 or not np.array_equal(at, whole):
        raise ValueError(f"snapshots must be whole numbers of steps, got {steps!r}")
    if whole.size and (whole[0] < 0 or whole[-1] > n_steps or np.any(np.diff(whole) < 0)):
        raise ValueError(f"snapshots must ascend from 0 to n_steps = {n_steps}, got {steps!r}")
    return whole


def euler_expansion(
    steps: NDArray[np.int64], dt: float, spectrum: tuple[float, float]
) -> Expansion:
    """Coefficients of (1 + dt A)**k for the numbers of steps k, ascending.

    Parameters
    ----------
    steps : ndarray of int, shape (n,)
        Ascending numbers of steps, not negative.
    dt : float
        Time step.
    spectrum : tuple of float
        Interval that holds the eigenvalues of A.
    """
    centre, half = sum(spectrum) / 2, (spectrum[1] - spectrum[0]) / 2
    last = int(steps[-1]) if steps.size else 0
    degree = min(last, _walk_range(last * dt * half))
    out = np.empty((steps.size, degree + 1))
    euler_loop(np.ascontiguousarray(steps), 1 + dt * centre, dt * half / 2, out)
    return Expansion(out, spectrum)


def exponential_expansion(times: NDArray[np.float64], spectrum: tuple[float, float]) -> Expansion:
    """Coefficients of exp(t A) at the times t, not negative.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Times.
    spectrum : tuple of float
        Interval that holds the eigenvalues of A.
    """
    centre, half = sum(spectrum) / 2, (spectrum[1] - spectrum[0]) / 2
    longest = float(np.max(times, initial=0.0))
    out = np.empty((times.size, _walk_range(longest * half) + 1))
    bessel_loop(half * times, out)
    out[:, 1:] *= 2
    out *= np.exp((centre + half) * times)[:, np.newaxis]
    return Expansion(out, spectrum)


def chebyshev_vectors(
    apply: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    start: NDArray[np.float64],
    spectrum: tuple[float, float],
) -> Iterator[NDArray[np.float64]]:
    """T_0(Y) p_0, T_1(Y) p_0, ... without end, Y = (A - c) / b.

    Parameters
    ----------
    apply : callable
        The operator A.
    start : ndarray
        p_0, in the shape that `apply` takes.
    spectrum : tuple of float
        Interval that holds the eigenvalues of A.
    """
    centre, half = sum(spectrum) / 2, (spectrum[1] - spectrum[0]) / 2
    half = half or 1.0  # a single eigenvalue: Y is zero

    def scaled(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((apply(u) - centre * u) / half)

    before, now = start, scaled(start)
    yield before
    while True:
        yield now
        following = scaled(now)
        following *= 2.0
        following -= before
        before, now = now, following


def combine(
    coefficients: NDArray[np.float64], vectors: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Matrix product, in pieces that a BLAS library computes in one thread.

    The factors are thin, so that two threads would win little, and lose much where cores are
    shared: a product in one piece took 5 to 10 times longer on a busy machine. The result does
    not depend on the number of threads either.

    Parameters
    ----------
    coefficients : ndarray, shape (r, k)
        One row a snapshot.
    vectors : ndarray, shape (k, n)
        Polynomials of the operator, applied to the start.
    out : ndarray, shape (r, n)
        Receives the product.
    """
    (n_rows, depth), n_columns = coefficients.shape, vectors.shape[1]
    height = max(8, min(128, _PIECE // (16 * depth)))
    width = max(16, _PIECE // (height * depth))
    for top in range(0, n_rows, height):
        rows = slice(top, top + height)
        for left in range(0, n_columns, width):
            columns = slice(left, left + width)
            np.matmul(coefficients[rows], vectors[:, columns], out=out[rows, columns])


def _walk_range(variance: float) -> int:
    """Distance that a walk of this variance in unit steps exceeds with a chance below 1e-17.

    Bernstein's inequality: the chance is at most 2 exp(-d**2 / (2 variance + 2 d / 3)).
    """
    bits = math.log(2 / (0.1 * _TOLERANCE))
    return math.ceil(bits / 3 + math.sqrt((bits / 3) ** 2 + 2 * bits * variance))
