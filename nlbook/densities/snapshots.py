"""A density that evolves: estimates at many times on one grid, trimmed and made symmetric [1]_.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Machine learning of nonlocal
   micro-structural defect evolutions in crystalline materials", Computer Methods in Applied
   Mechanics and Engineering 403 (2023) 115743, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.densities.estimator import (
    counts_bandwidth,
    estimate_counts,
    estimate_samples,
    samples_bandwidth,
)
from nlbook.densities.reading import check_settings, read_uniform_grid
from nlbook.densities.series import Support, trim_counts_series, trim_samples_series
from nlbook.parallel import run_tasks

if TYPE_CHECKING:
    import ipyparallel

__all__ = ["DensitySnapshots", "Symmetry", "density_snapshots"]

Symmetry = Literal["average", "mirror"] | None
"""Both halves averaged; the left half mirrored, as in the paper; or as estimated."""

# Times that are estimated as one task.
_SHARD = 8


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

    def __post_init__(self) -> None:
        for name in ("grid", "times", "density"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        read_uniform_grid(self.grid)
        if self.times.ndim != 1 or not self.times.size or not np.all(np.isfinite(self.times)):
            raise ValueError(f"times must be a row of finite numbers, got {self.times.shape}")
        if not np.all(np.diff(self.times) > 0):
            raise ValueError("times must ascend")
        if self.density.shape != (self.times.size, self.grid.size):
            raise ValueError(
                f"density must have shape ({self.times.size}, {self.grid.size}), times by nodes, "
                f"got {self.density.shape}"
            )
        if not np.all(np.isfinite(self.density)) or np.any(self.density < 0):
            raise ValueError("density must be finite numbers that are not negative")

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
        wanted = np.asarray(times, dtype=np.float64)
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
        reach = 1e-9 * max(abs(start), abs(stop), 1e-300)
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
    """
    check_settings(sensitivity, bandwidth, bandwidth_factor, mass)
    if support not in ("common", "each") and not _is_interval(support):
        raise ValueError(f"support must be 'common', 'each' or (low, high), got {support!r}")
    if symmetry not in ("average", "mirror", None):
        raise ValueError(f"symmetry must be 'average', 'mirror' or None, got {symmetry!r}")
    nodes = read_uniform_grid(grid)
    if symmetry is not None and not np.allclose(
        nodes, -nodes[::-1], rtol=0.0, atol=1e-6 * (nodes[1] - nodes[0])
    ):
        raise ValueError(
            f"grid must be symmetric about zero with symmetry={symmetry!r}, got "
            f"{nodes[0]:g} .. {nodes[-1]:g}"
        )
    if edges is None:
        series = trim_samples_series(cast(Sequence[ArrayLike], data), mass, support)
    else:
        series = trim_counts_series(cast(ArrayLike, data), edges, mass, support)
    moments = np.asarray(times, dtype=np.float64)
    if moments.shape != (len(series.rows),):
        raise ValueError(
            f"times must be {len(series.rows)}, one for each of data, got shape {moments.shape}"
        )
    _check_held(series.support, nodes)
    widths = np.array(
        [
            samples_bandwidth(row, None, bandwidth, bandwidth_factor)
            if series.edges is None
            else counts_bandwidth(row, series.edges, bandwidth, bandwidth_factor)
            for row in series.rows
        ]
    )
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
    raw_mass = float((nodes[-1] - nodes[0]) / (nodes.size - 1)) * density.sum(axis=1)
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


def _is_interval(support: Any) -> bool:
    try:
        low, high = map(float, support)
    except (TypeError, ValueError):
        return False
    return low < high


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
    mean = share @ nodes
    deviation = nodes - mean[:, None]
    second, third = (np.sum(share * deviation**k, axis=1) for k in (2, 3))
    return mean, third / second**1.5


def _check_held(support: NDArray[np.float64], nodes: NDArray[np.float64]) -> None:
    low, high = float(support[:, 0].min()), float(support[:, 1].max())
    if low < nodes[0] or high > nodes[-1]:
        raise ValueError(
            f"grid must hold the samples, which reach from {low:.6g} to {high:.6g}, got "
            f"{nodes[0]:.6g} .. {nodes[-1]:.6g}"
        )
