"""Second derivatives and their inverses, against differences and dense algebra."""

import dataclasses

import numpy as np
import pytest

from nlbook.graphene import (
    TERSOFF_CARBON,
    Bonds,
    GrapheneDisk,
    GrapheneSheet,
    HarmonicDisk,
    HarmonicSheet,
    equilibrate,
    stiffness_matrix,
)
from tests.graphene import plain
from tests.graphene.test_energy_and_forces import POTENTIALS, shaken


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("body", [GrapheneSheet((2, 1)), GrapheneDisk(2.95)])
def test_second_derivatives_are_differences_of_the_printed_forces(potential, dimension, body):
    places = shaken(body, dimension, size=0.02)
    found = stiffness_matrix(places, body.bonds, potential).toarray()
    expected = plain.hessian(lambda x: plain.forces(potential, x, body.box), places)
    assert np.max(np.abs(found - expected)) < 1e-6 * np.max(np.abs(expected))
    assert np.max(np.abs(found - found.T)) < 1e-12 * np.max(np.abs(expected))


@pytest.mark.parametrize("change", [{"beta": 0.0}, {"n": 100.0, "beta": 10.0}])
def test_second_derivatives_hold_where_a_power_has_no_number(change):
    potential = dataclasses.replace(TERSOFF_CARBON, **change)
    body = GrapheneDisk(2.95)
    places = shaken(body, size=0.02)
    found = stiffness_matrix(places, body.bonds, potential).toarray()
    expected = plain.hessian(lambda x: plain.forces(potential, x), places)
    assert np.max(np.abs(found - expected)) < 1e-6 * np.max(np.abs(expected))


def test_bonds_in_the_cutoff_have_no_second_derivatives():
    sheet = GrapheneSheet((2, 1))
    places = sheet.positions.copy()
    places[0, 1] -= 0.5
    with pytest.raises(ValueError, match=r"bonds shorter than R - D = 1.8 angstrom, got one of"):
        stiffness_matrix(places, sheet.bonds)


def test_two_atoms_in_one_place_have_no_second_derivatives():
    sheet = GrapheneSheet((2, 1))
    places = sheet.positions.copy()
    places[1] = places[0]
    bonds = Bonds(np.array([[1, -1, -1], [0, -1, -1]]))
    with pytest.raises(ValueError, match="positions must keep bonded atoms apart"):
        stiffness_matrix(places[:2], bonds)


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("cells", [(3, 2), (4, 3), (2, 1)])
def test_the_sheet_answers_as_its_dense_matrix_does(potential, cells):
    sheet = GrapheneSheet.relaxed(potential, cells)
    forces = np.random.default_rng(1).normal(size=(3, sheet.n_atoms, 2))
    found = HarmonicSheet(sheet, potential).solve(forces)
    dense = stiffness_matrix(sheet.positions, sheet.bonds, potential).toarray()
    inverse = np.linalg.pinv(dense, rcond=1e-9, hermitian=True)
    assert found.reshape(3, -1) == pytest.approx(forces.reshape(3, -1) @ inverse, abs=1e-11)


def test_the_disk_at_rest_answers_as_its_dense_matrix_does():
    disk = GrapheneDisk(12.0)
    rest = equilibrate(disk, np.zeros((disk.n_atoms, 2)), tolerance=1e-11).displacement[0]
    forces = np.random.default_rng(1).normal(size=(2, disk.n_atoms, 2))
    found = HarmonicDisk(disk, displacement=rest).solve(forces)
    dense = stiffness_matrix(disk.positions + rest, disk.bonds).toarray()
    values, waves = np.linalg.eigh(dense)
    assert np.max(np.abs(values[:3])) < 1e-9 * values[3]  # two shifts and the rotation
    answer = (forces.reshape(2, -1) @ waves[:, 3:] / values[3:]) @ waves[:, 3:].T
    assert found.reshape(2, -1) == pytest.approx(answer, abs=1e-9)


def test_a_disk_s_answer_has_no_shift_and_no_rotation():
    disk = GrapheneDisk(12.0)
    forces = np.random.default_rng(1).normal(size=(disk.n_atoms, 2))
    found = HarmonicDisk(disk).solve(forces)
    assert np.max(np.abs(found.sum(axis=0))) < 1e-9
    turning = disk.positions[:, 0] * found[:, 1] - disk.positions[:, 1] * found[:, 0]
    assert abs(turning.sum()) < 1e-8


def test_one_field_is_answered_as_among_many():
    sheet = GrapheneSheet((3, 2))
    forces = np.random.default_rng(1).normal(size=(2, sheet.n_atoms, 2))
    harmonic = HarmonicSheet(sheet)
    assert harmonic.solve(forces)[1] == pytest.approx(harmonic.solve(forces[1]), abs=1e-15)


def test_a_sheet_that_would_fold_is_refused():
    without_angles = dataclasses.replace(TERSOFF_CARBON, beta=0.0)
    length = GrapheneSheet.relaxed(without_angles).bond_length
    pressed = GrapheneSheet((6, 4), 0.98 * length)
    with pytest.raises(ValueError, match="sheet must be stable under the potential"):
        HarmonicSheet(pressed, without_angles).solve(np.zeros((pressed.n_atoms, 2)))


@pytest.mark.parametrize("shape", [(24,), (23, 2), (1, 1, 24, 2)])
def test_forces_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"forces must have shape \(n_samples, 24, 2\)"):
        HarmonicSheet(GrapheneSheet((3, 2)), TERSOFF_CARBON).solve(np.zeros(shape))
