"""What certificates say of kernels that pass here and fail there, and whether bounds are bounds."""

import math

import numpy as np
import pytest

from nlbook.kernels import BernsteinKernel, PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    PointsCertificate,
    PointSet,
    certify_continuum,
    certify_grid,
    certify_lattice,
    certify_points,
    continuum_symbol,
)

LAME, MU = -0.1959, 0.7978
COARSE, FINE = PeriodicGrid((20, 20), (5.0, 5.0)), PeriodicGrid((40, 40), (2.5, 2.5))
POSITIVE = PowerLawKernel(1.0, 20.0)
# of this one the nodes 5 apart see no harm
FICKLE = BernsteinKernel((6.0, 1.0, -1.0, 1.0, 0.5, -0.5, -0.3), 20.0, 1.0)
WILD = BernsteinKernel((6.0, -0.2, 1.0, -1.2, 0.2, -1.8, -0.1), 20.0, 1.0)
MILD = BernsteinKernel((0.1, -1.0, 1.0, 1.0), 20.0, 0.5)  # changes sign, stable everywhere


def solid(kernel, grid=COARSE):
    return LinearPeridynamicSolid(kernel, LAME, MU, grid)


def disc(spacing):
    steps = np.arange(-26, 27)
    nodes = spacing * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    nodes = nodes[np.hypot(*nodes.T) <= 65]
    return PointSet(nodes, np.hypot(*nodes.T) <= 25, (spacing, spacing))


def sampled(symbol, k, horizon, kappa_part=None):
    """Least eigenvalue over mu w(k)."""
    w = MU * np.minimum((k**2).sum(axis=1), (math.pi / horizon) ** 2)
    return (np.linalg.eigvalsh(symbol)[:, 0] / w).min()


def directions(lengths, n=40):
    angle = np.linspace(0, np.pi, n)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return (lengths[:, np.newaxis, np.newaxis] * unit).reshape(-1, 2)


def test_a_kernel_that_passes_on_one_grid_fails_on_a_finer_one():
    assert certify_grid(solid(FICKLE)).holds is True
    assert certify_grid(solid(FICKLE, FINE)).holds is False
    assert certify_continuum(FICKLE, LAME, MU).holds is False


def test_a_kernel_that_passes_on_one_set_of_points_fails_on_a_finer_one():
    assert certify_points(solid(FICKLE, disc(5.0))).holds is True
    fails = certify_points(solid(FICKLE, disc(2.5)))
    assert fails.bound < 0
    assert fails.holds is not True


@pytest.mark.parametrize("kernel", [POSITIVE, MILD, PowerLawKernel(2.9, 12.5)])
def test_what_is_stable_everywhere_is_told_so_everywhere(kernel):
    assert certify_grid(solid(kernel)).holds is True
    assert certify_lattice(solid(kernel)).holds is True
    assert certify_continuum(kernel, LAME, MU).holds is True
    assert certify_points(solid(kernel, disc(5.0))).holds is True


@pytest.mark.parametrize("kernel", [POSITIVE, FICKLE, MILD, PowerLawKernel(2.9, 12.5)])
def test_no_wave_of_the_lattice_lies_below_its_bound(kernel):
    of = solid(kernel)
    found = certify_lattice(of)
    rng = np.random.default_rng(0)
    k = np.concatenate(
        [rng.uniform(-1, 1, (20000, 2)) * math.pi / 5.0, directions(np.geomspace(1e-4, 0.1, 30))]
    )
    gamma, g = of.symbol_parts(k)
    outer = g[:, :, np.newaxis] * g[:, np.newaxis, :]
    for bound, kappa in (
        (found.stiffness, (LAME - MU) / MU**2),
        (found.bonds, 0.0),
        (found.cauchy_schwarz, -2 / MU),
    ):
        least = sampled(gamma + kappa * outer, k, kernel.horizon)
        if bound.found < 0:  # the search ended where it met one; the sample may be lower
            assert least < 0
            continue
        assert bound.lower <= least
        assert bound.found == pytest.approx(least, rel=0.05)
        assert bound.lower > 0.94 * bound.found - 1e-3


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_for_kernels_drawn_at_random(seed):
    """On a stretched lattice, and in the continuum."""
    rng = np.random.default_rng(seed)
    grid = PeriodicGrid((20, 20), (4.8, 5.2))
    shape = np.concatenate([[4.0], rng.normal(size=3), [1.0]])
    kernel = BernsteinKernel(tuple(shape), 15.0 * grid.stretch, float(rng.uniform(0, 2.9)))
    of = solid(kernel, grid)
    found = certify_lattice(of).stiffness
    k = rng.uniform(-1, 1, (20000, 2)) * math.pi / np.array(grid.spacing)
    assert found.lower <= sampled(of.symbol(k), k, kernel.horizon)
    assert found.positive is not None
    whole = certify_continuum(kernel, LAME, MU).stiffness
    k = np.geomspace(1e-3, 100.0, 300)
    k = np.stack([k, np.zeros_like(k)], axis=-1) / kernel.horizon
    least = sampled(continuum_symbol(kernel, LAME, MU, k), k, kernel.horizon)
    assert whole.lower <= least
    assert whole.positive is not None


