"""Densities at many times: trimmed, estimated on one grid, made symmetric, normalised [1]_.

References
----------
.. [1] E. A. Barros de Moraes, M. D'Elia and M. Zayernouri, "Machine learning of nonlocal
   micro-structural defect evolutions in crystalline materials", Computer Methods in Applied
   Mechanics and Engineering 403 (2023) 115743, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_unmasked, real_array, uniform_grid, uniform_spacing
from nlbook.densities.asymmetry import asymmetry_of_counts, asymmetry_of_samples
from nlbook.densities.bandwidths import counts_bandwidth, samples_bandwidth
from nlbook.densities.estimator import estimate_counts, estimate_samples
from nlbook.densities.reading import check_settings
from nlbook.densities.series import (
    Support,
    TrimmedSeries,
    trim_counts_series,
    trim_samples_series,
)
from nlbook.densities.snapshots import DensitySnapshots, Symmetry, warn_of_asymmetry
from nlbook.parallel import run_tasks

if TYPE_CHECKING:
    import ipyparallel

__all__ = ["density_snapshots", "estimate_snapshots"]

# Times that are estimated as one task.
_SHARD = 8


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
    widths = []
    for time, row in zip(times.tolist(), series.rows, strict=True):
        try:
            if series.edges is None:
                widths.append(samples_bandwidth(row, None, bandwidth, factor))
            else:
                widths.append(counts_bandwidth(row, series.edges, bandwidth, factor))
        except ValueError as error:
            raise ValueError(
                f"data at time {time:g}: {error} (leave out a time at which nothing has moved yet)"
                if "equal" in str(error)
                else f"data at time {time:g}: {error}"
            ) from None
    return np.array(widths)


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
