"""The parameters of a chapter: names, types, meanings, tiers, and checked values.

A chapter's first code cell is tagged ``parameters`` and holds lines

    n_walkers: int = 4000  # how many walkers

It is read with `ast` and `tokenize`, never executed. Tier ``book`` is the defaults in the cell;
``book/tiers.yaml`` holds what ``smoke`` and ``paper`` override.
"""

from __future__ import annotations

import ast
import io
import math
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book, code_cells, did_you_mean, find_book
from nlbook.publishing.errors import BookError, ParameterError

__all__ = [
    "TIERS",
    "Parameter",
    "convert",
    "from_text",
    "matching_tiers",
    "read_parameters",
    "resolve",
]

#: The named sets of values of a chapter's parameters.
TIERS = ("book", "smoke", "paper")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter."""

    name: str
    type_text: str  #: as written, such as ``float | None``
    default: Any  #: its value at tier book
    comment: str  #: what it means
    tiers: dict[str, Any] = field(default_factory=dict)  #: what smoke and paper override

    def at(self, tier: str) -> Any:
        """Its value at a tier."""
        return self.tiers.get(tier, self.default)


def read_parameters(chapter: str | Path, book: Book | None = None) -> dict[str, Parameter]:
    """Read the parameters of a chapter, in order.

    Parameters
    ----------
    chapter : str or Path
        Name of a chapter, or its file.
    book : Book, optional
        The book it belongs to; found from the file or the working folder by default.

    Raises
    ------
    BookError
        If there is no such chapter, or its parameters cell or ``tiers.yaml`` is malformed.
    """
    book, path = _locate(chapter, book)
    cells = [cell for cell in code_cells(path) if "parameters" in cell.tags]
    if len(cells) != 1:
        raise BookError(f"{path.name}: {len(cells)} cells tagged 'parameters', must be one")
    found = _read_cell(cells[0].source, f"{path.name}, line {cells[0].line}")
    for tier, given in _read_tiers(book, path.stem).items():
        for name, value in given.items():
            _known(name, found, f"tiers.yaml, {path.stem}, {tier}")
            parameter = found[name]
            parameter.tiers[tier] = convert(name, value, parameter.type_text)
    return found


def resolve(
    chapter: str | Path,
    tier: str = "book",
    given: Mapping[str, Any] | None = None,
    book: Book | None = None,
) -> dict[str, Any]:
    """Complete, checked and plain values of a chapter's parameters.

    Parameters
    ----------
    chapter : str or Path
        Name of a chapter, or its file.
    tier : {"book", "smoke", "paper"}
        What `given` doesn't name has its value at this tier.
    given : mapping, optional
        Values by name, as Python objects (`convert`).

    Raises
    ------
    ParameterError
        For an unknown name (the nearest is suggested), or a value of the wrong type.
    BookError
        For an unknown chapter or tier.
    """
    if tier not in TIERS:
        raise BookError(f"tier={tier!r}: must be one of {', '.join(TIERS)}")
    book, path = _locate(chapter, book)
    parameters = read_parameters(path, book)
    values = {name: parameter.at(tier) for name, parameter in parameters.items()}
    for name, value in (given or {}).items():
        _known(name, parameters, path.stem)
        values[name] = convert(name, value, parameters[name].type_text)
    return values


def matching_tiers(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> tuple[str, ...]:
    """The tiers whose values are exactly these."""
    if set(parameters) != set(values):
        return ()
    return tuple(
        tier for tier in TIERS if all(p.at(tier) == values[name] for name, p in parameters.items())
    )


def convert(name: str, value: Any, type_text: str) -> Any:
    """Check a value against a declared type, and make it plain.

    An int serves for a float, a string such as ``"1e-3"`` too (YAML reads it so), a tuple for
    a list, a NumPy scalar for its Python value. A bool is not a number. Floats are finite.

    Raises
    ------
    ParameterError
        If the value isn't of that type.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, tuple):
        value = list(value)
    try:
        return _convert(value, ast.parse(type_text, mode="eval").body)
    except _Refused:
        raise ParameterError(f"parameter {name}={value!r}: must be {type_text}") from None


def from_text(name: str, text: str, type_text: str) -> Any:
    """Read a value from a command line, such as ``3``, ``1e-3``, ``none`` or ``[0.1, 0.2]``.

    Raises
    ------
    ParameterError
        If the text isn't a value of that type.
    """
    try:
        return _from_text(text, ast.parse(type_text, mode="eval").body)
    except _Refused:
        raise ParameterError(f"parameter {name}={text}: must be {type_text}") from None


class _Refused(Exception):
    pass


def _convert(value: Any, kind: ast.expr) -> Any:
    for member in _members(kind):
        try:
            return _convert_member(value, member)
        except _Refused:
            continue
    raise _Refused


