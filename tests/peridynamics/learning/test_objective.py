"""The loss against the operator node by node, its slopes against differences; programmes whole."""

from dataclasses import replace
from types import SimpleNamespace

import cvxpy as cp
import numpy as np
import pytest

from nlbook.peridynamics import (
    ExactIntegrals,
    LinearPeridynamicSolid,
    PeriodicGrid,
    Solvable,
    gather_samples,
)
from nlbook.peridynamics.learning import gauss_newton
from nlbook.peridynamics.learning.choices import GaussNewton, GridQuadrature
from nlbook.peridynamics.learning.gauss_newton import descend, first_guesses
from nlbook.peridynamics.learning.objective import TIGHTENED, objective_of
from nlbook.peridynamics.learning.programmes import Subspace, Working, linearised
from tests.peridynamics.learning.data import lattice_samples

COARSE = lattice_samples((8, 8), (5.0, 5.0), most=3)
FINE = lattice_samples((16, 16), (2.5, 2.5), most=3)
ONCE = Solvable(refinement=1)


def objective(samples=COARSE, degree=2, quadrature=None, **named):
    spectra = gather_samples(samples, **named)
    return objective_of(spectra, 12.5, degree, 0.7, quadrature or GridQuadrature(), ONCE)


def points(found, n=3):
    rng = np.random.default_rng(2)
    base = first_guesses(found, GaussNewton(starts=n, seed=1))
    return [x * rng.uniform(0.8, 1.2, x.size) for x in base]


@pytest.mark.parametrize("relative", [True, False])
def test_the_loss_is_the_operator_s_node_by_node(relative):
    found = objective(relative=relative)
    for x in points(found):
        mu = float(found.mu_row @ x[:-1])
        solid = LinearPeridynamicSolid(
            found.bases[0].kernel(found.turn @ x[:-1]), mu * (1 + x[-1]), mu,
            PeriodicGrid((8, 8), (5.0, 5.0)),
        )  # fmt: skip
        off = np.sum((solid.apply(COARSE.displacement) - COARSE.load) ** 2, axis=(1, 2, 3))
        size = np.sum(COARSE.load**2, axis=(1, 2, 3))
        slow = np.mean(off / size) if relative else np.mean(off) / np.mean(size)
        assert found.loss(x) == pytest.approx(slow, rel=1e-11)


@pytest.mark.parametrize("case", ["one grid", "two grids", "exact integrals"])
def test_slopes_are_differences(case):
    found = {
        "one grid": lambda: objective(),
        "two grids": lambda: objective([COARSE, FINE]),
        "exact integrals": lambda: objective(quadrature=ExactIntegrals()),
    }[case]()
    for x in points(found):
        loss, slope = found.gradient(x)
        assert loss == pytest.approx(found.loss(x), rel=1e-13)
        for i, step in enumerate(1e-5 * np.eye(x.size)):
            difference = (found.loss(x + step) - found.loss(x - step)) / 2e-5
            assert slope[i] == pytest.approx(difference, abs=1e-7 * np.abs(slope).max())


def test_unknowns_and_coefficients_make_the_same_symbols():
    found = objective(degree=8)  # nine coefficients, four shells
    assert found.turn.shape == (9, 4)
    a = np.random.default_rng(0).uniform(size=9)
    same = found.turn @ (found.unknowns @ a)
    basis = found.bases[0]
    np.testing.assert_allclose(basis.symbol(same, 0.3), basis.symbol(a, 0.3), atol=1e-9)
    np.testing.assert_allclose(found.unknowns @ found.turn, np.eye(4), atol=1e-12)


def test_the_conditions_are_eigenvalues():
    found = objective()
    for x in points(found):
        y = x[:-1]
        gamma, g = found.bases[0].parts(found.turn @ y)
        mu = float(found.mu_row @ y)
        k = found.bases[0].wavevectors[1:]
        q = np.minimum(np.sum(k**2, axis=1), 4 / 25.0)
        schur = gamma - 2 / mu * g[:, :, None] * g[:, None, :]
        for margins, matrices, asked in zip(
            found.stability.margins(y), (gamma, schur), (ONCE.coercivity, ONCE.reserve), strict=True
        ):
            slow = np.linalg.eigvalsh(matrices[1:])[:, 0] / (mu * q) - asked
            assert margins.min() == pytest.approx(slow.min(), rel=1e-9)


