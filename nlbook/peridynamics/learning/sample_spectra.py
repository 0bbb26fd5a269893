"""What a fit keeps of samples: for each wavevector, the least squares of a symmetric 2x2 symbol.

With displacements u and loads b on a periodic grid, the residual of a sample at wavevector k is
L(k) u(k) - b(k), linear in the three numbers l = (L_11, L_12, L_22). Over all samples its squares
are |R l - t|**2 and a rest that no symmetric symbol removes, R of 3 x 3: an orthogonal
triangularisation of all samples at once. Each sample counts by what it is over the mean square of
its load, so that the sum is the mean square of relative residuals, the square of E_Res [1]_.

References
----------
.. [1] H. You, Y. Yu, S. Silling, M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022) 114400.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import real_array
from nlbook.peridynamics.blocks import squares_of_nodes
from nlbook.peridynamics.grids import PeriodicGrid
from nlbook.peridynamics.samples import GridSamples, read_samples

__all__ = ["SampleSpectrum", "gather_samples"]

Array = NDArray[np.float64]

# A load whose mean is more than this share of its root mean square can't be in equilibrium.
_NET_FORCE = 1e-6


# Fields that vary by less than this share of their size are constant but for rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class SampleSpectrum:
    """Samples on one periodic grid, by wavevector."""

    grid: PeriodicGrid  #: of the nodes
    triangles: Array  #: R, for (L_11, L_12, L_22) at each of the grid's wavevectors (n_k, 3, 3)
    targets: Array  #: t (n_k, 3), share of the load
    rest: float  #: mean square relative residual that no symmetric symbol removes
    net_force: float  #: share of it that is the loads' mean, which nothing balances
    n_samples: int  #: number of samples
    n_gathered: int  #: of all that it was gathered with: it counts n_samples/n_gathered of them
    stiffness: float  #: root mean square of b over that of q(k) u, a modulus

    def loss(self, symbols: Array) -> float:
        """Mean over samples of the relative mean square of L u - b.

        Parameters
        ----------
        symbols : ndarray, shape (n_k, 2, 2)
            L at the grid's wavevectors, modulus over length squared.

        Returns
        -------
        float
            The square of E_Res.
        """
        values = real_array("symbols", symbols, ndim=3)
        three = values[:, [0, 0, 1], [0, 1, 1]][..., np.newaxis]
        residuals = (self.triangles @ three)[..., 0] - self.targets
        return float(np.sum(residuals**2)) + self.rest

    def among(self, n_gathered: int) -> SampleSpectrum:
        """The same as a part of another number of samples: losses are means over all of them."""
        if n_gathered == self.n_gathered:
            return self
        share = self.n_gathered / n_gathered
        return replace(
            self,
            triangles=np.sqrt(share) * self.triangles,
            targets=np.sqrt(share) * self.targets,
            rest=share * self.rest,
            net_force=share * self.net_force,
            n_gathered=n_gathered,
        )


def gather_samples(samples: Any, *, relative: bool = True) -> tuple[SampleSpectrum, ...]:
    """Read samples on periodic grids, to fit to them many times.

    Parameters
    ----------
    samples : object with `spacing`, `displacement` and `load`, or a sequence of them
        Both fields of shape (n_samples, n1, n2, 2); several, on other grids, are hybrid data. Or
        what has been gathered before, together or apart: it keeps its weights within, and counts
        by its number of samples.
    relative : bool
        Whether each sample counts over the mean square of its load, or all over the mean over
        samples of that: the paper's sum of squares, which the large loads rule.

    Returns
    -------
    tuple of SampleSpectrum
        One a grid. The sum of their losses is the loss over all samples.

    Raises
    ------
    ValueError
        If shapes, spacings or numbers make no sense, or a sample has no load.
    """
    if not isinstance(relative, bool | np.bool_):
        raise ValueError(f"relative must be True or False, got {relative!r}")
    given: Sequence[Any] = samples if isinstance(samples, list | tuple) else (samples,)
    if not given:
        raise ValueError("samples must be one set or more, got none")
    if any(isinstance(one, SampleSpectrum) for one in given):
        if not all(isinstance(one, SampleSpectrum) for one in given):
            raise ValueError("samples must be all gathered before or none, got some of each")
        every = sum(one.n_samples for one in given)
        return tuple(one.among(every) for one in given)
    read = [_on_a_grid(one) for one in given]
    total = sum(len(one.load) for one in read)
    squares = [np.mean(np.sum(one.load**2, axis=-1), axis=(1, 2)) for one in read]
    for values in squares:
        if not np.all(values > 0):
            raise ValueError(f"load must not vanish, as in sample {int(np.argmin(values))}")
    if not relative:
        mean = float(np.mean(np.concatenate(squares)))
        squares = [np.full(values.shape, mean) for values in squares]
    return tuple(
        _spectrum(one.grid, one.displacement, one.load, 1 / np.sqrt(total * values), total)
        for one, values in zip(read, squares, strict=True)
    )


def _on_a_grid(samples: Any) -> GridSamples:
    read = read_samples(samples)
    if not isinstance(read, GridSamples):
        raise ValueError(
            "samples must lie on a periodic grid to be fitted to, got a set of points: test a fit "
            "on those by its displacement_error"
        )
    return read


def _spectrum(
    grid: PeriodicGrid, u: Array, b: Array, weights: Array, n_gathered: int
) -> SampleSpectrum:
    scale = np.sqrt(grid.multiplicities) / grid.n_nodes
    modes = []
    for values in (u, b):
        waves = np.fft.rfft2(values * weights[:, None, None, None], axes=(1, 2))
        modes.append(waves.reshape(len(values), -1, 2) * scale[:, np.newaxis])
    net_force = float(np.sum(np.abs(modes[1][:, 0]) ** 2))
    u1, u2 = modes[0][..., 0], modes[0][..., 1]
    none = np.zeros_like(u1)
    # rows: both components of every sample; columns: L_11, L_12, L_22 and the load
    rows = np.stack(
        [
            np.stack([u1, u2, none, modes[1][..., 0]], axis=-1),
            np.stack([none, u1, u2, modes[1][..., 1]], axis=-1),
        ]
    )
    rows = np.concatenate([rows.real, rows.imag]).reshape(-1, *rows.shape[2:])
    upper: Array = np.linalg.qr(rows.transpose(1, 0, 2)).R[1:]
    k = grid.wavevectors[1:]
    q = squares_of_nodes(k, grid.nominal_spacing)
    strains = np.sqrt(np.sum(np.abs(modes[0][:, 1:] * q[:, np.newaxis]) ** 2))
    size = np.sqrt(np.sum(np.abs(modes[0]) ** 2)) * q.max()
    if not strains > _CONSTANT * size:
        raise ValueError("displacement must vary in space, got fields that are constant")
    loads = np.sqrt(np.sum(np.abs(modes[1][:, 1:]) ** 2))
    if not loads > _CONSTANT * np.sqrt(np.sum(np.abs(modes[1]) ** 2)):
        raise ValueError("load must vary in space, got fields that are constant")
    return SampleSpectrum(
        grid,
        np.concatenate([np.zeros((1, 3, 3)), upper[:, :3, :3]]),
        np.concatenate([np.zeros((1, 3)), upper[:, :3, 3]]),
        float(np.sum(upper[:, 3, 3] ** 2)) + net_force,
        net_force,
        len(u),
        n_gathered,
        float(loads / strains),
    )


def net_force_words(spectra: Sequence[SampleSpectrum]) -> list[str]:
    """Say so if loads have a mean."""
    share = float(np.sqrt(sum(one.net_force for one in spectra)))
    if share <= _NET_FORCE:
        return []
    return [
        f"the loads have a net force, {100 * share:.2g} % of their root mean square, which nothing "
        f"in a periodic box balances: it is part of every residual"
    ]
