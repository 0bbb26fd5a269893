"""What the command ``nlbook`` has to do with clusters: options, starting, listing, stopping."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nlbook.publishing.errors import BookError, RunFailed

if TYPE_CHECKING:
    from nlbook.parallel import ClusterRecord, SlurmOptions

__all__ = ["add_options", "check_options", "findings", "list_or_stop", "started", "submission"]

_KINDS = ("local", "mpi", "slurm")
_SLURM = (
    "account",
    "partition",
    "time_limit",
    "tasks_per_node",
    "memory",
    "mpi",
    "template",
    "controller_ip",
)


def add_options(run: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    """Add the options of ``nlbook run`` that are about clusters."""
    run.add_argument("--cluster", choices=_KINDS, help="start engines of this kind")
    run.add_argument("--engines", type=positive, metavar="N", help="how many (one a core)")
    slurm = run.add_argument_group("with --cluster slurm; what is not given is as the site has it")
    slurm.add_argument("--account", metavar="A", help="account to charge")
    slurm.add_argument("--partition", metavar="P", help="partition, or several: P1,P2")
    slurm.add_argument("--time-limit", metavar="HH:MM:SS", help="wall time of the engines")
    slurm.add_argument("--tasks-per-node", type=positive, metavar="N", help="engines on a node")
    slurm.add_argument("--memory", metavar="SIZE", help="of each engine, such as 2G")
    slurm.add_argument("--mpi", action="store_true", default=None, help="engines as MPI ranks")
    slurm.add_argument("--template", metavar="FILE", help="batch template of the site")
    slurm.add_argument("--controller-ip", metavar="IP", help="where nodes reach this machine (*)")


def check_options(options: argparse.Namespace) -> None:
    """Refuse options without the cluster that they are for, and values that cannot be."""
    if options.engines and not options.cluster:
        raise BookError(f"--engines needs --cluster {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
    if options.cluster == "slurm":
        _slurm_options(options)
    else:
        for name in _given(options):
            raise BookError(f"--{name.replace('_', '-')} needs --cluster slurm")


def submission(options: argparse.Namespace, n_engines: int) -> str:
    """Return what would be submitted to Slurm: the command, and the batch script."""
    from nlbook.parallel import slurm_submission

    with _refusals():
        command, script = slurm_submission(n_engines, _slurm_options(options))
    return f"{command}\n\n{script}"


@contextlib.contextmanager
def started(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Engines for the chapter, if asked for; the environment that leads to them."""
    if not options.cluster:
        yield {}
        return
    from nlbook.parallel import start_cluster

    with contextlib.ExitStack() as stack:
        with _refusals():
            cluster = stack.enter_context(
                start_cluster(
                    options.cluster,
                    options.engines,
                    slurm=_slurm_options(options) if options.cluster == "slurm" else None,
                    report=(lambda sentence: None) if options.quiet else say,
                )
            )
        yield cluster.environment


def list_or_stop(options: argparse.Namespace) -> int:
    """List the clusters that runs have started; with ``--stop`` end what killed runs left."""
    from nlbook import parallel

    if options.stop:
        with _refusals():
            stopped = parallel.stop_clusters()
        for record in stopped:
            print(f"stopped {record.cluster_id} ({record.n_engines} {record.kind} engines)")
    records = parallel.list_clusters()
    for record in records:
        engines = f"{record.n_engines} {record.kind} engines on {record.runner.host}"
        print(f"{record.cluster_id}  {engines}, {_state(record)}")
    if not records:
        print("no clusters")
    return 0


def _state(record: ClusterRecord) -> str:
    if record.is_abandoned:
        return "left by a killed run"
    if record.is_here:
        return f"of process {record.runner.pid}"
    return (
        f"of process {record.runner.pid} of another machine or container, or from before the last "
        f"start of this one: not to be judged from here. When it has ended, remove "
        f"{record.record_file}"
    )


def findings() -> Iterator[tuple[str, str]]:
    """Yield what ``nlbook doctor`` says about MPI, Slurm and engines: a topic and a text."""
    from importlib.metadata import version

    from nlbook import parallel

    try:
        yield "MPI", f"mpich {version('mpich')}, {parallel.require_mpi()}"
    except (parallel.MPIUnavailable, ImportError) as error:
        yield "MPI", f"none: {' '.join(str(error).split())}"
    try:
        yield "Slurm", f"{parallel.slurm_version()}, takes jobs"
    except parallel.SlurmError as error:
        yield "Slurm", f"none: {error}"
    clusters = parallel.list_clusters()
    left = sum(record.is_abandoned for record in clusters)
    text = f"ipyparallel {version('ipyparallel')}, {len(clusters)} clusters known"
    if left:
        text += f", {left} left by killed runs (nlbook clusters --stop)"
    yield "engines", text


def _given(options: argparse.Namespace) -> dict[str, Any]:
    return {name: vars(options)[name] for name in _SLURM if vars(options)[name] is not None}


def _slurm_options(options: argparse.Namespace) -> SlurmOptions:
    from nlbook.parallel import SlurmOptions

    with _refusals():
        return SlurmOptions(**_given(options))


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Turn what `nlbook.parallel` refuses into an error of this command."""
    from nlbook.parallel import ClusterError

    try:
        yield
    except ClusterError as error:
        raise RunFailed(str(error)) from error
    except ValueError as error:
        raise BookError(str(error)) from error
