"""The cache of compiled loops is a convenience: without it all else stays."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba.core import caching

from nlbook import compilation
from nlbook.compilation import CompilationWarning, compiled

ROOT = Path(__file__).resolve().parent.parent


def twice(x):
    return 2.0 * x


@pytest.fixture
def no_warning_yet(monkeypatch):
    monkeypatch.setattr(compilation, "_warned", False)


def test_division_by_zero_is_that_of_numpy(no_warning_yet):
    ratio = compiled()(lambda a, b: a / b)
    assert ratio(1.0, 0.0) == np.inf


def test_where_no_folder_can_be_written_loops_compile_uncached(no_warning_yet, monkeypatch):
    monkeypatch.setattr(compilation._Places, "_locator_classes", [])
    with pytest.warns(CompilationWarning, match="each process compiles anew") as said:
        assert compiled()(twice)(1.5) == 3.0
        assert compiled()(twice)(1.0) == 2.0
    assert len(said) == 1


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space left"), EOFError()])
@pytest.mark.parametrize("step", ["save", "load"])
def test_a_full_or_damaged_cache_ends_no_call(no_warning_yet, monkeypatch, tmp_path, step, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, step, fail)
    with pytest.warns(CompilationWarning, match="kept|compiled anew"):
        assert compiled()(twice)(1.5) == 3.0


def test_what_was_compiled_is_found_again(no_warning_yet, monkeypatch, tmp_path):
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled()(twice)(1.5) == 3.0
        again = compiled()(twice)
        assert again(1.5) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1


SPREAD = {
    "below.py": """
from nlbook.compilation import compiled

@compiled()
def factor(x):
    return FACTOR * x
""",
    "middle.py": """
from nlbook.compilation import compiled
from below import factor

@compiled()
def scaled(x):
    return _once_more(x)

@compiled()
def _once_more(x):
    return factor(x)
""",
    "above.py": """
from nlbook.compilation import compiled
from middle import scaled

@compiled()
def total(x):
    return scaled(x) + 1.0

print(total(1.0), sum(total.stats.cache_hits.values()))
""",
}


def test_a_loop_is_compiled_anew_when_another_file_of_its_loops_changes(tmp_path):
    def run(factor):
        for name, text in SPREAD.items():
            file, text = tmp_path / name, text.replace("FACTOR", factor)
            if not file.exists() or file.read_text() != text:
                file.write_text(text)
        done = subprocess.run(
            [sys.executable, "above.py"],
            cwd=tmp_path,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    assert run("2.0") == ["3.0", "0"]
    assert run("2.0") == ["3.0", "1"]
    assert run("30.0") == ["31.0", "0"]  # the file that changed is two imports away


LOOP = """
from nlbook.compilation import compiled

@compiled()
def twice(x):
    return 2.0 * x
"""


@pytest.fixture
def read_only():
    """A copy of the package, a home and a folder for temporary files, for a user without rights.

    Root may write anywhere, so for root the program runs as nobody.
    """
    folder = Path(tempfile.mkdtemp(prefix="nlbook-test-"))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nlbook", folder / "code" / "nlbook", ignore=ignored)
    (folder / "code" / "doubling.py").write_text(LOOP)
    (folder / "home").mkdir()
    (folder / "temporary").mkdir()
    (folder / "temporary").chmod(0o1777)
    folder.chmod(0o755)
    parts = [path for part in ("code", "home") for path in (folder / part).rglob("*")]
    for path in [*parts, folder / "code", folder / "home"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


def without_rights(folder, code, **variables):
    """Run a program that can write nothing but the folder of temporary files."""
    command = [sys.executable, "-c", code]
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root this needs setpriv, which gives up root's rights")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    given = ("NUMBA_CACHE_DIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in given}
    environment |= {
        "PYTHONPATH": str(folder / "code"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        **variables,
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0 and "Permission denied" in done.stderr and "import nlbook" not in code:
        pytest.skip(f"this Python can't be run by another user: {done.stderr.strip()}")
    return done


DOUBLE = """
import warnings
warnings.simplefilter("error")
import doubling
from nlbook import dislocations
print(dislocations.__file__, doubling.twice(1.5), *doubling.twice.stats.cache_hits.values())
"""


def test_without_a_home_and_beside_a_read_only_package_loops_are_kept_for_the_user(read_only):
    without_rights(read_only, "import numpy")  # skips where not even that can be done
    for hits in ([], ["1"]):
        done = without_rights(read_only, DOUBLE)
        assert done.returncode == 0, done.stderr
        file, value, *found = done.stdout.split()
        assert file.startswith(str(read_only)) and value == "3.0" and found == hits
    (kept,) = (read_only / "temporary").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700


RECORD = """
import warnings
warnings.simplefilter("error")
from nlbook.parallel.cluster import records as cluster_records
record = cluster_records.new_record("local", 1)
cluster_records.write_record(record)
print(record.folder)
print([found.cluster_id for found in cluster_records.list_clusters()] == [record.cluster_id])
"""


def test_without_a_home_clusters_are_recorded_where_the_next_process_finds_them(read_only):
    without_rights(read_only, "import numpy")
    done = without_rights(read_only, RECORD)
    assert done.returncode == 0, done.stderr
    folder, found = done.stdout.split()
    assert folder.startswith(str(read_only / "temporary")) and found == "True"


def test_a_folder_of_temporary_files_that_is_another_s_is_not_trusted(monkeypatch, tmp_path):
    from nlbook import host

    monkeypatch.setattr(host.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = host.temporary_folder()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="not this user's alone"):
        host.temporary_folder()
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="not this user's alone"):
        host.temporary_folder()
