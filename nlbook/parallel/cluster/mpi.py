"""Work that is shared among the ranks of MPI.

Ranks are the engines of a cluster started with ``start_cluster("mpi", n)``, or the processes of
a script started with the ``mpiexec`` of this environment. Another installation's ``mpiexec``
would start processes that do not find each other, each alone with rank 0.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlbook.checks import check_integer
from nlbook.parallel.cluster.connection import opened
from nlbook.parallel.errors import ClusterError, MPIUnavailable
from nlbook.parallel.store.keys import function_name, load_function

__all__ = ["block_partition", "mpi_available", "require_mpi", "run_on_ranks"]

MPIEXEC_VARIABLE = "NLBOOK_MPIEXEC"


def mpi_available() -> bool:
    """Tell whether this environment can start MPI ranks."""
    return _why_unavailable() is None


def require_mpi() -> Path:
    """Return the ``mpiexec`` of this environment, or of NLBOOK_MPIEXEC.

    Raises
    ------
    MPIUnavailable
        If there is none, or mpi4py is missing, with what to do.
    """
    problem = _why_unavailable()
    if problem is not None:
        raise MPIUnavailable(problem)
    return _mpiexec()


def block_partition(n_items: int, n_parts: int, part: int) -> range:
    """Return the block of ``range(n_items)`` that belongs to one of `n_parts` ranks.

    Blocks are contiguous, in the order of the ranks, and differ by at most one in length, the
    longer ones first.

    Raises
    ------
    ValueError
        If one is no integer, `n_items` negative, `n_parts` not positive, or `part` not among
        them.
    """
    n_items = check_integer("n_items", n_items, 0)
    n_parts = check_integer("n_parts", n_parts, 1)
    part = check_integer("part", part, 0, n_parts - 1)
    length, longer = divmod(n_items, n_parts)
    start = part * length + min(part, longer)
    return range(start, start + length + (part < longer))


def run_on_ranks(cluster: Any, function: Callable[..., Any], **arguments: Any) -> list[Any]:
    """Call ``function(communicator, **arguments)`` on all engines at once.

    Parameters
    ----------
    cluster : ipyparallel.Client, ipyparallel.Cluster, RunningCluster or path
        Its engines must be the ranks of one MPI job.
    function : callable
        Defined at the top of an importable module; every rank must reach its collective calls.
        Its communicator is an ``mpi4py.MPI.Intracomm`` of its own, freed when it returns.
    **arguments
        The same for every rank.

    Returns
    -------
    list
        What the ranks returned, by rank.

    Raises
    ------
    ClusterError
        If the engines are not the ranks of one MPI job, or the function raised on one of them.
    """
    name = function_name(function)
    with opened(cluster) as client:
        import ipyparallel

        n_engines = len(client.ids)
        try:
            # the first call has no collective part: it tells what would otherwise wait for ever
            sizes = client[:].apply_sync(_world_size)
            if sizes != [n_engines] * n_engines:
                raise ClusterError(
                    f"the {n_engines} engines of this cluster are not the ranks of one MPI job "
                    f"(they see jobs of {sizes} ranks): start it with start_cluster('mpi', n), "
                    f"or under Slurm with SlurmOptions(mpi=True)"
                )
            answers = client[:].apply_sync(_run_on_rank, name, arguments)
        except ipyparallel.error.IPythonError as error:
            raise ClusterError(f"{name} failed on the ranks: {error}") from error
    return [returned for _, returned in sorted(answers, key=lambda answer: answer[0])]


def _world_size() -> int:
    from mpi4py import MPI

    return int(MPI.COMM_WORLD.Get_size())


def _run_on_rank(name: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    from mpi4py import MPI

    communicator = MPI.COMM_WORLD.Dup()
    returned = load_function(name)(communicator, **arguments)
    rank = int(communicator.Get_rank())
    communicator.Free()
    return rank, returned


def _mpiexec() -> Path:
    return Path(os.environ.get(MPIEXEC_VARIABLE) or Path(sys.prefix, "bin", "mpiexec"))


def _why_unavailable() -> str | None:
    mpiexec = _mpiexec()
    if not os.access(mpiexec, os.X_OK) or mpiexec.is_dir():
        if os.environ.get(MPIEXEC_VARIABLE):
            return f"{MPIEXEC_VARIABLE} names {mpiexec}, which cannot be executed"
        return (
            f"MPI is missing: there is no {mpiexec}. Install it into this environment by "
            f"'python -m pip install mpich mpi4py' (with conda: 'conda install mpich mpi4py'), "
            f"or name a cluster's own by {MPIEXEC_VARIABLE} together with an mpi4py built for it."
        )
    if importlib.util.find_spec("mpi4py") is None:
        return "MPI is missing: mpi4py is not installed. Run 'python -m pip install mpi4py'."
    return None
