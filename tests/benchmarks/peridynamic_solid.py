"""A linear peridynamic solid, applied and in equilibrium, against scipy.sparse at its best."""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse import linalg

from nlbook.kernels import PowerLawKernel
from nlbook.peridynamics import (
    LinearPeridynamicSolid,
    PeriodicGrid,
    certify_continuum,
    certify_lattice,
    dense_constants,
    solvability_constants,
)
from tests.benchmarks.measuring import Table, seconds

LAME, MU = -0.1959, 0.7978  # TPa, of graphene
SIDE, HORIZON = 100.0, 20.0  # angstrom
N_FIELDS = 70  # the training samples of chapter 5
SIZES = (20, 40)
DENSE = 20  # nodes along a side up to which dense eigenvalues are timed


def solid(n: int) -> LinearPeridynamicSolid:
    """K = 1/r on n x n nodes of the box."""
    grid = PeriodicGrid.of_box((SIDE, SIDE), SIDE / n)
    return LinearPeridynamicSolid(PowerLawKernel(1.0, HORIZON), LAME, MU, grid)


def solid_table() -> Table:
    """Time of applying, of solving, and of what makes a certificate."""
    table = Table(
        "peridynamic_solid",
        f"A linear peridynamic solid: {N_FIELDS} fields at a time, horizon {HORIZON:g} angstrom",
        "The rival is scipy.sparse in the faster of two forms: L as one CSR matrix, or as its bond "
        "part and two factors through the dilatation. Equilibria are solved by splu with one node "
        "held; its factorisation, a row of its own, is made once. Symbols count in the "
        "first application only, a millisecond.",
        threads=1,
    )
    for n in SIZES:
        of = solid(n)
        fields = np.random.default_rng(0).normal(size=(N_FIELDS, n, n, 2))
        fields -= fields.mean(axis=(1, 2), keepdims=True)
        loads = of.apply(fields)
        columns = np.ascontiguousarray(fields.reshape(N_FIELDS, -1).T)
        bonds, theta, matrix = of.bond_matrix(), of.dilatation_matrix(), of.matrix()
        spread = ((LAME - MU) * theta.T).tocsr()
        csr = seconds(lambda matrix=matrix, columns=columns: matrix @ columns)
        factors = seconds(
            lambda bonds=bonds, spread=spread, theta=theta, columns=columns: (
                bonds @ columns + spread @ (theta @ columns)
            )
        )
        rival, named = min((csr, "L in CSR"), (factors, "factors in CSR"))
        ours = seconds(lambda of=of, fields=fields: of.apply(fields))
        where = f"{n} x {n} nodes"
        table.add(f"{where}: L u", ours * 1e3, "ms", ratio=rival / ours, against=f"scipy, {named}")
        held = matrix.tocsc()[2:, 2:]
        start = time.perf_counter()
        lu = linalg.splu(held)
        factorisation = time.perf_counter() - start
        right = np.ascontiguousarray(loads.reshape(N_FIELDS, -1).T[2:])
        theirs = seconds(lambda lu=lu, right=right: lu.solve(right))
        ours = seconds(lambda of=of, loads=loads: of.solve(loads))
        table.add(
            f"{where}: equilibria", ours * 1e3, "ms", ratio=theirs / ours, against="scipy's splu"
        )
        table.add(f"{where}: factorisation by splu", factorisation * 1e3, "ms")
        if n <= DENSE:
            start = time.perf_counter()
            dense_constants(of)
            theirs = time.perf_counter() - start
            ours = seconds(lambda of=of: solvability_constants(of))
            table.add(
                f"{where}: constants of solvability",
                ours * 1e3,
                "ms",
                ratio=theirs / ours,
                against="dense eigenvalues",
                ratio_at_least=100,
            )
    of = solid(SIZES[0])
    table.add("proof for every wave of a lattice", seconds(lambda: certify_lattice(of)) * 1e3, "ms")
    whole = seconds(lambda: certify_continuum(of.kernel, LAME, MU))
    table.add("proof for every wave of the continuum", whole * 1e3, "ms")
    return table
