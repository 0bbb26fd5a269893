"""Learned solids against slow sums, against their optimality, and against what is asked of them."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize

from nlbook.peridynamics import (
    ExactIntegrals,
    ExactLongWaves,
    GaussNewton,
    LearningWarning,
    LinearPeridynamicSolid,
    Nonnegative,
    PeriodicGrid,
    Solvable,
    fit_lps,
    gather_samples,
)
from nlbook.peridynamics.learning.choices import GridQuadrature
from nlbook.peridynamics.learning.objective import objective_of
from tests.peridynamics.learning.data import (
    LAMBDA,
    MU,
    POISSON_RATIO,
    YOUNGS_MODULUS,
    lattice_samples,
)

SAMPLES = lattice_samples()
EXACT = ExactLongWaves(LAMBDA, MU)


def fit(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments, **named)


def relative_errors(solid, samples):
    """E_Res and E_u, sample by sample, by the operator on the nodes."""
    residual, displacement = [], []
    for u, b in zip(samples.displacement, samples.load, strict=True):
        residual.append(np.sum((solid.apply(u) - b) ** 2) / np.sum(b**2))
        off = solid.solve(b) - (u - u.mean(axis=(0, 1)))
        displacement.append(np.sum(off**2) / np.sum((u - u.mean(axis=(0, 1))) ** 2))
    return np.sqrt(np.mean(residual)), np.sqrt(np.mean(displacement))


@pytest.mark.parametrize("case", [(12.5, 3), (20.0, 10)])
def test_the_errors_are_those_of_the_operator_on_the_nodes(case):
    found = fit(SAMPLES, *case)
    solid = found.solid(PeriodicGrid((20, 20), (5.0, 5.0)))
    assert isinstance(solid, LinearPeridynamicSolid)
    residual, displacement = relative_errors(solid, SAMPLES)
    assert found.residual_error == pytest.approx(residual, rel=1e-9)
    assert found.residual(SAMPLES) == pytest.approx(residual, rel=1e-9)
    assert found.displacement_error(SAMPLES) == pytest.approx(displacement, rel=1e-9)


def test_a_solid_in_the_family_is_found_again():
    """Samples made by a known solid: its residual is rounding, its moduli are learned."""
    grid = PeriodicGrid((12, 12), (5.0, 5.0))
    known = fit(lattice_samples((12, 12), most=3), 12.5, 2).solid(grid)
    b = lattice_samples((12, 12), most=3).load
    samples = SimpleNamespace(spacing=(5.0, 5.0), displacement=known.solve(b), load=b)
    again = fit(samples, 12.5, 2)
    assert again.residual_error < 1e-6
    assert again.converged
    assert not any("starts" in words for words in again.warnings)
    assert again.lame_lambda == pytest.approx(known.lame_lambda, abs=1e-5)
    assert again.shear_modulus == pytest.approx(known.shear_modulus, abs=1e-5)


def test_all_starts_come_to_one_end_that_is_stationary():
    found = fit(SAMPLES, 20.0, 10, solver=GaussNewton(starts=6))
    assert found.converged
    assert np.ptp(found.starts) < 1e-7 * found.loss
    # the tolerance of the last programmes is 1e-9
    assert found.loss * (1 - 1e-7) <= found.lower_bound <= found.loss * (1 + 1e-9)


@pytest.mark.parametrize("horizon", [12.5, 25.0])
def test_a_higher_degree_leaves_no_more(horizon):
    """Polynomials of one degree are among those of the next."""
    losses = [fit(SAMPLES, horizon, m, quadrature=ExactIntegrals()).loss for m in (2, 3, 5, 6, 8)]
    # the reserve is over q, so the conditions are the same; ends are known to 1e-7
    assert np.all(np.diff(losses) <= 1e-6 * np.array(losses[:-1]))


def test_a_general_method_ends_no_lower():
    """Scipy's SLSQP, from the fit and from the paper's start, under the same conditions."""
    found = fit(SAMPLES, 12.5, 2)
    objective = found.objective
    y = objective.unknowns @ np.array(found.kernel.coefficients)
    best = np.append(y, found.lame_lambda / found.shear_modulus - 1)

    def margins(x):
        return np.append(np.concatenate(objective.stability.margins(x[:-1])), x[-1] + 2)

    for start in (best, np.append(objective.unknowns @ np.ones(3), -0.5)):
        ended = optimize.minimize(
            lambda x: 1e3 * objective.loss(x),
            start,
            jac=lambda x: 1e3 * objective.gradient(x)[1],
            constraints={"type": "ineq", "fun": margins},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        )
        assert ended.fun / 1e3 >= found.loss * (1 - 1e-6)


def test_the_conditions_hold_at_all_wavevectors_that_are_looked_at():
    found = fit(SAMPLES, 25.0, 20)
    assert found.margins[0] >= found.constraint.coercivity
    assert found.margins[1] >= found.constraint.reserve
    assert found.lame_lambda + found.shear_modulus >= 0
    solid = found.solid(PeriodicGrid((60, 60), (5.0, 5.0)))
    gamma, g = solid.symbol_parts()
    schur = gamma - 2 / found.shear_modulus * g[:, :, None] * g[:, None, :]
    assert np.linalg.eigvalsh(gamma[1:]).min() > 0
    assert np.linalg.eigvalsh(schur[1:]).min() > 0


def test_what_is_learned_is_certified_beyond_the_wavevectors_that_are_looked_at():
    """Proofs: on the data's grid and on every grid of its spacing, with any lambda + mu > 0."""
    on_grid, on_lattice, _ = fit(SAMPLES, 20.0, 10).certificates()
    assert on_grid.any_moduli
    assert on_lattice.any_moduli
    in_continuum = fit(SAMPLES, 12.5, 3, quadrature=ExactIntegrals()).certificates()[2]
    assert in_continuum.any_moduli


