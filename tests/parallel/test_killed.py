"""Runs killed at random moments leave whole files only, and the next run goes on from there."""

import random
import signal
import time

import pytest

from nlbook.parallel import run_tasks
from tests.parallel.running import same, start_ensemble, stored_files, wait_until
from tests.parallel.sample_tasks import COMPUTED, computed_seeds, noise, noise_tasks

N_KILLS = 20
N_TASKS = 800
SIZE = 8_000  # numbers a task: writing a file takes a good part of the time
DURATION = 0.004  # seconds a task, so that no run comes to its end
LONGEST_START = 0.3  # seconds from the start to a kill in one half of the runs
MOST_STORED = 5  # the other half are killed when so many tasks at most have been stored anew,
LONGEST_WORK = 0.06  # and so many seconds later at most


@pytest.mark.serial
def test_twenty_kills_at_random_moments_lose_and_repeat_nothing_stored(tmp_path, monkeypatch):
    store, log = tmp_path / "s", tmp_path / "computed"
    monkeypatch.setenv(COMPUTED, str(log))
    tasks = noise_tasks(N_TASKS, SIZE, duration=DURATION)
    options = ("--tasks", N_TASKS, "--size", SIZE, "--duration", DURATION)
    moments = random.Random(20)
    stored: set[str] = set()
    for number in range(N_KILLS):
        log.unlink(missing_ok=True)
        process = start_ensemble(store, *options)
        if number % 2:
            enough = len(stored) + moments.randint(1, MOST_STORED)
            wait_until(
                lambda n=enough, p=process: len(stored_files(store)) >= n or p.poll() is not None
            )
        time.sleep(moments.uniform(0.0, LONGEST_WORK if number % 2 else LONGEST_START))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # a task is computed, or was stored by an earlier run, never both
        assert len(computed_seeds(log)) <= N_TASKS - len(stored)
        files = set(stored_files(store))
        assert stored <= files
        stored = files
        if process.returncode != -signal.SIGKILL:  # on a busy machine it may end before the kill
            assert process.returncode == 0 and len(stored) == N_TASKS
            break
    assert stored

    log.unlink(missing_ok=True)
    resumed = run_tasks(noise, tasks, store=store, progress=False)
    assert len(computed_seeds(log)) == len(set(computed_seeds(log))) == N_TASKS - len(stored)
    assert same(resumed, run_tasks(noise, noise_tasks(N_TASKS, SIZE), progress=False))
