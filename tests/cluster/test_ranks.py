"""Engines that are the ranks of one MPI job."""

import pytest

from nlbook.parallel import ClusterError, run_on_ranks, run_tasks, start_cluster
from tests.parallel.running import same
from tests.parallel.sample_tasks import (
    fails_on_last_rank,
    noise,
    noise_tasks,
    odd_seeds_fail,
    sum_over_ranks,
)

pytestmark = pytest.mark.serial


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ranks")))
        with start_cluster("mpi", 2) as cluster:
            yield cluster


def test_two_engines_are_two_ranks_that_share_a_sum(ranks):
    assert run_on_ranks(ranks, sum_over_ranks, n=101) == [(2, 0, 5050), (2, 1, 5050)]


def test_a_rank_that_raises_is_reported(ranks):
    with pytest.raises(ClusterError, match="(?s)fails_on_last_rank failed.*the last rank has no"):
        run_on_ranks(ranks, fails_on_last_rank)
    assert len(run_on_ranks(ranks, sum_over_ranks, n=3)) == 2


def test_a_function_of_a_notebook_is_refused(ranks):
    with pytest.raises(ValueError, match="function must be defined at the top of a module"):
        run_on_ranks(ranks, lambda communicator: 0)


def test_independent_tasks_on_ranks_give_the_same_to_the_bit(ranks, tmp_path):
    tasks = noise_tasks(6)
    threads = run_tasks(noise, tasks, progress=False)
    assert same(run_tasks(noise, tasks, ranks, tmp_path / "s", progress=False), threads)


def test_a_task_that_raises_on_a_rank_leaves_the_job_alive(ranks):
    with pytest.raises(RuntimeError, match="1 of 2 tasks"):
        run_tasks(odd_seeds_fail, [{"seed": 1}, {"seed": 2}], ranks, progress=False)
    assert len(run_on_ranks(ranks, sum_over_ranks, n=3)) == 2
