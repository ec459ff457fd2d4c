"""Check that texts are easy to read: few semicolons and no long sentences.

It reads the Markdown pages and the error texts of the package. Code, tables and addresses do not count as sentences.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**/*.md")
PACKAGE: Final = "layers/core/moniqo*"
MOST_WORDS: Final = 30
"""Words of a sentence."""
MOST_SEMICOLONS: Final = 4
"""Semicolons per 1,000 words of a page, or of all error texts together."""

_IGNORED: Final = re.compile(r"^ *(```|~~~).*?^ *\1[ \t]*$|<!--.*?-->", re.DOTALL | re.MULTILINE)
_CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_MARKER: Final = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+|^\s*(?:>\s*)+|^#+\s+")
_END: Final = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_WORD: Final = re.compile(r"\w")
_CLASS_TEXTS: Final = re.compile(r"^(title|detail|\w*hint)$")


@dataclass(frozen=True)
class Text:
    """A paragraph, list item, heading or table row of a page, or one error text."""

    line: int
    words: str
    is_row: bool = False


def page_texts(page: str) -> Iterator[Text]:
    """Yield the texts of a Markdown page, each with the line it begins in."""
    lines = _IGNORED.sub(lambda found: "\n" * found[0].count("\n"), page).splitlines()
    begun, parts = 0, list[str]()
    for number, line in enumerate([*lines, ""], start=1):
        is_row = line.lstrip().startswith("|")
        if parts and (is_row or not line.strip() or _MARKER.match(line)):
            yield Text(begun, _plain(" ".join(parts)))
            parts = []
        if is_row:
            yield Text(number, _plain(line.replace("|", " ")), is_row=True)
        elif line.strip():
            begun = begun if parts else number
            parts.append(_MARKER.sub("", line).strip())
            if line.startswith("#"):
                yield Text(begun, _plain(parts.pop()))


def _plain(text: str) -> str:
    """Return the text without markup. A piece of code counts as one word."""
    text = _CODE.sub("Code", text)
    while _LINK.search(text):
        text = _LINK.sub(r"\1", text)
    return re.sub(r"\*\*|(?<!\w)[*_]|[*_](?!\w)", "", text)


def error_texts(module: str) -> Iterator[Text]:
    """Yield the titles, details and hints of a module's errors. A placeholder counts as one word."""
    for node in ast.walk(ast.parse(module)):
        for value in _error_values(node):
            for text in _strings(value):
                yield Text(value.lineno, text)


def _error_values(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given, keywords=named):
            if name.endswith(("Error", "Refusal")):
                yield from given
            yield from (one.value for one in named if one.arg == "hint" or (one.arg == "detail" and "Error" in name))
        case ast.ClassDef(body=body):
            yield from (
                statement.value
                for statement in body
                for target in _targets(statement)
                if _CLASS_TEXTS.match(target) and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value
            )
        case ast.Assign(value=value) if not {"message", "detail", "hint"}.isdisjoint(_targets(node)):
            yield value
        case ast.Dict(keys=keys, values=values):
            yield from (
                value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and key.value == "message"
            )
        case ast.arguments(args=args, defaults=defaults):
            late = args[len(args) - len(defaults) :]
            yield from (
                default for argument, default in zip(late, defaults, strict=True) if argument.arg in {"detail", "hint"}
            )


def _targets(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _strings(value: ast.expr) -> list[str]:
    match value:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in parts)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ["".join([*_strings(left), *_strings(right)])]
        case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other]):
            return [*_strings(one), *_strings(other)]
    return []


def sentences(text: str) -> list[str]:
    """Split a text at the ends of its sentences."""
    return _END.split(text)


def count_words(text: str) -> int:
    """Count the words that have a letter or a digit."""
    return sum(bool(_WORD.search(part)) for part in text.split())


def long_sentences(texts: Sequence[Text]) -> Iterator[tuple[int, str]]:
    """Yield each sentence that is too long, with its line."""
    for text in texts:
        for sentence in () if text.is_row else sentences(text.words):
            words = count_words(sentence)
            if words > MOST_WORDS:
                yield text.line, f"a sentence of {words} words, at most {MOST_WORDS}: {sentence[:70]} ..."


def too_many_semicolons(texts: Sequence[Text]) -> Iterator[str]:
    """Yield a complaint if the texts have too many semicolons."""
    words = sum(count_words(text.words) for text in texts)
    found = sum(text.words.count(";") for text in texts)
    if found * 1000 > MOST_SEMICOLONS * words:
        yield f"{found} semicolons in {words} words, at most {MOST_SEMICOLONS} per 1,000"


def complaints(root: Path) -> list[str]:
    """Return the complaints about the pages and error texts below a folder, each with its place."""
    found = []
    for path in sorted({path for pattern in PAGES for path in root.glob(pattern)}):
        texts, name = list(page_texts(path.read_text(encoding="utf-8"))), path.relative_to(root)
        found += [f"{name}:{line}: {complaint}" for line, complaint in long_sentences(texts)]
        found += [f"{name}: {complaint}" for complaint in too_many_semicolons(texts)]
    together: list[Text] = []
    for path in sorted(root.glob(f"{PACKAGE}/**/*.py")):
        texts = list(error_texts(path.read_text(encoding="utf-8")))
        found += [f"{path.relative_to(root)}:{line}: {complaint}" for line, complaint in long_sentences(texts)]
        together += texts
    return found + [f"error texts of {PACKAGE}: {complaint}" for complaint in too_many_semicolons(together)]


def main() -> int:
    """Print the complaints."""
    found = complaints(ROOT)
    sys.stdout.writelines(f"{complaint}\n" for complaint in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
