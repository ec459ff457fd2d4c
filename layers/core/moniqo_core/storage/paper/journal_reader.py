"""Reads journal entries for display."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.commit import LedgerAccount, Posting
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.storage.document import Document
from moniqo_core.storage.orders.order_codec import read_fill

POSTINGS_FIELDS: Final = ("seq", "epoch", "at", "kind", "order_ids", "postings")
"""The fields of an entry that :func:`read_postings` needs."""
ENTRY_FIELDS: Final = (*POSTINGS_FIELDS, "rules_version", "command", "basis", "walked_to", "fills")
"""The fields of an entry that :func:`read_journal_entry` needs."""


def read_postings(entry: Document) -> EntryPostings:
    """Return the postings of an entry."""
    return EntryPostings(
        entry["seq"],
        entry["epoch"],
        entry["at"],
        entry["kind"],
        tuple(entry.get("order_ids", ())),
        tuple(Posting(LedgerAccount(book), asset, Decimal(amount)) for book, asset, amount in entry["postings"]),
    )


def read_journal_entry(entry: Document) -> JournalEntry:
    """Return a whole entry."""
    moved = read_postings(entry)
    return JournalEntry(
        moved.seq,
        moved.epoch,
        moved.at,
        moved.kind,
        moved.order_ids,
        moved.postings,
        rules_version=entry["rules_version"],
        command=_given(entry["command"]),
        basis=entry.get("basis"),
        walked_to=entry["walked_to"],
        fills=tuple(read_fill(item) for item in entry.get("fills", ())),
    )


def _given(command: Document) -> Document:
    """Return the fields of a command that are not null. The metadata of an order is stored as JSON text."""
    given = {name: value for name, value in command.items() if value is not None}
    if isinstance(given.get("metadata"), str):
        given["metadata"] = json.loads(given["metadata"])
    return given
