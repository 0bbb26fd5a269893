"""The nonlocal diffusion operator on a uniform grid in one dimension.

    L u(x) = integral over |y - x| < delta of K(|y - x|) (u(y) - u(x)) dy

with u = 0 outside the grid (the homogeneous volume constraint on the collar of width delta), or
on a ring. Discretised by the weights of `nlbook.diffusion.quadrature` it is a symmetric Toeplitz
or circulant matrix, whose eigenvalues lie in the range of its symbol

    -2 sum_j w_j (1 - cos(k j h)),

so that bounds on time steps, the fast evolution and the solver all follow from the symbol.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, linalg, sparse

from nlbook.checks import check_choice, check_integer, check_unmasked, real_array, uniform_grid
from nlbook.diffusion.checks import check_evolution
from nlbook.diffusion.convolution import Convolution
from nlbook.diffusion.evolution import (
    Expansion,
    Method,
    chebyshev_vectors,
    combine,
    plan,
    stable_step,
)
from nlbook.diffusion.quadrature import Rule, line_weights, periodic_weights, stencil_symbol
from nlbook.diffusion.spectrum import symbol_range
from nlbook.diffusion.steady import solve_periodic, solve_volume
from nlbook.kernels import RadialKernel, check_kernel

__all__ = ["NonlocalDiffusion"]

# Snapshots in a block: with half of 1601 nodes 1.6 MB, which a core's cache holds.
_BLOCK = 256


class NonlocalDiffusion:
    """The operator of a radial kernel on a uniform grid.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        K(r), 1/(length time) in one dimension.
    grid : array_like, shape (n,)
        Ascending, equally spaced nodes, at least three. On a ring the period is n spacings.
    boundary : "volume" or "periodic"
        u = 0 beyond the grid, or a ring with the kernel's images summed.
    rule : "covered" or "nodes"
        Quadrature: second order in the spacing, or the paper's sum over nodes; see
        `nlbook.diffusion.quadrature`.
    exceed_grid : bool
        Allow a finite horizon longer than the grid with a volume constraint. No two nodes are
        that far apart, so what is beyond acts as a loss alone. (A kernel without a horizon needs
        no permission.)
    warn : bool
        Say so where an exponent is so large that the operator has no limit as the grid is
        refined. A search that tries many need not be told of each.

    Raises
    ------
    ValueError
        If the grid is not uniform or is too short for the horizon, or the kernel does not suit
        the rule.

    Examples
    --------
    >>> import numpy as np
    >>> from nlbook.kernels import PowerLawKernel
    >>> grid = np.linspace(-1, 1, 101)
    >>> operator = NonlocalDiffusion(PowerLawKernel(1.5, horizon=0.3, coefficient=0.1), grid)
    >>> density = np.exp(-(grid**2) / 0.02) / np.sqrt(0.02 * np.pi)
    >>> later = operator.evolve(density, dt=0.01, n_steps=200)
    >>> bool(later.max() < density.max())
    True
    """

    def __init__(
        self,
        kernel: RadialKernel,
        grid: ArrayLike,
        boundary: Literal["volume", "periodic"] = "volume",
        rule: Rule = "covered",
        *,
        exceed_grid: bool = False,
        warn: bool = True,
    ) -> None:
        check_choice("boundary", boundary, ("volume", "periodic"))
        check_kernel(kernel)
        self.kernel, self.boundary, self.rule = kernel, boundary, rule
        self.grid = uniform_grid(grid)
        n, length = self.grid.size, float(self.grid[-1] - self.grid[0])
        self.spacing = length / (n - 1)
        too_long = length + 1e-6 * self.spacing < kernel.horizon < math.inf
        if boundary == "volume" and too_long and not exceed_grid:
            raise ValueError(
                f"horizon must not exceed the length of the grid, {length:g}, got "
                f"{kernel.horizon:g}: widen the grid, or allow it by exceed_grid=True"
            )
        self._weights: NDArray[np.float64] | None = None
        self._ring: NDArray[np.float64] | None = None
        if boundary == "volume":
            count = None if math.isfinite(kernel.horizon) else n - 1
            rule_weights = line_weights(kernel, self.spacing, rule, count, warn=warn)
            self._weights = rule_weights.values
            #: Total weight of all neighbours, 1/time: minus the diagonal of the matrix.
            self.rate = 2 * rule_weights.total
        else:
            self._ring = periodic_weights(kernel, self.spacing, n, rule, warn=warn)
            self.rate = float(self._ring.sum())
        self._convolution = Convolution(*self._stencil(), n, boundary == "periodic")

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.grid.size

    @property
    def weights(self) -> NDArray[np.float64]:
        """w_j, j = 1, 2, ...: L u_i ~ sum_j w_j (u[i+j] - 2 u[i] + u[i-j]), 1/time.

        For a kernel without a horizon, those that fit on the grid.
        """
        if self._weights is None:
            n = None if math.isfinite(self.kernel.horizon) else self.n_nodes - 1
            weights = line_weights(self.kernel, self.spacing, self.rule, n, warn=False)
            self._weights = weights.values
        return self._weights

    def apply(self, u: ArrayLike) -> NDArray[np.float64]:
        """L u at the nodes.

        Parameters
        ----------
        u : array_like, shape (..., n)
            Values at the nodes; the last axis is space.

        Returns
        -------
        ndarray, shape (..., n)
        """
        return self._convolution(self._values("u", u))

    def matrix(self, form: Literal["dense", "sparse"] = "dense") -> Any:
        """The matrix of the operator, symmetric: an array, or a `scipy.sparse.csr_array`."""
        check_choice("form", form, ("dense", "sparse"))
        n = self.n_nodes
        row = self._first_row()
        if form == "dense":
            return linalg.toeplitz(row) if self._ring is None else linalg.circulant(row)
        last = max(np.flatnonzero(row), default=0)
        offsets = np.arange(-last, last + 1)
        if self._ring is not None:
            offsets = offsets[np.abs(offsets) < n]
        bands = [np.full(n - abs(k), row[abs(k)]) for k in offsets]
        return sparse.diags_array(bands, offsets=offsets, shape=(n, n), format="csr")

    def symbol(self, wavenumbers: ArrayLike) -> NDArray[np.float64]:
        """Factor by which the operator on an unbounded grid multiplies exp(i k x).

        -2 sum_j w_j (1 - cos(k j h)), 1/time; on a ring it gives the eigenvalues at the
        wavenumbers 2 pi m / (n h).

        Raises
        ------
        ValueError
            If the kernel has no horizon and the grid is not periodic with k one of its modes.
        """
        k = real_array("wavenumbers", wavenumbers)
        if math.isfinite(self.kernel.horizon):
            return -stencil_symbol(self.weights, k * self.spacing)
        modes = k * self.n_nodes * self.spacing / (2 * np.pi)
        if self._ring is None or not np.allclose(modes, np.round(modes), rtol=0, atol=1e-6):
            raise ValueError(
                "wavenumbers of a kernel without a horizon must be modes of a periodic grid, "
                f"multiples of 2 pi / (n h), got {wavenumbers!r}"
            )
        phase = np.multiply.outer(k, self.spacing / 2 * np.arange(self.n_nodes))
        return np.asarray(-2 * (np.sin(phase) ** 2 @ self._ring))

    @cached_property
    def spectrum(self) -> tuple[float, float]:
        """An interval that holds all eigenvalues, 1/time; half a percent wider than the symbol."""
        row = self._first_row()
        if self._ring is not None:
            values = fft.rfft(row).real
            return float(values.min()), max(float(values.max()), 0.0)
        return symbol_range(np.concatenate([row[:0:-1], row]))

    @property
    def stable_step(self) -> float:
        """Longest stable time step of forward Euler, 2 / largest eigenvalue."""
        return stable_step(self.spectrum)

    @property
    def positive_step(self) -> float:
        """Longest time step of forward Euler that keeps signs and maxima, 1 / `rate`."""
        return 1 / self.rate if self.rate > 0 else math.inf

    def evolve(
        self,
        p0: ArrayLike,
        dt: float,
        n_steps: int,
        snapshots: Literal["all"] | ArrayLike | None = None,
        method: Method = "auto",
        *,
        check: bool = True,
    ) -> NDArray[np.float64]:
        """Evolve dp/dt = L p.

        The result is that of `n_steps` steps, but they are not taken one by one: see
        `nlbook.diffusion.evolution`. It differs from stepping by rounding, about 1e-14 of the
        largest value. A kernel's coefficient and `dt` enter as their product alone.

        Parameters
        ----------
        p0 : array_like, shape (n,)
            Values at the start.
        dt : float
            Time step.
        n_steps : int
            Number of steps.
        snapshots : None, "all" or array_like of int
            The last state only; all, the start included; or those after these numbers of steps,
            ascending.
        method : "auto", "euler" or "exact"
            Forward Euler, (1 + dt L)**k p0, as in the paper; the exact exponential,
            exp(k dt L) p0; or Euler where dt keeps signs (`positive_step`) and otherwise exact.
        check : bool
            Warn in words of lost mass, negative values and new maxima.

        Returns
        -------
        ndarray, shape (n,), (n_steps + 1, n) or (number of snapshots, n)

        Raises
        ------
        ValueError
            If dt is not stable for Euler (the bound is named), or an argument is out of range.
        """
        check_integer("n_steps", n_steps, 0)
        if snapshots is None:
            wanted = np.array([n_steps])
        elif isinstance(snapshots, str):
            if snapshots != "all":
                raise ValueError(f"snapshots must be None, 'all' or numbers, got {snapshots!r}")
            wanted = np.arange(n_steps + 1)
        else:
            wanted = real_array("snapshots", snapshots)
            if not wanted.size:
                raise ValueError("snapshots must name one number of steps or more, got none")
        start, expansion = self._plan(p0, dt, n_steps, method, wanted)
        out = np.empty((wanted.size, self.n_nodes))
        for _ in self._blocks(start, expansion, _BLOCK, self.n_nodes, out):
            pass
        if check:
            check_evolution(start, out, self.spacing, kept=self._ring is not None)
        return out[0] if snapshots is None else out

    def evolve_blocks(
        self,
        p0: ArrayLike,
        dt: float,
        n_steps: int,
        method: Method = "auto",
        *,
        steps: ArrayLike | None = None,
        size: int = _BLOCK,
        half: bool = False,
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Snapshots of `evolve` in blocks, so that a sum over them needs no memory for all.

        Parameters
        ----------
        p0, dt, n_steps, method
            As in `evolve`.
        steps : array_like of int, optional
            Ascending numbers of steps, at most `n_steps`; all, the start included, by default.
        size : int
            Snapshots in a block.
        half : bool
            The nodes 0 .. (n - 1) // 2 alone, for a p0 that is even about the middle of a grid
            with a volume constraint; the others mirror them.

        Yields
        ------
        rows : slice
            Which of `steps` the block holds.
        block : ndarray, shape (size or fewer, n or (n + 1) // 2)
            Their values; overwritten by the next block.

        Raises
        ------
        ValueError
            As in `evolve`, and for `half` if p0 is not even.
        """
        check_unmasked("steps", steps)
        start, expansion = self._plan(p0, dt, n_steps, method, steps)
        columns = self.n_nodes
        if half:
            if self._ring is not None or not np.array_equal(start, start[::-1]):
                raise ValueError("p0 must be even, to the bit, on a volume-constrained grid")
            columns = (columns + 1) // 2
        check_integer("size", size, 1)
        return self._blocks(start, expansion, size, columns)

    def solve(self, f: ArrayLike) -> NDArray[np.float64]:
        """The steady state u of -L u = f.

        Parameters
        ----------
        f : array_like, shape (n,)
            Source, units of u over time. On a periodic grid its sum must be zero, and that of u
            is.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        ValueError
            If there is no solution.
        """
        source = self._values("f", f)
        if source.ndim != 1:
            raise ValueError(f"f must be one row of {self.n_nodes} values, got {source.shape}")
        if self._ring is not None:
            return solve_periodic(self._first_row(), source)
        return solve_volume(self._first_row(), self.apply, source)

    def _plan(
        self, p0: ArrayLike, dt: float, n_steps: int, method: Method, steps: ArrayLike | None
    ) -> tuple[NDArray[np.float64], Expansion]:
        start = self._values("p0", p0)
        if start.ndim != 1:
            raise ValueError(f"p0 must be one state of {self.n_nodes} nodes, got {start.shape}")
        return start, plan(
            self.spectrum, self.positive_step, dt=dt, n_steps=n_steps, method=method, steps=steps
        )

    def _blocks(
        self,
        start: NDArray[np.float64],
        expansion: Expansion,
        size: int,
        columns: int,
        out: NDArray[np.float64] | None = None,
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Into rows of `out`, or one block over another."""
        vectors = np.empty((expansion.degree + 1, columns))
        polynomials = chebyshev_vectors(self._convolution, start, expansion.spectrum)
        done = 0
        if out is None:
            buffer = np.empty((min(size, len(expansion.coefficients)), columns))
        for rows, terms in expansion.blocks(size):
            while done < terms:
                vectors[done] = next(polynomials)[:columns]
                done += 1
            block = buffer[: rows.stop - rows.start] if out is None else out[rows]
            combine(expansion.coefficients[rows, :terms], vectors[:terms], block)
            yield rows, block

    def _stencil(self) -> tuple[NDArray[np.float64], float]:
        """Weights of both neighbours at distances 1, 2, ... on this grid, and of the node."""
        n = self.n_nodes
        if self._ring is None:
            assert self._weights is not None
            return self._weights[: n - 1], self.rate
        sides = self._ring[1 : n // 2 + 1].copy()
        if n % 2 == 0:
            sides[-1] /= 2
        return np.trim_zeros(sides, "b"), self.rate

    def _first_row(self) -> NDArray[np.float64]:
        row = np.zeros(self.n_nodes)
        if self._ring is None:
            weights = self.weights[: self.n_nodes - 1]
            row[1 : weights.size + 1] = weights
        else:
            row += self._ring
        row[0] = -self.rate
        return row

    def _values(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        array, n = real_array(name, values), self.n_nodes
        if array.shape[-1:] != (n,):
            raise ValueError(f"{name} must have {n} nodes along its last axis, got {array.shape}")
        return array
