"""The rooms of the layer's package and their imports, read from the code and the import contracts."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ROOT / "layers" / "core"
FUNCTIONS: Final = "functions"


@dataclass(frozen=True, slots=True)
class Room:
    """A package or module at the top of the layer's package.

    ``columns`` are its packages. Each imports only from later columns. ``modules`` are its other modules.
    """

    name: str
    summary: str
    columns: tuple[tuple[str, ...], ...] = ()
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class House:
    """The rooms in layers, outermost first, and the arrows between them.

    ``arrows`` are the imports between rooms that no chain of other imports implies. Of the modules outside the layers,
    rooms import the ``shared`` ones, and no room imports the ``programs``.
    """

    package: str
    layers: tuple[tuple[Room, ...], ...]
    arrows: tuple[tuple[str, str], ...]
    shared: tuple[str, ...]
    programs: tuple[str, ...]


def read_house() -> House:
    """Return the rooms in the contract on layers. The functions join the outermost layer.

    Raises:
        graphlib.CycleError: rooms, or packages of one room, import each other.

    """
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    package = linter["root_packages"][0]
    contracts = (found for found in linter["contracts"] if found["type"] == "layers" and "containers" not in found)
    layers = [
        [name.strip(" ()").rpartition(".")[2] for name in layer.split("|")] for layer in next(contracts)["layers"]
    ]
    rooms = {name for layer in layers for name in layer}
    graph = grimp.build_graph(package, cache_dir=None)
    outside = _names(graph.find_children(package)) - rooms
    imports = _imports(graph, package, rooms | outside)
    imports[FUNCTIONS] = set(_imported_by_functions(package))
    shared = {name for name in outside if any(name in imports[room] for room in (*rooms, FUNCTIONS))}
    layers[0].insert(0, FUNCTIONS)
    return House(
        package,
        tuple(tuple(_room(graph, package, name) for name in layer) for layer in layers),
        reduced({name: imports[name] & rooms for name in (*rooms, FUNCTIONS)}),
        tuple(sorted(shared)),
        tuple(sorted(outside - shared)),
    )


def _room(graph: grimp.ImportGraph, package: str, name: str) -> Room:
    if name == FUNCTIONS:
        return Room(name, "One folder per Lambda: the handler of a route, or a worker")
    children = graph.find_children(f"{package}.{name}")
    packages = {child for child in children if graph.find_children(child)}
    imports = _imports(graph, f"{package}.{name}", _names(packages))
    modules = _names(children - packages) - {"__main__"}
    return Room(name, _summary(f"{package}.{name}"), columns_of(imports), tuple(sorted(modules)))


def _names(modules: AbstractSet[str]) -> set[str]:
    return {module.rpartition(".")[2] for module in modules}


def _imports(graph: grimp.ImportGraph, parent: str, names: AbstractSet[str]) -> dict[str, set[str]]:
    """Return for each child of ``parent`` the other children that it imports from."""
    owner: dict[str, str] = {}
    for name in names:
        root = f"{parent}.{name}"
        owner |= dict.fromkeys({root} | graph.find_descendants(root), name)
    imports: dict[str, set[str]] = {name: set() for name in names}
    for module, name in owner.items():
        imported = graph.find_modules_directly_imported_by(module)
        imports[name] |= {owner[other] for other in imported if other in owner} - {name}
    return imports


def _imported_by_functions(package: str) -> Iterator[str]:
    for path in (ROOT / FUNCTIONS).glob("*/app.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == package:
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}."):
                yield node.module.split(".")[1]


def columns_of(imports: Mapping[str, AbstractSet[str]]) -> tuple[tuple[str, ...], ...]:
    """Sort names into columns, each to the right of its importers. Names that are not imported come first."""
    place = dict.fromkeys(imports, 0)
    for name in reversed([*TopologicalSorter(imports).static_order()]):
        for other in imports[name]:
            place[other] = max(place[other], place[name] + 1)
    columns = range(1 + max(place.values(), default=-1))
    return tuple(tuple(sorted(name for name in place if place[name] == number)) for number in columns)


def reduced(imports: Mapping[str, AbstractSet[str]]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of importer and imported, without those that a longer path implies."""
    reached: dict[str, set[str]] = {}
    for name in TopologicalSorter(imports).static_order():
        reached[name] = set(imports[name]).union(*(reached[other] for other in imports[name]))
    return tuple(
        (name, other)
        for name in sorted(imports)
        for other in sorted(imports[name])
        if not any(other in reached[between] for between in imports[name])
    )


def _summary(module: str) -> str:
    """Return the first sentence of a module's docstring, without its full stop."""
    path = SOURCES.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition(".\n")[0].split()).partition(". ")[0].rstrip(".").replace("``", "")
