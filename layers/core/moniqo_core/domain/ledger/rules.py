"""The versions of the rules of a paper account.

An entry of a journal names the version that decided it. A replay decides the entry by that version, so a journal stays
valid when a rule changes. A version differs from the one before it only in the fields of :class:`Rules`, and each field
is read in one place: where the rule it names is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules. Every change of a rule is a field that is False in the versions before it."""

    version: int
    pauses_have_levels: bool = False
    """A pause is reduce-only or full, and cancels open buys. Otherwise it refuses every order and cancels nothing."""
    compares_exits: bool = False
    """An attached exit that its entry's price has already passed is refused. Otherwise it sells at once."""
    sells_least_for_quote: bool = False
    """A sale by ``quote_amount`` is the smallest that brings it in. Otherwise a search may find a larger one."""


RULES_VERSION: Final = 2
"""The version of the rules that decides new entries."""

ALL_RULES: Final[Mapping[int, Rules]] = {
    1: Rules(1),
    2: Rules(
        2,
        pauses_have_levels=True,
        compares_exits=True,
        sells_least_for_quote=True,
    ),
}
"""The rules by version. A version stays here as long as journals have entries that it decided."""

RULES: Final = ALL_RULES[RULES_VERSION]