@pytest.mark.parametrize(
    "kernel",
    [
        POSITIVE,
        MILD,
        PowerLawKernel(0.0, 20.0),
        PowerLawKernel(1.9, 20.0),
        PowerLawKernel(2.0, 20.0),
        PowerLawKernel(2.9, 12.5),
        BernsteinKernel((2.0, -0.5, 0.3, -0.1), 20.0, 2.5),
        BernsteinKernel((0.0, 1.5, 0.3, 1.0), 20.0, 2.5),
    ],
)
def test_no_wave_of_the_continuum_lies_below_its_bound(kernel):
    found = certify_continuum(kernel, LAME, MU)
    k = np.geomspace(1e-3, 100.0, 400)
    k = np.stack([k, np.zeros_like(k)], axis=-1) / kernel.horizon
    least = sampled(continuum_symbol(kernel, LAME, MU, k), k, kernel.horizon)
    assert found.stiffness.lower <= least
    assert found.stiffness.found == pytest.approx(least, rel=0.05)
    assert found.stiffness.lower > 0.94 * found.stiffness.found - 1e-3


def test_a_lattice_that_is_stable_has_stable_grids_of_every_size():
    bound = certify_lattice(solid(FICKLE)).stiffness.lower
    for shape in ((2, 2), (7, 3), (31, 12), (20, 20)):
        grid = PeriodicGrid(shape, (5.0, 5.0))
        assert certify_grid(solid(FICKLE, grid)).stiffness.lower >= bound


@pytest.mark.parametrize("kernel", [POSITIVE, FICKLE, MILD])
def test_the_bound_of_a_disc_is_below_its_eigenvalue(kernel):
    found = certify_points(solid(kernel, disc(5.0)))
    assert 0 < found.bound < found.eigenvalue < 10 * found.bound
    assert found.box[0] >= 11 + 2 * 4
    assert found.share == pytest.approx(found.n_inside / (found.box[0] * found.box[1]))


def test_the_eigenvalue_of_a_disc_is_that_of_its_equilibria():
    points = disc(5.0)
    of = solid(MILD, points)
    found = certify_points(of)
    free = np.flatnonzero(np.repeat(points.inside, 2))
    dense = np.linalg.eigvalsh(of.matrix().toarray()[:, free])
    assert found.eigenvalue == pytest.approx(dense[0], rel=1e-10)


@pytest.mark.parametrize(("radius", "holds"), [(55.0, True), (36.0, None)])
def test_points_whose_balls_are_cut_have_no_bound_but_an_eigenvalue(radius, holds):
    whole = disc(5.0)
    near = np.hypot(*whole.points.T) <= radius
    cut = PointSet(whole.points[near], whole.inside[near], (5.0, 5.0))
    found = certify_points(solid(POSITIVE, cut))
    assert math.isnan(found.bound)
    assert found.n_cut > 0
    assert found.holds is holds
    assert (found.eigenvalue > 0) == bool(holds)
    assert f"Of {found.n_cut} points the ball lacks nodes" in found.words()


def test_a_kernel_that_falls_without_end_is_unstable_in_the_continuum():
    falling = BernsteinKernel((-2.0, 0.5, 3.0, 1.0), 20.0, 2.5)
    assert certify_continuum(falling, LAME, MU).holds is False


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale):
    """Neither of the moduli nor of lengths."""
    grid = PeriodicGrid((20, 20), (5.0 * scale, 5.0 * scale))
    kernel = BernsteinKernel(FICKLE.coefficients, 20.0 * scale, 1.0)
    other = LinearPeridynamicSolid(kernel, LAME / scale, MU / scale, grid)
    for certify in (certify_grid, certify_lattice):
        first, second = certify(solid(FICKLE)), certify(other)
        for name in ("stiffness", "bonds", "cauchy_schwarz"):
            assert getattr(first, name).found == pytest.approx(getattr(second, name).found)
    first = certify_continuum(MILD, LAME, MU).stiffness
    scaled = BernsteinKernel(MILD.coefficients, 20.0 * scale, 0.5)
    second = certify_continuum(scaled, LAME / scale, MU / scale).stiffness
    assert first.lower == pytest.approx(second.lower)


