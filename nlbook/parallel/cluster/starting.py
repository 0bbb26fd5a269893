"""Engines on this machine or under Slurm, started and stopped by whoever runs a chapter.

A cluster is a controller and its engines: processes of their own, which would outlive the one
that started them. `start_cluster` stops them however its block ends. Where it could not, because
it was killed, its record remains: `list_clusters` shows it and `stop_clusters` ends what it left.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlbook.checks import check_choice, check_integer, check_number
from nlbook.host import signals_as_interrupt, signals_ignored, thread_variables, usable_cores
from nlbook.parallel.cluster.connection import CLUSTER_VARIABLE, connect
from nlbook.parallel.cluster.mpi import require_mpi
from nlbook.parallel.cluster.processes import end_processes, has_ended
from nlbook.parallel.cluster.records import (
    ClusterRecord,
    list_clusters,
    new_record,
    remove_files,
    write_record,
)
from nlbook.parallel.cluster.slurm import SlurmOptions, cancel_jobs, require_slurm, wait_for_engines
from nlbook.parallel.errors import ClusterError, SlurmError

__all__ = ["RunningCluster", "slurm_submission", "start_cluster", "stop_clusters"]

_KINDS = ("local", "mpi", "slurm")
# Seconds that engines have to come up: many of them may share two cores, or nodes a slow disk.
_TIMEOUT = {"local": 300.0, "mpi": 300.0, "slurm": 600.0}
# An engine that has not answered for so many seconds is taken for dead, and its tasks are sent to
# another one: on a busy machine a living one may be silent for a while.
_DEAD = 20
_ORPHANED = 120  # seconds without the controller after which an engine ends itself
_REGISTRATION = 120  # seconds between the two halves of an engine's registration


@dataclass(frozen=True)
class RunningCluster:
    """A cluster inside of its `start_cluster` block."""

    record: ClusterRecord  #: what was written down about it
    cluster: Any  #: the ipyparallel.Cluster

    @property
    def n_engines(self) -> int:
        """Number of engines that were started."""
        return self.record.n_engines

    @property
    def client_file(self) -> Path:
        """Connection file for clients, the value of NLBOOK_CLUSTER."""
        return self.record.client_file

    @property
    def environment(self) -> dict[str, str]:
        """What a chapter's kernel needs in its environment so that `connect` finds the cluster."""
        return {CLUSTER_VARIABLE: str(self.client_file)}

    def connect(self) -> Any:
        """Return a new ``ipyparallel.Client``."""
        return connect(self.client_file)


