"""Clusters end with their runner, and what a killed one leaves can be found and stopped."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from nlbook import cli
from nlbook.parallel import ClusterError, list_clusters, run_tasks, start_cluster, stop_clusters
from nlbook.parallel.cluster import records as cluster_records
from nlbook.parallel.cluster import starting as clusters
from nlbook.parallel.cluster.records import new_record, write_record
from tests.parallel.running import ROOT, finish, same, start_ensemble, stored_files, wait_until
from tests.parallel.sample_tasks import GATE, LONG, noise, noise_tasks

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


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Let an ensemble finish three tasks, and hold the others."""
    (tmp_path / "gate").write_text("3")
    monkeypatch.setenv(GATE, str(tmp_path / "gate"))
    yield
    (tmp_path / "gate").unlink()


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
            client[:].apply_async(time.sleep, LONG)
            time.sleep(0.3)  # by then they may be busy; the test holds if they aren't
        raise ZeroDivisionError
    assert list_clusters() == []
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_stored_results_and_no_engine_behind(
    ipython_folder, tmp_path, gate, number
):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", "local", "--tasks", 8)
    wait_until(lambda: len(stored_files(store)) == 3)
    process.send_signal(number)
    _, err = finish(process)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err and "the same call goes on from there" in err
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []
    assert len(stored_files(store)) == 3
    expected = run_tasks(noise, noise_tasks(3), progress=False)
    tasks = noise_tasks(3, duration=0.0)
    assert same(run_tasks(noise, tasks, store=store, progress=False), expected)


def moments(ipython_folder):
    """What can be seen of a cluster that starts, one after the other."""
    return {
        "recorded": lambda: list_clusters() != [],
        "its controller starts": lambda: processes_of(ipython_folder) != [],
        "its engines start": lambda: any(path.exists() for path in client_files()),
    }


def client_files():
    return [record.client_file for record in list_clusters()]


@pytest.mark.parametrize("moment", ["recorded", "its controller starts", "its engines start"])
def test_a_signal_while_the_engines_start_leaves_nothing_behind(ipython_folder, tmp_path, moment):
    process = start_ensemble(tmp_path / "s", "--kind", "local", "--duration", LONG)
    wait_until(moments(ipython_folder)[moment])
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode != 0
    assert processes_of(ipython_folder) == []
    assert list_clusters() == []


@pytest.mark.parametrize("kind", ["local", "mpi"])
def test_what_a_killed_runner_left_is_found_and_stopped(ipython_folder, tmp_path, gate, kind):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", kind, "--tasks", 8)
    wait_until(lambda: len(stored_files(store)) == 3)
    process.kill()
    finish(process)
    assert len(processes_of(ipython_folder)) > 2
    (record,) = list_clusters()
    assert record.is_abandoned and record.runner.pid == process.pid
    assert stop_clusters() == [record]
    assert processes_of(ipython_folder) == []
    assert files_of(ipython_folder) == []
    assert list_clusters() == stop_clusters() == []


def test_a_cluster_of_another_container_of_this_name_is_left_alone(ipython_folder, capsys):
    here = new_record("local", 2)
    runner = dataclasses.replace(here.runner, namespace="another", pid=2**22 + 1)
    elsewhere = dataclasses.replace(here, runner=runner)
    write_record(elsewhere)
    assert list_clusters() == [elsewhere]
    assert not elsewhere.is_here and not elsewhere.is_abandoned
    assert stop_clusters(running=True) == []
    assert cli.main(["clusters", "--stop"]) == 0
    said = capsys.readouterr().out
    assert "another machine or container" in said and str(elsewhere.record_file) in said
    assert list_clusters() == [elsewhere]


def test_a_running_cluster_is_stopped_only_on_request(ipython_folder):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with start_cluster("local", 1) as cluster:
        assert stop_clusters() == []
        assert stop_clusters(running=True) == [cluster.record]
        assert processes_of(ipython_folder) == []
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_container_stops_no_cluster_of_the_machine(ipython_folder):
    """Another namespace of process numbers, in which the runner's number means nothing."""
    contain = ["unshare", "--pid", "--fork", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*contain, "true"]).returncode != 0:
        pytest.skip("making a namespace of process numbers needs root and unshare")
    with start_cluster("local", 1) as cluster:
        done = subprocess.run(
            [*contain, sys.executable, "-m", "nlbook", "clusters", "--stop"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert "not to be judged from here" in done.stdout and "stopped" not in done.stdout
        with cluster.connect() as client:
            assert len(client.ids) == 1
        assert list_clusters() == [cluster.record]


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


def test_an_engine_that_ends_while_others_start_is_noticed(ipython_folder, monkeypatch, tmp_path):
    # the second engine finds the file that the first one has made, and ends
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"if 'ipyparallel.engine' in sys.orig_argv:\n"
        f"    try:\n        os.mkdir({str(tmp_path / 'first')!r})\n"
        f"    except FileExistsError:\n        os._exit(3)\n"
    )
    monkeypatch.setattr(clusters, "_import_path", lambda: str(tmp_path))
    refused = pytest.raises(ClusterError, match="engines did not start: one ended before all were")
    with refused, start_cluster("local", 2):
        pass
    assert processes_of(ipython_folder) == []


def test_engines_import_from_wherever_their_client_does(monkeypatch, tmp_path):
    # a project may lie below the prefix of the interpreter, such as /usr, or of the environment
    below = [os.path.join(sys.base_prefix, "share"), os.path.join(sys.prefix, "share", "project")]
    own = [str(tmp_path), *below]
    monkeypatch.setattr(sys, "path", [own[0], *sys.path, *own[1:]])
    found = clusters._import_path().split(os.pathsep)
    assert set(own) <= set(found)
    assert found[0] == own[0] and len(found) == len(set(found))
    assert os.path.dirname(os.__file__) not in found  # engines have their own


@pytest.mark.parametrize(
    ("kind", "n_engines", "message"),
    [
        ("threads", 2, "kind must be 'local', 'mpi' or 'slurm', got 'threads'"),
        ("local", 0, "n_engines must be an integer of at least 1, got 0"),
        ("local", 1.5, "n_engines must be"),
        ("local", True, "n_engines must be"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(kind, n_engines, message):
    with pytest.raises(ValueError, match=message), start_cluster(kind, n_engines):
        pass
