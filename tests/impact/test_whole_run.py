"""A whole run against plain NumPy: elements, material, contact and time, one after another.

The loops go through strain, stress and force in blocks and chunks, the loop here through one
element after another in a single pass: what they share is the equations alone.
"""

import numpy as np
import pytest

from nlbook.impact import J2, OnePoint, RigidWall, Simulation, rod_mesh
from nlbook.impact.mesh import gauss_volumes
from nlbook.impact.passes import Body
from tests.impact.fused import fused_evaluate
from tests.impact.plain import plain_force, plain_step

METAL = J2(8930.0, 43e9, 130e9, 400e6, 100e6)


def plain_run(mesh, v, until, kappa, linear, quadratic, safety=0.9):
    """Places, velocities, plastic strains and work of the wall at the end."""
    speed = np.sqrt(METAL.wave_modulus / METAL.density)
    mass = np.zeros(mesh.n_nodes)
    np.add.at(mass, mesh.elements.ravel(), np.repeat(METAL.density * mesh.volumes / 8, 8))
    x, v = mesh.nodes.copy(), v.copy()
    inverse, plastic = [np.eye(3)] * mesh.n_elements, np.zeros(mesh.n_elements)

    def forces():
        total, least = np.zeros(x.shape), np.inf
        for number, nodes in enumerate(mesh.elements):
            corners = mesh.nodes[nodes]
            f = x[nodes].T @ mean_gradients(corners)
            tau, inverse[number], plastic[number] = plain_step(
                f, inverse[number], plastic[number], METAL.shear_modulus, METAL.bulk_modulus,
                lambda p, dp: METAL.yield_stress + METAL.hardening * p,
            )  # fmt: skip
            force, step, *_ = plain_force(
                corners, x[nodes], v[nodes], tau, METAL.density, speed, kappa, linear, quadratic
            )
            total[nodes] += force
            least = min(least, step)
        return total, least

    time, last, wall = 0.0, 0.0, 0.0
    force, stable = forces()
    while time < until:
        step = safety * stable
        step = min(step, 1.1 * last) if last else step
        ends = time + step >= until
        step = until - time if ends else step
        before = v.copy()
        v = v - 0.5 * (last + step) * force / mass[:, np.newaxis]
        free = v.copy()
        below = x[:, 2] + step * v[:, 2] < 0
        v[below, 2] = -x[below, 2] / step
        wall += np.sum(mass[:, np.newaxis] * (v - free) * 0.5 * (v + before))
        x = x + step * v
        time, last = until if ends else time + step, step
        force, stable = forces()
    return x, v, plastic, wall


def mean_gradients(corners):
    gradients, volumes = gauss_volumes(corners[np.newaxis])
    return np.einsum("p,pni->ni", volumes[0], gradients[0]) / volumes.sum()


def test_a_run_is_that_of_the_plain_loop():
    mesh = rod_mesh(4e-3, 1e-3, layers=5, core=1, rings=1)
    start = np.zeros(mesh.nodes.shape)
    start[:, 2] = -250.0
    start[:, 0] = 2e4 * mesh.nodes[:, 2]  # it shears as well
    body = Simulation(
        mesh, METAL, velocity=start, contacts=[RigidWall()], elements=OnePoint(0.05, 0.06, 1.2)
    ).run(8e-7)
    x, v, plastic, wall = plain_run(mesh, start, 8e-7, 0.05, 0.06, 1.2)
    assert plastic.max() > 0.1
    assert np.max(np.abs(body.x - x)) < 1e-12 * 4e-3
    assert np.max(np.abs(body.v - v)) < 1e-8 * 250.0
    assert body.observables["plastic_strain"] == pytest.approx(plastic, abs=1e-10)
    assert body.history.contact[-1] == pytest.approx(wall, rel=1e-9)


@pytest.mark.parametrize("group", [1, 8])
def test_three_passes_over_chunks_are_the_passes_of_each_block(group):
    mesh = rod_mesh(4e-3, 1e-3, layers=12, core=4, rings=2)
    generator = np.random.default_rng(5)
    chunked, fused = (Body(mesh, METAL, OnePoint(), 1) for _ in range(2))
    x, v = mesh.nodes.copy(), generator.normal(scale=80.0, size=mesh.nodes.shape)
    for _ in range(6):
        x = x + 5e-8 * v
        step = chunked.evaluate(x, v, 5e-8)
        forces, other = fused_evaluate(fused, x, v, 5e-8, group)
        # compiled together, a product and a sum may be rounded as one
        assert forces == pytest.approx(chunked._forces, abs=1e-12 * np.abs(forces).max())
        assert other == pytest.approx(step, rel=1e-12)
    assert fused.state == pytest.approx(chunked.state, rel=1e-11, abs=1e-12)
    assert chunked.state[:, 6].max() > 0.01
