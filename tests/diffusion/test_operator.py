import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlbook.diffusion import DiffusionWarning, NonlocalDiffusion, check_evolution
from nlbook.diffusion.convolution import Convolution
from nlbook.kernels import BernsteinKernel, PowerLawKernel
from tests.diffusion.exact import continuum_symbol, observed_orders

GRID = np.linspace(-1, 1, 81)
RING = np.linspace(0, 2 * np.pi, 64, endpoint=False)


def slow_apply(operator, u):
    """sum_j w_j (u[i+j] - 2 u[i] + u[i-j]) with zeros beyond the ends, or around the ring."""
    n, out = u.size, np.zeros(u.size)
    for i in range(n):
        for j, weight in enumerate(operator.weights, 1):
            if operator.boundary == "periodic":
                left, right = u[(i - j) % n], u[(i + j) % n]
            else:
                left, right = (u[k] if 0 <= k < n else 0.0 for k in (i - j, i + j))
            out[i] += weight * (left - 2 * u[i] + right)
    return out


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
@pytest.mark.parametrize("n", [40, 41])
@pytest.mark.parametrize(
    ("rule", "horizon"),
    [("covered", 0.03), ("covered", 0.31), ("covered", 1.9), ("nodes", 0.31), ("nodes", 1.9)],
)
def test_the_operator_is_its_sum_of_differences(boundary, rule, n, horizon):
    grid = np.linspace(-1, 1, n)
    operator = NonlocalDiffusion(PowerLawKernel(1.5, horizon), grid, boundary, rule)
    u = np.random.default_rng(1).normal(size=(2, n))
    expected = np.array([slow_apply(operator, row) for row in u])
    scale = operator.rate * np.abs(u).max()  # rounding of a sum of such terms
    assert np.max(np.abs(operator.apply(u) - expected)) < 1e-13 * scale
    assert np.max(np.abs(u @ operator.matrix() - expected)) < 1e-13 * scale
    assert np.max(np.abs(u @ operator.matrix("sparse") - expected)) < 1e-13 * scale


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("reach", [1, 20, 35])
def test_direct_and_fast_sums_agree(periodic, reach):
    generator = np.random.default_rng(2)
    weights, u = generator.uniform(size=reach), generator.normal(size=(3, 71))
    direct, fast = (Convolution(weights, 2.0, 71, periodic, m)(u) for m in ("direct", "fft"))
    assert np.max(np.abs(direct - fast)) < 1e-13 * (2 + 2 * weights.sum()) * np.abs(u).max()


def test_a_horizon_longer_than_the_period_sums_the_images():
    ring = np.linspace(0, 1, 50, endpoint=False)
    kernel = PowerLawKernel(1.5, 3.3)
    folded = NonlocalDiffusion(kernel, ring, "periodic")
    # the same wave on five periods side by side, where no image is needed but one
    long = NonlocalDiffusion(kernel, np.linspace(0, 7, 350, endpoint=False), "periodic")
    u = np.sin(2 * np.pi * ring) + np.cos(6 * np.pi * ring)
    expected = long.apply(np.tile(u, 7))[:50]
    assert np.max(np.abs(folded.apply(u) - expected)) < 1e-12 * folded.rate


@pytest.mark.parametrize("rule", ["covered", "nodes"])
def test_waves_on_a_ring_are_eigenvectors_with_the_symbol(rule):
    operator = NonlocalDiffusion(PowerLawKernel(2.2, 1.3), RING, "periodic", rule)
    for mode in (0, 1, 5, 32):
        u = np.cos(mode * RING)
        expected = operator.symbol(mode) * u
        assert np.max(np.abs(operator.apply(u) - expected)) < 1e-13 * operator.rate


def test_the_symbol_is_the_sum_of_the_paper_s_terms_on_nodes():
    operator = NonlocalDiffusion(PowerLawKernel(1.7, 0.5, 0.3), GRID, rule="nodes")
    k, r = 7.0, operator.spacing * np.arange(1, 21)
    expected = -2 * 0.3 * operator.spacing * np.sum((1 - np.cos(k * r)) * r**-1.7)
    assert operator.symbol(k) == pytest.approx(expected, rel=1e-13)


