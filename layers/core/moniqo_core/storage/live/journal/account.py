"""What the journal of a live wallet says as of an entry: everything but the orders that ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.live.totals import LiveTotals, no_totals, with_fills, with_transfers
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import numbered_order_id
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.portfolio.position_records import PositionRecord, Positions
from moniqo_core.storage.document import Document, document_key, read_document_key
from moniqo_core.storage.live.journal.entry_codec import EntryKind, read_transfers
from moniqo_core.storage.live.live_order_codec import may_get_fills, numbered_key
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.trade_totals import StoredTotals, read_totals, totals_document

_AMOUNTS: Final = ("bought", "cost", "sold", "proceeds", "fees", "realised")


class LiveAccount(NamedTuple):
    """The account as of the entry ``seq``, which the commit ``commit_id`` wrote.

    ``orders`` are the documents of those that may still get fills, by their ids, and ``wallet`` the fields of the user
    wallet that entries have set.
    """

    seq: int
    at: datetime
    commit_id: str
    orders: Mapping[str, Document]
    wallet: Document
    totals: LiveTotals

    def without_closed(self) -> LiveAccount:
        """Return the account without the positions that were closed so far."""
        records = self.totals.records._replace(closed=())
        return self._replace(totals=self.totals._replace(records=records))


def after_entry(before: LiveAccount | None, entry: Document) -> LiveAccount:
    """Return the account after the next entry. None stands before the first one."""
    seq, at = entry["seq"], entry["at"]
    orders, wallet = (dict(before.orders), before.wallet) if before else ({}, {})
    totals = before.totals if before else no_totals(seq, at)
    match EntryKind(entry["kind"]):
        case EntryKind.OPENED:
            orders = {order["_id"]: order for order in entry["orders"]}
        case EntryKind.INTENT:
            orders[entry["order"]["_id"]] = entry["order"]
        case EntryKind.ORDER:
            order = entry["order"]
            ended = []
            if may_get_fills(order):
                orders[order["_id"]] = order
            else:
                orders.pop(order["_id"], None)
                ended = [(order["symbol"], numbered_order_id(order["seq"]))]
            totals = with_fills(totals, seq, map(read_fill, entry["fills"]), ended)
        case EntryKind.VOID:
            orders.pop(entry["order_id"], None)
        case EntryKind.STATUS | EntryKind.LIMITS | EntryKind.PERMISSIONS:
            wallet = {**wallet, **entry["wallet"]}
        case EntryKind.TRANSFERS:
            wallet = {**wallet, **entry["wallet"]}
            totals = with_transfers(totals, read_transfers(entry["transfers"]))
    totals = totals._replace(trades=totals.trades._replace(seq=seq))
    return LiveAccount(seq, at, entry["commit_id"], orders, wallet, totals)


def checkpoint_document(user_wallet_id: str, account: LiveAccount) -> Document:
    """Return the document of an account as of an entry."""
    totals = account.totals
    trades = totals_document(user_wallet_id, StoredTotals(totals.trades, account.commit_id))
    return {
        "_id": numbered_key(user_wallet_id, account.seq),
        "user_wallet_id": user_wallet_id,
        "seq": account.seq,
        "at": account.at,
        "commit_id": account.commit_id,
        "orders": list(account.orders.values()),
        "wallet": account.wallet,
        "totals": trades,
        "positions": {
            document_key(symbol): [plain(each) for each in held] for symbol, held in totals.positions.items()
        },
        "open_positions": [position_document(each) for each in totals.records.open.values()],
        "other_fees": [[asset, plain(amount)] for asset, amount in totals.other_fees.items()],
        "transfers": [[asset, plain(amount)] for asset, amount in totals.transfers.items()],
    }


def position_document(record: PositionRecord) -> Document:
    """Return the stored form of a record of a position."""
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in record._asdict().items()}


def closed_position_document(user_wallet_id: str, record: PositionRecord) -> Document:
    """Return the document of a closed position."""
    name = f"{numbered_key(user_wallet_id, record.closed_seq or 0)}:{document_key(record.symbol)}"
    return {"_id": name, "user_wallet_id": user_wallet_id, **position_document(record)}


def _read_position(stored: Document) -> PositionRecord:
    """Return a record. Fields of a later release are ignored."""
    known = {name: stored[name] for name in PositionRecord._fields if name in stored}
    return PositionRecord(**{**known, **{name: Decimal(stored[name]) for name in _AMOUNTS}})


def read_checkpoint(document: Document) -> LiveAccount:
    """Return the account of a document that :func:`checkpoint_document` returned."""
    totals = LiveTotals(
        read_totals(document["totals"]).totals,
        {read_document_key(name): Position(*map(Decimal, held)) for name, held in document["positions"].items()},
        Positions({each.symbol: each for each in map(_read_position, document["open_positions"])}),
        {asset: Decimal(amount) for asset, amount in document["other_fees"]},
        {asset: Decimal(amount) for asset, amount in document["transfers"]},
    )
    orders = {order["_id"]: order for order in document["orders"]}
    return LiveAccount(document["seq"], document["at"], document["commit_id"], orders, document["wallet"], totals)
