"""The launcher through which ipyparallel submits engines to Slurm."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ipyparallel.cluster.launcher import SlurmEngineSetLauncher

from nlbook.parallel.cluster.records import ClusterRecord
from nlbook.parallel.cluster.slurm import (
    SlurmOptions,
    fill_template,
    read_template,
    sbatch_command,
    slurm_environment,
)
from nlbook.parallel.errors import SlurmError

__all__ = ["SlurmEngines", "engine_settings", "submission"]

_SUBMISSION = 120.0  # seconds that an interrupted submission has to end


class SlurmEngines(SlurmEngineSetLauncher):
    """ipyparallel's launcher, with its script out of the way and Slurm's refusals in words."""

    def script(self, n: int) -> str:
        """Return the batch script for `n` engines."""
        self.n = n
        environment = json.dumps(self.get_env())
        return fill_template(self.batch_template, {**self.context, "environment_json": environment})

    def write_batch_script(self, n: int = 1) -> None:
        """Write the script among the cluster's files."""
        path = Path(self.batch_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o700)
        path.write_text(self.script(n), encoding="utf-8")

    def _run_command(self, command: list[str], **options: Any) -> str:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**slurm_environment(), **self.get_env()},
            start_new_session=True,  # Ctrl-C shall not cut a submission in two
        )
        try:
            said, errors = process.communicate()
        except BaseException:
            process.communicate(timeout=_SUBMISSION)
            raise
        if process.returncode != 0:
            raise SlurmError(f"Slurm refused the job of the engines: {' '.join(errors.split())}")
        return said

    def stop(self) -> None:
        """Take note that the job has ended; `nlbook.parallel.cluster.slurm.cancel_jobs` ends it."""
        self.notify_stop({"job_id": self.job_id})


def engine_settings(
    options: SlurmOptions, record: ClusterRecord, environment: dict[str, str], timeout: float
) -> dict[str, Any]:
    """Return the traits of `SlurmEngines` for a cluster."""
    log = Path(record.folder).parent / "log"
    return {
        "submit_command": sbatch_command(options, record),
        "batch_template": read_template(options),
        "batch_file_name": str(log / f"engines-{record.cluster_id}.sbatch"),
        "output_file": str(log / f"engines-{record.cluster_id}.log"),
        "environment": environment,
        "engine_args": [*(["--mpi"] if options.mpi else []), f"--IPEngine.timeout={timeout:g}"],
    }


def submission(options: SlurmOptions, record: ClusterRecord, timeout: float) -> tuple[str, str]:
    """Return the command that would submit a cluster's engines, and its batch script.

    Raises
    ------
    ValueError
        If the template cannot be read or filled in.
    """
    from traitlets.config import Config

    config = Config()
    config.SlurmEngines.update(engine_settings(options, record, {}, timeout))
    launcher = SlurmEngines(
        config=config,
        profile_dir=str(Path(record.folder).parent),
        cluster_id=record.cluster_id,
    )
    command = shlex.join([*launcher.submit_command, os.path.basename(launcher.batch_file)])
    return command, launcher.script(record.n_engines)
