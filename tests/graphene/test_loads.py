"""The loads of the paper's section 6.1, its tables 1 and 2, and what no free body can bear."""

import numpy as np
import pytest

from nlbook.graphene import (
    DiskLoad,
    GrapheneDisk,
    GrapheneSheet,
    PatchLoad,
    WaveLoad,
    atom_forces,
    disk_loads,
    training_loads,
    validation_loads,
)

SHEET = GrapheneSheet()
AREA = SHEET.area_per_atom
# eV/angstrom that an atom carries under 1 TPa/angstrom: area times 3.35 angstrom, over the charge
# of the electron in 1e-19 C
FORCE = AREA * 3.35 / 0.1602176634


def test_the_training_loads_are_the_papers_seventy():
    loads = training_loads()
    assert len(set(loads)) == len(loads) == 2 * (6 * 6 - 1)
    assert {load.waves for load in loads} == {(i, j) for i in range(6) for j in range(6)} - {(0, 0)}


def test_a_wave_is_whole_in_the_box():
    load = WaveLoad((2, 3), component=1)
    x = np.array([[10.0, 20.0], [10.0 + SHEET.box[0], 20.0 - SHEET.box[1]]])
    expected = np.cos(4 * np.pi * 10 / SHEET.box[0]) * np.cos(6 * np.pi * 20 / SHEET.box[1])
    assert np.allclose(load.pattern(x, SHEET.box), [[0, expected]] * 2, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("load", training_loads())
def test_waves_have_no_net_force_on_the_atoms(load):
    forces = FORCE * load.pattern(SHEET.positions, SHEET.box)
    assert np.max(np.abs(forces.sum(axis=0))) < 1e-10 * np.abs(forces).sum()
    assert np.allclose(atom_forces(load, SHEET.positions, SHEET.box, AREA), forces, atol=1e-12)


def test_the_validation_loads_are_those_of_table_1():
    """Its rows: C1, C2, p, R."""
    rows = [
        ((1e-3, 0)[load.component], (1e-3, 0)[1 - load.component], load.side, load.radius)
        for load in validation_loads()
    ]
    table = [(1, 0, 25), (0, 1, 25), (1, 0, 15), (0, 1, 15), (1, 0, 10)]
    assert rows == [(1e-3 * c1, 1e-3 * c2, p, radius) for p in (0, 1) for c1, c2, radius in table]


@pytest.mark.parametrize("load", validation_loads())
def test_patches_follow_the_papers_formula(load):
    """Its coordinates count from the centre of a box of 100 angstrom; L = 50."""
    box, half, p = (100.0, 100.0), 50.0, load.side
    places = np.random.default_rng(3).uniform(-50, 50, (2000, 2))
    expected = np.zeros((2000, 2))
    for j in (-1, 0, 1):
        r = np.hypot(places[:, 0] - (1 - p) * half * j, places[:, 1] - p * half * j)
        shape = np.cos(np.pi / 2 * np.minimum(1, r / load.radius))
        expected[:, load.component] += (-1) ** j * shape
    assert np.allclose(load.pattern(places + half, box), expected, atol=1e-12)


def test_patches_that_overlap_are_refused():
    with pytest.raises(ValueError, match="radius must be at most a quarter of the box"):
        PatchLoad(26.0, 0).pattern([[0.0, 0.0]], (98.7, 100.8))


@pytest.mark.parametrize("side", [0, 1])
def test_a_patch_that_meets_its_own_image_is_refused(side):
    box = ((200.0, 30.0), (30.0, 200.0))[side]
    with pytest.raises(ValueError, match="at most half the other side"):
        PatchLoad(25.0, 0, side).pattern([[0.0, 0.0]], box)
    assert PatchLoad(15.0, 0, side).pattern([[0.0, 0.0]], box).shape == (1, 2)


@pytest.mark.parametrize("load", validation_loads())
def test_the_net_force_that_the_lattice_leaves_is_taken_from_the_loaded_atoms(load):
    bare = FORCE * load.pattern(SHEET.positions, SHEET.box)
    forces = atom_forces(load, SHEET.positions, SHEET.box, AREA)
    assert np.max(np.abs(forces.sum(axis=0))) < 1e-10 * np.abs(forces).sum()
    loaded = np.any(bare != 0, axis=1)
    assert not np.any(forces[~loaded])
    assert np.max(np.abs(forces - bare)) < 1e-3 * FORCE  # a change that no plot shows


@pytest.mark.parametrize("case", [1, 2, 3, 4])
def test_the_disk_loads_are_those_of_table_2(case):
    theta = np.array([0.3, 1.1, 2.0, 4.0, 5.5])
    points = 70.0 * np.column_stack([np.cos(theta), np.sin(theta)])
    s, c = np.sin(theta), np.cos(theta)
    expected = {
        1: (np.cos(4 * theta) * c, np.cos(4 * theta) * s),
        2: (np.sign(np.cos(4 * theta)) * c, np.sign(np.cos(4 * theta)) * s),
        3: (0 * s, np.sign(s) * s - 2 / np.pi),
        4: (np.sin(3 * theta) * s, np.sin(3 * theta) * c),
    }[case]
    load = DiskLoad(case)
    assert np.allclose(load.pattern(points, None), np.column_stack(expected), atol=1e-12)
    assert not np.any(load.pattern(0.7 * points, None))  # 49 angstrom from the centre
    assert load.amplitude == 5e-4


def test_case_3_as_printed_has_a_net_force_and_the_others_have_not():
    """Over the angle, with the mean of |sin| put back."""
    theta = 2 * np.pi * (np.arange(3600) + 0.5) / 3600
    circle = 60.0 * np.column_stack([np.cos(theta), np.sin(theta)])
    means = [load.pattern(circle, None).mean(axis=0) for load in disk_loads()]
    assert np.max(np.abs(means)) < 1e-6
    assert np.isclose(np.mean(np.sign(np.sin(theta)) * np.sin(theta)), 2 / np.pi, rtol=1e-6)


@pytest.mark.parametrize("load", disk_loads())
def test_the_disk_loads_neither_push_nor_turn_the_disk(load):
    disk = GrapheneDisk(60.0)
    forces = atom_forces(DiskLoad(load.case, 30.0), disk.positions, None, disk.area_per_atom)
    total = np.abs(forces).sum()
    x, y = disk.positions.T
    assert np.max(np.abs(forces.sum(axis=0))) < 1e-10 * total
    # by the symmetry of the hexagon, to the rounding of 4,000 terms
    assert abs(np.sum(x * forces[:, 1] - y * forces[:, 0])) < 1e-14 * 60 * total


def circle(radius, angles, off):
    """Points on a circle, their distances off by a rounding."""
    theta = np.linspace(0.1, 6.3, angles)
    return radius * (1 + off) * np.column_stack([np.cos(theta), np.sin(theta)])


@pytest.mark.parametrize("off", [-3e-16, 0.0, 3e-16])
def test_no_load_acts_on_the_rim_whatever_the_rounding(off):
    for load in disk_loads():
        assert not np.any(load.pattern(circle(50.0, 200, off), None))
    patch = PatchLoad(12.3, 0)
    assert not np.any(patch.pattern(circle(12.3, 200, off) + 50.0, (100.0, 100.0)))


def test_the_sign_of_a_rounded_zero_is_zero():
    """Case 2 changes its sign at odd multiples of pi/8."""
    theta = np.pi / 8 * np.arange(1, 17, 2)
    points = 60.0 * np.column_stack([np.cos(theta), np.sin(theta)])
    assert not np.any(DiskLoad(2).pattern(points, None))


def test_a_net_force_is_not_taken_from_atoms_whose_load_is_rounding():
    class Rounded(PatchLoad):
        def pattern(self, points, box):
            field = super().pattern(points, box)
            return np.where(field == 0, 1e-17, field)

    exact, rounded = (
        atom_forces(kind(25.0, 0), SHEET.positions, SHEET.box, AREA)
        for kind in (PatchLoad, Rounded)
    )
    assert np.max(np.abs(rounded - exact)) < 1e-15


def test_a_period_is_read_as_a_box_is():
    load = WaveLoad(np.array([1, 0]), 0, period=[100, 90])
    assert load == WaveLoad((1, 0), 0, period=(100.0, 90.0))
    assert hash(load) == hash(WaveLoad((1, 0), 0, period=(100.0, 90.0)))


def test_a_load_with_a_net_force_is_refused():
    half = SHEET.positions[SHEET.positions[:, 0] < 30]
    with pytest.raises(ValueError, match="no net force, got a mean of"):
        atom_forces(WaveLoad((1, 0), 0), half, SHEET.box, AREA)
    with pytest.raises(ValueError, match="no net force"):
        atom_forces(validation_loads()[0], SHEET.positions, SHEET.box, AREA, net_force="refuse")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WaveLoad((0, 0), 0), "net force"),
        (lambda: WaveLoad((1, -1), 0), "waves must be an integer of at least 0"),
        (lambda: WaveLoad((1, 1), 2), "component must be an integer from 0 to 1"),
        (lambda: WaveLoad((1, 1, 1), 0), "waves must be two integers"),
        (lambda: WaveLoad((1, 0), 0, period=(100.0, 0.0)), "period must be two positive numbers"),
        (lambda: WaveLoad((1, 0), 0, period=(np.nan, 1.0)), "period must be finite"),
        (lambda: training_loads(2, 100.0), "period must be"),
        (lambda: PatchLoad(0.0, 0), "radius"),
        (lambda: DiskLoad(5), "case must be an integer from 1 to 4"),
        (lambda: WaveLoad((1, 0), 0).pattern([[0.0, 0.0]], None), "box"),
        (lambda: DiskLoad(1).pattern([[0.0, 0.0]], (1.0, 1.0)), "box must be None"),
        (lambda: WaveLoad((1, 0), 0).pattern([[0.0, 0.0, 0.0]], (1.0, 1.0)), "points"),
        (lambda: training_loads(0), "most"),
        (lambda: atom_forces(DiskLoad(1), [[0.0, 1.0]], None, 2.8), "act on an atom"),
    ],
)
def test_bad_input_is_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
