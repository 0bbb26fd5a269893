import threading
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

from nlbook.parallel import StoreWarning, TaskErrors, run_tasks
from nlbook.parallel import tasks as tasks_module
from tests.parallel.running import same, stored_files
from tests.parallel.sample_tasks import (
    COMPUTED,
    computed_seeds,
    noise,
    noise_tasks,
    odd_seeds_fail,
    returns,
    tell,
    views,
)


@pytest.fixture
def computed(tmp_path, monkeypatch):
    """File that lists the seeds of computed tasks."""
    path = tmp_path / "computed"
    monkeypatch.setenv(COMPUTED, str(path))
    return path


def test_results_come_in_the_order_of_the_tasks():
    durations = [0.06, 0.0, 0.04, 0.02]
    tasks = [{"n": 1, "seed": k, "duration": d} for k, d in enumerate(durations)]
    results = run_tasks(noise, tasks, workers=4, progress=False)
    assert [str(result["name"]) for result in results] == [f"seed {k}" for k in range(4)]


@pytest.mark.parametrize("options", [{"workers": 2}, {"workers": 5}, {"shard_size": 3}])
def test_the_number_of_workers_and_shards_does_not_matter(options):
    alone = run_tasks(noise, noise_tasks(7), workers=1, progress=False)
    assert same(run_tasks(noise, noise_tasks(7), progress=False, **options), alone)


def test_computed_and_stored_results_are_the_same_to_the_bit(tmp_path):
    tasks = [{"seed": k} for k in range(3)]
    bare = run_tasks(views, tasks, progress=False)
    for _ in range(2):
        assert same(run_tasks(views, tasks, store=tmp_path, progress=False), bare)


def test_results_are_plain_arrays_of_their_own():
    (result,) = run_tasks(views, [{"seed": 1}], progress=False)
    assert result["count"] == 3 and result["count"].shape == ()
    assert str(result["text"]) == "Ångström"
    assert all(array.flags.c_contiguous and array.flags.writeable for array in result.values())


def test_a_second_run_computes_nothing(tmp_path, computed):
    for _ in range(2):
        run_tasks(noise, noise_tasks(4), store=tmp_path / "s", progress=False)
    assert len(computed_seeds(computed)) == 4


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 2), (3, 1), (1, 3)])
def test_growth_by_seeds_equals_one_larger_run(tmp_path, computed, first, second):
    small, large = noise_tasks(4), noise_tasks(9)
    run_tasks(noise, small, store=tmp_path / "s", shard_size=first, progress=False)
    grown = run_tasks(noise, large, store=tmp_path / "s", shard_size=second, progress=False)
    assert len(computed_seeds(computed)) == len(set(computed_seeds(computed))) == 9
    assert same(grown, run_tasks(noise, large, progress=False))


def test_a_shard_is_one_file(tmp_path):
    run_tasks(noise, noise_tasks(7), store=tmp_path, shard_size=3, progress=False)
    assert [name.split("-")[0] for name in stored_files(tmp_path)] == ["shard", "shard", "task"]


def test_some_of_the_stored_tasks_can_be_asked_for(tmp_path):
    results = run_tasks(noise, noise_tasks(5), store=tmp_path, shard_size=5, progress=False)
    some = run_tasks(noise, noise_tasks(5)[3:1:-1], store=tmp_path, progress=False)
    assert same(some, results[3:1:-1])


def test_no_tasks_have_no_results(tmp_path):
    assert run_tasks(noise, [], store=tmp_path / "s", progress=False) == []


@pytest.mark.parametrize("shard_size", [1, 4])
def test_failed_tasks_are_listed_and_the_others_kept(tmp_path, shard_size):
    tasks = [{"seed": seed} for seed in range(6)]
    with pytest.raises(TaskErrors) as caught:
        run_tasks(odd_seeds_fail, tasks, store=tmp_path, shard_size=shard_size, progress=False)
    assert [error.index for error in caught.value.errors] == [1, 3, 5]
    assert caught.value.errors[1].task == "seed=3"
    assert caught.value.errors[1].error == "ArithmeticError: no root for seed 3"
    assert "odd_seeds_fail" in caught.value.errors[1].traceback
    assert "task 5 (seed=5): ArithmeticError" in str(caught.value)
    assert [result and int(result["seed"]) for result in caught.value.results] == [
        0, None, 2, None, 4, None,
    ]  # fmt: skip
    kept = run_tasks(odd_seeds_fail, tasks[::2], store=tmp_path, progress=False)
    assert [int(result["seed"]) for result in kept] == [0, 2, 4]


@pytest.mark.parametrize(
    "what", ["nothing", "object", "ragged", "name", "hidden", "masked", "masked in a list"]
)
def test_a_result_that_cannot_be_kept_is_an_error_of_its_task(what):
    with pytest.raises(TaskErrors, match="ValueError: "):
        run_tasks(returns, [{"what": what, "seed": 1}], progress=False)


def exits(seed):
    raise SystemExit(3)


def test_a_task_that_exits_is_a_failed_task():
    with pytest.raises(TaskErrors, match="SystemExit: 3"):
        run_tasks(exits, [{"seed": 1}], progress=False)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("shard_size", [1, 2])