def test_the_symbol_tends_to_that_of_the_continuum_at_second_order():
    errors = []
    for n in (41, 81, 161):
        operator = NonlocalDiffusion(PowerLawKernel(2.4, 0.77, 0.3), np.linspace(-1, 1, n))
        errors.append(operator.symbol(4.0) - 0.3 * continuum_symbol(2.4, 0.77, 4.0))
    # the core adds a term of order 5 - alpha = 2.6
    assert observed_orders(errors) == pytest.approx([2.2, 2.2], abs=0.15)


@given(alpha=st.floats(-1, 2.95), horizon=st.floats(0.03, 2.0), rule=st.sampled_from("cn"))
def test_the_spectrum_and_the_bounds_on_steps_hold_all_eigenvalues(alpha, horizon, rule):
    rule = {"c": "covered", "n": "nodes"}[rule]
    operator = NonlocalDiffusion(PowerLawKernel(alpha, horizon), GRID, rule=rule)
    eigenvalues = np.linalg.eigvalsh(operator.matrix())
    low, high = operator.spectrum
    assert low <= eigenvalues[0] and eigenvalues[-1] <= high
    assert np.max(np.abs(1 + operator.stable_step * eigenvalues)) <= 1 + 1e-12
    assert np.min(np.eye(GRID.size) + operator.positive_step * operator.matrix()) >= -1e-12


def test_the_bound_on_stable_steps_is_nearly_sharp():
    grid = np.linspace(-1, 1, 301)
    operator = NonlocalDiffusion(PowerLawKernel(2.4, 0.3), grid)
    largest = -np.linalg.eigvalsh(operator.matrix())[0]
    # the largest eigenvalue of a section is a little below the symbol's; 2 % is the margin
    assert 0.975 < operator.stable_step * largest / 2 <= 1.0


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
def test_a_kernel_that_changes_sign_keeps_its_spectrum_in_bounds(boundary):
    kernel = BernsteinKernel((3.0, -4.0, 2.0, -1.0), 0.5)
    operator = NonlocalDiffusion(kernel, GRID, boundary)
    eigenvalues = np.linalg.eigvalsh(operator.matrix())
    low, high = operator.spectrum
    rounding = 1e-12 * operator.weights.max()
    assert low - rounding <= eigenvalues[0] and eigenvalues[-1] <= high + rounding


@pytest.mark.parametrize("boundary", ["volume", "periodic"])
@pytest.mark.parametrize("horizon", [0.4, math.inf])
def test_the_matrix_is_symmetric_and_loses_mass_over_the_ends_alone(boundary, horizon):
    matrix = NonlocalDiffusion(PowerLawKernel(1.8, horizon), GRID, boundary).matrix()
    assert np.array_equal(matrix, matrix.T)
    sums, rounding = matrix.sum(axis=0), 1e-13 * np.abs(matrix).max()
    inside = np.abs(GRID) < (2.0 if boundary == "periodic" else 1 - horizon)
    assert np.all(np.abs(sums[inside]) < rounding)
    assert np.all(sums[~inside] < 0)


@given(
    alpha=st.floats(0, 2.9),
    horizon=st.floats(0.03, 2.0),
    u=st.lists(st.floats(0, 1), min_size=81, max_size=81),
    periodic=st.booleans(),
)
def test_diffusion_keeps_signs_and_makes_no_maximum(alpha, horizon, u, periodic):
    boundary = "periodic" if periodic else "volume"
    operator = NonlocalDiffusion(PowerLawKernel(alpha, horizon), GRID, boundary)
    start = np.array(u)
    for method in ("euler", "exact"):
        later = operator.evolve(
            start, operator.positive_step * 0.999, 20, "all", method, check=False
        )
        assert later.min() > -1e-13
        assert later.max() < start.max() + 1e-13
        if periodic:
            assert later.sum(axis=1) == pytest.approx(np.full(21, start.sum()), abs=1e-11)


def test_without_a_horizon_alpha_two_is_the_cauchy_process():
    strength, time = 0.05, 3.0

    def wrapped(x, scale):
        return np.sinh(scale) / (2 * np.pi * (np.cosh(scale) - np.cos(x)))

    errors = []
    for n in (64, 128, 256):
        ring = np.linspace(-np.pi, np.pi, n, endpoint=False)
        operator = NonlocalDiffusion(PowerLawKernel(2.0, math.inf, strength), ring, "periodic")
        found = operator.evolve(wrapped(ring, 0.8), time, 1, method="exact")
        errors.append(np.max(np.abs(found - wrapped(ring, 0.8 + np.pi * strength * time))))
    assert errors[-1] < 3e-5
    # K(r) r**2 is a constant without an end, so the term of order 2 is absent: 5 - alpha is left
    assert observed_orders(errors) == pytest.approx([3.0, 3.0], abs=0.05)


