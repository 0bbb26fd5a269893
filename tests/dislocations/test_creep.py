"""Creep runs: the protocol and its realizations."""

from dataclasses import asdict, astuple, replace

import numpy as np
import pytest

from nlbook.dislocations import (
    BlowUp,
    CreepProtocol,
    repeat_creep,
    replay_creep,
    simulate_creep,
)

SMALL = CreepProtocol(
    n_dislocations=60,
    box_length=60.0,
    relaxation_steps=60,
    settling_steps=20,
    creep_steps=90,
    record_every=3,
)
EULER = replace(SMALL, integrator="euler")


def test_the_defaults_are_case_1_of_the_paper():
    assert CreepProtocol.for_case(1) == CreepProtocol()


@pytest.mark.parametrize("protocol", [SMALL, EULER])
def test_a_run_holds_what_its_protocol_asks_for(protocol):
    run = simulate_creep(protocol, 1)
    assert run.relaxation_time[-1] == 60.0
    assert run.creep_time.size == 31
    assert run.creep_time[-1] == pytest.approx(0.9)
    assert run.snapshot_time == pytest.approx([0.3, 0.6, 0.9])
    assert run.relaxation_number[-1] >= run.creep_number[0] == run.relaxed_x.size
    assert run.creep_number[-1] == np.count_nonzero(run.alive[-1])


@pytest.mark.parametrize("protocol", [SMALL, EULER])
def test_a_replay_is_the_run_to_the_bit(protocol):
    protocol = replace(protocol, n_sources=3, applied_stress=0.2, nucleation_time=0.2)
    run = simulate_creep(protocol, 1)
    again = replay_creep(protocol, run, [30, 60, 90])
    assert run.birth_time.size > 0
    assert np.array_equal(run.shift, again.shift)
    assert np.array_equal(run.birth_x, again.birth_x)


def test_the_integrator_is_the_adaptive_one():
    assert CreepProtocol().integrator == "adaptive"


@pytest.mark.parametrize("protocol", [SMALL, EULER])
def test_creep_repeated_is_the_run_to_the_bit(protocol):
    protocol = replace(protocol, n_sources=3, applied_stress=0.2, nucleation_time=0.2)
    run = simulate_creep(protocol, 1)
    again = repeat_creep(protocol, run)
    assert all(np.array_equal(a, b) for a, b in zip(*map(astuple, (run, again)), strict=True))
    other = repeat_creep(replace(protocol, applied_stress=0.0), run)
    assert np.array_equal(other.relaxed_x, run.relaxed_x)
    assert other.creep_strain[-1] < run.creep_strain[-1]


def test_cases_differ_in_load_sources_and_duration():
    cases = [CreepProtocol.for_case(case) for case in (1, 2, 3)]
    assert [p.applied_stress for p in cases] == [0.0125, 0.0125, 0.025]
    assert [p.n_sources for p in cases] == [0, 20, 20]
    assert [p.creep_steps for p in cases] == [30_000, 25_000, 25_000]


def test_cases_with_one_seed_start_from_one_crystal():
    with_sources = simulate_creep(replace(SMALL, n_sources=5), 3)
    assert np.array_equal(with_sources.relaxed_x, simulate_creep(SMALL, 3).relaxed_x)


def test_a_run_that_blows_up_names_its_seed():
    with pytest.raises(BlowUp, match=r"seed 1: at t = .* dislocation \d+ .*paired with"):
        simulate_creep(replace(EULER, relaxation_dt=1e4), 1)


def test_the_load_acts_in_creep_alone():
    free = simulate_creep(replace(SMALL, applied_stress=0.0), 1)
    pushed = simulate_creep(replace(SMALL, applied_stress=0.5), 1)
    assert np.array_equal(free.relaxed_x, pushed.relaxed_x)
    assert pushed.creep_strain[-1] > free.creep_strain[-1] + 0.001


def test_equal_seeds_give_equal_runs_and_others_differ():
    one, same, other = (asdict(simulate_creep(SMALL, seed)) for seed in (4, 4, 5))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["initial_x"], other["initial_x"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_dislocations", -2),
        ("n_dislocations", 7),
        ("n_dislocations", 10.0),
        ("box_length", 0.0),
        ("box_length", float("nan")),
        ("annihilation_distance", -1.0),
        ("annihilation_distance", 200.0),
        ("images", "three_rows"),
        ("relaxation_dt", -1.0),
        ("relaxation_steps", -1),
        ("settling_steps", 2.5),
        ("applied_stress", float("inf")),
        ("creep_dt", 0.0),
        ("creep_steps", True),
        ("record_every", 0),
        ("n_sources", -1),
        ("nucleation_length", 0.0),
        ("nucleation_length", 300.0),
        ("birth_clearance", -0.1),
        ("birth_clearance", float("nan")),
        ("birth_clearance", float("inf")),
        ("nucleation_time", float("nan")),
        ("nucleation_variance", -1.0),
        ("n_snapshots", 40_000),
        ("snapshot_steps", (5, 3)),
        ("snapshot_steps", (0, 3)),
        ("snapshot_steps", (30_001,)),
        ("snapshot_steps", (1.5,)),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(CreepProtocol(n_sources=20), **{field: value})


def test_integers_of_numpy_make_the_same_protocol():
    protocol = CreepProtocol(n_dislocations=np.int64(60), snapshot_steps=(np.int32(5),))
    assert repr(protocol) == repr(CreepProtocol(n_dislocations=60, snapshot_steps=(5,)))


@pytest.mark.parametrize("protocol", [SMALL, EULER])
def test_a_replay_without_snapshots_is_refused(protocol):
    with pytest.raises(ValueError, match="snapshots"):
        replay_creep(protocol, simulate_creep(SMALL, 1), [])


@pytest.mark.parametrize("case", [0, 4, "one"])
def test_an_unknown_case_is_refused(case):
    with pytest.raises(ValueError, match="case"):
        CreepProtocol.for_case(case)
