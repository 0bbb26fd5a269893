"""Sources: when they fire, where the pair appears, and what is conserved."""

import numpy as np
import pytest

from nlbook.dislocations import evolve, periodic_shear_stress, random_dislocations
from nlbook.dislocations.glide import BlowUp
from nlbook.dislocations.glide.sources import FrankReadSources, random_sources

LENGTH = 300.0


def one_source(length=50.0, delay=10.0, x=150.0, y=150.0):
    return FrankReadSources(*(np.array([value]) for value in (x, y, length, delay)))


def alone(stress, n_steps=300, dt=0.1, sources=None, x=0.0, y=0.0):
    """One dislocation far from a source, which feels almost the applied stress alone."""
    return evolve(
        [x], [y], [1], LENGTH,
        dt=dt, n_steps=n_steps, applied_stress=stress, sources=sources or one_source(),
        snapshots=[n_steps],
    )  # fmt: skip


def test_a_source_fires_after_its_time_at_stress_and_not_before():
    run = alone(0.03, n_steps=150)
    # the clock exceeds 10 t0 in the 101st step of 0.1 t0
    assert run.birth_time == pytest.approx([10.1, 10.1])
    assert alone(0.03, n_steps=100).birth_time.size == 0


def test_a_source_below_its_stress_never_fires():
    assert alone(0.0195, n_steps=2000).birth_time.size == 0


def test_time_at_stress_does_not_add_up_over_interruptions():
    # a dislocation that passes 10 b below takes the stress away for a while, as this loop says
    stress, x, clock, clocks = 0.0215, 138.0, 0.0, []
    while clock <= 300.0:
        local = stress + periodic_shear_stress(150.0 - x, 10.0, LENGTH)
        clock = clock + 1.0 if local > 1 / 50 else 0.0
        clocks.append(clock)
        x += stress
    run = alone(stress, n_steps=1500, dt=1.0, sources=one_source(delay=300.0), x=138.0, y=140.0)
    assert max(clocks[:200]) > 50 and min(clocks[200:400]) == 0.0  # it was interrupted
    assert run.birth_time[0] == pytest.approx(len(clocks))


@pytest.mark.parametrize("stress", [0.03, -0.03])
def test_the_pair_appears_in_the_order_in_which_the_stress_drives_it_apart(stress):
    run = alone(stress, n_steps=105)
    positive, negative = (
        run.birth_x[run.burgers_sign[1:] > 0],
        run.birth_x[run.burgers_sign[1:] < 0],
    )
    assert positive - negative == pytest.approx(50.0 * np.sign(stress))
    assert np.mean(run.birth_x) == pytest.approx(150.0)
    assert run.birth_y.tolist() == [150.0, 150.0]


@pytest.mark.parametrize(("factor", "grows"), [(1.1, True), (0.9, False)])
def test_the_critical_stress_balances_the_pair(factor, grows):
    # 1/l against the attraction of a pair l apart on one plane, in a box that adds little
    run = evolve(
        [-25.0, 25.0], [0.0, 0.0], [-1, 1], 1e5,
        dt=0.1, n_steps=500, applied_stress=factor / 50.0, snapshots=[500],
    )  # fmt: skip
    assert (np.diff(run.shift[-1])[0] > 0) == grows


def test_a_pair_that_would_annihilate_at_once_is_lost():
    # a negative dislocation waits where the positive one would appear
    run = evolve(
        [175.5, 100.0], [150.5, 20.0], [-1, 1], LENGTH,
        dt=0.001, n_steps=15, applied_stress=0.05, sources=one_source(delay=0.01),
        snapshots=[15],
    )  # fmt: skip
    assert run.n_lost_pairs == 1
    assert run.birth_time.size == 0


def test_a_pair_on_top_of_a_like_sign_is_lost():
    # the first pair has moved by 0.2 * 0.1 - its own pull when the source fires again
    near = one_source(delay=0.1)
    assert alone(0.2, n_steps=2, dt=0.11, sources=near).n_lost_pairs == 1
    bare = FrankReadSources(near.x, near.y, near.length, near.delay, clearance=0.0)
    assert alone(0.2, n_steps=2, dt=0.11, sources=bare).n_lost_pairs == 0


def test_a_source_fires_again_after_its_time():
    # at 0.2, for at lower stress the first pair holds the second one back
    run = alone(0.2, n_steps=210)
    assert np.unique(run.birth_time) == pytest.approx([10.1, 20.2])


def run_with_sources(x, y, sign, sources, **changes):
    steps = 600
    options = {"dt": 0.05, "n_steps": steps, "applied_stress": 0.05, "snapshots": [0, 300, steps]}
    return evolve(x, y, sign, LENGTH, sources=sources, **(options | changes))


@pytest.fixture(scope="module")
def crowd():
    x, y, sign = random_dislocations(300, LENGTH, 3)
    return x, y, sign, random_sources(12, LENGTH, 4, mean_delay=2.0)


def test_reactions_keep_the_burgers_sum_and_the_parity(crowd):
    run = run_with_sources(*crowd)
    assert run.birth_time.size > 10
    assert np.all(np.sum(run.burgers_sign * run.alive, axis=1) == 0)
    assert np.all(run.number % 2 == 0)


def test_strain_counts_the_slip_of_each_birth(crowd):
    x, y, sign, sources = crowd
    run = run_with_sources(x, y, sign, sources)
    pairs = run.birth_x.reshape(-1, 2)  # positive first
    births = np.sum(pairs[:, 0] - pairs[:, 1])
    slip = np.sum(run.burgers_sign * run.shift[-1]) + births
    assert run.strain[-1] == pytest.approx(slip / LENGTH**2, rel=1e-10)


