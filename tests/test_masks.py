"""What a mask hides is never read: each public function that takes arrays refuses a masked one.

The rooms' public names are walked, and every parameter that is annotated as an array needs an
example in `tests.mask_examples`: a function without one fails the test.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nlbook
from tests.mask_examples import EXAMPLES, FUNCTIONS

ARRAY = re.compile(r"ArrayLike|NDArray|ndarray|\bArray\b|Sequence\[(float|int)\]|\bTimes\b")
ROOMS = [
    module.name
    for module in pkgutil.iter_modules(nlbook.__path__)
    if module.name not in ("__main__", "cli", "cli_clusters")
]

# What our own functions return or hand to each other, and nobody makes by hand.
RETURNED = {
    "crystals.CellFields",
    "crystals.GrainDictionary",
    "crystals.Response",
    "diffusion.LineWeights",
    "dislocations.Avalanches",
    "dislocations.CreepEnsemble",
    "dislocations.CreepRun",
    "dislocations.IntegratorStudy",
    "dislocations.Recorded",
    "dislocations.Trajectory",
    "dislocations.WindowSweep",
    "graphene.AtomFile",
    "graphene.AtomRuns",
    "graphene.CoarseGraining",
    "graphene.DynamicsRun",
    "graphene.Equilibria",
    "graphene.GrapheneRecord",
    "identification.AdamHistory",
    "identification.AlphaSearch",
    "identification.BernsteinFit",
    "identification.CostProfile",
    "identification.EvenCumulants",
    "identification.GramMatrix",
    "identification.KernelBand",
    "identification.Objective.add_errors",
    "identification.PairMoments",
    "identification.ParametricFits",
    "identification.PairSpectrum",
    "identification.PowerLawFit",
    "identification.RateProfile",
    "identification.SearchProgress",
    "identification.SearchTrials",
    "identification.Searches",
    "impact.History",
    "impact.MaterialPath",
    "impact.RigidCylinder.correct",
    "impact.RigidCylinder.depth",
    "impact.RigidWall.correct",
    "impact.RigidWall.depth",
    "interior_point.Solution",
    "peridynamics.AdamHistory",
    "peridynamics.AlphaTrials",
    "peridynamics.LPSFit",
    "peridynamics.LPSSweep",
    "peridynamics.SampleSpectrum",
    "peridynamics.SweepRow",
    "peridynamics.LatticeQuadrature",
    "peridynamics.SymbolBasis",
}
# Bases whose methods are called on what derives from them.
ABSTRACT = {
    "graphene.Load",
    "graphene.Response",
    "graphene.Smoothing",
    "impact.Material",
    "kernels.RadialKernel",
}


def annotated(function: Callable[..., Any]) -> list[str]:
    """Parameters of a function that are annotated as arrays."""
    notes = getattr(function, "__annotations__", {})
    return [
        name
        for name, kind in notes.items()
        if name not in ("return", "seed")
        and ARRAY.search(str(kind))
        and "Callable" not in str(kind)
    ]


def takers() -> Iterator[tuple[str, str]]:
    """Every public function, class and method that takes an array, and the parameter."""
    seen = set()
    for room in ROOMS:
        module = importlib.import_module(f"nlbook.{room}")
        for name in getattr(module, "__all__", ()):
            public = getattr(module, name)
            found: list[tuple[str, Any]] = []
            if inspect.isfunction(public):
                found = [(name, public)]
            elif inspect.isclass(public):
                methods = [(k, v) for k, v in vars(public).items() if inspect.isfunction(v)]
                found = [(f"{name}.{k}", v) for k, v in methods if k[0] != "_" or k == "__call__"]
                found.append((name, public.__init__))
            for short, function in found:
                home = getattr(public, "__module__", module.__name__).split(".")[1]
                for parameter in annotated(function):
                    key = (f"{home}.{short}", parameter)
                    if key not in seen and not key[0].startswith("publishing."):
                        seen.add(key)
                        yield key


TAKERS = sorted(
    (name, parameter)
    for name, parameter in takers()
    if name not in RETURNED and name.rpartition(".")[0] not in ABSTRACT
)


def hidden(value: Any) -> Any:
    """A value like this one, of which the first entry is masked."""
    if isinstance(value, (list, tuple)) and not np.isscalar(value[0]):
        return [hidden(value[0]), *value[1:]]
    array = np.asarray(value)
    mask = np.zeros(array.shape, bool)
    mask.flat[0] = True
    return np.ma.array(array, mask=mask)


@pytest.mark.filterwarnings("ignore")  # of what the fits of examples are worth
@pytest.mark.parametrize(("name", "parameter"), TAKERS)
def test_a_masked_array_is_refused_by_name(name, parameter):
    assert name in EXAMPLES, f"{name} takes {parameter} and has no example in mask_examples.py"
    arguments = EXAMPLES[name]()
    assert parameter in arguments, f"the example of {name} needs {parameter}"
    arguments[parameter] = hidden(arguments[parameter])
    function = FUNCTIONS[name]() if name in FUNCTIONS else public(name)
    with pytest.raises(ValueError, match=rf"\b{parameter}\b.*mask"):
        result = function(**arguments)
        if inspect.isgenerator(result):
            next(result)


def public(name: str) -> Any:
    room, _, short = name.partition(".")
    return getattr(importlib.import_module(f"nlbook.{room}"), short)


def test_every_example_is_of_a_public_name():
    assert {name for name, _ in TAKERS} == EXAMPLES.keys()
