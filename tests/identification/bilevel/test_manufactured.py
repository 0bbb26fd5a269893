import numpy as np
import pytest

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import flights, jumping_particles, manufactured_snapshots
from nlbook.kernels import PowerLawKernel
from tests.identification.data import GRID, TRUE, manufactured


def test_the_start_is_all_mass_on_the_middle_node():
    data = manufactured(n_steps=5)
    assert np.flatnonzero(data.density[0]).tolist() == [50]
    assert data.mass[0] == pytest.approx(1.0)
    assert np.all(data.density[1:] > 0)  # delta reaches both ends in one step
    np.testing.assert_allclose(data.times, 0.01 * np.arange(6))


@pytest.mark.parametrize("rule", ["covered", "nodes"])
def test_the_solution_is_that_of_plain_steps(rule):
    matrix = NonlocalDiffusion(TRUE, GRID, rule=rule).matrix()
    p = np.zeros(101)
    p[50] = 50.0
    for _ in range(20):
        p = p + 0.01 * matrix @ p
    # rounding of twenty steps, and of the fast evolution, relative to the start's 50
    np.testing.assert_allclose(manufactured(rule, 20).density[-1], p, rtol=0, atol=1e-12)


def test_finer_solutions_keep_the_nodes_of_the_grid():
    fine = np.linspace(-1, 1, 401)
    start = np.exp(-(fine**2) / 0.08)
    data = manufactured_snapshots(TRUE, GRID, 0.01, 20, refine=4, start=start, every=10)
    assert data.density.shape == (3, 101)
    same = NonlocalDiffusion(TRUE, fine).evolve(start, 0.01, 20, method="euler", check=False)
    np.testing.assert_allclose(data.density[-1], same[::4], rtol=1e-13)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.4])
def test_particles_spread_as_their_kernel_s_moments_say(alpha):
    kernel = PowerLawKernel(alpha, horizon=2.0, coefficient=0.3)
    n, elapsed = 50_000, 1.5
    place = jumping_particles(kernel, (0.0, 0.5, elapsed), np.zeros(n), seed=4)[-1]
    second = elapsed * kernel.moment(2)
    fourth = elapsed * kernel.moment(4)  # the fourth cumulant, less what small jumps have of it
    sixth = elapsed * kernel.moment(6)
    assert np.mean(place) == pytest.approx(0.0, abs=4 * np.sqrt(second / n))
    spread = np.sqrt((fourth + 2 * second**2) / n)
    assert np.mean(place**2) == pytest.approx(second, abs=4 * spread)
    moment8 = 105 * second**4 + 210 * second**2 * fourth + 35 * fourth**2 + 28 * second * sixth
    moment8 += elapsed * kernel.moment(8)
    moment4 = fourth + 3 * second**2
    error = 4 * np.sqrt(moment8 / n)
    assert np.mean(place**4) == pytest.approx(moment4, abs=error)


def test_particles_have_the_density_of_the_equation():
    n = 400_000
    start = 0.2 * np.random.default_rng(0).standard_normal(n)
    place = jumping_particles(TRUE, (0.0, 2.0), start, seed=1)[-1]
    grid = np.linspace(-5, 5, 1001)
    p0 = np.exp(-(grid**2) / 0.08) / np.sqrt(0.08 * np.pi)
    density = NonlocalDiffusion(TRUE, grid).evolve(p0, 0.01, 200, method="exact")
    below = np.interp(
        [-1.5, -0.8, -0.2, 0.5, 1.1], grid, np.cumsum(density) * 0.01 - density * 0.005
    )
    seen = [np.mean(place < x) for x in (-1.5, -0.8, -0.2, 0.5, 1.1)]
    # four standard errors of a part of n samples
    np.testing.assert_allclose(seen, below, rtol=0, atol=4 * 0.5 / np.sqrt(n))


def test_particles_are_the_same_for_the_same_seed():
    one, two = (jumping_particles(TRUE, (0.0, 1.0), np.zeros(50), seed=(3, 1)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_flights_without_an_end_keep_their_speeds():
    places = flights(2.4, 0.1, 5.0, np.inf, (0.0, 1.0, 3.0), np.zeros(1000), seed=2)
    np.testing.assert_allclose(places[2], 3 * places[1], rtol=1e-12)
    speeds = np.abs(places[1])
    assert 0.1 <= speeds.min() <= speeds.max() <= 5.0


def test_flights_spread_as_their_speeds_and_durations_say():
    n, tau, elapsed = 40_000, 0.3, 2.0
    place = flights(2.4, 0.1, 5.0, tau, (0.0, 0.7, elapsed), np.zeros(n), seed=3)[-1]
    square = (5.0**0.6 - 0.1**0.6) / 0.6 / ((0.1**-1.4 - 5.0**-1.4) / 1.4)
    # velocities are correlated as exp(-t/tau)
    variance = 2 * square * tau * (elapsed - tau * (1 - np.exp(-elapsed / tau)))
    error = np.std(place**2) / np.sqrt(n)
    assert np.mean(place**2) == pytest.approx(variance, abs=4 * error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: manufactured_snapshots(TRUE, GRID, 0.01, 2, refine=2), "start must be given"),
        (lambda: manufactured_snapshots(TRUE, GRID[1:], 0.01, 2), "start must be given"),
        (lambda: manufactured_snapshots(TRUE, GRID, 0.01, 2, refine=0), "refine must"),
        (lambda: manufactured_snapshots(TRUE, GRID, 9.0, 2), "dt must not exceed"),
        (lambda: manufactured_snapshots(TRUE, GRID**3, 0.01, 2), "grid must be uniform"),
        (lambda: jumping_particles(PowerLawKernel(3.1, 1.0), (0, 1), [0.0], 1), "kernel must have"),
        (lambda: jumping_particles(TRUE, (1, 0), [0.0], 1), "times must ascend"),
        (lambda: flights(2.4, 1.0, 0.5, 1.0, (0, 1), [0.0], 1), "slowest must be positive"),
        (lambda: flights(2.4, 0.5, 1.0, 0.0, (0, 1), [0.0], 1), "persistence must be positive"),
        (lambda: flights(2.4, 0.5, 1.0, 1.0, (1, 0), [0.0], 1), "times must ascend"),
        (
            lambda: jumping_particles(TRUE, (0, 1), [0.0], 1, smallest_jump=2.0),
            "smallest_jump must lie",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ([np.nan], "start must be finite"),
        (np.ma.masked_less([0.0, 1.0], 0.5), "start must have no masked entries"),
    ],
)
def test_places_that_are_no_numbers_are_refused(start, named):
    with pytest.raises(ValueError, match=named):
        jumping_particles(PowerLawKernel(2.2, 1.0, 0.1), [0.0, 1.0], start, 0)
    with pytest.raises(ValueError, match=named):
        flights(2.4, 0.01, 1.0, 1.0, [0.0, 1.0], start, 0)
