"""A polycrystal of a few grains that answers like one of many.

Taylor's average is a quadrature over orientations, so that a few grains with weights of their own
may stand for many. They are the same crystals under the same law: what they answer is causal and
objective and dissipates. The grains come from a dictionary of candidates whose stress is known
along some paths; with sigma' the deviator, every path counts by its relative error,

    q(w) = mean over paths of  |sum_j w_j sigma'_j - sigma'|^2 / |sigma'|^2,    w >= 0, sum w = 1,

in the L2 norm over time; the mean stress is the same for all grains. `choose_few` makes q small;
then the chosen grains are turned by Levenberg and Marquardt's method, whose derivatives are
differences, and their weights chosen again after each turn. What a set is worth is told by paths
that it was not chosen on, and by loads that are rotated: see `ReducedPolycrystal.judged`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer
from nlbook.crystals.grain_choice import choose_few
from nlbook.crystals.law import CrystalLaw, SlipConstants, TwinConstants
from nlbook.crystals.measures import StressErrors, anisotropy, mean_errors, time_weights
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.systems import SlipSystems
from nlbook.crystals.taylor import grain_stresses, taylor_response
from nlbook.crystals.textures import Texture, random_texture
from nlbook.host import worker_threads

__all__ = ["GrainDictionary", "ReducedPolycrystal", "TaylorPolycrystal", "reduce_polycrystal"]

_FORMAT = 1  # of the files
_TURN = 1e-3  # of a difference, rad
_NO_STRESS = 1e-9  # over the shear modulus, below which a deviator is rounding
_ENOUGH = 4e-3  # relative gain of a turn below which turning ends


@dataclass(frozen=True, eq=False)
class TaylorPolycrystal:
    """A material of grains that are all stretched alike."""

    #: the grains
    texture: Texture
    #: of all grains
    law: CrystalLaw

    def response(self, strain_path: StrainPath) -> Response:
        """Stress along a path, by `taylor_response`."""
        return taylor_response(strain_path, self.texture, self.law)


@dataclass(frozen=True, eq=False)
class GrainDictionary:
    """Candidates, and how their stress differs from a polycrystal's along some paths."""

    #: orientations to choose from
    candidates: Texture
    #: what is to be stood for
    polycrystal: Texture
    #: of all grains
    law: CrystalLaw
    #: the paths
    paths: tuple[StrainPath, ...]
    #: what the polycrystal answers to each
    answers: tuple[Response, ...]
    #: mean over paths of the inner products of relative differences, shape (n, n)
    gram: NDArray[np.float64]

    @classmethod
    def along(
        cls,
        paths: Sequence[StrainPath],
        polycrystal: Texture,
        law: CrystalLaw,
        *,
        candidates: Texture | int = 1024,
        seed: Any = 0,
        workers: int | None = None,
    ) -> GrainDictionary:
        """Move all candidates along paths.

        Parameters
        ----------
        paths : sequence of StrainPath
            Of three dimensions; any, as those of elements in an impact.
        polycrystal : Texture
            What is to be stood for.
        law : CrystalLaw
            Of all grains.
        candidates : Texture or int
            Orientations to choose from, or how many random ones.
        seed : int or numpy.random.SeedSequence
            Of random candidates.
        workers : int, optional
            Threads; by default NLBOOK_WORKERS or the usable cores.

        Raises
        ------
        ValueError
            If there is no path, or one along which the polycrystal has no deviator.
        """
        if not len(paths):
            raise ValueError("paths must be one or more")
        if not isinstance(candidates, Texture):
            check_integer("candidates", candidates, 1)
            candidates = random_texture(candidates, seed)
        answers = tuple(taylor_response(list(paths), polycrystal, law, workers=workers))
        gram = _gram(candidates, answers, law, workers)
        return cls(candidates, polycrystal, law, tuple(paths), answers, gram)

    def extended(
        self, paths: Sequence[StrainPath], *, workers: int | None = None
    ) -> GrainDictionary:
        """The same dictionary with more paths, each counting as much as each of the old ones."""
        more = GrainDictionary.along(
            paths, self.polycrystal, self.law, candidates=self.candidates, workers=workers
        )
        gram = len(self.paths) * self.gram + len(more.paths) * more.gram
        paths, answers = (*self.paths, *more.paths), (*self.answers, *more.answers)
        return replace(self, paths=paths, answers=answers, gram=gram / len(paths))


