"""Rigid bodies: momentum, release, friction, and what a wall costs."""

import numpy as np
import pytest

from nlbook.impact import (
    J2,
    Corrector,
    Elastic,
    Penalty,
    RigidCylinder,
    RigidWall,
    Simulation,
    box_mesh,
    plate_impact,
    plate_mesh,
    round_plate_mesh,
)

STEEL = Elastic(7800.0, 80e9, 160e9)
SPEED = np.sqrt(STEEL.wave_modulus / STEEL.density)


def bar(n, contacts, velocity=(0.0, 0.0, -1e-4 * SPEED), lift=0.0):
    """A bar of length one in uniaxial strain."""
    side = [0.0, 0.05]
    mesh = box_mesh(side, side, lift + np.linspace(0.0, 1.0, n + 1))
    fixed = np.zeros(mesh.nodes.shape, dtype=bool)
    fixed[:, :2] = True
    return Simulation(mesh, STEEL, velocity=velocity, supports=fixed, contacts=contacts)


def momentum(body):
    return float(np.sum(body.mass[:, 2] * body.v[:, 2]))


@pytest.mark.parametrize("rule", [Corrector(), Penalty()])
def test_the_impulse_is_the_change_of_momentum(rule):
    body = bar(20, [RigidWall(rule=rule)])
    before = momentum(body)
    body.run(1.0 / SPEED)
    change = momentum(body) - before
    assert body.history.impulse[-1, 0, 2] == pytest.approx(change, rel=1e-12)
    assert change > 0.7 * abs(before)  # a penalty takes some steps to act


@pytest.mark.parametrize(("rule", "least"), [(Corrector(), 0.9), (Penalty(), 0.97)])
def test_a_bar_rebounds_and_leaves(rule, least):
    """The wave returns after 2 L / c: the bar leaves with the speed that it came with."""
    body = bar(80, [RigidWall(rule=rule)])
    start = momentum(body)
    body.run(4.0 / SPEED)
    after = body.history.impulse[:, 0, 2]
    late = body.history.time > 2.5 / SPEED
    assert np.ptp(after[late]) == 0.0  # it has left
    assert body.x[:, 2].min() > 0.0
    assert -momentum(body) / start > least


def test_the_corrector_costs_the_energy_of_half_a_cell():
    """The mass of the foot's half cell stops at once: h/2 of L = 1."""
    for n in (10, 20, 40):
        history = bar(n, [RigidWall()]).run(0.5 / SPEED).history
        lost = -history.contact[-1] / history.kinetic[0]
        assert lost == pytest.approx(0.5 / n, rel=1e-9)


def test_a_node_stops_at_the_wall_exactly():
    body = bar(10, [RigidWall()], lift=1e-7).run(1.0 / SPEED)
    assert abs(body.x[:, 2].min()) < 1e-20


def test_a_wall_may_stand_in_any_place():
    body = bar(10, [RigidWall(point=(0.0, 0.0, 1.5), normal=(0.0, 0.0, -2.0))], (0, 0, 0.5), 0.4)
    body.run(0.2)
    assert body.x[:, 2].max() <= 1.5 + 1e-12
    assert body.history.impulse[-1, 0, 2] < 0


def block(friction, rule=None):
    """A soft brick thrown at a wall on a slant."""
    mesh = box_mesh([0.0, 1.0], [0.0, 1.0], np.linspace(0.0, 1.0, 5))
    wall = RigidWall(friction=friction, rule=rule or Corrector())
    return Simulation(mesh, STEEL, velocity=(8.0, 0.0, -8.0), contacts=[wall]).run(2e-4)


def test_friction_takes_at_most_its_share_of_the_normal_impulse():
    free, rough, stuck = (block(friction) for friction in (0.0, 0.1, 50.0))
    assert np.all(free.history.impulse[:, 0, 0] == 0.0)
    x, _, z = rough.history.impulse[-1, 0]
    assert abs(x) < 0.1 * z
    assert x == pytest.approx(-0.1 * z, rel=0.1)  # most nodes slide for most of the time
    foot = stuck.mesh.nodes[:, 2] == 0
    touching = foot & (stuck.x[:, 2] < 1e-12)
    assert touching.any()
    assert np.max(np.abs(stuck.v[touching, :2])) == 0.0


@pytest.mark.parametrize("friction", [0.0, 0.2])
def test_no_wall_gives_energy(friction):
    history = block(friction).history
    assert np.all(np.diff(history.contact) <= 1e-12 * history.kinetic[0])


def plate(**options):
    mesh = plate_mesh(12e-3, 1e-3, across=12, through=3)
    metal = J2(8930.0, 43e9, 130e9, 400e6, 100e6)
    return Simulation(mesh, metal, contacts=[RigidCylinder(2e-3, 200.0, **options)])


@pytest.mark.parametrize("rule", [Corrector(), Penalty()])
def test_a_cylinder_pushes_what_it_meets_and_no_more(rule):
    body = plate(rule=rule).run(2e-6)
    inside = body.x[:, 2] + 200.0 * body.time
    under = np.hypot(*body.x[:, :2].T) < 2e-3
    # a penalty lets nodes in by some steps' way
    allowed = 1e-15 if isinstance(rule, Corrector) else 2e-5
    assert inside[under].max() < allowed
    assert inside.max() > 3e-4  # the plate around it stays
    # what it hits runs ahead of it at first, as a thin plate does, and never lags
    hit = (body.mesh.nodes[:, 2] == 0) & (np.hypot(*body.mesh.nodes[:, :2].T) < 1.9e-3)
    assert body.x[hit, 2].max() < -200.0 * body.time + allowed


