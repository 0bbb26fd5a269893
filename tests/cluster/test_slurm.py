"""Engines as a job of a real Slurm: the same results, and all that can happen to a job."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import fields

import numpy as np
import pytest

from nlbook import cli
from nlbook.dislocations import CreepProtocol, run_ensemble
from nlbook.parallel import (
    ClusterError,
    SlurmError,
    SlurmOptions,
    list_clusters,
    run_on_ranks,
    run_tasks,
    start_cluster,
)
from nlbook.parallel.workers import engines
from tests.cluster.slurm_site import running_slurm, why_not
from tests.parallel.running import (
    PATIENCE,
    finish,
    same,
    start_ensemble,
    stored_files,
    wait_until,
)
from tests.parallel.sample_tasks import LONG, noise, noise_tasks, sum_over_ranks
from tests.publishing.small_book import append, cell, write_book

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(why_not() is not None, reason=f"engines under Slurm: {why_not()}"),
]

# small enough for seconds, large enough to be caught in the middle
PROTOCOL = CreepProtocol(
    n_dislocations=60,
    box_length=60.0,
    relaxation_steps=10_000,
    settling_steps=20,
    n_sources=3,
    nucleation_time=0.2,
    applied_stress=0.2,
    creep_steps=90,
    record_every=3,
)
N_REALIZATIONS = 40


@pytest.fixture(scope="module", autouse=True)
def slurm():
    """A Slurm for the tests of this module, and for what they start."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-") as folder,
        running_slurm(folder) as configuration,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(configuration))
        patch.delenv("NLBOOK_SLURM_TEMPLATE", raising=False)
        yield


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """A folder to work in, which must stay empty but for what a test puts there."""
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    left = [path.name for path in folder.rglob("*") if ".sbatch" in path.name]
    assert left + [path.name for path in folder.rglob("slurm-*.out")] == []


@pytest.fixture(scope="module")
def serial():
    """The ensemble in one thread of this process."""
    return ensemble(cluster=None)


def ensemble(cluster, store=None):
    client = None if cluster is None else cluster.connect()
    try:
        return run_ensemble(
            PROTOCOL, N_REALIZATIONS, seed=8, cluster=client, store=store, progress=False
        )
    finally:
        if client is not None:
            client.close()


def arrays(result):
    """Every array of an ensemble, by name."""
    found = {"count": result.count, "shift_counts": result.shift_counts, **result.sums}
    for number, run in enumerate(result.runs):
        found |= {f"{number} {field.name}": getattr(run, field.name) for field in fields(run)}
    return found


def differing(one, other):
    """Names of the arrays of two ensembles that are not equal to the bit."""
    one, other = arrays(one), arrays(other)
    names = one.keys() | other.keys()
    return sorted(n for n in names if content(one.get(n)) != content(other.get(n)))


def content(array):
    array = np.asarray(array)
    return array.dtype, array.shape, array.tobytes()


