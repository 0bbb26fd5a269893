import numpy as np
import pytest
from scipy import stats

from nlbook.diffusion import NonlocalDiffusion
from nlbook.identification import walking_counts
from nlbook.identification.uncertainty.walks import displacement_law
from nlbook.kernels import PowerLawKernel

H = 0.1
GRID = H * np.arange(-100, 101)
EDGES = np.linspace(-10.05, 10.05, 202)  # a node in the middle of each bin
KERNEL = PowerLawKernel(2.2, 1.0)


def operator(rule="covered"):
    return NonlocalDiffusion(KERNEL, GRID, rule=rule, exceed_grid=True)


@pytest.mark.parametrize("rule", ["covered", "nodes"])
@pytest.mark.parametrize("time", [1e-3, 0.1, 0.4])
def test_the_law_of_displacements_is_the_operator_s_evolution(rule, time):
    law, middle = displacement_law(operator(rule), time)
    start = np.zeros(GRID.size)
    start[100] = 1.0
    exact = operator(rule).evolve(start, time, 1, method="exact", check=False)
    near = law[middle - 60 : middle + 61]
    np.testing.assert_allclose(near, exact[40:161], atol=1e-13)  # its ends are far
    assert law.sum() == pytest.approx(1.0, abs=1e-14)
    cells = np.arange(law.size) - middle
    rate = 2 * operator(rule).weights @ np.arange(1.0, operator(rule).weights.size + 1) ** 2
    assert law @ cells**2 == pytest.approx(time * rate, rel=1e-9)


def test_counts_have_the_law_at_each_time_and_from_one_to_the_next():
    start = np.zeros(201)
    start[100] = 200_000
    times = np.array([0.0, 0.2, 0.5])
    counts = walking_counts(operator(), 0.8, times, start, EDGES, 5)
    assert counts.shape == (3, 203)
    np.testing.assert_array_equal(counts[0, 1:-1], start)
    point = np.zeros(GRID.size)
    point[100] = 1.0
    for row, t in zip(counts[1:], times[1:], strict=True):
        expected = 200_000 * operator().evolve(point, 0.8 * t, 1, method="exact", check=False)
        used = expected > 5
        chi = np.sum((row[1:-1][used] - expected[used]) ** 2 / expected[used])
        # a false alarm in a thousand
        assert chi < stats.chi2.ppf(0.999, np.count_nonzero(used))
    # particles remember: who is at the start at both times is more often there than by chance
    again = walking_counts(operator(), 0.8, times, start, EDGES, 6)
    assert np.any(again[1] != counts[1])
    np.testing.assert_array_equal(walking_counts(operator(), 0.8, times, start, EDGES, 5), counts)


def test_counts_at_two_times_are_correlated_as_those_of_particles_are():
    start = np.zeros(201)
    start[100] = 400
    times = np.array([0.0, 0.2, 0.5])
    near = slice(95, 106)  # bins, without those beyond the ends
    found = np.array(
        [
            walking_counts(operator(), 0.8, times, start, EDGES, (9, k))[1:, 1:-1][:, near].sum(1)
            for k in range(400)
        ]
    )
    point = np.zeros(GRID.size)
    point[100] = 1.0

    def after(p, t):
        return operator().evolve(p, 0.8 * t, 1, method="exact", check=False)

    first, kept = after(point, 0.2), np.zeros(GRID.size)
    kept[near] = first[near]
    both = after(kept, 0.3)[near].sum()
    expected = 400 * (both - first[near].sum() * after(point, 0.5)[near].sum())
    covariance = np.cov(found.T)[0, 1]
    error = np.sqrt((found[:, 0].var() * found[:, 1].var() + covariance**2) / 400)
    assert covariance == pytest.approx(expected, abs=4 * error)
    assert expected > 4 * error


def test_particles_leave_by_chance_alone():
    start = np.zeros(201)
    start[[50, 150]] = 50_000
    times, numbers = np.array([0.0, 0.1, 0.2]), np.array([100_000, 90_000, 95_000])
    counts = walking_counts(operator(), 0.8, times, start, EDGES, 1, numbers=numbers)
    np.testing.assert_array_equal(counts.sum(axis=1), [100_000, 90_000, 90_000])
    left = counts[1, :102].sum()
    assert left == pytest.approx(45_000, abs=4 * np.sqrt(90_000 / 4))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start_counts": np.full(201, 0.5)}, "start_counts must be 201 or 203 counts"),
        ({"start_counts": np.ones(7)}, "start_counts must be 201 or 203 counts"),
        ({"start_counts": np.ma.masked_less(np.zeros(201), 1)}, "start_counts must have no masked"),
        ({"times": [0.0]}, "times must be two or more that ascend"),
        ({"edges": EDGES**3}, "edges must be uniform"),
        ({"numbers": [1.0]}, "numbers must be 2, one a time"),
    ],
)
def test_what_cannot_be_counted_is_refused(change, named):
    options = {"times": [0.0, 1.0], "start_counts": np.ones(201), "edges": EDGES} | change
    with pytest.raises(ValueError, match=named):
        walking_counts(operator(), 1.0, seed=0, **options)
