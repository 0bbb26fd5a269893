"""Engines on this machine, under MPI or as a job of Slurm: started, reached and stopped."""

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

__all__ = [
    "ClusterRecord",
    "RunningCluster",
    "SlurmOptions",
    "block_partition",
    "connect",
    "list_clusters",
    "mpi_available",
    "require_mpi",
    "run_on_ranks",
    "slurm_submission",
    "slurm_version",
    "start_cluster",
    "stop_clusters",
]
