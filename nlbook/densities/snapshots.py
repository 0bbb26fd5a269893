"""A density that evolves: estimates at many times on one grid, trimmed and made symmetric [1]_.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Machine learning of nonlocal
   micro-structural defect evolutions in crystalline materials", Computer Methods in Applied
   Mechanics and Engineering 403 (2023) 115743, section 3.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_number, check_unmasked, real_array, uniform_grid, uniform_spacing
from nlbook.densities.asymmetry import (
    asymmetry_of_counts,
    asymmetry_of_density,
    asymmetry_of_samples,
    is_asymmetric,
)
from nlbook.densities.estimator import (
    counts_bandwidth,
    estimate_counts,
    estimate_samples,
    samples_bandwidth,
)
from nlbook.densities.reading import check_settings
from nlbook.densities.series import (
    Support,
    TrimmedSeries,
    trim_counts_series,
    trim_samples_series,
)
from nlbook.parallel import run_tasks

if TYPE_CHECKING:
    import ipyparallel

__all__ = ["DensitySnapshots", "DensityWarning", "Symmetry", "density_snapshots"]

Symmetry = Literal["average", "mirror"] | None
"""Both halves averaged; the left half mirrored, as in the paper; or as estimated."""

# Times that are estimated as one task.
_SHARD = 8


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
                read = uniform_grid(value) if name == "grid" else real_array(name, value)
                object.__setattr__(self, name, read)
        if self.times.ndim != 1 or not self.times.size:
            raise ValueError(f"times must be a row of numbers, got shape {self.times.shape}")
        if not np.all(np.diff(self.times) > 0):
            raise ValueError("times must ascend")
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
        reach = 1e-9 * max(abs(start), abs(stop))
        kept = (self.times >= start - reach) & (self.times <= stop + reach)
        if not np.any(kept):
            raise ValueError(f"start and stop must enclose a snapshot, got {start!r}, {stop!r}")
        changed = {
            name: value if name == "grid" or value is None else value[kept]
            for name, value in vars(self).items()
        }
        return DensitySnapshots(**changed)


def density_snapshots(
    data: ArrayLike | Sequence[ArrayLike],
    edges: ArrayLike | None,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    mass: float = 0.9999,
    support: Support = "common",
    symmetry: Symmetry = "average",
    sensitivity: float = 0.5,
    bandwidth: float | None = None,
    bandwidth_factor: float = 1.06,
    cluster: ipyparallel.Client | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> DensitySnapshots:
    """Adaptive density estimates at many times, on one grid, as the paper makes them.

    At each time: the central `mass` of the samples is kept, their density estimated on `grid`,
    made symmetric about zero, and divided by its mass there.

    Parameters
    ----------
    data : array_like, shape (n_times, n_bins), or sequence of array_like
        Counts in fine bins; or, with ``edges=None``, the samples at each time.
    edges : array_like or None
        Of the bins, as in `adaptive_kde_from_counts`.
    times : array_like, shape (n_times,)
        Ascending.
    grid : array_like, shape (n_nodes,)
        Uniform nodes; with `symmetry`, as many on either side of zero.
    mass : float
        Central part of the samples that is kept: floor((1 - mass) n/2) of n are left out at
        each end.
    support : {"common", "each"} or tuple of float
        "common" leaves out less, at most times: nothing between the outermost ends that any time
        has after trimming, so that the density's support does not move with the time. Two numbers
        are such ends, whatever `mass`: those of another series, in a bootstrap.
    symmetry : {"average", "mirror", None}
        Average of both halves; the left half mirrored, as in the paper; or neither.
    sensitivity, bandwidth, bandwidth_factor
        As in `nlbook.densities.adaptive_kde`.
    cluster : ipyparallel.Client, optional
        Engines to estimate on; threads of this process when not given.
    workers : int, optional
        Threads; by default NLBOOK_WORKERS or the usable cores.
    progress : bool
        Show a bar.

    Returns
    -------
    DensitySnapshots
        The same whatever the number of workers.

    Raises
    ------
    ValueError
        If counts or samples cannot be used (see `adaptive_kde`), times do not ascend, the grid is
        not uniform, or it does not hold the samples that are left.

    Warns
    -----
    DensityWarning
        If samples that are made symmetric are not (see `DensitySnapshots.asymmetric`).
    """
    snapshots = estimate_snapshots(
        data,
        edges,
        times,
        grid=grid,
        mass=mass,
        support=support,
        symmetry=symmetry,
        sensitivity=sensitivity,
        bandwidth=bandwidth,
        bandwidth_factor=bandwidth_factor,
        cluster=cluster,
        workers=workers,
        progress=progress,
    )
    if symmetry is not None:
        warn_of_asymmetry(snapshots, symmetry, stacklevel=3)
    return snapshots


def estimate_snapshots(
    data: ArrayLike | Sequence[ArrayLike],
    edges: ArrayLike | None,
    times: ArrayLike,
    *,
    grid: ArrayLike,
    mass: float = 0.9999,
    support: Support = "common",
    symmetry: Symmetry = "average",
    sensitivity: float = 0.5,
    bandwidth: float | None = None,
    bandwidth_factor: float = 1.06,
    cluster: ipyparallel.Client | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> DensitySnapshots:
    """`density_snapshots` without its warning."""
    check_settings(sensitivity, bandwidth, bandwidth_factor, mass)
    if support not in ("common", "each") and not _is_interval(support):
        raise ValueError(f"support must be 'common', 'each' or (low, high), got {support!r}")
    if symmetry is not None and symmetry not in ("average", "mirror"):
        raise ValueError(f"symmetry must be 'average', 'mirror' or None, got {symmetry!r}")
    nodes = uniform_grid(grid)
    spacing = uniform_spacing(nodes)
    if symmetry is not None and abs(nodes[0] + nodes[-1]) > 2e-5 * spacing:
        raise ValueError(
            f"grid must be symmetric about zero with symmetry={symmetry!r}, got "
            f"{nodes[0]:g} .. {nodes[-1]:g}"
        )
    if edges is None:
        series = trim_samples_series(cast(Sequence[ArrayLike], data), mass, support)
    else:
        check_unmasked("data", data)
        series = trim_counts_series(cast(ArrayLike, data), edges, mass, support)
    moments = real_array("times", times)
    if moments.shape != (len(series.rows),):
        raise ValueError(
            f"times must be {len(series.rows)}, one for each of data, got shape {moments.shape}"
        )
    _check_held(series.support, nodes)
    widths = _bandwidths(series, moments, bandwidth, bandwidth_factor)
    if series.edges is None:
        asymmetry = np.array([asymmetry_of_samples(row) for row in series.rows])
    else:
        asymmetry = asymmetry_of_counts(series.rows, series.edges)
    results = run_tasks(
        estimate_task,
        [
            {
                "first": k,
                "rows": series.rows[k : k + _SHARD],
                "widths": widths[k : k + _SHARD],
                "edges": series.edges,
                "nodes": nodes,
                "sensitivity": float(sensitivity),
            }
            for k in range(0, len(series.rows), _SHARD)
        ],
        cluster=cluster,
        workers=workers,
        progress=progress,
        description="densities",
    )
    raw = np.concatenate([result["density"] for result in results])
    density = _symmetric(raw, symmetry)
    raw_mass = spacing * density.sum(axis=1)
    density = density / raw_mass[:, None]
    before, after = (_mean_and_skewness(p, nodes) for p in (raw, density))
    return DensitySnapshots(
        grid=nodes,
        times=moments,
        density=density,
        support=series.support,
        n_samples=series.n_samples,
        n_trimmed=series.n_trimmed,
        bandwidth=widths,
        mean=np.stack([before[0], after[0]], axis=1),
        skewness=np.stack([before[1], after[1]], axis=1),
        raw_mass=raw_mass,
        asymmetry=asymmetry,
    )


def estimate_task(
    first: int,
    rows: Any,
    widths: NDArray[np.float64],
    edges: NDArray[np.float64] | None,
    nodes: NDArray[np.float64],
    sensitivity: float,
) -> dict[str, NDArray[np.float64]]:
    """Densities of some rows; `first` tells tasks with equal rows apart."""
    return {
        "density": np.array(
            [
                estimate_samples(row, nodes, sensitivity, width)
                if edges is None
                else estimate_counts(row, edges, nodes, sensitivity, width)
                for row, width in zip(rows, widths.tolist(), strict=True)
            ]
        )
    }


def _bandwidths(
    series: TrimmedSeries, times: NDArray[np.float64], bandwidth: float | None, factor: float
) -> NDArray[np.float64]:
    """w0 at each time; a time at which it cannot be had is named."""
    found = []
    for time, row in zip(times.tolist(), series.rows, strict=True):
        try:
            if series.edges is None:
                found.append(samples_bandwidth(row, None, bandwidth, factor))
            else:
                found.append(counts_bandwidth(row, series.edges, bandwidth, factor))
        except ValueError as error:
            raise ValueError(
                f"data at time {time:g}: {error} (leave out a time at which nothing has moved yet)"
                if "equal" in str(error)
                else f"data at time {time:g}: {error}"
            ) from None
    return np.array(found)


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


def _is_interval(support: Any) -> bool:
    try:
        low, high = real_array("support", support, ndim=1)
    except (TypeError, ValueError):
        return False
    return bool(low < high)


def _symmetric(density: NDArray[np.float64], symmetry: Symmetry) -> NDArray[np.float64]:
    """Densities made even."""
    if symmetry is None:
        return density
    mirrored = density[:, ::-1]
    if symmetry == "average":
        return 0.5 * (density + mirrored)
    half = density.shape[1] // 2
    return np.concatenate([density[:, : density.shape[1] - half], mirrored[:, -half:]], axis=1)


def _mean_and_skewness(
    density: NDArray[np.float64], nodes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equations (15) and (16) of the paper, of densities that need not have mass one."""
    share = density / density.sum(axis=1, keepdims=True)
    unit = float(np.abs(nodes).max())
    mean = share @ (nodes / unit)
    deviation = nodes / unit - mean[:, None]
    second, third = (np.sum(share * deviation**k, axis=1) for k in (2, 3))
    return unit * mean, third / second**1.5


def _check_held(support: NDArray[np.float64], nodes: NDArray[np.float64]) -> None:
    low, high = float(support[:, 0].min()), float(support[:, 1].max())
    if low < nodes[0] or high > nodes[-1]:
        raise ValueError(
            f"grid must hold the samples, which reach from {low:.6g} to {high:.6g}, got "
            f"{nodes[0]:.6g} .. {nodes[-1]:.6g}"
        )
