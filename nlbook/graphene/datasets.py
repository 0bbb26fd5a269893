"""Data sets: a load after the other put on a sheet, at 0 K or with its atoms in motion.

At 0 K a sample is the equilibrium of the sheet under its load. Above, it is the displacement
smoothed in time of a run of molecular dynamics that starts there, in the box of 0 K. A load's
amplitude is found at 0 K, so that the greatest strain of a bond is what is asked for.

The displacement of a disk counts from where its atoms are without loads: from the relaxed edge,
and above 0 K from the disk that has expanded by one number, which a run without loads gives.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlbook.checks import check_number
from nlbook.graphene.atom_samples import AtomSamples
from nlbook.graphene.coarse_graining import Smoothing
from nlbook.graphene.equilibrium import equilibrate
from nlbook.graphene.harmonic import harmonic_body
from nlbook.graphene.lammps_engine import require_lammps
from nlbook.graphene.loads import Load, atom_forces, training_loads
from nlbook.graphene.molecular_dynamics import Dynamics, run_dynamics
from nlbook.graphene.samples import PeriodicSamples
from nlbook.graphene.sheet import GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff
from nlbook.parallel import run_tasks, task_seed

__all__ = ["AtomRuns", "atom_runs", "generate_samples", "sample_task"]

# Of stored samples: raised when a task's result changes.
_SCHEMA = 2
# How near the strain comes to the one asked for, relative, in how many equilibria, and what is
# left of a strain by their own tolerance.
_STRAIN_TOLERANCE, _MOST_TRIALS, _STRAIN_LEFT = 1e-6, 12, 1e-10


@dataclass(frozen=True)
class AtomRuns:
    """Samples of atoms, and what was found on the way; one row a sample."""

    #: displacements and loads of the atoms
    atoms: AtomSamples
    #: of the loads, TPa/angstrom (n_samples,)
    amplitude: NDArray[np.float64]
    #: greatest relative change of a bond's length at 0 K (n_samples,)
    bond_strain: NDArray[np.float64]
    #: mean over a run, kelvin; zero at 0 K (n_samples,)
    temperature: NDArray[np.float64]
    #: `DynamicsRun.signal_to_noise`; infinite at 0 K (n_samples,)
    signal_to_noise: NDArray[np.float64]
    #: mean stress of a periodic sheet along x1 and x2 above 0 K, TPa (n_samples, 2)
    stress: NDArray[np.float64]
    #: by which a disk without loads has expanded at its temperature; zero of a periodic sheet
    thermal_strain: float


def generate_samples(
    loads: Sequence[Load] | None = None,
    nodes: tuple[int, int] = (20, 20),
    *,
    sheet: GrapheneSheet | None = None,
    potential: Tersoff = TERSOFF_CARBON,
    strain: float | None = 0.02,
    dynamics: Dynamics | None = None,
    seed: int | Sequence[int] = 0,
    smoothing: Smoothing | None = None,
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> PeriodicSamples:
    """Load a periodic sheet and coarse-grain its answers.

    Parameters
    ----------
    loads, sheet, potential, strain, dynamics, seed, cluster, store, progress
        As in `atom_runs`.
    nodes : tuple of two ints
        Of the grid along x1 and x2: the box is divided by them, so that it fits.
    smoothing : Smoothing, optional
        A cone of radius 10 angstrom by default.

    Returns
    -------
    PeriodicSamples

    Raises
    ------
    ValueError, ImportError, nlbook.parallel.TaskErrors
        As `atom_runs` and `AtomSamples.on_grid`.
    """
    runs = atom_runs(
        loads,
        sheet,
        potential=potential,
        strain=strain,
        dynamics=dynamics,
        seed=seed,
        cluster=cluster,
        store=store,
        progress=progress,
    )
    return runs.atoms.on_grid(nodes, smoothing=smoothing)


def atom_runs(
    loads: Sequence[Load] | None = None,
    sheet: GrapheneSheet | GrapheneDisk | None = None,
    *,
    potential: Tersoff = TERSOFF_CARBON,
    strain: float | None = 0.02,
    factor: float = 1.0,
    dynamics: Dynamics | None = None,
    averaged: bool = True,
    seed: int | Sequence[int] = 0,
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> AtomRuns:
    """Put one load after the other on a sheet or a disk.

    Parameters
    ----------
    loads : sequence of Load, optional
        By default the 70 training loads; of a disk such as `disk_loads()`.
    sheet : GrapheneSheet or GrapheneDisk, optional
        By default the sheet of 3588 atoms with the potential's own bond.
    potential : Tersoff
        Between the atoms.
    strain : float, optional
        Greatest relative change of a bond's length at 0 K, to which each load's amplitude is
        scaled; None leaves the amplitudes of the loads.
    factor : float
        By which all amplitudes are multiplied afterwards: 1, 1/4 and 1/10 make the paper's three
        levels of noise.
    dynamics : Dynamics, optional
        Above 0 K, and how.
    averaged : bool
        Take the weighted mean over a run of dynamics; else the paper's smoothing (2.10), which
        keeps more of the noise.
    seed : int or sequence of int
        Of the dynamics; each load has a child of it.
    cluster, store, workers, progress
        As in `nlbook.parallel.run_tasks`.

    Returns
    -------
    AtomRuns

    Raises
    ------
    ValueError
        If an argument is out of its range.
    ImportError
        If there are dynamics and LAMMPS is not installed.
    nlbook.parallel.TaskErrors
        If an equilibrium isn't found, or a bond breaks.
    """
    body = GrapheneSheet.relaxed(potential) if sheet is None else sheet
    chosen: list[Load] = list(training_loads() if loads is None else loads)
    if not chosen:
        raise ValueError("loads must be one or more")
    if strain is not None:
        check_number("strain", strain, above=0, most=0.1)
    check_number("factor", factor)
    if dynamics is not None:
        require_lammps()
    free = body.box is None
    tasks: list[dict[str, Any]] = [
        {"load": load, "sheet": body, "potential": potential, "strain": strain, "factor": factor}
        for load in chosen
    ]
    if dynamics is not None:
        if free:
            tasks.append(tasks[0] | {"factor": 0.0})
        for k, task in enumerate(tasks):
            task |= {"dynamics": dynamics, "seed": task_seed(seed, k)}
    results = run_tasks(
        sample_task,
        tasks,
        cluster=cluster,
        store=store,
        schema=_SCHEMA,
        workers=workers,
        progress=progress,
        description="loads",
    )
    expansion = 0.0
    if free and dynamics is not None:
        expansion = _dilation(body.positions, results.pop()["mean"])
    return _gathered(body, chosen, results, averaged, expansion)


def sample_task(
    load: Load,
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    strain: float | None,
    factor: float,
    dynamics: Dynamics | None = None,
    seed: Sequence[int] = (0,),
) -> Mapping[str, NDArray[np.float64]]:
    """One sample, for `run_tasks`; parameters as in `atom_runs`.

    Returns
    -------
    dict
        amplitude, bond_strain, and the displacement at 0 K; with dynamics `DynamicsRun`'s fields.
    """
    forces = atom_forces(load, sheet.positions, sheet.box, sheet.area_per_atom)
    unloaded = 0.0 * forces
    if sheet.box is None:
        unloaded = _rest(sheet, potential, unloaded, None)
    amplitude, rest = _at_strain(load, sheet, potential, strain, forces, unloaded)
    amplitude, rest = factor * amplitude, factor * (rest - unloaded) + unloaded
    if factor != 1 and amplitude != 0:
        rest = _rest(sheet, potential, amplitude * forces, rest)
    found = {
        "amplitude": np.array(amplitude),
        "bond_strain": np.array(_greatest_strain(sheet, rest - unloaded)),
        "displacement": rest - unloaded,
    }
    if dynamics is None:
        return found
    run = run_dynamics(sheet, amplitude * forces, seed, dynamics, potential=potential, start=rest)
    return found | {
        "smoothed": run.smoothed - unloaded,
        "mean": run.mean - unloaded,
        "temperature": np.array(run.temperature),
        "signal_to_noise": np.array(run.signal_to_noise),
        "stress": np.array(run.stress),
    }


def _at_strain(
    load: Load,
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    strain: float | None,
    forces: NDArray[np.float64],
    unloaded: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Amplitude at which the greatest strain of a bond is as asked for, and the atoms at rest.

    A load of no amplitude displaces nothing. Others begin with the strain that the harmonic body
    has, and go on along the secant.
    """
    amplitude = load.amplitude
    if amplitude == 0:
        return 0.0, unloaded
    if strain is None:
        return amplitude, _rest(sheet, potential, amplitude * forces, unloaded)
    answer = harmonic_body(sheet, potential).solve(forces)
    amplitude = math.copysign(strain / _harmonic_strain(sheet, answer), amplitude)
    before, found, rest, broken = 0.0, 0.0, unloaded, None
    for _ in range(_MOST_TRIALS):
        share = answer if before == 0 else (rest - unloaded) / before
        try:
            tried = _rest(sheet, potential, amplitude * forces, unloaded + amplitude * share)
        except (ValueError, RuntimeError) as error:  # too far: bonds break
            amplitude, broken = 0.5 * (before + amplitude), error
            continue
        last, found = found, _greatest_strain(sheet, tried - unloaded)
        if abs(found - strain) <= max(_STRAIN_TOLERANCE * strain, _STRAIN_LEFT):
            return amplitude, tried
        if found == last:
            break
        ratio = 1.0 + (strain - found) / (found - last) * (1.0 - before / amplitude)
        before, rest, amplitude = amplitude, tried, ratio * amplitude
    raise RuntimeError(
        f"no amplitude of {load!r} was found at which bonds are strained by {strain:g}: "
        f"{found:.6g} after {_MOST_TRIALS} trials"
    ) from broken


