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
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.local_update import _TRACELESS, _advance_loop, law_arrays
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.textures import Texture
from nlbook.parallel import checkpoint

__all__ = ["grain_stresses", "taylor_response"]


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
    if path.stretch.shape[1] != 3:
        raise ValueError("strain_path must be of three dimensions")
    n_times, n_grains = len(path.times), texture.n_grains
    constants = law_arrays(law)
    n_slip, n_twin = len(constants.schmid), len(constants.twin_schmid)
    b = texture.rotations.copy()
    e, fraction = np.zeros((n_grains, n_slip)), np.zeros((n_grains, n_twin))
    x, y, force = np.zeros((n_grains, 5)), np.zeros((n_grains, n_slip)), np.zeros_like(fraction)
    dgamma = np.zeros((n_grains, n_slip))
    stretch = path.isochoric.stretch
    inverse = np.zeros((n_times, n_grains if keep else 1, 3, 3))
    families = law.systems.family
    activity = np.zeros((n_times, len(law.systems.names)))
    for k in range(n_times):
        # the path may start strained: a step of no time is elastic
        dt = path.times[k] - path.times[k - 1] if k else 0.0
        square = stretch[k] @ stretch[k]
        most = _advance_loop(
            square, dt, constants, _TRACELESS, tolerance, b, e, fraction, x, y, force, dgamma
        )
        if most < 0:
            raise ValueError(
                f"strain_path must have shorter steps: at time {path.times[k]:g} no solution was "
                f"found for grain {-1 - most}"
            )
        each = b @ np.swapaxes(b, 1, 2)
        inverse[k] = each if keep else np.einsum("g,gij->ij", texture.weights, each)
        moved = np.concatenate([e, fraction], axis=1)
        sums = texture.weights @ moved
        activity[k] = np.bincount(families, sums, minlength=activity.shape[1])
        checkpoint()
    mean = np.einsum("g,kgij->kij", texture.weights if keep else np.ones(1), inverse)
    volume = path.volume_ratio[:, np.newaxis, np.newaxis]
    deviator = _deviator(law.shear_modulus * stretch @ mean @ stretch)
    stress = deviator / volume + 2 * law.lambda_e * (volume - 1) * np.eye(3)
    return Response(path.times, path.stretch, stress, activity), inverse
