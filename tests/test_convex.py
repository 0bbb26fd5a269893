from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook import convex
from nlbook.convex import (
    AbsoluteBound,
    BoundedLeastSquares,
    Formulation,
    MatrixBound,
    Solution,
)
from nlbook.interior_point import WHITENED, by_clarabel


def on_l1_ball(target, radius=1.0):
    n = target.size
    bound = AbsoluteBound(np.eye(n), np.zeros(n), radius)
    return BoundedLeastSquares(np.eye(n), target, np.empty((0, n)), np.empty(0), (bound,))


def projected(target, radius=1.0):
    """The nearest point of the L1 ball: targets shrunk by one number, by bisection."""
    low, high = 0.0, np.abs(target).max()
    for _ in range(200):
        shrink = (low + high) / 2
        if np.maximum(np.abs(target) - shrink, 0).sum() > radius:
            low = shrink
        else:
            high = shrink
    return np.sign(target) * np.maximum(np.abs(target) - high, 0)


def test_the_nearest_point_of_an_l1_ball_is_found_and_certified():
    target = np.array([1.0, -0.7, 0.2, 0.05])
    programme = on_l1_ball(target)
    near = programme.approach(programme.loss, lambda x: 1.0)
    np.testing.assert_allclose(near.solution.x, projected(target), atol=1e-9)
    best = np.sum((projected(target) - target) ** 2)
    bound = near.lower_bound
    assert near.met
    assert bound == programme.lower_bound(near.solution, largest_norm=1.0)
    # the solver's tolerance is 1e-11
    assert best * (1 - 1e-8) <= bound <= best * (1 + 1e-12)


def test_a_bound_that_rises_with_x_is_met():
    # |x_1| <= x_2 and x_2 <= 0.8: the nearest point to (2, 0) is (0.8, 0.8)
    programme = BoundedLeastSquares(
        np.eye(2), np.array([2.0, 0.0]), np.array([[0.0, -1.0]]), np.array([-0.8]),
        (AbsoluteBound(np.array([[1.0, 0.0]]), np.array([0.0, 1.0])),),
    )  # fmt: skip
    found = programme.approach(programme.loss, lambda x: 10.0).solution
    np.testing.assert_allclose(found.x, [0.8, 0.8], atol=1e-8)
    assert programme.lower_bound(found, 10.0) == pytest.approx(1.2**2 + 0.8**2, rel=1e-8)


def nearest_semidefinite(symmetric):
    """Least squares over x = (m_00, sqrt2 m_01, m_11, ...) under m >= 0, and the loss of the best.

    The best m leaves the negative eigenvalues away.
    """
    size = len(symmetric)
    rows, columns = np.triu_indices(size)
    weights = np.where(rows == columns, 1.0, np.sqrt(2.0))
    slopes = np.zeros((1, size, size, rows.size))
    for i, place in enumerate(zip(rows, columns, strict=True)):
        slopes[0, *place, i] = slopes[0, *place[::-1], i] = 1 / weights[i]
    bound = MatrixBound(slopes, np.zeros((1, size, size)))
    target = weights * symmetric[rows, columns]
    n = rows.size
    programme = BoundedLeastSquares(
        np.eye(n), target, np.empty((0, n)), np.empty(0), semidefinite=(bound,)
    )
    return programme, np.sum(np.minimum(np.linalg.eigvalsh(symmetric), 0) ** 2)


SYMMETRIC = {
    2: np.array([[1.0, 2.0], [2.0, -0.5]]),
    3: np.array([[1.0, 2.0, 0.3], [2.0, -0.5, 0.1], [0.3, 0.1, -1.0]]),
}


@pytest.mark.parametrize("size", SYMMETRIC)
@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_the_nearest_semidefinite_matrix_is_found_and_certified(size, solver):
    programme, best = nearest_semidefinite(SYMMETRIC[size])
    near = programme.approach(programme.loss, lambda x: 10.0, solver)
    accuracy = 1e-8 if solver == "CLARABEL" else 1e-3  # SCS is a method of first order
    assert near.loss == pytest.approx(best, rel=accuracy)
    assert near.lower_bound == pytest.approx(best, rel=accuracy)
    assert near.lower_bound <= best * (1 + 1e-12)
    assert programme.excess(near.solution.x) < accuracy