def test_a_kernel_too_singular_for_sums_has_integrals_and_no_certificates():
    found = fit(SAMPLES, 12.5, 2, alpha=3.5, quadrature=ExactIntegrals())
    assert found.residual_error < 0.05
    with pytest.raises(ValueError, match="^alpha must be below 3"):
        found.certificates()


def test_certificates_of_other_grids_follow():
    others = PeriodicGrid((40, 40), (2.5, 2.5)), PeriodicGrid((8, 8), (5.0, 5.0))
    found = fit(SAMPLES, 12.5, 5, quadrature=ExactIntegrals())
    certificates = found.certificates(*others)
    assert [one.scope for one in certificates] == ["grid", "lattice", "continuum", "grid", "grid"]
    for grid, certificate in zip(others, certificates[3:], strict=True):
        dense = np.linalg.eigvalsh(found.solid(grid).symbol()[1:]).min()
        assert certificate.holds == (dense > 0)


def test_conditions_on_the_grid_alone_leave_violations_between():
    """Why a finer set of wavevectors is looked at: delta of five spacings, degree 20."""
    coarse = fit(SAMPLES, 25.0, 20, Solvable(refinement=1))
    between = objective_of(
        gather_samples(SAMPLES), 25.0, 20, 1.0, GridQuadrature(), Solvable(refinement=8)
    )
    y = between.unknowns @ np.array(coarse.kernel.coefficients)
    assert min(one.min() for one in between.stability.margins(y)) < 0
    assert coarse.margins[1] >= Solvable().reserve


def test_nonnegative_coefficients_are_the_best_of_their_sign():
    found = fit(SAMPLES, 20.0, 10, Nonnegative())
    d = np.array(found.kernel.coefficients)
    assert d.min() >= -1e-12 * d.max()
    objective = found.objective
    x = np.append(objective.unknowns @ d, found.lame_lambda / found.shear_modulus - 1)
    loss, slope = objective.gradient(x)
    # no admissible direction leads down: slopes vanish, or point to where a sign or rho holds
    held = np.append(x[:-1] <= 1e-7 * x[:-1].max(), x[-1] <= -2 + 1e-5)
    assert np.all(np.abs(slope[~held]) * np.abs(x[~held]) < 1e-5 * loss)
    assert np.all(slope[held] > -1e-5 * loss)


def test_exact_long_waves_move_as_the_moduli_say():
    found = fit(SAMPLES, 20.0, 10, long_waves=EXACT)
    assert found.youngs_modulus == pytest.approx(YOUNGS_MODULUS, rel=1e-9)
    assert found.poisson_ratio == pytest.approx(POISSON_RATIO, rel=1e-9)
    angles = np.linspace(0, np.pi, 13)
    k = 1e-4 * np.column_stack([np.cos(angles), np.sin(angles)])
    unit = 1e4 * k
    exact = 1e-8 * (MU * np.eye(2) + (LAMBDA + MU) * unit[:, :, None] * unit[:, None, :])
    # waves of 2e-3 of the horizon: the rest is (k delta)**2
    np.testing.assert_allclose(found.symbol(k), exact, atol=1e-5 * 1e-8)
    free = fit(SAMPLES, 20.0, 10)
    assert np.abs(free.symbol(k) - exact).max() > 1e-3 * 1e-8
    assert found.loss >= free.loss


