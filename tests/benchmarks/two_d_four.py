"""The public implicit code 2D4 beside ours, where its source is given.

2D4 (github.com/danieltuzes/2D4) is a program in C++ for the same dislocations, without
annihilation and sources: linearly implicit steps of order two by UMFPACK, their error from two
half steps. It isn't packaged. ``NLBOOK_2D4=FOLDER`` names a folder with its source; it is built
in a temporary folder with the flags of its own CMakeLists (it needs g++, SuiteSparse, FFTW and
Boost's program options; ``apt-get install g++ libsuitesparse-dev libfftw3-dev
libboost-program-options-dev``).

Lengths are in boxes there, so that times are t/L**2 and stresses L sigma. A constant load needs
``-s STRESS -S -r 0``: without ``-r`` it is ignored. Its fastest setting is taken: the part of the
Jacobian that is kept (``-u``) is tried at three values.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from nlbook.dislocations import evolve_adaptive, random_dislocations
from tests.benchmarks.measuring import Table

VARIABLE = "NLBOOK_2D4"

_FLAGS = ["-std=c++14", "-Ofast", "-flto", "-march=native", "-ffast-math"]
_LIBRARIES = ("-lumfpack", "-lfftw3", "-lboost_program_options")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_KEPT = ("1", "0.3", "0.1")  # of the Jacobian
_DENSITY = 700 / 300.0**2


def build(source: Path, folder: Path) -> Path:
    """Compile 2D4 from its source."""
    files = [str(path) for path in sorted((source / "src").rglob("*.cpp"))]
    program = folder / "2d4"
    subprocess.run(
        [
            "g++", *_FLAGS, '-DGCC_MACHINE_INFO="here"', '-DUSR_COMP_OPTIONS="bench"',
            f"-I{source / 'include'}", "-I/usr/include/suitesparse",
            *(file for file in files if not file.endswith("bindings.cpp")),
            "-o", str(program), *_LIBRARIES,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return program


def theirs(program: Path, start: Any, length: float, duration: float, load: float, kept: str):
    """Positions at the end by 2D4, and its seconds on a core."""
    x, y, sign = start
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        inside = [values / length - np.rint(values / length) for values in (x, y)]
        np.savetxt(place / "start", np.column_stack([*inside, sign]), fmt=["%.17g", "%.17g", "%d"])
        until = repr(float(duration / length**2))
        options = {
            "-I": "start", "-O": "end", "-L": "log", "-t": until, "-u": kept,
            "-P": repr(0.03 / length),  # b: of a step; a twentieth of the nearest distance rules
            "-o": "at_", "-T": until, "-b": "a", "-N": "1000000000", "-n": "1000000000",
        }  # fmt: skip
        command = [str(program), *(word for pair in options.items() for word in pair)]
        if load:
            command += ["-s", repr(float(load * length)), "-S", "-r", "0"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command, cwd=place, check=True, capture_output=True, env=os.environ | _ONE_THREAD
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        end = length * np.loadtxt(place / "end")[:, 0]
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return end, spent


def ours(start: Any, length: float, duration: float, load: float, tolerance: float):
    """Positions at the end by `evolve_adaptive`, and its seconds on a core."""
    began = time.thread_time()
    run = evolve_adaptive(
        *start, length, duration=duration, applied_stress=load, annihilation_distance=0.0,
        tolerance=tolerance, snapshot_times=[duration],
    )  # fmt: skip
    return start[0] + run.shift[0], time.thread_time() - began


def compare(program: Path, start: Any, length: float, duration: float, load: float = 0.0):
    """Seconds of 2D4 and ours, and median and largest errors of both; ours are the smaller."""
    exact, _ = ours(start, length, duration, load, 1e-6)

    def errors(end: np.ndarray) -> tuple[float, float]:
        off = (end - exact) / length
        off = length * np.abs(off - np.rint(off))
        return float(np.median(off)), float(np.max(off))

    found = [theirs(program, start, length, duration, load, kept) for kept in _KEPT]
    end, spent = min(found, key=lambda each: each[1])
    bound = errors(end)
    for tolerance in (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5):
        mine, elapsed = min(
            (ours(start, length, duration, load, tolerance) for _ in range(2)),
            key=lambda each: each[1],
        )
        reached = errors(mine)
        if reached[0] <= bound[0] and reached[1] <= bound[1]:
            return spent, elapsed, bound, reached
    raise ArithmeticError(f"no tolerance reaches the errors of 2D4, {bound}")


def relaxed_crystal():
    """A crystal of the paper's size that has relaxed with annihilation."""
    x, y, sign = random_dislocations(1500, 300.0, 2)
    run = evolve_adaptive(x, y, sign, 300.0, duration=10_000.0, snapshot_times=[10_000.0])
    left = run.alive[0]
    return (x + run.shift[0])[left], y[left], sign[left]


def two_d_four_table(counts: tuple[int, ...] = (64, 256, 1024)) -> Table | None:
    """2D4 beside ours; None, with the reason, where its source is not given."""
    source = os.environ.get(VARIABLE)
    if not source:
        print(f"no rows of 2D4: {VARIABLE} names no folder with its source")
        return None
    table = Table(
        "dislocation_2d4",
        "Glide beside the public code 2D4",
        "No annihilation, no sources, all images; one thread each, seconds on a core. Random "
        "dislocations at 700 in 300 b times 300 b relax for 100 t0; a relaxed crystal creeps for "
        "300 t0 under 0.0125 sigma0. 2D4 at its fastest of three parts of the Jacobian, built with "
        "its own flags; ours at the largest of six tolerances at which the median and the largest "
        "error, from a run at 1e-6 b, are no larger than those of 2D4. Measured where its source "
        "is given (NLBOOK_2D4).",
    )
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(source), Path(folder))
        cases = []
        for count in counts:
            length = float(np.sqrt(count / _DENSITY))
            cases.append(
                (f"relaxation, N = {count}", random_dislocations(count, length, 1), length, 100.0,
                 0.0)
            )  # fmt: skip
        crystal = relaxed_crystal()
        cases.append((f"creep, N = {crystal[0].size}", crystal, 300.0, 300.0, 0.0125))
        ours(cases[0][1], cases[0][2], 1.0, 0.0, 1e-2)  # warms up
        for name, start, length, duration, load in cases:
            spent, elapsed, bound, reached = compare(program, start, length, duration, load)
            table.add(name, elapsed, "s", ratio=spent / elapsed, against="2D4")
            table.add(f"{name}, 2D4", spent, "s")
            table.add(f"{name}, median error", reached[0], "b")
            table.add(f"{name}, median error of 2D4", bound[0], "b")
            table.add(f"{name}, largest error", reached[1], "b")
            table.add(f"{name}, largest error of 2D4", bound[1], "b")
    return table
