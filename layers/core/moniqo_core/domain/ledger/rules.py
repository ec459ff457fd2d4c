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
    """A sell by ``quote_amount`` sells the least that brings it in. Otherwise a search may find a larger amount."""
    counts_waiting_buys_at_limit: bool = False
    """An open buy whose limit is above the mid counts at its limit in the exposure. Otherwise it counts at the mid."""
    slips_most_without_volume: bool = False
    """A triggered order at a point without volume slips by the most possible. Otherwise it slips least."""
    ends_day_orders_with_the_day: bool = False
    """A DAY order ends with the owner's current day. Otherwise a new time zone ends it before that day is over."""
    dates_triggers: bool = False
    """A stop_limit order keeps the time at which it was triggered. Otherwise only that it was."""
    sane_marks: bool = False
    """If the spread is not sane, the mark is not the mid and sets no peak. Without this rule it is always the mid."""
    closing_keeps_pending_exits: bool = False
    """Closing a position leaves the exits of entries that have not filled. Otherwise it cancels them too."""


RULES_VERSION: Final = 2
"""The version of the rules that decides new entries."""

ALL_RULES: Final[Mapping[int, Rules]] = {
    1: Rules(1),
    2: Rules(
        2,
        pauses_have_levels=True,
        compares_exits=True,
        sells_least_for_quote=True,
        counts_waiting_buys_at_limit=True,
        slips_most_without_volume=True,
        ends_day_orders_with_the_day=True,
        dates_triggers=True,
        sane_marks=True,
        closing_keeps_pending_exits=True,
    ),
}
"""The rules by version. A version stays here as long as journals have entries that it decided."""

RULES: Final = ALL_RULES[RULES_VERSION]
