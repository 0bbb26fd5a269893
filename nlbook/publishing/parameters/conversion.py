"""Values held to the declarations of parameters, and made plain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nlbook.publishing.errors import ParameterError
from nlbook.publishing.parameters.declarations import Declaration, Member, named_bounds, parse
from nlbook.publishing.parameters.plain_yaml import read_yaml

__all__ = ["check_relations", "convert", "from_text"]


def convert(name: str, value: Any, declared: str) -> Any:
    """Check a value against a declaration, and make it plain.

    An int serves for a float, a string such as ``"1e-3"`` too (YAML reads it so), a tuple for
    a list, a NumPy scalar for its Python value. A bool is not a number. Floats are finite.
    Bounds that are other parameters are left to `check_relations`.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given.
    declared : str
        Its declaration.

    Raises
    ------
    ParameterError
        If the value isn't of that type, or out of its range.
    """
    if _hides(value):
        raise ParameterError(f"parameter {name}={value!r}: must have no masked entries")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, tuple):
        value = list(value)
    return _refusing(name, repr(value), declared, lambda members: _convert(value, members, {}))


def from_text(name: str, text: str, declared: str) -> Any:
    """Read a value from a command line, such as ``3``, ``1e-3``, ``none`` or ``[0.1, 0.2]``.

    Raises
    ------
    ParameterError
        If the text isn't a value of that type, or out of its range.
    """
    return _refusing(name, text, declared, lambda members: _from_text(text, members))


def check_relations(declared: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Hold converted values to the bounds that are other parameters.

    Raises
    ------
    ParameterError
        If one is out of its range; the message gives the bound's value.
    """
    for name, text in declared.items():
        members = parse(text)
        bounds = named_bounds(members)
        if not bounds:
            continue
        try:
            _convert(values[name], members, values)
        except _Refused:
            told = ", ".join(f"{bound} = {values.get(bound)!r}" for bound in sorted(bounds))
            raise ParameterError(
                f"parameter {name}={values[name]!r}: must be {text}, where {told}"
            ) from None


class _Refused(Exception):
    pass


def _refusing(name: str, shown: str, declared: str, read: Callable[[Declaration], Any]) -> Any:
    try:
        return read(parse(declared))
    except _Refused:
        raise ParameterError(f"parameter {name}={shown}: must be {declared}") from None


def _hides(value: Any) -> bool:
    mask = getattr(value, "mask", False)  # of NumPy's masked arrays, which needn't be imported
    return hasattr(value, "tolist") and bool(mask.any() if hasattr(mask, "any") else mask)


def _convert(value: Any, members: Declaration, others: Mapping[str, Any]) -> Any:
    for member in members:
        try:
            return _within(_convert_member(value, member, others), member, others)
        except _Refused:
            continue
    raise _Refused


def _within(value: Any, member: Member, others: Mapping[str, Any]) -> Any:
    if member.allowed is not None and not member.allowed.holds(value, others):
        raise _Refused
    return value


def _convert_member(value: Any, member: Member, others: Mapping[str, Any]) -> Any:
    match member.name, value:
        case "None", None:
            return None
        case "bool", bool():
            return value
        case "int", int() if not isinstance(value, bool):
            return value
        case "float", (int() | float() | str()) if not isinstance(value, bool):
            return _finite(value)
        case "str", str():
            return value
        case "list", list():
            inner = member.inner
            return [_convert(v, inner[0], others) if inner else _plain(v) for v in value]
        case "dict", dict() if all(isinstance(key, str) for key in value):
            inner = member.inner
            if not inner:
                return {k: _plain(v) for k, v in value.items()}
            pairs = ((_convert(k, inner[0], others), v) for k, v in value.items())
            return {k: _convert(v, inner[1], others) for k, v in pairs}
    raise _Refused


def _from_text(text: str, members: Declaration) -> Any:
    for member in sorted(members, key=lambda member: member.name == "str"):
        try:
            return _within(_from_text_member(text.strip(), member), member, {})
        except (ValueError, _Refused):
            continue
    raise _Refused


def _from_text_member(text: str, member: Member) -> Any:
    match member.name:
        case "None" if text in {"none", "None", "null"}:
            return None
        case "bool" if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        case "int" if "_" not in text:
            return int(text)
        case "float":
            return _finite(text)
        case "str":
            return text
        case "list" | "dict":
            return _convert_member(read_yaml(text), member, {})
    raise _Refused


def _finite(value: int | float | str) -> float:
    if isinstance(value, str) and "_" in value:  # Python's own form, in a file as on a command line
        raise _Refused
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _Refused from None
    if not math.isfinite(number):
        raise _Refused
    return number


def _plain(value: Any) -> Any:
    """A value inside a bare ``list`` or ``dict``, which papermill can pass on."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    raise _Refused
