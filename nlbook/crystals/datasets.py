"""Data sets: what a material answers to many random strain paths, made once and kept.

A material is a frozen dataclass whose ``response(path)`` answers a strain path: a polycrystal, a
unit cell, a few grains. One path is one task of `nlbook.parallel.run_tasks`: it depends on the
material, the rule and its own seed alone, so that an interrupted run goes on, and a finished one
grows, without computing anything twice, here or on a cluster.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_integer, real_array
from nlbook.crystals.response import Response, StepsTooLong, StrainPath
from nlbook.crystals.strain_paths import PathRule, draw_strain_path
from nlbook.parallel import run_tasks, task_seed

__all__ = [
    "DataSet",
    "Material",
    "answer_paths",
    "make_data_set",
    "path_task",
    "response_task",
]

SCHEMA = 2  # raised by hand when the same material and path give another result
_MOST_HALVINGS = 4  # of the steps, where they are too long for the law


class Material(Protocol):
    """What answers strain paths."""

    def response(self, strain_path: StrainPath, /) -> Response:
        """Stress along a path."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Strain paths and stresses, one row a path; in memory 64 bits, in a file 32."""

    #: times, s, shape (n_times,)
    times: NDArray[np.float64]
    #: U, shape (n_paths, n_times, d, d)
    stretch: NDArray[np.float64]
    #: Cauchy stress, GPa, shape (n_paths, n_times, d, d)
    stress: NDArray[np.float64]
    #: paths that were rejected before each, shape (n_paths,)
    n_rejected: NDArray[np.int64]
    #: steps of the material in each of the path's, shape (n_paths,)
    substeps: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, ndim in (("times", 1), ("stretch", 4), ("stress", 4)):
            object.__setattr__(self, name, real_array(name, getattr(self, name), ndim=ndim))
        shape = (len(self.stretch), len(self.times), *self.stretch.shape[-1:] * 2)
        if self.stretch.shape != shape or self.stress.shape != shape:
            raise ValueError(
                f"stretch and stress must have shape (n_paths, {len(self.times)}, d, d), got "
                f"{self.stretch.shape} and {self.stress.shape}"
            )
        for name in ("n_rejected", "substeps"):
            whole = real_array(name, getattr(self, name), ndim=1)
            if whole.shape != shape[:1] or np.any(whole != np.round(whole)):
                raise ValueError(f"{name} must be a whole number for each of {shape[0]} paths")
            object.__setattr__(self, name, whole.astype(np.int64))

    def __len__(self) -> int:
        return len(self.stretch)

    @property
    def paths(self) -> list[StrainPath]:
        """The strain paths."""
        return [StrainPath(self.times, one) for one in self.stretch]

    @property
    def responses(self) -> list[Response]:
        """The stresses, with the paths that they answer."""
        both = zip(self.stretch, self.stress, strict=True)
        return [Response(self.times, stretch, stress) for stretch, stress in both]

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the independent components, in 32 bits, as a compressed ``.npz``."""
        i, j = np.triu_indices(self.stretch.shape[-1])
        np.savez_compressed(
            Path(file), times=self.times, n_rejected=self.n_rejected, substeps=self.substeps,
            stretch=self.stretch[..., i, j].astype(np.float32),
            stress=self.stress[..., i, j].astype(np.float32),
        )  # fmt: skip

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> DataSet:
        """Read what `save` has written.

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        with np.load(Path(file), allow_pickle=False) as stored:
            names = {"times", "n_rejected", "substeps", "stretch", "stress"}
            if set(stored.files) != names:
                raise ValueError(f"file must be written by save, {file} holds {stored.files}")
            arrays = {name: stored[name] for name in names}
        for name in ("stretch", "stress"):
            arrays[name] = _full(arrays[name].astype(np.float64))
        return cls(**arrays)


