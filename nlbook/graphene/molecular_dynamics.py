"""Atoms in motion: LAMMPS at a temperature, smoothed in time.

The atoms move in their plane, under constant loads and Langevin's thermostat, with

    U(0) = 0,   U(t_n) = (1 - iota) U(t_{n-1}) + iota (x(t_n) - X)

as the displacement smoothed in time, the paper's (2.10) [1]_. LAMMPS moves them, and asks this
package for the forces, which are those of its own Tersoff to rounding and take it a fraction of
the time; `forces_by` lets it use its own. Several runs at once are the work of `run_tasks`.

References
----------
.. [1] H. You, Y. Yu, S. Silling and M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022)
       114400, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.graphene.bonds import Bonds
from nlbook.graphene.fields import read_field, read_loads, without_rigid_motion
from nlbook.graphene.lammps_engine import (
    InnerForces,
    check_bonds,
    moved_atoms,
    started_lammps,
)
from nlbook.graphene.sheet import THICKNESS, TPA, GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff
from nlbook.parallel import checkpoint, seed_sequence

__all__ = ["Dynamics", "DynamicsRun", "run_dynamics"]

#: eV a kelvin
BOLTZMANN = 8.617333262e-5


@dataclass(frozen=True)
class Dynamics:
    """How atoms are moved at a temperature."""

    #: kelvin
    temperature: float = 300.0
    #: ps; the paper has half of it, which takes twice the work
    time_step: float = 1e-3
    #: steps before means are taken, under the friction of `first_damping`
    equilibration: int = 500
    #: steps over which means are taken, under the friction of `damping`
    steps: int = 2500
    #: time after which Langevin's friction has taken 1/e of a velocity, ps
    first_damping: float = 0.1
    #: the same afterwards: the less friction and noise, the less is left of them in a mean
    damping: float = 50.0
    #: weight of a step in (2.10): the smoothing forgets after time_step/iota
    iota: float = 0.01
    #: steps between looks at the atoms; weights in (2.10) are those of so many steps
    every: int = 5
    #: whose loop for Tersoff's forces: nlbook, or lammps
    forces_by: str = "nlbook"

    def __post_init__(self) -> None:
        check_number("temperature", self.temperature, above=0)
        check_number("time_step", self.time_step, above=0, most=0.002)
        check_number("first_damping", self.first_damping, above=self.time_step)
        check_number("damping", self.damping, above=self.time_step)
        check_number("iota", self.iota, above=0, most=1)
        check_choice("forces_by", self.forces_by, ("nlbook", "lammps"))
        check_integer("every", self.every, 1)
        check_integer("equilibration", self.equilibration, 0)
        check_integer("steps", self.steps, self.every)
        for name in ("equilibration", "steps"):
            if getattr(self, name) % self.every:
                raise ValueError(
                    f"{name} must be a multiple of every, got {getattr(self, name)} and "
                    f"{self.every}"
                )


@dataclass(frozen=True)
class DynamicsRun:
    """What a run of molecular dynamics leaves: displacements from where the atoms were unloaded."""

    #: smoothed by (2.10), at the end of the run, angstrom (n_atoms, 2)
    smoothed: NDArray[np.float64]
    #: mean over the run, weighted by half a period of a squared sine, angstrom (n_atoms, 2)
    mean: NDArray[np.float64]
    #: mean over the run, kelvin
    temperature: float
    #: root of the loads' squares over those of the whole forces on atoms, friction and noise of
    #: the thermostat left out, the paper's signal-to-noise ratio
    signal_to_noise: float
    #: mean stress along x1 and x2 of a periodic sheet, positive in tension, TPa; zero of a disk
    stress: tuple[float, float]


def run_dynamics(
    sheet: GrapheneSheet | GrapheneDisk,
    forces: ArrayLike,
    seed: int | Sequence[int],
    dynamics: Dynamics | None = None,
    *,
    potential: Tersoff = TERSOFF_CARBON,
    start: ArrayLike | None = None,
) -> DynamicsRun:
    """Move the atoms of a sheet under constant loads at a temperature.

    Parameters
    ----------
    sheet : GrapheneSheet or GrapheneDisk
        Where the atoms belong.
    forces : array_like, shape (n_atoms, 2)
        Loads without a net force, eV/angstrom.
    seed : int or sequence of int
        Of velocities and thermostat.
    dynamics : Dynamics, optional
        How to move them.
    potential : Tersoff
        Between the atoms.
    start : array_like, shape (n_atoms, 2), optional
        Displacement to start from, angstrom, best that of the equilibrium at 0 K; by default
        zero. Velocities start at twice the temperature, half of which goes into the bonds.

    Returns
    -------
    DynamicsRun
        The mean displacement of all atoms is taken away; of a disk its rotation as well.

    Raises
    ------
    ImportError
        If LAMMPS is not installed.
    ValueError
        If the loads have a net force, or shapes disagree.
    RuntimeError
        If a bond breaks or atoms meet, at any look, or LAMMPS fails.
    """
    settings = dynamics or Dynamics()
    loads = read_loads(read_field("forces", forces, sheet.n_atoms), sheet.n_atoms)[0]
    moved = read_field("start", start, sheet.n_atoms)
    seeds = [int(n) % 899_999_999 + 1 for n in seed_sequence(seed).generate_state(3)]
    own = settings.forces_by == "nlbook"
    with started_lammps(sheet, loads, potential, moved, own) as (engine, inner):
        engine.commands_string(
            f"velocity all create {2 * settings.temperature} {seeds[0]} dist gaussian mom yes\n"
            f"velocity all zero angular\n"
            f"{_thermostat(settings, settings.first_damping, seeds[1])}\n"
            f"fix move all nve\n"
            f"fix plane all enforce2d\n"
            f"timestep {settings.time_step}\n"
            f"run 0"
        )
        return _follow(engine, inner, sheet, loads, potential, settings, seeds[2])


def _follow(
    engine: Any,
    inner: InnerForces,
    sheet: GrapheneSheet | GrapheneDisk,
    loads: NDArray[np.float64],
    potential: Tersoff,
    settings: Dynamics,
    seed: int,
) -> DynamicsRun:
    """Run, look at the atoms, and take the means."""
    n, command = sheet.n_atoms, f"run {settings.every} pre no post no"
    looks = settings.steps // settings.every
    weight = 1.0 - (1.0 - settings.iota) ** settings.every
    smoothed, mean = np.zeros((n, 2)), np.zeros((n, 2))
    square, temperature, stress = 0.0, 0.0, np.zeros(2)
    for look in range(-(settings.equilibration // settings.every), looks):
        checkpoint()
        if look == 0:
            engine.commands_string(f"{_thermostat(settings, settings.damping, seed)}\nrun 0")
        engine.command(command)
        forces = inner()
        moved = moved_atoms(engine, sheet)
        check_bonds(sheet, potential, moved)
        smoothed += weight * (moved - smoothed)
        if look < 0:
            continue
        # waves that swing to and fro leave next to nothing in a mean that begins and ends softly
        mean += (2 / looks) * np.sin(np.pi * (look + 0.5) / looks) ** 2 * moved
        square += float(np.sum((forces + loads) ** 2))
        if look % 10 == 0:
            heat = float(engine.get_thermo("temp"))
            temperature += heat
            stress += _stress(sheet, potential, moved, heat)
    often = (looks + 9) // 10
    free = sheet.positions if sheet.box is None else None
    return DynamicsRun(
        without_rigid_motion(smoothed, free),
        without_rigid_motion(mean, free),
        temperature / often,
        float(np.sqrt(np.sum(loads**2) * looks / square)),
        (float(stress[0] / often), float(stress[1] / often)),
    )


def _stress(
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    moved: NDArray[np.float64],
    temperature: float,
) -> NDArray[np.float64]:
    """Stress along x1 and x2 of a periodic sheet, TPa: (dE/de - N k T)/(area times thickness).

    The derivative to the strain e of atoms and box together is a difference of energies.
    """
    found = np.zeros(2)
    if sheet.box is None:
        return found
    for axis in (0, 1):
        energies = []
        for strain in (1e-5, -1e-5):
            scale = np.ones(2)
            scale[axis] += strain
            bonds = _stretched(sheet, float(scale[0]), float(scale[1]))
            places = (sheet.positions + moved) * scale
            energies.append(potential.energy_and_forces(places, bonds)[0])
        found[axis] = (energies[0] - energies[1]) / 2e-5
    found -= sheet.n_atoms * BOLTZMANN * temperature
    return found * (TPA / (sheet.box[0] * sheet.box[1] * THICKNESS))


@lru_cache(maxsize=16)
def _stretched(sheet: GrapheneSheet, first: float, second: float) -> Bonds:
    return Bonds(sheet.neighbours, (sheet.box[0] * first, sheet.box[1] * second))


def _thermostat(settings: Dynamics, damping: float, seed: int) -> str:
    heat = settings.temperature
    return f"fix heat all langevin {heat} {heat} {damping} {seed} zero yes"
