"""Atoms on nodes: weights as in the paper's (6.1), nothing lost, and grids that must fit."""

import warnings

import numpy as np
import pytest

from nlbook.graphene import (
    CoarseGraining,
    Cone,
    GrapheneDisk,
    GrapheneSheet,
    Paraboloid,
    WrappedBoxWarning,
    nodes_that_fit,
)

SHEET = GrapheneSheet((20, 12))
ON_GRID = CoarseGraining.on_grid(SHEET.positions, SHEET.box, (10, 10))
RNG = np.random.default_rng(5)
FIELDS = RNG.normal(size=(3, SHEET.n_atoms, 2))
TPA_PER_EV = 0.1602176634  # TPa in an eV/angstrom^3


def plain_weights(nodes, atoms, box, tau):
    """(6.1) by loops over atoms and nodes."""
    weights = np.zeros((len(nodes), len(atoms)))
    for a, atom in enumerate(atoms):
        for i, node in enumerate(nodes):
            apart = node - atom
            if box is not None:
                apart = apart - np.round(apart / box) * box
            weights[i, a] = tau(np.hypot(*apart))
        weights[:, a] /= weights[:, a].sum()
    return weights


@pytest.mark.parametrize(
    ("smoothing", "tau"),
    [
        (Cone(8.0), lambda r: max(0.0, 8.0 - r)),
        (Paraboloid(8.0), lambda r: max(0.0, 1 - (r / 8.0) ** 2)),
    ],
)
def test_weights_are_those_of_the_papers_formula(smoothing, tau):
    sheet = GrapheneSheet((8, 5))
    found = CoarseGraining.on_grid(sheet.positions, sheet.box, (5, 4), smoothing=smoothing)
    plain = plain_weights(found.nodes, sheet.positions, np.array(sheet.box), tau)
    assert np.allclose(found.weights.toarray(), plain, atol=1e-14)


def test_the_cone_of_ten_angstrom_is_the_default():
    same = CoarseGraining.on_grid(SHEET.positions, SHEET.box, (10, 10), smoothing=Cone(10.0))
    assert (same.weights != ON_GRID.weights).nnz == 0


def test_no_force_and_no_mass_is_lost():
    volume = SHEET.box[0] * SHEET.box[1] * 3.35
    load = ON_GRID.load(FIELDS).sum(axis=1) * volume / 100 / TPA_PER_EV
    assert np.allclose(load, FIELDS.sum(axis=1), atol=1e-11)
    assert np.isclose(ON_GRID.mass_density().mean(), 12.0 * SHEET.n_atoms / volume, rtol=1e-12)


def test_the_density_is_that_of_graphite():
    """2.267 g/cm^3 at a bond of 1.42 angstrom and 12.011 dalton; here 1.4606 and 12."""
    known = 2.267 / 1.66053907 * (1.42 / 1.4606) ** 2 * 12 / 12.011
    assert np.isclose(ON_GRID.mass_density().mean(), known, rtol=5e-3)


def test_a_shift_of_all_atoms_is_the_shift_of_all_nodes():
    moved = np.broadcast_to([0.3, -0.2], (SHEET.n_atoms, 2))
    masses = RNG.uniform(1, 20, SHEET.n_atoms)
    assert np.allclose(ON_GRID.displacement(moved), [0.3, -0.2], atol=1e-13)
    assert np.allclose(ON_GRID.displacement(moved, masses), [0.3, -0.2], atol=1e-13)


def test_heavy_atoms_count_by_their_mass():
    masses = RNG.uniform(1, 20, SHEET.n_atoms)
    weights = ON_GRID.weights.toarray() * masses
    plain = (weights @ FIELDS[0]) / weights.sum(axis=1)[:, np.newaxis]
    assert np.allclose(ON_GRID.displacement(FIELDS[0], masses), plain, atol=1e-13)


def test_a_shift_of_the_numbering_or_of_the_image_changes_nothing():
    order = RNG.permutation(SHEET.n_atoms)
    image = SHEET.positions[order] + RNG.integers(-1, 2, (SHEET.n_atoms, 2)) * SHEET.box
    other = CoarseGraining.on_grid(image, SHEET.box, (10, 10))
    assert np.allclose(other.load(FIELDS[:, order]), ON_GRID.load(FIELDS), atol=1e-13)


