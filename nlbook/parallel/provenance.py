"""How a record was made: commit, machine, versions, memory, date."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["describe_run"]


def describe_run(packages: Sequence[str]) -> dict[str, Any]:
    """Describe this process, for the provenance of what it has computed.

    Parameters
    ----------
    packages : sequence of str
        Distributions whose versions matter.

    Returns
    -------
    dict
        ``commit`` (of the working copy; NLBOOK_COMMIT says it where there is no git, and it is
        None where neither does), ``processor``, ``cores``, ``python``, ``versions``,
        ``peak_memory_mib`` of the largest process so far, and ``date``, in UTC.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If a package is not installed.
    """
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(one).ru_maxrss for one in who)
    return {
        "commit": os.environ.get("NLBOOK_COMMIT") or _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in packages},
        "peak_memory_mib": round(peak / 1024),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
