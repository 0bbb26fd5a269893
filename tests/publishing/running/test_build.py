"""Executing what is stale, several chapters at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nlbook.publishing.errors import RunFailed
from nlbook.publishing.running.build import compile_ahead, execute_stale, stale_chapters
from nlbook.publishing.running.freshness import why_stale
from tests.publishing.small_book import append, cell, kernels, wait_until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def two(book):
    """A book of two chapters."""
    text = book.chapter("01_tiny").read_text().replace("01_tiny", "02_other")
    (book.book / "02_other.md").write_text(text)
    (book.book / "tiers.yaml").write_text("01_tiny: {smoke: {n_realizations: 2}}")
    return book


def test_stale_chapters_are_executed_side_by_side_and_fresh_ones_are_not(two):
    append(two, cell("import os", "print('workers', os.environ['NLBOOK_WORKERS'])"))
    lines = []
    assert execute_stale(two, "smoke", jobs=2, say=lines.append) == ["01_tiny", "02_other"]
    assert all(why_stale(two.executed / f"{name}.ipynb") is None for name in two.chapters)
    assert lines[0] == "01_tiny: it was not executed; running it at tier smoke"
    assert lines[1].startswith("02_other: ")  # started before the first has ended
    assert sorted(line[:5] for line in lines[2:]) == ["[1/2]", "[2/2]"]
    assert "workers " in (two.executed / "01_tiny.ipynb").read_text()

    assert execute_stale(two, "smoke") == []
    append(two, "\nNew prose.\n")
    assert stale_chapters(two, "smoke") == {}
    append(two, cell("1 + 1"))
    assert stale_chapters(two, "smoke") == {"01_tiny": "its code cells changed"}
    assert set(stale_chapters(two, "book")) == {"01_tiny"}  # 02_other is the same at each tier


def test_another_tier_is_stale(two):
    execute_stale(two, "smoke", say=lambda line: None)
    assert stale_chapters(two, "book") == {"01_tiny": "it was executed at tier smoke"}


def test_a_failed_chapter_is_named_and_the_others_are_finished(two):
    append(two, cell("1 / 0"))
    with pytest.raises(RunFailed, match="01_tiny: ZeroDivisionError"):
        execute_stale(two, jobs=1, say=lambda line: None)
    assert not (two.executed / "01_tiny.ipynb").exists()
    assert why_stale(two.executed / "02_other.ipynb") is None


def test_compiling_ahead_runs_each_chapter_and_keeps_nothing_of_it(two):
    append(two, cell("1 / 0"))
    with two.chapter("02_other").open("a") as chapter:
        chapter.write(cell("open('ran', 'w').write(str(n_realizations))"))
    lines = []
    compile_ahead(two, say=lines.append)
    said = [line.partition(" after ")[0] for line in lines]
    assert said == ["01_tiny failed", "02_other compiled"]
    assert (two.book / "ran").exists()
    assert list((two.root / "_build").iterdir()) == []


def test_the_chapter_that_takes_longest_is_run_first(two):
    two.executed.mkdir(parents=True)
    (two.executed / "02_other.json").write_text('{"wall_s": 100.0}')
    (two.executed / "01_tiny.json").write_text('{"wall_s": 10.0}')
    lines = []
    execute_stale(two, "smoke", jobs=1, say=lines.append)
    assert [line.split()[0] for line in lines if "running it" in line] == ["02_other:", "01_tiny:"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_build_that_ends_ends_its_kernels_and_keeps_what_they_did(two, number):
    for name, chapter in two.chapters.items():
        with chapter.open("a") as file:
            file.write(
                cell("import time", f"open('asleep_{name}', 'w').close()", "time.sleep(600)")
            )
    process = subprocess.Popen(
        [sys.executable, "-m", "nlbook", "build", "--jobs", "2"],
        cwd=two.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    asleep = [two.book / f"asleep_{name}" for name in two.chapters]
    wait_until(lambda: all(path.exists() for path in asleep), process=process)
    process.send_signal(number)
    if number == signal.SIGKILL:  # of the build alone, which its chapters notice
        process.wait()
    else:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 130, errors
    wait_until(lambda: not kernels(two))
    failed = [f"{name}.failed.ipynb" for name in two.chapters]
    wait_until(lambda: sorted(path.name for path in two.executed.iterdir()) == failed)
