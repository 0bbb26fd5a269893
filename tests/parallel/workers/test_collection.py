import os
import threading
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from nlbook.parallel import StoreError, StoreWarning, TaskErrors, checkpoint, run_tasks
from nlbook.parallel import tasks as tasks_module
from nlbook.parallel.store import open_store
from tests.parallel.running import same, stored_files, wait_until
from tests.parallel.sample_tasks import (
    COMPUTED,
    LONG,
    computed_seeds,
    noise,
    noise_tasks,
    odd_seeds_fail,
    views,
)

MEGABYTE = 1_000_000


@pytest.fixture
def computed(tmp_path, monkeypatch):
    """File that lists the seeds of computed tasks."""
    path = tmp_path / "computed"
    monkeypatch.setenv(COMPUTED, str(path))
    return path


def reduced(function, tasks, **options):
    """Run with a `reduce` and return what was handed over: indices and results."""
    handed = []

    def keep(index, result):
        handed.append((index, result))

    assert run_tasks(function, tasks, reduce=keep, progress=False, **options) == []
    return [index for index, _ in handed], [result for _, result in handed]


def uneven_tasks(n_tasks):
    """Tasks of which each even one takes longer than the odd one after it."""
    return [{"n": 5, "seed": k, "duration": 0.0 if k % 2 else 0.05} for k in range(n_tasks)]


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}, {"shard_size": 3}])
@pytest.mark.parametrize("with_store", [False, True])
def test_results_are_handed_over_in_the_order_of_the_tasks(tmp_path, options, with_store):
    store = tmp_path if with_store else None
    indices, results = reduced(noise, uneven_tasks(7), store=store, **options)
    assert indices == list(range(7))
    assert same(results, run_tasks(noise, uneven_tasks(7), progress=False))


@pytest.mark.parametrize("shard_size", [1, 2])
def test_handed_over_and_listed_results_are_the_same_to_the_bit(tmp_path, shard_size):
    tasks = [{"seed": k} for k in range(3)]
    bare = run_tasks(views, tasks, progress=False)
    for store in (None, tmp_path, tmp_path):
        assert same(reduced(views, tasks, store=store, shard_size=shard_size)[1], bare)


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 2), (3, 1), (1, 3)])
def test_a_resumed_and_grown_run_hands_over_the_same_sequence(tmp_path, computed, first, second):
    tasks = noise_tasks(9)
    run_tasks(noise, tasks[1:8:2], store=tmp_path / "s", shard_size=first, progress=False)
    for _ in range(2):
        indices, results = reduced(noise, tasks, store=tmp_path / "s", shard_size=second)
        assert indices == list(range(9))
    assert len(computed_seeds(computed)) == len(set(computed_seeds(computed))) == 9
    assert same(results, run_tasks(noise, tasks, progress=False))


def test_shards_whose_tasks_take_turns_are_handed_over_in_order(tmp_path):
    tasks = noise_tasks(6)
    for part in (tasks[::2], tasks[1::2]):
        run_tasks(noise, part, store=tmp_path, shard_size=3, progress=False)
    indices, results = reduced(noise, tasks, store=tmp_path)
    assert indices == list(range(6))
    assert same(results, run_tasks(noise, tasks, progress=False))


def test_no_tasks_hand_over_nothing(tmp_path):
    assert reduced(noise, [], store=tmp_path / "s") == ([], [])


def block(n, seed):
    return {"numbers": np.full(n, float(seed))}


