"""Show the comments of a dataclass's fields in the API reference (a Sphinx extension).

The package writes what a field means as a comment on its line. Sphinx does not see those, so
they are read from the source and added as the docstring's section *Attributes*.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import textwrap
import tokenize
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, ahead of numpydoc."""
    app.connect("autodoc-process-docstring", _add_fields, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def field_comments(cls: type) -> dict[str, str]:
    """Map each field of a dataclass to the comment on its line, and on the lines below it."""
    source = textwrap.dedent(inspect.getsource(cls))
    comments = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.lstrip("#:").strip()
    names = {field.name for field in dataclasses.fields(cls)}
    found: dict[str, str] = {}
    latest = None
    for number, line in enumerate(source.splitlines(), start=1):
        name = line.strip().split(":")[0].strip()
        if name in names and name not in found and ":" in line:
            latest = name
            found[name] = comments.get(number, "")
        elif latest and line.strip().startswith("#"):
            found[latest] = f"{found[latest]} {comments.get(number, '')}".strip()
        else:
            latest = None
    return found


def _add_fields(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what != "class" or not dataclasses.is_dataclass(obj):
        return
    if any(line.strip() in ("Attributes", "Parameters") for line in lines):
        return
    try:
        comments = field_comments(obj)
    except (OSError, TypeError):
        return
    if not any(comments.values()):
        return
    lines += ["", "Attributes", "----------"]
    for field in dataclasses.fields(obj):
        kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        lines += [f"{field.name} : {kind}", f"    {comments.get(field.name, '') or '.'}"]
    lines.append("")
