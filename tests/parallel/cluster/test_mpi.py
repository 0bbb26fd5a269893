import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.parallel import (
    MPIUnavailable,
    block_partition,
    mpi_available,
    require_mpi,
    start_cluster,
)
from nlbook.parallel.cluster import mpi
from tests.parallel.running import PATIENCE, ROOT


@settings(deadline=None)
@given(n_items=st.integers(0, 1000), n_parts=st.integers(1, 50))
def test_blocks_cover_the_range_in_order_and_differ_by_at_most_one(n_items, n_parts):
    blocks = [block_partition(n_items, n_parts, part) for part in range(n_parts)]
    assert [item for block in blocks for item in block] == list(range(n_items))
    lengths = [len(block) for block in blocks]
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "name"), [((-1, 1, 0), "n_items"), ((1, 0, 0), "n_parts"), ((1, 2, 2), "part")]
)
def test_a_block_that_cannot_be_is_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        block_partition(*arguments)


SUM = """
import os
from mpi4py import MPI
from tests.parallel.sample_tasks import sum_over_ranks
line = "{} {} {}\\n".format(*sum_over_ranks(MPI.COMM_WORLD, 101))
os.write(1, line.encode())  # in one piece, so that lines of two ranks do not mix
"""


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_ranks_of_the_environment_s_mpiexec_share_a_sum(n_ranks):
    done = subprocess.run(
        [str(require_mpi()), "-n", str(n_ranks), sys.executable, "-c", SUM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    lines = sorted(done.stdout.splitlines())
    assert lines == [f"{n_ranks} {rank} 5050" for rank in range(n_ranks)]


@pytest.fixture
def without_mpiexec(monkeypatch, tmp_path):
    monkeypatch.delenv("NLBOOK_MPIEXEC", raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))


def test_a_missing_mpi_is_one_clear_error(without_mpiexec):
    assert not mpi_available()
    with pytest.raises(MPIUnavailable, match="there is no .*mpiexec. Install it .* mpich mpi4py"):
        require_mpi()


def test_mpi_engines_without_mpi_are_refused_before_anything_starts(without_mpiexec):
    with pytest.raises(MPIUnavailable, match="MPI is missing"), start_cluster("mpi", 2):
        pass


def test_a_missing_mpi4py_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(mpi.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MPIUnavailable, match="mpi4py is not installed"):
        require_mpi()


def test_another_mpiexec_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("NLBOOK_MPIEXEC", sys.executable)
    assert str(require_mpi()) == sys.executable
    monkeypatch.setenv("NLBOOK_MPIEXEC", str(tmp_path / "none"))
    with pytest.raises(MPIUnavailable, match="NLBOOK_MPIEXEC names .*none, which cannot be"):
        require_mpi()
