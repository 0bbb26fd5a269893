"""A hash of the code that a function's result may depend on.

It covers the module of the function and what it imports from its own package and from `nlbook`,
followed through imports, also those inside functions: their syntax trees without docstrings and
comments. Of `nlbook.parallel` itself only the seeds count; the rest moves results about without
changing them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

__all__ = ["code_tree_hash"]

_MACHINERY = "nlbook.parallel"
_MACHINERY_THAT_COUNTS = "nlbook.parallel.seeds"


def code_tree_hash(name: str) -> str:
    """Return the hash, 64 hexadecimal digits, for the function "module:qualname"."""
    start = name.partition(":")[0]
    packages = {start.partition(".")[0], "nlbook"}
    trees: dict[str, str] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in trees or module.partition(".")[0] not in packages:
            continue
        if f"{module}.".startswith(f"{_MACHINERY}.") and module != _MACHINERY_THAT_COUNTS:
            waiting.append(_MACHINERY_THAT_COUNTS)
            continue
        path = _source(module)
        if path is None:
            continue
        tree = ast.parse(path.read_bytes())
        waiting += _imported(tree, module, is_package=path.name == "__init__.py")
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        trees[module] = ast.dump(_without_docstrings(tree))
    text = "\n".join(f"{module} {trees[module]}" for module in sorted(trees))
    return hashlib.sha256(text.encode()).hexdigest()


def _source(module: str) -> Path | None:
    """Return the source file of a module, None if it has none or is no module."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join(parts + ([node.module] if node.module else []))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return tree
