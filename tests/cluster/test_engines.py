"""Tasks on local engines: the same results, and everything that can happen to an engine."""

import os
import signal
import threading
import time

import ipyparallel
import numpy as np
import pytest

from nlbook.parallel import (
    ClusterError,
    StoreError,
    TaskErrors,
    connect,
    run_on_ranks,
    run_tasks,
    start_cluster,
)
from nlbook.parallel.cluster import starting as clusters
from nlbook.parallel.store import Store
from nlbook.parallel.workers import engines
from tests.parallel.running import same, stored_files, wait_until
from tests.parallel.sample_tasks import (
    LONG,
    computed_seeds,
    dies,
    noise,
    noise_tasks,
    odd_seeds_fail,
    process_id,
    sum_over_ranks,
    views,
)
from tests.parallel.test_tasks import Setting, spoils

pytestmark = pytest.mark.serial


@pytest.fixture(scope="module")
def client(cluster):
    with cluster.connect() as client:
        yield client


def test_engines_and_threads_give_the_same_to_the_bit(client, tmp_path):
    tasks = [{"seed": k} for k in range(5)]
    threads = run_tasks(views, tasks, progress=False)
    assert same(run_tasks(views, tasks, client, progress=False), threads)
    for shard_size in (1, 2):
        store = tmp_path / str(shard_size)
        on_engines = run_tasks(views, tasks, client, store, shard_size=shard_size, progress=False)
        assert same(on_engines, threads)
        assert same(run_tasks(views, tasks, store=store, progress=False), threads)


@pytest.mark.parametrize("shard_size", [1, 3])
def test_a_task_that_changes_its_arguments_spoils_no_other_on_its_engine(client, shard_size):
    x = np.zeros(3)
    tasks = [{"x": x, "table": {"rows": [x]}, "setting": Setting(x), "seed": k} for k in range(6)]
    results = run_tasks(spoils, tasks, client, shard_size=shard_size, progress=False)
    assert [(r["x"], r["table"], r["grid"]) for r in results] == [(0.0, 0.0, 0.0)] * 6


def test_both_engines_work(client):
    tasks = [{"seed": k, "duration": 0.5} for k in range(2)]
    results = run_tasks(process_id, tasks, client, progress=False)
    assert {int(result["pid"]) for result in results} == set(client[:].apply_sync(os.getpid))


@pytest.mark.parametrize("name", ["cluster", "path", "client", "cluster file", "ipyparallel"])
def test_a_cluster_can_be_given_in_several_ways(cluster, client, name):
    given = {
        "cluster": cluster,
        "path": cluster.client_file,
        "client": client,
        "cluster file": str(cluster.record.cluster_file),
        "ipyparallel": cluster.cluster,
    }[name]
    assert len(run_tasks(noise, noise_tasks(2), given, progress=False)) == 2


def test_a_cell_connects_by_one_call(cluster, monkeypatch):
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    with connect() as client:
        assert len(client.ids) >= 1
        assert len(run_tasks(noise, noise_tasks(2), client, progress=False)) == 2


def test_engines_compute_with_one_thread_and_look_for_no_cluster(client):
    names = ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "NLBOOK_WORKERS", "NLBOOK_CLUSTER"]
    environments = client[:].apply_sync(lambda names: [os.environ[n] for n in names], names)
    assert environments == [["1", "1", "1", ""]] * 2


def test_more_tasks_than_are_queued_at_once_and_the_hub_forgets_them(client):
    tasks = noise_tasks(150)
    assert same(
        run_tasks(noise, tasks, client, progress=False), run_tasks(noise, tasks, progress=False)
    )
    assert not client.history and not client.results and not client.outstanding


def log_of(cluster):
    """File that lists the tasks that have begun on the engines of this module's cluster."""
    return os.path.join(os.path.dirname(cluster.record.folder), "..", "computed")


def test_growth_on_engines_computes_only_what_is_missing(cluster, client, tmp_path):
    log = log_of(cluster)
    before = len(computed_seeds(log))
    tasks = noise_tasks(9, seed=11)
    run_tasks(noise, tasks[:4], client, tmp_path / "s", progress=False)
    grown = run_tasks(noise, tasks, client, tmp_path / "s", progress=False)
    assert len(computed_seeds(log)) - before == 9
    assert same(grown, run_tasks(noise, tasks, progress=False))


@pytest.mark.parametrize("stored", ["not at all", "by the engines", "here"])
def test_engines_finish_in_any_order_and_results_are_reduced_in_that_of_the_tasks(
    client, tmp_path, monkeypatch, stored
):
    if stored == "here":
        monkeypatch.setattr(Store, "make_writable", lambda store: os.makedirs(store.folder))
    tasks = [{"n": 5, "seed": k, "duration": 0.0 if k % 2 else 0.1} for k in range(8)]
    handed = []

    def keep(index, result):
        handed.append((index, result))

    store = None if stored == "not at all" else tmp_path / "s"
    assert run_tasks(noise, tasks, client, store, reduce=keep, progress=False) == []
    assert [index for index, _ in handed] == list(range(8))
    assert same([result for _, result in handed], run_tasks(noise, tasks, progress=False))


