"""What one process has for itself, until it ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nlbook.publishing.running import locks
from tests.publishing.small_book import wait_until

ROOT = Path(__file__).resolve().parents[3]

HOLD = """
import sys, time
from pathlib import Path
from nlbook.publishing.running import locks

with getattr(locks, sys.argv[1])(Path(sys.argv[2]), "another test"):
    if sys.argv[1] == "own_folder":
        Path(sys.argv[2], "held").touch()
    print("held", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def holder(kind, path):
    """Another process that holds `path`, killed in the end as no cleaning can follow."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("kind", ["locked", "own_folder"])
def test_a_second_process_is_refused_at_once_and_told_whose_it_is(tmp_path, kind):
    with (
        holder(kind, tmp_path / "it") as process,
        pytest.raises(locks.InUse, match=f"another test .*: process {process.pid} on "),
        getattr(locks, kind)(tmp_path / "it", "another test"),
    ):
        raise AssertionError("both hold it")


@pytest.mark.parametrize("kind", ["locked", "own_folder"])
def test_a_killed_owner_leaves_nothing_behind(tmp_path, kind):
    with holder(kind, tmp_path / "it"):
        pass
    assert (tmp_path / "it").exists()
    with getattr(locks, kind)(tmp_path / "it", "another test"):
        assert not (tmp_path / "it" / "held").exists()
    assert list(tmp_path.iterdir()) == []


def test_two_of_one_process_are_two(tmp_path):
    with (
        locks.locked(tmp_path / "it", "x"),
        pytest.raises(locks.InUse),
        locks.locked(tmp_path / "it", "x"),
    ):
        raise AssertionError("both hold it")


def test_a_folder_is_empty_at_first_and_gone_at_last(tmp_path):
    (tmp_path / "it" / "left").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / "it" / "link").symlink_to(tmp_path / "elsewhere")
    with locks.own_folder(tmp_path / "it", "x") as folder:
        assert [path.name for path in folder.iterdir()] == ["in-use"]
        (folder / "made").mkdir()
    assert not (tmp_path / "it").exists()
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_scratch_folders_stand_beside_each_other_and_abandoned_ones_go(tmp_path):
    with holder("own_folder", tmp_path / ".s-1"):
        (tmp_path / ".s-left").mkdir()
        with (
            locks.scratch_folder(tmp_path, ".s-") as first,
            locks.scratch_folder(tmp_path, ".s-") as second,
        ):
            names = sorted(path.name for path in tmp_path.iterdir())
            assert names == sorted([".s-1", first.name, second.name])
            assert (tmp_path / ".s-1" / "held").exists()
    with locks.scratch_folder(tmp_path, ".s-"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_where_the_file_system_knows_no_locks_work_goes_on(tmp_path, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with (
        locks.own_folder(tmp_path / "it", "x") as first,
        locks.own_folder(tmp_path / "it", "x") as second,
    ):
        assert first != second and first.is_dir() and second.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_many_that_want_one_folder_have_it_one_after_another(tmp_path):
    code = """
import os, sys
from pathlib import Path
from nlbook.publishing.running.locks import InUse, own_folder

done = 0
while done < 20:
    try:
        with own_folder(Path(sys.argv[1], "it"), "x") as folder:
            os.close(os.open(folder / "alone", os.O_CREAT | os.O_EXCL))
            assert len(list(folder.iterdir())) == 2
            done += 1
    except InUse:
        pass
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    racing = [subprocess.Popen(command, env=environment) for _ in range(4)]
    wait_until(lambda: all(process.poll() is not None for process in racing), 300)
    assert [process.returncode for process in racing] == [0] * 4
    assert list(tmp_path.iterdir()) == []
