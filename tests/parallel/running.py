"""Starting the ensemble in a process of its own, and looking at what it did."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0  # seconds: what a machine may take that has much else to do


def start_ensemble(store, *options, **variables):
    """Start it and return when its imports are done."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.parallel.ensemble", str(store), *map(str, options)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "started\n"
    return process


def finish(process):
    """Wait until a process ends; return what it wrote to the standard streams."""
    return process.communicate(timeout=PATIENCE)


def wait_until(condition, timeout=PATIENCE):
    """Wait until a condition holds, and fail when it takes too long."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def stored_files(store):
    return sorted(path.name for path in Path(store).glob("*.npz"))


def same(left, right):
    """Tell whether two lists of results are equal to the bit."""
    return len(left) == len(right) and all(
        a.keys() == b.keys()
        and all(
            a[name].dtype == b[name].dtype
            and a[name].shape == b[name].shape
            and a[name].flags.c_contiguous
            and b[name].flags.c_contiguous
            and a[name].tobytes() == b[name].tobytes()
            and isinstance(a[name], np.ndarray)
            for name in a
        )
        for a, b in zip(left, right, strict=True)
    )
