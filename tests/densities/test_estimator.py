"""Density estimates against the plain sums, and the facts that hold for them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nlbook.densities import adaptive_bandwidths, adaptive_kde, adaptive_kde_from_counts
from tests.densities.plain import large_kde, plain_kde

GRID = np.linspace(-20.0, 20.0, 201)

# What the binned sum may differ from the direct one, relative: its promise.
BINNED = 1e-4
# What the polynomial in the direct sum may: 3e-9 a kernel, in the widths and in the sum, where
# it counts u**2 times.
DIRECT = 1e-7

LAWS = {
    "normal": stats.norm(),
    "Student": stats.t(3),
    "Cauchy": stats.cauchy(),
    "stable": stats.levy_stable(1.5, 0.0),
    "uniform": stats.uniform(-1, 2),
}


def sample(law: str, n: int, seed: int = 1) -> np.ndarray:
    return np.asarray(LAWS[law].rvs(n, random_state=np.random.default_rng(seed)))


def inside(grid: np.ndarray, samples: np.ndarray) -> np.ndarray:
    return (grid >= samples.min()) & (grid <= samples.max())


@pytest.mark.parametrize("law", LAWS)
def test_the_direct_estimate_is_its_equations(law):
    samples = sample(law, 1500)
    plain = plain_kde(samples, GRID)
    seen = plain > 1e-250
    found = adaptive_kde(samples, GRID, method="direct")
    assert found[seen] == pytest.approx(plain[seen], rel=DIRECT)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [30, 1000, 20_000])
def test_the_binned_estimate_is_the_direct_one_tails_included(law, n):
    samples = sample(law, n)
    grid = np.linspace(samples.min(), samples.max(), 301)
    direct = adaptive_kde(samples, grid, method="direct")
    assert adaptive_kde(samples, grid) == pytest.approx(direct, rel=BINNED)


def gaps(n: int) -> dict[str, np.ndarray]:
    """Samples with edges, gaps between them and outliers, and with a pilot wider than what it sees.

    With cells of one bandwidth each, and no finer ones where they face a gap, the sums were 1e-4 to
    3e-3 apart between samples and 2e-1 beyond the outermost.
    """
    g = np.random.default_rng(3)
    normal, half = g.normal(size=n), n // 2
    return {
        "uniform": g.uniform(-1, 1, n),
        "two normals": np.r_[g.normal(-4, 1, half), g.normal(4, 1, half)],
        "two far apart": np.r_[g.normal(-20, 1, half), g.normal(20, 1, half)],
        "two uniforms": np.r_[g.uniform(-3, -1, half), g.uniform(1, 3, half)],
        "mirrored exponential": np.r_[-g.exponential(size=half), g.exponential(size=half)],
        "holes": normal[(np.abs(normal) > 0.7) & (np.abs(normal - 1.5) > 0.2)],
        "outliers": np.r_[normal, 40.0, 41.5, -60.0],
        "rounded": np.round(normal, 1),
    }


@pytest.mark.parametrize("sensitivity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("law", gaps(4))
def test_the_binned_estimate_is_the_direct_one_in_gaps_and_beyond_the_outermost(law, sensitivity):
    samples = gaps(3000)[law]
    reach = 14 * 1.06 * samples.std() * samples.size**-0.2
    grid = np.linspace(samples.min() - reach, samples.max() + reach, 1501)
    widths = adaptive_bandwidths(samples, sensitivity)
    seen = np.min(np.abs(grid[:, None] - samples) / widths, axis=1) < 10.0
    direct = adaptive_kde(samples, grid, sensitivity, method="direct")
    assert adaptive_kde(samples, grid, sensitivity)[seen] == pytest.approx(direct[seen], rel=BINNED)


@pytest.mark.slow
def test_the_estimate_of_a_million_samples_is_the_direct_one():
    samples = sample("Student", 1_000_000)
    grid = np.linspace(-40.0, 40.0, 401)
    direct, pilot_error = large_kde(samples, grid)
    assert pilot_error < 1e-6  # of that sum's own pilot, which enters as its square root
    assert adaptive_kde(samples, grid) == pytest.approx(direct, rel=BINNED)


@pytest.mark.parametrize("sensitivity", [0.0, 0.5])
def test_nodes_that_are_not_uniform_get_the_same_values(sensitivity):
    samples = sample("Student", 3000)
    some = np.unique(np.random.default_rng(6).integers(0, GRID.size, 60))
    known = adaptive_kde(samples, GRID, sensitivity)[some]  # kernels in blocks of nodes
    # the blocks' factors add an error of 3e-9 to the exponent at each node
    assert adaptive_kde(samples, GRID[some], sensitivity) == pytest.approx(known, rel=1e-6)


def test_kernels_are_cut_where_nothing_is_left_of_them():
    found = adaptive_kde([0.0, 1.0], np.linspace(-60.0, 60.0, 1201), bandwidth=1.0)
    assert np.all(found[np.abs(np.linspace(-60.0, 60.0, 1201)) > 18] == 0)  # 12 widths and a block
    assert found.min() == 0
    # the exponential is good to 3e-9
    assert np.sum(found) * 0.1 == pytest.approx(1.0, abs=1e-8)


def test_clusters_far_narrower_than_the_gaps_between_them_are_resolved():
    generator = np.random.default_rng(4)
    samples = np.concatenate([m + 1e-3 * generator.normal(size=3000) for m in (-9.0, 0.0, 7.0)])
    grid = np.linspace(-9.005, -8.995, 101)
    kept = {"bandwidth": 2e-4}
    direct = adaptive_kde(samples, grid, method="direct", **kept)
    assert adaptive_kde(samples, grid, **kept) == pytest.approx(direct, rel=BINNED)


def test_bandwidths_far_below_the_pilot_s_are_resolved():
    generator = np.random.default_rng(5)
    samples = np.append(generator.normal(0.0, 0.01, 1500), generator.uniform(-1e6, 1e6, 1500))
    grid = np.linspace(-5.0, 5.0, 2001)
    direct = adaptive_kde(samples, grid, 1.0, "direct", bandwidth=1.0)
    found = adaptive_kde(samples, grid, 1.0, bandwidth=1.0)
    # bandwidths of a hundredth of the pilot's; cells of the pilot alone err by 3e-3 here, and
    # give negative values with more samples
    assert found.min() > 0
    assert np.abs(found - direct).max() < BINNED * direct.max()


def test_a_range_of_far_more_bandwidths_than_samples_is_no_burden():
    samples = np.append(sample("Cauchy", 2000), [1e9, -1e9])
    direct = adaptive_kde(samples, GRID, method="direct", bandwidth=0.1)
    # some cells hold several samples still
    assert adaptive_kde(samples, GRID, bandwidth=0.1) == pytest.approx(direct, rel=BINNED)


@pytest.mark.parametrize("method", ["binned", "direct"])
def test_without_sensitivity_it_is_scipy_s_estimate_of_the_same_bandwidth(method):
    samples = sample("Student", 800)
    factor = 1.06 * samples.size**-0.2
    known = stats.gaussian_kde(samples, bw_method=factor)(GRID)
    found = adaptive_kde(samples, GRID, 0.0, method)
    seen = inside(GRID, samples)
    assert found[seen] == pytest.approx(known[seen], rel=BINNED)


def test_with_a_fixed_bandwidth_it_adds_over_samples():
    one, two = sample("Student", 500, 1), sample("normal", 1500, 2)
    found = adaptive_kde(np.append(one, two), GRID, 0.0, bandwidth=0.3)
    parts = [adaptive_kde(part, GRID, 0.0, bandwidth=0.3) for part in (one, two)]
    assert found == pytest.approx((500 * parts[0] + 1500 * parts[1]) / 2000, rel=BINNED)


def test_the_bandwidth_of_a_sample_is_lowered_where_samples_are_dense():
    samples = sample("Student", 4000)
    fixed, adaptive = (adaptive_kde(samples, GRID, xi, bandwidth=0.4) for xi in (0.0, 0.5))
    truth = LAWS["Student"].pdf(GRID)
    middle = np.argmin(np.abs(GRID))
    assert truth[middle] > adaptive[middle] > fixed[middle]


def test_an_estimate_with_the_bandwidths_handed_out_is_the_same():
    samples = sample("Student", 2000)
    widths = adaptive_bandwidths(samples)[:, None]
    kernels = np.exp(-0.5 * ((GRID - samples[:, None]) / widths) ** 2) / widths
    known = kernels.mean(axis=0) / np.sqrt(2 * np.pi)
    # in a cell log w is taken as quadratic
    assert adaptive_kde(samples, GRID) == pytest.approx(known, rel=BINNED)
    assert adaptive_bandwidths(samples, 0.0, 0.3) == pytest.approx(np.full(2000, 0.3))


@pytest.mark.parametrize("method", ["binned", "direct"])
@settings(max_examples=20, deadline=None)
@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-10.0, 10.0),
    mirrored=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_it_follows_affine_maps(method, scale, shift, mirrored, seed):
    samples = sample("Student", 300, seed)
    grid = np.linspace(samples.min(), samples.max(), 60)
    known = adaptive_kde(samples, grid, method=method)
    factor = -scale if mirrored else scale
    mapped = np.sort(factor * grid + shift * scale)
    found = adaptive_kde(factor * samples + shift * scale, mapped, method=method)
    if mirrored:
        found = found[::-1]
    assert scale * found == pytest.approx(known, rel=2 * BINNED if method == "binned" else 1e-6)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.lists(st.floats(-50.0, 50.0), min_size=2, max_size=40).filter(
        lambda found: max(found) - min(found) > 1e-3
    ),
    sensitivity=st.floats(0.0, 1.0),
)
def test_any_samples_give_a_density_of_mass_one(samples, sensitivity):
    values = np.array(samples)
    pilot_width = 1.06 * values.std(ddof=1) * values.size**-0.2
    # the widest kernel of n samples: p0 of a lonely one is at least G/n, of all at most n times
    reach = 40.0 * pilot_width * values.size**sensitivity
    grid = np.linspace(values.min() - reach, values.max() + reach, 4001)
    density = adaptive_kde(values, grid, sensitivity, bandwidth=max(pilot_width, grid[1] - grid[0]))
    assert np.all(density >= 0)
    # kernels narrower than the spacing, by at most n**(-xi), escape the sum over nodes
    fine = pilot_width * values.size**-sensitivity > grid[1] - grid[0]
    if fine:
        assert np.sum(density) * (grid[1] - grid[0]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("law", "slope"), [("Student", -4.0), ("Cauchy", -2.0), ("stable", -2.5)])
def test_heavy_tails_keep_their_slope(law, slope):
    samples = sample(law, 200_000)
    width = 1.06 * 0.7413 * stats.iqr(samples) * samples.size**-0.2
    truth = LAWS[law]
    ends = -truth.ppf([1e-2, 2e-4]) if law != "stable" else np.array([8.0, 80.0])
    grid = np.geomspace(*ends, 60)
    density = adaptive_kde(samples, grid, bandwidth=width)
    exact = np.polyfit(np.log(grid), np.log(truth.pdf(grid)), 1)[0]
    found = np.polyfit(np.log(grid), np.log(density), 1)[0]
    # 40 samples beyond the far end scatter the slope over a factor of ten by some 0.1
    assert found == pytest.approx(exact, abs=0.2)
    assert exact == pytest.approx(slope, abs=0.35)  # the window is not yet the asymptote


def test_a_fixed_bandwidth_breaks_heavy_tails_into_bumps():
    samples = sample("Student", 20_000)
    truth = LAWS["Student"]
    grid = np.linspace(8.0, 30.0, 200)
    errors = [
        np.std(np.log(np.maximum(adaptive_kde(samples, grid, xi), 1e-300) / truth.pdf(grid)))
        for xi in (0.0, 0.5)
    ]
    assert errors[1] < 0.5 < 5.0 < errors[0]


def test_whole_weights_count_samples():
    samples = sample("Student", 200)
    weights = np.random.default_rng(3).integers(1, 5, samples.size)
    found = adaptive_kde(samples, GRID, bandwidth=0.5, weights=weights)
    repeated = adaptive_kde(np.repeat(samples, weights), GRID, bandwidth=0.5)
    assert found == pytest.approx(repeated, rel=BINNED)


def test_weights_enter_the_rule_by_their_effective_number():
    samples = sample("normal", 300)
    weights = np.random.default_rng(3).uniform(0.5, 2.0, samples.size)
    found = adaptive_kde(samples, GRID, method="direct", weights=weights)
    known = plain_kde(samples, GRID, weights=weights)
    assert found == pytest.approx(known, rel=DIRECT, abs=1e-250)
    equal = adaptive_kde(samples, GRID, method="direct", weights=np.full(samples.size, 7.0))
    assert equal == pytest.approx(adaptive_kde(samples, GRID, method="direct"), rel=1e-9)


def test_trimming_leaves_out_the_same_number_at_each_end():
    samples = np.random.default_rng(5).permutation(sample("Cauchy", 1000))
    kept = np.sort(samples)[25:-25]
    found = adaptive_kde(samples, GRID, mass=0.95)
    assert found == pytest.approx(adaptive_kde(kept, GRID), rel=1e-9)


def test_neither_order_nor_type_of_samples_matters():
    samples = np.round(sample("normal", 500), 2)
    known = adaptive_kde(samples, GRID)
    assert adaptive_kde(samples[::-1].tolist(), GRID.tolist()) == pytest.approx(known, rel=1e-9)


def test_counts_in_bins_stand_for_samples_in_their_middles():
    samples = sample("Student", 5000)
    edges = np.linspace(-40.0, 40.0, 8001)
    counts = np.histogram(samples, edges)[0]
    centres = 0.5 * (edges[1:] + edges[:-1])
    found = adaptive_kde_from_counts(counts, edges, GRID)
    assert found == pytest.approx(adaptive_kde(np.repeat(centres, counts), GRID), rel=BINNED)
    # and so for the samples themselves: bins of a twentieth of the bandwidth, 0.2
    assert found == pytest.approx(adaptive_kde(samples, GRID), rel=5e-3)


def test_rows_of_counts_are_estimated_one_by_one():
    edges = np.linspace(-40.0, 40.0, 4001)
    rows = np.array([np.histogram(sample("Student", 4000, s), edges)[0] for s in range(6)])
    found = adaptive_kde_from_counts(rows.reshape(2, 3, -1), edges, GRID)
    assert found.shape == (2, 3, GRID.size)
    assert np.array_equal(found[1, 2], adaptive_kde_from_counts(rows[5], edges, GRID))


def test_counts_are_trimmed_as_samples_are():
    samples = np.round(sample("Student", 20_000), 2) + 0.005
    edges = np.arange(-30.0, 30.001, 0.01)
    counts = np.histogram(samples, np.concatenate([[-1e9], edges, [1e9]]))[0]
    assert counts[0] > 0
    found = adaptive_kde_from_counts(counts, edges, GRID, mass=0.999)
    assert found == pytest.approx(adaptive_kde(samples, GRID, mass=0.999), rel=BINNED)
