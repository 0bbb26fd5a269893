"""Serial, threaded, on ranks and on engines: one fit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nlbook.identification import (
    ExactEvolution,
    FitProblem,
    FitSettings,
    fit_each,
    fit_on_ranks,
    fit_power_law,
)
from nlbook.parallel import mpi_available, require_mpi, run_on_ranks, start_cluster
from tests.identification.data import bumps, manufactured

ROOT = Path(__file__).resolve().parents[3]
PROBLEM = FitProblem(
    manufactured(n_steps=60), FitSettings(), ((0.0, 2.999), (0.02, 2.0)), (2.0, 0.5), 1e-6
)


def problems():
    settings = FitSettings(evolution=ExactEvolution(0.02), floor=1e-3)
    return [FitProblem(bumps(), settings, start=(1.5, d), max_evaluations=40) for d in (1.0, 2.0)]


def test_fits_in_threads_are_those_of_single_calls():
    fits = fit_each(problems(), workers=2)
    for fit, problem in zip(fits, problems(), strict=True):
        one = fit_power_law(**vars(problem))
        np.testing.assert_array_equal(fit.path, one.path)
        np.testing.assert_array_equal(fit.iterations, one.iterations)
        for name in ("alpha", "horizon", "coefficient", "testing_cost", "n_evaluations", "bounds"):
            assert getattr(fit, name) == getattr(one, name)


def same_fit(fit, one):
    """Equal within 1e-7: costs differ by rounding, the search ends within 1e-6 either way."""
    assert fit.alpha == pytest.approx(one.alpha, abs=1e-7)
    assert fit.horizon == pytest.approx(one.horizon, abs=1e-7)
    assert fit.coefficient == pytest.approx(one.coefficient, rel=1e-7)
    # the first evaluations are of the same points
    np.testing.assert_allclose(np.asarray(fit.path)[:10], np.asarray(one.path)[:10], rtol=1e-11)


SCRIPT = """
from mpi4py import MPI
from nlbook.identification import fit_on_ranks
from tests.identification.bilevel.test_fits import PROBLEM
fit = fit_on_ranks(MPI.COMM_WORLD, PROBLEM)
line = f"{fit.alpha!r} {fit.horizon!r} {fit.coefficient!r} {fit.n_evaluations}"
lines = MPI.COMM_WORLD.gather(line)
if MPI.COMM_WORLD.Get_rank() == 0:
    print("\\n".join(lines))
"""


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.skipif(not mpi_available(), reason="no MPI in this environment")
def test_three_ranks_of_mpiexec_find_the_fit_of_one_process():
    done = subprocess.run(
        [require_mpi(), "-n", "3", sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.split("\n")[:3]
    assert lines[0] == lines[1] == lines[2]  # to the bit
    alpha, horizon, coefficient, _ = (float(number) for number in lines[0].split())
    one = fit_power_law(**vars(PROBLEM))
    assert alpha == pytest.approx(one.alpha, abs=1e-7)
    assert horizon == pytest.approx(one.horizon, abs=1e-7)
    assert coefficient == pytest.approx(one.coefficient, rel=1e-7)


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.skipif(not mpi_available(), reason="no MPI in this environment")
def test_engines_that_are_ranks_find_the_fit_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with start_cluster("mpi", 2) as cluster:
        fits = run_on_ranks(cluster, fit_on_ranks, problem=PROBLEM)
        apart = fit_each(problems(), cluster=cluster)
    np.testing.assert_array_equal(fits[0].path, fits[1].path)
    same_fit(fits[0], fit_power_law(**vars(PROBLEM)))
    for fit, problem in zip(apart, problems(), strict=True):
        np.testing.assert_array_equal(fit.path, fit_power_law(**vars(problem)).path)
