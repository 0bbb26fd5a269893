"""The key of a task: one number for (function, schema, parameters, seed).

Two tasks have the same key exactly when the same function is called with equal keyword
arguments of equal types, under the same schema. The key does not depend on the order of the
arguments, on the process, or on the platform. What a key can't tell apart the function can't
either: NumPy's integers and Python's, or the orders of an array in memory, reach it as one.
What would lose a part of itself in a key, a mask, a subclass or its units, is refused.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import inspect
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.lib.recfunctions import repack_fields

__all__ = [
    "check_tasks",
    "describe_task",
    "function_name",
    "load_function",
    "plain_task",
    "task_key",
]

_DESCRIPTION_LENGTH = 400  # characters


def function_name(function: Callable[..., Any]) -> str:
    """Return "module:qualname" of a function that can be imported by that name.

    Raises
    ------
    ValueError
        If it cannot: a lambda, a local function, a method, or one defined in a notebook.
    """
    module = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", None)
    refusal = (
        f"function must be defined at the top of a module that can be imported, so that engines "
        f"and later runs find it again by name; got {function!r}"
    )
    if not callable(function) or not module or not qualname or module == "__main__":
        raise ValueError(refusal)
    try:
        loaded = load_function(f"{module}:{qualname}")
    except (ImportError, AttributeError):
        raise ValueError(refusal) from None
    if loaded is not function:
        raise ValueError(f"{refusal}, but {module}.{qualname} is another object")
    return f"{module}:{qualname}"


def load_function(name: str) -> Callable[..., Any]:
    """Import the function called "module:qualname"."""
    module, _, qualname = name.partition(":")
    function: Callable[..., Any] = operator.attrgetter(qualname)(importlib.import_module(module))
    return function


def check_tasks(
    function: Callable[..., Any], tasks: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Refuse tasks that the function cannot be called with.

    Returns
    -------
    list of dict
        The tasks as `plain_task` has them.

    Raises
    ------
    ValueError
        If one is no mapping, misses an argument, has one too many, or one that is not plain data.
    """
    try:
        signature: inspect.Signature | None = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    checked = []
    for index, task in enumerate(tasks):
        if not isinstance(task, Mapping) or not all(isinstance(name, str) for name in task):
            raise ValueError(f"task {index} must map names of arguments to values, got {task!r}")
        if signature is not None:
            try:
                signature.bind(**task)
            except TypeError as error:
                raise ValueError(f"task {index} ({describe_task(task)}): {error}") from None
        checked.append(plain_task(task))
    return checked


def plain_task(task: Mapping[str, Any], *, own: bool = False) -> dict[str, Any]:
    """Return a task as it is given to the function: what its key says, and no more.

    NumPy's integers, booleans and float64 become Python's, arrays are in C order, packed and in
    the byte order of this machine, dictionaries are sorted by name: what has the same key is the
    same to the function.

    Parameters
    ----------
    task : mapping
        Keyword arguments.
    own : bool
        Whether arrays are copied, so that the function may change them.

    Raises
    ------
    ValueError
        If a value is not plain data.
    """
    plain: dict[str, Any] = _plain(dict(task), "task", own)
    return plain


