"""The operator against sums bond by bond, dense matrices, local elasticity, and its equilibria."""

import numpy as np
import pytest

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    PointSet,
    continuum_symbol,
    least_norm_weights,
    symbol_basis,
)

LAME, MU = 0.1010, 0.4545
GRID = PeriodicGrid((12, 14), (4.933, 5.039))
SHAPE = (1.0, -0.3, 2.0, 0.1)  # of a kernel that is no power law
KERNEL = BernsteinKernel(SHAPE, 12.5 * GRID.stretch, 1.3)
SOLID = LinearPeridynamicSolid(KERNEL, -0.2, 0.6, GRID)
RNG = np.random.default_rng(5)
U = RNG.normal(size=(3, 12, 14, 2))


def disc(radius=13.0, spacing=(1.0, 1.0), horizon=3.0, jitter=0.0, seed=1):
    """Points of a disc, the equation asked for wherever two horizons of points surround them."""
    reach = np.arange(-30, 31)
    points = np.stack(np.meshgrid(spacing[0] * reach, spacing[1] * reach), axis=-1).reshape(-1, 2)
    points = points[np.hypot(*points.T) <= radius]
    inside = np.hypot(*points.T) <= radius - 2 * horizon - 4 * jitter - max(spacing)
    moved = points + jitter * np.random.default_rng(seed).uniform(-1, 1, points.shape)
    return PointSet(moved, inside, None if jitter else spacing)


LATTICE = disc()
SCATTERED = disc(jitter=0.2)
SETS = [LATTICE, SCATTERED]


def on_points(points, kernel=None):
    return LinearPeridynamicSolid(kernel or PowerLawKernel(1.0, 3.0), LAME, MU, points)


def one_by_one(kernel, lame, mu, points, inside, u):
    """L u at the points inside, as the equation is written; weights of each ball on its own."""

    def ball(i):
        xi = points - points[i]
        r = np.hypot(*xi.T)
        near = np.flatnonzero((r > 0) & (r <= kernel.horizon))
        w = least_norm_weights(xi[near], kernel.horizon) * kernel(r[near])
        return near, xi[near], r[near], w, w @ r[near] ** 2

    def theta(i):
        near, xi, _, w, m = ball(i)
        return 2 / m * sum(w[j] * xi[j] @ (u[near[j]] - u[i]) for j in range(len(near)))

    theta = {i: theta(i) for i in range(len(points)) if np.hypot(*points[i]) < 9.3}
    out = []
    for i in np.flatnonzero(inside):
        near, xi, r, w, m = ball(i)
        total = np.zeros(2)
        for j, y in enumerate(near):
            total -= 2 * (lame - mu) / m * w[j] * xi[j] * (theta[i] + theta[y])
            total -= 16 * mu / m * w[j] * xi[j] * (xi[j] @ (u[y] - u[i])) / r[j] ** 2
        out.append(total)
    return np.array(out)


@pytest.mark.parametrize("points", SETS)
def test_the_operator_on_points_is_the_sum_over_bonds(points):
    kernel = BernsteinKernel(SHAPE, 3.0, 1.3)
    u = RNG.normal(size=points.points.shape)
    found = on_points(points, kernel).apply(u)
    slow = one_by_one(kernel, LAME, MU, points.points, points.inside, u)
    assert np.max(np.abs(found[points.inside] - slow)) < 1e-12 * np.abs(slow).max()
    assert np.all(found[~points.inside] == 0)


