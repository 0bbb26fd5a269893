"""Engines as one job of the batch system Slurm.

The controller runs where the command runs, on a login node; the job starts the engines wherever
Slurm has room. The job bears the name of its cluster, by which it can be found and cancelled as
long as the cluster's record exists, whatever became of the process that submitted it.

What is asked of Slurm stands on the command line of ``sbatch``, which goes before the lines
``#SBATCH`` of a template: a site's template holds what is always the same there, and the options
of a run still apply.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from nlbook.checks import check_integer
from nlbook.parallel.cluster.connection import connect
from nlbook.parallel.cluster.records import ClusterRecord
from nlbook.parallel.errors import ClusterError, SlurmError

__all__ = [
    "TEMPLATE_VARIABLE",
    "SlurmOptions",
    "cancel_jobs",
    "fill_template",
    "read_template",
    "require_slurm",
    "sbatch_command",
    "slurm_environment",
    "slurm_version",
    "wait_for_engines",
]

#: Environment variable that names a batch template of the site.
TEMPLATE_VARIABLE = "NLBOOK_SLURM_TEMPLATE"

_COMMANDS = ("sbatch", "squeue", "scancel")
_ANSWER = 120.0  # seconds that Slurm has to answer a command
_ENDING = 60  # times that a job is cancelled, one second apart, before that is given up
_FIRST_LOOK, _LAST_LOOK = 2.0, 30.0  # seconds between looks at the queue, growing
_TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}")
_MEMORY = re.compile(r"\d+[KMGT]?", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"'\\]+")


@dataclass(frozen=True)
class SlurmOptions:
    """What the job of the engines asks for; None leaves it to the template and the site."""

    #: account to charge
    account: str | None = None
    #: partition, or several with commas between them
    partition: str | None = None
    #: wall time: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS
    time_limit: str | None = None
    #: engines on one node, at most
    tasks_per_node: int | None = None
    #: memory of each engine, such as "2G"; MB without a letter
    memory: str | None = None
    #: engines as the ranks of one MPI job, of which none may die
    mpi: bool = False
    #: file with a batch template; by default that of NLBOOK_SLURM_TEMPLATE, else the package's
    template: str | os.PathLike[str] | None = None
    #: address of this machine at which the engines find the controller, "*" for all it has
    controller_ip: str = "*"

    def __post_init__(self) -> None:
        for name, pattern, allowed in (
            ("account", _WORD, "a word"),
            ("partition", _WORD, "a word"),
            ("time_limit", _TIME, "minutes, HH:MM:SS or D-HH:MM:SS"),
            ("memory", _MEMORY, "a number with K, M, G or T, such as 2G"),
            ("controller_ip", _WORD, "an address or *"),
        ):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
                raise ValueError(f"{name} must be {allowed}, got {value!r}")
        if self.tasks_per_node is not None:
            check_integer("tasks_per_node", self.tasks_per_node, 1)


def require_slurm() -> None:
    """Check that the commands of Slurm are here.

    Raises
    ------
    SlurmError
        If they are not.
    """
    missing = [command for command in _COMMANDS if shutil.which(command) is None]
    if missing:
        raise SlurmError(
            f"Slurm is missing: there is no {' and no '.join(missing)} on the path. Run this where "
            f"jobs are submitted, such as a login node, or start 'local' engines."
        )


def slurm_version() -> str:
    """Return the version of Slurm here, such as "22.05.8".

    Raises
    ------
    SlurmError
        If there is none, or it does not answer.
    """
    require_slurm()
    return _answer(["sinfo", "--version"]).removeprefix("slurm").strip()


def sbatch_command(options: SlurmOptions, record: ClusterRecord) -> list[str]:
    """Return the command that submits the engines of a cluster, without the name of the script."""
    log = Path(record.folder).parent / "log" / f"engines-{record.cluster_id}.log"
    asked = {
        "job-name": record.cluster_id,
        "ntasks": record.n_engines,
        "output": log,
        "account": options.account,
        "partition": options.partition,
        "time": options.time_limit,
        "ntasks-per-node": options.tasks_per_node,
        "mem-per-cpu": options.memory,
    }
    given = [f"--{name}={value}" for name, value in asked.items() if value is not None]
    return ["sbatch", "--parsable", *given]


def read_template(options: SlurmOptions) -> str:
    """Return the batch template: that of the options, of the site, or of this package.

    Raises
    ------
    ValueError
        If it cannot be read, or does not start the engines.
    """
    given = options.template or os.environ.get(TEMPLATE_VARIABLE)
    if not given:
        name = "slurm_mpi.sbatch" if options.mpi else "slurm.sbatch"
        return resources.files(__package__).joinpath("templates", name).read_text("utf-8")
    try:
        template = Path(given).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"template {given} cannot be read: {error}") from None
    if "{program_and_args}" not in template:
        raise ValueError(f"template {given} must hold {{program_and_args}}, which starts an engine")
    if not template.startswith("#!"):
        raise ValueError(f"template {given} must begin with a line such as #!/bin/sh")
    return template


def fill_template(template: str, fields: Mapping[str, Any]) -> str:
    """Replace the fields in braces of a batch template.

    Raises
    ------
    ValueError
        If a field is not among `fields`.
    """
    from IPython.utils.text import EvalFormatter

    try:
        return str(EvalFormatter().format(template, **fields))
    except Exception as error:  # what stands in braces is evaluated
        raise ValueError(
            f"the batch template cannot be filled in ({type(error).__name__}: {error}). It knows "
            f"{', '.join(f'{{{name}}}' for name in sorted(fields))}; braces of the shell are "
            f"written twice, ${{{{HOME}}}}."
        ) from None


class _Job(NamedTuple):
    number: str
    state: str  # PENDING, RUNNING, ...
    reason: str  # why it waits
    start: str  # when Slurm expects to start it

    @property
    def words(self) -> str:
        text = f"Slurm job {self.number} is {self.state.lower()}"
        if self.reason not in ("", "None"):
            text += f" ({self.reason})"
        if self.state == "PENDING" and self.start not in ("", "N/A"):
            text += f", expected to start at {self.start}"
        return text


def wait_for_engines(
    record: ClusterRecord, least: int, timeout: float, report: Callable[[str], None]
) -> None:
    """Wait until engines are there: as long as the queue takes, and then a limited time.

    Parameters
    ----------
    record : ClusterRecord
    least : int
        Number of engines to wait for.
    timeout : float
        Longest wait from the start of the job, s.
    report : callable
        Gets a sentence whenever what keeps the job waiting changes.

    Raises
    ------
    ClusterError
        If the job ends, or its engines do not come in time.
    """
    with connect(record.client_file, n_engines=0) as client:
        told = ""
        begun = None  # when the job was first seen running
        look, pause = time.monotonic() + _FIRST_LOOK, _FIRST_LOOK
        while len(client.ids) < least:
            time.sleep(0.2)
            now = time.monotonic()
            if now < look:
                continue
            job = next(iter(_jobs(record)), None)
            if job is None:
                raise ClusterError("the Slurm job ended before its engines were there")
            if job.words != told:
                report(told := job.words)
            if job.state == "RUNNING":
                begun = begun or now
                if now - begun > timeout:
                    raise ClusterError(
                        f"{len(client.ids)} of {least} engines were there {timeout:g} s after the "
                        f"start of Slurm job {job.number}. Do its nodes reach this machine? "
                        f"Another address of it can be given as controller_ip."
                    )
            pause = _FIRST_LOOK if job.state == "RUNNING" else min(1.5 * pause, _LAST_LOOK)
            look = now + pause
        if told:
            report(f"{len(client.ids)} of {record.n_engines} engines are there")


def cancel_jobs(record: ClusterRecord) -> None:
    """Cancel the jobs of a cluster and see that they end.

    Raises
    ------
    SlurmError
        If Slurm does not answer, or does not end them.
    """
    require_slurm()
    for _ in range(_ENDING):
        jobs = _jobs(record)
        if not jobs:
            return
        _answer(["scancel", *(job.number for job in jobs)])
        time.sleep(1.0)
    raise SlurmError(f"Slurm does not end job {', '.join(job.number for job in jobs)}")


def _jobs(record: ClusterRecord) -> list[_Job]:
    """Return the jobs of a cluster that wait or run."""
    options = [f"--name={record.cluster_id}", f"--user={os.getuid()}", "--format=%A|%T|%r|%S"]
    lines = _answer(["squeue", "--noheader", *options]).splitlines()
    jobs = [_Job(*line.strip().split("|")) for line in lines if line.count("|") == 3]
    return [job for job in jobs if job.state != "COMPLETING"]


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_ANSWER,
            env=slurm_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"Slurm does not answer {command[0]}: {error}") from None
    if done.returncode != 0:
        raise SlurmError(f"{command[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout


def slurm_environment() -> dict[str, str]:
    """Return this environment without what an enclosing Slurm job says of itself."""
    kept = ("SLURM_CONF", "SLURM_MPI_TYPE")
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith("SLURM_")
    }
