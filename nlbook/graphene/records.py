"""Data sets that were made once: displacements on nodes, from which samples are made again.

A file holds the displacements, rounded to float32, the amplitudes of the loads, and what the set
is. The loads on the nodes are not kept: the atoms, the loads and the weights give them again.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.graphene.atom_samples import samples_on_grid, samples_on_lattice
from nlbook.graphene.coarse_graining import CoarseGraining
from nlbook.graphene.datasets import AtomRuns
from nlbook.graphene.loads import (
    DiskLoad,
    Load,
    WaveLoad,
    atom_forces,
    disk_loads,
    training_loads,
    validation_loads,
)
from nlbook.graphene.samples import PeriodicSamples, PointSamples
from nlbook.graphene.sheet import GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import LINDSAY_BROIDO, TERSOFF_CARBON, Tersoff

__all__ = ["GrapheneRecord", "RecordedSet", "read_graphene_record", "recorded_arrays"]

_POTENTIALS = {"tersoff": TERSOFF_CARBON, "lindsay_broido": LINDSAY_BROIDO}
# What the runs say of each sample, and is kept beside the displacements.
_ROWS = ("amplitude", "bond_strain", "temperature", "signal_to_noise", "stress")


@dataclass(frozen=True)
class RecordedSet:
    """What a data set is: loads, atoms, and the nodes that see them."""

    #: training, validation, disk, or unloaded: ten times a sheet without loads
    loads: str
    #: tersoff, the original set, or lindsay_broido
    potential: str = "tersoff"
    #: greatest strain of a bond to which the loads are scaled; None: their amplitudes in print
    strain: float | None = None
    #: of the loads, afterwards
    factor: float = 1.0
    #: kelvin
    temperature: float = 0.0
    #: whether displacements are the weighted mean over a run, or smoothed by the paper's (2.10)
    averaged: bool = True
    #: nodes along a side of the box; None on a disk
    nodes: int | None = 20
    #: of the nodes, angstrom, where it isn't the box over the nodes, or on a disk 5
    spacing: float | None = None
    #: of the waves, angstrom, where it isn't the box
    period: float | None = None

    def __post_init__(self) -> None:
        check_choice("loads", self.loads, ("training", "validation", "disk", "unloaded"))
        check_choice("potential", self.potential, tuple(_POTENTIALS))
        if self.strain is not None:
            check_number("strain", self.strain, above=0)
        check_number("factor", self.factor)
        check_number("temperature", self.temperature, least=0)
        if (self.loads == "disk") != (self.nodes is None):
            raise ValueError(f"nodes must be None on a disk and nowhere else, got {self.nodes!r}")
        if self.nodes is not None:
            check_integer("nodes", self.nodes, 3)
        if self.spacing is not None:
            check_number("spacing", self.spacing, above=0)
        if self.period is not None:
            check_number("period", self.period, above=0)
            if self.loads != "training":
                raise ValueError(f"period must be None for loads that are no waves, got {self!r}")

    @property
    def tersoff(self) -> Tersoff:
        """Parameters of the potential."""
        return _POTENTIALS[self.potential]

    @cached_property
    def body(self) -> GrapheneSheet | GrapheneDisk:
        """The atoms."""
        if self.loads == "disk":
            return GrapheneDisk.relaxed(self.tersoff)
        return GrapheneSheet.relaxed(self.tersoff)

    def chosen_loads(self) -> list[Load]:
        """The loads, with their amplitudes in print."""
        if self.loads == "training":
            return list(training_loads(period=_square(self.period)))
        if self.loads == "validation":
            return list(validation_loads())
        if self.loads == "disk":
            return list(disk_loads())
        return [WaveLoad((1, 0), 0, amplitude=0.0)] * 10

    def graining(self) -> CoarseGraining:
        """Weights between the atoms and the nodes; a wrapped grid warns."""
        body = self.body
        if body.box is None or self.nodes is None:
            spacing = 5.0 if self.spacing is None else self.spacing
            return CoarseGraining.on_lattice(body.positions, spacing, 80.0)
        return CoarseGraining.on_grid(
            body.positions, body.box, (self.nodes, self.nodes), spacing=_square(self.spacing)
        )


@dataclass(frozen=True)
class GrapheneRecord:
    """A data set that was read, and what is known of its samples."""

    #: what it is
    made: RecordedSet
    #: on the nodes; of an unloaded sheet None, see `displacement`
    samples: PeriodicSamples | PointSamples | None
    #: angstrom (n_samples, n_nodes, 2)
    displacement: NDArray[np.float64]
    #: of the loads, TPa/angstrom (n_samples,)
    amplitude: NDArray[np.float64]
    #: greatest at 0 K (n_samples,)
    bond_strain: NDArray[np.float64]
    #: mean over a run, kelvin (n_samples,)
    temperature: NDArray[np.float64]
    #: of the atoms' forces; infinite at 0 K (n_samples,)
    signal_to_noise: NDArray[np.float64]
    #: mean of a periodic sheet along x1 and x2, TPa (n_samples, 2)
    stress: NDArray[np.float64]


def recorded_arrays(made: RecordedSet, runs: AtomRuns) -> dict[str, NDArray[Any]]:
    """Arrays of a file, for `numpy.savez_compressed`.

    Parameters
    ----------
    made : RecordedSet
        What the runs are.
    runs : AtomRuns
        Their result.

    Returns
    -------
    dict of str to ndarray
    """
    moved = made.graining().displacement(runs.atoms.displacement)
    if made.nodes is not None:
        moved -= moved.mean(axis=1, keepdims=True)
    return {
        "made": np.array(json.dumps(asdict(made))),
        "displacement": moved.astype(np.float32),
        **{name: getattr(runs, name) for name in _ROWS},
    }


def read_graphene_record(folder: str | os.PathLike[str], name: str) -> GrapheneRecord:
    """Read a data set, and make its samples again.

    Parameters
    ----------
    folder : path
        Of the record.
    name : str
        Of the set, such as ``training_0K``.

    Returns
    -------
    GrapheneRecord

    Raises
    ------
    ValueError
        If there is no such set, with those that there are, or it is damaged.
    """
    path = Path(folder, f"{name}.npz")
    if not path.is_file():
        there = sorted(file.stem for file in Path(folder).glob("*.npz"))
        raise ValueError(f"name must be one of {', '.join(there) or 'none'}, got {name!r}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        made = RecordedSet(**json.loads(str(arrays.pop("made"))))
        moved = arrays.pop("displacement").astype(np.float64)
        rows = {key: arrays[key] for key in _ROWS}
        samples = _samples(made, moved, rows)
    except (KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, ValueError) as error:
        raise ValueError(f"{path} is no record of this book, or damaged: {error}") from None
    return GrapheneRecord(made, samples, moved, **rows)


def _square(side: float | None) -> tuple[float, float] | None:
    return None if side is None else (side, side)


def _samples(
    made: RecordedSet, moved: NDArray[np.float64], rows: Mapping[str, NDArray[np.float64]]
) -> PeriodicSamples | PointSamples | None:
    if made.loads == "unloaded":
        return None
    body, graining = made.body, made.graining()
    forces = np.stack(
        [
            amplitude * atom_forces(load, body.positions, body.box, body.area_per_atom)
            for amplitude, load in zip(rows["amplitude"], made.chosen_loads(), strict=True)
        ]
    )
    if made.nodes is None:
        return samples_on_lattice(graining, DiskLoad(1).radius, moved, forces)
    return samples_on_grid(graining, (made.nodes, made.nodes), moved, forces)
