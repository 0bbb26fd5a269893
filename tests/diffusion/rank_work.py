"""What each rank does in the tests of the distributed operator, here and on engines.

As a program it writes what rank 0 gathered: ``python -m tests.diffusion.rank_work FILE``.
"""

import sys
import tracemalloc
import warnings

import numpy as np

from nlbook.diffusion import DistributedDiffusion
from nlbook.kernels import PowerLawKernel

SPACING = 0.1
# name: shape, boundary, rule, horizon in cells. On 4 ranks the blocks of "long" and "thin" are
# shorter than the horizon, so that a halo comes from several ranks.
CASES = {
    "line": ((103,), "volume", "covered", 9.3),
    "ring": ((103,), "periodic", "nodes", 9.3),
    "long": ((41,), "volume", "covered", 34.6),
    "loop": ((41,), "periodic", "covered", 19.2),
    "plane": ((61, 50), "volume", "covered", 6.4),
    "torus": ((61, 50), "periodic", "covered", 6.4),
    "thin": ((21, 30), "periodic", "nodes", 8.7),
}


def make(name, communicator=None):
    """The operator of a case, and a start that is different everywhere."""
    shape, boundary, rule, cells = CASES[name]
    axes = [SPACING * np.arange(n) for n in shape]
    kernel = PowerLawKernel(len(shape) + 1.3, cells * SPACING, 0.01)
    operator = DistributedDiffusion(kernel, axes, communicator, boundary, rule)
    u = 1.0
    for k, x in enumerate(operator.coordinates(), 2):
        u = u * (2 + np.sin(k * x) + 0.3 * np.cos(5 * k * x))
    return operator, u


def work(communicator):
    """Apply and evolve every case; rank 0 returns the whole grids."""
    found = {}
    for name in CASES:
        operator, u = make(name, communicator)
        found[f"{name} apply"] = operator.gather(operator.apply(u))
        later = operator.evolve(u, operator.positive_step, 50, method="euler", check=False)
        found[f"{name} evolve"] = operator.gather(later)
        found[f"{name} total"] = operator.total(later)
    found["warnings"] = warnings_of_lost_mass(communicator)
    found["memory"] = peak_memory(communicator)
    return found if communicator.Get_rank() == 0 else None


def warnings_of_lost_mass(communicator):
    """What each rank is told of a spike beside the edge that loses much of its mass."""
    operator, u = make("plane", communicator)
    spike = np.where(operator.coordinates()[0] < 2 * SPACING, u, 0.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        operator.evolve(spike, operator.positive_step, 5)
    return communicator.allgather([str(entry.message) for entry in told])


def peak_memory(communicator):
    """Bytes that an application on a larger plane needs at most, of all ranks the largest."""
    axis = np.arange(600.0)
    operator = DistributedDiffusion(PowerLawKernel(2.4, 8.0), (axis, axis), communicator)
    u = np.ones(operator.local_shape)
    tracemalloc.start()
    operator.apply(u)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return max(communicator.allgather(peak + u.nbytes))


if __name__ == "__main__":
    from mpi4py import MPI

    answer = work(MPI.COMM_WORLD)
    if answer is not None:
        answer["warnings"] = np.array([" ".join(told) for told in answer["warnings"]])
        np.savez(sys.argv[1], **answer)
