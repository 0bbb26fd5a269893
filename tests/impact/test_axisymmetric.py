"""Rings: what must hold whatever the numbers, and the copper rod."""

import numpy as np
import pytest

from nlbook.impact import (
    J2,
    Elastic,
    OnePoint,
    RingMesh,
    Rings,
    Simulation,
    plate_impact,
    ring_rod,
    rod_mesh,
    rod_shape,
    taylor_anvil,
)
from nlbook.impact.passes import Body

STEEL = Elastic(7800.0, 80e9, 160e9)
COPPER = J2(8930.0, 117e9 / 2.7, 117e9 / 0.9, 400e6, 100e6)


def distorted(seed, n=4, size=0.25):
    """A cylinder of radius and height one whose inner nodes are moved."""
    mesh = ring_rod(1.0, 1.0, layers=n, rings=n)
    moves = np.random.default_rng(seed).uniform(-size / n, size / n, mesh.nodes.shape)
    inner = np.all((mesh.nodes > 0) & (mesh.nodes < 1), axis=1)
    return RingMesh(mesh.nodes + np.where(inner[:, np.newaxis], moves, 0.0), mesh.elements)


def moved(mesh, seed, size=0.02):
    generator = np.random.default_rng(seed)
    x = mesh.nodes * [1.05, 0.97] + generator.normal(scale=size / 4, size=mesh.nodes.shape)
    x[mesh.constraints[:, 0], 0] = 0.0
    v = generator.normal(scale=100.0, size=x.shape)
    v[mesh.constraints[:, 0], 0] = 0.0
    return x, v


def evaluated(mesh, x, v, elements=None):
    body = Body(mesh, STEEL, elements or Rings(), 1)
    return body, body.evaluate(x, v, 1e-9)


def test_a_rod_of_rings_has_the_volume_and_the_mass_of_a_cylinder():
    mesh = ring_rod(2.0, 0.5, layers=3, rings=4)
    assert mesh.volumes.sum() == pytest.approx(2.0 * np.pi * 0.25, rel=1e-14)
    body, _ = evaluated(mesh, mesh.nodes, 0 * mesh.nodes)
    assert body.mass.sum() == pytest.approx(7800.0 * 0.5 * np.pi, rel=1e-13)
    assert np.all(body.mass > 0)


def test_stretches_of_a_distorted_mesh_have_one_gradient_and_no_force_inside():
    mesh = distorted(1)
    stretch = np.array([1.1, 0.9])
    body, _ = evaluated(mesh, mesh.nodes * stretch, mesh.nodes * [10.0, -5.0])
    expected = np.diag([1.1, 1.1, 0.9]).ravel()
    assert np.max(np.abs(body.by_element(body.deformation) - expected)) < 1e-14
    inner = np.all((mesh.nodes > 0) & (mesh.nodes < 1), axis=1)
    force = body.force.reshape(-1, 2)
    assert np.max(np.abs(force[inner])) < 1e-14 * STEEL.bulk_modulus
    assert np.max(np.abs(force)) > 1e-3 * STEEL.bulk_modulus


def test_without_viscosity_forces_are_the_slope_of_the_energy():
    mesh = distorted(2)
    x, v = moved(mesh, 2)
    body, _ = evaluated(mesh, x, 0 * v)

    def energy(places):
        now, _ = evaluated(mesh, places, 0 * v)
        f = now.by_element(now.deformation).reshape(-1, 3, 3)
        volume = np.linalg.det(f)
        square = np.sum(f**2, axis=(1, 2)) * volume ** (-2 / 3)
        stored = STEEL.shear_modulus / 2 * (square - 3) + STEEL.bulk_modulus / 2 * (volume - 1) ** 2
        return np.sum(mesh.volumes * stored)

    way = np.random.default_rng(3).normal(size=x.shape)
    way[mesh.constraints] = 0.0
    size = 1e-6
    slope = (energy(x + size * way) - energy(x - size * way)) / (2 * size)
    assert np.sum(body.force.reshape(-1, 2) * way) == pytest.approx(slope, rel=1e-7)