@contextmanager
def start_cluster(
    kind: str = "local",
    n_engines: int | None = None,
    *,
    timeout: float | None = None,
    slurm: SlurmOptions | None = None,
    report: Callable[[str], None] | None = None,
) -> Iterator[RunningCluster]:
    """Start engines on this machine or under Slurm, for the length of a ``with`` block.

    Whatever ends the block (its end, an exception, Ctrl-C, SIGTERM, a closed terminal) stops
    them. Inside of it these signals raise KeyboardInterrupt, when it is entered in the main
    thread. Each engine computes with one thread.

    Parameters
    ----------
    kind : {"local", "mpi", "slurm"}
        Independent processes, of which one may die; the ranks of one MPI job; or a job of Slurm,
        which is one or the other.
    n_engines : int, optional
        By default the number of this machine's usable cores.
    timeout : float, optional
        Longest wait for the engines, s: by default 300, and 600 from the start of a job of Slurm,
        which may be in the queue for as long as it takes.
    slurm : SlurmOptions, optional
        What the job asks of Slurm.
    report : callable, optional
        Gets sentences about a job that has to wait; by default they go to stderr.

    Yields
    ------
    RunningCluster
        With all its engines there; under Slurm, without MPI, with at least one.

    Raises
    ------
    ValueError
        If `kind` or `n_engines` cannot be.
    MPIUnavailable
        If `kind` is "mpi" and this environment has no MPI.
    SlurmError
        If `kind` is "slurm" and there is no Slurm here, or it refuses the job.
    ClusterError
        If the engines do not come up in time.
    """
    check_choice("kind", kind, _KINDS)
    n_engines = usable_cores() if n_engines is None else check_integer("n_engines", n_engines, 1)
    if slurm is not None and kind != "slurm":
        raise ValueError(f"slurm must be None for kind {kind!r}, got {slurm!r}")
    timeout = _TIMEOUT[kind] if timeout is None else check_number("timeout", timeout, above=0.0)
    report = report or _to_stderr
    mpiexec = require_mpi() if kind == "mpi" else None
    record = new_record(kind, n_engines)
    if kind == "slurm":
        from nlbook.parallel.cluster.slurm_launcher import submission

        slurm = slurm or SlurmOptions()
        submission(slurm, record, timeout)  # a template that cannot be is refused here
        require_slurm()
    with signals_as_interrupt():
        cluster = None
        said: deque[str] = deque(maxlen=16)
        try:
            write_record(record)
            cluster = _new_cluster(record, mpiexec, slurm, timeout, said)
            try:
                cluster.start_cluster_sync()
                if slurm is not None:
                    wait_for_engines(record, n_engines if slurm.mpi else 1, timeout, report)
                else:
                    _await_engines(cluster, record, timeout)
            except SlurmError:
                raise
            except (ClusterError, OSError, RuntimeError) as error:
                raise ClusterError(
                    f"{n_engines} {kind} engines did not start: {error}\n"
                    + "\n".join([*_last_words(record), *said])
                ) from error
            yield RunningCluster(record, cluster)
        finally:
            with signals_ignored():
                left = _end(record)
                if cluster is not None:
                    with suppress(Exception):  # it only finds that they have ended
                        cluster.stop_cluster_sync()
                if left is None:
                    remove_files(record)
                else:
                    report(f"{left}. Try again with `nlbook clusters --stop`.")


def slurm_submission(n_engines: int, slurm: SlurmOptions | None = None) -> tuple[str, str]:
    """Return what `start_cluster` would submit to Slurm, but for the name of the job.

    Returns
    -------
    command, script : str
        The ``sbatch`` command and the batch script.

    Raises
    ------
    ValueError
        If `n_engines` cannot be, or the template cannot be read or filled in.
    """
    from nlbook.parallel.cluster.slurm_launcher import submission

    record = new_record("slurm", check_integer("n_engines", n_engines, 1))
    return submission(slurm or SlurmOptions(), record, _TIMEOUT["slurm"])


def stop_clusters(*, running: bool = False) -> list[ClusterRecord]:
    """Stop the clusters that killed runners left here.

    Parameters
    ----------
    running : bool
        Stop also those whose runner is alive.

    Returns
    -------
    list of ClusterRecord
        Those that were stopped. Clusters of another machine or container stay; see
        `ClusterRecord.is_here`.

    Raises
    ------
    SlurmError
        If jobs of Slurm could not be cancelled; their records stay, the other clusters are stopped.
    """
    stopped, left = [], []
    for record in list_clusters():
        if record.is_abandoned or (running and record.is_here):
            problem = _end(record)
            if problem is None:
                remove_files(record)
                stopped.append(record)
            else:
                left.append(problem)
    if left:
        raise SlurmError("; ".join(left))
    return stopped


