"""What the machine grants, which commit a tree is at, and what signals do."""

import os
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from nlbook import host
from nlbook.host import commit_of, describe_run, usable_cores

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def eight_cores(monkeypatch):
    """A process that is bound to eight cores, and of which nothing else is said."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(host, "_quotas", lambda process: iter(()))
    for name in ("CPU_LIMIT", "SLURM_CPUS_PER_TASK", "NLBOOK_WORKERS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("quotas", "variables", "expected"),
    [
        ([], {}, 8),
        ([2.0], {}, 2),
        ([6.0, 3.0, 4.0], {}, 3),
        ([1.5], {}, 2),  # two threads get all of it, one would leave a third
        ([1.4], {}, 1),
        ([0.1], {}, 1),
        ([64.0], {}, 8),
        ([], {"CPU_LIMIT": "2.0"}, 2),
        ([], {"CPU_LIMIT": "0.5"}, 1),
        ([], {"SLURM_CPUS_PER_TASK": "3"}, 3),
        ([4.0], {"SLURM_CPUS_PER_TASK": "3", "CPU_LIMIT": "5"}, 3),
        ([], {"CPU_LIMIT": "", "SLURM_CPUS_PER_TASK": "none"}, 8),
        ([], {"CPU_LIMIT": "0", "SLURM_CPUS_PER_TASK": "-1"}, 8),
    ],
)
def test_the_least_that_anything_grants_is_used(
    eight_cores, monkeypatch, quotas, variables, expected
):
    monkeypatch.setattr(host, "_quotas", lambda process: iter(quotas))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert usable_cores() == expected


def process_in_groups(folder, groups, mounts):
    """What /proc says of a process in control groups."""
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text(groups)
    lines = [
        f"{30 + n} 20 0:{n} {root} {point} rw - {kind} {kind} {options}\n"
        for n, (root, point, kind, options) in enumerate(mounts)
    ]
    (folder / "mountinfo").write_text("".join(lines))
    return folder


def grant(folder, text):
    """Let a group grant a quota, in the words of version 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(text + "\n")


def grant_v1(folder, quota):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")


def test_a_quota_is_read_from_the_process_s_own_group_and_its_parents(tmp_path):
    top = tmp_path / "cgroup"
    grant(top / "a", "300000 100000")
    grant(top / "a/b", "max 100000")
    grant(top / "a/b/c", "450000 100000")
    grant(top / "other", "100000 100000")
    process = process_in_groups(
        tmp_path / "self", "0::/a/b/c\n", [("/", top, "cgroup2", "rw"), ("/", "/x", "proc", "rw")]
    )
    assert list(host._quotas(process)) == [4.5, 3.0]