def test_viscosities_only_take_energy_and_leave_the_axial_momentum():
    mesh = distorted(4)
    x, v = moved(mesh, 4)
    bare, _ = evaluated(mesh, x, v, Rings(0.0, 0.0, 0.0))
    body, _ = evaluated(mesh, x, v)
    extra = (body.force - bare.force).reshape(-1, 2)
    scale = np.max(np.abs(body.force))
    assert abs(extra[:, 1].sum()) < 1e-12 * scale
    power = np.sum(extra * v)
    assert power == pytest.approx(body.results[:, 1:].sum(), rel=1e-11)
    assert np.all(body.results[:, 1:] >= 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_stable_step_is_below_that_of_the_largest_frequency(seed):
    mesh = distorted(seed)
    x = mesh.nodes * [1.03, 0.98]
    body, step = evaluated(mesh, x, 0 * x)
    size, n = 1e-6, x.size
    stiffness = np.empty((n, n))
    for k in range(n):
        way = np.zeros(n)
        way[k] = size
        up, _ = evaluated(mesh, x + way.reshape(-1, 2), 0 * x)
        down, _ = evaluated(mesh, x - way.reshape(-1, 2), 0 * x)
        stiffness[:, k] = (up.force - down.force) / (2 * size)
    free = ~mesh.constraints.ravel()
    mass = np.repeat(body.mass, 2)[free]
    scaled = stiffness[np.ix_(free, free)] / np.sqrt(np.outer(mass, mass))
    largest = 2 / np.sqrt(np.linalg.eigvalsh(0.5 * (scaled + scaled.T)).max())
    assert 0.3 * largest < step < largest


def test_the_axis_stays_and_the_energy_adds_up():
    mesh = ring_rod(1e-2, 2e-3, layers=10, rings=3)
    body = taylor_anvil(COPPER, speed=150.0, until=1e-5, mesh=mesh)
    assert np.all(body.x[mesh.nodes[:, 0] == 0, 0] == 0.0)
    assert np.ptp(body.history.total) < 1e-13 * body.history.kinetic[0]


def test_the_copper_rod_of_rings_has_its_known_shape():
    """See test_rods for where the ranges come from."""
    mesh = ring_rod(32.4e-3, 3.2e-3, layers=40, rings=5)
    rod = taylor_anvil(COPPER, speed=227.0, until=80e-6, mesh=mesh)
    shape = rod_shape(rod)
    assert 21.4e-3 < shape.length < 21.6e-3
    assert 7.1e-3 < shape.foot_radius < 7.3e-3
    assert 3.0 < shape.plastic_strain < 3.4
    assert rod.history.hourglass[-1] < 0.02 * rod.history.kinetic[0]


def test_meshes_that_are_none_are_refused():
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    order = np.arange(4)[np.newaxis]
    with pytest.raises(ValueError, match="no negative r"):
        RingMesh(square - [0.5, 0.0], order)
    with pytest.raises(ValueError, match="elements must be quadrangles"):
        RingMesh(square, order[:, :3])
    with pytest.raises(ValueError, match="elements must use all nodes from 0 to 3"):
        RingMesh(square, np.array([[0, 1, 2, 2]]))
    with pytest.raises(ValueError, match="inside out: element 0"):
        RingMesh(square, order[:, ::-1])
    with pytest.raises(ValueError, match="mesh must be of hexahedra"):
        Simulation(RingMesh(square, order), STEEL, elements=OnePoint())
    with pytest.raises(ValueError, match="mesh must be of hexahedra"):
        plate_impact(STEEL, mesh=RingMesh(square, order))
    with pytest.raises(ValueError, match="mesh must be of rings"):
        Simulation(rod_mesh(1.0, 1.0, layers=1), STEEL, elements=Rings())
