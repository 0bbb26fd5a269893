"""Every command of the README is run, in a copy of the tree, and what it promises is there.

The copy shares this environment, so nothing is installed. `make test` is not run inside itself,
`make book` runs at tier smoke, and what needs a cluster is a dry run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nlbook import host

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fenced_commands() -> list[str]:
    blocks = [body for language, body in FENCE.findall(README) if language == "bash"]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


COMMANDS = fenced_commands()
RECORD = "_build/other/01_dislocation_creep"
# What a command leaves behind, relative to the tree.
RESULTS = {
    "make book": "_build/html/index.html",
    "nlbook run 01_dislocation_creep --tier smoke -p n_": "_build/runs/01_dislocation_creep.ipynb",
    "nlbook run 01_dislocation_creep --tier smoke -p load": f"{RECORD}.results/record",
    "nlbook run 02_adaptive_densities": "_build/other/02_adaptive_densities.ipynb",
    "papermill": "out.ipynb",
    "python -m pip install": "_build/package/nlbook/py.typed",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The files under version control, or about to be, with this environment as .venv."""
    folder = tmp_path_factory.mktemp("a clöne")  # a path may hold anything
    names = host.git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in names.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NLBOOK_")}
    environment |= {
        "NLBOOK_VENV": ".venv",
        "TIER": "smoke",
        "PYTHONPATH": str(folder),  # before the editable installation of the original
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]]),
        # Clusters of other runs on this machine are not this test's to list or stop.
        "IPYTHONDIR": str(folder / "_build" / "ipython"),
    }
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_every_fence_is_bash_or_the_one_in_python():
    languages = [language for language, _ in FENCE.findall(README)]
    assert set(languages) == {"bash", "python"}
    assert languages.count("python") == 1
    assert README.count("```") == 2 * len(FENCE.findall(README))


def test_the_lines_of_python_learn_the_kernel_that_they_say(capsys):
    (code,) = [body for language, body in FENCE.findall(README) if language == "python"]
    (promised,) = re.findall(r"# ([\d.]+) ([\d.]+)$", code, re.MULTILINE)
    names: dict = {}
    exec(code, names)
    printed = capsys.readouterr().out.split()[:2]
    # the seeds are fixed; the search stops within 1e-4, which the last digit shown hides
    assert [float(word) for word in printed] == pytest.approx(
        [float(word) for word in promised], abs=0.05
    )
    law, learned = names["law"], names["learned"]
    later = learned.predict(names["densities"], times=[20.0])
    variance = np.sum(later.density[0] * later.grid**2) * (later.grid[1] - later.grid[0])
    assert variance == pytest.approx(0.3**2 + 20.0 * law.moment(2), rel=0.1)


def test_every_room_is_in_the_table():
    rows = README.partition("## What is where")[2]
    rooms = [path.parent for path in (ROOT / "nlbook").glob("*/**/__init__.py")]
    assert [r for r in rooms if f"`{r.relative_to(ROOT).as_posix()}/`" not in rows] == []


def test_no_command_appears_twice():
    assert len(set(COMMANDS)) == len(COMMANDS)


def test_what_needs_a_cluster_is_a_dry_run():
    assert [c for c in COMMANDS if "--cluster" in c and "--dry-run" not in c] == []


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "make test"])
def test_a_command_of_the_readme_works(copy, command):
    done = run(command, copy)
    assert done.returncode == 0, done.stdout
    for start, result in RESULTS.items():
        if command.startswith(start):
            assert (copy / result).exists(), f"no {result} after:\n{done.stdout}"


def test_each_result_belongs_to_a_command():
    assert [s for s in RESULTS if not any(c.startswith(s) for c in COMMANDS)] == []


def test_what_the_readme_points_at_is_there():
    rows = README.partition("## What is where")[2]
    paths = re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE)
    paths += [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(paths) > 5, "the pattern no longer finds the paths"
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_make_target_that_is_named_exists():
    named = set(re.findall(r"`make ([\w-]+)`", README))
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
