"""Taylor's average: every grain is stretched as the polycrystal is, and their stresses averaged.

As the elastic law is isotropic, the average of the grains' J times Cauchy stress is

    G dev(U A U) (det U)^(-2/3) + 2 lambda_e (det U - 1) det U I,   A = sum of weight B B^T,

with B = Q F_in^-1 of `nlbook.crystals.local_update`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple, get_args, overload

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.local_update import (
    FIRST_STAGE,
    LANES,
    begin_loop,
    law_arrays,
    path_loop,
    work_size,
)
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.textures import Texture
from nlbook.host import worker_threads
from nlbook.parallel import checkpoint

__all__ = ["Rule", "grain_stresses", "taylor_response"]

#: how a step in time is taken
Rule = Literal["euler", "two-stage"]
"""Backward Euler, of first order; or Alexander's method of two stages, of second order."""


class _Options(NamedTuple):
    rule: Rule
    tolerance: float


@overload
def taylor_response(
    strain_path: StrainPath,
    texture: Texture,
    law: CrystalLaw,
    *,
    rule: Rule = ...,
    tolerance: float = ...,
    workers: int | None = ...,
) -> Response: ...
@overload
def taylor_response(
    strain_path: Sequence[StrainPath],
    texture: Texture,
    law: CrystalLaw,
    *,
    rule: Rule = ...,
    tolerance: float = ...,
    workers: int | None = ...,
) -> list[Response]: ...
def taylor_response(
    strain_path: StrainPath | Sequence[StrainPath],
    texture: Texture,
    law: CrystalLaw,
    *,
    rule: Rule = "two-stage",
    tolerance: float = 1e-9,
    workers: int | None = None,
) -> Response | list[Response]:
    """Stress of a polycrystal along a strain path, or along each of several.

    Parameters
    ----------
    strain_path : StrainPath or sequence of StrainPath
        In three dimensions; from each of its times to the next is one step.
    texture : Texture
        The grains.
    law : CrystalLaw
        Of all grains.
    rule : {"two-stage", "euler"}
        How a step is taken: of second order, or of first order in half the time.
    tolerance : float
        Of the elastic strain that solves a step.
    workers : int, optional
        Threads for several paths; by default NLBOOK_WORKERS or the usable cores.

    Returns
    -------
    Response, or list of Response
        The same whatever the number of workers.

    Raises
    ------
    ValueError
        If a path is not of three dimensions, or steps are so long that one has no solution.
    """
    options = _read_options(rule, tolerance)
    if isinstance(strain_path, StrainPath):
        return _response(strain_path, texture, law, options)[0]
    n_threads = worker_threads() if workers is None else check_integer("workers", workers, 1)
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(lambda path: _response(path, texture, law, options)[0], strain_path))


def grain_stresses(
    strain_path: StrainPath,
    texture: Texture,
    law: CrystalLaw,
    *,
    rule: Rule = "two-stage",
    tolerance: float = 1e-9,
) -> NDArray[np.float64]:
    """Deviator of J times the Cauchy stress of each grain, GPa, shape (n_grains, n_times, 3, 3).

    The weighted sum over grains is that of `taylor_response`; parameters as there.
    """
    inverse = _response(strain_path, texture, law, _read_options(rule, tolerance), keep=True)[1]
    stretch = strain_path.isochoric.stretch
    return _deviator(law.shear_modulus * stretch @ np.moveaxis(inverse, 1, 0) @ stretch)


def _read_options(rule: Rule, tolerance: float) -> _Options:
    check_choice("rule", rule, get_args(Rule))
    return _Options(rule, check_number("tolerance", tolerance, above=0.0, below=1e-3))


def _deviator(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = np.trace(tensor, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis] / 3
    return np.asarray(tensor - mean * np.eye(3))


def _response(
    path: StrainPath, texture: Texture, law: CrystalLaw, options: _Options, keep: bool = False
) -> tuple[Response, NDArray[np.float64]]:
    """Answer to one path; and B B^T of each grain, or without `keep` their average."""
    if path.stretch.shape[1] != 3:
        raise ValueError("strain_path must be of three dimensions")
    n_times, n_grains = len(path.times), texture.n_grains
    schmid, constants = law_arrays(law)
    n_systems = len(schmid)
    stretch = path.isochoric.stretch
    before = stretch[np.maximum(np.arange(n_times) - 1, 0)]
    middle = _isochoric(before + FIRST_STAGE * (stretch - before))
    # a path may start strained: its first step takes no time, and is elastic
    dt = np.diff(path.times, prepend=path.times[0])
    n_batches = -(-n_grains // LANES)
    grain = np.minimum(np.arange(n_batches * LANES), n_grains - 1)
    weights = np.where(np.arange(len(grain)) < n_grains, texture.weights[grain], 0.0)
    sums, energy = np.zeros((n_times, 6)), np.zeros((n_times, 2))
    each = np.zeros((n_batches, n_times, LANES if keep else 0, 6))
    activity = np.zeros((n_times, n_systems))
    work = np.zeros(work_size(n_systems))
    for batch in range(n_batches):
        checkpoint()
        own = slice(batch * LANES, (batch + 1) * LANES)
        begin_loop(work, texture.rotations[grain[own]], schmid)
        done = path_loop(
            work, _six(middle @ middle), _six(stretch @ stretch), dt, constants,
            options.tolerance, 1 if options.rule == "euler" else 2, weights[own], sums, activity,
            energy, each[batch] if keep else each[0],
        )  # fmt: skip
        if done < n_times:
            raise ValueError(
                f"strain_path must have shorter steps: at time {path.times[done]:g} s, where "
                f"U changes by {np.abs(path.stretch[done] - path.stretch[done - 1]).max():.3g}, "
                f"no solution was found for one of grains {own.start} to {own.stop - 1}"
            )
    grains = np.moveaxis(each, 0, 1).reshape(n_times, -1, 6)[:, :n_grains]
    inverse = _full(grains if keep else sums[:, np.newaxis])
    volume = path.volume_ratio[:, np.newaxis, np.newaxis]
    deviator = _deviator(law.shear_modulus * stretch @ _full(sums) @ stretch)
    stress = deviator / volume + 2 * law.lambda_e * (volume - 1) * np.eye(3)
    families = np.eye(len(law.systems.names))[law.systems.family]
    return (
        Response(path.times, path.stretch, stress, activity @ families, energy[:, 0], energy[:, 1]),
        inverse,
    )


def _isochoric(stretch: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(stretch / np.linalg.det(stretch)[:, np.newaxis, np.newaxis] ** (1 / 3))


def _six(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 33, 12, 13 and 23 of symmetric tensors."""
    flat = tensor.reshape(*tensor.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 8, 1, 2, 5]])


def _full(six: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of their six numbers."""
    nine = six[..., [0, 3, 4, 3, 1, 5, 4, 5, 2]]
    return np.asarray(nine.reshape(*six.shape[:-1], 3, 3))