def test_exact_long_waves_on_a_stretched_grid_are_isotropic():
    stretched = lattice_samples(spacing=(4.933, 5.039))
    found = fit(stretched, 20.0, 10, long_waves=EXACT)
    moduli = found.long_wave_moduli
    assert moduli.c11 == pytest.approx(LAMBDA + 2 * MU, rel=1e-8)
    assert moduli.c22 == pytest.approx(LAMBDA + 2 * MU, rel=1e-8)
    assert moduli.c12 == pytest.approx(LAMBDA, rel=1e-7)
    assert moduli.c66 == pytest.approx(MU, rel=1e-8)


def test_exact_integrals_do_not_hang_on_the_grid():
    here = fit(SAMPLES, 12.5, 3, quadrature=ExactIntegrals())
    finer = fit(lattice_samples((40, 40), (2.5, 2.5)), 12.5, 3, quadrature=ExactIntegrals())
    k = np.array([[0.1, 0.0], [0.2, 0.3]])
    np.testing.assert_allclose(here.symbol(k), finer.symbol(k), rtol=1e-5)
    # by sums over the nodes of the same kernel the answer is another
    by_sums = LinearPeridynamicSolid(
        here.kernel, here.lame_lambda, here.shear_modulus, PeriodicGrid((20, 20), (5.0, 5.0))
    )
    exact = here.symbol(k)
    assert np.abs(by_sums.symbol(k) - exact).max() > 0.01 * np.abs(exact).max()


def test_exact_integrals_fit_where_sums_over_nodes_do_not():
    sums = fit(SAMPLES, 12.5, 3)
    exact = fit(SAMPLES, 12.5, 3, quadrature=ExactIntegrals())
    assert exact.residual_error < 0.3 * sums.residual_error


def test_once_every_shell_has_its_coefficient_alpha_cannot_be_told():
    """Five coefficients, four shells at delta of 2.5 spacings: any alpha fits as well."""
    losses = [fit(SAMPLES, 12.5, 4, alpha=alpha).loss for alpha in (0.0, 1.0, 2.5)]
    assert np.ptp(losses) < 1e-7 * min(losses)
    found = fit(SAMPLES, 12.5, 4, alpha=(0.0, 2.5))
    assert any("4 shells" in words for words in found.warnings)
    assert any("fits equally well" in words for words in found.warnings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LearningWarning)
        fit_lps(SAMPLES, 12.5, 2)  # three coefficients: alpha tells


def test_alpha_is_sought_where_it_matters():
    found = fit(SAMPLES, 20.0, 3, alpha=(0.0, 2.5))
    assert found.loss <= found.search.loss.min() * (1 + 1e-6)
    for alpha in (0.0, 1.0, 2.0, 2.5):
        assert fit(SAMPLES, 20.0, 3, alpha=alpha).loss >= found.loss * (1 - 1e-4)


def test_hybrid_data_weigh_every_sample_alike():
    fine = lattice_samples((40, 40), (2.5, 2.5))
    found = fit([SAMPLES, fine], 12.5, 2)
    squares = [found.residual(one) ** 2 for one in (SAMPLES, fine)]
    assert found.loss == pytest.approx(np.mean(squares), rel=1e-9)
    # on each grid the operator of the kernel is that of the nodes there
    for one, shape in ((SAMPLES, 20), (fine, 40)):
        solid = found.solid(PeriodicGrid((shape, shape), (100 / shape, 100 / shape)))
        assert found.residual(one) == pytest.approx(relative_errors(solid, one)[0], rel=1e-9)


def test_a_part_that_the_coarse_grid_does_not_see_is_kept_in_bounds():
    fine = lattice_samples((40, 40), (2.5, 2.5))
    with pytest.warns(LearningWarning, match="weighted volumes"):
        found = fit_lps([SAMPLES, fine], 12.5, 10)
    volumes = [
        basis.mu_row @ np.array(found.kernel.coefficients) for basis in found.objective.bases
    ]
    assert 1 / 4.001 < volumes[1] / volumes[0] < 4.001


@pytest.mark.parametrize("scales", [(1e-6, 1.0, 1.0), (1.0, 1e6, 1.0), (1e6, 1e-6, 1e6)])
def test_units_change_nothing(scales):
    length, stress, size = scales
    scaled = SimpleNamespace(
        spacing=(5.0 * length, 5.0 * length),
        displacement=size * length * SAMPLES.displacement,
        load=size * stress / length * SAMPLES.load,
    )
    plain, other = fit(SAMPLES, 20.0, 10), fit(scaled, 20.0 * length, 10)
    # steps end where they win less than 1e-9 of the loss; unknowns are then known to its root
    assert other.loss == pytest.approx(plain.loss, rel=1e-7)
    assert other.shear_modulus / stress == pytest.approx(plain.shear_modulus, rel=1e-4)
    assert other.poisson_ratio == pytest.approx(plain.poisson_ratio, abs=1e-4)


