"""Atoms at rest under loads."""

import dataclasses

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    GrapheneDisk,
    GrapheneSheet,
    HarmonicSheet,
    equilibrate,
)
from tests.graphene import plain


def waves(body, seed=0, n_samples=3):
    """Smooth loads without net force."""
    generator = np.random.default_rng(seed)
    size = np.array(body.box) if body.box is not None else np.ptp(body.positions, axis=0)
    phases = 2 * np.pi * body.positions / size @ generator.integers(-2, 3, (2, n_samples))
    loads = np.cos(phases.T[..., np.newaxis] + generator.uniform(0, 6, (n_samples, 1, 2)))
    return loads - loads.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("potential", [TERSOFF_CARBON, LINDSAY_BROIDO])
def test_the_printed_forces_balance_the_loads(potential):
    sheet = GrapheneSheet.relaxed(potential, (4, 3))
    loads = 0.3 * waves(sheet)
    found = equilibrate(sheet, loads, potential, tolerance=1e-10)
    assert found.bond_strain.max() > 0.005
    for moved, load in zip(found.displacement, loads, strict=True):
        forces = plain.forces(potential, sheet.positions + moved, sheet.box)
        assert np.max(np.abs(forces + load)) < 1.1e-10
        assert np.max(np.abs(moved.mean(axis=0))) < 1e-14


def test_what_is_left_is_said():
    sheet = GrapheneSheet((6, 4))
    found = equilibrate(sheet, 0.3 * waves(sheet), tolerance=1e-7)
    assert np.all(found.residual <= 1e-7)
    for moved, load, residual in zip(
        found.displacement, 0.3 * waves(sheet), found.residual, strict=True
    ):
        _, forces = TERSOFF_CARBON.energy_and_forces(sheet.positions + moved, sheet.bonds)
        assert np.max(np.abs(forces + load)) == pytest.approx(residual, abs=1e-12)


def test_small_loads_are_answered_in_proportion():
    sheet = GrapheneSheet((6, 4))
    loads = waves(sheet)
    linear = HarmonicSheet(sheet).solve(loads)
    off = []
    for size in (1e-3, 5e-4):
        moved = equilibrate(sheet, size * loads, tolerance=1e-11).displacement / size
        off.append(np.max(np.abs(moved - linear)))
    assert off[0] < 1e-2 * np.max(np.abs(linear))
    assert off[1] == pytest.approx(off[0] / 2, rel=0.02)  # the first thing that is not harmonic


def test_equilibria_have_the_least_energy_with_the_loads():
    sheet = GrapheneSheet((4, 3))
    loads = 0.5 * waves(sheet)[:1]
    found = equilibrate(sheet, loads)
    generator = np.random.default_rng(4)
    for _ in range(5):
        step = generator.normal(size=loads[0].shape) * 1e-3
        places = sheet.positions + found.displacement[0] + step
        energy, _ = TERSOFF_CARBON.energy_and_forces(places, sheet.bonds)
        assert energy - np.vdot(loads[0], step) > found.energy[0]


def test_strong_loads_are_found_by_newton_s_steps_as_by_small_increments():
    sheet = GrapheneSheet((8, 5))
    loads = 3.0 * waves(sheet, n_samples=1)
    at_once = equilibrate(sheet, loads)
    assert at_once.bond_strain[0] > 0.1
    assert at_once.n_steps[0] < 12  # steps with the inverse at rest alone take 24 at two thirds
    start = np.zeros_like(loads)
    for part in np.linspace(0.1, 1.0, 10):
        start = equilibrate(sheet, part * loads, start=start).displacement
    assert np.max(np.abs(at_once.displacement - start)) < 1e-8


def test_the_answer_does_not_depend_on_company_or_start():
    sheet = GrapheneSheet((6, 4))
    loads = 0.5 * waves(sheet)
    together = equilibrate(sheet, loads)
    alone = equilibrate(sheet, loads[1])
    assert np.max(np.abs(alone.displacement[0] - together.displacement[1])) < 1e-13
    again = equilibrate(sheet, loads, start=together.displacement + 0.3)
    assert np.max(np.abs(again.displacement - together.displacement)) < 1e-9
    assert np.all(again.n_steps <= 1)


def test_bond_strain_is_the_greatest_change_of_a_length():
    sheet = GrapheneSheet((6, 4))
    found = equilibrate(sheet, 0.5 * waves(sheet))
    for moved, strain in zip(found.displacement, found.bond_strain, strict=True):
        expected = np.abs(sheet.bonds.strains(sheet.positions + moved, sheet.bond_length)).max()
        assert strain == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [0.0, 0.2])
