"""The reference of the package: a page for each of its rooms, and what Sphinx does with them.

The pages are written from every ``__all__`` of the package, read from the source, so that no
public name is left out. Docstrings and the comments of fields (``#:``) are read by Sphinx itself.
As a Sphinx extension this module adds the type of a field to its comment, keeps signs that
reStructuredText would take for its own, and puts the chapters first in a search.
"""

from __future__ import annotations

import ast
import inspect
import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = [
    "public_names",
    "reference_pages",
    "rooms_list",
]

PACKAGE = Path(__file__).resolve().parents[2]


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
    by_module = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names = _listed(path)
        if names is not None:
            by_module[".".join(parts).removesuffix(".__init__")] = names
    return dict(sorted(by_module.items()))


def _listed(path: Path) -> list[str] | None:
    """The names in a module's ``__all__``; those of a room inside it stand as ``*room.__all__``."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if ast.unparse(target) == "__all__":
            names: list[str] = []
            for item in getattr(node.value, "elts", []):
                if isinstance(item, ast.Starred):
                    room = ast.unparse(item.value).removesuffix(".__all__")
                    names += _listed(path.parent / room / "__init__.py") or []
                else:
                    names.append(str(ast.literal_eval(item)))
            return names
    return None


def reference_pages(package: Path = PACKAGE) -> dict[str, str]:
    """Write the pages of the API reference, in reStructuredText, by name.

    A page for each room that is a subpackage, ``api_NAME``, and for each room inside a room: first
    the names that it exports, then each module inside it, with the names that the room, or the
    one around it, does not export itself. Modules of one
    file, which stand in no room, share the page ``api_modules``.
    """
    names = public_names(package)
    pages = {}
    for room in _rooms(names, package):
        lines = [*_heading(room, "="), *_automodule(room, _own(room, names))]
        for module in _inside(room, names, package):
            some = _own(module, names)
            if some:
                lines += [*_heading(module, "-"), *_automodule(module, some)]
        pages[_page(room)] = "\n".join(lines)
    lines = [*_heading("Modules of one file", "="), "What the rooms stand on, and the command.", ""]
    for module in _inside(package.name, names, package):
        lines += [*_heading(module, "-"), *_automodule(module, names[module])]
    pages["api_modules"] = "\n".join(lines)
    return pages


def rooms_list(package: Path = PACKAGE) -> str:
    """List the pages of the API reference, each with the first line of its module's docstring."""
    names = public_names(package)
    pages = {room: _page(room) for room in _rooms(names, package)}
    pages |= dict.fromkeys(_inside(package.name, names, package), "api_modules")
    lines = [f"* :doc:`{name} <{page}>`: {_summary(name, package)}" for name, page in pages.items()]
    return "\n".join(lines) + "\n"


def _rooms(names: dict[str, list[str]], package: Path) -> list[str]:
    """The packages in the package."""
    return [name for name in names if name != package.name and not _is_module(name, package)]


def _inside(room: str, names: dict[str, list[str]], package: Path) -> list[str]:
    """The modules that lie in a package itself."""
    return [n for n in names if n.rpartition(".")[0] == room and _is_module(n, package)]


def _is_module(name: str, package: Path) -> bool:
    return package.joinpath(*name.split(".")[1:]).with_suffix(".py").is_file()


def _page(room: str) -> str:
    return "_".join(["api", *room.split(".")[1:]])


def _own(module: str, names: dict[str, list[str]]) -> list[str]:
    """The names of a module that the packages that hold it do not export."""
    return [name for name in names[module] if name not in _exported(module, names)]


def _exported(module: str, names: dict[str, list[str]]) -> set[str]:
    """What the packages that hold a module export."""
    parts = module.split(".")
    holders = (".".join(parts[:n]) for n in range(2, len(parts)))
    return {name for holder in holders for name in names.get(holder, [])}


def _summary(name: str, package: Path) -> str:
    place = package.joinpath(*name.split(".")[1:])
    file = place.with_suffix(".py")
    tree = ast.parse((file if file.is_file() else place / "__init__.py").read_text("utf-8"))
    return (ast.get_docstring(tree) or "").strip().partition("\n")[0].rstrip(".") + "."


def _heading(text: str, mark: str) -> list[str]:
    return [text, mark * len(text), ""]


def _automodule(module: str, names: list[str]) -> list[str]:
    members = [f"   :members: {', '.join(names)}"] if names else []  # without names: all
    return [f".. automodule:: {module}", *members, ""]


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, ahead of numpydoc."""
    app.connect("config-inited", _put_chapters_first)
    app.connect("autodoc-process-docstring", _add_type, priority=400)
    app.connect("autodoc-process-docstring", _escape, priority=410)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _put_chapters_first(app: Any, config: Any) -> None:
    config.html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))


def _add_type(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Begin the comment of a field with its type, which the header leaves out."""
    module, _, rest = name.rpartition(".")
    if what != "attribute" or not lines:
        return
    kind = _field_types(module).get(rest)
    if kind:
        lines[0] = f"``{kind}``: {lines[0]}"


@lru_cache(maxsize=1024)
def _field_types(owner: str) -> dict[str, str]:
    """Types of the fields of a class, as its source writes them."""
    module, _, name = owner.rpartition(".")
    cls = getattr(import_module(module), name)
    types: dict[str, str] = {}
    for base in reversed(inspect.getmro(cls)):
        for field, kind in inspect.get_annotations(base).items():
            types[field] = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    return types


def _escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the bars of an absolute value, and a number that cites the module's references."""
    if "References" not in (line.strip() for line in lines):
        lines[:] = [re.sub(r"\[(\d+)\]_", r"[\1]", line) for line in lines]
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(("|", "+")):
            parts = re.split(r"(``.*?``)", line)
            parts[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in parts[::2]]
            lines[number] = "".join(parts)
