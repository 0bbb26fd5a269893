"""The parameters of a chapter: names, types, meanings, tiers, and checked values.

A chapter's first code cell is tagged ``parameters`` and holds lines

    n_walkers: int = 4000  # how many walkers

or, with a range, ``n_walkers: "int in [2, inf)" = 4000  # how many walkers`` (`declarations`).
It is read with `ast` and `tokenize`, never executed. Tier ``book`` is the defaults in the cell;
``book/tiers.yaml`` holds what ``smoke`` and ``paper`` override.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlbook.publishing.book import Book, code_cells, did_you_mean, find_book
from nlbook.publishing.errors import BookError, ParameterError
from nlbook.publishing.parameters.conversion import check_relations, convert
from nlbook.publishing.parameters.declarations import (
    DeclarationError,
    named_bounds,
    parse,
    range_text,
    type_text,
)
from nlbook.publishing.parameters.plain_yaml import YamlError, read_yaml

__all__ = [
    "TIERS",
    "Parameter",
    "declaration_text",
    "matching_tiers",
    "read_parameters",
    "resolve",
]

#: The named sets of values of a chapter's parameters.
TIERS = ("book", "smoke", "paper")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter."""

    name: str  #: as the cell spells it
    declaration: str  #: as written, such as ``float in (0, inf) | None``
    type_text: str  #: the types of it, such as ``float | None``
    allowed: str  #: the range of it, such as ``(0, inf)``; empty when there is none
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
    parameters = _read_cell(cells[0].source, path.name, cells[0].line)
    for tier, given in _read_tiers(book, path.stem).items():
        where = f"tiers.yaml, {path.stem}, {tier}"
        for name, value in given.items():
            _known(name, parameters, where)
            parameter = parameters[name]
            parameter.tiers[tier] = _at(where, convert, name, value, parameter.declaration)
        _at(where, _relate, parameters, {name: p.at(tier) for name, p in parameters.items()})
    return parameters


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
        For an unknown name (the nearest is suggested), or a value of the wrong type or out of
        its range.
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
        values[name] = convert(name, value, parameters[name].declaration)
    _relate(parameters, values)
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


def _read_cell(source: str, file: str, first: int) -> dict[str, Parameter]:
    """Read the parameters cell; `first` is the line of the chapter that it begins on."""
    comments = _comments(source)
    parameters: dict[str, Parameter] = {}
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        where = f"{file}, line {first + (error.lineno or 1) - 1}"
        raise BookError(f"{where}: {error.msg}") from None
    for statement in statements:
        line = ast.get_source_segment(source, statement) or ""
        where = f"{file}, line {first + statement.lineno - 1}"
        if (
            not isinstance(statement, ast.AnnAssign)
            or not isinstance(statement.target, ast.Name)
            or statement.value is None
        ):
            raise BookError(f"{where}: {line!r} must read 'name: type = value  # meaning'")
        name, declared = statement.target.id, declaration_text(statement.annotation)
        try:
            members = parse(declared)
        except DeclarationError as error:
            raise BookError(f"{where}: {name}: {error}") from None
        if name in parameters or not name.isascii() or name.startswith("_"):
            raise BookError(f"{where}: {name} must be given once, in ASCII, without leading '_'")
        comment = comments.get(statement.end_lineno or 0, "")
        if not comment:
            raise BookError(f"{where}: {name} must have a comment that says what it means")
        try:
            default = ast.literal_eval(statement.value)
        except ValueError:
            raise BookError(f"{where}: {line!r}: the value must be a literal") from None
        value = _at(where, convert, name, default, declared)
        types, allowed = type_text(members), range_text(members)
        parameters[name] = Parameter(name, declared, types, allowed, value, comment)
    where = f"{file}, line {first}"
    for name, parameter in parameters.items():
        for bound in named_bounds(parse(parameter.declaration)):
            if bound not in parameters or not _is_number(parameters[bound]):
                raise BookError(
                    f"{where}: {name}: {parameter.declaration!r}: {bound!r} is no parameter that "
                    "is a number"
                )
    _at(where, _relate, parameters, {name: p.default for name, p in parameters.items()})
    return parameters


def declaration_text(annotation: Any) -> str:
    """The declaration that an annotation is.

    Parameters
    ----------
    annotation : ast.expr, type or str
        As it stands in the source, or in a kernel's ``__annotations__``; there, where annotations
        are kept as text, a string has its quotes still.
    """
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.strip()
    if isinstance(annotation, ast.expr):
        return ast.unparse(annotation)
    if isinstance(annotation, str):
        text = annotation.strip()
        return str(ast.literal_eval(text)).strip() if text[:1] in {"'", '"'} else text
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    return annotation.__name__ if plain else str(annotation)


def _is_number(parameter: Parameter) -> bool:
    return {member.name for member in parse(parameter.declaration)} <= {"int", "float", "None"}


def _relate(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    check_relations({name: p.declaration for name, p in parameters.items()}, values)


def _at(where: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a check; what it refuses is a fault of the book there."""
    try:
        return function(*arguments)
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        t.start[0]: t.string.lstrip("# ").rstrip() for t in tokens if t.type == tokenize.COMMENT
    }


def _read_tiers(book: Book, chapter: str) -> dict[str, dict[str, Any]]:
    try:
        content = read_yaml((book.book / "tiers.yaml").read_text(encoding="utf-8")) or {}
    except YamlError as error:
        raise BookError(f"tiers.yaml: {error}") from None
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