def test_the_fractional_symbol_is_that_of_the_cauchy_process():
    ring = np.linspace(-np.pi, np.pi, 1024, endpoint=False)
    operator = NonlocalDiffusion(PowerLawKernel(2.0, math.inf), ring, "periodic")
    modes = np.array([0, 1, 4, 16])
    assert operator.symbol(modes) == pytest.approx(-np.pi * modes, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("n_steps", [1, 10])
def test_variance_and_fourth_cumulant_grow_in_free_space_as_the_moments_say(n_steps):
    alpha, horizon, strength, time = 2.4, 0.8, 0.02, 1.0
    rates = 2 * strength * np.array([horizon**0.6 / 0.6, horizon**2.6 / 2.6])
    gaps = []
    for n in (401, 801):
        # 2.5 horizons of room: jumps that reach the ends are fewer than 1e-12
        grid = np.linspace(-8, 8, n)
        operator = NonlocalDiffusion(PowerLawKernel(alpha, horizon, strength), grid)
        start = np.exp(-(grid**2) / 0.08) / np.sqrt(0.08 * np.pi)
        later = operator.evolve(start, time / n_steps, n_steps, method="exact")
        (variance, fourth), (before, fourth_before) = cumulants(grid, later), cumulants(grid, start)
        assert (variance - before) / time == pytest.approx(rates[0], rel=1e-9)  # at every spacing
        gaps.append((fourth - fourth_before) / time / rates[1] - 1)
    assert abs(gaps[-1]) < 1e-3
    assert observed_orders(gaps) == pytest.approx([2.0], abs=0.3)


def cumulants(grid, density):
    """Second and fourth cumulant of a symmetric density."""
    weights = density / density.sum()
    variance = np.sum(weights * grid**2)
    return variance, np.sum(weights * grid**4) - 3 * variance**2


def test_alpha_to_three_at_fixed_second_moment_is_the_local_laplacian():
    u, h = np.cos(3 * GRID) * (1 - GRID**2), GRID[1] - GRID[0]
    local = (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
    gaps = []
    for gap in (1e-2, 1e-3, 1e-4):
        alpha = 3 - gap
        strength = 2 / PowerLawKernel(alpha, 0.5).moment(2)
        operator = NonlocalDiffusion(PowerLawKernel(alpha, 0.5, strength), GRID)
        gaps.append(np.max(np.abs(operator.apply(u)[1:-1] - local)))
    # what lies beyond the first cell goes with 3 - alpha
    assert np.array(gaps[:-1]) / gaps[1:] == pytest.approx([10, 10], rel=0.05)


def test_a_shrinking_horizon_leaves_the_local_laplacian_at_second_order():
    grid = np.linspace(-np.pi, np.pi, 4096, endpoint=False)
    errors = []
    for horizon in (0.4, 0.2, 0.1):
        kernel = PowerLawKernel(1.5, horizon, 2 / PowerLawKernel(1.5, horizon).moment(2))
        operator = NonlocalDiffusion(kernel, grid, "periodic")
        errors.append(np.max(np.abs(operator.apply(np.sin(3 * grid)) + 9 * np.sin(3 * grid))))
    assert observed_orders(errors) == pytest.approx([2.0, 2.0], abs=0.1)


def test_alpha_beyond_three_works_on_nodes_with_a_warning():
    with pytest.warns(DiffusionWarning, match="alpha = 3.2 is 3 or above"):
        operator = NonlocalDiffusion(PowerLawKernel(3.2, 0.5), GRID, rule="nodes")
    assert np.all(np.isfinite(operator.apply(GRID)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NonlocalDiffusion(PowerLawKernel(2, 1), GRID**3), "grid must be uniform: node"),
        (lambda: NonlocalDiffusion(PowerLawKernel(2, 1), GRID[::-1]), "grid must ascend"),
        (lambda: NonlocalDiffusion(PowerLawKernel(2, 1), [0.0, 1.0]), "grid must have three nodes"),
        (
            lambda: NonlocalDiffusion(PowerLawKernel(2, 2.5), GRID),
            "horizon must not exceed the length of the grid, 2, got 2.5",
        ),
        (lambda: NonlocalDiffusion(PowerLawKernel(2, 1), GRID, "free"), "boundary must be 'volum"),
        (lambda: operator().apply(np.ones(80)), r"u must have 81 nodes .* got \(80,\)"),
        (lambda: operator().apply(np.full(81, np.nan)), "u must be finite"),
        (lambda: operator().apply(np.ma.masked_greater(GRID, 0)), "u must have no masked entries"),
        (lambda: operator().evolve(np.ma.masked_greater(GRID, 0), 0.1, 1), "p0 must have no mask"),
        (lambda: operator().solve(np.ma.masked_greater(GRID, 0)), "f must have no masked entries"),
        (lambda: operator().symbol(np.ma.masked_greater(GRID, 0)), "wavenumbers must have no mas"),
        (lambda: NonlocalDiffusion(lambda r: r, GRID), "kernel must be a PowerLawKernel, a Ber"),
        (lambda: NonlocalDiffusion(PowerLawKernel, GRID), "kernel must be a PowerLawKernel, a B"),
        (lambda: operator().evolve(GRID, 0.1, 2.0), "n_steps must be an integer of at least 0"),
        (lambda: operator().evolve(GRID, 0.1, True), "n_steps must be an integer of at least 0"),
        (lambda: operator().matrix("banded"), "form must be 'dense' or 'sparse', got 'banded'"),
        (lambda: operator().evolve(GRID, 0.0, 1), "dt must be a finite number above 0, got 0.0"),
        (
            lambda: operator().evolve(GRID, 0.1, -1),
            "n_steps must be an integer of at least 0, got -1",
        ),
        (lambda: operator().evolve(GRID, 0.1, 9, [5, 4]), "snapshots must ascend from 0 to n_st"),
        (lambda: operator().evolve(GRID, 0.1, 9, [10]), "snapshots must ascend from 0 to n_steps"),
        (lambda: operator().evolve(GRID, 0.1, 9, [0.5]), "snapshots must be whole numbers of st"),
        (lambda: operator().evolve(GRID, 0.1, 9, []), "snapshots must name one number of steps"),
        (lambda: check_evolution(GRID, GRID * np.nan, 0.1), "after must be finite"),
        (lambda: operator().evolve(GRID, 0.1, 9, "some"), "snapshots must be None, 'all' or num"),
        (lambda: operator().evolve(GRID, 0.1, 9, method="rk4"), "method must be 'auto', 'euler'"),
        (lambda: operator().evolve(np.ones((2, 81)), 0.1, 9), "p0 must be one state of 81 nodes"),
        (lambda: operator().evolve_blocks(GRID, 0.1, 9, half=True), "p0 must be even"),
        (
            lambda: operator().evolve_blocks(GRID, 0.1, 9, size=0),
            "size must be an integer of at least 1, got 0",
        ),
        (
            lambda: NonlocalDiffusion(PowerLawKernel(2, math.inf), GRID).symbol(1.0),
            "wavenumbers of a kernel without a horizon must be modes of a periodic grid",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def operator():
    return NonlocalDiffusion(PowerLawKernel(2.0, 0.5), GRID)


def test_an_unstable_step_is_refused_and_its_bound_named():
    bound = operator().stable_step
    with pytest.raises(ValueError, match=rf"dt must not exceed {bound:.6g}, .*method='exact'"):
        operator().evolve(np.ones(81), 1.01 * bound, 10, method="euler")


def test_a_horizon_beyond_the_grid_can_be_allowed():
    kernel = PowerLawKernel(2.5, 4.0)
    long = NonlocalDiffusion(kernel, GRID, exceed_grid=True)
    u = 1 - GRID**2
    # on a grid that holds it, with zeros around, the same numbers come out
    wide = np.linspace(-3, 3, 241)
    padded = np.where(np.abs(wide) < 1, 1 - wide**2, 0.0)
    expected = NonlocalDiffusion(kernel, wide).apply(padded)[80:161]
    assert np.max(np.abs(long.apply(u) - expected)) < 1e-12 * long.rate