def test_the_symbol_is_the_dense_matrix_wave_by_wave():
    dense = SOLID.matrix().toarray()
    i = np.arange(12)[:, np.newaxis] / 12 * np.arange(12)
    j = np.arange(14)[:, np.newaxis] / 14 * np.arange(14)
    fourier = np.kron(np.exp(2j * np.pi * i), np.exp(2j * np.pi * j)) / np.sqrt(12 * 14)
    waves = np.kron(fourier, np.eye(2))
    blocks = waves.conj().T @ dense @ waves
    symbols = SOLID.symbol(2 * np.pi * np.indices((12, 14)).reshape(2, -1).T / GRID.box)
    expected = np.zeros_like(blocks)
    for n, symbol in enumerate(symbols):
        expected[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = symbol
    assert np.max(np.abs(blocks - expected)) < 1e-12 * np.abs(symbols).max()


def test_a_ball_larger_than_the_box_meets_its_images():
    grid = PeriodicGrid((3, 4), (1.0, 1.0))
    of = LinearPeridynamicSolid(BernsteinKernel(SHAPE, 3.0, 1.3), LAME, MU, grid)
    u = RNG.normal(size=(3, 4, 2))
    by_matrix = (of.matrix() @ u.ravel()).reshape(u.shape)
    assert np.max(np.abs(of.apply(u) - by_matrix)) < 1e-12 * np.abs(by_matrix).max()


def test_waves_and_the_matrix_apply_alike():
    by_matrix = (SOLID.matrix() @ U.reshape(3, -1).T).T.reshape(U.shape)
    assert np.max(np.abs(SOLID.apply(U) - by_matrix)) < 1e-12 * np.abs(by_matrix).max()


def test_the_two_uses_of_the_dilatation_are_adjoint():
    theta = SOLID.dilatation_matrix()
    spread = SOLID.matrix() - SOLID.bond_matrix()
    gap = abs(spread - (-0.2 - 0.6) * theta.T @ theta).max()
    assert gap < 1e-14 * abs(spread).max()


def test_the_matrix_of_a_periodic_grid_is_symmetric():
    matrix = SOLID.matrix()
    assert abs(matrix - matrix.T).max() < 1e-14 * abs(matrix).max()


@pytest.mark.parametrize("points", SETS)
def test_rigid_motions_are_without_force_on_points(points):
    solid = on_points(points, BernsteinKernel(SHAPE, 3.0, 1.3))
    x, y = points.points.T
    for rigid in (
        [np.ones_like(x), np.zeros_like(x)],
        [np.zeros_like(x), np.ones_like(x)],
        [-y, x],
    ):
        force = solid.apply(np.stack(rigid, axis=1))
        assert np.max(np.abs(force)) < 1e-12


@pytest.mark.parametrize("points", SETS)
def test_one_over_r_is_exact_on_quadratic_fields_on_any_points(points):
    x, y = points.points.T
    u = np.stack([0.3 * x * x - x * y + 0.2 * y, 0.4 * y * y + 0.7 * x * y - x], axis=1)
    laplace, grad_div = np.array([0.6, 0.8]), np.array([0.6 + 0.7, -1.0 + 0.8])
    local = -(MU * laplace + (LAME + MU) * grad_div)
    found = on_points(points).apply(u)[points.inside]
    assert np.max(np.abs(found - local)) < 1e-11


def test_other_kernels_are_not_exact_on_scattered_points():
    u = SCATTERED.points @ np.array([[1.0, 0.3], [-0.2, 0.5]])
    force = on_points(SCATTERED, PowerLawKernel(0.0, 3.0)).apply(u)
    assert 1e-3 < np.abs(force).max() < 0.1


def test_a_stretched_lattice_of_points_is_the_grid_of_its_spacings():
    big = PeriodicGrid((40, 40), GRID.spacing)
    on_grid = LinearPeridynamicSolid(KERNEL, LAME, MU, big)
    nodes = big.nodes.reshape(-1, 2)
    centre = nodes.mean(axis=0)
    points = PointSet(nodes, np.hypot(*(nodes - centre).T) < 30.0, big.spacing)
    on_set = LinearPeridynamicSolid(KERNEL, LAME, MU, points)
    u = RNG.normal(size=(40, 40, 2))
    whole = on_grid.apply(u).reshape(-1, 2)[points.inside]
    part = on_set.apply(u.reshape(-1, 2))[points.inside]
    assert np.max(np.abs(whole - part)) < 1e-12 * np.abs(whole).max()


def test_a_turned_displacement_has_the_turned_force():
    grid = PeriodicGrid((10, 10), (5.0, 5.0))
    solid = LinearPeridynamicSolid(BernsteinKernel(SHAPE, 12.5, 1.3), LAME, MU, grid)

    def turn(field):  # by a right angle about the node at the origin
        turned = np.roll(np.rot90(field), 1, axis=0)
        return np.stack([-turned[..., 1], turned[..., 0]], axis=-1)

    u = RNG.normal(size=(10, 10, 2))
    assert np.max(np.abs(solid.apply(turn(u)) - turn(solid.apply(u)))) < 1e-13


def test_the_scale_of_the_kernel_does_not_matter():
    scaled = BernsteinKernel(tuple(-1e8 * np.array(SHAPE)), KERNEL.horizon, 1.3)
    other = LinearPeridynamicSolid(scaled, -0.2, 0.6, GRID).symbol()
    assert np.max(np.abs(other - SOLID.symbol())) < 1e-13 * np.abs(other).max()


def test_the_symbol_is_that_of_the_basis():
    basis = symbol_basis(GRID, 12.5, 3, 1.3)
    a = 0.6 * np.array(SHAPE) / (basis.mu_row @ SHAPE)
    found = basis.symbol(a, (-0.2 - 0.6) / 0.6**2)
    assert np.max(np.abs(found - SOLID.symbol())) < 1e-13 * np.abs(found).max()


def test_periodic_equilibrium_is_the_inverse_of_the_operator():
    found = SOLID.solve(SOLID.apply(U))
    assert np.max(np.abs(found - (U - U.mean(axis=(1, 2), keepdims=True)))) < 1e-12


@pytest.mark.parametrize("points", SETS)
def test_equilibrium_on_points_is_the_inverse_of_the_operator(points):
    solid = on_points(points)
    u = RNG.normal(size=(2, *points.points.shape))
    found = solid.solve(solid.apply(u), displacement=u)
    assert np.max(np.abs(found - u)) < 1e-11
    assert np.all(found[:, ~points.inside] == u[:, ~points.inside])


def test_points_that_are_not_given_a_displacement_are_held():
    load = np.ones_like(LATTICE.points)
    found = on_points(LATTICE).solve(load)
    assert np.all(found[~LATTICE.inside] == 0)
    assert np.all(found[LATTICE.inside] > 0)


def consistency(n, horizon, symbol):
    """Error of L u against an exact symbol, for the waves of the paper's manufactured samples."""
    grid = PeriodicGrid.of_box((100.0, 100.0), 100.0 / n)
    solid = LinearPeridynamicSolid(PowerLawKernel(1.0, horizon), LAME, MU, grid)
    near = np.rint(grid.wavevectors * 100 / (2 * np.pi)).astype(int)
    taken = (np.abs(near) <= 5).all(axis=1) & near.any(axis=1)
    k = grid.wavevectors[taken]
    difference = np.linalg.norm(solid.symbol(k) - symbol(k), axis=(1, 2))
    return np.sqrt(np.mean((difference / np.linalg.norm(symbol(k), axis=(1, 2))) ** 2))


def of_horizon(horizon):
    return lambda k: continuum_symbol(PowerLawKernel(1.0, horizon), LAME, MU, k)


def local_symbol(k):
    square = np.sum(k**2, axis=1)[:, np.newaxis, np.newaxis] * np.eye(2)
    return MU * square + (LAME + MU) * k[:, :, np.newaxis] * k[:, np.newaxis, :]


@pytest.mark.parametrize("reference", ["local", "nonlocal"])
def test_second_order_where_the_horizon_holds_as_many_nodes(reference):
    errors = []
    for n in (80, 160, 320):
        horizon = 2.5 * 100 / n
        symbol = local_symbol if reference == "local" else of_horizon(horizon)
        errors.append(consistency(n, horizon, symbol))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert orders[-1] == pytest.approx(2.0, abs=0.03)


def test_no_convergence_in_a_ball_of_fixed_size():
    errors = [consistency(n, 12.5, of_horizon(12.5)) for n in (20, 40, 80, 160)]
    assert errors[0] == pytest.approx(0.089, abs=0.01)  # of an independent trial
    assert errors[1] < errors[2] < errors[3] < 0.04


def cancelling():
    """Coefficients of two functions whose weighted volumes cancel on the grid."""
    row = symbol_basis(GRID, 12.5, 1, 1.3).mu_row
    return (1.0, -row[0] / row[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kernel": 3}, "kernel must be a PowerLawKernel"),
        ({"kernel": PowerLawKernel(3.0, 12.5)}, "alpha must be below 3"),
        ({"kernel": BernsteinKernel((1.0, 1.0), 12.5, 3.5)}, "alpha must be below 3"),
        ({"kernel": PowerLawKernel(1.0, 9.9)}, "horizon must be at least twice the spacing"),
        ({"kernel": PowerLawKernel(1.0, np.inf)}, "horizon must be a finite number"),
        ({"kernel": BernsteinKernel((0.0, 0.0), 12.5)}, "weighted volume"),
        ({"kernel": BernsteinKernel(cancelling(), KERNEL.horizon, 1.3)}, "weighted volume"),
        ({"lame_lambda": np.nan}, "lame_lambda must be a finite number"),
        ({"shear_modulus": 0.0}, "shear_modulus must be a finite number above 0"),
        ({"grid": (20, 20)}, "grid must be a PeriodicGrid or a PointSet"),
    ],
)
def test_what_is_no_solid_is_refused(change, said):
    arguments = {
        "kernel": KERNEL,
        "lame_lambda": LAME,
        "shear_modulus": MU,
        "grid": GRID,
        **change,
    }
    with pytest.raises(ValueError, match=said):
        LinearPeridynamicSolid(**arguments)


def test_a_kernel_of_vanishing_volume_is_refused_on_points_too():
    grid = PeriodicGrid((9, 9), (1.0, 1.0))
    row = symbol_basis(grid, 3.0, 1, 1.3).mu_row
    kernel = BernsteinKernel((1.0, -row[0] / row[1]), 3.0, 1.3)
    scattered = PointSet(LATTICE.points, LATTICE.inside)
    with pytest.raises(ValueError, match="weighted volume"):
        on_points(scattered, kernel)


@pytest.mark.parametrize("kind", [None, (1.0, 1.0)])
def test_points_too_few_to_surround_the_inside_are_refused(kind):
    small = np.hypot(*LATTICE.points.T) < 2.9
    points = PointSet(LATTICE.points[small], np.ones(small.sum(), dtype=bool), kind)
    with pytest.raises(ValueError, match="points must surround each point"):
        on_points(points).matrix()


def test_a_singular_periodic_system_is_refused_with_its_wave():
    gamma, g = SOLID.symbol_parts()
    at = 17
    kappa = -1 / (g[at] @ np.linalg.solve(gamma[at], g[at]))
    singular = LinearPeridynamicSolid(KERNEL, 0.6 + kappa * 0.6**2, 0.6, GRID)
    with pytest.raises(ValueError, match="symbol is singular at the wavevector"):
        singular.solve(SOLID.apply(U))


def test_a_singular_system_on_points_is_refused():
    solid = on_points(LATTICE)
    rows = np.flatnonzero(np.repeat(LATTICE.inside, 2))
    bonds = solid.bond_matrix()[:, rows].toarray()
    dilatation = (solid.matrix() - solid.bond_matrix())[:, rows].toarray() / (LAME - MU)
    # L = bonds + (lambda - mu) dilatation loses an eigenvalue where lambda - mu = -1/the largest
    largest = np.linalg.eigvals(np.linalg.solve(bonds, dilatation)).real.max()
    singular = LinearPeridynamicSolid(PowerLawKernel(1.0, 3.0), MU - 1 / largest, MU, LATTICE)
    with pytest.raises(ValueError, match="the system is singular"):
        singular.solve(np.ones_like(LATTICE.points))


@pytest.mark.parametrize(
    ("load", "displacement", "said"),
    [
        (U + 1e-3, None, "load must have no net force"),
        (U[..., :1], None, "load must have shape"),
        (np.full_like(U, np.inf), None, "load must be finite"),
        (np.ma.masked_greater(U, 0.0), None, "masked"),
        (U, U, "displacement can't be given on a periodic grid"),
    ],
)
def test_what_has_no_periodic_equilibrium_is_refused(load, displacement, said):
    with pytest.raises(ValueError, match=said):
        SOLID.solve(load, displacement)


def test_a_displacement_of_other_shape_than_the_load_is_refused():
    load = np.ones((2, *LATTICE.points.shape))
    with pytest.raises(ValueError, match="displacement must have the shape"):
        on_points(LATTICE).solve(load, displacement=load[0])


def test_scattered_points_have_no_symbol():
    with pytest.raises(ValueError, match="grid must be a lattice"):
        on_points(SCATTERED).symbol([[0.1, 0.0]])


def test_a_lattice_of_points_has_no_wavevectors_of_its_own():
    with pytest.raises(ValueError, match="wavevectors must be given"):
        on_points(LATTICE).symbol()