def test_a_programme_that_takes_few_conditions_solves_the_whole():
    """Against cvxpy with the matrices of all wavevectors written out."""
    found = objective(degree=3)
    x = first_guesses(found, GaussNewton(starts=1))[0]
    n = x.size
    step = linearised(found, Subspace(np.zeros(n), np.eye(n)), x, Working(), 1e-9)
    residual, jacobian = found.residual(x)
    unknown = cp.Variable(n)
    every = np.arange(len(found.stability.g))
    asked = [unknown[-1] >= TIGHTENED - 2]
    affine = np.eye(n - 1), np.zeros(n - 1)
    for group in found.stability.bounds(every, *affine):
        size = group.levels.shape[1]
        for slopes, level in zip(group.slopes, group.levels, strict=True):
            flat = slopes.reshape(size * size, -1) @ unknown[:-1]
            asked.append(cp.reshape(flat, (size, size), order="C") + level >> 0)
    whole = cp.Problem(
        cp.Minimize(cp.sum_squares(residual + jacobian @ (unknown - x))), asked
    ).solve(solver="CLARABEL")
    assert step.loss == pytest.approx(whole + found.rest, rel=1e-6)
    assert step.loss * (1 - 1e-7) <= step.lower_bound <= step.loss * (1 + 1e-9)
    assert step.met


def test_every_step_is_admissible_and_lowers_the_loss():
    found = objective(degree=3)
    n = found.n_unknowns
    subspace = Subspace(np.zeros(n), np.eye(n))
    for start in first_guesses(found, GaussNewton(starts=3)):
        descent = descend(found, subspace, start, GaussNewton(), Working())
        assert descent.converged
        assert found.feasible(descent.x)
        assert np.all(np.diff(descent.losses) < 0)
        assert descent.loss == found.loss(descent.x)


def test_a_descent_whose_programme_is_not_solved_has_not_converged(monkeypatch):
    found = objective(degree=3)
    n = found.n_unknowns
    subspace = Subspace(np.zeros(n), np.eye(n))
    start = first_guesses(found, GaussNewton(starts=1))[0]
    assert descend(found, subspace, start, GaussNewton(), Working()).converged

    def unsolved(*asked):
        return replace(linearised(*asked), met=False)

    monkeypatch.setattr(gauss_newton, "linearised", unsolved)
    assert not descend(found, subspace, start, GaussNewton(), Working()).converged


def squares(spectrum):
    """What losses are made of: R^T (R, t)."""
    right = np.concatenate([spectrum.triangles, spectrum.targets[..., np.newaxis]], axis=2)
    return np.swapaxes(spectrum.triangles, 1, 2) @ right


def test_samples_gathered_apart_count_as_samples_gathered_together():
    few = SimpleNamespace(**vars(FINE))
    few.displacement, few.load = FINE.displacement[:5], FINE.load[:5]
    together = gather_samples([COARSE, few])
    apart = gather_samples([*gather_samples(COARSE), *gather_samples(few)])
    for one, other in zip(together, apart, strict=True):
        assert one.n_gathered == other.n_gathered == len(COARSE.load) + 5
        assert one.rest == pytest.approx(other.rest, abs=1e-20)
        # a triangle is told up to the signs of its rows
        np.testing.assert_allclose(squares(other), squares(one), rtol=1e-11, atol=1e-12)
    # and one of them alone by itself
    (alone,) = gather_samples(together[1])
    np.testing.assert_allclose(squares(alone), squares(*gather_samples(few)), atol=1e-12)
    assert gather_samples(together)[0] is together[0]
    with pytest.raises(ValueError, match="^samples must be all gathered before or none"):
        gather_samples([together[0], few])


def test_a_sample_s_size_does_not_count_unless_that_is_asked():
    weak = SimpleNamespace(**vars(COARSE))
    factors = np.linspace(0.1, 10.0, len(COARSE.load))[:, None, None, None]
    weak.displacement, weak.load = factors * COARSE.displacement, factors * COARSE.load
    x = points(objective())[0]
    assert objective(weak).loss(x) == pytest.approx(objective().loss(x), rel=1e-9)
    assert objective(weak, relative=False).loss(x) != pytest.approx(
        objective(relative=False).loss(x), rel=1e-3
    )
