"""Series of densities: trimmed, symmetric, normalised, and the same however they are computed."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.densities import DensitySnapshots, adaptive_kde, density_snapshots, resolved_times
from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import fit_power_law
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import start_cluster

GRID = np.linspace(-30.0, 30.0, 601)
EDGES = np.linspace(-60.0, 60.0, 24001)
TIMES = np.array([1.0, 2.0, 4.0])


def skewed(time: float, n: int = 20_000) -> np.ndarray:
    """Samples that spread with time, heavy-tailed and not symmetric, within the edges."""
    found = np.random.default_rng(7).standard_t(4, n) * time**0.5
    return np.clip(np.where(found > 0, 1.1 * found, found), -25.0, 25.0)


@pytest.fixture(scope="module")
def samples():
    return [skewed(time) for time in TIMES]


@pytest.fixture(scope="module")
def counts(samples):
    outer = np.concatenate([[-np.inf], EDGES, [np.inf]])
    return np.array([np.histogram(row, outer)[0] for row in samples])


@pytest.mark.parametrize("symmetry", ["average", "mirror", None])
@pytest.mark.parametrize("support", ["common", "each"])
def test_the_mass_is_one_and_even_if_asked_for(counts, support, symmetry):
    found = density_snapshots(counts, EDGES, TIMES, grid=GRID, support=support, symmetry=symmetry)
    assert found.mass == pytest.approx(np.ones(3), abs=1e-12)
    even = np.allclose(found.density, found.density[:, ::-1], rtol=1e-12, atol=0.0)
    assert even == (symmetry is not None)
    assert np.all(np.abs(found.mean[:, 1]) < 1e-12) == (symmetry is not None)


def test_at_each_time_it_is_the_estimate_of_the_trimmed_samples(samples):
    found = density_snapshots(
        samples, None, TIMES, grid=GRID, support="each", symmetry=None, mass=0.99
    )
    for row, density, mass in zip(samples, found.density, found.raw_mass, strict=True):
        known = adaptive_kde(row, GRID, mass=0.99)
        assert density * mass == pytest.approx(known, rel=1e-12)
    assert np.all(found.n_trimmed == 100)
    assert np.all(found.n_samples == 19_800)


@pytest.mark.parametrize("support", ["common", "each"])
def test_counts_and_samples_agree(samples, counts, support):
    by_counts, by_samples = (
        density_snapshots(data, edges, TIMES, grid=GRID, support=support)
        for data, edges in ((counts, EDGES), (samples, None))
    )
    assert np.abs(by_counts.n_samples - by_samples.n_samples).max() <= 2  # of one bin
    # bins are a fiftieth of the bandwidth
    assert by_counts.density == pytest.approx(by_samples.density, rel=2e-3)
    assert by_counts.bandwidth == pytest.approx(by_samples.bandwidth, rel=1e-4)


def test_a_common_support_is_the_widest_of_each(counts):
    each = density_snapshots(counts, EDGES, TIMES, grid=GRID, support="each", mass=0.999)
    common = density_snapshots(counts, EDGES, TIMES, grid=GRID, support="common", mass=0.999)
    ends = each.support[:, 0].min(), each.support[:, 1].max()
    # nothing lies beyond, and what the widest time leaves out is left out there
    assert np.all(common.support[:, 0] >= ends[0] - 1e-9)
    assert np.all(common.support[:, 1] <= ends[1] + 1e-9)
    assert np.all(common.n_trimmed <= each.n_trimmed)
    assert common.n_trimmed.sum() < each.n_trimmed.sum()


def test_the_support_of_one_series_can_be_given_to_another(samples, counts):
    wide = density_snapshots(counts, EDGES, TIMES, grid=GRID, mass=0.99)
    found = density_snapshots(counts, EDGES, TIMES, grid=GRID, support=wide.ends, mass=0.5)
    assert np.array_equal(found.density, wide.density)
    of_samples = density_snapshots(samples, None, TIMES, grid=GRID, support=wide.ends)
    assert np.array_equal(of_samples.n_samples, wide.n_samples)
    seen = wide.density > 1e-5
    assert of_samples.density[seen] == pytest.approx(wide.density[seen], rel=2e-3)  # as above
    assert wide.ends[0] < -5 < 5 < wide.ends[1]
    with pytest.raises(ValueError, match="support must be known"):
        _ = straight(TIMES).ends


def test_a_mirrored_half_is_the_left_one(counts):
    plain = density_snapshots(counts, EDGES, TIMES, grid=GRID, symmetry=None)
    mirror = density_snapshots(counts, EDGES, TIMES, grid=GRID, symmetry="mirror")
    left = slice(0, GRID.size // 2 + 1)
    ratio = mirror.density[:, left] / plain.density[:, left]
    assert ratio == pytest.approx(np.repeat(ratio[:, :1], ratio.shape[1], axis=1), rel=1e-12)


def test_an_even_grid_without_a_node_at_zero_is_mirrored_too(counts):
    grid = np.linspace(-30.0, 30.0, 600)
    found = density_snapshots(counts, EDGES, TIMES, grid=grid, symmetry="mirror")
    assert np.array_equal(found.density, found.density[:, ::-1])


def test_mean_and_skewness_are_those_of_the_samples_before(samples):
    found = density_snapshots(
        samples, None, TIMES, grid=GRID, symmetry=None, mass=1.0, sensitivity=0.0
    )
    for k, row in enumerate(samples):
        deviation = row - row.mean()
        # a Gaussian kernel adds h**2 to the variance and nothing to first and third moment
        spread = row.var() + found.bandwidth[k] ** 2
        assert found.mean[k, 0] == pytest.approx(row.mean(), abs=1e-4)
        skewness = np.mean(deviation**3) / spread**1.5
        assert found.skewness[k, 0] == pytest.approx(skewness, abs=2e-3)  # kernels leave the grid
    assert found.mean[:, 1] == pytest.approx(found.mean[:, 0], rel=1e-12)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_threads_does_not_matter(counts, workers):
    repeated = np.concatenate([counts] * 7)
    times = np.arange(21.0)
    found = density_snapshots(repeated, EDGES, times, grid=GRID, workers=workers)
    assert np.array_equal(found.density[18:], found.density[:3])
    alone = density_snapshots(counts, EDGES, TIMES, grid=GRID, workers=1)
    assert np.array_equal(found.density[:3], alone.density)


@pytest.mark.serial
@pytest.mark.slow
def test_engines_give_the_same_to_the_bit(samples, counts):
    with start_cluster("local", 1) as cluster:
        for data, edges in ((counts, EDGES), (samples, None)):
            here, there = (
                density_snapshots(data, edges, TIMES, grid=GRID, cluster=where)
                for where in (None, cluster)
            )
            assert np.array_equal(here.density, there.density)


def straight(times: np.ndarray) -> DensitySnapshots:
    """Densities that are linear in time."""
    grid = np.linspace(-1.0, 1.0, 5)
    return DensitySnapshots(grid, times, np.outer(times, 1 + grid**2))


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(st.floats(0.01, 10.0), min_size=1, max_size=6),
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5),
)
def test_between_snapshots_densities_are_linear(steps, shares):
    times = np.cumsum(steps)
    snapshots = straight(times)
    wanted = times[0] + np.array(shares) * (times[-1] - times[0])
    assert snapshots.at(wanted) == pytest.approx(np.outer(wanted, 1 + snapshots.grid**2), rel=1e-9)
    assert np.array_equal(snapshots.at(times), snapshots.density)
    assert snapshots.at(float(wanted[0])).shape == snapshots.grid.shape


def test_times_beyond_the_snapshots_are_refused():
    with pytest.raises(ValueError, match=r"times must lie within the snapshots, 1 .. 3, got 3.1"):
        straight(np.array([1.0, 3.0])).at([2.0, 3.1])


def test_a_part_of_the_times_can_be_taken(counts):
    found = density_snapshots(counts, EDGES, TIMES, grid=GRID)
    part = found.between(2.0, 4.0)
    assert part.times.tolist() == [2.0, 4.0]
    assert np.array_equal(part.density, found.density[1:])
    assert np.array_equal(part.n_trimmed, found.n_trimmed[1:])
    with pytest.raises(ValueError, match="must enclose a snapshot"):
        found.between(4.5, 5.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grid": np.array([-1.0, 0.0, 2.0])}, "grid must be uniform: node 1 lies 0.33 spacings"),
        ({"grid": np.array([-1.0, 1.0])}, "grid must have three nodes"),
        ({"times": np.array([1.0, 1.0])}, "times must ascend"),
        ({"times": np.array([1.0, np.nan])}, "times must be finite"),
        ({"density": np.ones((3, 3))}, r"density must have shape \(2, 3\)"),
        (
            {"density": np.array([[1.0, -1e-9, 1.0], [1.0, 1.0, 1.0]])},
            "density must be zero or positive",
        ),
        ({"density": np.full((2, 3), np.nan)}, "density must be finite"),
    ],
)
def test_bad_densities_are_refused_by_name(changes, said):
    good = {"grid": np.linspace(-1, 1, 3), "times": np.arange(2.0), "density": np.ones((2, 3))}
    with pytest.raises(ValueError, match=said):
        DensitySnapshots(**(good | changes))


@pytest.mark.parametrize(
    "grid",
    [
        np.linspace(-8, 8, 161, dtype=np.float32),
        np.linspace(-40, 40, 1601, dtype=np.float32),
        np.round(np.linspace(-8, 8, 161) + 3e-8 * np.sin(np.arange(161)), 9),
        np.round(np.linspace(-1, 1, 2001), 8),
    ],
    ids=["float32", "fine float32", "seven digits", "eight digits"],
)
def test_a_grid_as_uniform_as_its_numbers_allow_serves_to_the_end(grid):
    rows = [np.random.default_rng(k).uniform(-0.9, 0.9, 500) * (1 + k / 50) for k in range(3)]
    found = density_snapshots(rows, None, np.arange(3.0), grid=grid)
    places = np.linspace(float(grid[0]), float(grid[-1]), grid.size)
    assert found.grid == pytest.approx(places, abs=1e-15 * 40)
    known = density_snapshots(rows, None, np.arange(3.0), grid=places)
    assert found.density == pytest.approx(known.density, rel=1e-12)
    again = DensitySnapshots(grid, found.times, found.density)
    assert np.array_equal(again.grid, found.grid)
    operator = NonlocalDiffusion(PowerLawKernel(1.5, 0.37, 0.2), found.grid)
    assert operator.spacing == found.spacing
    assert NonlocalDiffusion(PowerLawKernel(1.5, 0.37, 0.2), grid).spacing == found.spacing
    if grid.size < 200:
        settings = {"tolerance": 0.1, "start": (1.5, 2.0)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few samples
            fits = [fit_power_law(series, **settings) for series in (found, known)]
        assert fits[0].alpha == pytest.approx(fits[1].alpha, abs=1e-6)


@pytest.mark.parametrize(
    ("data", "times", "said"),
    [
        ([[1.0, 2.0], []], [0.0, 1.0], r"at each time, got none in data\[1\]"),
        ([[0.0, 0.0], [1.0, 2.0]], [0.0, 1.0], "data at time 0: samples must not all be equal"),
        ([[1.0, 2.0], [5.0]], [0.0, 1.0], "data at time 1: samples must be more than one"),
        (np.ma.masked_greater([[1.0, 2.0]], 1.5), [0.0], r"data\[0\] must have no masked"),
        ([[1.0, 2.0]], np.ma.masked_greater([1.0], 0.5), "times must have no masked"),
    ],
)
def test_what_is_wrong_with_a_time_is_said_of_that_time(data, times, said):
    with pytest.raises(ValueError, match=said):
        density_snapshots(data, None, times, grid=GRID)


def test_times_whose_bins_are_too_coarse_are_told_before():
    outer = np.concatenate([[-np.inf], EDGES, [np.inf]])
    spreads = np.array([0.0, 1e-3, 0.02, 1.0])  # bins of 0.005
    rows = [s * np.random.default_rng(k).normal(size=500) for k, s in enumerate(spreads)]
    counts = np.array([np.histogram(row, outer)[0] for row in rows])
    seen = resolved_times(counts, EDGES)
    assert seen.tolist() == [False, False, False, True]
    density_snapshots(counts[seen], EDGES, np.arange(4.0)[seen], grid=GRID)
    with pytest.raises(ValueError, match="data at time 2: edges must be at most half"):
        density_snapshots(counts[2:], EDGES, [2.0, 3.0], grid=GRID)


@pytest.mark.parametrize("name", ["grid", "times", "density"])
def test_masked_densities_are_refused(name):
    parts = {"grid": np.linspace(-1, 1, 3), "times": np.arange(2.0), "density": np.ones((2, 3))}
    parts[name] = np.ma.masked_equal(parts[name], 1)
    with pytest.raises(ValueError, match=f"{name} must have no masked"):
        DensitySnapshots(**parts)


@pytest.mark.parametrize("factor", [1e-160, 1e160])
def test_a_series_in_another_unit_is_the_same(samples, factor):
    known = density_snapshots(samples, None, TIMES, grid=GRID, symmetry=None)
    scaled = [factor * row for row in samples]
    found = density_snapshots(scaled, None, TIMES, grid=factor * GRID, symmetry=None)
    assert factor * found.density == pytest.approx(known.density, rel=1e-4, abs=1e-30)
    assert found.mean / factor == pytest.approx(known.mean, rel=1e-4, abs=1e-6)
    assert found.skewness == pytest.approx(known.skewness, rel=1e-3)


def test_lists_are_taken_as_arrays():
    assert DensitySnapshots([-1, 0, 1], [0, 1], [[0, 1, 0]] * 2).mass.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": np.ones(24002, int)}, r"data must be counts of shape \(n_times, n_bins\)"),
        ({"data": [], "edges": None}, "data must hold the samples of one time"),
        ({"data": [[1.0, 2.0], [np.nan]], "edges": None}, r"data\[1\] must be finite"),
        ({"times": [1.0, 2.0]}, "times must be 3, one for each of data"),
        ({"times": [1.0, 3.0, 2.0]}, "times must ascend"),
        ({"grid": np.geomspace(1.0, 30.0, 50)}, "grid must be uniform"),
        ({"grid": np.linspace(-30.0, 31.0, 600)}, "grid must be symmetric about zero"),
        ({"grid": np.linspace(-5.0, 5.0, 101)}, "grid must hold the samples, which reach from"),
        ({"support": "all"}, "support must be 'common', 'each' or"),
        ({"support": (2.0, 1.0)}, "support must be 'common', 'each' or"),
        ({"support": (28.0, 29.0)}, "support must hold samples at all times"),
        ({"symmetry": "even"}, "symmetry must be 'average', 'mirror' or None"),
        ({"mass": 1.01}, "mass must be a finite number above 0 and at most 1"),
        ({"sensitivity": 2.0}, "sensitivity must be a finite number at least 0 and at most 1"),
        ({"edges": np.linspace(-20, 20, 24001), "mass": 1.0}, "edges must hold what mass leaves"),
    ],
)
def test_bad_series_are_refused_by_name(counts, changes, said):
    arguments = {"data": counts, "edges": EDGES, "times": TIMES, "grid": GRID} | changes
    if "mass" in changes and "edges" in changes:
        arguments["data"] = counts + 1  # in the outer bins as well
    with pytest.raises(ValueError, match=said):
        density_snapshots(**arguments)