def test_storage_order_does_not_matter_to_the_bit(crowd):
    x, y, sign, sources = crowd
    order, turn = (
        np.random.default_rng(0).permutation(300),
        np.random.default_rng(1).permutation(12),
    )
    mixed = FrankReadSources(
        sources.x[turn], sources.y[turn], sources.length[turn], sources.delay[turn]
    )
    one = run_with_sources(x, y, sign, sources)
    two = run_with_sources(x[order], y[order], sign[order], mixed)
    assert np.array_equal(one.birth_x, two.birth_x)
    assert np.array_equal(one.number, two.number)
    assert np.array_equal(one.shift[-1][:300][order], two.shift[-1][:300])


def test_a_mirrored_crystal_is_mirrored_to_the_bit(crowd):
    # x -> -x with all signs turned; a pair's dislocations then come in the other order
    x, y, sign, sources = crowd
    mirrored = FrankReadSources(-sources.x, sources.y, sources.length, sources.delay)
    one = run_with_sources(x, y, sign, sources)
    two = run_with_sources(-x, y, -sign, mirrored)
    assert np.array_equal(one.shift[-1][:300], -two.shift[-1][:300])
    assert np.array_equal(one.alive[:, :300], two.alive[:, :300])
    assert np.array_equal(one.birth_time, two.birth_time)
    swapped = two.birth_x.reshape(-1, 2)[:, ::-1].ravel()
    assert np.array_equal(one.birth_x, -swapped)


def test_sources_that_never_fire_change_nothing(crowd):
    x, y, sign, sources = crowd
    idle = FrankReadSources(sources.x, sources.y, np.full(12, 1e-3), sources.delay)
    with_idle = run_with_sources(x, y, sign, idle, n_steps=50, snapshots=[50])
    without = run_with_sources(x, y, sign, None, n_steps=50, snapshots=[50])
    assert with_idle.birth_time.size == 0
    # more entries in a strip only regroup sums: rounding, amplified over 2.5 t0
    assert np.max(np.abs(with_idle.shift[-1] - without.shift[-1])) < 1e-9


def test_the_source_feels_the_periodic_stress_of_all():
    # fires if its stress by the plain sum exceeds 1/l, and not otherwise
    x, y, sign = random_dislocations(40, LENGTH, 8)
    local = periodic_shear_stress(150.0 - x, 150.0 - y, LENGTH) @ sign
    kwargs = {"dt": 1e-6, "n_steps": 3, "annihilation_distance": 0.0}
    above, below = (
        evolve(x, y, sign, LENGTH, sources=one_source(factor / abs(local), 1e-6), **kwargs)
        for factor in (1.001, 0.999)
    )
    assert above.birth_time.size == 2
    assert below.birth_time.size == 0


def test_random_sources_have_the_stated_moments():
    sources = random_sources(20_000, LENGTH, 0, mean_length=50.0, mean_delay=10.0, variance=5.0)
    # standard error of the mean sqrt(5/20000) = 0.016, of the variance 5 sqrt(2/20000) = 0.05
    for values, mean in ((sources.length, 50.0), (sources.delay, 10.0)):
        assert np.mean(values) == pytest.approx(mean, abs=0.06)
        assert np.var(values) == pytest.approx(5.0, abs=0.2)
    assert np.min(sources.delay) > 0


def test_no_random_source_is_as_long_as_the_box():
    lengths = random_sources(1000, 53.0, 0, mean_length=50.0, variance=5.0).length
    assert 50.5 < np.max(lengths) < 51.0  # 2 b of each other through the boundary


def test_sources_may_be_given_as_lists():
    listed = alone(0.03, n_steps=105, sources=FrankReadSources([150], [150.0], [50], [10]))
    assert np.array_equal(listed.birth_x, alone(0.03, n_steps=105).birth_x)
    assert listed.birth_x.size == 2


def test_a_step_that_is_far_too_long_stops_with_the_pair_at_fault():
    with pytest.raises(BlowUp, match=r"t = 0 t0.*dislocation 1 .*paired with 2"):
        evolve(
            [10.0, 150.0, 150.001], [10.0, 90.0, 90.0], [1, 1, 1], LENGTH,
            dt=1.0, n_steps=3, annihilation_distance=0.0,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"length": np.array([-1.0])}, "length"),
        ({"delay": np.array([0.0])}, "delay"),
        ({"x": np.array([np.nan])}, "x"),
        ({"y": np.array([1.0, 2.0])}, "shape"),
    ],
)
def test_sources_that_make_no_sense_are_refused_by_name(change, named):
    good = {name: np.array([50.0]) for name in ("x", "y", "length", "delay")}
    with pytest.raises(ValueError, match=named):
        FrankReadSources(**(good | change))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"count": -1}, "count"),
        ({"count": 2.5}, "count"),
        ({"box_length": -1.0}, "box_length"),
        ({"mean_length": 0.0}, "mean_length"),
        ({"mean_length": LENGTH}, "mean_length"),
        ({"mean_delay": np.nan}, "mean_delay"),
        ({"variance": -1.0}, "variance"),
        ({"clearance": -1.0}, "clearance"),
    ],
)
def test_random_sources_that_make_no_sense_are_refused_by_name(change, named):
    good = {"count": 3, "box_length": LENGTH, "seed": 0}
    with pytest.raises(ValueError, match=named):
        random_sources(**(good | change))