def task_key(name: str, schema: int, task: Mapping[str, Any]) -> str:
    """Return the key of a task: 64 hexadecimal digits.

    Parameters
    ----------
    name : str
        The function's "module:qualname".
    schema : int
        Number that the author raises when the function's results change.
    task : mapping
        Keyword arguments.

    Raises
    ------
    ValueError
        If a value is not plain data.
    """
    canonical = [name, schema, _canonical(plain_task(task))]
    text = json.dumps(canonical, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def describe_task(task: Mapping[str, Any]) -> str:
    """Return the keyword arguments in words, the seed first, shortened."""
    names = sorted(task, key=lambda name: name != "seed")
    text = ", ".join(f"{name}={_words(task[name])}" for name in names)
    if len(text) > _DESCRIPTION_LENGTH:
        text = text[: _DESCRIPTION_LENGTH - 3] + "..."
    return text


def _words(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"array of {value.dtype} {value.shape}"
    return " ".join(repr(value).split())


def _plain(value: Any, where: str, own: bool) -> Any:
    """Return a value of one of the types that a key knows, equal to the given one."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return kind(_plain(item, f"{where}[{i}]", own) for i, item in enumerate(value))
    if kind is dict:
        if not all(type(name) is str for name in value):
            raise ValueError(f"{where}: the keys of a dictionary must be strings, got {value!r}")
        return {name: _plain(value[name], f"{where}[{name!r}]", own) for name in sorted(value)}
    if isinstance(value, Enum):
        _plain(value.value, f"{where}.value", own)
        return value
    if isinstance(value, np.generic):
        if isinstance(value, (np.bool_, np.integer, np.float64, np.str_)):
            return value.item()
        return _plain_array(np.asarray(value), where, own)[()]
    if kind in (np.ndarray, np.memmap):
        return _plain_array(value, where, own)
    if isinstance(value, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make"):
        items = zip(kind._fields, value, strict=True)
        return kind._make(_plain(item, f"{where}.{name}", own) for name, item in items)
    if isinstance(value, (bool, int, float, str, list, tuple, dict, np.ndarray)):
        raise ValueError(
            f"{where} must be plain, got {kind.__qualname__}, whose own traits the key of a task "
            f"can't hold{_ADVICE.get(kind.__name__, '')}"
        )
    if is_dataclass(value) and not isinstance(value, type):
        if not kind.__dataclass_params__.frozen:
            raise ValueError(f"{where} must be a frozen dataclass, {kind.__qualname__} is not")
        plain = copy.copy(value)
        for field in fields(value):
            item = _plain(getattr(value, field.name), f"{where}.{field.name}", own)
            object.__setattr__(plain, field.name, item)
        return plain
    raise ValueError(
        f"{where} must be None, bool, int, float, str, list, tuple, dict, an enumeration, a named "
        f"tuple, a NumPy array or a frozen dataclass of these, got {kind.__qualname__}"
    )


_ADVICE = {
    "MaskedArray": ": give data and mask as two arguments",
    "matrix": ": give np.asarray(x)",
    "recarray": ": give x.view(np.ndarray)",
}


def _plain_array(value: np.ndarray, where: str, own: bool) -> np.ndarray:
    """Return an array in C order, packed and in native byte order; `own` says whether a copy."""
    problem = _not_plain(value.dtype)
    if problem:
        raise ValueError(f"{where} must be an array of numbers or text, got {problem}")
    dtype = value.dtype.newbyteorder("=")
    if dtype.names is not None:
        dtype = repack_fields(dtype, recurse=True)
    return np.array(value, dtype=dtype, order="C", copy=own or None, subok=False)


def _not_plain(dtype: np.dtype[Any]) -> str:
    """Why the key can't hold an array of a type, in words; nothing if it can."""
    if dtype.subdtype is not None:
        return _not_plain(dtype.subdtype[0])
    if dtype.hasobject or dtype.kind not in "biufcmMSUV":
        return f"dtype {dtype}"
    if dtype.metadata:
        return f"dtype {dtype} with metadata"
    if dtype.type in (np.longdouble, np.clongdouble) and dtype.itemsize > 8 * (
        1 + (dtype.kind == "c")
    ):
        return f"dtype {dtype}, which differs between machines"
    if dtype.names is None:
        return "" if dtype.kind != "V" or dtype.type is np.void else f"dtype {dtype}"
    for part in dtype.fields.values():  # type: ignore[union-attr]
        if len(part) > 2:
            return f"dtype {dtype} with titles"
        problem = _not_plain(part[0])
        if problem:
            return problem
    return ""


def _canonical(value: Any) -> list[Any]:
    """Return nested lists, for JSON, that say type and value of a plain value without loss."""
    kind = type(value)
    if value is None:
        return ["none"]
    if kind is bool:
        return ["bool", value]
    if kind is int:
        return ["int", str(value)]
    if kind is float:
        return ["float", value.hex()]
    if kind is str:
        return ["str", value]
    if kind in (list, tuple):
        return [kind.__name__, [_canonical(item) for item in value]]
    if kind is dict:
        return ["dict", [[name, _canonical(value[name])] for name in sorted(value)]]
    name = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(value, Enum):
        return ["enum", name, value.name, _canonical(_plain(value.value, "value", own=False))]
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest = hashlib.sha256(little.tobytes()).hexdigest()
        return ["array", np.lib.format.dtype_to_descr(little.dtype), list(array.shape), digest]
    names = kind._fields if isinstance(value, tuple) else [field.name for field in fields(value)]
    label = "named tuple" if isinstance(value, tuple) else "dataclass"
    return [label, name, [[item, _canonical(getattr(value, item))] for item in names]]
