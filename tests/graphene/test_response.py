"""The lattice's symbol and moduli, against sheets of atoms and against published values."""

import dataclasses

import numpy as np
import pytest

from nlbook.graphene import (
    LINDSAY_BROIDO,
    TERSOFF_CARBON,
    THICKNESS,
    TPA,
    Bonds,
    GrapheneSheet,
    LatticeResponse,
)
from tests.graphene import plain

POTENTIALS = [TERSOFF_CARBON, LINDSAY_BROIDO]
# Young's modulus in TPa and Poisson's ratio of the flat sheet 3.35 angstrom thick, ions relaxed
KNOWN = [(TERSOFF_CARBON, 1.22, -0.16), (LINDSAY_BROIDO, 1.06, 0.07)]


@pytest.mark.parametrize(("potential", "young", "poisson"), KNOWN)
def test_moduli_are_those_of_other_codes(potential, young, poisson):
    moduli = LatticeResponse(potential).moduli()
    assert moduli.young == pytest.approx(young, abs=0.006)
    assert moduli.poisson == pytest.approx(poisson, abs=0.006)


@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_sheet_is_isotropic_at_long_waves(potential):
    moduli = LatticeResponse(potential).moduli()
    assert moduli.c66 == pytest.approx((moduli.c11 - moduli.c12) / 2, rel=1e-12)


def hessian(potential, sheet):
    """Second derivatives of a sheet's energy, by differences of its forces."""
    return plain.hessian(
        lambda places: potential.energy_and_forces(places, sheet.bonds)[1], sheet.positions
    )


def relaxed_energy(potential, strain):
    """Energy of a cell of four atoms under homogeneous strains, the sublattices free to shift."""
    sheet = GrapheneSheet.relaxed(potential, (2, 1))
    box = tuple((1 + strain) * sheet.box)
    bonds = Bonds(sheet.neighbours, box)
    shift = np.zeros(2)

    def energy(w):
        places = sheet.positions * (1 + strain) + np.outer(2 * sheet.sublattice - 1, w)
        return potential.energy_and_forces(places, bonds)[0]

    h = 1e-3
    for _ in range(6):  # Newton's steps by differences
        steps = h * np.eye(2)
        gradient = np.array([energy(shift + s) - energy(shift - s) for s in steps]) / (2 * h)
        curvature = np.array(
            [
                [
                    energy(shift + s + t) - energy(shift + s - t)
                    - energy(shift - s + t) + energy(shift - s - t)
                    for t in steps
                ]
                for s in steps
            ]
        ) / (4 * h * h)  # fmt: skip
        shift = shift - np.linalg.solve(curvature, gradient)
    return energy(shift), sheet.area_per_atom * sheet.n_atoms * THICKNESS


@pytest.mark.parametrize("potential", POTENTIALS)
def test_moduli_are_the_curvature_of_the_energy_of_strained_sheets(potential):
    h = 2e-3

    def curvature(strain):
        energies = []
        for size in (-2, -1, 0, 1, 2):
            value, volume = relaxed_energy(potential, size * h * np.array(strain))
            energies.append(value)
        return np.dot([-1, 16, -30, 16, -1], energies) / (12 * h**2) / volume * TPA

    moduli = LatticeResponse(potential).moduli()
    both = 2 * (moduli.c11 + moduli.c12)
    assert curvature([1.0, 0.0]) == pytest.approx(moduli.c11, rel=1e-5)
    assert curvature([0.0, 1.0]) == pytest.approx(moduli.c11, rel=1e-5)
    assert curvature([1.0, 1.0]) == pytest.approx(both, rel=1e-5)


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_long_waves_see_the_moduli_of_homogeneous_strain(potential, angle):
    response = LatticeResponse(potential)
    moduli = response.moduli()
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    differences = []
    for size in (2e-3, 1e-3):
        symbol = response.symbol([size * along])[0] / size**2
        expected = moduli.c11 * np.outer(along, along) + moduli.c66 * np.outer(across, across)
        differences.append(np.max(np.abs(symbol - expected)))
    assert differences[0] < 1e-5
    assert differences[1] == pytest.approx(differences[0] / 4, rel=1e-3)  # second order in k


