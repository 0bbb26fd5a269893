"""The weights integrate what they promise, on lattices and on scattered points."""

import math

import numpy as np
import pytest
from scipy import integrate

from nlbook.peridynamics import lattice_quadrature, least_norm_weights

POWERS = [(a, d - a) for d in range(2, 6) for a in range(d + 1)]


def exact(a, b, radius):
    """Integral of x**a y**b / r**3 over the disc, by quadrature in the angle."""
    angular, _ = integrate.quad(lambda t: math.cos(t) ** a * math.sin(t) ** b, 0, 2 * math.pi)
    return angular * radius ** (a + b - 1) / (a + b - 1)


def scattered(n=60, seed=3):
    rng = np.random.default_rng(seed)
    radius, angle = np.sqrt(rng.random(n)), 2 * math.pi * rng.random(n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.99, 1.01), (5.1, 5.2)])
@pytest.mark.parametrize("ratio", [2.0, 2.5, 4.0, 6.0, 10.0])
def test_lattice_weights_are_exact_on_the_space(spacing, ratio):
    ball = lattice_quadrature(spacing, ratio * math.sqrt(spacing[0] * spacing[1]))
    x, y = ball.offsets.T
    for a, b in POWERS:
        found = ball.weights @ (x**a * y**b / np.hypot(x, y) ** 3)
        scale = ball.kernel_horizon ** (a + b - 1)
        assert abs(found - exact(a, b, ball.kernel_horizon)) < 1e-12 * 2 * math.pi * scale


def test_scattered_weights_are_exact_on_the_space():
    points = scattered()
    weights = least_norm_weights(points, 1.0)
    x, y = points.T
    for a, b in POWERS:
        assert abs(weights @ (x**a * y**b / np.hypot(x, y) ** 3) - exact(a, b, 1.0)) < 1e-12


def test_no_exact_weights_are_smaller():
    points = scattered()
    weights = least_norm_weights(points, 1.0)
    x, y = points.T
    rows = np.stack([x**a * y**b / np.hypot(x, y) ** 3 for a, b in POWERS])
    # the shortest solution stands upright on all that the constraints leave free
    free = np.linalg.svd(rows)[2][len(rows) :]
    assert len(free) == 42
    assert np.max(np.abs(free @ weights)) < 1e-12


@pytest.mark.parametrize("spacing", [(5.0, 5.0), (4.933, 5.039)])
@pytest.mark.parametrize("ratio", [2.0, 2.5, 4.0, 5.0])
def test_second_moments_of_one_over_r_are_half_the_weighted_volume(spacing, ratio):
    ball = lattice_quadrature(spacing, ratio * math.sqrt(spacing[0] * spacing[1]))
    moments = np.einsum("n,ni,nj->ij", ball.weights / ball.distances, ball.offsets, ball.offsets)
    volume = 2 * math.pi * ball.kernel_horizon**3 / 3
    assert np.max(np.abs(moments - volume / 2 * np.eye(2))) < 1e-12 * volume


def test_weights_have_the_symmetry_of_the_lattice_to_the_last_digit():
    ball = lattice_quadrature((4.933, 5.039), 20.0)
    weight = {tuple(step): w for step, w in zip(ball.steps.tolist(), ball.weights, strict=True)}
    assert all(weight[(i, j)] == weight[(-i, j)] == weight[(i, -j)] for i, j in weight)


@pytest.mark.parametrize("ratio", [2.0, 4.0, 5.0, 10.0])
def test_nodes_at_exactly_the_horizon_count_whatever_the_rounding(ratio):
    counts = {
        len(lattice_quadrature((h, h), ratio * h * (1 + shift)).steps)
        for h in (1.0, 0.1, 1 / 3, 5.039)
        for shift in (-1e-15, 0.0, 1e-15)
    }
    whole = range(-10, 11)
    assert counts == {sum(0 < i * i + j * j <= ratio**2 for i in whole for j in whole)}


def test_no_node_of_a_stretched_ball_lies_outside_of_the_kernels_horizon():
    ball = lattice_quadrature((4.5, 5.5), 20.0)
    assert np.hypot(*ball.offsets.T).max() <= ball.kernel_horizon * (1 + 1e-12)
    assert ball.kernel_horizon == pytest.approx(20.0 * 5.5 / math.sqrt(4.5 * 5.5), rel=1e-14)


def test_finer_nodes_in_the_same_ball_do_not_converge_on_other_functions():
    exact_value = 2 * math.pi / 30  # of r (1 - r)**2 over the unit disc

    def error(ratio):
        ball = lattice_quadrature((1 / ratio, 1 / ratio), 1.0)
        r = ball.distances
        return abs(ball.weights @ (r * (1 - r) ** 2) - exact_value) / exact_value

    assert error(8) < 0.002
    assert error(16) > 0.09
    assert error(32) > 0.15


@pytest.mark.parametrize(
    ("offsets", "said"),
    [
        (np.zeros((1, 2)), "must not be zero"),
        (np.array([[2.0, 0.0]]), "within the horizon"),
        (scattered()[:8], "enough nodes"),
        (np.abs(scattered(9)), "enough nodes"),
        (np.ones((3, 3)), "shape"),
        (np.array([[np.nan, 0.1]]), "finite"),
        (np.ma.masked_array([[0.1, 0.2]], [[True, False]]), "masked"),
        (np.zeros((0, 2)), "enough nodes"),
    ],
)
def test_offsets_that_give_no_weights_are_refused(offsets, said):
    with pytest.raises(ValueError, match=f"offsets.*{said}"):
        least_norm_weights(offsets, 1.0)


def test_a_horizon_below_two_spacings_is_refused():
    with pytest.raises(ValueError, match="horizon must be at least twice the spacing"):
        lattice_quadrature((5.0, 5.0), 9.9)


@pytest.mark.parametrize(
    ("spacing", "horizon", "shells"),
    [
        ((1.0, 1.0), 2.0, 3),
        ((1.0, 1.0), 4.0, 9),
        ((1.0, 1.0), 5.0, 13),  # (3, 4) and (5, 0) are one
        ((4.933, 5.039), 20.0, 9),  # (1, 0) and (0, 1) are 2 % apart
        ((1.0, 1.2), 2.2, 5),  # (1, 0) and (0, 1), (2, 0) and (0, 2) are 20 % apart
        ((1.0, 2.0), 2.9, 4),  # (2, 0) and (0, 1) are one
    ],
)
def test_shells_are_distances_of_nodes(spacing, horizon, shells):
    ball = lattice_quadrature(spacing, horizon)
    assert len(ball.shells) == shells
    assert np.all(np.diff(ball.shells) > 0)
    off = np.abs(ball.distances[:, np.newaxis] / ball.shells - 1).min(axis=1)
    assert off.max() < 0.05
