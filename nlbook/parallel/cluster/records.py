"""What is written down about each cluster, so that one left behind can be found.

A record is written before the first process starts and removed after the last one has ended.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from nlbook.host import temporary_folder
from nlbook.parallel.cluster.process_identity import ProcessIdentity, this_process
from nlbook.parallel.errors import ClusterError

__all__ = ["ClusterRecord", "list_clusters", "new_record", "remove_files", "write_record"]

_PROFILE = "nlbook"  # an IPython profile of our own: a user's clusters are not touched


@dataclass(frozen=True)
class ClusterRecord:
    """What is written down about a cluster before it starts."""

    cluster_id: str  #: its name among the clusters of the profile
    kind: str  #: "local", "mpi" or "slurm"
    n_engines: int  #: engines that were asked for
    runner: ProcessIdentity  #: the process that started it
    started: float  #: when the cluster was started, s since 1970
    folder: str  #: of the records

    @property
    def client_file(self) -> Path:
        """Connection file for clients, the value of NLBOOK_CLUSTER."""
        return Path(self.folder, f"ipcontroller-{self.cluster_id}-client.json")

    @property
    def cluster_file(self) -> Path:
        """File from which ``ipyparallel.Cluster.from_file`` restores the cluster."""
        return Path(self.folder, f"cluster-{self.cluster_id}.json")

    @property
    def record_file(self) -> Path:
        """File that holds this record."""
        return Path(self.folder, f"record-{self.cluster_id}.json")

    @property
    def is_here(self) -> bool:
        """Whether this process can judge and stop it: same machine, container and system start."""
        return self.runner.is_here

    @property
    def is_abandoned(self) -> bool:
        """Whether the process that started it is gone; False where that cannot be told."""
        return self.runner.is_gone


def list_clusters() -> list[ClusterRecord]:
    """Return the records of clusters that have not been stopped, the oldest first.

    A record from before this machine's last start is removed, as all processes have ended that it
    could be about; of Slurm jobs may be left, so that theirs stay.
    """
    names = {field for field in ClusterRecord.__dataclass_fields__ if field != "folder"}
    records = []
    for path in _folder().glob("record-*.json"):
        with suppress(OSError, ValueError, TypeError):
            entries = json.loads(path.read_text("utf-8"))
            if set(entries) == names:
                entries["runner"] = ProcessIdentity.from_dict(entries["runner"])
                record = ClusterRecord(**entries, folder=str(path.parent))
                if record.kind != "slurm" and record.runner.is_of_an_earlier_start:
                    remove_files(record)
                else:
                    records.append(record)
    return sorted(records, key=lambda record: record.started)


def _folder() -> Path:
    from IPython.paths import get_ipython_dir

    home = Path(os.environ.get("IPYTHONDIR") or "~/.ipython").expanduser()
    if _can_be_written(home):
        home = Path(get_ipython_dir())
    else:  # IPython would take another temporary folder each time
        with suppress(OSError):
            home = temporary_folder() / "ipython"
    return home / f"profile_{_PROFILE}" / "security"


def _can_be_written(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def new_record(kind: str, n_engines: int) -> ClusterRecord:
    """Describe a cluster that this process is about to start."""
    return ClusterRecord(
        cluster_id=f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}",
        kind=kind,
        n_engines=n_engines,
        runner=this_process(),
        started=time.time(),
        folder=str(_folder()),
    )


def write_record(record: ClusterRecord) -> None:
    """Write a record, whole or not at all.

    Raises
    ------
    ClusterError
        If the folder of the records cannot be written.
    """
    entries = asdict(record)
    del entries["folder"]
    aside = record.record_file.with_suffix(".aside")  # the identity in its name is of one cluster
    try:
        record.record_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        os.replace(aside, record.record_file)
    except OSError as error:
        raise ClusterError(
            f"a cluster cannot be recorded in {record.folder}: {error}. Set IPYTHONDIR to a folder "
            f"that can be written."
        ) from None


def remove_files(record: ClusterRecord) -> None:
    """Remove the record of a cluster that has ended, and the other files it left."""
    profile = Path(record.folder).parent
    for path in [
        *profile.glob(f"log/*{record.cluster_id}*"),
        *profile.glob(f"security/*-{record.cluster_id}*.json"),
    ]:
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        record.record_file.unlink()