def test_a_negative_eigenvalue_is_an_excess():
    programme, _ = nearest_semidefinite(np.diag([1.0, -0.5]))
    x = programme.target
    # over the norms of the matrices that x is made of, here of diag(1, 0) and diag(0, 1)
    assert programme.excess(x) == pytest.approx(0.5 / 1.5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_the_lower_bound_holds_whatever_the_multipliers(seed):
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(5, 4)), rng.normal(size=5)
    rows, inside = rng.normal(size=(3, 4)), 0.1 * rng.normal(size=4)
    bound = AbsoluteBound(rng.normal(size=(6, 4)), 0.1 * rng.normal(size=4), 2.0)
    slopes = rng.normal(size=(2, 3, 3, 4))
    slopes = slopes + slopes.transpose(0, 2, 1, 3)
    cones = MatrixBound(slopes, np.eye(3) - slopes @ inside)  # the identity at x
    programme = BoundedLeastSquares(
        matrix, target, rows, rows @ inside, (bound,), semidefinite=(cones,)
    )
    if np.abs(bound.matrix @ inside).sum() > bound.slope @ inside + bound.level:
        return
    matrices = rng.normal(size=(2, 3, 3))
    arbitrary = Solution(
        inside,
        rng.normal(size=3),
        (float(rng.normal()),),
        (rng.normal(size=6),),
        (matrices + matrices.transpose(0, 2, 1),),
    )
    loss = np.sum((matrix @ inside - target) ** 2)
    reach = float(np.linalg.norm(inside))
    assert programme.lower_bound(arbitrary, reach) <= loss * (1 + 1e-12)


def test_a_residual_of_rounding_is_reached():
    """Columns of unequal size, and a target within their span: the residual falls by rounds."""
    matrix = np.vander(np.linspace(0, 1, 8), 5)
    target = matrix @ np.array([1e-3, 0.2, -0.3, 0.1, 1.0])
    n = 5
    programme = BoundedLeastSquares(matrix, target, np.eye(n), np.full(n, -10.0), (), np.zeros(n))
    near = programme.approach(programme.loss, lambda x: 10.0, smallest=1e-9, rounding=1e-17)
    assert programme.loss(near.solution.x) < 1e-16
    assert near.met


def test_constraints_without_room_are_refused():
    programme = BoundedLeastSquares(
        np.eye(1), np.ones(1), np.array([[1.0], [-1.0]]), np.array([1.0, 1.0])
    )
    with pytest.raises(ValueError, match="^constraints must leave room"):
        programme.approach(programme.loss, lambda x: 1.0)


def test_a_solver_that_finds_nothing_is_named():
    with pytest.raises(convex.SolverFailure, match="^SCIPY found no solution"):
        # for linear programmes
        on_l1_ball(np.array([1.0, -0.7])).approach(lambda x: 0.0, lambda x: 1.0, "SCIPY")


def test_another_way_is_tried_until_the_bound_is_met(monkeypatch):
    programme = on_l1_ball(np.array([1.0, -0.7, 0.2]))
    ways = (Formulation(), Formulation(whitened=True), Formulation(equilibrated=True))

    def stopped(programme, scale, way, origin):
        """A solver that stops early unless the unknowns are whitened."""
        found = by_clarabel(programme, scale, way, origin)
        return found if way.whitened else replace(found, x=0.9 * found.x)

    monkeypatch.setattr(convex, "by_clarabel", stopped)
    near = programme.approach(programme.loss, lambda x: 1.0, formulations=ways)
    assert near.met
    assert near.attempts == 2
    np.testing.assert_allclose(near.solution.x, projected(programme.target), atol=1e-8)
    far = programme.approach(programme.loss, lambda x: 1.0, formulations=ways[::2])
    assert not far.met
    assert far.attempts == 2
    assert far.lower_bound < programme.loss(near.solution.x) < far.loss


UNIT = np.array([[[0.1, 0.05], [0.05, 0.1]]])  # + x_2 times the identity


@pytest.mark.parametrize("way", WHITENED)
def test_every_way_is_the_same_programme(way):
    rng = np.random.default_rng(3)
    matrix, target = rng.normal(size=(6, 4)), rng.normal(size=6)
    bound = AbsoluteBound(rng.normal(size=(5, 4)), 0.1 * rng.normal(size=4), 0.5)
    programme = BoundedLeastSquares(
        matrix, target, np.eye(4), np.array([0.02, -1.0, -1.0, -1.0]), (bound,),
        semidefinite=(MatrixBound(np.eye(2)[None, :, :, None] * [0.0, 1.0, 0.0, 0.0], UNIT),),
    )  # fmt: skip
    reference = programme.approach(programme.loss, lambda x: 10.0)
    found = by_clarabel(programme, 1.0, way, reference.solution.x)
    # each stops where rounding stops it, here at 1e-5 with the least regularisation, else at 1e-9;
    # another programme would be off by its own size
    assert programme.loss(found.x) == pytest.approx(reference.loss, rel=1e-4)
    assert programme.lower_bound(found, 10.0) == pytest.approx(reference.loss, rel=1e-4)


def test_what_is_never_feasible_is_no_solution():
    programme = on_l1_ball(np.array([1.0, -0.7]))
    with pytest.raises(convex.SolverFailure, match="^CLARABEL found no solution"):
        programme.approach(lambda x: np.inf, lambda x: 1.0)
