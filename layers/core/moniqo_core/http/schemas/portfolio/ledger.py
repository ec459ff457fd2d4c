"""The journal of a wallet as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.money import plain
from moniqo_core.http.schemas.common import Amount, Timestamp, View
from moniqo_core.http.schemas.csv_text import HEADERS, MAX_CSV_ROWS, inert, table
from moniqo_core.http.schemas.orders.fills import FillView, fill_view

COLUMNS: Final = ("seq", "at", "epoch", "kind", "order_ids", "book", "asset", "amount")

CSV_CONTENT: Final[dict[str, Any]] = {
    "content": {
        "text/csv": {
            "schema": {
                "type": "string",
                "description": "With `format=csv`. RFC 4180 in UTF-8, with a header line and lines that end in CRLF."
                " One row per posting, and one without book, asset and amount for an entry that has no postings.\n\n"
                "- `seq`: sequence number of the entry\n- `at`: time of the commit in UTC\n- `epoch`: number of the"
                " epoch, from 1\n- `kind`: what was done\n- `order_ids`: orders that the entry changed, separated by"
                " blanks\n- `book`: ledger account that the posting changes\n- `asset`: code of the asset\n- `amount`:"
                " plain decimal that this account gains, negative if it loses the amount",
            },
            "example": f"{','.join(COLUMNS)}\r\n1,2026-01-31T12:00:00.000Z,1,open,,faucet,USDT,-10000\r\n",
        }
    },
    "headers": HEADERS,
}


class PostingView(View):
    """One side of a movement. The postings of an entry sum to zero per asset."""

    book: Annotated[str, Field(examples=["free"])]
    asset: str
    amount: Amount


class EntryView(View):
    """One commit: the command, the data it was decided on, and its postings."""

    seq: int
    epoch: int
    at: Timestamp
    kind: Annotated[str, Field(examples=["place"])]
    rules_version: int
    command: Annotated[dict[str, Any], Field(examples=[{"symbol": "BTC/USDT", "side": "buy"}])]
    basis: Annotated[dict[str, Any] | None, Field(examples=[{"usd_rate": "1"}])]
    walked_to: Timestamp | None
    order_ids: list[str]
    postings: list[PostingView]
    fills: list[FillView]


def entry_view(entry: JournalEntry) -> EntryView:
    """Return the view of a journal entry."""
    return EntryView(
        seq=entry.seq,
        epoch=entry.epoch,
        at=entry.at,
        kind=entry.kind,
        rules_version=entry.rules_version,
        command=dict(entry.command),
        basis=None if entry.basis is None else dict(entry.basis),
        walked_to=entry.walked_to,
        order_ids=list(entry.order_ids),
        postings=[PostingView(book=book, asset=asset, amount=amount) for book, asset, amount in entry.postings],
        fills=[fill_view(item) for item in entry.fills],
    )


def ledger_csv(entries: Iterable[EntryPostings]) -> tuple[str, int | None]:
    """Return a CSV file of whole entries, of up to 5,000 rows together. A larger first entry is still included.

    There is one row per posting, and one row for an entry without postings.

    Returns:
        The text, and the sequence number of its last entry if there are more entries.

    """
    found: list[Sequence[str | int]] = []
    last: int | None = None
    for entry in entries:
        rows = _rows(entry)
        if found and len(found) + len(rows) > MAX_CSV_ROWS:
            return table(COLUMNS, found), last
        found += rows
        last = entry.seq
    return table(COLUMNS, found), None


def _rows(entry: EntryPostings) -> list[Sequence[str | int]]:
    start = (entry.seq, rfc3339(entry.at), entry.epoch, entry.kind, " ".join(entry.order_ids))
    if not entry.postings:
        return [(*start, "", "", "")]
    return [(*start, book.value, inert(asset), plain(amount)) for book, asset, amount in entry.postings]
