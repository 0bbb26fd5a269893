"""What each rank measures: ``python -m tests.benchmarks.diffusion_ranks NODES HORIZON FILE``."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import numpy as np

from nlbook.diffusion import DistributedDiffusion
from nlbook.kernels import PowerLawKernel


def measure(communicator, n_nodes: int, horizon: float, file: str) -> None:
    """Print the times and the memory on rank 0, and store a sample of what was computed."""
    axis = np.arange(float(n_nodes))
    operator = DistributedDiffusion(PowerLawKernel(2.4, horizon), (axis, axis), communicator)
    rows, columns = operator.coordinates()
    u = 2 + np.sin(rows / 30) * np.cos(columns / 70)
    tracemalloc.start()
    v = operator.apply(u)
    memory = tracemalloc.get_traced_memory()[1] + u.nbytes
    tracemalloc.stop()

    def elapsed(call) -> float:
        communicator.Barrier()
        begin = time.perf_counter()
        call()
        communicator.Barrier()
        return time.perf_counter() - begin

    answer = {
        "apply": min(elapsed(lambda: operator.apply(u)) for _ in range(8)),
        "memory": max(communicator.allgather(memory)),
    }
    whole = operator.gather(v)
    if whole is not None:
        np.save(file, whole[::7, ::5])
        print(json.dumps(answer))


if __name__ == "__main__":
    from mpi4py import MPI

    measure(MPI.COMM_WORLD, int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
