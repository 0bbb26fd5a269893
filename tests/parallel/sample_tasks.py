"""Small functions that tests give to `run_tasks`; they import nothing slow."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from nlbook.parallel import block_partition, checkpoint, seed_sequence, task_seed

COMPUTED = "SAMPLE_TASKS_COMPUTED"  # variable: file that gets a line for each task that begins
# Variable: file that holds a number. While it exists, tasks from this number on do not end.
GATE = "SAMPLE_TASKS_GATE"
LONG = 1e5  # seconds: a task that ends only when it is stopped


def noise(n, seed, duration=0.0):
    """Return n normal numbers after a wait of `duration` seconds."""
    _note(seed)
    end = time.monotonic() + duration
    while time.monotonic() < end or _is_held(seed):
        checkpoint()
        time.sleep(0.005)
    numbers = np.random.default_rng(seed_sequence(seed)).normal(size=n)
    return {"numbers": numbers, "mean": numbers.mean(), "name": f"seed {seed}"}


def noise_tasks(n_tasks, n=5, seed=7, **more):
    return [{"n": n, "seed": task_seed(seed, k), **more} for k in range(n_tasks)]


def odd_seeds_fail(seed):
    if seed % 2:
        raise ArithmeticError(f"no root for seed {seed}")
    return {"seed": seed}


def returns(what, seed):
    """Return something that a store cannot keep."""
    return {
        "nothing": None,
        "object": {"x": object()},
        "ragged": {"x": np.array([1, "a", None], dtype=object)},
        "name": {"a/b": 1.0},
        "hidden": {"__store__": 1.0},
        "masked": {"x": np.ma.array([1.0, 2.0], mask=[0, 1])},
        "masked in a list": {"x": [np.ma.array([1.0, 2.0], mask=[0, 1])]},
    }[what]


def views(seed):
    """Return arrays of several kinds and memory layouts."""
    grid = np.random.default_rng(seed).normal(size=(4, 6))
    return {
        "transposed": grid.T,
        "strided": grid[:, ::2],
        "scalar": grid[0, 0],
        "flag": True,
        "count": 3,
        "empty": np.empty((0, 3)),
        "text": "Ångström",
        "texts": ["a", "bcd"],
        "single": grid.astype(np.float32),
        "complex": grid + 1j,
    }


def tell(value, log):
    """A task without a seed, that notes its call and fails below zero."""
    with open(log, "a") as file:
        file.write(f"{value}\n")
    if value < 0:
        raise ArithmeticError(f"no root of {value}")
    return {"value": value, "array": np.full(2, float(value))}


def process_id(seed, duration):
    return {"pid": os.getpid(), **noise(1, seed, duration)}


def dies(seed):
    if seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return noise(5, seed)


def nested(seed):
    """Run tasks inside of a task."""
    from nlbook.parallel import run_tasks

    results = run_tasks(noise, noise_tasks(3, seed=seed, duration=LONG), progress=False, workers=2)
    return {"mean": np.mean([result["mean"] for result in results])}


def sum_over_ranks(communicator, n):
    """Return size, rank, and the sum of range(n) made from each rank's block."""
    size, rank = communicator.Get_size(), communicator.Get_rank()
    return size, rank, communicator.allreduce(sum(block_partition(n, size, rank)))


def fails_on_last_rank(communicator):
    if communicator.Get_rank() == communicator.Get_size() - 1:
        raise ArithmeticError("the last rank has no root")


def _is_held(seed):
    path = os.environ.get(GATE)
    try:
        return bool(path) and seed[-1] >= int(Path(path).read_text())
    except FileNotFoundError:
        return False


def _note(seed):
    path = os.environ.get(COMPUTED)
    if path:
        with open(path, "a") as file:
            file.write(f"{seed}\n")


def computed_seeds(path):
    """Return the seeds that were computed, in their order."""
    return Path(path).read_text().splitlines() if Path(path).exists() else []
