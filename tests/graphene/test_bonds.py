"""Who neighbours whom."""

import numpy as np
import pytest

from nlbook.graphene import Bonds, GrapheneDisk, GrapheneSheet


@pytest.mark.parametrize("body", [GrapheneSheet((4, 3)), GrapheneDisk(15.0)])
def test_the_bonds_of_a_body_are_found_in_its_positions(body):
    found = Bonds.find(body.positions, 2.1, body.box)
    assert np.array_equal(np.sort(found.neighbours), np.sort(body.neighbours))


def test_bonds_in_space_are_found_as_in_the_plane():
    sheet = GrapheneSheet((4, 3))
    lifted = np.column_stack([sheet.positions, np.full(sheet.n_atoms, -7.0)])
    found = Bonds.find(lifted, 2.1, sheet.box)
    assert np.array_equal(np.sort(found.neighbours), np.sort(sheet.neighbours))


def test_each_bond_is_one_pair():
    sheet = GrapheneSheet((4, 3))
    pairs = sheet.bonds.pairs
    assert len(pairs) == 3 * sheet.n_atoms // 2
    assert len(np.unique(np.sort(pairs), axis=0)) == len(pairs)


def test_strains_are_those_of_a_stretched_sheet():
    sheet = GrapheneSheet((4, 3))
    stretched = Bonds(sheet.neighbours, (1.01 * sheet.box[0], 1.01 * sheet.box[1]))
    strains = stretched.strains(1.01 * sheet.positions, sheet.bond_length)
    assert strains == pytest.approx(np.full(len(strains), 0.01))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("body", [GrapheneSheet((4, 3)), GrapheneDisk(12.0)])
def test_the_extent_is_the_shortest_and_longest_bond_and_the_nearest_second_neighbours(
    body, dimension
):
    places = np.zeros((body.n_atoms, dimension))
    places[:, :2] = body.positions
    places += np.random.default_rng(2).uniform(-0.1, 0.1, places.shape)
    apart = places - places[:, np.newaxis]
    if body.box is not None:
        apart[..., :2] -= np.rint(apart[..., :2] / body.box) * body.box
    distances = np.linalg.norm(apart, axis=-1)
    bonded = np.zeros(distances.shape, bool)
    for atom, row in enumerate(body.neighbours):
        bonded[atom, row[row >= 0]] = True
    second = (bonded.astype(int) @ bonded > 0) & ~np.eye(body.n_atoms, dtype=bool)
    expected = distances[bonded].min(), distances[bonded].max(), distances[second].min()
    assert body.bonds.extent(places) == pytest.approx(expected, rel=1e-12)


def test_the_bonds_of_an_atom_lead_to_its_neighbours_and_are_zero_where_it_has_none():
    disk = GrapheneDisk(6.0)
    vectors = disk.bonds.of_atoms(disk.positions)
    there = disk.neighbours >= 0
    lengths = np.linalg.norm(vectors, axis=2)
    assert lengths == pytest.approx(np.where(there, disk.bond_length, 0.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bonds(np.zeros((3, 2), int)), r"neighbours must be integers of shape \(n_atoms"),
        (lambda: Bonds(np.zeros((3, 3))), "neighbours must be integers .* got float64"),
        (lambda: Bonds(np.array([[1, -1, -1], [2, -1, -1]])), "neighbours must be from -1 to 1"),
        (lambda: Bonds(np.array([[1, -1, -1], [-1] * 3])), "atom 0 names 1, which names it not"),
        (lambda: Bonds(np.full((2, 3), -1), (0.0, 1.0)), "box must be a finite number above 0"),
        (lambda: Bonds(np.full((2, 3), -1), (1.0,)), "box must be two numbers"),
        (lambda: Bonds(np.array([[0, -1, -1]])), "neighbours must be other atoms"),
        (lambda: Bonds.find(np.zeros((2, 2)), 2.1, (4.0, 9.0)), "box must be a .* above 4.2"),
        (lambda: Bonds.find(np.eye(5, 2), 2.1), "atom 0 has 4 neighbours within 2.1 angstrom"),
        (lambda: Bonds.find(np.zeros((2, 1)), 2.1), r"positions must have shape \(n_atoms, 2\)"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
