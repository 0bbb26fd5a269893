"""The nonlocal operator and its evolution, against what one would write or take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import fft, linalg, signal
from scipy.sparse.linalg import expm_multiply

from nlbook.diffusion import NonlocalDiffusion, plane_weights
from nlbook.diffusion.convolution import Convolution
from nlbook.kernels import PowerLawKernel
from nlbook.parallel import require_mpi
from tests.benchmarks.measuring import Table, seconds

# The paper's Case 2, 80/20.
ALPHA, HORIZON, STRENGTH = 2.40, 33.70, 7.40e-4
GRID = np.linspace(-40, 40, 1601)
STEP, N_STEPS = 0.01, 10_000
N_CELLS, REACH = 2048, 32


def start():
    """A density with heavy tails, even to the bit."""
    density = 1 / (1 + GRID**2) ** 1.5
    density /= density.sum() * (GRID[1] - GRID[0])
    return (density + density[::-1]) / 2


def evolution_table() -> Table:
    """All snapshots of 10000 steps on 1601 nodes."""
    table = Table(
        "nonlocal_evolution",
        "Nonlocal diffusion: 10,000 steps on 1601 nodes, all snapshots",
        "The kernel of the paper's Case 2. Stepping by products was timed over 200 steps and by "
        "transforms over 2000, and scipy's expm_multiply over 100 snapshots, each in proportion. "
        "The start is even, so half of the nodes know the others: what uses it is compared with "
        "products that use it too. scipy's solve_toeplitz solves as accurately as ours.",
    )
    operator = NonlocalDiffusion(PowerLawKernel(ALPHA, HORIZON, STRENGTH), GRID)
    p0, matrix = start(), operator.matrix()

    def product_steps(n=200):
        states = np.empty((n + 1, GRID.size))
        states[0] = p0
        for k in range(n):
            np.matmul(matrix, states[k], out=states[k + 1])
            states[k + 1] *= STEP
            states[k + 1] += states[k]
        return states

    middle = GRID.size // 2
    half = matrix[: middle + 1, : middle + 1].copy()
    half[:, :middle] += matrix[: middle + 1, :middle:-1]

    def half_steps(n=800):
        states = np.empty((n + 1, middle + 1))
        states[0] = p0[: middle + 1]
        for k in range(n):
            np.matmul(half, states[k], out=states[k + 1])
            states[k + 1] *= STEP
            states[k + 1] += states[k]
        return states

    size = fft.next_fast_len(2 * GRID.size, real=True)
    stencil = np.zeros(size)
    stencil[: GRID.size], stencil[1 - GRID.size :] = matrix[0], matrix[0, :0:-1]
    spectrum = fft.rfft(stencil).real

    def transform_steps(n=2000):
        states = np.empty((n + 1, GRID.size))
        states[0] = p0
        for k in range(n):
            change = fft.irfft(spectrum * fft.rfft(states[k], size), size)[: GRID.size]
            states[k + 1] = states[k] + STEP * change
        return states

    def exponentials(n=100):
        return expm_multiply(matrix, p0, 0.0, n * STEP, n + 1, traceA=np.trace(matrix))

    plain = seconds(product_steps) * N_STEPS / 200
    even = seconds(half_steps) * N_STEPS / 800
    faster = seconds(transform_steps) * N_STEPS / 2000
    begin = time.perf_counter()
    exponentials()
    scipys = (time.perf_counter() - begin) * N_STEPS / 100
    table.add("Euler steps, matrix times vector (NumPy)", plain, "s")
    table.add("Euler steps, half matrix times half vector (NumPy)", even, "s")
    table.add("Euler steps, fast transforms (scipy.fft)", faster, "s")
    table.add("scipy.sparse.linalg.expm_multiply", scipys, "s")

    def all_snapshots():
        return operator.evolve(p0, STEP, N_STEPS, "all", "euler", check=False)

    def in_blocks(method="euler"):
        for _ in operator.evolve_blocks(p0, STEP, N_STEPS, method, half=True):
            pass

    whole = seconds(all_snapshots)
    best, named = min((plain, "products (NumPy)"), (faster, "transforms (scipy.fft)"))
    table.add("ours, Euler, all snapshots in memory", whole, "s", ratio=best / whole, against=named)
    blocks = seconds(in_blocks)
    table.add(
        "ours, Euler, even states, block by block",
        blocks,
        "s",
        at_most=0.2,
        ratio=min(even, faster) / blocks,
        against="half products (NumPy)" if even < faster else named,
    )
    exact = seconds(lambda: in_blocks("exact"))
    table.add(
        "ours, exact, even states, block by block",
        exact,
        "s",
        at_most=0.2,
        ratio=scipys / exact,
        against="expm_multiply",
    )
    ours = operator.evolve(p0, STEP, 2000, "all", "euler", check=False)
    error = np.max(np.abs(ours - transform_steps())) / p0.max()
    error = max(error, np.max(np.abs(ours[:801, : middle + 1] - half_steps())) / p0.max())
    # two ways of 2000 steps, each rounding at 1e-16
    table.add("largest difference from stepping, over the peak", error, "", at_most=1e-12)
    made = seconds(lambda: NonlocalDiffusion(operator.kernel, GRID))
    table.add("making the operator", made * 1e3, "ms")
    table.add("one application", seconds(lambda: operator.apply(p0)) * 1e3, "ms")
    for n in (801, 1601, 6401):
        wide = NonlocalDiffusion(operator.kernel, np.linspace(-40, 40, n))
        row, source = wide.matrix()[0], np.ones(n)
        solved = seconds(lambda w=wide, f=source: w.solve(f))
        levinson = seconds(lambda r=row, f=source: linalg.solve_toeplitz(-r, f))
        table.add(
            f"steady state, {n} nodes", solved * 1e3, "ms",
            ratio=levinson / solved, against="scipy.linalg.solve_toeplitz",
        )  # fmt: skip
        apart = np.max(np.abs(wide.solve(source) - linalg.solve_toeplitz(-row, source)))
        size = np.max(np.abs(wide.solve(source)))
        table.add(f"difference from solve_toeplitz, {n} nodes", apart / size, "", at_most=1e-9)
    return table


def application_table() -> Table:
    """One application by each way, over the number of weights."""
    table = Table(
        "nonlocal_application",
        "Applying the operator to 1601 nodes",
        "The operator takes the direct sum up to 80 weights, and transforms beyond.",
    )
    u = start()
    for reach in (8, 24, 72, 96, 400, 1600):
        weights = np.arange(1.0, reach + 1) ** -2.4
        row = np.concatenate([[-2 * weights.sum()], weights, np.zeros(1600 - reach)])
        stencil = np.concatenate([weights[::-1], [row[0]], weights])
        ours = {}
        for method in ("direct", "fft"):
            convolution = Convolution(weights, -row[0], 1601, False, method)
            ours[method] = seconds(lambda c=convolution: c(u), least=0.1)
        rivals = {
            "numpy.convolve": seconds(lambda s=stencil: np.convolve(u, s), least=0.1),
            "scipy.linalg.matmul_toeplitz": seconds(
                lambda r=row: linalg.matmul_toeplitz(r, u), least=0.1
            ),
            "scipy.signal.oaconvolve": seconds(
                lambda s=stencil: signal.oaconvolve(u, s), least=0.1
            ),
        }
        best = min(rivals, key=rivals.__getitem__)
        taken = "direct" if reach <= 80 else "fft"
        for method, elapsed in ours.items():
            table.add(
                f"{method}, {reach} weights{', taken' * (method == taken)}",
                elapsed / 1601 * 1e9,
                "ns a node",
                ratio=rivals[best] / elapsed,
                against=best,
            )
    return table


def ranks_table() -> Table:
    """The plane on 1, 2 and 4 ranks of one thread each."""
    table = Table(
        "nonlocal_ranks",
        f"The operator on {N_CELLS} x {N_CELLS} nodes, horizon of {REACH} cells, on MPI ranks",
        "One thread a rank; shortest of eight applications, all ranks waited for. Memory "
        "is that of the arrays of the rank that needs most, at its peak.",
    )
    results, samples = {}, {}
    for n_ranks in (1, 2, 4):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "sample.npy")
            program = [sys.executable, "-m", "tests.benchmarks.diffusion_ranks"]
            done = subprocess.run(
                [str(require_mpi()), "-n", str(n_ranks), *program, f"{N_CELLS}", f"{REACH}", file],
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                check=True,
            )
            results[n_ranks], samples[n_ranks] = json.loads(done.stdout), np.load(file)
    one = results[1]
    stencil, u = plane_weights(PowerLawKernel(2.4, float(REACH)), 1.0), np.ones((N_CELLS, N_CELLS))
    scipys = seconds(lambda: signal.oaconvolve(u, stencil, mode="same"))
    table.add("scipy.signal.oaconvolve, in this process", scipys, "s")
    table.add(
        "one application on 1 rank",
        one["apply"],
        "s",
        ratio=scipys / one["apply"],
        against="oaconvolve",
    )
    for n_ranks, least in ((2, 1.6), (4, None)):
        table.add(
            f"one application on {n_ranks} ranks",
            results[n_ranks]["apply"],
            "s",
            ratio=one["apply"] / results[n_ranks]["apply"],
            against="1 rank",
            ratio_at_least=least,
        )
    for n_ranks, result in results.items():
        table.add(f"memory of a rank, {n_ranks} ranks", result["memory"] / 2**20, "MiB")
    scale = np.max(np.abs(samples[1]))
    for n_ranks in (2, 4):
        error = np.max(np.abs(samples[n_ranks] - samples[1])) / scale
        table.add(f"largest difference from 1 rank, {n_ranks} ranks", error, "", at_most=1e-12)
    return table
