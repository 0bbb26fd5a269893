"""What a record says of the machine and the memory of a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nlbook.host import usable_cores
from nlbook.publishing.running.records import (
    MemoryWatch,
    commit,
    environment,
    worker_threads,
)
from tests.publishing.small_book import wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux remembers a peak that is past")
def test_the_peak_memory_of_a_process_is_followed():
    watch = MemoryWatch()
    code = "x = bytearray(200 * 2**20); del x; import sys; print('x'); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        watch.start(process.pid)
        wait_until(lambda: (watch.peak_mib or 0) > 200)
        process.stdin.close()
        process.wait()
        watch.stop()
    assert 200 < watch.peak_mib < 300  # the array is gone, Linux remembers


def test_the_memory_of_no_process_is_not_known():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    watch = MemoryWatch()
    watch.start(process.pid)
    watch.stop()
    assert watch.peak_mib is None


def test_the_environment_changes_with_the_lock(book):
    before = environment(book)
    assert before["versions"]["numpy"] and before["python"]
    (book.root / "requirements.lock").write_text("numpy==2.5.0\n")
    assert environment(book)["lock"] != before["lock"]


def test_the_commit_is_known_and_changed_sources_make_it_dirty(book):
    assert commit(book) == (None, None)
    git = ["git", "-C", str(book.root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    sha, dirty = commit(book)
    assert len(sha) == 40 and dirty is False
    (book.root / "notes.txt").write_text("not a source")
    assert commit(book) == (sha, False)
    book.chapter("01_tiny").write_text("changed")
    assert commit(book) == (sha, True)


@pytest.mark.parametrize("given, expected", [("3", 3), ("", None), ("0", None), ("x", None)])
def test_threads_are_those_given_or_one_a_core(monkeypatch, given, expected):
    monkeypatch.setenv("NLBOOK_WORKERS", given)
    assert worker_threads() == (expected or usable_cores())
