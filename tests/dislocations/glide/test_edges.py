"""Inputs at the edge: places that are one place, sources as long as the box, masks, scales."""

import warnings

import numpy as np
import pytest

from nlbook import dislocations
from nlbook.dislocations import (
    CreepProtocol,
    FrankReadSources,
    evolve,
    evolve_adaptive,
    fit_tail_samples,
    internal_stress,
    periodic_shear_stress,
    random_sources,
    simulate_creep,
)
from nlbook.dislocations.glide import interaction

BOX = 100.0
EDGES = dislocations.speed_bins()


def masked(values, hidden=0):
    array = np.ma.array(values, dtype=float, mask=False)
    array[hidden] = np.ma.masked
    return array


@pytest.mark.parametrize("tiny", [0.0, -0.0, -1e-17, -1e-300])
def test_a_place_just_below_zero_is_the_place_zero(tiny):
    # the remainder of -1e-17 rounds to the box itself
    for place in ([10.0, tiny], [tiny, 10.0]):
        same = [place[0] if place[0] == 10.0 else 0.0, place[1] if place[1] == 10.0 else 0.0]
        x, y = np.array([same, place]).T
        with pytest.raises(ValueError, match="positions must differ"):
            internal_stress(x, y, [1, -1], BOX)
        with pytest.raises(ValueError, match="positions must differ"):
            evolve_adaptive(x, y, [1, -1], BOX, duration=1.0)


def test_all_places_lie_in_the_box():
    y = np.array([-1e-17, 0.5 * BOX, -1e-300 + BOX, 3 * BOX])
    inside = interaction.wrap(y, BOX)
    assert inside.tolist() == [0.0, 0.5 * BOX, 0.0, 0.0]


def test_a_pair_s_stress_is_as_accurate_as_is_said():
    # 1e-9/L, and 1e-15 L/r**2, of which 6e-16 L/r**2 was the most in 8000 pairs; a third of the
    # pairs stand one above the other, where the stress is zero
    generator = np.random.default_rng(0)
    for _ in range(600):
        r, x, y = BOX * 10 ** generator.uniform(-9, -1.5), *generator.uniform(0.0, BOX, 2)
        angle = generator.choice([0.5 * np.pi, *generator.uniform(0.0, 2 * np.pi, 2)])
        xs = np.array([x, x if angle == 0.5 * np.pi else x + r * np.cos(angle)])
        ys = np.array([y, y + r * np.sin(angle)])
        dx, dy = xs[1] - xs[0], ys[1] - ys[0]
        if dx == dy == 0.0:
            continue
        exact = periodic_shear_stress(np.array([-dx, dx]), np.array([-dy, dy]), BOX)
        off = np.abs(internal_stress(xs, ys, [1, 1], BOX) - exact)
        assert np.all(off <= 1e-9 / BOX + 1e-15 * BOX / (dx**2 + dy**2))


def glide_with(length, integrator, distance=2.0):
    source = FrankReadSources([0.0], [50.0], [length], [1.0])
    start, common = ([10.0], [5.0], [1], BOX), {"applied_stress": 0.2, "sources": source}
    if integrator == "euler":
        return evolve(
            *start, dt=0.001, n_steps=3000, annihilation_distance=distance, **common
        )  # fmt: skip
    return evolve_adaptive(*start, duration=3.0, annihilation_distance=distance, **common)


@pytest.mark.parametrize("length", [60.0, 97.0, 97.99])
def test_both_integrators_agree_on_sources_nearly_as_long_as_the_box(length):
    # born 97.99 b apart, 2.01 b the other way round, and gone within (2.01**2 - 2**2)/4 t0
    one, two = (glide_with(length, integrator) for integrator in ("euler", "adaptive"))
    assert one.number[-1] == two.number[-1] == (7 if length < 90 else 3)
    assert one.birth_time == pytest.approx(two.birth_time, abs=0.002)
    # three pairs; Euler's last step before a pair vanishes is 0.001 t0 at up to 0.5 b/t0 each
    assert one.strain[-1] * BOX**2 == pytest.approx(two.strain[-1] * BOX**2, abs=0.01)


@pytest.mark.parametrize("length", [98.0, 99.0, 100.0, 150.0])
@pytest.mark.parametrize("integrator", ["euler", "adaptive"])
def test_sources_whose_pair_would_vanish_through_the_boundary_are_refused(length, integrator):
    with pytest.raises(ValueError, match=r"length .* below box_length - annihilation_distance=98"):
        glide_with(length, integrator)
    with pytest.raises(ValueError, match="mean_length must be below"):
        random_sources(3, BOX, 1, mean_length=length)
    with pytest.raises(ValueError, match="nucleation_length must be below"):
        CreepProtocol(n_sources=1, box_length=BOX, nucleation_length=length)


def test_lengths_near_the_limit_are_drawn_below_it():
    lengths = random_sources(500, BOX, 1, mean_length=97.0, annihilation_distance=2.0).length
    assert lengths.max() < 98.0


def test_what_is_not_used_is_not_refused():
    small = {"n_dislocations": 20, "box_length": 40.0, "relaxation_steps": 5, "creep_steps": 5}
    unused = {
        "nucleation_length": 50.0, "nucleation_time": 0.0, "nucleation_variance": -1.0,
        "birth_clearance": -1.0,
    }  # fmt: skip
    protocol = CreepProtocol(**small, **unused)
    assert simulate_creep(protocol, 1).sources.shape == (4, 0)
    assert CreepProtocol(**small, integrator="euler", tolerance=0.0).tolerance == 0.0
    for name, value in unused.items():
        with pytest.raises(ValueError, match=name):
            CreepProtocol(**small, n_sources=1, **{"nucleation_length": 20.0} | {name: value})
    assert random_sources(0, 40.0, 1, mean_length=50.0).x.size == 0


