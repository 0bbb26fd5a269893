"""The structure of MyST text: its directives, with their parts, and what in it has a number."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["BOXES", "EQUATION_END", "FENCE", "blocks", "box_key", "numbered", "parts"]

#: a line that opens or closes a block: indentation, fence, what follows it
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,}|:{3,})\s*(.*?)\s*$")
#: the end of an equation with a label
EQUATION_END = re.compile(r"^(.*?)\$\$\s*\(([\w.:-]+)\)\s*$")
#: directives that are boxes
BOXES = {
    "admonition", "attention", "caution", "danger", "dropdown", "error", "evidence", "exercise",
    "hint", "important", "in-short", "note", "proof", "result", "seealso", "solution", "tip",
    "warning",
}  # fmt: skip

_NUMBERED_BOXES = {"exercise": "Exercise", "result": "Result"}


def numbered(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Kind and label of what has a number in a markdown cell, in order."""
    for kind, block in blocks(lines):
        if kind == "text":
            for line in block:
                if ended := EQUATION_END.match(line):
                    yield "equation", ended.group(2)
            continue
        directive, argument, options, body = parts(block)
        label = options.get("name") or options.get("label")
        if directive == "math" and label:
            yield "equation", label
        elif directive == "figure" and label:
            yield "Fig.", label
        elif directive in {"list-table", "table", "csv-table"} and label and argument:
            yield "Table", label
        elif directive in BOXES:
            if directive in _NUMBERED_BOXES:
                yield _NUMBERED_BOXES[directive], box_key(block)
            yield from numbered(body)


def blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Runs of plain lines, and each directive with its fences; other fences are plain."""
    plain: list[str] = []
    number = 0
    while number < len(lines):
        opened = FENCE.match(lines[number])
        if opened is None:
            plain.append(lines[number])
            number += 1
            continue
        end = number + 1
        fence = opened.group(2)
        while end < len(lines) and not (
            len(lines[end].strip()) >= len(fence) and set(lines[end].strip()) == {fence[0]}
        ):
            end += 1
        block = lines[number : end + 1]
        if opened.group(3).startswith("{"):
            if plain:
                yield "text", plain
                plain = []
            yield "directive", block
        else:
            plain += block
        number = end + 1
    if plain:
        yield "text", plain


def box_key(block: list[str]) -> str:
    """The label of a box; one without has its text for a key."""
    name, argument, options, body = parts(block)
    label = options.get("name") or options.get("label")
    return label or " ".join([name, argument, *body])


def parts(block: list[str]) -> tuple[str, str, dict[str, str], list[str]]:
    """Name, argument, options and body of a directive."""
    opened = FENCE.match(block[0])
    assert opened is not None
    name, _, argument = opened.group(3).removeprefix("{").partition("}")
    closed = len(block) > 1 and set(block[-1].strip()) == {opened.group(2)[0]}
    body = block[1:-1] if closed else block[1:]
    options = {}
    while body and (option := re.match(r"^\s*:([\w-]+):\s*(.*)$", body[0])):
        options[option.group(1)] = option.group(2).strip()
        body = body[1:]
    while body and not body[0].strip():
        body = body[1:]
    return name, argument.strip(), options, body
