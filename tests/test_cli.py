"""The command `nlbook`: what it prints, refuses and returns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nlbook import cli
from nlbook.publishing.running.records import read_record
from tests.publishing.small_book import append, cell, kernels, wait_until, write_book

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"papermill", "numpy", "matplotlib", "IPython", "jupytext", "ipyparallel", "numba"}


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with the chapter 01_tiny, which is the working folder's too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    return write_book(tmp_path)


def nlbook(capsys, *arguments):
    """Status, and what was printed on stdout and stderr."""
    status = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def process(book, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "nlbook", *arguments],
        cwd=book.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


def test_list_names_the_chapters_with_their_titles(book, capsys):
    assert nlbook(capsys, "list") == (0, "01_tiny  A tiny chapter\n", "")


def test_show_prints_type_tiers_and_meaning_of_each_parameter(book, capsys):
    status, printed, _ = nlbook(capsys, "show", "01_tiny")
    rows = [line.split(maxsplit=5) for line in printed.splitlines()[2:]]
    assert status == 0
    heading = ["name", "type", "and", "range", "book", "smoke", "paper", "meaning"]
    assert printed.splitlines()[2].split() == heading
    assert rows[1] == ["n_realizations", "int", "3", "2", "100", "how many walks"]
    assert len(rows) == 7


def test_show_prints_the_range_of_a_parameter(book, capsys):
    chapter = book.chapter("01_tiny")
    chapter.write_text(chapter.read_text().replace("step: float", 'step: "float in (0, 1] | None"'))
    status, printed, _ = nlbook(capsys, "show", "01_tiny")
    assert status == 0
    assert "step            float in (0, 1] | None  0.5" in printed


@pytest.mark.parametrize(
    "lines, message",
    [
        ("n_realizations: 12:30", "n_realizations='12:30': must be int"),
        ("n_realizations: 1_0", "n_realizations='1_0': must be int"),
        ("step: 1_0", "step='1_0': must be float"),
        ("verbose: yes", "verbose='yes': must be bool"),
        (f"seed: {'9' * 5000}", "-f own.yaml: Exceeds the limit"),
        ("seed: 1\nstep: 0.5\nseed: 2", "line 3: 'seed' is there twice"),
        ("title: 2026-11-28\nstep: fast", "step='fast': must be float"),
    ],
)
def test_a_file_of_parameters_that_can_be_read_two_ways_is_refused(book, capsys, lines, message):
    (book.root / "own.yaml").write_text(lines)
    status, _, errors = nlbook(capsys, "run", "01_tiny", "-f", "own.yaml", "--dry-run")
    assert (status, message in errors) == (2, True), errors


def test_numbers_in_a_file_of_parameters_are_decimal(book, capsys):
    lines = "n_realizations: 010\nstep: 1e-3\ntitle: none\nseed: 0\nscales: [1e1, 2]"
    (book.root / "own.yaml").write_text(lines)
    status, printed, errors = nlbook(capsys, "run", "01_tiny", "-f", "own.yaml", "--dry-run")
    assert status == 0, errors
    words = "n_realizations = 10, step = 0.001, title = None, scales = [10.0, 2.0]"
    assert words in printed


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("run", "01_tiny", "-p", "n_realisations=3"), "did you mean 'n_realizations'"),
        (("run", "01_tiny", "-p", "n_realizations=2.5"), "n_realizations=2.5: must be int"),
        (("run", "01_tiny", "-p", "verbose=1"), "verbose=1: must be bool"),
        (("run", "01_tiny", "-p", "n_realizations=1_0"), "n_realizations=1_0: must be int"),
        (("run", "01_tiny", "-p", "step=1_0"), "step=1_0: must be float"),
        (("run", "01_tiny", "-p", "step"), "-p step: must read NAME=VALUE"),
        (("run", "01_tini"), "did you mean '01_tiny'"),
        (("run", "01_tiny", "-f", "missing.yaml"), "-f missing.yaml"),
        (("run", "01_tiny", "--engines", "2"), "--engines needs --cluster"),
        (("run", "01_tiny", "--account", "a"), "--account needs --cluster slurm"),
        (("run", "01_tiny", "--cluster", "mpi", "--mpi"), "--mpi needs --cluster slurm"),
        (("run", "01_tiny", "--cluster", "slurm", "--time-limit", "soon"), "time_limit must be"),
        (("run", "01_tiny", "--cluster", "slurm", "--template", "no.sbatch"), "cannot be read"),
        (("show", "02"), "no chapter '02'"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_line(book, capsys, arguments, message):
    status, printed, errors = nlbook(capsys, *arguments)
    assert (status, printed) == (2, "")
    assert message in errors and errors.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "01_tiny", "--tier", "large"),
        ("run", "01_tiny", "--cluster", "cloud"),
        ("run", "01_tiny", "--cluster", "local", "--engines", "0"),
        ("nonsense",),
        (),
    ],
)
def test_an_unknown_choice_ends_with_status_2(book, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2


def test_outside_a_book_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NLBOOK_BOOK", raising=False)
    status, _, errors = nlbook(capsys, "list")
    assert status == 2 and "no book in" in errors


@pytest.mark.parametrize("wrong", ["n_realisations=3", "n_realizations=few"])
def test_a_wrong_parameter_stops_the_command_before_anything_is_written(book, wrong):
    ended = process(book, "run", "01_tiny", "-p", wrong)
    assert not (book.root / "_build").exists()
    assert ended.returncode == 2
    assert "n_realizations" in ended.stderr and "Traceback" not in ended.stderr


def test_what_a_refusal_does_not_need_is_not_imported(book):
    code = (
        "import sys; from nlbook.cli import main; main(['run', '01_tiny', '-p', 'x=1']); "
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "no parameter 'x'" in run.stderr
    assert not HEAVY & set(run.stdout.split())


def test_run_takes_parameters_from_a_file_and_the_command_line(book, capsys):
    (book.root / "own.yaml").write_text("step: 1e-3\nn_realizations: 4\n")
    status, printed, _ = nlbook(
        capsys, "run", "01_tiny", "-q", "-f", "own.yaml", "-p", "n_realizations=5", "-o", "mine"
    )
    assert (status, printed) == (0, f"{book.root / 'mine' / '01_tiny.ipynb'}\n")
    record = read_record(book.root / "mine" / "01_tiny.ipynb")
    assert record["parameters"]["step"] == 0.001
    assert record["parameters"]["n_realizations"] == 5
    assert record["command"].startswith("nlbook run 01_tiny -q -f own.yaml")


def test_a_failed_run_ends_with_status_1_and_one_line(book, capsys):
    append(book, cell("1 / 0"))
    status, _, errors = nlbook(capsys, "run", "01_tiny", "-q")
    assert status == 1
    assert errors.startswith("nlbook: 01_tiny: ZeroDivisionError: division by zero (kept as ")
    assert errors.count("\n") == 1


def test_progress_is_shown_unless_it_is_not_wanted(book):
    append(book, cell("import sys", "print('from the kernel', file=sys.stderr)"))
    ended = process(book, "run", "01_tiny")
    assert "Executing" in ended.stderr and "from the kernel" in ended.stderr
    assert process(book, "run", "01_tiny", "-q", "--overwrite").stderr == ""


def test_a_quiet_run_says_where_it_moved_an_earlier_one_and_its_results(book):
    append(book, cell("publishing.save_results('a', {'a': [1.0]}, units={'a': '1'})"))
    told = f"01_tiny: results are in {book.runs}/01_tiny.results\n"
    assert process(book, "run", "01_tiny", "-q").stderr == told
    again = process(book, "run", "01_tiny", "-q").stderr
    assert f"01_tiny: the earlier run is kept in {book.runs}/earlier/01_tiny-2" in again


def test_a_dry_run_prints_tasks_core_hours_memory_and_disk_and_runs_nothing(book, capsys):
    folder = book.recorded / "costs"
    folder.mkdir(parents=True)
    measured = {"core_seconds_per_work": 1.0, "fixed_core_seconds": 0.0, "memory_mib": 200.0}
    (folder / "01_tiny.json").write_text(json.dumps(measured | {"provenance": {"host": "a"}}))
    status, printed, _ = nlbook(
        capsys, "run", "01_tiny", "--tier", "paper", "--dry-run", "--cluster", "local",
        "--engines", "4",
    )  # fmt: skip
    assert status == 0 and not book.runs.exists()
    assert [line.split(maxsplit=1)[0] for line in printed.splitlines()[1:]] == [
        "tasks", "core-hours", "wall", "memory", "disk", "measured",
    ]  # fmt: skip
    assert "n_realizations = 100" in printed
    # 100 tasks of 7**2 * 2 units of 1 s, on 4 engines
    assert "core-hours   2.72\n" in printed and "wall time    41 min on 4 engines\n" in printed
    assert "memory       800 MiB (measured at tier smoke)\n" in printed


def test_a_dry_run_without_a_measured_model_says_so(book, capsys):
    _, printed, _ = nlbook(capsys, "run", "01_tiny", "--dry-run")
    assert "not measured yet" in printed
    (book.book / "costs.yaml").write_text("{}")
    _, printed, _ = nlbook(capsys, "run", "01_tiny", "--dry-run")
    assert "no model of this chapter's cost" in printed


def test_a_dry_run_says_when_nothing_is_stored(book, capsys):
    chapter = book.chapter("01_tiny")
    line = "seed: int = 7  # seed\n"
    assert line in chapter.read_text()
    chapter.write_text(
        chapter.read_text().replace(line, f"store: str | None = None  # folder\n{line}")
    )
    _, printed, _ = nlbook(capsys, "run", "01_tiny", "--dry-run")
    assert "disk         nothing is stored" in printed and "MB" not in printed
    _, printed, _ = nlbook(capsys, "run", "01_tiny", "--dry-run", "-p", "store=kept")
    assert "MB" in printed and "nothing is stored" not in printed


def test_notebooks_writes_what_is_not_up_to_date(book, capsys):
    assert nlbook(capsys, "notebooks", "--check")[0] == 1
    assert nlbook(capsys, "notebooks")[1] == f"{book.copies / '01_tiny.ipynb'}\n"
    assert nlbook(capsys, "notebooks")[1] == ""
    assert nlbook(capsys, "notebooks", "--check")[0] == 0


def test_build_runs_what_is_stale_and_then_builds_the_site(book, capsys, monkeypatch):
    built = []

    def build_site(book, executed, out):
        built.append((executed, out))
        return book.root / "html"

    monkeypatch.setattr("nlbook.publishing.site.build_site", build_site)
    status, printed, _ = nlbook(capsys, "build", "--tier", "smoke")
    assert (status, printed) == (0, f"{book.root / 'html' / 'index.html'}\n")
    assert (book.executed / "01_tiny.ipynb").exists()
    nlbook(capsys, "build", "--from-copies", "-o", "elsewhere")
    assert built == [(book.executed, None), (book.copies, Path("elsewhere"))]


def test_a_folder_that_is_no_site_is_refused_before_a_chapter_runs(book, capsys):
    (book.root / "thesis").mkdir()
    (book.root / "thesis" / "index.html").write_text("years of work")
    status, printed, errors = nlbook(capsys, "build", "-o", "thesis")
    assert (status, printed) == (2, "")
    assert "thesis is not empty, and holds no site made by nlbook build" in errors
    assert not (book.root / "_build").exists() or not list((book.root / "_build").iterdir())


def test_a_second_build_in_one_checkout_is_refused(book, capsys):
    from nlbook.publishing.running.build import only_build

    with only_build(book):
        status, _, errors = nlbook(capsys, "build", "--tier", "smoke")
    assert status == 2
    assert f"another build is at work in {book.root / '_build'}: process {os.getpid()}" in errors
    assert not book.executed.exists()


def test_a_site_that_cannot_be_built_ends_with_status_1(book, capsys):
    status, _, errors = nlbook(capsys, "build", "--from-copies")
    assert status == 1 and errors.splitlines()[-1].startswith("nlbook: ")


def test_doctor_prints_versions_cores_mpi_engines_and_gpu(book, capsys):
    status, printed, _ = nlbook(capsys, "doctor")
    topics = [line.split()[0] for line in printed.splitlines()]
    assert status == 0
    assert topics == [
        "system", "Python", "packages", "cores", "threads", "book", "lock", "GPU", "torch",
        "LAMMPS", "MPI", "Slurm", "engines",
    ]  # fmt: skip
    assert "numpy 2" in printed


def test_doctor_does_not_import_torch(book):
    code = (
        "import sys; from nlbook.cli import main; main(['doctor']); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "False"


def test_clusters_lists_those_that_run(book, capsys, monkeypatch):
    monkeypatch.setattr("nlbook.parallel.list_clusters", list)
    assert nlbook(capsys, "clusters") == (0, "no clusters\n", "")


@pytest.mark.serial
def test_a_run_on_engines_leads_the_chapter_to_them_and_leaves_none(book, capsys):
    from nlbook import parallel

    append(
        book,
        cell(
            "from nlbook import parallel",
            "client = parallel.connect()",
            "print('engines', len(client))",
            "client.close()",
        ),
    )
    status, printed, errors = nlbook(
        capsys, "run", "01_tiny", "-q", "--cluster", "local", "--engines", "2"
    )
    assert status == 0, errors
    assert "engines 2" in Path(printed.strip()).read_text()
    assert parallel.list_clusters() == []
    assert kernels(book) == []


@pytest.mark.serial
def test_a_terminated_run_ends_its_engines_and_its_kernel(book):
    from nlbook import parallel

    before = {record.cluster_id for record in parallel.list_clusters()}
    append(
        book,
        cell(
            "import time",
            "from nlbook import parallel",
            "client = parallel.connect()",
            "open('connected', 'w').close()",
            "client[:].apply_sync(time.sleep, 600)",
        ),
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "nlbook", "run", "01_tiny", "-q", "--cluster", "local",
         "--engines", "2"],
        cwd=book.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    wait_until((book.book / "connected").exists, process=run)
    engines = [p for p in psutil.Process(run.pid).children(recursive=True) if p.is_running()]
    started = {record.cluster_id for record in parallel.list_clusters()} - before
    assert len(started) == 1
    run.terminate()
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 130, errors
    assert kernels(book) == []
    assert started.isdisjoint(record.cluster_id for record in parallel.list_clusters())
    assert psutil.wait_procs(engines, timeout=300)[1] == []