def test_an_exception_in_reduce_stops_the_engines_work(client, tmp_path):
    def fails(index, result):
        raise ZeroDivisionError

    tasks = [*noise_tasks(1), *noise_tasks(4, seed=8, duration=LONG)]
    with pytest.raises(ZeroDivisionError):
        run_tasks(noise, tasks, client, tmp_path / "s", reduce=fails, progress=False)
    assert len(stored_files(tmp_path / "s")) == 1
    run_tasks(noise, noise_tasks(4, seed=9), client, progress=False)


def test_a_task_that_raises_is_reported_and_the_others_go_on(client, tmp_path):
    tasks = [{"seed": seed} for seed in range(4)]
    with pytest.raises(TaskErrors, match="2 of 4 tasks") as caught:
        run_tasks(odd_seeds_fail, tasks, client, tmp_path / "s", progress=False)
    assert [error.task for error in caught.value.errors] == ["seed=1", "seed=3"]
    assert "ArithmeticError: no root for seed 1" in caught.value.errors[0].traceback
    assert len(stored_files(tmp_path / "s")) == 2


def test_engines_that_do_not_see_the_store_send_their_results(client, tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "make_writable", lambda store: os.makedirs(store.folder))
    store = tmp_path / "s"  # without its description engines take it for another folder
    tasks = [{"seed": k} for k in range(3)]
    first = run_tasks(views, tasks, client, store, progress=False)
    assert len(stored_files(store)) == 3
    assert same(first, run_tasks(views, tasks, progress=False))


def test_a_store_that_cannot_be_written_in_the_middle_keeps_the_results(
    client, tmp_path, monkeypatch
):
    def full(store, *arguments):
        raise StoreError("No space left on device")

    monkeypatch.setattr(Store, "is_seen_here", lambda store: False)
    monkeypatch.setattr(Store, "make_writable", lambda store: None)
    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        run_tasks(noise, noise_tasks(1), client, tmp_path / "s", progress=False)
    assert same(caught.value.results, run_tasks(noise, noise_tasks(1), progress=False))


def test_engines_that_lack_the_code_are_one_clear_error(client, tmp_path, monkeypatch):
    (tmp_path / "onlyhere.py").write_text("def compute(seed):\n    return {'seed': seed}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import onlyhere

    with pytest.raises(ClusterError, match="Is the same code installed where the engines run"):
        run_tasks(onlyhere.compute, [{"seed": 1}], client, progress=False)


def test_local_engines_are_not_ranks(client):
    with pytest.raises(ClusterError, match="not the ranks of one MPI job"):
        run_on_ranks(client, sum_over_ranks, n=10)


def test_ctrl_c_stops_the_engines_work_and_they_can_be_used_again(cluster, client, tmp_path):
    log = log_of(cluster)
    begun = len(computed_seeds(log))
    tasks = [*noise_tasks(2), *noise_tasks(4, seed=8, duration=LONG)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident

    def interrupt():
        wait_until(lambda: len(stored_files(tmp_path / "s")) == 2)
        wait_until(lambda: len(computed_seeds(log)) - begun == 4)  # two long ones are running
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            run_tasks(noise, tasks, client, tmp_path / "s", progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "the same call goes on from there" in caught.value.__notes__[0]
    assert len(stored_files(tmp_path / "s")) == 2
    run_tasks(noise, noise_tasks(4, seed=9), client, progress=False)


def test_an_engine_killed_in_the_middle_changes_no_result(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_DEAD", 10)
    tasks = noise_tasks(10, duration=0.2)
    with start_cluster("local", 2) as cluster:
        with cluster.connect() as client:
            victim = client[0].apply_sync(os.getpid)

        def kill():
            wait_until(lambda: len(stored_files(tmp_path / "s")) >= 2)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        results = run_tasks(noise, tasks, cluster, tmp_path / "s", progress=False)
        killer.join()
    assert same(results, run_tasks(noise, noise_tasks(10), progress=False))


def test_a_task_that_kills_its_engine_too_often_is_a_failed_task(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_DEAD", 10)
    monkeypatch.setattr(engines, "_NO_ENGINE", 2.0)
    tasks = [{"seed": k} for k in range(5)]
    with start_cluster("local", 2) as cluster:
        with pytest.raises(TaskErrors) as caught:
            run_tasks(dies, tasks, cluster, tmp_path / "s", retries=0, progress=False)
        assert [error.task for error in caught.value.errors] == ["seed=3"]
        assert "its engine died, 1 time(s)" in caught.value.errors[0].error
        assert len(stored_files(tmp_path / "s")) == 4
        # the second engine dies by it as well, and there is no third
        with pytest.raises(ClusterError, match="no engine has been left for 2 s"):
            run_tasks(dies, tasks, cluster, tmp_path / "s", progress=False)
    assert len(stored_files(tmp_path / "s")) == 4


def test_a_controller_that_dies_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(engines, "_SILENCE", 1.0)
    monkeypatch.setattr(engines, "_ANSWER", 1.0)
    with start_cluster("local", 1) as cluster:
        pid = cluster.cluster.controller.pid

        def kill():
            time.sleep(1.0)
            os.kill(pid, signal.SIGKILL)

        threading.Thread(target=kill).start()
        with pytest.raises(ClusterError, match="controller has not answered"):
            run_tasks(noise, noise_tasks(4, duration=LONG), cluster, progress=False)


def test_a_cluster_that_does_not_run_is_refused():
    with pytest.raises(ClusterError, match="is not running"):
        run_tasks(noise, noise_tasks(1), ipyparallel.Cluster(), progress=False)
