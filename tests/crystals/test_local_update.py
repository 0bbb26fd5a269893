"""One step of a batch of grains against bisection and a general root finder."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize
from scipy.linalg import expm

from nlbook.crystals import magnesium, random_texture
from nlbook.crystals.lanes.newton_loops import residual_loop
from nlbook.crystals.lanes.path_loops import advance_loop, begin_loop
from nlbook.crystals.lanes.rows import LANES, row, work_size
from nlbook.crystals.lanes.twin_loops import power_root
from nlbook.crystals.local_update import law_arrays
from tests.crystals.plain import plain_step, threshold

DT = 2.5e-8  # of 800 steps in 20 microseconds


def six(tensor):
    return np.array([tensor[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))])


def rows(work, name, count):
    return work[row(name) :][: count * LANES].reshape(count, LANES)


def systems(work, n):
    return work[work_size(0) :].reshape(n, -1, LANES)


def random_state(seed, law, size):
    """A batch of strained grains, and the Cbar of a stretch to which they go."""
    generator = np.random.default_rng(seed)
    schmid, constants = law_arrays(law)
    work = np.zeros(work_size(len(schmid)))
    begin_loop(work, random_texture(LANES, seed).rotations, schmid)
    strain = generator.normal(scale=0.03, size=(3, 3))
    strain = strain + strain.T - 2 * np.trace(strain) / 3 * np.eye(3)
    inverse = rows(work, "inverse", 9)
    for lane in range(LANES):  # plastic strain near that of the stretch
        plastic = -strain + generator.normal(scale=size, size=(3, 3))
        plastic -= np.trace(plastic) / 3 * np.eye(3)
        inverse[:, lane] = (expm(plastic) @ inverse[:, lane].reshape(3, 3)).ravel()
    systems(work, len(schmid))[:12, 1] = generator.uniform(0.0, 0.05, size=(12, LANES))
    stretch = expm(strain)
    return work, constants, stretch @ stretch


@pytest.mark.parametrize("size", [1e-4, 1e-3, 4e-3])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_is_the_one_that_a_general_root_finder_finds(seed, size):
    law = magnesium(twins=None)
    work, constants, square = random_state(seed, law, size)
    before = work.copy()
    done = advance_loop(work, six(square), six(square), DT, 0.0, constants, 1e-12, 1)
    assert done > 0
    compared = 0
    for lane in range(0, LANES, 4):
        inverse = rows(before, "inverse", 9)[:, lane].reshape(3, 3)
        e = systems(before, 12)[:, 1, lane]
        expected, slips, stress, residual = plain_step(law, inverse, e, e, square, DT)
        if residual > 1e-9:  # the general finder failed, not the loop
            continue
        compared += 1
        m = rows(work, "stress", 5)[:, lane]
        assert m == pytest.approx(stress[[0, 1, 0, 0, 1], [0, 1, 1, 2, 2]], abs=1e-8)
        assert np.max(np.abs(rows(work, "inverse", 9)[:, lane].reshape(3, 3) - expected)) < 1e-9
        moved = systems(work, 12)[:, 1, lane] - e
        assert moved == pytest.approx(np.abs(slips), abs=1e-9)
    assert compared


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("twins", [None, "reversible", "one-way"])
def test_plastic_strain_keeps_the_volume(twins, stages):
    law = magnesium(twins=twins)
    work, constants, square = random_state(5, law, 3e-3)
    for _ in range(50):
        assert advance_loop(work, six(square), six(square), DT, 0.0, constants, 1e-9, stages)
    inverse = rows(work, "inverse", 9).T.reshape(LANES, 3, 3)
    assert np.max(np.abs(np.linalg.det(inverse) - 1)) < 1e-12


def test_the_flow_rule_holds_after_a_step():
    """rate = rate_0 ((|tau| - g)/tau_0)^2, read off the state alone."""
    law = magnesium(twins=None)
    work, constants, square = random_state(7, law, 3e-3)
    before = systems(work, 12)[:, 1].copy()
    advance_loop(work, six(square), six(square), DT, 0.0, constants, 1e-12, 1)
    schmid = law.systems.schmid_tensors
    tau_0 = np.array([c.tau_0 for c in law.slip])[law.systems.family]
    inverse = rows(work, "inverse", 9).T.reshape(LANES, 3, 3)
    moving = 0
    for lane in range(LANES):
        elastic = inverse[lane].T @ square @ inverse[lane]
        tau = np.einsum("aij,ij->a", schmid, law.shear_modulus * elastic)
        e = systems(work, 12)[:, 1, lane]
        excess = np.maximum(np.abs(tau) - threshold(law, e, before[:, lane]), 0.0)
        expected = DT * 1e5 * (excess / tau_0) ** 2
        assert e - before[:, lane] == pytest.approx(expected, abs=1e-10)
        moving += np.count_nonzero(expected)
    assert moving > 50


@pytest.mark.parametrize("mode", ["reversible", "one-way"])
@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("n_steps", [25, 200])
def test_twins_together_are_never_more_than_the_grain(mode, stages, n_steps):
    """Grains stretched until they are all twins, and back: the bound holds after every step."""
    law = magnesium(twins=mode)
    law = replace(law, twin=replace(law.twin, interaction=0.0))
    schmid, constants = law_arrays(law)
    work = np.zeros(work_size(18))
    begin_loop(work, random_texture(LANES, 3).rotations, schmid)
    clock = np.linspace(0.0, 1.0, 2 * n_steps + 1)
    stretch = np.exp(0.12 * np.sin(2 * np.pi * clock))
    square = np.stack([1 / stretch, 1 / stretch, stretch**2], axis=1)
    most, past = 0.0, np.zeros((6, LANES))
    for k in range(2, 2 * n_steps + 1, 2):
        ends = [six(np.diag(one)) for one in (square[k - 1], square[k])]
        assert advance_loop(work, *ends, 2e-5 / n_steps, k > 2, constants, 1e-9, stages) >= 0
        fractions = systems(work, 18)[12:, 1]
        assert fractions.min() >= 0.0
        assert fractions.sum(axis=0).max() <= 1.0
        if mode == "one-way":
            assert np.all(fractions >= past)
        most, past = max(most, fractions.sum(axis=0).max()), fractions.copy()
    assert most > 0.999  # the bound was reached


def test_slip_and_stress_obey_a_law_of_any_rate_exponent():
    """The flow rule read off the state, and the residual, from m = 1 to 0.01."""
    for exponent in (1.0, 0.3, 0.05, 0.02, 0.01):
        law = magnesium(twins=None)
        law = replace(law, slip=tuple(replace(c, rate_exponent=exponent) for c in law.slip))
        work, constants, square = random_state(7, law, 3e-3)
        before = systems(work, 12)[:, 1].copy()
        done = advance_loop(work, six(square), six(square), DT, 0.0, constants, 1e-11, 1)
        assert done >= 0, exponent
        moved = systems(work, 12)[:, 1] - before
        tau_0 = np.array([c.tau_0 for c in law.slip])[law.systems.family][:, None]
        inverse = rows(work, "inverse", 9).T.reshape(LANES, 3, 3)
        elastic = np.swapaxes(inverse, 1, 2) @ square @ inverse
        tau = np.einsum("aij,lij->al", law.systems.schmid_tensors, law.shear_modulus * elastic)
        held = np.array(
            [threshold(law, before[:, i] + moved[:, i], before[:, i]) for i in range(LANES)]
        ).T
        # stress that the move needs, where there is one: to the tolerance of 1e-11 x 25 GPa
        needed = held + tau_0 * (moved / (DT * 1e5)) ** exponent
        moves = moved > 1e-12
        assert np.count_nonzero(moves) > 30
        assert np.max(np.abs(np.abs(tau) - needed)[moves]) < 2e-9
        assert np.max((np.abs(tau) - held)[~moves]) < 1.2 * tau_0.max()


@pytest.mark.parametrize("exponent", [1.0, 0.3, 0.02, 0.01])
def test_the_root_of_a_twin_is_that_of_bisection(exponent):
    generator = np.random.default_rng(2)
    for _ in range(50):
        size, stiff = 10.0 ** generator.uniform(-6, 1), 10.0 ** generator.uniform(-8, 3)
        y = power_root(size, 0.005, stiff, 1 / exponent)
        with np.errstate(over="ignore"):
            expected = optimize.brentq(
                lambda y, size=size, stiff=stiff: (
                    min(0.005 * y + stiff * np.float64(y) ** (1 / exponent), 1e300) - size
                ),
                0.0, size / 0.005, xtol=1e-300, rtol=1e-14,
            )  # fmt: skip
        assert y == pytest.approx(expected, rel=1e-12)
    assert power_root(0.0, 0.005, 1.0, 1 / exponent) == 0.0


def test_a_batch_with_a_grain_that_is_no_number_is_not_solved():
    law = magnesium(twins=None)
    work, constants, square = random_state(5, law, 3e-3)
    rows(work, "inverse", 9)[:, 3] = np.nan  # not the last lane: a comparison must not forget it
    done = advance_loop(work, six(square), six(square), DT, 0.0, constants, 1e-9, 1)
    assert done == -1


def test_a_series_of_the_exponential_is_as_good_as_it_says():
    law = magnesium(twins=None)
    schmid, constants = law_arrays(law)
    work = np.zeros(work_size(12))
    begin_loop(work, np.repeat(np.eye(3)[None], LANES, 0), schmid)
    matrix = np.random.default_rng(1).normal(size=(3, 3))
    matrix -= np.trace(matrix) / 3 * np.eye(3)
    matrix *= 0.5 / np.linalg.norm(matrix, 2)
    rows(work, "exponent", 8)[:] = matrix.ravel()[[0, 4, 1, 2, 5, 3, 6, 7], None]
    residual_loop(work, 25.0)
    series = rows(work, "exponential", 9)[:, 0].reshape(3, 3)
    assert np.max(np.abs(series - expm(-matrix))) < 1e-13
