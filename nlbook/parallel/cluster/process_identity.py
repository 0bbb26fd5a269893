"""One process among those of all machines and containers that share a folder."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ProcessIdentity", "this_process"]


@dataclass(frozen=True)
class ProcessIdentity:
    """One process among those of all machines and containers that share a folder.

    Numbers of processes and host names repeat: containers of one image have the same host name
    and number their processes from 1. A start of the kernel and a namespace of process numbers
    have identities of their own, in which number and start time tell one process from all others.
    """

    host: str  #: name of the machine, for people
    boot: str  #: identity of the kernel's last start
    namespace: str  #: identity of the namespace of process numbers
    pid: int  #: its number
    started: float  #: when it was created: ticks since the kernel's start; elsewhere s since 1970
    machine: str = ""  #: identity of the installed system; empty in containers, which copy theirs

    @property
    def is_here(self) -> bool:
        """Whether this process can tell if that one is alive."""
        here = this_process()
        return (self.host, self.boot, self.namespace) == (here.host, here.boot, here.namespace)

    @property
    def is_gone(self) -> bool:
        """Whether it has ended; False where that cannot be told."""
        if self.is_of_an_earlier_start:
            return True
        if not self.is_here:
            return False
        import psutil

        try:
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(_start_time(self.pid) - self.started) > _SAME_START
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return True
        except (psutil.AccessDenied, OSError, ValueError):
            return False

    @property
    def is_of_an_earlier_start(self) -> bool:
        """Whether this very machine has been started anew since; False where that can't be told."""
        here = this_process()
        known = bool(here.machine) and (self.host, self.machine) == (here.host, here.machine)
        return known and self.boot != here.boot

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> ProcessIdentity:
        """Read what `as_dict` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        kinds = {"host": str, "boot": str, "namespace": str, "pid": int, "started": (int, float)}
        # what was written before machines had an identity has none
        if not isinstance(entries, Mapping) or entries.keys() - {"machine"} != kinds.keys():
            raise ValueError(f"not the identity of a process: {entries!r}")
        for name, kind in (kinds | {"machine": str}).items():
            if not isinstance(entries.get(name, ""), kind):  # type: ignore[arg-type]
                raise ValueError(f"not the identity of a process: {name} is {entries[name]!r}")
        return cls(**entries)


# Linux counts ticks, which repeat exactly; elsewhere the clock may be set while a process runs.
_SAME_START = 0.5 if platform.system() == "Linux" else 1.0

# The namespace of process numbers outside of all containers: PROC_PID_INIT_INO of the kernel.
_OUTERMOST = "pid:[4026531836]"


def this_process() -> ProcessIdentity:
    """The identity of the calling process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8", "surrogateescape").strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # macOS has neither
        boot, namespace = socket.gethostname(), ""
    pid, machine = os.getpid(), ""
    if namespace == _OUTERMOST:
        with suppress(OSError):
            machine = Path("/etc/machine-id").read_text("utf-8", "surrogateescape").strip()
    return ProcessIdentity(socket.gethostname(), boot, namespace, pid, _start_time(pid), machine)


def _start_time(pid: int) -> float:
    if platform.system() == "Linux":
        # after the name, which may hold anything, in parentheses: field 22 of proc(5)
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return float(fields[19])
    import psutil

    return float(psutil.Process(pid).create_time())
