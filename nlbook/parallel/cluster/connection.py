"""From whatever names a cluster to a client that can talk to its engines."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nlbook.checks import check_integer, check_number
from nlbook.parallel.errors import ClusterError

__all__ = ["CLUSTER_VARIABLE", "connect", "opened"]

#: Environment variable that names the connection file of the cluster to use.
CLUSTER_VARIABLE = "NLBOOK_CLUSTER"


def connect(
    cluster: str | os.PathLike[str] | None = None, *, n_engines: int = 1, timeout: float = 60.0
) -> Any:
    """Connect to the cluster that this notebook or script has been given.

    Parameters
    ----------
    cluster : path, optional
        The client connection file of a controller (``ipcontroller-...-client.json``), or a file
        of an ``ipyparallel.Cluster`` (``cluster-...json``). By default the environment variable
        NLBOOK_CLUSTER, which ``nlbook run --cluster`` sets.
    n_engines : int
        Number of engines to wait for.
    timeout : float
        Longest wait, s.

    Returns
    -------
    ipyparallel.Client or None
        None when no cluster is named: `run_tasks` then computes in threads.

    Raises
    ------
    ValueError
        If `n_engines` or `timeout` cannot be.
    ClusterError
        If the file is missing or damaged, or the cluster does not answer.
    """
    check_integer("n_engines", n_engines, 0)
    check_number("timeout", timeout, above=0.0)
    given = "cluster"
    if cluster is None:
        cluster = os.environ.get(CLUSTER_VARIABLE, "")
        given = CLUSTER_VARIABLE
        if not cluster:
            return None
    path = Path(cluster)
    try:
        info = json.loads(path.read_text("utf-8"))
        if "cluster" in info:  # written by ipyparallel.Cluster
            path = _client_file(info)
            info = json.loads(path.read_text("utf-8"))
        if "registration" not in info:
            raise ValueError("it has no entry 'registration'")
    except FileNotFoundError:
        raise ClusterError(
            f"{given} names {path}, which does not exist: the cluster has been stopped. "
            f"Start one, or unset {CLUSTER_VARIABLE} to compute in this process."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(f"{given} names {path}, which is no connection file: {error}") from None

    import ipyparallel

    dead = (
        f"the cluster of {path} does not answer: it has died or been stopped. Start another one, "
        f"or unset {CLUSTER_VARIABLE} to compute in this process."
    )
    if _is_refused(info):
        raise ClusterError(dead)
    try:
        client = ipyparallel.Client(str(path), timeout=timeout)
    except (TimeoutError, ipyparallel.TimeoutError, OSError) as error:
        raise ClusterError(dead) from error
    try:
        client.wait_for_engines(n_engines, timeout=timeout, interactive=False)
    except (TimeoutError, ipyparallel.TimeoutError, ipyparallel.EngineError) as error:
        n_found = len(client.ids)
        client.close()
        raise ClusterError(
            f"{n_found} of {n_engines} engines of the cluster of {path} were there within "
            f"{timeout:g} s"
        ) from error
    return client


def _is_refused(info: dict[str, Any]) -> bool:
    """Tell whether nobody listens any more where a controller of this machine did.

    A client would wait for an answer as long as it does for that of a busy controller.
    """
    if info.get("interface") != "tcp://127.0.0.1" or info.get("ssh"):
        return False
    if info.get("location") not in ("localhost", "127.0.0.1", socket.gethostname()):
        return False
    try:
        socket.create_connection(("127.0.0.1", int(info["registration"])), timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        pass
    return False


@contextmanager
def opened(cluster: Any) -> Iterator[Any]:
    """Give a client of what `run_tasks` takes as a cluster, closed afterwards if made here."""
    import ipyparallel

    if isinstance(cluster, ipyparallel.Client):
        yield cluster
        return
    if isinstance(cluster, (str, os.PathLike)):
        client = connect(cluster)
    elif isinstance(cluster, ipyparallel.Cluster):
        if not cluster.controller or not cluster.controller.running:
            raise ClusterError(f"cluster {cluster!r} is not running")
        client = connect(cluster.controller.connection_files["client"])
    elif hasattr(cluster, "client_file"):
        client = connect(cluster.client_file)
    else:
        raise ValueError(
            f"cluster must be None, an ipyparallel Client or running Cluster, or the path of a "
            f"connection file, got {cluster!r}"
        )
    try:
        yield client
    finally:
        client.close()


def _client_file(info: dict[str, Any]) -> Path:
    cluster = info["cluster"]
    name = f"ipcontroller-{cluster['cluster_id']}-client.json"
    return Path(cluster["profile_dir"], "security", name)
