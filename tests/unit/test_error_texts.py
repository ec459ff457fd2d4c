"""The form of every text that explains an error: short titles, and details and hints in full sentences."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import moniqo_core
from moniqo_core.domain import errors
from moniqo_core.domain.errors import WalletError

PACKAGE: Final = Path(moniqo_core.__file__).parent
ERRORS: Final = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, WalletError)}
HINTS: Final = {"hint", "key_hint"}
LONGEST_TITLE: Final = 5
LONGEST_SENTENCE: Final = 30
GAP: Final = "{}"
"""Stands for the placeholders of an f-string."""

_SENTENCE_END: Final = re.compile(r"(?<=\.) ")
_VAGUE: Final = re.compile(r"\b(nobody|somebody)\b|^what\b.*\b(is|are)\b", re.IGNORECASE)


class Text(NamedTuple):
    """One text: whether it is a ``title``, a ``detail``, a ``hint`` or the ``message`` of a field, and its line."""

    kind: str
    value: str
    line: int


def texts_of(source: str) -> Iterator[Text]:
    """Find the texts of a module, also where a name or a conditional stands for them."""
    tree = ast.parse(source)
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, []).append(node.value)
                    if target.id in HINTS | {"title"}:
                        kind = "title" if target.id == "title" else "hint"
                        yield from _texts(kind, node.value, {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for kind, argument in _arguments(node):
                yield from _texts(kind, argument, named)


def _arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in ERRORS and call.args:
        yield "detail", call.args[0]
    if name == "Refusal":
        yield "detail", call.args[1]
    if name == "PydanticCustomError":
        yield "message", call.args[1]
    for keyword in call.keywords:
        if keyword.arg == "hint":
            yield "hint", keyword.value


def _texts(kind: str, value: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[Text]:
    match value:
        case ast.Constant(value=str() as text):
            yield Text(kind, text, value.lineno)
        case ast.JoinedStr(values=parts):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in parts)
            yield Text(kind, text, value.lineno)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(kind, one, named)
            yield from _texts(kind, other, named)
        case ast.Name(id=name):
            for assigned in named.get(name, ()):
                yield from _texts(kind, assigned, {})


def fault_of(text: Text) -> str | None:
    """Return what is wrong with the form of a text, None when it is right."""
    value = text.value
    if not (value[:1].isupper() or value[:1].isdigit() or value.startswith("{")):
        return "begins with no capital"
    if _VAGUE.search(value) or ";" in value:
        return "is vague, or has a semicolon"
    if any(len(sentence.split()) > LONGEST_SENTENCE for sentence in _SENTENCE_END.split(value)):
        return "has too long a sentence"
    if text.kind in {"title", "message"}:
        if value.endswith("."):
            return "ends with a period"
        return "is too long" if text.kind == "title" and len(value.split()) > LONGEST_TITLE else None
    return None if value.endswith((".", f". {GAP}")) else "ends without a period"


def test_every_error_text_of_the_package_is_well_formed() -> None:
    found = [
        (path.relative_to(PACKAGE), text)
        for path in sorted(PACKAGE.rglob("*.py"))
        for text in texts_of(path.read_text(encoding="utf-8"))
    ]
    kinds = [text.kind for _, text in found]
    assert kinds.count("detail") > 150
    assert kinds.count("hint") > 50
    assert kinds.count("title") >= 25
    assert kinds.count("message") > 20
    faults = [f"{path}:{text.line} {fault_of(text)}: {text.value}" for path, text in found if fault_of(text)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_the_first_line_of_every_error_is_a_sentence(kind: str) -> None:
    """It is the detail of the example in the API reference."""
    first = (inspect.getdoc(getattr(errors, kind)) or "").splitlines()[0]
    assert fault_of(Text("detail", first, 0)) is None


@pytest.mark.parametrize(
    "source",
    [
        'raise ConflictError("the wallet is paused.")',
        'raise ConflictError("The wallet is paused")',
        'raise errors.ConflictError(f"{name} is paused")',
        'raise ConflictError("Nobody can tell.")',
        'raise ConflictError("What is left is dust.")',
        'raise ConflictError("The wallet is paused; resume it.")',
        f'raise ConflictError("{"Very " * 30}long.")',
        'text = "the wallet is paused"\nraise ConflictError(text)',
        'raise ConflictError("on." if paused else "Off.")',
        'raise ConflictError("The wallet is paused.", hint="resume it")',
        'KEY = Refusal(ConflictError, "no such key")',
        'raise PydanticCustomError("blank", "Input should not be blank.")',
        'class BusyError:\n    title = "Busy."',
        'class BusyError:\n    title = "Another request has the wallet now"',
        'class BusyError:\n    hint = "Try again"',
    ],
)
def test_bad_text_is_reported(source: str) -> None:
    assert any(fault_of(text) for text in texts_of(source))


@pytest.mark.parametrize(
    "source",
    [
        'raise ConflictError(f"{count} orders are open.", hint="Cancel them.")',
        'raise ConflictError(f"There is no price. {detail}")',
        'raise ValueError("not ours")',
        'class BusyError:\n    title = "Wallet in use"\n    hint = "Try again."',
    ],
)
def test_good_text_passes(source: str) -> None:
    assert not any(fault_of(text) for text in texts_of(source))