def test_the_cylinder_works_on_the_plate():
    body = plate().run(2e-6)
    history = body.history
    momentum = np.sum(body.mass * body.v, axis=0)
    assert history.impulse[-1, 0] == pytest.approx(momentum, abs=1e-12 * abs(momentum[2]))
    assert np.ptp(history.total) < 1e-13 * history.contact[-1]
    # a rigid body at its speed works by impulse times speed, less what stopping nodes takes
    assert history.contact[-1] < 200.0 * -history.impulse[-1, 0, 2]


def test_the_side_of_a_cylinder_keeps_nodes_out():
    cylinder = RigidCylinder(1.0, 0.0, face=0.0)
    x = np.array([[1.05, 0.0, 0.5], [0.5, 0.0, -0.1], [2.0, 0.0, 0.5]])
    v = np.array([[-0.1, 0.02, 0.0], [0.0, 0.0, 0.5], [-0.1, 0.0, 0.0]])
    after = v.copy()
    impulse = cylinder.correct(x, after, np.ones((3, 3)), np.arange(3), 0.0, 1.0)
    moved = x + after
    assert np.hypot(moved[0, 0], moved[0, 1]) == pytest.approx(1.0, rel=1e-14)
    assert moved[1, 2] == pytest.approx(0.0, abs=1e-16)
    assert np.array_equal(after[2], v[2])
    assert impulse == pytest.approx((after - v).sum(axis=0), abs=1e-16)


def test_a_node_that_is_pressed_on_the_side_stays_there():
    """Rounding leaves it a hair inside or outside, and the end, far below, must not catch it."""
    angles = np.linspace(0.0, 2 * np.pi, 200)
    out = np.column_stack([np.cos(angles), np.sin(angles), 0.0 * angles])
    x = 1.02 * out + [0.0, 0.0, 0.5]
    cylinder = RigidCylinder(1.0, 0.0)
    for number in range(20):
        v = -0.01 * out + 0.003 * np.column_stack([-out[:, 1], out[:, 0], 0.0 * angles])
        cylinder.correct(x, v, np.ones(x.shape), np.arange(200), float(number), 1.0)
        x += v
    assert np.max(np.abs(np.hypot(*x.T[:2]) - 1.0)) < 1e-14
    assert np.all(x[:, 2] == 0.5)


def test_a_plate_with_nodes_on_the_rim_lets_them_slide_along_the_cylinder():
    metal = J2(1740.0, 25e9, 48e9, 25e6, 5e6, 240e6, 0.014, 1e6)
    mesh = round_plate_mesh(1e-2, 1e-3, through=4, core=6, inner_rings=3, outer_rings=10)
    body = plate_impact(metal, mesh=mesh)
    # the light plate closes around the cylinder; a node that is thrown to its end falls 0.2 mm
    rim = (mesh.nodes[:, 2] == 0) & np.isclose(np.hypot(*mesh.nodes[:, :2].T), 2e-3)
    assert np.hypot(*body.x[rim, :2].T) == pytest.approx(2e-3, rel=1e-12)
    assert body.x[rim, 2].min() > -0.1e-3
    assert np.linalg.det(body.deformation).min() > 0.98


def test_a_wall_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="point must have as many numbers as a node, 3"):
        bar(4, [RigidWall((0.0, 0.0), (0.0, 1.0))])


def test_the_end_of_a_cylinder_rubs():
    x, v = np.array([[0.3, 0.4, 0.0]]), np.array([[0.1, 0.2, 0.5]])
    for friction, left in ((0.0, 1.0), (0.1, 1.0 - 0.07 / np.hypot(0.1, 0.2)), (9.0, 0.0)):
        after = v.copy()
        end = RigidCylinder(1.0, 0.2, face=0.0, friction=friction)
        impulse = end.correct(x, after, np.full((1, 3), 2.0), np.arange(1), 0.0, 1.0)
        # the end comes down by 0.2 while the node goes up by 0.5: it is pushed by 0.7
        assert after[0] == pytest.approx([0.1 * left, 0.2 * left, -0.2], abs=1e-15)
        assert impulse == pytest.approx(2.0 * (after - v)[0], abs=1e-15)


def test_a_body_that_starts_inside_is_refused():
    with pytest.raises(ValueError, match="contacts must leave the body outside .* node 0"):
        bar(4, [RigidWall(point=(0.0, 0.0, 0.1))])
    with pytest.raises(ValueError, match="contacts must leave the body outside"):
        plate(face=-1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RigidWall(friction=-0.1), "friction must be"),
        (lambda: RigidWall(normal=(0.0, 0.0, 0.0)), "normal must have a length"),
        (lambda: RigidWall(normal=(0.0, 1.0)), r"normal must be of shape \(3,\)"),
        (lambda: RigidCylinder(0.0, 1.0), "radius must be"),
        (lambda: Penalty(0.0), "stiffness must be"),
    ],
)
def test_rigid_bodies_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
