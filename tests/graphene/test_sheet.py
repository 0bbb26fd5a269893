"""Where the atoms are, and who neighbours whom."""

import dataclasses
import math

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    GrapheneDisk,
    GrapheneSheet,
    relaxed_bond_length,
)


def bond_vectors(sheet):
    """From each atom to its neighbours, over the nearest image."""
    vectors = sheet.positions[sheet.neighbours] - sheet.positions[:, np.newaxis]
    return vectors - np.rint(vectors / sheet.box) * sheet.box


def test_the_sheet_of_the_paper_has_its_atoms_in_nearly_a_square():
    sheet = GrapheneSheet.relaxed()
    assert sheet.n_atoms == len(sheet.positions) == 3588
    assert sheet.box == pytest.approx((98.66, 100.78), abs=0.005)


@pytest.mark.parametrize("cells", [(2, 1), (5, 3)])
def test_the_neighbours_are_all_atoms_a_bond_away(cells):
    sheet = GrapheneSheet(cells, 1.42)
    images = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) * np.array(sheet.box)
    for atom in range(sheet.n_atoms):
        vectors = sheet.positions[:, np.newaxis] + images - sheet.positions[atom]
        near = np.nonzero(np.abs(np.linalg.norm(vectors, axis=-1) - 1.42) < 1e-9)[0]
        assert sorted(sheet.neighbours[atom]) == sorted(near)


def test_bonds_join_the_sublattices_at_120_degrees():
    sheet = GrapheneSheet((4, 3))
    assert np.all(sheet.sublattice[sheet.neighbours] != sheet.sublattice[:, np.newaxis])
    vectors = bond_vectors(sheet) / sheet.bond_length
    assert np.allclose(np.einsum("nax,nbx->nab", vectors, vectors), 1.5 * np.eye(3) - 0.5)


def test_the_bond_without_stress_is_that_of_the_literature():
    assert relaxed_bond_length() == pytest.approx(1.4606, abs=5e-5)
    # Lindsay and Broido give the lattice constant 2.492 angstrom
    assert math.sqrt(3) * relaxed_bond_length(LINDSAY_BROIDO) == pytest.approx(2.492, abs=5e-4)


def test_the_disk_has_its_atoms_within_the_radius_and_none_on_one_bond():
    disk = GrapheneDisk(30.0)
    radii = np.linalg.norm(disk.positions, axis=1)
    assert radii.max() <= 30.0
    assert disk.n_atoms * disk.area_per_atom == pytest.approx(math.pi * 30.0**2, rel=0.03)
    n_bonds = np.sum(disk.neighbours >= 0, axis=1)
    assert set(n_bonds) == {2, 3}
    assert np.all(n_bonds[radii < 30.0 - 2 * disk.bond_length] == 3)


@pytest.mark.parametrize("shell", [64, 196, 400, 784, 1252])
def test_atoms_at_the_radius_are_within_whatever_the_rounding(shell):
    """Atoms lie at a sqrt(k)/2 from the centre of a hexagon, k = 3 i**2 + j**2."""
    radius = 1.42 * math.sqrt(shell) / 2
    disks = [GrapheneDisk(radius * (1 + off), 1.42) for off in (-3e-16, 0.0, 3e-16, 1e-6)]
    assert len({disk.n_atoms for disk in disks}) == 1
    assert disks[0].n_atoms > GrapheneDisk(radius * (1 - 1e-6), 1.42).n_atoms


def test_the_neighbours_in_the_disk_are_all_atoms_a_bond_away():
    disk = GrapheneDisk(12.0)
    distances = np.linalg.norm(disk.positions - disk.positions[:, np.newaxis], axis=-1)
    for atom, row in enumerate(np.abs(distances - disk.bond_length) < 1e-9):
        there = disk.neighbours[atom][disk.neighbours[atom] >= 0]
        assert list(there) == list(np.nonzero(row)[0])


def test_the_disk_has_the_symmetry_of_a_hexagon():
    places = GrapheneDisk(20.0).positions
    turned = places @ np.array([[0.5, math.sqrt(0.75)], [-math.sqrt(0.75), 0.5]])
    distances = np.linalg.norm(turned - places[:, np.newaxis], axis=-1)
    assert distances.min(axis=0).max() < 1e-12


def test_cells_given_as_a_list_are_the_same_sheet():
    assert hash(GrapheneSheet([4, 3])) == hash(GrapheneSheet((4, 3)))
    assert GrapheneSheet(np.array([4, 3])) == GrapheneSheet((4, 3))


@pytest.mark.parametrize("change", [{"n": 60.0, "beta": 1e3}, {"beta": 0.0}, {"h": -0.5}])
def test_the_bond_without_stress_has_no_force_at_any_parameters(change):
    """The energy's slope by a difference of 1e-5 angstrom, beside 20 eV/angstrom of each half."""
    potential = dataclasses.replace(TERSOFF_CARBON, **change)
    if change.get("beta") == 1e3:  # so weak a bond wants a stronger attraction
        g = 1 + (38049 / 4.3484) ** 2 * 0.07058**2 / (4.3484**2 + 0.07058**2)
        potential = dataclasses.replace(potential, B=346.7 * math.sqrt(2e3 * g))
    length = relaxed_bond_length(potential)
    energies = [
        potential.energy_and_forces(s.positions, s.bonds)[0] / s.n_atoms
        for s in (GrapheneSheet((2, 1), length + off) for off in (-1e-5, 1e-5))
    ]
    assert abs(energies[1] - energies[0]) / 2e-5 < 1e-6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GrapheneSheet((1, 4)), r"n_cells\[0\] must be an integer of at least 2, got 1"),
        (lambda: GrapheneSheet((4, 0)), r"n_cells\[1\] must be an integer of at least 1, got 0"),
        (lambda: GrapheneSheet(4), "n_cells must be two integers, got 4"),
        (lambda: GrapheneSheet((4, 4), -1.0), "bond_length must be a finite number above 0"),
        (lambda: GrapheneDisk(1.0), "radius must be a finite number at least 2.9"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
