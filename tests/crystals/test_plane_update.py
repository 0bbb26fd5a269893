"""The update of a plane pair, against the law in three dimensions and bisection."""

from __future__ import annotations

import numpy as np
import pytest

from nlbook.crystals import CrystalLaw, SlipConstants, SlipSystems, cubic, magnesium, plane_pair
from nlbook.crystals.plane_loops import LANES, N_ROWS, stress_loop
from nlbook.crystals.plane_update import plane_constants
from tests.crystals import plane_reference

HARD = CrystalLaw(
    plane_pair().systems, (SlipConstants(0.08, 2.0, 0.5, 6.0, 0.15, 0.4),), None, 19.0, 24.0
)
LINEAR = CrystalLaw(
    plane_pair().systems, (SlipConstants(0.05, 1.5, 1.0, 2.0, 0.05, 0.0),), None, 15.0, 30.0
)
STIFF = CrystalLaw(
    plane_pair().systems, (SlipConstants(0.1, 1.0, 0.1, 0.0, 0.0, 0.3),), None, 19.0, 24.0
)
STIFFEST = CrystalLaw(
    plane_pair().systems, (SlipConstants(0.1, 1.0, 0.01, 6.0, 0.15, 0.3),), None, 19.0, 24.0
)
LAWS = {
    "plain": plane_pair(), "hard": HARD, "linear": LINEAR, "stiff": STIFF, "stiffest": STIFFEST
}  # fmt: skip


def update(law, deformation, angles, slip, accumulated, time):
    """The loop on pixels, more than one block of them: moves, first Piola stresses, tangents."""
    constants, own = plane_constants(law)
    n = len(angles)
    copies = 1 + 70 // n
    known = np.stack([np.exp(-2 * slip), accumulated])
    axes = np.stack([np.cos(angles + own), np.sin(angles + own)])
    flat = np.ascontiguousarray(deformation.reshape(n, 4).T)
    many = [np.tile(array, copies) for array in (flat, axes, known)]
    moved, piola, tangent = (np.zeros((rows, n * copies)) for rows in (2, 4, 10))
    amount = time * constants[3]
    room = np.zeros(N_ROWS * LANES)
    assert stress_loop(*many, amount, constants, moved, piola, tangent, True, room)
    again = [np.zeros((rows, n * copies)) for rows in (2, 4, 10)]
    assert stress_loop(*many, amount, constants, *again, False, room)
    assert np.array_equal(again[0], moved) and np.array_equal(again[1], piola)
    for array in (moved, piola, tangent):  # a pixel's answer does not depend on its neighbours
        assert np.abs(array - np.tile(array[:, :n], copies)).max() < 1e-11 * np.abs(array).max()
    return moved[:, :n], piola[:, :n].T.reshape(n, 2, 2), tangent[:, :n]


def states(n, seed, spread=0.1):
    """Random states: F, angles, slips of either sign, accumulated slips."""
    rng = np.random.default_rng(seed)
    deformation = np.eye(2) + spread * rng.normal(size=(n, 2, 2))
    slip = 0.5 * spread * rng.normal(size=n)
    return deformation, rng.uniform(0, np.pi, n), slip, np.abs(slip) + 0.1 * rng.random(n)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("time", [1e-4, 1e-2])
def test_slip_is_the_root_that_bisection_finds(name, time):
    law = LAWS[name]
    f, angles, slip, accumulated = states(40, 1)
    moved, _, _ = update(law, f, angles, slip, accumulated, time)
    for k in range(len(angles)):
        expected, _ = plane_reference.step(law, angles[k], f[k], slip[k], accumulated[k], time)
        assert abs(slip[k] + moved[0, k] - expected) < 1e-10


@pytest.mark.parametrize("name", LAWS)
def test_stress_is_the_derivative_of_the_energy(name):
    law = LAWS[name]
    f, angles, slip, accumulated = states(20, 2)
    moved, piola, _ = update(law, f, angles, slip, accumulated, 1e-3)
    for k in range(len(angles)):
        expected = plane_reference.piola(law, angles[k], f[k], slip[k] + moved[0, k])
        # differences of a step of 1e-6 err by 1e-16 of the energy over it, some 1e-9 GPa
        assert np.abs(piola[k] - expected).max() < 1e-7


