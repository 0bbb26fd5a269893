"""A polycrystal of a few grains that answers like one of many.

Taylor's average is a quadrature over orientations, so that a few grains with weights of their own
may stand for many. They are the same crystals under the same law: what they answer is causal and
objective and dissipates. The grains come from a dictionary of candidates whose stress is known
along some paths; with sigma' the deviator, every path counts by its relative error,

    q(w) = mean over paths of  |sum_j w_j sigma'_j - sigma'|^2 / |sigma'|^2,    w >= 0, sum w = 1,

in the L2 norm over time; the mean stress is the same for all grains. `choose_few` makes q small;
then the chosen grains are turned, and weighed again after each turn, by Newton's method. What a set
is worth is told by paths that it was not chosen on, and by loads that are rotated: see
`ReducedPolycrystal.judged`.

A quadrature wants what is smooth. In magnesium that slips, a grain that is turned by a degree
answers otherwise by 6 % of the polycrystal's deviator, in the mean square. Where twins take over
the lattice it is 65 %: half of the grains hardly change, but in some another twin wins, and they
answer as another grain would. There a choice fits what does not come again, and on other paths few
chosen grains are little better than random ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, check_number
from nlbook.crystals.grain_choice import choose_few
from nlbook.crystals.grain_differences import gram_matrix
from nlbook.crystals.grain_turns import turned_grains
from nlbook.crystals.law import CrystalLaw, SlipConstants, TwinConstants
from nlbook.crystals.measures import StressErrors, anisotropy, mean_errors
from nlbook.crystals.response import Response, StrainPath
from nlbook.crystals.systems import SlipSystems
from nlbook.crystals.taylor import taylor_response
from nlbook.crystals.textures import Texture, random_texture

__all__ = ["GrainDictionary", "ReducedPolycrystal", "TaylorPolycrystal", "reduce_polycrystal"]

_FORMAT = 1  # of the files


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
        gram = gram_matrix(candidates, answers, law, workers)
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

    def __post_init__(self) -> None:
        check_integer("n_polycrystal", self.n_polycrystal, 1)
        check_integer("n_paths", self.n_paths, 1)
        check_number("training_error", self.training_error, least=0.0)
        check_integer("n_held_out", self.n_held_out, 0)
        for name in ("anisotropy", "polycrystal_anisotropy"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), least=0.0)

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
            If the file is not of this format, something is missing in it, which is named, or what
            it holds is no polycrystal.
        """
        try:
            words = json.loads(Path(file).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"file must be written by save, {file} is not: {error}") from None
        if not isinstance(words, dict) or "format" not in words:
            raise ValueError(f"file must be written by save, {file} names no format")
        if words.pop("format") != _FORMAT:
            raise ValueError(f"file must be of format {_FORMAT}, {file} is of another")
        try:
            return cls._of_words(words)
        except KeyError as error:
            raise ValueError(f"file must be whole, in {file} {error} is missing") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"file must be written by save, {file} is not: {error}") from None

    @classmethod
    def _of_words(cls, words: dict[str, Any]) -> ReducedPolycrystal:
        """What `save` has made words of; a KeyError names what is missing."""
        own, texture = _entries(cls, words), _entries(Texture, words["texture"])
        law = _entries(CrystalLaw, words["law"])
        systems = _entries(SlipSystems, law["systems"])
        systems |= {name: tuple(systems[name]) for name in ("names", "twins")}
        slip = tuple(SlipConstants(**_entries(SlipConstants, one)) for one in law["slip"])
        twin, errors = law["twin"], own["held_out"]
        law |= {
            "systems": SlipSystems(**systems),
            "slip": slip,
            "twin": None if twin is None else TwinConstants(**_entries(TwinConstants, twin)),
        }
        own |= {
            "texture": Texture(**texture),
            "law": CrystalLaw(**law),
            "held_out": None if errors is None else StressErrors(**_entries(StressErrors, errors)),
        }
        return cls(**own)


def _entries(kind: type, words: dict[str, Any]) -> dict[str, Any]:
    """Words for each field of a dataclass, and no others."""
    if not isinstance(words, dict):
        raise TypeError(f"{kind.__name__} must be an object, got {words!r}")
    names = [field.name for field in fields(kind)]
    unknown = sorted(set(words) - set(names))
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    return {name: words[name] for name in names}


def reduce_polycrystal(
    dictionary: GrainDictionary,
    n_grains: int,
    *,
    n_restarts: int = 50,
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
        moves eleven times as many grains as are chosen, or a few more, along all paths.
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
    grains = Texture(dictionary.candidates.rotations[chosen], weights)
    if n_turns:
        grains, error = turned_grains(
            grains, error, dictionary.answers, dictionary.law, n_turns, workers
        )
    return ReducedPolycrystal(
        grains, dictionary.law, dictionary.polycrystal.n_grains, len(dictionary.paths),
        max(error, 0.0) ** 0.5,
    )  # fmt: skip
