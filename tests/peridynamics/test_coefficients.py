"""Coefficients by moments: right moduli everywhere, and kernels that carry over between grids."""

import math

import numpy as np
import pytest
from scipy import integrate

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    PointSet,
    certify_continuum,
    certify_lattice,
    continuum_symbol,
    discrete_moduli,
)

LAME, MU = -0.2071, 0.7285
# learned from the exact symbol of graphene's lattice by exact integrals, horizon 12.5 angstrom
LEARNED = (0.00998, -0.00431, 0.00078)
BOX = (98.66, 100.78)
SOLID = LinearPeridynamicSolid


def grid(n):
    return PeriodicGrid.of_box(BOX, (BOX[0] / n, BOX[1] / n))


def learned(n, quadrature="moments"):
    where = grid(n)
    kernel = BernsteinKernel(LEARNED, 12.5 * where.stretch, 1.0)
    return SOLID(kernel, LAME, MU, where, quadrature)


def error(solid):
    """Of the symbol, for the waves of up to five in the box."""
    k = solid.grid.wavevectors
    k = k[(np.abs(k) < 5.5 * 2 * math.pi / 100).all(axis=1) & k.any(axis=1)]
    exact = continuum_symbol(solid.kernel, LAME, MU, k)
    difference = np.linalg.norm(solid.symbol(k) - exact, axis=(1, 2))
    return np.sqrt(np.mean((difference / np.linalg.norm(exact, axis=(1, 2))) ** 2))


@pytest.mark.parametrize("spacing", [(5.0, 5.0), (4.9, 5.1)])
@pytest.mark.parametrize(
    "kernel",
    [
        PowerLawKernel(0.0, 14.0),
        PowerLawKernel(2.9, 14.0),
        BernsteinKernel((6.0, -1.0, 1.0, -3.0), 14.0, 1.0),
    ],
)
def test_every_kernel_has_the_moduli_it_is_given_on_every_lattice(kernel, spacing):
    found = discrete_moduli(SOLID(kernel, LAME, MU, PeriodicGrid((4, 4), spacing), "moments"))
    given = (LAME + 2 * MU, LAME + 2 * MU, LAME, MU)
    assert (found.c11, found.c22, found.c12, found.c66) == pytest.approx(given, abs=1e-11)


def test_the_moments_are_the_integrals():
    of = learned(40)
    offsets, c = of.lattice_coefficients()
    x, y = offsets.T
    kernel, delta = of.kernel, of.kernel.horizon

    def radial(power):
        return integrate.quad(lambda r: float(kernel(r)) * r**power, 0, delta, epsabs=0)[0]

    volume = 2 * math.pi * radial(3)
    for a, b in ((4, 0), (2, 2), (2, 4), (8, 0), (4, 4), (10, 0)):
        angular, _ = integrate.quad(lambda t: math.cos(t) ** a * math.sin(t) ** b, 0, 2 * math.pi)  # noqa: B023
        exact = MU * angular * radial(a + b - 1) / volume
        assert c @ (x**a * y**b / (x**2 + y**2)) == pytest.approx(exact, rel=1e-9)


def test_a_kernel_learned_by_exact_integrals_carries_over_to_finer_grids():
    assert error(learned(40)) < 0.002
    assert error(learned(80)) < 0.0005
    assert error(learned(40, "least norm")) > 0.1
    assert error(learned(80, "least norm")) > 0.05


def test_a_kernel_of_the_continuum_is_stable_on_a_grid_by_moments_only():
    assert certify_continuum(learned(20).kernel, LAME, MU).holds is True
    assert certify_lattice(learned(20)).holds is True
    assert certify_lattice(learned(20, "least norm")).holds is False


def test_the_matrix_is_that_of_the_symbol():
    of = SOLID(PowerLawKernel(2.5, 14.0), LAME, MU, PeriodicGrid((7, 8), (4.9, 5.1)), "moments")
    u = np.random.default_rng(0).normal(size=(7, 8, 2))
    by_matrix = (of.matrix() @ u.ravel()).reshape(u.shape)
    assert np.max(np.abs(of.apply(u) - by_matrix)) < 1e-12 * np.abs(by_matrix).max()


def test_points_of_a_lattice_act_as_its_grid():
    where = PeriodicGrid((24, 24), (1.0, 1.0))
    nodes = where.nodes.reshape(-1, 2)
    inside = np.hypot(*(nodes - 11.5).T) < 4
    kernel = PowerLawKernel(2.5, 3.0)
    u = np.random.default_rng(0).normal(size=(24, 24, 2))
    on_grid = SOLID(kernel, LAME, MU, where, "moments").apply(u).reshape(-1, 2)[inside]
    points = PointSet(nodes, inside, (1.0, 1.0))
    on_points = SOLID(kernel, LAME, MU, points, "moments").apply(u.reshape(-1, 2))[inside]
    assert np.max(np.abs(on_grid - on_points)) < 1e-12 * np.abs(on_grid).max()


def test_moments_need_a_lattice_whose_balls_are_whole():
    nodes = PeriodicGrid((13, 13), (1.0, 1.0)).nodes.reshape(-1, 2) - 6
    inside = np.hypot(*nodes.T) < 2
    kernel = PowerLawKernel(1.0, 3.0)
    with pytest.raises(ValueError, match="quadrature must be 'least norm' on scattered points"):
        SOLID(kernel, LAME, MU, PointSet(nodes, inside), "moments")
    with pytest.raises(ValueError, match="points must fill every ball"):
        near = np.hypot(*nodes.T) < 6
        SOLID(kernel, LAME, MU, PointSet(nodes[near], inside[near], (1.0, 1.0)), "moments").matrix()


@pytest.mark.parametrize(
    ("kernel", "quadrature", "said"),
    [
        (PowerLawKernel(1.0, 14.0, 0.0), "moments", "weighted volume"),
        (PowerLawKernel(3.0, 14.0), "moments", "alpha must be below 3"),
        (PowerLawKernel(1.0, 14.0), "exact", "quadrature must be 'least norm' or 'moments'"),
    ],
)
def test_what_has_no_coefficients_is_refused(kernel, quadrature, said):
    with pytest.raises(ValueError, match=said):
        SOLID(kernel, LAME, MU, PeriodicGrid((4, 4), (5.0, 5.0)), quadrature)
