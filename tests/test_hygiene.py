"""What a reader of the source should never meet."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from nlbook import host

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000

# Files over one megabyte, each with its reason.
LARGE = {
    **{
        f"book/recorded/dislocation_creep/case_{case}.npz": "fine histograms at 106 times"
        for case in (1, 2, 3)
    },
    **{
        f"book/notebooks/{name}.ipynb": "an executed chapter: pictures, and tables in three forms"
        for name in (
            "01_dislocation_creep",
            "02_adaptive_densities",
            "03_bilevel_fit",
            "05_graphene_peridynamics",
        )
    },
}

# A path of one machine: a home folder, a work folder, a drive.
MACHINE_PATH = re.compile(
    r"(?<![\w./~$}*-])/(?:home|root|Users|work|mnt|scratch|tmp/w)/[\w.]|\b[A-Z]:\\\\?Users\b"
)
# Where packages come from is the reader's choice, not the book's.
REGISTRY_HOST = re.compile(
    r"pypi\.(?:org|python\.org)|pythonhosted\.org|/simple/|index-url|find-links"
)

# Modules over 400 lines, each with its reason.
LONG = {
    "nlbook/dislocations/glide/strips.py": "numba's cache watches only a function's own file",
}
PRINTING = {
    "nlbook/cli.py": "the answers of the command",
    "nlbook/cli_clusters.py": "the answers of the command about clusters",
}


def tracked() -> list[Path]:
    """Files under version control, and those that are about to be."""
    try:
        names = host.git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.fail(f"these checks need a git clone: {error}")
    return [ROOT / name for name in sorted(names.split("\0")) if (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    del found[Path(__file__).relative_to(ROOT).as_posix()]  # it spells what it looks for
    return found


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_holds_a_path_of_one_machine():
    assert places(MACHINE_PATH) == []


def test_no_file_names_a_package_registry():
    assert places(REGISTRY_HOST) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/home/ada/nlbook", True),
        ("'/root/.cache'", True),
        ("https://example.org/home/page", False),
        ("book/root/x", False),
        ("$HOME/work/x", False),
    ],
)
def test_a_machine_path_is_told_from_other_text(text, found):
    assert bool(MACHINE_PATH.search(text)) == found


def test_no_file_is_large_without_a_reason():
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked()}
    assert {name for name, size in sizes.items() if size > MEGABYTE} == set(LARGE)


def test_no_module_is_longer_than_its_subject():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in tracked()
        if path.suffix == ".py"
    }
    assert {name for name, n in lengths.items() if n > 400} == set(LONG)


def test_the_package_prints_only_where_printing_is_its_work():
    printing = {}
    for path in sorted((ROOT / "nlbook").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        calls = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("print", "breakpoint")
            and not any(keyword.arg == "file" for keyword in node.keywords)
        ]
        if calls and name not in PRINTING:
            printing[name] = calls
    assert printing == {}


def test_the_package_reads_and_writes_text_in_no_locale_s_encoding():
    """Files and other programs speak UTF-8, whatever the machine's language is."""
    found = []
    for path in sorted((ROOT / "nlbook").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _takes_the_locale_s(call):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)[:80]}")
    assert found == []


def _takes_the_locale_s(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given or None in given:
        return False
    if name == "read_text":
        return not call.args
    if name == "write_text":
        return len(call.args) < 2
    if name in ("run", "Popen", "check_output"):
        return "text" in given
    if name == "open" and not isinstance(getattr(call.func, "value", None), ast.Name):
        modes = [a.value for a in [*call.args, *given.values()] if isinstance(a, ast.Constant)]
        return not any("b" in str(mode) for mode in modes)
    return False


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_the_source_is_clean(command):
    assert complaints("ruff", *command.split(), "--no-cache", ".") == ""


def test_the_source_is_typed():
    lock = (ROOT / "requirements.lock").read_text().splitlines()
    if f"numpy=={metadata.version('numpy')}" not in lock:
        pytest.skip("what mypy finds depends on NumPy's own annotations: locked versions only")
    assert complaints("mypy", "--no-error-summary") == ""


def complaints(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
