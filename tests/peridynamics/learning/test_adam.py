"""The paper's Algorithm 1 against dense matrices, and against the exact fit."""

import warnings

import numpy as np
import pytest

from nlbook.peridynamics import (
    Adam,
    ExactIntegrals,
    LearningWarning,
    Nonnegative,
    PeriodicGrid,
    fit_lps,
    gather_samples,
)
from nlbook.peridynamics.learning.adam import LARGEST_ALPHA
from nlbook.peridynamics.learning.adam_terms import GridTerms
from tests.peridynamics.learning.data import lattice_samples, lattice_symbol

torch = pytest.importorskip("torch")

SAMPLES = lattice_samples((8, 8), (5.0, 5.0), most=3)
FEW = Adam(epochs=400, epochs_correction=100, most_steps=6, rate=1e-2)


def fit(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LearningWarning)
        return fit_lps(*arguments, **named)


def stiff_at_the_nodes(k):
    """Stiffer for shorter waves, as of bonds to the nearest nodes and stronger than those."""
    return lattice_symbol(k) * (1 + 20 * np.sum(k**2, axis=1))[:, None, None]


def test_the_least_eigenvalues_are_those_of_the_dense_matrices():
    """(4.6) on the 8 x 8 grid: Gamma, Phi Gamma^+ Phi^T and Gamma - 2 Phi^T Phi of 128 rows."""
    (spectrum,) = gather_samples(SAMPLES)
    found = fit(SAMPLES, 12.5, 2, alpha=0.7)
    grid = GridTerms(spectrum, 12.5, 2, spectrum.stiffness)
    rooms, _ = grid.rooms(np.array(found.kernel.coefficients), 0.7)
    solid = found.solid(PeriodicGrid((8, 8), (5.0, 5.0)))
    gamma = solid.bond_matrix().toarray() / found.shear_modulus
    theta = solid.dilatation_matrix().toarray()  # Phi, whose adjoint spreads: C1 = 2 is in kappa
    product = theta @ np.linalg.pinv(gamma, rcond=1e-10) @ theta.T
    bonds, schur = np.linalg.eigvalsh(gamma), np.linalg.eigvalsh(gamma - 2 * theta.T @ theta)
    inf_sup = np.linalg.eigvalsh(product)
    assert rooms[0] == pytest.approx(bonds[bonds > 1e-9 * bonds[-1]][0], rel=1e-8)
    assert rooms[1] == pytest.approx(inf_sup[inf_sup > 1e-9 * inf_sup[-1]][0], rel=1e-8)
    assert np.sum(np.abs(schur) < 1e-9 * schur[-1]) >= 2  # translations
    assert rooms[2] == pytest.approx(schur[np.abs(schur) > 1e-9 * schur[-1]][0], rel=1e-7)


def test_the_slopes_are_those_of_the_values():
    """Central differences: 6e-11 of the largest slope of each row, from rounding over the step."""
    (spectrum,) = gather_samples(SAMPLES)
    grid = GridTerms(spectrum, 12.5, 3, spectrum.stiffness)
    unknowns = np.array([0.3, 0.9, 0.5, 1.1, 0.2, 0.8, 0.7])

    def values(x):
        loss, _ = grid.loss(x[:2], x[2:-1], x[-1])
        return np.append(loss, grid.rooms(x[2:-1], x[-1])[0])

    slopes = np.zeros((4, unknowns.size))
    slopes[0] = grid.loss(unknowns[:2], unknowns[2:-1], unknowns[-1])[1]
    slopes[1:, 2:] = grid.rooms(unknowns[2:-1], unknowns[-1])[1]
    differences = np.empty_like(slopes)
    for n, step in enumerate(1e-5 * np.eye(unknowns.size)):
        differences[:, n] = (values(unknowns + step) - values(unknowns - step)) / 2e-5
    off = np.abs(slopes - differences).max(axis=1) / np.abs(slopes).max(axis=1)
    assert np.all(off < 1e-7), off


def test_alpha_stays_when_it_is_not_searched():
    found = fit(SAMPLES, 12.5, 2, alpha=0.7, solver=FEW)
    assert found.kernel.alpha == 0.7


