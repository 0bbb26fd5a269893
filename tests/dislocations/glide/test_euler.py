"""Glide against exact solutions of one and two dislocations, order of Euler, conservation."""

import numpy as np
import pytest

from nlbook.dislocations import evolve, internal_stress, periodic_shear_stress, random_dislocations

LENGTH = 300.0
OPEN = 1e5  # a box so large that images do not count: their stress gradient is 1e-10
ZERO = {"annihilation_distance": 0.0}


def move(x, y, sign, box_length=OPEN, **kwargs):
    """Positions and signs at the end."""
    steps = kwargs["n_steps"]
    run = evolve(x, y, sign, box_length, snapshots=[steps], **kwargs)
    return np.asarray(x) + run.shift[-1], run.alive[-1], run


def plain_euler(x, y, sign, dt, n_steps, applied_stress):
    """Forward Euler with the double loop over pairs."""
    x = np.array(x)
    for _ in range(n_steps):
        pair = periodic_shear_stress(x[:, None] - x, y[:, None] - y, LENGTH)
        x += dt * sign * (pair @ sign + applied_stress)
    return x


def test_euler_equals_the_plain_loop():
    x, y, sign = random_dislocations(40, LENGTH, 3)
    got, _, _ = move(x, y, sign, LENGTH, dt=0.05, n_steps=100, applied_stress=0.0125, **ZERO)
    expected = plain_euler(x, y, sign, 0.05, 100, 0.0125)
    # 1e-9/L a pair and step over 5 t0, amplified while close pairs turn
    assert np.max(np.abs(got - expected)) < 1e-9


def test_a_single_dislocation_glides_at_the_applied_stress():
    got, _, run = move([10.0], [3.0], [-1.0], dt=0.01, n_steps=1000, applied_stress=0.0125)
    assert got[0] == pytest.approx(10.0 - 0.0125 * 10.0, abs=1e-12)
    assert run.strain[-1] == pytest.approx(0.125 / OPEN**2, rel=1e-12)


def test_opposite_signs_on_one_plane_close_as_the_square_root():
    x, _, _ = move([-5.0, 5.0], [7.0, 7.0], [1.0, -1.0], dt=1e-4, n_steps=100_000, **ZERO)
    # x**2 = x0**2 - 4 t with x0 = 10, t = 10; Euler's x**2 errs by 2 dt log(x0/x) = 5e-5
    assert (x[1] - x[0]) ** 2 == pytest.approx(60.0, abs=1e-4)


def test_a_dipole_rests_where_x_equals_y():
    x, _, _ = move([0.0, 7.0], [0.0, 4.0], [1.0, -1.0], dt=0.05, n_steps=20_000, **ZERO)
    assert x[1] - x[0] == pytest.approx(4.0, abs=1e-6)


def test_like_signs_rest_above_each_other():
    x, _, _ = move([0.0, 3.0], [0.0, 4.0], [1.0, 1.0], dt=0.05, n_steps=20_000, **ZERO)
    assert x[1] - x[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("factor", "passes"), [(0.97, False), (1.03, True)])
def test_a_dipole_passes_at_one_over_four_heights(factor, passes):
    height = 5.0
    x, _, _ = move(
        [0.0, height],
        [0.0, height],
        [-1.0, 1.0],
        dt=0.1,
        n_steps=100_000,
        applied_stress=factor / (4 * height),
        **ZERO,
    )
    assert (x[1] - x[0] > 20 * height) == passes


