"""Engines on this machine, started and stopped by whoever runs a chapter.

A cluster is a controller and its engines: processes of their own, which would outlive the one
that started them. `start_cluster` stops them however its block ends. Where it could not, because
it was killed, its record remains: `list_clusters` shows it and `stop_clusters` ends what it left.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlbook.parallel.cluster_records import (
    ClusterRecord,
    list_clusters,
    new_record,
    remove_files,
    write_record,
)
from nlbook.parallel.connection import CLUSTER_VARIABLE, connect
from nlbook.parallel.errors import ClusterError
from nlbook.parallel.mpi import require_mpi
from nlbook.parallel.threads import usable_cores

__all__ = ["RunningCluster", "start_cluster", "stop_clusters"]

_KINDS = ("local", "mpi")
_GRACE = 1.0  # seconds that processes have to end before they are killed
# one core an engine: the engines are the parallel part
_THREADS = dict.fromkeys(
    [
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NLBOOK_WORKERS",
    ],
    "1",
)


@dataclass(frozen=True)
class RunningCluster:
    """A cluster inside of its `start_cluster` block."""

    record: ClusterRecord
    cluster: Any  # the ipyparallel.Cluster

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
    kind: str = "local", n_engines: int | None = None, *, timeout: float = 120.0
) -> Iterator[RunningCluster]:
    """Start engines on this machine, for the length of a ``with`` block.

    Whatever ends the block (its end, an exception, Ctrl-C, SIGTERM, a closed terminal) stops
    them. Inside of it these signals raise KeyboardInterrupt, when it is entered in the main
    thread. Each engine computes with one thread.

    Parameters
    ----------
    kind : {"local", "mpi"}
        Independent processes, of which one may die; or the ranks of one MPI job.
    n_engines : int, optional
        By default the number of usable cores.
    timeout : float
        Longest wait for the engines, s.

    Yields
    ------
    RunningCluster
        With all its engines there.

    Raises
    ------
    ValueError
        If `kind` or `n_engines` cannot be.
    MPIUnavailable
        If `kind` is "mpi" and this environment has no MPI.
    ClusterError
        If the engines do not come up in time.
    """
    if kind == "slurm":
        raise ValueError("kind 'slurm' is not supported yet; start 'local' or 'mpi' engines")
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    if n_engines is None:
        n_engines = usable_cores()
    if isinstance(n_engines, bool) or not isinstance(n_engines, int) or n_engines < 1:
        raise ValueError(f"n_engines must be a positive integer, got {n_engines!r}")
    mpiexec = require_mpi() if kind == "mpi" else None

    record = new_record(kind, n_engines)
    with _signals_as_interrupt():
        cluster = None
        said: deque[str] = deque(maxlen=16)
        try:
            write_record(record)
            cluster = _new_cluster(record, mpiexec, timeout, said)
            try:
                cluster.start_cluster_sync()
                connect(record.client_file, n_engines=n_engines, timeout=timeout).close()
            except (ClusterError, OSError, RuntimeError) as error:
                raise ClusterError(
                    f"{n_engines} {kind} engines did not start: {error}\n"
                    + "\n".join([*_last_words(record), *said])
                ) from error
            yield RunningCluster(record, cluster)
        finally:
            with _signals_ignored():
                _end_processes(record)
                if cluster is not None:
                    with suppress(Exception):  # it only finds that they have ended
                        cluster.stop_cluster_sync()
                remove_files(record)


def stop_clusters(*, running: bool = False) -> list[ClusterRecord]:
    """Stop the clusters that killed runners left on this host.

    Parameters
    ----------
    running : bool
        Stop also those whose runner is alive.

    Returns
    -------
    list of ClusterRecord
        Those that were stopped. Clusters on other hosts stay; see `ClusterRecord.is_here`.
    """
    stopped = []
    for record in list_clusters():
        if record.is_abandoned or (running and record.is_here):
            _end_processes(record)
            remove_files(record)
            stopped.append(record)
    return stopped


def _new_cluster(
    record: ClusterRecord, mpiexec: Path | None, timeout: float, said: deque[str]
) -> Any:
    import ipyparallel
    from traitlets.config import Config

    config = Config()
    # neither the engines nor what they start shall look for a cluster of their own
    environment = {**_THREADS, CLUSTER_VARIABLE: "", "PYTHONPATH": _import_path()}
    launcher = {"environment": environment, "engine_args": [f"--IPEngine.timeout={timeout:g}"]}
    config.LocalEngineSetLauncher.update(launcher)
    config.MPIEngineSetLauncher.update(launcher)
    if mpiexec is not None:
        config.MPIEngineSetLauncher.mpi_cmd = [str(mpiexec)]
    log = logging.getLogger(f"{__name__}.{record.cluster_id}")
    log.addHandler(_Memory(said))
    log.propagate = False  # read only if the cluster does not start
    return ipyparallel.Cluster(
        config=config,  # of a user's profile nothing is read, so that runs are alike
        load_profile=False,
        profile_dir=str(Path(record.folder).parent),
        cluster_id=record.cluster_id,
        engines=record.kind,
        n=record.n_engines,
        log=log,
        delay=0.0,  # the engines wait for the controller's connection file as it is
        # a dead engine is noticed within seconds; the hub keeps no results
        controller_args=["--HeartMonitor.period=500", "--nodb"],
    )


class _Memory(logging.Handler):
    """Keeps warnings: an engine's launcher removes its log file and passes the end of it on."""

    def __init__(self, lines: deque[str]) -> None:
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().splitlines()


def _import_path() -> str:
    """Let engines import what this process can: its paths outside of the installation."""
    prefixes = (sys.prefix, sys.base_prefix)
    paths = [os.path.abspath(path) for path in sys.path if not path.startswith(prefixes)]
    return os.pathsep.join(dict.fromkeys(paths))


def _last_words(record: ClusterRecord) -> list[str]:
    """Return the end of the logs of a cluster that did not start."""
    logs = sorted(Path(record.folder).parent.glob(f"log/*{record.cluster_id}*"))
    words = []
    for path in logs:
        with suppress(OSError):
            words += [f"{path.name}:", *path.read_text(errors="replace").splitlines()[-8:]]
    return words


def _end_processes(record: ClusterRecord) -> None:
    """End the processes of a cluster, whoever started them."""
    import psutil

    processes = _processes(record)
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(processes, timeout=_GRACE)
    # busy ones do not listen; killing an engine loses nothing, its files appear whole or not at all
    for _ in range(10):
        alive = _processes(record)
        if not alive:
            return
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=_GRACE)


def _processes(record: ClusterRecord) -> list[Any]:
    """Return the controller, the engines and what they started, told by their environment."""
    import psutil

    found = []
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in ours or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get("IPP_CLUSTER_ID") == record.cluster_id:
                found.append(process)
    return found


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, also in a background job."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handling(interrupt):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Let no further signal cut the cleaning."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)
