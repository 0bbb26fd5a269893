"""A real Slurm on this machine: one node, its daemons started by hand and ended with the test.

Everything of it lies in one folder and listens on ports of its own, so it meets neither a Slurm
that is already here nor another test's.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.parallel.running import PATIENCE

DAEMONS = ("munged", "slurmctld", "slurmd")
CORES = 4  # that the node pretends to have; a job of four engines fits on any machine

CONFIGURATION = """\
ClusterName=book
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=60 State=UP
PartitionName=short Nodes={host} MaxTime=5 State=UP
"""


def why_not():
    """Say why no Slurm is started here, or return None."""
    if os.environ.get("NLBOOK_TEST_SLURM") != "1":
        return "they take two minutes; `make test-cluster` runs them"
    missing = [name for name in DAEMONS if _find(name) is None]
    if missing:
        return f"no {', '.join(missing)} here; `make test-cluster` installs Debian's as root"
    if os.getuid() != 0:
        return "Slurm's daemons need root; `make test-cluster` says more"
    return None


@contextmanager
def running_slurm(folder):
    """Start it in a folder with a short path; yield the path of its configuration."""
    folder = Path(folder)
    processes = []
    try:
        _start_munge(folder, processes)
        configuration = _configure(folder)
        environment = {**os.environ, "SLURM_CONF": str(configuration)}
        for name in ("slurmctld", "slurmd"):
            _start(folder, processes, name, "-D", env=environment)
        _wait_for_node(folder, processes, environment)
        yield configuration
    finally:
        _end(processes)


def _find(name):
    return shutil.which(name, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")


def _start(folder, processes, name, *options, **more):
    with (folder / f"{name}.out").open("wb") as out:
        command = [_find(name), *map(str, options)]
        processes.append(
            subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, **more)
        )


def _start_munge(folder, processes):
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{name}" for option, name in names.items()]
    _start(folder, processes, "munged", "--foreground", "--force", *options)
    _wait(folder, processes, (folder / "munge.socket").exists, "munged")


def _configure(folder):
    (folder / "cgroup.conf").write_text(_cgroup_line())
    path = folder / "slurm.conf"
    controller_port, node_port = _free_ports(2)
    path.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            folder=folder,
            cores=CORES,
            controller_port=controller_port,
            node_port=node_port,
        )
    )
    return path


def _cgroup_line():
    """Later versions look for cgroups even where no plugin needs them."""
    said = subprocess.run([_find("slurmd"), "-V"], capture_output=True, text=True).stdout
    year = int(re.search(r"(\d+)\.", said).group(1))
    return "CgroupPlugin=disabled\n" if year >= 23 else ""


def _free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for_node(folder, processes, environment):
    def idle():
        said = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True
        )
        return said.stdout.split()[:1] == ["idle"]

    _wait(folder, processes, idle, "the node")


def _wait(folder, processes, condition, name, timeout=PATIENCE):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end or any(p.poll() is not None for p in processes):
            raise RuntimeError(f"{name} of the test's Slurm did not come up:\n{_logs(folder)}")
        time.sleep(0.1)


def _logs(folder):
    return "\n".join(
        f"{path.name}:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])
        for path in sorted([*folder.glob("*.out"), *folder.glob("*.log")])
    )


def _end(processes):
    """End the daemons, the last first, and what their jobs may have left."""
    left = []
    for process in reversed(processes):
        left += psutil.Process(process.pid).children(recursive=True) if _alive(process) else []
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for process in left:
        if process.is_running():
            process.kill()


def _alive(process):
    return process.poll() is None
