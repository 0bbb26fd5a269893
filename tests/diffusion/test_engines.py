"""The distributed operator on engines that are the ranks of one MPI job."""

import numpy as np
import pytest

from nlbook.parallel import run_on_ranks, start_cluster
from tests.diffusion.rank_work import work
from tests.diffusion.test_distributed import ROUNDING, serial

pytestmark = [pytest.mark.serial, pytest.mark.slow]


@pytest.mark.parametrize("n_ranks", [1, 2, 4])
def test_engines_give_the_serial_result(monkeypatch, tmp_path, n_ranks):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with start_cluster("mpi", n_ranks) as cluster:
        found, *others = run_on_ranks(cluster, work)
    assert others == [None] * (n_ranks - 1)
    for name, expected in serial().items():
        assert np.max(np.abs(found[name] - expected)) < ROUNDING * np.max(np.abs(expected)), name
