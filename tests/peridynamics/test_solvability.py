"""The constants of solvability by blocks and by dense matrices, and the moduli of long waves."""

import math

import numpy as np
import pytest
from scipy import linalg

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    PointSet,
    dense_constants,
    discrete_moduli,
    solvability_constants,
)

LAME, MU = 0.1010, 0.4545
GRID = PeriodicGrid((8, 9), (4.933, 5.039))
KERNELS = [
    PowerLawKernel(1.0, 12.5),
    PowerLawKernel(2.5, 12.5),
    BernsteinKernel((1.0, -0.3, 2.0, 0.1), 12.5, 1.3),
    BernsteinKernel((6.0, -1.0, 1.0, -3.0), 12.5, 1.0),
]


def solid(kernel, grid=GRID, lame=LAME):
    return LinearPeridynamicSolid(kernel, lame, MU, grid)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_constants_by_blocks_are_those_of_the_dense_matrices(kernel):
    blocks, dense = solvability_constants(solid(kernel)), dense_constants(solid(kernel))
    assert abs(blocks.coercivity - dense.coercivity) < 1e-12 * dense.continuity
    assert abs(blocks.cauchy_schwarz - dense.cauchy_schwarz) < 1e-12 * dense.continuity
    assert blocks.continuity == pytest.approx(dense.continuity, rel=1e-12)
    # a number of order one at most; nan where Gamma has a negative eigenvalue
    assert blocks.inf_sup == pytest.approx(dense.inf_sup, abs=1e-12, nan_ok=True)


def test_the_constants_are_eigenvalues_of_the_papers_matrices():
    """Theorem 4.2 as it is written: smallest nonzero eigenvalues, a pseudoinverse."""
    of = solid(KERNELS[2])
    gamma = of.bond_matrix().toarray() / MU
    phi = of.dilatation_matrix().toarray()

    def least_nonzero(matrix):
        values = linalg.eigvalsh((matrix + matrix.T) / 2)
        return values[np.abs(values) > 1e-10 * np.abs(values).max()].min()

    found = solvability_constants(of)
    assert found.coercivity == pytest.approx(least_nonzero(gamma), rel=1e-10)
    assert found.cauchy_schwarz == pytest.approx(least_nonzero(gamma - 2 * phi.T @ phi), rel=1e-10)
    schur = phi @ linalg.pinvh(gamma, rtol=1e-12) @ phi.T
    assert found.inf_sup == pytest.approx(least_nonzero(schur), rel=1e-6)


def test_the_constants_know_only_the_kernel():
    first = solvability_constants(solid(KERNELS[2]))
    other = LinearPeridynamicSolid(KERNELS[2], -0.4, 3.0, GRID)
    second = solvability_constants(other)
    assert second.coercivity == pytest.approx(first.coercivity, rel=1e-12)
    assert second.cauchy_schwarz == pytest.approx(first.cauchy_schwarz, rel=1e-12)
    assert second.inf_sup == pytest.approx(first.inf_sup, rel=1e-12)


def test_a_positive_kernel_is_solvable_and_some_others_are_not():
    assert solvability_constants(solid(KERNELS[0])).solvable
    odd = BernsteinKernel((6.0, -0.2, 1.0, -1.2, 0.2, -1.8, -0.1), 20.0, 1.0)
    assert not solvability_constants(solid(odd)).solvable


def test_points_that_are_held_at_the_rim_have_no_zero_eigenvalue():
    nodes = PeriodicGrid((21, 21), (1.0, 1.0)).nodes.reshape(-1, 2) - 10
    points = PointSet(nodes, np.hypot(*nodes.T) < 4.5, (1.0, 1.0))
    of = solid(PowerLawKernel(1.0, 2.5), points)
    found = dense_constants(of)
    free = np.flatnonzero(np.repeat(points.inside, 2))
    gamma = of.bond_matrix().toarray()[:, free] / MU
    assert found.coercivity == pytest.approx(linalg.eigvalsh(gamma)[0], rel=1e-12)
    assert found.coercivity > 0.05
    assert found.solvable


@pytest.mark.parametrize("spacing", [(5.0, 5.0), (4.9, 5.1)])
@pytest.mark.parametrize("ratio", [2.5, 4.0])
def test_one_over_r_has_the_moduli_it_is_given_on_every_grid(spacing, ratio):
    grid = PeriodicGrid((4, 4), spacing)
    horizon = ratio * math.sqrt(spacing[0] * spacing[1]) * grid.stretch
    found = discrete_moduli(solid(PowerLawKernel(1.0, horizon), grid))
    given = (LAME + 2 * MU, LAME + 2 * MU, LAME, MU)
    assert (found.c11, found.c22, found.c12, found.c66) == pytest.approx(given, rel=1e-12)
    assert found.youngs_modulus == pytest.approx(1.0, rel=1e-3)
    assert found.poisson_ratio == pytest.approx(0.1, rel=1e-3)


def test_other_kernels_have_other_moduli_on_a_grid():
    grid = PeriodicGrid((4, 4), (5.0, 5.0))
    found = discrete_moduli(solid(PowerLawKernel(2.5, 12.5), grid))
    assert found.c66 < 0.85 * MU
    # on a square, m is what it is: only the shape of the fourth moments is off
    assert found.c11 + found.c12 == pytest.approx(2 * (LAME + MU), rel=1e-12)


@pytest.mark.parametrize("kernel", KERNELS[1:3])
def test_discrete_moduli_are_those_of_long_waves(kernel):
    of = solid(kernel)
    found = discrete_moduli(of)
    k = 1e-4
    along1, along2 = of.symbol([[k, 0.0], [0.0, k]]) / k**2
    both = of.symbol([[k, k]])[0] / k**2
    expected = (along1[0, 0], along2[1, 1], along1[1, 1], both[0, 1])
    moduli = (found.c11, found.c22, found.c66, found.c12 + found.c66)
    assert moduli == pytest.approx(expected, abs=1e-5)


def test_blocks_are_for_periodic_grids():
    nodes = PeriodicGrid((21, 21), (1.0, 1.0)).nodes.reshape(-1, 2) - 10
    points = PointSet(nodes, np.hypot(*nodes.T) < 4.5, (1.0, 1.0))
    with pytest.raises(ValueError, match="grid must be periodic"):
        solvability_constants(solid(PowerLawKernel(1.0, 2.5), points))


def test_scattered_points_have_no_moduli_of_their_own():
    nodes = PeriodicGrid((21, 21), (1.0, 1.0)).nodes.reshape(-1, 2) - 10
    points = PointSet(nodes, np.hypot(*nodes.T) < 4.5)
    with pytest.raises(ValueError, match="grid must be a lattice"):
        discrete_moduli(solid(PowerLawKernel(1.0, 3.0), points))
