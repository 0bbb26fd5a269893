"""Atoms of graphene: one call for the forces against LAMMPS, and equilibria at 0 K."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from importlib.util import find_spec

import numpy as np

from nlbook.graphene import (
    TERSOFF_CARBON,
    GrapheneDisk,
    GrapheneSheet,
    HarmonicDisk,
    HarmonicSheet,
    LatticeResponse,
    atom_forces,
    disk_loads,
    equilibrate,
    training_loads,
)
from tests.benchmarks.measuring import Table, seconds
from tests.graphene.lammps_atoms import lammps_atoms

STRAIN = 0.02  # greatest of a bond, as in the paper
LAMMPS = "LAMMPS, one thread, the faster of tersoff and tersoff/omp"
SKIN = 0.3  # of its list of neighbours, angstrom: as for a solid, where the usual 2 costs a tenth


def graphene_table() -> Table:
    """Time of the forces, of equilibria, and of the lattice's symbol."""
    sheet, disk = GrapheneSheet.relaxed(), GrapheneDisk.relaxed()
    table = Table(
        "graphene",
        f"The atoms of graphene: a sheet of {sheet.n_atoms}, a disk of {disk.n_atoms}",
        "One core. Forces and energies are those of atoms a hundredth of an angstrom off their "
        "places, and LAMMPS has its list of neighbours made before, for atoms of a solid: 0.3 "
        "angstrom beyond the cutoff. Equilibria are those of the "
        "loads of training and test, at bond strains of 2 %, to 1e-9 eV/angstrom; of the disk, "
        "beside its free edge.",
        threads=1,
    )
    places = shaken(sheet.positions)
    ours = seconds(
        lambda: TERSOFF_CARBON.energy_and_forces(places, sheet.bonds), clock=time.thread_time
    )
    if find_spec("lammps") is None:
        table.add("forces on the sheet", ours * 1e6, "us")
        table.keep_rows_of("LAMMPS")
    else:
        theirs, forces = lammps_step(places, sheet.box)
        table.add(
            "forces on the sheet", ours * 1e6, "us",
            ratio=theirs / ours, against=LAMMPS, ratio_at_least=8.0,
        )  # fmt: skip
        difference = np.abs(TERSOFF_CARBON.energy_and_forces(places, sheet.bonds)[1] - forces)
        table.add(
            "greatest difference from LAMMPS' forces", difference.max(), "eV/angstrom",
            at_most=1e-10,
        )  # fmt: skip
    in_space = np.column_stack([places, shaken(np.zeros(len(places)))])
    table.add(
        "forces on the sheet, in space",
        1e6 * seconds(
            lambda: TERSOFF_CARBON.energy_and_forces(in_space, sheet.bonds), clock=time.thread_time
        ),
        "us",
    )  # fmt: skip
    waves = np.random.default_rng(1).uniform(-1, 1, (400, 2))
    response = LatticeResponse()
    table.add("symbol at 400 wavevectors", 1e3 * seconds(lambda: response.symbol(waves)), "ms")
    loads = scaled(sheet, HarmonicSheet(sheet), training_loads())
    table.add(
        f"{len(loads)} equilibria of the sheet",
        seconds(lambda: equilibrate(sheet, loads), clock=time.thread_time),
        "s",
        at_most=3.0,
    )
    harmonic = HarmonicDisk(disk)
    loads = scaled(disk, harmonic, disk_loads())
    factorise = seconds(lambda: HarmonicDisk(disk).solve(loads), clock=time.thread_time)
    table.add("harmonic disk, factorised and solved", factorise, "s")
    table.add(
        f"{len(loads)} equilibria of the disk",
        seconds(lambda: equilibrate(disk, loads), clock=time.thread_time),
        "s",
    )
    return table


def shaken(places: np.ndarray) -> np.ndarray:
    """Atoms moved by a hundredth of an angstrom."""
    return places + np.random.default_rng(0).normal(scale=0.01, size=places.shape)


def scaled(body, harmonic, loads) -> np.ndarray:
    """Forces on the atoms that strain bonds by STRAIN, as far as the body is harmonic."""
    forces = np.array(
        [atom_forces(load, body.positions, body.box, body.area_per_atom) for load in loads]
    )
    forces -= forces.mean(axis=1, keepdims=True)
    moved = harmonic.solve(forces)
    strains = [
        np.abs(body.bonds.strains(body.positions + 1e-6 * u, body.bond_length)).max() for u in moved
    ]
    return forces * (STRAIN * 1e-6 / np.array(strains))[:, np.newaxis, np.newaxis]


def lammps_step(places: np.ndarray, box: tuple[float, float]) -> tuple[float, np.ndarray]:
    """Seconds of one call for the forces in the faster of two styles, and these."""
    spent = []
    for style in ("tersoff", "tersoff/omp"):
        with (
            tempfile.TemporaryDirectory() as folder,
            lammps_atoms(TERSOFF_CARBON, places, box, folder, style, SKIN) as engine,
        ):
            forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3)[:, :2]
            engine.command("neigh_modify every 1000000 delay 1000000 check no")
            run = partial(engine.command, "run 20 pre no post no")
            spent.append(seconds(run, most_runs=20, clock=time.thread_time) / 20)
    return min(spent), forces
