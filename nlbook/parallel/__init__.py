"""Many independent tasks: in threads, or on ipyparallel engines, stored one by one.

`run_tasks` calls an importable function once for each task, keeps what is finished in a folder,
and goes on from there when it is called again. `start_cluster` starts engines: on this machine,
plain or under MPI, or as a job of Slurm; `connect` gives a notebook the cluster that its runner
has started.

Environment variables: NLBOOK_CLUSTER, the connection file of the cluster to use;
NLBOOK_WORKERS, the number of threads when there is none; NLBOOK_FOLDER, from where the relative
path of a store leads when it is not the working folder; NLBOOK_MPIEXEC, another ``mpiexec`` than
the environment's own; NLBOOK_SLURM_TEMPLATE, a batch template of the site.
"""

from nlbook.host import usable_cores
from nlbook.parallel.cluster.connection import connect
from nlbook.parallel.cluster.mpi import block_partition, mpi_available, require_mpi, run_on_ranks
from nlbook.parallel.cluster.records import ClusterRecord, list_clusters
from nlbook.parallel.cluster.slurm import SlurmOptions, slurm_version
from nlbook.parallel.cluster.starting import (
    RunningCluster,
    slurm_submission,
    start_cluster,
    stop_clusters,
)
from nlbook.parallel.errors import (
    Cancelled,
    ClusterError,
    MPIUnavailable,
    SlurmError,
    StoreError,
    StoreWarning,
    TaskError,
    TaskErrors,
)
from nlbook.parallel.seeds import seed_sequence, task_seed
from nlbook.parallel.tasks import run_tasks
from nlbook.parallel.workers.interruption import checkpoint

__all__ = [
    "Cancelled",
    "ClusterError",
    "ClusterRecord",
    "MPIUnavailable",
    "RunningCluster",
    "SlurmError",
    "SlurmOptions",
    "StoreError",
    "StoreWarning",
    "TaskError",
    "TaskErrors",
    "block_partition",
    "checkpoint",
    "connect",
    "list_clusters",
    "mpi_available",
    "require_mpi",
    "run_on_ranks",
    "run_tasks",
    "seed_sequence",
    "slurm_submission",
    "slurm_version",
    "start_cluster",
    "stop_clusters",
    "task_seed",
    "usable_cores",
]
