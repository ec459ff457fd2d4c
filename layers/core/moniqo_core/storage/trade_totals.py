"""The stored form of the totals of an epoch's fills. Paper and live wallets have the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.trade_totals import EpochStart, OpenSale, SymbolTotals, TradeTotals
from moniqo_core.storage.document import (
    Document,
    document_key,
    optional_decimal,
    optional_text,
    read_document_key,
)

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