def test_any_moduli_are_told_where_the_kernel_bears_them():
    assert certify_lattice(solid(POSITIVE)).any_moduli is True
    fickle = certify_lattice(solid(FICKLE))
    assert fickle.any_moduli is False
    # and rightly: with lambda + mu a little above zero it is unstable
    other = LinearPeridynamicSolid(FICKLE, -0.99 * MU, MU, COARSE)
    assert certify_grid(other).holds is False


def marginal(grid):
    """K = 1/r with lambda at which the softest wave has no stiffness, but for rounding."""
    gamma, g = solid(POSITIVE, grid).symbol_parts()
    answers = np.linalg.solve(gamma[1:], g[1:, :, np.newaxis])[..., 0]
    kappa = -1 / (g[1:] * answers).sum(axis=1).max()
    return MU + kappa * MU**2


def test_a_margin_within_rounding_is_told_as_undecided():
    """It is negative on one machine and positive on another."""
    lame = marginal(COARSE)
    found = certify_grid(LinearPeridynamicSolid(POSITIVE, lame, MU, COARSE))
    assert abs(found.stiffness.found) < found.stiffness.rounding < 1e-9
    assert found.holds is None
    assert found.words().startswith("Undecided within rounding on the periodic grid of 20 x 20")
    for change, holds in ((1e-9, True), (-1e-9, False)):
        moved = LinearPeridynamicSolid(POSITIVE, lame + change, MU, COARSE)
        assert certify_grid(moved).holds is holds
    # the bound's own margin has been taken off
    assert found.stiffness.lower < 0


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_search_goes_on_past_a_rounding_below_zero(sign):
    """Where lambda + 2 mu is zero but for rounding, so is the stiffness of the longest waves."""
    lame = -2 * MU * (1 + sign * 1e-15)
    for found in (
        certify_lattice(LinearPeridynamicSolid(POSITIVE, lame, MU, COARSE)),
        certify_continuum(POSITIVE, lame, MU),
    ):
        assert found.holds is None
        assert found.stiffness.within_rounding
        assert found.stiffness.lower > -2e-3  # the gap that is asked for, and no -inf
        assert found.words().startswith("Undecided within rounding on")


@pytest.mark.parametrize(
    ("eigenvalue", "bound", "holds", "word"),
    [
        (1e-16, -1e-3, None, "Undecided within rounding"),
        (-1e-16, -1e-3, None, "Undecided within rounding"),
        (-1e-3, -1e-3, False, "Not stable"),
        (1e-3, -1e-3, True, "Stable"),
        (math.nan, 1e-3, True, "Stable"),
        (math.nan, -1e-3, None, "Undecided"),
    ],
)
def test_an_eigenvalue_of_points_within_rounding_decides_nothing(eigenvalue, bound, holds, word):
    found = PointsCertificate("points", 9, 0, (20, 20), 0.1, bound, eigenvalue, 1e-14)
    assert found.holds is holds
    assert found.words().startswith(f"{word} on points")


def test_certificates_speak():
    stable = certify_grid(solid(POSITIVE)).words()
    assert stable.startswith("Stable on the periodic grid of 20 x 20 nodes 5 apart: every wave has")
    assert "any lambda + mu > 0" in stable
    assert "every grid with nodes 5 apart" in certify_lattice(solid(POSITIVE)).words()
    unstable = certify_continuum(FICKLE, LAME, MU).words()
    assert unstable.startswith("Unstable on the continuum of horizon 20: waves of length")
    points = certify_points(solid(POSITIVE, disc(5.0))).words()
    assert points.startswith("Stable on 81 points 5 apart with those around them held.")
    assert "By the waves of a periodic box" in points


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: certify_grid(solid(POSITIVE, disc(5.0))), "grid must be periodic"),
        (lambda: certify_grid(solid(POSITIVE, PeriodicGrid((1, 1), (5.0, 5.0)))), "two nodes"),
        (lambda: certify_points(solid(POSITIVE)), "grid must be a PointSet"),
        (lambda: certify_continuum(PowerLawKernel(3.0, 1.0), LAME, MU), "alpha"),
        (lambda: certify_continuum(POSITIVE, LAME, 0.0), "shear_modulus"),
        (lambda: certify_continuum(POSITIVE, np.nan, MU), "lame_lambda"),
        (lambda: certify_continuum(PowerLawKernel(1.0, 1.0, 0.0), LAME, MU), "weighted volume"),
        (lambda: certify_continuum(np.cos, LAME, MU), "kernel must be"),
    ],
)
def test_what_has_no_certificate_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