def make_data_set(
    material: Material,
    n_paths: int,
    seed: int | Sequence[int],
    rule: PathRule | None = None,
    *,
    substeps: int = 4,
    store: str | os.PathLike[str] | None = None,
    cluster: Any = None,
    workers: int | None = None,
    progress: bool = True,
) -> DataSet:
    """Answers of a material to random strain paths.

    Parameters
    ----------
    material : Material
        A frozen dataclass of plain data with a method ``response``.
    n_paths : int
        Path k has the seed ``task_seed(seed, k)`` and is that of `sample_strain_paths`.
    seed : int or tuple of int
        Of the paths.
    rule : PathRule, optional
        Of the paths; by default the paper's with 10 % strain.
    substeps : int
        Steps of the material in each of the path's; twice as many, up to 16 times, where it
        raises `StepsTooLong`.
    store : path, optional
        Folder that keeps each finished path; the same call goes on from there.
    cluster, workers, progress
        See `nlbook.parallel.run_tasks`.

    Returns
    -------
    DataSet
    """
    check_integer("n_paths", n_paths, 1)
    check_integer("substeps", substeps, 1)
    rule = PathRule() if rule is None else rule
    tasks = [
        {"material": material, "rule": rule, "seed": task_seed(seed, k), "substeps": substeps}
        for k in range(n_paths)
    ]
    results = run_tasks(
        response_task, tasks, cluster, store, schema=SCHEMA, shard_size=4, workers=workers,
        progress=progress, description="strain paths",
    )  # fmt: skip
    return DataSet(
        np.linspace(0.0, rule.duration, rule.n_steps + 1),
        np.array([result["stretch"] for result in results]),
        np.array([result["stress"] for result in results]),
        np.array([int(result["n_rejected"]) for result in results]),
        np.array([int(result["substeps"]) for result in results]),
    )


def answer_paths(
    material: Material,
    paths: Sequence[StrainPath],
    *,
    store: str | os.PathLike[str] | None = None,
    cluster: Any = None,
    workers: int | None = None,
    progress: bool = True,
) -> list[Response]:
    """Answers of a material to strain paths of one's own, in their order.

    Parameters
    ----------
    material : Material
        As of `make_data_set`.
    paths : sequence of StrainPath
        Each is one task, and each of its steps one of the material's.
    store, cluster, workers, progress
        As of `make_data_set`.

    Raises
    ------
    nlbook.parallel.TaskErrors
        If paths failed; the others are in the store.
    """
    tasks = [{"material": material, "times": p.times, "stretch": p.stretch} for p in paths]
    results = run_tasks(
        path_task, tasks, cluster, store, schema=SCHEMA, workers=workers, progress=progress,
        description="strain paths",
    )  # fmt: skip
    answers = []
    for path, result in zip(paths, results, strict=True):
        found: dict[str, Any] = dict(result)
        if "step_error" in found:  # from a store it comes as an array
            found["step_error"] = float(found["step_error"])
        answers.append(Response(path.times, path.stretch, **found))
    return answers


def path_task(
    material: Any, times: NDArray[np.float64], stretch: NDArray[np.float64]
) -> dict[str, Any]:
    """Answer of a material to a path; see `answer_paths`. Without times and stretch, by name."""
    response = material.response(StrainPath(times, stretch))
    names = ("stress", "activity", "stored", "dissipated", "step_error")
    found = {name: getattr(response, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def response_task(
    material: Any, rule: PathRule, seed: tuple[int, ...], substeps: int
) -> dict[str, Any]:
    """Answer of a material to one random path; see `make_data_set`.

    Returns
    -------
    dict
        ``stretch`` and ``stress`` at the rule's times, ``n_rejected`` and ``substeps`` taken.
    """
    for halvings in range(_MOST_HALVINGS + 1):
        factor = substeps * 2**halvings
        path, n_rejected = draw_strain_path(seed, replace(rule, n_steps=factor * rule.n_steps))
        try:
            response = material.response(path)
        except StepsTooLong:
            if halvings == _MOST_HALVINGS:
                raise
            continue
        break
    return {
        "stretch": path.stretch[::factor],
        "stress": response.stress[::factor],
        "n_rejected": n_rejected,
        "substeps": factor,
    }


def _full(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric tensors of their components i <= j."""
    d = 3 if components.shape[-1] == 6 else 2
    i, j = np.triu_indices(d)
    if components.shape[-1] != len(i):
        raise ValueError(f"file must hold 6 or 3 components, got {components.shape[-1]}")
    tensors = np.empty((*components.shape[:-1], d, d))
    tensors[..., i, j] = tensors[..., j, i] = components
    return tensors
