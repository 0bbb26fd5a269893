"""What a parameter may be: the text that declares its type and range.

A declaration is a type, or a string that adds a range in the notation of mathematics:

    int in [2, inf)              float in (0, 1]              float in (0, inf) | None
    str in {periodic, one_row}   int in {1, 2, 4}             list[float in (0, inf)]

A round bracket leaves its end out. A bound is a number, ``inf``, ``-inf``, or made of other
parameters of the chapter and of numbers by ``+ - * /`` and brackets, such as
``float in (0, box_length / 2)``; where one of those parameters is None it bounds nothing.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Choices",
    "DeclarationError",
    "Member",
    "Range",
    "named_bounds",
    "parse",
    "range_text",
    "type_text",
]

_ARITY = {"int": 0, "float": 0, "bool": 0, "str": 0, "None": 0, "list": 1, "dict": 2}
_UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBER = rf"[+-]?{_UNSIGNED}"
# Signs belong to the words and numbers of choices; elsewhere, as in 3-a, they are operators.
_OF_CHOICES = re.compile(rf"\s*({_NUMBER}(?!\w)|'[^']*'|\"[^\"]*\"|[\w.+-]+|\S)")
_TOKEN = re.compile(rf"\s*({_UNSIGNED}(?!\w)|'[^']*'|\"[^\"]*\"|[\w.]+|\S)")
_WORD = re.compile(r"[^\W\d][\w.+-]*")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class DeclarationError(ValueError):
    """The text declares nothing; the message says where it goes wrong."""


@dataclass(frozen=True)
class Range:
    """All numbers between two bounds."""

    low: float | str  #: lower bound, or the parameters that make it
    high: float | str  #: upper bound, or the parameters that make it
    closed_low: bool  #: whether the lower bound is allowed
    closed_high: bool  #: whether the upper bound is allowed

    def __str__(self) -> str:
        left, right = "[" if self.closed_low else "(", "]" if self.closed_high else ")"
        return f"{left}{_bound_text(self.low)}, {_bound_text(self.high)}{right}"

    def holds(self, value: float, others: Mapping[str, Any]) -> bool:
        """Whether a value lies in it; a bound of what isn't among `others` bounds nothing."""
        low = _value(self.low, others) if isinstance(self.low, str) else self.low
        high = _value(self.high, others) if isinstance(self.high, str) else self.high
        above = low is None or value > low or (self.closed_low and value == low)
        below = high is None or value < high or (self.closed_high and value == high)
        return above and below


@dataclass(frozen=True)
class Choices:
    """A few values."""

    values: tuple[Any, ...]  #: all that are allowed

    def __str__(self) -> str:
        return "{" + ", ".join(map(_choice_text, self.values)) + "}"

    def holds(self, value: Any, others: Mapping[str, Any]) -> bool:
        """Whether a value is one of them."""
        return value in self.values


@dataclass(frozen=True)
class Member:
    """One of the types that a declaration joins by ``|``."""

    name: str  #: int, float, bool, str, None, list or dict
    inner: tuple[Declaration, ...] = ()  #: what a list or dict holds; empty for anything plain
    allowed: Range | Choices | None = None  #: the range; None for every value of the type


Declaration = tuple[Member, ...]


def parse(text: str) -> Declaration:
    """Read a declaration, such as ``"float in (0, inf) | None"``.

    Raises
    ------
    DeclarationError
        If it isn't one.
    """
    return _Reader(text).whole()


def type_text(declaration: Declaration) -> str:
    """The types alone, as in ``float | None``."""
    return " | ".join(map(_member_type, declaration))


def range_text(declaration: Declaration) -> str:
    """The ranges alone, as in ``(0, inf)``; empty when every value of the type will do."""
    ranges = [member.allowed for member in declaration if member.allowed is not None]
    inner = [range_text(part) for member in declaration for part in member.inner]
    each = [f"each in {text}" for text in inner if text]
    return " or ".join([*map(str, ranges), *each])


def named_bounds(declaration: Declaration) -> set[str]:
    """Names of the parameters that bound it."""
    names: set[str] = set()
    for member in declaration:
        if isinstance(member.allowed, Range):
            ends = (member.allowed.low, member.allowed.high)
            names.update(name for end in ends if isinstance(end, str) for name in _names(end))
        for part in member.inner:
            names |= named_bounds(part)
    return names


