"""Elements of both kinds against plain NumPy, and what must hold whatever the numbers."""

import numpy as np
import pytest

from nlbook.impact import (
    Elastic,
    MeanDilatation,
    OnePoint,
    Simulation,
    box_mesh,
    passes,
    stress_along,
)
from nlbook.impact.mesh import gauss_volumes
from nlbook.impact.passes import Body
from tests.impact.plain import PATTERNS, distorted_mesh, plain_force, random_rotation

STEEL = Elastic(7800.0, 80e9, 160e9)
KINDS = pytest.mark.parametrize("kind", [OnePoint(), MeanDilatation()], ids=["one", "eight"])
SPEED = np.sqrt(STEEL.wave_modulus / STEEL.density)


def random_motion(mesh, seed, size=0.05):
    generator = np.random.default_rng(seed)
    x = mesh.nodes @ (np.eye(3) + generator.normal(scale=size, size=(3, 3))).T
    x = x + generator.normal(scale=size / 6, size=x.shape)
    return x, generator.normal(scale=0.05 * SPEED, size=x.shape)


def evaluated(mesh, x, v, material=STEEL, elements=None, workers=1):
    body = Body(mesh, material, elements or OnePoint(), workers)
    step = body.evaluate(x, v, 1e-9)
    return body, step


def test_forces_are_those_of_the_plain_loop():
    mesh = distorted_mesh(1)
    x, v = random_motion(mesh, 2)
    choice = OnePoint(hourglass=0.05, linear_viscosity=0.06, quadratic_viscosity=1.2)
    body, step = evaluated(mesh, x, v, elements=choice)
    expected, steps, powers = np.zeros(x.shape), [], np.zeros(2)
    tau = stress_along(STEEL, [0.0], body.by_element(body.deformation).reshape(1, -1, 3, 3))
    for number, nodes in enumerate(mesh.elements):
        force, least, *power = plain_force(
            mesh.nodes[nodes], x[nodes], v[nodes], tau.stress[0, number],
            STEEL.density, SPEED, 0.05, 0.06, 1.2,
        )  # fmt: skip
        expected[nodes] += force
        steps.append(least)
        powers += power
    scale = np.max(np.abs(expected))
    assert np.max(np.abs(body.force.reshape(-1, 3) - expected)) < 1e-12 * scale
    assert step == pytest.approx(min(steps), rel=1e-12)
    # 27 elements: what fills the last block counts for nothing
    assert body.results[:, 1:].sum(axis=0) == pytest.approx(powers, rel=1e-12)


@KINDS
def test_an_affine_motion_of_a_distorted_mesh_has_one_gradient_and_no_force_inside(kind):
    mesh = distorted_mesh(3)
    f = np.eye(3) + np.random.default_rng(4).normal(scale=0.1, size=(3, 3))
    body, _ = evaluated(mesh, mesh.nodes @ f.T, mesh.nodes @ (100.0 * f).T, elements=kind)
    assert np.max(np.abs(body.by_element(body.deformation) - f.ravel())) < 2e-14
    inner = np.all((mesh.nodes > 0) & (mesh.nodes < 1), axis=1)
    force = body.force.reshape(-1, 3)
    assert np.max(np.abs(force[inner])) < 1e-14 * STEEL.bulk_modulus  # faces have area 1/9
    assert np.max(np.abs(force)) > 1e-3 * STEEL.bulk_modulus


@KINDS
@pytest.mark.parametrize("seed", range(3))
def test_a_superposed_rotation_turns_the_forces(seed, kind):
    """Also those of the viscosities, at any spin."""
    mesh = distorted_mesh(seed)
    x, v = random_motion(mesh, seed)
    plain, step = evaluated(mesh, x, v, elements=kind)
    turn = random_rotation(seed)
    spin = 0.1 * SPEED * (random_rotation(seed + 9) - random_rotation(seed + 9).T)
    turned, again = evaluated(mesh, x @ turn.T, v @ turn.T + x @ turn.T @ spin.T, elements=kind)
    expected = plain.force.reshape(-1, 3) @ turn.T
    error = np.max(np.abs(turned.force.reshape(-1, 3) - expected))
    assert error < 1e-12 * np.max(np.abs(expected))
    assert again == pytest.approx(step, rel=1e-12)


@KINDS
def test_forces_and_their_moments_sum_to_nothing(kind):
    mesh = distorted_mesh(6)
    x, v = random_motion(mesh, 6)
    body, _ = evaluated(mesh, x, v, elements=kind)
    force = body.force.reshape(-1, 3)
    scale = np.max(np.abs(force))
    assert np.max(np.abs(force.sum(axis=0))) < 1e-12 * scale
    assert np.max(np.abs(np.cross(x, force).sum(axis=0))) < 1e-12 * scale


@KINDS
def test_without_viscosity_forces_are_the_slope_of_the_energy(kind):
    mesh = distorted_mesh(7)
    x, v = random_motion(mesh, 7)
    body, _ = evaluated(mesh, x, 0 * v, elements=kind)
    weights = gauss_volumes(mesh.nodes[mesh.elements])[1]
    weights = weights if body.n_points == 8 else weights.sum(axis=1, keepdims=True)

    def energy(places):
        moved, _ = evaluated(mesh, places, 0 * v, elements=kind)
        f = moved.by_element(moved.deformation).reshape(*weights.shape, 3, 3)
        volume = np.linalg.det(f)
        square = np.sum(f**2, axis=(2, 3)) * volume ** (-2 / 3)
        density = (
            STEEL.shear_modulus / 2 * (square - 3) + STEEL.bulk_modulus / 2 * (volume - 1) ** 2
        )
        return np.sum(weights * density)

    way = np.random.default_rng(8).normal(size=x.shape)
    size = 1e-5  # of a difference: its error is size^2 of the third derivative
    slope = (energy(x + size * way) - energy(x - size * way)) / (2 * size)
    assert np.sum(body.force.reshape(-1, 3) * way) == pytest.approx(slope, rel=1e-7)