def test_euler_is_of_order_one():
    x, y, sign = random_dislocations(60, LENGTH, 5)
    ends = [
        move(x, y, sign, LENGTH, dt=0.5 / n, n_steps=n, applied_stress=0.0125, **ZERO)[0]
        for n in (200, 400, 800, 1600)
    ]
    errors = [np.max(np.abs(a - b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders[-1] == pytest.approx(1.0, abs=0.05)  # the next term is of order dt itself


def test_the_collective_velocity_of_a_neutral_box_vanishes():
    x, y, sign = random_dislocations(200, LENGTH, 1)
    velocity = sign * (internal_stress(x, y, sign, LENGTH) + 0.0125)
    assert abs(np.mean(velocity)) < 1e-13 * np.mean(np.abs(velocity)) * x.size


def test_strain_is_the_signed_sum_of_shifts_without_annihilation():
    x, y, sign = random_dislocations(60, LENGTH, 2)
    run = evolve(
        x, y, sign, LENGTH, dt=0.01, n_steps=500, applied_stress=0.02, snapshots=[500], **ZERO
    )
    assert run.strain[-1] == pytest.approx(np.sum(sign * run.shift[-1]) / LENGTH**2, rel=1e-11)


def test_strain_keeps_the_slip_of_the_vanished():
    x, y, sign = random_dislocations(300, LENGTH, 2)
    run = evolve(x, y, sign, LENGTH, dt=0.2, n_steps=400, snapshots=[400])
    assert run.number[-1] < run.number[0] - 10
    # shifts of the vanished stop where they ended, so the sum over all is the strain
    assert run.strain[-1] == pytest.approx(np.sum(sign * run.shift[-1]) / LENGTH**2, rel=1e-10)


def test_annihilation_keeps_the_burgers_sum_and_the_parity():
    x, y, sign = random_dislocations(300, LENGTH, 4)
    run = evolve(x, y, sign, LENGTH, dt=0.5, n_steps=300, snapshots=[0, 150, 300])
    assert np.all(np.sum(sign * run.alive, axis=1) == 0)
    assert np.all(run.number % 2 == 0)
    assert np.all(np.diff(run.number) <= 0)


def test_the_nearest_pair_annihilates_first():
    # the middle one is within 2 b of both; only its nearer neighbour goes with it
    run = evolve(
        [0.0, 1.6, 2.6], [0.0, 0.0, 0.0], [1, -1, 1], LENGTH, dt=0.01, n_steps=0, snapshots=[0]
    )
    assert run.alive[0].tolist() == [True, False, False]


def test_pairs_meet_across_the_boundaries():
    run = evolve(
        [0.2, 299.7, 50.0, 50.1],
        [10.0, 10.1, 299.8, 0.4],
        [1, -1, 1, -1],
        LENGTH,
        dt=0.01,
        n_steps=0,
        snapshots=[0],
    )
    assert not np.any(run.alive)


def test_like_signs_never_annihilate():
    run = evolve([0.0, 0.5], [0.0, 0.5], [1, 1], LENGTH, dt=0.01, n_steps=5, snapshots=[5])
    assert np.all(run.alive)


def test_storage_order_does_not_matter_to_the_bit():
    x, y, sign = random_dislocations(200, LENGTH, 9)
    order = np.random.default_rng(0).permutation(200)
    kwargs = {"dt": 1.0, "n_steps": 300, "snapshots": [300]}
    one = evolve(x, y, sign, LENGTH, **kwargs)
    other = evolve(x[order], y[order], sign[order], LENGTH, **kwargs)
    assert np.array_equal(one.alive[0][order], other.alive[0])
    assert np.array_equal(one.shift[0][order], other.shift[0])


def test_a_mirrored_crystal_glides_mirrored():
    # x -> -x with all signs turned is a symmetry; sums of pairs run in the same order
    x, y, sign = random_dislocations(100, LENGTH, 6)
    one = evolve(x, y, sign, LENGTH, dt=0.05, n_steps=100, applied_stress=0.01, snapshots=[100])
    two = evolve(-x, y, -sign, LENGTH, dt=0.05, n_steps=100, applied_stress=0.01, snapshots=[100])
    assert np.array_equal(one.alive, two.alive)
    np.testing.assert_allclose(two.shift, -one.shift, rtol=0, atol=1e-9)


def test_the_paper_s_step_flips_a_bound_pair_for_ever():
    # like signs 0.8 b apart in y: unstable at dt = 1 > y**2, at rest at dt = 0.1 < y**2
    kwargs = {"n_steps": 2000, "snapshots": [1999, 2000], "annihilation_distance": 0.0}
    flips = evolve([0.0, 0.1], [0.0, 0.8], [1, 1], LENGTH, dt=1.0, **kwargs)
    rests = evolve([0.0, 0.1], [0.0, 0.8], [1, 1], LENGTH, dt=0.1, **kwargs)
    assert np.abs(np.diff(flips.shift[:, 0])) > 0.1
    assert np.abs(np.diff(rests.shift[:, 0])) < 1e-12


def test_the_series_starts_at_zero_and_ends_with_the_run():
    x, y, sign = random_dislocations(20, LENGTH, 1)
    run = evolve(x, y, sign, LENGTH, dt=0.5, n_steps=25, records=range(0, 26, 10))
    assert run.time.tolist() == [0.0, 5.0, 10.0, 12.5]
    assert run.strain[0] == 0.0


def test_random_dislocations_are_neutral_and_in_the_box():
    x, y, sign = random_dislocations(1000, LENGTH, 0)
    assert np.sum(sign) == 0
    assert np.all((x >= 0) & (x < LENGTH) & (y >= 0) & (y < LENGTH))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"dt": 0.0}, "dt"),
        ({"dt": np.nan}, "dt"),
        ({"n_steps": -1}, "n_steps"),
        ({"n_steps": 2.5}, "n_steps"),
        ({"count_speeds_every": 0.5}, "count_speeds_every"),
        ({"records": [-1, 3]}, "records"),
        ({"applied_stress": np.inf}, "applied_stress"),
        ({"annihilation_distance": -1.0}, "annihilation_distance"),
        ({"annihilation_distance": LENGTH / 2}, "annihilation_distance"),
        ({"images": "some"}, "images"),
        ({"snapshots": [3, 2]}, "snapshots"),
        ({"snapshots": [11]}, "snapshots"),
        ({"snapshots": [1.5]}, "snapshots"),
        ({"records": [2.0]}, "records"),
        ({"x": [0.0, np.nan]}, "x must be finite"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, named):
    good = {
        "x": [0.0, 9.0],
        "y": [0.0, 5.0],
        "burgers_sign": [1, -1],
        "box_length": LENGTH,
        "dt": 0.1,
        "n_steps": 10,
    }
    with pytest.raises(ValueError, match=named):
        evolve(**(good | arguments))


@pytest.mark.parametrize("count", [0, 3, -2, 4.0])
def test_an_odd_or_empty_crowd_is_refused(count):
    with pytest.raises(ValueError, match="count"):
        random_dislocations(count, LENGTH, 0)


@pytest.mark.parametrize("box_length", [0.0, -10.0, np.nan])
def test_a_box_that_is_none_is_refused(box_length):
    with pytest.raises(ValueError, match="box_length"):
        random_dislocations(4, box_length, 1)


def test_where_arrays_lie_in_memory_changes_nothing():
    # a thousand dislocations relax chaotically: the last bit of a sum grows to all of them
    crystal = random_dislocations(1000, 250.0, 3)
    chance = np.random.default_rng(4)
    kept, ends = [], set()
    for _ in range(10):
        run = evolve(*crystal, 250.0, dt=1.0, n_steps=30, snapshots=[30])
        ends.add(run.shift.tobytes())
        kept.append(np.empty(chance.integers(1, 100_000)))  # what comes next lies elsewhere
    assert len(ends) == 1
