"""Sums over realizations: against the realizations themselves, growth, memory, batches."""

import gc
import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest

from nlbook.dislocations import CreepProtocol, run_ensemble, run_numbers, simulate_creep
from nlbook.parallel import TaskErrors, task_seed

SMALL = CreepProtocol(
    n_dislocations=60,
    box_length=60.0,
    relaxation_steps=60,
    settling_steps=20,
    n_sources=3,
    nucleation_time=0.2,
    applied_stress=0.2,
    creep_steps=90,
    record_every=3,
)


def ensemble(n_realizations, **options):
    return run_ensemble(SMALL, n_realizations, seed=8, progress=False, **options)


@pytest.fixture(scope="module")
def six():
    return ensemble(6, n_batches=4, n_kept=6)


def same(one, other):
    return (
        np.array_equal(one.count, other.count)
        and np.array_equal(one.shift_counts, other.shift_counts)
        and all(np.array_equal(one.sums[name], other.sums[name]) for name in one.sums)
    )


def test_kept_runs_are_single_runs(six):
    alone = simulate_creep(SMALL, task_seed(8, 2))
    for field in fields(alone):
        assert np.array_equal(getattr(six.runs[2], field.name), getattr(alone, field.name))


def test_realization_k_is_in_batch_k_modulo_their_number(six):
    assert six.count.tolist() == [2, 2, 1, 1]
    expected = six.runs[1].creep_strain + six.runs[5].creep_strain
    assert np.array_equal(six.sums["creep_strain"][1], expected)


def test_means_and_errors_are_those_of_the_realizations(six):
    mean, _ = six.mean("creep_number")
    assert mean == pytest.approx(np.mean([run.creep_number for run in six.runs], axis=0))
    single = ensemble(6, n_batches=10)
    numbers = [run.relaxation_number[-1] for run in six.runs]
    mean, error = single.mean("relaxed_number")
    assert mean == pytest.approx(np.mean(numbers))
    assert error == pytest.approx(np.std(numbers, ddof=1) / np.sqrt(6))


def test_one_batch_does_not_tell_the_error():
    single = ensemble(2, n_batches=1)
    assert single.mean("relaxed_number")[1] == np.inf
    assert np.all(np.isinf(single.mean("creep_strain")[1]))


@pytest.mark.parametrize(("numbers", "change"), [([0, 0], 0.0), ([0, 4], 4.0), ([8, 6], -0.25)])
def test_the_change_of_number_is_known_where_none_are_left(six, numbers, change):
    run = replace(six.runs[0], creep_time=np.array([0.0, 0.9]), creep_number=np.array(numbers))
    assert run_numbers(SMALL, run)["number_change"] == change


@pytest.mark.parametrize("newborn", ["counted", "left_out"])
@pytest.mark.parametrize("signed", [False, True])
def test_shifts_are_counted_as_the_runs_have_them(six, newborn, signed):
    values = []
    for run in six.runs:
        there = run.alive[-1].copy()
        if newborn == "left_out":
            there[run.relaxed_x.size :] = False
        shift = run.shift[-1] * (run.burgers_sign if signed else 1.0)
        values.append(shift[there])
    values = np.concatenate(values)
    counts = six.counts_of_shifts(newborn=newborn, signed=signed).sum(axis=0)
    assert counts.sum() == values.size
    # away from edges of bins, where a sign decides the side
    expected, _ = np.histogram(values, six.shift_edges)
    assert np.abs(counts[1:-1] - expected).sum() <= 2
    assert six.shift_quantile(0.9, newborn=newborn) == pytest.approx(
        np.quantile(np.abs(values), 0.9), abs=2 * 0.05
    )
    if signed:
        assert six.mean_shift(newborn=newborn) == pytest.approx(np.mean(values), abs=0.05)


def test_a_density_has_mass_one(six):
    assert np.sum(six.shift_density() * np.diff(six.shift_edges)) == pytest.approx(1.0)


def test_growth_by_more_seeds_equals_one_larger_run(tmp_path):
    ensemble(3, store=tmp_path / "store")
    grown = ensemble(6, store=tmp_path / "store")
    assert same(grown, ensemble(6))
    assert len(list((tmp_path / "store").glob("*.npz"))) == 6


def test_one_worker_or_two_give_the_same_sums(monkeypatch):
    monkeypatch.setenv("NLBOOK_WORKERS", "1")
    one = ensemble(5)
    monkeypatch.setenv("NLBOOK_WORKERS", "2")
    assert same(one, ensemble(5))


def test_memory_does_not_grow_with_the_number_of_realizations(tmp_path):
    # held at the end beyond the histograms, which are there from the start
    held = []
    for count in (4, 24):
        tracemalloc.start()
        result = ensemble(count, n_kept=2, store=tmp_path / "store")
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert result.n_realizations == count
    one_run = 30_000  # bytes of a run of SMALL at the least; twenty more would be 600,000
    assert held[1] - held[0] < 5 * one_run


def test_a_realization_that_blows_up_does_not_stop_the_others(tmp_path):
    wild = replace(SMALL, integrator="euler", relaxation_dt=20.0)  # some seeds survive it
    with pytest.raises(TaskErrors, match="BlowUp") as caught:
        run_ensemble(wild, 6, seed=1, store=tmp_path / "store", progress=False)
    failed = len(caught.value.errors)
    assert 0 < failed < 6
    assert "seed" in str(caught.value) and "paired with" in str(caught.value)
    assert len(list((tmp_path / "store").glob("*.npz"))) == 6 - failed


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_realizations": 0}, "n_realizations"),
        ({"n_realizations": 2.0}, "n_realizations"),
        ({"n_realizations": np.nan}, "n_realizations"),
        ({"n_realizations": np.inf}, "n_realizations"),
        ({"n_kept": -1}, "n_kept"),
        ({"n_batches": 0}, "n_batches"),
        ({"shift_bin": 0.0}, "shift_bin"),
    ],
)
def test_an_ensemble_that_makes_no_sense_is_refused_by_name(change, named):
    good = {"n_realizations": 2}
    with pytest.raises(ValueError, match=named):
        ensemble(**(good | change))


def test_unknown_names_are_refused(six):
    with pytest.raises(ValueError, match="creep_speed"):
        six.mean("speed")
    with pytest.raises(ValueError, match="newborn"):
        six.counts_of_shifts(newborn="perhaps")


@pytest.mark.parametrize("snapshot", [3, -4, 0.5, True])
def test_a_snapshot_that_is_not_there_is_refused(six, snapshot):
    with pytest.raises(ValueError, match="snapshot must be one of the 3 snapshots"):
        six.counts_of_shifts(snapshot)


@pytest.mark.parametrize("level", [-0.1, 1.1, np.nan])
def test_a_level_that_is_no_part_is_refused(six, level):
    with pytest.raises(ValueError, match="level"):
        six.shift_quantile(level)


def test_a_crystal_without_dislocations_has_no_density_and_no_drift(six):
    empty = replace(six, shift_counts=np.zeros_like(six.shift_counts))
    assert not empty.shift_density().any()
    assert empty.mean_shift() == 0.0