def _gathered(
    body: GrapheneSheet | GrapheneDisk,
    loads: Sequence[Load],
    results: Sequence[Mapping[str, NDArray[np.float64]]],
    averaged: bool,
    expansion: float,
) -> AtomRuns:
    moving = "smoothed" in results[0]
    amplitude = np.array([float(result["amplitude"]) for result in results])
    displacement = np.stack(
        [
            result[("mean" if averaged else "smoothed") if moving else "displacement"]
            for result in results
        ]
    )
    displacement -= expansion * body.positions
    forces = np.stack(
        [
            size * atom_forces(load, body.positions, body.box, body.area_per_atom)
            for size, load in zip(amplitude, loads, strict=True)
        ]
    )

    def row(name: str, otherwise: Any) -> NDArray[np.float64]:
        return np.array([result[name] if moving else otherwise for result in results])

    return AtomRuns(
        AtomSamples(body.positions, body.box, displacement, forces),
        amplitude,
        np.array([float(result["bond_strain"]) for result in results]),
        row("temperature", 0.0),
        row("signal_to_noise", np.inf),
        row("stress", (0.0, 0.0)),
        expansion,
    )


def _dilation(positions: NDArray[np.float64], displacement: NDArray[np.float64]) -> float:
    """The uniform expansion that is nearest to a displacement."""
    places = positions - positions.mean(axis=0)
    return float(np.sum(places * displacement) / np.sum(places**2))


def _rest(
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    forces: NDArray[np.float64],
    start: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Displacement of the atoms at rest."""
    return equilibrate(sheet, forces, potential, start=start).displacement[0]


def _harmonic_strain(
    sheet: GrapheneSheet | GrapheneDisk, displacement: NDArray[np.float64]
) -> float:
    """Greatest relative change of a bond's length, to first order in a displacement."""
    bonds = sheet.bonds.vectors(sheet.positions)
    first, second = sheet.bonds.pairs.T
    apart = displacement[second] - displacement[first]
    return float(np.abs(np.sum(bonds * apart, axis=1)).max() / sheet.bond_length**2)


def _greatest_strain(
    sheet: GrapheneSheet | GrapheneDisk, displacement: NDArray[np.float64]
) -> float:
    """Greatest relative change of a bond's length."""
    strains = sheet.bonds.strains(sheet.positions + displacement, sheet.bond_length)
    return float(np.abs(strains).max())
