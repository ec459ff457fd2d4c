"""The mutations of a module: small faults, each a replacement of one piece of its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.mutants import replacements

_NOT_CODE: Final = {"annotation", "returns", "decorator_list", "bases"}
"""Fields of the syntax tree that state types, and whatever decorates a function or class."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault of one module.

    ``place`` is the qualified name of the function or class around it, and empty in the body of the module. ``before``
    and ``after`` are the lines that change, with single spaces. ``reach`` holds the first and last line of the code
    that a test must run to run the fault. Outside functions there is none. There, ``name`` is the class around the
    fault, or else what is assigned.
    """

    path: str
    line: int
    place: str
    kind: str
    before: str
    after: str
    reach: tuple[int, int] | None
    name: str
    mutant: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the mutation by content, wherever its line moves to."""
        return self.path, self.place, self.before, self.after


@dataclass(frozen=True, slots=True)
class _Around:
    """What surrounds a node."""

    place: str = ""
    reach: tuple[int, int] | None = None
    name: str = ""


def mutations(path: str, source: str) -> list[Mutation]:
    """Return every mutation of a module, in the order of its source."""
    text = _Text(source)
    original = ast.parse(source)
    found: dict[tuple[int, str], Mutation] = {}
    for node, around in _nodes(original, _Around()):
        for kind, replacement in replacements.of(node):
            start, end = text.span(node)
            mutant = text.replaced(start, end, replacement)
            before, after = text.lines(start, end, replacement)
            made = Mutation(path, node.lineno, around.place, kind, before, after, around.reach, around.name, mutant)
            found.setdefault((start, mutant), made)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], found[key].after))]


def _nodes(parent: ast.AST, around: _Around) -> Iterator[tuple[ast.expr | ast.stmt, _Around]]:
    """Yield the nodes below ``parent`` that may be replaced."""
    for field, value in ast.iter_fields(parent):
        if field in _NOT_CODE:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_left_alone(child, parent):
                continue
            inside = _around(child, around)
            if isinstance(child, (ast.expr, ast.stmt)):
                yield child, inside
            yield from _nodes(child, inside)


def _is_left_alone(node: ast.AST, parent: ast.AST) -> bool:
    """Whether faults in ``node`` would change texts, types or checks of the caller alone."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.keyword(arg="strict"):
            # zip() of two lists of one length, as every caller gives it, is the same with and without it.
            return isinstance(parent, ast.Call) and ast.unparse(parent.func) == "zip"
        case _:
            return False


def _around(node: ast.AST, around: _Around) -> _Around:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        # Defaults are evaluated where the function is defined. Whoever runs the body uses them.
        return _Around(_joined(around.place, node.name), (node.body[0].lineno, node.body[-1].end_lineno or 0))
    if isinstance(node, ast.ClassDef):
        return _Around(_joined(around.place, node.name))
    if not isinstance(node, ast.stmt):
        return around
    if around.reach:
        return _Around(around.place, _header(node))
    return _Around(around.place, None, around.place.rpartition(".")[2] or _assigned(node))


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _header(node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement, and of a compound one those before its first inner statement."""
    inner: list[ast.AST] = [*getattr(node, "body", []), *getattr(node, "cases", [])]
    last = node.end_lineno or node.lineno
    return node.lineno, max(node.lineno, _first_line(inner[0]) - 1) if inner else last


def _first_line(node: ast.AST) -> int:
    return node.pattern.lineno if isinstance(node, ast.match_case) else int(getattr(node, "lineno", 0))


def _assigned(node: ast.stmt) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return next((target.id for target in targets if isinstance(target, ast.Name)), "")


class _Text:
    """A source whose pieces are addressed as the syntax tree does: by line and by offset in UTF-8."""

    def __init__(self, source: str) -> None:
        self._source = source.encode()
        self._starts = [0]
        for line in self._source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        last, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[last - 1] + column

    def replaced(self, start: int, end: int, replacement: str) -> str:
        return (self._source[:start] + replacement.encode() + self._source[end:]).decode()

    def lines(self, start: int, end: int, replacement: str) -> tuple[str, str]:
        first = self._source.rfind(b"\n", 0, start) + 1
        last = self._source.find(b"\n", end)
        before = self._source[first:last]
        after = self._source[first:start] + replacement.encode() + self._source[end:last]
        return " ".join(before.decode().split()), " ".join(after.decode().split())