def test_hourglass_patterns_have_no_gradient_and_are_damped():
    side = np.array([0.0, 1.0])
    mesh = box_mesh(side, side, side)
    for pattern in PATTERNS:
        local = pattern[np.argsort(mesh.elements[0])]
        v = np.outer(local, [1.0, 2.0, -1.0])
        body, _ = evaluated(mesh, mesh.nodes, v)
        # kappa/8 rho c V^(2/3) sum_I h_I^2 = kappa rho c, against each node's velocity
        expected = 0.05 * STEEL.density * SPEED * v
        assert body.force.reshape(-1, 3) == pytest.approx(expected, rel=1e-12)


def stiffness_of(mesh, x, kind):
    """Derivatives of the forces by the places."""
    size, n = 1e-6, x.size
    found = np.empty((n, n))
    for k in range(n):
        way = np.zeros(n)
        way[k] = size
        up, _ = evaluated(mesh, x + way.reshape(-1, 3), 0 * x, elements=kind)
        down, _ = evaluated(mesh, x - way.reshape(-1, 3), 0 * x, elements=kind)
        found[:, k] = (up.force - down.force) / (2 * size)
    return 0.5 * (found + found.T)


@KINDS
@pytest.mark.parametrize("seed", range(2))
def test_the_stable_step_is_below_that_of_the_largest_frequency_and_near(seed, kind):
    mesh = distorted_mesh(seed, n=2)
    x = mesh.nodes @ (np.eye(3) + 0.02 * random_rotation(seed)).T
    body, step = evaluated(mesh, x, 0 * x, elements=kind)
    mass = np.repeat(body.mass, 3)
    scaled = stiffness_of(mesh, x, kind) / np.sqrt(np.outer(mass, mass))
    largest = 2 / np.sqrt(np.linalg.eigvalsh(scaled).max())
    # a trace bounds the largest eigenvalue; with eight points it is shared by more of them
    assert (0.5 if body.n_points == 1 else 0.4) * largest < step < largest


def test_eight_points_see_what_one_does_not():
    """A free brick has six motions without force; to one point twelve more, the hourglasses."""
    side = np.array([0.0, 1.0])
    mesh = box_mesh(side, side, side)
    for kind, free in ((OnePoint(), 18), (MeanDilatation(), 6)):
        values = np.linalg.eigvalsh(stiffness_of(mesh, mesh.nodes, kind)) / STEEL.shear_modulus
        assert np.sum(np.abs(values) < 1e-6) == free
        assert values.min() > -1e-6


def test_a_bulk_that_can_hardly_be_squeezed_does_not_lock():
    """Bending by its own weight: with K = 1e4 G the one-point brick bends as the other does."""
    rubber = Elastic(1000.0, 1e6, 1e10)
    mesh = box_mesh([0.0, 0.25], np.linspace(0.0, 0.5, 3), np.linspace(0.0, 2.0, 9))
    x = mesh.nodes + np.column_stack([0 * mesh.nodes[:, :2], 0 * mesh.nodes[:, 0]])
    x[:, 1] += 1e-5 * mesh.nodes[:, 2] ** 2
    x[:, 2] -= 2e-5 * mesh.nodes[:, 2] * (mesh.nodes[:, 1] - 0.25)
    scale = {}
    for kind in (OnePoint(), MeanDilatation()):
        body, _ = evaluated(mesh, x, 0 * x, material=rubber, elements=kind)
        scale[type(kind)] = np.max(np.abs(body.force))
    # full integration of the volume would have K times the strain of bending, 1e3 times as much
    assert scale[MeanDilatation] < 10 * scale[OnePoint]


@KINDS
def test_the_number_of_threads_changes_no_bit(kind):
    mesh = box_mesh(*[np.linspace(0.0, 1.0, n) for n in (13, 14, 15)])  # several chunks
    x, v = random_motion(mesh, 9, size=0.01)
    one, step = evaluated(mesh, x, v, elements=kind)
    two, again = evaluated(mesh, x, v, elements=kind, workers=2)
    assert np.array_equal(one.force, two.force)
    assert step == again


@KINDS
@pytest.mark.parametrize("chunk", [1, 5])
def test_the_size_of_the_chunks_changes_no_bit(monkeypatch, kind, chunk):
    mesh = distorted_mesh(3, n=4)
    x, v = random_motion(mesh, 3, size=0.02)
    whole, step = evaluated(mesh, x, v, elements=kind)
    monkeypatch.setattr(passes, "_CHUNK", chunk)
    parts, again = evaluated(mesh, x, v, elements=kind)
    assert len(parts.results) > len(whole.results)
    assert np.array_equal(whole.force, parts.force)
    assert step == again


def test_the_masses_are_those_of_the_volume():
    mesh = distorted_mesh(5)
    body, _ = evaluated(mesh, mesh.nodes, 0 * mesh.nodes)
    assert body.mass.sum() == pytest.approx(STEEL.density, rel=1e-13)


def test_an_element_inside_out_is_named():
    mesh = distorted_mesh(0)
    v = np.zeros(mesh.nodes.shape)
    inner = int(np.flatnonzero(np.all((mesh.nodes > 0) & (mesh.nodes < 1), axis=1))[0])
    v[inner] = 1e6  # two hundred times the speed of sound
    with pytest.raises(RuntimeError, match=r"at .* s, in step \d+, element \d+ is inside out: F"):
        Simulation(mesh, STEEL, velocity=v, safety=1.0).run(1e-3)
