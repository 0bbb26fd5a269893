"""A density that evolves: what is known of it at many times, and what was done to it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, real_array, uniform_grid
from nlbook.densities.asymmetry import asymmetry_of_density, is_asymmetric

__all__ = ["DensitySnapshots", "DensityWarning", "Symmetry", "warn_of_asymmetry"]

Symmetry = Literal["average", "mirror"] | None
"""Both halves averaged; the left half mirrored, as in the paper; or as estimated."""


class DensityWarning(UserWarning):
    """A density that is not what its user may take it for."""


@dataclass(frozen=True)
class DensitySnapshots:
    """Densities on a uniform grid, one row a time. What was done to them stands beside, if known.

    Raises
    ------
    ValueError
        If the grid is not uniform, times do not ascend, or a density is negative or not finite.
    """

    #: nodes, any length unit (n_nodes,)
    grid: NDArray[np.float64]
    #: ascending times (n_times,)
    times: NDArray[np.float64]
    #: density, one over the unit of length (n_times, n_nodes)
    density: NDArray[np.float64]
    #: ends of the samples that were left (n_times, 2)
    support: NDArray[np.float64] | None = None
    #: samples that were left (n_times,)
    n_samples: NDArray[np.float64] | None = None
    #: samples that were cut off, at the lower and the upper end (n_times, 2)
    n_trimmed: NDArray[np.float64] | None = None
    #: bandwidth w0 of the first estimate (n_times,)
    bandwidth: NDArray[np.float64] | None = None
    #: mean of the density, before it was made symmetric and after (n_times, 2)
    mean: NDArray[np.float64] | None = None
    #: skewness of the density, before and after (n_times, 2)
    skewness: NDArray[np.float64] | None = None
    #: mass on the grid before it was normalised (n_times,)
    raw_mass: NDArray[np.float64] | None = None
    #: largest difference between the cumulative distribution of the samples and that of their
    #: mirror images, 0 to 1, before anything was made symmetric (n_times,)
    asymmetry: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                axes = 1 if name == "times" else None
                read = uniform_grid(value) if name == "grid" else real_array(name, value, ndim=axes)
                object.__setattr__(self, name, read)
        if not self.times.size or not np.all(np.diff(self.times) > 0):
            raise ValueError(f"times must ascend, one at least, got {self.times}")
        if self.density.shape != (self.times.size, self.grid.size):
            raise ValueError(
                f"density must have shape ({self.times.size}, {self.grid.size}), times by nodes, "
                f"got {self.density.shape}"
            )
        if np.any(self.density < 0):
            raise ValueError(f"density must be zero or positive, got {self.density.min():g}")

    @property
    def spacing(self) -> float:
        """Distance of neighbouring nodes."""
        return float((self.grid[-1] - self.grid[0]) / (self.grid.size - 1))

    @property
    def ends(self) -> tuple[float, float]:
        """Least and largest place of a sample at any time, for `support` of another series."""
        if self.support is None:
            raise ValueError("support must be known, and these densities came without")
        return float(self.support[:, 0].min()), float(self.support[:, 1].max())

    @property
    def asymmetric(self) -> NDArray[np.bool_]:
        """Whether the samples at each time were not symmetric about zero, (n_times,).

        They were not if `asymmetry` is above 0.02 and above five standard errors of independent
        samples. Where it is not known it is that of the density itself.
        """
        if self.asymmetry is None:
            return is_asymmetric(asymmetry_of_density(self.density, self.grid), None)
        return is_asymmetric(self.asymmetry, self.n_samples)

    @property
    def mass(self) -> NDArray[np.float64]:
        """Sum of each density times the spacing, (n_times,)."""
        return np.asarray(self.spacing * self.density.sum(axis=1))

    def at(self, times: ArrayLike) -> NDArray[np.float64]:
        """Densities at other times, linear between the snapshots on either side.

        Parameters
        ----------
        times : array_like, any shape
            Within the times of the snapshots.

        Returns
        -------
        ndarray, shape (..., n_nodes)

        Raises
        ------
        ValueError
            If a time lies before the first or after the last snapshot.
        """
        wanted = real_array("times", times)
        first, last = float(self.times[0]), float(self.times[-1])
        allowance = 1e-9 * max(last - first, abs(first), abs(last))
        inside = (wanted >= first - allowance) & (wanted <= last + allowance)
        if not np.all(inside):
            raise ValueError(
                f"times must lie within the snapshots, {first:g} .. {last:g}, "
                f"got {wanted[~inside].ravel()[0]:g}"
            )
        if self.times.size == 1:
            return np.broadcast_to(self.density[0], (*wanted.shape, self.grid.size)).copy()
        after = np.clip(np.searchsorted(self.times, wanted), 1, self.times.size - 1)
        start, stop = self.times[after - 1], self.times[after]
        share = np.clip((wanted - start) / (stop - start), 0.0, 1.0)[..., None]
        return np.asarray((1 - share) * self.density[after - 1] + share * self.density[after])

    def between(self, start: float, stop: float) -> DensitySnapshots:
        """The snapshots with start <= time <= stop, to a billionth."""
        start, stop = check_number("start", start), check_number("stop", stop)
        rounding = 1e-9 * max(abs(start), abs(stop))
        kept = (self.times >= start - rounding) & (self.times <= stop + rounding)
        if not np.any(kept):
            raise ValueError(f"start and stop must enclose a snapshot, got {start!r}, {stop!r}")
        changed = {
            name: value if name == "grid" or value is None else value[kept]
            for name, value in vars(self).items()
        }
        return DensitySnapshots(**changed)


def warn_of_asymmetry(snapshots: DensitySnapshots, symmetry: Symmetry, *, stacklevel: int) -> None:
    """Say in words that samples which were made symmetric are not.

    Parameters
    ----------
    snapshots : DensitySnapshots
        With its asymmetry.
    symmetry : {"average", "mirror"}
        What was done.
    stacklevel : int
        Whom the warning names, as in `warnings.warn`.
    """
    seen, asymmetry = snapshots.asymmetric, snapshots.asymmetry
    if asymmetry is None or not np.any(seen):
        return
    worst = int(np.argmax(np.where(seen, asymmetry, 0.0)))
    warnings.warn(
        f"the samples are not symmetric about zero at {np.count_nonzero(seen)} of {seen.size} "
        f"times: at time {snapshots.times[worst]:g} their distribution differs from its mirror "
        f"image by {asymmetry[worst]:.2g}. symmetry={symmetry!r} makes of a drift two densities "
        f"that part, which a symmetric kernel learns as diffusion: take the drift away, or "
        f"symmetry=None",
        DensityWarning,
        stacklevel=stacklevel,
    )