def test_rounding_of_the_data_changes_nothing():
    rng = np.random.default_rng(5)
    noise = 1 + 1e-16 * rng.uniform(-1, 1, SAMPLES.displacement.shape)
    rounded = SimpleNamespace(
        spacing=SAMPLES.spacing,
        displacement=np.nextafter(SAMPLES.displacement, np.inf) * noise,
        load=SAMPLES.load,
    )
    for case in ((12.5, 10), (20.0, 10), (25.0, 20)):
        plain, other = fit(SAMPLES, *case), fit(rounded, *case)
        assert other.loss == pytest.approx(plain.loss, rel=1e-7)
        assert other.poisson_ratio == pytest.approx(plain.poisson_ratio, abs=1e-4)


def test_a_fit_starts_from_another():
    first = fit(SAMPLES, 20.0, 10, solver=GaussNewton(starts=1))
    again = fit(SAMPLES, 20.0, 10, solver=GaussNewton(starts=1), start=first)
    assert again.starts.shape == (first.starts.size + 1,)
    assert again.loss == pytest.approx(first.loss, rel=1e-8)


def test_predictions_balance_the_loads():
    found = fit(SAMPLES, 20.0, 5)
    u = found.predict(SAMPLES.load[:3])
    solid = found.solid(PeriodicGrid((20, 20), (5.0, 5.0)))
    np.testing.assert_allclose(solid.apply(u), SAMPLES.load[:3], atol=1e-12)


def on_points(found, reach):
    """An equilibrium of the whole plane near the middle of a box, as points with a rim."""
    grid = PeriodicGrid((20, 20), (5.0, 5.0))
    u = found.predict(SAMPLES.load[4:9])
    places = grid.nodes.reshape(-1, 2)
    inside = np.all(np.abs(places - 47.5) < 47.5 - 2 * reach + 1e-6, axis=1)
    b = SAMPLES.load[4:9].reshape(5, -1, 2)
    return SimpleNamespace(points=places, inside=inside, displacement=u.reshape(5, -1, 2), load=b)


def test_errors_on_points_are_those_of_their_equilibrium():
    found = fit(SAMPLES, 12.5, 2)
    samples = on_points(found, 12.5)
    assert samples.inside.sum() >= 49
    assert found.displacement_error(samples) < 1e-10
    assert found.absolute_residual(samples) < 1e-10
    rng = np.random.default_rng(3)
    pushed = rng.normal(size=samples.load.shape) * samples.inside[:, None]
    samples.load = samples.load + pushed
    sums = np.sum(pushed**2, axis=(1, 2))
    assert found.absolute_residual(samples) == pytest.approx(np.sqrt(sums.mean()), rel=1e-9)
    assert found.displacement_error(samples) > 0.01


def test_points_are_no_data_to_fit_to():
    found = fit(SAMPLES, 12.5, 2)
    with pytest.raises(ValueError, match="^samples must lie on a periodic grid"):
        fit_lps(on_points(found, 12.5), 12.5, 2)
    with pytest.raises(ValueError, match="^samples must lie on a set of points"):
        found.absolute_residual(SAMPLES)


def test_data_that_no_symbol_explains_are_named():
    rng = np.random.default_rng(0)
    noisy = SimpleNamespace(
        spacing=SAMPLES.spacing,
        displacement=SAMPLES.displacement,
        load=SAMPLES.load + 0.2 * SAMPLES.load.std() * rng.normal(size=SAMPLES.load.shape),
    )
    found = fit(noisy, 12.5, 2)
    assert any("no symbol at all" in words for words in found.warnings)
    assert any("net force" in words for words in found.warnings)


def test_why_there_are_no_intervals_is_said():
    assert "no intervals" in fit(SAMPLES, 12.5, 2).uncertainty()


def test_no_coefficient_of_a_nonnegative_kernel_is_negative_by_a_rounding():
    found = fit(lattice_samples((8, 8), (5.0, 5.0), most=3), 12.5, 3, Nonnegative(),
                long_waves=ExactLongWaves(0.1, 0.8))  # fmt: skip
    assert min(found.kernel.coefficients) == 0.0
    assert found.long_wave_moduli.c66 == pytest.approx(0.8, rel=1e-9)
    assert found.long_wave_moduli.c11 == pytest.approx(1.7, rel=1e-9)
