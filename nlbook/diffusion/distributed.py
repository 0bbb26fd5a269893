"""The operator and its evolution on MPI ranks, for grids too large for one node.

Each rank owns a block of rows (of nodes, on a line), and knows nothing of the others but a halo as
wide as the horizon, which it is sent before each application. What an application and an
evolution compute is the same as on one rank, to rounding: about 1e-14 of the largest value. The
evolution is that of `nlbook.diffusion.evolution`, whose polynomials need nothing but applications,
so that many steps cost the exchange of few halos, and no sum over all ranks.

A script is started by the environment's ``mpiexec``; on engines see
`nlbook.parallel.run_on_ranks`. Set one thread a rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import (
    check_choice,
    check_integer,
    check_unmasked,
    real_array,
    uniform_grid,
    uniform_spacing,
)
from nlbook.diffusion.checks import Extent, warn_of_changes
from nlbook.diffusion.evolution import Method, chebyshev_vectors, plan, stable_step
from nlbook.diffusion.plane import plane_weights
from nlbook.diffusion.quadrature import Rule, line_weights
from nlbook.diffusion.spectrum import symbol_range
from nlbook.diffusion.tiles import TiledConvolution
from nlbook.kernels import RadialKernel, check_kernel
from nlbook.parallel import block_partition

__all__ = ["DistributedDiffusion"]


class DistributedDiffusion:
    """Nonlocal diffusion on a line or in the plane, shared among MPI ranks or on one.

    Parameters
    ----------
    kernel : PowerLawKernel or BernsteinKernel
        K(r), 1/(length**dimension time), its horizon finite.
    axes : sequence of one or two array_like
        Uniform, ascending nodes along each direction, at one distance. The blocks of the ranks
        are cut from the first.
    communicator : mpi4py.MPI.Intracomm, optional
        The ranks; without one this process does it all.
    boundary : "volume" or "periodic"
        u = 0 beyond the grid, or a ring (torus) at least twice as long as the horizon.
    rule : "covered" or "nodes"
        See `nlbook.diffusion.quadrature` and `nlbook.diffusion.plane`.

    Raises
    ------
    ValueError
        If an axis is not uniform or is too short for the horizon, or there are more ranks than
        rows.

    Examples
    --------
    >>> import numpy as np
    >>> from nlbook.kernels import PowerLawKernel
    >>> x = np.linspace(-1, 1, 64)
    >>> operator = DistributedDiffusion(PowerLawKernel(2.5, horizon=0.2), (x, x))
    >>> rows, columns = operator.coordinates()
    >>> u = np.exp(-(rows**2 + columns**2) / 0.02)
    >>> operator.evolve(u, dt=1e-3, n_steps=100).shape
    (64, 64)
    """

    def __init__(
        self,
        kernel: RadialKernel,
        axes: Sequence[ArrayLike],
        communicator: Any = None,
        boundary: Literal["volume", "periodic"] = "volume",
        rule: Rule = "covered",
    ) -> None:
        check_choice("boundary", boundary, ("volume", "periodic"))
        check_kernel(kernel)
        if len(axes) not in (1, 2):
            raise ValueError(f"axes must be one or two, got {len(axes)}")
        self._axes = [uniform_grid(axis, f"axes[{k}]") for k, axis in enumerate(axes)]
        spacings = [uniform_spacing(axis) for axis in self._axes]
        # what the rounding of nodes far from the origin, or in float32, leaves of one distance
        if not math.isclose(spacings[0], spacings[-1], rel_tol=1e-5):
            raise ValueError(f"axes must have one distance of nodes, got {spacings}")
        self.kernel, self.boundary, self.rule = kernel, boundary, rule
        self.spacing = spacings[0]
        #: Number of nodes along each direction.
        self.shape = tuple(axis.size for axis in self._axes)
        self._communicator = communicator
        self._rank = 0 if communicator is None else int(communicator.Get_rank())
        self._n_ranks = 1 if communicator is None else int(communicator.Get_size())
        if self._n_ranks > self.shape[0]:
            raise ValueError(
                f"axes must have a row for each rank: {self.shape[0]} rows, {self._n_ranks} ranks"
            )
        self._stencil = self._checked_stencil()
        #: Rows of the grid that this rank owns.
        self.rows = block_partition(self.shape[0], self._n_ranks, self._rank)
        #: Shape of this rank's block.
        self.local_shape = (len(self.rows), *self.shape[1:])
        self._convolution = TiledConvolution(self._stencil, self.local_shape)
        self._sends, self._receives = self._exchanges()

    @property
    def rate(self) -> float:
        """Total weight of all neighbours, 1/time."""
        return -float(self._stencil[tuple(size // 2 for size in self._stencil.shape)])

    @cached_property
    def spectrum(self) -> tuple[float, float]:
        """An interval that holds all eigenvalues, 1/time."""
        return symbol_range(self._stencil)

    @property
    def stable_step(self) -> float:
        """Longest stable time step of forward Euler, 2 / largest eigenvalue."""
        return stable_step(self.spectrum)

    @property
    def positive_step(self) -> float:
        """Longest time step of forward Euler that keeps signs and maxima, 1 / `rate`."""
        return 1 / self.rate if self.rate > 0 else math.inf

    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of this rank's nodes, shaped to broadcast to `local_shape`."""
        first = self._axes[0][self.rows.start : self.rows.stop]
        if len(self._axes) == 1:
            return (first,)
        return first[:, np.newaxis], self._axes[1][np.newaxis]

    def apply(self, u: ArrayLike) -> NDArray[np.float64]:
        """L u on this rank's block; all ranks call it together.

        Parameters
        ----------
        u : array_like, shape `local_shape`
            Values on this rank's block.

        Returns
        -------
        ndarray, shape `local_shape`
        """
        return self._apply(self._values(u))

    def evolve(
        self,
        p0: ArrayLike,
        dt: float,
        n_steps: int,
        snapshots: ArrayLike | None = None,
        method: Method = "auto",
        *,
        check: bool = True,
    ) -> NDArray[np.float64]:
        """Evolve dp/dt = L p; all ranks call it together.

        Parameters
        ----------
        p0 : array_like, shape `local_shape`
            This rank's block at the start.
        dt, n_steps, method
            As in `NonlocalDiffusion.evolve`.
        snapshots : array_like of int, optional
            Ascending numbers of steps after which to keep the state; the last only by default.
        check : bool
            Warn in words, on rank 0, of lost mass, negative values and new maxima.

        Returns
        -------
        ndarray, shape ``local_shape`` or ``(number of snapshots, *local_shape)``
            This rank's block.

        Raises
        ------
        ValueError
            If dt is not stable for Euler (the bound is named), or an argument is out of range.
        """
        check_unmasked("p0", p0)
        start = self._values(p0)
        check_integer("n_steps", n_steps, 0)
        steps = np.array([n_steps]) if snapshots is None else real_array("snapshots", snapshots)
        expansion = plan(
            self.spectrum, self.positive_step, dt=dt, n_steps=n_steps, method=method, steps=steps
        )
        out = np.zeros((len(expansion.coefficients), *self.local_shape))
        terms = max((count for _, count in expansion.blocks(len(out) or 1)), default=0)
        vectors = chebyshev_vectors(self._apply, start, expansion.spectrum)
        for degree, vector in enumerate(islice(vectors, terms)):
            for state, coefficients in zip(out, expansion.coefficients, strict=True):
                state += coefficients[degree] * vector
        if check and len(out):
            before, after = self._extent(start[np.newaxis]), self._extent(out)
            if self._rank == 0:
                warn_of_changes(before, after, kept=self.boundary == "periodic", stacklevel=3)
        return out[0] if snapshots is None else out

    def total(self, u: ArrayLike) -> float:
        """Sum of u over all ranks, times the volume of a node: the mass."""
        own = float(self._values(u).sum()) * self.spacing ** len(self.shape)
        return own if self._communicator is None else float(self._communicator.allreduce(own))

    def gather(self, u: ArrayLike) -> NDArray[np.float64] | None:
        """The whole grid on rank 0, None on the others."""
        own = self._values(u)
        if self._communicator is None:
            return own
        blocks = self._communicator.gather(own, root=0)
        return None if blocks is None else np.concatenate(blocks)

    def _extent(self, states: NDArray[np.float64]) -> Extent:
        """Of the whole grid; collective."""
        dimension = len(self.shape)
        own = Extent.of(states, self.spacing, dimension)
        if self._communicator is None:
            return own
        masses = self.spacing**dimension * states.sum(axis=tuple(range(1, states.ndim)))
        shared = self._communicator.allgather((own, masses))
        extents = [extent for extent, _ in shared]
        total = np.sum([masses for _, masses in shared], axis=0)
        return Extent(
            float(total.min()),
            float(total.max()),
            min(extent.lowest for extent in extents),
            max(extent.highest for extent in extents),
            sum(extent.volume for extent in extents),
        )

    def _checked_stencil(self) -> NDArray[np.float64]:
        """All weights, that of the node itself in the middle, cut to what the grid can reach."""
        if math.isinf(self.kernel.horizon):
            raise ValueError("horizon must be finite on ranks, got inf")
        if len(self.shape) == 1:
            half = line_weights(self.kernel, self.spacing, self.rule).values
            stencil = np.concatenate([half[::-1], [0.0], half])
        else:
            stencil = plane_weights(self.kernel, self.spacing, self.rule)
        half_width = stencil.shape[0] // 2
        shortest = min(self.shape)
        needed = 2 * half_width + 1 if self.boundary == "periodic" else half_width + 1
        if shortest < needed:
            raise ValueError(
                f"horizon must fit on the grid: with {self.boundary!r} it needs {needed} nodes "
                f"in each direction, got {shortest}"
            )
        stencil[(half_width,) * stencil.ndim] = -stencil.sum()
        return stencil

    def _exchanges(self) -> tuple[list[tuple[int, slice]], list[tuple[int, slice]]]:
        """What is sent and received before an application: (rank, rows), in the same order.

        Rows of a send count in this rank's block, those of a receive in the block with its halo.
        A halo may come from several ranks, and on a ring from the own one.
        """
        half_width = self._stencil.shape[0] // 2
        parts = [block_partition(self.shape[0], self._n_ranks, k) for k in range(self._n_ranks)]
        sends: list[tuple[int, slice]] = []
        receives: list[tuple[int, slice]] = []
        for receiver, wanted in enumerate(parts):
            halo = [*range(wanted.start - half_width, wanted.start)]
            halo += range(wanted.stop, wanted.stop + half_width)
            for giver, owned in enumerate(parts):
                if self._rank not in (receiver, giver):
                    continue
                for first, last in _runs(halo, owned, self.shape[0], self.boundary == "periodic"):
                    if self._rank == giver:
                        at = first % self.shape[0] - owned.start
                        sends.append((receiver, slice(at, at + last - first + 1)))
                    if self._rank == receiver:
                        at = first - (wanted.start - half_width)
                        receives.append((giver, slice(at, at + last - first + 1)))
        return sends, receives

    def _apply(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        half_width = self._stencil.shape[0] // 2
        padded = np.zeros([n + 2 * half_width for n in self.local_shape])
        columns = tuple(slice(half_width, half_width + n) for n in self.shape[1:])
        # between two ranks messages arrive in the order of sending, which is that of the rows
        requests, arriving = [], []
        own = [rows for rank, rows in self._sends if rank == self._rank]
        for rank, rows in self._receives:
            if rank == self._rank:
                padded[(rows, *columns)] = u[own.pop(0)]
                continue
            buffer = np.empty((rows.stop - rows.start, *self.shape[1:]))
            requests.append(self._communicator.Irecv(buffer, source=rank))
            arriving.append((rows, buffer))
        sending = [
            self._communicator.Isend(u[rows], dest=rank)
            for rank, rows in self._sends
            if rank != self._rank
        ]
        padded[(slice(half_width, half_width + len(u)), *columns)] = u
        for request in requests:
            request.Wait()
        for rows, buffer in arriving:
            padded[(rows, *columns)] = buffer
        for request in sending:
            request.Wait()
        if self.boundary == "periodic" and columns:
            padded[:, :half_width] = padded[:, -2 * half_width : -half_width]
            padded[:, -half_width:] = padded[:, half_width : 2 * half_width]
        return self._convolution(padded)

    def _values(self, u: ArrayLike) -> NDArray[np.float64]:
        array = real_array("u", u)
        if array.shape != self.local_shape:
            raise ValueError(
                f"u must have the shape of this rank's block, {self.local_shape}, got {array.shape}"
            )
        return array


def _runs(halo: list[int], owned: range, n: int, periodic: bool) -> list[tuple[int, int]]:
    """First and last of the runs of halo rows that lie, wrapped on a ring, among those owned."""
    runs: list[tuple[int, int]] = []
    for row in halo:
        at = row % n if periodic else row
        if at not in owned:
            continue
        if runs and runs[-1][1] == row - 1 and at != owned.start:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs
