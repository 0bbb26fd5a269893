"""Checks that several functions make of their arguments."""

from __future__ import annotations

from numbers import Integral
from typing import Any

__all__ = ["check_integer", "is_integer"]


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or NumPy's; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_integer(name: str, value: Any, least: int) -> None:
    """Refuse what is no integer or less than `least`, by name."""
    if not is_integer(value) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
