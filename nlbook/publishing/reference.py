"""The reference of the package: its modules, and the comments of dataclass fields.

The page is written from every ``__all__`` of the package, read from the source, so that no
public name is left out. As a Sphinx extension this module adds what the package writes as a
comment on a field's line, and Sphinx does not see, as the docstring's section *Attributes*.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import re
import textwrap
import tokenize
from pathlib import Path
from typing import Any

__all__ = [
    "field_comments",
    "public_names",
    "reference_page",
]

PACKAGE = Path(__file__).resolve().parents[1]


def public_names(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Map each module of a package that has an ``__all__`` to the names in it.

    Parameters
    ----------
    package : Path
        Folder of the package; nothing in it is imported.

    Returns
    -------
    dict of str to list of str
        In the order of the modules' names.
    """
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                name = ".".join(parts).removesuffix(".__init__")
                found[name] = [str(item) for item in ast.literal_eval(node.value)]
    return dict(sorted(found.items()))


def reference_page(package: Path = PACKAGE) -> str:
    """Write the sections of the API reference, in reStructuredText.

    First each subpackage with the names that it exports; then each module inside it with the
    names that the subpackage does not export itself.
    """
    names = public_names(package)
    root = package.name
    rooms = [name for name in names if name.count(".") == 1]
    lines: list[str] = []
    for room in rooms:
        lines += [*_heading(room, "="), *_automodule(room, names[room])]
    inner = {
        module: [name for name in some if name not in names.get(module.rpartition(".")[0], [])]
        for module, some in names.items()
        if module not in rooms and module != root
    }
    if any(inner.values()):
        lines += [*_heading("Inside", "="), "Modules that the ones above are made of.", ""]
    for module, some in inner.items():
        if some:
            lines += [*_heading(module, "-"), *_automodule(module, some)]
    return "\n".join(lines)


def _heading(text: str, mark: str) -> list[str]:
    return [text, mark * len(text), ""]


def _automodule(module: str, names: list[str]) -> list[str]:
    return [f".. automodule:: {module}", f"   :members: {', '.join(names)}", ""]


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, ahead of numpydoc."""
    app.connect("autodoc-process-docstring", _add_fields, priority=400)
    app.connect("autodoc-process-docstring", _escape, priority=410)
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
    if not isinstance(obj, type) or not dataclasses.is_dataclass(obj):
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
        lines += [f"{field.name} : ``{kind}``", f"    {comments.get(field.name, '') or '.'}"]
    lines.append("")


def _escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the bars of an absolute value, and a number that cites the module's references."""
    if "References" not in (line.strip() for line in lines):
        lines[:] = [re.sub(r"\[(\d+)\]_", r"[\1]", line) for line in lines]
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(("|", "+")):
            parts = re.split(r"(``.*?``)", line)
            parts[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in parts[::2]]
            lines[number] = "".join(parts)
