"""The rooms of the package, the floors that they stand on, and circles, read from the imports.

``python -m tests.structure`` draws the rooms, ``python -m tests.structure dislocations.glide`` the
files of one. Each stands a floor above the highest of those that it imports, inside functions too.
A package inside a package is a room of its own; the ``__init__.py`` that hands out a room's names
may import all that lies below it.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Graph = Mapping[str, set[str]]


def find_modules(package: Path = ROOT / "nlbook") -> dict[str, Path]:
    """Map dotted names to the source files of a package."""
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in sorted(package.rglob("*.py"))
    }


MODULES = find_modules()


def room(module: str, modules: Mapping[str, Path] = MODULES) -> str:
    """The room of a module: 'nlbook.dislocations.glide.stiff' is in 'dislocations.glide'.

    A file that lies in no room is one by itself, 'checks'; the package is ''.
    """
    parts = module.split(".")
    while len(parts) > 2 and not _is_front(".".join(parts), modules):
        parts.pop()
    return ".".join(parts[1:])


def _is_front(module: str, modules: Mapping[str, Path]) -> bool:
    return module in modules and modules[module].name == "__init__.py"


def imports(
    module: str,
    path: Path,
    modules: Mapping[str, Path] = MODULES,
    *,
    at_import: bool = False,
) -> Iterator[str]:
    """Dotted names that a module imports, inside functions too unless `at_import`."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                up = node.level - (path.name == "__init__.py")
                base = ".".join(parts[: len(parts) - up] + ([base] if base else []))
            for alias in node.names:
                # `from nlbook import parallel` names a room only together with what it takes.
                full = f"{base}.{alias.name}"
                yield full if full in modules or "." not in base else base
        pending.extend(ast.iter_child_nodes(node))


def crossings(module: str, path: Path, modules: Mapping[str, Path] = MODULES) -> set[str]:
    """Other rooms that a module imports; for the front of a room, those outside it."""
    own, top = room(module, modules), module.split(".")[0]
    names = {name for name in imports(module, path, modules) if name.split(".")[0] == top}
    rooms = {room(name, modules) for name in names} - {own, "", "__version__"}
    if path.name == "__init__.py":
        rooms = {name for name in rooms if not name.startswith(f"{own}.")}
    return rooms


def room_graph(modules: Mapping[str, Path] = MODULES) -> dict[str, set[str]]:
    """What each room imports of the others."""
    graph: dict[str, set[str]] = {room(module, modules): set() for module in modules}
    for module, path in modules.items():
        graph[room(module, modules)] |= crossings(module, path, modules)
    return graph


def file_graph(modules: Mapping[str, Path] = MODULES) -> dict[str, set[str]]:
    """What each file imports of the others."""
    return {
        module: {name for name in imports(module, path, modules) if name in modules} - {module}
        for module, path in modules.items()
    }


def floors(graph: Graph) -> tuple[list[list[str]], list[str]]:
    """Names by floor, from the ground up; and those that circles leave without a floor."""
    remaining = {name: set(uses) for name, uses in graph.items()}
    levels: list[list[str]] = []
    while remaining:
        free = [name for name, uses in remaining.items() if not uses & remaining.keys()]
        if not free:
            break
        levels.append(sorted(free))
        for name in free:
            del remaining[name]
    return levels, sorted(remaining)


def draw(modules: Mapping[str, Path] = MODULES, inside: str | None = None) -> str:
    """Draw the rooms, the top floor first, or the files of one room."""
    if inside is None:
        graph = room_graph(modules)
        graph.pop("")
        size = {name: [0, 0] for name in graph}
        for module, path in modules.items():
            if name := room(module, modules):
                size[name][0] += 1
                size[name][1] += len(path.read_text(encoding="utf-8").splitlines())
    else:
        own = [module for module in modules if room(module, modules) == inside]
        if not own:
            raise ValueError(f"room must be one of {sorted(room_graph(modules))}, got {inside!r}")
        start = len(f"nlbook.{inside}.")
        graph = {
            module[start:] or "__init__": {name[start:] for name in uses if name in own}
            for module, uses in file_graph(modules).items()
            if module in own
        }
        size = {
            module[start:] or "__init__": [1, len(modules[module].read_text("utf-8").splitlines())]
            for module in own
        }
    levels, circle = floors(graph)
    width = max(map(len, graph))
    lines = []
    for level, names in reversed(list(enumerate(levels))):
        for name in names:
            files, count = size[name]
            told = f"{files:3} files, {count:5} lines" if inside is None else f"{count:5} lines"
            uses = " ".join(sorted(graph[name]))
            lines.append(f"{level} {name:{width}} {told}  {uses}".rstrip())
    all_circle = floors(file_graph(modules))[1]
    lines.append(f"circles among the {len(graph)} here: {' '.join(circle) or 'none'}")
    lines.append(f"circles among all {len(modules)} files: {' '.join(all_circle) or 'none'}")
    return "\n".join(lines)


def main() -> int:
    """Draw the structure on standard output."""
    parser = argparse.ArgumentParser(prog="python -m tests.structure", description=__doc__)
    parser.add_argument("room", nargs="?", help="draw the files of this room")
    try:
        print(draw(inside=parser.parse_args().room))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
