"""The key of a task: one number for (function, schema, parameters, seed).

Two tasks have the same key exactly when the same function is called with equal keyword
arguments of equal types, under the same schema. The key does not depend on the order of the
arguments, on the process, or on the platform.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["check_tasks", "describe_task", "function_name", "load_function", "task_key"]

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
        found = load_function(f"{module}:{qualname}")
    except (ImportError, AttributeError):
        raise ValueError(refusal) from None
    if found is not function:
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
        The tasks, each as a dictionary of its own.

    Raises
    ------
    ValueError
        If one is no mapping, or misses an argument or has one too many.
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
        checked.append(dict(task))
    return checked


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
    canonical = [name, schema, _canonical(dict(task), "task")]
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


def _canonical(value: Any, where: str) -> list[Any]:
    """Return nested lists, for JSON, that say type and value without loss."""
    if value is None:
        return ["none"]
    if isinstance(value, (bool, np.bool_)):
        return ["bool", bool(value)]
    if isinstance(value, (int, np.integer)):
        return ["int", str(int(value))]
    if isinstance(value, float):
        return ["float", float(value).hex()]
    if isinstance(value, str):
        return ["str", str(value)]
    if isinstance(value, (list, tuple)):
        items = [_canonical(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return ["tuple" if isinstance(value, tuple) else "list", items]
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError(f"{where}: the keys of a dictionary must be strings, got {value!r}")
        return ["dict", [[n, _canonical(value[n], f"{where}[{n!r}]")] for n in sorted(value)]]
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise ValueError(f"{where} must be an array of numbers or text, got {value!r}")
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return ["array", np.lib.format.dtype_to_descr(array.dtype), list(array.shape), digest]
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise ValueError(f"{where} must be a frozen dataclass, {kind.__qualname__} is not")
        items = [
            [f.name, _canonical(getattr(value, f.name), f"{where}.{f.name}")] for f in fields(value)
        ]
        return ["dataclass", f"{kind.__module__}:{kind.__qualname__}", items]
    raise ValueError(
        f"{where} must be None, bool, int, float, str, list, tuple, dict, a NumPy array or a "
        f"frozen dataclass of these, got {type(value).__qualname__}"
    )
