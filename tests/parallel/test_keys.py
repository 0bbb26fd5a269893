import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.parallel.keys import (
    check_tasks,
    describe_task,
    function_name,
    load_function,
    task_key,
)
from tests.parallel import sample_tasks
from tests.parallel.running import ROOT

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@dataclass(frozen=True)
class Protocol:
    stress: float
    steps: int = 3


@dataclass(frozen=True)
class OtherProtocol:
    stress: float
    steps: int = 3


@dataclass
class Loose:
    stress: float


def key(task, name="m:f", schema=1):
    return task_key(name, schema, task)


def identical(left, right):
    """The same value of the same type, all the way down: what repr shows for plain data."""
    return repr(left) == repr(right)


@settings(deadline=None)
@given(values, values)
def test_keys_are_equal_exactly_when_values_and_types_are(left, right):
    def ordered(value):
        if isinstance(value, dict):
            return {name: ordered(value[name]) for name in sorted(value)}
        if isinstance(value, (list, tuple)):
            return type(value)(ordered(item) for item in value)
        return value

    assert (key({"x": left}) == key({"x": right})) == identical(ordered(left), ordered(right))


def test_the_order_of_arguments_does_not_matter():
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ((1, 2), [1, 2]),
        ("1", 1),
        (None, "None"),
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0]])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.float32(0.1), 0.1),
        (Protocol(1.0), Protocol(1.0, steps=4)),
        (Protocol(1.0), OtherProtocol(1.0)),
        (["ab", "c"], ["a", "bc"]),
    ],
)
def test_different_values_have_different_keys(left, right):
    assert key({"x": left}) != key({"x": right})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.int64(3), 3),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (Protocol(1.0), Protocol(1.0, 3)),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    ],
)
def test_equal_values_have_equal_keys(left, right):
    assert key({"x": left}) == key({"x": right})


def test_function_schema_and_names_count():
    keys = {key({"x": 1}), key({"y": 1}), key({"x": 1}, "m:g"), key({"x": 1}, schema=2)}
    assert len(keys) == 4


def test_another_process_gives_the_same_key():
    task = {"protocol": {"b": 0.1, "a": [1, None]}, "seed": (1, 2), "grid": np.linspace(0, 1, 5)}
    code = (
        "import numpy as np; from nlbook.parallel.keys import task_key; print(task_key('m:f', 1, "
        "{'grid': np.linspace(0, 1, 5), 'seed': (1, 2), "
        "'protocol': {'a': [1, None], 'b': 0.1}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == key(task), done.stderr


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {1, 2}, np.array([None]), Loose(1.0), Protocol, [object()], lambda: 0],
)
def test_a_value_that_is_no_plain_data_is_refused_by_its_name(value):
    with pytest.raises(ValueError, match="protocol"):
        key({"protocol": value})


def test_a_function_is_found_by_its_name():
    name = function_name(sample_tasks.noise)
    assert name == "tests.parallel.sample_tasks:noise"
    assert load_function(name) is sample_tasks.noise


def local_function():
    def inner(seed):
        return {}

    return inner


@pytest.mark.parametrize("function", [lambda seed: {}, local_function(), "noise", None, 3])
def test_a_function_that_cannot_be_imported_is_refused(function):
    with pytest.raises(ValueError, match="function must be defined at the top of a module"):
        function_name(function)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"n": 1, "sede": 2}, "task 0 .*sede"),
        ({"n": 1}, "task 0 .*seed"),
        (3, "task 0 must map"),
        ({1: 2}, "task 0 must map"),
    ],
)
def test_a_task_that_does_not_fit_the_function_is_refused(task, message):
    with pytest.raises(ValueError, match=message):
        check_tasks(sample_tasks.noise, [task])


def test_a_description_starts_with_the_seed_and_is_short():
    text = describe_task({"grid": np.zeros(1000), "note": "x" * 1000, "seed": (1, 2)})
    assert text.startswith("seed=(1, 2), grid=array of float64 (1000,)")
    assert len(text) <= 400