def _new_cluster(
    record: ClusterRecord,
    mpiexec: Path | None,
    slurm: SlurmOptions | None,
    timeout: float,
    said: deque[str],
) -> Any:
    import ipyparallel
    from traitlets.config import Config

    config = Config()
    # one core an engine: the engines are the parallel part; and neither they nor what they start
    # shall look for a cluster of their own
    environment = {**thread_variables(1), CLUSTER_VARIABLE: "", "PYTHONPATH": _import_path()}
    launcher = {
        "environment": environment,
        "engine_args": [
            f"--IPEngine.timeout={timeout:g}",
            f"--IPEngine.max_heartbeat_misses={_ORPHANED}",
        ],
    }
    config.ControllerLauncher.connection_info_timeout = max(timeout, _TIMEOUT["local"])
    config.LocalEngineSetLauncher.update(launcher)
    config.MPIEngineSetLauncher.update(launcher)
    if mpiexec is not None:
        config.MPIEngineSetLauncher.mpi_cmd = [str(mpiexec)]
    engines: Any = record.kind
    if slurm is not None:
        from nlbook.parallel.cluster.slurm_launcher import SlurmEngines, engine_settings

        engines = SlurmEngines
        config.SlurmEngines.update(engine_settings(slurm, record, environment, timeout))
    log = logging.getLogger(f"{__name__}.{record.cluster_id}")
    log.addHandler(_Memory(said))
    log.propagate = False  # read only if the cluster does not start
    return ipyparallel.Cluster(
        config=config,  # of a user's profile nothing is read, so that runs are alike
        load_profile=False,
        profile_dir=str(Path(record.folder).parent),
        cluster_id=record.cluster_id,
        engines=engines,
        n=record.n_engines,
        log=log,
        delay=0.0,  # the engines wait for the controller's connection file as it is
        controller_ip=slurm.controller_ip if slurm is not None else "",
        controller_args=[
            "--HeartMonitor.period=1000",
            f"--HeartMonitor.max_heartmonitor_misses={_DEAD}",
            f"--IPController.registration_timeout={_REGISTRATION}",
            "--nodb",  # the hub keeps no results
        ],
    )


def _await_engines(cluster: Any, record: ClusterRecord, timeout: float) -> None:
    """Wait for all engines of this machine, no longer than their processes are there."""
    (engines,) = cluster.engines.values()
    # of local engines each has a launcher, which leaves the set when it ends; of ranks all have one
    launchers = list(engines.launchers.values()) if record.kind == "local" else [engines]
    gone = record.kind == "local" and len(launchers) < record.n_engines
    with connect(record.client_file, n_engines=0, timeout=_TIMEOUT["local"]) as client:
        end = time.monotonic() + timeout
        while len(client.ids) < record.n_engines:
            if has_ended(cluster.controller.process):
                raise ClusterError("their controller ended")
            if gone or any(has_ended(launcher.process) for launcher in launchers):
                raise ClusterError("one ended before all were there")
            if time.monotonic() > end:
                raise ClusterError(
                    f"{len(client.ids)} of {record.n_engines} were there within {timeout:g} s"
                )
            time.sleep(0.05)


class _Memory(logging.Handler):
    """Keeps warnings: an engine's launcher removes its log file and passes the end of it on."""

    def __init__(self, lines: deque[str]) -> None:
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().splitlines()


def _import_path() -> str:
    """Let engines import what this process can: its paths beyond those of a bare interpreter.

    Where a path lies tells nothing: a project may well lie below the interpreter's prefix.
    """
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    bare = subprocess.run(
        [sys.executable, "-P", "-c", "import json, sys; print(json.dumps(sys.path))"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=environment,
    )
    known = set(json.loads(bare.stdout.splitlines()[-1]))
    paths = [os.path.abspath(path) for path in map(str, sys.path) if path not in known]
    return os.pathsep.join(dict.fromkeys(paths))


def _last_words(record: ClusterRecord) -> list[str]:
    """Return the end of the logs of a cluster that did not start."""
    logs = sorted(Path(record.folder).parent.glob(f"log/*{record.cluster_id}*"))
    words = []
    for path in logs:
        with suppress(OSError):
            words += [f"{path.name}:", *path.read_text("utf-8", errors="replace").splitlines()[-8:]]
    return words


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _end(record: ClusterRecord) -> str | None:
    """End a cluster; return what is left of it, in words, if Slurm does not end its job."""
    left = None
    if record.kind == "slurm":
        try:
            cancel_jobs(record)
        except SlurmError as error:
            left = f"the job {record.cluster_id} of Slurm may still be there: {error}"
    end_processes(record)
    return left
