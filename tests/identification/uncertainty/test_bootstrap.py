import dataclasses

import numpy as np
import pytest

from nlbook.densities import density_snapshots
from nlbook.identification import (
    ExactEvolution,
    FitSettings,
    bootstrap_power_law,
    fit_power_law,
    jumping_particles,
)
from nlbook.identification.uncertainty.bootstrap import steps_between
from nlbook.kernels import PowerLawKernel

TIMES = np.linspace(0.0, 4.0, 9)
EDGES = np.linspace(-8, 8, 1601)
GRID = np.linspace(-8, 8, 129)
TRUE = PowerLawKernel(1.5, 2.0, 0.1)
#: One bandwidth at all places and times: such an estimate is the density of the samples after a
#: convolution, which obeys the same equation.
DENSITY = {"bandwidth": 0.18, "sensitivity": 0.0, "mass": 1.0}
SETTINGS = FitSettings(evolution=ExactEvolution(0.05), floor=2e-4, split=1.0)
BOUNDS = ((0.0, 2.99), (0.2, 8.0))


def counted(seed, n_batches=10, n=4000):
    """Particles that jump, counted in batches (batch, time, bin)."""
    generator = np.random.default_rng([seed, 1])
    batches = []
    for k in range(n_batches):
        start = 0.5 * generator.standard_normal(n)
        places = jumping_particles(TRUE, TIMES, start, (seed, k), smallest_jump=0.05)
        batches.append([np.histogram(row, EDGES)[0] for row in places])
    return np.array(batches)


def bootstrap(counts, n_resamples, seed=0, **options):
    return bootstrap_power_law(
        counts, EDGES, TIMES, grid=GRID, n_resamples=n_resamples, seed=seed, settings=SETTINGS,
        bounds=BOUNDS, start=(1.5, 2.0), **(DENSITY | options),
    )  # fmt: skip


def test_the_whole_is_the_fit_of_all_batches_at_their_times():
    counts = counted(1, n_batches=3, n=500)
    found = bootstrap(counts, 2)
    data = density_snapshots(counts.sum(axis=0), EDGES, TIMES, grid=GRID, **DENSITY)
    settings = dataclasses.replace(SETTINGS, every=10)
    one = fit_power_law(data, settings, bounds=BOUNDS, start=(1.5, 2.0), tolerance=1e-3)
    np.testing.assert_array_equal(found.whole.path, one.path)
    assert found.n_batches == 3
    assert found.values("alpha").shape == (2,)
    low, high = found.interval("alpha", level=0.5)
    assert found.values("alpha").min() < low < high < found.values("alpha").max()


def test_draws_depend_on_the_seed_alone():
    counts = counted(1, n_batches=3, n=500)
    one, same = (bootstrap(counts, 2, workers=n).values("alpha") for n in (1, 2))
    other = bootstrap(counts, 2, seed=1).values("alpha")
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)


@pytest.mark.slow
def test_intervals_cover_the_kernel_that_moved_the_particles():
    names = {"alpha": 1.5, "horizon": 2.0, "variance_rate": TRUE.moment(2), "coefficient": 0.1}
    covered = dict.fromkeys(names, 0)
    n_sets = 24
    for seed in range(n_sets):
        found = bootstrap(counted(seed), 20, seed=seed)
        for name, true in names.items():
            low, high = found.interval(name)
            covered[name] += low <= true <= high
    # Of 24 intervals of 95 %, 20 or fewer cover with a chance of 3 %. Intervals of 80 % would pass
    # with 26 %, of 70 % with 4 %: this finds intervals that are far too short, not a little.
    assert min(covered.values()) >= 21, covered


def test_uneven_times_are_refused():
    assert steps_between(np.array([1.0, 1.5, 2.0]), 0.01) == 50
    with pytest.raises(ValueError, match="times must be equally far apart"):
        steps_between(np.array([1.0, 1.5, 2.5]), 0.01)
