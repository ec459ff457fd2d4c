"""The journal of a demo account as it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from moniqo_core.domain.ledger.commit import Posting
from moniqo_core.domain.orders.order import Fill


@dataclass(frozen=True, slots=True)
class EntryPostings:
    """What an entry moved. ``kind`` names its command; ``order_ids`` are the orders it placed or changed."""

    seq: int
    epoch: int
    at: datetime
    kind: str
    order_ids: tuple[str, ...]
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class JournalEntry(EntryPostings):
    """A whole entry: also what was asked, what it was decided on, and what was filled.

    ``command`` holds the fields that were given, ``basis`` the market that was looked at, both under the names users
    know. ``walked_to`` is the time up to which resting orders met the market first.
    """

    rules_version: int
    command: Mapping[str, object]
    basis: Mapping[str, object] | None
    walked_to: datetime | None
    fills: tuple[Fill, ...]