def jobs(columns="%j"):
    """What the queue holds, without jobs that are ending."""
    said = subprocess.run(
        ["squeue", "--noheader", f"--format=%T|{columns}"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.strip().split("|") for line in said.stdout.splitlines()]
    return [row[1:] for row in rows if row[0] != "COMPLETING"]


def cancel(name):
    subprocess.run(["scancel", f"--name={name}"], check=True)


def when_some_are_stored(store, action):
    """Act in the middle of an ensemble; return the thread that waits for that."""

    def wait_and_act():
        wait_until(lambda: len(stored_files(store)) >= 4)
        action()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def test_engines_compute_with_one_thread_and_end_with_their_block(ipython_folder):
    with start_cluster("slurm", 3, slurm=SlurmOptions(partition="main")) as cluster:
        assert jobs("%j|%P|%C") == [[cluster.record.cluster_id, "main", "3"]]
        with cluster.connect() as client:
            client.wait_for_engines(3, timeout=PATIENCE, interactive=False)
            names = ["SLURM_JOB_NAME", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "NLBOOK_WORKERS"]
            found = client[:].apply_sync(lambda names: [os.environ[n] for n in names], names)
            assert found == [[cluster.record.cluster_id, "1", "1", "1"]] * 3
    assert jobs() == [] and list_clusters() == []
    folders = [ipython_folder / "profile_nlbook" / name for name in ("security", "log")]
    assert [path for folder in folders for path in folder.glob("*")] == []


def test_an_ensemble_that_loses_an_engine_equals_the_serial_one_to_the_bit(serial, tmp_path):
    with start_cluster("slurm", 3) as cluster, cluster.connect() as client:
        client.wait_for_engines(3, timeout=PATIENCE, interactive=False)
        victim = client[0].apply_sync(os.getpid)
        stored = []

        def kill():
            stored.extend(stored_files(tmp_path / "s"))
            os.kill(victim, signal.SIGKILL)

        thread = when_some_are_stored(tmp_path / "s", kill)
        result = ensemble(cluster, tmp_path / "s")
        thread.join()
        wait_until(lambda: len(client.ids) == 2)
        assert len(jobs()) == 1  # the job goes on without it
    assert len(stored) < N_REALIZATIONS
    assert differing(result, serial) == []


def test_an_ensemble_whose_job_is_cancelled_is_resumed_to_the_bit(serial, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_NO_ENGINE", 2.0)
    store = tmp_path / "s"
    with start_cluster("slurm", 2) as cluster:
        thread = when_some_are_stored(store, lambda: cancel(cluster.record.cluster_id))
        with pytest.raises(ClusterError, match="the batch system ended their job"):
            ensemble(cluster, store)
        thread.join()
    written = {name: (store / name).stat().st_mtime_ns for name in stored_files(store)}
    assert 4 <= len(written) < N_REALIZATIONS
    with start_cluster("slurm", 3) as cluster:
        result = ensemble(cluster, store)
    assert differing(result, serial) == []
    assert len(stored_files(store)) == N_REALIZATIONS
    assert {name: (store / name).stat().st_mtime_ns for name in written} == written


def test_a_job_that_waits_in_the_queue_is_reported_in_words():
    blocker = ["sbatch", "--exclusive", "--job-name=blocker", "--output=/dev/null"]
    subprocess.run([*blocker, "--wrap=sleep 120"], check=True, capture_output=True)
    wait_until(lambda: jobs("%j|%t") == [["blocker", "R"]])
    said = []

    def report(sentence):
        said.append(sentence)
        if "pending" in sentence:
            cancel("blocker")

    with start_cluster("slurm", 2, report=report) as cluster:
        assert len(run_tasks(noise, noise_tasks(2), cluster, progress=False)) == 2
    assert "is pending (" in said[0]
    assert said[-1].endswith("of 2 engines are there")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_stored_results_and_no_job_behind(tmp_path, number):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", "slurm", "--tasks", 60, "--duration", 0.4)
    wait_until(lambda: len(stored_files(store)) >= 2)
    process.send_signal(number)
    _, err = finish(process)
    assert process.returncode != 0 and "KeyboardInterrupt" in err
    assert jobs() == [] and list_clusters() == []
    assert 2 <= len(stored_files(store)) < 60


def test_a_signal_while_the_job_is_submitted_or_waits_leaves_none(tmp_path):
    for delay in (0.5, 1.0, 1.5):
        process = start_ensemble(tmp_path / "s", "--kind", "slurm", "--duration", LONG)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        finish(process)
        assert jobs() == [] and list_clusters() == []


def test_the_job_that_a_killed_runner_left_is_stopped_by_the_command(tmp_path, capsys):
    store = tmp_path / "s"
    process = start_ensemble(store, "--kind", "slurm", "--tasks", 200, "--duration", 0.4)
    wait_until(lambda: len(stored_files(store)) >= 2)
    process.kill()
    finish(process)
    (record,) = list_clusters()
    assert record.is_abandoned and jobs() == [[record.cluster_id]]
    assert cli.main(["clusters", "--stop"]) == 0
    assert (
        capsys.readouterr().out == f"stopped {record.cluster_id} (2 slurm engines)\nno clusters\n"
    )
    assert jobs() == [] and list_clusters() == []


def test_a_template_of_the_site_serves_and_options_go_before_it(tmp_path, monkeypatch):
    template = tmp_path / "site.sbatch"
    template.write_text(
        "#!/bin/bash\n#SBATCH --partition=short\n#SBATCH --time=4\n"
        'export SITE="at ${{SLURM_JOB_PARTITION}}"\nsrun {program_and_args}\n'
    )
    monkeypatch.setenv("NLBOOK_SLURM_TEMPLATE", str(template))
    with start_cluster("slurm", 1, slurm=SlurmOptions(time_limit="3")) as cluster:
        assert jobs("%P|%l") == [["short", "3:00"]]
        with cluster.connect() as client:
            assert client[0].apply_sync(os.getenv, "SITE") == "at short"


def test_a_job_that_slurm_refuses_is_one_clear_error():
    refused = pytest.raises(SlurmError, match="refused the job of the engines: .*partition")
    with refused, start_cluster("slurm", 1, slurm=SlurmOptions(partition="nowhere")):
        pass
    assert jobs() == [] and list_clusters() == []


def test_a_job_that_ends_at_once_is_one_clear_error(tmp_path):
    (tmp_path / "broken.sbatch").write_text("#!/bin/sh\nexit 3  # {program_and_args}\n")
    options = SlurmOptions(template=tmp_path / "broken.sbatch")
    with (
        pytest.raises(ClusterError, match="the Slurm job ended before its engines were there"),
        start_cluster("slurm", 1, slurm=options),
    ):
        pass
    assert list_clusters() == []


def test_engines_can_be_the_ranks_of_one_mpi_job():
    with start_cluster("slurm", 2, slurm=SlurmOptions(mpi=True)) as cluster:
        assert run_on_ranks(cluster, sum_over_ranks, n=101) == [(2, 0, 5050), (2, 1, 5050)]
        tasks = noise_tasks(6)
        results = run_tasks(noise, tasks, cluster, progress=False)
    assert same(results, run_tasks(noise, tasks, progress=False))


def test_the_command_runs_a_chapter_on_engines_under_slurm(working_folder, capsys):
    book = write_book(working_folder)
    append(
        book,
        cell(
            "from nlbook import parallel",
            "client = parallel.connect()",
            "print('engines', len(client))",
            "client.close()",
        ),
    )
    arguments = ["--cluster", "slurm", "--engines", "1", "--partition", "main", "--memory", "500M"]
    status = cli.main(["run", "01_tiny", "-q", *arguments, "--time-limit", "00:05:00"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    assert "engines 1" in (book.runs / "01_tiny.ipynb").read_text()
    assert jobs() == [] and list_clusters() == []
