"""Differences on square pixels, and the solver on them, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nlbook.crystals.fourier import (
    GreenOperator,
    conjugate_gradients,
    discrete_divergence,
    discrete_gradient,
)
from nlbook.crystals.pixel_loops import dot_loop

SHAPES = [(8, 8), (7, 5), (6, 9), (1, 4), (12, 1)]


def plain_gradient(u):
    """Differences of corners, averaged across, by shifts."""
    rows = []
    for component in u:
        right = np.roll(component, -1, 0)
        up, both = np.roll(component, -1, 1), np.roll(right, -1, 1)
        rows += [(right + both - component - up) / 2, (up + both - component - right) / 2]
    return np.array(rows)


def stiffness(seed):
    """A positive tangent with the symmetry of a potential, shape (2, 2, 2, 2)."""
    root = np.random.default_rng(seed).normal(size=(4, 4))
    return (root @ root.T + np.eye(4)).reshape(2, 2, 2, 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_is_that_of_shifted_arrays(shape):
    u = np.random.default_rng(0).normal(size=(2, *shape))
    assert np.abs(discrete_gradient(u) - plain_gradient(u)).max() < 1e-14


@pytest.mark.parametrize("shape", SHAPES)
def test_divergence_is_the_adjoint_of_the_gradient(shape):
    rng = np.random.default_rng(1)
    u, p = rng.normal(size=(2, *shape)), rng.normal(size=(4, *shape))
    power = np.sum(p * plain_gradient(u))
    assert abs(power + np.sum(discrete_divergence(p) * u)) < 1e-12 * np.sum(np.abs(p))


def test_a_quarter_turn_of_the_field_turns_the_gradient():
    u = np.random.default_rng(2).normal(size=(2, 6, 6))
    # a corner's place (i, j) goes to (-j, i), and its displacement (a, b) to (-b, a)
    i, j = np.meshgrid(np.arange(6), np.arange(6), indexing="ij")
    turned = np.empty_like(u)
    turned[0, -j % 6, i], turned[1, -j % 6, i] = -u[1], u[0]
    old = plain_gradient(u).reshape(2, 2, 6, 6)
    new = discrete_gradient(turned).reshape(2, 2, 6, 6)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    # the pixel between corners j and j + 1 goes to the one between -j - 1 and -j
    expected = np.einsum("ik,klxy,jl->ijxy", turn, old, turn)
    assert np.abs(new[:, :, (-j - 1) % 6, i] - expected).max() < 1e-14


@pytest.mark.parametrize("shape", SHAPES)
def test_green_operator_inverts_a_uniform_medium(shape):
    c = stiffness(3)
    u = np.random.default_rng(4).normal(size=(2, *shape))
    stress = np.einsum("ijkl,klxy->ijxy", c, plain_gradient(u).reshape(2, 2, *shape))
    force = discrete_divergence(stress.reshape(4, *shape))
    found = GreenOperator(shape, c)(force)
    assert np.abs(plain_gradient(found) - plain_gradient(u)).max() < 1e-10


def test_a_medium_that_gives_way_to_a_wave_is_told():
    assert GreenOperator((8, 8), stiffness(3)).positive
    soft = np.diag([1.0, -0.5, 1.0, 1.0]).reshape(2, 2, 2, 2)  # to du_1/dx_2
    assert not GreenOperator((8, 8), soft).positive


def test_products_are_summed():
    one, two = np.random.default_rng(6).normal(size=(2, 2, 5, 7))
    assert abs(dot_loop(one, two) - np.sum(one * two)) < 1e-13 * np.sum(np.abs(one * two))


@pytest.mark.parametrize("shape", [(8, 8), (7, 5)])
def test_conjugate_gradients_solve_a_cell_of_many_media(shape):
    rng = np.random.default_rng(5)
    roots = rng.normal(size=(*shape, 4, 4))
    full = roots @ np.swapaxes(roots, -1, -2) + np.eye(4)
    upper = np.triu_indices(4)
    tangent = np.ascontiguousarray(np.moveaxis(full[..., upper[0], upper[1]], -1, 0))
    force = discrete_divergence(rng.normal(size=(4, *shape)))
    target = 1e-20 * np.sum(force**2)
    green = GreenOperator(shape, np.eye(4).reshape(2, 2, 2, 2))
    u = conjugate_gradients(tangent, force, green, target, most=2000)
    stress = np.einsum("xyij,jxy->ixy", full, plain_gradient(u))
    left = force + discrete_divergence(stress)
    assert np.sum(left**2) < 1e-18 * np.sum(force**2)