def _convert_member(value: Any, kind: ast.expr) -> Any:
    match _name(kind), value:
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
            (inner,) = _arguments(kind) or (None,)
            return [_convert(v, inner) if inner else _plain(v) for v in value]
        case "dict", dict() if all(isinstance(key, str) for key in value):
            inner = (_arguments(kind) or (None, None))[1]
            return {k: _convert(v, inner) if inner else _plain(v) for k, v in value.items()}
    raise _Refused


def _from_text(text: str, kind: ast.expr) -> Any:
    members = sorted(_members(kind), key=lambda member: _name(member) == "str")
    for member in members:
        try:
            return _from_text_member(text.strip(), member)
        except ValueError:
            continue
        except _Refused:
            continue
    raise _Refused


def _from_text_member(text: str, kind: ast.expr) -> Any:
    match _name(kind):
        case "None" if text in {"none", "None", "null"}:
            return None
        case "bool" if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return _finite(text)
        case "str":
            return text
        case "list" | "dict":
            import yaml

            try:
                return _convert_member(yaml.safe_load(text), kind)
            except yaml.YAMLError:
                raise _Refused from None
    raise _Refused


def _finite(value: int | float | str) -> float:
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


def _members(kind: ast.expr) -> list[ast.expr]:
    if isinstance(kind, ast.BinOp) and isinstance(kind.op, ast.BitOr):
        return [*_members(kind.left), *_members(kind.right)]
    return [kind]


def _name(kind: ast.expr) -> str:
    if isinstance(kind, ast.Subscript):
        return _name(kind.value)
    return (
        "None" if isinstance(kind, ast.Constant) else kind.id if isinstance(kind, ast.Name) else ""
    )


def _arguments(kind: ast.expr) -> tuple[ast.expr, ...] | None:
    if not isinstance(kind, ast.Subscript):
        return None
    return tuple(kind.slice.elts) if isinstance(kind.slice, ast.Tuple) else (kind.slice,)


_KINDS = {"int": 0, "float": 0, "bool": 0, "str": 0, "None": 0, "list": 1, "dict": 2}


def _understood(kind: ast.expr) -> bool:
    for member in _members(kind):
        name, inner = _name(member), _arguments(member)
        if isinstance(member, ast.Constant) and member.value is not None or name not in _KINDS:
            return False
        if inner is not None and (len(inner) != _KINDS[name] or not all(map(_understood, inner))):
            return False
    return True


def _read_cell(source: str, where: str) -> dict[str, Parameter]:
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for statement in ast.parse(source).body:
        line = ast.get_source_segment(source, statement) or ""
        if (
            not isinstance(statement, ast.AnnAssign)
            or not isinstance(statement.target, ast.Name)
            or statement.value is None
        ):
            raise BookError(f"{where}: {line!r} must read 'name: type = value  # meaning'")
        name, type_text = statement.target.id, ast.unparse(statement.annotation)
        if not _understood(statement.annotation):
            raise BookError(f"{where}: {name}: {type_text} must be made of {', '.join(_KINDS)}")
        if name in found or not name.isascii() or name.startswith("_"):
            raise BookError(f"{where}: {name} must be given once, in ASCII, without leading '_'")
        comment = comments.get(statement.end_lineno or 0, "")
        if not comment:
            raise BookError(f"{where}: {name} must have a comment that says what it means")
        try:
            default = ast.literal_eval(statement.value)
        except ValueError:
            raise BookError(f"{where}: {line!r}: the value must be a literal") from None
        found[name] = Parameter(name, type_text, convert(name, default, type_text), comment)
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        t.start[0]: t.string.lstrip("# ").rstrip() for t in tokens if t.type == tokenize.COMMENT
    }


def _read_tiers(book: Book, chapter: str) -> dict[str, dict[str, Any]]:
    import yaml

    try:
        content = yaml.safe_load((book.book / "tiers.yaml").read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise BookError(f"tiers.yaml: {' '.join(str(error).split())}") from None
    tiers = content.get(chapter) or {}
    for tier in tiers:
        if tier not in TIERS[1:]:
            raise BookError(f"tiers.yaml, {chapter}: tier {tier!r} must be smoke or paper")
    return {tier: values or {} for tier, values in tiers.items()}


def _known(name: str, known: Mapping[str, Any], where: str) -> None:
    if name not in known:
        hint = did_you_mean(name, known)
        raise ParameterError(f"{where} has no parameter {name!r}: {hint}It has {', '.join(known)}")


def _locate(chapter: str | Path, book: Book | None) -> tuple[Book, Path]:
    if isinstance(chapter, Path) and chapter.suffix == ".md":
        if not chapter.is_file():
            raise BookError(f"no chapter {chapter}")
        return book or find_book(chapter.parent), chapter
    book = book or find_book()
    return book, book.chapter(str(chapter))