def test_a_disk_is_at_rest_and_neither_shifts_nor_turns(size):
    disk = GrapheneDisk(8.0)
    loads = size * waves(disk, n_samples=2)
    found = equilibrate(disk, loads)
    turning = np.stack([-disk.positions[:, 1], disk.positions[:, 0]], axis=1)
    for moved, load, torque in zip(found.displacement, loads, found.torque, strict=True):
        assert np.max(np.abs(moved.mean(axis=0))) < 1e-13
        assert abs(np.vdot(turning, moved)) < 1e-9
        places = disk.positions + moved
        forces = plain.forces(TERSOFF_CARBON, places) + load
        # what is left is a rotation, whose torque is that of the loads
        held = np.vdot(turning, forces) / np.vdot(turning, turning) * turning
        assert np.max(np.abs(forces - held)) < 1.1e-9
        of_loads = np.sum(places[:, 0] * load[:, 1] - places[:, 1] * load[:, 0])
        assert torque == pytest.approx(of_loads, abs=1e-9)
    assert (np.abs(found.torque).max() > 1e-3) == (size > 0)


def test_the_edge_of_a_free_disk_relaxes_and_its_inside_stays():
    disk = GrapheneDisk(30.0)
    found = equilibrate(disk, np.zeros((disk.n_atoms, 2)))
    before, _ = TERSOFF_CARBON.energy_and_forces(disk.positions, disk.bonds)
    assert found.energy[0] < before - 1.0
    strains = np.abs(disk.bonds.strains(disk.positions + found.displacement[0], disk.bond_length))
    middle = np.linalg.norm(disk.positions[disk.bonds.pairs[:, 0]], axis=1)
    assert strains[middle < 10].max() < 0.1 * strains.max()


def test_loads_with_a_net_force_are_refused():
    sheet = GrapheneSheet((4, 3))
    loads = 0.1 * waves(sheet)
    loads[1, :, 0] += 1e-3
    with pytest.raises(ValueError, match=r"no net force.*sample 1 has 0.048 eV/angstrom"):
        equilibrate(sheet, loads)


def test_loads_that_break_bonds_are_refused():
    sheet = GrapheneSheet((8, 5))
    with pytest.raises(ValueError, match="forces of sample 0 must (let|leave) the atoms"):
        equilibrate(sheet, 20.0 * waves(sheet, n_samples=1))


def test_atoms_within_the_cutoff_of_their_second_neighbours_are_refused():
    pressed = GrapheneSheet((6, 4), 1.2)  # sqrt(3) times 1.2 is less than R + D = 2.1
    with pytest.raises(ValueError, match=r"press atoms together: .* come within 2\.078 angstrom"):
        equilibrate(pressed, np.zeros((pressed.n_atoms, 2)))


@pytest.mark.parametrize("size", [0.3, 3.0])
def test_most_steps_is_the_number_that_may_be_taken(size):
    """As many as it takes are enough, whether Newton's are among them or not; one less is not."""
    sheet = GrapheneSheet((8, 5))
    loads = size * waves(sheet, n_samples=1)
    found = equilibrate(sheet, loads)
    n_steps = int(found.n_steps[0])
    assert n_steps > 3
    again = equilibrate(sheet, loads, most_steps=n_steps)
    assert np.array_equal(again.displacement, found.displacement)
    with pytest.raises(RuntimeError, match=f"after {n_steps - 1} steps"):
        equilibrate(sheet, loads, most_steps=n_steps - 1)


def test_a_body_in_pieces_is_not_at_rest():
    """Two halves beyond the cutoff bear no force from each other."""
    disk = GrapheneDisk(12.0)
    apart = np.where(disk.positions[:, :1] > 0.1, [[2.5, 0.0]], [[-2.5, 0.0]])
    with pytest.raises(ValueError, match="bonds shorter than"):
        equilibrate(disk, np.zeros((disk.n_atoms, 2)), start=apart)
    # as they come to rest, too
    with pytest.raises(ValueError, match="bonds shorter than"):
        equilibrate(disk, np.zeros((disk.n_atoms, 2)), start=apart, tolerance=100.0)


def test_too_few_steps_are_said():
    sheet = GrapheneSheet((8, 5))
    with pytest.raises(RuntimeError, match="sample 0 are not balanced to 1e-09 .* after 1 steps"):
        equilibrate(sheet, 1.0 * waves(sheet, n_samples=1), most_steps=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"body": "graphene"}, "body must be a GrapheneSheet or a GrapheneDisk, got 'graphene'"),
        ({"forces": np.zeros((5, 2))}, r"forces must have shape \(n_samples, 24, 2\)"),
        ({"forces": np.full((24, 2), np.nan)}, "forces must be finite"),
        ({"start": np.zeros((3, 2))}, "start must have shape"),
        ({"start": np.zeros((2, 24, 2))}, "start must be one field or as many as forces, 3, got 2"),
        ({"forces": np.zeros((0, 24, 2))}, "forces must be of a sample or more"),
        ({"tolerance": 1e-13}, "tolerance must be a finite number at least 1e-11"),
        ({"most_steps": 0}, "most_steps must be an integer of at least 1"),
        (
            {"potential": dataclasses.replace(TERSOFF_CARBON, R=1.5)},
            "positions must leave bonds shorter than R - D = 1.35",
        ),
    ],
)
def test_bad_input_is_refused(arguments, message):
    sheet = GrapheneSheet((3, 2))
    with pytest.raises(ValueError, match=message):
        equilibrate(**{"body": sheet, "forces": waves(sheet), **arguments})