@dataclass(frozen=True, eq=False)
class ReducedPolycrystal:
    """A few grains with weights, and what is known of their errors."""

    #: the grains and their weights
    texture: Texture
    #: of all grains
    law: CrystalLaw
    #: number of grains of the polycrystal that they stand for
    n_polycrystal: int
    #: number of paths that they were chosen on
    n_paths: int
    #: root of the mean square of the relative errors of the deviator on those
    training_error: float
    #: mean errors on paths held out; None before `judged`
    held_out: StressErrors | None = None
    #: number of paths held out
    n_held_out: int = 0
    #: root mean square of `nlbook.crystals.anisotropy` on these paths; None before `judged`
    anisotropy: float | None = None
    #: the same of the polycrystal
    polycrystal_anisotropy: float | None = None

    @property
    def n_grains(self) -> int:
        """Number of grains."""
        return self.texture.n_grains

    @overload
    def response(self, strain_path: StrainPath, **options: Any) -> Response: ...
    @overload
    def response(self, strain_path: Sequence[StrainPath], **options: Any) -> list[Response]: ...
    def response(
        self, strain_path: StrainPath | Sequence[StrainPath], **options: Any
    ) -> Response | list[Response]:
        """Stress along a path or several; options as of `taylor_response`."""
        return taylor_response(strain_path, self.texture, self.law, **options)

    def judged(
        self,
        polycrystal: Texture,
        paths: Sequence[StrainPath],
        *,
        n_rotated: int = 4,
        n_rotations: int = 4,
        seed: Any = 0,
        workers: int | None = None,
    ) -> ReducedPolycrystal:
        """The same grains with their errors on paths held out, and their anisotropy.

        Parameters
        ----------
        polycrystal : Texture
            What they stand for.
        paths : sequence of StrainPath
            Which they were not chosen on.
        n_rotated, n_rotations, seed
            So many of the paths are rotated, each so often; see `nlbook.crystals.anisotropy`.
        workers : int, optional
            Threads.
        """
        ours = self.response(list(paths), workers=workers)
        theirs = taylor_response(list(paths), polycrystal, self.law, workers=workers)
        rotated = [
            anisotropy(
                TaylorPolycrystal(texture, self.law).response,
                list(paths)[:n_rotated],
                n_rotations=n_rotations,
                seed=seed,
            )
            for texture in (self.texture, polycrystal)
        ]
        both = [float(np.sqrt(np.mean(errors**2))) for errors in rotated]
        return replace(
            self, held_out=mean_errors(ours, theirs), n_held_out=len(paths), anisotropy=both[0],
            polycrystal_anisotropy=both[1],
        )  # fmt: skip

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write all of it as JSON; numbers are read again to the last bit."""
        words = {"format": _FORMAT, **asdict(self)}
        text = json.dumps(words, default=lambda array: array.tolist(), indent=1)
        Path(file).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> ReducedPolycrystal:
        """Read what `save` has written.

        Raises
        ------
        ValueError
            If the file is not of this format, or what it holds is no polycrystal.
        """
        try:
            words = json.loads(Path(file).read_text(encoding="utf-8"))
            known = words.pop("format")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"file must be written by save, {file} is not: {error}") from None
        if known != _FORMAT:
            raise ValueError(f"file must be of format {_FORMAT}, {file} is of {known!r}")
        law, errors = words.pop("law"), words.pop("held_out")
        try:
            systems = law.pop("systems")
            systems |= {name: tuple(systems[name]) for name in ("names", "twins")}
            slip = tuple(SlipConstants(**one) for one in law.pop("slip"))
            twin = law.pop("twin")
            crystal = CrystalLaw(
                SlipSystems(**systems), slip, None if twin is None else TwinConstants(**twin), **law
            )
            return cls(
                Texture(**words.pop("texture")),
                crystal,
                held_out=None if errors is None else StressErrors(**errors),
                **words,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"file must be written by save, {file} is not: {error}") from None


def reduce_polycrystal(
    dictionary: GrainDictionary,
    n_grains: int,
    *,
    n_restarts: int = 20,
    n_turns: int = 8,
    seed: Any = 0,
    workers: int | None = None,
) -> ReducedPolycrystal:
    """Choose a few grains and weights that answer like the polycrystal of a dictionary.

    Parameters
    ----------
    dictionary : GrainDictionary
        Candidates along paths.
    n_grains : int
        How many are wanted; fewer are returned where more do not help.
    n_restarts : int
        Of the choice; see `choose_few`.
    n_turns : int
        Largest number of turns of the chosen grains; none keeps the candidates as they are. A turn
        moves four times as many grains as are chosen along all paths.
    seed : int or numpy.random.SeedSequence
        Of the restarts.
    workers : int, optional
        Threads.

    Returns
    -------
    ReducedPolycrystal
    """
    check_integer("n_turns", n_turns, 0)
    chosen, weights = choose_few(dictionary.gram, n_grains, n_restarts=n_restarts, seed=seed)
    error = float(weights @ dictionary.gram[np.ix_(chosen, chosen)] @ weights)
    rotations = dictionary.candidates.rotations[chosen]
    if n_turns:
        rotations, weights, error = _turned(dictionary, rotations, weights, n_turns, workers)
    return ReducedPolycrystal(
        Texture(rotations, weights), dictionary.law, dictionary.polycrystal.n_grains,
        len(dictionary.paths), max(error, 0.0) ** 0.5,
    )  # fmt: skip


def _turned(
    dictionary: GrainDictionary,
    rotations: NDArray[np.float64],
    weights: NDArray[np.float64],
    n_turns: int,
    workers: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Turn grains while q falls: rotations, weights and q."""
    damping, error = 1e-2, np.inf
    for _ in range(n_turns):
        matrix, slope, now = _normal_equations(dictionary, rotations, weights, workers)
        error = min(error, now)
        before = error
        for _ in range(4):
            step = np.linalg.solve(matrix + damping * np.diag(np.diag(matrix)), -slope)
            moved = _rotations(step[: 3 * len(rotations)].reshape(-1, 3)) @ rotations
            gram = _gram(Texture(moved), dictionary.answers, dictionary.law, workers)
            chosen, again = choose_few(gram, len(moved))
            reached = float(again @ gram[np.ix_(chosen, chosen)] @ again)
            if reached < error:
                rotations, weights, error = moved[chosen], again, reached
                damping /= 4
                break
            damping *= 5
        if error > (1 - _ENOUGH) * before:
            break
    return rotations, weights, error


