"""Dislocations at random have speeds whose tail is known."""

import numpy as np
import pytest

from nlbook.dislocations import evolve, internal_stress, random_dislocations, speed_bins
from nlbook.dislocations.statistics.null_model import null_speed_counts, poisson_speed_tail
from nlbook.dislocations.statistics.tails import fit_tail
from nlbook.parallel import seed_sequence, task_seed

LENGTH = 300.0


def tail(counts, speed):
    """P(abs(v) > u) and its standard error, u being the edge nearest to `speed`.

    Both members of a close pair exceed u together, so pairs are counted, and each counts twice.
    """
    edge = int(np.argmin(np.abs(np.log(speed_bins() / speed))))
    total = counts.sum(axis=0)
    above = total[edge + 1 :].sum()
    return speed_bins()[edge], above / total.sum(), np.sqrt(2 * above) / total.sum()


@pytest.fixture(scope="module")
def free():
    """Nothing removed: 100 in the box, so that speeds of 1 b/t0 are ten times the typical one."""
    return null_speed_counts(4000, 100, LENGTH, 1, annihilation_distance=0.0)


def test_one_dislocation_exceeds_a_stress_in_the_area_of_the_formula():
    step = 0.004
    x, y = np.meshgrid(*[np.arange(-1.5, 1.5, step) + 0.5 * step] * 2)
    stress = x * (x**2 - y**2) / (x**2 + y**2) ** 2
    for speed in (0.7, 1.0):
        area = np.count_nonzero(np.abs(stress) > speed) * step**2
        assert poisson_speed_tail(speed, 1e-6) == pytest.approx(1e-6 * area, rel=0.005)


def test_the_tail_of_random_dislocations_has_the_constant_of_the_formula(free):
    density = 100 / LENGTH**2
    for speed in (1.0, 2.0):
        edge, part, error = tail(free, speed)
        # first correction, from the stress of all others: S = (pi/2) rho log(u L)
        correction = 1 + 1.5 * np.pi * density * np.log(edge * LENGTH) / edge**2
        expected = poisson_speed_tail(edge, density) * correction
        assert abs(part - expected) < 3 * error + 0.01 * expected


def test_the_tail_of_random_dislocations_falls_as_the_third_power(free):
    fit = fit_tail(free, speed_bins(), 1.0, 20.0)
    assert abs(fit.exponent - 3) < 3 * fit.standard_error
    assert fit.standard_error < 0.12


def test_annihilation_leaves_half_of_the_tail_beyond_its_cut():
    with_all, without = (
        null_speed_counts(400, 730, LENGTH, 2, annihilation_distance=d) for d in (0.0, 2.0)
    )
    edge, part, error = tail(without, 2.0)
    _, all_of_it, _ = tail(with_all, 2.0)
    assert part / all_of_it == pytest.approx(0.5, abs=3 * error / all_of_it + 0.03)
    assert edge > 0.5


def test_speeds_are_those_of_the_configuration_that_is_left():
    counts = null_speed_counts(3, 60, 60.0, 9, applied_stress=0.3, n_batches=2)
    expected = np.zeros((2, speed_bins().size + 1), dtype=int)
    for k in range(3):
        x, y, sign = random_dislocations(60, 60.0, seed_sequence(task_seed(9, k)))
        left = evolve(x, y, sign, 60.0, dt=1.0, n_steps=0, snapshots=[0]).alive[0]
        speed = np.abs(internal_stress(x[left], y[left], sign[left], 60.0) + 0.3)
        expected[k % 2, 1:-1] += np.histogram(speed, speed_bins())[0]
    assert counts.sum() < 180
    assert np.array_equal(counts, expected)


def test_a_pair_that_closes_spends_its_time_by_the_third_power():
    # x**2 = x0**2 - 4 t: a separation of x for a time x dx/2, at the speed v = 1/x
    run = evolve(
        [0.0, 40.0], [1.0, 1.0], [1.0, -1.0], 4000.0, dt=0.01, n_steps=45_000, count_speeds_every=1
    )
    fit = fit_tail(run.speed_counts, speed_bins(), 0.03, 0.4)
    assert fit.exponent == pytest.approx(3.0, abs=0.002)
    assert fit.ks_distance < 1e-3
    assert run.number[-1] == 0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: null_speed_counts(np.nan, 10, 9.0, 1), "n_configurations"),
        (lambda: null_speed_counts(0, 10, 9.0, 1), "n_configurations"),
        (lambda: null_speed_counts(1, 10, 9.0, 1, n_batches=0), "n_batches"),
        (lambda: null_speed_counts(1, 9, 9.0, 1), "count"),
        (lambda: null_speed_counts(1, 10, -9.0, 1), "box_length"),
        (lambda: null_speed_counts(1, 10, 9.0, 1, annihilation_distance=-1), "annihilation_d"),
        (lambda: null_speed_counts(1, 10, 9.0, 1, applied_stress=np.nan), "applied_stress"),
        (lambda: poisson_speed_tail(0.0, 1.0), "speed"),
        (lambda: poisson_speed_tail(1.0, -1.0), "density"),
    ],
)
def test_what_is_no_random_configuration_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