def test_a_quota_of_the_first_version_is_read_beside_the_second(tmp_path):
    grant_v1(tmp_path / "cpu,cpuacct/job", 250000)
    grant_v1(tmp_path / "cpu,cpuacct", -1)
    grant_v1(tmp_path / "memory/job", 100000)
    (tmp_path / "unified").mkdir()
    process = process_in_groups(
        tmp_path / "self",
        "4:memory:/job\n2:cpu,cpuacct:/job\n1:name=systemd:/init\n0::/init\n",
        [
            ("/", tmp_path / "cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
            ("/", tmp_path / "memory", "cgroup", "rw,memory"),
            ("/", tmp_path / "unified", "cgroup2", "rw"),
        ],
    )
    assert list(host._quotas(process)) == [2.5]


@pytest.mark.parametrize("path", ["/docker/abc", "/", "/../outside"])
def test_a_container_finds_its_quota_where_its_group_is_mounted(tmp_path, path):
    grant_v1(tmp_path / "my cpu", 150000)
    root = "/docker/abc" if path == "/docker/abc" else "/"
    point = str(tmp_path / "my cpu").replace(" ", "\\040")
    process = process_in_groups(
        tmp_path / "self", f"3:cpu:{path}\n", [(root, point, "cgroup", "rw,cpu")]
    )
    assert list(host._quotas(process)) == [1.5]


def test_no_control_groups_grant_everything(tmp_path):
    assert list(host._quotas(tmp_path / "none")) == []


def test_a_quota_counts_wherever_cores_are_counted(eight_cores, monkeypatch):
    from nlbook import parallel
    from nlbook.publishing.running import records

    monkeypatch.setattr(host, "_quotas", lambda process: iter([2.0]))
    assert parallel.usable_cores() == 2
    assert (records.machine()["cores"], records.machine()["threads"]) == (2, 2)
    assert describe_run(())["cores"] == 2
    assert host.worker_threads() == 2


def test_libraries_are_held_to_a_quota_and_else_left_alone(eight_cores, monkeypatch):
    assert host.thread_limits() == {}
    monkeypatch.setattr(host, "_quotas", lambda process: iter([2.0]))
    assert host.thread_limits()["OPENBLAS_NUM_THREADS"] == "2"
    assert host.thread_limits() == host.thread_variables(2)


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(monkeypatch, given):
    monkeypatch.setenv("NLBOOK_WORKERS", given)
    with pytest.raises(ValueError, match="NLBOOK_WORKERS must be a positive integer"):
        host.worker_threads()


def test_a_run_is_described_by_code_machine_and_versions(monkeypatch):
    monkeypatch.delenv("NLBOOK_COMMIT", raising=False)
    found = describe_run(("numpy", "pytest"))
    assert found["versions"] == {"numpy": metadata.version("numpy"), "pytest": pytest.__version__}
    assert found["processor"]
    # Python alone takes 8 MiB, and a test run less than the machine has
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 8 < found["peak_memory_mib"] < pages / 2**20


def test_the_commit_may_be_given(monkeypatch):
    monkeypatch.setenv("NLBOOK_COMMIT", "abc")
    assert describe_run(())["commit"] == "abc"


def in_git(folder, *arguments):
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run([*git, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder):
    """A repository with one file, and a package with another."""
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "module.py").write_text("x = 1\n")
    (folder / "thesis.tex").write_text("\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        in_git(folder, *arguments)
    return in_git(folder, "rev-parse", "HEAD")


def test_the_commit_is_that_of_the_tree_with_a_mark_where_it_differs(tmp_path):
    sha = repository(tmp_path)
    sources = ["package", "not there"]
    assert commit_of(tmp_path, sources) == host.Commit(sha, dirty=False)
    (tmp_path / "thesis.tex").write_text("changed\n")
    assert commit_of(tmp_path, sources) == host.Commit(sha, dirty=False)
    (tmp_path / "package" / "new.py").write_text("y = 2\n")
    assert commit_of(tmp_path, sources) == host.Commit(sha, dirty=True)


def test_a_repository_around_an_unpacked_copy_says_nothing_of_it(tmp_path):
    repository(tmp_path / "thesis")
    copy = tmp_path / "thesis" / "tools"
    (copy / "package").mkdir(parents=True)
    (copy / "package" / "module.py").write_text("x = 1\n")
    assert commit_of(copy, ["package"]) is None  # not under version control
    in_git(tmp_path / "thesis", "add", ".")
    in_git(tmp_path / "thesis", "commit", "-q", "-m", "x")
    assert commit_of(copy, ["package"]) is None  # under that of the thesis


def test_a_copy_unpacked_at_the_top_of_another_repository_has_no_commit(tmp_path):
    repository(tmp_path)
    shutil.copytree(tmp_path / "package", tmp_path / "other")
    assert commit_of(tmp_path, ["other"]) is None
    assert commit_of(tmp_path, []) is None


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_the_repository_of_the_environment_is_another_matter(tmp_path, monkeypatch, variable):
    sha = repository(tmp_path / "ours")
    repository(tmp_path / "theirs")
    theirs = {
        "GIT_DIR": tmp_path / "theirs" / ".git",
        "GIT_WORK_TREE": tmp_path / "theirs",
        "GIT_INDEX_FILE": tmp_path / "nothing",
    }
    monkeypatch.setenv(variable, str(theirs[variable]))
    assert commit_of(tmp_path / "ours", ["package"]) == host.Commit(sha, dirty=False)


PROGRAM = """
import os, signal, sys
from nlbook.host import signals_as_interrupt, signals_ignored
number = getattr(signal, sys.argv[1])
try:
    with signals_as_interrupt():
        os.kill(os.getpid(), number)
        print("went on")
except KeyboardInterrupt as interrupt:
    print("interrupted by", interrupt)
with signals_ignored():
    os.kill(os.getpid(), number)
print("done")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_that_end_a_run_interrupt_it(name):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    assert done.stdout.splitlines() == [f"interrupted by {name}", "done"], done.stderr


def test_a_closed_terminal_does_not_end_what_nohup_started():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "SIGHUP"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.stdout.splitlines() == ["went on", "done"], done.stderr


FIRST = """
import os, signal
from nlbook.host import signals_first, signals_held
def handler(number, frame):
    print("then", signal.Signals(number).name)
signal.signal(signal.SIGTERM, handler)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with signals_first(lambda: print("first")):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGHUP)
with signals_held():
    os.kill(os.getpid(), signal.SIGTERM)
    print("held")
"""


def test_something_is_done_before_a_signal_is_handled_and_a_held_one_waits():
    done = subprocess.run(
        [sys.executable, "-c", FIRST], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["first", "then SIGTERM", "held", "then SIGTERM", ""]
