"""The prose check finds long sentences and too many semicolons, in pages and in error texts, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import prose

LONG = "This sentence has one word more than it may have" + " and again" * 10 + " here."
FITS = LONG.replace(" here", "")


def page_complaints(tmp_path: Path, text: str, name: str = "README.md") -> list[str]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return prose.complaints(tmp_path)


def module_complaints(tmp_path: Path, source: str) -> list[str]:
    return page_complaints(tmp_path, source, "layers/core/moniqo_any/domain/errors.py")


def test_sentence_over_thirty_words_is_reported_with_its_line(tmp_path: Path) -> None:
    (complaint,) = page_complaints(tmp_path, f"# Title\n\n{FITS}\n\n{LONG}\n")
    assert complaint.startswith("README.md:5: a sentence of 31 words")


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/a.md", "docs/b/c/d.md"])
def test_every_page_is_checked(tmp_path: Path, name: str) -> None:
    assert len(page_complaints(tmp_path, LONG, name)) == 1


@pytest.mark.parametrize(
    "text", [f"- {LONG}", f"1. {LONG}", f"> {LONG}", f"## {LONG}", LONG.replace(" and ", "\nand ")]
)
def test_lists_quotes_headings_and_wrapped_lines_are_checked(tmp_path: Path, text: str) -> None:
    assert len(page_complaints(tmp_path, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{LONG};;;\n```",
        f"  ```sh\n  {LONG};\n\n  {LONG}\n  ```",
        f"<!-- {LONG}; -->",
        f"| {LONG} | {LONG} |",
        f"See `{LONG};`.",
        "\n".join(f"- item {number} of a list" for number in range(20)),
        f"{FITS} {FITS} `Code` begins another.",
        "[" + "word](https://example.org/a;b;c?d=e) [" * 20 + "end](#end)",
    ],
)
def test_code_tables_lists_and_addresses_are_not_sentences(tmp_path: Path, text: str) -> None:
    assert page_complaints(tmp_path, text) == []


def test_abbreviation_does_not_end_a_sentence(tmp_path: Path) -> None:
    assert len(page_complaints(tmp_path, LONG.replace("This", "It e.g. This"))) == 1


def test_more_than_four_semicolons_in_1000_words_are_reported(tmp_path: Path) -> None:
    words = "A word here. " * 333 + "One"
    assert page_complaints(tmp_path, words + ";" * 4) == []
    assert page_complaints(tmp_path, words + ";" * 5) == ["README.md: 5 semicolons in 1000 words, at most 4 per 1,000"]


def test_semicolons_of_a_table_count(tmp_path: Path) -> None:
    assert page_complaints(tmp_path, "| a; b | c |\n") == ["README.md: 1 semicolons in 3 words, at most 4 per 1,000"]


@pytest.mark.parametrize(
    "source",
    [
        f'class SomeError(Exception):\n    title = "{LONG}"',
        f'class SomeError(Exception):\n    hint: str = "{LONG}"',
        f'class Binance:\n    key_hint = (\n        "{LONG}"\n    )',
        f'class SomeError(Exception):\n    def __init__(self, detail: str = "{LONG}") -> None: ...',
        f'raise SomeError("{LONG}")',
        f'raise errors.SomeError(f"{LONG}", member=1)',
        f'raise SomeError(f"{{a, b, c}} {LONG[5:]}")',
        f'raise SomeError("short", hint="{LONG}")',
        f'raise SomeError("short" if a else "{LONG}")',
        f'raise SomeError("{LONG[:60]}" + "{LONG[60:]}")',
        f'raise SomeError("{LONG[:60]}"\n    "{LONG[60:]}")',
        f'KEY = Refusal(errors.SomeError, "{LONG}")',
        f'message = f"{LONG}"\nraise SomeError(message)',
        f'refuse(hint="{LONG}")',
        f'errors = [{{"field": "a", "message": "{LONG}"}}]',
    ],
)
def test_error_texts_are_checked(tmp_path: Path, source: str) -> None:
    (complaint,) = (found for found in module_complaints(tmp_path, source) if "semicolons" not in found)
    assert complaint.startswith("layers/core/moniqo_any/domain/errors.py:")
    assert "a sentence of 31 words" in complaint


def test_semicolons_of_error_texts_count_over_the_whole_package(tmp_path: Path) -> None:
    words = f'raise SomeError("{"A word here. " * 333}")\n'
    assert module_complaints(tmp_path, words) == []
    assert module_complaints(tmp_path, words + 'raise SomeError("a; b; c; d; e; f")') == [
        "error texts of layers/core/moniqo*: 5 semicolons in 1005 words, at most 4 per 1,000"
    ]


def test_other_texts_of_the_code_are_not_checked(tmp_path: Path) -> None:
    assert module_complaints(tmp_path, f'"""{LONG};"""\nCONSTANT = "{LONG};"\nprint("{LONG};")') == []


def test_command_fails_when_there_is_a_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    assert (prose.main(), capsys.readouterr().out) == (0, "")
    page_complaints(tmp_path, LONG)
    assert prose.main() == 1
    assert capsys.readouterr().out.startswith("README.md:1: ")