def test_the_density_of_a_fit_is_zero_outside_its_window_without_a_warning():
    samples = 2.0 * (1 - np.random.default_rng(0).random(3000)) ** -2
    fit = fit_tail_samples(samples, 2.0, 500.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        density = fit.density([0.0, -1.0, 1.9, 2.0, 500.0, 501.0])
    assert density[[0, 1, 2, 5]].tolist() == [0.0] * 4
    assert np.all(density[3:5] > 0)


@pytest.mark.parametrize("decades", [10, 150, 160, 300])
def test_windows_of_any_width_are_fitted(decades):
    # uniform in the logarithm, so that the exponent is 1; log-widths scatter by 12**-0.5/500**0.5
    generator = np.random.default_rng(1)
    samples = 10.0 ** generator.uniform(-decades, decades, 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_tail_samples(samples, 10.0**-decades, 10.0**decades)
        density = fit.density(samples)
    width = 2 * decades * np.log(10.0)
    assert abs(fit.exponent - 1.0) <= 4 * fit.standard_error
    assert fit.standard_error == pytest.approx(12**0.5 / (width * 500**0.5), rel=0.05)
    assert density * samples == pytest.approx(np.full(500, 1.0 / width), rel=0.5)


def test_hidden_entries_are_refused_and_bare_masks_are_none():
    # (name of the argument, a call that takes it)
    x, y, sign = masked([1.0, 2.0, 3.0]), [1.0, 5.0, 9.0], [1.0, -1.0, 1.0]
    counts = np.ones((3, EDGES.size - 1))
    calls = {
        "x": lambda: internal_stress(x, y, sign, BOX),
        "burgers_sign": lambda: evolve(y, y, masked(sign), BOX, dt=1.0, n_steps=1),
        "y": lambda: evolve_adaptive(y, masked(y), sign, BOX, duration=1.0),
        "snapshot_times": lambda: evolve_adaptive(
            y, y, sign, BOX, duration=1.0, snapshot_times=masked([0.1, 0.2])
        ),
        "snapshots": lambda: evolve(
            y,
            y,
            sign,
            BOX,
            dt=1.0,
            n_steps=3,
            snapshots=np.ma.array([1, 2], mask=[True, False]),
        ),  # fmt: skip
        "dx": lambda: periodic_shear_stress(x, 3.0, BOX),
        "dy": lambda: periodic_shear_stress(3.0, x, BOX),
        "samples": lambda: fit_tail_samples(masked(np.arange(1.0, 9.0)), 1.0, 9.0),
        "counts": lambda: dislocations.fit_tail(masked(counts, (0, 5)), EDGES, 0.01, 1.0),
        "edges": lambda: dislocations.choose_v_min(counts, masked(EDGES), 1.0),
        "v_min": lambda: dislocations.sweep_windows(counts, EDGES, masked([0.1, 0.2]), 1.0),
        "batch_counts": lambda: dislocations.fit_with_interval(
            masked(counts, (0, 5)), EDGES, 0.01, 1.0, seed=1
        ),
        "draws": lambda: dislocations.exponent_interval(x, 3),
        "first": lambda: dislocations.compare_counts(masked(counts, (0, 5)), counts, seed=1),
        "second": lambda: dislocations.paired_equivalence(y, x, 0.1, seed=1),
        "speed": lambda: dislocations.poisson_speed_tail(x, 0.01),
        "activity": lambda: dislocations.find_avalanches(y, x, 0.5),
        "time": lambda: dislocations.find_avalanches(x, y, 0.5),
        "values": lambda: dislocations.logarithmic_histogram(x),
        "curves": lambda: dislocations.local_exponents(y, [x]),
        "before": lambda: dislocations.number_changes(x, y),
        "delay of the sources": lambda: FrankReadSources(y, y, y, x),
        "v": lambda: fit_tail_samples(y, 1.0, 9.0).density(x),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"^{name} must have no masked entries"):
            call()
    bare = np.ma.array(y, mask=False)
    assert dislocations.poisson_speed_tail(bare, 0.01).tolist() == [
        *dislocations.poisson_speed_tail(y, 0.01)
    ]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("per_decade", lambda: dislocations.logarithmic_histogram([1.0], per_decade=2.0)),
        ("n_batches", lambda: dislocations.exponent_interval([1.0, 2.0], 3.0)),
        ("n_windows", lambda: dislocations.local_exponents([1, 9], [[1, 2]], n_windows=1.0)),
        ("n_resamples", lambda: dislocations.compare_counts(
            np.ones((2, 3)), np.ones((2, 3)), seed=1, n_resamples=9.0)),
        ("dt", lambda: evolve([1.0], [1.0], [1], BOX, dt=True, n_steps=1)),
        ("box_length", lambda: internal_stress([1.0], [1.0], [1], "100")),
        ("case", lambda: CreepProtocol.for_case(True)),
        ("tolerance", lambda: evolve_adaptive([1], [1], [1], BOX, duration=1, tolerance=None)),
    ],
)  # fmt: skip
def test_numbers_are_asked_for_by_name(name, call):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        call()
