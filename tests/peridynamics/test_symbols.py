"""The symbol of the basis against sums bond by bond, and against the moduli of long waves."""

import numpy as np
import pytest

from nlbook.kernels import BernsteinKernel
from nlbook.peridynamics import PeriodicGrid, lattice_quadrature, symbol_basis

GRID = PeriodicGrid((6, 8), (4.933, 5.039))
A = np.array([0.3, -0.2, 0.5, 0.1])


def basis(**options):
    return symbol_basis(GRID, 12.5, 3, 1.2, **options)


def bond_by_bond(k, kappa):
    """L(k), its Gamma and its g, one bond after the other, as the equation is written."""
    ball = lattice_quadrature(GRID.spacing, 12.5)
    kernel = BernsteinKernel(tuple(A), ball.kernel_horizon, 1.2)
    gamma, g = np.zeros((2, 2)), np.zeros(2)
    for xi, w in zip(ball.offsets, ball.weights, strict=True):
        r = np.hypot(*xi)
        c = w * float(kernel(min(r, kernel.horizon)))
        gamma += 16 * c * (1 - np.cos(k @ xi)) * np.outer(xi, xi) / r**2
        g += 2 * c * np.sin(k @ xi) * xi
    return gamma, g, gamma + kappa * np.outer(g, g)


def test_the_symbol_is_the_sum_over_bonds():
    found = basis()
    symbols = found.symbol(A, -0.7)
    gamma, g = found.parts(A)
    scale = np.abs(symbols).max()
    for i, k in enumerate(GRID.wavevectors):
        slow = bond_by_bond(k, -0.7)
        for fast, reference in zip((gamma[i], g[i], symbols[i]), slow, strict=True):
            assert np.max(np.abs(fast - reference)) < 1e-13 * scale


def test_the_kernel_of_a_has_weighted_volume_mu():
    found = basis()
    ball = lattice_quadrature(GRID.spacing, 12.5)
    volume = (ball.weights * found.kernel(A)(ball.distances)) @ ball.distances**2
    assert volume == pytest.approx(found.mu_row @ A, rel=1e-13)


def test_the_wavevectors_with_their_multiplicities_are_those_of_the_grid():
    for shape in ((6, 8), (5, 7), (4, 5), (1, 2)):
        grid = PeriodicGrid(shape, (1.0, 1.1))
        every = {(i, j) for i in range(shape[0]) for j in range(shape[1])}
        kept = np.rint(grid.wavevectors * np.array(grid.box) / (2 * np.pi)).astype(int)
        met = []
        for (i, j), count in zip(kept % shape, grid.multiplicities, strict=True):
            met += [(i, j), (-i % shape[0], -j % shape[1])][:count]
        assert len(met) == len(every)
        assert set(met) == every


@pytest.mark.parametrize("quadrature", ["grid", "continuum"])
@pytest.mark.parametrize("direction", [0.0, 0.4, np.pi / 4, np.pi / 2])
def test_one_over_r_has_the_moduli_it_is_given(quadrature, direction):
    lame, mu = 0.1010, 0.4545
    unit = np.array([np.cos(direction), np.sin(direction)])
    found = symbol_basis(GRID, 12.5, 0, 1.0, quadrature=quadrature, wavevectors=[1e-5 * unit])
    symbol = found.symbol([mu / found.mu_row[0]], (lame - mu) / mu**2)[0] / 1e-10
    local = mu * np.eye(2) + (lame + mu) * np.outer(unit, unit)
    assert np.max(np.abs(symbol - local)) < 1e-8  # (k delta)**2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grid": 3}, "grid must be a PeriodicGrid"),
        ({"horizon": 9.0}, "horizon must be at least twice the spacing"),
        ({"horizon": np.nan}, "horizon must be a finite number"),
        ({"degree": -1}, "degree must be an integer of at least 0"),
        ({"alpha": 3.0}, "alpha must be a finite number below 3"),
        ({"alpha": 4.0, "quadrature": "continuum"}, "alpha must be a finite number below 4"),
        ({"quadrature": "exact"}, "quadrature must be 'grid' or 'continuum'"),
        ({"wavevectors": [[1.0]]}, "wavevectors must have shape"),
        ({"wavevectors": [[np.nan, 0.0]]}, "wavevectors must be finite"),
    ],
)
def test_what_has_no_symbol_is_refused(change, said):
    arguments = {"grid": GRID, "horizon": 12.5, "degree": 3, "alpha": 1.0, **change}
    with pytest.raises(ValueError, match=said):
        symbol_basis(**arguments)


def test_coefficients_of_another_degree_are_refused():
    with pytest.raises(ValueError, match="a must hold 4 numbers, got 3"):
        basis().symbol(A[:3], 0.0)
