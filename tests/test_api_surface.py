"""The public names: those that the design promises, and what each module says of its own."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import nlbook

# Other people's code calls these; names may be added, not taken away.
PROMISED = {
    "nlbook.densities": ["DensitySnapshots", "adaptive_kde", "density_snapshots"],
    "nlbook.diffusion": ["NonlocalDiffusion"],
    "nlbook.dislocations": [
        "CreepProtocol",
        "periodic_shear_stress",
        "run_ensemble",
        "simulate_creep",
    ],
    "nlbook.identification": ["fit_bernstein", "fit_power_law"],
    "nlbook.kernels": ["BernsteinKernel", "PowerLawKernel"],
    "nlbook.parallel": ["run_tasks"],
    "nlbook.publishing": ["claim", "run_chapter"],
}
# Every room whose code is here; `nlbook.cli` and the modules inside a room come with it.
MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(nlbook.__path__, "nlbook.")
    if not name.endswith("__main__")
]


def public_functions(module: ModuleType) -> list[tuple[str, object]]:
    """Functions, and methods of classes, that a module defines and exports."""
    found = []
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        if getattr(value, "__module__", None) != module.__name__:
            continue
        # A function that numba compiled keeps its source in py_func.
        value = getattr(value, "py_func", value)
        if inspect.isfunction(value):
            found.append((name, value))
        elif inspect.isclass(value):
            methods = inspect.getmembers(value, inspect.isfunction)
            found += [
                (f"{name}.{key}", method)
                for key, method in methods
                if not key.startswith("_") and method.__module__ == module.__name__
            ]
    return found


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PROMISED.items() for name in names]
)
def test_a_promised_name_is_there(module, name):
    assert callable(getattr(importlib.import_module(module), name))
    assert name in importlib.import_module(module).__all__


@pytest.mark.parametrize("name", ["nlbook", *MODULES])
def test_a_module_says_what_it_is(name):
    assert inspect.getdoc(importlib.import_module(name))


@pytest.mark.filterwarnings("ignore:import .* from nlbook:DeprecationWarning")
@pytest.mark.parametrize("name", ["nlbook", *MODULES])
def test_a_module_lists_its_public_names(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [entry for entry in module.__all__ if not hasattr(module, entry)] == []


@pytest.mark.filterwarnings("ignore:import .* from nlbook:DeprecationWarning")
@pytest.mark.parametrize("name", MODULES)
def test_public_functions_and_classes_have_docstrings(name):
    module = importlib.import_module(name)
    objects = public_functions(module) + [
        (key, getattr(module, key))
        for key in getattr(module, "__all__", [])
        if inspect.isclass(getattr(module, key))
    ]
    assert [key for key, value in objects if not inspect.getdoc(value)] == []


@pytest.mark.filterwarnings("ignore:import .* from nlbook:DeprecationWarning")
@pytest.mark.parametrize("name", MODULES)
def test_public_functions_are_annotated(name):
    bare = []
    module = importlib.import_module(name)
    for key, function in public_functions(module):
        if hasattr(getattr(module, key, None), "py_func"):
            continue  # numba infers the types of what it compiles
        signature = inspect.signature(function)
        named = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
        if signature.return_annotation is inspect.Signature.empty or any(
            p.annotation is inspect.Parameter.empty for p in named
        ):
            bare.append(key)
    assert bare == []


def test_every_exported_name_of_a_room_comes_from_that_room():
    for room in PROMISED:
        module = importlib.import_module(room)
        homes = {key: getattr(getattr(module, key), "__module__", room) for key in module.__all__}
        assert {
            key: home
            for key, home in homes.items()
            if not home.startswith((room, "nlbook.checks", "nlbook.convex", "nlbook.host"))
        } == {}