def blocks(n_tasks):
    return [{"n": MEGABYTE // 8, "seed": k} for k in range(n_tasks)]


def peak(tasks, function=block, wait=lambda: None, **options):
    """Largest memory of a run that waits, then sums blocks of a megabyte, in megabytes."""
    total = np.zeros(MEGABYTE // 8)

    def add(index, result):
        wait()
        np.add(total, result["numbers"], out=total)

    tracemalloc.start()
    try:
        run_tasks(function, tasks, reduce=add, workers=2, progress=False, **options)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.all(total == sum(task["seed"] for task in tasks))
    return most / MEGABYTE


def test_memory_does_not_grow_with_the_number_of_tasks(tmp_path):
    for _ in ("computed", "read from the store"):
        few, many = (peak(blocks(n), store=tmp_path / str(n)) for n in (30, 120))
        # two workers and the reader with up to three copies of a block each, and the sum
        assert few < 12.0
        assert many < 12.0


def test_memory_does_not_grow_with_the_number_of_tasks_in_shards(tmp_path):
    for _ in ("computed", "read from the store"):
        few, many = (peak(blocks(n), store=tmp_path / str(n), shard_size=4) for n in (20, 60))
        assert few < 20.0  # three shards, of four blocks each
        assert many < 20.0


def first_waits(n, seed, folder, n_files):
    """Finish the first task after all the others."""
    while seed == 0 and len(stored_files(folder)) < n_files:
        checkpoint()
        time.sleep(0.01)
    return block(n, seed)


def test_results_that_wait_for_their_turn_do_not_stay_in_memory(tmp_path):
    tasks = [{**task, "folder": str(tmp_path), "n_files": 39} for task in blocks(40)]
    assert peak(tasks, first_waits, store=tmp_path) < 12.0


def test_results_that_wait_for_a_slow_reduce_do_not_stay_in_memory(tmp_path):
    def all_are_stored():
        wait_until(lambda: len(stored_files(tmp_path)) == 40)

    assert peak(blocks(40), wait=all_are_stored, store=tmp_path) < 12.0


@pytest.mark.parametrize("shard_size", [1, 4])
@pytest.mark.parametrize("with_store", [False, True])
def test_failed_tasks_are_skipped_and_listed_at_the_end(tmp_path, shard_size, with_store):
    tasks = [{"seed": seed} for seed in range(6)]
    handed = []
    with pytest.raises(TaskErrors, match="3 of 6 tasks") as caught:
        run_tasks(
            odd_seeds_fail,
            tasks,
            store=tmp_path if with_store else None,
            shard_size=shard_size,
            reduce=lambda index, result: handed.append((index, int(result["seed"]))),
            progress=False,
        )
    assert handed == [(0, 0), (2, 2), (4, 4)]
    assert [error.index for error in caught.value.errors] == [1, 3, 5]
    assert caught.value.results == []


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_in_reduce_stops_the_run_and_what_is_finished_stays(tmp_path, computed, error):
    tasks = [*noise_tasks(3), *noise_tasks(4, seed=8, duration=LONG)]
    handed = []

    def fails(index, result):
        if index == 2:
            raise error
        handed.append(index)

    with pytest.raises(error) as caught:
        run_tasks(noise, tasks, store=tmp_path / "s", workers=2, reduce=fails, progress=False)
    assert handed == [0, 1]
    assert len(stored_files(tmp_path / "s")) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nlbook")]
    if error is KeyboardInterrupt:
        assert "at least 3 of 7 tasks are stored" in caught.value.__notes__[0]
    before = len(computed_seeds(computed))
    assert reduced(noise, tasks[:3], store=tmp_path / "s")[0] == [0, 1, 2]
    assert len(computed_seeds(computed)) == before


def test_a_damaged_file_is_named_when_its_turn_comes(tmp_path):
    tasks = noise_tasks(5)
    run_tasks(noise, tasks, store=tmp_path, progress=False)
    (third,) = open_and_locate(tmp_path, [tasks[2]]).values()
    (tmp_path / third).write_bytes(b"")
    handed = []
    with pytest.raises(StoreError, match=f"(?s){third}.*Nothing was deleted. Move") as caught:
        run_tasks(
            noise, tasks, store=tmp_path, reduce=lambda i, _: handed.append(i), progress=False
        )
    assert caught.value.results is None
    assert handed == [0, 1]
    (tmp_path / third).unlink()
    assert reduced(noise, tasks, store=tmp_path)[0] == list(range(5))


def test_a_damaged_shard_is_named_before_anything_is_computed(tmp_path, computed):
    run_tasks(noise, noise_tasks(4), store=tmp_path / "s", shard_size=2, progress=False)
    before = len(computed_seeds(computed))
    path = tmp_path / "s" / stored_files(tmp_path / "s")[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=f"(?s){path.name}.*Nothing was computed"):
        reduced(noise, noise_tasks(6), store=tmp_path / "s")
    assert len(computed_seeds(computed)) == before


def test_a_store_that_fills_up_hands_over_what_it_holds(tmp_path, monkeypatch):
    replace = os.replace

    def fills_up(source, target):
        if len(stored_files(tmp_path)) == 2:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fills_up)
    handed = []
    with pytest.raises(StoreError, match="cannot be written.*No space left on device"):
        run_tasks(
            noise,
            noise_tasks(6),
            store=tmp_path,
            workers=1,
            reduce=lambda index, result: handed.append(index),
            progress=False,
        )
    assert handed == [0, 1]


def open_and_locate(folder, tasks):
    """File of each task of `noise`, by key."""
    name = "tests.parallel.sample_tasks:noise"
    keys = [tasks_module.task_key(name, 1, task) for task in tasks]
    return open_store(folder, name, 1, "c" * 64).locate(keys)


def test_thousands_of_stored_tasks_are_found_by_their_names_alone(tmp_path):
    run_tasks(noise, noise_tasks(1), store=tmp_path, progress=False)
    tasks = noise_tasks(3000)
    keys = [tasks_module.task_key("tests.parallel.sample_tasks:noise", 1, t) for t in tasks[1:]]
    for key in keys:
        Path(tmp_path, f"task-{key}.npz").touch()  # reading one would be an error
    assert len(open_and_locate(tmp_path, tasks)) == 3000


def test_a_change_of_code_is_warned_of_once_before_anything_is_computed(
    tmp_path, monkeypatch, computed
):
    run_tasks(noise, noise_tasks(4)[1:], store=tmp_path / "s", progress=False)
    monkeypatch.setattr(tasks_module, "code_tree_hash", lambda name: "0" * 64)
    with pytest.warns(StoreWarning, match="an earlier version of the code of tests") as warned:
        reduced(noise, noise_tasks(4), store=tmp_path / "s")
    assert len(warned) == 1
    assert warned[0].filename == __file__
    with warnings.catch_warnings(), pytest.raises(StoreWarning):
        warnings.simplefilter("error")
        reduced(noise, noise_tasks(9)[1:], store=tmp_path / "s")
    assert len(computed_seeds(computed)) == 4


def test_a_reduce_that_cannot_be_called_is_refused(computed):
    with pytest.raises(ValueError, match="reduce must be callable, got 3"):
        run_tasks(noise, noise_tasks(1), reduce=3, progress=False)
    assert computed_seeds(computed) == []


def test_the_bar_counts_what_was_handed_over(tmp_path, capfd):
    run_tasks(noise, noise_tasks(2), store=tmp_path, progress=False)
    for _ in ("partly computed", "all read"):
        run_tasks(noise, noise_tasks(4), store=tmp_path, reduce=lambda index, result: None)
        assert "4/4" in capfd.readouterr().err
