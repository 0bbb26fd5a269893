"""The rooms of the package, the floors that they stand on, and circles, read from the imports.

``python -m tests.structure`` draws the rooms, ``python -m tests.structure dislocations.glide`` the
files of one. Each stands a floor above the highest of those that it imports, inside functions too.
A package inside a package is a room of its own; the ``__init__.py`` that hands out a room's names
may import all that lies below it. A hall is a package of rooms in which each file is a room too;
``python -m tests.structure publishing`` draws what is in one.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HALLS = ("nlbook", "nlbook.parallel", "nlbook.publishing")

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

    A file that lies in a hall is a room by itself, 'checks'; the package is ''.
    """
    parts = module.split(".")
    while not _is_front(".".join(parts), modules) and ".".join(parts[:-1]) not in HALLS:
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
    """Other rooms that a module imports; for the front of a room with files, those outside it."""
    own, top = room(module, modules), module.split(".")[0]
    names = {name for name in imports(module, path, modules) if name.split(".")[0] == top}
    rooms = {room(name, modules) for name in names} - {own, "", "__version__"}
    if path.name == "__init__.py" and module not in HALLS:
        rooms = {name for name in rooms if not name.startswith(f"{own}.")}
    return rooms


def room_graph(modules: Mapping[str, Path] = MODULES) -> dict[str, set[str]]:
    """What each room imports of the others."""
    graph: dict[str, set[str]] = {room(module, modules): set() for module in modules}
    for module, path in modules.items():
        graph[room(module, modules)] |= crossings(module, path, modules)
    return graph


def hall(name: str) -> str:
    """The hall that a room is in, or the room."""
    top = name.partition(".")[0]
    return top if f"nlbook.{top}" in HALLS else name


def folded(graph: Graph) -> dict[str, set[str]]:
    """A graph of rooms in which a hall is one room."""
    result: dict[str, set[str]] = {hall(name): set() for name in graph}
    for name, uses in graph.items():
        result[hall(name)] |= {hall(use) for use in uses} - {hall(name)}
    return result


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
    """Draw the rooms, the top floor first, or what is in a hall, or the files of one room."""
    rooms = {module: room(module, modules) for module in modules}
    if inside is None:
        places = {module: hall(name) for module, name in rooms.items()}
        graph = folded(room_graph(modules))
        graph.pop("")
    elif f"nlbook.{inside}" in HALLS:
        places = rooms
        graph = {name: uses for name, uses in room_graph(modules).items() if hall(name) == inside}
    else:
        start = f"nlbook.{inside}."
        places = {m: m.removeprefix(start) for m, name in rooms.items() if name == inside}
        if not places:
            raise ValueError(f"room must be one of {sorted(set(rooms.values()))}, got {inside!r}")
        places[f"nlbook.{inside}"] = "__init__"
        uses_of = file_graph(modules)
        graph = {places[m]: {places[n] for n in uses_of[m] & places.keys()} for m in places}
    size: dict[str, list[int]] = {name: [] for name in graph}
    for module, place in places.items():
        if place in size:
            size[place].append(len(modules[module].read_text(encoding="utf-8").splitlines()))
    levels, circle = floors(graph)
    width = max(map(len, graph))
    lines = []
    for level, names in reversed(list(enumerate(levels))):
        for name in names:
            files = f"{len(size[name])} file{'s' if len(size[name]) > 1 else ''}"
            told = f"{files:>8}, {sum(size[name]):5} lines"
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
