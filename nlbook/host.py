"""What this machine is and grants: cores, processor, versions, the commit, signals.

A batch job, a container or a hub grants less than the machine has, each in its own way. Whoever
counts cores or describes a run asks here.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = [
    "Commit",
    "commit_of",
    "describe_run",
    "git",
    "peak_memory_mib",
    "processor",
    "signals_as_interrupt",
    "signals_first",
    "signals_held",
    "signals_ignored",
    "temporary_folder",
    "thread_limits",
    "thread_variables",
    "usable_cores",
    "versions",
    "worker_threads",
]

# What lets git look at another repository than that of the folder it is called in.
_GIT_ELSEWHERE = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GIT_PATIENCE = 120.0  # seconds that git has to look at a tree
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NLBOOK_WORKERS",
)


def usable_cores() -> int:
    """Number of cores that this process may use.

    The least of the cores that it is bound to, the share of time that its control group and each
    of that group's parents grant (a container's quota), and what a hub or a batch job says in
    CPU_LIMIT and SLURM_CPUS_PER_TASK. A fraction counts as the nearest whole number, and
    something is always granted.
    """
    granted = [float(_bound()), *_quotas(Path("/proc/self"))]
    for name in ("CPU_LIMIT", "SLURM_CPUS_PER_TASK"):
        try:
            limit = float(os.environ.get(name, ""))
        except ValueError:
            continue
        if limit > 0:
            granted.append(limit)
    return max(1, math.floor(min(granted) + 0.5))


def _bound() -> int:
    """Cores that this process is bound to."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _quotas(process: Path) -> Iterator[float]:
    """Cores' worth of time that a process's control groups grant, of both versions.

    Where a group is mounted is said by ``mountinfo``; a container sees its own group, or one of
    its parents, as the root of what is mounted.
    """
    try:
        groups = (process / "cgroup").read_text("utf-8", "surrogateescape").splitlines()
        mounts = (process / "mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    paths = {}
    for line in groups:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            paths["cgroup2"] = path
        elif "cpu" in controllers.split(","):
            paths["cgroup"] = path
    for line in mounts:
        before, _, after = line.partition(" - ")
        kind, _, options = (after.split() + ["", "", ""])[:3]
        if kind not in paths or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        root, mount = (_unescaped(word) for word in before.split()[3:5])
        below = os.path.relpath(paths[kind], root)
        inside = not below.startswith("..") and below != "."
        folder = Path(mount, below) if inside else Path(mount)
        while True:
            quota = _quota(folder)
            if quota is not None:
                yield quota
            if folder == Path(mount):
                break
            folder = folder.parent


def _unescaped(word: str) -> str:
    """A path as ``mountinfo`` writes it: white space in octal."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, character)
    return word


def _quota(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("utf-8", "surrogateescape").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text("utf-8", "surrogateescape")
            period = (folder / "cpu.cfs_period_us").read_text("utf-8", "surrogateescape")
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return cores if cores > 0 else None  # -1: no limit


def worker_threads() -> int:
    """Number of threads that the tasks of this process share: NLBOOK_WORKERS, or one a core.

    Raises
    ------
    ValueError
        If NLBOOK_WORKERS is set to something else than a positive integer.
    """
    text = os.environ.get("NLBOOK_WORKERS", "").strip()
    if not text:
        return usable_cores()
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"NLBOOK_WORKERS must be a positive integer, got {text!r}")
    return int(text)


def thread_variables(n_threads: int) -> dict[str, str]:
    """Environment in which BLAS, OpenMP, numba and `run_tasks` take so many threads."""
    return dict.fromkeys(_THREADS, str(n_threads))


def thread_limits() -> dict[str, str]:
    """Environment that holds the libraries of a process to the cores that it may use.

    Empty where they are all that it is bound to. Else BLAS and numba, which know of no quota,
    would take a thread for each core of the machine, and wait for each other.
    """
    cores = usable_cores()
    return thread_variables(cores) if cores < _bound() else {}


def processor() -> str:
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "surrogateescape").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of those of the packages that are installed."""
    installed = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def peak_memory_mib() -> float:
    """Largest memory so far of this process or of one that it has waited for, MiB."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes
    return max(resource.getrusage(one).ru_maxrss for one in who) / unit


def temporary_folder() -> Path:
    """A folder of this user's own that lasts from one process to the next, for want of a home.

    Raises
    ------
    OSError
        If there is none to be had, or another user holds its place.
    """
    folder = Path(tempfile.gettempdir(), f"nlbook-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


@dataclass(frozen=True)
class Commit:
    """Where a working copy stands."""

    sha: str  #: 40 hexadecimal digits
    dirty: bool  #: whether the files that matter differ from it


def commit_of(root: Path, sources: Sequence[str]) -> Commit | None:
    """Commit of a working copy, None if the tree is none.

    A repository that only surrounds the tree, as that of a thesis with a copy of this project
    unpacked in it, says nothing of the tree: `root` must be its top, and hold `sources` under
    version control.

    Parameters
    ----------
    root : Path
        Top of the tree.
    sources : sequence of str
        Files and folders below it that matter; those that are not there are left out.
    """
    present = [name for name in sources if (root / name).exists()]
    try:
        top = git(root, "rev-parse", "--show-toplevel").rstrip("\n")
        if not present or not os.path.samefile(top, root):
            return None
        git(root, "ls-files", "--error-unmatch", "--", *present)
        sha = git(root, "rev-parse", "HEAD").strip()
        changes = git(root, "--no-optional-locks", "status", "--porcelain", "--", *present)
    except (OSError, subprocess.SubprocessError):
        return None
    return Commit(sha, bool(changes.strip()))


def git(root: Path, *arguments: str) -> str:
    """What git says in a folder, whatever repository the environment names.

    Raises
    ------
    OSError, subprocess.SubprocessError
        If there is no git, it fails, or does not answer.
    """
    environment = {n: value for n, value in os.environ.items() if n not in _GIT_ELSEWHERE}
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=True,
        timeout=_GIT_PATIENCE,
        env=environment,
    ).stdout


def describe_run(packages: Sequence[str]) -> dict[str, Any]:
    """Describe this process, for the provenance of what it has computed.

    Parameters
    ----------
    packages : sequence of str
        Distributions whose versions matter.

    Returns
    -------
    dict
        ``commit`` of the working copy that holds this package (NLBOOK_COMMIT says it where there
        is no git, and it is None where neither does), ``dirty``, whether the package differs
        from it, ``processor``, ``cores`` that may be used, ``python``, ``versions``,
        ``peak_memory_mib`` of the largest process so far, and ``date``, in UTC.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If a package is not installed.
    """
    package = Path(__file__).resolve().parent
    given = os.environ.get("NLBOOK_COMMIT")
    here = None if given else commit_of(package.parent, [package.name])
    return {
        "commit": given or (here.sha if here else None),
        "dirty": here.dirty if here else None,
        "processor": processor(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        "peak_memory_mib": round(peak_memory_mib()),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


@contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, also in a background job.

    SIGHUP stays ignored where it is, as under ``nohup``. In other threads than the main one,
    which get no signals, this does nothing.
    """

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handling(interrupt):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no further signal cut what cleans up."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def signals_first(action: Callable[[], object]) -> Iterator[None]:
    """Do something at a signal that ends a process, before it is handled as it would have been.

    A signal that is ignored, or that the system handles, stays so.
    """
    handlers: dict[signal.Signals, Any] = {n: signal.getsignal(n) for n in _ENDING}
    before = {n: handler for n, handler in handlers.items() if callable(handler)}

    def handle(number: int, frame: Any) -> None:
        action()
        before[signal.Signals(number)](number, frame)

    with _handling(handle, before):
        yield


@contextmanager
def signals_held() -> Iterator[None]:
    """Let signals that end a process wait until what can't be cut short is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handling(handler: Any, numbers: Iterable[signal.Signals] | None = None) -> Iterator[None]:
    """Let a handler have these signals; by default all, but for a hangup that is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if numbers is None:
        hangup_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        numbers = [n for n in _ENDING if not (n == signal.SIGHUP and hangup_ignored)]
    before = {}
    try:
        for number in numbers:
            before[number] = signal.signal(number, handler)
        yield
    finally:
        for kept, old in before.items():
            signal.signal(kept, old if old is not None else signal.SIG_DFL)
