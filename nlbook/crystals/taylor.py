"""Taylor's average: every grain is stretched as the polycrystal is, and their stresses averaged.

As the elastic law is isotropic, the average of the grains' J times Cauchy stress is

    G dev(U A U) (det U)^(-2/3) + 2 lambda_e (det U - 1) det U I,   A = sum of weight B B^T,

with B = Q F_in^-1 of `nlbook.crystals.local_update`.

What steps of two stages err by is estimated from how far the deviator s bends from one time to the
next: with l_k on the straight line from s_(k-1) to s_(k+1), the L2 norm of s - l over that of s,
over 4. Without twins this was 0.5 to 2 times the true error on random paths of 100 to 800 steps,
strains of 3 to 30 %, and durations of 2e-5 s and 1 s. It does not see that in longer steps another
twin may win a grain, which moves the stress by some per cent.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple, get_args, overload

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.crystals.lanes.path_loops import begin_loop, path_loop
from nlbook.crystals.lanes.rows import FIRST_STAGE, LANES, row, work_size
from nlbook.crystals.law import CrystalLaw
from nlbook.crystals.local_update import law_arrays
from nlbook.crystals.measures import time_weights
from nlbook.crystals.response import CoarseStepsWarning, Response, StepsTooLong, StrainPath
from nlbook.crystals.textures import Texture
from nlbook.host import worker_threads
from nlbook.parallel import checkpoint

__all__ = ["Rule", "grain_stresses", "taylor_response"]

#: how a step in time is taken
Rule = Literal["euler", "two-stage"]
"""Backward Euler, of first order; or Alexander's method of two stages, of second order."""


_COARSE = 0.02  # estimated relative error of the deviator above which a result warns
_NO_STRESS = 1e-9  # deviator over G below which it is rounding
_BEND = 4.0  # how many times the true error the bend of the deviator is


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
    StepsTooLong
        If steps are so long that one has no solution.
    ValueError
        If a path is not of three dimensions.

    Warns
    -----
    CoarseStepsWarning
        If steps of two stages are so long that the deviator errs by an estimated 2 % or more.
    """
    options = _read_options(rule, tolerance)
    if isinstance(strain_path, StrainPath):
        answers = [_response(strain_path, texture, law, options)[0]]
    else:
        n_threads = worker_threads() if workers is None else check_integer("workers", workers, 1)
        with ThreadPoolExecutor(n_threads) as pool:
            answers = list(pool.map(lambda p: _response(p, texture, law, options)[0], strain_path))
    _warn_of_coarse_steps(answers)
    return answers[0] if isinstance(strain_path, StrainPath) else answers


def unwarned_response(path: StrainPath, texture: Texture, law: CrystalLaw, rule: Rule) -> Response:
    """`taylor_response` for those who take coarse steps to see what they cost."""
    return _response(path, texture, law, _read_options(rule, 1e-9))[0]


def grain_stresses(
    strain_path: StrainPath,
    texture: Texture,
    law: CrystalLaw,
    *,
    rule: Rule = "two-stage",
    tolerance: float = 1e-9,
) -> NDArray[np.float64]:
    """Deviator of J times the Cauchy stress of each grain, GPa, shape (n_grains, n_times, 3, 3).

    The weighted sum over grains is that of `taylor_response`; parameters as there. The error of
    the steps is not estimated: that of the polycrystal is.
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
    middle = before + FIRST_STAGE * (stretch - before)
    middle /= np.linalg.det(middle)[:, np.newaxis, np.newaxis] ** (1 / 3)
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
            left = np.maximum(*(work[row(name) :][:LANES] for name in ("reached", "error")))
            lane = int(np.argmax(np.where(np.isnan(left), np.inf, left)))
            change = np.abs(path.stretch[done] - path.stretch[max(done - 1, 0)]).max()
            raise StepsTooLong(
                f"strain_path must have shorter steps: for step {done}, to time "
                f"{path.times[done]:g} s, in which U changes by {change:.3g}, no solution was "
                f"found for grain {grain[own][lane]}; take more and shorter steps there"
            )
    grains = np.moveaxis(each, 0, 1).reshape(n_times, -1, 6)[:, :n_grains]
    inverse = _full(grains if keep else sums[:, np.newaxis])
    volume = path.volume_ratio[:, np.newaxis, np.newaxis]
    deviator = _deviator(law.shear_modulus * stretch @ _full(sums) @ stretch)
    stress = deviator / volume + 2 * law.lambda_e * (volume - 1) * np.eye(3)
    families = np.eye(len(law.systems.names))[law.systems.family]
    error: float | None = None
    if options.rule == "two-stage":
        error = _step_error(path.times, deviator / (law.shear_modulus * volume))
    answer = Response(
        path.times, path.stretch, stress, activity @ families, energy[:, 0], energy[:, 1], error
    )
    return answer, inverse


def _step_error(times: NDArray[np.float64], deviator: NDArray[np.float64]) -> float | None:
    """Estimate of the relative error of a deviator over G by its steps; see the module."""
    if len(times) < 3:
        return None
    part = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, np.newaxis, np.newaxis]
    bend = deviator[1:-1] - (1 - part) * deviator[:-2] - part * deviator[2:]
    weights = time_weights(times)
    size = weights @ np.sum(deviator**2, axis=(1, 2))
    bent = weights[1:-1] @ np.sum(bend**2, axis=(1, 2))
    rounding = _NO_STRESS**2 * (times[-1] - times[0])
    return float(np.sqrt(bent / size) / _BEND) if size > rounding else 0.0


def _warn_of_coarse_steps(answers: Sequence[Response]) -> None:
    errors = [answer.step_error or 0.0 for answer in answers]
    coarse = sum(error > _COARSE for error in errors)
    if coarse:
        where = "strain_path has" if len(errors) == 1 else f"{coarse} of {len(errors)} paths have"
        warnings.warn(
            f"{where} long steps: the deviator of the stress errs by an estimated "
            f"{100 * max(errors):.0f} % of its norm; half the steps err by a quarter",
            CoarseStepsWarning,
            stacklevel=3,
        )


def _six(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """11, 22, 33, 12, 13 and 23 of symmetric tensors."""
    flat = tensor.reshape(*tensor.shape[:-2], 9)
    return np.ascontiguousarray(flat[..., [0, 4, 8, 1, 2, 5]])


def _full(six: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of their six numbers."""
    nine = six[..., [0, 3, 4, 3, 1, 5, 4, 5, 2]]
    return np.asarray(nine.reshape(*six.shape[:-1], 3, 3))
