"""Creep runs: the protocol, its realizations, and the ensemble."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from nlbook.dislocations import CreepProtocol, run_ensemble, simulate_creep
from nlbook.parallel import task_seed

SMALL = CreepProtocol(
    n_dislocations=60,
    box_length=60.0,
    relaxation_steps=60,
    settling_steps=20,
    creep_steps=90,
    n_records=30,
)


def test_the_defaults_are_case_1_of_the_paper():
    assert CreepProtocol.for_case(1) == CreepProtocol()


def test_a_run_holds_what_its_protocol_asks_for():
    run = simulate_creep(SMALL, 1)
    assert run.relaxation_time[-1] == 60.0
    assert run.creep_time.size == 31
    assert run.creep_time[-1] == pytest.approx(0.9)
    assert run.snapshot_time == pytest.approx([0.3, 0.6, 0.9])
    assert run.relaxation_number[-1] >= run.creep_number[0] == run.relaxed_x.size
    assert run.creep_number[-1] == np.count_nonzero(run.alive[-1])


def test_the_load_acts_in_creep_alone():
    free = simulate_creep(replace(SMALL, applied_stress=0.0), 1)
    pushed = simulate_creep(replace(SMALL, applied_stress=0.5), 1)
    assert np.array_equal(free.relaxed_x, pushed.relaxed_x)
    assert pushed.creep_strain[-1] > free.creep_strain[-1] + 0.001


def test_equal_seeds_give_equal_runs_and_others_differ():
    one, same, other = (asdict(simulate_creep(SMALL, seed)) for seed in (4, 4, 5))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["initial_x"], other["initial_x"])


def test_an_ensemble_is_its_single_runs(tmp_path):
    runs = run_ensemble(SMALL, 3, seed=8, store=tmp_path / "store", progress=False)
    alone = simulate_creep(SMALL, task_seed(8, 2))
    for field in fields(alone):
        assert np.array_equal(getattr(runs[2], field.name), getattr(alone, field.name))


def test_an_ensemble_grows_without_changing(tmp_path):
    two = run_ensemble(SMALL, 2, seed=8, store=tmp_path / "store", progress=False)
    three = run_ensemble(SMALL, 3, seed=8, store=tmp_path / "store", progress=False)
    assert np.array_equal(two[1].shift, three[1].shift)
    assert three[2].shift.size


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
        ("n_records", 0),
        ("n_snapshots", 40_000),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(CreepProtocol(), **{field: value})


@pytest.mark.parametrize("case", [0, 4, "one"])
def test_an_unknown_case_is_refused(case):
    with pytest.raises(ValueError, match="case"):
        CreepProtocol.for_case(case)


def test_an_ensemble_of_none_is_refused():
    with pytest.raises(ValueError, match="n_realizations"):
        run_ensemble(SMALL, 0, seed=1)
