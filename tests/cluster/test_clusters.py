"""Clusters end with their runner, and what a killed one leaves can be found and stopped."""

import os
import signal
import time

import psutil
import pytest

from nlbook.parallel import (
    ClusterError,
    cluster_records,
    clusters,
    list_clusters,
    run_tasks,
    start_cluster,
    stop_clusters,
)
from tests.parallel.running import same, start_ensemble, stored_files, wait_until
from tests.parallel.sample_tasks import noise, noise_tasks

pytestmark = pytest.mark.serial


def processes_of(ipython_folder):
    """Every process that belongs to a cluster recorded in this test's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get("IPP_PROFILE_DIR", "").startswith(str(ipython_folder)):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def files_of(ipython_folder):
    profile = ipython_folder / "profile_nlbook"
    return [path for name in ("security", "log") for path in (profile / name).glob("*")]


@pytest.mark.parametrize("kind", ["local", "mpi"])
def test_a_cluster_ends_with_its_block_even_when_its_engines_are_busy(ipython_folder, kind):
    with pytest.raises(ZeroDivisionError), start_cluster(kind, 2) as cluster:
        (record,) = list_clusters()
        assert record == cluster.record
        assert (record.kind, record.n_engines, record.runner.pid) == (kind, 2, os.getpid())
        assert record.is_here and not record.is_abandoned
        assert record.client_file.exists() and record.cluster_file.exists()
        assert len(processes_of(ipython_folder)) > 2
        with cluster.connect() as client:
            assert len(client.ids) == 2
            client[:].apply_async(time.sleep, 60)
            time.sleep(0.3)
        raise ZeroDivisionError
    assert list_clusters() == []
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_stored_results_and_no_engine_behind(ipython_folder, tmp_path, number):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", "local", "--tasks", 40, "--duration", 0.4)
    wait_until(lambda: len(stored_files(store)) >= 2)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err and "the same call goes on from there" in err
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []
    assert 2 <= len(stored_files(store)) < 40
    expected = run_tasks(noise, noise_tasks(2), progress=False)
    assert same(
        run_tasks(noise, noise_tasks(2, duration=0.4), store=store, progress=False), expected
    )


def test_a_signal_while_the_engines_start_leaves_nothing_behind(ipython_folder, tmp_path):
    for delay in (0.3, 1.0):
        process = start_ensemble(tmp_path / "s", "--kind", "local", "--duration", 60.0)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert processes_of(ipython_folder) == []
        assert list_clusters() == []


@pytest.mark.parametrize("kind", ["local", "mpi"])
def test_what_a_killed_runner_left_is_found_and_stopped(ipython_folder, tmp_path, kind):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", kind, "--tasks", 40, "--duration", 0.4)
    wait_until(lambda: len(stored_files(store)) >= 2)
    process.kill()
    process.communicate(timeout=30)
    assert len(processes_of(ipython_folder)) > 2
    (record,) = list_clusters()
    assert record.is_abandoned and record.runner.pid == process.pid
    assert stop_clusters() == [record]
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []
    assert list_clusters() == stop_clusters() == []


def test_a_running_cluster_is_stopped_only_on_request(ipython_folder):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with start_cluster("local", 1) as cluster:
        assert stop_clusters() == []
        assert stop_clusters(running=True) == [cluster.record]
        assert processes_of(ipython_folder) == []
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_damaged_record_hides_no_other(ipython_folder):
    folder = ipython_folder / "profile_nlbook" / "security"
    folder.mkdir(parents=True)
    for i, text in enumerate(["", "{}", "[1]", '{"cluster_id": 1}']):
        (folder / f"record-{i}.json").write_text(text)
    assert list_clusters() == []


def test_a_folder_that_cannot_be_written_is_one_clear_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cluster_records, "_folder", lambda: tmp_path / "file" / "security")
    refused = pytest.raises(ClusterError, match="cannot be recorded .* Set IPYTHONDIR")
    with refused, start_cluster("local", 1):
        pass


def test_engines_that_do_not_come_up_are_one_clear_error(ipython_folder, monkeypatch):
    monkeypatch.setattr(clusters, "_import_path", lambda: "/dev/null")
    monkeypatch.setattr(clusters, "thread_variables", lambda n: {"PYTHONHOME": "/nowhere"})
    refused = pytest.raises(ClusterError, match=r"(?s)1 local engines did not start.*encodings")
    with refused, start_cluster("local", 1):
        pass
    assert processes_of(ipython_folder) == []


@pytest.mark.parametrize(
    ("kind", "n_engines", "message"),
    [
        ("threads", 2, "kind must be one of local, mpi, slurm, got 'threads'"),
        ("local", 0, "n_engines must be a positive integer, got 0"),
        ("local", 1.5, "n_engines must be"),
        ("local", True, "n_engines must be"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(kind, n_engines, message):
    with pytest.raises(ValueError, match=message), start_cluster(kind, n_engines):
        pass
