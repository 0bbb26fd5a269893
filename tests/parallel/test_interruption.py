import signal
import threading
import time

import pytest

from nlbook.parallel import Cancelled, checkpoint, run_tasks
from nlbook.parallel.interruption import stopped_by
from tests.parallel.running import same, start_ensemble, stored_files, wait_until
from tests.parallel.sample_tasks import COMPUTED, computed_seeds, nested, noise, noise_tasks


def test_a_checkpoint_outside_of_a_run_does_nothing():
    checkpoint()


def test_a_checkpoint_of_an_interrupted_run_stops_the_task():
    stop = threading.Event()
    with stopped_by(stop):
        checkpoint()
        stop.set()
        with pytest.raises(Cancelled):
            checkpoint()
    checkpoint()


def test_a_task_that_catches_every_exception_still_stops():
    assert not issubclass(Cancelled, Exception)


@pytest.fixture
def ctrl_c():
    """Send SIGINT to the main thread after a delay, as a terminal does."""
    # where the tests run in the background it would be ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def interrupt_after(delay):
        arguments = (threading.main_thread().ident, signal.SIGINT)
        timers.append(threading.Timer(delay, signal.pthread_kill, arguments))
        timers[-1].start()

    yield interrupt_after
    for timer in timers:
        timer.cancel()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("store", [True, False])
def test_ctrl_c_stops_running_tasks_and_says_where_the_run_stands(tmp_path, ctrl_c, store):
    tasks = [*noise_tasks(2, duration=0.0), *noise_tasks(4, seed=8, duration=60.0)]
    folder = tmp_path / "s" if store else None
    begin = time.monotonic()
    ctrl_c(0.7)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_tasks(noise, tasks, store=folder, workers=2, progress=False)
    assert time.monotonic() - begin < 10.0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nlbook")]
    (note,) = caught.value.__notes__
    if store:
        assert "at least 2 of 6 tasks are stored" in note and str(folder) in note
        assert len(stored_files(folder)) == 2
    else:
        assert "2 of 6 tasks had been finished; without a store they are lost" in note


def test_what_a_shard_had_finished_is_stored_on_ctrl_c(tmp_path, ctrl_c, monkeypatch):
    tasks = [*noise_tasks(3, duration=0.0), *noise_tasks(2, seed=8, duration=60.0)]
    ctrl_c(0.7)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(noise, tasks, store=tmp_path / "s", shard_size=5, progress=False)
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    again = run_tasks(noise, tasks[:3], store=tmp_path / "s", progress=False)
    assert same(again, run_tasks(noise, tasks[:3], progress=False))
    assert len(computed_seeds(tmp_path / "computed")) == 3  # those of the run without a store


def test_ctrl_c_stops_a_run_inside_of_a_task(ctrl_c):
    begin = time.monotonic()
    ctrl_c(0.7)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(nested, [{"seed": 1}, {"seed": 2}], workers=2, progress=False)
    assert time.monotonic() - begin < 10.0


def test_a_process_interrupted_by_ctrl_c_goes_on_when_started_again(tmp_path, monkeypatch):
    store = tmp_path / "s"
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    options = ("--tasks", 8, "--duration", 0.3)
    process = start_ensemble(store, *options)
    wait_until(lambda: len(stored_files(store)) >= 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err and "the same call goes on from there" in err
    n_stored = len(stored_files(store))
    assert 2 <= n_stored < 8
    assert not list(store.glob(".aside-*"))

    (tmp_path / "computed").unlink()
    process = start_ensemble(store, *options)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(computed_seeds(tmp_path / "computed")) == 8 - n_stored
    tasks = noise_tasks(8, duration=0.3)
    expected = run_tasks(noise, noise_tasks(8), progress=False)
    assert same(run_tasks(noise, tasks, store=store, progress=False), expected)
