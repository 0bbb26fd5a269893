"""The processes of a cluster: which they are, and how they end, whoever started them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from nlbook.parallel.cluster.records import ClusterRecord

__all__ = ["end_processes", "has_ended"]

_GRACE = 1.0  # seconds that processes have to end before they are killed
_KILLING = 60.0  # seconds that killed ones have to be gone
_STARTING = 10.0  # seconds that a process has to get from its start to its environment


def has_ended(process: Any) -> bool:
    """Tell whether a process, a `psutil.Process`, is gone."""
    import psutil

    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_processes(record: ClusterRecord) -> None:
    """End the processes of a cluster, whoever started them."""
    import psutil

    processes, _ = _processes(record)
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(processes, timeout=_GRACE)
    # busy ones do not listen; killing an engine loses nothing, its files appear whole or not at all
    end = time.monotonic() + _KILLING
    while time.monotonic() < end:
        alive, starting = _processes(record)
        if not alive and not starting:
            return
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs([*alive, *starting], timeout=_GRACE if alive else 0.05)


def _processes(record: ClusterRecord) -> tuple[list[Any], list[Any]]:
    """Return the controller, the engines and what they started, told by their environment.

    And, where this process is who starts them, those of its children that have none as yet:
    between a process's start and its environment an interruption may come.
    """
    import psutil

    running, starting = [], []
    here = psutil.Process()
    ours = {here.pid, *(parent.pid for parent in here.parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in ours or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment = process.environ()
            if environment.get("IPP_CLUSTER_ID") == record.cluster_id:
                running.append(process)
            elif (
                not environment
                and process.ppid() == here.pid
                and time.time() - process.create_time() < _STARTING
            ):
                starting.append(process)
    return running, starting
