"""Sums of weighted second differences over all nodes, directly or by fast Fourier transforms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nlbook.checks import check_choice
from nlbook.diffusion.nodes import direct_loop

__all__ = ["Convolution"]

# Up to here the direct sum, 0.15 to 0.2 ns a node and weight, was faster than transforms, 16 ns a
# node; tests/benchmarks/diffusion.py measures both.
_DIRECT_UP_TO = 80


class Convolution:
    """out[i] = sum_j w_j (u[i+j] + u[i-j]) - rate u[i] on n nodes, zero or periodic beyond.

    Parameters
    ----------
    weights : ndarray, shape (J,)
        w_j, j = 1..J. On a line J is below n; on a ring at most n // 2, and if n is even the last
        one counts for both directions at once and has been halved.
    rate : float
        Weight of the node itself.
    n_nodes : int
        n.
    periodic : bool
        A ring of n nodes, or a line with zeros beyond its ends.
    method : "auto", "direct" or "fft"
        Auto takes the faster.
    """

    def __init__(
        self,
        weights: NDArray[np.float64],
        rate: float,
        n_nodes: int,
        periodic: bool,
        method: str = "auto",
    ) -> None:
        check_choice("method", method, ("auto", "direct", "fft"))
        if method == "auto":
            method = "direct" if weights.size <= _DIRECT_UP_TO else "fft"
        self.method = method
        self._weights, self._rate, self._n = np.ascontiguousarray(weights), rate, n_nodes
        self._periodic = periodic
        if method == "fft":
            half_width = weights.size
            self._length = (
                n_nodes if periodic else fft.next_fast_len(n_nodes + half_width, real=True)
            )
            stencil = np.zeros(self._length)
            stencil[1 : half_width + 1] += weights
            stencil[self._length - half_width :] += weights[::-1]
            stencil[0] -= rate
            self._spectrum = fft.rfft(stencil).real

    def __call__(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply to the last axis."""
        if self.method == "fft":
            transformed = fft.rfft(u, self._length, axis=-1)
            transformed *= self._spectrum
            return np.asarray(fft.irfft(transformed, self._length, axis=-1)[..., : self._n])
        half_width, shape = self._weights.size, u.shape
        u = u.reshape(-1, self._n)
        rows = np.zeros((len(u), self._n + 2 * half_width))
        rows[:, half_width : half_width + self._n] = u
        if self._periodic and half_width:
            rows[:, :half_width] = u[:, -half_width:]
            rows[:, -half_width:] = u[:, :half_width]
        out = np.empty((rows.shape[0], self._n))
        direct_loop(rows, self._weights, self._rate, out)
        return out.reshape(shape)
