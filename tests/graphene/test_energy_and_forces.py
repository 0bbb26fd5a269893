"""The compiled potential against its printed form, against LAMMPS, and against what must hold."""

import dataclasses
import math

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    Bonds,
    GrapheneDisk,
    GrapheneSheet,
)
from tests.graphene import plain

POTENTIALS = [TERSOFF_CARBON, LINDSAY_BROIDO]


def shaken(body, dimension=2, size=0.05, seed=3):
    """Atoms a little off their places."""
    places = np.zeros((body.n_atoms, dimension))
    places[:, :2] = body.positions
    return places + np.random.default_rng(seed).uniform(-size, size, places.shape)


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("body", [GrapheneSheet((3, 2)), GrapheneDisk(5.0)])
def test_energy_and_forces_are_those_of_the_printed_form(potential, dimension, body):
    places = shaken(body, dimension)
    energy, forces = potential.energy_and_forces(places, body.bonds)
    assert energy == pytest.approx(plain.energy(potential, places, body.box), rel=1e-13)
    # a rounded cosine, 1e-16, over the distance of about 1e-2 to h, in forces of 10 eV/angstrom
    assert np.max(np.abs(forces - plain.forces(potential, places, body.box))) < 1e-12


@pytest.mark.parametrize("dimension", [2, 3])
def test_bonds_in_the_cutoff_and_beyond_it_are_those_of_the_printed_form(dimension):
    sheet = GrapheneSheet((4, 3))
    box = sheet.box[0], 1.4 * sheet.box[1]
    places = shaken(sheet, dimension, 0.1) * [1.0, 1.4, 1.0][:dimension]
    bonds = Bonds(sheet.neighbours, box)
    lengths = np.linalg.norm(bonds.vectors(places), axis=1)
    assert np.any(lengths > 2.1)
    assert np.any((lengths > 1.8) & (lengths < 2.1))
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, bonds)
    assert energy == pytest.approx(plain.energy(TERSOFF_CARBON, places, box), rel=1e-13)
    assert np.max(np.abs(forces - plain.forces(TERSOFF_CARBON, places, box))) < 1e-11


def test_a_bond_beyond_the_cutoff_that_is_listed_does_no_harm():
    bonds = Bonds(np.array([[1, -1, -1], [0, -1, -1]]))
    energy, forces = TERSOFF_CARBON.energy_and_forces([[0.0, 0.0], [2.11, 0.0]], bonds)
    assert energy == 0
    assert np.all(forces == 0)


@pytest.mark.parametrize("distance", [2.11, 250.0, 1e6, 1e200])
def test_no_bond_is_too_long_to_be_listed(distance):
    """An exponent of -lambda r has no bits from 200 angstrom on."""
    places = np.array([[0.0, 0.0], [1.4, 0.3], [0.0, -distance]])
    far = Bonds(np.array([[1, 2, -1], [0, -1, -1], [0, -1, -1]]))
    near = Bonds(np.array([[1, -1, -1], [0, -1, -1], [-1, -1, -1]]))
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, far)
    expected = TERSOFF_CARBON.energy_and_forces(places, near)
    assert energy == pytest.approx(expected[0], rel=1e-15)
    assert np.max(np.abs(forces - expected[1])) < 1e-14


@pytest.mark.parametrize(
    "change",
    [
        {"beta": 0.0},
        {"beta": 0.0, "n": 1e-3},
        {"n": 22.956, "beta": 1e-30},
        {"n": 22.956, "beta": 1e-5},
        {"n": 100.0, "beta": 10.0},
        {"lambda1": 900.0},
    ],
)
@pytest.mark.parametrize("n_atoms", [2, 3, 24])
def test_parameters_at_which_a_power_has_no_number_are_those_of_the_printed_form(change, n_atoms):
    potential = dataclasses.replace(TERSOFF_CARBON, **change)
    body = GrapheneDisk(3.0)
    places = shaken(body)[:n_atoms] if n_atoms < 24 else shaken(body)
    if n_atoms == 3:
        places = np.array([[0.0, 0.0], [1.4, 0.1], [-0.8, 1.2]])
    if n_atoms == 2:
        places = np.array([[0.0, 0.0], [1.4, 0.1]])
    bonds = Bonds.find(places, potential.cutoff)
    energy, forces = potential.energy_and_forces(places, bonds)
    assert energy == pytest.approx(plain.energy(potential, places), rel=1e-13, abs=1e-300)
    assert np.max(np.abs(forces - plain.forces(potential, places))) < 1e-11