def test_equal_tasks_are_computed_once(tmp_path, stored, shard_size):
    log = tmp_path / "calls"
    values = [3, 1, 3, 2, 3, 1]
    tasks = [{"value": value, "log": str(log)} for value in values]
    options = {
        "store": tmp_path / "s" if stored else None,
        "shard_size": shard_size,
        "progress": False,
    }
    results = run_tasks(tell, tasks, **options)
    assert [int(result["value"]) for result in results] == values
    assert sorted(log.read_text().split()) == ["1", "2", "3"]
    results[0]["array"][0] = 7.0  # each has arrays of its own
    assert results[2]["array"][0] == 3.0
    handed = []
    run_tasks(
        tell, tasks, reduce=lambda k, result: handed.append((k, int(result["value"]))), **options
    )
    assert handed == list(enumerate(values))
    failing = [{"value": value, "log": str(log)} for value in (-1, 2, -1)]
    with pytest.raises(TaskErrors) as caught:
        run_tasks(tell, failing, **options)
    assert [error.index for error in caught.value.errors] == [0, 2]
    assert int(caught.value.results[1]["value"]) == 2


def test_equal_tasks_with_a_seed_are_refused():
    with pytest.raises(ValueError, match="tasks 0 and 2 are equal .*own seed"):
        run_tasks(noise, [*noise_tasks(2), *noise_tasks(1)], progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard_size": 0}, "shard_size must be an integer of at least 1, got 0"),
        ({"workers": 0}, "workers must be"),
        ({"workers": 1.5}, "workers must be"),
        ({"retries": -1}, "retries must be"),
        ({"schema": "1"}, "schema must be"),
        ({"schema": True}, "schema must be"),
        ({"cluster": 3}, "cluster must be"),
    ],
)
def test_an_option_that_cannot_be_is_refused(computed, options, message):
    with pytest.raises(ValueError, match=message):
        run_tasks(noise, noise_tasks(1), progress=False, **options)
    assert computed_seeds(computed) == []


def threads(seed):
    return {"name": threading.current_thread().name, "n": threading.active_count()}


def test_the_number_of_threads_can_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("NLBOOK_WORKERS", "1")
    results = run_tasks(threads, [{"seed": k} for k in range(4)], progress=False)
    assert {str(result["name"]) for result in results} == {"nlbook-worker-0"}


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
def test_a_number_of_threads_that_cannot_be_is_refused(monkeypatch, text):
    monkeypatch.setenv("NLBOOK_WORKERS", text)
    with pytest.raises(ValueError, match=f"NLBOOK_WORKERS must be .*{text}"):
        run_tasks(noise, noise_tasks(1), progress=False)


def test_no_thread_stays_behind():
    before = threading.active_count()
    run_tasks(noise, noise_tasks(4), workers=4, progress=False)
    assert threading.active_count() == before


def test_a_bar_on_stderr_counts_tasks_found_and_computed(tmp_path, capfd):
    run_tasks(noise, noise_tasks(3), store=tmp_path, progress=False)
    assert capfd.readouterr() == ("", "")
    run_tasks(noise, noise_tasks(5), store=tmp_path, description="walks")
    out, err = capfd.readouterr()
    assert out == ""
    assert "walks" in err and "5/5" in err


def test_a_change_of_code_is_warned_of_before_anything_is_computed(tmp_path, monkeypatch, computed):
    first = run_tasks(noise, noise_tasks(2), store=tmp_path / "s", progress=False)
    monkeypatch.setattr(tasks_module, "code_tree_hash", lambda name: "0" * 64)
    with pytest.warns(StoreWarning, match="earlier version of the code of tests"):
        again = run_tasks(noise, noise_tasks(3), store=tmp_path / "s", progress=False)
    assert same(again[:2], first)
    with warnings.catch_warnings(), pytest.raises(StoreWarning):
        warnings.simplefilter("error")
        run_tasks(noise, noise_tasks(4), store=tmp_path / "s", progress=False)
    assert len(computed_seeds(computed)) == 3


@dataclass(frozen=True)
class Setting:
    grid: np.ndarray


def spoils(x, table, setting, seed):
    """Change every argument that can be changed, and return sums of what it got."""
    sums = {"x": x.sum(), "table": sum(map(np.sum, table["rows"])), "grid": setting.grid.sum()}
    x += seed
    table["rows"].append(x)
    table["rows"][0][:] = np.nan
    setting.grid[:] = np.nan
    return sums


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 3}, {"shard_size": 3}])
def test_a_task_that_changes_its_arguments_spoils_no_other(tmp_path, options):
    x, grid, table = np.zeros(3), np.ones(2), {"rows": [np.arange(4.0)]}
    tasks = [{"x": x, "table": table, "setting": Setting(grid), "seed": k} for k in range(6)]
    for _ in ("computed", "read"):
        results = run_tasks(spoils, tasks, store=tmp_path, progress=False, **options)
        assert [(r["x"], r["table"], r["grid"]) for r in results] == [(0.0, 6.0, 2.0)] * 6
    assert not x.any() and grid.tolist() == [1, 1] and len(table["rows"]) == 1
    assert table["rows"][0].tolist() == [0, 1, 2, 3]
