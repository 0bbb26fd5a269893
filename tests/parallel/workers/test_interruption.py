import signal
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nlbook.parallel import Cancelled, checkpoint, run_tasks
from nlbook.parallel import tasks as tasks_module
from nlbook.parallel.workers.interruption import stopped_by
from tests.parallel.running import finish, same, start_ensemble, stored_files, wait_until
from tests.parallel.sample_tasks import (
    COMPUTED,
    GATE,
    LONG,
    computed_seeds,
    nested,
    noise,
    noise_tasks,
)


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
    """Send SIGINT to the main thread when a condition holds, as a terminal does."""
    # where the tests run in the background it would be ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    over = threading.Event()
    threads = []

    def interrupt_when(condition):
        def wait_and_interrupt():
            wait_until(lambda: over.is_set() or condition())
            if not over.is_set():
                signal.pthread_kill(main, signal.SIGINT)

        threads.append(threading.Thread(target=wait_and_interrupt, daemon=True))
        threads[-1].start()

    yield interrupt_when
    over.set()
    for thread in threads:
        thread.join()
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Tell how many tasks have begun."""
    monkeypatch.setenv(COMPUTED, str(tmp_path / "begun"))
    return lambda: len(computed_seeds(tmp_path / "begun"))


@pytest.fixture
def settled(monkeypatch):
    """Tell how many tasks the run has finished with, by its bar."""
    counted = []

    @contextmanager
    def bar(*arguments):
        yield SimpleNamespace(update=lambda: counted.append(None))

    monkeypatch.setattr(tasks_module, "_bar", bar)
    return lambda: len(counted)


@pytest.mark.parametrize("store", [True, False])
def test_ctrl_c_stops_running_tasks_and_says_where_the_run_stands(
    tmp_path, ctrl_c, begun, settled, store
):
    tasks = [*noise_tasks(2), *noise_tasks(4, seed=8, duration=LONG)]
    folder = tmp_path / "s" if store else None
    ctrl_c(lambda: settled() == 2 and begun() == 4)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_tasks(noise, tasks, store=folder, workers=2, progress=False)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nlbook")]
    (note,) = caught.value.__notes__
    if store:
        assert "at least 2 of 6 tasks are stored" in note and str(folder) in note
        assert len(stored_files(folder)) == 2
    else:
        assert "2 of 6 tasks had been finished; without a store they are lost" in note


def test_what_a_shard_had_finished_is_stored_on_ctrl_c(tmp_path, ctrl_c, begun):
    tasks = [*noise_tasks(3), *noise_tasks(2, seed=8, duration=LONG)]
    ctrl_c(lambda: begun() == 4)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(noise, tasks, store=tmp_path / "s", shard_size=5, progress=False)
    again = run_tasks(noise, tasks[:3], store=tmp_path / "s", progress=False)
    assert begun() == 4
    assert same(again, run_tasks(noise, tasks[:3], progress=False))


def test_ctrl_c_stops_a_run_inside_of_a_task(ctrl_c, begun):
    ctrl_c(lambda: begun() == 4)  # two of each of the two
    with pytest.raises(KeyboardInterrupt):
        run_tasks(nested, [{"seed": 1}, {"seed": 2}], workers=2, progress=False)


def test_a_process_interrupted_by_ctrl_c_goes_on_when_started_again(tmp_path, monkeypatch):
    store, gate = tmp_path / "s", tmp_path / "gate"
    monkeypatch.setenv(COMPUTED, str(tmp_path / "computed"))
    monkeypatch.setenv(GATE, str(gate))
    gate.write_text("3")
    process = start_ensemble(store, "--tasks", 8)
    wait_until(lambda: len(stored_files(store)) == 3)
    process.send_signal(signal.SIGINT)
    _, err = finish(process)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err and "the same call goes on from there" in err
    assert len(stored_files(store)) == 3
    assert not list(store.glob(".aside-*"))

    gate.unlink()
    (tmp_path / "computed").unlink()
    process = start_ensemble(store, "--tasks", 8)
    finish(process)
    assert process.returncode == 0
    assert len(computed_seeds(tmp_path / "computed")) == 5
    tasks = noise_tasks(8, duration=0.0)
    expected = run_tasks(noise, noise_tasks(8), progress=False)
    assert same(run_tasks(noise, tasks, store=store, progress=False), expected)