@pytest.mark.parametrize("short", [1e-2, 1e-5, 1e-7, 1e-8, 1e-9, 1e-12])
def test_an_atom_at_the_end_of_the_cutoff_hardly_pulls(short):
    """There db/dzeta goes as zeta**(n - 1), which the rounded zeros of the cutoff would free."""
    places = np.array([[0.0, 0.0], [1.4, 0.1], [-1.0, math.sqrt((2.1 - short) ** 2 - 1)]])
    bonds = Bonds.find(places, 2.1)
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, bonds)
    assert energy == pytest.approx(plain.energy(TERSOFF_CARBON, places), rel=1e-14)
    exact = plain.forces(TERSOFF_CARBON, places)
    # the distance to the end is known to 4e-16 angstrom, and forces go as its power 0.46
    bound = 1e-12 + 1e-15 / short * np.max(np.abs(exact[2]))
    assert np.max(np.abs(forces - exact)) < bound


@pytest.mark.parametrize("distance", [0.0, 1e-170])
def test_two_atoms_in_one_place_are_refused(distance):
    places = np.array([[0.0, 0.0], [distance, 0.0], [0.0, 1.4]])
    bonds = Bonds(np.array([[1, 2, -1], [0, -1, -1], [0, -1, -1]]))
    with pytest.raises(ValueError, match="positions must keep bonded atoms apart: two are 0 ang"):
        TERSOFF_CARBON.energy_and_forces(places, bonds)


@pytest.mark.parametrize("n_bonds", [0, 1, 2])
def test_few_bonds_are_those_of_the_printed_form(n_bonds):
    places = np.array([[0.0, 0.0], [1.4, 0.1], [-0.8, 1.2]])[: n_bonds + 1]
    bonds = Bonds.find(places, TERSOFF_CARBON.cutoff)
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, bonds)
    assert energy == pytest.approx(plain.energy(TERSOFF_CARBON, places), rel=1e-14, abs=1e-300)
    assert np.max(np.abs(forces - plain.forces(TERSOFF_CARBON, places))) < 1e-12


def test_the_cohesive_energy_is_that_of_the_literature():
    sheet = GrapheneSheet.relaxed(TERSOFF_CARBON, (4, 3))
    energy, forces = TERSOFF_CARBON.energy_and_forces(sheet.positions, sheet.bonds)
    assert energy / sheet.n_atoms == pytest.approx(-7.3932, abs=5e-5)
    assert np.max(np.abs(forces)) < 1e-12


@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_relaxed_bond_has_the_least_energy(potential):
    lengths = GrapheneSheet.relaxed(potential, (2, 1)).bond_length * np.array([0.999, 1.0, 1.001])
    sheets = [GrapheneSheet((2, 1), length) for length in lengths]
    energies = [potential.energy_and_forces(s.positions, s.bonds)[0] for s in sheets]
    assert energies[1] < min(energies[0], energies[2])
    assert abs(energies[2] - energies[0]) < 0.01 * (energies[0] - energies[1])


@pytest.mark.parametrize("dimension", [2, 3])
def test_forces_add_up_to_nothing_and_turn_nothing(dimension):
    disk = GrapheneDisk(20.0)
    places = shaken(disk, dimension)
    _, forces = TERSOFF_CARBON.energy_and_forces(places, disk.bonds)
    assert np.max(np.abs(forces.sum(axis=0))) < 1e-11
    torque = np.cross(places, forces).sum(axis=0) if dimension == 3 else None
    turn = places[:, 0] * forces[:, 1] - places[:, 1] * forces[:, 0]
    assert np.max(np.abs(turn.sum() if torque is None else torque)) < 1e-9


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_moved_and_turned_disk_has_turned_forces(dimension):
    disk = GrapheneDisk(12.0)
    places = shaken(disk, dimension)
    generator = np.random.default_rng(5)
    turn = np.linalg.qr(generator.normal(size=(dimension, dimension)))[0]
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, disk.bonds)
    again, turned = TERSOFF_CARBON.energy_and_forces(places @ turn + 3.0, disk.bonds)
    assert again == pytest.approx(energy, rel=1e-13)
    assert np.max(np.abs(turned - forces @ turn)) < 1e-10


