"""What Python source imports, and what of it can change a result: its syntax tree as text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["canonical_tree", "follow_imports", "imported_names"]

_IGNORED = {"ctx", "kind", "type_comment"}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def canonical_tree(node: Any, *, docstrings: bool) -> str:
    """A syntax tree as text that is the same in each version of Python (`ast.dump` isn't).

    Parameters
    ----------
    node : ast.AST
    docstrings : bool
        Whether they are part of it; comments never are.

    Returns
    -------
    str
    """
    if isinstance(node, list):
        return "[" + ",".join(canonical_tree(item, docstrings=docstrings) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and not docstrings and isinstance(node, _DOCUMENTED):
            value = value[ast.get_docstring(node, clean=False) is not None :]
        if value is None or value == [] or name in _IGNORED:
            continue
        fields.append(f"{name}={canonical_tree(value, docstrings=docstrings)}")
    return f"{type(node).__name__}({','.join(fields)})"


def imported_names(tree: ast.AST, module: str, *, is_package: bool) -> list[str]:
    """Dotted names that a module may import, inside functions too; some are not modules.

    Parameters
    ----------
    tree : ast.AST
        Of its source.
    module : str
        Its dotted name, from which relative imports lead.
    is_package : bool
        Whether its file is ``__init__.py``.

    Returns
    -------
    list of str
        Without what only a type checker reads.
    """
    names: list[str] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *filter(None, [base])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        waiting += ast.iter_child_nodes(node)
    return names


def follow_imports(names: Iterable[str], locate: Callable[[str], Path | None]) -> dict[str, Path]:
    """Modules behind some names, and all that these import, and so on.

    Parameters
    ----------
    names : iterable of str
        Dotted; some need not be modules. Importing a.b runs a as well.
    locate : callable
        The file of a module, or None for a name that is none or is not to be followed.

    Returns
    -------
    dict
        File by module name, sorted by name.
    """
    files: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        parts = waiting.pop().split(".")
        for module in (".".join(parts[: n + 1]) for n in range(len(parts))):
            file = None if module in files else locate(module)
            if file is None:
                continue
            files[module] = file
            tree = ast.parse(file.read_bytes())
            waiting += imported_names(tree, module, is_package=file.name == "__init__.py")
    return dict(sorted(files.items()))
