"""Mutations without effect: they change how the code is written, and nothing that anybody can see.

``without_effect.toml`` keeps them, each with its reason. A mutation is found there by its content, not by its line.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from tests.mutants.mutations import Mutation

FILE: Final = Path(__file__).with_name("without_effect.toml")
FIELDS: Final = {"path", "place", "before", "after", "reason"}


class Judged:
    """The mutations that were judged to be without effect."""

    def __init__(self, text: str) -> None:
        """Read ``text``.

        Raises:
            ValueError: an entry lacks a field, has an unknown one, or gives no reason.

        """
        self._reasons: dict[tuple[str, str, str, str], str] = {}
        for entry in tomllib.loads(text).get("without_effect", []):
            if set(entry) != FIELDS or not entry["reason"].strip():
                msg = f"An entry needs {', '.join(sorted(FIELDS))}: {entry}"
                raise ValueError(msg)
            self._reasons[entry["path"], entry["place"], entry["before"], entry["after"]] = entry["reason"]

    def reason(self, mutation: Mutation) -> str | None:
        """Return why a mutation is without effect, and None for one that was not judged so."""
        return self._reasons.get(mutation.key)

    def unknown(self, mutations: list[Mutation]) -> list[tuple[str, str, str, str]]:
        """Return the entries that no mutation matches any more."""
        return sorted(set(self._reasons) - {mutation.key for mutation in mutations})


def judged() -> Judged:
    """Return what the repository keeps."""
    return Judged(FILE.read_text(encoding="utf-8"))
