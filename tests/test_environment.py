"""The files that name the dependencies agree: pyproject, conda environment, lock, lower bounds."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import nlbook

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
OLDEST = (ROOT / ".github" / "constraints-oldest.txt").read_text().splitlines()

# Packages whose conda-forge name differs from the name on the Python index.
CONDA_NAMES = {
    "build": "python-build",
    "jupyter-client": "jupyter_client",
    "matplotlib": "matplotlib-base",  # without a graphical toolkit
    "nbconvert": "nbconvert-core",  # without pandoc
}
WRITTEN_BY_TESTS = {"onlyhere"}  # modules that a test writes, then imports
# Timed beside ours by the benchmarks where somebody has installed them; missing, they say so.
RIVALS = {"pylabdd"}


def requirements(lines: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def pins(lines: list[str]) -> dict[str, Version]:
    """Exact versions by name, whatever the systems that a line is for."""
    rows = [line.split(" ;")[0].split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in rows}


def conda_ranges() -> dict[str, SpecifierSet]:
    rows = [row for row in CONDA if isinstance(row, str)]
    for row in CONDA:
        if isinstance(row, dict):
            rows += row["pip"]
    split = [(row.split(maxsplit=1) + [""])[:2] for row in rows]
    return {name: SpecifierSet(bounds) for name, bounds in split}


NEEDED = requirements(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])


def test_conda_has_the_same_packages_with_the_same_ranges():
    expected = {
        CONDA_NAMES.get(name, name): requirement.specifier for name, requirement in NEEDED.items()
    }
    expected["python"] = SpecifierSet(PROJECT["requires-python"])
    found = conda_ranges()
    del found["pip"]
    assert found == expected


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("nlbook", ["md", "meshes", "training"]), ("tests", ["md", "meshes", "training", "test"])],
)
def test_every_package_that_is_imported_is_a_dependency(folder, extras):
    imported = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    studies = {path.stem for path in (ROOT / "book" / "studies").glob("*.py")}
    imported -= {*sys.stdlib_module_names, "nlbook", "tests", *studies, *WRITTEN_BY_TESTS, *RIVALS}
    homes = metadata.packages_distributions()
    lines = PROJECT["dependencies"] + [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]
    ]
    declared = requirements(lines)
    unknown = {
        name
        for name in imported
        if not declared.keys() & {canonicalize_name(home) for home in homes.get(name, [name])}
    }
    assert unknown == set()


def test_the_lock_has_exact_versions_only():
    assert [
        line
        for line in LOCK
        if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.!+-]+( ; .+)?", line)
    ] == []


def test_the_lock_is_sorted_and_names_each_package_once():
    names = [line.split("==")[0].lower() for line in LOCK if not line.startswith("#")]
    assert names == sorted(set(names))


@pytest.mark.parametrize("name", NEEDED)
def test_the_lock_satisfies_the_range(name):
    assert pins(LOCK)[name] in NEEDED[name].specifier


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_holds_what_its_packages_need(python):
    missing = []
    for line in LOCK:
        if line.startswith("#") or not _applies(Requirement(line), python):
            continue
        name = Requirement(line).name
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another Python than this one
        if Version(installed.version) != pins(LOCK)[canonicalize_name(name)]:
            continue  # this environment is not the locked one
        needs = installed.requires or []
        for need in map(Requirement, needs):
            locked = pins(LOCK).get(canonicalize_name(need.name))
            if _applies(need, python) and (locked is None or locked not in need.specifier):
                missing.append(f"{name} needs {need}")
    assert missing == []


def _applies(requirement: Requirement, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.4", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("name", NEEDED)
def test_the_oldest_version_tested_is_the_lower_bound(name):
    lower = [Version(s.version) for s in NEEDED[name].specifier if s.operator == ">="]
    assert [pins(OLDEST)[name]] == lower if lower else name not in pins(OLDEST)


def test_the_oldest_versions_name_nothing_else():
    assert set(pins(OLDEST)) <= set(NEEDED)


def test_no_file_names_a_host_or_a_path():
    for lines in (LOCK, OLDEST):
        assert [line for line in lines if re.search(r"://|file:| @ |^-|^/", line)] == []


def test_each_upper_bound_has_its_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    rows = [line for line in lines if re.search(r'^ +".*,<\d', line)]
    assert rows, "the pattern no longer finds the upper bounds"
    assert [row for row in rows if "  # " not in row] == []


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {nlbook.__version__, citation["version"], newest[1]} == {PROJECT["version"]}
