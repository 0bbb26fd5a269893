"""Runs: whole or not at all, recorded, and ended when they are told to."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from nlbook.publishing import run_chapter
from nlbook.publishing.errors import BookError, ParameterError, RunFailed
from nlbook.publishing.running import runner
from nlbook.publishing.running.freshness import why_stale
from nlbook.publishing.running.records import read_record
from tests.publishing.small_book import append, cell, kernels, wait_until

ROOT = Path(__file__).resolve().parents[3]

LARGE = """
```{code-cell} ipython3
import numpy as np

_ = float(np.ones(300 * 2**17).sum())
```
"""


def run(book, **options):
    return run_chapter("01_tiny", book=book, progress=False, **options)


def start(book, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "nlbook", "run", "01_tiny", "-q", *arguments],
        cwd=book.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def visible(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def test_a_run_writes_the_notebook_and_its_record(book):
    append(book, LARGE)
    started = time.perf_counter()
    path = run(book, tier="smoke", command="nlbook run 01_tiny --tier smoke")
    elapsed_s = time.perf_counter() - started
    assert path == book.runs / "01_tiny.ipynb"
    assert visible(book.runs) == ["01_tiny.ipynb", "01_tiny.json"]
    assert list(book.runs.glob(".*")) == []
    assert why_stale(path) is None
    made = nbformat.read(path, 4).metadata["nlbook"]
    record = read_record(path)
    for key in ("chapter", "tier", "parameters", "key", "seed"):
        assert record[key] == made[key]
    assert (record["tier"], record["seed"]) == ("smoke", 7)
    assert record["parameters"]["n_realizations"] == 2
    assert record["command"] == "nlbook run 01_tiny --tier smoke"
    assert [(c["name"], c["text"], c["tested"]) for c in record["claims"]] == [
        ("tiny.total", "1.000", True),
        ("tiny.book", "1.000", False),
    ]
    assert 300 < record["peak_memory_mib"] < 800  # the array alone is 300 MiB
    assert 0 < record["wall_s"] < elapsed_s
    assert {"host", "cpu_model", "cores", "threads", "commit", "dirty", "started"} <= set(record)
    assert record["environment"]["versions"]["numpy"]


def test_a_rerun_with_other_parameters_lives_and_belongs_to_no_tier(book, tmp_path):
    path = run(book, parameters={"step": "1e-2"}, out=tmp_path / "elsewhere")
    assert path.parent == tmp_path / "elsewhere"
    record = read_record(path)
    assert record["tier"] is None
    assert record["parameters"]["step"] == 0.01
    assert [c["tested"] for c in record["claims"]] == [True, False]


def test_parameters_that_are_wrong_stop_before_anything_starts(book):
    with pytest.raises(ParameterError, match="did you mean 'n_realizations'"):
        run(book, parameters={"n_realisations": 3})
    assert not book.runs.exists()


def test_the_environment_reaches_the_kernel_and_its_folder_is_the_book(book):
    append(book, cell("import os", "print(os.environ['NLBOOK_CLUSTER'], os.getcwd())"))
    path = run(book, environment={"NLBOOK_CLUSTER": "file.json"})
    assert f"file.json {book.book}" in path.read_text()
    assert "NLBOOK_CLUSTER" not in os.environ


def test_what_a_user_has_set_for_other_work_does_not_reach_the_kernel(book):
    (book.root / "start.py").write_text("n_realizations = 17\nraise SystemExit('started')\n")
    profile = book.root / "ipython" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "00.py").write_text("started = 'by a profile'\n")
    (profile / "ipython_config.py").write_text(
        "get_config().InteractiveShellApp.exec_lines = ['started = 1']\n"
    )
    append(
        book, cell("print('started' in globals(), open('../ä', 'w').encoding.lower(), '\\u2264')")
    )
    settings = {
        "PYTHONSTARTUP": str(book.root / "start.py"), "IPYTHONDIR": str(book.root / "ipython"),
        "MPLBACKEND": "TkAgg", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
    }  # fmt: skip
    process = start(book, **settings)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "False utf-8 ≤" in (book.runs / "01_tiny.ipynb").read_text(encoding="utf-8")


def test_a_relative_store_lies_where_the_caller_is(book, tmp_path, monkeypatch):
    append(book, cell("from nlbook import parallel"))
    append(book, cell("store = 'kept'"))
    append(
        book,
        cell(
            "from tests.parallel.sample_tasks import noise, noise_tasks",
            "_ = parallel.run_tasks(noise, noise_tasks(2), store=store, progress=False)",
        ),
    )
    caller = tmp_path / "caller"
    caller.mkdir()
    monkeypatch.chdir(caller)
    run(book)
    assert len(list((caller / "kept").glob("*.npz"))) == 2
    assert not (book.book / "kept").exists()


SAVING = cell(
    "publishing.save_results('walk', {'total': [total]}, units={'total': 'b'})",
    "(publishing.results_folder() / 'note.txt').write_text('of the walk')",
)


def test_results_lie_beside_the_notebook_and_the_record_lists_what_was_shown(book, capsys):
    append(book, SAVING + cell("publishing.show_number('tiny.half', total / 2, '.2f')"))
    path = run(book)
    assert visible(book.runs) == ["01_tiny.ipynb", "01_tiny.json", "01_tiny.results"]
    folder = path.with_suffix(".results")
    assert visible(folder) == ["contents.json", "note.txt", "walk.csv"]
    assert (folder / "walk.csv").read_text() == "total (b)\n1.5\n"
    record = read_record(path)
    assert record["results"]["files"] == ["note.txt"]
    assert record["results"]["saved"]["walk"]["columns"]["total"]["unit"] == "b"
    assert record["numbers"] == [{"name": "tiny.half", "text": "0.75"}]
    assert capsys.readouterr().err == ""


def test_a_second_run_keeps_the_first_and_says_so(book, capsys):
    append(book, SAVING)
    first = run(book)
    texts = [first.read_bytes(), (first.with_suffix(".results") / "walk.csv").read_text()]
    second = run(book, parameters={"step": 2.0})
    (kept,) = (book.runs / "earlier").iterdir()
    assert kept.name.startswith("01_tiny-2")
    assert visible(kept) == ["01_tiny.ipynb", "01_tiny.json", "01_tiny.results"]
    earlier = kept / "01_tiny.ipynb"
    assert [
        earlier.read_bytes(),
        (kept / "01_tiny.results" / "walk.csv").read_text(),
    ] == texts
    assert read_record(earlier)["parameters"]["step"] == 0.5
    assert (second.with_suffix(".results") / "walk.csv").read_text() == "total (b)\n6.0\n"
    assert capsys.readouterr().err == f"01_tiny: the earlier run is kept in {kept}\n"
    run(book, overwrite=True)
    assert visible(book.runs / "earlier") == [kept.name]
    assert capsys.readouterr().err == ""


def test_what_a_failed_run_saved_is_kept_aside(book):
    append(book, SAVING + cell("1 / 0"))
    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        run(book)
    assert visible(book.runs) == ["01_tiny.failed.ipynb", "01_tiny.failed.results"]
    chapter = book.chapter("01_tiny")
    chapter.write_text(chapter.read_text().replace("1 / 0", "1"))
    run(book)
    assert visible(book.runs) == ["01_tiny.ipynb", "01_tiny.json", "01_tiny.results"]


def test_a_failed_run_is_kept_aside_and_the_good_one_stays(book):
    good = run(book).read_bytes()
    chapter = book.chapter("01_tiny").read_text()
    append(book, cell("publishing.claim('bad', 2.0, 1.0, atol=0.1, source='x')"))
    with pytest.raises(RunFailed, match=r"01_tiny: ClaimFailed: claim bad: 2.0 is not 1 within"):
        run(book)
    assert (book.runs / "01_tiny.ipynb").read_bytes() == good
    failed = nbformat.read(book.runs / "01_tiny.failed.ipynb", 4)
    assert any(o.output_type == "error" for c in failed.cells for o in c.get("outputs", []))
    book.chapter("01_tiny").write_text(chapter)
    run(book)
    assert visible(book.runs) == ["01_tiny.ipynb", "01_tiny.json", "earlier"]


def test_a_dead_kernel_is_one_clear_error(book):
    append(book, cell("import os", "os._exit(1)"))
    with pytest.raises(RunFailed, match="01_tiny: its kernel died"):
        run(book)
    assert visible(book.runs) == ["01_tiny.failed.ipynb"]


def test_a_name_that_is_claimed_twice_is_refused(book):
    append(book, cell("publishing.show_number('tiny.total', 1.0)"))
    with pytest.raises(RunFailed, match="number 'tiny.total' is made twice"):
        run(book)


def test_an_unwritable_folder_is_refused_before_anything_runs(book, monkeypatch):
    (book.root / "file").write_text("")
    monkeypatch.setattr(runner, "_execute", None)
    with pytest.raises(BookError, match="file/runs: cannot write there"):
        run(book, out=book.root / "file" / "runs")


def test_what_a_killed_run_left_is_removed_by_the_next(book):
    left = book.runs / ".run-01_tiny"
    left.mkdir(parents=True)
    (left / "executed.ipynb").write_text("half")
    run(book)
    assert visible(book.runs) == ["01_tiny.ipynb", "01_tiny.json"]
    assert not left.exists()


def test_a_second_run_that_would_write_the_same_files_is_refused(book):
    append(book, cell("import time", "_ = open('asleep', 'w')", "time.sleep(600)"))
    process = start(book)
    wait_until((book.book / "asleep").exists, process=process)
    with pytest.raises(BookError, match=f"another run of 01_tiny .*: process {process.pid} on"):
        run(book)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert visible(book.runs) == ["01_tiny.failed.ipynb"]


def test_a_record_of_another_run_is_not_taken_for_this_one(book):
    path = run(book)
    record = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(record | {"run": "another"}))
    assert read_record(path) is None


@pytest.mark.parametrize("record, notebook", [("[]", None), ("{}", None), (None, "[]"), ("{", "{")])
def test_what_something_else_wrote_under_these_names_moves_aside(book, record, notebook):
    path = run(book)
    for file, text in ((path.with_suffix(".json"), record), (path, notebook)):
        if text is not None:
            file.write_text(text)
    assert read_record(path) is None
    run(book)
    (kept,) = (book.runs / "earlier").iterdir()
    assert (kept / path.name).is_file() and read_record(path) is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_its_kernel_and_keeps_what_was_done(book, number):
    append(book, cell("import time", "_ = open('asleep', 'w')", "time.sleep(600)"))
    process = start(book)
    wait_until((book.book / "asleep").exists, process=process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors.strip() == "nlbook: interrupted"
    wait_until(lambda: not kernels(book))
    assert visible(book.runs) == ["01_tiny.failed.ipynb"]


@pytest.mark.slow
def test_twenty_kills_at_random_moments_leave_nothing_half_written(book):
    started = time.monotonic()
    process = start(book)
    assert process.wait() == 0
    whole_s = time.monotonic() - started
    notebook, record = book.runs / "01_tiny.ipynb", book.runs / "01_tiny.json"
    reference = outputs(notebook)
    chance = random.Random(2022)
    for _ in range(20):
        if chance.random() < 0.5:  # so that the first file of a name is written under kills too
            notebook.unlink(missing_ok=True)
            record.unlink(missing_ok=True)
        process = start(book)
        time.sleep(chance.uniform(0.2, 1.1) * whole_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert set(visible(book.runs)) <= {notebook.name, record.name, "earlier"}
        if notebook.exists():
            assert why_stale(notebook) is None
            assert outputs(notebook) == reference
        if record.exists():
            assert json.loads(record.read_text())["chapter"] == "01_tiny"
    process = start(book)
    assert process.wait() == 0
    assert outputs(notebook) == reference
    assert read_record(notebook) is not None
    assert list(book.runs.glob(".*")) == []
    wait_until(lambda: not kernels(book))


def outputs(notebook):
    return [c.get("outputs") for c in nbformat.read(notebook, 4).cells]


def test_the_kernel_is_this_python_whatever_is_called_python3(book, tmp_path, monkeypatch):
    spec = tmp_path / "share" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = ["/bin/false", "{connection_file}"]
    told = {"argv": argv, "display_name": "mine", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(told))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    assert KernelSpecManager().get_kernel_spec("python3").argv == argv
    append(book, cell("import sys", "print(sys.executable)"))
    path = run(book)
    assert read_record(path)["environment"]["executable"] == sys.executable
    assert sys.executable in path.read_text()


def test_a_kernel_of_another_python_is_refused(book):
    with pytest.raises(RunFailed, match="and nlbook run is /usr/bin/another"):
        run(book, environment={"NLBOOK_PYTHON": "/usr/bin/another"})
