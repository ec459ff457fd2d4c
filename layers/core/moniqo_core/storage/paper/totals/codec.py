"""The stored form of the totals of an epoch's fills, and the totals after a stored entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from moniqo_core.domain.ledger.commands import OpenAccount, ResetAccount
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OPEN_STATUSES
from moniqo_core.domain.portfolio.trade_totals import (
    EpochStart,
    OpenSale,
    SymbolTotals,
    TradeTotals,
    begun_totals,
    changed_totals,
)
from moniqo_core.storage.document import Document, optional_decimal, optional_text
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper.account_values import document_key, read_document_key
from moniqo_core.storage.paper.command_kinds import KIND_OF

BEGINNINGS: Final = (KIND_OF[OpenAccount], KIND_OF[ResetAccount])
"""Kinds of entries that begin an epoch."""
_COUNTS: Final = ("fills", "trades", "wins", "losses")
_AMOUNTS: Final = tuple(name for name in SymbolTotals._fields if name not in {*_COUNTS, "best", "worst", "open_sales"})


class StoredTotals(NamedTuple):
    """Totals, and the id of the commit that they are as of.

    Another commit of the same number belongs to another journal, such as one that was restored from a backup.
    """

    totals: TradeTotals
    commit_id: str


def totals_document(user_wallet_id: str, stored: StoredTotals) -> Document:
    """Return the document of a wallet's totals."""
    totals = stored.totals
    return {
        "_id": user_wallet_id,
        "seq": totals.seq,
        "commit_id": stored.commit_id,
        "since": totals.start.at,
        "equity": plain(totals.start.equity),
        "symbols": {document_key(symbol): _symbol_document(each) for symbol, each in totals.symbols.items()},
    }


def read_totals(document: Document) -> StoredTotals:
    """Return the totals of a document that :func:`totals_document` returned."""
    start = EpochStart(document["since"], Decimal(document["equity"]))
    symbols = {read_document_key(name): _read_symbol(each) for name, each in document["symbols"].items()}
    return StoredTotals(TradeTotals(document["seq"], start, symbols), document["commit_id"])


def _symbol_document(totals: SymbolTotals) -> Document:
    return {
        **{name: getattr(totals, name) for name in _COUNTS},
        **{name: plain(getattr(totals, name)) for name in _AMOUNTS},
        "best": optional_text(totals.best),
        "worst": optional_text(totals.worst),
        "open_sales": {order_id: [plain(each) for each in sale] for order_id, sale in totals.open_sales.items()},
    }


def _read_symbol(document: Document) -> SymbolTotals:
    values: dict[str, Any] = {
        **{name: document[name] for name in _COUNTS},
        **{name: Decimal(document[name]) for name in _AMOUNTS},
        "best": optional_decimal(document["best"]),
        "worst": optional_decimal(document["worst"]),
        "open_sales": {order_id: OpenSale(*map(Decimal, sale)) for order_id, sale in document["open_sales"].items()},
    }
    return SymbolTotals(**values)


def totals_after_entry(before: TradeTotals | None, entry: Document) -> TradeTotals:
    """Return the totals after a stored entry, given those after the entry before it. An epoch begins with new ones.

    Raises:
        LookupError: there are no totals before the entry, and it begins no epoch.

    """
    if entry["kind"] in BEGINNINGS:
        account = entry["account"]
        held = {read_document_key(symbol): Decimal(amount) for symbol, (amount, *_) in account["positions"].items()}
        return begun_totals(entry["seq"], EpochStart(account["at"], Decimal(account["peak"])), held)
    if before is None:
        raise LookupError("The journal does not begin with the opening of its account.")
    fills = [read_fill({**item, "levels": ()}) for item in entry.get("fills", ())]
    ended = [
        (order["symbol"], order["order_id"])
        for order in entry.get("orders", ())
        if order["status"] not in OPEN_STATUSES
    ]
    return before.after(entry["seq"], changed_totals(before, fills, ended))
