import collections
import enum
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlbook.dislocations import CreepProtocol
from nlbook.parallel.store.keys import (
    check_tasks,
    describe_task,
    function_name,
    load_function,
    plain_task,
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


class Scheme(enum.StrEnum):
    FAST = "rk4"
    EXACT = "exact"


class OtherScheme(enum.StrEnum):
    FAST = "rk4"


Box = collections.namedtuple("Box", "width height")
Point = collections.namedtuple("Point", "x y")


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
        (Scheme.FAST, Scheme.EXACT),
        (Scheme.FAST, OtherScheme.FAST),
        (Scheme.FAST, "rk4"),
        (Box(1, 2), Point(1, 2)),
        (Box(1, 2), (1, 2)),
        (Box(1, 2), Box(2, 1)),
        (np.array([0.0]), np.array([-0.0])),
        (np.array(1.0), 1.0),
        (np.array([(1, 2.0)], dtype="i4, f8"), np.array([(1, 2.0)], dtype="i4, f4")),
        (np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]), np.array([[1, 2]], dtype="i4")),
        (np.array([(1,)], dtype=[("a", "i4")]), np.array([(1,)], dtype=[("b", "i4")])),
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
        (np.arange(8)[::2], np.array([0, 2, 4, 6])),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0], dtype=">f8")),
        (np.str_("a"), "a"),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ],
)
def test_equal_values_have_equal_keys_and_are_one_to_the_function(left, right):
    assert key({"x": left}) == key({"x": right})
    given = [plain_task({"x": value})["x"] for value in (left, right)]
    assert type(given[0]) is type(given[1])
    if isinstance(left, np.ndarray):
        assert given[0].dtype == given[1].dtype
        assert given[0].flags.c_contiguous and given[1].flags.c_contiguous
    assert repr(given[0]) == repr(given[1])


def padded(filling):
    """Two numbers of 1 and 8 bytes, and 7 bytes between them that mean nothing."""
    memory = np.full(32, filling, dtype=np.uint8)
    array = memory.view(np.dtype([("a", "i1"), ("b", "f8")], align=True))
    array["a"], array["b"] = [1, 2], [0.5, 0.25]
    return array


def test_what_lies_between_the_fields_of_a_record_does_not_count():
    assert padded(0).tobytes() != padded(255).tobytes()
    packed = np.array([(1, 0.5), (2, 0.25)], dtype=[("a", "i1"), ("b", "f8")])
    assert key({"x": padded(0)}) == key({"x": padded(255)}) == key({"x": packed})
    assert plain_task({"x": padded(255)})["x"].tobytes() == packed.tobytes()


# made by version 0.1.0: stores that hold results under such keys are found again
KEPT = [
    (
        {
            "a": None,
            "b": True,
            "c": 3,
            "d": 0.1,
            "e": "Å",
            "f": -0.0,
            "g": np.int64(3),
            "h": np.float64(0.1),
            "i": np.bool_(True),
        },
        "41f238389ec5182d47c2311bc226482643a9f1610ce15444ec039e23ee8e5fcb",
    ),
    (
        {"x": [1, (2.5, "a")], "y": {"b": 1, "a": [None]}},
        "fe658e2a85a7f658010293178d894273b31d488cde289b093a8462a0f2d2bbf0",
    ),
    (
        {
            "x": np.linspace(0, 1, 5),
            "y": np.arange(6, dtype=np.int32).reshape(2, 3).T,
            "z": np.array(["a", "bcd"]),
            "w": np.float32(0.1),
            "c": np.array([1 + 2j]),
        },
        "fd0086d3f287b2634dcdee6d467155a053fac349924e5b1ba4540a5ba93ef1a0",
    ),
    (
        {"x": np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")])},
        "6432eb06550d04e3b137b484b818b9c6facbec016c2dde3289d05d5ca55a3ac8",
    ),
]


@pytest.mark.parametrize(("task", "kept"), KEPT)
def test_keys_of_plain_arguments_stay_what_they_were(task, kept):
    assert key(task) == kept


def test_keys_of_stored_crystals_stay_what_they_were():
    name = "nlbook.dislocations.ensemble:creep_task"
    kept = {
        CreepProtocol(): "6f23a6596a2ee85f40e236ce1204efce66653594921e383b5e48a82b9043ab94",
        CreepProtocol(n_dislocations=60, box_length=60.0): (
            "5165551503dbe852c381a2e27807cb5df2048ad6a2ab9f66b0dbd68734d9a3d1"
        ),
    }
    for protocol, expected in kept.items():
        assert task_key(name, 1, {"protocol": protocol, "seed": (7, 3)}) == expected


class Text(str):
    pass


class Number(float):
    pass


class Table(dict):
    pass


class Row(list):
    pass


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ma.array([1.0, 2.0], mask=[False, True]),
        lambda: np.ma.array([1.0, 2.0]),
        lambda: np.matrix([[1, 2]]),
        lambda: np.rec.array([(1, 2.0)]),
        lambda: np.array([(1, 2.0)], dtype="i4, f8").view(np.recarray),
        lambda: Text("a"),
        lambda: Number(1.0),
        lambda: Table(a=1),
        lambda: collections.OrderedDict(a=1),
        lambda: collections.defaultdict(int),
        lambda: Row([1]),
        lambda: [np.ma.masked],
    ],
)
def test_a_subclass_whose_traits_a_key_cannot_hold_is_refused(make):
    with pytest.raises(ValueError, match=r"task\['x'\](\[0\])? must be plain, got"):
        key({"x": make()})


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype("f8", metadata={"unit": "m"}),
        np.dtype([(("title", "a"), "f8")]),
        pytest.param(
            np.dtype(np.longdouble),
            marks=pytest.mark.skipif(
                np.dtype(np.longdouble).itemsize == 8, reason="long double is double here"
            ),
        ),
    ],
)
def test_an_array_whose_type_a_key_cannot_hold_is_refused(dtype):
    with pytest.raises(ValueError, match=r"task\['x'\] must be an array of numbers or text"):
        key({"x": np.zeros(2, dtype)})


def test_function_schema_and_names_count():
    keys = {key({"x": 1}), key({"y": 1}), key({"x": 1}, "m:g"), key({"x": 1}, schema=2)}
    assert len(keys) == 4


def test_another_process_gives_the_same_key():
    task = {"protocol": {"b": 0.1, "a": [1, None]}, "seed": (1, 2), "grid": np.linspace(0, 1, 5)}
    code = (
        "import numpy as np; from nlbook.parallel.store import task_key; print(task_key('m:f', 1, "
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