def test_far_nodes_of_a_lattice_change_nothing():
    disk = GrapheneDisk(40.0)
    near, far = (CoarseGraining.on_lattice(disk.positions, 5.0, r) for r in (15.0, 25.0))
    kept = np.hypot(*far.nodes.T) <= 15 + 1e-9
    assert np.allclose(far.nodes[kept], near.nodes)
    assert np.allclose(far.weights[kept].toarray(), near.weights.toarray(), atol=1e-15)
    assert np.any(np.all(near.nodes == 0, axis=1))


@pytest.mark.parametrize("off", [-1e-15, 0.0, 1e-15])
@pytest.mark.parametrize("smoothing", [Cone, Paraboloid])
def test_an_atom_at_the_radius_gives_nothing_whatever_the_rounding(smoothing, off):
    """From (7.5, 7.5) four nodes are 7.5 sqrt(2) away, and no other is as near."""
    box, atoms = (60.0, 60.0), np.array([[x, y] for x in range(1, 60, 2) for y in range(1, 60, 2)])
    atoms = np.concatenate([atoms, [[7.5, 7.5]]])
    radius = 7.5 * np.sqrt(2) * (1 + off)
    with pytest.raises(ValueError, match=r"none is near atom 900 at \(7.5, 7.5\)"):
        CoarseGraining.on_grid(atoms, box, (4, 4), smoothing=smoothing(radius))


@pytest.mark.parametrize("masses", [[1.0], np.full(SHEET.n_atoms, -1.0)])
def test_masses_that_are_none_are_refused(masses):
    for call in (ON_GRID.mass_density, lambda m: ON_GRID.displacement(FIELDS, m)):
        with pytest.raises(ValueError, match=f"masses must be {SHEET.n_atoms} positive numbers"):
            call(masses)


def test_a_grid_that_does_not_fit_the_box_is_refused_with_its_residual():
    sheet = GrapheneSheet()
    with pytest.raises(ValueError, match=r"miss it by \+1.34 and -0.781.*fit it 4.93"):
        nodes_that_fit(sheet.box, (5.0, 5.0))
    assert nodes_that_fit((100.0, 50.0), (5.0, 5.0)) == (20, 10)


def test_a_grid_wrapped_to_another_period_warns_and_names_the_misfit():
    sheet = GrapheneSheet()
    with pytest.warns(WrappedBoxWarning, match=r"\+1.34 and -0.781 angstrom, or \+1.4 and -0.78 %"):
        wrapped = CoarseGraining.on_grid(sheet.positions, sheet.box, spacing=(5.0, 5.0))
    assert wrapped.spacing == (5.0, 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CoarseGraining.on_grid(sheet.positions, sheet.box)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CoarseGraining.on_grid(SHEET.positions, (0.0, 5.0)), "box"),
        (lambda: CoarseGraining.on_grid(SHEET.positions, SHEET.box, (10, 2)), "nodes"),
        (lambda: CoarseGraining.on_grid(SHEET.positions, (15.0, 90.0)), "half the box"),
        (
            lambda: CoarseGraining.on_grid(SHEET.positions, SHEET.box, (10, 10), spacing=(4, 4)),
            "spacing must leave 10 by 10 nodes",
        ),
        (
            lambda: CoarseGraining.on_grid(
                SHEET.positions, SHEET.box, (10, 10), smoothing=Cone(2.0)
            ),
            "near atom",
        ),
        (lambda: CoarseGraining.on_grid([[1.0, 1.0]], (50.0, 50.0)), "of an atom: "),
        (lambda: CoarseGraining.on_lattice(SHEET.positions, -5.0, 20.0), "spacing"),
        (lambda: CoarseGraining.on_lattice(SHEET.positions, 5.0, 200.0), "of an atom"),
        (lambda: ON_GRID.load(FIELDS[:, 1:]), "forces must have shape"),
        (lambda: ON_GRID.displacement(FIELDS, [1.0]), "masses must be"),
        (lambda: Cone(0.0), "radius"),
    ],
)
def test_bad_input_is_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
