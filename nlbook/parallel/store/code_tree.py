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
from pathlib import Path

from nlbook.source_code import canonical_tree, follow_imports

__all__ = ["code_tree_hash"]

_MACHINERY = "nlbook.parallel"
_MACHINERY_THAT_COUNTS = "nlbook.parallel.seeds"


def code_tree_hash(name: str) -> str:
    """Return the hash, 64 hexadecimal digits, for the function "module:qualname"."""
    start = name.partition(":")[0]
    packages = {start.partition(".")[0], "nlbook"}
    machinery = []

    def locate(module: str) -> Path | None:
        if module.partition(".")[0] not in packages:
            return None
        if f"{module}.".startswith(f"{_MACHINERY}.") and module != _MACHINERY_THAT_COUNTS:
            machinery.append(module)
            return None
        return _source(module)

    files = follow_imports([start], locate)
    if machinery:
        files |= follow_imports([_MACHINERY_THAT_COUNTS], locate)
    trees = [
        f"{module} {canonical_tree(ast.parse(file.read_bytes()), docstrings=False)}"
        for module, file in sorted(files.items())
    ]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def _source(module: str) -> Path | None:
    """Return the source file of a module, None if it has none or is no module."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)
