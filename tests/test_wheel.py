"""The wheel holds the package, its types and its licence, and works away from the source."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import nlbook

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the source distribution, as a packager does, with the tools that are here."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


def test_the_wheel_suits_every_platform(wheel):
    assert wheel.name == f"nlbook-{nlbook.__version__}-py3-none-any.whl"


def test_every_module_is_in_the_wheel(names):
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nlbook").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == source


def test_the_files_that_modules_read_are_in_the_wheel(names):
    kinds = {".js", ".sbatch", ".typed"}
    files = {p for p in (ROOT / "nlbook").rglob("*") if p.suffix in kinds}
    assert {path.suffix for path in files} == kinds
    assert {path.relative_to(ROOT).as_posix() for path in files} <= set(names)


def test_the_licence_is_in_the_wheel(names):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_nothing_but_the_package_is_in_the_wheel(names):
    assert {name.split("/")[0] for name in names} == {
        "nlbook",
        f"nlbook-{nlbook.__version__}.dist-info",
    }


def test_the_metadata_name_licence_and_python(wheel):
    folder = f"nlbook-{nlbook.__version__}.dist-info"
    text = zipfile.ZipFile(wheel).read(f"{folder}/METADATA").decode()
    metadata = Parser().parsestr(text)
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    assert {"md", "training", "test", "dev"} <= set(metadata.get_all("Provides-Extra"))


def test_the_installed_wheel_imports_and_answers(wheel, tmp_path):
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        + ["--disable-pip-version-check", "--target", str(target), str(wheel)],
        check=True,
    )
    code = "import nlbook, nlbook.cli, nlbook.parallel, nlbook.publishing\nprint(nlbook.__file__)\n"
    # PYTHONPATH comes before the editable installation of the source.
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(target)
    assert (target / "bin" / "nlbook").exists()
