"""Entries of a demo account's journal, as they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from moniqo_core.domain.ledger.commit import Posting
from moniqo_core.domain.orders.order import Fill


@dataclass(frozen=True, slots=True)
class EntryPostings:
    """The postings of an entry. ``kind`` names its command, and ``order_ids`` are the orders it placed or changed."""

    seq: int
    epoch: int
    at: datetime
    kind: str
    order_ids: tuple[str, ...]
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class JournalEntry(EntryPostings):
    """A whole entry, which also has its command, the market data it was decided on, and its fills.

    ``command`` holds the fields that were given, and ``basis`` the market data. Both use the field names of the API.
    ``walked_to`` is the time up to which resting orders were matched before the command was decided.
    """

    rules_version: int
    command: Mapping[str, object]
    basis: Mapping[str, object] | None
    walked_to: datetime | None
    fills: tuple[Fill, ...]