def _normal_equations(
    dictionary: GrainDictionary,
    rotations: NDArray[np.float64],
    weights: NDArray[np.float64],
    workers: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """J J^T and J r, r the differences, J their derivatives by turns and weights; and q."""
    n = len(weights)
    turned = [_rotations(_TURN * np.tile(axis, (n, 1))) @ rotations for axis in np.eye(3)]
    all_of_them = Texture(np.concatenate([rotations, *turned]))

    def one(answer: Response) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        rows = _differences(answer, all_of_them, dictionary.law)
        own, others = rows[:n], rows[n:].reshape(3, n, -1)
        by_turns = weights[:, np.newaxis, np.newaxis] * np.moveaxis(others - own, 0, 1) / _TURN
        # a weight grows at the last one's cost
        slopes = np.concatenate([by_turns.reshape(3 * n, -1), own[:-1] - own[-1]])
        rest = weights @ own
        return slopes @ slopes.T, slopes @ rest, float(rest @ rest)

    parts = list(_in_threads(one, dictionary.answers, workers))
    count = len(parts)
    return (
        np.sum([part[0] for part in parts], axis=0) / count,
        np.sum([part[1] for part in parts], axis=0) / count,
        sum(part[2] for part in parts) / count,
    )


def _gram(
    grains: Texture, answers: Sequence[Response], law: CrystalLaw, workers: int | None
) -> NDArray[np.float64]:
    """Mean over answers of the inner products of the grains' relative differences from them."""
    gram = np.zeros((grains.n_grains, grains.n_grains))

    def one(answer: Response) -> NDArray[np.float64]:
        rows = _differences(answer, grains, law)
        return np.asarray(rows @ rows.T)

    for part in _in_threads(one, answers, workers):
        gram += part / len(answers)
    return gram


def _differences(answer: Response, grains: Texture, law: CrystalLaw) -> NDArray[np.float64]:
    """Relative differences of each grain's deviator from the answer's, shape (n, 6 n_times).

    Their inner products are those of the L2 norm over time, of Cauchy stress.
    """
    weights, volume = np.sqrt(time_weights(answer.times)), answer.volume_ratio
    mean = _rows(answer.deviator, weights)
    size = np.linalg.norm(mean)
    if size <= _NO_STRESS * law.shear_modulus * np.sqrt(answer.times[-1] - answer.times[0]):
        raise ValueError("paths must strain the polycrystal: one has no deviator of stress")
    each = grain_stresses(StrainPath(answer.times, answer.stretch), grains, law)
    return np.asarray((_rows(each, weights / volume) - mean) / size)


def _rows(deviator: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six components of symmetric tensors times a factor a time, one row a grain."""
    six = deviator[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    six = six * scale[:, np.newaxis] * np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    return np.asarray(six.reshape(*six.shape[:-2], -1))


def _rotations(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Rotations about vectors, by their lengths in rad."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())


def _in_threads(
    function: Callable[[Response], Any], answers: Sequence[Response], workers: int | None
) -> Iterator[Any]:
    with ThreadPoolExecutor(workers or worker_threads()) as pool:
        yield from pool.map(function, answers)
