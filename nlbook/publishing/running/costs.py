"""What a run would cost: a model of the work, times what a unit of work was measured to cost.

``book/costs.yaml`` says for each chapter how its work grows with its parameters, as arithmetic
in their names. ``book/recorded/costs/NN_name.json`` holds what was measured:

    core_seconds_per_work   seconds of one core for one unit of work
    fixed_core_seconds      seconds of one core for the rest of the chapter
    memory_mib              peak memory of one process, at tier smoke
    provenance              where and when it was measured
"""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nlbook.publishing.book import Book, did_you_mean
from nlbook.publishing.errors import BookError
from nlbook.publishing.parameters.plain_yaml import YamlError, read_yaml

__all__ = ["Estimate", "estimate", "evaluate", "read_form"]

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ceil": math.ceil,
    "len": len,
    "log": math.log,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}
_FORM = ("tasks", "work", "result_bytes")
_MEASURED = ("core_seconds_per_work", "fixed_core_seconds", "memory_mib")


@dataclass(frozen=True)
class Estimate:
    """What a run of a chapter would cost."""

    tasks: int | None  #: independent tasks; None without a model
    core_hours: float | None  #: hours of one core; None without a measurement
    wall_hours: float | None  #: hours on the given workers
    memory_mib: float | None  #: peak memory of all processes, MiB, as at tier smoke
    disk_bytes: float | None  #: what is stored
    provenance: Mapping[str, Any] | None  #: where it was measured


def estimate(
    chapter: str, values: Mapping[str, Any], book: Book, workers: int, processes: int = 1
) -> Estimate:
    """Estimate the cost of a chapter.

    Parameters
    ----------
    chapter : str
        Its name.
    values : mapping
        Complete values of its parameters.
    book : Book
        The book.
    workers : int
        Tasks that run at the same time.
    processes : int
        Processes that hold memory: one, or the number of engines.

    Returns
    -------
    Estimate
        With None for what isn't known.

    Raises
    ------
    BookError
        If ``costs.yaml`` or the measurement is malformed.
    """
    form = read_form(book, chapter)
    if form is None:
        return Estimate(None, None, None, None, None, None)
    where = f"costs.yaml, {chapter}"
    tasks = round(evaluate(form["tasks"], values, where))
    disk = tasks * evaluate(form["result_bytes"], values, where) if "result_bytes" in form else None
    measured = _read_measured(book, chapter)
    if measured is None:
        return Estimate(tasks, None, None, None, disk, None)
    per_task = measured["core_seconds_per_work"] * evaluate(form["work"], values, where)
    fixed = measured["fixed_core_seconds"]
    rounds = math.ceil(tasks / max(1, workers))
    return Estimate(
        tasks,
        (fixed + tasks * per_task) / 3600,
        (fixed + rounds * per_task) / 3600,
        measured["memory_mib"] * max(1, processes),
        disk,
        measured.get("provenance"),
    )


def evaluate(expression: str | float, values: Mapping[str, Any], where: str) -> float:
    """Evaluate arithmetic in the names of parameters.

    Parameters
    ----------
    expression : str or float
        Numbers, names, ``+ - * / // % **``, parentheses, ceil, len, log, max, min and sqrt.
    values : mapping
        Values by name.
    where : str
        What an error says first.

    Raises
    ------
    BookError
        For anything else, or when the result isn't a finite number.
    """
    try:
        result = _value(ast.parse(str(expression).strip(), mode="eval").body, values)
        finite = math.isfinite(result)
    except BookError as error:
        raise BookError(f"{where}: {expression!r}: {error}") from None
    except (SyntaxError, TypeError, ArithmeticError, ValueError) as error:
        raise BookError(f"{where}: {expression!r}: {error}") from None
    if not finite or result < 0:
        raise BookError(f"{where}: {expression!r} is {result}, must be finite and not negative")
    return float(result)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=(int() | float()) as number):
            return float(number)  # a power of large integers would never end
        case ast.Name(id=name):
            if name not in values:
                raise BookError(f"no parameter {name!r} {did_you_mean(name, values)}".rstrip())
            value = values[name]
            return float(value) if isinstance(value, int) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, values))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, values) for argument in arguments))
    raise BookError(f"{ast.unparse(node)!r} is not arithmetic in the parameters")


def read_form(book: Book, chapter: str) -> dict[str, Any] | None:
    """The form of a chapter's model in ``costs.yaml``, or None."""
    path = book.book / "costs.yaml"
    if not path.is_file():
        return None
    try:
        form = (read_yaml(path.read_text("utf-8")) or {}).get(chapter)
    except YamlError as error:
        raise BookError(f"costs.yaml: {error}") from None
    if form is None:
        return None
    if not isinstance(form, dict) or not {"tasks", "work"} <= set(form) <= set(_FORM):
        raise BookError(f"costs.yaml, {chapter}: must give tasks and work, may give result_bytes")
    return form


def _read_measured(book: Book, chapter: str) -> dict[str, Any] | None:
    path = book.recorded / "costs" / f"{chapter}.json"
    if not path.is_file():
        return None
    try:
        measured = json.loads(path.read_text("utf-8"))
        return {**measured, **{name: float(measured[name]) for name in _MEASURED}}
    except (ValueError, KeyError, TypeError) as error:
        raise BookError(f"{path}: not a measured cost ({error})") from None