def test_the_loss_is_that_of_the_fit():
    found = fit(SAMPLES, 12.5, 2, solver=FEW)
    assert found.loss == pytest.approx(found.history.losses[-1], rel=1e-9)
    assert found.loss == pytest.approx(found.residual(SAMPLES) ** 2, rel=1e-9)


def test_the_way_of_the_moduli_ends_at_the_fit():
    found = fit(SAMPLES, 12.5, 2, solver=FEW)
    path = found.history.path
    assert len(path) == 400 + 100 * len(found.history.second) == found.history.n_steps
    np.testing.assert_allclose(path[-1], [found.lame_lambda, found.shear_modulus], rtol=1e-9)
    assert np.all(path.sum(axis=1) >= 0)
    assert np.all(path[:, 1] >= 0)


def test_the_prediction_step_keeps_what_it_maps():
    found = fit(SAMPLES, 12.5, 3, Nonnegative(), solver=FEW)
    assert min(found.kernel.coefficients) >= 0
    assert found.lame_lambda + found.shear_modulus >= 0
    assert found.history.second.size == 0
    assert found.history.first[-1] < 0.5 * found.history.first[0]


def test_the_correction_comes_below_the_prediction_and_not_below_the_exact_fit():
    predicted = fit(SAMPLES, 12.5, 3, Nonnegative(), solver=FEW)
    corrected = fit(SAMPLES, 12.5, 3, solver=FEW)
    exact = fit(SAMPLES, 12.5, 3, start=corrected)
    assert exact.loss <= corrected.loss < predicted.loss


def test_the_exact_prediction_ends_no_higher():
    predicted = fit(SAMPLES, 12.5, 3, Nonnegative(), solver=FEW)
    assert fit(SAMPLES, 12.5, 3, Nonnegative()).loss <= predicted.loss * (1 + 1e-9)


def test_alpha_is_learned_and_stays_below_three():
    settings = Adam(epochs=300, epochs_correction=50, most_steps=2, rate=2e-2, search_alpha=True)
    found = fit(SAMPLES, 12.5, 2, alpha=2.9, solver=settings)
    assert found.kernel.alpha < 3
    assert found.kernel.alpha != 2.9
    assert found.loss == pytest.approx(found.history.losses[-1], rel=1e-9)
    last = (found.lame_lambda, found.shear_modulus)
    assert found.history.moduli[-1] == pytest.approx(last, rel=1e-9)


def test_an_alpha_that_would_leave_three_is_held_where_the_operator_exists():
    settings = Adam(epochs=60, epochs_correction=5, most_steps=1, rate=0.2, search_alpha=True)
    softening = lattice_samples((8, 8), (5.0, 5.0), most=3, symbol=stiff_at_the_nodes)
    found = fit(softening, 12.5, 0, alpha=2.9, solver=settings)
    assert any("alpha ended at 2.99, the largest that Adam may" in one for one in found.warnings)
    assert found.kernel.alpha == LARGEST_ALPHA
    assert found.solid(found.grid).horizon == pytest.approx(12.5)
    assert len(found.certificates()) == 3


def test_an_alpha_that_is_given_is_kept():
    settings = Adam(epochs=20, epochs_correction=5, most_steps=1)
    assert fit(SAMPLES, 12.5, 1, alpha=2.995, solver=settings).kernel.alpha == 2.995


def test_the_same_seed_gives_the_same_and_another_another():
    one, same = (fit(SAMPLES, 12.5, 2, solver=FEW) for _ in range(2))
    assert one.kernel == same.kernel
    other = fit(SAMPLES, 12.5, 2, solver=Adam(**(vars(FEW) | {"seed": 1})))
    assert one.kernel != other.kernel


def test_threads_of_torch_are_left_as_they_were():
    before = torch.get_num_threads()
    fit(SAMPLES, 12.5, 1, Nonnegative(), solver=Adam(epochs=2))
    assert torch.get_num_threads() == before


def test_what_the_algorithm_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"^quadrature must be GridQuadrature\(\) for Adam"):
        fit_lps(SAMPLES, 12.5, 2, quadrature=ExactIntegrals(), solver=FEW)
    with pytest.raises(ValueError, match="^alpha must be a number for Adam"):
        fit_lps(SAMPLES, 12.5, 2, alpha=(0.0, 1.0), solver=FEW)
