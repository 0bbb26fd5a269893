"""A linear peridynamic solid, applied and in equilibrium, against the best of scipy and BLAS."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import linalg as sparse_linalg

from nlbook.kernels import PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    SolvabilityConstants,
    certify_continuum,
    certify_lattice,
    solvability_constants,
)
from tests.benchmarks import measuring
from tests.benchmarks.measuring import Table, one_blas_thread

# Of one thread: what others of the machine do is left out.
seconds = partial(measuring.seconds, clock=time.process_time)

Array = NDArray[np.float64]

LAME, MU = -0.1959, 0.7978  # TPa, of graphene
SIDE, HORIZON = 100.0, 20.0  # angstrom
N_FIELDS = 70  # the training samples of chapter 5
SIZES = (20, 40)
DENSE = 20  # nodes along a side up to which eigenvalues of matrices are timed


def solid(n: int) -> LinearPeridynamicSolid:
    """K = 1/r on n x n nodes of the box."""
    grid = PeriodicGrid.of_box((SIDE, SIDE), SIDE / n)
    return LinearPeridynamicSolid(PowerLawKernel(1.0, HORIZON), LAME, MU, grid)


def by_cholesky(matrix: Array) -> sparse_linalg.LinearOperator:
    """Inverse of a positive matrix, which is overwritten where LAPACK can."""
    factor = linalg.cho_factor(matrix.T, lower=True, check_finite=False)
    return sparse_linalg.LinearOperator(
        matrix.shape,
        matvec=lambda x: linalg.cho_solve(factor, x, check_finite=False),
        dtype=np.float64,
    )


def constants_by_matrices(of: LinearPeridynamicSolid) -> SolvabilityConstants:
    """What `solvability_constants` has: Cholesky factors, and Lanczos steps with them."""
    phi = of.dilatation_matrix()
    gamma = of.bond_matrix() / of.shear_modulus
    size = gamma.shape[0]
    still = np.zeros((2, size))
    still[0, ::2] = still[1, 1::2] = np.sqrt(2 / size)
    moved = float(gamma.diagonal().mean()) * still.T @ still  # translations, to the middle
    bonds = gamma.toarray() + moved
    both = (gamma - 2 * (phi.T @ phi)).toarray() + moved
    least = [
        float(sparse_linalg.eigsh(matrix, 1, sigma=0.0, OPinv=by_cholesky(matrix))[0][0])
        for matrix in (bonds, both)
    ]
    largest = float(sparse_linalg.eigsh(gamma, 1, which="LA")[0][0])
    factor = np.linalg.cholesky(bonds)
    half = linalg.solve_triangular(factor, phi.T.toarray(), lower=True, check_finite=False)
    values = linalg.eigvalsh(half.T @ half, check_finite=False)
    inf_sup = float(values[values > 1e-10 * values[-1]].min())
    return SolvabilityConstants(least[0], inf_sup, least[1], largest)


def _applied(table: Table, of: LinearPeridynamicSolid, fields: Array) -> None:
    bonds, theta, matrix = of.bond_matrix(), of.dilatation_matrix(), of.matrix()
    spread, dense = ((LAME - MU) * theta.T).tocsr(), matrix.toarray()
    columns = np.ascontiguousarray(fields.reshape(N_FIELDS, -1).T)
    rivals = {
        "scipy, L in CSR": lambda: matrix @ columns,
        "scipy, factors in CSR": lambda: bonds @ columns + spread @ (theta @ columns),
        "BLAS, L dense": lambda: dense @ columns,
    }
    times = {name: seconds(call) for name, call in rivals.items()}
    named = min(times, key=lambda name: times[name])
    ours = seconds(lambda: of.apply(fields))
    table.add(f"{_where(of)}: L u", ours * 1e3, "ms", ratio=times[named] / ours, against=named)


def _solved(table: Table, of: LinearPeridynamicSolid, loads: Array) -> None:
    held = of.matrix().tocsc()[2:, 2:]
    right = np.asfortranarray(loads.reshape(N_FIELDS, -1).T[2:])
    start = time.process_time()
    sparse_factor = sparse_linalg.splu(held)
    spent = {"scipy's splu": time.process_time() - start}
    dense = np.asfortranarray(held.toarray())
    start = time.process_time()
    factor = linalg.cho_factor(dense, lower=True, check_finite=False)
    spent["LAPACK's Cholesky"] = time.process_time() - start
    times = {
        "scipy's splu": seconds(lambda: sparse_factor.solve(right)),
        "LAPACK's Cholesky": seconds(lambda: linalg.cho_solve(factor, right, check_finite=False)),
    }
    named = min(times, key=lambda name: times[name])
    ours = seconds(lambda: of.solve(loads))
    where = _where(of)
    table.add(f"{where}: equilibria", ours * 1e3, "ms", ratio=times[named] / ours, against=named)
    table.add(f"{where}: factorisation by {named}", spent[named] * 1e3, "ms")


def _where(of: LinearPeridynamicSolid) -> str:
    n1, n2 = of.grid.shape
    return f"{n1} x {n2} nodes"


def solid_table() -> Table:
    """Time of applying, of solving, and of what makes a certificate."""
    table = Table(
        "peridynamic_solid",
        f"A linear peridynamic solid: {N_FIELDS} fields at a time, horizon {HORIZON:g} angstrom",
        "The rival is the fastest of several: of products, L as one CSR matrix, its bond part and "
        "two factors through the dilatation in CSR, and L as a dense matrix; of equilibria with "
        "one node held, scipy's splu and a dense Cholesky factor, whose factorisation, a row of "
        "its own, is made once; of the constants, Cholesky factors and Lanczos steps with them. "
        "Symbols count in the first application only, a millisecond. Time of the processor, BLAS "
        "of one thread.",
        threads=1,
    )
    with one_blas_thread():
        for n in SIZES:
            of = solid(n)
            fields = np.random.default_rng(0).normal(size=(N_FIELDS, n, n, 2))
            fields -= fields.mean(axis=(1, 2), keepdims=True)
            _applied(table, of, fields)
            _solved(table, of, of.apply(fields))
            if n <= DENSE:
                of.matrix()  # what it is made of is kept
                theirs = seconds(lambda of=of: constants_by_matrices(of))
                ours = seconds(lambda of=of: solvability_constants(of))
                table.add(
                    f"{_where(of)}: constants of solvability",
                    ours * 1e3,
                    "ms",
                    ratio=theirs / ours,
                    against="Cholesky factors and Lanczos steps",
                    ratio_at_least=100,
                )
        of = solid(SIZES[0])
        whole = seconds(lambda: certify_lattice(of)) * 1e3
        table.add("proof for every wave of a lattice", whole, "ms")
        whole = seconds(lambda: certify_continuum(of.kernel, LAME, MU)) * 1e3
        table.add("proof for every wave of the continuum", whole, "ms")
    return table
