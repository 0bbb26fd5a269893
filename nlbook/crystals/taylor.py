"""Taylor's average: every grain is stretched as the polycrystal is, and their stresses averaged.

As the elastic law is isotropic, the average of the grains' J times Cauchy stress is

    G dev(U A U) (det U)^(-2/3) + 2 lambda_e (det U - 1) det U I,   A = sum of weight B B^T,

with B = Q F_in^-1 of `nlbook.crystals.local_update`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number
from nlbook.compilation import compiled
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.local_update import (
    LANES,
    advance_loop,
    begin_loop,
    law_arrays,
    row,
    summary_loop,
    work_size,
)
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.textures import Texture
from nlbook.parallel import checkpoint

__all__ = ["grain_stresses", "taylor_response"]

_PRODUCT = row("product")


@overload
def taylor_response(
    strain_path: StrainPath, texture: Texture, law: CrystalLaw, **options: Any
) -> Response: ...
@overload
def taylor_response(
    strain_path: Sequence[StrainPath], texture: Texture, law: CrystalLaw, **options: Any
) -> list[Response]: ...
def taylor_response(
    strain_path: StrainPath | Sequence[StrainPath],
    texture: Texture,
    law: CrystalLaw,
    *,
    tolerance: float = 1e-10,
    workers: int | None = None,
    progress: bool = False,
) -> Response | list[Response]:
    """Stress of a polycrystal along a strain path, or along each of several.

    Parameters
    ----------
    strain_path : StrainPath or sequence of StrainPath
        In three dimensions; each of its times is one step.
    texture : Texture
        The grains.
    law : CrystalLaw
        Of all grains.
    tolerance : float
        Of the elastic strain that solves a step.
    workers : int, optional
        Threads for several paths; by default NLBOOK_WORKERS or the usable cores.
    progress : bool
        Show a bar for several paths.

    Returns
    -------
    Response, or list of Response
        The same whatever the number of workers.

    Raises
    ------
    ValueError
        If a path is not of three dimensions, or steps are so long that one has no solution.
    """
    check_number("tolerance", tolerance, above=0.0, below=1e-3)
    if isinstance(strain_path, StrainPath):
        return _response(strain_path, texture, law, tolerance)[0]

    def one(index: int) -> Response:
        return _response(strain_path[index], texture, law, tolerance)[0]

    from concurrent.futures import ThreadPoolExecutor

    from nlbook.host import worker_threads

    with ThreadPoolExecutor(workers or worker_threads()) as pool:
        return list(pool.map(one, range(len(strain_path))))


def grain_stresses(
    strain_path: StrainPath,
    texture: Texture,
    law: CrystalLaw,
    *,
    tolerance: float = 1e-10,
) -> NDArray[np.float64]:
    """Deviator of J times the Cauchy stress of each grain, GPa, shape (n_grains, n_times, 3, 3).

    The weighted sum over grains is that of `taylor_response`; parameters as there.
    """
    check_number("tolerance", tolerance, above=0.0, below=1e-3)
    inverse = _response(strain_path, texture, law, tolerance, keep=True)[1]
    stretch = strain_path.isochoric.stretch
    return _deviator(law.shear_modulus * stretch @ np.moveaxis(inverse, 1, 0) @ stretch)


def _deviator(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = np.trace(tensor, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis] / 3
    return np.asarray(tensor - mean * np.eye(3))


def _response(
    path: StrainPath, texture: Texture, law: CrystalLaw, tolerance: float, keep: bool = False
) -> tuple[Response, NDArray[np.float64]]:
    """Answer to one path; and B B^T of each grain, or without `keep` their average."""
    if path.stretch.shape[1] != 3:
        raise ValueError("strain_path must be of three dimensions")
    n_times, n_grains = len(path.times), texture.n_grains
    schmid, constants = law_arrays(law)
    n_systems, n_families = len(schmid), len(law.systems.names)
    stretch = path.isochoric.stretch
    square = _six(stretch @ stretch)
    # a path may start strained: its first step takes no time, and is elastic
    dt = np.diff(path.times, prepend=path.times[0])
    n_batches = -(-n_grains // LANES)
    grain = np.minimum(np.arange(n_batches * LANES), n_grains - 1)
    weights = np.where(np.arange(len(grain)) < n_grains, texture.weights[grain], 0.0)
    sums = np.zeros((n_times, 6))
    each = np.zeros((n_times, len(grain) if keep else 0, 6))
    activity = np.zeros((n_times, n_systems))
    dissipated = np.zeros(n_times)
    work = np.zeros(work_size(n_systems))
    for batch in range(n_batches):
        checkpoint()
        own = slice(batch * LANES, (batch + 1) * LANES)
        begin_loop(work, texture.rotations[grain[own]], schmid)
        done = _path_loop(
            work, square, dt, constants, tolerance, weights[own], sums,
            each[:, own] if keep else each, activity, dissipated,
        )  # fmt: skip
        if done < n_times:
            raise ValueError(
                f"strain_path must have shorter steps: at time {path.times[done]:g} s, where "
                f"U changes by {np.abs(path.stretch[done] - path.stretch[done - 1]).max():.3g}, "
                f"no solution was found for one of grains {own.start} to {own.stop - 1}"
            )
    inverse = _full(each[:, :n_grains] if keep else sums[:, np.newaxis])
    volume = path.volume_ratio[:, np.newaxis, np.newaxis]
    deviator = _deviator(law.shear_modulus * stretch @ _full(sums) @ stretch)
    stress = deviator / volume + 2 * law.lambda_e * (volume - 1) * np.eye(3)
    families = np.eye(n_families)[law.systems.family]
    return (
        Response(path.times, path.stretch, stress, activity @ families, dissipated=dissipated),
        inverse,
    )


@compiled()
def _path_loop(w, square, dt, law, tolerance, weights, sums, each, activity, dissipated):
    """Move a batch along a path; the number of times that were reached.

    Adds to sums the weighted B B^T (11, 22, 33, 12, 13, 23), shape (n_times, 6); to activity the
    slips, shape (n_times, n_systems); and writes B B^T of each grain where there is room.
    """
    for k in range(len(dt)):
        ratio = dt[k] / dt[k - 1] if k > 1 else 0.0
        if advance_loop(w, square[k], dt[k], ratio, law, tolerance) < 0:
            return k
        summary_loop(w, weights, sums[k], activity[k])
        dissipated[k] += 0.0
        if each.shape[1]:
            for i in range(LANES):
                for r in range(6):
                    each[k, i, r] = w[_PRODUCT + r * LANES + i]
    return len(dt)


def _six(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 33, 12, 13 and 23 of symmetric tensors."""
    flat = tensor.reshape(*tensor.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 8, 1, 2, 5]])


def _full(six: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of their six numbers."""
    nine = six[..., [0, 3, 4, 3, 1, 5, 4, 5, 2]]
    return np.asarray(nine.reshape(*six.shape[:-1], 3, 3))