class _Reader:
    """Recursive descent: members joined by ``|``, each a type and perhaps ``in`` and a range."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.place = 0

    def whole(self) -> Declaration:
        members = self.members()
        if self.place < len(self.tokens):
            raise self.error(f"nothing may follow, found {self.tokens[self.place]!r}")
        return members

    def members(self) -> Declaration:
        members = [self.member()]
        while self.next_is("|"):
            self.take()
            members.append(self.member())
        return tuple(members)

    def member(self) -> Member:
        name = self.take()
        if name not in _ARITY:
            raise self.error(f"{name or 'nothing'!r} must be made of {', '.join(_ARITY)}")
        inner: list[Declaration] = []
        if self.next_is("["):
            self.take()
            inner.append(self.members())
            while self.next_is(","):
                self.take()
                inner.append(self.members())
            self.expect("]")
            if len(inner) != _ARITY[name]:
                raise self.error(f"{name} must be made of {_ARITY[name]} types, has {len(inner)}")
        allowed = None
        if self.next_is("in"):
            self.take()
            allowed = self.choices(name) if self.next_is("{") else self.interval(name)
        return Member(name, tuple(inner), allowed)

    def choices(self, kind: str) -> Choices:
        if kind not in {"int", "float", "str"}:
            raise self.error(f"{kind} can have no choices")
        self.take()
        values = [self.choice(kind)]
        while self.next_is(","):
            self.take()
            values.append(self.choice(kind))
        self.expect("}")
        if len(set(values)) != len(values):
            raise self.error("a choice is there twice")
        return Choices(tuple(values))

    def choice(self, kind: str) -> Any:
        word = self.take()
        if kind != "str":
            number = _as_number(word)
            if number is None or (kind == "int" and not _is_whole(word)):
                raise self.error(f"{word!r} is no choice of type {kind}")
            return int(word) if kind == "int" else number
        if word[:1] in {"'", '"'}:
            return word[1:-1]
        if not _WORD.fullmatch(word):
            raise self.error(f"{word!r} is no choice: a word, or text in quotes")
        return word

    def interval(self, kind: str) -> Range:
        if kind not in {"int", "float"}:
            raise self.error(f"{kind} can have no interval")
        left = self.take()
        if left not in {"[", "("}:
            raise self.error(f"a range begins with '[', '(' or '{{', found {left!r}")
        low = self.bound(kind)
        self.expect(",")
        high = self.bound(kind)
        right = self.take()
        if right not in {"]", ")"}:
            raise self.error(f"an interval ends with ']' or ')', found {right!r}")
        between = Range(low, high, left == "[", right == "]")
        if isinstance(low, float) and isinstance(high, float):
            empty = low > high or (low == high and not (left == "[" and right == "]"))
            if empty or low == math.inf or high == -math.inf:
                raise self.error(f"{between} holds no number")
        if (low == -math.inf and left == "[") or (high == math.inf and right == "]"):
            raise self.error(f"{between}: an infinite bound is left out, by a round bracket")
        return between

    def bound(self, kind: str) -> float | str:
        words, depth = [self.take()], 0
        while True:
            depth += (words[-1] == "(") - (words[-1] == ")")
            ended = words[-1] not in {"(", *"+-*/"}  # an operand, after which an operator may come
            if ended and not any(map(self.next_is, "+-*/")) and not (depth and self.next_is(")")):
                break
            words.append(self.take())
        text = " ".join(words)
        number = _as_number("".join(words))
        if number is not None:
            if kind == "int" and math.isfinite(number) and not number.is_integer():
                raise self.error(f"{text!r} bounds no int")
            return number
        if text.isascii():
            try:
                tree = ast.parse(text, mode="eval").body
            except SyntaxError:
                tree = None
            if tree is not None and _is_bound(tree):
                return ast.unparse(tree)
        raise self.error(f"{text!r} is no bound: a number, inf, -inf or made of parameters")

    def next_is(self, token: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place] == token

    def take(self) -> str:
        token = self.tokens[self.place] if self.place < len(self.tokens) else ""
        self.place += 1
        return token

    def expect(self, token: str) -> None:
        taken = self.take()
        if taken != token:
            raise self.error(f"{token!r} is missing" + (f" before {taken!r}" if taken else ""))

    def error(self, what: str) -> DeclarationError:
        return DeclarationError(f"{self.text!r}: {what}")


def _tokens(text: str) -> Iterator[str]:
    place, pattern = 0, _TOKEN
    text = text.rstrip()
    while place < len(text):
        token = pattern.match(text, place)
        assert token is not None  # the last alternative takes anything
        yield token.group(1)
        place = token.end()
        pattern = {"{": _OF_CHOICES, "}": _TOKEN}.get(token.group(1), pattern)


def _is_bound(tree: ast.expr) -> bool:
    """Whether it is made of numbers and names by + - * /, and divides by no name."""
    match tree:
        case ast.Constant(int() | float() as value):
            return not isinstance(value, bool)
        case ast.Name(name):
            return name not in _ARITY and name != "inf"
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            return _is_bound(operand)
        case ast.BinOp(left, ast.Div(), ast.Constant(int() | float() as value)):
            return _is_bound(left) and value != 0
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult(), right):
            return _is_bound(left) and _is_bound(right)
    return False


def _names(bound: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(bound)) if isinstance(node, ast.Name)}


def _value(bound: str, others: Mapping[str, Any]) -> float | None:
    """What a bound is; None where a parameter that it is made of is None or not there."""

    def of(tree: ast.expr) -> float:
        match tree:
            case ast.Name(name):
                return float(others[name])
            case ast.UnaryOp(sign, operand):
                return -of(operand) if isinstance(sign, ast.USub) else of(operand)
            case ast.BinOp(left, operation, right):
                return _OPERATORS[type(operation)](of(left), of(right))
        return float(ast.literal_eval(tree))

    if any(others.get(name) is None for name in _names(bound)):
        return None
    return of(ast.parse(bound, mode="eval").body)


def _as_number(word: str) -> float | None:
    if re.fullmatch(_NUMBER, word) or re.fullmatch(r"[+-]?inf", word):
        return float(word)
    return None


def _is_whole(word: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", word) is not None


def _member_type(member: Member) -> str:
    inner = ", ".join(map(type_text, member.inner))
    return f"{member.name}[{inner}]" if inner else member.name


def _bound_text(bound: float | str) -> str:
    if isinstance(bound, str):
        return bound
    return str(int(bound)) if bound.is_integer() and abs(bound) < 1e7 else repr(bound)


def _choice_text(value: Any) -> str:
    if isinstance(value, str) and not _WORD.fullmatch(value):
        return repr(value)
    return str(value)