@pytest.mark.parametrize("potential", POTENTIALS)
@pytest.mark.parametrize("waves", [(1, 0), (0, 1), (2, 1), (-1, 1)])
def test_the_symbol_is_that_of_a_wave_on_a_sheet_of_atoms(potential, waves):
    sheet = GrapheneSheet.relaxed(potential, (4, 3))
    wavevector = 2 * np.pi * np.array(waves) / sheet.box
    stiffness = hessian(potential, sheet)
    phase = np.exp(1j * sheet.positions @ wavevector)
    volume = sheet.area_per_atom * THICKNESS
    answers = []
    for component in range(2):
        load = np.zeros((sheet.n_atoms, 2), complex)
        load[:, component] = volume / TPA * phase  # of 1 TPa/angstrom
        moved = np.linalg.lstsq(stiffness, load.ravel(), rcond=1e-6)[0].reshape(-1, 2)
        answers.append(np.mean(phase.conj()[:, np.newaxis] * moved, axis=0))
    symbol = LatticeResponse(potential).symbol([wavevector])[0]
    assert symbol @ np.array(answers).T == pytest.approx(np.eye(2), abs=1e-7)


def test_the_symbol_is_even_and_has_the_symmetry_of_the_lattice():
    response = LatticeResponse()
    wave = np.array([0.3, 0.2])
    mirror = np.diag([1.0, -1.0])
    turn = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    symbol = response.symbol([wave, -wave, mirror @ wave, turn @ wave])
    assert symbol[1] == pytest.approx(symbol[0])
    assert symbol[2] == pytest.approx(mirror @ symbol[0] @ mirror)
    assert symbol[3] == pytest.approx(turn @ symbol[0] @ turn.T)


@pytest.mark.parametrize("potential", POTENTIALS)
def test_waves_of_the_dynamical_matrix_are_those_of_the_sheet(potential):
    """Its eigenvalues at the waves of a small sheet are those of the sheet's whole Hessian."""
    sheet = GrapheneSheet.relaxed(potential, (2, 1))
    a, b = sheet.cell
    waves = 2 * np.pi * np.array([(0, 0), (1 / (2 * a), 0)])
    waves = np.concatenate([waves, waves + 2 * np.pi * np.array([1 / (2 * a), 1 / b])])
    waves[2, 0], waves[3, 0] = 2 * np.pi / a, np.pi / a
    waves[2, 1], waves[3, 1] = 0.0, 2 * np.pi / b
    matrix = LatticeResponse(potential).dynamical_matrix(waves)
    found = np.sort(np.linalg.eigvalsh(matrix).ravel())
    expected = np.linalg.eigvalsh(hessian(potential, sheet))
    assert found == pytest.approx(expected, abs=1e-5 * expected[-1])


def test_no_wave_lowers_the_energy_and_shifts_cost_none():
    generator = np.random.default_rng(2)
    matrix = LatticeResponse().dynamical_matrix(generator.uniform(-3, 3, (200, 2)))
    assert np.max(np.abs(matrix - matrix.conj().swapaxes(1, 2))) < 1e-12
    assert np.linalg.eigvalsh(matrix).min() > 0
    rest = LatticeResponse().dynamical_matrix([[0.0, 0.0]])[0]
    assert np.abs(rest @ [1.0, 0, 1.0, 0]).max() < 1e-12


@pytest.mark.parametrize("waves", [[0.1, 0.2], [[0.1, 0.2, 0.3]], [[np.nan, 0.0]]])
def test_wavevectors_of_another_shape_are_refused(waves):
    with pytest.raises(ValueError, match="wavevectors must"):
        LatticeResponse().symbol(waves)


def test_a_potential_without_a_flat_sheet_is_refused():
    with pytest.raises(ValueError, match="potential must hold a flat sheet"):
        LatticeResponse(dataclasses.replace(TERSOFF_CARBON, B=20.0)).moduli()