def test_atoms_in_another_order_have_the_same_forces():
    sheet = GrapheneSheet((5, 4))
    places = shaken(sheet)
    order = np.random.default_rng(7).permutation(sheet.n_atoms)
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, sheet.bonds)
    bonds = Bonds.find(places[order], TERSOFF_CARBON.cutoff, sheet.box)
    again, permuted = TERSOFF_CARBON.energy_and_forces(places[order], bonds)
    assert again == pytest.approx(energy, rel=1e-14)
    assert np.max(np.abs(permuted - forces[order])) < 1e-11


def test_atoms_outside_of_the_box_are_those_inside():
    sheet = GrapheneSheet((4, 3))
    places = shaken(sheet)
    images = np.random.default_rng(8).integers(-2, 3, places.shape) * np.array(sheet.box)
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, sheet.bonds)
    again, same = TERSOFF_CARBON.energy_and_forces(places + images, sheet.bonds)
    assert again == pytest.approx(energy, rel=1e-13)
    assert np.max(np.abs(same - forces)) < 1e-10


def test_a_flat_sheet_in_space_has_the_forces_of_the_plane():
    sheet = GrapheneSheet((4, 3))
    places = shaken(sheet)
    flat = np.column_stack([places, np.full(len(places), 2.0)])
    energy, forces = TERSOFF_CARBON.energy_and_forces(places, sheet.bonds)
    again, in_space = TERSOFF_CARBON.energy_and_forces(flat, sheet.bonds)
    assert again == pytest.approx(energy, rel=1e-15)
    assert np.max(np.abs(in_space[:, :2] - forces)) < 1e-12
    assert np.all(in_space[:, 2] == 0)


def test_energies_of_atoms_add_up():
    disk = GrapheneDisk(15.0)
    energies, _ = TERSOFF_CARBON.atom_energies_and_forces(disk.positions, disk.bonds)
    energy, _ = TERSOFF_CARBON.energy_and_forces(disk.positions, disk.bonds)
    assert energies.shape == (disk.n_atoms,)
    assert energies.sum() == energy
    inside = np.linalg.norm(disk.positions, axis=1) < 10.0
    assert np.max(np.abs(energies[inside] + 7.3932)) < 5e-5


def test_the_factor_gamma_is_that_of_a_stronger_angular_function():
    """With zeta linear in gamma, gamma does what beta does."""
    sheet = GrapheneSheet((3, 2))
    places = shaken(sheet)
    stronger = dataclasses.replace(TERSOFF_CARBON, gamma=2.5)
    same = dataclasses.replace(TERSOFF_CARBON, beta=2.5 * TERSOFF_CARBON.beta)
    one, other = (p.energy_and_forces(places, sheet.bonds) for p in (stronger, same))
    assert one[0] == pytest.approx(other[0], rel=1e-14)
    assert np.max(np.abs(one[1] - other[1])) < 1e-11


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.zeros((3, 2)), r"positions must have shape \(24, 2\) or \(24, 3\), got \(3, 2\)"),
        (np.zeros((24, 4)), r"positions must have shape \(24, 2\)"),
        (np.full((24, 2), math.nan), "positions must be finite"),
        (np.zeros((24, 2), complex), "positions must be real numbers"),
    ],
)
def test_positions_that_are_not_those_of_the_bonds_are_refused(positions, message):
    with pytest.raises(ValueError, match=message):
        TERSOFF_CARBON.energy_and_forces(positions, GrapheneSheet((3, 2)).bonds)