def test_stress_holds_where_the_volume_changes_much():
    law = plane_pair()
    f = np.array([np.diag([2.0, 1.1]), np.diag([0.4, 0.9]), [[1.2, 0.5], [-0.3, 0.7]]])
    angles, zero = np.array([0.3, 1.0, 2.0]), np.zeros(3)
    moved, piola, _ = update(law, f, angles, zero, zero, 1e-3)
    for k in range(3):
        slip, _ = plane_reference.step(law, angles[k], f[k], 0.0, 0.0, 1e-3)
        assert abs(moved[0, k] - slip) < 1e-9
        assert np.abs(piola[k] - plane_reference.piola(law, angles[k], f[k], slip)).max() < 1e-6


@pytest.mark.parametrize("name", LAWS)
def test_tangent_is_the_derivative_of_the_stress(name):
    law = LAWS[name]
    f, angles, slip, accumulated = states(20, 3)
    _, _, tangent = update(law, f, angles, slip, accumulated, 1e-3)
    upper = np.triu_indices(4)
    full = np.zeros((20, 4, 4))
    full[:, upper[0], upper[1]] = full[:, upper[1], upper[0]] = tangent.T
    for column in range(4):
        change = np.zeros(4)
        change[column] = 1e-6
        ahead, behind = (
            update(law, f + sign * change.reshape(2, 2), angles, slip, accumulated, 1e-3)[1]
            for sign in (1, -1)
        )
        slope = (ahead - behind).reshape(20, 4) / 2e-6
        assert np.abs(full[:, :, column] - slope).max() < 1e-5 * np.abs(full).max()


def test_a_pixel_that_is_turned_inside_out_is_told():
    constants, _ = plane_constants(plane_pair())
    deformation = np.tile(np.eye(2).reshape(4, 1), 70)
    deformation[3, 66] = -0.1
    axes, known = np.full((2, 70), np.sqrt(0.5)), np.stack([np.ones(70), np.zeros(70)])
    written = [np.zeros((rows, 70)) for rows in (2, 4, 10)]
    room = np.zeros(N_ROWS * LANES)
    assert not stress_loop(deformation, axes, known, 1e-3, constants, *written, False, room)


def test_the_sign_of_a_normal_does_not_matter():
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    other = SlipSystems(np.stack([x, y]), np.stack([y, -x]), [0, 0], ("plane",), (False,))
    law = CrystalLaw(other, plane_pair().slip, shear_modulus=19.0, lambda_e=24.0)
    f, angles, slip, accumulated = states(5, 4)
    for one, two in zip(
        update(law, f, angles, slip, accumulated, 1e-3),
        update(plane_pair(), f, angles, slip, accumulated, 1e-3),
        strict=True,
    ):
        assert np.abs(one - two).max() < 1e-12 * (1 + np.abs(two).max())


@pytest.mark.parametrize(
    "law", [magnesium(), cubic(SlipConstants(0.1, 1.0), shear_modulus=20.0, lambda_e=20.0)]
)
def test_other_crystals_are_refused(law):
    with pytest.raises(ValueError, match="law must hold one pair of slip systems"):
        plane_constants(law)


def test_a_pair_without_a_shared_schmid_tensor_is_refused():
    x = np.array([1.0, 0.0, 0.0])
    tilted = np.array([np.cos(1.0), np.sin(1.0), 0.0])
    normals = np.stack([[0.0, 1.0, 0.0], [-np.sin(1.0), np.cos(1.0), 0.0]])
    systems = SlipSystems(np.stack([x, tilted]), normals, [0, 0], ("plane",), (False,))
    with pytest.raises(ValueError, match="share a Schmid tensor"):
        plane_constants(CrystalLaw(systems, plane_pair().slip))
